//! After the faults: everybody runs, the network is kind, and all that was promised must come true.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use buckler::model::{address::parse_network, blacklist::Scope};
use ipnet::IpNet;

use super::{network::SLOWEST, operations::Operation, server::INTERVAL, world::World};
use crate::fuzz::consistent;

/// The minute between two snapshots (rule 3 of the protocol).
const SNAPSHOT: Duration = Duration::from_mins(1);
/// How long the list must not have changed when it is compared: two intervals, in which everybody hears of the last change.
const QUIET: Duration = Duration::from_secs(2 * INTERVAL.as_secs());
/// A page of a snapshot is handed out for so long, with the times that are left afterwards.
const PAGE_LIFE: Duration = Duration::from_secs(5);
/// An end is rounded to a second where it is made, where it travels and where it is kept.
const ROUNDING: Duration = Duration::from_secs(3);

impl World {
    pub(super) fn end(&mut self) {
        self.note(|_| "the faults stop");
        self.repair();
        let mut until = self.in_step_by();
        loop {
            self.play_until(until);
            let quiet = self.server.changed + QUIET;
            if quiet <= self.now {
                break;
            }
            until = quiet;
        }
        self.note(|_| "everybody must be in step");
        let head = self.server.head(self.moment());
        let now = self.moment();
        let entries: BTreeMap<IpNet, Option<u64>> = self
            .server
            .entries(now)
            .into_iter()
            .map(|entry| (parse_network(&entry.address).unwrap(), entry.ttl_s))
            .collect();
        for agent in 0..self.machines.len() {
            let process = self.machines[agent].process.as_ref().expect("it was started");
            consistent(&process.list);
            let cursor = process
                .list
                .cursor()
                .unwrap_or_else(|| panic!("agent {agent} has no list"));
            let newest = (&head.epoch, head.rev, head.count, &head.digest);
            assert_eq!(
                (&cursor.epoch, cursor.rev, cursor.count, &cursor.digest),
                newest,
                "agent {agent} is not in step"
            );
            let mut members = BTreeSet::new();
            process.list.list().for_each(Scope::Shared, &mut |network, _| {
                members.insert(network);
            });
            assert!(
                members.iter().eq(entries.keys()),
                "agent {agent} lists {members:?}, the server {entries:?}"
            );
            assert!(
                process.outbox.is_empty(),
                "agent {agent} still has {} events",
                process.outbox.len()
            );
            self.ends_agree(agent, &entries);
        }
        self.server.compare();
        let lost_nothing = self.summary.amnesia == 0;
        self.ledger.close(&self.server.state.memory, lost_nothing);
    }

    fn repair(&mut self) {
        if !self.server.up {
            self.operate(Operation::StartServer);
        }
        for agent in 0..self.machines.len() {
            self.machines[agent].cut_until = Duration::ZERO;
            self.start(agent);
            if let Some(process) = &mut self.machines[agent].process {
                process.settles = true;
            }
        }
    }

    /// When everybody must be in step: counted from when he was to speak next, since a server may have asked him to wait.
    fn in_step_by(&self) -> Duration {
        let due = self
            .machines
            .iter()
            .filter_map(|machine| machine.process.as_ref()?.due());
        let last = due.max().unwrap_or(self.now).max(self.now);
        last + 10 * INTERVAL + SNAPSHOT
    }

    /// Passing an entry on never prolongs it: its end is off by no more than the way of a message, or the life of a page.
    fn ends_agree(&self, agent: usize, entries: &BTreeMap<IpNet, Option<u64>>) {
        // nor does the digest tell of an entry whose new end was taken out of a delta: it is of networks
        if self.plan.jumps || self.plan.amnesia || self.plan.old_disks || self.summary.tampered > 0 {
            return;
        }
        let process = self.machines[agent].process.as_ref().expect("it was started");
        for (network, ttl_s) in entries {
            let here = process.end_of(*network);
            let there = ttl_s.map(|ttl_s| self.now + Duration::from_secs(ttl_s));
            let agree = match (here, there) {
                (None, None) => true,
                (Some(here), Some(there)) => here + PAGE_LIFE + ROUNDING >= there && here <= there + SLOWEST + ROUNDING,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(
                agree,
                "{network} ends at {here:?} for agent {agent}, and at {there:?} for the server"
            );
        }
    }
}
