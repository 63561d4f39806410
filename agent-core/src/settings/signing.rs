//! `[agent.signing]`: whose configurations the agent believes.

use config::Value;

use super::{
    files::Files,
    section::{Found, Section},
};
use crate::model::signing::{Keys, MOST_KEYS, Mode, PublicKey, Trust};

/// What a key may be.
const KEYS: &str = "a list of keys as `bucklerctl sign key` prints them: \"ed25519:\" and 44 characters of Base64";

/// Reads the table.
pub(super) fn read(value: Option<&Value>, files: &Files) -> (Trust, Found) {
    let mut table = Section::new("agent.signing", value, files);
    let keys = table.list("keys", KEYS, PublicKey::parse);
    let profile = table.string("profile");
    let threshold = table.u64("threshold", 1, 1..=MOST_KEYS as u64);
    let min_version = table.u64("min_version", 0, 0..=u64::MAX);
    let default = if keys.is_empty() { Mode::Off } else { Mode::Require };
    let words = [Mode::Require, Mode::Prefer, Mode::Off].map(Mode::name);
    let mode = match table.one_of("mode", default.name(), &words) {
        "require" => Mode::Require,
        "prefer" => Mode::Prefer,
        _off => Mode::Off,
    };
    let has_keys = !keys.is_empty();
    let pinned = Keys::new(keys, usize::try_from(threshold).unwrap_or(usize::MAX));
    if mode != Mode::Off && !has_keys {
        table.reject("keys", "no key", KEYS);
    } else if has_keys && pinned.is_none() {
        let allowed = format!("up to {MOST_KEYS} different keys, and a threshold of at most as many");
        table.reject("threshold", format!("{threshold} of the keys"), allowed);
    }
    if mode != Mode::Off && profile.is_none() {
        let allowed = "the profile's name at the server: what is signed for another profile is not for this agent";
        table.reject("profile", "nothing", allowed);
    }
    let trust = Trust {
        mode,
        profile: profile.unwrap_or_default(),
        pinned: pinned.unwrap_or_default(),
        min_version,
    };
    (trust, table.into_found())
}
