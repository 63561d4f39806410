//! What durability costs: the same exchanges with a server that keeps everything on disk and with
//! one that keeps it in memory, batches from several agents at once, and a start on a long list.
//!
//!     cargo run --release -p buckler-server --example durable -- 1000000

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{
    error::Error,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use buckler::protocol::v2::{AddressOrigin, AgentPart, Event, EventKind, Evidence, MAX_EVENTS};
use buckler_server::{
    Profile, RunningServer, Server, ServerConfig,
    journal::{DiskJournal, Journal as _},
};
use serde_json::{Value, json};
use uuid::Uuid;

const KEY: &str = "key-of-the-measurement";
/// Exchanges of one event that are timed, on each server in turn.
const EXCHANGES: u32 = 2_000;
/// Agents that report in batches at once.
const AGENTS: u32 = 4;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let entries: u32 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let data_dir = directory.path().join("data");

    let (memory, disk) = (start(None)?, start(Some(&data_dir))?);
    let (mut in_memory, mut on_disk) = (Agent::new(&memory, 1)?, Agent::new(&disk, 2)?);
    let (mut quick, mut durable) = (Vec::new(), Vec::new());
    // in turn, so that both meet the same machine
    for _ in 0..EXCHANGES {
        quick.push(in_memory.exchange(1)?);
        durable.push(on_disk.exchange(1)?);
    }
    let (quick, durable) = (percentiles(quick), percentiles(durable));
    println!("an exchange with one event, p50 / p99: in memory {quick:?}, durable {durable:?}");
    memory.stop(Duration::from_secs(5));

    let each = entries / AGENTS;
    let began = now();
    let address = disk.address();
    let agents: Vec<_> = (0..AGENTS)
        .map(|number| {
            thread::spawn(move || -> Outcome<()> {
                let mut agent = Agent::at(address, 10 + number)?;
                let mut left = each;
                while left > 0 {
                    let batch = left.min(u32::try_from(MAX_EVENTS)?);
                    agent.exchange(batch)?;
                    left -= batch;
                }
                Ok(())
            })
        })
        .collect();
    for agent in agents {
        agent.join().map_err(|_| "an agent panicked")??;
    }
    let took = now() - began;
    let rate = f64::from(each * AGENTS) / took.as_secs_f64();
    println!(
        "{} events durable in batches from {AGENTS} agents: {rate:.0} a second",
        each * AGENTS
    );

    disk.stop(Duration::from_secs(5));
    let file = data_dir.join("buckler.redb");
    let began = now();
    let journal = DiskJournal::open(&file)?;
    let checked = now() - began;
    journal.load(&mut |_, _| Ok(()))?;
    println!(
        "the file alone: opened and its checksums compared in {checked:?}, its rows read in {:?}",
        now() - began - checked
    );
    drop(journal);
    let began = now();
    let disk = start(Some(&data_dir))?;
    let size = std::fs::metadata(file)?.len() >> 20;
    println!(
        "start with {} entries, {size} MiB: {:?}",
        each * AGENTS + EXCHANGES,
        now() - began
    );
    disk.stop(Duration::from_secs(5));
    Ok(())
}

fn start(data_dir: Option<&Path>) -> Outcome<RunningServer> {
    let profile = Profile::for_key(KEY).set("BLACKLIST_SHARE", true);
    let mut config = ServerConfig::new().profile("shop", profile);
    config.data_dir = data_dir.map(Path::to_owned);
    config.limits.shared_live = NonZeroU32::MAX;
    config.limits.shared_per_minute = NonZeroU32::MAX;
    Ok(Server::builder(config).listen("127.0.0.1:0").start()?)
}

/// An agent that reports bans over one connection.
struct Agent {
    stream: TcpStream,
    part: AgentPart,
    net: u32,
    seq: u32,
}

impl Agent {
    fn new(server: &RunningServer, number: u32) -> Outcome<Self> {
        Self::at(server.address(), number)
    }

    fn at(server: SocketAddr, number: u32) -> Outcome<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let part = AgentPart {
            agent_id: Uuid::new_v4(),
            stream: Uuid::new_v4(),
            first: 1,
            ..AgentPart::default()
        };
        Ok(Self {
            stream,
            part,
            net: (20 + number) << 24,
            seq: 0,
        })
    }

    /// Reports so many bans; how long the answer took.
    fn exchange(&mut self, events: u32) -> Outcome<Duration> {
        self.part.events = (1..=events).map(|n| event(self.net, self.seq + n)).collect();
        self.part.first = u64::from(self.seq) + 1;
        self.seq += events;
        let body = json!({"key": KEY, "version": "0.1.0", "proto": 2, "v2": self.part}).to_string();
        let head = format!(
            "POST /beacon HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let began = now();
        self.stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let answer = self.answer()?;
        let took = now() - began;
        let part = answer.pointer("/data/v2").ok_or("no answer of the protocol")?;
        if part.get("ack").and_then(Value::as_u64) != Some(self.seq.into()) {
            return Err(format!("not acknowledged: {answer}").into());
        }
        self.part.have.list = part.get("list").and_then(cursor);
        Ok(took)
    }

    fn answer(&mut self) -> Outcome<Value> {
        let mut came = Vec::new();
        let mut piece = vec![0; 1 << 20];
        loop {
            let read = self.stream.read(&mut piece)?;
            if read == 0 {
                return Err("the server hung up".into());
            }
            came.extend(piece.iter().take(read));
            let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let (head, body) = came.split_at(end + 4);
            let head = String::from_utf8_lossy(head).to_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .ok_or("no length")?
                .trim()
                .parse()?;
            if body.len() >= length {
                return Ok(serde_json::from_slice(body)?);
            }
        }
    }
}

/// Where the agent is once it took the answer, so that the next one is small.
fn cursor(list: &Value) -> Option<buckler::protocol::v2::ListCursor> {
    let mut list = list.clone();
    let to = list.get("to")?.clone();
    list.as_object_mut()?.insert("rev".to_owned(), to);
    serde_json::from_value(list).ok()
}

fn event(net: u32, n: u32) -> Event {
    Event {
        seq: n.into(),
        kind: EventKind::Ban,
        address: std::net::Ipv4Addr::from(net + n).to_string(),
        at_ms: 0,
        ttl_s: 86_400,
        why: "decoy".to_owned(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: None,
    }
}

fn percentiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    let at = |hundredths: usize| times.get(times.len() * hundredths / 100).copied().unwrap_or_default();
    [at(50), at(99)]
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}
