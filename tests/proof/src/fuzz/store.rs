//! State directories that were damaged, and agents that start on them.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use buckler::{
    Agent, Settings,
    guard::{RequestView, RouteMatch, Verdict},
    model::{address::parse_network, blacklist::Digest, policy::config_hash},
    protocol::{
        Welcome,
        v2::{ConfigUpdate, ListMode, ListUpdate, ServerPart},
    },
    testing::{ManualClock, ScriptedTransport},
    transport::TransportError,
};

use super::bytes::Bytes;

/// How long anything may take that happens on the agent's thread.
const PATIENCE: Duration = Duration::from_secs(20);
/// Whom the good state shuts out by the server's list.
const LISTED: &str = "198.51.100.9";
/// Whom it shuts out because he was caught here.
const CAUGHT: &str = "203.0.113.9";
/// Who is caught after the damage.
const NEXT: &str = "203.0.113.77";
/// The most that one patch may lengthen a file by.
const GROWTH: usize = 64 << 10;

/// Damages a good state directory, starts an agent on it, and starts another on what that one leaves.
///
/// # Panics
/// Where the first does not start or does not guard, or the second does not know what the first saved.
pub fn store(input: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    damage(directory.path(), Bytes::new(input));
    let agent = start(directory.path(), None);
    assert!(attack(&agent, NEXT), "a damaged state keeps no decoy from being one");
    wait_until(&agent, "it bans", || shuts_out(&agent, NEXT));
    wait_until(&agent, "everything is accounted for", || {
        let status = agent.status();
        status.events.balanced() && status.list.local > 0 && status.events.pending + status.events.settled_here > 0
    });
    let report = agent.shutdown(PATIENCE);
    assert!(report.in_time, "{report:?}");
    let kept = agent.status().store.path.is_some();
    drop(agent);
    if kept {
        let agent = start(directory.path(), None);
        wait_until(&agent, "the ban that was saved is in force", || shuts_out(&agent, NEXT));
    }
}

/// The files of an agent that knew a list and a configuration, and had caught somebody.
static GOOD: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let agent = start(directory.path(), Some(part()));
    wait_until(&agent, "the list is in force", || shuts_out(&agent, LISTED));
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    assert!(attack(&agent, CAUGHT));
    wait_until(&agent, "the event waits", || agent.status().events.pending == 1);
    agent.shutdown(PATIENCE);
    drop(agent);
    let mut files: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (PathBuf::from(path.file_name().unwrap()), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "an agent with a state directory writes no file");
    files
});

/// Writes the good files into `directory`, one of them damaged as the bytes say.
fn damage(directory: &Path, mut bytes: Bytes<'_>) {
    for (name, content) in GOOD.iter() {
        fs::write(directory.join(name), content).unwrap();
    }
    let at = bytes.below(GOOD.len());
    let Some((name, content)) = GOOD.get(at) else { return };
    let path = directory.join(name);
    let mut content = content.clone();
    match bytes.below(5) {
        0 => content = bytes.rest().to_vec(),
        1 => patch(&mut content, bytes),
        2 => content.truncate(bytes.number() as usize % (content.len() + 1)),
        3 => content.extend_from_slice(bytes.rest()),
        _ => return fs::remove_file(path).unwrap(),
    }
    fs::write(path, content).unwrap();
}

fn patch(content: &mut Vec<u8>, mut bytes: Bytes<'_>) {
    while !bytes.is_empty() {
        let at = bytes.number() as usize % (content.len() + GROWTH);
        if at >= content.len() {
            content.resize(at + 1, 0);
        }
        if let Some(byte) = content.get_mut(at) {
            *byte ^= bytes.byte() | 1;
        }
    }
}

/// What the server says before the damage.
fn part() -> ServerPart {
    let listed = parse_network(LISTED).unwrap();
    let body = serde_json::from_value(serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 3600})).unwrap();
    ServerPart {
        list: Some(ListUpdate {
            complete: false,
            mode: ListMode::Snapshot,
            epoch: "b1".to_owned(),
            from: 0,
            to: 7,
            add: vec![(LISTED.to_owned(), 3600)],
            remove: Vec::new(),
            page: 1,
            pages: 1,
            count: 1,
            digest: Digest::of([listed]).to_string(),
        }),
        config: Some(ConfigUpdate {
            version: 1,
            hash: config_hash(&body),
            body,
            signature: None,
        }),
        ..ServerPart::default()
    }
}

/// An agent whose server says `part` at its registration, and otherwise cannot be reached.
fn start(directory: &Path, part: Option<ServerPart>) -> Agent {
    let down = || TransportError::Unreachable {
        host: "127.0.0.1:9".to_owned(),
        reason: "refused by the script".to_owned(),
    };
    let welcome = move |_| {
        let v2 = Some(part.clone().ok_or_else(down)?);
        Ok(Welcome {
            v2,
            ..Welcome::default()
        })
    };
    let script = ScriptedTransport::script(welcome, move |_| Err(down()));
    let settings = Settings::builder()
        .cloud_url("http://127.0.0.1:9/config")
        .key("key")
        .security("SECURITY_CHECKS", serde_json::json!({"flood": 0}))
        .state_dir(directory)
        .build()
        .unwrap();
    Agent::builder(settings)
        .transport(script.factory())
        .clock(ManualClock::new() as Arc<_>)
        .start()
}

fn attack(agent: &Agent, source: &str) -> bool {
    ask(agent, "/.git/config", source).is_block()
}

fn shuts_out(agent: &Agent, source: &str) -> bool {
    ask(agent, "/", source).is_block()
}

fn ask(agent: &Agent, path: &str, source: &str) -> Verdict {
    let headers: [(&str, &[u8]); 0] = [];
    agent.guard().check(&RequestView {
        peer: Some(source.parse::<IpAddr>().unwrap()),
        method: "GET",
        path,
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &headers,
    })
}

#[expect(clippy::disallowed_methods, reason = "patience is measured in real time")]
fn wait_until(agent: &Agent, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            Instant::now() < end,
            "not within {PATIENCE:?}: {what}; {:#?}",
            agent.status()
        );
        std::thread::yield_now();
    }
}
