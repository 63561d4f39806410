//! What of an agent outlives its process, as the store keeps it: ids, the list with its cursor, own bans, events not acknowledged.

use std::{collections::BTreeMap, time::Duration};

use buckler::{
    model::{
        blacklist::{Blacklist, Scope, SharedList},
        outbox::{Left, Outbox},
    },
    protocol::v2::{Event, ListCursor},
};
use ipnet::IpNet;
use uuid::Uuid;

/// Both clocks of an agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Since the process started.
    pub(super) elapsed: Duration,
    pub(super) unix: Duration,
}

/// A state directory.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) agent_id: Uuid,
    cursor: Option<ListCursor>,
    /// Ends in Unix seconds; none is never.
    listed: Vec<(IpNet, Option<u64>)>,
    banned: BTreeMap<IpNet, Option<u64>>,
    streams: Vec<Left>,
}

impl Disk {
    pub(super) const fn new(agent_id: Uuid) -> Self {
        Self {
            agent_id,
            cursor: None,
            listed: Vec::new(),
            banned: BTreeMap::new(),
            streams: Vec::new(),
        }
    }

    /// Keeps a ban, if there is one, and the event that reports it, in one step.
    pub(super) fn save_offence(
        &mut self,
        ban: Option<(IpNet, Option<Duration>)>,
        event: &Event,
        stream: Uuid,
        now: Times,
    ) {
        if let Some((network, until)) = ban {
            self.banned.insert(network, written(until, now));
        }
        match self.streams.iter_mut().find(|left| left.stream == stream) {
            Some(left) => left.events.push(event.clone()),
            None => self.streams.push(Left {
                stream,
                events: vec![event.clone()],
            }),
        }
    }

    pub(super) fn forget_events(&mut self, stream: Uuid, up_to: u64) {
        if let Some(left) = self.streams.iter_mut().find(|left| left.stream == stream) {
            left.events.retain(|event| event.seq > up_to);
        }
        self.streams.retain(|left| !left.events.is_empty());
    }

    /// Keeps the whole list with its cursor, and of own bans those that are still in force.
    pub(super) fn save_list(&mut self, list: &SharedList, now: Times) {
        self.cursor = list.cursor();
        self.listed.clear();
        list.list().for_each(Scope::Shared, &mut |network, until| {
            self.listed.push((network, written(until, now)));
        });
        self.banned
            .retain(|network, _| list.list().until(*network, Scope::Local).is_some());
    }

    /// Every event that is here.
    pub(super) fn events(&self) -> impl Iterator<Item = (Uuid, u64)> + '_ {
        let of = |left: &Left| left.events.iter().map(|event| event.seq).collect::<Vec<_>>();
        self.streams
            .iter()
            .flat_map(move |left| of(left).into_iter().map(|seq| (left.stream, seq)))
    }

    /// Takes what another left. Where that is interrupted, both have it.
    pub(super) fn take_over(&mut self, other: &mut Self, is_interrupted: bool) {
        let found = if is_interrupted {
            other.streams.clone()
        } else {
            std::mem::take(&mut other.streams)
        };
        for left in found {
            self.streams.retain(|known| known.stream != left.stream);
            self.streams.push(left);
        }
    }

    pub(super) fn outbox(&self, own: Uuid, now: Times) -> Outbox {
        Outbox::restore(own, self.streams.clone(), now.elapsed, now.unix)
    }

    pub(super) fn list(&self, now: Times) -> SharedList {
        let left = |until: Option<u64>| until.map(|until| Duration::from_secs(until).saturating_sub(now.unix));
        let list = match self.cursor.clone() {
            Some(cursor) => {
                let listed = self.listed.iter().map(|(network, until)| (*network, left(*until)));
                SharedList::restore(cursor, listed, now.elapsed)
                    .unwrap_or_else(|problem| panic!("a list that was saved cannot be restored: {problem}"))
            }
            None => SharedList::new(std::sync::Arc::new(Blacklist::new())),
        };
        for (network, until) in &self.banned {
            let until = left(*until).map(|left| now.elapsed + left);
            list.list().insert(*network, until, Scope::Local);
        }
        list
    }
}

/// An end on disk, from an end in process time.
fn written(until: Option<Duration>, now: Times) -> Option<u64> {
    until.map(|until| (now.unix + until.saturating_sub(now.elapsed)).as_secs())
}
