//! `bucklerctl`: the command line of Buckler's cloud server.
//!
//! | module | |
//! |---|---|
//! | [`cli`] | what may be typed |
//! | [`target`] | which server is asked, and with which token |
//! | [`api`] | the admin API |
//! | [`bans`], [`agents`], [`refusals`], [`profiles`], [`status`] | one command each |
//! | [`lists`] | formats of lists of addresses, read and written |
//! | [`doctor`] | what is wrong, and what to do |
//! | [`show`] | tables for people, JSON for programs |

mod agents;
mod api;
mod bans;
mod cli;
mod doctor;
mod lists;
mod profiles;
mod refusals;
mod show;
mod status;
mod target;

use std::{
    io::{self, Write as _},
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
    let mut screen = Screen::new(cli.output);
    match &cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "bucklerctl", &mut io::stdout());
            return Ok(Answer::Yes);
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?;
            return Ok(Answer::Yes);
        }
        Command::Doctor(doctor) => return doctor::run(doctor, &cli.server, &mut screen),
        Command::Status
        | Command::Agents(_)
        | Command::Bans(_)
        | Command::Why(_)
        | Command::Refusals(_)
        | Command::Tail(_)
        | Command::Profiles(_) => {}
    }
    let api = Api::new(Target::find(&cli.server)?);
    match &cli.command {
        Command::Status => status::run(&api, &mut screen),
        Command::Agents(agents) => agents::run(agents, &api, &mut screen),
        Command::Bans(bans) => bans::run(bans, &api, &mut screen),
        Command::Why(why) => refusals::why(why, &api, &mut screen),
        Command::Refusals(refusals) => refusals::newest(refusals, &api, &mut screen),
        Command::Tail(tail) => refusals::tail(tail, &api, &mut screen),
        Command::Profiles(profiles) => profiles::run(profiles, &api, &mut screen),
        Command::Completions { .. } | Command::Man | Command::Doctor(_) => Ok(Answer::Yes),
    }
}
