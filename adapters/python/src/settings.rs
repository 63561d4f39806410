//! What the host said in Python, read as the agent's settings.

use buckler::{Settings, settings::SettingsBuilder};
use pyo3::{create_exception, exceptions::PyValueError, prelude::*};
use serde_json::{Map, Value};

create_exception!(
    buckler,
    SettingsError,
    PyValueError,
    "The settings are wrong: each problem with its place, with what was found and what is allowed."
);

/// Settings from what Python gathered, as JSON: `file`, `variables`, and the tables `agent`, `transport` and `security`.
///
/// # Errors
/// Names every problem.
pub(crate) fn read(said: &str) -> PyResult<Settings> {
    let said: Map<String, Value> =
        serde_json::from_str(said).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let settings = builder(&said).build().map_err(|error| wrong(&error))?;
    // a transport that does not exist is known only here
    buckler_transports::pick(&settings).map_err(|error| wrong(&error))?;
    Ok(settings)
}

fn builder(said: &Map<String, Value>) -> SettingsBuilder {
    let mut builder = Settings::builder().variables(
        table(said, "variables").filter_map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned()))),
    );
    if let Some(file) = said.get("file").and_then(Value::as_str) {
        builder = builder.file(file);
    }
    for (key, value) in table(said, "agent") {
        builder = builder.agent_option(key, value.clone());
    }
    for (key, value) in table(said, "security") {
        builder = builder.security(key, value.clone());
    }
    for (key, value) in table(said, "transport") {
        builder = if let Value::Object(options) = value {
            options.iter().fold(builder, |builder, (option, value)| {
                builder.transport_option(key, option, value.clone())
            })
        } else {
            // `kind`; of anything else the settings say that it is none
            builder.transport(value.as_str().unwrap_or(key))
        };
    }
    builder
}

fn table<'a>(said: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let table = said.get(name).and_then(Value::as_object);
    table.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// The settings' error as Python's.
pub(crate) fn wrong(error: &impl ToString) -> PyErr {
    SettingsError::new_err(error.to_string())
}
