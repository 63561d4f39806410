//! How a store begins, fails, and comes back.

use super::{saving::put_believed, *};

impl Store {
    /// A store that keeps nothing.
    pub(crate) fn none() -> Self {
        Self::new(None)
    }

    fn new(home: Option<Home>) -> Self {
        Self {
            home,
            place: RefCell::default(),
            database: RefCell::default(),
            lists: RefCell::default(),
            retry_at: Cell::default(),
            is_known: Cell::default(),
            confirmed: Cell::default(),
            safety: RefCell::default(),
        }
    }

    /// Takes a place in the directory and reads what is there. Whatever is wrong with it, a store comes of it.
    pub(crate) fn open(home: Home) -> (Self, Saved) {
        let store = Self::new(Some(home));
        match store.open_place() {
            Ok(saved) => {
                store.is_known.set(true);
                store.confirmed.set(saved.confirmed);
                store.safety.replace(saved.safety.clone());
                (store, saved)
            }
            Err(trouble) => {
                store.fail(&trouble);
                (store, Saved::default())
            }
        }
    }

    fn open_place(&self) -> Result<Saved, Trouble> {
        let home = self
            .home
            .as_ref()
            .ok_or_else(|| Trouble::Disk("there is no directory".to_owned()))?;
        let faults = &home.faults;
        if self.place.borrow().is_none() {
            self.place.replace(Some(Place::claim(&home.directory, faults)?));
        }
        let place = self.place.borrow();
        let place = place
            .as_ref()
            .ok_or_else(|| Trouble::Disk("there is no place".to_owned()))?;
        let Opened {
            database,
            loaded,
            mut damaged,
        } = place.open(&home.seal, faults)?;
        let mut saved = loaded.saved;
        if let Some(trouble) = loaded.list_trouble {
            damaged += 1;
            tracing::warn!(problem = %trouble, "the saved list cannot be used: waiting for the server's");
        }
        place.keep_generation(loaded.list, faults);
        saved.left = place.drain_others(&database, faults)?;
        self.lists.borrow_mut().opened(loaded.list, loaded.changes);
        if saved.list.is_none() {
            self.lists.borrow_mut().part();
        }
        self.database.replace(Some(database));
        self.retry_at.set(None);
        let path = place.database();
        self.say(|state| StoreState {
            mode: StoreMode::Disk,
            path: Some(path),
            problem: None,
            damaged: state.damaged + damaged,
        });
        Ok(saved)
    }

    /// Whether what is saved reaches the disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.database.borrow().is_some()
    }

    /// What was kept of the list is not what its cursor says.
    pub(crate) fn list_is_damaged(&self, problem: &str) {
        tracing::warn!(problem, "the saved list is not whole: waiting for the server's");
        self.lists.borrow_mut().part();
        self.say(|state| StoreState {
            damaged: state.damaged + 1,
            ..state
        });
    }

    /// Goes on from memory.
    pub(super) fn fail(&self, trouble: &Trouble) {
        // a file that was being written is not named by a database that may not be written to
        self.lists.borrow_mut().closed();
        self.database.replace(None);
        self.retry_later();
        let problem = trouble.to_string();
        self.say(|state| {
            if state.mode != StoreMode::Memory {
                tracing::warn!(
                    problem,
                    "state cannot be kept on disk: going on from memory, and nothing of it will survive a restart until it can"
                );
            }
            StoreState {
                mode: StoreMode::Memory,
                path: None,
                problem: Some(problem),
                ..state
            }
        });
    }

    pub(super) fn retry_later(&self) {
        let now = self.home.as_ref().map(|home| home.clock.elapsed());
        self.retry_at.set(now.map(|now| now + RETRY));
    }

    /// Looks after what goes on in the background. To be called every second or so.
    pub(crate) fn tend(&self) -> Option<Need> {
        let outcome = self.lists.borrow().outcome();
        if let Some(outcome) = outcome {
            self.list_came(outcome);
        }
        let now = self.home.as_ref()?.clock.elapsed();
        self.retry_at.get().filter(|at| now >= *at)?;
        self.retry_at.set(None);
        Some(if self.is_on_disk() {
            Need::List
        } else {
            Need::Everything
        })
    }

    /// Tries the disk again, and writes all that is in memory; whether it works.
    pub(crate) fn reopen(&self, everything: &Everything) -> bool {
        let found = match self.open_place() {
            Ok(found) => found,
            Err(trouble) => {
                self.fail(&trouble);
                return false;
            }
        };
        self.lists.borrow_mut().part();
        let is_written = self.write(Durability::Immediate, |txn| self.write_anew(txn, everything, &found));
        if is_written {
            tracing::info!("state is kept on disk again");
        }
        is_written
    }

    /// Writes all that is in memory. What this process never read is left for the next one to find: events that wait there, and
    /// the id under which the server knows the installation.
    fn write_anew(&self, txn: &WriteTransaction, everything: &Everything, found: &Saved) -> Result<(), Trouble> {
        let Everything {
            agent_id,
            credential,
            config,
            believed,
            banned,
            left,
        } = everything;
        if self.is_known.get() {
            txn.delete_table(BANNED)?;
            txn.delete_table(EVENTS)?;
            txn.open_table(BANNED)?;
            txn.open_table(EVENTS)?;
        }
        if self.is_known.get() || found.agent_id.is_none() {
            put(txn, AGENT_ID, agent_id.as_bytes())?;
            if credential.wanted().is_some() || credential.is_in_use() {
                self.put_credential(txn, credential)?;
            } else {
                forget(txn, CREDENTIAL)?;
            }
        }
        if let Some(config) = config {
            self.put_config(txn, config)?;
        }
        // what this process never read may be newer than what it was told since
        let is_newest = |believed: &&Kept| found.believed.as_ref().is_none_or(|found| believed.follows(found));
        if let Some(believed) = believed.as_ref().filter(is_newest) {
            put_believed(txn, believed)?;
        }
        if let Some(confirmed) = self.confirmed.get() {
            put(txn, CONFIRMED, &confirmed.to_le_bytes())?;
        }
        if let Some(safety) = &*self.safety.borrow() {
            put(txn, SAFETY, &serde_json::to_vec(safety)?)?;
        }
        put_bans(txn, banned)?;
        for Left { stream, events } in left {
            put_events(txn, *stream, events)?;
        }
        Ok(())
    }

    /// Writes the store's line of the status.
    pub(super) fn say(&self, change: impl FnOnce(StoreState) -> StoreState) {
        if let Some(home) = &self.home {
            let state = StoreState::clone(&home.line.load());
            home.line.store(Arc::new(change(state)));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let outcome = self.lists.borrow_mut().finish();
        if let Some(outcome) = outcome {
            self.list_came(outcome);
        }
    }
}
