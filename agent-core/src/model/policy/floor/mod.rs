//! What a host's server may not ask for, whatever its configuration says.
//!
//! Whoever holds the server, or a token of its API, would otherwise hold every application: a
//! configuration could switch all checks off, never judge anybody, send browsers to other sites,
//! and have findings posted to any machine that the application reaches. The host's own layers are
//! not held to it: what a file, the environment or code says is the host's word.
//!
//! What is below the floor is not taken; the rest of the configuration is.
//! [`Policy::held`](super::Policy::held) says what was not.

mod hold;
mod weaker;

use std::{collections::BTreeSet, fmt};

pub(super) use self::weaker::weaker;
use super::{Check, Level};

/// What the server may not go below. The default is in force without being asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    levels: [Level; Check::ALL.len()],
    /// The shortest prefixes of networks in a server's `WHITELIST`, in bits.
    whitelist_v4: u8,
    whitelist_v6: u8,
    never_ignored: Box<[Box<str>]>,
    markup: bool,
    /// Hosts that findings may be sent to, in lower case.
    log_hosts: Box<[Box<str>]>,
    /// Hosts that refused clients may be sent to, in lower case; all where there are none.
    redirect_hosts: Option<Box<[Box<str>]>>,
    /// The keys that the server may set; all where there are none.
    server_keys: Option<BTreeSet<Box<str>>>,
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            levels: [Level::Off; Check::ALL.len()],
            whitelist_v4: Self::WHITELIST_V4,
            whitelist_v6: Self::WHITELIST_V6,
            never_ignored: Box::default(),
            markup: true,
            log_hosts: Box::default(),
            redirect_hosts: None,
            server_keys: None,
        }
    }
}

impl Floor {
    /// The widest IPv4 network that a server may list by default, in bits of its prefix: what one
    /// organisation was ever given.
    pub const WHITELIST_V4: u8 = 8;

    /// The widest IPv6 network by default: registries give providers /32, and the largest of them
    /// some more.
    pub const WHITELIST_V6: u8 = 20;

    /// The least that a check does.
    #[must_use]
    pub fn with_level(mut self, check: Check, level: Level) -> Self {
        if let Some(least) = self.levels.get_mut(check as usize) {
            *least = level;
        }
        self
    }

    /// The shortest prefixes that networks of a server's `WHITELIST` may have, in bits. Private
    /// networks may always be listed.
    #[must_use]
    pub const fn with_whitelist(mut self, v4: u8, v6: u8) -> Self {
        self.whitelist_v4 = v4;
        self.whitelist_v6 = v6;
        self
    }

    /// Paths that no pattern of a server's `IGNORE_PATHS` may match.
    #[must_use]
    pub fn with_never_ignored(mut self, paths: impl IntoIterator<Item = String>) -> Self {
        self.never_ignored = paths.into_iter().map(String::into_boxed_str).collect();
        self
    }

    /// Whether a server's refusal pages may carry markup.
    #[must_use]
    pub const fn with_markup(mut self, may_carry: bool) -> Self {
        self.markup = may_carry;
        self
    }

    /// Hosts that a server may have findings sent to: the cloud's own, and those that the host
    /// names.
    #[must_use]
    pub fn with_log_hosts(mut self, hosts: impl IntoIterator<Item = String>) -> Self {
        self.log_hosts = in_lower_case(hosts);
        self
    }

    /// The only hosts that a server may send refused clients to, besides the application's own;
    /// `None` for all.
    #[must_use]
    pub fn with_redirect_hosts(mut self, hosts: Option<impl IntoIterator<Item = String>>) -> Self {
        self.redirect_hosts = hosts.map(in_lower_case);
        self
    }

    /// The only keys that a server may set; `None` for all.
    #[must_use]
    pub fn with_server_keys(mut self, keys: Option<impl IntoIterator<Item = String>>) -> Self {
        self.server_keys = keys.map(|keys| keys.into_iter().map(|key| key.to_ascii_uppercase().into()).collect());
        self
    }

    /// The least that a check does; [`Level::Off`] where the server decides alone.
    pub(super) fn level(&self, check: Check) -> Level {
        super::level_in(&self.levels, check)
    }

    /// Whether any check has a least level.
    fn has_levels(&self) -> bool {
        self.levels.iter().any(|level| level.is_on())
    }
}

fn in_lower_case(names: impl IntoIterator<Item = String>) -> Box<[Box<str>]> {
    names.into_iter().map(|name| name.to_ascii_lowercase().into()).collect()
}

/// Something that the server asked for, and that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The key as the server wrote it, and the place in its value.
    pub key: String,
    /// What it asked for, cut to a line; a secret is not shown.
    pub asked: String,
    /// What the floor allows.
    pub allowed: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, asked, allowed } = self;
        write!(
            f,
            "{key}: {asked} is below the host's floor and not taken; allowed: {allowed}"
        )
    }
}

#[cfg(test)]
mod tests;
