//! The stream and the object store: made at the first start, checked at every one. An engine that
//! is older, writes later or replicates less than it should is said loudly, and used all the same.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    context::{PublishError, PublishErrorKind},
    object_store,
    stream::{Compression, Config, DiscardPolicy, RetentionPolicy, StorageType},
};

use super::NatsOptions;
use crate::journal::JournalError;

/// How long records are kept. A node that was away for longer, or is new, goes on from a snapshot;
/// those are made every hour.
const KEPT: Duration = Duration::from_secs(72 * 3_600);

/// Within which time the engine knows a record that is said again: far longer than it is said.
const SAID_AGAIN: Duration = Duration::from_secs(120);

/// The oldest engine that writes a batch of messages with one `fsync`, and acknowledges none
/// before; older ones lose what they acknowledged, or are slow.
const OLDEST: (i64, i64) = (2, 15);

/// The smallest message that the engine must take, in bytes: a report that is as large as a body
/// may be, of an agent that sends what cannot be pressed.
const PAYLOAD: usize = 8 << 20;

/// Makes what is not there, and says what is not as it should be.
pub(super) async fn ensure(context: &Context, options: &NatsOptions) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    let client = context.client();
    let server = client.server_info();
    if !client.is_server_compatible(OLDEST.0, OLDEST.1, 0) {
        warnings.push(format!(
            "the engine is nats-server {}, and should be {}.{} or newer: an older one may lose what it has acknowledged",
            server.version, OLDEST.0, OLDEST.1
        ));
    }
    if server.max_payload < PAYLOAD {
        warnings.push(format!(
            "the engine takes messages up to {} bytes, and should take {PAYLOAD}: a longer record is refused, and its \
             agents keep their events; set max_payload: 8MB",
            server.max_payload
        ));
    }
    let config = stream(options);
    let stream = context.get_or_create_stream(config).await.map_err(|error| {
        format!(
            "the stream {} cannot be made or found: {error}; with fewer servers than `replicas` = {} set that, and see \
             that JetStream is on",
            options.stream(),
            options.replicas
        )
    })?;
    warnings.extend(differences(&stream.cached_info().config, options));
    let bucket = options.bucket();
    if context.get_object_store(&bucket).await.is_err() {
        let config = object_store::Config {
            description: Some("snapshots of Buckler's journal".to_owned()),
            storage: StorageType::File,
            num_replicas: options.replicas,
            bucket,
            ..object_store::Config::default()
        };
        let made = context.create_object_store(config).await;
        made.map_err(|error| format!("the object store {} cannot be made: {error}", options.bucket()))?;
    }
    Ok(warnings)
}

fn stream(options: &NatsOptions) -> Config {
    Config {
        name: options.stream(),
        description: Some("Buckler's journal".to_owned()),
        subjects: vec![options.subject()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_age: KEPT,
        num_replicas: options.replicas,
        duplicate_window: SAID_AGAIN,
        deny_delete: true,
        deny_purge: true,
        compression: Some(Compression::S2),
        ..Config::default()
    }
}

/// What of a stream that is there is not as it would have been made. An engine that does not know
/// an option drops it without a word.
fn differences(found: &Config, options: &NatsOptions) -> Vec<String> {
    let name = &found.name;
    let mut warnings = Vec::new();
    let mut warn = |is_other: bool, said: String| {
        if is_other {
            warnings.push(said);
        }
    };
    warn(
        found.num_replicas < options.replicas,
        format!(
            "the stream {name} has {} replicas, and should have {}: what was acknowledged is lost with fewer disks",
            found.num_replicas, options.replicas
        ),
    );
    warn(
        found.storage != StorageType::File,
        format!("the stream {name} is kept in memory, and should be on disk"),
    );
    warn(
        found.retention != RetentionPolicy::Limits || found.discard != DiscardPolicy::New,
        format!(
            "the stream {name} drops records where it should refuse new ones (`retention: limits`, `discard: new`)"
        ),
    );
    warn(
        found.no_ack || found.duplicate_window < SAID_AGAIN / 2,
        format!("the stream {name} does not know a record that is said again (`duplicate_window`, `no_ack`)"),
    );
    warn(
        !found.deny_delete || !found.deny_purge,
        format!("records can be deleted from the stream {name} (`deny_delete`, `deny_purge`)"),
    );
    let is_short = found.max_age > Duration::ZERO && found.max_age < KEPT / 3;
    warn(
        is_short,
        format!(
            "the stream {name} keeps records for {:?}, and should for {KEPT:?}",
            found.max_age
        ),
    );
    warnings
}

/// What a server's monitoring page says of when it writes, for people; nothing where it writes
/// before it acknowledges.
pub(super) fn written_late(url: &url::Url, agent: &ureq::Agent) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Page {
        config: Option<JetStream>,
    }
    #[derive(serde::Deserialize)]
    struct JetStream {
        #[serde(default)]
        sync_always: bool,
    }
    let place = url.join("jsz?config=true").ok()?;
    let read = agent
        .get(place.as_str())
        .call()
        .and_then(|mut answer| answer.body_mut().read_to_string());
    let page: Result<Page, String> = read
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    match page {
        Ok(Page {
            config: Some(JetStream { sync_always: true }),
        }) => None,
        Ok(_) => Some(format!(
            "the engine at {url} acknowledges before it has written: set sync_interval: always in its jetstream block"
        )),
        Err(error) => Some(format!("the engine at {url} cannot be asked when it writes: {error}")),
    }
}

/// What is said of a record that the engine will not take however often it is said.
pub(super) fn refusal(error: &PublishError) -> Option<JournalError> {
    /// The account, the disk or the stream is full.
    const FULL: [u64; 3] = [10_002, 10_047, 10_122];
    /// The record is longer than the stream takes.
    const LONG: u64 = 10_054;
    let too_large = || JournalError::TooLarge(format!("{error}; set max_payload: 8MB"));
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Some(too_large()),
        PublishErrorKind::Other => {
            let source = std::error::Error::source(error);
            let said = source.and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
            match said?.error_code().0 {
                LONG => Some(too_large()),
                code if FULL.contains(&code) => Some(JournalError::Unavailable(error.to_string())),
                _ => None,
            }
        }
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_lacks_is_said() {
        let options = NatsOptions {
            replicas: 3,
            ..NatsOptions::default()
        };
        let asked = stream(&options);
        assert_eq!(differences(&asked, &options), Vec::<String>::new());
        let weak = Config {
            num_replicas: 1,
            storage: StorageType::Memory,
            discard: DiscardPolicy::Old,
            duplicate_window: Duration::ZERO,
            deny_purge: false,
            max_age: Duration::from_secs(60),
            ..asked
        };
        let said = differences(&weak, &options);
        assert_eq!(said.len(), 6, "{said:?}");
        assert!(said[0].contains("has 1 replicas, and should have 3"), "{said:?}");
    }
}
