//! Why a configuration cannot be used: always with the place, what was found there, and what is allowed.

use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there, or not ours to read.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not what it should be.
    #[error("{}: {reason}", file.display())]
    Malformed {
        /// Which.
        file: PathBuf,
        /// Where in it, what was found, and what is allowed.
        reason: String,
    },
    /// There are two answers to where everything is kept.
    #[error(
        "data_dir and memory: found data_dir = {:?} and memory = true, allowed is one of them: drop `memory` to keep what the \
         server knows", found.display()
    )]
    DataDirAndMemory {
        /// The directory.
        found: PathBuf,
    },
    /// The journal cannot be used.
    #[error("[journal] {key}: found {found}, allowed is {allowed}")]
    Journal {
        /// Which key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What may.
        allowed: &'static str,
    },
    /// No directory is named.
    #[error("data_dir: found an empty path, allowed is a directory that the server may write to, or `memory = true`")]
    EmptyDataDir,
    /// A path that cannot be one.
    #[error(
        "{key}: found {found:?}, allowed is a path that begins with `/`, not with any of `{}`, of letters, digits and /-_.~",
        super::RESERVED.join("`, `")
    )]
    Path {
        /// Which key.
        key: &'static str,
        /// Its value.
        found: String,
    },
    /// Two things cannot share a path.
    #[error("{first} and {second}: found {found:?} for both, allowed are two different paths")]
    SamePath {
        /// Which key.
        first: &'static str,
        /// Which other.
        second: &'static str,
        /// Their value.
        found: String,
    },
    /// A profile's configuration is not valid.
    #[error("profile {profile:?}: {reason}")]
    Profile {
        /// Which.
        profile: String,
        /// Every problem, a line each.
        reason: String,
    },
    /// Two profiles claim one key.
    #[error("profiles {first:?} and {second:?} have a key in common: a key names one profile")]
    SharedKey {
        /// One of them, or `unassigned_keys`.
        first: String,
        /// The other.
        second: String,
    },
    /// A file of `[tls]` cannot be used.
    #[error("[tls] {reason}")]
    Tls {
        /// Which key, what was found there, and what is allowed.
        reason: String,
    },
    /// A key of `[tls]` that means nothing without another.
    #[error(
        "[tls] {key}: found without client_ca, allowed is client_ca = the authority that issues the agents' certificates"
    )]
    TlsWithoutCa {
        /// Which key.
        key: &'static str,
    },
    /// A webhook that cannot be one.
    #[error("webhooks.{name}: {reason}")]
    Webhook {
        /// Which.
        name: String,
        /// What was found, and what is allowed.
        reason: String,
    },
    /// A bouncer is to read a list that is not there.
    #[error("bouncers.{bouncer}.fleet: found {found:?}, allowed is the fleet of a profile")]
    UnknownFleet {
        /// Which bouncer.
        bouncer: String,
        /// The fleet it names.
        found: String,
    },
    /// A profile waits for certificates that no agent is asked for.
    #[error(
        "profile {profile:?}: found client_subjects without [tls] client_ca, so no agent is asked for a certificate: name the \
         authority that issues them"
    )]
    SubjectsWithoutCa {
        /// Which.
        profile: String,
    },
}
