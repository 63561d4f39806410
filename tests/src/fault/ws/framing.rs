//! Frames as bytes (RFC 6455, section 5.2): read from clients, written for servers that may lie.

use bytes::{Buf, Bytes, BytesMut};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte & 0x0f {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }
}

/// A frame of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) last: bool,
    pub(super) masked: bool,
    pub(super) payload: Bytes,
}

/// Takes the next frame off `unread`; `None` where it is not whole yet, an error where it is none.
pub(super) fn take(unread: &mut BytesMut) -> Result<Option<Frame>, NoFrame> {
    let [first, second, rest @ ..] = &**unread else {
        return Ok(None);
    };
    let opcode = Opcode::of(*first).ok_or(NoFrame)?;
    let (last, masked, short) = (first & 0x80 != 0, second & 0x80 != 0, second & 0x7f);
    let (length, length_bytes) = match (short, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
        (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
        (126 | 127, _) => return Ok(None),
        (short, _) => (u64::from(short), 0),
    };
    let length = usize::try_from(length).map_err(|_| NoFrame)?;
    let head: usize = 2 + length_bytes + if masked { 4 } else { 0 };
    if unread.len() < head.checked_add(length).ok_or(NoFrame)? {
        return Ok(None);
    }
    let mut head = unread.split_to(head);
    let mask = if masked {
        head.split_off(2 + length_bytes).get_u32()
    } else {
        0
    };
    let mut payload = unread.split_to(length);
    for (byte, mask) in payload.iter_mut().zip(mask.to_be_bytes().iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Some(Frame {
        opcode,
        last,
        masked,
        payload: payload.freeze(),
    }))
}

/// What came is no frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoFrame;

/// The head of a frame whose payload has this length, or has not.
pub(super) fn head(opcode: Opcode, last: bool, length: u64) -> Vec<u8> {
    let mut head = vec![opcode as u8 | if last { 0x80 } else { 0 }];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => head.push(short),
        (_, Ok(long)) => {
            head.push(126);
            head.extend(long.to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend(length.to_be_bytes());
        }
    }
    head
}

/// A whole frame.
pub(super) fn whole(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut frame = head(opcode, true, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame.into()
}

/// A whole text frame with a mask, as only clients may send.
pub(super) fn masked(text: &str) -> Bytes {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut frame = head(Opcode::Text, true, text.len() as u64);
    if let Some(length) = frame.get_mut(1) {
        *length |= 0x80;
    }
    frame.extend(MASK);
    frame.extend(text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame.into()
}

/// A text in fragments of so many bytes. Without its end, the last fragment says that more follows.
pub(super) fn fragments(text: &[u8], size: usize, with_end: bool) -> Bytes {
    let size = size.max(1);
    let count = text.len().div_ceil(size);
    let pieces = text.chunks(size).enumerate().map(|(n, piece)| {
        let opcode = if n == 0 { Opcode::Text } else { Opcode::Continuation };
        let mut frame = head(opcode, with_end && n + 1 == count, piece.len() as u64);
        frame.extend_from_slice(piece);
        frame
    });
    pieces.flatten().collect()
}

/// A close frame; without a code, an empty one.
pub(super) fn close(code: Option<u16>, reason: &str) -> Bytes {
    let payload = code.map_or_else(Vec::new, |code| [&code.to_be_bytes(), reason.as_bytes()].concat());
    whole(Opcode::Close, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_at_every_length() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            let mut unread = BytesMut::from(&*whole(Opcode::Binary, &payload));
            let missing = unread.split_off(unread.len() - 1);
            assert_eq!(take(&mut unread), Ok(None), "{length} bytes, the last is missing");
            unread.unsplit(missing);
            let frame = take(&mut unread).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.last, frame.masked), (Opcode::Binary, true, false));
            assert_eq!((&*frame.payload, unread.len()), (&*payload, 0));
        }
    }

    #[test]
    fn masks_are_taken_off() {
        let frame = take(&mut BytesMut::from(&*masked("hello"))).unwrap().unwrap();
        assert_eq!((&*frame.payload, frame.masked), (&b"hello"[..], true));
    }

    #[test]
    fn fragments_follow_each_other() {
        let mut unread = BytesMut::from(&*fragments(b"hello", 2, true));
        let frames: Vec<_> = std::iter::from_fn(|| take(&mut unread).unwrap())
            .map(|frame| (frame.opcode, frame.last, frame.payload))
            .collect();
        let expected = [
            (Opcode::Text, false, "he"),
            (Opcode::Continuation, false, "ll"),
            (Opcode::Continuation, true, "o"),
        ];
        assert_eq!(
            frames,
            expected.map(|(opcode, last, text)| (opcode, last, Bytes::from(text)))
        );
    }

    #[test]
    fn an_opcode_that_does_not_exist_is_no_frame() {
        assert_eq!(take(&mut BytesMut::from(&[0x83, 0][..])), Err(NoFrame));
    }
}
