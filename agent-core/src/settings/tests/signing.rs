//! `[agent.signing]`.

use super::*;
use crate::model::signing::{Keys, Mode, PublicKey};

/// Public keys of RFC 8032's tests 1 and 2.
const ONE: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const TWO: &str = "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";

fn read(text: &str) -> Result<Settings, String> {
    let directory = Directory::with("buckler.toml", &format!("[agent.signing]\n{text}"));
    let built = directory.builder("buckler.toml").build();
    built.map_err(|error| directory.told(&error))
}

#[test]
fn without_keys_nothing_is_looked_at_and_with_them_all_is() {
    let trust = |text: &str| read(text).unwrap().agent().signing.clone();
    assert_eq!(trust("").mode, Mode::Off);
    let pinned = trust(&format!(
        "keys = [{ONE:?}, {TWO:?}]\nprofile = \"shop\"\nthreshold = 2\nmin_version = 7"
    ));
    assert_eq!(
        (pinned.mode, &*pinned.profile, pinned.min_version),
        (Mode::Require, "shop", 7)
    );
    let keys = [ONE, TWO].map(|key| PublicKey::parse(key).unwrap());
    assert_eq!(Some(pinned.pinned), Keys::new(keys, 2));
    let mode = |word: &str| trust(&format!("keys = [{ONE:?}]\nprofile = \"shop\"\nmode = {word:?}")).mode;
    assert_eq!([mode("prefer"), mode("off")], [Mode::Prefer, Mode::Off]);
}

#[test]
fn what_would_believe_nobody_or_everybody_is_refused_with_the_remedy() {
    for (text, place, remedy) in [
        (
            "mode = \"require\"\nprofile = \"shop\"",
            "agent.signing.keys",
            "bucklerctl sign key",
        ),
        (
            &*format!("keys = [{ONE:?}]"),
            "agent.signing.profile",
            "the profile's name at the server",
        ),
        (
            &*format!("keys = [{ONE:?}, {ONE:?}]\nprofile = \"shop\"\nthreshold = 2"),
            "agent.signing.threshold",
            "up to 16 different keys",
        ),
        (
            "keys = [\"ed25519:AAAA\"]\nprofile = \"shop\"",
            "agent.signing.keys[0]",
            "44 characters",
        ),
        (
            "keys = []\nprofile = \"shop\"\nmode = \"prefer\"",
            "agent.signing.keys",
            "bucklerctl sign key",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(place) && error.contains(remedy), "{text}: {error}");
    }
}
