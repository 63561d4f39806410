//! A list as rows: what a checkpoint and a backup hold of it, and how it is built from them again.

use std::{collections::BTreeMap, sync::Arc};

use buckler::model::blacklist::Digest;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Change, Entry, FleetList, Head, is_exact, unbans::Unban};
use crate::{moment::Tick, store::Origin};

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListRow {
    /// Where the list is, and where its history begins.
    Head {
        /// Names the history.
        epoch: Arc<str>,
        /// The newest revision.
        rev: u64,
        /// Entries.
        count: u64,
        /// Digest of the entries.
        digest: String,
        /// The revision before the first change that is remembered, with its count and digest.
        base: (u64, u64, String),
        /// Whether agents keep nothing that another history had listed.
        #[serde(default)]
        complete: bool,
    },
    /// An entry.
    Entry {
        /// The network.
        network: IpNet,
        /// When it ends.
        end: Tick,
        /// When it was banned last.
        made: Tick,
        /// Who banned it first.
        by: Origin,
        /// The check that found it, or the operator's reason.
        why: Arc<str>,
        /// Whether an operator listed it.
        standing: bool,
        /// Whether agents of more than one application banned it.
        #[serde(default)]
        seconded: bool,
    },
    /// One revision.
    Change {
        /// Which.
        rev: u64,
        /// What changed.
        network: IpNet,
        /// When.
        at: Tick,
        /// Entries afterwards.
        count: u64,
        /// Digest afterwards.
        digest: String,
    },
    /// A network that was let in again.
    Unban {
        /// The network.
        network: IpNet,
        /// When by an operator, by the wall clock in milliseconds.
        unix_ms: u64,
        /// When.
        at: Tick,
        /// The applications whose agents lifted their own bans, and when, by the wall clock.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lifted")]
        lifted: BTreeMap<Arc<str>, u64>,
    },
    /// A network that was banned.
    Repetition {
        /// The network.
        network: IpNet,
        /// How often.
        bans: u32,
        /// When last.
        last: Tick,
    },
}

/// Which row of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowAt {
    Head,
    Entry(IpNet),
    Change(u64),
    Unban(IpNet),
    Repetition(IpNet),
}

impl ListRow {
    /// Which row it is.
    pub(crate) const fn at(&self) -> RowAt {
        match self {
            Self::Head { .. } => RowAt::Head,
            Self::Entry { network, .. } => RowAt::Entry(*network),
            Self::Change { rev, .. } => RowAt::Change(*rev),
            Self::Unban { network, .. } => RowAt::Unban(*network),
            Self::Repetition { network, .. } => RowAt::Repetition(*network),
        }
    }
}

impl FleetList {
    /// From now on notes what changes, for [`changes`](Self::changes).
    pub(crate) fn track(&mut self) {
        self.touched.track();
        self.unbans.touched.track();
        self.repetitions.touched.track();
    }

    /// How many rows have changed since [`changes`](Self::changes) was called last.
    pub(crate) fn changed(&self) -> usize {
        let newer = usize::try_from(self.head.rev.saturating_sub(self.kept.1)).unwrap_or(usize::MAX);
        let noted = self.touched.len() + self.unbans.touched.len() + self.repetitions.touched.len();
        noted.saturating_add(newer)
    }

    /// Rows that have changed since this was called last, and those that are gone.
    pub(crate) fn changes(&mut self) -> (Vec<ListRow>, Vec<RowAt>) {
        let (mut put, mut gone) = (Vec::new(), Vec::new());
        let mut row = |row: Option<ListRow>, at: RowAt| match row {
            Some(row) => put.push(row),
            None => gone.push(at),
        };
        for network in self.touched.take() {
            row(self.entry_row(network), RowAt::Entry(network));
        }
        for network in self.unbans.touched.take() {
            row(self.unban_row(network), RowAt::Unban(network));
        }
        for network in self.repetitions.touched.take() {
            row(self.repetition_row(network), RowAt::Repetition(network));
        }
        let ((base, ..), (from, upto)) = (self.history.base(), self.kept);
        let forgotten = from + 1..=base.min(upto);
        gone.extend(forgotten.map(RowAt::Change));
        put.extend(self.change_rows(upto.max(base)));
        put.push(self.head_row());
        self.kept = (base, self.head.rev);
        (put, gone)
    }

    /// Every row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = ListRow> + '_ {
        std::iter::once(self.head_row())
            .chain(self.entries.keys().filter_map(|network| self.entry_row(*network)))
            .chain(self.change_rows(self.history.base().0))
            .chain(self.unbans.networks().filter_map(|network| self.unban_row(network)))
            .chain(
                self.repetitions
                    .networks()
                    .filter_map(|network| self.repetition_row(network)),
            )
    }

    fn head_row(&self) -> ListRow {
        let Head {
            epoch,
            rev,
            count,
            digest,
        } = &self.head;
        let (base, base_count, base_digest) = self.history.base();
        ListRow::Head {
            epoch: Arc::clone(epoch),
            rev: *rev,
            count: *count,
            digest: digest.to_string(),
            base: (base, base_count, base_digest.to_string()),
            complete: self.complete,
        }
    }

    fn entry_row(&self, network: IpNet) -> Option<ListRow> {
        let Entry { end, made, by, why } = self.entries.get(&network)?;
        Some(ListRow::Entry {
            network,
            end: *end,
            made: *made,
            by: by.clone(),
            why: Arc::clone(why),
            standing: self.standing.contains(&network),
            seconded: self.seconded.contains(&network),
        })
    }

    fn change_rows(&self, after: u64) -> impl Iterator<Item = ListRow> + '_ {
        self.history.after(after).map(|(rev, change)| ListRow::Change {
            rev,
            network: change.network,
            at: change.at,
            count: change.count,
            digest: change.digest.to_string(),
        })
    }

    fn unban_row(&self, network: IpNet) -> Option<ListRow> {
        let Unban { unix_ms, at, lifted } = self.unbans.get(network)?.clone();
        Some(ListRow::Unban {
            network,
            unix_ms,
            at,
            lifted,
        })
    }

    fn repetition_row(&self, network: IpNet) -> Option<ListRow> {
        let (bans, last) = self.repetitions.get(network)?;
        Some(ListRow::Repetition { network, bans, last })
    }

    /// Takes a row of a list that is being built. A head comes before all changes, and these in
    /// their order.
    ///
    /// # Errors
    /// If the row makes no sense.
    pub(crate) fn take_row(&mut self, row: ListRow) -> Result<(), String> {
        match row {
            ListRow::Head {
                epoch,
                rev,
                count,
                digest: newest,
                base,
                complete,
            } => {
                self.complete = complete;
                self.head = Head {
                    epoch,
                    rev,
                    count,
                    digest: digest(&newest)?,
                };
                self.history.begin_at((base.0, base.1, digest(&base.2)?));
                self.kept = (base.0, rev);
            }
            ListRow::Entry {
                network,
                end,
                made,
                by,
                why,
                standing,
                seconded,
            } => {
                self.ends.insert((end, network));
                self.networks += u64::from(!is_exact(network));
                if standing {
                    self.standing.insert(network);
                }
                if seconded {
                    self.seconded.insert(network);
                }
                self.entries.insert(network, Entry { end, made, by, why });
            }
            ListRow::Change {
                rev: _,
                network,
                at,
                count,
                digest: after,
            } => self.history.push(Change {
                network,
                at,
                count,
                digest: digest(&after)?,
            }),
            ListRow::Unban {
                network,
                unix_ms,
                at,
                lifted,
            } => self.unbans.set(network, Unban { unix_ms, lifted, at }),
            ListRow::Repetition { network, bans, last } => self.repetitions.set(network, bans, last),
        }
        Ok(())
    }

    /// Whether a list that was built from rows is whole: as many entries as its head says, and a
    /// history that ends there. The digest is compared where `thorough`, which takes a microsecond
    /// an entry.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn verify(&self, thorough: bool) -> Result<(), String> {
        let (count, said) = (self.entries.len() as u64, self.head.count);
        if count != said {
            return Err(format!("the list has {count} entries, and its head says {said}"));
        }
        let newest = self.history.state_at(self.head.rev);
        if newest != Some((said, self.head.digest)) {
            return Err(format!("the history does not lead to revision {}", self.head.rev));
        }
        if thorough && Digest::of(self.entries.keys().copied()) != self.head.digest {
            return Err("the entries have another digest than the head says".to_owned());
        }
        Ok(())
    }
}

/// Reads who lifted their own bans. The last one alone was written down before each was.
fn lifted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Arc<str>, u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Each(BTreeMap<Arc<str>, u64>),
        Last((Arc<str>, u64)),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Each(lifted) => lifted,
        Written::Last(last) => [last].into(),
    })
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|error| format!("{error}"))
}
