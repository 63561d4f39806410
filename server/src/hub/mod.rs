//! How a change of a list reaches everybody who follows it.
//!
//! ```text
//!  whoever changes a list ─▶ touch ─▶ run, a few ms later ─▶ publish (the store's thread) ─▶ Ring ─▶ announce ─▶ followers
//! ```
//!
//! A change becomes one delta in the fleet's [`Ring`], encoded once, and followers are only woken: each takes from the ring
//! what follows the revision that it was told last, at its own pace. There is no queue for a follower, so a slow one costs
//! nothing and holds up nobody; whoever falls out of the ring is told to ask.
//!
//! Only the store's thread moves a ring on, so a ring and the answers that it gives agents are never of two minds: an answer
//! leads either to a revision at which the ring has a seam, or makes one there ([`Channel::settle`]).

mod ring;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use buckler::protocol::v2::{Have, ListCursor};
use tokio::sync::{Notify, watch};

use self::ring::Delta;
pub(crate) use self::ring::{Due, Ring};
use crate::{
    exchange::Exchange,
    list::Head,
    moment::{Moment, Timeline},
    node::Node,
    owner::Owner,
    store::{ListStep, StoreError},
};

/// How long changes are collected before they are announced: far below what a person or an attacker notices, and a burst from
/// many agents becomes one push to each.
const COLLECTED: Duration = Duration::from_millis(5);

/// All fleets that somebody follows or followed.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    channels: ArcSwap<BTreeMap<Arc<str>, Arc<Channel>>>,
    work: Notify,
}

impl Hub {
    /// The channel of a fleet.
    pub(crate) fn channel(&self, fleet: &Arc<str>) -> Arc<Channel> {
        if let Some(known) = self.channels.load().get(fleet) {
            return Arc::clone(known);
        }
        let fresh = Arc::new(Channel::new(fleet));
        self.channels.rcu(|channels| {
            let mut channels = BTreeMap::clone(channels);
            channels.entry(Arc::clone(fleet)).or_insert_with(|| Arc::clone(&fresh));
            channels
        });
        // another may have been quicker
        self.channels.load().get(fleet).map_or(fresh, Arc::clone)
    }

    /// This fleet's list may have changed.
    pub(crate) fn touch(&self, fleet: &str) {
        if let Some(channel) = self.channels.load().get(fleet) {
            channel.touched.store(true, Ordering::SeqCst);
            self.work.notify_one();
        }
    }

    /// Every list may have changed.
    pub(crate) fn touch_all(&self) {
        for channel in self.channels.load().values() {
            channel.touched.store(true, Ordering::SeqCst);
        }
        self.work.notify_one();
    }

    fn touched(&self) -> Vec<Arc<Channel>> {
        let channels = self.channels.load();
        let touched = channels
            .values()
            .filter(|channel| channel.touched.swap(false, Ordering::SeqCst));
        touched.map(Arc::clone).collect()
    }
}

/// Announces changes until it is dropped.
pub(crate) async fn run(hub: Arc<Hub>, owner: Owner, timeline: Arc<Timeline>) {
    loop {
        hub.work.notified().await;
        tokio::time::sleep(COLLECTED).await;
        let channels = Arc::new(hub.touched());
        let published = Arc::clone(&channels);
        let publish = owner.ask(move |node, now| published.iter().try_for_each(|channel| channel.publish(node, now)));
        if let Err(error) = publish.await {
            tracing::error!(%error, "a changed list could not be pushed, its agents learn of it when they ask");
        }
        for channel in channels.iter() {
            channel.announce(timeline.now());
        }
    }
}

/// One fleet's followers.
#[derive(Debug)]
pub(crate) struct Channel {
    fleet: Arc<str>,
    ring: watch::Sender<Ring>,
    touched: AtomicBool,
}

impl Channel {
    fn new(fleet: &Arc<str>) -> Self {
        Self {
            fleet: Arc::clone(fleet),
            ring: watch::Sender::new(Ring::default()),
            touched: AtomicBool::new(false),
        }
    }

    /// The ring, and word when there is something new in it.
    pub(crate) fn follow(&self) -> watch::Receiver<Ring> {
        self.ring.subscribe()
    }

    /// Makes an answer to a follower end where the ring has a seam, so that what is pushed afterwards leads on from it.
    ///
    /// A follower that is as far as the ring is not told the changes since then: they are about to be pushed to all, and it is
    /// one of them.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub(crate) fn settle(&self, node: &mut Node, exchange: &mut Exchange, now: Moment) -> Result<(), StoreError> {
        let head = self.ring.borrow().head().cloned();
        if head.as_ref().is_some_and(|head| exchange.wait_at(head)) || exchange.leads_to() == head.as_ref() {
            return Ok(());
        }
        self.move_on(node, head, now)
    }

    /// Moves the ring on to the list's newest revision, for those who follow it.
    fn publish(&self, node: &mut Node, now: Moment) -> Result<(), StoreError> {
        if self.ring.receiver_count() == 0 {
            self.change(|ring| *ring = Ring::default());
            return Ok(());
        }
        let head = self.ring.borrow().head().cloned();
        self.move_on(node, head, now)
    }

    fn move_on(&self, node: &mut Node, head: Option<Head>, now: Moment) -> Result<(), StoreError> {
        let Some(head) = head else {
            return self.restart(node);
        };
        match node.list_for(&self.fleet, &have(head.cursor()), now)? {
            ListStep::Current(_) => Ok(()),
            ListStep::Delta {
                from,
                head,
                add,
                remove,
            } => {
                self.change(|ring| ring.push(Delta::new(from, head, add, remove)));
                Ok(())
            }
            ListStep::Page(..) => self.restart(node),
        }
    }

    /// Picks the list up where it is.
    fn restart(&self, node: &Node) -> Result<(), StoreError> {
        let head = node.store.list(&self.fleet)?.head().clone();
        let crowd = self.ring.receiver_count();
        self.change(|ring| ring.restart(head, crowd));
        Ok(())
    }

    /// Changes the ring and wakes nobody yet.
    fn change(&self, change: impl FnOnce(&mut Ring)) {
        self.ring.send_if_modified(|ring| {
            change(ring);
            false
        });
    }

    /// Wakes the followers if there is something new, which is encoded first: not by each of the first to wake.
    fn announce(&self, now: Moment) {
        let new = self.ring.borrow().unannounced();
        for delta in new {
            if let Err(error) = delta.frame(now) {
                tracing::error!(%error, "a delta cannot be encoded");
            }
        }
        self.ring.send_if_modified(Ring::announce);
    }
}

fn have(list: ListCursor) -> Have {
    Have {
        list: Some(list),
        ..Have::default()
    }
}

#[cfg(test)]
mod tests;
