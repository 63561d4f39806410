//! Buckler for Python, the native half: `buckler._buckler`.
//!
//! What is here is what must be quick or cannot be said in Python: the agent, a request as the guard sees it, and the guard's answers.
//! The middlewares and the one-liners for each framework are Python, in `python/buckler`.
//!
//! # What runs where
//! - A verdict is made in the caller's thread from the snapshot, with the interpreter's lock held: it takes microseconds, and to give the
//!   lock up and to get it back takes milliseconds where other threads are busy. Only long bodies are judged without it.
//! - The agent's own thread never touches Python. What it logs waits in a queue, which the next caller hands to `logging`.
//! - After a fork the child has no agent until its first request; see [`fork`]. It is the agent of
//!   the host then, see [`shared`]: that of the first worker that was asked something, which the
//!   others ask over a socket.

mod agent;
mod arguments;
mod fork;
mod head;
mod headers;
mod live;
mod logs;
mod reading;
mod refusal;
mod request;
mod rest;
mod ring;
mod settings;
#[cfg(unix)]
mod shared;
mod target;
#[cfg(unix)]
mod wire;

use pyo3::prelude::*;

/// The native half of `buckler`.
#[pymodule]
fn _buckler(module: &Bound<'_, PyModule>) -> PyResult<()> {
    fork::watch();
    logs::listen();
    module.add("VERSION", buckler::VERSION)?;
    module.add("SettingsError", module.py().get_type::<settings::SettingsError>())?;
    module.add_class::<agent::Agent>()?;
    module.add_class::<request::Request>()?;
    module.add_class::<rest::BodyRest>()?;
    module.add_class::<refusal::Refusal>()
}
