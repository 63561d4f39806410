//! Agents' keys in force: those of the file, and what the admin API made or decided. They are found
//! by fingerprint, so that a look-up costs the same however many there are.

use std::{
    collections::{HashMap, hash_map::Entry},
    ops::Deref,
    sync::Arc,
};

use arc_swap::ArcSwap;
use serde::Serialize;
use uuid::Uuid;

use super::LiveProfile;
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
    /// The name of the key.
    pub(crate) key: Arc<str>,
    /// The agent whose own credential it is; none where it is a key that agents share.
    pub(crate) agent: Option<Uuid>,
}

impl Admitted {
    pub(super) fn new(profile: &Arc<LiveProfile>, key: &Arc<str>) -> Self {
        Self {
            profile: Arc::clone(profile),
            key: Arc::clone(key),
            agent: None,
        }
    }

    /// By a credential of this agent's own.
    pub(super) fn by_credential(profile: &Arc<LiveProfile>, enrolled: &Enrolled) -> Self {
        Self {
            agent: Some(enrolled.agent),
            ..Self::new(profile, &enrolled.key)
        }
    }

    /// By what right the agent speaks, for the store.
    pub(crate) fn via(&self) -> Via {
        Via {
            key: Some(Arc::clone(&self.key)),
        }
    }

    /// By a client certificate that names the profile, without a key.
    pub(crate) fn by_certificate(profile: &Arc<LiveProfile>) -> Self {
        Self {
            profile: Arc::clone(profile),
            key: format!("certificate/{}", profile.name()).into(),
            agent: None,
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

/// Parts of the table of credentials: an enrolment copies one of them, of a hundred thousand agents
/// four hundred entries.
const SHARDS: usize = 256;

/// Credentials of enrolled agents, by fingerprint.
#[derive(Debug)]
pub(super) struct Enrolments(Box<[ArcSwap<HashMap<Fingerprint, Enrolled>>]>);

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

    /// Takes an agent's credential, and the one before it for as long as it is good.
    pub(super) fn take(&self, state: &CredentialState) {
        let of = |ends| Enrolled {
            profile: Arc::clone(&state.profile),
            agent: state.agent,
            key: Arc::clone(&state.key),
            ends,
        };
        let before = state.before.map(|(fingerprint, end)| (fingerprint, of(Some(end))));
        for (fingerprint, enrolled) in before.into_iter().chain([(state.fingerprint, of(None))]) {
            let Some(shard) = self.0.get(fingerprint.shard()) else {
                continue;
            };
            shard.rcu(|known| {
                let mut next = HashMap::clone(known);
                next.insert(fingerprint, enrolled.clone());
                next
            });
        }
    }

    /// Takes these, and no others, each part at once.
    pub(super) fn replace<'s>(&self, states: impl Iterator<Item = &'s CredentialState>) {
        let fresh = Self::default();
        states
            .filter(|state| state.revoked.is_none())
            .for_each(|state| fresh.take(state));
        for (shard, fresh) in self.0.iter().zip(&fresh.0) {
            shard.store(fresh.load_full());
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
