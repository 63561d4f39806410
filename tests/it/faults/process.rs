//! The host's process is limited, or told to end.

use std::{
    collections::BTreeSet,
    env,
    fs::File,
    io::{BufRead, BufReader, Lines, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command},
    time::Duration,
};

use actix_web::{App, HttpServer, web};
use buckler::{status::ShutdownReport, testing::ManualClock};
use buckler_actix_web::{Agent, Buckler};
use buckler_tests::fault::{Answer, FaultServer, Record, Say, Script, Seen, Upgrade};
use serde_json::{Value, json};

use super::{is_in_step_again, scribe::Scribe, well_behaved};
use crate::{
    child,
    judged::{lets_in, source},
    rig::{HTTP_POLLING, Rig, WEBSOCKET, over_both_transports},
    site::{DECOY, PATIENCE, Site, settings},
};

over_both_transports! {
    descriptors_are_used_up,
    sigterm_with_a_full_outbox,
}

const RIG: &str = "BUCKLER_TEST_RIG";
const CLOUD: &str = "BUCKLER_TEST_CLOUD";
const STATE: &str = "BUCKLER_TEST_STATE";
const FIRST: &str = "BUCKLER_TEST_FIRST";

fn rig() -> Rig {
    match env::var(RIG).as_deref() {
        Ok("websocket") => WEBSOCKET,
        _ => HTTP_POLLING,
    }
}

fn descriptors_are_used_up(rig: Rig) {
    let server = FaultServer::start(well_behaved()).unwrap();
    let mut command = child::with_descriptors("faults::process::few_descriptors_alone", 128);
    command.env(RIG, rig.kind).env(CLOUD, server.url("/config"));
    let mut host = Host::of(command);
    host.waits_for("taken");
    // every connection ends, so that the agent needs another
    let script = Script::by(|_: &Seen| Answer::reply(&json!({})).until_close().into());
    server.play(script.upgrading(Upgrade::new())).unwrap();
    if server.record().open > 0 {
        server.say([Say::End]).unwrap();
    }
    host.waits_for("freed");
    server.play(well_behaved()).unwrap();
    host.waits_for("1 passed");
}

/// A client's connection that stays, since no new one can be accepted.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn get(&mut self, path: &str, client: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: {client}\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the connection ended");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if line.is_empty() {
                std::io::Read::read_exact(&mut self.0, &mut vec![0; length]).unwrap();
                return status;
            }
        }
    }
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn few_descriptors_alone() {
    let site = Site::over(rig(), settings(&env::var(CLOUD).unwrap()), &ManualClock::new());
    is_in_step_again(&site);
    let stream = TcpStream::connect(site.app.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut kept = Kept(BufReader::new(stream));
    assert_eq!(kept.get("/", "203.0.113.10"), 200);
    let mut taken = all_descriptors();
    say("taken");
    site.wait_until("the agent is without", || {
        assert_eq!(kept.get("/", "203.0.113.10"), 200);
        // what the agent gives back with its connection is taken, too
        taken.extend(all_descriptors());
        site.agent.status().conversation.problem.is_some()
    });
    assert_eq!(kept.get(DECOY, "198.51.100.1"), 418);
    drop(taken);
    say("freed");
    is_in_step_again(&site);
    assert_eq!(site.get("/", "198.51.100.1"), 418);
}

fn all_descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Detections of a process that is then told to end: as many as may wait for the server, and some more.
const CAUGHT: u32 = 11_000;

/// Of those, what waits.
const KEPT: u64 = 10_000;

/// How long all of that may take to be told, one message after another: on a busy machine, minutes.
const LONG_PATIENCE: Duration = Duration::from_secs(300);

fn sigterm_with_a_full_outbox(rig: Rig) {
    let server = FaultServer::start(Scribe::of("e", &["198.51.100.1/32"]).script(Vec::new())).unwrap();
    let directory = tempfile::tempdir().unwrap();
    // nobody takes them: they are kept
    let mut host = Host::start(rig, &server, directory.path(), 0);
    server.refuse().unwrap();
    host.catches();
    let report = host.ends_on_sigterm();
    assert_eq!(
        (&report["kept"], &report["in_time"]),
        (&true.into(), &true.into()),
        "{report}"
    );
    assert_eq!(
        (&report["unsent"], &report["lost"]["outbox_full"]),
        (&KEPT.into(), &1_000.into()),
        "{report}"
    );
    // the next process tells them
    server.listen().unwrap();
    let mut host = Host::start(rig, &server, directory.path(), CAUGHT);
    // the server answers nothing while it looks: each message is read once
    let (mut read, mut told) = (0, BTreeSet::new());
    let is_told = move |record: &Record| {
        told.extend(record.requests.iter().skip(read).flat_map(events_of));
        read = record.requests.len();
        told.len() as u64 == KEPT
    };
    assert!(server.wait_for(is_told, LONG_PATIENCE), "what was left is told");
    // somebody is there again when it ends: they are told before, once each
    server.refuse().unwrap();
    host.catches();
    server.listen().unwrap();
    let report = host.ends_on_sigterm();
    assert_eq!(
        (&report["unsent"], &report["in_time"]),
        (&0.into(), &true.into()),
        "{report}"
    );
    assert_eq!(events(&server.record()).len() as u64, 2 * KEPT);
}

/// The events that were told, by stream and number.
fn events(record: &Record) -> BTreeSet<(String, u64)> {
    record.requests.iter().flat_map(events_of).collect()
}

/// The events of one message.
fn events_of(seen: &Seen) -> Vec<(String, u64)> {
    let part = seen.json()["v2"].take();
    let events = part["events"].as_array().into_iter().flatten();
    let named = events.map(|event| (part["stream"].to_string(), event["seq"].as_u64().unwrap()));
    named.collect()
}

/// A host in a process of its own, spoken to by its standard input and output.
struct Host {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Host {
    /// Starts one, which will catch sources from the `first` on, and waits until it is in step.
    fn start(rig: Rig, server: &FaultServer, state: &Path, first: u32) -> Self {
        let mut command = child::command("faults::process::until_sigterm_alone");
        command
            .env(RIG, rig.kind)
            .env(CLOUD, server.url("/config"))
            .env(STATE, state)
            .env(FIRST, first.to_string());
        let mut host = Self::of(command);
        host.waits_for("in step");
        host
    }

    fn of(command: Command) -> Self {
        let mut process = child::start(command);
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    fn waits_for(&mut self, what: &str) -> String {
        loop {
            let line = self
                .said
                .next()
                .unwrap_or_else(|| panic!("it ended before it said {what:?}"))
                .unwrap();
            if let Some((_, rest)) = line.split_once(what) {
                return rest.to_owned();
            }
        }
    }

    fn catches(&mut self) {
        writeln!(self.process.stdin.as_mut().unwrap(), "catch").unwrap();
        self.waits_for("caught");
    }

    /// Sends SIGTERM; what the shutdown achieved.
    fn ends_on_sigterm(mut self) -> Value {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let report = serde_json::from_str(&self.waits_for("report: ")).unwrap();
        assert!(self.process.wait().unwrap().success());
        report
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // it has ended, unless the test failed
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A host that ends as hosts do: it hears SIGTERM, stops to serve, and shuts the agent down.
#[test]
#[ignore = "run by another test in a process of its own"]
fn until_sigterm_alone() {
    let settings = settings(&env::var(CLOUD).unwrap()).state_dir(env::var(STATE).unwrap());
    let agent = rig().build(settings).0.start();
    wait(|| agent.status().conversation.state == "synced" && agent.status().config.source == "server");
    say("in step");
    std::io::stdin().lines().next().unwrap().unwrap();
    let (guard, first) = (agent.guard(), env::var(FIRST).unwrap().parse::<u32>().unwrap());
    for n in 0..CAUGHT {
        assert!(!lets_in(&guard, DECOY, source(first + n)));
        if n % 1_000 == 999 {
            // more would be lost before it got into the outbox: that queue is another test's
            wait(|| is_settled(&agent, n + 1));
        }
    }
    let buckler = Buckler::new(&agent);
    actix_rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .route("/", web::get().to(async || "hello"))
                .wrap(buckler.clone())
        });
        let mut running = server.workers(1).bind(("127.0.0.1", 0)).unwrap().run();
        // signals are heard once the server has been polled
        std::future::poll_fn(|context| {
            let ended = std::pin::Pin::new(&mut running).poll(context);
            assert!(ended.is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        say("caught");
        running.await.unwrap();
    });
    let report: ShutdownReport = agent.shutdown(LONG_PATIENCE);
    say(&format!("report: {}", serde_json::to_string(&report).unwrap()));
}

/// Whether so many are on disk, told, or counted as lost since there is no more room.
fn is_settled(agent: &Agent, caught: u32) -> bool {
    let events = agent.status().events;
    events.kept + events.acknowledged + events.lost.values().sum::<u64>() >= events.restored + u64::from(caught)
}

/// Waits for as long as it takes: whoever runs this process has the patience.
fn wait(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The harness prints the test's name on the same line, without its end.
fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}
