//! Credentials of enrolled agents: one each, as fingerprints alone.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{list::Touched, moment::Tick, secret::Fingerprint};

/// How long a credential stays good after it was exchanged for another, in seconds: the answer that
/// says so may be lost, and the agent asks again within minutes.
const OVERLAP_S: u64 = 3_600;

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

/// Which agent it is.
pub(super) type Place = (Arc<str>, Uuid);

/// All credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    pub(super) all: BTreeMap<Place, CredentialState>,
    pub(super) touched: Touched<Place>,
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
        self.changes += 1;
        self.touched.note(place.clone());
        self.all.insert(place.clone(), state);
    }

    /// Makes room where there are too many: those go that enrolled first with the key that has brought the
    /// most, a hundredth at once, since each time all are looked at. Their agents enrol again by themselves;
    /// those that an operator revoked stay revoked.
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
            if self.all.remove(&place).is_some() {
                self.changes += 1;
                self.touched.note(place);
            }
        }
    }

    /// Revokes one credential.
    pub(super) fn revoke(&mut self, place: &Place, now: Tick) {
        if let Some(known) = self.all.get_mut(place) {
            known.revoked = Some(now);
            self.changes += 1;
            self.touched.note(place.clone());
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
