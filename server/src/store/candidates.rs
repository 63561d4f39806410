//! Configurations that a share of a profile's agents run before all of them do.

use std::{collections::BTreeMap, sync::Arc};

use buckler::protocol::{ConfigMap, v2::Signature};
use serde::{Deserialize, Serialize};

use super::ProfileState;
use crate::list::Touched;

/// A configuration that is being tried: a profile has one at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CandidateState {
    /// The profile.
    pub name: Arc<str>,
    /// Its version, which it keeps when it is promoted.
    pub version: u64,
    /// The version in force that it was made over. It ends with that.
    pub over: u64,
    /// As it was written.
    pub config: ConfigMap,
    /// Who has signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// How many of a hundred agents run it.
    pub share: u8,
    /// When it was published, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// All of them, by profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    all: BTreeMap<Arc<str>, CandidateState>,
    pub(super) touched: Touched<Arc<str>>,
}

impl Candidates {
    /// Takes one, if the version that it was made over is in force.
    pub(super) fn stage(&mut self, candidate: &CandidateState, in_force: Option<&ProfileState>) {
        if in_force.is_some_and(|in_force| in_force.version == candidate.over) {
            self.touched.note(Arc::clone(&candidate.name));
            self.restore(candidate.clone());
        }
    }

    /// Ends that of a profile.
    pub(super) fn end(&mut self, name: &Arc<str>) {
        if self.all.remove(name).is_some() {
            self.touched.note(Arc::clone(name));
        }
    }

    /// Keeps one as it was written down.
    pub(super) fn restore(&mut self, candidate: CandidateState) {
        self.all.insert(Arc::clone(&candidate.name), candidate);
    }

    pub(super) fn get(&self, name: &str) -> Option<&CandidateState> {
        self.all.get(name)
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &CandidateState> {
        self.all.values()
    }
}
