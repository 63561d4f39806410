//! The protected set: what no agent can ban, because banning it would hurt the fleet itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use buckler::model::address::canonical_network;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// Never a client of a guarded application that could be told apart: this host, nobody, everybody, the link
/// (RFC 6890, sections 2.2.2 and 2.2.3).
const SPECIAL: [IpNet; 8] = [
    v4([0, 0, 0, 0], 8),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([224, 0, 0, 0], 3), // multicast, reserved and broadcast
    v6([0, 0], 127),       // unspecified and loopback
    v6([0xfe80, 0], 10),
    v6([0xff00, 0], 8),
    v6([0x64, 0xff9b], 96), // NAT64 as a whole: a bare address in it is the IPv4 address it carries
];

/// Networks behind routers, where load balancers, gateways and colleagues live (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [IpNet; 5] = [
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([100, 64, 0, 0], 10),
    v6([0xfc00, 0], 7),
];

/// The code for a network that is wider than an agent may share.
pub(crate) const TOO_WIDE: &str = "too_wide";

/// The widest IPv4 network that an agent may share: one office, not one provider.
const WIDEST_V4: u8 = 24;
/// The widest IPv6 network that an agent may share: one site (RFC 6177, section 2).
const WIDEST_V6: u8 = 48;

/// Networks that no agent can ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Protected(Box<[IpNet]>);

impl Protected {
    /// The special networks, the private ones unless told otherwise, and whatever the operator names: trusted proxies, own
    /// addresses.
    pub fn new(private: bool, named: impl IntoIterator<Item = IpNet>) -> Self {
        let private = private.then_some(PRIVATE).into_iter().flatten();
        Self(
            SPECIAL
                .into_iter()
                .chain(private)
                .chain(named.into_iter().map(canonical_network))
                .collect(),
        )
    }

    /// Why an agent may not ban this network, as the code of a `nack`.
    ///
    /// # Errors
    /// `protected_range` where it touches a protected network, in either direction; `too_wide` where it is wider than /24 or
    /// /48.
    pub fn judge(&self, network: IpNet) -> Result<(), &'static str> {
        let widest = match network {
            IpNet::V4(_) => WIDEST_V4,
            IpNet::V6(_) => WIDEST_V6,
        };
        if network.prefix_len() < widest {
            return Err(TOO_WIDE);
        }
        if self.touches(network) {
            return Err("protected_range");
        }
        Ok(())
    }

    /// Whether the network contains something protected or lies within it.
    #[must_use]
    pub fn touches(&self, network: IpNet) -> bool {
        self.0
            .iter()
            .any(|protected| protected.contains(&network) || network.contains(protected))
    }
}

const fn v4(octets: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(head: [u16; 2], prefix: u8) -> IpNet {
    let [a, b] = head;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix))
}

#[cfg(test)]
mod tests {
    use buckler::model::address::parse_network;

    use super::*;

    fn judge(set: &Protected, text: &str) -> Result<(), &'static str> {
        set.judge(parse_network(text).unwrap())
    }

    #[test]
    fn what_would_hurt_the_fleet_is_protected() {
        let set = Protected::new(true, [parse_network("198.51.100.7").unwrap()]);
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.0/24",
            "100.64.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::/64",
            "ff02::1",
            "::ffff:10.0.0.1",
            "198.51.100.7",
            "198.51.100.0/24",
        ] {
            assert_eq!(judge(&set, text), Err("protected_range"), "{text}");
        }
        for text in [
            "203.0.113.7",
            "192.0.2.0/24",
            "198.51.101.0/24",
            "2001:db8::1",
            "2001:db8::/48",
            "172.32.0.1",
        ] {
            assert_eq!(judge(&set, text), Ok(()), "{text}");
        }
    }

    #[test]
    fn wide_networks_are_refused_whatever_they_hold() {
        let set = Protected::new(true, []);
        for text in ["203.0.112.0/23", "0.0.0.0/0", "2001:db8::/47", "10.0.0.0/8"] {
            assert_eq!(judge(&set, text), Err("too_wide"), "{text}");
        }
    }

    #[test]
    fn private_ranges_can_be_given_up_and_loopback_cannot() {
        let set = Protected::new(false, []);
        assert_eq!(judge(&set, "10.1.2.3"), Ok(()));
        assert_eq!(judge(&set, "127.0.0.1"), Err("protected_range"));
    }
}
