//! What was wrong with the settings: every problem by its place, with what was found there and what is allowed.

use std::fmt;

/// Why settings cannot be used: all problems that were found, one a line.
///
/// ```
/// # use buckler::settings::Settings;
/// let error = Settings::builder().cloud_url("ftp://example.com/").build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "code: agent.cloud_url: found the text \"ftp://example.com/\"; \
///      allowed: an http:// or https:// URL with a host, without user name and password",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

/// One thing that is wrong. It never holds the agent's key, nor any text of a place where a key belongs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {}found {found}; allowed: {allowed}", Place(.key))]
#[non_exhaustive]
pub struct Problem {
    /// Who said it: a file's path, `environment variable …`, or `code`.
    pub origin: String,
    /// Where in it: `agent.cloud_url`; empty where the whole origin is meant.
    pub key: String,
    /// What was found there, in words.
    pub found: String,
    /// What is allowed there, in words.
    pub allowed: String,
}

impl Problem {
    /// Names a problem.
    #[must_use]
    pub fn new(
        origin: impl Into<String>,
        key: impl Into<String>,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self {
            origin: origin.into(),
            key: key.into(),
            found: found.into(),
            allowed: allowed.into(),
        }
    }
}

impl SettingsError {
    /// Every problem, in the order in which they were found.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All of these.
    pub(super) const fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// `Ok` where there are no problems.
    pub(super) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// The key with what follows it in a line; nothing where the whole origin is meant.
struct Place<'a>(&'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, "{}: ", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_listed_one_a_line() {
        let error = SettingsError {
            problems: vec![
                Problem::new("buckler.toml", "agent.template", "5", "a template"),
                Problem::new("rasp.json", "", "no such file", "a file that can be read"),
            ],
        };
        assert_eq!(
            error.to_string(),
            "buckler.toml: agent.template: found 5; allowed: a template\n\
             rasp.json: found no such file; allowed: a file that can be read"
        );
    }
}
