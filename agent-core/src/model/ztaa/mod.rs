//! Tokens by which clients prove that they may come: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, signed with
//! HMAC-SHA-512 (`HS512`) and nothing else.
//!
//! What a token says of its own algorithm is only compared, never obeyed: `none`, and an algorithm by which somebody's public key
//! would be taken for a secret, are refused before anything is computed.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac::{self, HMAC_SHA512};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;

/// The longest token that is looked at, in bytes: servers take 8 to 16 KiB for all headers together.
pub const MOST_BYTES: usize = 4096;

/// How far the clocks of who signs and who checks may be apart.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// Bytes of an HMAC-SHA-512.
const SIGNATURE: usize = 64;

/// A key that signs tokens. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct TokenKey(hmac::Key);

impl TokenKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(HMAC_SHA512, secret))
    }
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenProblem {
    /// There is none.
    Missing,
    /// It is longer than [`MOST_BYTES`].
    Long,
    /// It is no token: three parts of URL-safe Base64, the first two of them JSON objects.
    Malformed,
    /// It names another algorithm than HS512, or an extension that must be understood (`crit`).
    Algorithm,
    /// None of the keys signed it.
    Unsigned,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    Early,
    /// It is for somebody else: it names an audience (`aud`).
    Audience,
    /// It does not say that the browser is up to date.
    OldBrowser,
}

impl TokenProblem {
    /// The problem in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "no token",
            Self::Long => "token too long",
            Self::Malformed => "no such token",
            Self::Algorithm => "token of another algorithm",
            Self::Unsigned => "token signed by none of the keys",
            Self::Expired => "token expired",
            Self::Early => "token not valid yet",
            Self::Audience => "token for another audience",
            Self::OldBrowser => "browser not up to date",
        }
    }
}

/// What a token says that one of our keys signed. Every other claim is its issuer's affair.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// When it ends, in seconds since 1970. A token without an end is valid until its key is replaced, as in pyrasp.
    #[serde(default, deserialize_with = "present")]
    exp: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    /// RFC 7519, section 4.1.3: who finds an audience and does not know himself named must refuse.
    aud: Option<IgnoredAny>,
    /// pyrasp's: whether the browser is of the latest version.
    #[serde(default)]
    latest: Value,
}

impl Claims {
    /// Whether they hold at this time since 1970.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, unix: Duration) -> Result<(), TokenProblem> {
        let (now, leeway) = (unix.as_secs_f64(), LEEWAY.as_secs_f64());
        if self.exp.is_some_and(|end| now >= end + leeway) {
            Err(TokenProblem::Expired)
        } else if self.nbf.is_some_and(|beginning| now < beginning - leeway) {
            Err(TokenProblem::Early)
        } else if self.aud.is_some() {
            Err(TokenProblem::Audience)
        } else {
            Ok(())
        }
    }

    /// Whether they say that the browser is up to date: `latest` is true, or a number other than 0.
    #[must_use]
    pub fn is_browser_current(&self) -> bool {
        self.latest
            .as_bool()
            .unwrap_or_else(|| self.latest.as_f64().is_some_and(|number| number != 0.0))
    }
}

/// The claims of a token that one of these keys signed.
///
/// # Errors
/// Why it is none, or who did not sign it.
pub fn claims(token: &[u8], keys: &[TokenKey]) -> Result<Claims, TokenProblem> {
    /// The header, of which nothing but the algorithm is of use.
    #[derive(Deserialize)]
    struct Header {
        alg: Value,
        #[serde(default, deserialize_with = "present")]
        crit: Option<IgnoredAny>,
    }
    if token.len() > MOST_BYTES {
        return Err(TokenProblem::Long);
    }
    let (signed, header, payload, signature) = split(token).ok_or(TokenProblem::Malformed)?;
    let Header { alg, crit } = parse(header)?;
    if alg != "HS512" || crit.is_some() {
        return Err(TokenProblem::Algorithm);
    }
    let mut tag = [0; SIGNATURE + 2];
    let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut tag).ok();
    let tag = length
        .and_then(|length| tag.get(..length))
        .filter(|tag| tag.len() == SIGNATURE)
        .ok_or(TokenProblem::Malformed)?;
    // `verify` compares in constant time
    if !keys.iter().any(|key| hmac::verify(&key.0, signed, tag).is_ok()) {
        return Err(TokenProblem::Unsigned);
    }
    parse(payload)
}

/// What was signed, and the three parts.
fn split(token: &[u8]) -> Option<(&[u8], &[u8], &[u8], &[u8])> {
    let mut dots = token
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'.')
        .map(|(at, _)| at);
    let (first, second) = (dots.next()?, dots.next()?);
    if dots.next().is_some() {
        return None;
    }
    let (signed, signature) = token.split_at_checked(second)?;
    let (header, payload) = signed.split_at_checked(first)?;
    Some((signed, header, payload.get(1..)?, signature.get(1..)?))
}

/// Decodes and reads a part, on the stack.
fn parse<T: DeserializeOwned>(part: &[u8]) -> Result<T, TokenProblem> {
    let mut decoded = [0; MOST_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(part, &mut decoded).ok();
    length
        .and_then(|length| serde_json::from_slice(decoded.get(..length)?).ok())
        .ok_or(TokenProblem::Malformed)
}

/// A field that may be absent, but not null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests;
