//! The tables by prefix length. All are reached through one pointer, which changes only when a table is built anew.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::IpNet;

use super::{
    Hit, Scope,
    bitmap::{Bit, Span},
    ends::{End, Ends},
    seed::Seed,
    table::{Key, Table, halves},
};

/// IPv6 networks of prefix lengths up to this one are keyed by the upper half of the address, as the lower half is zero. Those
/// of this length and longer have a bit in the bitmap, that of their /64: what an agent bans. By /48 a million banned
/// subscribers of a few providers would set the bits of everybody; wider networks would need many bits each, and are
/// looked for without asking the bitmap.
pub(super) const UPPER_HALF: u8 = 64;

/// Every table there is.
#[derive(Clone, Default)]
pub(super) struct Levels {
    v4: Family<u32>,
    v6: Family<u64>,
    v6_long: Family<u128>,
}

impl Levels {
    /// What lists an IPv4 address, of ends that `pick` takes for running.
    pub(super) fn find_v4(&self, address: u32, pick: impl Fn(Ends) -> Option<(End, Scope)>) -> Option<Hit> {
        self.v4.find(address, u32::BITS_OF_KEY, pick)
    }

    /// What lists an IPv6 address, among networks of prefix lengths up to `longest`, of ends that `pick` takes for running.
    pub(super) fn find_v6(
        &self,
        address: u128,
        longest: u8,
        pick: impl Fn(Ends) -> Option<(End, Scope)>,
    ) -> Option<Hit> {
        let [high, _] = halves(address);
        self.v6_long
            .find(address, longest, &pick)
            .or_else(|| self.v6.find(high, longest, &pick))
    }

    /// Whether there are IPv6 networks that the bitmap does not tell of.
    pub(super) fn has_wide_v6(&self) -> bool {
        self.v6.0.iter().any(|level| level.prefix < UPPER_HALF)
    }

    /// The ends of exactly this network.
    pub(super) fn ends_of<K: Network>(&self, prefix: u8, key: K) -> Ends {
        K::family(self)
            .table(prefix)
            .map_or(Ends::NOWHERE, |table| table.get(key))
    }

    /// Writes the ends of a network. Where its table has no room, or far too much, nothing changes here, and tables with the
    /// change are returned.
    pub(super) fn put<K: Network>(&self, prefix: u8, key: K, ends: Ends, seed: Seed) -> Option<Self> {
        let table = K::family(self).table(prefix);
        if table.is_some_and(|table| table.put(key, ends).is_ok() && !table.is_sparse()) {
            return None;
        }
        let rebuilt = table.map_or_else(|| Table::for_entries(1, seed), Table::rebuilt);
        let put = rebuilt.put(key, ends);
        debug_assert!(put.is_ok(), "a table that was just built has room");
        let mut levels = self.clone();
        K::family_mut(&mut levels).place(prefix, rebuilt);
        Some(levels)
    }

    /// Shows every table to `visitor`.
    pub(super) fn visit(&self, visitor: &mut impl Visitor) {
        self.v4.visit(visitor);
        self.v6.visit(visitor);
        self.v6_long.visit(visitor);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.v4.memory_bytes() + self.v6.memory_bytes() + self.v6_long.memory_bytes()
    }
}

/// What is done with every table, whatever its keys.
pub(super) trait Visitor {
    fn table<K: Network>(&mut self, prefix: u8, table: &Table<K>);
}

/// The tables of one width of key, longest prefix first.
pub(super) struct Family<K: Key>(Vec<Level<K>>);

/// The table of one prefix length.
struct Level<K: Key> {
    prefix: u8,
    table: Arc<Table<K>>,
}

impl<K: Network> Family<K> {
    /// The longest network with at most `longest` bits that lists `address` and has an end that `pick` takes for running. Every
    /// prefix length is asked: an ended /32 does not hide a live /24.
    fn find(&self, address: K, longest: u8, pick: impl Fn(Ends) -> Option<(End, Scope)>) -> Option<Hit> {
        self.0.iter().filter(|level| level.prefix <= longest).find_map(|level| {
            let key = address.leading(level.prefix);
            let (end, scope) = pick(level.table.get(key))?;
            Some(Hit {
                network: key.network(level.prefix)?,
                until: end.until(),
                scope,
            })
        })
    }

    pub(super) fn table(&self, prefix: u8) -> Option<&Table<K>> {
        self.0
            .iter()
            .find(|level| level.prefix == prefix)
            .map(|level| &*level.table)
    }

    /// Puts a table in its place, or in the place of another. One without entries is left out, so that look-ups no longer ask it.
    pub(super) fn place(&mut self, prefix: u8, table: Table<K>) {
        self.0.retain(|level| level.prefix != prefix);
        if table.live() > 0 {
            let at = self.0.partition_point(|level| level.prefix > prefix);
            self.0.insert(
                at,
                Level {
                    prefix,
                    table: Arc::new(table),
                },
            );
        }
    }

    fn visit(&self, visitor: &mut impl Visitor) {
        for level in &self.0 {
            visitor.table(level.prefix, &level.table);
        }
    }

    fn memory_bytes(&self) -> usize {
        let tables: usize = self.0.iter().map(|level| level.table.memory_bytes()).sum();
        self.0.capacity() * size_of::<Level<K>>() + tables
    }
}

impl<K: Key> Default for Family<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Key> Clone for Family<K> {
    fn clone(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|level| Level {
                    prefix: level.prefix,
                    table: Arc::clone(&level.table),
                })
                .collect(),
        )
    }
}

/// A key that stands for a network together with a prefix length.
pub(super) trait Network: Key {
    /// The tables of this width.
    fn family(levels: &Levels) -> &Family<Self>;
    fn family_mut(levels: &mut Levels) -> &mut Family<Self>;
    /// The network, unless the prefix is longer than its family's addresses.
    fn network(self, prefix: u8) -> Option<IpNet>;
    /// The bits of the bitmap that tell of it; `None` where none do.
    fn span(self, prefix: u8, seed: &Seed) -> Option<Span>;
}

/// A network's key, in the width that its family and prefix length ask for.
pub(super) enum AnyKey {
    V4(u32),
    V6(u64),
    V6Long(u128),
}

impl AnyKey {
    /// The key of a network without host bits.
    pub(super) fn of(network: IpNet) -> Self {
        match network {
            IpNet::V4(v4) => Self::V4(v4.network().into()),
            IpNet::V6(v6) if v6.prefix_len() <= UPPER_HALF => {
                let [high, _] = halves(v6.network().into());
                Self::V6(high)
            }
            IpNet::V6(v6) => Self::V6Long(v6.network().into()),
        }
    }
}

/// The bit that tells of an IPv6 address with this upper half.
pub(super) fn v6_bit(high: u64, seed: &Seed) -> Bit {
    Bit::of_hash(seed.hash(high))
}

impl Network for u32 {
    fn family(levels: &Levels) -> &Family<Self> {
        &levels.v4
    }
    fn family_mut(levels: &mut Levels) -> &mut Family<Self> {
        &mut levels.v4
    }
    fn network(self, prefix: u8) -> Option<IpNet> {
        IpNet::new(IpAddr::V4(Ipv4Addr::from(self)), prefix).ok()
    }
    fn span(self, prefix: u8, _seed: &Seed) -> Option<Span> {
        let hosts = Self::MAX.checked_shr(Self::from(prefix)).unwrap_or(0);
        Some(Span::V4(Bit::of_v4(self), Bit::of_v4(self | hosts)))
    }
}

impl Network for u64 {
    fn family(levels: &Levels) -> &Family<Self> {
        &levels.v6
    }
    fn family_mut(levels: &mut Levels) -> &mut Family<Self> {
        &mut levels.v6
    }
    fn network(self, prefix: u8) -> Option<IpNet> {
        (u128::from(self) << Self::BITS).network(prefix)
    }
    fn span(self, prefix: u8, seed: &Seed) -> Option<Span> {
        (prefix >= UPPER_HALF).then(|| Span::V6(v6_bit(self, seed)))
    }
}

impl Network for u128 {
    fn family(levels: &Levels) -> &Family<Self> {
        &levels.v6_long
    }
    fn family_mut(levels: &mut Levels) -> &mut Family<Self> {
        &mut levels.v6_long
    }
    fn network(self, prefix: u8) -> Option<IpNet> {
        IpNet::new(IpAddr::V6(Ipv6Addr::from(self)), prefix).ok()
    }
    fn span(self, _prefix: u8, seed: &Seed) -> Option<Span> {
        let [high, _] = halves(self);
        Some(Span::V6(v6_bit(high, seed)))
    }
}
