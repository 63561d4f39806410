//! Every kind of problem, with the words an operator reads.

use super::*;

const AGENT_KEYS: &str = "breaker_share, client_ip_header, clients_are_private, cloud_url, compressed_bodies, enforce, enrol, environment, floor, host_name, key, key_file, kill_switch_file, labels, log_dir, name, on_detector_failure, own_addresses, release, signing, stale_after, state_dir, template, trusted_proxies, uninspected";

const URL: &str = "an http:// or https:// URL with a host, without user name and password";

const NETWORKS: &str = "a list of addresses, networks (CIDR) and the word \"private\"";

const VARIABLES: &str = "BUCKLER_CONFIG, BUCKLER_AGENT__<KEY>, BUCKLER_TRANSPORT__KIND, \
     BUCKLER_TRANSPORT__<KIND>__<OPTION>, BUCKLER_SECURITY__<KEY>, BUCKLER_SECURITY__SECURITY_CHECKS__<CHECK>";

/// What a file says, and what is said about it.
#[rustfmt::skip]
const WRONG: [(&str, &str); 25] = [
    // the file's shape
    ("agnet.key = 'x'", "agnet: found an unknown key (did you mean agent?); allowed: agent, transport, security"),
    ("HOSTS = []\n[agent]", "HOSTS: found a security setting outside of [security]; allowed: agent, transport, security"),
    ("agent = 5", "agent: found a number; allowed: a table"),
    ("transport = 'x'", "transport: found a text; allowed: a table"),
    ("security = []", "security: found a list; allowed: a table"),
    ("[security]\nfile = 5", "security.file: found the number 5; allowed: a path"),
    // [agent]
    ("[agent]\ncloud_ulr = 1", "agent.cloud_ulr: found an unknown key (did you mean cloud_url?); allowed: {AGENT_KEYS}"),
    ("[agent]\ncloud_url = 5", "agent.cloud_url: found the number 5; allowed: {URL}"),
    ("[agent]\ncloud_url = 'cloud'", "agent.cloud_url: found the text \"cloud\"; allowed: {URL}"),
    ("[agent]\ncloud_url = 'file:///etc'", "agent.cloud_url: found the text \"file:///etc\"; allowed: {URL}"),
    ("[agent]\ncloud_url = 'http://u:p@h/'", "agent.cloud_url: found a URL with an @ (not shown); allowed: {URL}"),
    ("[agent]\nkey = [1]", "agent.key: found a list; allowed: a text (not shown, it is a secret)"),
    ("[agent]\ntemplate = true", "agent.template: found true; allowed: a text"),
    ("[agent]\nstate_dir = 1.5", "agent.state_dir: found the number 1.5; allowed: a path"),
    ("[agent]\ntrusted_proxies = 'x'", "agent.trusted_proxies: found the text \"x\"; allowed: {NETWORKS}"),
    ("[agent]\ntrusted_proxies = ['::/129']", "agent.trusted_proxies[0]: found the text \"::/129\"; allowed: {NETWORKS}"),
    ("[agent]\nown_addresses = ['::1', {}]", "agent.own_addresses[1]: found a table; allowed: a list of addresses"),
    ("[agent]\ncompressed_bodies = 'x'",
     "agent.compressed_bodies: found the text \"x\"; allowed: \"inspect\", \"pass\" or \"refuse\""),
    ("[agent]\nuninspected = 'pass'", "agent.uninspected: found a text; allowed: a table"),
    ("[agent]\nuninspected = { too_large = 'x' }",
     "agent.uninspected.too_large: found the text \"x\"; allowed: \"pass\", \"log\" or \"refuse\""),
    ("[agent]\nuninspected = { to_large = 'pass' }",
     "agent.uninspected.to_large: found an unknown key (did you mean too_large?); allowed: bomb, control_bytes, cut_short, foreign_charset, \
      loose_grammar, not_text, too_deep, too_large, too_many, two_types, unknown_coding"),
    ("[agent]\non_detector_failure = 'x'",
     "agent.on_detector_failure: found the text \"x\"; allowed: \"allow\", \"block\", \"open\" or \"closed\""),
    // [transport]
    ("[transport]\nkynd = 'x'",
     "transport.kynd: found an unknown key (did you mean kind?); allowed: kind, a table for each transport"),
    ("[transport]\nkind = {}", "transport.kind: found a table; allowed: a text"),
    ("[transport]\nhttp-polling = 5",
     "transport.http-polling: found an unknown key; allowed: kind, a table for each transport"),
];

#[test]
fn what_a_file_says_wrongly_is_named_with_file_key_found_and_allowed() {
    for (text, expected) in WRONG {
        let expected = expected
            .replace("{AGENT_KEYS}", AGENT_KEYS)
            .replace("{URL}", URL)
            .replace("{NETWORKS}", NETWORKS);
        assert_eq!(toml_error(text), format!("buckler.toml: {expected}"), "{text}");
    }
}

/// Files by name with their text, and what is said about them.
#[rustfmt::skip]
const UNREADABLE: [(&str, &str, &str); 9] = [
    ("unclosed.toml", "[agent]\nkey = \"x\n",
     "no valid TOML: invalid basic string, expected `\"`, line 2, column 9; allowed: valid TOML"),
    ("twice.toml", "[agent]\nkey = 'x'\nkey = 'y'", "no valid TOML: duplicate key, line 3, column 1; allowed: valid TOML"),
    ("large.toml", "x = 99999999999999999999", "no valid TOML; allowed: valid TOML"),
    ("unclosed.json", "{\"agent\": {\"key\": \"x\"",
     "no valid JSON: EOF while parsing an object at line 1 column 21; allowed: valid JSON"),
    ("list.json", "[1, 2]", "no valid JSON; allowed: valid JSON"),
    ("tabs.yaml", "agent:\n\tkey: x\n",
     "no valid YAML: tabs disallowed within this context (block indentation) at byte 8 line 2 column 2; allowed: valid YAML"),
    ("twice.yaml", "agent:\n  key: x\n  key: y\n",
     "no valid YAML: a key occurs twice at byte 23 line 3 column 8; allowed: valid YAML"),
    ("notes.txt", "", "the extension .txt; allowed: the extension .toml, .json, .yaml or .yml"),
    ("settings", "", "no extension; allowed: the extension .toml, .json, .yaml or .yml"),
];

#[test]
fn a_file_that_cannot_be_understood_is_named_with_the_reason() {
    for (name, text, expected) in UNREADABLE {
        let directory = Directory::with(name, text);
        let error = directory.builder(name).build().unwrap_err();
        assert_eq!(directory.told(&error), format!("{name}: found {expected}"));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let directory = Directory::new();
    fs::create_dir(directory.path("directory.toml")).unwrap();
    fs::write(directory.path("latin1.toml"), b"[agent]\nkey = \"\xe9\"").unwrap();
    let allowed = "allowed: a TOML, JSON or YAML file that can be read";
    let told = |name: &str| directory.told(&directory.builder(name).build().unwrap_err());
    assert_eq!(told("none.toml"), format!("none.toml: found no such file; {allowed}"));
    assert_eq!(
        told("latin1.toml"),
        format!("latin1.toml: found a file that cannot be read (stream did not contain valid UTF-8); {allowed}")
    );
    let told = told("directory.toml");
    assert!(
        told.starts_with("directory.toml: found a file that cannot be read (") && told.ends_with(allowed),
        "{told}"
    );
}

#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let directory = Directory::with("buckler.toml", "");
    let file = fs::File::options()
        .write(true)
        .open(directory.path("buckler.toml"))
        .unwrap();
    file.set_len(33 << 20).unwrap();
    assert_eq!(
        directory.told(&directory.builder("buckler.toml").build().unwrap_err()),
        "buckler.toml: found more than 32 MiB; allowed: a TOML, JSON or YAML file that can be read"
    );
}

#[test]
fn a_wrong_variable_is_named() {
    assert_eq!(
        variables_error(&[("BUCKLER_AGENT__TRUSTED_PROXIES", "10.0.0.1,proxy")]),
        "environment variable BUCKLER_AGENT__TRUSTED_PROXIES: agent.trusted_proxies[1]: found the text \"proxy\"; \
         allowed: a list of addresses, networks (CIDR) and the word \"private\""
    );
    assert_eq!(
        variables_error(&[("PYRASP_CLOUD_URL", "x")]),
        format!("environment variable PYRASP_CLOUD_URL: agent.cloud_url: found the text \"x\"; allowed: {URL}")
    );
    assert_eq!(
        variables_error(&[("BUCKLER_CONFIG", "/nowhere/buckler.toml")]),
        "/nowhere/buckler.toml: found no such file; allowed: a TOML, JSON or YAML file that can be read"
    );
    let others = [
        ("BUCKLERS", "x"),
        ("PYRASP", "x"),
        ("PYRASP_OTHER", "x"),
        ("buckler_agent__key", "x"),
        ("PATH", "/"),
    ];
    assert!(
        Settings::builder().variables(others).build().is_ok(),
        "what is not ours is nobody's business"
    );
}

#[test]
fn a_variable_that_means_nothing_ends_no_application_and_is_told_of() {
    let warned = |name: &str| -> Vec<String> {
        let settings = Settings::builder()
            .variables([(name, "tcp://10.0.0.7:80")])
            .build()
            .unwrap();
        settings.warnings().iter().map(ToString::to_string).collect()
    };
    for (name, meant) in [
        ("BUCKLER_COLOUR", ""),
        ("BUCKLER_AGENT", ""),
        ("BUCKLER_AGENT__KEY__X", " (did you mean BUCKLER_AGENT__KEY?)"),
        ("BUCKLER_TRANSPORT__A__B__C", ""),
        ("BUCKLER_SECURITY", ""),
        ("BUCKLER_SECURITY__HOSTS__0", ""),
        ("BUCKLER_", ""),
        ("BUCKLER_AGENT_CLOUD_URL", " (did you mean BUCKLER_AGENT__CLOUD_URL?)"),
        (
            "BUCKLER_SECURITY_FLOOD_RATIO",
            " (did you mean BUCKLER_SECURITY__FLOOD_RATIO?)",
        ),
        ("BUCKLER_CONFG", " (did you mean BUCKLER_CONFIG?)"),
        ("BUCKLER_AGNET__KEY", " (did you mean BUCKLER_AGENT__KEY?)"),
    ] {
        let expected =
            format!("environment variable {name}: found an unknown variable, not read{meant}; allowed: {VARIABLES}");
        assert_eq!(warned(name), [expected]);
    }
    assert_eq!(
        warned("BUCKLER_AGENT__CLOUD_ULR"),
        [format!(
            "environment variable BUCKLER_AGENT__CLOUD_ULR: agent.cloud_ulr: \
             found an unknown key (did you mean cloud_url?); allowed: {AGENT_KEYS}"
        )]
    );
    for injected in [
        "BUCKLER_SERVICE_HOST",
        "BUCKLER_SERVICE_PORT",
        "BUCKLER_SERVICE_PORT_HTTP",
        "BUCKLER_PORT",
        "BUCKLER_PORT_80_TCP",
        "BUCKLER_PORT_80_TCP_PROTO",
        "BUCKLER_PORT_443_UDP_ADDR",
        "BUCKLER_SERVER_SERVICE_HOST",
        "BUCKLER_AGENT_PORT_9100_TCP_PORT",
    ] {
        assert_eq!(warned(injected), [""; 0], "{injected}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_named() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    let bytes = OsString::from_vec(b"http://\xff/".to_vec());
    let error = Settings::builder()
        .variables([("BUCKLER_AGENT__CLOUD_URL", bytes.clone())])
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable BUCKLER_AGENT__CLOUD_URL: found a value that is not UTF-8; allowed: a UTF-8 text"
    );
    let name = OsString::from_vec(b"BUCKLER_\xff".to_vec());
    assert!(
        Settings::builder().variables([(name, bytes)]).build().is_ok(),
        "a name that no reader could have meant"
    );
}

#[test]
fn all_problems_are_listed_each_with_its_own_origin() {
    let directory = Directory::with(
        "buckler.toml",
        "colour = 1\n[agent]\ntemplate = 5\nsize = 1\nenforc = true\n[transport]\nkind = 5",
    );
    let error = directory
        .builder("buckler.toml")
        .variables([("BUCKLER_AGENT__CLOUD_URL", "x"), ("BUCKLER_SIZE", "1")])
        .own_addresses(["here"])
        .build()
        .unwrap_err();
    let lines: Vec<String> = directory
        .told(&error)
        .lines()
        .map(|line| line.split(": found").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "environment variable BUCKLER_AGENT__CLOUD_URL: agent.cloud_url",
            "buckler.toml: agent.template",
            "code: agent.own_addresses[0]",
            "buckler.toml: agent.enforc",
            "buckler.toml: transport.kind",
        ]
    );
    assert_eq!(error.problems().len(), lines.len());
}

#[test]
fn a_long_text_is_cut() {
    let error = toml_error(&format!("[agent]\ncloud_url = '{}'", "x".repeat(500)));
    assert_eq!(
        error,
        format!(
            "buckler.toml: agent.cloud_url: found the text \"{}\" …; allowed: {URL}",
            "x".repeat(80)
        )
    );
}
