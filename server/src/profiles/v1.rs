//! A configuration as pyrasp reads it: where our policy is looser or more exact than pyrasp, what is sent says the same in
//! pyrasp's terms.

use buckler::{
    model::{
        ipset::parse_entry,
        policy::{Check, Policy},
    },
    protocol::ConfigMap,
};
use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

/// Keys whose words pyrasp compares as they are, where any case is meant.
const WORDS: [&str; 2] = ["BLACKLIST_ACTION", "BLOCK_ACTION"];

/// The configuration for a version 1 agent.
///
/// - `SECURITY_CHECKS` is whole: what is sent replaces all that the agent has, and a check that it lacks is off.
/// - `WHITELIST` holds beginnings of addresses, since pyrasp knows no networks: `10.1.0.0/16` is sent as `10.1.`, and what does
///   not end at a whole group as the beginnings that make it up.
/// - Names of headers and actions are in lower case, as pyrasp looks for them.
pub(super) fn for_pyrasp(mut config: ConfigMap, policy: &Policy) -> ConfigMap {
    let checks = Check::ALL.into_iter().filter(|check| *check != Check::Blacklist);
    let levels = checks.map(|check| (check.name().to_owned(), Value::from(policy.level(check) as u8)));
    config.insert("SECURITY_CHECKS".to_owned(), Value::Object(levels.collect()));
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
        assert_eq!(checks.as_object().unwrap().len(), 16);
        assert_eq!(
            (&checks["flood"], &checks["xss"], &checks["sqli"]),
            (&json!(0), &json!(3), &json!(2))
        );
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
