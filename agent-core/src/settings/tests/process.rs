//! The environment of a real process, which a test can only give to a process of its own.

use std::process::Command;

use super::*;

/// Tells the test below that it is the child. No variable of ours: that would be an unknown one.
const CHILD: &str = "SETTINGS_OF_A_CHILD";

#[test]
fn the_environment_of_the_process_is_read() {
    if std::env::var_os(CHILD).is_some() {
        return in_the_child();
    }
    let directory = Directory::with("buckler.toml", "[agent]\ntemplate = 'audit'\nkey = 'of the file'");
    directory.write("other.toml", "[agent]\ntemplate = 'llm'\nkey = 'of the other'");
    let path = module_path!().split_once("::").unwrap().1;
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{path}::the_environment_of_the_process_is_read")])
        .env(CHILD, directory.path("other.toml"))
        .env("BUCKLER_CONFIG", directory.path("buckler.toml"))
        .env("BUCKLER_AGENT__CLOUD_URL", "http://of.the.environment/")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && told.contains("1 passed"), "{told}");
}

fn in_the_child() {
    let facts = |settings: Settings| {
        let (url, key) = settings.cloud().unwrap();
        (
            settings.agent().template.clone(),
            url.to_string(),
            key.expose().to_owned(),
        )
    };
    let expected = |template: &str, key: &str| {
        (
            template.to_owned(),
            "http://of.the.environment/".to_owned(),
            key.to_owned(),
        )
    };
    assert_eq!(facts(Settings::load().unwrap()), expected("audit", "of the file"));
    let other = Settings::from_file(std::env::var_os(CHILD).unwrap()).unwrap();
    assert_eq!(
        facts(other),
        expected("llm", "of the other"),
        "a file that the code names goes before BUCKLER_CONFIG"
    );
    assert_eq!(
        Settings::builder().build().unwrap().cloud(),
        None,
        "a builder reads nothing that it is not told to"
    );
}
