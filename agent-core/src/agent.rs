//! The agent's handle: it starts the agent's thread, hands out the guard, and ends it all.
//!
//! Nothing here waits for a server, a disk or an actor: [`AgentBuilder::start`] returns as soon as the guard can judge by local
//! settings, and what an earlier run left on disk comes into force a moment later.

use std::{
    fmt,
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use crate::{
    VERSION,
    actors::{
        checks,
        estate::{Configuration, Estate, Identity, Shared},
        generation::{Control, live},
    },
    clock::{Clock, SystemClock},
    guard::{Guard, GuardParts, Intake, Published, Snapshot, Tally, Trusted},
    model::{
        blacklist::Blacklist,
        policy::{Check, Policy},
    },
    protocol::{Routes, v2::Totals},
    settings::Settings,
    status::{Board, Conversation, ShutdownReport, Status},
    store::{Saved, Store},
    transport::TransportFactory,
};

/// Detections that may wait for the actors: at 200 bytes each, less than a megabyte. An attack that overflows it is banned by
/// what came before; the rest is counted as lost.
const INTAKE: usize = 4096;

/// A running agent. Keep it as long as the application runs; the guards it handed out work on without it.
///
/// Dropping it ends the conversation without waiting for it; [`Agent::shutdown`] waits, and says what was sent and what was not.
pub struct Agent {
    guard: Guard,
    shared: Shared,
    control: UnboundedSender<Control>,
    started: Duration,
}

/// What an agent is made of, before it starts.
pub struct AgentBuilder {
    settings: Settings,
    transport: Option<TransportFactory>,
    platform: String,
    routes: Routes,
    clock: Arc<dyn Clock>,
}

impl Agent {
    /// Begins to build an agent. Without a [transport](AgentBuilder::transport) it guards with local settings alone.
    #[must_use]
    pub fn builder(settings: Settings) -> AgentBuilder {
        AgentBuilder {
            settings,
            transport: None,
            platform: "Rust".to_owned(),
            routes: Routes::new(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The guard: cheap to clone, to be used from any thread.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.guard.clone()
    }

    /// How the agent is, at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let Shared {
            board,
            intake,
            tally,
            clock,
            ..
        } = &self.shared;
        let counts = tally.totals();
        let since = clock.elapsed().saturating_sub(self.started);
        Status {
            version: VERSION,
            conversation: Conversation::clone(&board.conversation.load()),
            config: (**board.config.load()).clone(),
            list: (**board.list.load()).clone(),
            events: board.events(intake.generated(), intake.len() as u64, intake.lost()),
            requests: Totals {
                since_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
                success: counts.success,
                errors: counts.errors,
                attacks: counts.attacks,
                blocked: counts.blocked,
            },
            guard_failures: counts.guard_failures,
            restarts: board.restarts.load(std::sync::atomic::Ordering::Relaxed),
            state_file: board.state_file.load().as_deref().cloned(),
        }
    }

    /// Ends the conversation: what waits is sent, then the agent's thread ends. Blocks for at most `deadline`, so call it where
    /// the application has stopped serving; the guards judge on by what they have.
    ///
    /// A second call finds nothing to do and reports what was left by the first.
    #[expect(
        clippy::must_use_candidate,
        reason = "the report is news, not a result that must be handled"
    )]
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let (reply, report) = mpsc::channel();
        let told = self.control.send(Control::Shutdown { deadline, reply }).is_ok();
        report.recv_timeout(deadline).unwrap_or_else(|_| {
            let status = self.status();
            ShutdownReport {
                sent: 0,
                unsent: status.events.pending,
                kept: status.state_file.is_some(),
                lost: status.events.lost,
                in_time: !told,
            }
        })
    }

    /// Panics the actor of this name, to see what becomes of the others.
    #[cfg(feature = "testing")]
    pub fn crash(&self, actor: &'static str) {
        self.control.send(Control::Crash(actor)).unwrap_or_default();
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl AgentBuilder {
    /// How to reach the server; the factory runs on the agent's thread.
    #[must_use]
    pub fn transport(mut self, factory: TransportFactory) -> Self {
        self.transport = Some(factory);
        self
    }

    /// The framework that is guarded, for the registration: `actix-web`, …
    #[must_use]
    pub fn platform(mut self, name: impl Into<String>) -> Self {
        self.platform = name.into();
        self
    }

    /// The application's routes, for the registration.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    /// Another clock than the system's, to drive time in tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the agent, whatever the server, the disk and the settings are like, and returns at once.
    #[must_use = "the conversation with the server ends when the agent is dropped"]
    pub fn start(self) -> Agent {
        let Self {
            settings,
            transport,
            platform,
            routes,
            clock,
        } = self;
        let configuration = local_configuration(&settings);
        let shared = share(&settings, &configuration.policy, clock);
        let guard = Guard::new(GuardParts {
            published: Arc::clone(&shared.published),
            intake: Arc::clone(&shared.intake),
            tally: Arc::clone(&shared.tally),
            clock: Arc::clone(&shared.clock),
            on_failure: settings.agent().on_failure,
        });
        let cloud = settings.cloud();
        let identity = Identity {
            instance_id: Uuid::now_v7(),
            platform,
            routes,
            local_reason: local_reason(&settings, transport.is_some()),
            cloud: cloud.filter(|_| transport.is_some()),
            transport,
        };
        let (control, commands) = unbounded_channel();
        let agent = Agent {
            guard,
            shared: shared.clone(),
            control,
            started: shared.clock.elapsed(),
        };
        let board = Arc::clone(&shared.board);
        let thread = std::thread::Builder::new().name("buckler".to_owned());
        if let Err(error) = thread.spawn(move || run(shared, identity, configuration, &settings, commands)) {
            tracing::error!(%error, "the agent's thread cannot start: the guard runs on local settings alone");
            let problem = Some(format!("the agent's thread cannot start: {error}"));
            board.conversation.store(Arc::new(Conversation {
                state: "local",
                problem,
                ..Conversation::default()
            }));
        }
        agent
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Why there will be no conversation.
fn local_reason(settings: &Settings, transport: bool) -> Option<&'static str> {
    settings
        .local_reason()
        .or_else(|| (!transport).then_some("no transport was given"))
}

/// The local layers, as the settings have compiled them.
fn local_configuration(settings: &Settings) -> Configuration {
    Configuration {
        template: settings.agent().template.clone(),
        file: settings.security().to_vec(),
        server: None,
        code: settings.overrides().cloned(),
        policy: Arc::clone(settings.policy()),
        source: "local",
        status: None,
    }
}

/// What the handle and the thread share.
fn share(settings: &Settings, policy: &Arc<Policy>, clock: Arc<dyn Clock>) -> Shared {
    let agent = settings.agent();
    let trusted = Trusted::new(
        agent.trusted_proxies.iter().copied(),
        agent.own_addresses.iter().copied(),
    );
    let snapshot = Snapshot {
        policy: Arc::clone(policy),
        blacklist: Arc::new(Blacklist::new()),
        trusted: Arc::new(trusted),
        version: 0,
    };
    Shared {
        published: Arc::new(Published::new(Arc::new(snapshot))),
        intake: Arc::new(Intake::new(INTAKE)),
        tally: Arc::new(Tally::new()),
        clock,
        board: Arc::new(Board::default()),
    }
}

/// The agent's thread, from its first line to its last.
fn run(
    shared: Shared,
    identity: Identity,
    configuration: Configuration,
    settings: &Settings,
    commands: UnboundedReceiver<Control>,
) {
    report_start(settings, &configuration.policy, &identity);
    let (store, saved) = match &settings.agent().state_dir {
        Some(directory) => Store::open(directory),
        None => (Store::memory(), Saved::default()),
    };
    shared
        .board
        .state_file
        .store(store.path().map(|path| Arc::new(path.to_owned())));
    let estate = Estate::settle(shared, identity, configuration, store, saved);
    let farewell = live(&estate, commands);
    drop(estate);
    if let Some(farewell) = farewell {
        farewell.say();
    }
}

/// The start-up report: the lines pyrasp prints, one event each.
fn report_start(settings: &Settings, policy: &Policy, identity: &Identity) {
    tracing::info!(platform = identity.platform, "Starting Buckler {VERSION}");
    tracing::info!("Loading template configuration: {}", policy.template());
    for layer in settings.security() {
        tracing::info!("Loading configuration from {}", layer.origin);
    }
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    report_checks(policy);
    match (&identity.cloud, identity.local_reason) {
        (Some((url, _)), _) => {
            tracing::info!("Loading configuration from {url}");
            tracing::info!(
                "Starting beacon, every {:?} until the server says otherwise",
                policy.beacon_delay()
            );
        }
        (None, reason) => {
            tracing::warn!(
                "Guarding with local settings alone: {}",
                reason.unwrap_or("there is no server")
            );
        }
    }
    tracing::info!("Buckler successfully started");
}

/// Checks that this release carries out; the configuration of the others is read, checked and kept.
const IN_FORCE: [Check; 7] = [
    Check::Blacklist,
    Check::Path,
    Check::Flood,
    Check::Spoofing,
    Check::Decoy,
    Check::Headers,
    Check::Brute,
];

fn report_checks(policy: &Policy) {
    let (in_force, waiting): (Vec<Check>, Vec<Check>) = policy
        .checks_on()
        .into_iter()
        .map(|(check, _)| check)
        .partition(|check| IN_FORCE.contains(check));
    for check in in_force {
        tracing::info!("{} model loaded", check.title());
    }
    tracing::info!("Security checks on: {}", checks(policy));
    if !waiting.is_empty() {
        let names: Vec<&str> = waiting.iter().map(|check| check.name()).collect();
        tracing::info!(
            "Security checks that this release does not carry out yet: {}",
            names.join(", ")
        );
    }
}
