//! Variables of the environment that a cloud sets.

use std::num::NonZeroU16;

/// A variable that the cloud sets is not what it is documented to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {found:?}; allowed is {allowed}")]
pub struct VariableError {
    /// Its name.
    pub variable: &'static str,
    /// Its value.
    pub found: String,
    /// What it may be.
    pub allowed: &'static str,
}

/// The variable, where it is set to something.
pub(crate) fn text(read: &dyn Fn(&str) -> Option<String>, variable: &str) -> Option<String> {
    read(variable).filter(|value| !value.is_empty())
}

/// The port to listen on, where it is set.
pub(crate) fn port(
    read: &dyn Fn(&str) -> Option<String>,
    variable: &'static str,
) -> Result<Option<NonZeroU16>, VariableError> {
    let Some(found) = text(read, variable) else {
        return Ok(None);
    };
    let port = found.parse().map_err(|_| VariableError {
        variable,
        found,
        allowed: "a port from 1 to 65535",
    })?;
    Ok(Some(port))
}

/// The process's own environment. What is no Unicode is taken for unset: none of the clouds sets such a value.
pub(crate) fn of_process(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}
