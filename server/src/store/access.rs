//! Who may speak: agents' keys and operators' tokens, as fingerprints alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{list::Touched, moment::Tick, secret::Fingerprint};

/// The most agent keys of the admin API that are remembered, at some 300 bytes each: an application
/// and environment has one or two. What was decided of the file's comes on top: these are as many
/// as the file has.
pub(crate) const MOST_KEYS: usize = 10_000;

/// The most tokens that are remembered: people and programs that operate the server.
pub(crate) const MOST_TOKENS: usize = 1_000;

/// An agent key that the admin API made, or what it decided of one of the file's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    /// Its name, of its fingerprint.
    pub id: Arc<str>,
    /// The BLAKE3 hash of the key.
    pub fingerprint: Fingerprint,
    /// The profile of its agents.
    pub profile: Arc<str>,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The key's last four characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
    /// Whether the key stands in the file: then it is in force as long as it stands there.
    #[serde(default)]
    pub from_file: bool,
    /// When it was made.
    pub made: Tick,
    /// From when on it is not in force any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Tick>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Tick>,
}

impl KeyState {
    /// Whether agents may speak with it.
    #[must_use]
    pub fn is_in_force(&self, now: Tick) -> bool {
        self.revoked.is_none() && self.ends.is_none_or(|end| now < end)
    }
}

/// What an operator's token allows, each including those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To look.
    View,
    /// To ban, to unban, and to replace configurations.
    Operate,
    /// To make and revoke keys and tokens, and to fetch backups.
    Admin,
}

impl Role {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// An operator's token that the admin API made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenState {
    /// Its name, of its fingerprint.
    pub id: Arc<str>,
    /// The BLAKE3 hash of the token.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub label: Arc<str>,
    /// The token's last four characters.
    pub tail: String,
    /// What it allows.
    pub role: Role,
    /// The fleets that it sees and changes; all where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleets: Option<BTreeSet<Arc<str>>>,
    /// When it was made.
    pub made: Tick,
    /// From when on it is not in force any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Tick>,
}

impl TokenState {
    /// Whether an operator may use it.
    #[must_use]
    pub fn is_in_force(&self, now: Tick) -> bool {
        self.ends.is_none_or(|end| now < end)
    }
}

/// Keys and tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    pub(super) keys: BTreeMap<Arc<str>, KeyState>,
    pub(super) tokens: BTreeMap<Arc<str>, TokenState>,
    pub(super) touched_keys: Touched<Arc<str>>,
    pub(super) touched_tokens: Touched<Arc<str>>,
    /// Rises with every change since the start.
    pub(super) changes: u64,
}

impl Access {
    pub(super) fn track(&mut self) {
        self.touched_keys.track();
        self.touched_tokens.track();
    }

    /// Keeps a key. Where there are too many, one goes that is not in force any more; none where
    /// all are, and who makes a key asks [`has_room`](Self::has_room) before. What is decided of a
    /// key of the file is always kept: it would be in force again without.
    pub(super) fn set_key(&mut self, key: &KeyState, now: Tick) {
        if !key.from_file && !self.keys.contains_key(&key.id) && self.is_full() {
            let over = self.keys.values().filter(|known| is_forgettable(known, now));
            let Some(oldest) = over.min_by_key(|known| (known.made, &known.id)) else {
                return;
            };
            let oldest = Arc::clone(&oldest.id);
            self.keys.remove(&oldest);
            self.touched_keys.note(oldest);
        }
        self.changes += 1;
        self.touched_keys.note(Arc::clone(&key.id));
        self.keys.insert(Arc::clone(&key.id), key.clone());
    }

    /// Whether one more key can be made. Of the two that a rotation keeps, the older is known or of
    /// the file, and takes no room.
    pub(super) fn has_room(&self, now: Tick) -> bool {
        !self.is_full() || self.keys.values().any(|known| is_forgettable(known, now))
    }

    fn is_full(&self) -> bool {
        self.keys.values().filter(|known| !known.from_file).count() >= MOST_KEYS
    }

    pub(super) fn set_token(&mut self, token: &TokenState) {
        if !self.tokens.contains_key(&token.id) && self.tokens.len() >= MOST_TOKENS {
            return;
        }
        self.changes += 1;
        self.touched_tokens.note(Arc::clone(&token.id));
        self.tokens.insert(Arc::clone(&token.id), token.clone());
    }

    pub(super) fn forget_token(&mut self, id: &Arc<str>) {
        self.changes += 1;
        self.touched_tokens.note(Arc::clone(id));
        self.tokens.remove(id);
    }
}

/// A key without which no other one would come into force: the file's are, if what was decided of
/// them is forgotten.
fn is_forgettable(key: &KeyState, now: Tick) -> bool {
    !key.from_file && !key.is_in_force(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn key(n: usize, from_file: bool) -> KeyState {
        let fingerprint = Secret::of(&n.to_string()).fingerprint();
        KeyState {
            id: n.to_string().into(),
            fingerprint,
            profile: "shop".into(),
            label: String::new(),
            tail: String::new(),
            from_file,
            made: Tick::default(),
            ends: None,
            revoked: None,
        }
    }

    #[test]
    fn what_is_decided_of_a_key_of_the_file_is_kept_however_many_keys_there_are() {
        let (mut access, now) = (Access::default(), Tick::default().plus(1));
        for n in 0..MOST_KEYS {
            assert!(access.has_room(now), "{n}");
            access.set_key(&key(n, false), now);
        }
        assert!(!access.has_room(now));
        access.set_key(&key(MOST_KEYS, false), now);
        assert_eq!(access.keys.len(), MOST_KEYS);
        let revoked = KeyState {
            revoked: Some(now),
            ..key(MOST_KEYS + 1, true)
        };
        access.set_key(&revoked, now);
        assert_eq!(access.keys.get(&revoked.id), Some(&revoked));
        // and it takes no other key's place
        let over = KeyState {
            revoked: Some(now),
            ..key(7, false)
        };
        access.set_key(&over, now);
        assert!(access.has_room(now));
        access.set_key(&key(MOST_KEYS, false), now);
        assert!(!access.keys.contains_key(&over.id) && access.keys.contains_key(&revoked.id));
        assert_eq!(access.keys.len(), MOST_KEYS + 1);
    }
}
