//! The pushes of one WebSocket after the other as one stream.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use buckler::transport::{Advice, Push, TransportError};
use futures_core::stream::LocalBoxStream;
use futures_util::{StreamExt, stream};

/// Where the pushes pass. Every clone is the same.
#[derive(Clone, Default)]
pub(super) struct Relay(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    source: Option<LocalBoxStream<'static, Push>>,
    /// The reader knows that the server can push.
    open: bool,
    /// What the reader is still to hear of the source before.
    closed: Option<TransportError>,
    reader: Option<Waker>,
}

impl Relay {
    /// The reader's end.
    pub(super) fn stream(&self) -> LocalBoxStream<'static, Push> {
        let state = Rc::clone(&self.0);
        stream::poll_fn(move |cx| state.borrow_mut().poll(cx).map(Some)).boxed_local()
    }

    /// Passes on what comes from a new WebSocket.
    pub(super) fn attach(&self, source: LocalBoxStream<'static, Push>) {
        self.change(|state| state.source = Some(source));
    }

    /// The WebSocket is given up. What it still had to say is in the reply that polling brings.
    pub(super) fn cut(&self, error: &TransportError) {
        self.change(|state| {
            state.source = None;
            if std::mem::take(&mut state.open) {
                state.closed = Some(softened(error));
            }
        });
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
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Push> {
        if let Some(error) = self.closed.take() {
            return Poll::Ready(Push::Closed(error));
        }
        if let Some(source) = &mut self.source
            && let Poll::Ready(push) = source.poll_next_unpin(cx)
        {
            match push {
                Some(push) => return Poll::Ready(self.pass(push)),
                None => self.source = None,
            }
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn pass(&mut self, push: Push) -> Push {
        match push {
            Push::Open => {
                self.open = true;
                Push::Open
            }
            Push::Said(part) => Push::Said(part),
            Push::Closed(error) => {
                self.open = false;
                Push::Closed(softened(&error))
            }
        }
    }
}

/// The end of a WebSocket is never a reason to wait for long here: polling may carry on, and if not, it says so itself.
fn softened(error: &TransportError) -> TransportError {
    match error.advice() {
        Advice::Retry => error.clone(),
        Advice::Wait(_) | Advice::Extended => TransportError::Unreachable {
            host: "the server's WebSocket".to_owned(),
            reason: error.to_string(),
        },
    }
}
