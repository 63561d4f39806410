//! What people, machines and fate do: attacks, bans and unbans, crashes and starts, cuts, clocks that jump, old states.

use std::time::Duration;

use buckler::{
    model::session::{Input, Speak},
    protocol::v2::EventKind,
};
use ipnet::{IpNet, Ipv6Net};

use super::{
    agent::Offence,
    queue::Event,
    world::{JUMP_S, World},
};

/// More than an outbox holds of reports of attacks.
const TOO_MANY: usize = 8_200;
/// How long it takes until somebody starts a process again.
pub(super) const REPAIR: std::ops::Range<u64> = 1..40;

/// What is done at a moment that the plan drew.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Attack {
        agent: usize,
    },
    Flood {
        agent: usize,
    },
    Start {
        agent: usize,
    },
    /// `kill -9`, or the power fails.
    Crash {
        agent: usize,
    },
    /// SIGTERM: the agent tells what waits.
    Close {
        agent: usize,
    },
    /// Somebody copies the state directory, for later.
    Copy {
        agent: usize,
    },
    Cut {
        agent: usize,
    },
    StopServer,
    StartServer,
    Backup,
    Ban,
    Unban,
    Jump,
}

impl World {
    /// Draws everything that happens by itself.
    pub(super) fn plan_operations(&mut self) {
        for agent in 0..self.plan.agents {
            let after = self.random.u64(0..20);
            self.plan_event(Duration::from_secs(after), Event::Operation(Operation::Start { agent }));
        }
        let plan = self.plan.clone();
        let any = |world: &mut Self| world.random.usize(..world.plan.agents);
        self.scatter(plan.attacks, |world| Operation::Attack { agent: any(world) });
        self.scatter(usize::from(plan.overflow), |world| Operation::Flood {
            agent: any(world),
        });
        self.scatter(plan.crashes, |world| match world.random.u8(0..3) {
            0 => Operation::Close { agent: any(world) },
            _ => Operation::Crash { agent: any(world) },
        });
        self.scatter(plan.cuts, |world| Operation::Cut { agent: any(world) });
        self.scatter(plan.server_restarts, |_| Operation::StopServer);
        self.scatter(plan.operations, |world| {
            if world.random.bool() {
                Operation::Ban
            } else {
                Operation::Unban
            }
        });
        self.scatter(usize::from(plan.amnesia) * 2, |_| Operation::Backup);
        self.scatter(usize::from(plan.old_disks) * 3, |world| Operation::Copy {
            agent: any(world),
        });
        self.scatter(usize::from(plan.jumps) * 4, |_| Operation::Jump);
    }

    /// Spreads operations over the time until the faults stop.
    fn scatter(&mut self, count: usize, mut draw: impl FnMut(&mut Self) -> Operation) {
        let end = u64::try_from(self.plan.faults_until.as_millis()).unwrap();
        for _ in 0..count {
            let at = Duration::from_millis(self.random.u64(..end));
            let operation = draw(self);
            self.plan_event(at, Event::Operation(operation));
        }
    }

    pub(super) fn operate(&mut self, operation: Operation) {
        self.note(|_| format!("{operation:?}"));
        match operation {
            Operation::Attack { agent } => self.attack(agent, 1),
            Operation::Flood { agent } => self.attack(agent, TOO_MANY),
            Operation::Start { agent } => self.start(agent),
            Operation::Crash { agent } => self.crash(agent),
            Operation::Close { agent } => {
                let life = self.machines[agent].life;
                self.with(agent, life, |process, here| {
                    process.input(Input::Close { waiting: true }, here.now, here.random)
                });
            }
            Operation::Copy { agent } => {
                let machine = &mut self.machines[agent];
                machine.copy = Some(machine.durable.clone());
            }
            Operation::Cut { agent } => self.cut(agent),
            Operation::StopServer => self.stop_server(),
            Operation::StartServer => self.start_server(),
            Operation::Backup => self.backup = Some(self.server.state.clone()),
            Operation::Ban | Operation::Unban if !self.server.up => {}
            Operation::Ban => {
                let (network, ttl) = (self.network(), self.ttl());
                let ttl_s = self.random.bool().then_some(ttl.as_secs());
                let now = self.moment();
                self.server.ban(network, ttl_s, now);
                self.announce();
            }
            Operation::Unban => {
                let (network, now) = (self.network(), self.moment());
                self.server.unban(network, now);
                self.announce();
            }
            Operation::Jump => self.jump(),
        }
    }

    /// Any of the networks: few, so that they meet again, and wide, so that no bitmap is made for them.
    fn network(&mut self) -> IpNet {
        let n = self.random.u16(..self.plan.networks);
        IpNet::V6(Ipv6Net::new_assert([0x2001, 0xdb8, n, 0, 0, 0, 0, 0].into(), 48))
    }

    fn ttl(&mut self) -> Duration {
        Duration::from_secs(*self.random.choice(&[1, 20, 60, 3_600, 86_400]).unwrap())
    }

    fn attack(&mut self, agent: usize, times: usize) {
        for _ in 0..times {
            let kind = match self.random.u8(0..20) {
                _ if times > 1 => EventKind::Attack,
                0 => EventKind::Unban,
                1..5 => EventKind::Attack,
                _ => EventKind::Ban,
            };
            let offence = Offence {
                network: self.network(),
                kind,
                ttl: self.ttl(),
            };
            let life = self.machines[agent].life;
            let mut taken = 0;
            self.with(agent, life, |process, here| {
                let times = process.times(here.now, here.unix);
                taken = 1;
                process.offence(offence, here.disk, here.ledger, times);
                process.input(Input::Speak(Speak::Soon), here.now, here.random)
            });
            self.summary.events += taken;
        }
        // an offence is on the platter when it is announced, and with it whatever was written before
        let machine = &mut self.machines[agent];
        machine.durable = machine.disk.clone();
    }

    fn stop_server(&mut self) {
        if !self.server.up {
            return;
        }
        let politely = self.random.bool();
        let said = self.server.stop(politely);
        self.spread(said);
        for agent in 0..self.machines.len() {
            if let Some(connection) = self.machines[agent].connection {
                self.break_later(agent, connection);
            }
        }
        let after = Duration::from_secs(self.random.u64(REPAIR));
        self.plan_event(after, Event::Operation(Operation::StartServer));
    }

    fn start_server(&mut self) {
        let state = if !self.plan.amnesia || self.now >= self.plan.faults_until || self.random.u8(0..3) == 0 {
            Some(self.server.state.clone())
        } else {
            self.summary.amnesia += 1;
            self.backup.clone()
        };
        self.note(|_| {
            format!(
                "the server comes back with {}",
                if state.is_some() { "a memory" } else { "none" }
            )
        });
        self.server.start(state);
    }

    /// A wall clock is set: the server's, or an agent's.
    fn jump(&mut self) {
        let skew = *self.random.choice(&[-JUMP_S, -5, 0, 5, JUMP_S]).unwrap();
        let whose = self.random.usize(..=self.plan.agents);
        match self.machines.get_mut(whose) {
            Some(machine) => machine.skew = skew,
            None => self.server_skew = skew,
        }
    }
}
