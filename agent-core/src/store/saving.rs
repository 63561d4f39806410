//! What is saved, and when it has reached the disk.

use serde::Serialize;

use super::*;

impl Store {
    /// Keeps the installation's id, which has no credential yet: what is there is another's.
    pub(crate) fn save_agent_id(&self, id: Uuid) {
        self.write(Durability::Immediate, |txn| {
            forget(txn, CREDENTIAL)?;
            put(txn, AGENT_ID, id.as_bytes())
        });
    }

    /// Keeps the agent's credential, sealed. Whether it is on disk: not where what is there was
    /// never read, since it may be the credential of the installation that this is.
    pub(crate) fn save_credential(&self, credential: &Credential) -> bool {
        self.is_known.get() && self.write(Durability::Immediate, |txn| self.put_credential(txn, credential))
    }

    pub(super) fn put_credential(&self, txn: &WriteTransaction, credential: &Credential) -> Result<(), Trouble> {
        self.put_sealed(txn, CREDENTIAL, credential)
    }

    fn put_sealed(&self, txn: &WriteTransaction, key: &str, value: &impl Serialize) -> Result<(), Trouble> {
        let Some(home) = &self.home else { return Ok(()) };
        put(txn, key, &home.seal.close(serde_json::to_vec(value)?)?)
    }

    /// Keeps a configuration that works.
    pub(crate) fn save_config(&self, config: &ConfigUpdate) {
        self.write(Durability::Immediate, |txn| self.put_config(txn, config));
    }

    /// Keeps what is believed from now on, before it is in force: nothing older is believed after a
    /// restart.
    pub(crate) fn save_believed(&self, believed: &Kept) {
        self.write(Durability::Immediate, |txn| put_believed(txn, believed));
    }

    pub(super) fn put_config(&self, txn: &WriteTransaction, config: &ConfigUpdate) -> Result<(), Trouble> {
        self.put_sealed(txn, CONFIG, config)?;
        forget(txn, CONFIG_PLAIN)
    }

    /// Keeps the breaker's state.
    pub(crate) fn save_safety(&self, safety: &serde_json::Value) {
        self.safety.replace(Some(safety.clone()));
        self.write(Durability::Immediate, |txn| {
            put(txn, SAFETY, &serde_json::to_vec(safety)?)
        });
    }

    /// Keeps when the server last confirmed the list, in Unix seconds. Told at every turn, it is written once a minute.
    pub(crate) fn save_confirmed(&self, unix_s: u64) {
        let is_news = self
            .confirmed
            .get()
            .is_none_or(|known| unix_s.abs_diff(known) >= CONFIRMED_EVERY_S);
        if is_news {
            self.confirmed.set(Some(unix_s));
            self.write(Durability::None, |txn| put(txn, CONFIRMED, &unix_s.to_le_bytes()));
        }
    }

    /// Keeps what these networks have come to in the list, and its cursor: the ends that are held, neither more nor less.
    pub(crate) fn save_changes(&self, list: &SharedList, networks: impl Iterator<Item = IpNet>, times: Times) {
        let numbers = self.lists.borrow().numbers();
        if numbers.is_empty() {
            return self.save_list(list, times);
        }
        let end = |until| times.write_end(until).unwrap_or(FOR_EVER);
        let changed: Vec<(IpNet, Option<u64>)> = networks
            .map(|network| (network, list.list().until(network, Scope::Shared).map(end)))
            .collect();
        let is_written = self.write(Durability::Immediate, |txn| {
            let cursor = serde_json::to_vec(&list.cursor())?;
            for number in &numbers {
                put_changes(txn, *number, &changed)?;
                put(txn, &tables::cursor_key(*number), &cursor)?;
            }
            Ok(())
        });
        let entries = list.list().len(Scope::Shared);
        if is_written && self.lists.borrow_mut().changed(changed.len(), entries) {
            self.rewrite_list(list, times);
        }
    }

    /// Keeps a whole list that took the place of another. A thread writes it; until it has, the one before stays on disk.
    pub(crate) fn save_list(&self, list: &SharedList, times: Times) {
        self.lists.borrow_mut().part();
        self.rewrite_list(list, times);
    }

    /// Has the list in force written to a new file.
    pub(crate) fn rewrite_list(&self, list: &SharedList, times: Times) {
        let (mut number, cursor) = (0, list.cursor());
        let is_announced = self.write(Durability::Immediate, |txn| {
            number = self.lists.borrow().announce(txn, cursor.as_ref())?;
            Ok(())
        });
        let place = self.place.borrow();
        let (Some(home), Some(place), true) = (&self.home, &*place, is_announced) else {
            return;
        };
        let begun = self.lists.borrow_mut().begin(Job {
            number,
            path: place.list(number),
            list: Arc::clone(list.list()),
            times,
            faults: home.faults.clone(),
        });
        if let Err(problem) = begun {
            self.list_came(Err(problem));
        }
    }

    /// A list file is whole, or will not be.
    pub(super) fn list_came(&self, outcome: Result<u64, String>) {
        match outcome {
            Ok(number) => {
                if self.write(Durability::Immediate, |txn| Lists::name(txn, number)) {
                    let keep = self.lists.borrow_mut().named(number);
                    if let Some(place) = &*self.place.borrow() {
                        place.remove_lists_except(&keep);
                    }
                    self.retry_at.set(None);
                    self.say(|state| StoreState { problem: None, ..state });
                }
            }
            Err(problem) => {
                tracing::warn!(problem, "the list cannot be kept on disk: the one before stays there");
                self.lists.borrow_mut().failed();
                self.retry_later();
                let problem = Some(format!("the list cannot be kept: {problem}"));
                self.say(|state| StoreState { problem, ..state });
            }
        }
    }

    /// Keeps own bans and the events that report them, in one step: a ban that outlives the process without its event would
    /// never reach the fleet. When this returns true, both are on disk.
    pub(crate) fn save_offences(&self, bans: &[SavedEntry], events: &[Event], stream: Uuid) -> bool {
        self.write(Durability::Immediate, |txn| {
            put_bans(txn, bans)?;
            put_events(txn, stream, events)
        })
    }

    /// Forgets a stream's events that the server has. It reaches the disk with what is saved next: until then a crash would
    /// have them sent again, which the server notices.
    pub(crate) fn forget_events(&self, stream: Uuid, up_to: u64) {
        let stream = stream.as_u128();
        let known = (stream, 0)..=(stream, up_to);
        self.write(Durability::None, |txn| {
            Ok(txn.open_table(EVENTS)?.retain_in(known, |_, _| false)?)
        });
    }

    /// Forgets own bans that ended before `unix_seconds`, and those named.
    pub(crate) fn forget_bans(&self, unix_seconds: u64, named: &[IpNet]) {
        self.write(Durability::Immediate, |txn| {
            let mut table = txn.open_table(BANNED)?;
            table.retain(|_, until| until >= unix_seconds)?;
            for network in named {
                table.remove(NetworkKey::from(*network).as_slice())?;
            }
            Ok(())
        });
    }

    /// One transaction; whether it was committed. Its failure turns the store to memory: half a history is worse than none.
    pub(super) fn write(
        &self,
        durability: Durability,
        change: impl FnOnce(&WriteTransaction) -> Result<(), Trouble>,
    ) -> bool {
        let attempt = |database: &Database| -> Result<(), Trouble> {
            let mut txn = database.begin_write()?;
            txn.set_durability(durability)?;
            change(&txn)?;
            Ok(txn.commit()?)
        };
        let written = match &*self.database.borrow() {
            None => return false,
            Some(database) => std::panic::catch_unwind(AssertUnwindSafe(|| attempt(database))),
        };
        let written = written.unwrap_or_else(|_| Err(Trouble::Damage("writing it panicked".to_owned())));
        if let Err(trouble) = &written {
            self.fail(trouble);
        }
        written.is_ok()
    }
}

pub(super) fn put_believed(txn: &WriteTransaction, believed: &Kept) -> Result<(), Trouble> {
    put(txn, BELIEVED, &serde_json::to_vec(believed)?)
}
