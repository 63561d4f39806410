//! One connection: read a request, do what the script says, and again.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{broadcast, mpsc, oneshot},
    time::sleep,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Answer, Pace, Say, Seen, Step,
    answer::{Body, Framing},
    ws,
};

/// The most a request may have: more is a test gone wrong.
pub(super) const LARGEST_REQUEST: usize = 16 << 20;
/// Bytes of a body that are written at once.
pub(super) const PIECE: usize = 16 << 10;

/// What a connection tells the server.
#[derive(Debug)]
pub(super) enum Event {
    FailedHandshake,
    /// A request, and where to say what becomes of it.
    Request(Seen, oneshot::Sender<Step>),
    Sent(u64),
    /// A connection speaks WebSocket now.
    Upgraded,
    /// One that did is gone.
    Ended,
    Ping,
    Pong,
    /// The client closes, with this code.
    Closed(Option<u16>),
    /// A client's frame had no mask, as it must have.
    Unmasked,
}

/// A client's connection, from its acceptance to its end.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) number: usize,
    pub(super) events: mpsc::UnboundedSender<Event>,
    /// What the test says on all upgraded connections.
    pub(super) orders: broadcast::Sender<Arc<Vec<Say>>>,
}

impl Connection {
    /// Answers requests until the client or the script ends the connection. A broken connection is the client's affair.
    pub(super) async fn serve(self, tcp: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) {
        let Some(config) = tls else {
            let _ended = self.converse(tcp, &Seen::default()).await;
            return;
        };
        match TlsAcceptor::from(config).accept(tcp).await {
            Ok(stream) => {
                let peer = peer(&stream);
                let _ended = self.converse(stream, &peer).await;
            }
            Err(_) => {
                self.tell(Event::FailedHandshake);
            }
        }
    }

    async fn converse<S: Wire>(&self, mut stream: S, peer: &Seen) -> io::Result<()> {
        let mut unread = BytesMut::new();
        while let Some(mut request) = read_request(&mut stream, &mut unread).await? {
            request.connection = self.number;
            request.protocol.clone_from(&peer.protocol);
            request.certificate = peer.certificate;
            match self.ask(request.clone()).await {
                Step::Upgrade(upgrade) => return ws::converse(self, &mut stream, unread, &upgrade, &request).await,
                // only frames are answered with frames
                Step::Say(_) => drain(&mut stream).await,
                Step::Answer(answer) => {
                    if self.answer(&mut stream, &answer).await? == After::Close {
                        return stream.shutdown().await;
                    }
                }
                Step::Hang => drain(&mut stream).await,
                Step::Close => return stream.shutdown().await,
                Step::Reset => return stream.tcp().set_zero_linger(),
            }
        }
        Ok(())
    }

    /// The server may have ended meanwhile.
    pub(super) fn tell(&self, event: Event) {
        let _gone = self.events.send(event);
    }

    pub(super) async fn ask(&self, request: Seen) -> Step {
        let (answer, asked) = oneshot::channel();
        self.tell(Event::Request(request, answer));
        asked.await.unwrap_or(Step::Hang)
    }

    async fn answer<S: Wire>(&self, stream: &mut S, answer: &Answer) -> io::Result<After> {
        let head = answer.head();
        let (head_end, body_end) = match answer.pace {
            Pace::StallInHead(count) | Pace::CutInHead(count) => (count.min(head.len()), 0),
            Pace::StallInBody(count) | Pace::CutInBody(count) | Pace::ResetInBody(count) => (head.len(), count),
            Pace::Whole | Pace::Drip(..) => (head.len(), u64::MAX),
        };
        stream
            .write_all(head.as_bytes().get(..head_end).unwrap_or_default())
            .await?;
        stream.flush().await?;
        self.send_body(stream, answer, body_end.min(answer.body.len())).await?;
        match answer.pace {
            Pace::Whole | Pace::Drip(..) => {}
            Pace::StallInHead(_) | Pace::StallInBody(_) => drain(stream).await,
            Pace::CutInHead(_) | Pace::CutInBody(_) => return Ok(After::Close),
            Pace::ResetInBody(_) => {
                stream.tcp().set_zero_linger()?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        match answer.framing {
            Framing::Chunked => stream.write_all(b"0\r\n\r\n").await?,
            Framing::Length => {}
            Framing::Announced(_) | Framing::ChunkedWithoutEnd | Framing::UntilClose => return Ok(After::Close),
        }
        stream.flush().await?;
        Ok(After::Next)
    }

    /// Sends the first `end` bytes of the body.
    async fn send_body<S: Wire>(&self, stream: &mut S, answer: &Answer, end: u64) -> io::Result<()> {
        let piece = if let Pace::Drip(piece, _) = answer.pace {
            piece.max(1)
        } else {
            PIECE
        };
        let mut sent = 0;
        while sent < end {
            let most = usize::try_from(end.saturating_sub(sent)).unwrap_or(piece).min(piece);
            let bytes = framed(&answer.body, answer.framing, sent, most);
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            sent = sent.saturating_add(most as u64);
            self.tell(Event::Sent(most as u64));
            if let Pace::Drip(_, pause) = answer.pace {
                sleep(pause).await;
            }
        }
        Ok(())
    }
}

/// What follows an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Next,
    Close,
}

fn framed(body: &Body, framing: Framing, start: u64, most: usize) -> Bytes {
    let piece = body.piece(start, most);
    if !matches!(framing, Framing::Chunked | Framing::ChunkedWithoutEnd) {
        return piece;
    }
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(&piece);
    chunk.extend_from_slice(b"\r\n");
    chunk.into()
}

/// Reads until the client gives up, so that its end is noticed.
pub(super) async fn drain<S: Wire>(stream: &mut S) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = stream.read(&mut buffer).await {}
}

/// Reads one request. `None` where the client has ended the connection.
async fn read_request<S: Wire>(stream: &mut S, unread: &mut BytesMut) -> io::Result<Option<Seen>> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break end.saturating_add(4);
        }
        if !read_more(stream, unread).await? {
            return Ok(None);
        }
    };
    let head = unread.split_to(end);
    let mut request = parse_head(&String::from_utf8_lossy(&head));
    let length = request
        .header("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    while unread.len() < length {
        if !read_more(stream, unread).await? {
            return Ok(None);
        }
    }
    request.body = unread.split_to(length).freeze();
    Ok(Some(request))
}

async fn read_more<S: Wire>(stream: &mut S, unread: &mut BytesMut) -> io::Result<bool> {
    if unread.len() > LARGEST_REQUEST {
        return Err(io::Error::other("a request that never ends"));
    }
    Ok(stream.read_buf(unread).await? > 0)
}

fn parse_head(head: &str) -> Seen {
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Seen {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        headers,
        ..Seen::default()
    }
}

/// A stream whose socket can be reached, to reset it.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// What the handshake told of the client.
fn peer(stream: &TlsStream<TcpStream>) -> Seen {
    let (_, tls) = stream.get_ref();
    Seen {
        protocol: tls
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        certificate: tls.peer_certificates().is_some(),
        ..Seen::default()
    }
}
