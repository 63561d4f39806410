//! Content codings, decoded within bounds: a bomb costs what any other body costs.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::fuel::Fuel;

/// The largest window that a Zstandard frame may ask for, as a power of two: the 8 MiB that RFC
/// 9659 sets for HTTP.
pub(super) const ZSTD_WINDOW_LOG: u32 = 23;

/// Bytes that Brotli's decoder reads at once.
const PIECE: usize = 4 << 10;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952, of one member or several.
    Gzip,
    /// zlib's format (RFC 1950), or the bare one that some clients send.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// Snappy's block format, which Prometheus sends.
    Snappy,
}

/// Bytes without their coding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// As many as were asked for.
    pub bytes: Vec<u8>,
    /// Whether there is more of them.
    pub is_cut: bool,
    /// Whether the coded bytes are what they are said to be, as far as they go.
    pub is_sound: bool,
    /// Whether the coded bytes end before their end.
    pub is_unfinished: bool,
    /// How many coded bytes were read for them.
    pub consumed: usize,
}

impl Coding {
    /// The coding that a name in `content-encoding` stands for.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let is = |names: &[&[u8]]| names.iter().any(|own| own.eq_ignore_ascii_case(name));
        if is(&[b"gzip", b"x-gzip"]) {
            Some(Self::Gzip)
        } else if is(&[b"deflate"]) {
            Some(Self::Deflate)
        } else if is(&[b"br"]) {
            Some(Self::Brotli)
        } else if is(&[b"zstd"]) {
            Some(Self::Zstd)
        } else if is(&[b"snappy"]) {
            Some(Self::Snappy)
        } else {
            None
        }
    }

    /// The coding that bytes show by how they begin.
    #[must_use]
    pub fn sniffed(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ if is_zlib(bytes) => Some(Self::Deflate),
            _ => None,
        }
    }

    /// As [`decode`](Self::decode), as far as there is fuel, which is out where that ended it.
    #[must_use]
    pub(crate) fn decode_by(self, fuel: Option<&Fuel>, coded: &[u8], most: usize) -> Option<Decoded> {
        let Some(fuel) = fuel else {
            return self.decode(coded, most);
        };
        if !fuel.spend(Fuel::A_DECODER) {
            return None;
        }
        let afforded = most.min(fuel.affords(Fuel::UNPACKED));
        let decoded = self.decode(coded, afforded)?;
        let steps = decoded.bytes.len() as u64 * Fuel::UNPACKED + decoded.consumed as u64 * Fuel::CODED;
        if !fuel.spend(steps) || (decoded.is_cut && afforded < most) {
            fuel.exhaust();
        }
        Some(decoded)
    }

    /// Decodes at most so many bytes. `None` where nothing can be decoded.
    #[must_use]
    pub fn decode(self, coded: &[u8], most: usize) -> Option<Decoded> {
        let mut bytes = Vec::new();
        let mut left = coded;
        let ended = match self {
            Self::Gzip => read(MultiGzDecoder::new(&mut left), most, &mut bytes),
            // the first two bytes tell: RFC 1950, section 2.2
            Self::Deflate if is_zlib(coded) => read(ZlibDecoder::new(&mut left), most, &mut bytes),
            Self::Deflate => read(DeflateDecoder::new(&mut left), most, &mut bytes),
            Self::Brotli => read(
                brotli::Decompressor::new((&mut left).chain(CutOff), PIECE),
                most,
                &mut bytes,
            ),
            Self::Zstd => zstd(&mut left, most, &mut bytes),
            Self::Snappy => snappy(&mut left, most, &mut bytes),
        };
        let is_unfinished = matches!(&ended, Err(error) if error.kind() == ErrorKind::UnexpectedEof);
        let is_cut = bytes.len() > most;
        bytes.truncate(most);
        let decoded = Decoded {
            is_cut,
            is_sound: ended.is_ok() || is_unfinished,
            is_unfinished,
            consumed: coded.len() - left.len(),
            bytes,
        };
        (decoded.is_sound || !decoded.bytes.is_empty()).then_some(decoded)
    }
}

/// Stands behind bytes that may be cut off: Brotli's decoder does not tell a missing end from a
/// wrong byte.
struct CutOff;

impl Read for CutOff {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

pub(super) fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, ..]
        if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31))
}

fn zstd(coded: impl BufRead, most: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(coded)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    read(decoder, most, bytes)
}

/// One byte more than is wanted tells that there is more.
fn read(decoder: impl Read, most: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    decoder
        .take((most as u64).saturating_add(1))
        .read_to_end(bytes)
        .map(|_| ())
}

/// Snappy's block format (its `format_description.txt`): a length, then literals and copies of what
/// came before. The crate `snap` decodes whole blocks only, and into memory of the length that the
/// client names.
fn snappy(coded: &mut &[u8], most: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let unfinished = || io::Error::from(ErrorKind::UnexpectedEof);
    let wrong = || io::Error::from(ErrorKind::InvalidData);
    let length = coded.iter().position(|byte| byte & 0x80 == 0).ok_or_else(unfinished)?;
    // 32 bits take five bytes
    if length >= 5 {
        return Err(wrong());
    }
    let mut rest = coded.get(length + 1..).unwrap_or_default();
    *coded = &[];
    while let Some((tag, after)) = rest.split_first().filter(|_| bytes.len() <= most) {
        let high = usize::from(tag >> 2);
        let small = |width: usize| {
            let (number, after) = after.split_at_checked(width)?;
            let number = number.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            Some((number, after))
        };
        let copy = match tag & 3 {
            0 => {
                let (length, after) = match high.checked_sub(59) {
                    None | Some(0) => (high, after),
                    Some(width) => small(width).ok_or_else(unfinished)?,
                };
                let length = length.saturating_add(1);
                let (literal, after) = after.split_at(length.min(after.len()));
                bytes.extend_from_slice(literal);
                if literal.len() < length {
                    return Err(unfinished());
                }
                rest = after;
                continue;
            }
            1 => small(1).map(|(low, after)| ((high & 7) + 4, (high >> 3) << 8 | low, after)),
            2 => small(2).map(|(offset, after)| (high + 1, offset, after)),
            _ => small(4).map(|(offset, after)| (high + 1, offset, after)),
        };
        let (length, offset, after) = copy.ok_or_else(unfinished)?;
        let from = bytes
            .len()
            .checked_sub(offset)
            .filter(|_| offset > 0)
            .ok_or_else(wrong)?;
        for at in from..from + length {
            let byte = bytes.get(at).copied().ok_or_else(wrong)?;
            bytes.push(byte);
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const ALL: [Coding; 5] = [
        Coding::Gzip,
        Coding::Deflate,
        Coding::Brotli,
        Coding::Zstd,
        Coding::Snappy,
    ];

    /// One literal a byte, then copies of what repeats: what an encoder would do on a bad day.
    fn snappy_of(plain: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut length = plain.len();
        while length >= 0x80 {
            packed.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        packed.push(u8::try_from(length).unwrap());
        let mut at = 0;
        while at < plain.len() {
            if at >= 4 && plain.len() - at >= 4 && plain[at..at + 4] == plain[at - 4..at] {
                packed.extend([(3 << 2) | 2, 4, 0]);
                at += 4;
            } else {
                packed.extend([0, plain[at]]);
                at += 1;
            }
        }
        packed
    }

    pub(crate) fn pack(coding: Coding, plain: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => {
                let mut packed = Vec::new();
                brotli::CompressorWriter::new(&mut packed, 4096, 5, 22)
                    .write_all(plain)
                    .unwrap();
                packed
            }
            Coding::Zstd => zstd::stream::encode_all(plain, 3).unwrap(),
            Coding::Snappy => snappy_of(plain),
        }
    }

    #[test]
    fn every_coding_is_decoded_within_its_bound() {
        let text = b"the quick brown fox ".repeat(500);
        for coding in ALL {
            let packed = pack(coding, &text);
            let whole = coding.decode(&packed, text.len()).unwrap();
            assert_eq!(
                (whole.is_cut, whole.is_sound, whole.is_unfinished),
                (false, true, false),
                "{coding:?}"
            );
            assert!(whole.bytes == text, "{coding:?}");
            let part = coding.decode(&packed, 100).unwrap();
            assert_eq!((&*part.bytes, part.is_cut), (&text[..100], true), "{coding:?}");
            let cut = coding.decode(&packed[..packed.len() / 2], text.len()).unwrap();
            assert!(cut.is_sound && cut.is_unfinished, "{coding:?}");
        }
        for coding in [Coding::Gzip, Coding::Zstd, Coding::Deflate] {
            assert_eq!(Coding::sniffed(&pack(coding, &text)), Some(coding));
        }
        assert_eq!(Coding::named(b"X-GZIP"), Some(Coding::Gzip));
        assert_eq!(Coding::named(b"compress"), None);
    }

    #[test]
    fn what_is_something_else_is_told() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            assert_eq!(coding.decode(b"1' OR '1'='1", 100), None, "{coding:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for coding in ALL {
                let length = coding.decode(&bytes, 1000).map_or(0, |decoded| decoded.bytes.len());
                prop_assert!(length <= 1000);
            }
        }
    }
}
