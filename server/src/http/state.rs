//! What every handler can reach, and what it can know of a request: its body, its key, where it came from, where to send
//! the agent back to.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
    web::{Bytes, Payload},
};
use buckler::model::{
    address::{canonical, parse_source},
    ipset::IpSet,
};
use futures_util::future;
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, sleep},
};
use url::Url;

use super::{
    bodies::{Account, Bodies, Incoming, Room},
    failures::{Failures, Wrong},
    page::Sessions,
    reply::Refusal,
    wholes::Wholes,
    ws::Admission,
};
use crate::{
    config::{Limits, ServerConfig},
    hub::Hub,
    journal::Position,
    metrics::Metrics,
    moment::{Moment, Timeline},
    neighbours::{Neighbours, Reach, merged},
    owner::Owner,
    profiles::{Admitted, Lookup, Profiles},
    protect::Protected,
    secret::Secret,
    store::{AgentView, Command, StoreError},
    tls::{ClientCertificate, Tls},
    tokens::{Access, Tokens},
};

/// How long is waited for what another node knows already: records reach every node within
/// milliseconds.
const BEHIND: Duration = Duration::from_secs(2);
/// How often is looked meanwhile.
const LOOK: Duration = Duration::from_millis(20);
/// When to come again beyond that, in seconds.
const AGAIN_S: u64 = 2;

/// On whose account operators' bodies are: no key's name has a space.
const OPERATORS: &str = "all operators";

/// Shared by all workers.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) owner: Owner,
    pub(super) profiles: Arc<Profiles>,
    pub(super) protected: Arc<Protected>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) limits: Limits,
    timeline: Arc<Timeline>,
    public_url: Option<Url>,
    beacon_path: String,
    trusted: IpSet,
    pub(super) hub: Arc<Hub>,
    /// Other nodes that serve the same fleets.
    neighbours: Option<Arc<dyn Neighbours>>,
    /// The WebSockets that are open, and whether there may be more.
    pub(super) admission: Arc<Admission>,
    /// Browsers that have signed in to the page.
    pub(super) sessions: Sessions,
    failures: Failures,
    bodies: Arc<Bodies>,
    /// Whole lists as they were sent last.
    pub(super) wholes: Wholes,
    /// What is counted.
    pub(super) metrics: Metrics,
    /// Held by who reads all of it.
    pub(super) scraping: Mutex<()>,
    /// Certificates, where the listeners speak TLS.
    tls: Option<Arc<Tls>>,
    stage: watch::Sender<Stage>,
    /// How often the store's thread has answered since the start: once a second.
    beats: AtomicU64,
    /// Requests that are being answered.
    running: AtomicUsize,
}

impl State {
    pub(crate) fn new(
        config: &ServerConfig,
        owner: Owner,
        profiles: Arc<Profiles>,
        protected: Arc<Protected>,
        timeline: Arc<Timeline>,
        (tls, tokens): (Option<Arc<Tls>>, Arc<Tokens>),
        (hub, neighbours): (Arc<Hub>, Option<Arc<dyn Neighbours>>),
    ) -> Self {
        let metrics = Metrics::new(owner.health());
        Self {
            owner,
            profiles,
            protected,
            tokens,
            limits: config.limits,
            timeline,
            public_url: config.public_url.clone(),
            beacon_path: config.beacon_path.clone(),
            trusted: config.trusted_proxies.iter().copied().collect(),
            hub,
            neighbours,
            admission: Arc::new(Admission::new(&config.limits)),
            sessions: Sessions::default(),
            failures: Failures::default(),
            bodies: Arc::new(Bodies::new(config.limits.body_bytes.get())),
            wholes: Wholes::default(),
            metrics,
            scraping: Mutex::new(()),
            tls,
            stage: watch::Sender::new(Stage::Serving),
            beats: AtomicU64::new(0),
            running: AtomicUsize::new(0),
        }
    }

    /// Every agent that any node has heard, and which other nodes said so, where there are any.
    pub(super) async fn agents(&self) -> Result<(Vec<AgentView>, Option<Reach>), StoreError> {
        let own = self.owner.ask(|node, _| Ok(node.agents()));
        let Some(neighbours) = &self.neighbours else {
            return Ok((self.named(own.await?), None));
        };
        let (own, answers) = future::join(own, neighbours.ask()).await;
        let (all, reach) = merged(own?, &answers);
        Ok((self.named(all), Some(reach)))
    }

    /// The same, those without a name of their own named as their profile's configuration has it.
    fn named(&self, mut agents: Vec<AgentView>) -> Vec<AgentView> {
        let names = self.profiles.app_names();
        for agent in agents.iter_mut().filter(|agent| agent.identity.name.is_none()) {
            agent.identity.name = names.get(&agent.profile).cloned();
            agent.identity = agent.identity.bounded();
        }
        agents
    }

    /// Waits until this node knows all up to a record.
    pub(super) async fn reaches(&self, position: Position) -> Result<(), Refusal> {
        let known = &self.owner.health().position;
        self.until_there(async || Ok(known.load(Ordering::Acquire) >= position))
            .await
    }

    /// Waits a little until this node is where another is.
    pub(super) async fn until_there(&self, is_there: impl AsyncFn() -> Result<bool, Refusal>) -> Result<(), Refusal> {
        let since = Instant::now();
        while !is_there().await? {
            if since.elapsed() > BEHIND {
                return Err(Refusal::crowded("this node is behind others", AGAIN_S));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Has changes of keys and tokens kept, and puts them in force.
    pub(super) async fn change_access(&self, commands: Vec<Command>) -> Result<(), Refusal> {
        let profiles = Arc::clone(&self.profiles);
        let access = self.owner.submit(commands, move |node, _, _| {
            profiles.follow_credentials(&node.store);
            Ok(Access::of(&node.store))
        });
        access.await?.grant(&self.profiles, &self.tokens);
        Ok(())
    }

    pub(super) fn now(&self) -> Moment {
        self.timeline.now()
    }

    /// Time since the server's clock began.
    pub(super) fn elapsed(&self) -> Duration {
        self.timeline.elapsed()
    }

    /// Certificates, where the listeners speak TLS.
    pub(crate) const fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The store's thread has answered once more.
    pub(crate) fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has.
    pub(crate) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// From now on the server is not ready, and sends its WebSockets away within this time.
    pub(crate) fn drain(&self, within: Duration) {
        self.stage.send_if_modified(|stage| {
            let is_news = *stage == Stage::Serving;
            if is_news {
                *stage = Stage::Draining(within);
            }
            is_news
        });
    }

    /// From now on requests are refused, and WebSockets closed.
    pub(crate) fn stop(&self) {
        self.stage.send_replace(Stage::Stopping);
    }

    /// Why no requests should be sent here, if that is so.
    pub(super) fn not_ready(&self) -> Option<&'static str> {
        if *self.stage.borrow() != Stage::Serving {
            return Some("not ready: the server is about to stop");
        }
        let fails = self.owner.health().problem.load().is_some();
        fails.then_some("not ready: nothing can be kept at this moment, see journal.problem in /admin/health")
    }

    /// Where the server is on its way to its end.
    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Whether no request is being answered and no WebSocket is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.load(Ordering::SeqCst) == 0 && self.admission.open() == 0
    }

    /// Counts a request until the guard is dropped, or refuses it.
    pub(super) fn enter(&self) -> Result<Running<'_>, Refusal> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(&self.running);
        if *self.stage.borrow() == Stage::Stopping {
            Err(Refusal::stopping())
        } else {
            Ok(running)
        }
    }

    /// The profile of whom these credentials name. A certificate that a profile names decides; a
    /// key of another profile beside it is refused.
    pub(super) fn profile(
        &self,
        key: Option<&Secret>,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Admitted, Refusal> {
        let by_key = key.map_or(Lookup::WrongKey, |key| self.profiles.find(key, self.now().tick));
        if let Some(certificate) = certificate {
            if !self.tls.as_ref().is_some_and(|tls| tls.still_trusts(certificate)) {
                return Err(Refusal::wrong_key());
            }
            if let Some(profile) = self.profiles.of_certificate(certificate.names()) {
                return match by_key {
                    Lookup::Found(other) if other.name() != profile.name() => Err(Refusal::wrong_key()),
                    Lookup::Found(by_key) => Ok(by_key),
                    Lookup::NoProfile | Lookup::WrongKey => Ok(profile),
                };
            }
        }
        match by_key {
            Lookup::WrongKey => Err(Refusal::wrong_key()),
            Lookup::NoProfile => Err(Refusal::no_profile()),
            Lookup::Found(profile) => Ok(profile),
        }
    }

    /// The profile of whom sends a request; a wrong key is counted.
    pub(super) async fn profile_for(&self, request: &HttpRequest, key: Option<&Secret>) -> Result<Admitted, Refusal> {
        match self.profile(key, certificate_of(request)) {
            Err(refusal) if refusal == Refusal::wrong_key() => Err(self.wrong(request, Wrong::Key).await),
            found => found,
        }
    }

    /// The answer to a wrong key or token.
    pub(super) async fn wrong(&self, request: &HttpRequest, wrong: Wrong) -> Refusal {
        self.metrics.wrong(wrong.name());
        self.failures.answer(self.peer(request), wrong, self.elapsed()).await
    }

    /// A body of a request that has shown no key yet.
    pub(super) fn unproven(&self, request: &HttpRequest, payload: Payload, limit: usize) -> Incoming {
        let room = self.bodies.enter(Account::Source(self.peer(request)));
        Incoming::new(payload, self.limits.body_bytes.get().min(limit), room)
    }

    /// A body of a request that has shown this key.
    pub(super) fn proven(&self, payload: Payload, key: &str) -> Incoming {
        let room = self.bodies.enter(Account::Key(key));
        Incoming::new(payload, self.limits.body_bytes.get(), room)
    }

    /// Room for the messages of a connection that has shown this key.
    pub(super) fn room(&self, key: &str) -> Room {
        self.bodies.enter(Account::Key(key))
    }

    /// The whole body of an operator's request, and the room that it takes.
    pub(super) async fn body(&self, payload: Payload) -> Result<(Bytes, Room), Refusal> {
        self.proven(payload, OPERATORS).whole().await
    }

    /// Where the request came from: the socket's peer, or what trusted proxies say of it, read from the right.
    pub(super) fn peer(&self, request: &HttpRequest) -> IpAddr {
        let Some(socket) = request.peer_addr() else {
            return IpAddr::from([0, 0, 0, 0]);
        };
        let mut peer = canonical(socket.ip());
        let forwarded = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok());
        let forwarded: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        for hop in forwarded.into_iter().rev() {
            if !self.trusted.contains(peer) {
                break;
            }
            let Some(address) = parse_source(hop) else { break };
            peer = address;
        }
        peer
    }

    /// Whether a trusted proxy sends the request.
    pub(super) fn is_behind_proxy(&self, request: &HttpRequest) -> bool {
        let socket = request.peer_addr();
        socket.is_some_and(|socket| self.trusted.contains(canonical(socket.ip())))
    }

    /// Where this agent sends its beacons: under the public URL, or under the host that it asked.
    pub(super) fn beacon_url(&self, request: &HttpRequest) -> String {
        let base = self
            .public_url
            .as_ref()
            .map_or_else(|| asked_host(request), |url| url.as_str().to_owned());
        format!("{}{}", base.trim_end_matches('/'), self.beacon_path)
    }
}

/// The scheme and host that the client used, if the host is one, else the address that it reached.
fn asked_host(request: &HttpRequest) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    let url = host.and_then(|host| Url::parse(&format!("{scheme}://{host}")).ok());
    let plain = url.filter(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none());
    plain.map_or_else(
        || format!("{scheme}://{}", request.app_config().local_addr()),
        String::from,
    )
}

/// The certificate that the request's connection began with.
pub(super) fn certificate_of(request: &HttpRequest) -> Option<&ClientCertificate> {
    request
        .conn_data::<Arc<ClientCertificate>>()
        .map(|certificate| &**certificate)
}

/// Where the server is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It answers everything.
    Serving,
    /// It answers, and is not ready: who is connected is sent away within this time.
    Draining(Duration),
    /// It refuses everything.
    Stopping,
}

/// A request that is being answered.
pub(super) struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
