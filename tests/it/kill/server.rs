//! The server killed and started again on the same directory: what it acknowledged is there
//! afterwards, nothing counts twice, and no agent ever leaves its history.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _, stdin, stdout},
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use buckler::{
    protocol::v2::{AddressOrigin, AgentPart, Event, EventKind, Evidence, ServerPart},
    testing::ManualClock,
};
use buckler_server::{Profile, Server, ServerConfig, backup};
use fastrand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{SEED, let_live, without_quotas};
use crate::{
    child,
    cloud::ask,
    rig::WEBSOCKET,
    site::{DECOY, KEY, Site, settings},
};

const ADMIN: &str = "admin-token-of-the-killed-server";
/// The environment variables that name the child's directory, and where it listens.
const DATA_DIR: &str = "BUCKLER_TEST_DATA_DIR";
const LISTEN: &str = "BUCKLER_TEST_LISTEN";

/// How often the server is killed under load.
const KILLS: u64 = 30;
/// The longest that it lives, in microseconds.
const LIFE_US: u64 = 300_000;
/// Agents that report meanwhile.
const REPORTERS: u8 = 3;
/// How long who got no answer waits before it asks again.
const PAUSE: Duration = Duration::from_millis(2);
/// How long bans last: longer than the test.
const BAN_FOR_S: u64 = 604_800;

/// A server in a process of its own.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(data_dir: &Path, listen: SocketAddr) -> Self {
        let mut command = child::command("kill::server::serving_alone");
        command
            .env(DATA_DIR, data_dir)
            .env(LISTEN, listen.to_string())
            .stderr(Stdio::inherit());
        let mut child = child::start(command);
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let said = lines.find_map(|line| {
            let (_, address) = line.split_once("listening ")?;
            address.trim().parse().ok()
        });
        let address = said.expect("the server says where it listens");
        // it may go on talking
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as an operator does.
    fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, mut answer) = admin(self.address, method, path, body).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["data"].take()
    }

    /// Epoch and revision of the list.
    fn head(&self) -> (Value, Value) {
        let mut page = self.admin("GET", "blacklist?limit=1", &Value::Null);
        (page["epoch"].take(), page["rev"].take())
    }

    fn agents(&self) -> Vec<Value> {
        let agents = self.admin("GET", "agents", &Value::Null);
        agents["agents"].as_array().unwrap().clone()
    }
}

fn admin(address: SocketAddr, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let headers = format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n");
    let (status, answer) = ask(address, method, &format!("/admin/{path}"), &headers, body.as_bytes())?;
    Ok((status, serde_json::from_slice(&answer)?))
}

#[test]
#[ignore = "it is what the other tests start and kill, and does nothing without an order"]
fn serving_alone() {
    let (Ok(data_dir), Ok(listen)) = (env::var(DATA_DIR), env::var(LISTEN)) else {
        return;
    };
    let profile = Profile::for_key(KEY)
        .set("APP_NAME", "shop")
        .set("BLACKLIST_SHARE", true)
        .set("BEACON_DELAY", 1)
        .set("BLACKLIST_DELAY", BAN_FOR_S)
        .set("BAN_GROWTH", false)
        .set("SECURITY_CHECKS", json!({"flood": 0}));
    let mut config = ServerConfig::new()
        .profile("shop", profile)
        .admin_token(ADMIN)
        .data_dir(data_dir);
    without_quotas(&mut config.limits);
    let server = Server::builder(config).listen(&listen).start().unwrap();
    // not `println!`: what the harness catches is lost with the process
    writeln!(stdout(), "listening {}", server.address()).unwrap();
    stdout().flush().unwrap();
    // until the parent process closes it, or is gone
    let _ = stdin().read(&mut [0]);
    server.stop(Duration::from_secs(5));
}

#[test]
fn bans_hold_while_their_server_is_killed_and_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let mut server = Process::start(&data_dir, ([127, 0, 0, 1], 0).into());
    let url = format!("http://{}/config", server.address);
    let shop = Site::start(settings(&url));
    let blog = Site::over(WEBSOCKET, settings(&url), &ManualClock::new());
    let (operators, agents, customer) = ("203.0.113.1", "203.0.113.9", "203.0.113.10");
    for site in [&shop, &blog] {
        site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    }
    server.admin("POST", "blacklist", &json!({"address": operators, "ttl_s": BAN_FOR_S}));
    assert_eq!(shop.get(DECOY, agents), 403);
    for site in [&shop, &blog] {
        site.wait_until("both bans are there", || {
            [operators, agents].iter().all(|client| site.get("/", client) == 403)
        });
    }
    let holds = || {
        for (site, client) in [(&shop, operators), (&blog, operators), (&blog, agents)] {
            assert_eq!(site.get("/", client), 403, "{client} was let in");
        }
        assert_eq!(blog.get("/", customer), 200);
    };
    let head = server.head();
    for _ in 0..3 {
        let address = server.address;
        server.kill();
        holds();
        server = Process::start(&data_dir, address);
        assert_eq!(server.head(), head, "the same history, at the same revision");
        blog.wait_until("both agents speak with the new process", || {
            holds();
            let known = server.agents();
            let is_in_step = |agent: &Value| (&agent["list"]["epoch"], &agent["list"]["rev"]) == (&head.0, &head.1);
            known.len() == 2 && known.iter().all(is_in_step)
        });
        assert_eq!(server.head(), head, "nothing counts twice");
        let bans: u64 = server
            .agents()
            .iter()
            .map(|agent| agent["shared"]["bans"].as_u64().unwrap())
            .sum();
        assert_eq!(bans, 1);
    }
    assert_eq!(shop.get(DECOY, customer), 403);
    blog.wait_until("a new ban crosses", || blog.get("/", customer) == 403);
    server.stop();
}

/// An agent that reports bans, and nothing else.
struct Reporter {
    part: AgentPart,
    host: u8,
    made: u64,
    acknowledged: BTreeSet<String>,
    epochs: BTreeSet<String>,
}

impl Reporter {
    fn new(host: u8) -> Self {
        let part = AgentPart {
            agent_id: Uuid::new_v4(),
            instance_id: Uuid::now_v7(),
            stream: Uuid::new_v4(),
            first: 1,
            ..AgentPart::default()
        };
        Self {
            part,
            host,
            made: 0,
            acknowledged: BTreeSet::new(),
            epochs: BTreeSet::new(),
        }
    }

    fn catch(&mut self) {
        self.made += 1;
        let [.., high, low] = self.made.to_be_bytes();
        self.part.events.push(Event {
            seq: self.made,
            kind: EventKind::Ban,
            address: format!("20.{}.{high}.{low}", self.host),
            at_ms: 0,
            ttl_s: BAN_FOR_S,
            why: "decoy".to_owned(),
            evidence: Evidence::Certain,
            peer: AddressOrigin::Socket,
            detail: None,
        });
    }

    /// Reports what waits; whether there was an answer.
    fn report(&mut self, server: SocketAddr) -> bool {
        let message = json!({"key": KEY, "version": "0.1.0", "proto": 2, "v2": self.part}).to_string();
        let headers = "Content-Type: application/json\r\n";
        let Ok((200, answer)) = ask(server, "POST", "/beacon", headers, message.as_bytes()) else {
            return false;
        };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let said: ServerPart = serde_json::from_value(answer["data"]["v2"].clone()).unwrap();
        assert!(said.nack.is_empty(), "{:?}", said.nack);
        let ack = said.ack.unwrap();
        for event in self.part.events.extract_if(.., |event| event.seq <= ack) {
            self.acknowledged.insert(event.address);
        }
        self.part.first = ack + 1;
        self.epochs.insert(said.list.unwrap().epoch);
        true
    }

    /// Catches and reports until it is told to end.
    fn run(mut self, server: SocketAddr, end: &AtomicBool) -> Self {
        while !end.load(Ordering::SeqCst) {
            if self.part.events.len() < 200 {
                self.catch();
            }
            if !self.report(server) {
                thread::park_timeout(PAUSE);
            }
        }
        self
    }
}

/// An operator who bans until he is told to end; the addresses that he was told are banned.
fn operate(server: SocketAddr, end: &AtomicBool) -> BTreeSet<String> {
    let mut banned = BTreeSet::new();
    for n in 0_u32.. {
        if end.load(Ordering::SeqCst) {
            break;
        }
        let [.., high, low] = n.to_be_bytes();
        let address = format!("21.0.{high}.{low}");
        let ban = json!({"address": address, "ttl_s": BAN_FOR_S, "reason": "seen"});
        match admin(server, "POST", "blacklist", &ban) {
            Ok((200, _)) => drop(banned.insert(address)),
            Ok(_) | Err(_) => thread::park_timeout(PAUSE),
        }
    }
    banned
}

/// Every address on the server's list.
fn listed(server: &Process) -> BTreeSet<String> {
    let (mut listed, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = server.admin("GET", &format!("blacklist?limit=10000{after}"), &Value::Null);
        let entries = page["entries"].as_array().unwrap().iter();
        listed.extend(entries.map(|entry| entry["address"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return listed,
        }
    }
}

#[test]
fn what_a_killed_server_acknowledged_is_there_and_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let mut random = Rng::with_seed(SEED);
    let first = Process::start(&data_dir, ([127, 0, 0, 1], 0).into());
    let (address, (epoch, _)) = (first.address, first.head());
    let end = Arc::new(AtomicBool::new(false));
    let reporters: Vec<JoinHandle<Reporter>> = (0..REPORTERS)
        .map(|host| {
            let end = Arc::clone(&end);
            thread::spawn(move || Reporter::new(host).run(address, &end))
        })
        .collect();
    let stop = Arc::clone(&end);
    let operator = thread::spawn(move || operate(address, &stop));
    let mut server = first;
    for _ in 0..KILLS {
        let_live(Duration::from_micros(random.u64(0..LIFE_US)));
        server.kill();
        server = Process::start(&data_dir, address);
    }
    end.store(true, Ordering::SeqCst);
    let by_operator = operator.join().unwrap();
    let reporters = reporters.into_iter().map(|reporter| {
        let mut reporter = reporter.join().unwrap();
        // what waits, and what was acknowledged by a process that is gone and not heard
        assert!(reporter.report(address));
        assert!(reporter.part.events.is_empty());
        reporter
    });
    let reporters: Vec<Reporter> = reporters.collect();

    let listed = listed(&server);
    let lost: Vec<_> = by_operator.difference(&listed).collect();
    assert!(lost.is_empty(), "an operator was told that these are banned: {lost:?}");
    let agents = server.agents();
    for reporter in &reporters {
        let lost: Vec<_> = reporter.acknowledged.difference(&listed).collect();
        assert!(lost.is_empty(), "an agent was told that these are known: {lost:?}");
        assert!(reporter.made > 2 * KILLS, "{} events in all", reporter.made);
        assert_eq!(reporter.epochs.iter().collect::<Vec<_>>(), [epoch.as_str().unwrap()]);
        let id = reporter.part.agent_id.to_string();
        let known = agents.iter().find(|agent| agent["id"] == *id).unwrap();
        let shared = &known["shared"];
        assert_eq!(
            (&shared["bans"], &known["missing"]),
            (&json!(reporter.made), &json!(0)),
            "{known}"
        );
        assert_eq!(shared["refused"], json!({}));
    }
    assert!(by_operator.len() as u64 > KILLS / 4, "{} bans", by_operator.len());
    assert_eq!(server.head().0, epoch);
    server.stop();
    backup::check(&data_dir).unwrap();
}
