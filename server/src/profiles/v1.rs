//! A configuration as pyrasp reads it: where our policy is looser or more exact than pyrasp, what is sent says the same in
//! pyrasp's terms.

use buckler::{
    model::{
        ipset::parse_entry,
        policy::{Check, Policy, Reaction},
    },
    protocol::ConfigMap,
};
use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

/// Every key that a release of pyrasp up to 0.10.2 reads. What our policy knows besides is ours,
/// and never sent: an agent takes every key for an attribute of its own, and `ROUTES` would replace
/// the routes that it tells its server.
const KEYS: &[&str] = &[
    "APP_NAME",
    "BEACON",
    "BEACON_DELAY",
    "BEACON_URL",
    "BLACKLIST_ACTION",
    "BLACKLIST_ACTION_CONTENT",
    "BLACKLIST_DELAY",
    "BLACKLIST_OVERRIDE",
    "BLACKLIST_SHARE",
    "BLACKLIST_STATUS_CODE",
    "BLOCK_ACTION",
    "BLOCK_ACTION_CONTENT",
    "BLOCK_STATUS_CODE",
    "BRUTE_AND_FLOOD_PATHS",
    "CHANGE_SERVER",
    "CHARS_CYRILLIC",
    "CHARS_INVISIBLE",
    "CHARS_NONPRINTABLE",
    "DECODE_B64",
    "DECOY_ROUTES",
    "DENY_STATUS_CODE",
    "DLP_API",
    "DLP_CC_NUMBERS",
    "DLP_HASHES",
    "DLP_LINUX_CREDS",
    "DLP_LOG_LEAKED_DATA",
    "DLP_PHONE_NUMBERS",
    "DLP_PRIVATE_KEYS",
    "DLP_WINDOWS_CREDS",
    "ERROR_FLOOD_DELAY",
    "ERROR_FLOOD_RATIO",
    "EXCEPTIONS",
    "FLOOD_DELAY",
    "FLOOD_RATIO",
    "FORBIDDEN_HEADERS",
    "GTFO_MSG",
    "HOSTS",
    "IGNORE_PATHS",
    "LOG_ENABLED",
    "LOG_FILE_SIZE",
    "LOG_FORMAT",
    "LOG_JA4H_FINGERPRINT",
    "LOG_PATH",
    "LOG_PORT",
    "LOG_PROTOCOL",
    "LOG_SERVER",
    "ML_BATCH_SIZE",
    "ML_CACHE_MAX_LENGTH",
    "ML_CACHE_SIZE",
    "PROMPT_BATCH_SIZE",
    "RESOLVE_COUNTRY",
    "SECURITY_CHECKS",
    "SERVER_HEADER",
    "SQLI_PROBA",
    "TELEMETRY_DATA",
    "UPLOAD_EXTENSIONS",
    "UPLOAD_FILES",
    "UPLOAD_MAX_SIZE",
    "VERBOSE",
    "WHITELIST",
    "WHITELIST_HEADERS",
    "XSS_PROBA",
    "ZTAA_BROWSER_VERSION",
    "ZTAA_HEADER",
    "ZTAA_KEY",
    "ZTAA_KEYS",
    "ZTAA_KEY_HEADER",
];

/// Keys that a whole configuration leaves to the agent unless the profile gives them: its defaults
/// are not ours, on purpose (a model's probabilities are no scores of rules, and its floods and
/// decoys are judged otherwise).
const ITS_OWN: [&str; 11] = [
    "BRUTE_AND_FLOOD_PATHS",
    "CHANGE_SERVER",
    "DECOY_ROUTES",
    "ERROR_FLOOD_DELAY",
    "ERROR_FLOOD_RATIO",
    "FLOOD_DELAY",
    "FLOOD_RATIO",
    "IGNORE_PATHS",
    "RESOLVE_COUNTRY",
    "SQLI_PROBA",
    "XSS_PROBA",
];

/// Two names of one key, the one of older releases (or of pyrasp's code, where its documentation
/// says otherwise) first. Each release looks for one of them, some for both.
const TWO_NAMES: [(&str, &str); 4] = [
    ("GTFO_MSG", "BLOCK_ACTION_CONTENT"),
    ("DENY_STATUS_CODE", "BLOCK_STATUS_CODE"),
    ("ZTAA_HEADER", "ZTAA_KEY_HEADER"),
    ("ZTAA_KEYS", "ZTAA_KEY"),
];

/// What the older name answers besides, where no key of bans is given.
const OF_BANS: [(&str, &str); 2] = [
    ("GTFO_MSG", "BLACKLIST_ACTION_CONTENT"),
    ("DENY_STATUS_CODE", "BLACKLIST_STATUS_CODE"),
];

/// The first release that takes a whole configuration from a beacon's reply; ones before it lose
/// the rest of the reply with it.
const TAKES_CONFIGURATIONS: [u32; 3] = [0, 9, 4];
/// The first release that takes a `template` at its registration.
const TAKES_TEMPLATES: [u32; 3] = [0, 10, 0];

/// What an agent's version says of what it can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// A whole configuration in a beacon's reply.
    pub(crate) configurations: bool,
    /// The name of a template.
    pub(crate) templates: bool,
}

impl Abilities {
    /// Those of the release that tells this version: none of one that cannot be read.
    #[must_use]
    pub(crate) fn of(version: &str) -> Self {
        let mut groups = version.split('.').map(|group| group.parse::<u32>().ok());
        let release = [groups.next(), groups.next(), groups.next()].map(|group| group.flatten());
        let [Some(major), Some(minor), patch] = release else {
            return Self {
                configurations: false,
                templates: false,
            };
        };
        let release = [major, minor, patch.unwrap_or_default()];
        Self {
            configurations: release >= TAKES_CONFIGURATIONS,
            templates: release >= TAKES_TEMPLATES,
        }
    }
}

/// Whether a pyrasp agent knows a key, or a check, that ours do not.
pub(super) fn pyrasp_knows(key: &str) -> bool {
    /// Checks of pyrasp 0.10 that are not ours.
    const CHECKS: [&str; 2] = ["SECURITY_CHECKS.CHARS", "SECURITY_CHECKS.BOTS"];
    let key = key.to_ascii_uppercase();
    KEYS.contains(&key.as_str()) || CHECKS.contains(&key.as_str())
}

/// Whether a key says something to a pyrasp agent: one of its own, or one that only a release newer
/// than these tables knows.
fn is_for_pyrasp(key: &str, policy: &Policy) -> bool {
    KEYS.contains(&key) || !policy.raw().contains_key(key)
}

/// A whole configuration: what the profile comes to, where the agent's own defaults do not say it
/// better.
pub(super) fn whole(given: &ConfigMap, policy: &Policy) -> ConfigMap {
    let in_force = policy.raw().iter().filter(|(key, _)| {
        let key = key.as_str();
        KEYS.contains(&key) && !ITS_OWN.contains(&key)
    });
    let mut given = given.clone();
    answer_bans(&mut given);
    let mut whole: ConfigMap = in_force
        .map(|(key, value)| (key.clone(), as_pyrasp_shows_it(value)))
        .collect();
    for (key, value) in &given {
        // the other name of the same key would say what is no longer so
        for (older, newer) in TWO_NAMES {
            if key == older && !given.contains_key(newer) {
                whole.remove(newer);
            }
        }
        whole.insert(key.clone(), value.clone());
    }
    whole
}

/// A value, and pyrasp's own page in the place of ours, whose id it does not fill in.
fn as_pyrasp_shows_it(value: &Value) -> Value {
    if *value == Reaction::PLAIN {
        Reaction::PYRASPS.into()
    } else {
        value.clone()
    }
}

/// Writes both names of what has two, so that each release finds the one that it looks for.
fn under_both_names(config: &mut ConfigMap) {
    let is_given =
        |config: &ConfigMap, key: &str| config.get(key).is_some_and(|value| *value != "" && !value.is_null());
    answer_bans(config);
    let redirects = config.get("BLOCK_ACTION").is_some_and(|action| *action == "redirect");
    for (older, newer) in TWO_NAMES {
        let is_location = redirects && newer.starts_with("BLOCK_");
        match (is_given(config, older), is_given(config, newer)) {
            (_, true) if !is_location => copy(config, newer, older),
            (true, false) => copy(config, older, newer),
            _ => {}
        }
    }
}

/// Has bans answered as the older names say, where no key of theirs does.
fn answer_bans(config: &mut ConfigMap) {
    if config.contains_key("BLACKLIST_ACTION") {
        return;
    }
    for (older, of_bans) in OF_BANS {
        if !config.contains_key(of_bans) {
            copy(config, older, of_bans);
        }
    }
}

fn copy(config: &mut ConfigMap, from: &str, to: &str) {
    if let Some(value) = config.get(from).cloned() {
        config.insert(to.to_owned(), value);
    }
}

/// Keys whose words pyrasp compares as they are, where any case is meant.
const WORDS: [&str; 2] = ["BLACKLIST_ACTION", "BLOCK_ACTION"];

/// The configuration for a version 1 agent.
///
/// - `SECURITY_CHECKS` is whole: what is sent replaces all that the agent has, and a check that it lacks is off.
/// - `WHITELIST` holds beginnings of addresses, since pyrasp knows no networks: `10.1.0.0/16` is sent as `10.1.`, and what does
///   not end at a whole group as the beginnings that make it up.
/// - Names of headers and actions are in lower case, as pyrasp looks for them.
/// - Keys of ours are left out, keys with two names are written under both, and checks and keys
///   that only a newer pyrasp knows are passed on as they are.
pub(super) fn for_pyrasp(mut config: ConfigMap, policy: &Policy) -> ConfigMap {
    config.retain(|key, _| is_for_pyrasp(key, policy));
    under_both_names(&mut config);
    let mut levels = newer_checks(&config);
    let checks = Check::ALL.into_iter().filter(|check| *check != Check::Blacklist);
    levels.extend(checks.map(|check| (check.name().to_owned(), Value::from(policy.level(check) as u8))));
    config.insert("SECURITY_CHECKS".to_owned(), Value::Object(levels));
    if let Some(Value::Array(entries)) = config.get_mut("WHITELIST") {
        let beginnings = entries.iter().filter_map(Value::as_str).flat_map(beginnings);
        *entries = beginnings.map(Value::from).collect();
    }
    if let Some(Value::Array(names)) = config.get_mut("FORBIDDEN_HEADERS") {
        names.iter_mut().for_each(in_lower_case);
    }
    for key in WORDS {
        config.get_mut(key).map(in_lower_case);
    }
    config
}

/// The levels of checks that are not ours.
fn newer_checks(config: &ConfigMap) -> ConfigMap {
    let given = config.get("SECURITY_CHECKS").and_then(Value::as_object);
    let newer = given
        .into_iter()
        .flatten()
        .filter(|(name, _)| Check::by_name(name).is_none());
    newer
        .map(|(name, level)| (name.to_ascii_lowercase(), level.clone()))
        .collect()
}

fn in_lower_case(value: &mut Value) {
    if let Value::String(text) = value {
        *text = text.to_ascii_lowercase();
    }
}

/// What the text of every address of an entry begins with; the entry itself where that cannot be said.
fn beginnings(entry: &str) -> Vec<String> {
    match parse_entry(entry) {
        Some(IpNet::V4(network)) if network.prefix_len() >= 8 => v4_beginnings(network),
        Some(_) | None => vec![entry.to_owned()],
    }
}

/// At most 128 of them, for a /25 or a /17.
fn v4_beginnings(network: Ipv4Net) -> Vec<String> {
    let whole = network.prefix_len().div_ceil(8) * 8;
    let groups = usize::from(whole / 8);
    let begin = |part: Ipv4Net| {
        let text: Vec<String> = part.network().octets().iter().take(groups).map(u8::to_string).collect();
        if groups == 4 {
            text.join(".")
        } else {
            text.join(".") + "."
        }
    };
    network
        .subnets(whole)
        .map_or_else(|_| Vec::new(), |parts| parts.map(begin).collect())
}

#[cfg(test)]
mod tests {
    use buckler::model::policy::Layer;
    use serde_json::json;

    use super::*;

    fn sent(config: Value) -> ConfigMap {
        let Value::Object(config) = config else {
            panic!("{config} is no object")
        };
        let policy = Policy::compile("default", &[Layer::new("test", config.clone())]).unwrap();
        for_pyrasp(config, &policy)
    }

    #[test]
    fn every_check_is_sent() {
        let checks = &sent(json!({"SECURITY_CHECKS": {"flood": 0, "XSS": 3}}))["SECURITY_CHECKS"];
        assert_eq!(checks.as_object().unwrap().len(), 18);
        assert_eq!(
            (&checks["flood"], &checks["xss"], &checks["sqli"]),
            (&json!(0), &json!(3), &json!(2))
        );
    }

    #[test]
    fn what_only_a_newer_pyrasp_knows_is_passed_on_and_what_is_ours_is_not() {
        let sent = sent(json!({
            "SECURITY_CHECKS": {"yoga": 2}, "DLP_API": true, "CHARS_CYRILLIC": true, "NEWER": [1], "REFRESH_DELAY": 60,
            "ROUTES": [{"path": "/a", "checks": {"sqli": 0}}],
        }));
        assert_eq!(sent["SECURITY_CHECKS"]["yoga"], 2);
        assert_eq!(
            (&sent["DLP_API"], &sent["CHARS_CYRILLIC"], &sent["NEWER"]),
            (&json!(true), &json!(true), &json!([1]))
        );
        assert_eq!(
            (sent.get("ROUTES"), sent.get("REFRESH_DELAY")),
            (None, None),
            "an attribute of its own"
        );
    }

    #[test]
    fn every_release_finds_the_name_that_it_looks_for() {
        let older = sent(json!({"GTFO_MSG": "out", "DENY_STATUS_CODE": 410, "ZTAA_KEY": "k"}));
        for key in ["GTFO_MSG", "BLOCK_ACTION_CONTENT", "BLACKLIST_ACTION_CONTENT"] {
            assert_eq!(older[key], "out", "{key}");
        }
        for key in ["DENY_STATUS_CODE", "BLOCK_STATUS_CODE", "BLACKLIST_STATUS_CODE"] {
            assert_eq!(older[key], 410, "{key}");
        }
        assert_eq!((&older["ZTAA_KEY"], &older["ZTAA_KEYS"]), (&json!("k"), &json!("k")));
        let newer =
            sent(json!({"BLOCK_ACTION_CONTENT": "no", "GTFO_MSG": "out", "BLACKLIST_ACTION_CONTENT": "banned"}));
        assert_eq!(
            (&newer["GTFO_MSG"], &newer["BLACKLIST_ACTION_CONTENT"]),
            (&json!("no"), &json!("banned"))
        );
        let away = sent(json!({"BLOCK_ACTION": "redirect", "BLOCK_STATUS_CODE": 302, "BLOCK_ACTION_CONTENT": "/out"}));
        assert_eq!(away.get("GTFO_MSG"), None, "a place is no message");
    }

    #[test]
    fn the_version_says_what_an_agent_can_take() {
        for (version, configurations, templates) in [
            ("0.7.2", false, false),
            ("0.9.3", false, false),
            ("0.9.4", true, false),
            ("0.9.10", true, false),
            ("0.10", true, true),
            ("0.10.2", true, true),
            ("1.0", true, true),
            ("", false, false),
            ("new", false, false),
        ] {
            let found = Abilities::of(version);
            assert_eq!(
                found,
                Abilities {
                    configurations,
                    templates
                },
                "{version}"
            );
        }
    }

    #[test]
    fn a_whole_configuration_has_every_key_that_pyrasp_insists_on() {
        let given = json!({"APP_NAME": "shop", "GTFO_MSG": "out", "FLOOD_RATIO": 7});
        let given = given.as_object().unwrap();
        let policy = Policy::compile("default", &[Layer::new("test", given.clone())]).unwrap();
        let sent = for_pyrasp(whole(given, &policy), &policy);
        for key in [
            "LOG_FORMAT",
            "LOG_PROTOCOL",
            "LOG_SERVER",
            "LOG_PORT",
            "LOG_PATH",
            "BEACON_DELAY",
            "BEACON_URL",
            "HOSTS",
        ] {
            assert!(sent.contains_key(key), "{key}");
        }
        assert_eq!((&sent["APP_NAME"], &sent["FLOOD_RATIO"]), (&json!("shop"), &json!(7)));
        assert_eq!(
            (&sent["BLOCK_ACTION_CONTENT"], sent.get("FLOOD_DELAY")),
            (&json!("out"), None)
        );
        let plain = serde_json::Map::new();
        let policy = Policy::compile("default", &[]).unwrap();
        let sent = for_pyrasp(whole(&plain, &policy), &policy);
        for key in ["BLOCK_ACTION_CONTENT", "BLACKLIST_ACTION_CONTENT", "GTFO_MSG"] {
            assert_eq!(sent[key], "Blocked", "{key}: pyrasp fills in no id");
        }
    }

    #[test]
    fn networks_become_beginnings_of_addresses() {
        let whitelist = |entry: &str| sent(json!({"WHITELIST": [entry]}))["WHITELIST"].clone();
        assert_eq!(whitelist("203.0.113.9"), json!(["203.0.113.9"]));
        assert_eq!(whitelist("203.0.113.0/24"), json!(["203.0.113."]));
        assert_eq!(whitelist("10.0.0.0/8"), json!(["10."]));
        assert_eq!(whitelist("10.1."), json!(["10.1."]));
        assert_eq!(
            whitelist("172.16.0.0/14"),
            json!(["172.16.", "172.17.", "172.18.", "172.19."])
        );
        assert_eq!(whitelist("203.0.113.4/31"), json!(["203.0.113.4", "203.0.113.5"]));
        assert_eq!(whitelist("2001:db8::/32"), json!(["2001:db8::/32"]), "not to be said");
    }

    #[test]
    fn names_are_in_the_case_that_pyrasp_compares() {
        let sent = sent(json!({"FORBIDDEN_HEADERS": ["X-Scan"], "BLOCK_ACTION": "Block", "APP_NAME": "Shop"}));
        assert_eq!(
            (&sent["FORBIDDEN_HEADERS"], &sent["BLOCK_ACTION"]),
            (&json!(["x-scan"]), &json!("block"))
        );
        assert_eq!(sent["APP_NAME"], "Shop");
    }
}
