//! What an operator is told of wrong settings, through the one call that a host makes.

use std::fs;

use buckler_actix_web::{Settings, start};

#[track_caller]
fn refused(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("buckler.toml");
    fs::write(&path, text).unwrap();
    let error = match Settings::from_file(&path).and_then(start) {
        Ok(agent) => panic!("accepted: {agent:?}"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("buckler.toml"), "it names the file: {error}");
    error
}

const CLOUD: &str = "[agent]\ncloud_url = \"https://fleet.example.com/config\"\nkey = \"k\"\n";

#[test]
fn every_problem_is_named_with_its_place() {
    let error = refused("[agent]\ntemplate = \"paranoid\"\nclowd_url = 1\n[security]\nflood_ratio = \"many\"\n");
    for part in ["paranoid", "clowd_url", "cloud_url", "flood_ratio", "many"] {
        assert!(error.to_lowercase().contains(part), "{part} in: {error}");
    }
}

#[test]
fn a_transport_that_does_not_exist_is_refused_with_those_that_do() {
    let error = refused(&format!("{CLOUD}[transport]\nkind = \"pigeon\"\n"));
    assert!(error.contains("pigeon") && error.contains("http-polling"), "{error}");
}

#[test]
fn a_transports_options_are_checked() {
    let error = refused(&format!(
        "{CLOUD}[transport.http-polling]\ntimeout = \"soon\"\nspeed = 3\n"
    ));
    assert!(
        error.contains("timeout") && error.contains("soon") && error.contains("speed"),
        "{error}"
    );
}

#[test]
fn a_plain_url_off_this_machine_is_refused_with_the_remedy() {
    let error = refused("[agent]\ncloud_url = \"http://fleet.example.com/config\"\nkey = \"k\"\n");
    assert!(error.contains("https") && error.contains("allow_plain_http"), "{error}");
}
