//! actix-http's codec with a cap that holds: it counts a frame only when all of it has come, so that a server could have any
//! amount of memory filled before it is refused.

use actix_codec::{Decoder, Encoder};
use actix_http::ws::{Codec, Frame, Message, ProtocolError};
use bytes::BytesMut;

/// The codec of a client.
pub(crate) struct Bounded {
    codec: Codec,
    max: usize,
}

/// A buffer that grew beyond this for one frame is given back after it.
const KEPT: usize = 64 << 10;

impl Bounded {
    /// Refuses frames of more than `max` bytes.
    pub(crate) const fn new(codec: Codec, max: usize) -> Self {
        Self { codec, max }
    }
}

impl Decoder for Bounded {
    type Item = Frame;
    type Error = ProtocolError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
        let length = announced(source);
        if length.is_some_and(|length| length > self.max as u64) {
            return Err(ProtocolError::Overflow);
        }
        let frame = self.codec.decode(source)?;
        if frame.is_some() && length.is_some_and(|length| length > KEPT as u64) {
            // what is left shares the frame's memory: it would hold all of it for as long as the connection lasts
            *source = BytesMut::from(&source[..]);
        }
        Ok(frame)
    }
}

impl Encoder<Message> for Bounded {
    type Error = ProtocolError;

    fn encode(&mut self, message: Message, target: &mut BytesMut) -> Result<(), ProtocolError> {
        self.codec.encode(message, target)
    }
}

/// The length of the payload that a frame's head announces (RFC 6455, section 5.2), once enough of it has come.
fn announced(source: &[u8]) -> Option<u64> {
    let [_, length, extended @ ..] = source else {
        return None;
    };
    match length & 0x7f {
        126 => extended
            .first_chunk()
            .map(|bytes| u64::from(u16::from_be_bytes(*bytes))),
        127 => extended.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
        length => Some(u64::from(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, ProtocolError> {
        Bounded::new(Codec::new().max_size(1 << 20).client_mode(), 1 << 20).decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_frame_too_long_is_refused_by_its_head() {
        for head in [
            &[0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1][..],
            &[0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(matches!(decode(head), Err(ProtocolError::Overflow)), "{head:?}");
        }
        for head in [&[0x81][..], &[0x81, 127, 0], &[0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]] {
            assert!(matches!(decode(head), Ok(None)), "{head:?}");
        }
    }

    #[test]
    fn what_follows_a_large_frame_does_not_keep_its_memory() {
        let mut source = BytesMut::new();
        source.extend_from_slice(&[0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
        source.resize(10 + (1 << 20), b' ');
        source.extend_from_slice(&[0x81, 2, b'{', b'}', 0x81]);
        let mut codec = Bounded::new(Codec::new().max_size(1 << 20).client_mode(), 1 << 20);
        let large = codec.decode(&mut source).unwrap();
        assert!(matches!(large, Some(Frame::Text(text)) if text.len() == 1 << 20));
        assert!(source.capacity() < KEPT, "{}", source.capacity());
        assert_eq!(codec.decode(&mut source).unwrap(), Some(Frame::Text("{}".into())));
        assert_eq!(source.as_ref(), [0x81]);
    }
}
