//! Content codings undone piece by piece, as a body comes, within bounds: a client decides how much
//! comes out of what it sends, and none of it is kept.

use std::{
    fmt,
    io::{self, Write},
};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{
    coding::{Coding, ZSTD_WINDOW_LOG, is_zlib},
    fuel::Fuel,
};

/// Coded bytes that are undone in one step: deflate makes a quarter of a MiB of them at its most.
const STEP: usize = 256;

/// The most that one step may unpack to, in bytes. Brotli and Zstandard have no end to it, and what
/// an honest client sends in so few bytes is shorter. It may be more than there is fuel for: then it
/// is the last.
const MOST_OF_STEP: usize = 1 << 19;

/// Bytes that Brotli's decoder writes at once.
const PIECE: usize = 4 << 10;

/// A body of which the coding is being undone.
pub struct Unpacking {
    decoder: Decoder,
    /// Coded bytes so far.
    pub taken: usize,
    /// What they unpacked to, in bytes.
    pub unpacked: usize,
}

/// Why a body cannot be unpacked further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It unpacks to more in one step than any honest one.
    Bomb,
    /// It is not what it is said to be.
    Unsound,
    /// It costs more than its request may.
    OutOfFuel,
}

enum Decoder {
    Gzip(MultiGzDecoder<Room>),
    Zlib(ZlibDecoder<Room>),
    Bare(DeflateDecoder<Room>),
    Brotli(Box<brotli::DecompressorWriter<Room>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Room>>),
}

/// What one step unpacks to.
#[derive(Default)]
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_OF_STEP {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpacking {
    /// Of a body that begins so. `None` for a coding that is undone as a whole only.
    #[must_use]
    pub fn new(coding: Coding, beginning: &[u8]) -> Option<Self> {
        let room = Room::default();
        let decoder = match coding {
            Coding::Gzip => Decoder::Gzip(MultiGzDecoder::new(room)),
            Coding::Deflate if is_zlib(beginning) => Decoder::Zlib(ZlibDecoder::new(room)),
            Coding::Deflate => Decoder::Bare(DeflateDecoder::new(room)),
            Coding::Brotli => Decoder::Brotli(Box::new(brotli::DecompressorWriter::new(room, PIECE))),
            Coding::Zstd => {
                let mut decoder = zstd::stream::write::Decoder::new(room).ok()?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).ok()?;
                Decoder::Zstd(Box::new(decoder))
            }
            Coding::Snappy => return None,
        };
        Some(Self {
            decoder,
            taken: 0,
            unpacked: 0,
        })
    }

    /// Undoes the coding of the next piece and shows what comes of it, step by step, for as long as
    /// `show` wants more and there is fuel, to which what is unpacked adds.
    ///
    /// # Errors
    /// Where nothing more comes of it.
    pub fn push(
        &mut self,
        piece: &[u8],
        fuel: &Fuel,
        show: &mut dyn FnMut(&Self, &[u8]) -> bool,
    ) -> Result<(), Failed> {
        for step in piece.chunks(STEP) {
            self.taken += step.len();
            let undone = self.decoder.step(step);
            let plain = std::mem::take(&mut self.decoder.room().0);
            self.unpacked += plain.len();
            fuel.grant_unpacked(plain.len(), step.len());
            let is_paid = fuel.spend(plain.len() as u64 * Fuel::UNPACKED + step.len() as u64 * Fuel::CODED);
            let is_bomb = matches!(&undone, Err(error) if error.kind() == io::ErrorKind::FileTooLarge);
            if !is_paid {
                fuel.exhaust();
                return Err(if is_bomb { Failed::Bomb } else { Failed::OutOfFuel });
            }
            let goes_on = show(self, &plain);
            match undone {
                _ if !goes_on => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(Failed::Bomb),
                Err(_) => return Err(Failed::Unsound),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

impl Decoder {
    fn step(&mut self, coded: &[u8]) -> io::Result<()> {
        let writer: &mut dyn Write = match self {
            Self::Gzip(decoder) => decoder,
            Self::Zlib(decoder) => decoder,
            Self::Bare(decoder) => decoder,
            Self::Brotli(decoder) => decoder,
            Self::Zstd(decoder) => decoder,
        };
        writer.write_all(coded)?;
        writer.flush()
    }

    fn room(&mut self) -> &mut Room {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Bare(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }
}

/// Its sizes only: bodies hold what does not belong in a log.
impl fmt::Debug for Unpacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacking")
            .field("taken", &self.taken)
            .field("unpacked", &self.unpacked)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::coding::tests::pack;

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn unpacked(coding: Coding, packed: &[u8], piece: usize) -> (Vec<u8>, Result<(), Failed>) {
        let mut unpacking = Unpacking::new(coding, packed).unwrap();
        let mut plain = Vec::new();
        let ended = packed.chunks(piece).try_for_each(|piece| {
            // enough for what is unpacked here
            let fuel = Fuel::of_body();
            fuel.grant(64 << 20);
            unpacking.push(piece, &fuel, &mut |_, step| {
                plain.extend_from_slice(step);
                true
            })
        });
        assert_eq!(unpacking.unpacked, plain.len());
        (plain, ended)
    }

    #[test]
    fn every_coding_is_undone_piece_by_piece() {
        let text = b"the quick brown fox ".repeat(5000);
        for coding in ALL {
            for piece in [1, 100, 5000] {
                let (plain, ended) = unpacked(coding, &pack(coding, &text), piece);
                assert!(plain == text && ended == Ok(()), "{coding:?} {piece} {ended:?}");
            }
        }
        let members = [pack(Coding::Gzip, b"one, "), pack(Coding::Gzip, b"two")].concat();
        assert_eq!(unpacked(Coding::Gzip, &members, 7), (b"one, two".to_vec(), Ok(())));
        assert!(Unpacking::new(Coding::Snappy, b"").is_none());
    }

    #[test]
    fn what_unpacks_to_too_much_at_once_is_a_bomb_and_what_is_something_else_is_told() {
        for coding in [Coding::Brotli, Coding::Zstd] {
            let (plain, ended) = unpacked(coding, &pack(coding, &vec![b' '; 32 << 20]), 5000);
            assert_eq!(ended, Err(Failed::Bomb), "{coding:?}");
            assert!(plain.len() <= 2 * MOST_OF_STEP, "{coding:?}");
        }
        for coding in ALL {
            let (_, ended) = unpacked(coding, &b"\xff1' OR '1'='1".repeat(100), 5000);
            assert_eq!(ended, Err(Failed::Unsound), "{coding:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 1..2000), piece in 1_usize..900) {
            for coding in ALL {
                let (plain, _) = unpacked(coding, &bytes, piece);
                prop_assert!(plain.len() < 8 * MOST_OF_STEP);
            }
        }
    }
}
