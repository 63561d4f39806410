//! The name of a configuration's content.

use serde_json::Value;

use crate::protocol::ConfigMap;

/// BLAKE3 of a configuration in lower-case hexadecimal: over compact JSON in UTF-8 with the keys of every object sorted by
/// their bytes, so that the order in which a peer writes them does not matter. Numbers are written as they were read: `30` and
/// `30.0` differ.
///
/// ```
/// use buckler::model::policy::config_hash;
/// let of = |text: &str| serde_json::from_str(text).map(|body| config_hash(&body));
/// assert_eq!(of(r#"{"A": 1, "B": {"x": [], "y": 2}}"#)?, of(r#"{"B": {"y": 2, "x": []}, "A": 1}"#)?);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn config_hash(body: &ConfigMap) -> String {
    let mut hasher = blake3::Hasher::new();
    feed_map(&mut hasher, body);
    hasher.finalize().to_hex().to_string()
}

/// Sorted here, and not by the map: another crate of the host can switch `serde_json` to keep the order of arrival.
fn feed_map(hasher: &mut blake3::Hasher, map: &ConfigMap) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    feed_sequence(hasher, [b"{", b"}"], entries, |hasher, (key, value)| {
        hasher.update(Value::from(key.as_str()).to_string().as_bytes());
        hasher.update(b":");
        feed(hasher, value);
    });
}

fn feed(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Object(map) => feed_map(hasher, map),
        Value::Array(items) => feed_sequence(hasher, [b"[", b"]"], items, feed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            hasher.update(value.to_string().as_bytes());
        }
    }
}

fn feed_sequence<T>(
    hasher: &mut blake3::Hasher,
    [open, close]: [&[u8; 1]; 2],
    items: impl IntoIterator<Item = T>,
    each: impl Fn(&mut blake3::Hasher, T),
) {
    hasher.update(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            hasher.update(b",");
        }
        each(hasher, item);
    }
    hasher.update(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_is_of_compact_sorted_json() {
        let body = json!({"b": [1, {"z": null, "a": "\u{e9}\""}], "a": {}, "c": [], "B": true});
        let text = "{\"B\":true,\"a\":{},\"b\":[1,{\"a\":\"\u{e9}\\\"\",\"z\":null}],\"c\":[]}";
        assert_eq!(
            config_hash(body.as_object().unwrap()),
            blake3::hash(text.as_bytes()).to_hex().to_string()
        );
        assert_eq!(config_hash(&ConfigMap::new()), blake3::hash(b"{}").to_hex().to_string());
    }

    #[test]
    fn every_change_changes_it() {
        let of = |body: Value| config_hash(body.as_object().unwrap());
        assert_ne!(of(json!({"A": 1})), of(json!({"A": 2})));
        assert_ne!(of(json!({"A": [1, 2]})), of(json!({"A": [2, 1]})));
        assert_ne!(of(json!({"A": null})), of(json!({})));
    }
}
