//! The agent's handle for Python: it starts in the process that asks it first, and again in whoever is forked from that.

#[cfg(unix)]
mod siblings;

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use buckler::{
    AgentBuilder, Exchanged, Settings,
    detect::Detectors,
    guard::{BlockId, OnFailure},
    protocol::{Route, Routes},
};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyBytes};

#[cfg(unix)]
use crate::{arguments::gone, request::Sent, shared};
use crate::{
    arguments::{duration, json, parsed},
    head::{Resolve, check_here},
    live::{By, Claim, Live},
    logs,
    refusal::Refusal,
    request::Request,
    rest::BodyRest,
    settings::{self, wrong},
};

/// The native half of an agent: settings, and the agent of this process, once it was asked for.
#[pyclass(frozen, subclass, module = "buckler._buckler")]
pub(crate) struct Agent {
    settings: Settings,
    /// What the settings were read from.
    #[cfg_attr(not(unix), expect(dead_code, reason = "it names an agent among siblings"))]
    said: String,
    /// Which of the process's agents it is.
    #[cfg(unix)]
    number: u64,
    platform: String,
    /// Lists the application's routes. Asked when the agent starts, by when all of them are known.
    routes: Option<Py<PyAny>>,
    on_demand: bool,
    live: ArcSwapOption<Live>,
    start: Claim,
    /// Whether the leader among its siblings was found stopped: from then on it goes on alone.
    is_alone: AtomicBool,
}

#[pymethods]
impl Agent {
    /// `said` is what the host said, as JSON.
    #[new]
    #[pyo3(signature = (said, *, platform, routes = None, on_demand = false))]
    fn new(py: Python<'_>, said: &str, platform: String, routes: Option<Py<PyAny>>, on_demand: bool) -> PyResult<Self> {
        let settings = settings::read(said)?;
        if on_demand {
            // the rules are compiled once for a process: rather now, while a platform starts it,
            // than while a request waits. Should it fail, the agent says so when it starts.
            // Elsewhere only one process of a host needs them: the one that has its agent
            py.detach(|| drop(Detectors::standard()));
        }
        Ok(Self {
            settings,
            said: said.to_owned(),
            #[cfg(unix)]
            number: shared::next_number(),
            platform,
            routes,
            on_demand,
            live: ArcSwapOption::empty(),
            start: Claim::default(),
            is_alone: AtomicBool::new(false),
        })
    }

    /// Starts the agent in this process, unless it runs already, and returns at once. The first request does it too.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.running(py)?;
        logs::hand_over(py);
        Ok(())
    }

    /// Where the agent registers; `None` where it guards by itself.
    #[getter]
    fn cloud_url(&self) -> Option<String> {
        let (url, _) = self.settings.cloud()?;
        Some(url.to_string())
    }

    /// Whether the agent runs in this process.
    #[getter]
    fn is_running(&self) -> bool {
        self.current().is_some()
    }

    /// Judges a request before the application sees it: `None` where it passes. `resolve` returns
    /// the pattern of the application's route for `source`, or whether there is one. It is called
    /// where that matters: for a path that attackers ask for, and for whatever else is found.
    #[pyo3(signature = (request, resolve = None, source = None))]
    fn check(
        &self,
        py: Python<'_>,
        request: &Request,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Refusal>> {
        let resolve = Resolve::of(resolve, source);
        let live = self.running(py)?;
        logs::hand_over(py);
        request.claim();
        match live.by() {
            By::Own { served, .. } => check_here(py, served, request, resolve),
            #[cfg(unix)]
            By::Sibling(_) => self.check_among_siblings(py, live, request, resolve),
        }
    }

    /// How much of a request's body is wanted for `check_body`, in bytes; `None` where nothing looks into it.
    fn wants_body(&self, py: Python<'_>, request: &Request) -> Option<NonZeroUsize> {
        match self.judging(request)?.by() {
            By::Own { served, .. } => request.viewed(py, None, |view| served.guard.wants_body(view)),
            #[cfg(unix)]
            By::Sibling(_) => request.wanted_of_body(),
        }
    }

    /// Judges a request's body before the application sees any of it. `whole`: this is all of it.
    /// `resolve` and `source` are as for `check`.
    #[pyo3(signature = (request, body, whole = true, resolve = None, source = None))]
    fn check_body(
        &self,
        request: &Request,
        body: &Bound<'_, PyBytes>,
        whole: bool,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Refusal>> {
        let Some(live) = self.judging(request) else {
            return Ok(None);
        };
        let (py, body, resolve) = (body.py(), body.as_bytes(), Resolve::of(resolve, source));
        Ok(match live.by() {
            By::Own { served, .. } => request.viewed_with(py, resolve, body.len(), |view| {
                served.check_last_body(view, body, whole)
            }),
            #[cfg(unix)]
            By::Sibling(sibling) => {
                let sent = |sent: &Sent<'_>| sibling.check_last_body(sent, body, whole);
                request.sent(py, resolve, sent).map_err(gone)?
            }
        })
    }

    /// The same where the rest will be shown too, with what `check_body_rest` needs for it.
    #[pyo3(signature = (request, body, whole = true, resolve = None, source = None))]
    fn check_body_beginning(
        &self,
        request: &Request,
        body: &Bound<'_, PyBytes>,
        whole: bool,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Option<Refusal>, Option<BodyRest>)> {
        let Some(live) = self.judging(request) else {
            return Ok((None, None));
        };
        let (py, body, resolve) = (body.py(), body.as_bytes(), Resolve::of(resolve, source));
        match live.by() {
            By::Own { served, .. } => {
                let judged = request.viewed_with(py, resolve, body.len(), |view| served.check_body(view, body, whole));
                let (refusal, rest) = judged;
                Ok((refusal, rest.map(BodyRest::own)))
            }
            #[cfg(unix)]
            By::Sibling(sibling) => {
                let sent = |sent: &Sent<'_>| sibling.check_body(sent, body, whole);
                let (refusal, number) = request.sent(py, resolve, sent).map_err(gone)?;
                Ok((refusal, BodyRest::of_sibling(sibling, number)))
            }
        }
    }

    /// Judges a piece of the rest, before the application sees it.
    #[pyo3(signature = (request, rest, piece, is_end, resolve = None, source = None))]
    fn check_body_rest(
        &self,
        request: &Request,
        rest: &mut BodyRest,
        piece: &Bound<'_, PyBytes>,
        is_end: bool,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Refusal>> {
        let Some(live) = self.judging(request) else {
            return Ok(None);
        };
        rest.check(&live, request, Resolve::of(resolve, source), piece, is_end)
    }

    /// How much of an answer's body is wanted for `check_answer`, in bytes; `None` where nothing looks into it.
    fn wants_answer(
        &self,
        py: Python<'_>,
        request: &Request,
        content_type: &str,
        content_encoding: &str,
    ) -> Option<NonZeroUsize> {
        let live = self.judging(request)?;
        match live.by() {
            By::Own { served, .. } => request.viewed(py, None, |view| {
                served.guard.wants_answer(view, content_type, content_encoding)
            }),
            #[cfg(unix)]
            By::Sibling(_) if !request.is_answer_wanted() => None,
            #[cfg(unix)]
            By::Sibling(sibling) => request.sent(py, None, |sent| {
                sibling.wants_answer(sent, content_type, content_encoding)
            }),
        }
    }

    /// Judges the beginning of an answer's body, before the client sees any of it, and before
    /// `check_response`. `resolve` and `source` are as for `check`.
    #[pyo3(signature = (request, body, whole = true, resolve = None, source = None))]
    fn check_answer(
        &self,
        request: &Request,
        body: &Bound<'_, PyBytes>,
        whole: bool,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Refusal>> {
        let Some(live) = self.judging(request) else {
            return Ok(None);
        };
        let (py, body, resolve) = (body.py(), body.as_bytes(), Resolve::of(resolve, source));
        Ok(match live.by() {
            By::Own { served, .. } => {
                request.viewed_with(py, resolve, body.len(), |view| served.check_answer(view, body, whole))
            }
            #[cfg(unix)]
            By::Sibling(sibling) => {
                let sent = |sent: &Sent<'_>| sibling.check_answer(sent, body, whole);
                request.sent(py, resolve, sent).map_err(gone)?
            }
        })
    }

    /// Counts the application's answer, and judges it by its status. Where it is refused, the refusal goes out in its place. `resolve`
    /// and `source` are as for `check`.
    #[pyo3(signature = (request, status, resolve = None, source = None))]
    fn check_response(
        &self,
        py: Python<'_>,
        request: &Request,
        status: u16,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Refusal>> {
        let Some(live) = self.judging(request) else {
            return Ok(None);
        };
        let resolve = Resolve::of(resolve, source);
        if let Some(resolve) = resolve
            && NOWHERE.contains(&status)
        {
            request.found_route(resolve.call()?);
        }
        Ok(match live.by() {
            By::Own { served, .. } => request.viewed(py, resolve, |view| served.check_response(view, status)),
            #[cfg(unix)]
            By::Sibling(sibling) => {
                let judged = request.sent(py, resolve, |sent| sibling.check_response(sent, status));
                judged.map_err(gone)?
            }
        })
    }

    /// What a request is answered that the middleware itself fails on: a refusal where `on_detector_failure` says `block`, else `None`.
    fn failure(&self) -> Option<Refusal> {
        (self.settings.agent().on_failure == OnFailure::Closed).then(Refusal::unnamed)
    }

    /// The `Server` header that answers are to carry; `None` where the configuration leaves it alone.
    fn server_header(&self) -> Option<String> {
        self.current()?.server_header()
    }

    /// The client of a request, as the guard sees it: behind trusted proxies, the one they name.
    fn client(&self, py: Python<'_>, request: &Request) -> PyResult<Option<String>> {
        let live = self.running(py)?;
        Ok(match live.by() {
            By::Own { served, .. } => request.viewed(py, None, |view| served.client(view)),
            #[cfg(unix)]
            By::Sibling(sibling) => request.sent(py, None, |sent| sibling.client(sent)),
        })
    }

    /// Whether an exchange with the server is due, of an agent that speaks on demand.
    fn is_due(&self) -> bool {
        let live = self.current();
        live.is_some_and(|live| live.own().is_some_and(|served| served.agent().is_due()))
    }

    /// Speaks with the server if that is due, for so many seconds at most: whether the server was told everything. Other threads run
    /// meanwhile.
    fn exchange(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let budget = duration("budget", seconds)?;
        let live = self.running(py)?;
        // a sibling's agent speaks by itself
        let Some(served) = live.own() else { return Ok(true) };
        let outcome = py.detach(|| served.agent().exchange_blocking(budget));
        logs::hand_over(py);
        Ok(outcome == Exchanged::Done)
    }

    /// Why a request was refused, by the id that its client was shown, as JSON, if it is known.
    fn why_json(&self, id: &str) -> PyResult<Option<String>> {
        let known: BlockId = id.parse().map_err(|error| PyValueError::new_err(format!("{error}")))?;
        let Some(live) = self.current() else { return Ok(None) };
        Ok(live.why(known))
    }

    /// Who is banned here, as JSON; an empty list where no agent runs.
    fn bans_json(&self) -> String {
        let bans = self.current().and_then(|live| live.bans());
        bans.unwrap_or_else(|| "[]".to_owned())
    }

    /// Bans an address or a network for so many seconds.
    fn ban(&self, py: Python<'_>, network: &str, seconds: f64, why: &str) -> PyResult<()> {
        let network = parsed(network)?;
        let length = Duration::try_from_secs_f64(seconds).map_err(|_| {
            PyValueError::new_err(format!("ban: found {seconds} seconds; allowed is one second or more"))
        })?;
        let live = self.running(py)?;
        let banned = py.detach(|| live.ban(network, length, why));
        logs::hand_over(py);
        banned.map_err(PyValueError::new_err)
    }

    /// Lets an address or a network in again: what became of it, as JSON.
    fn unban_json(&self, py: Python<'_>, network: &str) -> PyResult<String> {
        let network = parsed(network)?;
        let live = self.running(py)?;
        let unbanned = py.detach(|| live.unban(network));
        logs::hand_over(py);
        unbanned.map_err(PyValueError::new_err)
    }

    /// Tries the server at once, whatever pause is left after a failure.
    fn retry_now(&self, py: Python<'_>) -> PyResult<()> {
        let live = self.running(py)?;
        let retried = py.detach(|| live.retry_now());
        logs::hand_over(py);
        retried.map_err(PyValueError::new_err)
    }

    /// How the agent is, as JSON; `None` where none was started.
    fn status_json(&self, py: Python<'_>) -> Option<String> {
        logs::hand_over(py);
        self.current()?.status()
    }

    /// Ends the conversation of this process's agent: what waits is sent, within so many seconds.
    /// The guard judges on. A sibling's agent is that process's to end.
    fn stop_json(&self, py: Python<'_>, seconds: f64) -> PyResult<Option<String>> {
        let deadline = duration("deadline", seconds)?;
        let Some(live) = self.current() else {
            return Ok(None);
        };
        let Some(served) = live.own() else { return Ok(None) };
        let report = py.detach(|| served.stop(deadline));
        logs::hand_over(py);
        json(&report).map(Some)
    }
}

/// The statuses of answers by which paths without a route are told: 404 and 410, as RFC 9110 says
/// of what there is not, or no more.
const NOWHERE: [u16; 2] = [404, 410];

impl Agent {
    /// This process's agent, started if there is none yet.
    fn running(&self, py: Python<'_>) -> PyResult<Arc<Live>> {
        match self.current() {
            Some(live) => Ok(live),
            None => self.started(py),
        }
    }

    /// Starts the agent, unless another thread does already: that is then waited for. Either way other threads run meanwhile.
    #[cold]
    fn started(&self, py: Python<'_>) -> PyResult<Arc<Live>> {
        let routes = self.listed_routes(py)?;
        let builder = buckler_transports::builder(self.settings.clone()).map_err(|error| wrong(&error))?;
        let builder = builder.platform(&*self.platform).routes(routes.clone());
        let builder = if self.on_demand { builder.on_demand() } else { builder };
        // from here on nothing fails, and nothing of Python's runs
        Ok(py.detach(|| {
            self.start.claim_or_wait(|| self.current().is_some());
            if let Some(live) = self.current() {
                return live;
            }
            let live = Arc::new(self.seated(&routes, builder));
            Live::part(self.live.swap(Some(Arc::clone(&live))));
            live
        }))
    }

    /// An agent for this process: its own, or that of its siblings.
    fn seated(&self, routes: &Routes, builder: AgentBuilder) -> Live {
        #[cfg(unix)]
        if !self.on_demand && !self.is_alone.load(Relaxed) {
            let name = shared::name_of(self.number, &self.platform, &self.said, routes);
            return Live::among_siblings(&name, builder);
        }
        let _ = routes;
        Live::alone(builder)
    }

    /// This process's agent, if it runs.
    fn current(&self) -> Option<Arc<Live>> {
        self.live.load_full().filter(|live| live.is_ours())
    }

    /// This process's agent, if it judged the request.
    fn judging(&self, request: &Request) -> Option<Arc<Live>> {
        self.current().filter(|_| request.is_ours())
    }

    fn listed_routes(&self, py: Python<'_>) -> PyResult<Routes> {
        let Some(list) = &self.routes else {
            return Ok(Routes::new());
        };
        let listed: BTreeMap<String, (Vec<String>, String)> = list.call0(py)?.extract(py)?;
        let route = |(name, (methods, path))| (name, Route { methods, path });
        Ok(listed.into_iter().map(route).collect())
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        Live::part(self.live.swap(None));
    }
}
