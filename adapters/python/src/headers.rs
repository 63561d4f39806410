//! Headers as Python's servers hold them: read where they are, copied only where they are not what the guard wants.

use std::borrow::Cow;

use buckler::guard::Headers;
use pyo3::{
    Bound, Py, PyAny, PyResult, Python,
    types::{PyBytes, PyBytesMethods as _, PyString, PyStringMethods as _},
};

use crate::{head::Resolve, request::Request, target::latin1};

/// The headers of a request, kept alive as long as it is.
#[derive(Debug, Default)]
pub(crate) struct HeaderList(Vec<Header>);

#[derive(Debug)]
struct Header {
    name: Name,
    value: Value,
}

/// In lower case.
#[derive(Debug)]
enum Name {
    Known(&'static str),
    Other(Box<str>),
}

#[derive(Debug)]
enum Value {
    /// ASGI's.
    Bytes(Py<PyBytes>),
    /// WSGI's, where it is ASCII, as nearly all are.
    Text(Py<PyString>),
    Copied(Box<[u8]>),
}

impl HeaderList {
    /// Adds a header with WSGI's name for it, if that is one: `HTTP_USER_AGENT`.
    pub(crate) fn add_wsgi(&mut self, key: &str, value: &Bound<'_, PyAny>) {
        let name = match key.strip_prefix("HTTP_") {
            Some(name) => name,
            None if matches!(key, "CONTENT_TYPE" | "CONTENT_LENGTH") => key,
            None => return,
        };
        let Ok(value) = value.cast::<PyString>() else { return };
        let value = text_value(value);
        // servers set these two even where the client did not
        if key.starts_with("HTTP_") || !matches!(&value, Some(Value::Copied(bytes)) if bytes.is_empty()) {
            self.add(Name::of(name.bytes().map(from_wsgi)), value);
        }
    }

    /// Adds one of ASGI's pairs.
    pub(crate) fn add_asgi(&mut self, name: &Bound<'_, PyBytes>, value: &Bound<'_, PyBytes>) {
        let name = Name::of(name.as_bytes().iter().map(u8::to_ascii_lowercase));
        self.add(name, Some(Value::Bytes(value.clone().unbind())));
    }

    /// Adds a pair of texts or bytes.
    ///
    /// # Errors
    /// Where it is neither.
    pub(crate) fn add_any(&mut self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = bytes_of(name)?;
        let value = Value::Copied(bytes_of(value)?.into());
        self.add(Name::of(name.iter().map(u8::to_ascii_lowercase)), Some(value));
        Ok(())
    }

    fn add(&mut self, name: Name, value: Option<Value>) {
        if let Some(value) = value {
            self.0.push(Header { name, value });
        }
    }

    /// The first value of a header, as text.
    pub(crate) fn first(&self, name: &str, py: Python<'_>) -> Option<String> {
        let found = self.0.iter().find(|header| header.name.text() == name)?;
        Some(String::from_utf8_lossy(found.value.bytes(py)).into_owned())
    }

    fn for_each_value<'h>(&'h self, py: Python<'h>, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for header in &self.0 {
            if header.name.text() == name {
                visit(header.value.bytes(py));
            }
        }
    }

    fn for_each<'h>(&'h self, py: Python<'h>, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for header in &self.0 {
            visit(header.name.text(), header.value.bytes(py));
        }
    }

    /// Copied, for a judgement that does without the interpreter's lock.
    pub(crate) fn copied(&self, py: Python<'_>) -> Vec<(String, Vec<u8>)> {
        let copy = |header: &Header| (header.name.text().to_owned(), header.value.bytes(py).to_vec());
        self.0.iter().map(copy).collect()
    }
}

/// A request's headers while the interpreter's lock is held, and its framework at hand.
pub(crate) struct View<'a, 'py> {
    pub(crate) py: Python<'py>,
    pub(crate) list: &'a HeaderList,
    pub(crate) request: &'a Request,
    pub(crate) resolve: Option<Resolve<'a, 'py>>,
}

impl Headers for View<'_, '_> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.list.for_each_value(self.py, name, visit);
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.list.for_each(self.py, visit);
    }

    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        self.request.pattern_by(self.resolve).map(Cow::Borrowed)
    }
}

/// Headers apart from Python's objects, and what tells the pattern of the route.
pub(crate) struct Pairs<'b, P> {
    pub(crate) pairs: Vec<(&'b str, &'b [u8])>,
    pub(crate) pattern: P,
}

impl<P: Fn() -> Option<String>> Headers for Pairs<'_, P> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let named = self.pairs.iter().filter(|(own, _)| *own == name);
        named.for_each(|(_, value)| visit(value));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.pairs.iter().for_each(|(name, value)| visit(name, value));
    }

    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        (self.pattern)().map(Cow::Owned)
    }
}

impl Name {
    /// Of bytes in lower case. The known ones cost no copy.
    fn of(bytes: impl Iterator<Item = u8>) -> Self {
        /// Longer than any that browsers and proxies send by themselves.
        const MOST: usize = 48;
        let mut buffer = [0; MOST];
        let mut length = 0;
        let mut rest = Vec::new();
        for byte in bytes {
            match buffer.get_mut(length) {
                Some(place) => *place = byte,
                None => rest.push(byte),
            }
            length += 1;
        }
        let start = buffer.get(..length).unwrap_or(&buffer);
        if let Some(name) = known(start).filter(|_| rest.is_empty()) {
            return Self::Known(name);
        }
        let mut whole = start.to_vec();
        whole.append(&mut rest);
        Self::Other(String::from_utf8_lossy(&whole).into())
    }

    fn text(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Other(name) => name,
        }
    }
}

impl Value {
    fn bytes<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(py),
            // it was ASCII when it was added, and texts never change
            Self::Text(text) => text.bind(py).to_str().map(str::as_bytes).unwrap_or_default(),
            Self::Copied(bytes) => bytes,
        }
    }
}

/// A text's value: itself where it is ASCII, else the bytes that WSGI shows as Latin-1; nothing where it holds half a character.
fn text_value(text: &Bound<'_, PyString>) -> Option<Value> {
    let shown = text.to_str().ok()?;
    Some(if shown.is_ascii() && !shown.is_empty() {
        Value::Text(text.clone().unbind())
    } else {
        Value::Copied(latin1(shown).collect())
    })
}

fn bytes_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    match value.cast::<PyBytes>() {
        Ok(bytes) => Ok(bytes.as_bytes().to_vec()),
        Err(_) => Ok(latin1(value.cast::<PyString>()?.to_str()?).collect()),
    }
}

/// `USER_AGENT` as `user-agent`.
fn from_wsgi(byte: u8) -> u8 {
    match byte {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

/// The names that browsers, clients and proxies send.
fn known(name: &[u8]) -> Option<&'static str> {
    macro_rules! one_of {
        ($($known:literal)*) => {
            match str::from_utf8(name).ok()? {
                $($known => Some($known),)*
                _ => None,
            }
        };
    }
    one_of! {
        "accept" "accept-charset" "accept-encoding" "accept-language" "authorization" "cache-control" "connection"
        "content-encoding" "content-length" "content-type" "cookie" "dnt" "expect" "forwarded" "from" "host" "if-match"
        "if-modified-since" "if-none-match" "origin" "pragma" "priority" "range" "referer" "sec-ch-ua"
        "sec-ch-ua-mobile" "sec-ch-ua-platform" "sec-fetch-dest" "sec-fetch-mode" "sec-fetch-site" "sec-fetch-user"
        "te" "traceparent" "transfer-encoding" "upgrade" "upgrade-insecure-requests" "user-agent" "via"
        "x-amzn-trace-id" "x-csrf-token" "x-forwarded-for" "x-forwarded-host" "x-forwarded-port" "x-forwarded-proto"
        "x-real-ip" "x-request-id" "x-requested-with"
    }
}
