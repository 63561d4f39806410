//! The server as a whole: built from its configuration, running on a thread of its own, stopped within a deadline.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use actix_web::web::Data;
use buckler::clock::{Clock, SystemClock};
use ipnet::IpNet;

use crate::{
    config::{ConfigError, JournalConfig, JournalKind, ServerConfig},
    events::Events,
    http::State,
    hub::Hub,
    journal::{self, Journal, JournalError, MemoryJournal, Opened, Position, restored},
    list::ListBounds,
    listen,
    moment::{Moment, Timeline},
    neighbours::{Neighbours, encoded},
    node::Node,
    owner::{Begins, Owner},
    profiles::Profiles,
    protect::Protected,
    running::RunningServer,
    store::{Command, Quota, Quotas, Record, Rules, Store},
    tls::Tls,
    tokens::Tokens,
    upkeep::Upkeep,
};

/// How often the file is looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// The cloud server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Begins to build a server.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buckler_server::{Profile, Server, ServerConfig};
    ///
    /// let config = ServerConfig::new().profile("shop", Profile::for_key("demo-key").set("APP_NAME", "shop"));
    /// let server = Server::builder(config).listen("127.0.0.1:0").start()?;
    /// assert!(server.cloud_url().as_str().ends_with("/config"));
    /// server.stop(Duration::from_secs(1));
    /// # Ok::<(), buckler_server::ServerError>(())
    /// ```
    #[must_use]
    pub fn builder(config: ServerConfig) -> ServerBuilder {
        ServerBuilder {
            config,
            clock: Arc::new(SystemClock::new()),
            store: None,
            journal: None,
            reload_every: RELOAD_EVERY,
        }
    }
}

/// Makes a store that is held to the rules.
type StoreMaker = Box<dyn FnOnce(Rules) -> Store>;

/// A server that does not run yet.
pub struct ServerBuilder {
    config: ServerConfig,
    clock: Arc<dyn Clock>,
    store: Option<StoreMaker>,
    journal: Option<Box<dyn Journal>>,
    reload_every: Duration,
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// Where to listen, instead of where the configuration says.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.config.listen);
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Begins with this store instead of an empty one, and keeps it in memory.
    #[must_use]
    pub fn store(mut self, make: impl FnOnce(Rules) -> Store + 'static) -> Self {
        self.store = Some(Box::new(make));
        self
    }

    /// Another journal than the one that the configuration names. The server begins with what is in
    /// it.
    #[must_use]
    pub fn journal(mut self, journal: Box<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// How often the configuration's file is looked at; every 2 seconds otherwise.
    #[must_use]
    pub fn reload_every(mut self, interval: Duration) -> Self {
        self.reload_every = interval;
        self
    }

    /// Checks the configuration and the files that it names. Nothing is made or opened.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), ServerError> {
        checked(&self.config)?;
        Ok(())
    }

    /// Checks the configuration, reads what was kept, binds, and starts to answer. It returns once
    /// connections are accepted.
    ///
    /// # Errors
    /// If the configuration is not valid, what was kept cannot be read, or the address cannot be
    /// bound.
    pub fn start(self) -> Result<RunningServer, ServerError> {
        let Self {
            config,
            clock,
            store,
            journal,
            reload_every,
        } = self;
        let tls = checked(&config)?;
        let rules = rules(&config);
        let protected = Arc::clone(&rules.protected);
        let mut kept = Kept::find((store, journal), &config, &rules)?;
        kept.announce();
        let timeline = Arc::new(Timeline::new(clock, kept.store.now().tick));
        let now = timeline.now();
        let (profiles, commands) = Profiles::new(&config, now.unix_ms, &kept.store)?;
        kept.begin(rules, commands, now)?;
        let Kept {
            journal,
            store,
            position,
            keeps,
            is_renewed: _,
        } = kept;
        let tokens = Tokens::new(config.admin_token, store.tokens().cloned().collect());
        let events = Events::start(&config).map_err(ServerError::Events)?;
        let hub = Arc::new(Hub::default());
        let moved = Arc::clone(&hub);
        let neighbours = journal.neighbours();
        let begins = Begins {
            position,
            keeps,
            events,
            moved: Some(Box::new(move || moved.touch_all())),
        };
        let owner = Owner::start(journal, Node::new(store), begins, Arc::clone(&timeline));
        let owner = owner.map_err(ServerError::Thread)?;
        if let Some(neighbours) = &neighbours {
            answer(&**neighbours, owner.clone());
        }
        let (profiles, tokens) = (Arc::new(profiles), Arc::new(tokens));
        let state = Data::new(State::new(
            &config,
            owner.clone(),
            Arc::clone(&profiles),
            protected,
            Arc::clone(&timeline),
            (tls, Arc::clone(&tokens)),
            (Arc::clone(&hub), neighbours),
        ));
        let upkeep = Upkeep {
            owner,
            state: Data::clone(&state),
            hub,
            profiles,
            tokens,
            timeline,
            config: config.clone(),
            reload_every,
        };
        listen::launch(config, state, upkeep)
    }
}

/// Checks a configuration, and reads its certificates: what is wrong is said before anything is
/// made or opened.
fn checked(config: &ServerConfig) -> Result<Option<Arc<Tls>>, ConfigError> {
    config.warn_of_clear_secrets();
    config.check()?;
    config.check_journal()?;
    config.check_webhooks()?;
    Profiles::check(config)?;
    let tls = config.tls.as_ref().map(Tls::load).transpose();
    Ok(tls.map_err(|reason| ConfigError::Tls { reason })?.map(Arc::new))
}

/// What a server begins with.
struct Kept {
    journal: Box<dyn Journal>,
    store: Store,
    position: Position,
    /// Whether checkpoints are kept.
    keeps: bool,
    /// Whether agents may know more of lists than the store does.
    is_renewed: bool,
}

impl Kept {
    fn in_memory(store: Store) -> Self {
        Self {
            journal: Box::new(MemoryJournal::default()),
            store,
            position: 0,
            keeps: false,
            is_renewed: false,
        }
    }

    /// What was given, else what the configuration names.
    fn find(
        given: (Option<StoreMaker>, Option<Box<dyn Journal>>),
        config: &ServerConfig,
        rules: &Rules,
    ) -> Result<Self, JournalError> {
        match (given, &config.data_dir) {
            ((Some(make), _), _) => Ok(Self::in_memory(make(rules.clone()))),
            ((None, Some(journal)), _) => Self::in_journal(journal, rules),
            ((None, None), Some(data_dir)) => Self::in_directory(&config.journal, data_dir, rules),
            ((None, None), None) => Ok(Self::in_memory(Store::new(rules.clone()))),
        }
    }

    fn in_directory(config: &JournalConfig, data_dir: &Path, rules: &Rules) -> Result<Self, JournalError> {
        match config.kind {
            JournalKind::Disk => Ok(Self::from(journal::open(data_dir, rules)?)),
            #[cfg(feature = "nats")]
            JournalKind::Nats => {
                let options = journal::NatsOptions::new(config)?;
                let open = |damage| {
                    let journal = journal::NatsJournal::open_after(options.clone(), data_dir, damage)?;
                    let is_renewed = journal.is_renewed();
                    let kept = Self::in_journal(Box::new(journal), rules)?;
                    Ok(Self { is_renewed, ..kept })
                };
                match open(false) {
                    // the others' snapshot may lead on where this node's checkpoint does not
                    Err(JournalError::Damaged(problem)) => {
                        journal::set_damaged_aside(data_dir, &problem)?;
                        open(true)
                    }
                    opened => opened,
                }
            }
            #[cfg(not(feature = "nats"))]
            JournalKind::Nats => Err(JournalError::Unavailable("built without the feature `nats`".to_owned())),
        }
    }

    fn in_journal(journal: Box<dyn Journal>, rules: &Rules) -> Result<Self, JournalError> {
        let (store, position) = restored(&*journal, rules.clone())?;
        Ok(Self {
            journal,
            store,
            position,
            keeps: true,
            is_renewed: false,
        })
    }

    /// Says in the log what there is to go on from.
    fn announce(&self) {
        if self.position > 0 {
            let fleets = self.store.fleets().filter_map(|fleet| self.store.list(fleet).ok());
            let entries: u64 = fleets.map(|list| list.head().count).sum();
            tracing::info!(position = self.position, entries, "goes on from what was kept");
        }
    }

    /// Has the configuration's rules and profiles kept before anything is answered, where they
    /// differ from what was kept.
    fn begin(&mut self, rules: Rules, mut commands: Vec<Command>, now: Moment) -> Result<(), JournalError> {
        let is_known =
            |command: &Command| matches!(command, Command::Found { fleet, .. } if self.store.list(fleet).is_ok());
        commands.retain(|command| !is_known(command));
        if *self.store.rules() != rules || (self.keeps && self.position == 0) {
            commands.insert(0, Command::Rules(rules));
        }
        if self.is_renewed {
            commands.extend(self.store.renewals());
        }
        if commands.is_empty() {
            return Ok(());
        }
        let record = Arc::new(Record::new(now, commands));
        match self.journal.append(&record) {
            Ok(position) => {
                self.position = position;
                let Self { journal, store, .. } = self;
                // what other nodes wrote meanwhile comes first
                journal.others(position, &mut |_, other| {
                    store.apply(&other.record);
                    Ok(())
                })?;
            }
            // a disk that takes nothing at this moment must not keep a list from being served that
            // is there
            Err(JournalError::Unavailable(problem)) if self.position > 0 && !self.journal.is_shared() => {
                tracing::error!(
                    problem,
                    "the journal takes nothing: the configuration is in force, and kept at the next start"
                );
            }
            Err(error) => return Err(error),
        }
        self.store.apply(&record);
        Ok(())
    }
}

impl From<Opened> for Kept {
    fn from(opened: Opened) -> Self {
        let Opened {
            journal,
            store,
            position,
            aside: _,
        } = opened;
        Self {
            journal,
            store,
            position,
            keeps: true,
            is_renewed: false,
        }
    }
}

/// Has this node answer others that ask.
fn answer(neighbours: &dyn Neighbours, owner: Owner) {
    neighbours.answer_by(Box::new(move || Box::pin(said(owner.clone()))));
}

/// What this node says of its agents to others that ask; nothing where it cannot.
async fn said(owner: Owner) -> Vec<u8> {
    let agents = owner.ask(|node, _| Ok(node.agents())).await;
    agents.map(|agents| encoded(&agents)).unwrap_or_default()
}

fn rules(config: &ServerConfig) -> Rules {
    // nodes must agree on the rules, and each listens elsewhere
    let listen = (config.journal.kind == JournalKind::Disk).then(|| config.listen.parse::<SocketAddr>());
    let listen = listen.and_then(Result::ok).map(|address| IpNet::from(address.ip()));
    let named = config.trusted_proxies.iter().chain(&config.own_addresses).copied();
    let limits = config.limits;
    Rules {
        protected: Arc::new(Protected::new(config.protect_private_ranges, named.chain(listen))),
        bounds: ListBounds {
            page: limits.page_entries.get(),
            history: limits.history.get(),
        },
        agents: limits.agents.get(),
        shared_live: limits.shared_live.get(),
        shared_per_minute: limits.shared_per_minute.get(),
        quotas: Quotas {
            longest_ban_s: limits.longest_ban_s.get().into(),
            key: Quota {
                live: limits.key_shared_live.get(),
                per_minute: limits.key_shared_per_minute.get(),
            },
            fleet: Quota {
                live: limits.fleet_shared_live.get(),
                per_minute: limits.fleet_shared_per_minute.get(),
            },
            v1: Quota {
                live: limits.v1_shared_live.get(),
                per_minute: limits.v1_shared_per_minute.get(),
            },
            key_new_agents: limits.key_new_agents_per_hour.get(),
        },
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen: {0}")]
    Bind(#[source] std::io::Error),
    /// What was kept cannot be used.
    #[error("what the server keeps cannot be used: {0}")]
    Journal(#[from] JournalError),
    /// A file of `[events]` or of webhooks cannot be used.
    #[error("[events], [webhooks]: {0}")]
    Events(#[source] std::io::Error),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The server's thread ended before it listened.
    #[error("the server ended while it started")]
    Broken,
}
