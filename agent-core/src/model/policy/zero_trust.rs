//! How clients prove that they may come at all: the `ZTAA_…` keys.

use std::time::Duration;

use serde_json::Value;

use super::{
    check::{Check, Level},
    error::Fault,
    keys,
    reader::Reader,
    value::{Parsed, header_name, line, list, switch},
};
use crate::model::ztaa::{TokenKey, TokenProblem, claims};

/// Keys of one configuration at most: a token is tried with each, at some microseconds a key.
const MOST_KEYS: usize = 16;

/// What a token must be like.
#[derive(Debug, Clone)]
pub struct ZeroTrust {
    /// `ZTAA_KEY_HEADER`, in lower case.
    pub header: Box<str>,
    /// `ZTAA_KEY`: one that signed the token is enough.
    pub keys: Box<[TokenKey]>,
    /// `ZTAA_BROWSER_VERSION`: the token must say that the browser is up to date.
    pub browser_version: bool,
}

impl ZeroTrust {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            header: reader.read("ZTAA_KEY_HEADER", header_name),
            keys: reader.read("ZTAA_KEY", token_keys).into(),
            browser_version: reader.read("ZTAA_BROWSER_VERSION", switch),
        }
    }

    /// Without a key nobody could prove anything, and the application would be shut.
    pub(super) fn require_keys(&self, level: Level, reader: &mut Reader) {
        if level.is_on() && self.keys.is_empty() {
            let check = keys::of_check(Check::Ztaa.name());
            reader.problem(
                &check,
                &(level as u8).to_string(),
                "0 where `ZTAA_KEY` holds no key".to_owned(),
            );
        }
    }

    /// Judges the token that a client brought; `unix` is the time since 1970.
    ///
    /// # Errors
    /// Why it does not prove that the client may come.
    pub fn judge(&self, token: &[u8], unix: Duration) -> Result<(), TokenProblem> {
        let claims = claims(token, &self.keys)?;
        claims.judge(unix)?;
        if self.browser_version && !claims.is_browser_current() {
            return Err(TokenProblem::OldBrowser);
        }
        Ok(())
    }
}

fn token_keys(value: &Value) -> Parsed<Vec<TokenKey>> {
    let several = if value.is_array() {
        list(value, line)
    } else {
        line(value).map(|one| vec![one])
    };
    let keys = several
        .ok()
        .filter(|keys| keys.len() <= MOST_KEYS)
        .ok_or_else(|| Fault::new(value, format!("a text, or a list of at most {MOST_KEYS} texts")))?;
    Ok(keys
        .iter()
        .filter(|key| !key.is_empty())
        .map(|key| TokenKey::new(key.as_bytes()))
        .collect())
}
