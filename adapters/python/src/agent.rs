//! The agent's handle for Python: it starts in the process that asks it first, and again in whoever is forked from that.

use std::{collections::BTreeMap, fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use buckler::{
    Exchanged, Settings,
    guard::{BlockId, BodyView, OnFailure},
    model::{address::parse_network, detect::Detectors},
    protocol::{Route, Routes},
};
use ipnet::IpNet;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyBytes};

use crate::{
    live::{Claim, Live},
    logs,
    refusal::Refusal,
    request::{BodyRest, Request},
    settings::{self, wrong},
};

/// The longest that a call may wait, in seconds: longer than any server waits for its workers.
const LONGEST: f64 = 3600.0;

/// The native half of an agent: settings, and the agent of this process, once it was asked for.
#[pyclass(frozen, subclass, module = "buckler._buckler")]
pub(crate) struct Agent {
    settings: Settings,
    platform: String,
    /// Lists the application's routes. Asked when the agent starts, by when all of them are known.
    routes: Option<Py<PyAny>>,
    on_demand: bool,
    live: ArcSwapOption<Live>,
    start: Claim,
}

#[pymethods]
impl Agent {
    /// `said` is what the host said, as JSON.
    #[new]
    #[pyo3(signature = (said, *, platform, routes = None, on_demand = false))]
    fn new(py: Python<'_>, said: &str, platform: String, routes: Option<Py<PyAny>>, on_demand: bool) -> PyResult<Self> {
        let settings = settings::read(said)?;
        // the rules are compiled once for a process and those forked from it: rather now than while the first request waits. Should
        // it fail, the agent says so when it starts
        py.detach(|| drop(Detectors::standard()));
        Ok(Self {
            settings,
            platform,
            routes,
            on_demand,
            live: ArcSwapOption::empty(),
            start: Claim::default(),
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

    /// Judges a request before the application sees it: `None` where it passes. `resolve` tells whether the application has a route
    /// for `source`, and is asked only where that matters.
    #[pyo3(signature = (request, resolve = None, source = None))]
    fn check(
        &self,
        py: Python<'_>,
        request: &Request,
        resolve: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Refusal>> {
        let live = self.running(py)?;
        logs::hand_over(py);
        request.claim();
        if let Some(resolve) = resolve
            && live.guard().is_decoy(request.path_text())
        {
            request.found_route(resolve.call1((source,))?.is_truthy()?);
        }
        Ok(Refusal::of(&request.viewed(py, |view| live.guard().check(view))))
    }

    /// How much of a request's body is wanted for `check_body`, in bytes; `None` where nothing looks into it.
    fn wants_body(&self, py: Python<'_>, request: &Request) -> Option<NonZeroUsize> {
        let live = self.judging(request)?;
        request.viewed(py, |view| live.guard().wants_body(view))
    }

    /// Judges the beginning of a request's body, before the application sees any of it. `whole` says whether that is all of it. With the
    /// refusal comes what `check_body_rest` needs to look into the rest, where that is worth a look.
    #[pyo3(signature = (request, body, whole = true))]
    fn check_body(
        &self,
        py: Python<'_>,
        request: &Request,
        body: &Bound<'_, PyBytes>,
        whole: bool,
    ) -> (Option<Refusal>, Option<BodyRest>) {
        let Some(live) = self.judging(request) else {
            return (None, None);
        };
        let body = BodyView {
            bytes: body.as_bytes(),
            is_whole: whole,
        };
        let (verdict, rest) = request.viewed_with(py, body.bytes.len(), |view| {
            live.guard().check_body_beginning(view, body)
        });
        (Refusal::of(&verdict), rest.map(BodyRest::from))
    }

    /// Judges what follows the beginning of a body, before the application sees it: a piece, and whether the body ends with it.
    fn check_body_rest(
        &self,
        py: Python<'_>,
        request: &Request,
        rest: &mut BodyRest,
        piece: &Bound<'_, PyBytes>,
        is_end: bool,
    ) -> Option<Refusal> {
        let live = self.judging(request)?;
        let piece = piece.as_bytes();
        let verdict = request.viewed_with(py, piece.len(), |view| {
            live.guard().check_body_rest(view, &mut rest.0, piece, is_end)
        });
        Refusal::of(&verdict)
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
        request.viewed(py, |view| {
            live.guard().wants_answer(view, content_type, content_encoding)
        })
    }

    /// Judges the beginning of an answer's body, before the client sees any of it, and before `check_response`.
    #[pyo3(signature = (request, body, whole = true))]
    fn check_answer(
        &self,
        py: Python<'_>,
        request: &Request,
        body: &Bound<'_, PyBytes>,
        whole: bool,
    ) -> Option<Refusal> {
        let live = self.judging(request)?;
        let body = BodyView {
            bytes: body.as_bytes(),
            is_whole: whole,
        };
        Refusal::of(&request.viewed_with(py, body.bytes.len(), |view| live.guard().check_answer(view, body)))
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
        if let Some(resolve) = resolve
            && NOWHERE.contains(&status)
        {
            request.found_route(resolve.call1((source,))?.is_truthy()?);
        }
        Ok(Refusal::of(
            &request.viewed(py, |view| live.guard().check_response(view, status)),
        ))
    }

    /// What a request is answered that the middleware itself fails on: a refusal where `on_detector_failure` says `block`, else `None`.
    fn failure(&self) -> Option<Refusal> {
        (self.settings.agent().on_failure == OnFailure::Closed).then(Refusal::unnamed)
    }

    /// The `Server` header that answers are to carry; `None` where the configuration leaves it alone.
    fn server_header(&self) -> Option<String> {
        let name = self.current()?.guard().server_header()?;
        Some((*name).to_owned())
    }

    /// The client of a request, as the guard sees it: behind trusted proxies, the one they name.
    fn client(&self, py: Python<'_>, request: &Request) -> PyResult<Option<String>> {
        let live = self.running(py)?;
        let client = request.viewed(py, |view| live.guard().client(view));
        Ok(client.map(|client| client.address.to_string()))
    }

    /// Whether an exchange with the server is due, of an agent that speaks on demand.
    fn is_due(&self) -> bool {
        self.current().is_some_and(|live| live.agent().is_due())
    }

    /// Speaks with the server if that is due, for so many seconds at most: whether the server was told everything. Other threads run
    /// meanwhile.
    fn exchange(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let budget = duration("budget", seconds)?;
        let live = self.running(py)?;
        let outcome = py.detach(|| live.agent().exchange_blocking(budget));
        logs::hand_over(py);
        Ok(outcome == Exchanged::Done)
    }

    /// Why a request was refused, by the id that its client was shown, as JSON; `None` where this process does not know it.
    fn why_json(&self, id: &str) -> PyResult<Option<String>> {
        let id: BlockId = id.parse().map_err(|error| PyValueError::new_err(format!("{error}")))?;
        let found = self.current().and_then(|live| live.agent().why(id));
        found.map(|why| json(&why)).transpose()
    }

    /// Who is banned here, as JSON; none where no agent runs in this process.
    fn bans_json(&self) -> PyResult<String> {
        let bans = self.current().map(|live| live.agent().bans());
        json(&bans.unwrap_or_default())
    }

    /// Bans an address or a network for so many seconds.
    fn ban(&self, py: Python<'_>, network: &str, seconds: f64, why: &str) -> PyResult<()> {
        let network = parsed(network)?;
        let length = Duration::try_from_secs_f64(seconds).map_err(|_| {
            PyValueError::new_err(format!("ban: found {seconds} seconds; allowed is one second or more"))
        })?;
        let live = self.running(py)?;
        let banned = py.detach(|| live.agent().ban(network, length, why));
        logs::hand_over(py);
        banned.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Lets an address or a network in again: what became of it, as JSON.
    fn unban_json(&self, py: Python<'_>, network: &str) -> PyResult<String> {
        let network = parsed(network)?;
        let live = self.running(py)?;
        let unbanned = py.detach(|| live.agent().unban(network));
        logs::hand_over(py);
        json(&unbanned.map_err(|error| PyValueError::new_err(error.to_string()))?)
    }

    /// How the agent is, as JSON; `None` where none was started in this process.
    fn status_json(&self, py: Python<'_>) -> PyResult<Option<String>> {
        logs::hand_over(py);
        self.current().map(|live| json(&live.agent().status())).transpose()
    }

    /// Ends the conversation of this process's agent: what waits is sent, within so many seconds. The guard judges on.
    fn stop_json(&self, py: Python<'_>, seconds: f64) -> PyResult<Option<String>> {
        let deadline = duration("deadline", seconds)?;
        let Some(live) = self.current() else {
            return Ok(None);
        };
        let report = py.detach(|| live.agent().shutdown(deadline));
        logs::hand_over(py);
        json(&report).map(Some)
    }
}

/// The statuses of answers by which paths without a route are told: 404 and 410, as RFC 9110 says of what there is not, or no more.
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
        let builder = builder.platform(&*self.platform).routes(routes);
        let builder = if self.on_demand { builder.on_demand() } else { builder };
        // from here on nothing fails, and nothing of Python's runs
        Ok(py.detach(|| {
            self.start.claim_or_wait(|| self.current().is_some());
            if let Some(live) = self.current() {
                return live;
            }
            let live = Arc::new(Live::start(builder));
            Live::part(self.live.swap(Some(Arc::clone(&live))));
            live
        }))
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

fn parsed(network: &str) -> PyResult<IpNet> {
    parse_network(network).ok_or_else(|| {
        let said = format!("network: found {network:?}; allowed is an address, or a network in CIDR notation");
        PyValueError::new_err(said)
    })
}

fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    if (0.0..=LONGEST).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let said = format!("{name}: found {seconds}; allowed: seconds from 0 to {LONGEST}");
    Err(PyValueError::new_err(said))
}

fn json(said: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(said).map_err(|error| PyValueError::new_err(error.to_string()))
}
