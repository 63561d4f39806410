//! One meaning of "source address" everywhere: in requests, headers, lists, events and digests.
//!
//! The same client can be written in many ways: `203.0.113.9`, `::ffff:203.0.113.9`, `[64:ff9b::cb00:7109]:443`,
//! `fe80::1%eth0`. All are brought to one form before anything is compared, counted, banned or sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The well-known NAT64 prefix, 64:ff9b::/96 (RFC 6052, section 2.1): the last 32 bits are an IPv4 address.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The part of an IPv6 address that names a subscriber: a single host can take any of the 2⁶⁴ addresses in it (RFC 7421).
pub const IPV6_SOURCE_PREFIX: u8 = 64;

/// What the word `private` stands for in a list of proxies: networks that no client on the Internet has an address in. RFC 1918,
/// RFC 6598 (carriers, and many container networks), RFC 4193, link-local and loopback.
pub const PRIVATE: [IpNet; 9] = [
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([100, 64, 0, 0], 10),
    v4([169, 254, 0, 0], 16),
    v4([127, 0, 0, 0], 8),
    v6(0xfc00, 7),
    v6(0xfe80, 10),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(first: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), prefix))
}

/// Whether an address is of a private network (RFC 1918, RFC 6598, RFC 4193). Loopback and link-local addresses are not.
#[must_use]
pub const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Whether a host that a URL names, in brackets or without, is this machine: `localhost` and all
/// below it (RFC 6761, section 6.3), or a loopback address.
///
/// ```
/// use buckler::model::address::is_this_machine;
/// assert!(is_this_machine("localhost") && is_this_machine("[::1]") && is_this_machine("127.0.0.2"));
/// assert!(is_this_machine("[::ffff:127.0.0.1]") && !is_this_machine("[64:ff9b::7f00:1]"));
/// assert!(!is_this_machine("localhost.example.com") && !is_this_machine("203.0.113.9"));
/// ```
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        // a translator's address (NAT64) leads to another machine, whatever it carries
        return address.to_canonical().is_loopback();
    }
    let name = bare.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The one form of an address: IPv4 where IPv6 merely carries it (mapped, NAT64).
///
/// ```
/// use buckler::model::address::canonical;
/// assert_eq!(canonical("::ffff:203.0.113.9".parse()?), canonical("203.0.113.9".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => embedded_v4(v6).map_or(address, IpAddr::V4),
    }
}

/// The IPv4 address that an IPv6 address carries, if it is of such a kind.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    if let Some(v4) = v6.to_ipv4_mapped() {
        return Some(v4);
    }
    let [a, b, c, d, e, f, high, low] = v6.segments();
    ([a, b, c, d, e, f] == NAT64).then(|| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

/// Reads an address as headers and configurations write it: bare, in brackets, with a port, with a zone, in quotes.
/// `None` for everything else, host names and `unknown` included.
#[must_use]
pub fn parse_source(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(plain) = text.parse() {
        return Some(IpAddr::V4(plain)); // as nearly all are
    }
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let host = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            if !(after.is_empty() || after.strip_prefix(':').is_some_and(is_port)) {
                return None;
            }
            host
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => {
                if !is_port(port) {
                    return None;
                }
                host
            }
            Some(_) | None => text,
        },
    };
    let host = match host.split_once('%') {
        Some((_, "")) => return None,
        Some((address, _zone)) if address.contains(':') => address,
        Some(_) => return None,
        None => host,
    };
    host.parse().ok().map(canonical)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.parse::<u16>().is_ok()
}

/// Reads an address or a network in CIDR notation; host bits are cleared, and an IPv6 network of mapped or NAT64 addresses
/// becomes the IPv4 network it stands for.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    match text.trim().split_once('/') {
        None => parse_source(text).map(IpNet::from),
        Some((address, prefix)) => {
            let address: IpAddr = address.parse().ok()?;
            if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            IpNet::new(address, prefix.parse().ok()?).ok().map(canonical_network)
        }
    }
}

/// The one form of a network: host bits cleared, IPv4 where IPv6 merely carries it.
#[must_use]
pub fn canonical_network(network: IpNet) -> IpNet {
    /// Bits in front of the embedded IPv4 address, mapped and NAT64 alike.
    const EMBEDDING: u8 = 96;
    let network = network.trunc();
    if let IpNet::V6(v6) = network
        && let Some(prefix) = v6.prefix_len().checked_sub(EMBEDDING)
        && let Some(v4) = embedded_v4(v6.network())
        && let Ok(v4) = Ipv4Net::new(v4, prefix)
    {
        return IpNet::V4(v4);
    }
    network
}

/// What is banned when this source is caught: an IPv4 address alone, an IPv6 address with its /64.
#[must_use]
pub fn ban_scope(source: IpAddr) -> IpNet {
    match canonical(source) {
        IpAddr::V4(v4) => IpNet::V4(Ipv4Net::from(v4)),
        IpAddr::V6(v6) => IpNet::V6(Ipv6Net::new_assert(v6, IPV6_SOURCE_PREFIX).trunc()),
    }
}

/// How a network is written in messages and digests: a bare address where it is a single one, else CIDR notation.
#[must_use]
pub fn to_text(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_way_of_writing_one_client_is_one_address() {
        for text in [
            "203.0.113.9",
            " 203.0.113.9 ",
            "203.0.113.9:4711",
            "\"203.0.113.9\"",
            "::ffff:203.0.113.9",
            "[::ffff:203.0.113.9]:443",
            "64:ff9b::203.0.113.9",
            "[64:ff9b::cb00:7109]",
        ] {
            assert_eq!(parse_source(text), Some(ip("203.0.113.9")), "{text}");
        }
        for text in [
            "2001:db8::1",
            "[2001:db8::1]",
            "[2001:db8::1]:80",
            "2001:db8::1%eth0",
            "\"[2001:db8::1%25]:80\"",
        ] {
            assert_eq!(parse_source(text), Some(ip("2001:db8::1")), "{text}");
        }
    }

    #[test]
    fn this_machine_is_told_by_its_names() {
        for host in [
            "localhost",
            "App.localhost.",
            "127.1.2.3",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "localhost.example.com", "203.0.113.9", "[64:ff9b::7f00:1]", "[::2]"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "unknown",
            "_hidden",
            "example.com",
            "203.0.113",
            "203.0.113.9:",
            "203.0.113.9:99999",
            "[::1",
            "::1]",
            "[::1]x",
            "203.0.113.9%eth0",
            "::1%",
            "0203.0.113.9",
            "1",
            "203.0.113.9, 203.0.113.10",
        ] {
            assert_eq!(parse_source(text), None, "{text:?}");
        }
    }

    #[test]
    fn networks_are_canonical() {
        let net = |text: &str| parse_network(text).map(to_text);
        assert_eq!(net("203.0.113.77/24").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(net("203.0.113.77").as_deref(), Some("203.0.113.77"));
        assert_eq!(net("203.0.113.77/32").as_deref(), Some("203.0.113.77"));
        assert_eq!(net("::ffff:203.0.113.77/120").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(net("2001:DB8:0::1/64").as_deref(), Some("2001:db8::/64"));
        assert_eq!(
            net("::ffff:0:0/95").as_deref(),
            Some("::fffe:0:0/95"),
            "wider than the mapped range: no IPv4 network"
        );
        for bad in ["203.0.113.0/33", "203.0.113.0/", "203.0.113.0/+8", "x/8", "::/129"] {
            assert_eq!(net(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_ipv6_source_is_banned_with_its_subscriber_network() {
        assert_eq!(to_text(ban_scope(ip("2001:db8::dead:beef"))), "2001:db8::/64");
        assert_eq!(to_text(ban_scope(ip("203.0.113.9"))), "203.0.113.9");
        assert_eq!(to_text(ban_scope(ip("::ffff:203.0.113.9"))), "203.0.113.9");
    }
}
