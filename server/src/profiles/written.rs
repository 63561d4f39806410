//! A configuration as an operator writes it, and as it is shown to one.

use buckler::protocol::ConfigMap;
use serde_json::Value;

/// Keys whose values are secrets of the applications: shown as [`HIDDEN`].
const SECRETS: [&str; 2] = ["ZTAA_KEY", "ZTAA_KEYS"];

/// What stands for a secret. Sent back, it stands for the value that is in force.
const HIDDEN: &str = "…";

/// The configuration with its secrets hidden.
pub(crate) fn shown(config: &ConfigMap) -> ConfigMap {
    let mut shown = config.clone();
    for key in SECRETS {
        if let Some(value) = shown.get_mut(key) {
            *value = Value::from(HIDDEN);
        }
    }
    shown
}

/// The configuration with the secrets in force where it has them hidden.
pub(super) fn unhidden(mut written: ConfigMap, in_force: &ConfigMap) -> ConfigMap {
    for (key, value) in &mut written {
        let key = key.to_uppercase();
        if SECRETS.contains(&key.as_str())
            && *value == HIDDEN
            && let Some(secret) = in_force.get(&key)
        {
            value.clone_from(secret);
        }
    }
    written
}

/// A key with the sign for a secret in force that stands for none.
pub(super) fn placeholder(config: &ConfigMap) -> Option<&'static str> {
    SECRETS
        .into_iter()
        .find(|key| config.get(*key).is_some_and(|value| *value == HIDDEN))
}

/// Takes secrets out, for who may only read.
pub(crate) fn leave_out_secrets(config: &mut ConfigMap) {
    config.retain(|key, _| !SECRETS.iter().any(|secret| key.eq_ignore_ascii_case(secret)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> ConfigMap {
        let Value::Object(map) = value else {
            panic!("{value} is no object")
        };
        map
    }

    #[test]
    fn secrets_are_hidden_and_survive_the_way_back() {
        let config = map(json!({"ZTAA_KEY": "s3cret", "APP_NAME": "x"}));
        let shown = shown(&config);
        assert_eq!(Value::Object(shown.clone()), json!({"ZTAA_KEY": "…", "APP_NAME": "x"}));
        assert_eq!(unhidden(shown, &config), config);
        assert_eq!(
            unhidden(map(json!({"ztaa_key": "new"})), &config),
            map(json!({"ztaa_key": "new"}))
        );
    }
}
