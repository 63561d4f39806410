//! Credentials of enrolled agents: one each, as fingerprints alone.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{list::Touched, moment::Tick, secret::Fingerprint};

/// How long a credential stays good after it was exchanged for another, in seconds: the answer that
/// says so may be lost, and the agent asks again within minutes.
const OVERLAP_S: u64 = 3_600;

/// The newest changes that are remembered, for tables that follow them: more are rarely made
/// between two looks, and who has missed more reads all.
const NEWS: usize = 512;

/// An agent asks to speak with a credential of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The profile of the key that it enrols with.
    pub profile: Arc<str>,
    /// The agent.
    pub agent: Uuid,
    /// The name of that key.
    pub key: Arc<str>,
    /// The credential's fingerprint.
    pub fingerprint: Fingerprint,
    /// The fingerprint of what it asks with.
    pub by: Fingerprint,
    /// Whether that is a credential of its own already.
    pub is_own: bool,
}

/// The credential of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialState {
    /// The profile of the key that it enrolled with.
    pub profile: Arc<str>,
    /// The agent.
    pub agent: Uuid,
    /// The name of that key.
    pub key: Arc<str>,
    /// What it speaks with.
    pub fingerprint: Fingerprint,
    /// What it spoke with before, and until when that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<(Fingerprint, Tick)>,
    /// When it enrolled.
    pub made: Tick,
    /// When it was revoked: the agent does not enrol again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Tick>,
}

impl CredentialState {
    /// Whether the agent may speak with what has this fingerprint.
    #[must_use]
    pub fn is_good(&self, fingerprint: &Fingerprint, now: Tick) -> bool {
        let is_before = |(before, end): &(Fingerprint, Tick)| before == fingerprint && now < *end;
        self.fingerprint == *fingerprint || self.before.as_ref().is_some_and(is_before)
    }

    /// Whether it may be exchanged: once in the time for which the one before stays good, since
    /// each exchange is a record.
    #[must_use]
    pub fn may_be_exchanged(&self, now: Tick) -> bool {
        self.before.is_none_or(|(_, end)| now >= end)
    }

    /// Whether the answer to the enrolment may have been lost: the agent then asks again with the
    /// key that agents share. Later it tries its credential by itself.
    #[must_use]
    pub fn is_new(&self, now: Tick) -> bool {
        self.before.is_none() && now < self.made.plus(OVERLAP_S)
    }

    /// The fingerprints by which the agent is known.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> + use<> {
        let before = self.before.map(|(fingerprint, _)| fingerprint);
        [self.fingerprint].into_iter().chain(before)
    }
}

/// Which agent it is.
pub(super) type Place = (Arc<str>, Uuid);

/// All credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    pub(super) all: BTreeMap<Place, CredentialState>,
    /// Whose a fingerprint is.
    owners: HashMap<Fingerprint, Place>,
    pub(super) touched: Touched<Place>,
    /// The newest changes, with what was there before.
    news: VecDeque<(Place, Option<CredentialState>)>,
    /// Rises with every change since the start.
    pub(super) changes: u64,
}

impl Credentials {
    /// An agent speaks with this from now on, unless it was revoked.
    pub(super) fn enrol(&mut self, place: &Place, key: &Arc<str>, fingerprint: Fingerprint, now: Tick) {
        let known = self.all.get(place);
        if known.is_some_and(|known| known.revoked.is_some() || known.fingerprint == fingerprint) {
            return;
        }
        let state = CredentialState {
            profile: Arc::clone(&place.0),
            agent: place.1,
            key: known.map_or_else(|| Arc::clone(key), |known| Arc::clone(&known.key)),
            fingerprint,
            before: known.map(|known| (known.fingerprint, now.plus(OVERLAP_S))),
            made: known.map_or(now, |known| known.made),
            revoked: None,
        };
        self.set(place, Some(state));
    }

    /// Takes a credential from what was written down.
    pub(super) fn restore(&mut self, state: CredentialState) {
        let place = (Arc::clone(&state.profile), state.agent);
        for fingerprint in state.fingerprints() {
            self.owners.insert(fingerprint, place.clone());
        }
        self.all.insert(place, state);
    }

    /// Whether another agent is known by this fingerprint, or was until its latest exchange.
    pub(super) fn is_anothers(&self, fingerprint: &Fingerprint, (profile, agent): (&Arc<str>, Uuid)) -> bool {
        let owner = self.owners.get(fingerprint);
        owner.is_some_and(|(theirs, other)| theirs != profile || *other != agent)
    }

    /// The changes since there were so many, with what was there before each; `None` where they are
    /// not all remembered.
    pub(super) fn since(&self, known: u64) -> Option<impl Iterator<Item = (&Place, Option<&CredentialState>)>> {
        let missed = usize::try_from(self.changes.checked_sub(known)?).ok()?;
        let from = self.news.len().checked_sub(missed)?;
        Some(self.news.range(from..).map(|(place, before)| (place, before.as_ref())))
    }

    /// Puts a credential in its place, or removes what is there.
    fn set(&mut self, place: &Place, state: Option<CredentialState>) {
        let before = self.all.remove(place);
        if before == state {
            // nothing was there, or it is the same
            self.all.extend(state.map(|state| (place.clone(), state)));
            return;
        }
        for fingerprint in before.iter().flat_map(CredentialState::fingerprints) {
            if self.owners.get(&fingerprint) == Some(place) {
                self.owners.remove(&fingerprint);
            }
        }
        for fingerprint in state.iter().flat_map(CredentialState::fingerprints) {
            self.owners.insert(fingerprint, place.clone());
        }
        self.all.extend(state.map(|state| (place.clone(), state)));
        self.changes += 1;
        self.touched.note(place.clone());
        if self.news.len() >= NEWS {
            self.news.pop_front();
        }
        self.news.push_back((place.clone(), before));
    }

    /// Makes room where there are too many: those go that enrolled first with the key that has
    /// brought the most, a hundredth at once, since each time all are looked at. Their agents enrol
    /// again by themselves; those that an operator revoked stay revoked.
    pub(super) fn make_room(&mut self, most: usize) {
        if self.all.len() < most {
            return;
        }
        let in_force = || self.all.iter().filter(|(_, known)| known.revoked.is_none());
        let mut by_key: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        in_force().for_each(|(_, known)| *by_key.entry(&known.key).or_default() += 1);
        let Some((crowd, _)) = by_key.into_iter().max_by_key(|(_, brought)| *brought) else {
            return;
        };
        let of_crowd = in_force().filter(|(_, known)| known.key == *crowd);
        let mut oldest: Vec<(Tick, &Place)> = of_crowd.map(|(place, known)| (known.made, place)).collect();
        let nth = (self.all.len() / 100).min(oldest.len().saturating_sub(1));
        oldest.select_nth_unstable(nth);
        let gone: Vec<Place> = oldest
            .into_iter()
            .take(nth + 1)
            .map(|(_, place)| place.clone())
            .collect();
        tracing::warn!(most, key = %crowd, "more credentials than are kept: those go that enrolled first with the key that has brought the most");
        self.forget(gone);
    }

    /// Forgets an agent's credential, revoked or not: it may enrol again.
    pub(super) fn reset(&mut self, place: &Place) {
        self.forget(vec![place.clone()]);
    }

    fn forget(&mut self, places: Vec<Place>) {
        for place in places {
            self.set(&place, None);
        }
    }

    /// Revokes one credential.
    pub(super) fn revoke(&mut self, place: &Place, now: Tick) {
        let revoked = |known: &CredentialState| CredentialState {
            revoked: Some(now),
            ..known.clone()
        };
        if let Some(revoked) = self.all.get(place).map(revoked) {
            self.set(place, Some(revoked));
        }
    }

    /// Forgets what a key that was revoked has brought: its agents enrol again with another key.
    pub(super) fn forget_of(&mut self, key: &str) {
        let brought = self
            .all
            .iter()
            .filter(|(_, known)| *known.key == *key && known.revoked.is_none());
        let brought: Vec<Place> = brought.map(|(place, _)| place.clone()).collect();
        self.forget(brought);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn place(n: u128) -> Place {
        ("shop".into(), Uuid::from_u128(n))
    }

    #[test]
    fn a_key_that_brings_too_many_pushes_out_its_own_and_none_that_was_revoked() {
        let mut credentials = Credentials::default();
        let mut enrol = |n: u128, key: &str| {
            credentials.make_room(10);
            let fingerprint = Secret::of(&n.to_string()).fingerprint();
            let at = Tick::default().plus(u64::try_from(n).unwrap());
            credentials.enrol(&place(n), &key.into(), fingerprint, at);
            if n == 3 {
                credentials.revoke(&place(3), at);
            }
        };
        (1..=3).for_each(|n| enrol(n, "honest"));
        (4..=100).for_each(|n| enrol(n, "stolen"));
        assert_eq!(credentials.all.len(), 10);
        let honest = (1..=3).all(|n| credentials.all.contains_key(&place(n)));
        assert!(honest && credentials.all.contains_key(&place(100)));
        assert!(!credentials.all.contains_key(&place(4)), "the oldest go first");
    }
}
