//! What outlives a generation of actors: each piece belongs to one actor at a time, and the next generation's takes it over as
//! it was left. A panic in the middle of a message costs that message, never what is in here.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::{
    configuration::{Configuration, Coverage},
    log_shipper::Logbook,
    messages::Offence,
    safety::{Limits, Safety},
    watch::SettingsWatch,
};
use crate::{
    actors::credential::Credential,
    clock::Clock,
    guard::{Detection, Guard, Intake, Published, Recent, Tally},
    model::{
        blacklist::{Scope, SharedList},
        outbox::Outbox,
    },
    protocol::{
        AgentKey, Routes,
        v2::{self, Totals},
    },
    settings::Settings,
    status::{Board, Clients},
    store::{Everything, Need, Saved, SavedEntry, SavedList, Store, Times},
    transport::TransportFactory,
};

/// What the agent's handle shares with its thread.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) guard: Guard,
    pub(crate) published: Arc<Published>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What to do where requests come without an address.
    pub(crate) address_remedy: &'static str,
    pub(crate) board: Arc<Board>,
}

impl Shared {
    /// How well requests can be told apart by who sends them.
    pub(crate) fn clients(&self) -> Clients {
        let counts = self.tally.totals();
        let seen = self.guard.undeclared_proxies();
        Clients::new(counts, seen, &self.published.load().trusted, self.address_remedy)
    }
}

/// What the host decided, as far as the actors need it.
pub(crate) struct Identity {
    pub(crate) instance_id: Uuid,
    pub(crate) platform: String,
    pub(crate) routes: Routes,
    /// What people know the agent by.
    pub(crate) known_as: v2::Identity,
    /// How the server is reached. It changes with the settings files.
    pub(crate) contact: RefCell<Contact>,
    /// Whether the agent speaks only when it is asked to.
    pub(crate) on_demand: bool,
    /// Whether it asks for a credential of its own.
    pub(crate) enrols: bool,
    pub(crate) limits: Limits,
    /// Below which the log of findings may be a file.
    pub(crate) log_dir: Option<PathBuf>,
    /// What the host looks into, whatever the configuration says.
    pub(crate) coverage: Coverage,
}

/// How the server is reached.
#[derive(Clone)]
pub(crate) struct Contact {
    /// Where the agent registers and with which key; `None`: the agent guards with local settings
    /// alone.
    pub(crate) cloud: Option<(url::Url, AgentKey)>,
    /// Why there is no server.
    pub(crate) local_reason: Option<&'static str>,
    pub(crate) transport: Option<TransportFactory>,
}

impl Contact {
    /// By these settings, with this transport.
    pub(crate) fn new(settings: &Settings, transport: Option<TransportFactory>) -> Self {
        let without = || transport.is_none().then_some("no transport was given");
        Self {
            cloud: settings.cloud().filter(|_| transport.is_some()),
            local_reason: settings.local_reason().or_else(without),
            transport,
        }
    }
}

/// All that outlives a generation; it belongs to the agent's thread.
pub(crate) struct Estate {
    pub(crate) shared: Shared,
    pub(crate) identity: Identity,
    pub(crate) agent_id: Uuid,
    /// What it speaks with, where it enrols.
    pub(crate) credential: RefCell<Credential>,
    /// Whether it speaks with another since the generation began.
    has_other_credential: Cell<bool>,
    pub(crate) store: Store,
    /// The generation's: the settings files, where they are watched.
    pub(crate) watch: RefCell<Option<SettingsWatch>>,
    /// ConfigFetcher's.
    pub(crate) configuration: RefCell<Configuration>,
    /// BlacklistSync's.
    pub(crate) list: RefCell<SharedList>,
    pub(crate) safety: RefCell<Safety>,
    pub(crate) outbox: RefCell<Outbox>,
    /// The last batch of offences that is in the outbox.
    pub(crate) taken: Cell<u64>,
    /// RequestGuard's.
    pub(crate) custody: RefCell<Custody>,
    /// LogShipper's, and RequestGuard writes into it.
    pub(crate) logbook: Logbook,
    /// TelemetryReporter's: the counts that a version 1 server has.
    pub(crate) delivered: Cell<Totals>,
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
        watch: Option<SettingsWatch>,
    ) -> Rc<Self> {
        let Saved {
            agent_id,
            credential,
            config,
            believed,
            list,
            banned,
            confirmed,
            left,
            safety: saved_safety,
        } = saved;
        let agent_id = agent_id.unwrap_or_else(|| {
            let id = Uuid::new_v4();
            store.save_agent_id(id);
            id
        });
        let now = Times::read(&*shared.clock);
        let mut safety = Safety::new(&identity.limits, confirmed, now);
        let mut rejected = None;
        if let Some(saved) = saved_safety {
            let restored = safety.restore(saved, now);
            rejected = restored.rejected;
            let history = shared.guard.ban_history();
            let banned = restored.banned.iter();
            banned.for_each(|known| history.restore(known, now.elapsed));
        }
        // what was believed a host without a server keeps too: it may have one again
        let config = config.filter(|_| identity.contact.borrow().cloud.is_some());
        if let Some(kept) = configuration.begin(rejected, believed.as_ref(), config) {
            store.save_believed(&kept);
        }
        // first of all, so that not one request is judged by entries that are not in force
        shared.published.load().blacklist.suspend_shared(safety.is_suspended());
        let list = restore_list(&shared, &store, list, banned, now);
        list.list().suspend_shared(safety.is_suspended());
        let outbox = Outbox::restore(Uuid::now_v7(), left, now.elapsed, now.unix);
        let estate = Rc::new(Self {
            shared,
            identity,
            agent_id,
            credential: RefCell::new(credential),
            has_other_credential: Cell::new(false),
            store,
            watch: RefCell::new(watch),
            configuration: RefCell::new(configuration),
            list: RefCell::new(list),
            safety: RefCell::new(safety),
            outbox: RefCell::new(outbox),
            taken: Cell::new(0),
            custody: RefCell::default(),
            logbook: Logbook::default(),
            delivered: Cell::default(),
        });
        estate.prepare_credential();
        estate
    }

    /// Has a credential ready that the server can be asked to take, where it is time for one. What
    /// cannot be kept is not asked for: the server would know the agent by what it has forgotten.
    fn prepare_credential(&self) {
        if !self.identity.enrols || self.identity.on_demand || self.identity.contact.borrow().cloud.is_none() {
            return;
        }
        let mut credential = self.credential.borrow_mut();
        if credential.prepare(self.times().unix.as_secs()) && !self.store.save_credential(&credential) {
            credential.give_up();
        }
    }

    /// The server takes the credential of this fingerprint from now on.
    pub(crate) fn enrolled(&self, fingerprint: &str) {
        let mut credential = self.credential.borrow_mut();
        if credential.taken(fingerprint, self.times().unix.as_secs()) {
            self.store.save_credential(&credential);
            self.has_other_credential.set(true);
            tracing::info!("the agent speaks with a credential of its own from now on");
        }
    }

    /// The server does not take what the agent has spoken with.
    pub(crate) fn credential_refused(&self, used: &AgentKey) {
        let Some((_, key)) = self.identity.contact.borrow().cloud.clone() else {
            return;
        };
        let mut credential = self.credential.borrow_mut();
        // the key ended that the agent enrolled with, before it spoke with its credential
        if credential.or(&key) != used {
            self.has_other_credential.set(true);
        } else if credential.refused() {
            tracing::warn!("the server does not take the agent's credential: trying the next, and then the key");
            self.has_other_credential.set(true);
        }
    }

    /// Reads the settings files again where they have changed. Whether the server is reached
    /// otherwise than before.
    pub(crate) fn reload(&self) -> bool {
        let contact = self.watch.borrow_mut().as_mut().and_then(SettingsWatch::look);
        let is_news = contact.is_some();
        if let Some(contact) = contact {
            self.identity.contact.replace(contact);
        }
        self.prepare_credential();
        is_news | self.has_other_credential.take()
    }

    /// Keeps what keeps customers from being blocked, and how often clients were banned.
    pub(crate) fn save_safety(&self) {
        let rejected = self.configuration.borrow().rejected.clone();
        let now = self.times();
        let banned = self.shared.guard.ban_history().all(now.elapsed);
        self.store
            .save_safety(&self.safety.borrow().save(rejected.as_ref(), &banned, now));
    }

    pub(crate) fn now(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    pub(crate) fn times(&self) -> Times {
        Times::read(&*self.shared.clock)
    }

    /// Looks after the store, and gives it what it asks for. To be called every second or so.
    pub(crate) fn tend_store(&self) {
        let Some(need) = self.store.tend() else { return };
        let (list, now) = (self.list.borrow(), self.times());
        if need == Need::Everything && !self.store.reopen(&self.everything(&list, now)) {
            return;
        }
        if list.cursor().is_some() || list.list().len(Scope::Shared) > 0 {
            self.store.rewrite_list(&list, now);
        }
    }

    fn everything(&self, list: &SharedList, now: Times) -> Everything {
        let mut banned = Vec::new();
        list.list().for_each(Scope::Local, &mut |network, until| {
            banned.push((network, now.write_end(until)));
        });
        Everything {
            agent_id: self.agent_id,
            credential: self.credential.borrow().clone(),
            config: self.configuration.borrow().proven().cloned(),
            believed: self.configuration.borrow().kept(),
            banned,
            left: self.outbox.borrow().left(),
        }
    }
}

/// The list in force: the saved one, or the empty one that the guard began with. Own bans are added to it.
fn restore_list(
    shared: &Shared,
    store: &Store,
    saved: Option<SavedList>,
    banned: Vec<SavedEntry>,
    now: Times,
) -> SharedList {
    let restored = saved.and_then(|list| {
        let restored = list.restore(now);
        restored.inspect_err(|problem| store.list_is_damaged(problem)).ok()
    });
    let list = restored.unwrap_or_else(|| SharedList::new(Arc::clone(&shared.published.load().blacklist)));
    for (network, until) in banned {
        list.list().insert(network, now.read_end(until), Scope::Local);
    }
    list
}
