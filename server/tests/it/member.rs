//! A version 2 agent with a list, kept as the real one keeps it.

use std::{net::IpAddr, sync::Arc};

use buckler::{
    clock::Clock,
    model::blacklist::{Applied, Blacklist, SharedList},
    protocol::v2::ListUpdate,
};

use crate::support::{Agent, Cloud, TestClock};

/// An agent with a list, kept as the real one keeps it.
pub(crate) struct Member {
    pub(crate) agent: Agent,
    pub(crate) list: SharedList,
}

impl Member {
    pub(crate) fn new() -> Self {
        Self {
            agent: Agent::new(),
            list: SharedList::new(Arc::new(Blacklist::new())),
        }
    }

    pub(crate) fn apply(&mut self, update: Option<&ListUpdate>, clock: &TestClock) -> Applied {
        let applied = self.list.apply(update.unwrap(), clock.elapsed());
        (self.agent.part.have.list, self.agent.part.have.staging) = (self.list.cursor(), self.list.staging());
        applied
    }

    pub(crate) async fn register(&mut self, cloud: &Cloud) -> Applied {
        let part = self.agent.register(cloud).await;
        self.apply(part.list.as_ref(), &cloud.clock)
    }

    pub(crate) async fn beacon(&mut self, cloud: &Cloud) -> Applied {
        let part = self.agent.beacon(cloud).await;
        self.agent.trim(part.ack.unwrap());
        self.apply(part.list.as_ref(), &cloud.clock)
    }

    /// Registers and takes the list, whatever it is.
    pub(crate) async fn join(&mut self, cloud: &Cloud) {
        let applied = self.register(cloud).await;
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?}");
    }

    /// Sends a beacon and takes the list, whatever it is.
    pub(crate) async fn follow(&mut self, cloud: &Cloud) {
        let applied = self.beacon(cloud).await;
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?}");
    }

    pub(crate) fn refuses(&self, address: &str, clock: &TestClock) -> bool {
        self.list
            .list()
            .contains(address.parse::<IpAddr>().unwrap(), clock.elapsed())
    }
}

/// Two agents that have registered.
pub(crate) async fn pair(cloud: &Cloud) -> (Member, Member) {
    let (mut one, mut two) = (Member::new(), Member::new());
    assert_eq!(one.register(cloud).await, Applied::Swapped { entries: 0 });
    assert_eq!(two.register(cloud).await, Applied::Swapped { entries: 0 });
    (one, two)
}
