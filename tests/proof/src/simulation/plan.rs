//! What a seed makes of a run, before it begins.

use std::time::Duration;

use buckler_server::list::ListBounds;
use fastrand::Rng;

/// What the days of this fleet are like.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) agents: usize,
    /// When the faults stop.
    pub(super) faults_until: Duration,
    /// How the network is until then.
    pub(super) weather: Weather,
    pub(super) bounds: ListBounds,
    pub(super) shared_live: u32,
    pub(super) shared_per_minute: u32,
    /// Whether agents hold a connection by which the server can push.
    pub(super) links: bool,
    /// Whether wall clocks jump.
    pub(super) jumps: bool,
    /// Whether the server may come back with an older state, or with none.
    pub(super) amnesia: bool,
    /// Whether agents may start from an older copy of their disk, or from another's.
    pub(super) old_disks: bool,
    /// Whether agents are processes in one state directory: one that starts tells what one that is gone left.
    pub(super) neighbours: bool,
    /// Networks that are attacked from.
    pub(super) networks: u16,
    pub(super) attacks: usize,
    /// One agent reports more in a moment than an outbox holds.
    pub(super) overflow: bool,
    pub(super) crashes: usize,
    pub(super) server_restarts: usize,
    pub(super) cuts: usize,
    pub(super) operations: usize,
}

/// How likely what is, in one of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    pub(super) lost: u32,
    pub(super) repeated: u32,
    /// Delayed for up to [`SLOWEST`](super::network::SLOWEST), rather than for up to [`USUAL`](super::network::USUAL).
    pub(super) slow: u32,
    /// An entry of a list update is missing.
    pub(super) tampered: u32,
    /// The server answers with a failure.
    pub(super) refused: u32,
}

impl Plan {
    pub(super) fn of(random: &mut Rng) -> Self {
        let stormy = |random: &mut Rng, most| if random.bool() { random.u32(0..most) } else { 0 };
        Self {
            agents: random.usize(1..=4),
            faults_until: Duration::from_secs(random.u64(60..600)),
            weather: Weather {
                lost: stormy(random, 300),
                repeated: stormy(random, 200),
                slow: stormy(random, 200),
                tampered: stormy(random, 200),
                refused: stormy(random, 150),
            },
            bounds: ListBounds {
                page: random.usize(1..=20),
                history: random.usize(2..=60),
            },
            shared_live: if random.u8(0..8) == 0 { 5 } else { 100_000 },
            shared_per_minute: if random.u8(0..8) == 0 { 5 } else { 100_000 },
            links: random.bool(),
            jumps: random.u8(0..4) == 0,
            amnesia: random.u8(0..3) == 0,
            old_disks: random.u8(0..3) == 0,
            neighbours: random.u8(0..3) == 0,
            networks: random.u16(3..=40),
            attacks: random.usize(0..=60),
            overflow: random.u8(0..100) == 0,
            crashes: random.usize(0..=5),
            server_restarts: random.usize(0..=3),
            cuts: random.usize(0..=4),
            operations: random.usize(0..=15),
        }
    }
}
