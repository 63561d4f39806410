//! The transport's end of a connection: one exchange at a time, whose reply the [`Pump`] brings.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use actix_rt::task::JoinHandle;
use buckler::{
    protocol::frame::{AgentFrame, AgentMessage},
    transport::TransportError,
};
use buckler_connection::{reply::Reply, text::Censor};
use bytestring::ByteString;
use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;

use crate::{options::Options, pace::Pace, pump::Pump, pushes::Pushes, upgrade::Socket};

/// A connection that stands, or stood. It is closed when this is dropped.
pub(crate) struct Connection {
    line: Rc<Line>,
    pump: JoinHandle<()>,
    last_id: Cell<u64>,
}

/// What the two ends of a connection share.
pub(crate) struct Line {
    /// The exchange under way.
    waiting: RefCell<Option<Waiting>>,
    /// Its message, until the socket takes it.
    outgoing: RefCell<Option<ByteString>>,
    /// Frames that came over all connections of the transport.
    heard: Rc<Cell<u64>>,
    /// An exchange has succeeded: the server knows whom it pushes to.
    confirmed: Cell<bool>,
    lost: RefCell<Option<TransportError>>,
    pub(crate) pump: AtomicWaker,
    pub(crate) pace: Pace,
    pub(crate) pushes: Pushes,
}

struct Waiting {
    id: u64,
    answer: oneshot::Sender<Result<Reply, TransportError>>,
}

impl Connection {
    /// Keeps a socket going from now on, on the local runtime.
    pub(crate) fn start(
        socket: Socket,
        options: &Options,
        censor: Censor,
        pushes: &Pushes,
        heard: &Rc<Cell<u64>>,
        pace: &Pace,
    ) -> Self {
        let line = Rc::new(Line {
            waiting: RefCell::default(),
            outgoing: RefCell::default(),
            heard: Rc::clone(heard),
            confirmed: Cell::default(),
            lost: RefCell::default(),
            pump: AtomicWaker::new(),
            pace: pace.clone(),
            pushes: pushes.clone(),
        });
        let pump = actix_rt::spawn(Pump::new(socket, Rc::clone(&line), options, censor));
        Self {
            line,
            pump,
            last_id: Cell::default(),
        }
    }

    /// Whether it can still be used.
    pub(crate) fn stands(&self) -> bool {
        self.line.lost.borrow().is_none()
    }

    /// Sends a message, waits for the reply to it, and reads that. May be dropped: what then comes late means nothing.
    ///
    /// # Errors
    /// Why the connection was lost meanwhile, and what the reading finds wrong.
    pub(crate) async fn ask<T>(
        &self,
        message: AgentMessage,
        read: impl FnOnce(&Reply) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        let id = self.last_id.get().saturating_add(1);
        self.last_id.set(id);
        let text = serde_json::to_string(&AgentFrame { id, message })
            .map_err(|_| TransportError::Unusable("a message cannot be written as JSON".to_owned()))?;
        let (answer, answered) = oneshot::channel();
        let _exchange = self.line.begin(Waiting { id, answer }, text.into());
        match answered.await {
            Ok(Ok(reply)) => {
                let answer = read(&reply)?;
                self.confirm();
                Ok(answer)
            }
            Ok(Err(error)) => {
                // lets whoever reads the pushes hear first that they have ended: this failure is then known to be the same
                tokio::task::yield_now().await;
                Err(error)
            }
            Err(_) => Err(TransportError::Unusable("two exchanges at once".to_owned())),
        }
    }

    /// An exchange has succeeded. The connection may have been lost right behind the reply, and that is told too.
    fn confirm(&self) {
        if self.line.confirmed.replace(true) {
            return;
        }
        self.line.pushes.open();
        if let Some(error) = self.line.lost.borrow().clone() {
            self.line.pushes.closed(error);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// An exchange under way; dropped, it is over, however it ended.
struct Exchange<'a> {
    line: &'a Line,
    id: u64,
}

impl Line {
    fn begin(&self, waiting: Waiting, text: ByteString) -> Exchange<'_> {
        let id = waiting.id;
        *self.waiting.borrow_mut() = Some(waiting);
        *self.outgoing.borrow_mut() = Some(text);
        self.pump.wake();
        Exchange { line: self, id }
    }

    /// The message that waits to be sent.
    pub(crate) fn take_outgoing(&self) -> Option<ByteString> {
        self.outgoing.borrow_mut().take()
    }

    /// A frame came.
    pub(crate) fn count_frame(&self) {
        self.heard.set(self.heard.get().saturating_add(1));
    }

    /// A reply came. One that nobody waits for is late, and means nothing.
    pub(crate) fn answer(&self, id: u64, reply: Reply) {
        let mut slot = self.waiting.borrow_mut();
        let Some(waiting) = slot.take_if(|waiting| waiting.id == id) else {
            tracing::debug!(id, "a late reply");
            return;
        };
        self.pushes.hold();
        if waiting.answer.send(Ok(reply)).is_err() {
            self.pushes.release();
        }
    }

    /// The connection is over.
    pub(crate) fn lose(&self, error: TransportError) {
        *self.lost.borrow_mut() = Some(error.clone());
        self.pushes.closed(error.clone());
        if let Some(waiting) = self.waiting.borrow_mut().take() {
            // who gave up on the exchange need not know
            waiting.answer.send(Err(error)).unwrap_or_default();
        }
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let mut waiting = self.line.waiting.borrow_mut();
        match waiting.as_ref() {
            Some(other) if other.id != self.id => return,
            Some(_unanswered) => {
                *waiting = None;
                *self.line.outgoing.borrow_mut() = None;
            }
            None => {}
        }
        self.line.pushes.release();
    }
}
