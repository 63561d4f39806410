//! The task that keeps a connection going: it reads, writes, answers pings and asks for signs of life, none of which waits for
//! another, so that two sides that both write much never block each other.

use std::{
    future::Future,
    mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use actix_http::ws::{CloseCode, CloseReason, Frame, Message, ProtocolError};
use buckler::transport::TransportError;
use buckler_connection::text::Censor;
use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};

use crate::{
    connection::Line,
    heartbeat::{Beat, Heartbeat},
    message::{self, Assembly, End, Said},
    options::Options,
    pace::Silence,
    upgrade::Socket,
};

/// RFC 6455, section 7.1.5: no close frame came.
const ABNORMAL: u16 = 1006;
/// The same: a close frame came without a code.
const NO_CODE: u16 = 1005;

/// The task. Dropped, it takes leave.
pub(crate) struct Pump {
    socket: Socket,
    line: Rc<Line>,
    heartbeat: Heartbeat,
    assembly: Assembly,
    /// The newest ping of the server, until it is answered; older ones need no answer (RFC 6455, section 5.5.3).
    pong: Option<Bytes>,
    ping: bool,
    ended: bool,
    silence: Silence,
    censor: Censor,
    max: usize,
}

impl Pump {
    pub(crate) fn new(socket: Socket, line: Rc<Line>, options: &Options, censor: Censor) -> Self {
        Self {
            socket,
            heartbeat: Heartbeat::new(line.pace.every(), options.ping_timeout),
            line,
            assembly: Assembly::new(options.max_message_bytes),
            pong: None,
            ping: false,
            ended: false,
            silence: Silence::new(),
            censor,
            max: options.max_message_bytes,
        }
    }

    /// Does what can be done now; ready when the connection is over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        while let Poll::Ready(frame) = self.socket.poll_next_unpin(cx) {
            if let Err(end) = self.take(frame) {
                return Poll::Ready(end);
            }
        }
        while let Poll::Ready(beat) = self.heartbeat.poll(cx) {
            match beat {
                Beat::Ping => self.ping = true,
                Beat::Dead => return Poll::Ready(broken("no sign of life")),
            }
        }
        match ready!(self.write(cx)) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(self.failure(&error)),
        }
    }

    fn take(&mut self, frame: Option<Result<Frame, ProtocolError>>) -> Result<(), End> {
        if !matches!(frame, Some(Ok(_))) {
            self.line.pace.cut_after(self.silence.now(), self.silence.longest());
        }
        let frame = frame
            .ok_or_else(|| broken("the connection ended"))?
            .map_err(|error| self.failure(&error))?;
        self.line.count_frame();
        self.silence.broken();
        match frame {
            Frame::Ping(token) => self.pong = Some(token),
            Frame::Pong(_) => {}
            Frame::Close(reason) => return Err(self.closed(reason)),
            content @ (Frame::Text(_) | Frame::Binary(_) | Frame::Continuation(_)) => {
                if let Some(text) = self.assembly.add(content)? {
                    self.hear(&text)?;
                }
            }
        }
        // a message that drips in for ever is no sign of life, nor is what comes between its fragments
        if self.assembly.is_whole() {
            self.heartbeat.heard();
        }
        Ok(())
    }

    fn hear(&self, text: &Bytes) -> Result<(), End> {
        match message::read(text, &self.censor)? {
            Said::Reply(id, reply) => self.line.answer(id, reply),
            Said::Push(part, bytes) => self.line.pushes.said(part, bytes),
        }
        Ok(())
    }

    /// Writes what waits, as far as the socket takes it.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        loop {
            ready!(self.socket.poll_ready_unpin(cx))?;
            let Some(message) = self.next_message() else {
                return self.socket.poll_flush_unpin(cx);
            };
            self.socket.start_send_unpin(message)?;
            self.silence.broken();
        }
    }

    fn next_message(&mut self) -> Option<Message> {
        if let Some(token) = self.pong.take() {
            return Some(Message::Pong(token));
        }
        if mem::take(&mut self.ping) {
            return Some(Message::Ping(Bytes::new()));
        }
        self.line.take_outgoing().map(Message::Text)
    }

    fn closed(&self, reason: Option<CloseReason>) -> End {
        let (code, description) = match reason {
            Some(CloseReason { code, description }) => (code.into(), description.unwrap_or_default()),
            None => (NO_CODE, String::new()),
        };
        End {
            error: TransportError::closed(code, self.censor.line(&description)),
            // the answer that the other side waits for
            code: Some(CloseCode::Normal),
        }
    }

    fn failure(&self, error: &ProtocolError) -> End {
        if let ProtocolError::Io(error) = error {
            return broken(&error.to_string());
        }
        if matches!(error, ProtocolError::Overflow) {
            return message::too_large(self.max);
        }
        End {
            error: TransportError::Malformed(format!("no frame of a WebSocket: {error}")),
            code: Some(CloseCode::Protocol),
        }
    }

    /// Says why the connection ends, if there is room for it at once: nobody is to wait for a goodbye.
    fn leave(&mut self, code: CloseCode) {
        let mut cx = Context::from_waker(Waker::noop());
        let close = Message::Close(Some(code.into()));
        let sent = self.socket.start_send_unpin(close).is_ok()
            && Sink::<Message>::poll_flush(Pin::new(&mut self.socket), &mut cx).is_ready()
            && Sink::<Message>::poll_close(Pin::new(&mut self.socket), &mut cx).is_ready();
        tracing::trace!(sent, "left the WebSocket");
    }
}

fn broken(reason: &str) -> End {
    End {
        error: TransportError::closed(ABNORMAL, reason.to_owned()),
        code: None,
    }
}

impl Future for Pump {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.line.pump.register(cx.waker());
        let End { error, code } = ready!(this.turn(cx));
        this.ended = true;
        if let Some(code) = code {
            this.leave(code);
        }
        this.line.lose(error);
        Poll::Ready(())
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if !self.ended {
            self.leave(CloseCode::Away);
        }
    }
}
