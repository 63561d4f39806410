//! Operators' tokens in force: the file's, which may do everything, and those that the admin API
//! made. They are found by fingerprint.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arc_swap::ArcSwap;

use crate::{
    moment::{LastUse, Tick},
    profiles::Profiles,
    secret::{Fingerprint, Secret},
    store::{KeyState, Role, Store, TokenState},
};

/// What the store has of keys and tokens.
#[derive(Debug)]
pub(crate) struct Access {
    keys: Vec<KeyState>,
    tokens: Vec<TokenState>,
    /// How many changes led there.
    pub(crate) changes: u64,
}

impl Access {
    pub(crate) fn of(store: &Store) -> Self {
        Self {
            keys: store.keys().cloned().collect(),
            tokens: store.tokens().cloned().collect(),
            changes: store.access_changes(),
        }
    }

    /// Puts it in force.
    pub(crate) fn grant(self, profiles: &Profiles, tokens: &Tokens) {
        profiles.grant(self.keys);
        tokens.grant(self.tokens);
    }
}

/// Who operates the server, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// The label of the token.
    pub(crate) label: Arc<str>,
    /// Its last four characters.
    pub(crate) tail: String,
    pub(crate) role: Role,
    /// Fleets that are seen and changed; all where there is none.
    pub(crate) fleets: Option<BTreeSet<Arc<str>>>,
}

impl Operator {
    /// Whether this fleet is theirs.
    pub(crate) fn sees(&self, fleet: &str) -> bool {
        self.fleets.as_ref().is_none_or(|fleets| fleets.contains(fleet))
    }

    /// Whether every fleet is theirs.
    pub(crate) const fn sees_all(&self) -> bool {
        self.fleets.is_none()
    }
}

/// A token that the admin API made.
#[derive(Debug)]
struct Granted {
    state: TokenState,
    used: LastUse,
}

/// Tokens in force.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: Option<Secret>,
    granted: ArcSwap<HashMap<Fingerprint, Granted>>,
}

/// What the file and its token are called where a label is asked for; no other token is.
pub(crate) const OF_FILE: &str = "file";

impl Tokens {
    /// The file's token, and those that were made before.
    pub(crate) fn new(file: Option<Secret>, states: Vec<TokenState>) -> Self {
        let tokens = Self {
            file,
            granted: ArcSwap::default(),
        };
        tokens.grant(states);
        tokens
    }

    /// Whether there is any: without one there is no admin API.
    pub(crate) fn exist(&self) -> bool {
        self.file.is_some() || !self.granted.load().is_empty()
    }

    /// Whose token this is.
    pub(crate) fn find(&self, text: &str, now: Tick) -> Option<Operator> {
        self.of(&Secret::of(text), now)
    }

    /// Whose token has this fingerprint.
    pub(crate) fn of(&self, brought: &Secret, now: Tick) -> Option<Operator> {
        if let Some(file) = self.file.as_ref().filter(|file| *file == brought) {
            return Some(Operator {
                label: OF_FILE.into(),
                tail: file.tail(),
                role: Role::Admin,
                fleets: None,
            });
        }
        let granted = self.granted.load();
        let found = granted.get(&brought.fingerprint())?;
        if !found.state.is_in_force(now) {
            return None;
        }
        found.used.note(now);
        Some(Operator {
            label: Arc::clone(&found.state.label),
            tail: found.state.tail.clone(),
            role: found.state.role,
            fleets: found.state.fleets.clone(),
        })
    }

    /// Puts these in force, and no others.
    pub(crate) fn grant(&self, states: Vec<TokenState>) {
        let before = self.granted.load();
        let granted = states.into_iter().map(|state| {
            let used = before.get(&state.fingerprint).map(|known| known.used.clone());
            let used = used.unwrap_or_default();
            (state.fingerprint, Granted { state, used })
        });
        self.granted.store(Arc::new(granted.collect()));
    }

    /// Every token that the admin API made, with when it was used last since the start.
    pub(crate) fn all(&self) -> Vec<(TokenState, Option<Tick>)> {
        let granted = self.granted.load();
        let mut all: Vec<(TokenState, Option<Tick>)> = granted
            .values()
            .map(|granted| (granted.state.clone(), granted.used.get()))
            .collect();
        all.sort_by(|(one, _), (other, _)| (one.made, &one.id).cmp(&(other.made, &other.id)));
        all
    }
}
