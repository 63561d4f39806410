//! `bucklerctl`: the command line of Buckler's cloud server.
//!
//! | module | |
//! |---|---|
//! | [`cli`] | what may be typed |
//! | [`target`] | which server is asked, and with which token |
//! | [`api`] | the admin API |
//! | [`bans`], [`allow`], [`agents`], [`proposals`], [`findings`], [`refusals`] | one command each |
//! | [`profiles`], [`status`], [`backup`] | one command each |
//! | [`access`] | keys, credentials, tokens and the audit |
//! | [`lists`] | formats of lists of addresses, read and written |
//! | [`sign`] | configurations and changes of keys, signed where the server is not |
//! | [`doctor`] | what is wrong, and what to do |
//! | [`show`] | tables for people, JSON for programs |

mod access;
mod agents;
mod allow;
mod api;
mod backup;
mod bans;
mod cli;
mod doctor;
mod findings;
mod lists;
mod profiles;
mod proposals;
mod refusals;
mod show;
mod sign;
mod status;
mod target;

use std::{
    fmt::Display,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _};

use self::{
    api::{Api, ApiError},
    cli::{Cli, Command},
    show::Screen,
    target::{Target, TargetError},
};

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{0}")]
    Input(String),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// What is wrong with a file.
    fn of_file(file: &Path, problem: impl Display) -> Self {
        Self::Input(format!("{}: {problem}", file.display()))
    }

    /// The exit code; `docs/BUCKLERCTL.md` lists them.
    const fn code(&self) -> u8 {
        match self {
            Self::Api(ApiError::Refused { .. }) => 1,
            Self::Target(_) | Self::Input(_) => 2,
            Self::Api(ApiError::Unreachable { .. } | ApiError::Failed { .. } | ApiError::NoSense { .. })
            | Self::Output(_) => 3,
            Self::Api(ApiError::Token { .. }) => 4,
        }
    }
}

/// What came of a command that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It is so, or it is done.
    Yes,
    /// It is not so: something differs, is not well, or was left out.
    No,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        // who closes the pipe has read enough
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(io::stderr(), "bucklerctl: {failure}").unwrap_or_default();
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: &Cli) -> Result<Answer, Failure> {
    let screen = &mut Screen::new(cli.output);
    let api = || Target::find(&cli.server).map(Api::new);
    match &cli.command {
        Command::Status => status::run(&api()?, screen),
        Command::Agents(agents) => agents::run(agents, &api()?, screen),
        Command::Bans(bans) => bans::run(bans, &api()?, screen),
        Command::Allow(allow) => allow::run(allow, &api()?, screen),
        Command::Proposals(proposals) => proposals::run(proposals, &api()?, screen),
        Command::Findings(findings) => findings::run(findings, &api()?, screen),
        Command::Why(why) => refusals::why(why, &api()?, screen),
        Command::Refusals(refusals) => refusals::newest(refusals, &api()?, screen),
        Command::Tail(tail) => refusals::tail(tail, &api()?, screen),
        Command::Profiles(profiles) => profiles::run(profiles, &api()?, screen),
        Command::Keys(keys) => access::keys(keys, &api()?, screen),
        Command::Credentials(credentials) => access::credentials(credentials, &api()?, screen),
        Command::Tokens(tokens) => access::tokens(tokens, &api()?, screen),
        Command::Audit(audit) => access::audit(audit, &api()?, screen),
        Command::Sign(sign) => sign::run(sign, screen),
        Command::Backup(backup) => backup::run(backup, &api()?, screen),
        Command::Doctor(doctor) => doctor::run(doctor, &cli.server, screen),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "bucklerctl", &mut io::stdout());
            Ok(Answer::Yes)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?;
            Ok(Answer::Yes)
        }
    }
}
