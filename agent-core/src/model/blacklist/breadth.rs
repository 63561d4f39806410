//! How much of all addresses that clients can have a list covers: what shows a list that cannot be meant where no client is known.

use std::ops::AddAssign;

use ipnet::IpNet;

use super::{
    Blacklist,
    levels::{Network, Visitor},
    table::{Key, Table},
};

/// The part of each family's addresses that is covered, in units of 2⁻³² of the family. Networks within networks count twice, so that
/// it is never too little.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breadth {
    v4: u64,
    v6: u64,
}

/// A sixteenth of a family: more than any list of attackers. Public lists, those of all that is not routed included, cover about a
/// fiftieth of IPv4.
const SWEEPING: u64 = 1 << 28;

/// The first bits of the IPv6 addresses that are given out to anybody: 2000::/3 (RFC 4291, section 2.4). They are the family.
const GLOBAL_UNICAST: (u8, u128) = (3, 1);

/// Prefix lengths up to which each network is looked at by itself, as it may hold nothing that sends. There are few of them.
const WIDE: u8 = 12;

impl Breadth {
    /// What one network covers. IPv4 from 224.0.0.0 on and IPv6 outside of 2000::/3 send nothing that reaches a server from afar, and
    /// count nothing.
    #[must_use]
    pub fn of(network: IpNet) -> Self {
        match network {
            IpNet::V4(v4) if v4.network().octets() >= [224, 0, 0, 0] => Self::default(),
            IpNet::V4(v4) => Self {
                v4: 1 << (32 - v4.prefix_len()),
                v6: 0,
            },
            IpNet::V6(v6) => {
                let (bits, value) = GLOBAL_UNICAST;
                let shared = bits.min(v6.prefix_len());
                let leading = |address: u128| address.checked_shr(128 - u32::from(shared)).unwrap_or(0);
                let is_global = leading(v6.network().into()) == leading(value << (128 - bits));
                let width = 32_u8.saturating_sub(v6.prefix_len().saturating_sub(bits));
                let is_seen = v6.prefix_len() <= 32 + bits;
                Self {
                    v4: 0,
                    v6: if is_global && is_seen { 1 << width } else { 0 },
                }
            }
        }
    }

    /// Whether it is more than any list of attackers covers.
    #[must_use]
    pub fn is_sweeping(self) -> bool {
        self.v4.max(self.v6) > SWEEPING
    }
}

impl AddAssign for Breadth {
    fn add_assign(&mut self, other: Self) {
        self.v4 = self.v4.saturating_add(other.v4);
        self.v6 = self.v6.saturating_add(other.v6);
    }
}

impl Blacklist {
    /// What the list covers in both scopes, ended entries included.
    #[must_use]
    pub fn breadth(&self) -> Breadth {
        let mut measure = Measure(Breadth::default());
        self.levels.load_full().visit(&mut measure);
        measure.0
    }
}

struct Measure(Breadth);

impl Visitor for Measure {
    fn table<K: Network>(&mut self, prefix: u8, table: &Table<K>) {
        if prefix <= WIDE {
            table.for_each(|key, _| {
                if let Some(network) = key.network(prefix) {
                    self.0 += Breadth::of(network);
                }
            });
            return;
        }
        let live = table.live() as u64;
        let is_v4 = K::BITS_OF_KEY == u32::BITS_OF_KEY;
        let each = |family: u8| 1_u64.checked_shl(u32::from(family.saturating_sub(prefix))).unwrap_or(0);
        self.0 += if is_v4 {
            Breadth {
                v4: live.saturating_mul(each(32)),
                v6: 0,
            }
        } else if prefix <= 32 + GLOBAL_UNICAST.0 {
            Breadth {
                v4: 0,
                v6: live.saturating_mul(each(32 + GLOBAL_UNICAST.0)),
            }
        } else {
            Breadth::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{address::parse_network, blacklist::Scope};

    fn list(networks: &[&str]) -> Blacklist {
        let list = Blacklist::new();
        for text in networks {
            list.insert(parse_network(text).unwrap(), None, Scope::Shared);
        }
        list
    }

    #[test]
    fn a_list_covers_the_sum_of_its_networks() {
        let networks = [
            "192.0.2.1",
            "198.51.100.0/24",
            "10.0.0.0/8",
            "2001:db8::/32",
            "2400::/12",
            "2001:db8::1",
        ];
        let mut sum = Breadth::default();
        networks
            .iter()
            .for_each(|text| sum += Breadth::of(parse_network(text).unwrap()));
        let whole = list(&networks).breadth();
        assert_eq!(whole, sum);
        assert_eq!(whole.v4, 1 + (1 << 8) + (1 << 24));
        assert_eq!(whole.v6, (1 << 3) + (1 << 23));
        assert!(!whole.is_sweeping());
    }

    #[test]
    fn what_no_list_of_attackers_covers_is_sweeping() {
        for networks in [
            &["0.0.0.0/0"][..],
            &["64.0.0.0/3"],
            &["0.0.0.0/5", "16.0.0.0/5", "32.0.0.0/6"],
            &["::/0"],
            &["2000::/3"],
            &["::/2"],
            &["2000::/6"],
        ] {
            assert!(list(networks).breadth().is_sweeping(), "{networks:?}");
        }
        for networks in [
            &["16.0.0.0/4"][..],
            &[
                "0.0.0.0/8",
                "10.0.0.0/8",
                "127.0.0.0/8",
                "224.0.0.0/3",
                "255.255.255.255",
            ],
            &["2000::/7"],
            &["::/8", "4000::/2", "8000::/1"],
        ] {
            assert!(!list(networks).breadth().is_sweeping(), "{networks:?}");
        }
    }
}
