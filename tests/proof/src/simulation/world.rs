//! What happens next, and when.

use std::{fmt::Display, sync::Arc, time::Duration};

use buckler::{
    model::{
        policy::{Layer, Policy},
        session::Input,
    },
    transport::Advice,
};
use buckler_server::{Moment, Tick};
use fastrand::Rng;
use uuid::Uuid;

use super::{
    Summary,
    agent::{Here, Process, Wants},
    disk::Disk,
    ledger::Ledger,
    plan::{Plan, Weather},
    queue::{Event, Queue},
    server::{INTERVAL, Server, State},
};

/// What every wall clock shows at the beginning, before it is wrong: 2026-01-01.
const NEW_YEAR: Duration = Duration::from_secs(1_767_225_600);
/// How often the server looks for entries that ended, and for changes to announce.
const UPKEEP: Duration = Duration::from_secs(1);
/// The most that a wall clock is wrong by, in seconds: a day.
pub(super) const JUMP_S: i64 = 86_400;

/// An agent's machine, whether its process runs or not.
pub(super) struct Machine {
    pub(super) process: Option<Process>,
    /// Counts processes, so that what was meant for an earlier one finds none.
    pub(super) life: u32,
    pub(super) disk: Disk,
    /// What of it is on the platter: the rest is lost with the machine's power, or with the process.
    pub(super) durable: Disk,
    /// An older copy.
    pub(super) copy: Option<Disk>,
    /// The connection by which the server pushes, as this side sees it.
    pub(super) connection: Option<u64>,
    /// How wrong its wall clock is, in seconds.
    pub(super) skew: i64,
    /// The network is cut until then.
    pub(super) cut_until: Duration,
}

/// Everything.
pub(super) struct World {
    pub(super) random: Rng,
    pub(super) plan: Plan,
    pub(super) now: Duration,
    queue: Queue,
    pub(super) policy: Arc<Policy>,
    pub(super) machines: Vec<Machine>,
    pub(super) server: Server,
    pub(super) server_skew: i64,
    pub(super) backup: Option<State>,
    pub(super) ledger: Ledger,
    pub(super) connections: Vec<usize>,
    pub(super) summary: Summary,
    trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64, traced: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let plan = Plan::of(&mut random);
        let keys = serde_json::json!({"BLACKLIST_SHARE": true, "BEACON": true, "BEACON_DELAY": INTERVAL.as_secs()});
        let layer = Layer::new("simulation", serde_json::from_value(keys).unwrap());
        let mut world = Self {
            now: Duration::ZERO,
            queue: Queue::default(),
            policy: Arc::new(Policy::compile("default", &[layer]).unwrap()),
            machines: Vec::new(),
            server: Server::new(&plan),
            server_skew: 0,
            backup: None,
            ledger: Ledger::default(),
            connections: Vec::new(),
            summary: Summary::default(),
            trace: traced.then(Vec::new),
            plan,
            random,
        };
        world.note(|world| format!("{:?}", world.plan));
        for _ in 0..world.plan.agents {
            let disk = Disk::new(Uuid::from_u128(world.random.u128(..)));
            world.machines.push(Machine {
                process: None,
                life: 0,
                durable: disk.clone(),
                disk,
                copy: None,
                connection: None,
                skew: 0,
                cut_until: Duration::ZERO,
            });
        }
        world
    }

    pub(super) const fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(super) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// Writes a line of the trace, where there is one.
    pub(super) fn note<T: Display>(&mut self, line: impl FnOnce(&Self) -> T) {
        if let Some(mut trace) = self.trace.take() {
            trace.push(format!("{:>12.3} {}", self.now.as_secs_f64(), line(self)));
            self.trace = Some(trace);
        }
    }

    /// From the first event to the last check.
    pub(super) fn play(&mut self) {
        self.plan_operations();
        self.plan_event(UPKEEP, Event::Upkeep);
        self.play_until(self.plan.faults_until);
        self.end();
    }

    /// Lets happen what happens until then.
    pub(super) fn play_until(&mut self, end: Duration) {
        while let Some((at, event)) = self.queue.pop(end) {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    pub(super) fn plan_event(&mut self, after: Duration, event: Event) {
        self.queue.push(self.now + after, event);
    }

    /// How the network is now.
    pub(super) fn weather(&self) -> Weather {
        if self.now < self.plan.faults_until {
            self.plan.weather
        } else {
            Weather::default()
        }
    }

    pub(super) fn unix_of(&self, agent: usize) -> Duration {
        shifted(NEW_YEAR + self.now, self.machines[agent].skew)
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            tick: Tick::at(self.now),
            unix_ms: u64::try_from(shifted(NEW_YEAR + self.now, self.server_skew).as_millis()).unwrap(),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { agent, life } => self.with(agent, life, |process, here| {
                process.input(Input::Wake, here.now, here.random)
            }),
            Event::Request {
                agent,
                life,
                number,
                connection,
                message,
            } => self.request(agent, life, number, connection, message),
            Event::Answer {
                agent,
                life,
                number,
                answer,
            } => self.answer(agent, life, number, answer),
            Event::Deadline { agent, life, number } => {
                self.with(agent, life, |process, here| {
                    process.failed(number, Advice::Retry, here.now, here.random)
                });
            }
            Event::Push {
                agent,
                connection,
                json,
            } => self.push(agent, connection, &json),
            Event::Broken { agent, connection } => self.broken(agent, connection),
            Event::Connect { agent, life } => self.connect(agent, life),
            Event::Operation(operation) => self.operate(operation),
            Event::Upkeep => {
                self.announce();
                self.plan_event(UPKEEP, Event::Upkeep);
            }
        }
    }

    /// A step of a process, if it still is the one that is meant, and what follows from it.
    pub(super) fn with(&mut self, agent: usize, life: u32, step: impl FnOnce(&mut Process, &mut Here<'_>) -> Wants) {
        let unix = self.unix_of(agent);
        let Self {
            machines,
            ledger,
            random,
            now,
            ..
        } = self;
        let Machine {
            process,
            disk,
            life: current,
            ..
        } = &mut machines[agent];
        let Some(process) = process.as_mut().filter(|_| life == *current) else {
            return;
        };
        let wants = step(
            process,
            &mut Here {
                now: *now,
                unix,
                disk,
                ledger,
                random,
            },
        );
        let (due, closed) = (process.due(), process.closed);
        self.summary.refused += wants.refused;
        self.summary.swapped += wants.swapped;
        for note in wants.notes {
            self.note(|_| format!("agent {agent}: {note}"));
        }
        if let Some((number, message)) = wants.send {
            self.send(agent, number, &message);
        }
        if closed {
            self.stop(agent);
        } else if let Some(due) = due {
            self.plan_event(due.saturating_sub(self.now), Event::Wake { agent, life });
        }
    }
}

fn shifted(time: Duration, seconds: i64) -> Duration {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        time.saturating_sub(by)
    } else {
        time + by
    }
}
