//! A connection after its upgrade: frames are asked about like requests, and what the test or the script says is said.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::broadcast::{Receiver, error::RecvError},
    time::sleep,
};

use super::{
    Say, Upgrade,
    framing::{self, Frame, Opcode},
    spoken::{Outgoing, Then},
};
use crate::fault::{
    Seen, Step,
    connection::{Connection, Event, LARGEST_REQUEST, PIECE, Wire, drain},
};

/// Accepts the upgrade and goes on until either side ends the connection.
pub(in crate::fault) async fn converse<S: Wire>(
    connection: &Connection,
    stream: &mut S,
    unread: BytesMut,
    upgrade: &Upgrade,
    request: &Seen,
) -> io::Result<()> {
    let orders = connection.orders.subscribe();
    stream.write_all(upgrade.head(request).as_bytes()).await?;
    stream.flush().await?;
    connection.tell(Event::Upgraded);
    let _open = Open(connection);
    let mut talk = Talk {
        connection,
        stream,
        unread,
        message: BytesMut::new(),
        id: 0,
        answers_pings: true,
        closing: false,
    };
    let mut then = talk.say_all(&upgrade.first).await?;
    if then == Then::Next {
        then = talk.listen(orders).await?;
    }
    match then {
        Then::Next | Then::End => stream.shutdown().await,
        Then::Reset => stream.tcp().set_zero_linger(),
        Then::Vanish => std::future::pending().await,
    }
}

/// An upgraded connection that is counted as long as it is open.
struct Open<'a>(&'a Connection);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.tell(Event::Ended);
    }
}

struct Talk<'a, S> {
    connection: &'a Connection,
    stream: &'a mut S,
    unread: BytesMut,
    /// Fragments of a message whose end has not come.
    message: BytesMut,
    /// Of the frame at hand.
    id: u64,
    answers_pings: bool,
    /// We have said that we close.
    closing: bool,
}

impl<S: Wire> Talk<'_, S> {
    /// Handles frames and orders until the connection ends.
    async fn listen(&mut self, mut orders: Receiver<Arc<Vec<Say>>>) -> io::Result<Then> {
        loop {
            while let Some(frame) = framing::take(&mut self.unread).map_err(|_| io::ErrorKind::InvalidData)? {
                let then = self.heard(frame).await?;
                if then != Then::Next {
                    return Ok(then);
                }
            }
            if self.unread.len() > LARGEST_REQUEST {
                return Err(io::Error::other("a frame that never ends"));
            }
            let then = tokio::select! {
                read = self.stream.read_buf(&mut self.unread) => if read? == 0 { Then::End } else { Then::Next },
                order = orders.recv() => match order {
                    Ok(order) => self.say_all(&order).await?,
                    Err(RecvError::Lagged(_)) => Then::Next,
                    // the server ends
                    Err(RecvError::Closed) => Then::End,
                },
            };
            if then != Then::Next {
                return Ok(then);
            }
        }
    }

    async fn heard(&mut self, frame: Frame) -> io::Result<Then> {
        if !frame.masked {
            self.connection.tell(Event::Unmasked);
        }
        match frame.opcode {
            Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                self.message.extend_from_slice(&frame.payload);
                if !frame.last {
                    return Ok(Then::Next);
                }
                let message = std::mem::take(&mut self.message).freeze();
                self.asked(message).await
            }
            Opcode::Ping => {
                self.connection.tell(Event::Ping);
                if self.answers_pings {
                    self.send(Outgoing::bytes(framing::whole(Opcode::Pong, &frame.payload)))
                        .await?;
                }
                Ok(Then::Next)
            }
            Opcode::Pong => {
                self.connection.tell(Event::Pong);
                Ok(Then::Next)
            }
            Opcode::Close => {
                let code = frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                self.connection.tell(Event::Closed(code));
                if !self.closing {
                    self.send(Outgoing::bytes(framing::close(code, ""))).await?;
                }
                Ok(Then::End)
            }
        }
    }

    /// Asks the script what becomes of a message.
    async fn asked(&mut self, message: Bytes) -> io::Result<Then> {
        let seen = as_request(&message, self.connection.number);
        self.id = seen.id.unwrap_or_default();
        match self.connection.ask(seen).await {
            Step::Answer(answer) => self.say(&Say::Reply(answer)).await,
            Step::Say(said) => self.say_all(&said).await,
            Step::Hang | Step::Upgrade(_) => Ok(Then::Next),
            Step::Close => Ok(Then::End),
            Step::Reset => Ok(Then::Reset),
        }
    }

    async fn say_all(&mut self, all: &[Say]) -> io::Result<Then> {
        for one in all {
            let then = self.say(one).await?;
            if then != Then::Next {
                return Ok(then);
            }
        }
        Ok(Then::Next)
    }

    async fn say(&mut self, said: &Say) -> io::Result<Then> {
        let out = match said {
            Say::Reply(answer) => Outgoing::reply(self.id, answer),
            Say::ReplyTo(id, answer) => Outgoing::reply(*id, answer),
            Say::Push(part) => Outgoing::bytes(framing::whole(Opcode::Text, format!("{{\"v2\":{part}}}").as_bytes())),
            Say::Text(text) => Outgoing::bytes(framing::whole(Opcode::Text, text.as_bytes())),
            Say::Binary(bytes) => Outgoing::bytes(framing::whole(Opcode::Binary, bytes)),
            Say::Fragments(text, size) => Outgoing::bytes(framing::fragments(text.as_bytes(), *size, true)),
            Say::Masked(text) => Outgoing::bytes(framing::masked(text)),
            Say::Raw(bytes) => Outgoing::bytes(bytes.clone()),
            Say::Announcing(length, bytes) => {
                let mut frame = framing::head(Opcode::Text, true, *length);
                frame.extend_from_slice(bytes);
                Outgoing::bytes(frame)
            }
            Say::Ping(bytes) => Outgoing::bytes(framing::whole(Opcode::Ping, bytes)),
            Say::Pong(bytes) => Outgoing::bytes(framing::whole(Opcode::Pong, bytes)),
            Say::Close(code, reason) => {
                self.closing = true;
                Outgoing::bytes(framing::close(*code, reason))
            }
            Say::Wait(pause) => {
                sleep(*pause).await;
                return Ok(Then::Next);
            }
            Say::IgnorePings => {
                self.answers_pings = false;
                return Ok(Then::Next);
            }
            Say::Vanish => return Ok(Then::Vanish),
            Say::End => return Ok(Then::End),
            Say::Reset => return Ok(Then::Reset),
        };
        self.send(out).await
    }

    async fn send(&mut self, out: Outgoing) -> io::Result<Then> {
        let size = out.drip.map_or(PIECE, |(size, _)| size);
        let mut sent = 0;
        while sent < out.end {
            let most = usize::try_from(out.end - sent).unwrap_or(size).min(size);
            let piece = out.piece(sent, most);
            self.stream.write_all(&piece).await?;
            self.stream.flush().await?;
            sent = sent.saturating_add(piece.len() as u64);
            self.connection.tell(Event::Sent(piece.len() as u64));
            if let Some((_, pause)) = out.drip {
                sleep(pause).await;
            }
        }
        if out.then == Then::Vanish {
            // what the client sends is taken, and its end noticed
            drain(self.stream).await;
            return Ok(Then::End);
        }
        Ok(out.then)
    }
}

/// A message as the request that would carry it over HTTP: `{"id": 7, "beacon": {…}}` is a beacon to `/beacon`.
fn as_request(message: &Bytes, connection: usize) -> Seen {
    let mut seen = Seen {
        method: "FRAME".to_owned(),
        connection,
        body: message.clone(),
        ..Seen::default()
    };
    let parsed: Value = serde_json::from_slice(message).unwrap_or_default();
    seen.id = parsed.get("id").and_then(Value::as_u64);
    for (name, path) in [("register", "/config"), ("beacon", "/beacon")] {
        if let Some(inner) = parsed.get(name) {
            path.clone_into(&mut seen.path);
            seen.body = inner.to_string().into();
        }
    }
    seen
}
