//! A name for a set of networks that one change updates with one addition.
//!
//! The digest of a set is the sum, modulo 2²⁵⁶, of the BLAKE3 hash of each network's canonical text
//! ([`to_text`]: `203.0.113.9`, `198.51.100.0/24`, `2001:db8::/64`), where the 32 bytes of a hash
//! are read as a little-endian number. It is written as the 32 bytes of the sum, little-endian, in lower-case hexadecimal; so
//! the digest of a set of one is the hash itself as every BLAKE3 tool prints it, and that of the empty set is 64 zeros.
//!
//! It tells that two honest sides differ. It is no proof against a server that wants to deceive: that one writes the list.

use std::{
    fmt,
    ops::{AddAssign, SubAssign},
    str::FromStr,
};

use ipnet::IpNet;

use crate::model::address::{canonical_network, to_text};

/// Bytes of a digest.
const BYTES: usize = 32;

/// The digest of a set of networks; by default that of the empty one.
///
/// ```
/// use buckler::model::blacklist::Digest;
/// let mut digest = Digest::default();
/// digest += "203.0.113.9/32".parse()?;
/// digest += "198.51.100.0/24".parse()?;
/// digest -= "203.0.113.9/32".parse()?;
/// assert_eq!(digest, Digest::of(["198.51.100.0/24".parse()?]));
/// # Ok::<(), ipnet::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digest([u8; BYTES]);

impl Digest {
    /// The digest of a set. A network that is given twice counts twice: the caller sees to it that it is a set.
    #[must_use]
    pub fn of(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut digest = Self::default();
        for network in networks {
            digest += network;
        }
        digest
    }

    /// Adds byte by byte, with carry.
    fn sum(self, other: [u8; BYTES], carry: bool) -> Self {
        let mut sum = self.0;
        let mut carry = u16::from(carry);
        for (byte, other) in sum.iter_mut().zip(other) {
            let [low, high] = (u16::from(*byte) + u16::from(other) + carry).to_le_bytes();
            (*byte, carry) = (low, u16::from(high));
        }
        Self(sum)
    }
}

/// The hash of one network.
fn hash(network: IpNet) -> [u8; BYTES] {
    *blake3::hash(to_text(canonical_network(network)).as_bytes()).as_bytes()
}

/// Adds a network to the set.
impl AddAssign<IpNet> for Digest {
    fn add_assign(&mut self, network: IpNet) {
        *self = self.sum(hash(network), false);
    }
}

/// Takes a network out of the set.
impl SubAssign<IpNet> for Digest {
    fn sub_assign(&mut self, network: IpNet) {
        // a − b = a + (not b) + 1
        *self = self.sum(hash(network).map(|byte| !byte), true);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// What was read is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits; found {length} bytes")]
pub struct DigestError {
    /// How many bytes the text has.
    pub length: usize,
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; BYTES];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let is_whole = pairs.len() == BYTES && rest.is_empty();
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs).filter(|_| is_whole) {
            *byte = nibble(*high)
                .zip(nibble(*low))
                .map(|(high, low)| high << 4 | low)
                .ok_or(DigestError { length: text.len() })?;
        }
        if is_whole {
            Ok(Self(bytes))
        } else {
            Err(DigestError { length: text.len() })
        }
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        crate::model::address::parse_network(text).unwrap()
    }

    #[test]
    fn a_set_of_one_is_its_hash() {
        // printf %s 203.0.113.9 | b3sum
        let known = "47bb01e44bdbdf8c9b0bc7ca84e60e531fc10a3220f454a620a7093d2d5957ef";
        assert_eq!(Digest::of([net("203.0.113.9")]).to_string(), known);
        assert_eq!(
            Digest::of([net("::ffff:203.0.113.9")]).to_string(),
            known,
            "the canonical text is hashed"
        );
        assert_eq!(Digest::default().to_string(), "0".repeat(64));
    }

    #[test]
    fn a_known_sum() {
        // the same with python: sum(int.from_bytes(blake3(t).digest(), "little")) % 2**256, as 32 little-endian bytes
        let set = ["203.0.113.9", "198.51.100.0/24", "2001:db8::/64", "2001:db8::1"].map(net);
        assert_eq!(
            Digest::of(set).to_string(),
            "cd066bfbf076d4ef32b8709f7445b3b7097572f9bd06fb5f3e8cdd239c8fdc58"
        );
    }

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let (a, b, c) = (net("203.0.113.9"), net("10.0.0.0/8"), net("2001:db8::/64"));
        assert_eq!(Digest::of([a, b, c]), Digest::of([c, a, b]));
        let mut digest = Digest::of([a, b, c]);
        digest -= b;
        digest -= a;
        assert_eq!(digest, Digest::of([c]));
        digest -= c;
        assert_eq!(digest, Digest::default());
        digest -= a;
        digest += a;
        assert_eq!(digest, Digest::default(), "below zero and back");
    }

    #[test]
    fn text_and_back() {
        let digest = Digest::of([net("203.0.113.9")]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        for bad in [
            "",
            "00",
            &"g".repeat(64),
            &"0".repeat(63),
            &"0".repeat(65),
            &"é".repeat(32),
        ] {
            assert_eq!(bad.parse::<Digest>(), Err(DigestError { length: bad.len() }), "{bad}");
        }
    }
}
