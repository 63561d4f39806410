//! A handle to the thread that talks with the engine, and that thread.
//!
//! Nothing is ever *read* from the engine but the stream in its order: neither an acknowledgement
//! nor the latest message that a server knows of says what was written before it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
};

use async_nats::jetstream::message::PublishMessage;
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::JoinHandle,
    time::sleep,
};

use super::{
    NatsOptions, others,
    reading::{CERTAIN, Feed, News, Reading, follow, publish, read},
    session::{self, AGAIN, Bounds, START, Session},
    snapshots,
};
use crate::{
    journal::{JournalError, Position, Wake},
    neighbours::{Answerer, Answers},
};

/// Messages that wait between the engine's thread and the journal's: each is as large as a report
/// may be at most.
const QUEUE: usize = 64;

/// What the engine's thread is asked.
pub(super) enum Ask {
    Bounds(Option<Position>, SyncSender<Result<Bounds, String>>),
    Follow(Position, u64, Feed),
    Publish(u64, PublishMessage),
    Read(
        Position,
        Option<Position>,
        SyncSender<Result<(Position, Vec<u8>), String>>,
    ),
    Share(PathBuf, String, SyncSender<Result<(), String>>),
    Neighbours(oneshot::Sender<Answers>),
    Answer(Answerer),
    Fetch(PathBuf, (u64, Position), SyncSender<Result<Option<String>, String>>),
}

/// A handle to the engine's thread, which ends with it.
pub(super) struct Engine {
    asks: UnboundedSender<Ask>,
    /// What an operator should know.
    pub(super) warnings: Vec<String>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Connects, and makes or checks what is needed.
    pub(super) fn start(options: &NatsOptions, name: String) -> Result<Self, JournalError> {
        let (asks, queue) = unbounded_channel();
        let (ready, is_ready) = sync_channel(1);
        let own = options.clone();
        thread::Builder::new()
            .name("buckler-nats".to_owned())
            .spawn(move || run((&own, name), queue, &ready))?;
        let warnings = match is_ready.recv() {
            Ok(Ok(warnings)) => warnings,
            Ok(Err(problem)) => return Err(JournalError::Unavailable(problem)),
            Err(_) => return Err(ended()),
        };
        Ok(Self { asks, warnings })
    }

    fn ask<T>(&self, ask: impl FnOnce(SyncSender<Result<T, String>>) -> Ask) -> Result<T, JournalError> {
        let (reply, answer) = sync_channel(1);
        self.asks.send(ask(reply)).map_err(|_| ended())?;
        let answer = answer.recv().map_err(|_| ended())?;
        answer.map_err(JournalError::Unavailable)
    }

    /// For who asks without a journal.
    pub(super) fn asks(&self) -> UnboundedSender<Ask> {
        self.asks.clone()
    }

    /// Which records are kept. What it says of the last is no more than a hint. It is asked once:
    /// a journal that works must not wait.
    pub(super) fn bounds(&self) -> Result<Bounds, JournalError> {
        self.ask(|reply| Ask::Bounds(None, reply))
    }

    /// As [`bounds`](Self::bounds), at a start: asked again where there is no answer, or the last
    /// is before this one. Right after an election a server may not know the stream's end yet.
    pub(super) fn bounds_at(&self, position: Position) -> Result<Bounds, JournalError> {
        self.ask(|reply| Ask::Bounds(Some(position), reply))
    }

    /// Reads the stream that was made then on from a record, for as long as the receiver lives.
    pub(super) fn follow(
        &self,
        (after, made): (Position, u64),
        wake: Arc<Wake>,
    ) -> Result<Receiver<News>, JournalError> {
        let (to, news) = sync_channel(QUEUE);
        self.asks
            .send(Ask::Follow(after, made, Feed { to, wake }))
            .map_err(|_| ended())?;
        Ok(news)
    }

    /// Publishes a record, again and again until the engine has it, for as long as its writer
    /// waits, or another is published.
    pub(super) fn publish(&self, no: u64, id: &str, stream: &str, bytes: Vec<u8>) -> Result<(), JournalError> {
        let message = PublishMessage::build()
            .payload(bytes.into())
            .message_id(id)
            .expected_stream(stream);
        self.asks.send(Ask::Publish(no, message)).map_err(|_| ended())
    }

    /// Reads records after a position, up to another or to the end.
    pub(super) fn read(
        &self,
        after: Position,
        upto: Option<Position>,
        mut each: impl FnMut(Position, Vec<u8>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let (to, records) = sync_channel(QUEUE);
        self.asks.send(Ask::Read(after, upto, to)).map_err(|_| ended())?;
        loop {
            match records.recv_timeout(START) {
                Ok(Ok((position, bytes))) => each(position, bytes)?,
                Ok(Err(problem)) => return Err(JournalError::Unavailable(problem)),
                // the reader has come to its end
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(JournalError::Unavailable(format!("no record came for {START:?}")));
                }
            }
        }
    }

    /// Puts a file where nodes look that begin with nothing, once: the next comes soon. What became
    /// of it can be awaited.
    pub(super) fn share(&self, file: PathBuf, name: String) -> Receiver<Result<(), String>> {
        let (reply, answer) = sync_channel(1);
        // gone with the server, as who waits sees
        let _ = self.asks.send(Ask::Share(file, name, reply));
        answer
    }

    /// Fetches the newest file that was shared of the stream that was made then, up to a record,
    /// and says its name.
    pub(super) fn fetch(&self, into: PathBuf, of: (u64, Position)) -> Result<Option<String>, JournalError> {
        self.ask(|reply| Ask::Fetch(into, of, reply))
    }
}

fn ended() -> JournalError {
    JournalError::Unavailable("the engine's thread has ended".to_owned())
}

fn run(
    (options, name): (&NatsOptions, String),
    queue: UnboundedReceiver<Ask>,
    ready: &SyncSender<Result<Vec<String>, String>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve((options, name), queue, ready)),
        Err(error) => drop(ready.send(Err(error.to_string()))),
    }
}

async fn serve(
    (options, name): (&NatsOptions, String),
    mut queue: UnboundedReceiver<Ask>,
    ready: &SyncSender<Result<Vec<String>, String>>,
) {
    let (session, warnings) = match session::begin(options, name).await {
        Ok(begun) => begun,
        // who asked has gone otherwise
        Err(problem) => return drop(ready.send(Err(problem))),
    };
    let _ = ready.send(Ok(warnings));
    let (mut following, mut publishing, mut answering) = (Task::default(), Task::default(), Task::default());
    let mut feed = None;
    while let Some(ask) = queue.recv().await {
        let session = Arc::clone(&session);
        match ask {
            Ask::Bounds(position, reply) => drop(tokio::spawn(async move {
                let mut bounds = session.bounds().await;
                for _ in 0..CERTAIN {
                    let is_known = |position| bounds.as_ref().is_ok_and(|bounds| bounds.last >= position);
                    if position.is_none_or(is_known) {
                        break;
                    }
                    sleep(AGAIN).await;
                    bounds = session.bounds().await;
                }
                let _ = reply.send(bounds);
            })),
            Ask::Follow(after, made, to) => {
                feed = Some(to.clone());
                let reading = Reading::from(after, made);
                following.becomes(tokio::spawn(follow(session, reading, to)));
            }
            Ask::Publish(no, message) => {
                let feed = feed.clone();
                publishing.becomes(tokio::spawn(async move { publish(&session, no, message, feed).await }));
            }
            Ask::Read(after, upto, to) => drop(tokio::spawn(async move {
                if let Err(problem) = read(&session, after, upto, &to).await {
                    let _ = to.send(Err(problem));
                }
            })),
            Ask::Share(file, name, reply) => drop(tokio::spawn(async move {
                let _ = reply.try_send(share(&session, &file, name).await);
            })),
            Ask::Neighbours(reply) => drop(tokio::spawn(async move {
                // who asked may have gone meanwhile
                let _ = reply.send(session.neighbours().await);
            })),
            Ask::Answer(answerer) => {
                answering.becomes(tokio::spawn(others::answer(session, answerer)));
            }
            Ask::Fetch(into, of, reply) => drop(tokio::spawn(async move {
                let fetched = snapshots::fetch((&session.context, &session.options), &into, of).await;
                let _ = reply.send(fetched);
            })),
        }
    }
}

/// Puts a backup where nodes look that begin with nothing.
async fn share(session: &Session, file: &Path, name: String) -> Result<(), String> {
    let put = match session.bounds().await {
        Ok(Bounds { last, .. }) => snapshots::put((&session.context, &session.options), file, name, last).await,
        Err(problem) => Err(problem),
    };
    if let Err(error) = &put {
        tracing::warn!(
            error,
            "a backup could not be put where nodes look that begin with nothing"
        );
    }
    put
}

/// A task that ends when another takes its place.
#[derive(Default)]
struct Task(Option<JoinHandle<()>>);

impl Task {
    fn becomes(&mut self, task: JoinHandle<()>) {
        if let Some(before) = self.0.replace(task) {
            before.abort();
        }
    }
}
