//! Reading WSGI's environment and ASGI's scope: where servers keep what a request is.

use std::net::IpAddr;

use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString, PyTuple},
};

use crate::target::{Target, latin1};

/// A text of a dictionary's. Half a character in it (no server makes one) is replaced.
pub(crate) fn text(dict: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<Option<String>> {
    let Some(value) = dict.get_item(key)? else {
        return Ok(None);
    };
    let text = value.cast::<PyString>().ok();
    Ok(text.map(|text| text.to_string_lossy().into_owned()))
}

/// The target as it came, which servers keep under one of two names, or the decoded path encoded again.
pub(crate) fn wsgi_target(environ: &Bound<'_, PyDict>) -> PyResult<Target> {
    let py = environ.py();
    for name in [intern!(py, "RAW_URI"), intern!(py, "REQUEST_URI")] {
        if let Some(line) = text(environ, name)?.filter(|line| !line.is_empty()) {
            return Ok(Target::of_line(&line));
        }
    }
    let part = |key| Ok::<_, PyErr>(text(environ, key)?.unwrap_or_default());
    let path = part(intern!(py, "SCRIPT_NAME"))? + &part(intern!(py, "PATH_INFO"))?;
    let path = if path.is_empty() { "/" } else { &path };
    Ok(Target::of_decoded(latin1(path), &part(intern!(py, "QUERY_STRING"))?))
}

/// The path as it came, or the decoded one encoded again.
pub(crate) fn asgi_target(scope: &Bound<'_, PyDict>) -> PyResult<Target> {
    let py = scope.py();
    let query = match scope.get_item(intern!(py, "query_string"))? {
        // Django's test client writes a text
        Some(query) => match query.cast::<PyBytes>() {
            Ok(query) => shown(query),
            Err(_) => query.extract()?,
        },
        None => String::new(),
    };
    let raw = scope.get_item(intern!(py, "raw_path"))?;
    if let Some(raw) = raw.as_ref().and_then(|raw| raw.cast::<PyBytes>().ok()) {
        // some put the query there too
        let line = shown(raw);
        return Ok(Target::of_parts(line.split('?').next().unwrap_or_default(), &query));
    }
    let path = text(scope, intern!(py, "path"))?.unwrap_or_default();
    Ok(Target::of_decoded(path.bytes(), &query))
}

/// Bytes as Latin-1.
fn shown(bytes: &Bound<'_, PyBytes>) -> String {
    bytes.as_bytes().iter().copied().map(char::from).collect()
}

/// The first of `client`'s pair.
pub(crate) fn asgi_peer(scope: &Bound<'_, PyDict>) -> PyResult<Option<IpAddr>> {
    let client = scope.get_item(intern!(scope.py(), "client"))?;
    let Some(client) = client.filter(|client| !client.is_none()) else {
        return Ok(None);
    };
    if !client.is_instance_of::<PyTuple>() && !client.is_instance_of::<PyList>() {
        return Err(PyTypeError::new_err("the scope's client is no pair"));
    }
    let host = client.get_item(0)?;
    Ok(host
        .cast::<PyString>()
        .ok()
        .and_then(|host| address(host.to_str().ok()?)))
}

/// An address; what a server writes where there is none (a Unix socket, an empty text) is none.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    // a zone names an interface of this machine
    text.split('%').next().unwrap_or(text).parse().ok()
}
