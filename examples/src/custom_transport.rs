//! A transport written by a stranger: it speaks with the server through a directory of JSON files.
//!
//! A registration or beacon becomes the file `<conversation>-<id>.ask.json`; whoever carries the mail (here [`crate::relay`])
//! leaves the server's answer in `<conversation>-<id>.reply.json`. The objects are those that a WebSocket would carry
//! ([`buckler::protocol::frame`]). Nothing is pushed, and nothing of the conversation is kept here: cursor, outbox and ids are
//! the session's.
//!
//! ```toml
//! [transport]
//! kind = "directory"
//!
//! [transport.directory]
//! path = "/var/spool/buckler"
//! timeout = "10s"
//! ```

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::rt::time::{sleep, timeout};
use buckler::{
    protocol::{
        Beacon, BeaconReply, Envelope, Registration, Welcome,
        frame::{AgentFrame, AgentMessage, ReplyFrame},
    },
    settings::{Settings, SettingsError},
    transport::{Push, Transport, TransportError, TransportFactory},
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::LocalBoxFuture,
    stream::{self, LocalBoxStream},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// What `[transport] kind` calls this transport.
pub const KIND: &str = "directory";

/// Between two looks for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The longest answer that is read, in bytes: nothing from outside is trusted by its size.
const LONGEST: u64 = 32 << 20;

/// Reads this transport's options; the factory then makes a transport on the agent's thread.
///
/// # Errors
/// Names every option that is missing, unknown or of a wrong type.
pub fn factory(settings: &Settings) -> Result<TransportFactory, SettingsError> {
    let mut options = settings.section(KIND);
    let seconds = Duration::from_secs(1)..=Duration::from_secs(300);
    let patience = options.duration("timeout", Duration::from_secs(10), seconds);
    let path = options.path("path").unwrap_or_else(|| {
        options.reject("path", "nothing", "a directory");
        PathBuf::new()
    });
    options.finish()?;
    Ok(Arc::new(move || {
        fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Box::new(Directory {
            path: path.clone(),
            patience,
            conversation: Uuid::new_v4(),
            asked: Cell::new(0),
        }))
    }))
}

struct Directory {
    path: PathBuf,
    patience: Duration,
    /// So that many agents can share a directory.
    conversation: Uuid,
    asked: Cell<u64>,
}

impl Transport for Directory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        self.ask(AgentMessage::Register(Box::new(registration))).boxed_local()
    }

    /// Where the mail goes is the carrier's business: a URL says nothing here.
    fn beacon(&self, _: Option<url::Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        self.ask(AgentMessage::Beacon(Box::new(beacon))).boxed_local()
    }

    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        stream::pending().boxed_local()
    }
}

impl Directory {
    async fn ask<T: DeserializeOwned>(&self, message: AgentMessage) -> Result<T, TransportError> {
        let id = self.asked.get() + 1;
        self.asked.set(id);
        let file = |kind: &str| self.path.join(format!("{}-{id}.{kind}.json", self.conversation));
        let ask = serde_json::to_vec(&AgentFrame { id, message }).map_err(|error| malformed(&error))?;
        // written aside and renamed: nobody ever reads half of it
        fs::write(file("draft"), ask).map_err(|error| unusable(&self.path, &error))?;
        fs::rename(file("draft"), file("ask")).map_err(|error| unusable(&self.path, &error))?;
        let reply = timeout(self.patience, answer(&file("reply"))).await;
        // an answer that comes later is nobody's: the conversation asks anew
        let _ = fs::remove_file(file("ask"));
        reply.unwrap_or(Err(TransportError::Deadline(self.patience)))
    }
}

async fn answer<T: DeserializeOwned>(file: &Path) -> Result<T, TransportError> {
    while !file.exists() {
        sleep(LOOK_EVERY).await;
    }
    if fs::metadata(file).is_ok_and(|found| found.len() > LONGEST) {
        let _ = fs::remove_file(file);
        return Err(TransportError::TooLarge(usize::try_from(LONGEST).unwrap_or(usize::MAX)));
    }
    let text = fs::read(file).map_err(|error| unusable(file, &error))?;
    let _ = fs::remove_file(file);
    let frame: ReplyFrame = serde_json::from_slice(&text).map_err(|error| malformed(&error))?;
    let envelope: Envelope<T> = serde_json::from_str(frame.reply.get()).map_err(|error| malformed(&error))?;
    match (frame.code, envelope.status, envelope.data) {
        (200, true, Some(reply)) => Ok(reply),
        (200, true, None) => Err(TransportError::Malformed("an answer without data".to_owned())),
        (200, false, _) => Err(TransportError::Refused(envelope.message)),
        (status, ..) => Err(TransportError::Status {
            status,
            message: Some(envelope.message),
            retry_after: frame.retry_after_s.map(Duration::from_secs),
        }),
    }
}

fn malformed(error: &serde_json::Error) -> TransportError {
    TransportError::Malformed(error.to_string())
}

fn unusable(path: &Path, error: &io::Error) -> TransportError {
    TransportError::Unusable(format!("{}: {error}", path.display()))
}
