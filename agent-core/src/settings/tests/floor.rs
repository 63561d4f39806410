//! `[agent.floor]`, read from files and variables.

use serde_json::json;

use super::*;
use crate::model::policy::{Check, Floor, Level};

fn of_file(text: &str) -> Floor {
    let directory = Directory::with("buckler.toml", text);
    directory.builder("buckler.toml").build().unwrap().agent().floor.clone()
}

#[test]
fn a_floor_exists_without_being_asked_for() {
    assert_eq!(of_file(""), Floor::default());
    assert_eq!(Settings::builder().build().unwrap().agent().floor, Floor::default());
}

#[test]
fn every_setting_is_read_from_a_file() {
    let read = of_file(
        r#"
        [agent]
        cloud_url = "https://Cloud.example.com/config"
        [agent.floor]
        levels = { sqli = 1, blacklist = 1 }
        whitelist_prefix_v4 = 24
        whitelist_prefix_v6 = 48
        never_ignored = ["/login"]
        markup = false
        log_targets = ["logs.example.com", "::1"]
        redirect_hosts = ["Help.example.com"]
        server_keys = ["hosts", "SECURITY_CHECKS"]
        "#,
    );
    let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let written = Floor::default()
        .with_level(Check::Sqli, Level::Block)
        .with_level(Check::Blacklist, Level::Block)
        .with_whitelist(24, 48)
        .with_never_ignored(texts(&["/login"]))
        .with_markup(false)
        .with_log_hosts(texts(&["logs.example.com", "[::1]", "cloud.example.com"]))
        .with_redirect_hosts(Some(texts(&["help.example.com"])))
        .with_server_keys(Some(texts(&["HOSTS", "SECURITY_CHECKS"])));
    assert_eq!(read, written);
}

#[test]
fn variables_and_code_say_it_too() {
    let variables = [
        ("BUCKLER_AGENT__FLOOR__LEVELS__XSS", "2"),
        ("BUCKLER_AGENT__FLOOR__SERVER_KEYS", "[]"),
    ];
    let settings = Settings::builder().variables(variables).build().unwrap();
    let written = Floor::default().with_level(Check::Xss, Level::Ban);
    let written = written.with_server_keys(Some(Vec::<String>::new()));
    assert_eq!(settings.agent().floor, written);
    let code = Settings::builder().agent_option("floor", json!({"levels": {"xss": 2}, "server_keys": []}));
    assert_eq!(code.build().unwrap().agent().floor, written);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (said, place) in [
        (
            "levels = { sqli = 4 }",
            "agent.floor.levels.sqli: found the number 4; allowed: a whole number from 0 to 3",
        ),
        ("levels = { sqlii = 1 }", "agent.floor.levels.sqlii"),
        ("whitelist_prefix_v4 = 33", "agent.floor.whitelist_prefix_v4"),
        ("never_ignored = [\"login\"]", "agent.floor.never_ignored[0]"),
        ("log_targets = [\"http://x/\"]", "agent.floor.log_targets[0]"),
        ("server_keys = [\"HOST\"]", "agent.floor.server_keys[0]"),
        ("markups = true", "did you mean markup?"),
    ] {
        let directory = Directory::with("buckler.toml", &format!("[agent.floor]\n{said}"));
        let error = directory.builder("buckler.toml").build().unwrap_err();
        let told = directory.told(&error);
        assert!(told.contains(place), "{said}: {told}");
    }
}
