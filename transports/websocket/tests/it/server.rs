//! A server that does with each connection what a test says, in a thread of its own: HTTP up to the upgrade, then frames.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// Longer than anything here takes, even on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A server, and what its script gave back for each connection.
pub(crate) struct Server<T> {
    address: SocketAddr,
    outcomes: std::sync::mpsc::Receiver<T>,
}

impl<T: Send + 'static> Server<T> {
    /// Lets `script` have every connection, with its number.
    pub(crate) fn start(script: impl Fn(&mut Peer, usize) -> T + Send + Sync + 'static) -> Self {
        Self::listen(None, script)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(
        config: ServerConfig,
        script: impl Fn(&mut Peer, usize) -> T + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(Arc::new(config)), script)
    }

    fn listen(tls: Option<Arc<ServerConfig>>, script: impl Fn(&mut Peer, usize) -> T + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, outcomes) = std::sync::mpsc::channel();
        let script = Arc::new(script);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (stream, tls, send, script) = (stream.unwrap(), tls.clone(), send.clone(), Arc::clone(&script));
                thread::spawn(move || {
                    let mut peer = Peer::new(stream, tls);
                    // a test that has seen enough is gone
                    drop(send.send(script(&mut peer, number)));
                });
            }
        });
        Self { address, outcomes }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the script gave back, once it ends.
    #[track_caller]
    pub(crate) fn outcome(&self) -> T {
        self.outcomes.recv_timeout(PATIENCE).unwrap()
    }
}

impl<T: Send + 'static> Server<(usize, T)> {
    /// What the script gave back for the first connection, whichever ends first.
    #[track_caller]
    pub(crate) fn first_outcome(&self) -> T {
        loop {
            if let (0, outcome) = self.outcome() {
                return outcome;
            }
        }
    }
}

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// The server's end of a connection.
pub(crate) struct Peer {
    stream: BufReader<Box<dyn Stream>>,
}

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Text(String),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The connection ended.
    End,
}

impl Peer {
    fn new(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Self {
        // a script that waits in vain is to fail its test
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(stream),
            Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
        };
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Reads a request: its first line and its headers, the names in lower case, and its body.
    pub(crate) fn request(&mut self) -> Request {
        let mut request = Request::default();
        // a connection that ends before a request is one of a client that did not like the handshake
        if self.stream.read_line(&mut request.line).is_err() {
            return request;
        }
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            request
                .headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = request
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        request.body = vec![0; length];
        self.stream.read_exact(&mut request.body).unwrap();
        request
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        // the client may have gone: what it made of it is the test's business
        drop(self.stream.get_mut().write_all(bytes.as_ref()));
        drop(self.stream.get_mut().flush());
    }

    /// Answers a request over HTTP.
    pub(crate) fn answer(&mut self, status: u16, headers: &str, body: &str) {
        let length = body.len();
        self.raw(format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ));
    }

    /// Reads the upgrade request and agrees to it.
    pub(crate) fn accept(&mut self) -> Request {
        self.accept_with("sec-websocket-protocol: buckler.v2\r\n")
    }

    /// The same with other headers than the subprotocol's.
    pub(crate) fn accept_with(&mut self, headers: &str) -> Request {
        let request = self.request();
        self.agree(&request, headers);
        request
    }

    /// Agrees to an upgrade that has been read.
    pub(crate) fn agree(&mut self, request: &Request, headers: &str) {
        let hash = actix_http::ws::hash_key(request.header("sec-websocket-key").unwrap().as_bytes());
        let hash = std::str::from_utf8(&hash).unwrap();
        self.raw(format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {hash}\r\n{headers}\r\n"
        ));
    }

    /// Reads a frame; a client's are masked and never fragmented.
    pub(crate) fn read(&mut self) -> Sent {
        self.read_frame().unwrap_or(Sent::End)
    }

    fn read_frame(&mut self) -> io::Result<Sent> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        assert_eq!(
            (head[0] & 0xf0, head[1] & 0x80),
            (0x80, 0x80),
            "not whole, not masked, or compressed"
        );
        let length = match head[1] & 0x7f {
            126 => usize::from(u16::from_be_bytes(self.bytes()?)),
            127 => usize::try_from(u64::from_be_bytes(self.bytes()?)).unwrap(),
            length => usize::from(length),
        };
        let mask: [u8; 4] = self.bytes()?;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok(match head[0] & 0x0f {
            TEXT => Sent::Text(String::from_utf8(payload).unwrap()),
            PING => Sent::Ping,
            PONG => Sent::Pong(payload),
            CLOSE => Sent::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            other => panic!("opcode {other}"),
        })
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads up to the next message, as JSON.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Value {
        loop {
            match self.read() {
                Sent::Text(text) => return serde_json::from_str(&text).unwrap(),
                Sent::Ping => self.frame(0x80 | PONG, b""),
                Sent::Pong(_) => {}
                end @ (Sent::Close(_) | Sent::End) => panic!("{end:?} in place of a message"),
            }
        }
    }

    /// Reads up to the close frame, or the end without one.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.read() {
                Sent::Close(code) => return code,
                Sent::End => return None,
                Sent::Text(_) | Sent::Ping | Sent::Pong(_) => {}
            }
        }
    }

    /// Reads a message and answers it well.
    #[track_caller]
    pub(crate) fn welcome(&mut self) -> Value {
        let message = self.message();
        self.reply(&message);
        message
    }

    /// Answers a message well.
    pub(crate) fn reply(&mut self, message: &Value) {
        self.json(&json!({"id": message["id"], "code": 200, "reply": good()}));
    }

    /// Sends a push.
    pub(crate) fn push(&mut self, part: &Value) {
        self.json(&json!({ "v2": part }));
    }

    pub(crate) fn json(&mut self, message: &Value) {
        self.text(&message.to_string());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.frame(0x80 | TEXT, text.as_bytes());
    }

    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        self.frame(0x80 | BINARY, bytes);
    }

    pub(crate) fn ping(&mut self, token: &[u8]) {
        self.frame(0x80 | PING, token);
    }

    /// Sends a text in so many fragments of which none is empty, with a ping in between.
    pub(crate) fn fragments(&mut self, text: &str, count: usize) {
        let size = text.len().div_ceil(count);
        let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let first = if index == 0 { TEXT } else { 0 };
            let last = if index + 1 == pieces.len() { 0x80 } else { 0 };
            self.frame(first | last, piece);
            self.ping(b"in between");
        }
    }

    /// Closes with a code; the client's answer is awaited.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> Option<u16> {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        self.frame(0x80 | CLOSE, &payload);
        self.close_code()
    }

    /// Sends a frame whose first byte is `first`.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(u8::try_from(length).unwrap()),
            length @ 126..65_536 => {
                frame.push(126);
                frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(payload);
        self.raw(frame);
    }
}

/// A request as it came.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_upgrade(&self) -> bool {
        self.header("upgrade") == Some("websocket")
    }
}

/// The envelope that answers anything.
pub(crate) fn good() -> Value {
    json!({"status": true, "message": "ok", "data": {}})
}
