//! A list that is filled before anybody reads it: no search for what was there before, no publication, and tables that are
//! made in their final size. What was saved comes back at the speed of memory.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ipnet::IpNet;

use super::{
    Blacklist, Scope,
    ends::{End, Ends},
    levels::{AnyKey, Levels, Network},
    table::Table,
};

/// A list to be. Of a network that is added twice the last end counts.
#[derive(Default)]
pub struct Filling {
    list: Blacklist,
    v4: Tables<u32>,
    v6: Tables<u64>,
    v6_long: Tables<u128>,
}

impl Filling {
    /// Makes room for so many networks of this one's family and prefix length.
    pub fn reserve(&mut self, like: IpNet, entries: usize) {
        let (prefix, seed) = (like.prefix_len(), self.list.seed);
        match AnyKey::of(like) {
            AnyKey::V4(_) => self.v4.place(prefix, Table::for_entries(entries, seed)),
            AnyKey::V6(_) => self.v6.place(prefix, Table::for_entries(entries, seed)),
            AnyKey::V6Long(_) => self.v6_long.place(prefix, Table::for_entries(entries, seed)),
        };
    }

    /// Lists a network without host bits for the fleet until `until`; `None` is for ever.
    pub fn add(&mut self, network: IpNet, until: Option<Duration>) {
        let (prefix, list) = (network.prefix_len(), &self.list);
        let ends = Ends::NOWHERE.with(Scope::Shared, Some(End::new(until)));
        match AnyKey::of(network) {
            AnyKey::V4(key) => self.v4.put(list, prefix, key, ends),
            AnyKey::V6(key) => self.v6.put(list, prefix, key, ends),
            AnyKey::V6Long(key) => self.v6_long.put(list, prefix, key, ends),
        }
    }

    /// The list.
    #[must_use]
    pub fn finish(self) -> Blacklist {
        let Self { list, v4, v6, v6_long } = self;
        let mut levels = Levels::default();
        let entries = v4.hand_over(&mut levels) + v6.hand_over(&mut levels) + v6_long.hand_over(&mut levels);
        list.books.shared.store(entries, Ordering::Relaxed);
        list.has_wide_v6.store(levels.has_wide_v6(), Ordering::Release);
        list.levels.store(Arc::new(levels));
        list
    }
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filling").finish_non_exhaustive()
    }
}

/// Tables by prefix length, the one used last at the end.
struct Tables<K: Network>(Vec<(u8, Table<K>)>);

impl<K: Network> Default for Tables<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Network> Tables<K> {
    fn put(&mut self, list: &Blacklist, prefix: u8, key: K, ends: Ends) {
        if let Some(span) = key.span(prefix, &list.seed) {
            list.bitmaps.set(span);
        }
        if self.last(prefix).is_some_and(|table| table.put(key, ends).is_ok()) {
            return;
        }
        let table = match self.last(prefix) {
            Some(full) => full.rebuilt(),
            None => Table::for_entries(1, list.seed),
        };
        let put = table.put(key, ends);
        debug_assert!(put.is_ok(), "a table that was just built has room");
        self.place(prefix, table);
    }

    /// The table of a prefix length, moved to the end.
    fn last(&mut self, prefix: u8) -> Option<&Table<K>> {
        if self.0.last().is_none_or(|(last, _)| *last != prefix) {
            let at = self.0.iter().position(|(of, _)| *of == prefix)?;
            let table = self.0.remove(at);
            self.0.push(table);
        }
        self.0.last().map(|(_, table)| table)
    }

    fn place(&mut self, prefix: u8, table: Table<K>) {
        self.0.retain(|(of, _)| *of != prefix);
        self.0.push((prefix, table));
    }

    /// Puts the tables where look-ups will find them; how many entries those are.
    fn hand_over(self, levels: &mut Levels) -> usize {
        let mut entries = 0;
        for (prefix, table) in self.0 {
            entries += table.live();
            K::family_mut(levels).place(prefix, table);
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::address::parse_network;

    fn listed(list: &Blacklist) -> BTreeMap<IpNet, Option<Duration>> {
        let mut listed = BTreeMap::new();
        list.for_each(Scope::Shared, &mut |network, until| {
            assert!(listed.insert(network, until).is_none(), "{network} twice");
        });
        listed
    }

    #[test]
    fn it_comes_to_the_same_as_one_by_one() {
        let texts = [
            "203.0.113.9",
            "198.51.100.0/24",
            "2001:db8::/64",
            "2001:db8::1",
            "2001:db8::/32",
            "0.0.0.0/0",
        ];
        let addresses = (0..5000_u32).map(|n| format!("10.{}.{}.1", n % 7, n % 250));
        let networks: Vec<IpNet> = texts
            .into_iter()
            .map(str::to_owned)
            .chain(addresses)
            .filter_map(|text| parse_network(&text))
            .collect();
        let (one_by_one, mut filling) = (Blacklist::new(), Filling::default());
        filling.reserve(networks[0], 100);
        for (network, n) in networks.iter().zip(100..) {
            let until = (n % 3 > 0).then(|| Duration::from_secs(n));
            one_by_one.insert(*network, until, Scope::Shared);
            filling.add(*network, until);
        }
        let filled = filling.finish();
        assert_eq!(listed(&filled), listed(&one_by_one));
        assert_eq!(filled.len(Scope::Shared), one_by_one.len(Scope::Shared));
        let now = Duration::from_secs(1);
        for source in [
            "203.0.113.9",
            "10.3.3.1",
            "2001:db8::7",
            "2001:db8:9::1",
            "2002::1",
            "192.0.2.1",
        ] {
            let source = source.parse().unwrap();
            assert_eq!(filled.lookup(source, now), one_by_one.lookup(source, now), "{source}");
        }
        assert!(
            filled.insert(parse_network("192.0.2.1").unwrap(), None, Scope::Local),
            "it can be changed"
        );
    }

    #[test]
    fn nothing_makes_an_empty_list() {
        let mut filling = Filling::default();
        filling.reserve(parse_network("203.0.113.9").unwrap(), 10);
        assert!(filling.finish().is_empty());
    }
}
