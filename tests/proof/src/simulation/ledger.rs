//! What was made, counted, acknowledged and let in, kept beside the real thing and by other means.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use buckler::protocol::v2::{AgentPart, Event, EventKind, MAX_EVENTS};
use ipnet::IpNet;
use uuid::Uuid;

/// An event's name: no two have the same.
pub(super) type Name = (Uuid, u64);

/// What became of an event that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fortune {
    Waiting,
    Acknowledged,
    /// It was on a disk that was replaced by an older copy or another's.
    Replaced,
}

/// All events.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) made: BTreeMap<Name, Fortune>,
    /// Counted by any server.
    counted_ever: HashSet<Name>,
}

/// What the server remembers; it comes and goes with its state.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    marks: HashMap<Uuid, u64>,
    counted: BTreeSet<Name>,
    pub(super) missing: u64,
    /// When each network was let in, in milliseconds by the server's wall clock.
    pub(super) unbans: HashMap<IpNet, u64>,
}

/// What a message must come to.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) ack: u64,
    /// Events that are news to the server.
    pub(super) news: Vec<Event>,
}

impl Ledger {
    /// An event was announced.
    pub(super) fn make(&mut self, name: Name) {
        assert!(
            self.made.insert(name, Fortune::Waiting).is_none(),
            "two events have the name {name:?}"
        );
    }

    /// Works out what this message must come to, and takes it as counted.
    pub(super) fn expect(&mut self, memory: &mut Memory, part: &AgentPart) -> Expected {
        let before_first = part.first - 1;
        let mut mark = *memory.marks.entry(part.stream).or_insert(before_first);
        let mut news = Vec::new();
        for event in part.events.iter().take(MAX_EVENTS) {
            if event.seq <= mark {
                continue;
            }
            memory.missing += event.seq - mark - 1;
            mark = event.seq;
            let name = (part.stream, event.seq);
            assert!(self.made.contains_key(&name), "{name:?} was never made");
            assert!(memory.counted.insert(name), "{name:?} is counted twice");
            self.counted_ever.insert(name);
            news.push(event.clone());
        }
        if before_first > mark {
            memory.missing += before_first - mark;
            mark = before_first;
        }
        memory.marks.insert(part.stream, mark);
        Expected { ack: mark, news }
    }

    /// An agent forgets this event, because the server has it.
    pub(super) fn acknowledge(&mut self, name: Name) {
        assert!(
            self.counted_ever.contains(&name),
            "{name:?} is forgotten, and no server has it"
        );
        if let Some(fortune) = self.made.get_mut(&name) {
            *fortune = Fortune::Acknowledged;
        }
    }

    /// A disk with these events was replaced by one with those.
    pub(super) fn replace(&mut self, before: impl Iterator<Item = Name>, after: &BTreeSet<Name>) {
        for name in before.filter(|name| !after.contains(name)) {
            if let Some(fortune @ Fortune::Waiting) = self.made.get_mut(&name) {
                *fortune = Fortune::Replaced;
            }
        }
    }

    /// Holds every event to have come to an end, and every acknowledged one to be in a memory that lost nothing.
    pub(super) fn close(&self, memory: &Memory, lost_nothing: bool) {
        for (name, fortune) in &self.made {
            match fortune {
                Fortune::Waiting => {
                    panic!("{name:?} is lost in silence: not acknowledged, and on no disk that was replaced")
                }
                Fortune::Acknowledged => {
                    assert!(
                        !lost_nothing || memory.counted.contains(name),
                        "{name:?} was acknowledged and is not counted"
                    );
                }
                Fortune::Replaced => {}
            }
        }
        assert!(
            !lost_nothing || memory.missing == 0,
            "the server missed {} events",
            memory.missing
        );
    }
}

impl Expected {
    /// Networks whose only news here is a ban that was made before they were let in.
    pub(super) fn late(&self, memory: &Memory) -> Vec<(IpNet, u64)> {
        let about = |network: IpNet| {
            self.news
                .iter()
                .filter(move |event| event.address.parse() == Ok(network))
                .count()
        };
        let bans = self.news.iter().filter(|event| event.kind == EventKind::Ban);
        bans.filter_map(|event| {
            let network: IpNet = event.address.parse().ok()?;
            let unban = *memory.unbans.get(&network)?;
            (event.at_ms < unban && about(network) == 1).then_some((network, unban))
        })
        .collect()
    }
}
