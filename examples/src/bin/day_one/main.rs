//! A day of a site in some minutes: what honest people, programs and attackers send, through a real
//! server guarded at default settings. It is played twice: on a site whose unknown paths are not
//! there, and on a single-page application that has them all.
//!
//!     cargo run --release --bin day_one
//!     cargo run --release --bin day_one -- --people 200 --seed 7
//!
//! The time of the day is driven: a request is sent when the one before it was answered, and judged
//! at the time at which it would have come. The program ends with an error where an honest client
//! was banned, where more than one honest request in 10,000 was refused, or where an attacker was
//! not banned within its first five attacks.

#![expect(clippy::print_stdout, reason = "a program's output")]

mod attackers;
mod day;
mod people;
mod programs;
mod report;
mod request;
mod site;

use std::{error::Error, process::ExitCode};

use buckler_examples::logs;
use clap::Parser;
use tracing::Level;

use self::day::Day;

/// How much happens.
#[derive(Debug, Parser)]
struct Options {
    /// People who visit the site, most of them behind addresses that they share.
    #[arg(long, default_value_t = 1_000)]
    people: usize,
    /// Attackers among them.
    #[arg(long, default_value_t = 50)]
    attackers: usize,
    /// Another number makes another day; the same one the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[actix_web::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    logs::start(Level::ERROR);
    match run(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the days; whether all holds that is promised.
async fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let mut keeps_all = true;
    for kind in site::Kind::ALL {
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut visits = people::day(options.people, kind, &mut random);
        visits.extend(programs::day(&mut random));
        visits.extend(attackers::day(options.attackers, &mut random));
        visits.sort_by_key(|visit| visit.at);
        let (sent, seed) = (visits.len(), options.seed);
        println!("{sent} requests of a day are sent to {}, seed {seed}", kind.name());
        let report = Day::start(kind)?.play(visits).await?;
        println!("{report}");
        keeps_all &= report.keeps_what_is_promised();
    }
    Ok(keeps_all)
}
