//! Decompression with a cap: a bomb is stopped at the cap, whatever it would unpack to.
//!
//! awc's own decompression unpacks each chunk as a whole before anyone can count, so it stays off: a chunk of 64 KiB holds up
//! to 64 MiB in gzip and far more in Brotli or Zstandard. Here a piece is unpacked, counted and kept or refused.

use std::io::{self, BufRead, Read};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

/// What is asked for: the best first.
pub(crate) const ACCEPTED: &str = "zstd, br, gzip";

/// Bytes unpacked between two looks at the cap.
const PIECE: usize = 16 << 10;
/// The largest window a Zstandard frame may ask for, as a power of two: the 8 MiB that RFC 9659 sets for HTTP.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Why a body cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("more than {0} bytes")]
    TooLarge(usize),
    #[error("{0}")]
    Corrupt(#[from] io::Error),
}

impl Coding {
    /// Reads a `Content-Encoding`. `None` for one that was not asked for, or for several on top of each other.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _other => None,
        }
    }

    /// Unpacks `wire` into at most `cap` bytes.
    ///
    /// # Errors
    /// Where it unpacks to more, is corrupt, or ends before its end.
    pub(crate) fn unpack(self, wire: Vec<u8>, cap: usize) -> Result<Vec<u8>, DecodeError> {
        match self {
            Self::Identity if wire.len() > cap => Err(DecodeError::TooLarge(cap)),
            Self::Identity => Ok(wire),
            Self::Gzip | Self::Brotli | Self::Zstd => bounded(&mut *self.reader(wire.as_slice())?, cap),
        }
    }

    fn reader<'a>(self, wire: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Identity => Box::new(wire),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(wire)),
            Self::Brotli => Box::new(brotli::Decompressor::new(wire, PIECE)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(wire)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}

fn bounded(reader: &mut dyn Read, cap: usize) -> Result<Vec<u8>, DecodeError> {
    let mut piece = vec![0; PIECE];
    let mut unpacked = Vec::new();
    loop {
        let count = reader.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            return Ok(unpacked);
        };
        if unpacked.len().saturating_add(count) > cap {
            return Err(DecodeError::TooLarge(cap));
        }
        unpacked.extend_from_slice(read);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io::Write};

    use super::*;

    const PACKED: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];

    fn pack(coding: Coding, plain: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Identity => plain.to_vec(),
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
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
        }
    }

    /// Counts what a decoder took of its input.
    struct Counting<'a> {
        input: &'a [u8],
        taken: &'a Cell<usize>,
    }

    impl Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.fill_buf()?.read(buffer)?;
            self.consume(count);
            Ok(count)
        }
    }

    impl BufRead for Counting<'_> {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            Ok(&self.input[..self.input.len().min(512)])
        }

        fn consume(&mut self, amount: usize) {
            self.input = &self.input[amount..];
            self.taken.set(self.taken.get() + amount);
        }
    }

    #[test]
    fn every_coding_that_is_asked_for_is_understood() {
        let plain = br#"{"status": true}"#.repeat(5000);
        for coding in PACKED {
            assert_eq!(
                coding.unpack(pack(coding, &plain), plain.len()).unwrap(),
                plain,
                "{coding:?}"
            );
        }
        for name in ACCEPTED.split(", ") {
            assert!(Coding::parse(name).is_some(), "{name}");
        }
        assert_eq!(Coding::parse("X-GZIP "), Some(Coding::Gzip));
        assert_eq!([Coding::parse("deflate"), Coding::parse("gzip, br")], [None, None]);
    }

    #[test]
    fn one_byte_more_than_the_cap_is_too_much() {
        let plain = vec![b' '; 100_000];
        for coding in [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            assert!(coding.unpack(pack(coding, &plain), 100_000).is_ok(), "{coding:?}");
            let error = coding.unpack(pack(coding, &plain), 99_999).unwrap_err();
            assert!(matches!(error, DecodeError::TooLarge(99_999)), "{coding:?}: {error}");
        }
    }

    #[test]
    fn a_truncated_body_is_an_error() {
        let plain = br#"{"status": true}"#.repeat(5000);
        for coding in PACKED {
            let mut packed = pack(coding, &plain);
            packed.pop();
            assert!(
                matches!(coding.unpack(packed, 1 << 20), Err(DecodeError::Corrupt(_))),
                "{coding:?}"
            );
        }
    }

    #[test]
    fn garbage_is_an_error() {
        for coding in PACKED {
            let error = coding.unpack(b"<html>this is not compressed at all</html>".to_vec(), 1 << 20);
            assert!(matches!(error, Err(DecodeError::Corrupt(_))), "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_cap_before_its_input_is_used_up() {
        const CAP: usize = 64 << 10;
        // gzip and Zstandard close blocks along the way; Brotli packs 64 MiB of zeros into one command, and unpacks by the piece
        for coding in [Coding::Gzip, Coding::Zstd] {
            let bomb = pack(coding, &vec![0; 64 << 20]);
            let taken = Cell::new(0);
            let mut reader = coding
                .reader(Counting {
                    input: &bomb,
                    taken: &taken,
                })
                .unwrap();
            assert!(
                matches!(bounded(&mut *reader, CAP), Err(DecodeError::TooLarge(CAP))),
                "{coding:?}"
            );
            assert!(
                taken.get() < bomb.len() / 2,
                "{coding:?}: took {} of {}",
                taken.get(),
                bomb.len()
            );
        }
    }

    #[test]
    fn a_window_beyond_what_http_allows_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![0; 32 << 20]).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(matches!(
            Coding::Zstd.unpack(packed, 64 << 20),
            Err(DecodeError::Corrupt(_))
        ));
    }
}
