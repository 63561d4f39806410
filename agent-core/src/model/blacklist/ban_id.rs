//! The name of a ban that no refusal of one's own gave: made of the network that it is for, so that
//! every agent of a fleet shows its clients the same one, and the server finds the entry by it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::address::canonical_network;

/// The name of the ban of a network, as a number. It is no secret: it can be computed from the
/// network, and it tells nothing else.
///
/// ```
/// use buckler::model::blacklist::ban_id::ban_id;
/// let [one, same, wider] = ["203.0.113.9/32", "203.0.113.9/32", "203.0.113.0/24"].map(|text| ban_id(text.parse().unwrap()));
/// assert!(one == same && one != wider);
/// ```
#[must_use]
pub fn ban_id(network: IpNet) -> u64 {
    let network = canonical_network(network).trunc();
    let [high, low] = halves(network.addr());
    let kind = u64::from(network.prefix_len()) << 1 | u64::from(network.addr().is_ipv4());
    [high, low, kind]
        .into_iter()
        .fold(SEED, |hash, word| mixed(hash ^ word).wrapping_add(STEP))
}

/// Any number: it keeps the names of bans apart from other uses of the same function.
const SEED: u64 = 0x6275_636b_6c65_7221;

/// The odd constant of Weyl sequences, 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// One to one, and such that neighbours have nothing in common: the finaliser of SplitMix64
/// (Steele, Lea and Flood, 2014).
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn halves(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(v4) => [0, u32::from(v4).into()],
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.segments().map(u64::from);
            [a << 48 | b << 32 | c << 16 | d, e << 48 | f << 32 | g << 16 | h]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn networks_are_told_apart_in_one_form() {
        let of = |text: &str| ban_id(text.parse().unwrap());
        assert_eq!(of("203.0.113.9/24"), of("203.0.113.0/24"), "host bits say nothing");
        let all: BTreeSet<u64> = (0..=32).map(|prefix| of(&format!("0.0.0.0/{prefix}"))).collect();
        assert_eq!(all.len(), 33);
        let addresses: BTreeSet<u64> = (0..10_000_u32)
            .map(|n| ban_id(IpNet::from(IpAddr::V4(n.into()))))
            .collect();
        assert_eq!(addresses.len(), 10_000);
        assert_ne!(of("::/0"), of("0.0.0.0/0"));
    }
}
