//! Reads typed values out of the stacked layers, and gathers what is wrong on the way instead of stopping at it.

use std::collections::{BTreeMap, BTreeSet};

use buckler_waf::pattern::{self, Pattern, PatternSet};
use serde_json::Value;

use super::{
    error::{Fault, Problem, excerpt},
    keys,
    layer::{Given, Stack, UnknownKey},
    value::Parsed,
};
use crate::protocol::ConfigMap;

/// The stack of layers while it is read.
pub(super) struct Reader {
    stack: Stack,
    /// Keys that a layer gives a wrong value: what is read of them is not what was meant.
    faulty: BTreeSet<String>,
}

/// What is left of the stack when it has been read without a problem.
pub(super) struct Rest {
    pub(super) raw: ConfigMap,
    pub(super) unknown: Vec<UnknownKey>,
}

impl Reader {
    pub(super) const fn new(stack: Stack) -> Self {
        Self {
            stack,
            faulty: BTreeSet::new(),
        }
    }

    /// The value of a key: the last layer's. Every layer's is parsed, so that none hides another's fault.
    pub(super) fn read<T: Default>(&mut self, key: &str, parse: impl Fn(&Value) -> Parsed<T>) -> T {
        let Stack { given, problems, .. } = &mut self.stack;
        let mut last = T::default();
        for layer in given.get(key).into_iter().flatten() {
            match parse(&layer.value) {
                Ok(value) => last = value,
                Err(fault) => {
                    self.faulty.insert(key.to_owned());
                    let found = if keys::is_secret(key) {
                        "a value that is not shown".to_owned()
                    } else {
                        fault.found
                    };
                    let key = format!("{}{}", layer.spelling, fault.at);
                    problems.push(Problem {
                        origin: layer.origin.clone(),
                        key,
                        found,
                        allowed: fault.allowed,
                    });
                }
            }
        }
        last
    }

    /// The patterns of a key, compiled.
    pub(super) fn patterns(&mut self, key: &str, parse: impl Fn(&Value) -> Parsed<Vec<Pattern>>) -> PatternSet {
        let patterns = self.read(key, |value| affordable(value).and_then(|()| parse(value)));
        PatternSet::new(&patterns).unwrap_or_else(|too_large| {
            let allowed =
                "patterns that are compiled in bounded memory and time: fewer, or with less repetition".to_owned();
            let found = Value::from(too_large.patterns).to_string();
            self.problem(key, &found, allowed);
            PatternSet::default()
        })
    }

    /// Whether a layer above the template gives the key.
    pub(super) fn is_chosen(&self, key: &str) -> bool {
        self.last(key).is_some_and(|layer| layer.chosen)
    }

    /// Whether the value in force was written under this name.
    pub(super) fn is_spelt(&self, key: &str, spelling: &str) -> bool {
        self.last(key)
            .is_some_and(|layer| layer.spelling.eq_ignore_ascii_case(spelling))
    }

    /// Notes a fault of the value that is in force, seen beside other keys; one fault of a key is enough.
    pub(super) fn problem(&mut self, key: &str, found: &str, allowed: String) {
        if !self.faulty.insert(key.to_owned()) {
            return;
        }
        let (origin, key) = self.last(key).map_or_else(
            || (String::new(), key.to_owned()),
            |layer| (layer.origin.clone(), layer.spelling.clone()),
        );
        self.stack.problems.push(Problem {
            origin,
            key,
            found: excerpt(found),
            allowed,
        });
    }

    /// What is left, or every problem.
    pub(super) fn finish(self) -> Result<Rest, Vec<Problem>> {
        let Stack {
            given,
            unknown,
            problems,
        } = self.stack;
        if problems.is_empty() {
            Ok(Rest {
                raw: merged(given),
                unknown,
            })
        } else {
            Err(problems)
        }
    }

    fn last(&self, key: &str) -> Option<&Given> {
        self.stack.given.get(key).and_then(|layers| layers.last())
    }
}

/// Whether a list of patterns can be parsed in some ten milliseconds. One pattern is bounded by itself.
pub(super) fn affordable(value: &Value) -> Parsed<()> {
    /// Bytes of all patterns: thousands of them.
    const MOST_BYTES: usize = 256 << 10;
    /// Classes of characters that are not of ASCII alone.
    const MOST_MARKS: usize = 256;
    let (mut bytes, mut marks) = (0, 0);
    for item in value.as_array().into_iter().flatten() {
        let text = item.as_array().and_then(|typed| typed.first()).unwrap_or(item);
        let text = text.as_str().unwrap_or_default();
        bytes += text.len();
        marks += pattern::marks(text);
    }
    let allowed =
        || format!("patterns of at most {MOST_BYTES} bytes and {MOST_MARKS} classes of characters, all together");
    if bytes > MOST_BYTES || marks > MOST_MARKS {
        return Err(Fault::new(value, allowed()));
    }
    Ok(())
}

/// The last value of every key, in the shape of a configuration.
fn merged(given: BTreeMap<String, Vec<Given>>) -> ConfigMap {
    let (mut raw, mut checks) = (ConfigMap::new(), ConfigMap::new());
    for (key, mut layers) in given {
        let Some(Given { value, .. }) = layers.pop() else {
            continue;
        };
        match keys::check_of(&key) {
            Some(check) => checks.insert(check.to_owned(), value),
            None => raw.insert(key, value),
        };
    }
    raw.insert(keys::CHECKS.to_owned(), Value::Object(checks));
    raw
}
