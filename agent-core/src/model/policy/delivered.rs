//! A configuration on its way from its operator to agents: the same object wherever it is made, so
//! that its hash can be signed before a server has it.

use serde_json::Value;

use super::{Policy, PolicyError, layer::WRAPPER};
use crate::protocol::ConfigMap;

/// The keys in upper case, out of the wrapper `{"config": {…}}` if they came in one, without those
/// that are `null`, which means "not given" and would break pyrasp.
#[must_use]
pub fn normal(written: &ConfigMap) -> ConfigMap {
    let wrapped = written
        .iter()
        .next()
        .filter(|(key, _)| written.len() == 1 && key.eq_ignore_ascii_case(WRAPPER));
    let bare = wrapped.and_then(|(_, inner)| inner.as_object()).unwrap_or(written);
    let given = bare.iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (key.to_uppercase(), value.clone())).collect()
}

/// What an operator wrote, on top of what the template changes in the default one: agents have
/// their own template beneath what the server sends, so a profile's template is sent with it.
///
/// # Errors
/// If there is no such template.
pub fn delivered(template: &str, written: &ConfigMap) -> Result<ConfigMap, PolicyError> {
    let (theirs, default) = (Policy::compile(template, &[])?, Policy::compile("default", &[])?);
    Ok(over(differences(theirs.raw(), default.raw()), &normal(written)))
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

/// `upper` laid over `under`, objects member by member.
fn over(mut under: ConfigMap, upper: &ConfigMap) -> ConfigMap {
    for (key, value) in upper {
        match (under.get_mut(key), value) {
            (Some(Value::Object(under)), Value::Object(upper)) => *under = over(std::mem::take(under), upper),
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
    fn a_template_is_what_it_changes() {
        let of = |template, written| delivered(template, &map(written)).unwrap();
        assert_eq!(of("default", json!({})), ConfigMap::new());
        let mcp = of("mcp", json!({}));
        assert_eq!(
            mcp["SECURITY_CHECKS"],
            json!({"chars": 1, "dlp": 2, "upload": 2}),
            "only the checks that differ"
        );
        assert_eq!((&mcp["DLP_HASHES"], mcp.get("HOSTS")), (&json!(true), None));
        let laid = of("mcp", json!({"security_checks": {"dlp": 0}, "APP_NAME": "x"}));
        assert_eq!(laid["SECURITY_CHECKS"], json!({"chars": 1, "dlp": 0, "upload": 2}));
        assert_eq!((&laid["APP_NAME"], &laid["DLP_HASHES"]), (&json!("x"), &json!(true)));
        assert!(delivered("none", &ConfigMap::new()).is_err());
    }
}
