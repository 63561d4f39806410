//! What an enrolled agent speaks with: a secret of its own, which the server knows by its
//! fingerprint alone, and which it exchanges for another by itself.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::AgentKey;

/// How long a credential is used before it is exchanged, in seconds: 30 days, as long as a backup
/// of the state directory is worth something to who stole it.
const ROTATE_AFTER_S: u64 = 30 * 24 * 3_600;

/// What credentials begin with.
const PREFIX: &str = "bkc_";

/// The agent's credential.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Credential {
    /// What the server has taken.
    current: Option<AgentKey>,
    /// What it is asked to take.
    next: Option<AgentKey>,
    /// What it took before: all that a server knows which was restored from an older backup.
    #[serde(default)]
    before: Option<AgentKey>,
    /// When the current one was taken, in Unix seconds.
    since_s: u64,
    /// How many of those that may be good the server has refused in a row.
    #[serde(skip)]
    refused: usize,
}

impl Credential {
    /// What the agent speaks with: the profile's key before it has enrolled, and where the server
    /// refuses what it has.
    pub(crate) fn or<'k>(&'k self, key: &'k AgentKey) -> &'k AgentKey {
        // before the first was taken the key is the likeliest, and then the one of which the answer
        // was lost
        let first = [key].into_iter().filter(|_| self.current.is_none());
        first.chain(self.own()).nth(self.refused).unwrap_or(key)
    }

    /// Those that the server may know, the likeliest first.
    fn own(&self) -> impl Iterator<Item = &AgentKey> {
        self.current.iter().chain(&self.next).chain(&self.before)
    }

    /// Whether the server has taken one.
    pub(crate) const fn is_in_use(&self) -> bool {
        self.current.is_some()
    }

    /// The fingerprint that the server is asked to take.
    pub(crate) fn wanted(&self) -> Option<String> {
        self.next.as_ref().map(fingerprint)
    }

    /// Makes the next one, where it is time for it. Whether it did: then it must be kept before it
    /// is asked for.
    pub(crate) fn prepare(&mut self, now_s: u64) -> bool {
        let is_due = self.refused > 0 || now_s.saturating_sub(self.since_s) >= ROTATE_AFTER_S;
        let is_due = is_due || self.current.is_none();
        if !is_due || self.next.is_some() {
            return false;
        }
        let half = || Uuid::new_v4().simple();
        self.next = Some(AgentKey::new(format!("{PREFIX}{}{}", half(), half())));
        true
    }

    /// The next one could not be kept: it is not asked for.
    pub(crate) fn give_up(&mut self) {
        self.next = None;
    }

    /// The server takes the one of this fingerprint. Whether that is the one it was asked for.
    pub(crate) fn taken(&mut self, taken: &str, now_s: u64) -> bool {
        if self.wanted().as_deref() != Some(taken) {
            return false;
        }
        self.before = std::mem::replace(&mut self.current, self.next.take());
        self.since_s = now_s;
        self.refused = 0;
        true
    }

    /// The server does not take what it was told. It may know the next one already, or has
    /// forgotten the agent, which enrols once more by the key; and a proxy may say so for a while,
    /// so that nothing is thrown away. Whether there is another to try at once: each is tried once
    /// in a row.
    pub(crate) fn refused(&mut self) -> bool {
        self.refused = (self.refused + 1) % (self.own().count() + 1);
        self.refused > 0
    }
}

fn fingerprint(key: &AgentKey) -> String {
    blake3::hash(key.expose().as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_asked_for_taken_exchanged_and_given_up() {
        let key = AgentKey::new("the-profiles-key");
        let mut credential = Credential::default();
        assert!(credential.prepare(100) && !credential.prepare(100), "one at a time");
        let wanted = credential.wanted().unwrap();
        assert_eq!(credential.or(&key), &key);
        assert!(!credential.taken("another", 100) && credential.taken(&wanted, 100));
        let first = credential.or(&key).clone();
        assert_eq!(fingerprint(&first), wanted);
        assert!(!credential.prepare(100 + ROTATE_AFTER_S - 1));
        assert!(credential.prepare(100 + ROTATE_AFTER_S));
        assert_eq!(credential.or(&key), &first, "until the server has taken the next");
        assert!(credential.refused(), "its answer was lost, and the first is over");
        assert!(![&first, &key].contains(&credential.or(&key)));
        assert!(credential.refused());
        assert_eq!(credential.or(&key), &key, "it is enrolled once more");
        assert!(
            !credential.refused(),
            "what is refused by all is not asked again at once"
        );
        assert_eq!(credential.or(&key), &first, "and nothing was thrown away");
        let wanted = credential.wanted().unwrap();
        assert!(credential.refused() && credential.taken(&wanted, 200));
        assert_eq!(fingerprint(credential.or(&key)), wanted);
        assert!(credential.refused(), "the server was restored from an older backup");
        assert_eq!(credential.or(&key), &first);
    }
}
