//! A plain HTTP/1 client, for tests that must see what goes over the wire: it adds nothing to a request, and hides nothing of an answer.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer is waited for: generous, because it is only ever waited out by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends a head on a connection of its own, to which a host is added unless it has one, and a body; reads the answer to its end.
///
/// # Panics
/// Where [`try_ask`] fails.
#[must_use]
#[track_caller]
pub fn ask(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let answer = try_ask(address, head, body);
    answer.unwrap_or_else(|error| panic!("{error}, asked {head:?}"))
}

/// As [`ask`], where no answer is an answer too.
///
/// # Errors
/// Where nobody listens there, or no whole answer comes.
pub fn try_ask(address: SocketAddr, head: &str, body: &[u8]) -> io::Result<Answer> {
    let host = if head.contains("\r\nHost: ") {
        ""
    } else {
        "Host: shop.example.com\r\n"
    };
    let mut connection = Connection::try_open(address)?;
    write!(connection.stream, "{head}{host}Connection: close\r\n\r\n")?;
    // whoever is refused may find the connection closed before all was sent
    connection.try_send(body);
    let came = connection.read_to_end();
    let no_answer = || io::Error::other(format!("no whole HTTP answer: {:?}", String::from_utf8_lossy(&came)));
    let whole = Answer::parse(&came).filter(|answer| head.starts_with("HEAD ") || answer.is_whole());
    whole.ok_or_else(no_answer)
}

/// A connection, on which a test says what it likes and when it likes.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    came: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// Where nobody listens there.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap()
    }

    fn try_open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let came = Vec::new();
        Ok(Self { stream, came })
    }

    /// Says this.
    ///
    /// # Panics
    /// Where the other end no longer listens.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// As [`send`](Self::send), to an end that may have heard enough.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _closed = self.stream.write_all(bytes.as_ref());
    }

    /// Says that no more is said.
    ///
    /// # Panics
    /// Where the connection is broken.
    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads until this text has come; what came so far that was not read yet, with it.
    ///
    /// # Panics
    /// Where the connection ends before it.
    #[track_caller]
    pub fn read_until(&mut self, text: &str) -> String {
        loop {
            let found = self.came.windows(text.len()).position(|it| it == text.as_bytes());
            if let Some(start) = found {
                let rest = self.came.split_off(start + text.len());
                let read = std::mem::replace(&mut self.came, rest);
                return String::from_utf8(read).unwrap();
            }
            let mut piece = [0; 4096];
            let size = self.stream.read(&mut piece).unwrap_or_default();
            let came = String::from_utf8_lossy(&self.came);
            assert!(size > 0, "the connection ended before {text:?}: {came:?}");
            self.came.extend_from_slice(&piece[..size]);
        }
    }

    /// Reads an answer with a length.
    ///
    /// # Panics
    /// Where the connection ends before it, or it has no length.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut answer = Answer::parse(self.read_until("\r\n\r\n").as_bytes()).unwrap();
        let length = answer.header("content-length");
        let Some(length) = length.map(|length| length.parse().unwrap()) else {
            panic!("an answer without a length: {answer:?}")
        };
        while self.came.len() < length {
            let mut piece = [0; 4096];
            let size = self.stream.read(&mut piece).unwrap_or_default();
            assert!(size > 0, "the connection ended within {answer:?}: {:?}", self.came);
            self.came.extend_from_slice(&piece[..size]);
        }
        let rest = self.came.split_off(length);
        answer.body = std::mem::replace(&mut self.came, rest);
        answer
    }

    /// Everything that came and was not read yet, to the connection's end.
    #[must_use]
    pub fn read_to_end(mut self) -> Vec<u8> {
        let _reset = self.stream.read_to_end(&mut self.came);
        self.came
    }
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    head: String,
    /// Its body, without chunks.
    pub body: Vec<u8>,
}

impl Answer {
    /// Everything that came over a connection, behind the word that the client may go on; `None`
    /// where that is no answer.
    fn parse(came: &[u8]) -> Option<Self> {
        let came = came.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(came);
        let end = came.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = str::from_utf8(&came[..end]).ok()?;
        let mut answer = Self {
            status: head.split(' ').nth(1)?.parse().ok()?,
            head: head.to_owned(),
            body: came[end + 4..].to_vec(),
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body)?;
        }
        Some(answer)
    }

    /// Whether its body is as long as it says.
    fn is_whole(&self) -> bool {
        let length = self.header("content-length");
        length.is_none_or(|length| length.parse() == Ok(self.body.len()))
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Its body, which is text.
    ///
    /// # Panics
    /// Where it is not.
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

/// The data of a body in chunks (RFC 9112, section 7.1); `None` where it breaks off.
fn unchunked(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if size == 0 {
            break Some(body);
        }
        body.extend_from_slice(chunks.get(end + 2..end + 2 + size)?);
        chunks = chunks.get(end + 4 + size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = Answer::parse(b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\n\r\nnothing here").unwrap();
        assert_eq!((answer.status, answer.text()), (404, "nothing here"));
        assert_eq!((answer.header("x-a"), answer.header("x-b")), (Some("1"), None));
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n").is_none());
    }

    #[test]
    fn chunks_are_put_together() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = Answer::parse(format!("{head}3\r\none\r\n5\r\n, two\r\n0\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(answer.text(), "one, two");
        assert!(Answer::parse(format!("{head}3\r\non").as_bytes()).is_none());
    }
}
