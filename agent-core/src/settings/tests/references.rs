//! Secrets that stand elsewhere: in a file of their own, or in a variable that the settings file names.

use super::*;

fn key(settings: &Settings) -> Option<&str> {
    settings.agent().key.as_ref().map(|key| key.expose())
}

#[test]
fn the_key_may_stand_in_a_file_of_its_own() {
    let directory = Directory::with("buckler.toml", "[agent]\nkey_file = 'secret'");
    directory.write("secret", "0b7e2d54\n");
    let settings = directory.builder("buckler.toml").build().unwrap();
    assert_eq!(key(&settings), Some("0b7e2d54"));
    assert_eq!(settings.agent().key_file, Some(directory.path("secret")));
    let stronger = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_AGENT__KEY", "of the environment")]);
    assert_eq!(key(&stronger.build().unwrap()), Some("of the environment"));
    directory.write("buckler.toml", "[agent]\nkey = 'of the file'");
    let path = directory.path("secret");
    let stronger = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_AGENT__KEY_FILE", path.as_os_str())]);
    assert_eq!(key(&stronger.build().unwrap()), Some("0b7e2d54"));
}

#[test]
fn a_key_file_that_is_none_is_named_without_what_it_holds() {
    let directory = Directory::with("buckler.toml", "[agent]\nkey_file = 'secret'");
    let told = || directory.told(&directory.builder("buckler.toml").build().unwrap_err());
    let expected = |found: &str| {
        format!("buckler.toml: agent.key_file: found secret, {found}; allowed: a file with the key and nothing else")
    };
    assert!(
        told().starts_with("buckler.toml: agent.key_file: found secret, which cannot be read ("),
        "{}",
        told()
    );
    for (text, found) in [
        (" \n", "which is empty"),
        ("two words", "which holds more than one word"),
        (&*"x".repeat(5000), "which has more than 4096 bytes"),
    ] {
        directory.write("secret", text);
        assert_eq!(told(), expected(found));
    }
    directory.write("buckler.toml", "[agent]\nkey = 'a'\nkey_file = 'secret'");
    assert_eq!(
        told(),
        "buckler.toml: agent.key_file: found a file beside agent.key; allowed: one of the two"
    );
}

#[test]
fn a_variable_may_be_named_in_any_text_of_the_file() {
    let directory = Directory::with(
        "buckler.toml",
        "[agent]\nkey = '${FLEET_KEY}'\ncloud_url = 'https://${FLEET_HOST}:${FLEET_PORT}/config'\nbreaker_share = '${SHARE}'\n\
         [security]\nhosts = ['www.${FLEET_HOST}']\nblock_action_content = 'costs $${FLEET_HOST} ${not a name} $5'",
    );
    let variables = [
        ("FLEET_KEY", "0b7e2d54"),
        ("FLEET_HOST", "fleet.example.com"),
        ("FLEET_PORT", "8443"),
        ("SHARE", "35"),
    ];
    let settings = directory.builder("buckler.toml").variables(variables).build().unwrap();
    assert_eq!(key(&settings), Some("0b7e2d54"));
    assert_eq!(
        settings.agent().cloud_url.as_ref().unwrap().as_str(),
        "https://fleet.example.com:8443/config"
    );
    assert_eq!(settings.agent().breaker_share, 35);
    assert!(settings.policy().hosts_allow("www.fleet.example.com") && !settings.policy().hosts_allow("example.com"));
    let said = &settings.security()[0].keys["block_action_content"];
    assert_eq!(said, "costs ${FLEET_HOST} ${not a name} $5");
}

#[test]
fn a_variable_that_is_not_set_is_an_error_that_names_it() {
    let directory = Directory::with(
        "buckler.toml",
        "[agent]\nkey = '${FLEET_KEY}'\nown_addresses = ['10.0.0.1']\ntemplate = 'a ${A}'",
    );
    assert_eq!(
        directory.told(&directory.builder("buckler.toml").build().unwrap_err()),
        "buckler.toml: agent.key: found ${FLEET_KEY}, and no environment variable FLEET_KEY that is a text; \
         allowed: a variable that is set, or $${FLEET_KEY} for the text itself\n\
         buckler.toml: agent.template: found ${A}, and no environment variable A that is a text; \
         allowed: a variable that is set, or $${A} for the text itself"
    );
}
