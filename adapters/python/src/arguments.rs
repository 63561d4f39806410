//! What Python says as text and numbers, and what it is told: read, refused and written in one way.

use std::time::Duration;

use buckler::model::address::parse_network;
use ipnet::IpNet;
#[cfg(unix)]
use pyo3::exceptions::PyRuntimeError;
use pyo3::{exceptions::PyValueError, prelude::*};

#[cfg(unix)]
use crate::shared::Gone;

/// The longest that a call may wait, in seconds: longer than any server waits for its workers.
const LONGEST: f64 = 3600.0;

/// What was begun by a sibling's agent that is gone cannot be judged to its end: the middleware
/// does as the settings say.
#[cfg(unix)]
pub(crate) fn gone(_: Gone) -> PyErr {
    PyRuntimeError::new_err("the process that has the agent is gone")
}

/// An address or a network.
///
/// # Errors
/// Where it is neither.
pub(crate) fn parsed(network: &str) -> PyResult<IpNet> {
    parse_network(network).ok_or_else(|| {
        let said = format!("network: found {network:?}; allowed is an address, or a network in CIDR notation");
        PyValueError::new_err(said)
    })
}

/// A time to wait.
///
/// # Errors
/// Where it is none, or longer than any server waits.
pub(crate) fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    if (0.0..=LONGEST).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let said = format!("{name}: found {seconds}; allowed: seconds from 0 to {LONGEST}");
    Err(PyValueError::new_err(said))
}

/// What Python reads.
///
/// # Errors
/// Where it cannot be said as JSON.
pub(crate) fn json(said: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(said).map_err(|error| PyValueError::new_err(error.to_string()))
}
