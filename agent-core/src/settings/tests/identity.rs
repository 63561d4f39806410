//! What people know the agent by.

use super::{toml, toml_error, variables_error};
use crate::settings::{HostName, Settings};

#[test]
fn name_labels_release_and_environment_are_said_by_the_host() {
    let settings = toml(
        "[agent]\nname = ' shop '\nrelease = '2.4.1'\nenvironment = 'production'\nhost_name = 'web-1'\n\
         labels = { tier = 'web', canary = true, shard = 3 }\n[security]\napp_name = 'not this'",
    )
    .unwrap();
    let known = settings.identity();
    assert_eq!(
        [&known.name, &known.release, &known.environment, &known.host].map(Option::as_deref),
        [Some("shop"), Some("2.4.1"), Some("production"), Some("web-1")]
    );
    let labels: Vec<_> = known
        .labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(labels, [("canary", "true"), ("shard", "3"), ("tier", "web")]);
}

#[test]
fn without_a_name_of_its_own_it_is_the_application_s() {
    assert_eq!(toml("").unwrap().identity().name, None, "every template has a name");
    let named = toml("[security]\napp_name = 'shop'").unwrap();
    assert_eq!(named.identity().name.as_deref(), Some("shop"));
    let by_code = Settings::builder().security("APP_NAME", "blog").build().unwrap();
    assert_eq!(by_code.identity().name.as_deref(), Some("blog"));
}

#[test]
fn the_machine_s_name_is_found_said_or_hidden() {
    let of = |said: &str| {
        toml(&format!("[agent]\nhost_name = {said}"))
            .unwrap()
            .agent()
            .host_name
            .clone()
    };
    assert_eq!(toml("").unwrap().agent().host_name, HostName::Found);
    assert_eq!(of("true"), HostName::Found);
    assert_eq!((of("false"), of("''")), (HostName::Hidden, HostName::Hidden));
    assert_eq!(of("'web-1'"), HostName::Said("web-1".to_owned()));
    let variable = Settings::builder()
        .variables([("BUCKLER_AGENT__HOST_NAME", "off")])
        .build();
    assert_eq!(variable.unwrap().agent().host_name, HostName::Hidden);
}

#[test]
fn labels_come_from_the_environment_and_from_code_too() {
    for said in [
        vec![("BUCKLER_AGENT__LABELS", "tier=web, zone=eu")],
        vec![("BUCKLER_AGENT__LABELS", r#"{"tier": "web", "zone": "eu"}"#)],
        vec![
            ("BUCKLER_AGENT__LABELS__TIER", "web"),
            ("BUCKLER_AGENT__LABELS__ZONE", "eu"),
        ],
    ] {
        let settings = Settings::builder().variables(said.clone()).label("by", "code").build();
        // a text in the environment is replaced as a whole
        let labels = settings.unwrap().identity().labels;
        assert_eq!(labels.get("by").map(String::as_str), Some("code"), "{said:?}");
        let alone = Settings::builder().variables(said.clone()).build().unwrap().identity();
        assert_eq!(alone.labels["tier"], "web", "{said:?}");
        assert_eq!(alone.labels.len(), 2, "{said:?}");
    }
}

#[test]
fn what_no_server_would_keep_is_an_error() {
    let long = "x".repeat(257);
    for (said, place) in [
        (format!("name = '{long}'"), "agent.name"),
        ("release = \"a\\nb\"".to_owned(), "agent.release"),
        ("environment = 7".to_owned(), "agent.environment"),
        ("host_name = [1]".to_owned(), "agent.host_name"),
        ("labels = ['web']".to_owned(), "agent.labels"),
        ("labels = { tier = ['web'] }".to_owned(), "agent.labels"),
        (format!("labels = {{ tier = '{long}' }}"), "agent.labels"),
    ] {
        let told = toml_error(&format!("[agent]\n{said}"));
        assert!(told.contains(place), "{said}: {told}");
    }
    let many: Vec<String> = (0..17).map(|n| format!("l{n}=x")).collect();
    let told = variables_error(&[("BUCKLER_AGENT__LABELS", &many.join(","))]);
    assert!(told.contains("up to 16"), "{told}");
    let told = variables_error(&[("BUCKLER_AGENT__LABELS", "web")]);
    assert!(told.contains("tier=web"), "{told}");
}
