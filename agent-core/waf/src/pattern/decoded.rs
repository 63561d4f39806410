//! Percent-decoding byte by byte, from either end.

/// The bytes that a percent-encoded text stands for; a `%` that begins no code stands for itself.
///
/// A code holds only one `%`, its first byte, so that codes never overlap and both ends see the same bytes.
#[derive(Debug, Clone)]
pub(super) struct Decoded<'a>(&'a [u8]);

impl<'a> Decoded<'a> {
    pub(super) const fn new(encoded: &'a [u8]) -> Self {
        Self(encoded)
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if let [b'%', high, low, rest @ ..] = self.0
            && let Some(byte) = code(*high, *low)
        {
            self.0 = rest;
            return Some(byte);
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}

impl DoubleEndedIterator for Decoded<'_> {
    fn next_back(&mut self) -> Option<u8> {
        if let [rest @ .., b'%', high, low] = self.0
            && let Some(byte) = code(*high, *low)
        {
            self.0 = rest;
            return Some(byte);
        }
        let (last, rest) = self.0.split_last()?;
        self.0 = rest;
        Some(*last)
    }
}

/// The byte that two hexadecimal digits stand for.
fn code(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_decoded_once_and_strays_kept() {
        for (encoded, bytes) in [
            ("/a%2Eb%2f", &b"/a.b/"[..]),
            ("%252e", b"%2e"),
            ("%", b"%"),
            ("%4%41%zz", b"%4A%zz"),
            ("%e9", b"\xe9"),
        ] {
            assert_eq!(Decoded::new(encoded.as_bytes()).collect::<Vec<_>>(), bytes, "{encoded}");
        }
    }

    proptest! {
        #[test]
        fn both_ends_see_the_same_bytes(encoded in "[%24af]{0,12}") {
            let forward: Vec<u8> = Decoded::new(encoded.as_bytes()).collect();
            let mut backward: Vec<u8> = Decoded::new(encoded.as_bytes()).rev().collect();
            backward.reverse();
            prop_assert_eq!(forward, backward);
        }
    }
}
