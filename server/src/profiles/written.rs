//! A configuration as an operator writes it, and as it is shown to one.

use buckler::{
    model::policy::{Policy, PolicyError},
    protocol::ConfigMap,
};
use serde_json::Value;

/// Keys whose values are secrets of the applications: shown as [`HIDDEN`].
const SECRETS: [&str; 2] = ["ZTAA_KEY", "ZTAA_KEYS"];

/// What stands for a secret. Sent back, it stands for the value that is in force.
const HIDDEN: &str = "…";

/// The keys in upper case, out of the wrapper `{"config": {…}}` if they came in one, without those that are `null`, which
/// means "not given" and would break pyrasp.
pub(super) fn normal(written: &ConfigMap) -> ConfigMap {
    let wrapped = written
        .iter()
        .next()
        .filter(|(key, _)| written.len() == 1 && key.eq_ignore_ascii_case("config"));
    let bare = wrapped.and_then(|(_, inner)| inner.as_object()).unwrap_or(written);
    let given = bare.iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (key.to_uppercase(), value.clone())).collect()
}

/// The configuration with its secrets hidden.
pub(super) fn shown(config: &ConfigMap) -> ConfigMap {
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

/// What a template changes in the default one. Agents have their own template beneath what the server sends, so a profile's
/// template is sent with it.
///
/// # Errors
/// If there is no such template.
pub(super) fn changes_of(template: &str) -> Result<ConfigMap, PolicyError> {
    let (theirs, default) = (Policy::compile(template, &[])?, Policy::compile("default", &[])?);
    Ok(differences(theirs.raw(), default.raw()))
}

/// The members of `new` that are not the same in `old`, objects by their members.
fn differences(new: &ConfigMap, old: &ConfigMap) -> ConfigMap {
    let differing = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    let changed = differing.map(|(key, value)| match (value, old.get(key)) {
        (Value::Object(new), Some(Value::Object(old))) => (key.clone(), Value::Object(differences(new, old))),
        (value, _) => (key.clone(), value.clone()),
    });
    changed.collect()
}

/// `over` laid over `under`, objects member by member.
pub(super) fn laid_over(mut under: ConfigMap, over: &ConfigMap) -> ConfigMap {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => *under = laid_over(std::mem::take(under), over),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
    under
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
    fn keys_are_brought_to_one_form() {
        let normal = |value| Value::Object(normal(&map(value)));
        assert_eq!(normal(json!({"config": {"app_name": "x"}})), json!({"APP_NAME": "x"}));
        assert_eq!(
            normal(json!({"Config": {"a": 1}, "b": null, "C": 2})),
            json!({"CONFIG": {"a": 1}, "C": 2})
        );
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

    #[test]
    fn a_template_is_what_it_changes() {
        assert_eq!(changes_of("default").unwrap(), ConfigMap::new());
        let mcp = changes_of("mcp").unwrap();
        assert_eq!(
            mcp["SECURITY_CHECKS"],
            json!({"chars": 1, "dlp": 2, "upload": 2}),
            "only the checks that differ"
        );
        assert_eq!((&mcp["DLP_HASHES"], mcp.get("HOSTS")), (&json!(true), None));
        let laid = laid_over(mcp, &map(json!({"SECURITY_CHECKS": {"dlp": 0}, "APP_NAME": "x"})));
        assert_eq!(laid["SECURITY_CHECKS"], json!({"chars": 1, "dlp": 0, "upload": 2}));
        assert_eq!((&laid["APP_NAME"], &laid["DLP_HASHES"]), (&json!("x"), &json!(true)));
        assert!(changes_of("none").is_err());
    }
}
