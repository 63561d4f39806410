//! In what a configuration protects less than the one before: the operator of the host should know,
//! whatever the reason.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    model::policy::{Check, Policy, keys, level_in},
    protocol::ConfigMap,
};

/// Which way a key's value protects less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weaker {
    /// Where it grows: a number, or a list of what is spared.
    More,
    /// Where it shrinks: a number, or a list of what is looked for.
    Less,
    /// Where it is switched on.
    On,
    /// Where it is switched off.
    Off,
    /// In no way by itself.
    Never,
}

/// Every key. What it says in the table of [`keys`](super::super::keys) decides.
const KEYS: [(&str, Weaker); 69] = [
    ("APP_NAME", Weaker::Never),
    ("BAN_EVIDENCE", Weaker::More),
    ("BAN_GROWTH", Weaker::Off),
    ("BAN_SHARE", Weaker::More),
    ("BAN_WINDOW", Weaker::Less),
    ("BEACON", Weaker::Never),
    ("BEACON_DELAY", Weaker::Never),
    ("BEACON_URL", Weaker::Never),
    ("BLACKLIST_ACTION", Weaker::Never),
    ("BLACKLIST_ACTION_CONTENT", Weaker::Never),
    ("BLACKLIST_DELAY", Weaker::Less),
    ("BLACKLIST_OVERRIDE", Weaker::On),
    ("BLACKLIST_SHARE", Weaker::Off),
    ("BLACKLIST_STATUS_CODE", Weaker::Never),
    ("BLOCK_ACTION", Weaker::Never),
    ("BLOCK_ACTION_CONTENT", Weaker::Never),
    ("BLOCK_STATUS_CODE", Weaker::Never),
    ("BRUTE_AND_FLOOD_PATHS", Weaker::Less),
    ("CHANGE_SERVER", Weaker::Never),
    ("CHARS_CYRILLIC", Weaker::Off),
    ("CHARS_INVISIBLE", Weaker::Off),
    ("CHARS_NONPRINTABLE", Weaker::Off),
    ("CORS_ORIGINS", Weaker::More),
    ("DECODE_B64", Weaker::Off),
    ("DECOY_ROUTES", Weaker::Less),
    ("DLP_API", Weaker::Off),
    ("DLP_CC_NUMBERS", Weaker::Off),
    ("DLP_HASHES", Weaker::Off),
    ("DLP_LINUX_CREDS", Weaker::Off),
    ("DLP_LOG_LEAKED_DATA", Weaker::On),
    ("DLP_PHONE_NUMBERS", Weaker::Off),
    ("DLP_PRIVATE_KEYS", Weaker::Off),
    ("DLP_WINDOWS_CREDS", Weaker::Off),
    ("DRY_RUN", Weaker::Never),
    ("ERROR_FLOOD_DELAY", Weaker::Less),
    ("ERROR_FLOOD_RATIO", Weaker::More),
    ("EXCEPTIONS", Weaker::More),
    ("FLOOD_BAN_AFTER", Weaker::More),
    ("FLOOD_BURST", Weaker::More),
    ("FLOOD_DELAY", Weaker::Less),
    ("FLOOD_RATIO", Weaker::More),
    ("FLOOD_STATIC", Weaker::Off),
    ("FLOOD_STATUS_CODE", Weaker::Never),
    ("FORBIDDEN_HEADERS", Weaker::Less),
    ("HOSTS", Weaker::More),
    ("IGNORE_PATHS", Weaker::More),
    ("LOG_ENABLED", Weaker::Off),
    ("LOG_FILE_SIZE", Weaker::Never),
    ("LOG_FORMAT", Weaker::Never),
    ("LOG_PATH", Weaker::Never),
    ("LOG_PORT", Weaker::Never),
    ("LOG_PROTOCOL", Weaker::Never),
    ("LOG_SERVER", Weaker::Never),
    ("REFRESH_DELAY", Weaker::Never),
    ("RESOLVE_COUNTRY", Weaker::Never),
    ("SENSITIVE_NAMES", Weaker::Less),
    ("SERVER_HEADER", Weaker::Never),
    ("SQLI_PROBA", Weaker::More),
    ("TELEMETRY_DATA", Weaker::Never),
    ("UPLOAD_EXTENSIONS", Weaker::More),
    ("UPLOAD_FILES", Weaker::On),
    ("UPLOAD_MAX_SIZE", Weaker::More),
    ("VERBOSE", Weaker::Never),
    ("WHITELIST", Weaker::More),
    ("WHITELIST_HEADERS", Weaker::More),
    ("XSS_PROBA", Weaker::More),
    ("ZTAA_BROWSER_VERSION", Weaker::Off),
    ("ZTAA_KEY", Weaker::More),
    ("ZTAA_KEY_HEADER", Weaker::Never),
];

/// Lists that name everything where they are empty.
const EMPTY_IS_ALL: [&str; 2] = ["HOSTS", "UPLOAD_EXTENSIONS"];

/// In what `after` protects less than `before`, a line each, without a secret.
pub(in crate::model::policy) fn weaker(before: &Policy, after: &Policy) -> Vec<String> {
    let levels = Check::ALL.into_iter().filter_map(|check| {
        let (was, is) = (before.level(check), after.level(check));
        // the blacklist's is told of by its switch
        let is_weaker = is.is_weaker_than(was) && check != Check::Blacklist;
        is_weaker.then(|| {
            format!(
                "{}: {} ({was}) -> {} ({is})",
                keys::of_check(check.name()),
                was as u8,
                is as u8
            )
        })
    });
    let keys = KEYS
        .into_iter()
        .filter_map(|(key, way)| changed(key, way, &before.raw, &after.raw));
    let (was, is) = (milder_routes(before), milder_routes(after));
    let routes = (is > was).then(|| format!("ROUTES: {was} -> {is} checks that do less on a route than elsewhere"));
    levels.chain(keys).chain(routes).collect()
}

/// How many checks of how many routes do less than elsewhere.
fn milder_routes(policy: &Policy) -> usize {
    let milder = |levels: &[super::Level; Check::ALL.len()]| {
        let is_milder = |check: &Check| level_in(levels, *check).is_weaker_than(policy.level(*check));
        Check::ALL.iter().filter(|check| is_milder(check)).count()
    };
    policy.routes.levels().map(milder).sum()
}

fn changed(key: &str, way: Weaker, before: &ConfigMap, after: &ConfigMap) -> Option<String> {
    let (was, is) = (before.get(key)?, after.get(key)?);
    if was == is {
        return None;
    }
    // texts may be secrets
    let text = |value: &Value| match value {
        Value::Array(all) => format!("{} entries", all.len()),
        Value::Null | Value::String(_) | Value::Object(_) => "a value".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    is_weaker(key, way, was, is).then(|| format!("{key}: {} -> {}", text(was), text(is)))
}

fn is_weaker(key: &str, way: Weaker, was: &Value, is: &Value) -> bool {
    let on = |value: &Value| value == true || value == 1;
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    match way {
        Weaker::Never => false,
        Weaker::On => on(is) && !on(was),
        Weaker::Off => on(was) && !on(is),
        Weaker::More if is_list(was) || is_list(is) => {
            let (was, is) = (items(was), items(is));
            let is_all = |items: &BTreeSet<String>| items.is_empty() && EMPTY_IS_ALL.contains(&key);
            match (is_all(&was), is_all(&is)) {
                (true, _) => false,
                (false, true) => true,
                (false, false) => !is.is_subset(&was),
            }
        }
        Weaker::Less if is_list(was) || is_list(is) => !items(was).is_subset(&items(is)),
        Weaker::More => number(is) > number(was),
        Weaker::Less => number(is) < number(was),
    }
}

fn is_list(value: &Value) -> bool {
    value.is_array() || value.is_string()
}

/// The items of a list, as they are written; one text is a list of one, an empty one is none.
fn items(value: &Value) -> BTreeSet<String> {
    match value.as_array() {
        Some(all) => all.iter().map(Value::to_string).collect(),
        None if value == "" => BTreeSet::new(),
        None => BTreeSet::from([value.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::template;

    #[test]
    fn every_key_says_which_way_it_is_weaker() {
        let told =
            |name: &str| ["SECURITY_CHECKS", "ROUTES"].contains(&name) || KEYS.iter().any(|(key, _)| *key == name);
        let unknown: Vec<String> = template::defaults()
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| !told(key))
            .collect();
        assert_eq!(unknown, [""; 0], "to be added");
        assert!(KEYS.iter().all(|(key, _)| template::defaults().contains_key(*key)));
    }
}
