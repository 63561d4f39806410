//! The worker that has the agent: what it answers its siblings.

use std::{
    io,
    os::{
        fd::AsRawFd as _,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use buckler::guard::{BodyRest, RequestView, RouteMatch};
use crossbeam_queue::ArrayQueue;

use super::is_ours;
use crate::{
    fork,
    live::Served,
    refusal::Refusal,
    wire::{Line, Op, Reader, Writer},
};

/// Siblings' threads that are served at once.
const SERVED: usize = 1024;
/// Bodies that are looked into at once, the rest of which is to come: some ten KiB each. The oldest
/// is given up for a newer one.
const RESTS: usize = 2048;
/// The stack of a thread that judges, in bytes: as large as Rust's are, of which it uses what it
/// needs.
const STACK: usize = 2 << 20;

/// The threads that serve siblings, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Leader(Arc<UnixListener>);

impl Leader {
    /// Begins to serve.
    pub(crate) fn begin(listener: UnixListener, served: &Arc<Served>) -> Option<Self> {
        let listener = Arc::new(listener);
        let desk = Desk {
            served: Arc::downgrade(served),
            rests: Arc::default(),
            busy: Arc::default(),
        };
        let accepting = Arc::clone(&listener);
        let begun = fork::without_signals(|| {
            let thread = thread::Builder::new().name("buckler-share".to_owned());
            thread.spawn(move || desk.accept(&accepting))
        });
        match begun {
            Ok(_) => Some(Self(listener)),
            Err(error) => {
                tracing::error!(%error, "this host's other workers cannot be served: each has an agent of its own");
                None
            }
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        fork::closes(self.0.as_raw_fd());
        // wakes the thread that accepts
        rustix::net::shutdown(&*self.0, rustix::net::Shutdown::Both).unwrap_or_default();
    }
}

/// What the serving threads share.
#[derive(Clone)]
struct Desk {
    served: Weak<Served>,
    rests: Arc<Rests>,
    busy: Arc<AtomicUsize>,
}

impl Desk {
    fn accept(&self, listener: &UnixListener) {
        /// Between two attempts where the process has no more files.
        const PAUSE: Duration = Duration::from_millis(100);
        loop {
            match listener.accept() {
                Ok((stream, _)) if is_ours(&stream) && self.busy.load(Relaxed) < SERVED => self.seat(stream),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
                Err(_) if self.served.strong_count() == 0 => break,
                Err(_) => thread::park_timeout(PAUSE),
            }
        }
    }

    fn seat(&self, stream: UnixStream) {
        let desk = self.clone();
        let thread = thread::Builder::new()
            .name("buckler-judge".to_owned())
            .stack_size(STACK);
        self.busy.fetch_add(1, Relaxed);
        let begun = thread.spawn(move || {
            desk.serve(&stream);
            desk.busy.fetch_sub(1, Relaxed);
        });
        if begun.is_err() {
            self.busy.fetch_sub(1, Relaxed);
        }
    }

    /// Answers a sibling's thread until it is gone.
    fn serve(&self, stream: &UnixStream) {
        let (line, mut frame) = (Line::new(stream), Vec::new());
        while line.next(&mut frame).is_ok() {
            let Some(served) = self.served.upgrade() else { break };
            let mut asked = Reader(&frame);
            let Some(op) = asked.byte().and_then(Op::of) else { break };
            let Some(reply) = self.reply(&served, op, &mut asked, &line) else {
                break;
            };
            if !op.is_told() && reply.send(stream).is_err() {
                break;
            }
        }
    }

    fn reply(&self, served: &Served, op: Op, asked: &mut Reader<'_>, line: &Line<'_>) -> Option<Writer> {
        let reply = Writer::reply();
        Some(match op {
            Op::Hello => reply,
            Op::Check => {
                let can_resolve = asked.flag()?;
                asked.viewed(line, |view, _| checked(served, view, can_resolve))?
            }
            Op::Body => asked.viewed(line, |view, asked| {
                let (is_whole, body) = (asked.flag()?, asked.bytes()?);
                let (refusal, rest) = served.check_body(view, body, is_whole);
                let number = rest.map_or(0, |rest| self.rests.keep(rest));
                Some(Refusal::write(refusal.as_ref(), reply).number(number))
            })??,
            Op::LastBody => asked.viewed(line, |view, asked| {
                let (is_whole, body) = (asked.flag()?, asked.bytes()?);
                let refusal = served.check_last_body(view, body, is_whole);
                Some(Refusal::write(refusal.as_ref(), reply))
            })??,
            Op::Rest => asked.viewed(line, |view, asked| {
                let (number, is_end, piece) = (asked.number()?, asked.flag()?, asked.bytes()?);
                // one that was given up: its worker does as its settings say of what cannot be
                // judged
                let mut rest = self.rests.take(number)?;
                let refusal = served.check_body_rest(view, &mut rest, piece, is_end);
                let is_over = rest.is_over();
                if !is_over {
                    self.rests.put_back(number, rest);
                }
                Some(Refusal::write(refusal.as_ref(), reply).flag(is_over))
            })??,
            Op::EndRest => {
                self.rests.take(asked.number()?);
                reply
            }
            Op::WantsAnswer => asked.viewed(line, |view, asked| {
                let (kind, encoding) = (asked.text()?, asked.text()?);
                let wanted = served.guard.wants_answer(view, kind, encoding);
                Some(reply.number(wanted.map_or(0, |wanted| wanted.get() as u64)))
            })??,
            Op::Answer => asked.viewed(line, |view, asked| {
                let (is_whole, body) = (asked.flag()?, asked.bytes()?);
                Some(Refusal::write(
                    served.check_answer(view, body, is_whole).as_ref(),
                    reply,
                ))
            })??,
            Op::Response => asked.viewed(line, |view, asked| {
                let status = u16::try_from(asked.number()?).ok()?;
                Some(Refusal::write(served.check_response(view, status).as_ref(), reply))
            })??,
            Op::Answered => {
                let status = u16::try_from(asked.number()?).ok()?;
                count(served, status);
                reply
            }
            Op::Client | Op::Why | Op::Bans | Op::Ban | Op::Unban | Op::Retry | Op::Status => {
                return told(served, op, asked, line);
            }
        })
    }
}

/// Counts an answer whose status speaks against no client, so that the client need not be known.
fn count(served: &Served, status: u16) {
    let unknown = RequestView {
        peer: None,
        method: "",
        path: "",
        query: "",
        host: None,
        route: RouteMatch::Unknown,
        headers: &NO_HEADERS,
    };
    drop(served.check_response(&unknown, status));
}

/// What the agent says of itself and its clients.
fn told(served: &Served, op: Op, asked: &mut Reader<'_>, line: &Line<'_>) -> Option<Writer> {
    let reply = Writer::reply();
    Some(match op {
        Op::Client => {
            let client = asked.viewed(line, |view, _| served.client(view))?;
            reply.maybe(client.as_deref())
        }
        Op::Why => reply.maybe(served.why(asked.text()?.parse().ok()?).as_deref()),
        Op::Bans => reply.text(&served.bans()?),
        Op::Ban => {
            let (network, seconds, why) = (asked.text()?, asked.text()?, asked.text()?);
            let banned = served.ban(
                network.parse().ok()?,
                Duration::from_secs_f64(seconds.parse().ok()?),
                why,
            );
            reply.maybe(banned.err().as_deref())
        }
        Op::Unban => match served.unban(asked.text()?.parse().ok()?) {
            Ok(said) => reply.flag(true).text(&said),
            Err(said) => reply.flag(false).text(&said),
        },
        Op::Retry => {
            served.retry_now();
            reply
        }
        Op::Status => reply.text(&served.status()?),
        Op::Hello
        | Op::Check
        | Op::Body
        | Op::LastBody
        | Op::Rest
        | Op::EndRest
        | Op::WantsAnswer
        | Op::Answer
        | Op::Response
        | Op::Answered => return None,
    })
}

const NO_HEADERS: &[(&str, &[u8])] = &[];

/// Judges the head of a sibling's request, and says what else it will need.
fn checked(served: &Served, view: &RequestView<'_>, can_resolve: bool) -> Writer {
    let reply = Writer::reply();
    if can_resolve && served.guard.is_decoy(view.path) {
        return reply.flag(true);
    }
    let refusal = served.check(view);
    let (mut body, mut answers) = (0, false);
    if refusal.is_none() {
        body = served.guard.wants_body(view).map_or(0, |wanted| wanted.get() as u64);
        answers = served.guard.wants_answer(view, "text/html", "").is_some();
    }
    Refusal::write(refusal.as_ref(), reply.flag(false))
        .number(body)
        .flag(answers)
        .maybe(served.server_header().as_deref())
}

/// The bodies of siblings' requests, by number, of which the rest is to come: each in the place
/// that its number gives it.
struct Rests {
    places: Box<[ArrayQueue<(u64, BodyRest)>]>,
    last: AtomicU64,
}

impl Rests {
    fn keep(&self, rest: BodyRest) -> u64 {
        let number = self.last.fetch_add(1, Relaxed) + 1;
        self.put_back(number, rest);
        number
    }

    fn put_back(&self, number: u64, rest: BodyRest) {
        if let Some(place) = self.place(number) {
            // the one that was there is as many bodies older as there are places
            place.force_push((number, rest));
        }
    }

    fn take(&self, number: u64) -> Option<BodyRest> {
        let place = self.place(number)?;
        let (found, rest) = place.pop()?;
        if found == number {
            return Some(rest);
        }
        place.force_push((found, rest));
        None
    }

    fn place(&self, number: u64) -> Option<&ArrayQueue<(u64, BodyRest)>> {
        let places = self.places.len() as u64;
        self.places.get(usize::try_from(number % places).ok()?)
    }
}

impl Default for Rests {
    fn default() -> Self {
        Self {
            places: (0..RESTS).map(|_| ArrayQueue::new(1)).collect(),
            last: AtomicU64::new(0),
        }
    }
}
