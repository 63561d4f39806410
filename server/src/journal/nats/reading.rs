//! What is done over the connection: the stream is read on from where it is, and records are
//! published.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::Duration,
};

use async_nats::{connection::State, jetstream::message::PublishMessage};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep, timeout};

use super::{
    APPEND,
    session::{AGAIN, Bounds, HEARTBEAT, REQUEST, Session, record},
    setup,
};
use crate::journal::{JournalError, Position, Wake};

/// How long an acknowledgement may take before the record is published once more, under the same
/// id.
const ACK: Duration = Duration::from_secs(2);
/// How long the stream may be unreadable before that is a problem: longer than an election.
const PATIENCE: Duration = Duration::from_secs(10);
/// Attempts that must all find a log that ends before what was read of it: right after an election
/// one server or another may not know its end yet.
pub(super) const CERTAIN: u32 = 5;

/// What comes from the engine's thread.
#[derive(Debug)]
pub(super) enum News {
    /// The next record.
    Record(Position, Vec<u8>),
    /// The stream cannot be read at this moment.
    Down(String),
    /// It can be read again.
    Up,
    /// It is not the stream that was read before, or what follows is no longer kept.
    Broken(JournalError),
    /// The engine refuses the record of this number for good.
    Refused(u64, JournalError),
}

/// Where what is read goes.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) to: SyncSender<News>,
    pub(super) wake: Arc<Wake>,
}

impl Feed {
    /// Hands something over, when there is room. False once the receiver is gone.
    async fn give(&self, mut news: News) -> bool {
        loop {
            match self.to.try_send(news) {
                Ok(()) => {
                    (*self.wake)();
                    return true;
                }
                Err(TrySendError::Full(kept)) => news = kept,
                Err(TrySendError::Disconnected(_)) => return false,
            }
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Why reading ended.
enum End {
    /// It is tried again.
    Trouble(String),
    /// It is not read on.
    Broken(JournalError),
    /// The receiver is gone.
    Unheard,
}

/// How reading goes.
#[derive(Default)]
pub(super) struct Reading {
    after: Position,
    /// When the stream was made.
    made: u64,
    /// Since when the stream cannot be read.
    down_since: Option<Instant>,
    /// Whether that was told.
    is_down: bool,
    /// Attempts, one after another, that found a log that ends before `after`.
    behind: u32,
}

impl Reading {
    /// After a record of the stream that was made then.
    pub(super) fn from(after: Position, made: u64) -> Self {
        Self {
            after,
            made,
            ..Self::default()
        }
    }

    /// The stream is read. False once the receiver is gone.
    async fn works(&mut self, feed: &Feed) -> bool {
        self.down_since = None;
        !std::mem::take(&mut self.is_down) || feed.give(News::Up).await
    }

    /// It is not. False once the receiver is gone.
    async fn fails(&mut self, feed: &Feed, problem: String) -> bool {
        let since = *self.down_since.get_or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE {
            return true;
        }
        self.is_down = true;
        feed.give(News::Down(problem)).await
    }
}

/// Reads on for as long as there is a receiver.
pub(super) async fn follow(session: Arc<Session>, mut reading: Reading, feed: Feed) {
    loop {
        match follow_once(&session, &mut reading, &feed).await {
            End::Unheard => return,
            End::Broken(error) => {
                feed.give(News::Broken(error)).await;
                return;
            }
            End::Trouble(problem) => {
                if !reading.fails(&feed, problem).await {
                    return;
                }
                sleep(AGAIN).await;
            }
        }
    }
}

/// Checks that the stream is the one that was read, and goes on from there.
fn leads_on(bounds: Bounds, reading: &mut Reading) -> Result<(), End> {
    let Bounds { first, last, made, .. } = bounds;
    let after = reading.after;
    if made != reading.made {
        let problem = "it is another stream of this name: the one before was deleted".to_owned();
        return Err(End::Broken(JournalError::Damaged(problem)));
    }
    if last < after {
        reading.behind += 1;
        let problem = format!("the stream ends with record {last}, and record {after} was read from it");
        return Err(if reading.behind >= CERTAIN {
            End::Broken(JournalError::Damaged(problem))
        } else {
            End::Trouble(problem)
        });
    }
    reading.behind = 0;
    if first > after + 1 {
        // nothing is lost by that: others have read them
        return Err(End::Broken(JournalError::Unavailable(format!(
            "records {} to {} are no longer kept: a restart goes on from the newest snapshot",
            after + 1,
            first - 1
        ))));
    }
    Ok(())
}

async fn follow_once(session: &Session, reading: &mut Reading, feed: &Feed) -> End {
    let bounds = match session.bounds().await {
        Ok(bounds) => bounds,
        Err(problem) => return End::Trouble(problem),
    };
    if let Err(end) = leads_on(bounds, reading) {
        return end;
    }
    let mut messages = match session.messages(reading.after).await {
        Ok(messages) => messages,
        Err(problem) => return End::Trouble(problem),
    };
    loop {
        // heartbeats are no items: a reader that misses one says so by an error
        let Ok(next) = timeout(HEARTBEAT * 3, messages.next()).await else {
            // a server that was cut off from the others beats on, and has nothing new
            if let Err(problem) = is_at_the_end(session, reading).await {
                return End::Trouble(problem);
            }
            if reading.works(feed).await {
                continue;
            }
            return End::Unheard;
        };
        let (position, bytes) = match next {
            Some(Ok(message)) => match record(&message) {
                Ok(read) => read,
                Err(problem) => return End::Trouble(problem),
            },
            Some(Err(error)) => return End::Trouble(format!("the stream cannot be read: {error}")),
            None => return End::Trouble("the reader has ended".to_owned()),
        };
        // a server that lags begins earlier
        if position <= reading.after {
            continue;
        }
        if position != reading.after + 1 {
            return End::Trouble(format!("found record {position} after {}", reading.after));
        }
        if !reading.works(feed).await || !feed.give(News::Record(position, bytes)).await {
            return End::Unheard;
        }
        reading.after = position;
    }
}

/// Checks that nothing new comes because there is nothing.
async fn is_at_the_end(session: &Session, reading: &Reading) -> Result<(), String> {
    let bounds = session.bounds().await?;
    if !bounds.has_quorum {
        return Err("the engine has no quorum".to_owned());
    }
    if bounds.last != reading.after || bounds.made != reading.made {
        return Err(format!(
            "the stream ends with record {}, and after {} none came",
            bounds.last, reading.after
        ));
    }
    Ok(())
}

/// Has the engine take a record, for as long as its writer waits: what was answered with a failure
/// must not take effect hours later, after what was decided elsewhere meanwhile. Its number within
/// its node is its id there, so that it is taken once however often it is said.
pub(super) async fn publish(session: &Session, no: u64, message: PublishMessage, feed: Option<Feed>) {
    let subject = session.options.subject();
    let client = session.context.client();
    let until = Instant::now() + APPEND;
    while Instant::now() < until {
        // without a connection it would be sent whenever there is one again
        if client.connection_state() != State::Connected {
            sleep(AGAIN).await;
            continue;
        }
        let sent = async {
            let ack = session.context.send_publish(subject.clone(), message.clone()).await?;
            ack.await
        };
        let problem = match timeout(ACK, sent).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error,
            Err(_) => continue,
        };
        if let Some(refusal) = setup::refusal(&problem) {
            if let Some(feed) = &feed {
                feed.give(News::Refused(no, refusal)).await;
            }
            return;
        }
        tracing::debug!(%problem, no, "a record is published again");
        sleep(AGAIN).await;
    }
}

/// Reads records after a position, up to another or to the end.
pub(super) async fn read(
    session: &Session,
    mut after: Position,
    upto: Option<Position>,
    to: &SyncSender<Result<(Position, Vec<u8>), String>>,
) -> Result<(), String> {
    let bounds = session.bounds().await?;
    let upto = upto.unwrap_or(bounds.last);
    if after >= upto {
        return Ok(());
    }
    let mut messages = session.messages(after).await?;
    while after < upto {
        let next = timeout(REQUEST, messages.next()).await;
        let next = next.map_err(|_| format!("record {} does not come", after + 1))?;
        let message = next.ok_or("the reader has ended")?;
        let (position, bytes) = record(&message.map_err(|error| error.to_string())?)?;
        if position <= after {
            continue;
        }
        if position != after + 1 {
            return Err(format!(
                "found record {position}, the next should have been {}",
                after + 1
            ));
        }
        let mut next = Ok((position, bytes));
        while let Err(TrySendError::Full(kept)) = to.try_send(next) {
            next = kept;
            sleep(Duration::from_millis(1)).await;
        }
        after = position;
    }
    Ok(())
}
