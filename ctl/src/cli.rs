//! What may be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{lists::Format, show::Output};

/// Asks and steers Buckler's cloud server.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// How answers are written.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it is so, or it is done
  1  it is not: nothing found, something differs or is not well, or the server refused
  2  what was typed, or a file that it names, makes no sense
  3  the server cannot be reached, or failed
  4  the token is not the server's, or does not allow that";

/// Which server, and who asks. Flags win over the environment, and that over the file.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The server, such as `https://buckler.example.com`
    #[arg(long, global = true, env = "BUCKLERCTL_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// A file that holds the admin token; BUCKLERCTL_TOKEN holds it itself. There is no flag for
    /// the token: every user of the machine sees the arguments of its programs
    #[arg(long, global = true, env = "BUCKLERCTL_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file of `server` and `token` or `token_file` [default: bucklerctl.toml in $XDG_CONFIG_HOME
    /// or ~/.config]
    #[arg(long, global = true, env = "BUCKLERCTL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The server at a glance: version, sockets, agents by state, lists
    Status,
    /// The agents: who speaks to the server, and how they are
    Agents(AgentsArgs),
    /// The fleet's list of banned addresses and networks
    #[command(subcommand)]
    Bans(BansCommand),
    /// Why a client was refused, by the id that it was shown
    Why(WhyArgs),
    /// The newest refusals
    Refusals(RefusalsArgs),
    /// Refusals as they come
    Tail(TailArgs),
    /// Profiles and their configurations
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Agents' keys: made, rotated, revoked
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Credentials of agents that have enrolled: revoked, reset
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Operators' tokens, each with a role and fleets
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Who changed what, the newest first
    Audit(AuditArgs),
    /// Signs configurations for agents that believe keys alone; asks no server
    #[command(subcommand)]
    Sign(SignCommand),
    /// Looks for what is wrong, and says what to do
    Doctor(DoctorArgs),
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    /// Only agents of this profile
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Only agents of this fleet
    #[arg(long)]
    pub(crate) fleet: Option<String>,
    /// Only agents that are not well: silent, behind, or with a configuration that failed
    #[arg(long)]
    pub(crate) unwell: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BansCommand {
    /// Shows the list, or what covers one address
    List {
        /// An address or a network
        address: Option<String>,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Bans an address or a network
    Add {
        /// An address or a network
        address: String,
        /// For how long, such as 30m, 12h or 7d
        #[arg(long, value_parser = crate::lists::seconds, required_unless_present = "permanently")]
        ttl: Option<u64>,
        /// Without an end
        #[arg(long, conflicts_with = "ttl")]
        permanently: bool,
        /// Why, for those who look at the list
        #[arg(long, default_value = "")]
        reason: String,
        /// Bans also what the server would ask about first: wide or protected networks
        #[arg(long)]
        force: bool,
        /// Only says whom it would block
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Lifts the ban of an address or a network
    Remove {
        /// An address or a network, as it is listed
        address: String,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Bans all that a file lists; `-` reads standard input
    Import {
        /// The file
        file: PathBuf,
        /// Its format
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// For how long, where the file says nothing
        #[arg(long, value_parser = crate::lists::seconds, default_value = "24h")]
        ttl: u64,
        /// Why, where the file says nothing
        #[arg(long, default_value = "imported")]
        reason: String,
        /// Only says what would be listed
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Writes the list for another program
    Export {
        /// For which
        #[arg(long, value_enum, default_value_t)]
        format: Target,
        #[command(flatten)]
        fleet: FleetArgs,
    },
}

/// What a list is written for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A network a line, as HAProxy's ACL files and most programs read it
    #[default]
    Plain,
    /// Columns, with a head
    Csv,
    /// A table for `nft -f`
    Nft,
    /// Sets for `ipset restore`
    Ipset,
    /// `deny` lines for nginx
    Nginx,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct FleetArgs {
    /// The fleet whose list it is
    #[arg(long, default_value = "default")]
    pub(crate) fleet: String,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// 16 hexadecimal digits: the header x-block-id of the refusal
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct RefusalsArgs {
    /// The most that are shown, up to 1000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// Seconds between two looks
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) every: u16,
    /// Ends after so many looks
    #[arg(long)]
    pub(crate) looks: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// The profiles, their fleets and versions
    List,
    /// The configuration of a profile
    Get {
        /// The profile
        name: String,
    },
    /// What a file would change in a profile's configuration
    Diff {
        /// The profile
        name: String,
        /// A configuration: JSON, or TOML where the name ends in .toml
        file: PathBuf,
    },
    /// Replaces a profile's configuration by a file's, once the agent's own code has checked it
    Set {
        /// The profile
        name: String,
        /// A configuration: JSON, or TOML where the name ends in .toml
        file: PathBuf,
        /// Changes only the keys that the file names
        #[arg(long)]
        merge: bool,
    },
}

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
    /// To ban, to unban, and to replace configurations
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

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// An agent's settings file to look at, instead of the server
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}
