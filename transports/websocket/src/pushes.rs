//! What the server said unasked, on its way to the conversation.
//!
//! Bounded: a conversation that does not keep up misses pushes, and is told so by one
//! [`PullNow`](buckler::protocol::v2::Flag::PullNow) in their place, so that nothing is lost silently. And in order: a push
//! never overtakes the reply that was sent before it.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use buckler::{
    protocol::v2::{Flag, ServerPart},
    transport::{Push, TransportError},
};
use futures_core::stream::LocalBoxStream;
use futures_util::{StreamExt, stream};

/// The most pushes that wait: some seconds of a server's busiest.
const MOST: usize = 256;

/// The queue. Every clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Pushes(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    waiting: VecDeque<(Push, usize)>,
    /// Bytes of the messages that wait.
    bytes: usize,
    max_bytes: usize,
    open: bool,
    /// Something came for which there was no room, or too early.
    missed: bool,
    /// A reply is on its way: what came after it waits, from this place in the queue on.
    held: Option<usize>,
    ended: bool,
    reader: Option<Waker>,
}

impl Pushes {
    /// A queue that holds messages of at most `max_bytes` together.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            waiting: VecDeque::new(),
            bytes: 0,
            max_bytes,
            open: false,
            missed: false,
            held: None,
            ended: false,
            reader: None,
        })))
    }

    /// The other end.
    pub(crate) fn stream(&self) -> LocalBoxStream<'static, Push> {
        let state = Rc::clone(&self.0);
        stream::poll_fn(move |cx| state.borrow_mut().poll(cx)).boxed_local()
    }

    /// The server can push.
    pub(crate) fn open(&self) {
        self.change(|state| {
            if !state.open {
                state.open = true;
                // before what followed the reply that made it so
                let end = state.waiting.len();
                let place = state.held.map_or(end, |place| place.min(end));
                state.waiting.insert(place, (Push::Open, 0));
            }
        });
    }

    /// The server said something, in a message of so many bytes.
    pub(crate) fn said(&self, part: Box<ServerPart>, bytes: usize) {
        self.change(|state| {
            let full = state.waiting.len() >= MOST || state.bytes.saturating_add(bytes) > state.max_bytes;
            let early = !state.open && state.held.is_none();
            if early || state.missed || full {
                state.missed = true;
            } else {
                state.bytes += bytes;
                state.waiting.push_back((Push::Said(part), bytes));
            }
        });
    }

    /// The server cannot push any more.
    pub(crate) fn closed(&self, error: TransportError) {
        self.change(|state| state.close(error));
    }

    /// A reply is on its way: holds back what comes from now on.
    pub(crate) fn hold(&self) {
        self.change(|state| state.held = Some(state.waiting.len()));
    }

    /// The reply was taken. If it did not open the way for pushes, what followed it came too early.
    pub(crate) fn release(&self) {
        self.change(State::release);
    }

    /// Nothing will come any more.
    pub(crate) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let reader = {
            let mut state = self.0.borrow_mut();
            change(&mut state);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl State {
    fn release(&mut self) {
        let Some(place) = self.held.take() else {
            return;
        };
        if !self.open
            && self
                .waiting
                .iter()
                .skip(place)
                .all(|(push, _)| matches!(push, Push::Said(_)))
        {
            self.missed |= self.waiting.len() > place;
            self.waiting.truncate(place);
            self.count_bytes();
        }
    }

    fn count_bytes(&mut self) {
        self.bytes = self.waiting.iter().map(|(_, bytes)| bytes).sum();
    }

    fn close(&mut self, error: TransportError) {
        self.missed = false;
        if !std::mem::take(&mut self.open) {
            return;
        }
        // in a queue that nobody reads, an opening that nobody heard of and its end cancel out
        let unread = self.waiting.len() >= MOST;
        let opening = self.waiting.iter().position(|(push, _)| *push == Push::Open);
        match opening.filter(|_| unread) {
            Some(opening) => self.waiting.truncate(opening),
            None => self.waiting.push_back((Push::Closed(error), 0)),
        }
        self.count_bytes();
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Push>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.held.is_none() {
            if let Some((push, bytes)) = self.waiting.pop_front() {
                self.bytes -= bytes;
                return Poll::Ready(Some(push));
            }
            if self.open && std::mem::take(&mut self.missed) {
                return Poll::Ready(Some(pull_now()));
            }
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn pull_now() -> Push {
    Push::Said(Box::new(ServerPart {
        flags: vec![Flag::PullNow],
        ..ServerPart::default()
    }))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn part(number: u64) -> Box<ServerPart> {
        Box::new(ServerPart {
            server_ms: number,
            ..ServerPart::default()
        })
    }

    fn lost() -> TransportError {
        TransportError::Closed {
            code: 1006,
            reason: String::new(),
        }
    }

    /// What can be read now.
    fn read(stream: &mut LocalBoxStream<'static, Push>) -> Vec<Push> {
        std::iter::from_fn(|| stream.next().now_or_never().flatten()).collect()
    }

    #[test]
    fn what_comes_is_passed_on_in_order() {
        let pushes = Pushes::new(100);
        let mut stream = pushes.stream();
        pushes.open();
        pushes.open();
        pushes.said(part(1), 10);
        assert_eq!(read(&mut stream), [Push::Open, Push::Said(part(1))]);
        pushes.said(part(2), 10);
        pushes.closed(lost());
        pushes.closed(lost());
        assert_eq!(read(&mut stream), [Push::Said(part(2)), Push::Closed(lost())]);
        pushes.end();
        assert_eq!(stream.next().now_or_never(), Some(None));
    }

    #[test]
    fn what_comes_too_early_is_asked_for_once_the_server_can_push() {
        let pushes = Pushes::new(100);
        let mut stream = pushes.stream();
        pushes.said(part(1), 10);
        pushes.said(part(2), 10);
        assert_eq!(read(&mut stream), []);
        pushes.open();
        assert_eq!(read(&mut stream), [Push::Open, pull_now()]);
        pushes.said(part(3), 10);
        assert_eq!(read(&mut stream), [Push::Said(part(3))]);
    }

    #[test]
    fn a_reader_that_does_not_keep_up_is_told_to_pull() {
        for (bytes, fit) in [(1, MOST - 1), (400, 2)] {
            let pushes = Pushes::new(1000);
            let mut stream = pushes.stream();
            pushes.open();
            for number in 0..1000 {
                pushes.said(part(number), bytes);
            }
            let mut expected = vec![Push::Open];
            expected.extend((0..fit as u64).map(|number| Push::Said(part(number))));
            expected.push(pull_now());
            assert_eq!(read(&mut stream), expected);
            pushes.said(part(7), bytes);
            assert_eq!(read(&mut stream), [Push::Said(part(7))]);
        }
    }

    #[test]
    fn a_push_never_overtakes_a_reply() {
        let pushes = Pushes::new(100);
        let mut stream = pushes.stream();
        pushes.hold();
        pushes.said(part(1), 10);
        pushes.open();
        pushes.said(part(2), 10);
        assert_eq!(read(&mut stream), []);
        pushes.release();
        assert_eq!(
            read(&mut stream),
            [Push::Open, Push::Said(part(1)), Push::Said(part(2))]
        );
    }

    #[test]
    fn what_follows_a_reply_that_is_no_success_came_too_early() {
        let pushes = Pushes::new(100);
        let mut stream = pushes.stream();
        pushes.hold();
        pushes.said(part(1), 10);
        pushes.release();
        assert_eq!(read(&mut stream), []);
        pushes.open();
        assert_eq!(read(&mut stream), [Push::Open, pull_now()]);
    }

    #[test]
    fn a_loss_right_behind_the_first_reply_is_told_after_what_was_said() {
        let pushes = Pushes::new(100);
        let mut stream = pushes.stream();
        pushes.hold();
        pushes.said(part(1), 10);
        pushes.closed(lost());
        pushes.open();
        pushes.closed(lost());
        pushes.release();
        assert_eq!(
            read(&mut stream),
            [Push::Open, Push::Said(part(1)), Push::Closed(lost())]
        );
    }

    #[test]
    fn a_queue_that_nobody_reads_stays_short() {
        let pushes = Pushes::new(100);
        for _ in 0..1000 {
            pushes.open();
            pushes.said(part(1), 10);
            pushes.closed(lost());
        }
        assert!(pushes.0.borrow().waiting.len() <= MOST + 2);
        let mut stream = pushes.stream();
        read(&mut stream);
        assert_eq!(pushes.0.borrow().bytes, 0);
        pushes.open();
        pushes.closed(lost());
        assert_eq!(read(&mut stream), [Push::Open, Push::Closed(lost())]);
    }
}
