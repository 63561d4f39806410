//! Seals what is secret before it is written: a configuration holds the keys that sign zero-trust
//! tokens.
//!
//! The key is derived from the agent's own, which is not in the state directory: who has a copy of
//! that, or a backup of the machine's disk without the host's secrets, reads nothing.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use super::trouble::Trouble;
use crate::protocol::AgentKey;

/// What the key is for (BLAKE3's key derivation asks for a text that nothing else has).
const CONTEXT: &str = "buckler 2026-11-30 state directory: configuration of the server";

/// Seals and opens.
pub(crate) struct Seal(Option<LessSafeKey>);

impl Seal {
    /// By the agent's key; without one there is no server, and nothing of it to keep.
    pub(crate) fn by(key: Option<&AgentKey>) -> Self {
        Self(key.and_then(|key| {
            let key = Zeroizing::new(blake3::derive_key(CONTEXT, key.expose().as_bytes()));
            UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
        }))
    }

    /// A nonce, and the text sealed under it.
    pub(super) fn close(&self, text: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let failed = || Trouble::Disk("the configuration cannot be sealed: the agent has no key".to_owned());
        let key = self.0.as_ref().ok_or_else(failed)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = text;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| failed())?;
        sealed.splice(0..0, nonce);
        Ok(sealed)
    }

    /// The text; `None` where it was sealed by another key, or is damaged.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = sealed.to_vec();
        let opened = self
            .0
            .as_ref()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut text);
        let length = opened.ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_and_no_text_is_sealed_twice_alike() {
        let seal = Seal::by(Some(&AgentKey::new("one")));
        let sealed = seal.close(b"hush".to_vec()).unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"hush"));
        assert_ne!(seal.close(b"hush".to_vec()).unwrap(), sealed);
        assert_eq!(seal.open(&sealed).as_deref(), Some(&b"hush"[..]));
        assert_eq!(Seal::by(Some(&AgentKey::new("other"))).open(&sealed), None);
        assert_eq!(Seal::by(None).open(&sealed), None);
        let mut damaged = sealed;
        damaged[13] ^= 1;
        assert_eq!(seal.open(&damaged), None);
        assert_eq!(seal.open(b"short"), None);
    }
}
