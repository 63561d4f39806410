//! What outlives a generation of actors: each piece belongs to one actor at a time, and the next generation's takes it over as
//! it was left. A panic in the middle of a message costs that message, never what is in here.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use uuid::Uuid;

use super::messages::Offence;
use crate::{
    clock::Clock,
    guard::{Detection, Intake, Published, Tally},
    model::{
        blacklist::{Scope, SharedList},
        outbox::Outbox,
        policy::{Layer, Policy, PolicyError},
    },
    protocol::{
        AgentKey, Routes,
        v2::{ConfigState, ConfigStatus, ConfigUpdate, ListCursor, Totals},
    },
    status::{Board, ConfigInForce},
    store::{Saved, SavedEntry, Store},
    transport::TransportFactory,
};

/// What the agent's handle shares with its thread.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) published: Arc<Published>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) board: Arc<Board>,
}

/// What the host decided, as far as the actors need it.
pub(crate) struct Identity {
    pub(crate) instance_id: Uuid,
    pub(crate) platform: String,
    pub(crate) routes: Routes,
    /// Where the agent registers and with which key; `None`: the agent guards with local settings alone.
    pub(crate) cloud: Option<(url::Url, AgentKey)>,
    /// Why there is no server.
    pub(crate) local_reason: Option<&'static str>,
    pub(crate) transport: Option<TransportFactory>,
}

/// All that outlives a generation; it belongs to the agent's thread.
pub(crate) struct Estate {
    pub(crate) shared: Shared,
    pub(crate) identity: Identity,
    pub(crate) agent_id: Uuid,
    pub(crate) store: Store,
    /// ConfigFetcher's.
    pub(crate) configuration: RefCell<Configuration>,
    /// BlacklistSync's.
    pub(crate) list: RefCell<SharedList>,
    pub(crate) outbox: RefCell<Outbox>,
    /// The last batch of offences that is in the outbox.
    pub(crate) taken: Cell<u64>,
    /// RequestGuard's.
    pub(crate) custody: RefCell<Custody>,
    /// TelemetryReporter's: the counts that a version 1 server has.
    pub(crate) delivered: Cell<Totals>,
}

/// The configuration's layers, and what they were compiled into.
pub(crate) struct Configuration {
    pub(crate) template: String,
    pub(crate) file: Vec<Layer>,
    pub(crate) server: Option<ConfigUpdate>,
    pub(crate) code: Option<Layer>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) source: &'static str,
    pub(crate) status: Option<ConfigStatus>,
}

impl Configuration {
    /// Compiles the layers with this configuration of the server's in its place: template, file, server, code.
    pub(crate) fn compile(&self, server: Option<&ConfigUpdate>) -> Result<Policy, PolicyError> {
        let server = server.map(|update| Layer {
            origin: "server".to_owned(),
            keys: update.body.clone(),
        });
        let layers: Vec<Layer> = self
            .file
            .iter()
            .cloned()
            .chain(server)
            .chain(self.code.clone())
            .collect();
        Policy::compile(&self.template, &layers)
    }
}

impl From<&Configuration> for ConfigInForce {
    fn from(configuration: &Configuration) -> Self {
        let Configuration {
            policy,
            source,
            server,
            status,
            ..
        } = configuration;
        let refused = status.as_ref().filter(|status| status.state == ConfigState::Failed);
        Self {
            template: policy.template().to_owned(),
            source,
            version: server
                .as_ref()
                .map(|server| server.version)
                .filter(|version| *version > 0),
            hash: server.as_ref().map(|server| server.hash.clone()),
            refused: refused.and_then(|status| status.error.clone()),
        }
    }
}

/// Detections between the ring and the outbox.
#[derive(Default)]
pub(crate) struct Custody {
    /// Taken from the ring, not yet judged.
    pub(crate) raw: VecDeque<Detection>,
    /// Whether the front of `raw` is being judged: found true at the start of a generation, it killed the one before.
    pub(crate) judging: bool,
    /// Judged, not yet taken.
    pub(crate) batches: VecDeque<(u64, Vec<Offence>)>,
    pub(crate) last_batch: u64,
}

impl Estate {
    /// Takes over what an earlier run left, and puts it in force.
    pub(crate) fn settle(
        shared: Shared,
        identity: Identity,
        mut configuration: Configuration,
        store: Store,
        saved: Saved,
    ) -> Rc<Self> {
        let Saved {
            agent_id,
            config,
            cursor,
            listed,
            banned,
            left,
        } = saved;
        let agent_id = agent_id.unwrap_or_else(|| {
            let id = Uuid::new_v4();
            store.save_agent_id(id);
            id
        });
        if identity.cloud.is_some()
            && let Some(config) = config
        {
            restore_config(&mut configuration, config);
        }
        let now = Times::read(&*shared.clock);
        let list = restore_list(&shared, cursor, listed, banned, now);
        let outbox = Outbox::restore(Uuid::now_v7(), left, now.elapsed, now.unix);
        Rc::new(Self {
            shared,
            identity,
            agent_id,
            store,
            configuration: RefCell::new(configuration),
            list: RefCell::new(list),
            outbox: RefCell::new(outbox),
            taken: Cell::new(0),
            custody: RefCell::default(),
            delivered: Cell::default(),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    pub(crate) fn times(&self) -> Times {
        Times::read(&*self.shared.clock)
    }
}

/// Both clocks at one moment, to turn ends in process time into ends on disk and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) elapsed: Duration,
    pub(crate) unix: Duration,
}

impl Times {
    fn read(clock: &dyn Clock) -> Self {
        Self {
            elapsed: clock.elapsed(),
            unix: clock.unix(),
        }
    }

    /// An end on disk, from an end in process time.
    pub(crate) fn write_end(self, until: Option<Duration>) -> Option<u64> {
        until.map(|until| (self.unix + until.saturating_sub(self.elapsed)).as_secs())
    }

    /// An end in process time, from an end on disk.
    pub(crate) fn read_end(self, until: Option<u64>) -> Option<Duration> {
        until.map(|until| self.elapsed + Duration::from_secs(until).saturating_sub(self.unix))
    }
}

/// The server's configuration from an earlier run, where it still compiles.
fn restore_config(configuration: &mut Configuration, config: ConfigUpdate) {
    match configuration.compile(Some(&config)) {
        Ok(policy) => {
            tracing::info!(
                version = config.version,
                "Loading configuration from disk: the server's, as it was last"
            );
            configuration.policy = Arc::new(policy);
            configuration.source = "disk";
            configuration.server = Some(config);
        }
        Err(error) => {
            tracing::warn!(%error, "the saved configuration does not compile any more: waiting for the server's")
        }
    }
}

/// Saved entries with the time they have left.
fn left(saved: Vec<SavedEntry>, now: Times) -> impl Iterator<Item = (IpNet, Option<Duration>)> {
    saved.into_iter().map(move |(network, until)| {
        (
            network,
            until.map(|until| Duration::from_secs(until).saturating_sub(now.unix)),
        )
    })
}

fn restore_list(
    shared: &Shared,
    cursor: Option<ListCursor>,
    listed: Vec<SavedEntry>,
    banned: Vec<SavedEntry>,
    now: Times,
) -> SharedList {
    let in_force = Arc::clone(&shared.published.load().blacklist);
    let mut list = SharedList::new(in_force);
    match cursor {
        Some(cursor) => match SharedList::restore(cursor, left(listed, now), now.elapsed) {
            Ok(restored) => list = restored,
            Err(problem) => tracing::warn!(%problem, "the saved list is not whole: waiting for the server's"),
        },
        // a version 1 server's list has no cursor: it holds until the next registration replaces it
        None => {
            for (network, until) in listed {
                list.list().insert(network, now.read_end(until), Scope::Shared);
            }
        }
    }
    for (network, until) in banned {
        list.list().insert(network, now.read_end(until), Scope::Local);
    }
    list
}
