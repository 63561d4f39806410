//! What may be typed.

mod access;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::access::{
    AgentArgs, AuditArgs, CredentialsCommand, KeysCommand, SignCommand, SignConfigArgs, SignKeysArgs, TokensCommand,
};
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
    /// A file of the authorities, in PEM, that the server's certificate is judged by, instead of
    /// those that browsers believe
    #[arg(long, global = true, env = "BUCKLERCTL_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// A file of `server`, `ca`, and `token` or `token_file` [default: bucklerctl.toml in
    /// $XDG_CONFIG_HOME or ~/.config]
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
    /// Networks that no ban of the fleet touches
    #[command(subcommand)]
    Allow(AllowCommand),
    /// Bans that one application proposes, and that wait for another, or for an operator
    #[command(subcommand)]
    Proposals(ProposalsCommand),
    /// What requests held: what was refused and what was only logged, counted
    Findings(FindingsArgs),
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
    /// Fetches a backup of all that the server keeps
    Backup(BackupArgs),
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
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AgentsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AgentsCommand>,
    /// Only agents of this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only agents with this label, such as `tier:web`, or with any of this key; may be repeated
    #[arg(long, value_name = "KEY:VALUE")]
    pub(crate) label: Vec<String>,
    /// Only agents in this environment
    #[arg(long)]
    pub(crate) environment: Option<String>,
    /// Only agents of this release of their application
    #[arg(long)]
    pub(crate) release: Option<String>,
    /// Only agents of this profile
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Only agents of this fleet
    #[arg(long)]
    pub(crate) fleet: Option<String>,
    /// Only agents that are not well: silent, behind, with an alarm, a configuration that failed,
    /// or events that were lost
    #[arg(long)]
    pub(crate) unwell: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Forgets an agent that is gone, or all that are
    Forget {
        /// The agent, as `agents` shows it
        #[arg(required_unless_present = "gone")]
        id: Option<String>,
        /// All that are gone
        #[arg(long, conflicts_with = "id")]
        gone: bool,
        /// Only agents of this profile
        #[arg(long)]
        profile: Option<String>,
    },
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
    /// Bans addresses or networks
    Add {
        /// Addresses or networks
        #[arg(required = true)]
        address: Vec<String>,
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
    /// Lifts bans of addresses or networks
    Remove {
        /// Addresses or networks, as they are listed
        #[arg(required = true)]
        address: Vec<String>,
        /// Why, for those who look at the audit; of several alone
        #[arg(long, default_value = "let in again")]
        reason: String,
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
        /// Takes also networks that are wider than an agent may ask for; what is protected stays
        /// free
        #[arg(long)]
        wide: bool,
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

#[derive(Debug, Subcommand)]
pub(crate) enum AllowCommand {
    /// Shows what is allowed, or what allows one address
    List {
        /// An address or a network
        address: Option<String>,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Allows an address or a network: bans that touch it are lifted, and none is taken
    Add {
        /// An address or a network, up to /16, or /32 of IPv6
        address: String,
        /// For how long, such as 30m, 12h or 7d
        #[arg(long, value_parser = crate::lists::seconds, required_unless_present = "permanently")]
        ttl: Option<u64>,
        /// Without an end
        #[arg(long, conflicts_with = "ttl")]
        permanently: bool,
        /// Why, for those who look at it later
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Allows an address or a network no longer
    Remove {
        /// An address or a network, as it is allowed
        address: String,
        #[command(flatten)]
        fleet: FleetArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProposalsCommand {
    /// Shows what waits
    List {
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Bans what is proposed, for as long and for the same reason
    Ban {
        /// The address or network, as it is proposed
        address: String,
        #[command(flatten)]
        fleet: FleetArgs,
    },
    /// Forgets what is proposed
    Dismiss {
        /// The address or network, as it is proposed
        address: String,
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
    /// The fleet whose list it is [default: `default`, or the only one that the token is for]
    #[arg(long)]
    pub(crate) fleet: Option<String>,
}

impl FleetArgs {
    /// What a query says of it: nothing where the server is to decide.
    pub(crate) fn query(&self) -> Vec<(&str, &str)> {
        self.fleet.iter().map(|fleet| ("fleet", fleet.as_str())).collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// 16 hexadecimal digits: the header x-block-id of the refusal
    pub(crate) id: String,
}

/// Which findings are meant; all, where nothing is said.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only those of this profile's applications
    #[arg(long)]
    profile: Option<String>,
    /// Only those of this check, such as `sqli`
    #[arg(long)]
    check: Option<String>,
    /// Only those of this rule, or of rules that begin so, such as `sqli/`
    #[arg(long)]
    rule: Option<String>,
    /// Only those of this route, as the application names it
    #[arg(long)]
    route: Option<String>,
}

impl FilterArgs {
    /// As parameters of a path, with another one.
    pub(crate) fn query<'q>(&'q self, (name, asked): (&'q str, &'q Option<String>)) -> Vec<(&'q str, &'q str)> {
        let all = [
            ("profile", &self.profile),
            ("check", &self.check),
            ("rule", &self.rule),
            ("route", &self.route),
            (name, asked),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(name, asked)| Some((name, asked.as_deref()?)))
            .collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct RefusalsArgs {
    /// The most that are shown, up to 1000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    #[command(flatten)]
    pub(crate) of: FilterArgs,
    /// Only those of this client: an address, or a network
    #[arg(long)]
    pub(crate) client: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FindingsArgs {
    /// The hours up to now
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=168))]
    pub(crate) hours: u16,
    #[command(flatten)]
    pub(crate) of: FilterArgs,
    /// Only those of this level: 1 (block), 2 (ban) or 3 (log)
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(crate) level: Option<u8>,
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
        /// Changes only the keys that the file names; a key that is null is dropped
        #[arg(long)]
        merge: bool,
    },
    /// Publishes a file's configuration to a share of the agents, or the candidate to another share
    Publish {
        /// The profile
        name: String,
        /// A configuration: JSON, or TOML where the name ends in .toml [default: the candidate that
        /// is tried]
        file: Option<PathBuf>,
        /// How many of a hundred agents run it
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100))]
        share: u8,
        /// Although agents have rolled it back
        #[arg(long, conflicts_with = "file")]
        force: bool,
    },
    /// Shows the candidate that a share of the agents try, and how it fares
    Candidate {
        /// The profile
        name: String,
    },
    /// Puts the candidate in force for all agents
    Promote {
        /// The profile
        name: String,
        /// Although agents have rolled it back
        #[arg(long)]
        force: bool,
    },
    /// Abandons the candidate: all agents run what is in force
    Abandon {
        /// The profile
        name: String,
    },
    /// Shows the versions that were in force before: up to 20
    Versions {
        /// The profile
        name: String,
    },
    /// Puts a version in force again that was before
    Rollback {
        /// The profile
        name: String,
        /// The version [default: the one before]
        #[arg(long)]
        version: Option<u64>,
    },
    /// Puts in force what the server's file says, in the place of what was set here or on the page
    Reset {
        /// The profile
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file, which appears once it is whole, with mode 0600; it must not be there yet
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// An agent's settings file to look at, instead of the server
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}
