//! The connection to the engine: how it is made, and what is asked over it.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_nats::{
    Client, ConnectOptions, ServerAddr,
    datetime::parse_rfc3339,
    jetstream::{
        self, Context,
        consumer::{AckPolicy, DeliverPolicy, pull},
        response::Response,
        stream,
    },
};
use buckler::clock::{Clock as _, SystemClock};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::{NatsOptions, others, setup};
use crate::{journal::Position, neighbours::Answers};

/// How long a start waits for the engine: after a power cut it elects a leader first.
pub(super) const START: Duration = Duration::from_secs(30);
/// How long the engine may take for a request. An election takes some seconds, and is waited for
/// by asking again.
pub(super) const REQUEST: Duration = Duration::from_secs(3);
/// How long is waited before something is tried again.
pub(super) const AGAIN: Duration = Duration::from_millis(200);
/// How often the engine says that it has nothing new; after two that are missing the stream is read
/// from another server.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);
/// After how long without a word a server is taken for lost: they speak every second.
const SILENT: Duration = Duration::from_secs(5);
/// How long one request for messages stands.
const EXPIRES: Duration = Duration::from_secs(10);
/// Messages that the engine sends ahead.
const AHEAD: usize = 100;
/// After how long the engine forgets a reader that is gone.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// First and last record that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) first: Position,
    pub(super) last: Position,
    /// When the stream was made, in nanoseconds: another of this name is another log.
    pub(super) made: u64,
    /// By how many seconds this machine's clock is ahead of the engine's.
    pub(super) ahead_s: i64,
    /// Whether enough of the engine's servers hear each other to keep a record. One that was left
    /// alone may take itself for the leader for a while.
    pub(super) has_quorum: bool,
}

/// What the engine says of the stream.
#[derive(Deserialize)]
struct Told {
    #[serde(flatten)]
    stream: stream::Info,
    /// When it says so.
    ts: Option<String>,
}

/// What every task works with.
pub(super) struct Session {
    pub(super) context: Context,
    pub(super) options: NatsOptions,
    /// This node's name for people.
    pub(super) name: String,
    /// Other nodes, and when each was heard last.
    known: ArcSwap<others::Known>,
}

/// Connects, and makes or checks what is needed.
pub(super) async fn begin(options: &NatsOptions, name: String) -> Result<(Arc<Session>, Vec<String>), String> {
    let client = timeout(START, connect(options))
        .await
        .map_err(|_| format!("{}: no answer within {START:?}", options.places()))??;
    let mut context = jetstream::new(client);
    context.set_timeout(REQUEST);
    let since = Instant::now();
    loop {
        match setup::ensure(&context, options).await {
            Ok(warnings) => {
                let session = Session {
                    context,
                    options: options.clone(),
                    name,
                    known: ArcSwap::default(),
                };
                return Ok((Arc::new(session), warnings));
            }
            Err(problem) if since.elapsed() > START => return Err(problem),
            // a cluster that starts has no leader yet
            Err(_) => sleep(AGAIN).await,
        }
    }
}

async fn connect(options: &NatsOptions) -> Result<Client, String> {
    let mut connect = ConnectOptions::new()
        .name("buckler-server")
        .connection_timeout(REQUEST)
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|attempts| if attempts < 3 { AGAIN } else { Duration::from_secs(1) });
    if let Some((user, password)) = options.user()? {
        connect = connect.user_and_password(user, password);
    }
    if let Some(token) = options.token()? {
        connect = connect.token(token);
    }
    // servers that the engine names later must be asked for it, too
    if options.tls.is_some() || options.urls.iter().any(ServerAddr::tls_required) {
        connect = connect.require_tls(true);
    }
    if let Some(tls) = &options.tls {
        if let Some(ca) = &tls.ca {
            connect = connect.add_root_certificates(ca.clone());
        }
        if let Some((cert, key)) = tls.own() {
            connect = connect.add_client_certificate(cert.clone(), key.clone());
        }
    }
    let mut since = None;
    loop {
        match connect.clone().connect(options.urls.clone()).await {
            Ok(client) => return Ok(client),
            Err(error) => {
                // once, so that one who waits sees what for
                since.get_or_insert_with(|| {
                    tracing::warn!(engine = options.places(), %error, "the engine cannot be reached yet");
                });
                sleep(AGAIN).await;
            }
        }
    }
}

impl Session {
    /// Which records are kept.
    pub(super) async fn bounds(&self) -> Result<Bounds, String> {
        let unseen = |error: &dyn fmt::Display| format!("the stream cannot be looked at: {error}");
        let subject = format!("STREAM.INFO.{}", self.options.stream());
        let told = self.context.request(subject, &serde_json::json!({})).await;
        let (found, ts) = match told.map_err(|error| unseen(&error))? {
            Response::Ok(Told { stream, ts }) => (stream, ts),
            Response::Err { error } => return Err(unseen(&error)),
        };
        let engine = ts.as_deref().map(parse_rfc3339).transpose();
        let engine = engine.map_err(|error| unseen(&error))?;
        let own = i64::try_from(SystemClock::new().unix().as_secs()).unwrap_or(i64::MAX);
        Ok(Bounds {
            first: found.state.first_sequence,
            last: found.state.last_sequence,
            made: u64::try_from(found.created.unix_timestamp_nanos()).unwrap_or_default(),
            has_quorum: has_quorum(&found),
            ahead_s: engine.map_or(0, |engine| own.saturating_sub(engine.unix_timestamp())),
        })
    }

    /// What all other nodes say.
    pub(super) async fn neighbours(&self) -> Answers {
        let known = others::Known::clone(&self.known.load());
        let asked = others::ask(&self.context.client(), self.options.questions(), &self.name, known).await;
        let answers = asked.unwrap_or_else(|problem| {
            tracing::warn!(problem, "other nodes cannot be asked");
            Answers {
                silent: self.known.load().keys().cloned().collect(),
                ..Answers::default()
            }
        });
        self.heard(answers.said.iter().map(|(name, _)| name.clone()));
        answers
    }

    /// Nodes were heard. Those that were not for long are forgotten.
    pub(super) fn heard(&self, names: impl IntoIterator<Item = String>) {
        let now = Instant::now();
        let mut known = others::Known::clone(&self.known.load());
        known.extend(names.into_iter().map(|name| (name, now)));
        known.retain(|_, at| now.duration_since(*at) < others::EXPECTED);
        // all of this is one thread's
        self.known.store(Arc::new(known));
    }

    /// A reader of its own for everything after a position. It lives on one server, and is made
    /// again elsewhere when that is gone.
    pub(super) async fn messages(&self, after: Position) -> Result<pull::Stream, String> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.context.create_consumer_on_stream(config, self.options.stream());
        let consumer = consumer.await.map_err(|error| format!("no reader: {error}"))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(AHEAD)
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages();
        messages.await.map_err(|error| format!("no reader: {error}"))
    }
}

/// Whether a majority of a stream's servers hears its leader.
fn has_quorum(found: &stream::Info) -> bool {
    let Some(cluster) = &found.cluster else {
        return true;
    };
    let hears = |peer: &&stream::PeerInfo| !peer.offline && peer.active < SILENT;
    let hearing = cluster.replicas.iter().filter(hears).count();
    let leader = usize::from(cluster.leader.is_some());
    2 * (hearing + leader) > cluster.replicas.len() + 1
}

/// Position and bytes of a message.
pub(super) fn record(message: &jetstream::Message) -> Result<(Position, Vec<u8>), String> {
    let place = message
        .info()
        .map_err(|error| format!("a message of no stream: {error}"))?;
    Ok((place.stream_sequence, message.payload.to_vec()))
}
