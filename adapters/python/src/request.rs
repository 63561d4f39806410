//! A request, as the guard is shown it: taken from WSGI's environment, from ASGI's scope, or from what a function was handed.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use buckler::guard::{Headers, RequestView, RouteMatch};
use pyo3::{
    exceptions::PyValueError,
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};

use crate::{
    fork,
    head::{Found, Resolve},
    headers::{HeaderList, Pairs, View},
    reading::{address, asgi_peer, asgi_target, text, wsgi_target},
    target::Target,
};

/// A request as the guard sees it. It is read when it is made, so that what the application does to its own objects changes nothing.
///
/// `target` is the path and the query as the client sent them; `headers` are pairs of texts or
/// bytes; `peer` is the address at the other end of the connection, without a port; `pattern` is
/// that of the route, `/items/{id}`, where it is known beforehand.
#[pyclass(frozen, module = "buckler")]
#[derive(Debug)]
pub(crate) struct Request {
    method: String,
    target: Target,
    host: Option<String>,
    peer: Option<IpAddr>,
    headers: HeaderList,
    route: AtomicU8,
    /// The pattern of its route, once it was looked up: nothing where there is none.
    pattern: OnceLock<Option<Box<str>>>,
    /// The process in which it was checked.
    generation: AtomicU64,
    /// How much of its body is wanted, where a sibling's agent said so; 0 is nothing.
    body: AtomicUsize,
    /// Whether its answer is looked into, where a sibling's agent said so.
    answer: AtomicBool,
}

/// A request on its way to a sibling's agent.
#[cfg(unix)]
pub(crate) struct Sent<'a> {
    pub(crate) view: &'a RequestView<'a>,
    /// The pattern of its route; nothing where it is to be asked for, should anything be found.
    pub(crate) known: Option<Option<&'a str>>,
    /// Looks that pattern up.
    pub(crate) pattern: &'a dyn Fn() -> Option<String>,
}

/// A body that is longer is judged without the interpreter's lock, in bytes. To judge it takes longer than to get the lock back, even
/// where other threads are at work and keep it for their whole switch interval.
const LONG: usize = 16 << 10;

/// `route` as a number.
const UNKNOWN: u8 = 0;
const UNSURE: u8 = 1;
const MATCHED: u8 = 2;
const MISSING: u8 = 3;

#[pymethods]
impl Request {
    #[new]
    #[pyo3(signature = (method, target, headers = None, peer = None, host = None, pattern = None))]
    fn new(
        method: &str,
        target: &str,
        headers: Option<&Bound<'_, PyAny>>,
        peer: Option<&str>,
        host: Option<String>,
        pattern: Option<&str>,
    ) -> PyResult<Self> {
        let mut list = HeaderList::default();
        if let Some(headers) = headers {
            for pair in headers.try_iter()? {
                let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
                list.add_any(&name, &value)?;
            }
        }
        let host = host.or_else(|| list.first("host", headers?.py()));
        let request = Self::of(
            method.to_ascii_uppercase(),
            Target::of_line(target),
            host,
            peer.and_then(address),
            list,
        );
        if let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) {
            request.pattern.set(Some(pattern.into())).unwrap_or_default();
        }
        Ok(request)
    }

    /// Of WSGI's environment. `peer` stands for `REMOTE_ADDR` where a platform's front end says better who connected.
    #[staticmethod]
    #[pyo3(signature = (environ, peer = None))]
    fn from_wsgi(environ: &Bound<'_, PyDict>, peer: Option<&str>) -> PyResult<Self> {
        let py = environ.py();
        let mut headers = HeaderList::default();
        for (key, value) in environ {
            if let Ok(key) = key.cast::<PyString>() {
                headers.add_wsgi(key.to_str()?, &value);
            }
        }
        let text = |key| text(environ, key);
        let peer = match peer {
            Some(peer) => address(peer),
            None => text(intern!(py, "REMOTE_ADDR"))?.as_deref().and_then(address),
        };
        let mut target = wsgi_target(environ)?;
        // the header is judged beside it: an application may go by either
        let host = match target.authority.take() {
            Some(authority) => Some(authority),
            None => text(intern!(py, "HTTP_HOST"))?,
        };
        let method = text(intern!(py, "REQUEST_METHOD"))?.unwrap_or_default();
        Ok(Self::of(method, target, host, peer, headers))
    }

    /// Of ASGI's scope, of the type `http` or `websocket`.
    #[staticmethod]
    fn from_asgi(scope: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = scope.py();
        let mut headers = HeaderList::default();
        let mut host = None;
        if let Some(pairs) = scope.get_item(intern!(py, "headers"))? {
            for pair in pairs.try_iter()? {
                let (name, value): (Bound<'_, PyBytes>, Bound<'_, PyBytes>) = pair?.extract()?;
                if host.is_none() && name.as_bytes() == b"host" {
                    // stands for a host that is no text: no list of hosts can hold it, so that it is not mistaken for an absent one
                    host = Some(str::from_utf8(value.as_bytes()).unwrap_or("\u{fffd}").to_owned());
                }
                headers.add_asgi(&name, &value);
            }
        }
        // a handshake is always a GET
        let method = text(scope, intern!(py, "method"))?.unwrap_or_else(|| "GET".to_owned());
        let mut target = asgi_target(scope)?;
        let host = target.authority.take().or(host);
        Ok(Self::of(method, target, host, asgi_peer(scope)?, headers))
    }

    /// The method.
    #[getter]
    fn method(&self) -> &str {
        &self.method
    }

    /// The path as it came, percent-encoded, without the query.
    #[getter]
    fn path(&self) -> &str {
        &self.target.path
    }

    /// The query, without the question mark.
    #[getter]
    fn query(&self) -> &str {
        &self.target.query
    }

    /// The host that was asked for, with its port if it had one.
    #[getter]
    fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The address at the other end of the connection.
    #[getter]
    fn peer(&self) -> Option<String> {
        self.peer.map(|peer| peer.to_string())
    }

    /// The pattern of its route, where it has one that is known by now.
    #[getter]
    fn pattern(&self) -> Option<&str> {
        self.known_pattern().flatten()
    }

    /// Whether the application has a route for it: `matched`, `missing` (and the framework is sure of it), `unsure`, where only the
    /// answer will tell, or `unknown`, where nobody knows the routes.
    #[getter]
    fn route(&self) -> &'static str {
        match self.route.load(Relaxed) {
            MATCHED => "matched",
            MISSING => "missing",
            UNSURE => "unsure",
            _ => "unknown",
        }
    }

    #[setter]
    fn set_route(&self, route: &str) -> PyResult<()> {
        let route = match route {
            "matched" => MATCHED,
            "missing" => MISSING,
            "unsure" => UNSURE,
            "unknown" => UNKNOWN,
            other => {
                let allowed = "allowed are 'matched', 'missing', 'unsure' and 'unknown'";
                return Err(PyValueError::new_err(format!("route: found {other:?}, {allowed}")));
            }
        };
        self.route.store(route, Relaxed);
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<Request {} {}>", self.method, self.target.path)
    }
}

impl Request {
    fn of(method: String, target: Target, host: Option<String>, peer: Option<IpAddr>, headers: HeaderList) -> Self {
        Self {
            method,
            target,
            host,
            peer,
            headers,
            route: AtomicU8::new(UNKNOWN),
            pattern: OnceLock::new(),
            generation: AtomicU64::new(u64::MAX),
            body: AtomicUsize::new(0),
            answer: AtomicBool::new(false),
        }
    }

    /// Whether it was checked in this process, so that its answer is this process's to judge.
    pub(crate) fn is_ours(&self) -> bool {
        self.generation.load(Relaxed) == fork::generation()
    }

    /// It is checked in this process.
    pub(crate) fn claim(&self) {
        self.generation.store(fork::generation(), Relaxed);
    }

    pub(crate) fn path_text(&self) -> &str {
        &self.target.path
    }

    /// What the framework said of its routes.
    pub(crate) fn found_route(&self, found: Found) {
        let route = if found.is_route { MATCHED } else { UNSURE };
        self.route.store(route, Relaxed);
        self.pattern.set(found.pattern).unwrap_or_default();
    }

    /// The pattern of its route, once that was looked up; within it nothing, where there is none.
    pub(crate) fn known_pattern(&self) -> Option<Option<&str>> {
        self.pattern.get().map(Option::as_deref)
    }

    /// The pattern of its route, which is looked up where it is not known yet. For findings only:
    /// frameworks take their time.
    pub(crate) fn pattern_by(&self, resolve: Option<Resolve<'_, '_>>) -> Option<&str> {
        if self.pattern.get().is_none()
            && let Some(resolve) = resolve
        {
            // what fails is not known: the finding is told all the same. Not filled within the
            // cell, for which another thread might wait that has the interpreter's lock
            let found = resolve.call().unwrap_or_default();
            self.pattern.set(found.pattern).unwrap_or_default();
        }
        self.pattern()
    }

    /// What a sibling's agent will need of it.
    #[cfg(unix)]
    pub(crate) fn found_wanted(&self, body: Option<NonZeroUsize>, answer: bool) {
        self.body.store(body.map_or(0, NonZeroUsize::get), Relaxed);
        self.answer.store(answer, Relaxed);
    }

    #[cfg(unix)]
    pub(crate) fn wanted_of_body(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.body.load(Relaxed))
    }

    #[cfg(unix)]
    pub(crate) fn is_answer_wanted(&self) -> bool {
        self.answer.load(Relaxed)
    }

    /// Shows the guard the request. `resolve` is asked for its route where something is found.
    pub(crate) fn viewed<'py, T>(
        &self,
        py: Python<'py>,
        resolve: Option<Resolve<'_, 'py>>,
        look: impl FnOnce(&RequestView<'_>) -> T,
    ) -> T {
        let headers = View {
            py,
            list: &self.headers,
            request: self,
            resolve,
        };
        look(&self.view(&headers))
    }

    /// Shows the guard the request beside a body of so many bytes; while other threads of Python's
    /// run, where it is long.
    pub(crate) fn viewed_with<'py, T: Send>(
        &self,
        py: Python<'py>,
        resolve: Option<Resolve<'_, 'py>>,
        length: usize,
        look: impl FnOnce(&RequestView<'_>) -> T + Send,
    ) -> T {
        if length <= LONG {
            return self.viewed(py, resolve, look);
        }
        let (asked, headers) = (resolve.map(Resolve::unbound), self.headers.copied(py));
        py.detach(|| {
            let pattern = || match &asked {
                Some(asked) => {
                    Python::attach(|py| asked.with(py, |resolve| self.pattern_by(Some(resolve)).map(str::to_owned)))
                }
                None => self.pattern_by(None).map(str::to_owned),
            };
            let headers = Pairs {
                pairs: headers.iter().map(|(name, value)| (&**name, &**value)).collect(),
                pattern,
            };
            look(&self.view(&headers))
        })
    }

    /// Shows the request to what sends it to a sibling's agent.
    #[cfg(unix)]
    pub(crate) fn sent<'py, T>(
        &self,
        py: Python<'py>,
        resolve: Option<Resolve<'_, 'py>>,
        send: impl FnOnce(&Sent<'_>) -> T,
    ) -> T {
        let look = || self.pattern_by(resolve).map(str::to_owned);
        let known = match (self.known_pattern(), resolve) {
            (None, Some(_)) => None,
            (known, _) => Some(known.flatten()),
        };
        self.viewed(py, None, |view| {
            send(&Sent {
                view,
                known,
                pattern: &look,
            })
        })
    }

    fn view<'a>(&'a self, headers: &'a dyn Headers) -> RequestView<'a> {
        RequestView {
            peer: self.peer,
            method: &self.method,
            path: &self.target.path,
            query: &self.target.query,
            host: self.host.as_deref(),
            route: match self.route.load(Relaxed) {
                MATCHED => RouteMatch::Matched,
                MISSING => RouteMatch::Missing,
                UNSURE => RouteMatch::Unsure,
                _ => RouteMatch::Unknown,
            },
            headers,
        }
    }
}
