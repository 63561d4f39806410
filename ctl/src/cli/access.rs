//! What may be typed of keys, credentials, tokens, the audit and signatures.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Shows the keys of every profile, with their last characters and when they were used
    List,
    /// Makes a key, and prints it this once
    Create {
        /// The profile of its agents
        #[arg(long)]
        profile: String,
        /// For people
        #[arg(long, default_value = "")]
        label: String,
        /// For how long it is in force, such as 12h or 90d [default: without end]
        #[arg(long, value_parser = crate::lists::seconds)]
        ttl: Option<u64>,
    },
    /// Makes a key in the place of another, which stays in force for a while
    Rotate {
        /// The key, as the list names it
        id: String,
        /// For how long the other stays in force
        #[arg(long, value_parser = crate::lists::seconds, default_value = "24h")]
        overlap: u64,
        /// For how long the new one is in force, such as 90d [default: without end]
        #[arg(long, value_parser = crate::lists::seconds)]
        ttl: Option<u64>,
    },
    /// Revokes a key for good, and closes the connections that use it
    Revoke {
        /// The key, as the list names it
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Shows which agents have a credential of their own, and the key that each enrolled with
    List,
    /// Revokes an agent's credential, and closes its connections; the agent is refused whatever key
    /// it brings, until it is reset
    Revoke(AgentArgs),
    /// Forgets an agent's credential, revoked or not: the agent enrols again by its profile's key
    Reset(AgentArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct AgentArgs {
    /// The profile of the agent
    pub(crate) profile: String,
    /// The agent, as the lists name it
    pub(crate) agent: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Shows the tokens that were made here; the file's is not among them
    List,
    /// Makes a token, and prints it this once
    Create {
        /// Whose it is, as the audit names them
        label: String,
        /// What it allows
        #[arg(long, value_enum)]
        role: Role,
        /// The fleets that it sees and changes; may be given several times [default: all]
        #[arg(long = "fleet")]
        fleets: Vec<String>,
        /// For how long it is in force, such as 8h or 90d [default: without end]
        #[arg(long, value_parser = crate::lists::seconds)]
        ttl: Option<u64>,
    },
    /// Revokes a token
    Revoke {
        /// The token, as the list names it
        id: String,
    },
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// To look
    View,
    /// To ban, to unban, to decide proposals, and to replace configurations
    Operate,
    /// To make and revoke keys and tokens, and to fetch backups
    Admin,
}

impl Role {
    /// As the server reads it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The most that are shown, up to 1000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Only entries before this number
    #[arg(long)]
    pub(crate) before: Option<u64>,
    /// Only such as `ban`, `unban`, `profile`, `key.create` or `token.revoke`
    #[arg(long)]
    pub(crate) action: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignCommand {
    /// Makes a key that signs, and prints its public half for hosts' settings
    Key {
        /// The file that it is written to; it must not be there yet
        file: PathBuf,
    },
    /// Signs a profile's configuration, and prints both
    Config(SignConfigArgs),
    /// Signs a change of the keys that sign, and prints all changes
    Keys(SignKeysArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SignConfigArgs {
    /// The profile
    pub(crate) profile: String,
    /// A configuration: JSON, or TOML where the name ends in .toml; or what this command printed,
    /// to which signatures are added
    pub(crate) file: PathBuf,
    /// A private key; may be given several times
    #[arg(long = "key", required = true, value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// Its number: agents take no lower one after it [default: the seconds since 1970]
    #[arg(long)]
    pub(crate) version: Option<u64>,
    /// Take a version that is far above the default: hosts take no lower one until the keys are
    /// changed
    #[arg(long)]
    pub(crate) force: bool,
    /// For how long agents take it [default: 90d]
    #[arg(long, value_parser = crate::lists::seconds)]
    pub(crate) expires: Option<u64>,
    /// The profile's template at the server
    #[arg(long, default_value = "default")]
    pub(crate) template: String,
    /// The file of all changes of keys, where there were any
    #[arg(long, value_name = "FILE")]
    pub(crate) changes: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SignKeysArgs {
    /// The file of the changes before, or of one that more keys are to sign
    #[arg(long, value_name = "FILE")]
    pub(crate) changes: Option<PathBuf>,
    /// A key that signs from now on, as `sign key` printed it; may be given several times. Without
    /// any, signatures are added to the last change
    #[arg(long)]
    pub(crate) new: Vec<String>,
    /// How many of them must sign
    #[arg(long, default_value_t = 1)]
    pub(crate) threshold: usize,
    /// A private key, of those before or of the new ones; may be given several times
    #[arg(long = "key", required = true, value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
}
