//! A small immutable set of addresses: what a configuration lists, asked for every request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::address::{canonical, canonical_network, parse_network};

/// Networks of both families, kept as sorted ranges that do not touch: a look-up is a binary search, and allocates nothing.
///
/// ```
/// use buckler::model::ipset::IpSet;
/// let set: IpSet = ["10.0.0.0/8".parse()?, "2001:db8::/32".parse()?].into_iter().collect();
/// assert!(set.contains("10.1.2.3".parse()?));
/// assert!(set.contains("::ffff:10.1.2.3".parse()?));
/// assert!(!set.contains("11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpSet {
    networks: Box<[IpNet]>,
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl IpSet {
    /// Whether the address, in whichever form it is written, is in one of the networks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match canonical(address) {
            IpAddr::V4(v4) => covers(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => covers(&self.v6, u128::from(v6)),
        }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// The networks as they were given, in their one form.
    #[must_use]
    pub const fn networks(&self) -> &[IpNet] {
        &self.networks
    }
}

impl FromIterator<IpNet> for IpSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let networks: Box<[IpNet]> = networks.into_iter().map(canonical_network).collect();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in &networks {
            match network {
                IpNet::V4(net) => v4.push((u32::from(net.network()), u32::from(net.broadcast()))),
                IpNet::V6(net) => v6.push((u128::from(net.network()), u128::from(net.broadcast()))),
            }
        }
        Self {
            v4: merged(v4),
            v6: merged(v6),
            networks,
        }
    }
}

/// Sorts ranges and joins those that overlap, so that at most one can hold an address.
fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joins = next.0 <= kept.1;
        if joins {
            kept.1 = kept.1.max(next.1);
        }
        joins
    });
    ranges.into_boxed_slice()
}

fn covers<T: Ord + Copy>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= value);
    after
        .checked_sub(1)
        .and_then(|last| ranges.get(last))
        .is_some_and(|range| value <= range.1)
}

/// Reads an entry of pyrasp's `WHITELIST`: an address, a network in CIDR notation, or the beginning of an address at a whole
/// group (`10.1.`, `10.1`, `2001:db8:`), which pyrasp compares as text and which stands for the network of that prefix.
#[must_use]
pub fn parse_entry(text: &str) -> Option<IpNet> {
    let text = text.trim();
    parse_network(text)
        .or_else(|| v4_prefix(text))
        .or_else(|| v6_prefix(text))
}

/// One to three decimal groups with at least one dot, so that a lone number is not taken for a network of 16 million addresses.
fn v4_prefix(text: &str) -> Option<IpNet> {
    if !text.contains('.') {
        return None;
    }
    let groups = text.strip_suffix('.').unwrap_or(text);
    let given = groups.split('.').count();
    let missing = 4_usize.checked_sub(given).filter(|missing| *missing > 0)?;
    let address: Ipv4Addr = format!("{groups}{}", ".0".repeat(missing)).parse().ok()?;
    let bits = u8::try_from(given).ok()? * 8;
    Ipv4Net::new(address, bits).ok().map(IpNet::V4)
}

/// One to seven hexadecimal groups, each followed by a colon.
fn v6_prefix(text: &str) -> Option<IpNet> {
    let groups = text
        .strip_suffix(':')
        .filter(|groups| !groups.is_empty() && !groups.contains("::"))?;
    let given = groups.split(':').count();
    if given > 7 {
        return None;
    }
    let address: Ipv6Addr = format!("{groups}::").parse().ok()?;
    let bits = u8::try_from(given).ok()? * 16;
    Ipv6Net::new(address, bits)
        .ok()
        .map(|network| canonical_network(IpNet::V6(network)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::address::to_text;

    fn set(entries: &[&str]) -> IpSet {
        entries.iter().map(|entry| parse_entry(entry).unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_empty_set_holds_nothing() {
        let empty = IpSet::default();
        assert!(empty.is_empty() && empty.networks().is_empty());
        assert!(!empty.contains(ip("0.0.0.0")) && !empty.contains(ip("::")));
    }

    #[test]
    fn the_edges_of_networks_are_inside() {
        let set = set(&["10.0.0.0/8", "203.0.113.9", "2001:db8::/64", "2001:db8:1::7"]);
        for inside in [
            "10.0.0.0",
            "10.255.255.255",
            "203.0.113.9",
            "::ffff:203.0.113.9",
            "64:ff9b::10.1.1.1",
            "2001:db8::",
            "2001:db8::ffff:ffff:ffff:ffff",
            "2001:db8:1::7",
        ] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "203.0.113.8",
            "203.0.113.10",
            "2001:db8:0:1::",
            "2001:db8:1::8",
        ] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn a_narrow_network_does_not_hide_a_wide_one() {
        let set = set(&["10.1.2.3", "10.0.0.0/8", "10.1.0.0/16"]);
        assert!(set.contains(ip("10.1.2.4")) && set.contains(ip("10.200.0.1")));
    }

    #[test]
    fn the_whole_of_a_family_is_a_set() {
        assert!(set(&["0.0.0.0/0"]).contains(ip("255.255.255.255")));
        assert!(set(&["::/0"]).contains(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
        assert!(!set(&["0.0.0.0/0"]).contains(ip("2001:db8::1")));
    }

    #[test]
    fn prefixes_stand_for_networks() {
        let net = |text: &str| parse_entry(text).map(to_text);
        for (text, network) in [
            ("10.", "10.0.0.0/8"),
            ("10.1.", "10.1.0.0/16"),
            ("10.1", "10.1.0.0/16"),
            ("192.168.7.", "192.168.7.0/24"),
            (" 10.1.2.3 ", "10.1.2.3"),
            ("10.1.2.3/24", "10.1.2.0/24"),
            ("2001:db8:", "2001:db8::/32"),
            ("fe80:", "fe80::/16"),
        ] {
            assert_eq!(net(text).as_deref(), Some(network), "{text:?}");
        }
        for bad in [
            "",
            ".",
            "10",
            "10..",
            "256.1.",
            "10.1.2.3.",
            "1.2.3.4.5",
            "::",
            ":",
            "x:",
            "1:2:3:4:5:6:7:8:",
            "host.",
            "*",
        ] {
            let expected = (bad == "::").then(|| "::".to_owned());
            assert_eq!(net(bad), expected, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_set_holds_what_any_of_its_networks_holds(
            networks in prop::collection::vec((any::<u32>(), 0u8..=32), 0..20),
            near in any::<prop::sample::Index>(),
            offset in -2i64..=2,
        ) {
            let networks: Vec<IpNet> =
                networks.into_iter().map(|(bits, len)| IpNet::new(IpAddr::V4(bits.into()), len).unwrap()).collect();
            let around = networks.get(near.index(networks.len().max(1))).map_or(0, |net| match net.broadcast() {
                IpAddr::V4(v4) => u32::from(v4),
                IpAddr::V6(_) => 0,
            });
            let address = IpAddr::V4(u32::try_from((i64::from(around) + offset).rem_euclid(1 << 32)).unwrap().into());
            let set: IpSet = networks.iter().copied().collect();
            prop_assert_eq!(set.contains(address), networks.iter().any(|net| net.contains(&address)));
        }
    }
}
