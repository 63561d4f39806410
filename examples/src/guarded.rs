//! What the guarded shops of every framework share: their options, and what they say.

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use buckler::{Agent, Settings, settings::SettingsError, status::ShutdownReport};
use clap::Parser;

/// How long the agent may take to tell the server what it does not know yet.
const GOODBYE: Duration = Duration::from_secs(5);

/// A small shop, guarded by Buckler.
#[derive(Debug, Parser)]
pub struct Options {
    /// The settings file (TOML, JSON or YAML); without it, the environment alone.
    #[arg(long, value_name = "FILE", conflicts_with = "unguarded")]
    pub config: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Worker threads; as many as there are cores where it is not given.
    #[arg(long, value_name = "NUMBER", default_value_t = default_workers())]
    pub workers: usize,
    /// Without Buckler: the bare application, to compare with.
    #[arg(long)]
    pub unguarded: bool,
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Options {
    /// What the file or the environment says.
    ///
    /// # Errors
    /// Where there is no such file, or it says what cannot be.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        match &self.config {
            Some(file) => Settings::from_file(file),
            None => Settings::load(),
        }
    }

    /// Says where the shop is reached. A program does so once it hears signals, so that whoever waits for the line may send one at once.
    pub fn announce(&self, address: SocketAddr) {
        let kind = if self.unguarded { "unguarded" } else { "guarded" };
        let workers = self.workers;
        println!("{kind} shop on http://{address}/ with {workers} workers; Ctrl-C ends it");
    }
}

/// Ends the agent, and says what became of what the server did not know yet.
pub fn say_goodbye(agent: &Agent) {
    print_report(&agent.shutdown(GOODBYE));
}

/// Says what became of what the server did not know yet when the agent ended.
pub fn print_report(report: &ShutdownReport) {
    let lost: u64 = report.lost.values().sum();
    println!(
        "goodbye: {} events sent, {} not sent, {lost} lost before",
        report.sent, report.unsent
    );
    if report.unsent > 0 {
        println!(
            "{}",
            if report.kept {
                "they are on disk for the next start"
            } else {
                "they are gone with the process"
            }
        );
    }
    if !report.in_time {
        println!("the agent did not end within {} s", GOODBYE.as_secs());
    }
}
