//! Layers of a configuration, and how they are laid over each other.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use serde_json::Value;

use super::{
    error::{Problem, excerpt},
    keys,
};
use crate::protocol::ConfigMap;

/// The origin of the layer that the server's configuration is.
pub const SERVER: &str = "server";

/// What one origin says.
///
/// Keys are pyrasp's in upper or lower case, all of them or some; `null` means "not given", so that a later layer never unsets
/// an earlier one by it. The form `{"config": {…}}` of pyrasp's files is accepted.
#[derive(Clone, PartialEq)]
pub struct Layer {
    /// For people: a file's path, `server`, `code`, …
    pub origin: String,
    /// The keys with their values.
    pub keys: ConfigMap,
}

impl Layer {
    /// What `origin` says.
    pub fn new(origin: impl Into<String>, keys: ConfigMap) -> Self {
        Self {
            origin: origin.into(),
            keys,
        }
    }
}

/// Keys without their values: one of them is a secret.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.keys.keys().collect();
        f.debug_struct("Layer")
            .field("origin", &self.origin)
            .field("keys", &keys)
            .finish()
    }
}

/// A key that no release of pyrasp has and that means nothing here: reported, never fatal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The layer.
    pub origin: String,
    /// The key as it was written.
    pub key: String,
}

/// What one layer says of one key.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) origin: String,
    /// The key as it was written.
    pub(super) spelling: String,
    pub(super) value: Value,
    /// Whether somebody chose it: it is not the template's.
    pub(super) chosen: bool,
}

/// All layers, key by key: each key's values in the order of the layers. A check of `SECURITY_CHECKS` is a key by itself.
#[derive(Default)]
pub(super) struct Stack {
    pub(super) given: BTreeMap<String, Vec<Given>>,
    pub(super) unknown: Vec<UnknownKey>,
    pub(super) problems: Vec<Problem>,
}

impl Stack {
    /// The lowest layer, whose keys are the known ones.
    pub(super) fn new(defaults: Layer) -> Self {
        let mut stack = Self::default();
        for (key, given) in stack.flatten(defaults, false) {
            stack.given.insert(key, vec![given]);
        }
        stack
    }

    /// Lays what a template changes over the defaults.
    pub(super) fn push_template(&mut self, layer: Layer) {
        self.lay(layer, false);
    }

    /// Lays a layer over the others.
    pub(super) fn push(&mut self, layer: Layer) {
        self.lay(layer, true);
    }

    fn lay(&mut self, layer: Layer, chosen: bool) {
        for (key, given) in self.flatten(layer, chosen) {
            match self.given.get_mut(&key) {
                Some(values) => values.push(given),
                None => self.unknown.push(UnknownKey {
                    origin: given.origin,
                    key: excerpt(&given.spelling),
                }),
            }
        }
    }

    /// The keys of one layer in their one spelling, each once.
    fn flatten(&mut self, layer: Layer, chosen: bool) -> impl Iterator<Item = (String, Given)> + use<> {
        let (known, problems) = (&self.given, &mut self.problems);
        let mut flat = Flat {
            origin: layer.origin,
            chosen,
            keys: BTreeMap::new(),
            known,
            problems,
        };
        for (spelling, value) in layer.keys {
            if spelling.eq_ignore_ascii_case(WRAPPER) {
                flat.open(&spelling, value, |flat, spelling, value| flat.top(spelling, value));
            } else {
                flat.top(spelling, value);
            }
        }
        flat.keys.into_iter().map(|(key, (given, _))| (key, given))
    }
}

/// What an update of some keys makes of a layer: a key in the update replaces the same key however either is spelt.
#[must_use]
pub fn laid_over(layer: &ConfigMap, update: ConfigMap) -> ConfigMap {
    let given: BTreeSet<String> = update.keys().map(|key| one_spelling(key).0).collect();
    let stays = layer.iter().filter(|(key, _)| !given.contains(&one_spelling(key).0));
    let mut all: ConfigMap = stays.map(|(key, value)| (key.clone(), value.clone())).collect();
    all.extend(update);
    all
}

/// pyrasp's files may hold the configuration in an object of this name.
pub(super) const WRAPPER: &str = "config";

/// Whether a key was written as the newest release writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Older,
    Newest,
}

/// One layer on its way.
struct Flat<'a> {
    origin: String,
    chosen: bool,
    keys: BTreeMap<String, (Given, Age)>,
    known: &'a BTreeMap<String, Vec<Given>>,
    problems: &'a mut Vec<Problem>,
}

impl Flat<'_> {
    fn top(&mut self, spelling: String, value: Value) {
        if spelling.eq_ignore_ascii_case(keys::CHECKS) {
            let prefix = spelling.clone();
            self.open(&spelling, value, |flat, name, value| {
                flat.put(format!("{prefix}.{name}"), value)
            });
        } else {
            self.put(spelling, value);
        }
    }

    /// Visits the entries of what must be an object, or is not given.
    fn open(&mut self, spelling: &str, value: Value, mut visit: impl FnMut(&mut Self, String, Value)) {
        if let Value::Object(entries) = value {
            entries.into_iter().for_each(|(key, value)| visit(self, key, value));
        } else if !value.is_null() {
            self.problem(spelling, excerpt(&value.to_string()), "an object of keys and values");
        }
    }

    fn put(&mut self, spelling: String, value: Value) {
        if value.is_null() {
            return;
        }
        let (key, age) = one_spelling(&spelling);
        let given = Given {
            origin: self.origin.clone(),
            spelling,
            value,
            chosen: self.chosen,
        };
        let matters = self.known.contains_key(&key);
        let earlier = match self.keys.entry(key) {
            Entry::Vacant(free) => {
                free.insert((given, age));
                return;
            }
            Entry::Occupied(taken) => taken.into_mut(),
        };
        if earlier.1 < age {
            *earlier = (given, age);
        } else if earlier.1 == age && matters {
            let other = excerpt(&earlier.0.spelling);
            self.problem(
                &given.spelling,
                format!("the same key as {other}"),
                "each key once in a layer",
            );
        }
    }

    fn problem(&mut self, key: &str, found: String, allowed: &str) {
        let (origin, key, allowed) = (self.origin.clone(), excerpt(key), allowed.to_owned());
        self.problems.push(Problem {
            origin,
            key,
            found,
            allowed,
        });
    }
}

/// The key as it is looked up: upper case and newest name; a check's own name in lower case.
fn one_spelling(spelling: &str) -> (String, Age) {
    let upper = spelling.to_ascii_uppercase();
    if let Some((keys::CHECKS, check)) = upper.split_once('.') {
        return (keys::of_check(&check.to_ascii_lowercase()), Age::Newest);
    }
    match keys::OLDER_SPELLINGS.into_iter().find(|(older, _)| *older == upper) {
        Some((_, newest)) => (newest.to_owned(), Age::Older),
        None => (upper, Age::Newest),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layer(keys: Value) -> Layer {
        Layer::new("test", serde_json::from_value(keys).unwrap())
    }

    fn stacked(keys: Value) -> Stack {
        let mut stack = Stack::new(layer(json!({
            "HOSTS": [], "BLOCK_STATUS_CODE": 403, "SECURITY_CHECKS": {"flood": 2, "xss": 2}
        })));
        stack.push(layer(keys));
        stack
    }

    fn last<'a>(stack: &'a Stack, key: &str) -> &'a Value {
        &stack.given[key].last().unwrap().value
    }

    #[test]
    fn either_case_and_the_wrapper_name_the_same_key() {
        for keys in [
            json!({"HOSTS": ["a"]}),
            json!({"hosts": ["a"]}),
            json!({"config": {"Hosts": ["a"]}}),
        ] {
            assert_eq!(last(&stacked(keys), "HOSTS"), &json!(["a"]));
        }
        let wrapped = stacked(json!({"config": null, "blacklist": {}}));
        assert!(wrapped.problems.is_empty());
        assert_eq!(
            wrapped.unknown,
            [UnknownKey {
                origin: "test".into(),
                key: "blacklist".into()
            }]
        );
    }

    #[test]
    fn only_the_checks_that_are_named_change() {
        let stack = stacked(json!({"security_checks": {"Flood": 0, "xss": null, "yoga": 1}, "SECURITY_CHECKS.xss": 3}));
        assert_eq!(last(&stack, "SECURITY_CHECKS.flood"), 0);
        assert_eq!(last(&stack, "SECURITY_CHECKS.xss"), 3);
        assert_eq!(stack.unknown[0].key, "security_checks.yoga");
    }

    #[test]
    fn null_is_not_given_and_a_wrong_shape_is_a_problem() {
        let stack = stacked(json!({"HOSTS": null, "SECURITY_CHECKS": [1], "config": "x"}));
        assert_eq!(stack.given["HOSTS"].len(), 1);
        let keys: Vec<_> = stack.problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["SECURITY_CHECKS", "config"]);
    }

    #[test]
    fn the_newer_of_two_spellings_wins_in_a_layer_and_the_later_layer_over_all() {
        let both = json!({"DENY_STATUS_CODE": 404, "BLOCK_STATUS_CODE": 410});
        assert_eq!(last(&stacked(both), "BLOCK_STATUS_CODE"), 410);
        let reversed = json!({"block_status_code": 410, "deny_status_code": 404});
        assert_eq!(last(&stacked(reversed), "BLOCK_STATUS_CODE"), 410);
        let mut stack = stacked(json!({"BLOCK_STATUS_CODE": 410}));
        stack.push(layer(json!({"DENY_STATUS_CODE": 404})));
        assert_eq!(last(&stack, "BLOCK_STATUS_CODE"), 404);
        assert_eq!(
            stack.given["BLOCK_STATUS_CODE"].last().unwrap().spelling,
            "DENY_STATUS_CODE"
        );
    }

    #[test]
    fn a_key_in_both_cases_is_a_problem() {
        let stack = stacked(json!({"HOSTS": ["a"], "hosts": ["b"], "FOO": 1, "foo": 2}));
        assert_eq!(
            (stack.problems.len(), stack.unknown.len()),
            (1, 1),
            "an unknown key is never fatal"
        );
        assert_eq!(
            stack.problems[0].to_string(),
            "test: hosts is the same key as HOSTS; allowed: each key once in a layer"
        );
    }

    #[test]
    fn an_update_replaces_a_key_however_it_is_spelt() {
        let before = layer(json!({"hosts": ["a"], "BLOCK_STATUS_CODE": 410, "APP_NAME": "x"})).keys;
        let update = layer(json!({"HOSTS": ["b"], "DENY_STATUS_CODE": 404})).keys;
        let after = Value::Object(laid_over(&before, update));
        assert_eq!(after, json!({"HOSTS": ["b"], "DENY_STATUS_CODE": 404, "APP_NAME": "x"}));
    }

    #[test]
    fn debug_shows_no_values() {
        let shown = format!("{:?}", layer(json!({"ZTAA_KEY": "hush"})));
        assert!(shown.contains("ZTAA_KEY") && !shown.contains("hush"), "{shown}");
    }
}
