//! Who wins: defaults, file, environment, code, each over the one before.

use std::path::{Path, PathBuf};

use super::*;

const FILE: &str = r#"
[agent]
cloud_url = "http://file.example/config"
key = "from the file"
template = "audit"
state_dir = "from-file"
trusted_proxies = ["10.1.0.0/16", "10.2.0.1"]
own_addresses = ["192.0.2.1"]
on_detector_failure = "closed"

[transport]
kind = "of-the-file"

[transport.of-the-file]
timeout = "1s"
untouched = 1
"#;

const VARIABLES: [(&str, &str); 9] = [
    ("BUCKLER_AGENT__CLOUD_URL", "http://environment.example/config"),
    ("BUCKLER_AGENT__KEY", "from the environment"),
    ("BUCKLER_AGENT__TEMPLATE", "monitor"),
    ("BUCKLER_AGENT__STATE_DIR", "from-environment"),
    ("BUCKLER_AGENT__TRUSTED_PROXIES", "10.3.0.0/16, 10.4.0.1"),
    ("BUCKLER_AGENT__OWN_ADDRESSES", "[\"192.0.2.2\"]"),
    ("BUCKLER_AGENT__ON_DETECTOR_FAILURE", "open"),
    ("BUCKLER_TRANSPORT__KIND", "of-the-environment"),
    ("BUCKLER_TRANSPORT__OF_THE_FILE__TIMEOUT", "2s"),
];

/// Everything that can be overridden, as text.
fn facts(settings: &Settings) -> Vec<String> {
    let agent = settings.agent();
    let mut options = settings.section("of-the-file");
    let timeout = options.u64("untouched", 0, 0..=9);
    let path = agent.state_dir.as_deref().map_or(String::new(), file_name);
    vec![
        agent.cloud_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        agent
            .key
            .as_ref()
            .map(|key| key.expose().to_owned())
            .unwrap_or_default(),
        agent.template.clone(),
        path,
        format!(
            "{:?}",
            agent
                .trusted_proxies
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        ),
        format!("{:?}", agent.own_addresses),
        format!("{:?}", agent.on_failure),
        settings.transport().kind().to_owned(),
        format!("{:?} {timeout}", options.string("timeout")),
    ]
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn defaults() -> Vec<String> {
    ["", "", "default", "", "[]", "[]", "Open", "http-polling", "None 0"]
        .map(str::to_owned)
        .to_vec()
}

fn of_file() -> Vec<String> {
    [
        "http://file.example/config",
        "from the file",
        "audit",
        "from-file",
        r#"["10.1.0.0/16", "10.2.0.1/32"]"#,
        "[192.0.2.1]",
        "Closed",
        "of-the-file",
        "Some(\"1s\") 1",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn of_environment(untouched: u32) -> Vec<String> {
    [
        "http://environment.example/config",
        "from the environment",
        "monitor",
        "from-environment",
        r#"["10.3.0.0/16", "10.4.0.1/32"]"#,
        "[192.0.2.2]",
        "Open",
        "of-the-environment",
        &format!("Some(\"2s\") {untouched}"),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn in_code(builder: SettingsBuilder) -> SettingsBuilder {
    builder
        .cloud_url("http://code.example/config")
        .key("from the code")
        .template("llm")
        .state_dir("from-code")
        .trusted_proxies(["10.5.0.0/16"])
        .own_addresses(["192.0.2.3"])
        .on_detector_failure(OnFailure::Closed)
        .transport("of-the-code")
        .transport_option("of-the-file", "timeout", "3s")
}

fn of_code(untouched: u32) -> Vec<String> {
    [
        "http://code.example/config",
        "from the code",
        "llm",
        "from-code",
        r#"["10.5.0.0/16"]"#,
        "[192.0.2.3]",
        "Closed",
        "of-the-code",
        &format!("Some(\"3s\") {untouched}"),
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn each_layer_wins_over_the_ones_before() {
    let directory = Directory::with("buckler.toml", FILE);
    let file = || directory.builder("buckler.toml");
    let facts = |builder: SettingsBuilder| facts(&builder.build().unwrap());
    assert_eq!(facts(Settings::builder()), defaults());
    assert_eq!(facts(file()), of_file(), "file over defaults");
    assert_eq!(
        facts(Settings::builder().variables(VARIABLES)),
        of_environment(0),
        "environment over defaults"
    );
    assert_eq!(
        facts(file().variables(VARIABLES)),
        of_environment(1),
        "environment over file"
    );
    assert_eq!(facts(in_code(Settings::builder())), of_code(0), "code over defaults");
    assert_eq!(facts(in_code(file())), of_code(1), "code over file");
    assert_eq!(
        facts(in_code(Settings::builder().variables(VARIABLES))),
        of_code(0),
        "code over environment"
    );
    assert_eq!(facts(in_code(file().variables(VARIABLES))), of_code(1), "code over all");
}

#[test]
fn the_order_of_calls_does_not_matter() {
    let directory = Directory::with("buckler.toml", FILE);
    let last = in_code(Settings::builder())
        .variables(VARIABLES)
        .file(directory.path("buckler.toml"));
    assert_eq!(facts(&last.build().unwrap()), of_code(1));
}

#[test]
fn pyrasps_variables_lose_against_ours_and_win_over_the_file() {
    let directory = Directory::with("buckler.toml", FILE);
    let theirs = [
        ("PYRASP_CLOUD_URL", "http://pyrasp.example/"),
        ("PYRASP_KEY", "pyrasp's"),
        ("PYRASP_CONF", ""),
    ];
    let settings = directory.builder("buckler.toml").variables(theirs).build().unwrap();
    assert_eq!(facts(&settings)[..2], ["http://pyrasp.example/", "pyrasp's"]);
    let both = theirs.into_iter().chain(VARIABLES);
    let settings = directory.builder("buckler.toml").variables(both).build().unwrap();
    assert_eq!(
        facts(&settings)[..2],
        ["http://environment.example/config", "from the environment"]
    );
}

#[test]
fn an_empty_variable_of_ours_switches_off_and_an_empty_one_of_pyrasps_says_nothing() {
    let directory = Directory::with("buckler.toml", FILE);
    let settings = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_AGENT__CLOUD_URL", "")])
        .build()
        .unwrap();
    assert_eq!(settings.cloud(), None);
    assert_eq!(
        settings.local_reason(),
        Some("agent.key is set, but no agent.cloud_url")
    );
    let settings = directory
        .builder("buckler.toml")
        .variables([("PYRASP_CLOUD_URL", "")])
        .build()
        .unwrap();
    assert!(settings.cloud().is_some());
    assert_eq!(settings.local_reason(), None);
}

#[test]
fn a_variable_names_the_file_where_code_does_not() {
    let directory = Directory::with("buckler.toml", FILE);
    directory.write("other.toml", "[agent]\ntemplate = \"mcp\"");
    let named = [("BUCKLER_CONFIG", directory.path("other.toml"))];
    assert_eq!(
        Settings::builder()
            .variables(named.clone())
            .build()
            .unwrap()
            .agent()
            .template,
        "mcp"
    );
    let settings = directory.builder("buckler.toml").variables(named).build().unwrap();
    assert_eq!(settings.agent().template, "audit", "the code's choice of a file wins");
}

#[test]
fn what_is_overridden_need_not_be_right() {
    let directory = Directory::with(
        "buckler.toml",
        "[agent]\nkey = 5\nstate_dir = 5\ncloud_url = \"ftp://x/\"",
    );
    assert_eq!(
        directory.builder("buckler.toml").build().unwrap_err().problems().len(),
        3
    );
    let settings = directory
        .builder("buckler.toml")
        .key("k")
        .state_dir("d")
        .cloud_url("http://x/")
        .build()
        .unwrap();
    assert!(settings.cloud().is_some());
}

#[test]
fn a_path_is_relative_to_the_file_that_says_it() {
    let directory = Directory::with(
        "buckler.toml",
        "[agent]\nstate_dir = \"state\"\n[transport.http-polling]\nca = \"../ca.pem\"",
    );
    let settings = directory.builder("buckler.toml").build().unwrap();
    assert_eq!(settings.agent().state_dir, Some(directory.path("state")));
    assert_eq!(
        settings.section("http-polling").path("ca"),
        Some(directory.path("../ca.pem"))
    );
    let said = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_AGENT__STATE_DIR", "state")])
        .build()
        .unwrap();
    assert_eq!(
        said.agent().state_dir,
        Some(PathBuf::from("state")),
        "a variable's path is the process's"
    );
    let absolute = toml("[agent]\nstate_dir = \"/var/lib/shop\"").unwrap();
    assert_eq!(absolute.agent().state_dir, Some(PathBuf::from("/var/lib/shop")));
}

#[test]
fn without_server_or_key_the_agent_guards_locally_and_knows_why() {
    let reason = |builder: SettingsBuilder| builder.build().unwrap().local_reason();
    assert_eq!(
        reason(Settings::builder()),
        Some("neither agent.cloud_url nor agent.key is set")
    );
    assert_eq!(
        reason(Settings::builder().key("k")),
        Some("agent.key is set, but no agent.cloud_url")
    );
    assert_eq!(
        reason(Settings::builder().cloud_url("http://x/").key(" ")),
        Some("agent.cloud_url is set, but no agent.key")
    );
    assert_eq!(reason(Settings::builder().cloud_url("http://x/").key("k")), None);
}

#[test]
fn what_becomes_of_uninspected_bodies_is_said_reason_by_reason() {
    use crate::guard::{Uninspected, UninspectedAction};
    use buckler_waf::places::Gap;
    let directory = Directory::with(
        "buckler.toml",
        "[agent]\nuninspected = { too_large = 'refuse', two_types = 'log', not_text = 'log' }",
    );
    let settings = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_AGENT__UNINSPECTED__NOT_TEXT", "refuse")])
        .uninspected(Gap::TwoTypes, UninspectedAction::Pass)
        .build()
        .unwrap();
    let said = settings.agent().uninspected;
    assert_eq!(said.action(Gap::TooLarge), UninspectedAction::Refuse, "the file");
    assert_eq!(said.action(Gap::NotText), UninspectedAction::Refuse, "the environment");
    assert_eq!(said.action(Gap::TwoTypes), UninspectedAction::Pass, "the code");
    let default = Uninspected::default();
    for gap in Gap::ALL {
        let is_said = matches!(gap, Gap::TooLarge | Gap::NotText | Gap::TwoTypes);
        assert!(is_said || said.action(gap) == default.action(gap), "{gap}");
    }
}
