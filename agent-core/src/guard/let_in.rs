//! Networks whose clients were let in.

use std::collections::{BTreeSet, HashSet};

use ipnet::IpNet;

/// Tells in a few look-ups whether one of many networks holds a client.
#[derive(Debug)]
pub(super) struct LetIn {
    networks: HashSet<IpNet>,
    /// The lengths of their prefixes, of IPv4 and of IPv6.
    lengths: [BTreeSet<u8>; 2],
}

impl LetIn {
    pub(super) fn new(networks: &[IpNet]) -> Self {
        let mut lengths = [BTreeSet::new(), BTreeSet::new()];
        let [v4, v6] = &mut lengths;
        for network in networks {
            match network {
                IpNet::V4(network) => v4.insert(network.prefix_len()),
                IpNet::V6(network) => v6.insert(network.prefix_len()),
            };
        }
        Self {
            networks: networks.iter().map(IpNet::trunc).collect(),
            lengths,
        }
    }

    /// Whether the whole of a client's network is within one of them.
    pub(super) fn holds(&self, client: IpNet) -> bool {
        let [v4, v6] = &self.lengths;
        let lengths = if matches!(client, IpNet::V4(_)) { v4 } else { v6 };
        lengths.range(..=client.prefix_len()).any(|length| {
            let around = IpNet::new(client.addr(), *length);
            around.is_ok_and(|around| self.networks.contains(&around.trunc()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_held_by_the_networks_around_it() {
        let networks = ["203.0.113.9", "198.51.100.0/24", "2001:db8:1::/64"].map(|text| {
            let alone = text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
            alone.or_else(|_| text.parse::<IpNet>()).unwrap()
        });
        let let_in = LetIn::new(&networks);
        for (client, is_held) in [
            ("203.0.113.9/32", true),
            ("203.0.113.8/32", false),
            ("198.51.100.77/32", true),
            ("198.51.101.77/32", false),
            ("2001:db8:1::/64", true),
            ("2001:db8::/48", false),
            ("2001:db8:2::/64", false),
        ] {
            assert_eq!(let_in.holds(client.parse().unwrap()), is_held, "{client}");
        }
        assert!(!LetIn::new(&[]).holds("203.0.113.9/32".parse().unwrap()));
    }
}
