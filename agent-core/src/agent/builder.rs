//! What an agent is made of, and its thread from the first line to the last.

use std::{cell::RefCell, fmt, sync::Arc};

use arc_swap::ArcSwap;
use buckler_waf::detect::{Detector, Detectors};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use uuid::Uuid;

use super::{
    Agent,
    report::{report_in_force, report_start},
};
use crate::{
    actors::{
        configuration::{Configuration, Coverage, LOCAL},
        estate::{Contact, Estate, Identity, Shared},
        generation::{Control, live},
        kill_switch::KillSwitch,
        safety::Limits,
        watch::{MakeTransport, SettingsWatch},
    },
    clock::{Clock, SystemClock},
    guard::{Guard, GuardParts, Intake, Mode, Published, Recent, Snapshot, Tally, Trusted},
    model::{blacklist::Blacklist, policy::Policy},
    protocol::{Route, Routes, v2},
    settings::{HostName, Settings, SettingsError},
    status::{Board, Conversation, Enforcement},
    store::{Faults, Home, Saved, Seal, Store, Times},
    transport::TransportFactory,
};

/// Detections that may wait for the actors: at 200 bytes each, less than a megabyte. An attack that overflows it is banned by
/// what came before; the rest is counted as lost.
const INTAKE: usize = 4096;

/// What an agent is made of, before it starts.
pub struct AgentBuilder {
    settings: Settings,
    transport: Option<TransportFactory>,
    platform: String,
    routes: Routes,
    clock: Arc<dyn Clock>,
    on_demand: bool,
    faults: Faults,
    detectors: Vec<Box<dyn Detector>>,
    address_remedy: &'static str,
    make_transport: Option<MakeTransport>,
}

impl AgentBuilder {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            transport: None,
            platform: "Rust".to_owned(),
            routes: Routes::new(),
            clock: Arc::new(SystemClock::new()),
            on_demand: false,
            faults: Faults::default(),
            detectors: Vec::new(),
            address_remedy: "see to it that the host tells where connections come from",
            make_transport: None,
        }
    }

    /// How to reach the server; the factory runs on the agent's thread.
    #[must_use]
    pub fn transport(mut self, factory: TransportFactory) -> Self {
        self.transport = Some(factory);
        self
    }

    /// How to make the transport that settings name, where the settings files change while the
    /// agent runs.
    #[must_use]
    pub const fn transport_by(
        mut self,
        make: fn(&Settings) -> Result<Option<TransportFactory>, SettingsError>,
    ) -> Self {
        self.make_transport = Some(make);
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

    /// The agent speaks with its server only when it is asked to, by [`Agent::exchange`]: for hosts whose process may stand still between
    /// requests. See [there](crate::Exchanged#hosts-whose-process-stands-still).
    #[must_use]
    pub const fn on_demand(mut self) -> Self {
        self.on_demand = true;
        self
    }

    /// What to do where requests come without an address, in this framework's terms: for the log and the status.
    #[must_use]
    pub const fn address_remedy(mut self, remedy: &'static str) -> Self {
        self.address_remedy = remedy;
        self
    }

    /// A disk that fails when a test says so.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn disk_faults(mut self, faults: Arc<crate::testing::DiskFaults>) -> Self {
        self.faults = faults.into();
        self
    }

    /// Adds a detector of the host's own: it is asked about every value that a request carries, and its findings are treated as
    /// those of `command`.
    #[must_use]
    pub fn detector(mut self, detector: impl Detector + 'static) -> Self {
        self.detectors.push(Box::new(detector));
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
            on_demand,
            faults,
            detectors,
            address_remedy,
            make_transport,
        } = self;
        let configuration = local_configuration(&settings);
        let detectors = with_standard(detectors);
        let coverage = Coverage::of(&detectors, settings.agent());
        let shared = share(&settings, &configuration.policy, clock, detectors, address_remedy);
        know_routes(&shared.guard, &routes);
        let identity = Identity {
            instance_id: Uuid::now_v7(),
            platform,
            routes,
            known_as: known_as(&settings),
            contact: RefCell::new(Contact::new(&settings, transport)),
            enrols: settings.agent().enrol,
            on_demand,
            limits: Limits::from(settings.agent()),
            log_dir: settings.agent().log_dir.clone(),
            coverage,
        };
        if on_demand && identity.contact.borrow().cloud.is_some() {
            shared.board.due.is_at(Times::read(&*shared.clock));
        }
        let (control, commands) = unbounded_channel();
        let agent = Agent {
            shared: shared.clone(),
            control,
            started: shared.clock.elapsed(),
        };
        let board = Arc::clone(&shared.board);
        let thread = std::thread::Builder::new().name("buckler".to_owned());
        if let Err(error) = thread.spawn(move || {
            run(
                shared,
                identity,
                configuration,
                &settings,
                make_transport,
                faults,
                commands,
            )
        }) {
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

/// What people know the agent by, with the machine's name where none is said.
fn known_as(settings: &Settings) -> v2::Identity {
    let mut known_as = settings.identity();
    if settings.agent().host_name == HostName::Found {
        known_as.host = sysinfo::System::host_name().ok();
    }
    known_as.bounded()
}

/// Has the guard know the routes that the host lists.
fn know_routes(guard: &Guard, routes: &Routes) {
    for Route { methods, path } in routes.values() {
        let of_any = methods.is_empty().then_some("");
        for method in methods.iter().map(String::as_str).chain(of_any) {
            guard.learn_route(method, path);
        }
    }
}

/// The standard detectors and the host's own.
fn with_standard(own: Vec<Box<dyn Detector>>) -> Detectors {
    let mut detectors = Detectors::standard().unwrap_or_else(|error| {
        tracing::error!(%error, "the detectors cannot be built; values are not looked into");
        Detectors::default()
    });
    own.into_iter().for_each(|detector| detectors.add(detector));
    detectors
}

/// The local layers, as the settings have compiled them.
fn local_configuration(settings: &Settings) -> Configuration {
    Configuration {
        template: settings.agent().template.clone(),
        file: settings.security().to_vec(),
        server: None,
        code: settings.overrides().cloned(),
        floor: settings.agent().floor.clone(),
        believed: settings.agent().signing.at_first(),
        trust: settings.agent().signing.clone(),
        unsigned: None,
        doubted: None,
        has_ended: false,
        weaker: Vec::new(),
        weakened: false,
        policy: Arc::clone(settings.policy()),
        source: LOCAL,
        status: None,
        trial: None,
        trials: 0,
        rejected: None,
    }
}

/// What the handle and the thread share.
fn share(
    settings: &Settings,
    policy: &Arc<Policy>,
    clock: Arc<dyn Clock>,
    detectors: Detectors,
    address_remedy: &'static str,
) -> Shared {
    let agent = settings.agent();
    let trusted = Trusted::new(
        agent.trusted_proxies.iter().copied(),
        agent.own_addresses.iter().copied(),
    );
    let trusted = agent
        .client_ip_header
        .iter()
        .fold(trusted, |trusted, header| trusted.named_by(header))
        .with_private_clients(agent.clients_are_private);
    let enforcement = KillSwitch::from(agent).look(&Enforcement::default(), clock.elapsed());
    let mode = match enforcement.reason {
        Some(_) => Mode::LogOnly,
        None => Mode::Enforce,
    };
    let snapshot = Snapshot {
        policy: Arc::clone(policy),
        blacklist: Arc::new(Blacklist::new()),
        trusted: Arc::new(trusted),
        mode,
        trial: None,
        version: 0,
    };
    let published = Arc::new(Published::new(Arc::new(snapshot)));
    let (intake, tally) = (Arc::new(Intake::new(INTAKE)), Arc::new(Tally::new()));
    let recent = Arc::new(Recent::new());
    let guard = Guard::new(GuardParts {
        published: Arc::clone(&published),
        intake: Arc::clone(&intake),
        tally: Arc::clone(&tally),
        recent: Arc::clone(&recent),
        clock: Arc::clone(&clock),
        on_failure: agent.on_failure,
        compressed_bodies: agent.compressed_bodies,
        uninspected: agent.uninspected,
        detectors: Arc::new(detectors),
    });
    Shared {
        guard,
        published,
        intake,
        tally,
        recent,
        clock,
        address_remedy,
        board: Arc::new(Board {
            enforcement: ArcSwap::from_pointee(enforcement),
            warnings: settings.warnings().iter().map(ToString::to_string).collect(),
            ..Board::default()
        }),
    }
}

/// The agent's thread, from its first line to its last.
fn run(
    shared: Shared,
    identity: Identity,
    configuration: Configuration,
    settings: &Settings,
    make_transport: Option<MakeTransport>,
    faults: Faults,
    commands: UnboundedReceiver<Control>,
) {
    report_start(settings, &identity);
    let watch = make_transport.and_then(|make| SettingsWatch::new(settings, make));
    let (store, saved) = match &settings.agent().state_dir {
        Some(directory) => Store::open(Home {
            directory: directory.clone(),
            clock: Arc::clone(&shared.clock),
            line: Arc::clone(&shared.board.store),
            faults,
            seal: Seal::by(settings.agent().key.as_ref()),
        }),
        None => (Store::none(), Saved::default()),
    };
    let estate = Estate::settle(shared, identity, configuration, store, saved, watch);
    report_in_force(settings, &estate.configuration.borrow(), &estate.identity);
    let farewell = live(&estate, commands);
    drop(estate);
    if let Some(farewell) = farewell {
        farewell.say();
    }
}
