//! A list's history: a server that changes, honest updates, and false ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use buckler::{
    model::{
        address::{parse_network, to_text},
        blacklist::{Applied, Blacklist, Digest, Scope, SharedList},
    },
    protocol::v2::{ListCursor, ListMode, ListUpdate},
};
use ipnet::IpNet;

use super::bytes::Bytes;

/// Networks that come and go: few, so that they meet again.
const NETWORKS: [&str; 16] = [
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8:1:2::/63",
    "2001:db8:2::/48",
    "2001:db8:3::/48",
    "2001:db8:4::/48",
    "::/0",
    "fd00::/8",
    // from here on a list has bitmaps, which take longer to make than all the rest
    "2001:db8::/64",
    "2001:db8::1",
    "203.0.113.1",
    "203.0.113.0/24",
    "203.0.112.0/20",
    "198.51.100.0/25",
    "64:ff9b:1::1",
    "255.255.255.255",
];
/// The first so many have no bitmaps.
const WIDE: usize = 8;
/// Steps of one input, at most.
const STEPS: usize = 100;

/// Plays a history.
///
/// # Panics
/// Where the list's count or digest is not that of its members, an honest update does not lead to the server's list, or a refused
/// one changes anything.
pub fn list(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let networks = if bytes.below(4) == 0 { NETWORKS.len() } else { WIDE };
    let mut play = Play {
        networks,
        server: Server::default(),
        list: SharedList::new(Arc::new(Blacklist::new())),
        now: Duration::from_secs(1),
    };
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        play.step(&mut bytes);
        consistent(&play.list);
    }
    play.catch_up();
}

/// Every network of the fleet's list.
pub(super) fn members(list: &SharedList) -> BTreeSet<IpNet> {
    let mut members = BTreeSet::new();
    list.list().for_each(Scope::Shared, &mut |network, _| {
        assert!(members.insert(network), "{network} is listed twice");
    });
    members
}

/// Holds the cursor against the members.
pub(crate) fn consistent(list: &SharedList) {
    let members = members(list);
    assert_eq!(list.list().len(Scope::Shared), members.len());
    if let Some(cursor) = list.cursor() {
        assert_eq!(cursor.count, members.len() as u64, "{cursor:?}");
        assert_eq!(cursor.digest, Digest::of(members).to_string(), "{cursor:?}");
    }
}

/// The list as a server has it.
#[derive(Default)]
struct Server {
    epoch: u8,
    entries: BTreeMap<IpNet, u64>,
    /// The network that each revision changed, from the first.
    changed: Vec<IpNet>,
}

impl Server {
    fn set(&mut self, network: IpNet, ttl_s: Option<u64>) {
        match ttl_s {
            Some(ttl_s) => drop(self.entries.insert(network, ttl_s)),
            None => drop(self.entries.remove(&network)),
        }
        self.changed.push(network);
    }

    fn rev(&self) -> u64 {
        self.changed.len() as u64
    }

    /// The update that an honest server would send, without entries.
    fn update(&self, mode: ListMode) -> ListUpdate {
        ListUpdate {
            complete: false,
            mode,
            epoch: self.epoch.to_string(),
            from: self.rev(),
            to: self.rev(),
            add: Vec::new(),
            remove: Vec::new(),
            page: 1,
            pages: 1,
            count: self.entries.len() as u64,
            digest: Digest::of(self.entries.keys().copied()).to_string(),
        }
    }

    /// The changes since the cursor, if it is of this history.
    fn delta(&self, cursor: Option<&ListCursor>) -> Option<ListUpdate> {
        let cursor = cursor.filter(|cursor| cursor.epoch == self.epoch.to_string())?;
        let changed: BTreeSet<&IpNet> = self.changed.get(usize::try_from(cursor.rev).ok()?..)?.iter().collect();
        let mut update = self.update(ListMode::Delta);
        update.from = cursor.rev;
        for network in changed {
            match self.entries.get(network) {
                Some(ttl_s) => update.add.push((to_text(*network), *ttl_s)),
                None => update.remove.push(to_text(*network)),
            }
        }
        Some(update)
    }

    fn pages(&self, per_page: usize) -> Vec<ListUpdate> {
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|(network, ttl_s)| (to_text(*network), *ttl_s))
            .collect();
        let mut pages: Vec<Vec<(String, u64)>> = entries.chunks(per_page).map(<[_]>::to_vec).collect();
        if pages.is_empty() {
            pages.push(Vec::new());
        }
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let page = |(page, add)| ListUpdate {
            complete: false,
            page,
            pages: count,
            add,
            ..self.update(ListMode::Snapshot)
        };
        (1..).zip(pages).map(page).collect()
    }
}

struct Play {
    /// How many of the networks there are.
    networks: usize,
    server: Server,
    list: SharedList,
    now: Duration,
}

impl Play {
    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(12) {
            0 | 1 => {
                let network = self.network(bytes);
                self.server.set(network, Some(u64::from(bytes.byte())));
            }
            2 => {
                let network = self.network(bytes);
                self.server.set(network, None);
            }
            3 => self.honest_delta(),
            4 => self.snapshot(bytes.below(5) + 1),
            5 => self.page_out_of_turn(bytes),
            6 => self.lie(bytes),
            7 => drop(
                self.list
                    .list()
                    .ban(self.network(bytes), Some(self.now + Duration::from_secs(60)), self.now),
            ),
            8 => self.now += Duration::from_secs(bytes.byte().into()),
            9 => self.forget(bytes),
            10 => drop(self.list.have(self.now)),
            _ => self.restart(),
        }
    }

    /// A delta from where the list stands.
    fn honest_delta(&mut self) {
        let Some(update) = self.server.delta(self.list.cursor().as_ref()) else {
            return;
        };
        let news = self.list.cursor().is_some_and(|cursor| cursor.rev < update.to);
        let applied = self.list.apply(&update, self.now);
        if news {
            assert!(matches!(applied, Applied::Delta { .. }), "{applied:?} of {update:?}");
            self.is_the_servers();
        }
    }

    fn snapshot(&mut self, per_page: usize) {
        let pages = self.server.pages(per_page);
        for page in &pages {
            let applied = self.list.apply(page, self.now);
            assert!(!matches!(applied, Applied::Refused(_)), "{applied:?} of {page:?}");
        }
        self.is_the_servers();
    }

    fn is_the_servers(&self) {
        assert!(members(&self.list).iter().eq(self.server.entries.keys()));
        assert_eq!(self.list.cursor().map(|cursor| cursor.rev), Some(self.server.rev()));
        assert!(!self.list.wants_snapshot());
    }

    fn page_out_of_turn(&mut self, bytes: &mut Bytes<'_>) {
        let pages = self.server.pages(bytes.below(3) + 1);
        if let Some(page) = pages.get(bytes.below(pages.len())) {
            self.refused_changes_nothing(page);
        }
    }

    /// An update that is wrong in one thing.
    fn lie(&mut self, bytes: &mut Bytes<'_>) {
        let delta = self.server.delta(self.list.cursor().as_ref());
        let mut update = match (bytes.below(3), delta) {
            (0, _) => self.server.update(ListMode::None),
            (1, Some(delta)) => delta,
            (_, _) => self.server.pages(NETWORKS.len()).swap_remove(0),
        };
        match bytes.below(9) {
            0 => update.count = update.count.wrapping_sub(1),
            1 => update.count = u64::from(bytes.number()) << 8,
            2 => update.digest = "0".repeat(64),
            3 => update.digest.truncate(bytes.below(64)),
            4 => update.add.push((to_text(self.network(bytes)), 9)),
            5 => update.add.push(("203.0.113.256".to_owned(), 9)),
            6 => update.remove.push(to_text(self.network(bytes))),
            7 => update.from = update.from.wrapping_add(1),
            _ => (update.page, update.pages) = (bytes.number(), bytes.number()),
        }
        self.refused_changes_nothing(&update);
    }

    fn refused_changes_nothing(&mut self, update: &ListUpdate) {
        let before = (members(&self.list), self.list.cursor());
        let applied = self.list.apply(update, self.now);
        if matches!(applied, Applied::Refused(_) | Applied::Nothing | Applied::Page { .. }) {
            assert_eq!(
                before,
                (members(&self.list), self.list.cursor()),
                "{applied:?} of {update:?} changed the list"
            );
        }
    }

    /// The server loses its memory, or takes an older state for the newest.
    fn forget(&mut self, bytes: &mut Bytes<'_>) {
        self.server.epoch = self.server.epoch.wrapping_add(1);
        if bytes.below(2) == 0 {
            self.server.entries.clear();
        }
        self.server.changed.clear();
    }

    /// The agent starts again with what it saved.
    fn restart(&mut self) {
        let Some(cursor) = self.list.cursor() else { return };
        let mut saved = Vec::new();
        self.list
            .for_each(self.now, &mut |network, left| saved.push((network, left)));
        let before = members(&self.list);
        self.list = SharedList::restore(cursor.clone(), saved, self.now)
            .unwrap_or_else(|problem| panic!("what was saved cannot be restored: {problem}"));
        assert_eq!((before, Some(cursor)), (members(&self.list), self.list.cursor()));
    }

    /// Whatever happened, one snapshot sets it right.
    fn catch_up(&mut self) {
        self.snapshot(3);
        consistent(&self.list);
    }

    fn network(&self, bytes: &mut Bytes<'_>) -> IpNet {
        let text = NETWORKS.get(bytes.below(self.networks)).copied().unwrap_or("::/0");
        parse_network(text).expect("the networks above are some")
    }
}
