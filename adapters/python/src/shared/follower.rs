//! A worker that judges by its sibling's agent: what it asks.

use std::{
    io,
    num::NonZeroUsize,
    os::unix::net::{SocketAddr, UnixStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use buckler::clock::{Clock as _, SystemClock};
use crossbeam_queue::ArrayQueue;
use ipnet::IpNet;

use super::{Gone, is_ours};
use crate::{
    fork,
    refusal::Refusal,
    request::Sent,
    wire::{Op, Reader, Said, Writer, receive},
};

/// The longest that a judgement is waited for. It takes microseconds, and on a machine that has far
/// too much to do a second; a leader that takes longer is stopped.
const JUDGEMENT: Duration = Duration::from_secs(5);
/// The longest that a command to the agent's own thread is waited for.
const COMMAND: Duration = Duration::from_secs(3);
/// The error of a ban where the leader does not answer.
const NO_ANSWER: &str = "ban: the agent of this host does not answer at the moment: try again";
/// How often the bans are noted, in milliseconds: what is made in the last second before a leader
/// is killed is forgotten.
const NOTED_EVERY: u64 = 1000;
/// Connections that are kept: as many as a worker has threads.
const KEPT: usize = 64;

/// A process that judges by another's agent.
pub(crate) struct Follower {
    address: SocketAddr,
    idle: ArrayQueue<UnixStream>,
    /// The `Server` header in force, as the last request was told.
    server_header: ArcSwapOption<String>,
    generation: u64,
    /// The bans as they were a second ago at most, as JSON.
    noted: ArcSwapOption<String>,
    /// When they were noted, in milliseconds since it began to follow.
    noted_at: AtomicU64,
    clock: SystemClock,
}

/// What the leader says of a request's head.
#[derive(Debug)]
pub(crate) enum Checked {
    /// It depends on whether there is a route.
    AsksForRoute,
    /// It is judged.
    Judged {
        refusal: Option<Refusal>,
        /// How much of the body is wanted, in bytes.
        body: Option<NonZeroUsize>,
        /// Whether answers are looked into.
        answers: bool,
    },
}

impl Follower {
    /// Of the leader that has this address, if any has.
    pub(super) fn of(address: SocketAddr) -> Self {
        Self {
            address,
            idle: ArrayQueue::new(KEPT),
            server_header: ArcSwapOption::empty(),
            generation: fork::generation(),
            noted: ArcSwapOption::empty(),
            noted_at: AtomicU64::new(0),
            clock: SystemClock::new(),
        }
    }

    /// Waits until the leader answers.
    pub(super) fn greet(&self, patience: Duration) -> Result<(), Gone> {
        self.ask_within(Writer::of(Op::Hello), patience).map(drop)
    }

    /// Judges a request's head. Whether there is a route is asked for where it can be found.
    pub(crate) fn check(&self, sent: &Sent<'_>, can_resolve: bool) -> Result<Checked, Gone> {
        let reply = self.ask_about(sent, Writer::of(Op::Check).flag(can_resolve).request(sent))?;
        let mut reply = Reader(&reply);
        self.checked(&mut reply).ok_or(Gone::Stopped)
    }

    fn checked(&self, reply: &mut Reader<'_>) -> Option<Checked> {
        if reply.flag()? {
            return Some(Checked::AsksForRoute);
        }
        let refusal = Refusal::read(reply)?;
        let body = NonZeroUsize::new(usize::try_from(reply.number()?).ok()?);
        let (answers, name) = (reply.flag()?, reply.maybe()?);
        if self.server_header.load().as_ref().map(|known| known.as_str()) != name {
            self.server_header.store(name.map(|name| Arc::new(name.to_owned())));
        }
        Some(Checked::Judged { refusal, body, answers })
    }

    /// Judges the beginning of a body; with the number of the rest, 0 where there is none.
    pub(crate) fn check_body(
        &self,
        sent: &Sent<'_>,
        body: &[u8],
        is_whole: bool,
    ) -> Result<(Option<Refusal>, u64), Gone> {
        let reply = self.ask_about(sent, Writer::of(Op::Body).request(sent).flag(is_whole).bytes(body))?;
        let mut reply = Reader(&reply);
        let refusal = Refusal::read(&mut reply).ok_or(Gone::Stopped)?;
        Ok((refusal, reply.number().ok_or(Gone::Stopped)?))
    }

    /// Judges the beginning of a body of which no more is shown.
    pub(crate) fn check_last_body(
        &self,
        sent: &Sent<'_>,
        body: &[u8],
        is_whole: bool,
    ) -> Result<Option<Refusal>, Gone> {
        let reply = self.ask_about(sent, Writer::of(Op::LastBody).request(sent).flag(is_whole).bytes(body))?;
        Refusal::read(&mut Reader(&reply)).ok_or(Gone::Stopped)
    }

    /// Judges a piece of the rest; and whether it is over.
    pub(crate) fn check_body_rest(
        &self,
        sent: &Sent<'_>,
        number: u64,
        piece: &[u8],
        is_end: bool,
    ) -> Result<(Option<Refusal>, bool), Gone> {
        let asked = Writer::of(Op::Rest)
            .request(sent)
            .number(number)
            .flag(is_end)
            .bytes(piece);
        let reply = self.ask_about(sent, asked)?;
        let mut reply = Reader(&reply);
        let refusal = Refusal::read(&mut reply).ok_or(Gone::Stopped)?;
        Ok((refusal, reply.flag().ok_or(Gone::Stopped)?))
    }

    /// No more of a rest follows.
    pub(crate) fn end_rest(&self, number: u64) {
        self.tell(Writer::of(Op::EndRest).number(number));
    }

    /// How much of an answer is wanted.
    pub(crate) fn wants_answer(&self, sent: &Sent<'_>, kind: &str, encoding: &str) -> Option<NonZeroUsize> {
        let reply = self.ask_about(
            sent,
            Writer::of(Op::WantsAnswer).request(sent).text(kind).text(encoding),
        );
        NonZeroUsize::new(usize::try_from(Reader(&reply.ok()?).number()?).ok()?)
    }

    /// Judges the beginning of an answer's body.
    pub(crate) fn check_answer(&self, sent: &Sent<'_>, body: &[u8], is_whole: bool) -> Result<Option<Refusal>, Gone> {
        let reply = self.ask_about(sent, Writer::of(Op::Answer).request(sent).flag(is_whole).bytes(body))?;
        Refusal::read(&mut Reader(&reply)).ok_or(Gone::Stopped)
    }

    /// Judges an answer by its status, and counts it.
    pub(crate) fn check_response(&self, sent: &Sent<'_>, status: u16) -> Result<Option<Refusal>, Gone> {
        if !(400..500).contains(&status) {
            // it is counted and no more
            self.tell(Writer::of(Op::Answered).number(status.into()));
            return Ok(None);
        }
        let reply = self.ask_about(sent, Writer::of(Op::Response).request(sent).number(status.into()))?;
        Refusal::read(&mut Reader(&reply)).ok_or(Gone::Stopped)
    }

    pub(crate) fn server_header(&self) -> Option<String> {
        self.server_header.load().as_ref().map(|name| name.to_string())
    }

    /// Who sent a request.
    pub(crate) fn client(&self, sent: &Sent<'_>) -> Option<String> {
        let reply = self.ask_about(sent, Writer::of(Op::Client).request(sent)).ok()?;
        Reader(&reply).maybe()?.map(str::to_owned)
    }

    /// Why a request was refused, as JSON.
    pub(crate) fn why(&self, id: &str) -> Option<String> {
        let reply = self.ask(Writer::of(Op::Why).text(id)).ok()?;
        Reader(&reply).maybe()?.map(str::to_owned)
    }

    /// Who is banned, as JSON.
    pub(crate) fn bans(&self) -> Option<String> {
        let reply = self.ask(Writer::of(Op::Bans)).ok()?;
        Reader(&reply).text().map(str::to_owned)
    }

    /// Notes the bans, once a second, for the one that leads when this leader is gone.
    pub(crate) fn note_bans(&self) {
        let now = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.noted_at.load(Relaxed);
        let is_due = now.saturating_sub(last) >= NOTED_EVERY;
        if is_due && self.noted_at.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            self.noted.store(self.bans().map(Arc::new));
        }
    }

    /// The bans as they were noted.
    pub(crate) fn noted_bans(&self) -> Option<Arc<String>> {
        self.noted.load_full()
    }

    /// Bans a network.
    pub(crate) fn ban(&self, network: IpNet, length: Duration, why: &str) -> Result<(), String> {
        let asked = Writer::of(Op::Ban).text(&network.to_string());
        let asked = asked.text(&length.as_secs_f64().to_string()).text(why);
        let reply = self.ask_within(asked, COMMAND).map_err(|_| NO_ANSWER)?;
        let said = Reader(&reply).maybe().ok_or(NO_ANSWER)?.map(str::to_owned);
        said.map_or(Ok(()), Err)
    }

    /// Ends the bans of a network: what became of it, as JSON.
    pub(crate) fn unban(&self, network: IpNet) -> Result<String, String> {
        let reply = self.ask_within(Writer::of(Op::Unban).text(&network.to_string()), COMMAND);
        let reply = reply.map_err(|_| NO_ANSWER)?;
        let mut reply = Reader(&reply);
        let (is_done, said) = (reply.flag().ok_or(NO_ANSWER)?, reply.text().ok_or(NO_ANSWER)?);
        if is_done {
            Ok(said.to_owned())
        } else {
            Err(said.to_owned())
        }
    }

    /// Has the leader try the server at once.
    pub(crate) fn retry_now(&self) -> Result<(), String> {
        let reply = self.ask_within(Writer::of(Op::Retry), COMMAND);
        reply.map(drop).map_err(|_| NO_ANSWER.to_owned())
    }

    /// How the agent is, as JSON.
    pub(crate) fn status(&self) -> Option<String> {
        let reply = self.ask(Writer::of(Op::Status)).ok()?;
        Reader(&reply).text().map(str::to_owned)
    }

    /// Asks the leader, and returns its reply.
    fn ask(&self, asked: Writer) -> Result<Vec<u8>, Gone> {
        self.ask_within(asked, JUDGEMENT)
    }

    /// As [`ask`](Self::ask), of a request, the route of which the leader may ask for.
    fn ask_about(&self, sent: &Sent<'_>, asked: Writer) -> Result<Vec<u8>, Gone> {
        self.converse(asked, JUDGEMENT, sent.pattern)
    }

    /// As [`ask`](Self::ask), for what takes longer than a judgement.
    fn ask_within(&self, asked: Writer, patience: Duration) -> Result<Vec<u8>, Gone> {
        self.converse(asked, patience, &|| None)
    }

    fn converse(
        &self,
        asked: Writer,
        patience: Duration,
        pattern: &dyn Fn() -> Option<String>,
    ) -> Result<Vec<u8>, Gone> {
        let (stream, mut frame) = (self.connection(patience)?, Vec::new());
        asked.send(&stream).map_err(|error| gone(&error))?;
        loop {
            receive(&stream, &mut frame).map_err(|error| gone(&error))?;
            match frame.first().copied().and_then(Said::of) {
                Some(Said::AsksForPattern) => {
                    let told = Writer::pattern(pattern().as_deref()).send(&stream);
                    told.map_err(|error| gone(&error))?;
                }
                Some(Said::Reply) => break,
                // no leader of this release
                None => return Err(Gone::Stopped),
            }
        }
        frame.remove(0);
        // where there are enough, it is closed
        drop(self.idle.push(stream));
        Ok(frame)
    }

    /// Tells the leader what needs no reply. It is lost where the leader is gone. A forked child
    /// tells nothing: the connections are its parent's.
    fn tell(&self, told: Writer) {
        if self.generation == fork::generation()
            && let Ok(stream) = self.connection(JUDGEMENT)
            && told.send(&stream).is_ok()
        {
            drop(self.idle.push(stream));
        }
    }

    fn connection(&self, patience: Duration) -> Result<UnixStream, Gone> {
        let stream = match self.idle.pop() {
            Some(stream) => stream,
            None => {
                let stream = UnixStream::connect_addr(&self.address).map_err(|error| gone(&error))?;
                // another user's process that has the name is as good as one that does not answer
                if !is_ours(&stream) {
                    return Err(Gone::Stopped);
                }
                stream
            }
        };
        let set = stream.set_read_timeout(Some(patience));
        set.and_then(|()| stream.set_write_timeout(Some(patience)))
            .map_err(|error| gone(&error))?;
        Ok(stream)
    }
}

/// No addresses: a name is of no use to a reader.
impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("idle", &self.idle.len())
            .finish_non_exhaustive()
    }
}

fn gone(error: &io::Error) -> Gone {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        Gone::Stopped
    } else {
        Gone::Ended
    }
}
