//! News for other programs: what was banned, let in again, attacked and changed, as lines of JSON
//! in a file, and sent to webhooks.
//!
//! ```text
//!  node's thread ─▶ queue ─▶ writer's thread ─▶ event file, rotated
//!                                          └──▶ spool: segments in `data_dir`, bounded
//!                                                 └─▶ a thread for each webhook, from its cursor
//! ```
//!
//! Nothing here holds up the store: a queue or spool that is full loses the oldest news, and counts
//! them.

mod file;
mod hook;
mod spool;

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use buckler::{
    model::address,
    private,
    protocol::v2::{Event, EventKind, Evidence},
};
use ipnet::IpNet;
use serde::Serialize;

use self::{file::EventFile, spool::Spool};
use crate::{
    config::ServerConfig,
    list::Banned,
    store::{Answer, Batch, BatchEvents, Command, Record},
};

/// News that wait for the disk, in records: some seconds of an attack.
const QUEUE: usize = 1_024;

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct News {
    kind: &'static str,
    /// By the server's clock, in milliseconds since the Unix epoch.
    at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_s: Option<u64>,
    /// The check, or an operator's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// `operator`, or the agent's id.
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Arc<str>>,
    /// Of a configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    /// By which `bucklerctl why` explains the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    block_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
}

impl News {
    fn new(kind: &'static str, at_ms: u64, by: String) -> Self {
        Self {
            kind,
            at_ms,
            by,
            fleet: None,
            address: None,
            ttl_s: None,
            why: None,
            profile: None,
            version: None,
            evidence: None,
            block_id: None,
            rule: None,
            place: None,
            method: None,
            route: None,
            host: None,
        }
    }
}

/// Where news go.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    queue: SyncSender<Vec<News>>,
    lost: Arc<AtomicU64>,
}

impl Events {
    /// Starts what the configuration asks for; nothing, if that is nothing.
    ///
    /// # Errors
    /// If a file cannot be opened, or the system gives no thread.
    pub(crate) fn start(config: &ServerConfig) -> io::Result<Option<Self>> {
        let file = config
            .events
            .as_ref()
            .map(|named| EventFile::open(&named.file, named.rotate_bytes.get()));
        let file = file.transpose()?;
        let folder = config.data_dir.as_ref().filter(|_| !config.webhooks.is_empty());
        let spool = folder.map(|folder| Spool::open(folder.join("events"))).transpose()?;
        if file.is_none() && spool.is_none() {
            return Ok(None);
        }
        let (queue, news) = sync_channel(QUEUE);
        let mut hooks = Vec::new();
        if let Some(spool) = &spool {
            for (name, named) in &config.webhooks {
                hooks.push(hook::start(name, named, spool.folder())?);
            }
        }
        let writer = Writer { file, spool, hooks };
        thread::Builder::new()
            .name("buckler-events".to_owned())
            .spawn(move || writer.run(&news))?;
        let lost = Arc::default();
        Ok(Some(Self { queue, lost }))
    }

    /// Tells what came of a record.
    pub(crate) fn tell(&self, record: &Record, answers: &[Answer]) {
        let commands = record.commands.iter().zip(answers);
        let news: Vec<News> = commands
            .flat_map(|(command, answer)| of_command(command, answer, record.at.unix_ms))
            .collect();
        let count = news.len() as u64;
        if count > 0 && self.queue.try_send(news).is_err() {
            let before = self.lost.fetch_add(count, Ordering::Relaxed);
            if before == 0 {
                tracing::error!("events are lost: the disk does not take them as fast as they come");
            }
        }
    }
}

fn of_command(command: &Command, answer: &Answer, at_ms: u64) -> Vec<News> {
    if let (Command::Report(batch), Answer::Taken { known, nack, .. }) = (command, answer)
        && let BatchEvents::V2 { events, .. } = &batch.events
    {
        let is_taken = |event: &&Event| event.seq > *known && !nack.iter().any(|nack| nack.seq == event.seq);
        return events
            .iter()
            .filter(is_taken)
            .map(|event| of_agent(batch, event, at_ms))
            .collect();
    }
    of_operator(command, answer, at_ms).into_iter().collect()
}

fn of_operator(command: &Command, answer: &Answer, at_ms: u64) -> Option<News> {
    let by_operator = |kind| News::new(kind, at_ms, "operator".to_owned());
    let of_list = |kind, fleet: &Arc<str>, network: &IpNet| News {
        fleet: Some(Arc::clone(fleet)),
        address: Some(address::to_text(*network)),
        ..by_operator(kind)
    };
    match (command, answer) {
        (
            Command::Ban {
                fleet,
                network,
                ttl_s,
                why,
            },
            Answer::Banned(Banned::Added | Banned::Prolonged),
        ) => Some(News {
            ttl_s: *ttl_s,
            why: (!why.is_empty()).then(|| why.clone()),
            ..of_list("ban", fleet, network)
        }),
        (Command::Unban { fleet, network }, Answer::Unbanned(Some(_))) => Some(of_list("unban", fleet, network)),
        (
            Command::Allow {
                fleet,
                network,
                ttl_s,
                why,
                ..
            },
            Answer::Allowed(Some(_)),
        ) => Some(News {
            ttl_s: *ttl_s,
            why: Some(why.clone()),
            ..of_list("allow", fleet, network)
        }),
        (Command::Disallow { fleet, network }, _) => Some(of_list("disallow", fleet, network)),
        (Command::Profile(state), _) => Some(News {
            profile: Some(Arc::clone(&state.name)),
            version: Some(state.version),
            why: Some(if state.replaced.is_some() { "api" } else { "file" }.to_owned()),
            ..by_operator("profile")
        }),
        _ => None,
    }
}

fn of_agent(batch: &Batch, event: &Event, at_ms: u64) -> News {
    let kind = match event.kind {
        EventKind::Ban => "ban",
        EventKind::Unban => "unban",
        EventKind::Attack => "attack",
    };
    let detail = event.detail.as_deref();
    News {
        fleet: Some(Arc::clone(&batch.fleet)),
        address: Some(event.address.clone()),
        ttl_s: (event.kind == EventKind::Ban).then_some(event.ttl_s),
        why: Some(event.why.clone()),
        profile: Some(Arc::clone(batch.who.profile())),
        evidence: (event.kind != EventKind::Unban).then_some(event.evidence),
        block_id: detail.and_then(|detail| detail.id.clone()),
        rule: detail.map(|detail| detail.rule.clone()),
        place: detail.map(|detail| detail.place.clone()),
        method: detail.and_then(|detail| detail.method.clone()),
        route: detail.and_then(|detail| detail.route.clone()),
        host: detail.and_then(|detail| detail.host.clone()),
        ..News::new(kind, at_ms, batch.who.to_string())
    }
}

/// The thread that writes news down.
struct Writer {
    file: Option<EventFile>,
    spool: Option<Spool>,
    hooks: Vec<SyncSender<()>>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Vec<News>>) {
        let mut is_failing = false;
        while let Ok(mut news) = queue.recv() {
            // what came meanwhile goes along
            news.extend(queue.try_iter().flatten());
            let written = self.write(&news);
            if let Err(error) = &written
                && !is_failing
            {
                tracing::error!(%error, "events cannot be written, and are lost until they can");
            }
            is_failing = written.is_err();
            for hook in &self.hooks {
                // full means that it is about to look
                let _ = hook.try_send(());
            }
        }
    }

    fn write(&mut self, news: &[News]) -> io::Result<()> {
        let in_file = self.file.as_mut().map_or(Ok(()), |file| file.write(news));
        let in_spool = self.spool.as_mut().map_or(Ok(()), |spool| spool.write(news));
        in_file.and(in_spool)
    }
}

/// Opens a file that only its owner reads, and that no other has planted: it holds addresses of
/// people.
fn opened(path: &Path) -> io::Result<File> {
    private::append(path).map_err(|error| at(path, &error))
}

/// A file's path, for errors.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
