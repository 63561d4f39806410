//! The forms of version 1: no cursor, no digest, and times that the agent makes itself.

use std::{collections::HashSet, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{Blacklist, Proposal, Scope, SharedList, delta::unlist, end, trouble::Trouble};
use crate::model::{address::canonical_network, blacklist::ends::Now};

impl SharedList {
    /// What a registration lists, with the time left, in the place of the fleet's list; the agent's own entries stay. The
    /// caller publishes [`list`](Self::list). `watch` sees it before.
    pub fn replace_v1(
        &mut self,
        listed: impl IntoIterator<Item = (IpNet, Duration)>,
        now: Duration,
        watch: &mut dyn FnMut(&Proposal<'_>),
    ) {
        let list = Blacklist::new();
        for (network, left) in listed {
            list.insert(network, Some(end(left, now)), Scope::Shared);
        }
        watch(&Proposal::whole(&list, None));
        list.adopt_local(&self.list, now);
        self.list = Arc::new(list);
        self.forget_history();
    }

    /// What a beacon's reply changes. A network in both sets is listed afterwards. `watch` sees it before.
    ///
    /// A network that is listed already keeps its end: a server without a cursor repeats itself, and tells an agent of its own
    /// bans; being told never prolongs one (rule 4).
    pub fn update_v1(
        &mut self,
        new: &[IpNet],
        remove: &[IpNet],
        ban_for: Duration,
        now: Duration,
        watch: &mut dyn FnMut(&Proposal<'_>),
    ) {
        let new: HashSet<IpNet> = new.iter().copied().map(canonical_network).collect();
        let gone = remove.iter().copied().map(canonical_network);
        let gone: Vec<IpNet> = gone.filter(|network| !new.contains(network)).collect();
        watch(&Proposal::changes(
            &self.list,
            new.iter().copied(),
            gone.iter().copied(),
            None,
        ));
        for network in gone {
            unlist(&self.list, network, now);
        }
        for network in new {
            let running = self.list.ends_of(network).live(Now::from(now));
            let until = running.map_or_else(|| Some(now.saturating_add(ban_for)), |(end, _)| end.until());
            self.list.insert(network, until, Scope::Shared);
        }
        self.forget_history();
    }

    /// What a version 1 server says leads to no point of a version 2 server's history.
    fn forget_history(&mut self) {
        self.version = None;
        self.staged = None;
        self.trouble = Trouble::default();
    }
}
