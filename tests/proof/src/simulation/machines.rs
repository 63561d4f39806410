//! Agents' machines: processes that start and die, disks that are exchanged, connections that come and go.

use std::{collections::BTreeSet, time::Duration};

use buckler::{model::session::Input, transport::Advice};
use uuid::Uuid;

use super::{
    agent::Process,
    ledger::Name,
    operations::{Operation, REPAIR},
    queue::Event,
    world::World,
};

/// How long a connection may be dead before the agent notices, in seconds: a ping and its deadline.
const PING: u64 = 30;

impl World {
    /// A process starts, on the disk that it left, on an older copy of it, or on another's.
    pub(super) fn start(&mut self, agent: usize) {
        if self.machines[agent].process.is_some() {
            return;
        }
        if self.plan.old_disks && self.now < self.plan.faults_until && self.random.u8(0..3) == 0 {
            self.exchange_disk(agent);
        }
        if self.plan.neighbours {
            self.take_over(agent);
        }
        let stream = Uuid::from_u128(self.random.u128(..));
        let (now, unix) = (self.now, self.unix_of(agent));
        let machine = &mut self.machines[agent];
        machine.life += 1;
        machine.process = Some(Process::start(&machine.disk, &self.policy, stream, now, unix));
        let life = machine.life;
        self.note(|_| format!("agent {agent}: begins its life {life} with the stream {stream}"));
        self.plan_event(Duration::ZERO, Event::Wake { agent, life });
        if self.plan.links {
            let after = Duration::from_millis(self.random.u64(1..5_000));
            self.plan_event(after, Event::Connect { agent, life });
        }
    }

    /// What waits in a place that no process has would wait there for ever.
    fn take_over(&mut self, agent: usize) {
        for other in (0..self.machines.len()).filter(|other| *other != agent) {
            if self.machines[other].process.is_some() || !self.random.bool() {
                continue;
            }
            let is_interrupted = self.now < self.plan.faults_until && self.random.bool();
            let mut theirs = self.machines[other].disk.clone();
            let machine = &mut self.machines[agent];
            machine.disk.take_over(&mut theirs, is_interrupted);
            machine.durable = machine.disk.clone();
            let machine = &mut self.machines[other];
            machine.durable = theirs.clone();
            machine.disk = theirs;
            self.note(|_| format!("agent {agent}: tells what agent {other} left, interrupted: {is_interrupted}"));
        }
    }

    fn exchange_disk(&mut self, agent: usize) {
        let other = self.random.usize(..self.plan.agents);
        let Some(copy) = self.machines[other].copy.clone() else {
            return;
        };
        self.note(|_| format!("agent {agent}: starts from a copy of what agent {other} had"));
        let after: BTreeSet<Name> = copy.events().collect();
        let machine = &mut self.machines[agent];
        let before = std::mem::replace(&mut machine.disk, copy.clone());
        machine.durable = copy;
        self.ledger.replace(before.events(), &after);
    }

    /// The process is gone, and with it what was not on the platter: never an event, but perhaps that it was acknowledged.
    pub(super) fn crash(&mut self, agent: usize) {
        if self.machines[agent].process.is_some() {
            self.summary.crashes += 1;
            if self.random.bool() {
                let machine = &mut self.machines[agent];
                machine.disk = machine.durable.clone();
            }
            self.stop(agent);
        }
    }

    /// The process is gone.
    pub(super) fn stop(&mut self, agent: usize) {
        let machine = &mut self.machines[agent];
        machine.process = None;
        machine.life += 1;
        if let Some(connection) = machine.connection.take() {
            self.server.disconnect(connection);
        }
        let after = Duration::from_secs(self.random.u64(REPAIR));
        self.plan_event(after, Event::Operation(Operation::Start { agent }));
    }

    /// Nothing comes through any more, in neither direction.
    pub(super) fn cut(&mut self, agent: usize) {
        let lasts = Duration::from_secs(self.random.u64(1..120));
        self.machines[agent].cut_until = self.now + lasts;
        if let Some(connection) = self.machines[agent].connection {
            self.server.disconnect(connection);
            self.break_later(agent, connection);
        }
    }

    pub(super) fn break_later(&mut self, agent: usize, connection: u64) {
        let after = Duration::from_secs(self.random.u64(..=PING));
        self.plan_event(after, Event::Broken { agent, connection });
    }

    pub(super) fn broken(&mut self, agent: usize, connection: u64) {
        let machine = &mut self.machines[agent];
        if machine.connection != Some(connection) {
            return;
        }
        machine.connection = None;
        let life = machine.life;
        self.note(|_| format!("agent {agent}: its connection is gone"));
        self.with(agent, life, |process, here| {
            process.input(Input::LinkClosed(Advice::Retry), here.now, here.random)
        });
        let after = Duration::from_millis(self.random.u64(100..20_000));
        self.plan_event(after, Event::Connect { agent, life });
    }

    pub(super) fn connect(&mut self, agent: usize, life: u32) {
        let machine = &self.machines[agent];
        if machine.life != life || machine.connection.is_some() {
            return;
        }
        if !self.server.up || self.now < machine.cut_until {
            let after = Duration::from_secs(self.random.u64(1..20));
            self.plan_event(after, Event::Connect { agent, life });
            return;
        }
        let connection = self.connections.len() as u64;
        self.connections.push(agent);
        self.server.connect(connection);
        self.machines[agent].connection = Some(connection);
        self.note(|_| format!("agent {agent}: has the connection {connection}"));
        self.with(agent, life, |process, here| {
            process.input(Input::LinkOpened, here.now, here.random)
        });
    }
}
