//! Agents' keys in force: those of the file, and what the admin API made or decided. They are found
//! by fingerprint, so that a look-up costs the same however many there are.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    ops::Deref,
    sync::Arc,
};

use arc_swap::ArcSwap;
use buckler::protocol::v2::ConfigStatus;
use serde::Serialize;
use uuid::Uuid;

use super::{
    LiveProfile,
    candidate::{Candidate, Candidates},
};
use crate::{
    config::{ConfigError, ServerConfig},
    moment::{LastUse, Tick},
    secret::Fingerprint,
    store::{CredentialState, KeyState, Via},
};

/// An agent's right to speak: its profile, and the key that it brought.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    profile: Arc<LiveProfile>,
    candidate: Option<Arc<Candidate>>,
    /// The name of the key.
    pub(crate) key: Arc<str>,
    /// The agent whose own credential it is; none where it is a key that agents share.
    pub(crate) agent: Option<Uuid>,
    /// The fingerprint of what it brought; none where that is a certificate alone.
    pub(crate) by: Option<Fingerprint>,
}

impl Admitted {
    pub(super) fn new(profile: &Arc<LiveProfile>, key: &Arc<str>, by: Fingerprint) -> Self {
        Self {
            profile: Arc::clone(profile),
            candidate: None,
            key: Arc::clone(key),
            agent: None,
            by: Some(by),
        }
    }

    /// By a credential of this agent's own.
    pub(super) fn by_credential(profile: &Arc<LiveProfile>, enrolled: &Enrolled, by: Fingerprint) -> Self {
        Self {
            agent: Some(enrolled.agent),
            ..Self::new(profile, &enrolled.key, by)
        }
    }

    /// The same, where a share of the profile's agents try a candidate.
    pub(super) fn trying(mut self, candidates: &Candidates) -> Self {
        self.candidate = candidates.get(self.profile.name()).map(Arc::clone);
        self
    }

    /// Notes what an agent says became of a configuration.
    pub(crate) fn note(&self, agent: Uuid, status: Option<&ConfigStatus>) {
        if let Some((candidate, status)) = self.candidate.as_ref().zip(status) {
            candidate.note(agent, status);
        }
    }

    /// The configuration of an agent: the candidate, if it is of its share, else the one in force.
    pub(crate) fn of_agent(&self, agent: Uuid) -> &LiveProfile {
        let candidate = self.candidate.as_deref().filter(|candidate| candidate.is_for(agent));
        candidate.map_or(&*self.profile, Candidate::live)
    }

    /// On whose account its bodies and connections are: an enrolled agent's own, else its key's.
    pub(crate) fn account(&self) -> Cow<'_, str> {
        match self.agent {
            Some(agent) => Cow::Owned(agent.to_string()),
            None => Cow::Borrowed(&self.key),
        }
    }

    /// By what right the agent speaks, for the store. Agents that have enrolled are counted apart
    /// from those that still speak with the key that brought them: who has stolen that uses up
    /// nothing of theirs without an enrolment, which is seen and revoked.
    pub(crate) fn via(&self) -> Via {
        let key = match self.agent {
            Some(_) => format!("enrolled/{}", self.key).into(),
            None => Arc::clone(&self.key),
        };
        Via { key: Some(key) }
    }

    /// By a client certificate that names the profile, without a key.
    pub(super) fn by_certificate(profile: &Arc<LiveProfile>) -> Self {
        Self {
            profile: Arc::clone(profile),
            candidate: None,
            key: format!("certificate/{}", profile.name()).into(),
            agent: None,
            by: None,
        }
    }
}

impl Deref for Admitted {
    type Target = LiveProfile;

    fn deref(&self) -> &LiveProfile {
        &self.profile
    }
}

/// A key of the file.
#[derive(Debug, Clone)]
pub(super) struct FileKey {
    pub(super) id: Arc<str>,
    /// Its profile; none of a key that has none yet.
    pub(super) profile: Option<Arc<str>>,
    tail: String,
    pub(super) used: LastUse,
}

/// The file's keys.
pub(super) type FileKeys = HashMap<Fingerprint, FileKey>;

/// Every key of the file with the name of its profile. Those that were there before keep when they
/// were used last.
pub(super) fn of_file(config: &ServerConfig, before: &FileKeys) -> Result<FileKeys, ConfigError> {
    let assigned = config.profiles.iter().flat_map(|(name, profile)| {
        let name: Arc<str> = name.as_str().into();
        profile.all_keys().map(move |key| (*key, Some(Arc::clone(&name))))
    });
    let unassigned = config.unassigned_keys.iter().map(|key| (*key, None));
    let mut keys = FileKeys::new();
    for (key, profile) in assigned.chain(unassigned) {
        let fingerprint = key.fingerprint();
        match keys.entry(fingerprint) {
            Entry::Vacant(free) => {
                let used = before.get(&fingerprint).map(|known| known.used.clone());
                free.insert(FileKey {
                    id: fingerprint.name(),
                    profile,
                    tail: key.tail(),
                    used: used.unwrap_or_default(),
                });
            }
            Entry::Occupied(taken) if taken.get().profile == profile => {}
            Entry::Occupied(taken) => {
                let shown = |name: &Option<Arc<str>>| name.as_deref().unwrap_or("unassigned_keys").to_owned();
                return Err(ConfigError::SharedKey {
                    first: shown(&taken.get().profile),
                    second: shown(&profile),
                });
            }
        }
    }
    Ok(keys)
}

/// A key that the admin API made or decided of.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) state: KeyState,
    pub(super) used: LastUse,
}

/// An agent with a credential of its own.
#[derive(Debug, Clone)]
pub(super) struct Enrolled {
    pub(super) profile: Arc<str>,
    agent: Uuid,
    /// The name of the key that it enrolled with.
    key: Arc<str>,
    /// From when on the credential is not taken any more.
    ends: Option<Tick>,
}

impl Enrolled {
    /// An agent by its credential, and by the one before that for as long as it is good.
    fn all_of(state: &CredentialState) -> impl Iterator<Item = (Fingerprint, Self)> + use<> {
        let of = |ends| Self {
            profile: Arc::clone(&state.profile),
            agent: state.agent,
            key: Arc::clone(&state.key),
            ends,
        };
        let before = state.before.map(|(fingerprint, end)| (fingerprint, of(Some(end))));
        before.into_iter().chain([(state.fingerprint, of(None))])
    }
}

/// Parts of the table of credentials: an enrolment copies one of them, of a hundred thousand agents
/// four hundred entries.
const SHARDS: usize = 256;

/// A part of the table.
type Part = HashMap<Fingerprint, Enrolled>;

/// Credentials of enrolled agents, by fingerprint.
#[derive(Debug)]
pub(super) struct Enrolments(Box<[ArcSwap<Part>]>);

impl Default for Enrolments {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| ArcSwap::default()).collect())
    }
}

impl Enrolments {
    /// Whose credential this is.
    pub(super) fn of(&self, fingerprint: &Fingerprint, now: Tick) -> Option<Enrolled> {
        let shard = self.0.get(fingerprint.shard())?.load();
        let found = shard.get(fingerprint)?;
        found.ends.is_none_or(|end| now < end).then(|| found.clone())
    }

    /// Whether a credential that was exchanged ended after `since`, and by `now`: of a hundred
    /// thousand agents that takes half a millisecond.
    pub(super) fn has_ended(&self, since: Tick, now: Tick) -> bool {
        self.0.iter().any(|part| {
            let part = part.load();
            let mut ends = part.values().filter_map(|enrolled| enrolled.ends);
            ends.any(|end| since < end && end <= now)
        })
    }

    /// Follows a change of an agent's credential: takes the new one, and the one before it for as
    /// long as it is good, and none that went.
    pub(super) fn follow(&self, before: Option<&CredentialState>, state: Option<&CredentialState>) {
        let state = state.filter(|state| state.revoked.is_none());
        let taken: Vec<(Fingerprint, Enrolled)> = state.into_iter().flat_map(Enrolled::all_of).collect();
        for (fingerprint, enrolled) in &taken {
            self.change(fingerprint, |part| drop(part.insert(*fingerprint, enrolled.clone())));
        }
        let Some(before) = before else { return };
        for gone in before.fingerprints() {
            if taken.iter().all(|(fingerprint, _)| *fingerprint != gone) {
                let is_theirs = |known: &Enrolled| known.agent == before.agent && known.profile == before.profile;
                self.change(&gone, |part| {
                    if part.get(&gone).is_some_and(is_theirs) {
                        part.remove(&gone);
                    }
                });
            }
        }
    }

    fn change(&self, fingerprint: &Fingerprint, change: impl Fn(&mut Part)) {
        if let Some(part) = self.0.get(fingerprint.shard()) {
            part.rcu(|known| {
                let mut next = Part::clone(known);
                change(&mut next);
                next
            });
        }
    }

    /// Takes these, and no others, each part at once.
    pub(super) fn replace<'s>(&self, states: impl Iterator<Item = &'s CredentialState>) {
        let mut parts = vec![Part::default(); SHARDS];
        let in_force = states.filter(|state| state.revoked.is_none());
        for (fingerprint, enrolled) in in_force.flat_map(Enrolled::all_of) {
            if let Some(part) = parts.get_mut(fingerprint.shard()) {
                part.insert(fingerprint, enrolled);
            }
        }
        for (known, part) in self.0.iter().zip(parts) {
            known.store(Arc::new(part));
        }
    }
}

/// What the admin API made of keys.
#[derive(Debug, Default)]
pub(super) struct Grants(HashMap<Fingerprint, Granted>);

/// What is decided of a key.
pub(super) enum Decision<'a> {
    /// Nothing: what the file says of it counts.
    None,
    /// It is not in force any more.
    Over,
    /// It is of this profile.
    Granted(&'a Granted),
}

impl Grants {
    /// These keys, used last as `before` has it.
    pub(super) fn new(states: Vec<KeyState>, before: &Self) -> Self {
        let grants = states.into_iter().map(|state| {
            let used = before.0.get(&state.fingerprint).map(|known| known.used.clone());
            let used = used.unwrap_or_default();
            (state.fingerprint, Granted { state, used })
        });
        Self(grants.collect())
    }

    pub(super) fn of(&self, fingerprint: &Fingerprint, now: Tick) -> Decision<'_> {
        match self.0.get(fingerprint) {
            Some(granted) if !granted.state.is_in_force(now) => Decision::Over,
            Some(granted) if !granted.state.from_file => Decision::Granted(granted),
            Some(_) | None => Decision::None,
        }
    }

    /// Whether a key ended after `since`, and by `now`.
    pub(super) fn has_ended(&self, since: Tick, now: Tick) -> bool {
        let mut ends = self.0.values().filter_map(|granted| granted.state.ends);
        ends.any(|end| since < end && end <= now)
    }

    /// Every key as an operator sees it: the file's, and those that the admin API made.
    pub(super) fn views(&self, file: &FileKeys, now: Tick) -> Vec<KeyView> {
        let of_file = file.iter().map(|(fingerprint, key)| {
            let state = self.0.get(fingerprint).map(|granted| &granted.state);
            let state = state.cloned().unwrap_or_else(|| KeyState {
                id: Arc::clone(&key.id),
                fingerprint: *fingerprint,
                profile: "".into(),
                label: String::new(),
                tail: key.tail.clone(),
                from_file: true,
                made: Tick::default(),
                ends: None,
                revoked: None,
            });
            let state = KeyState {
                profile: key.profile.clone().unwrap_or_else(|| "".into()),
                ..state
            };
            KeyView::new(state, &key.used, now)
        });
        let made = self.0.values().filter(|granted| !granted.state.from_file);
        let made = made.map(|granted| KeyView::new(granted.state.clone(), &granted.used, now));
        let mut views: Vec<KeyView> = of_file.chain(made).collect();
        views.sort_by(|one, other| {
            (&one.profile, one.made_ms, &one.id).cmp(&(&other.profile, other.made_ms, &other.id))
        });
        views
    }
}

/// A key as an operator sees it.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    /// Its name.
    pub(crate) id: Arc<str>,
    /// Empty for a key that has no profile yet.
    pub(crate) profile: Arc<str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) tail: String,
    /// `file` or `api`.
    pub(crate) source: &'static str,
    /// `active`, `ended` or `revoked`.
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) made_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ends_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_ms: Option<u64>,
    /// Since the server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_ms: Option<u64>,
    /// What is kept of it.
    #[serde(skip)]
    pub(crate) kept: KeyState,
}

impl KeyView {
    fn new(kept: KeyState, used: &LastUse, now: Tick) -> Self {
        Self {
            id: Arc::clone(&kept.id),
            profile: Arc::clone(&kept.profile),
            label: kept.label.clone(),
            tail: kept.tail.clone(),
            source: if kept.from_file { "file" } else { "api" },
            state: if kept.revoked.is_some() {
                "revoked"
            } else if kept.is_in_force(now) {
                "active"
            } else {
                "ended"
            },
            made_ms: (kept.made != Tick::default()).then(|| kept.made.unix_ms()),
            ends_ms: kept.ends.map(Tick::unix_ms),
            revoked_ms: kept.revoked.map(Tick::unix_ms),
            used_ms: used.get().map(Tick::unix_ms),
            kept,
        }
    }
}
