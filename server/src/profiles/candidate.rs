//! A configuration that a share of a profile's agents run, before it takes the place of the one in
//! force.
//!
//! Which agents these are is a function of the agent's id and the candidate's version: a larger
//! share has the agents of a smaller one, and the next candidate has others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arc_swap::ArcSwap;
use buckler::protocol::{
    ConfigMap,
    v2::{ConfigState, ConfigStatus, Signature},
};
use uuid::Uuid;

use super::{LiveProfile, Prepared, ProfileSet, Profiles};
use crate::{config::ConfigError, store::CandidateState};

/// Into how many parts agents are divided: shares are in percent.
const PARTS: u64 = 100;

/// The most agents that are remembered of those that refused a candidate, 50 bytes each: what more
/// of them are sent again, they do not take.
const MOST_REFUSALS: usize = 10_000;

/// Agents that have refused a candidate: they are sent what is in force, although they say nothing
/// more of the candidate once they run that.
#[derive(Debug, Default)]
struct Refusals(ArcSwap<BTreeSet<Uuid>>);

impl Refusals {
    /// Copies all of them, which are few as long as a candidate is any good.
    fn note(&self, agent: Uuid) {
        let known = self.0.load();
        if known.len() >= MOST_REFUSALS || known.contains(&agent) {
            return;
        }
        self.0.rcu(|all| {
            let mut all = BTreeSet::clone(all);
            all.insert(agent);
            all
        });
    }

    fn has(&self, agent: Uuid) -> bool {
        self.0.load().contains(&agent)
    }
}

/// A candidate that is being tried.
#[derive(Debug)]
pub(crate) struct Candidate {
    live: Arc<LiveProfile>,
    /// The profile that it was compiled over.
    base: Arc<LiveProfile>,
    share: u8,
    refusals: Arc<Refusals>,
}

impl Candidate {
    /// Compiles one over the profile as it is in force; `None` where that is no longer what the
    /// candidate was made over.
    ///
    /// # Errors
    /// If it is not valid.
    fn compile(state: &CandidateState, base: &Arc<LiveProfile>) -> Result<Option<Self>, ConfigError> {
        if base.version() != state.over {
            return Ok(None);
        }
        let named = (state.version, state.at_ms);
        Ok(Some(Self {
            live: Arc::new(base.with_config(&state.config, state.signature.clone(), named)?),
            base: Arc::clone(base),
            share: state.share,
            refusals: Arc::default(),
        }))
    }

    /// The configuration.
    pub(crate) fn live(&self) -> &LiveProfile {
        &self.live
    }

    /// How many of a hundred agents run it.
    pub(crate) const fn share(&self) -> u8 {
        self.share
    }

    /// The version in force that it was made over.
    pub(crate) fn over(&self) -> u64 {
        self.base.version()
    }

    /// Whether an agent is to run it: one that is of the share, and has not refused it.
    pub(super) fn is_for(&self, agent: Uuid) -> bool {
        self.has(agent) && !self.refusals.has(agent)
    }

    /// Notes what an agent of the share says became of it.
    pub(super) fn note(&self, agent: Uuid, status: &ConfigStatus) {
        let is_refused = matches!(status.state, ConfigState::Failed | ConfigState::RolledBack);
        if is_refused && status.version == self.live.version() && self.has(agent) {
            self.refusals.note(agent);
        }
    }

    /// The same, which those agents have refused that refused this one.
    fn refused_as(mut self, known: Option<&Self>) -> Self {
        if let Some(known) = known.filter(|known| known.live.version() == self.live.version()) {
            self.refusals = Arc::clone(&known.refusals);
        }
        self
    }

    /// Whether an agent is of the share that runs it.
    pub(crate) fn has(&self, agent: Uuid) -> bool {
        part(self.live.version(), agent) < u64::from(self.share)
    }

    /// As the store keeps it.
    pub(crate) fn state(&self) -> CandidateState {
        CandidateState {
            name: Arc::clone(self.live.name()),
            version: self.live.version(),
            over: self.over(),
            config: self.live.config().clone(),
            signature: self.live.signature().cloned(),
            share: self.share,
            at_ms: self.live.since_ms(),
        }
    }
}

/// In which part of all agents one is.
fn part(version: u64, agent: Uuid) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&version.to_be_bytes());
    hasher.update(agent.as_bytes());
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    // of 2^64 numbers: no part is larger than another by what could be noticed
    u64::from_be_bytes(first) % PARTS
}

/// Candidates by profile.
pub(super) type Candidates = BTreeMap<Arc<str>, Arc<Candidate>>;

impl Profiles {
    /// The candidate of a profile.
    #[must_use]
    pub(crate) fn candidate(&self, name: &str) -> Option<Arc<Candidate>> {
        self.set.load().candidates.get(name).map(Arc::clone)
    }

    /// A candidate over what a profile has in force, compiled. `None` if there is no such profile.
    ///
    /// # Errors
    /// If the configuration is not valid, or says the same as the one in force.
    pub(crate) fn stage(
        &self,
        name: &str,
        (config, signature): (&ConfigMap, Option<Signature>),
        share: u8,
        unix_ms: u64,
    ) -> Result<Option<Candidate>, ConfigError> {
        let set = self.set.load();
        let Some(base) = set.live.get(name) else {
            return Ok(None);
        };
        let version = set.next_version(unix_ms);
        let live = base.with_config(config, signature, (version, unix_ms))?;
        if live.version() != version {
            return Err(ConfigError::Profile {
                profile: name.to_owned(),
                reason: format!(
                    "found what version {} says, which is in force, allowed is another configuration",
                    base.version()
                ),
            });
        }
        Ok(Some(Candidate {
            live: Arc::new(live),
            base: Arc::clone(base),
            share,
            refusals: Arc::default(),
        }))
    }

    /// The candidate of a profile with another share.
    #[must_use]
    pub(crate) fn share(&self, name: &str, share: u8) -> Option<Candidate> {
        let known = self.candidate(name)?;
        Some(Candidate {
            live: Arc::clone(&known.live),
            base: Arc::clone(&known.base),
            share,
            refusals: Arc::clone(&known.refusals),
        })
    }

    /// The profiles with a candidate in the place of what it was made over, under its own version.
    /// `None` where there is none.
    ///
    /// # Errors
    /// If it is no longer valid.
    pub(crate) fn promote(&self, name: &str, unix_ms: u64) -> Result<Option<Prepared>, ConfigError> {
        let set = self.set.load();
        let Some(candidate) = set.candidates.get(name) else {
            return Ok(None);
        };
        let CandidateState {
            version,
            config,
            signature,
            ..
        } = candidate.state();
        let live = candidate.base.with_config(&config, signature, (version, unix_ms))?;
        let mut next = ProfileSet::clone(&set);
        next.newest = next.newest.max(version);
        next.live.insert(Arc::clone(live.name()), Arc::new(live));
        Ok(Some(Prepared {
            commands: next.commands(&set.states()),
            set: next,
        }))
    }

    /// Has agents run a candidate, or none for this profile.
    pub(crate) fn try_out(&self, name: &str, candidate: Option<Candidate>) {
        let mut next = ProfileSet::clone(&self.set.load());
        match candidate {
            Some(candidate) => {
                next.newest = next.newest.max(candidate.live.version());
                next.candidates
                    .insert(Arc::clone(candidate.live.name()), Arc::new(candidate));
            }
            None => drop(next.candidates.remove(name)),
        }
        self.publish(Prepared {
            commands: Vec::new(),
            set: next,
        });
    }
}

impl ProfileSet {
    /// Has the candidates that the store keeps, and no others.
    pub(super) fn follow_candidates(&mut self, kept: &[CandidateState]) {
        self.newest = kept.iter().map(|kept| kept.version).fold(self.newest, u64::max);
        let known = std::mem::take(&mut self.candidates);
        let compiled = kept.iter().filter_map(|state| {
            let base = self.live.get(&state.name)?;
            let same = known.get(&state.name).filter(|known| known.state() == *state);
            let candidate = match same.filter(|known| Arc::ptr_eq(&known.base, base)) {
                Some(same) => Arc::clone(same),
                None => Arc::new(compiled(state, base)?.refused_as(known.get(&state.name).map(|known| &**known))),
            };
            Some((Arc::clone(&state.name), candidate))
        });
        self.candidates = compiled.collect();
    }

    /// Ends candidates whose profiles have another version in force by now, and compiles those
    /// again whose profiles have changed in another way.
    pub(super) fn settle_candidates(&mut self) {
        let states: Vec<CandidateState> = self.candidates.values().map(|known| known.state()).collect();
        self.follow_candidates(&states);
    }
}

fn compiled(state: &CandidateState, base: &Arc<LiveProfile>) -> Option<Candidate> {
    match Candidate::compile(state, base) {
        Ok(candidate) => candidate,
        Err(error) => {
            tracing::error!(profile = %state.name, %error, "a candidate is not valid here: no agent is sent it");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_share_has_the_agents_of_a_smaller_one() {
        let agents: Vec<Uuid> = (0..2_000).map(Uuid::from_u128).collect();
        let of = |version, share: u64| -> Vec<Uuid> {
            let has = |agent: &Uuid| part(version, *agent) < share;
            agents.iter().copied().filter(has).collect()
        };
        for share in [1, 10, 50] {
            let (few, more) = (of(7, share), of(7, share + 5));
            assert!(few.iter().all(|agent| more.contains(agent)) && few.len() < more.len());
            let percent = few.len() as u64 * PARTS / agents.len() as u64;
            assert!(percent.abs_diff(share) <= 3, "{share} % are {percent} %");
        }
        assert_eq!(of(7, 100).len(), agents.len());
        assert_ne!(of(7, 10), of(8, 10), "not the same agents with each candidate");
    }
}
