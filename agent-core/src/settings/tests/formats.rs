//! The same settings in each format are the same settings.

use super::*;

const TOML: &str = r#"
[agent]
cloud_url = "http://127.0.0.1:9100/config"
key = "k"
state_dir = "state"
trusted_proxies = ["10.0.0.0/8", "2001:db8::/32"]

[transport]
kind = "http-polling"

[transport.http-polling]
timeout = "10s"
allow_plain_http = true
retries = 3

[security]
app_name = "shop"
HOSTS = ["shop.example.com"]
xss_proba = 0.75
security_checks = { flood = 0 }
"#;

const JSON: &str = r#"{
  "agent": {"cloud_url": "http://127.0.0.1:9100/config", "key": "k", "state_dir": "state", "template": null,
            "trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"]},
  "transport": {"kind": "http-polling", "http-polling": {"timeout": "10s", "allow_plain_http": true, "retries": 3}},
  "security": {"app_name": "shop", "HOSTS": ["shop.example.com"], "xss_proba": 0.75, "security_checks": {"flood": 0}}
}"#;

const YAML: &str = r"
agent:
  cloud_url: http://127.0.0.1:9100/config
  key: k
  state_dir: state
  trusted_proxies: [10.0.0.0/8, '2001:db8::/32']
transport:
  kind: http-polling
  http-polling:
    timeout: 10s
    allow_plain_http: true
    retries: 3
security:
  app_name: shop
  HOSTS:
    - shop.example.com
  xss_proba: 0.75
  security_checks: {flood: 0}
";

const FORMS: [(&str, &str); 4] = [("f.toml", TOML), ("f.json", JSON), ("f.yaml", YAML), ("f.YML", YAML)];

#[test]
fn every_format_says_the_same() {
    let mut shown: Vec<String> = Vec::new();
    for (name, text) in FORMS {
        let directory = Directory::with(name, text);
        let settings = directory.builder(name).build().unwrap();
        assert_eq!(settings.cloud().unwrap().1.expose(), "k", "{name}");
        let print = format!("{settings:?}");
        assert!(
            print.contains("10.0.0.0/8") && print.contains("retries") && print.contains("shop.example.com"),
            "{print}"
        );
        shown.push(
            print
                .replace(&directory.path(name).display().to_string(), "FILE")
                .replace(&directory.path("").display().to_string(), ""),
        );
    }
    assert!(shown.iter().all(|print| *print == shown[0]), "{shown:#?}");
}

#[test]
fn every_format_names_the_file_and_keeps_the_case_of_keys() {
    for (name, text) in FORMS {
        let wrong = text
            .replace("10.0.0.0/8", "10.0.0.0/88")
            .replace("state_dir", "State_Dir");
        let directory = Directory::with(name, &wrong);
        let error = directory.builder(name).build().unwrap_err();
        assert_eq!(
            directory.told(&error),
            format!(
                "{name}: agent.trusted_proxies[0]: found the text \"10.0.0.0/88\"; \
                 allowed: a list of addresses, networks (CIDR) and the word \"private\"\n\
                 {name}: agent.State_Dir: found an unknown key (did you mean state_dir?); \
                 allowed: breaker_share, client_ip_header, clients_are_private, cloud_url, compressed_bodies, enforce, enrol, environment, floor, host_name, key, key_file, kill_switch_file, labels, log_dir, name, on_detector_failure, own_addresses, release, signing, stale_after, state_dir, template, trusted_proxies, uninspected"
            )
        );
        let settings = Directory::with(name, text).builder(name).build().unwrap();
        let keys: Vec<&String> = settings.security()[0].keys.keys().collect();
        assert_eq!(keys, ["HOSTS", "app_name", "security_checks", "xss_proba"], "{name}");
    }
}

#[test]
fn a_byte_order_mark_and_an_empty_file_are_no_errors() {
    for (name, text) in FORMS {
        let directory = Directory::with(name, &format!("\u{feff}{text}"));
        assert!(directory.builder(name).build().is_ok(), "{name}");
    }
    for (name, text) in [
        ("f.toml", ""),
        ("f.yaml", ""),
        ("f.yaml", "# nothing\n"),
        ("f.json", "{}"),
    ] {
        let directory = Directory::with(name, text);
        assert_eq!(
            directory.builder(name).build().unwrap().agent().template,
            "default",
            "{name}"
        );
    }
}
