//! Networks in binary: family, prefix length, and the bytes of the address, so that they sort by family, length and address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Bytes of the longest form.
const LONGEST: usize = 2 + 16;

/// How a family is written.
pub(super) const V4: u8 = 4;
/// How a family is written.
pub(super) const V6: u8 = 6;

/// A network as a key.
pub(super) struct NetworkKey {
    bytes: [u8; LONGEST],
    length: usize,
}

impl NetworkKey {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl From<IpNet> for NetworkKey {
    fn from(network: IpNet) -> Self {
        let mut bytes = [0; LONGEST];
        let (family, octets) = family_and_octets(network);
        let length = 2 + octets.len();
        let written = [family, network.prefix_len()].into_iter().chain(octets.iter().copied());
        bytes.iter_mut().zip(written).for_each(|(byte, value)| *byte = value);
        Self { bytes, length }
    }
}

/// The network of a key; `None` where it is none.
pub(super) fn network_of(key: &[u8]) -> Option<IpNet> {
    let [family, prefix, address @ ..] = key else {
        return None;
    };
    let is_whole = address.len() == if *family == V4 { 4 } else { 16 };
    network(*family, *prefix, address).filter(|_| is_whole)
}

/// The network whose address begins with these bytes and goes on with zeros.
pub(super) fn network(family: u8, prefix: u8, begins: &[u8]) -> Option<IpNet> {
    let address = match family {
        V4 => IpAddr::V4(Ipv4Addr::from(filled::<4>(begins)?)),
        V6 => IpAddr::V6(Ipv6Addr::from(filled::<16>(begins)?)),
        _ => return None,
    };
    IpNet::new(address, prefix)
        .ok()
        .filter(|network| network.trunc() == *network)
}

/// The family of a network, and the bytes of its address.
pub(super) fn family_and_octets(network: IpNet) -> (u8, Octets) {
    match network {
        IpNet::V4(v4) => (V4, Octets::V4(v4.network().octets())),
        IpNet::V6(v6) => (V6, Octets::V6(v6.network().octets())),
    }
}

/// The bytes of an address.
pub(super) enum Octets {
    V4([u8; 4]),
    V6([u8; 16]),
}

impl std::ops::Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::V4(octets) => octets,
            Self::V6(octets) => octets,
        }
    }
}

fn filled<const N: usize>(begins: &[u8]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    octets.get_mut(..begins.len())?.copy_from_slice(begins);
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::parse_network;

    #[test]
    fn networks_survive_the_way_to_disk_and_back() {
        for text in [
            "203.0.113.9",
            "198.51.100.0/24",
            "0.0.0.0/0",
            "2001:db8::/64",
            "2001:db8::1",
            "::/0",
        ] {
            let network = parse_network(text).unwrap();
            assert_eq!(
                network_of(NetworkKey::from(network).as_slice()),
                Some(network),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            &[][..],
            &[4],
            &[4, 32, 1, 2, 3],
            &[4, 33, 1, 2, 3, 4],
            &[5, 32, 1, 2, 3, 4],
            &[4, 24, 1, 2, 3, 4],
            &[4, 32, 1, 2, 3, 4, 5],
        ] {
            assert_eq!(network_of(bad), None, "{bad:?}");
        }
    }
}
