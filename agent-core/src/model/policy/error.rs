//! What is wrong with a configuration: every problem at once, each with its place, what was found there, and what is allowed.

use std::fmt;

use serde_json::Value;

/// The most of a value or key that an error shows, in characters: enough to recognise it on one line of a log.
const EXCERPT: usize = 80;

/// A configuration that cannot be used. `Display` writes one problem a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct PolicyError {
    problems: Vec<Problem>,
}

impl PolicyError {
    /// An error of at least one problem.
    pub(super) const fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Every problem, in the order of the layers' keys.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The layer: a file's path, `server`, `code`, …
    pub origin: String,
    /// The key as it was written there, and the place in its value: `SECURITY_CHECKS.flood`, `DECOY_ROUTES[3]`.
    pub key: String,
    /// What was found, cut to a line; a secret is not shown.
    pub found: String,
    /// What is allowed there.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            key,
            found,
            allowed,
        } = self;
        write!(f, "{origin}: {key} is {found}; allowed: {allowed}")
    }
}

/// What a parser says of a value, before it is known whose value that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where in the value: `[3]`; empty for the value itself.
    pub(super) at: String,
    pub(super) found: String,
    pub(super) allowed: String,
}

impl Fault {
    /// The value itself is not of the allowed kind.
    pub(super) fn new(found: &Value, allowed: impl Into<String>) -> Self {
        Self {
            at: String::new(),
            found: excerpt(&found.to_string()),
            allowed: allowed.into(),
        }
    }

    /// The same fault, found in an item of a list.
    pub(super) fn in_item(self, index: usize) -> Self {
        Self {
            at: format!("[{index}]{}", self.at),
            ..self
        }
    }

    /// The same fault, found in a member of an object.
    pub(super) fn in_member(self, name: &str) -> Self {
        Self {
            at: format!(".{}{}", excerpt(name), self.at),
            ..self
        }
    }
}

/// Text from outside, fit for one line of a log: cut, and without control characters.
pub(super) fn excerpt(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(EXCERPT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(EXCERPT).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_problem_is_one_line_whatever_was_found() {
        let value = json!("x\n\r\u{7}".repeat(100));
        let Fault { at, found, allowed } = Fault::new(&value, "a number").in_item(2).in_item(0);
        let problem = Problem {
            origin: "conf.json".into(),
            key: format!("FLOOD_RATIO{at}"),
            found,
            allowed,
        };
        let error = PolicyError::new(vec![problem.clone(), problem]);
        assert_eq!(error.to_string().lines().count(), 2);
        let line = error.to_string().lines().next().unwrap().to_owned();
        assert!(line.starts_with("conf.json: FLOOD_RATIO[0][2] is \"x"), "{line}");
        assert!(
            line.ends_with("…; allowed: a number") && line.chars().count() < 160,
            "{line}"
        );
        assert_eq!(excerpt("a\u{1b}[31m\nb"), "a [31m b");
    }
}
