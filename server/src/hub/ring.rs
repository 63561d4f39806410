//! The last deltas of a list, each encoded once for everybody who follows it.

use std::{collections::VecDeque, sync::Arc};

use arc_swap::ArcSwapOption;
use buckler::protocol::{
    frame::PushFrame,
    v2::{ListUpdate, ServerPart},
};
use bytestring::ByteString;
use ipnet::IpNet;
use tokio::time::Instant;

use crate::{
    exchange::delta,
    list::Head,
    moment::{Moment, Tick},
};

/// The most deltas that are kept: whoever cannot follow that many asks for what it lacks.
const MOST_DELTAS: usize = 64;

/// The most entries in all of them, 30 bytes each and as much again encoded; the newest delta is kept in any case.
const MOST_ENTRIES: usize = 50_000;

/// A change of the list from one revision to another.
#[derive(Debug)]
pub(crate) struct Delta {
    from: u64,
    head: Head,
    add: Vec<(IpNet, Tick)>,
    remove: Vec<IpNet>,
    encoded: ArcSwapOption<(Tick, ByteString)>,
    /// When it was made: how long a push takes begins here.
    made: Instant,
}

impl Delta {
    pub(super) fn new(from: u64, head: Head, add: Vec<(IpNet, Tick)>, remove: Vec<IpNet>) -> Self {
        Self {
            from,
            head,
            add,
            remove,
            encoded: ArcSwapOption::const_empty(),
            made: Instant::now(),
        }
    }

    /// When it was made.
    #[must_use]
    pub(crate) const fn made(&self) -> Instant {
        self.made
    }

    /// Where it leads.
    #[must_use]
    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    /// The push that carries it. It is encoded anew when a second has passed, because entries travel with the time they have
    /// left: no copy ever prolongs an entry.
    ///
    /// # Errors
    /// What serde says, which for text and numbers is nothing.
    pub(crate) fn frame(&self, now: Moment) -> Result<ByteString, serde_json::Error> {
        if let Some(encoded) = &*self.encoded.load()
            && encoded.0 == now.tick
        {
            return Ok(encoded.1.clone());
        }
        let text = ByteString::from(serde_json::to_string(&PushFrame {
            v2: ServerPart {
                server_ms: now.unix_ms,
                list: Some(self.update(now.tick)),
                ..ServerPart::default()
            },
        })?);
        self.encoded.store(Some(Arc::new((now.tick, text.clone()))));
        Ok(text)
    }

    fn update(&self, now: Tick) -> ListUpdate {
        delta(self.from, &self.head, &self.add, &self.remove, now)
    }

    fn entries(&self) -> usize {
        self.add.len() + self.remove.len()
    }
}

/// What a follower must be told next.
#[derive(Debug)]
pub(crate) enum Due {
    /// Nothing: it is as far as the ring.
    Nothing,
    /// This, and then perhaps more.
    Delta(Arc<Delta>),
    /// To ask: no delta leads on from where it is.
    Pull {
        /// How many are told so at once.
        crowd: usize,
    },
}

/// The last deltas, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// Where the newest leads; `None` until somebody looked.
    head: Option<Head>,
    deltas: VecDeque<Arc<Delta>>,
    entries: usize,
    /// The revision at which the list was picked up without a delta that leads to it, and how many followed it then.
    broken: (u64, usize),
    /// The newest revision that followers were woken for.
    announced: Option<u64>,
}

impl Ring {
    pub(super) const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Begins at a revision that no delta leads to, while so many follow.
    pub(super) fn restart(&mut self, head: Head, crowd: usize) {
        *self = Self {
            broken: (head.rev, crowd),
            head: Some(head),
            ..Self::default()
        };
    }

    pub(super) fn push(&mut self, delta: Delta) {
        self.head = Some(delta.head.clone());
        self.entries += delta.entries();
        self.deltas.push_back(Arc::new(delta));
        while (self.deltas.len() > MOST_DELTAS || self.entries > MOST_ENTRIES) && self.deltas.len() > 1 {
            self.entries -= self.deltas.pop_front().map_or(0, |oldest| oldest.entries());
        }
    }

    /// The deltas that followers were not woken for yet.
    pub(super) fn unannounced(&self) -> Vec<Arc<Delta>> {
        let new = self
            .deltas
            .iter()
            .rev()
            .take_while(|delta| self.announced.is_none_or(|rev| delta.from >= rev));
        new.map(Arc::clone).collect()
    }

    /// Whether followers must be woken; from now on they are.
    pub(super) fn announce(&mut self) -> bool {
        let rev = self.head.as_ref().map(|head| head.rev);
        std::mem::replace(&mut self.announced, rev) != rev
    }

    /// What a follower must be told that is there, or will be once it took what it was told.
    pub(crate) fn after(&self, told: &Head) -> Due {
        let Some(head) = &self.head else { return Due::Nothing };
        let (broken_at, crowd) = self.broken;
        if *told.epoch != *head.epoch {
            return Due::Pull { crowd };
        }
        if told.rev >= head.rev {
            return Due::Nothing;
        }
        match self.deltas.binary_search_by_key(&told.rev, |delta| delta.from) {
            Ok(index) => self
                .deltas
                .get(index)
                .map_or(Due::Nothing, |delta| Due::Delta(Arc::clone(delta))),
            Err(_) if told.rev < broken_at => Due::Pull { crowd },
            Err(_) => Due::Pull { crowd: 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn head(epoch: &str, rev: u64) -> Head {
        Head {
            epoch: epoch.into(),
            rev,
            ..Head::default()
        }
    }

    fn step(from: u64, to: u64, entries: usize) -> Delta {
        let network = "203.0.113.7/32".parse().unwrap();
        let end = Tick::at(Duration::from_secs(100));
        Delta::new(from, head("e", to), vec![(network, end); entries], Vec::new())
    }

    fn ring(steps: impl IntoIterator<Item = (u64, u64, usize)>) -> Ring {
        let mut ring = Ring::default();
        ring.restart(head("e", 5), 300);
        for (from, to, entries) in steps {
            ring.push(step(from, to, entries));
        }
        ring
    }

    fn at(seconds: u64) -> Moment {
        Moment {
            tick: Tick::at(Duration::from_secs(seconds)),
            unix_ms: 0,
        }
    }

    #[test]
    fn a_follower_is_led_from_delta_to_delta() {
        let ring = ring([(5, 7, 1), (7, 8, 1)]);
        let mut at = head("e", 5);
        let mut steps = Vec::new();
        while let Due::Delta(delta) = ring.after(&at) {
            steps.push(delta.head().rev);
            at = delta.head().clone();
        }
        assert_eq!(steps, [7, 8]);
        assert!(matches!(ring.after(&head("e", 8)), Due::Nothing));
        assert!(matches!(ring.after(&head("e", 9)), Due::Nothing), "ahead of the ring");
        assert!(matches!(Ring::default().after(&head("e", 9)), Due::Nothing));
    }

    #[test]
    fn whoever_is_nowhere_in_the_ring_must_ask() {
        let ring = ring([(5, 7, 1), (7, 8, 1)]);
        assert!(matches!(ring.after(&head("e", 6)), Due::Pull { crowd: 1 }));
        assert!(
            matches!(ring.after(&head("e", 4)), Due::Pull { crowd: 300 }),
            "as all who followed"
        );
        assert!(matches!(ring.after(&head("other", 8)), Due::Pull { crowd: 300 }));
    }

    #[test]
    fn the_ring_is_short_in_deltas_and_in_entries() {
        let many = (0..200).map(|n| (5 + n, 6 + n, 1));
        let ring_of_many = ring(many);
        assert_eq!(ring_of_many.deltas.len(), MOST_DELTAS);
        assert!(matches!(ring_of_many.after(&head("e", 6)), Due::Pull { crowd: 1 }));
        let ring_of_large = ring([(5, 6, MOST_ENTRIES), (6, 7, 1), (7, 8, MOST_ENTRIES + 1)]);
        assert_eq!(ring_of_large.deltas.len(), 1, "the newest is kept in any case");
        assert_eq!(ring_of_large.entries, MOST_ENTRIES + 1);
    }

    #[test]
    fn a_delta_is_encoded_once_a_second_with_the_time_left() {
        let delta = step(5, 6, 1);
        let (one, two) = (delta.frame(at(40)).unwrap(), delta.frame(at(40)).unwrap());
        assert_eq!(one.as_ptr(), two.as_ptr(), "one encoding");
        let left = |text: &str| serde_json::from_str::<PushFrame>(text).unwrap().v2.list.unwrap().add;
        assert_eq!(left(&one), [("203.0.113.7".to_owned(), 60)]);
        assert_eq!(left(&delta.frame(at(47)).unwrap()), [("203.0.113.7".to_owned(), 53)]);
    }

    #[test]
    fn followers_are_woken_once_for_what_is_new() {
        let mut ring = ring([(5, 6, 1)]);
        assert!(ring.announce());
        assert!(!ring.announce());
        ring.push(step(6, 8, 1));
        ring.push(step(8, 9, 1));
        let new: Vec<u64> = ring.unannounced().iter().map(|delta| delta.from).collect();
        assert_eq!(new, [8, 6]);
        assert!(ring.announce());
        assert!(ring.unannounced().is_empty());
        ring.restart(head("e", 9), 1);
        assert!(ring.announce(), "where it broke off, followers must look");
    }
}
