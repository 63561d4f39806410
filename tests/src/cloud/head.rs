//! The head of a request, on its way through a front end.

use std::{
    fmt,
    io::{self, Read as _},
    net::TcpStream,
};

/// A request's first line and headers.
#[derive(Debug, Clone)]
pub struct Head {
    first: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A request of our own making.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            first: format!("{method} {target} HTTP/1.1"),
            headers: Vec::new(),
        }
    }

    /// Reads a head, and what came with it of the body.
    pub(super) fn read(stream: &mut TcpStream) -> io::Result<(Self, Vec<u8>)> {
        let mut came = Vec::new();
        let mut piece = [0; 4096];
        loop {
            if let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = came.split_off(end + 4);
                return Ok((Self::parse(&String::from_utf8_lossy(&came)), rest));
            }
            let size = stream.read(&mut piece)?;
            if size == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            came.extend(piece.iter().take(size));
        }
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        Self {
            first,
            headers: lines.filter_map(header).collect(),
        }
    }

    /// `GET`, `POST`, …
    #[must_use]
    pub fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// What is asked for: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    pub(super) fn ask_for(&mut self, target: &str) {
        self.first = format!("{} {target} HTTP/1.1", self.method());
    }

    /// The headers, in order.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// Sets a header, in the place of whatever was there.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Puts an element behind those that a header has.
    pub(super) fn append(&mut self, name: &str, element: &str) {
        let own = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut elements: Vec<&str> = own.map(|(_, value)| value.as_str()).collect();
        elements.push(element);
        let value = elements.join(", ");
        self.set(name, &value);
    }
}

/// As it goes over the wire, without the empty line that ends it.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.first)?;
        for (name, value) in &self.headers {
            write!(f, "{name}: {value}\r\n")?;
        }
        Ok(())
    }
}
