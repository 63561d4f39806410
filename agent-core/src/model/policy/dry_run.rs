//! A candidate configuration beside the one in force: the key `DRY_RUN`, whose members are keys laid over all others.

use std::sync::Arc;

use serde_json::Value;

use super::{Layer, Policy, PolicyError, error::Fault, keys, value::Parsed};
use crate::protocol::ConfigMap;

/// The key.
pub(super) const KEY: &str = "DRY_RUN";

/// The keys of a candidate; none where there is no candidate.
pub(super) fn candidate_keys(value: &Value) -> Parsed<ConfigMap> {
    let Some(keys) = value.as_object() else {
        return Err(Fault::new(value, "an object of keys with their values"));
    };
    let is_refused = |name: &&String| {
        let name = name.to_ascii_uppercase();
        name == KEY || keys::is_secret(&name)
    };
    match keys.keys().find(is_refused) {
        Some(name) => Err(Fault {
            at: String::new(),
            found: format!("an object with {name}"),
            allowed: "any keys but secrets, and no candidate of the candidate's own".to_owned(),
        }),
        None => Ok(keys.clone()),
    }
}

/// What the configuration would be with these keys.
pub(super) fn compile(template: &str, layers: &[Layer], keys: ConfigMap) -> Result<Option<Arc<Policy>>, PolicyError> {
    if keys.is_empty() {
        return Ok(None);
    }
    let own = ConfigMap::from_iter([(KEY.to_owned(), Value::Object(ConfigMap::new()))]);
    let over = [Layer::new(KEY, keys), Layer::new(KEY, own)];
    let layers: Vec<Layer> = layers.iter().chain(&over).cloned().collect();
    Policy::compile(template, &layers).map(|policy| Some(Arc::new(policy)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::policy::{Check, Level};

    fn layer(origin: &str, keys: &Value) -> Layer {
        Layer::new(origin, keys.as_object().cloned().unwrap())
    }

    fn problem(candidate: &Value) -> String {
        let layer = layer("server", &json!({ "DRY_RUN": candidate }));
        Policy::compile("default", &[layer]).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_candidate_is_laid_over_all_layers() {
        let file = layer(
            "file",
            &json!({"dry_run": {"FLOOD_RATIO": 3}, "HOSTS": ["shop.example.com"]}),
        );
        let server = layer(
            "server",
            &json!({"DRY_RUN": {"security_checks": {"path": 2}}, "SECURITY_CHECKS": {"path": 3}}),
        );
        let policy = Policy::compile("default", &[file, server]).unwrap();
        let candidate = policy.dry_run().unwrap();
        assert_eq!(
            (policy.level(Check::Path), candidate.level(Check::Path)),
            (Level::Log, Level::Ban)
        );
        assert_eq!(candidate.level(Check::Sqli), policy.level(Check::Sqli));
        assert!(!candidate.hosts_allow("blog.example.com"));
        assert_eq!(
            candidate.flood().limit,
            policy.flood().limit,
            "a later candidate replaces the one before"
        );
        assert!(candidate.dry_run().is_none());
        let none = layer("code", &json!({"DRY_RUN": {}}));
        assert!(Policy::compile("default", &[none]).unwrap().dry_run().is_none());
    }

    #[test]
    fn a_candidate_that_cannot_be_meant_refuses_the_configuration() {
        assert!(problem(&json!({"FLOOD_RATIO": 0})).starts_with("DRY_RUN: FLOOD_RATIO is 0; allowed: "));
        for (candidate, found) in [
            (json!({"dry_run": {}}), "an object with dry_run"),
            (json!({"ZTAA_KEY": "secret"}), "an object with ZTAA_KEY"),
            (json!([]), "[]"),
        ] {
            let said = problem(&candidate);
            assert!(
                said.starts_with(&format!("server: DRY_RUN is {found}; allowed: ")),
                "{said}"
            );
            assert!(!said.contains("\"secret\""), "{said}");
        }
    }

    #[test]
    fn keys_that_nobody_knows_are_named_once() {
        let keys = json!({"DRY_RUN": {"FLOOD_RATE": 3}, "FLOOD_RATE": 5});
        let policy = Policy::compile("default", &[layer("server", &keys)]).unwrap();
        let unknown: Vec<&str> = policy.unknown_keys().iter().map(|key| key.origin.as_str()).collect();
        assert_eq!(unknown, ["server", "DRY_RUN"]);
    }
}
