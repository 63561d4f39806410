//! A cap on frames and messages that holds before they are read: the codec reads a frame as a
//! whole, however long it says it is, and looks at its length only then. What comes is on the
//! account of the connection's key, and has to come in time.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    error::PayloadError,
    web::{Bytes, Payload},
};
use futures_util::{FutureExt, Stream};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::bodies::{Room, deadline};

/// The longest head of a frame, in bytes: two, a length of eight, and a mask of four (RFC 6455, section 5.2).
const LONGEST_HEAD: usize = 14;

/// Set in the last frame of a message (RFC 6455, section 5.2).
const FIN: u8 = 0x80;

/// The stream of a WebSocket, which ends with an error where a frame or a message exceeds a cap,
/// comes too slowly, or finds no room.
pub(super) struct Capped {
    payload: Payload,
    gauge: Gauge,
    /// For the message that is being read.
    room: Room,
    /// Since when a message is being read, and until when more of it has to come.
    begun: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Capped {
    pub(super) const fn new(payload: Payload, cap: usize, room: Room) -> Self {
        Self {
            payload,
            gauge: Gauge::new(cap as u64),
            room,
            begun: None,
        }
    }

    /// Takes what came.
    fn take(&mut self, bytes: &[u8]) -> Result<(), PayloadError> {
        let completed = self.gauge.completed;
        if self.gauge.exceeds(bytes) {
            return Err(PayloadError::Overflow);
        }
        if self.gauge.completed != completed {
            // what comes from here on is of another message
            self.begun = None;
        }
        let came = self.gauge.came_of_message();
        if self.room.hold(came).is_err() {
            return Err(PayloadError::Io(io::ErrorKind::OutOfMemory.into()));
        }
        if !self.gauge.is_within_message() {
            self.begun = None;
        } else if let Some((begun, until)) = &mut self.begun {
            until.as_mut().reset(deadline(*begun, came));
        } else {
            let begun = Instant::now();
            self.begun = Some((begun, Box::pin(sleep_until(deadline(begun, came)))));
        }
        Ok(())
    }
}

impl Stream for Capped {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !this.gauge.is_within_message() {
            // what was read is on its connection's account from here on; less room is never refused
            let _ = this.room.hold(0);
        }
        match Pin::new(&mut this.payload).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(this.take(&bytes).map(|()| bytes))),
            Poll::Pending => match &mut this.begun {
                Some((_, until)) => until
                    .poll_unpin(context)
                    .map(|()| Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into())))),
                None => Poll::Pending,
            },
            ended @ Poll::Ready(_) => ended,
        }
    }
}

/// Follows frames from head to head without looking at what is in them.
#[derive(Debug)]
struct Gauge {
    cap: u64,
    head: [u8; LONGEST_HEAD],
    /// Bytes of the head that came.
    came: usize,
    /// Bytes of the frame that are still to come after its head.
    left: u64,
    /// Bytes of the message so far, over all of its frames, as their heads say.
    message: u64,
    /// Whether frames of the message are still to come.
    goes_on: bool,
    /// Whether a message has begun that is not complete.
    is_open: bool,
    /// How many messages were complete.
    completed: u64,
}

impl Gauge {
    const fn new(cap: u64) -> Self {
        Self {
            cap,
            head: [0; LONGEST_HEAD],
            came: 0,
            left: 0,
            message: 0,
            goes_on: false,
            is_open: false,
            completed: 0,
        }
    }

    /// Whether a frame or a message has begun and is not over.
    const fn is_within_message(&self) -> bool {
        self.came > 0 || self.left > 0 || self.goes_on
    }

    /// How much came of the message that is being read, or was read last.
    fn came_of_message(&self) -> usize {
        usize::try_from(self.message.saturating_sub(self.left)).unwrap_or(usize::MAX)
    }

    /// Takes what came, and says whether something in it is too large.
    fn exceeds(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= skipped as u64;
            if self.is_open && self.left == 0 && self.came == 0 && !self.goes_on {
                self.is_open = false;
                self.completed += 1;
            }
            let Some((first, rest)) = bytes.get(skipped..).and_then(<[u8]>::split_first) else {
                return false;
            };
            bytes = rest;
            if let Some(next) = self.head.get_mut(self.came) {
                *next = *first;
                self.came += 1;
            }
            if self.came == self.head_length() {
                self.came = 0;
                if self.begin_frame() {
                    return true;
                }
            }
        }
    }

    /// How long this frame's head is, as far as one can tell from what came of it.
    fn head_length(&self) -> usize {
        let second = if self.came < 2 { 0 } else { self.head[1] };
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        2 + length + mask
    }

    fn begin_frame(&mut self) -> bool {
        let [first, second, a, b, c, d, e, f, g, h, ..] = self.head;
        self.left = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        };
        match first & 0x0f {
            // control frames come between those of a message (RFC 6455, section 5.5)
            8.. => return self.left > self.cap,
            0 => self.message = self.message.saturating_add(self.left),
            _ => self.message = self.left,
        }
        self.goes_on = first & FIN == 0;
        self.is_open = true;
        self.message > self.cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTINUATION: u8 = 0;
    const TEXT: u8 = 1;
    const PING: u8 = 9;

    fn frame(opcode: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![opcode];
        match u16::try_from(length) {
            Ok(short) if short < 126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            Ok(medium) => {
                frame.push(0x80 | 126);
                frame.extend(medium.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([7; 4]);
        frame.extend(vec![0xff; length]);
        frame
    }

    /// How many bytes were read when the gauge said that it is too much, whatever pieces they came in.
    fn read(cap: u64, bytes: &[u8]) -> Option<usize> {
        let stopped = |piece: usize| {
            let mut gauge = Gauge::new(cap);
            let mut read = 0;
            bytes.chunks(piece).find_map(|bytes| {
                read += bytes.len();
                gauge.exceeds(bytes).then_some(read)
            })
        };
        assert_eq!(stopped(7).is_some(), stopped(1).is_some());
        assert_eq!(stopped(bytes.len()).is_some(), stopped(1).is_some());
        stopped(1)
    }

    #[test]
    fn frames_up_to_the_cap_pass() {
        let sizes = [0, 1, 125, 126, 65_535, 65_536, 70_000];
        let bytes: Vec<u8> = sizes.iter().flat_map(|size| frame(TEXT, *size)).collect();
        assert_eq!(read(70_000, &bytes), None);
        assert!(read(69_999, &bytes).is_some());
    }

    #[test]
    fn a_frame_that_is_too_long_is_known_by_its_head() {
        assert_eq!(read(100, &frame(TEXT, 1_000)), Some(8));
        assert_eq!(
            read(
                100,
                &[TEXT, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]
            ),
            Some(14)
        );
        assert_eq!(read(100, &frame(PING, 101)), Some(6));
    }

    #[test]
    fn a_message_is_over_with_its_last_frame_whatever_comes_in_between() {
        let mut gauge = Gauge::new(1_000);
        let mut after = |bytes: &[u8]| {
            assert!(!gauge.exceeds(bytes));
            (gauge.is_within_message(), gauge.came_of_message())
        };
        let begin = frame(TEXT, 100);
        assert_eq!(after(&begin[..1]), (true, 0), "half a head");
        assert_eq!(after(&begin[1..66]), (true, 60));
        assert_eq!(after(&begin[66..]), (true, 100));
        assert!(after(&frame(FIN | PING, 8)).0, "no part of it");
        assert_eq!(after(&frame(FIN | CONTINUATION, 50)), (false, 150));
        assert_eq!(after(&frame(FIN | TEXT, 20)), (false, 20));
    }

    #[test]
    fn a_chunk_that_ends_one_message_and_begins_another_completes_the_first() {
        let mut gauge = Gauge::new(1_000);
        let mut completed = |bytes: &[u8]| {
            assert!(!gauge.exceeds(bytes));
            gauge.completed
        };
        let (first, second) = (frame(FIN | TEXT, 100), frame(TEXT, 50));
        assert_eq!(completed(&first[..40]), 0);
        assert_eq!(completed(&[&first[40..], &second[..20]].concat()), 1);
        assert_eq!(completed(&second[20..]), 1, "frames of it are still to come");
        assert_eq!(completed(&frame(FIN | PING, 3)), 1, "no part of it");
        assert_eq!(completed(&frame(FIN | CONTINUATION, 0)), 2);
    }

    #[test]
    fn the_frames_of_a_message_count_together_and_pings_between_them_do_not() {
        let parts = [
            frame(TEXT, 60),
            frame(PING, 50),
            frame(CONTINUATION, 40),
            frame(TEXT, 100),
        ]
        .concat();
        assert_eq!(read(100, &parts), None);
        let parts = [frame(TEXT, 60), frame(CONTINUATION, 41)].concat();
        assert_eq!(read(100, &parts), Some(6 + 60 + 6));
    }
}
