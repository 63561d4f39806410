//! What the processes of a host say to the one among them that has the agent, see
//! [`shared`](crate::shared): frames over a Unix socket.
//!
//! A frame is its length, in four bytes, and as many bytes: an operation with what it needs, or its
//! reply. Before that one the agent may ask for the pattern of the request's route, which only the
//! framework knows: that is looked up where something was found. Both ends are the same module in
//! processes of one server, so that there are no versions; what cannot be read ends the connection.

use std::{
    cell::{Cell, OnceCell},
    io::{self, Read as _},
    net::IpAddr,
    os::unix::net::UnixStream,
    time::Duration,
};

use buckler::guard::{RequestView, RouteMatch};
use rustix::net::{RecvFlags, SendFlags, send};

use crate::{headers::Pairs, request::Sent};

/// A frame that is longer is none, in bytes: heads have some hundred KiB at most, and of bodies as
/// much is shown at once as Python reads.
const MOST: usize = 64 << 20;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Op {
    /// Whether the agent is there.
    Hello = 1,
    /// A request's head.
    Check,
    /// The beginning of its body.
    Body,
    /// The same, of which no more will be shown.
    LastBody,
    /// A piece of what follows.
    Rest,
    /// That no more follows. There is no reply.
    EndRest,
    /// How much of an answer is wanted.
    WantsAnswer,
    /// The beginning of an answer's body.
    Answer,
    /// An answer's status.
    Response,
    /// An answer that is only counted. There is no reply.
    Answered,
    /// Who sent a request.
    Client,
    /// Why one was refused.
    Why,
    /// Who is banned.
    Bans,
    /// A ban to be made.
    Ban,
    /// One to be ended.
    Unban,
    /// To try the server at once.
    Retry,
    /// How the agent is.
    Status,
}

impl Op {
    const ALL: [Self; 17] = [
        Self::Hello,
        Self::Check,
        Self::Body,
        Self::LastBody,
        Self::Rest,
        Self::EndRest,
        Self::WantsAnswer,
        Self::Answer,
        Self::Response,
        Self::Answered,
        Self::Client,
        Self::Why,
        Self::Bans,
        Self::Ban,
        Self::Unban,
        Self::Retry,
        Self::Status,
    ];

    pub(crate) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|op| *op as u8 == byte)
    }

    /// Whether there is no reply.
    pub(crate) const fn is_told(self) -> bool {
        matches!(self, Self::EndRest | Self::Answered)
    }
}

/// What the process that has the agent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Said {
    /// The reply, which follows.
    Reply = 1,
    /// It asks for the pattern of the request's route.
    AsksForPattern,
}

impl Said {
    pub(crate) fn of(byte: u8) -> Option<Self> {
        [Self::Reply, Self::AsksForPattern]
            .into_iter()
            .find(|said| *said as u8 == byte)
    }
}

/// A frame that is being written.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// An operation.
    pub(crate) fn of(op: Op) -> Self {
        Self::empty().byte(op as u8)
    }

    /// A reply.
    pub(crate) fn reply() -> Self {
        Self::empty().byte(Said::Reply as u8)
    }

    /// The pattern of a route, for one who asked.
    pub(crate) fn pattern(pattern: Option<&str>) -> Self {
        Self::empty().maybe(pattern)
    }

    fn empty() -> Self {
        // the place of the length
        Self(vec![0; 4])
    }

    pub(crate) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.byte(u8::from(flag))
    }

    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        let mut writer = self.number(bytes.len() as u64);
        writer.0.extend_from_slice(bytes);
        writer
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// What may be absent.
    pub(crate) fn maybe(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.byte(1).text(text),
            None => self.byte(0),
        }
    }

    pub(crate) fn request(self, sent: &Sent<'_>) -> Self {
        let view = sent.view;
        let peer = view.peer.map(|peer| peer.to_string());
        let writer = self
            .maybe(peer.as_deref())
            .text(view.method)
            .text(view.path)
            .text(view.query)
            .maybe(view.host)
            .byte(match view.route {
                RouteMatch::Unknown => 0,
                RouteMatch::Unsure => 1,
                RouteMatch::Matched => 2,
                RouteMatch::Missing => 3,
            });
        let writer = match sent.known {
            None => writer.flag(false),
            Some(known) => writer.flag(true).maybe(known),
        };
        let mut headers = Self(Vec::new());
        view.headers.for_each(&mut |name, value| {
            let before = std::mem::replace(&mut headers, Self(Vec::new()));
            headers = before.text(name).bytes(value);
        });
        writer.bytes(&headers.0)
    }

    /// Sends it.
    ///
    /// # Errors
    /// Where the other end is gone, or does not read.
    pub(crate) fn send(mut self, stream: &UnixStream) -> io::Result<()> {
        let length = u32::try_from(self.0.len() - 4).map_err(|_| io::ErrorKind::InvalidInput)?;
        if let Some(place) = self.0.get_mut(..4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        let mut left = &*self.0;
        while !left.is_empty() {
            // a process that does not ignore SIGPIPE must not die of it
            match send(stream, left, SendFlags::NOSIGNAL) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => left = left.get(sent..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Receives a frame into `buffer`.
///
/// # Errors
/// Where the other end is gone, or nothing comes in time.
pub(crate) fn receive(mut stream: &UnixStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MOST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    buffer.clear();
    buffer.resize(length, 0);
    stream.read_exact(buffer)
}

/// A frame that is being read. Everything is `None` where the frame ends before it.
#[derive(Debug)]
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        Some(self.byte()? != 0)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Option<&'b str> {
        str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn maybe(&mut self) -> Option<Option<&'b str>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(self.text()?)),
        }
    }

    /// Shows a request that was written by [`Writer::request`]. The pattern of its route is asked
    /// for over the line, where it is needed and was not sent.
    pub(crate) fn viewed<T>(
        &mut self,
        line: &Line<'_>,
        look: impl FnOnce(&RequestView<'_>, &mut Self) -> T,
    ) -> Option<T> {
        let peer: Option<IpAddr> = match self.maybe()? {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        let (method, path, query, host) = (self.text()?, self.text()?, self.text()?, self.maybe()?);
        let route = match self.byte()? {
            0 => RouteMatch::Unknown,
            1 => RouteMatch::Unsure,
            2 => RouteMatch::Matched,
            _ => RouteMatch::Missing,
        };
        let pattern = OnceCell::new();
        if self.flag()? {
            pattern.set(self.maybe()?.map(str::to_owned)).unwrap_or_default();
        }
        let mut list = Reader(self.bytes()?);
        let mut pairs: Vec<(&str, &[u8])> = Vec::new();
        while !list.0.is_empty() {
            pairs.push((list.text()?, list.bytes()?));
        }
        let pattern = || pattern.get_or_init(|| line.pattern()).clone();
        let headers = Pairs { pairs, pattern };
        let view = RequestView {
            peer,
            method,
            path,
            query,
            host,
            route,
            headers: &headers,
        };
        Some(look(&view, self))
    }
}

/// The connection to a process that judges by this one's agent. That process always answers when it
/// is asked for a route, and what came too late is passed over.
pub(crate) struct Line<'s> {
    stream: &'s UnixStream,
    /// Answers that were not waited for.
    owed: Cell<u32>,
}

impl<'s> Line<'s> {
    pub(crate) const fn new(stream: &'s UnixStream) -> Self {
        Self {
            stream,
            owed: Cell::new(0),
        }
    }

    /// Receives what is asked next.
    pub(crate) fn next(&self, frame: &mut Vec<u8>) -> io::Result<()> {
        for _ in 0..self.owed.take() {
            receive(self.stream, frame)?;
        }
        receive(self.stream, frame)
    }

    /// Asks for the pattern of the route of the request that is judged: none where that takes long.
    fn pattern(&self) -> Option<String> {
        /// The longest that is waited. A framework takes microseconds, but may compile its routes
        /// at the first, and a process that is stopped is not to hold up this one.
        const PATIENCE: Duration = Duration::from_secs(1);
        Writer::empty()
            .byte(Said::AsksForPattern as u8)
            .send(self.stream)
            .ok()?;
        self.stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // nothing is taken off the stream by a look that is given up
        let has_come = rustix::net::recv(self.stream, &mut [0; 1], RecvFlags::PEEK).is_ok_and(|(came, _)| came > 0);
        self.stream.set_read_timeout(None).ok()?;
        if !has_come {
            self.owed.set(self.owed.get() + 1);
            return None;
        }
        let mut frame = Vec::new();
        receive(self.stream, &mut frame).ok()?;
        Reader(&frame).maybe()?.map(str::to_owned)
    }
}
