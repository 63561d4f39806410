//! Plays seeds of the simulation: `simulate --seed 7 --trace`, `simulate --seeds 10000`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program for a terminal"
)]

use std::process::ExitCode;

use buckler_proof::simulation::{Broken, simulate_all, trace};
use clap::Parser;

/// Plays seeds of the simulation. It ends with 1 where one breaks a promise.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Print all that happens.
    #[arg(long)]
    trace: bool,
    /// How many seeds to play at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.trace {
        for seed in options.seed..options.seed + options.seeds {
            match trace(seed) {
                Ok((summary, lines)) => println!("{}\n{summary:#?}", lines.join("\n")),
                Err(broken) => return fail(&broken),
            }
        }
        return ExitCode::SUCCESS;
    }
    let seeds = options.seed..options.seed + options.seeds;
    match simulate_all(seeds, options.jobs) {
        Ok(summary) => {
            println!("{} seeds keep every promise: {summary:#?}", options.seeds);
            ExitCode::SUCCESS
        }
        Err(broken) => fail(&broken),
    }
}

fn fail(broken: &Broken) -> ExitCode {
    eprintln!("{broken}");
    ExitCode::FAILURE
}
