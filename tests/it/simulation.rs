//! The fleet under a simulated clock and network, seed by seed: [`buckler_proof::simulation`] says what is promised.
//!
//! `SEED=7 SEEDS=10000 cargo test -p buckler-tests --test it simulation -- --nocapture` plays others;
//! `cargo run -p buckler-proof --bin simulate -- --seed 7 --trace` shows one.

use std::{env, io::Write};

use buckler_proof::simulation::{Summary, simulate_all, trace};

/// Seeds that are played where nobody asks for others.
const SEEDS: u64 = 500;

fn asked(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|error| panic!("{variable}={text:?}: {error}")),
    )
}

#[test]
fn simulation_after_the_faults_everybody_is_in_step_and_every_event_counts_once() {
    let first = asked("SEED").unwrap_or(0);
    let seeds = asked("SEEDS").unwrap_or_else(|| if asked("SEED").is_some() { 1 } else { SEEDS });
    let summary = simulate_all(first..first + seeds, 2).unwrap_or_else(|broken| panic!("{broken}"));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{seeds} seeds from {first} keep every promise: {summary:#?}").unwrap();
    if seeds < SEEDS {
        return;
    }
    let Summary {
        exchanges,
        lost,
        repeated,
        tampered,
        pushes,
        events,
        refused,
        swapped,
        crashes,
        amnesia,
    } = summary;
    let happened = [
        exchanges, lost, repeated, tampered, pushes, events, refused, swapped, crashes, amnesia,
    ];
    assert!(
        happened.iter().all(|count| *count >= seeds / 10),
        "a simulation in which nothing goes wrong proves nothing: {summary:#?}"
    );
}

#[test]
fn simulation_a_seed_is_the_same_every_time() {
    // an epoch is the one name that no seed gives
    let without_epochs = |lines: Vec<String>| {
        let lines = lines.into_iter().filter(|line| !line.to_lowercase().contains("epoch"));
        lines.filter(|line| !line.contains("has Some")).collect::<Vec<_>>()
    };
    for seed in 0..20 {
        let play = || trace(seed).unwrap_or_else(|broken| panic!("{broken}"));
        let ((once, first), (again, second)) = (play(), play());
        assert_eq!(once, again, "seed {seed}");
        let (first, second) = (without_epochs(first), without_epochs(second));
        let differs = first.iter().zip(&second).find(|(first, second)| first != second);
        assert_eq!((differs, first.len()), (None, second.len()), "seed {seed}");
    }
}
