//! The state files of an agent that does not run, for tests, fuzzing and benchmarks.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use uuid::Uuid;

use super::{Home, Saved, Store, Times};
use crate::{
    clock::Clock,
    model::{blacklist::SharedList, outbox::Left},
    protocol::v2::Event,
    status::{StoreMode, StoreState},
};

/// State files, opened as an agent opens them when it starts: whatever is in them, something comes of it.
pub struct StateFiles {
    store: Store,
    saved: Saved,
    list: Option<SharedList>,
    line: Arc<ArcSwap<StoreState>>,
    clock: Arc<dyn Clock>,
}

impl StateFiles {
    /// Opens the first place in `directory` that no process has.
    #[must_use]
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Self {
        let line = Arc::default();
        let (store, mut saved) = Store::open(Home {
            directory: directory.to_owned(),
            clock: Arc::clone(&clock),
            line: Arc::clone(&line),
            faults: super::Faults::default(),
            seal: super::Seal::by(None),
        });
        let restored = saved.list.take().map(|list| list.restore(Times::read(&*clock)));
        let list = restored.and_then(|list| list.inspect_err(|problem| store.list_is_damaged(problem)).ok());
        Self {
            store,
            saved,
            list,
            line,
            clock,
        }
    }

    /// How the store is.
    #[must_use]
    pub fn state(&self) -> StoreState {
        StoreState::clone(&self.line.load())
    }

    /// The id under which the server knows the installation.
    #[must_use]
    pub const fn agent_id(&self) -> Option<Uuid> {
        self.saved.agent_id
    }

    /// Events that wait, by stream.
    #[must_use]
    pub fn left(&self) -> &[Left] {
        &self.saved.left
    }

    /// Own bans.
    pub fn banned(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.saved.banned.iter().map(|(network, _)| *network)
    }

    /// The fleet's list.
    #[must_use]
    pub const fn list(&self) -> Option<&SharedList> {
        self.list.as_ref()
    }

    /// Saves a list that took the place of another: announced at once, written by a thread. False if the disk does not work.
    pub fn save_list(&self, list: &SharedList) -> bool {
        self.store.save_list(list, Times::read(&*self.clock));
        self.state().mode == StoreMode::Disk
    }

    /// Saves what networks have come to in the list.
    pub fn save_changes(&self, list: &SharedList, networks: &[IpNet]) {
        self.store
            .save_changes(list, networks.iter().copied(), Times::read(&*self.clock));
    }

    /// Saves events; true when they are on disk.
    pub fn save_events(&self, stream: Uuid, events: &[Event]) -> bool {
        self.store.save_offences(&[], events, stream)
    }

    /// Forgets events that the server has.
    pub fn forget_events(&self, stream: Uuid, up_to: u64) {
        self.store.forget_events(stream, up_to);
    }

    /// Looks after what the list's thread has done; whether it is done.
    pub fn tend(&self) -> bool {
        self.store.tend();
        !self.store.lists.borrow().is_busy()
    }
}

impl std::fmt::Debug for StateFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateFiles")
            .field("saved", &self.saved)
            .field("list", &self.list)
            .finish_non_exhaustive()
    }
}
