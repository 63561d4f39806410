//! What goes wrong inside the server is an answer all the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use awc::http::Method;
use buckler::{clock::Clock, protocol::v2::ListMode};
use buckler_server::{
    Server,
    journal::{EachRecord, EachRow, Frozen, Journal, JournalError, MemoryJournal, Position, RowChange},
    store::Record,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    member::Member,
    socket::Socket,
    support::{Agent, Cloud, KEY, TOKEN, config},
};

/// What a journal does that does not do what it should.
#[derive(Debug, Default)]
struct Faults {
    /// It keeps nothing.
    full: AtomicBool,
    /// It keeps what it is given and says that it does not know.
    unsure: AtomicBool,
    /// It says who comes, and waits.
    gate: AtomicBool,
}

/// A journal in memory with faults.
#[derive(Debug)]
struct Faulty {
    inner: MemoryJournal,
    faults: Arc<Faults>,
    gate: mpsc::Receiver<()>,
    /// Told of each record that waits at the gate.
    waits: UnboundedSender<()>,
}

/// What opens a gate, and says that somebody waits at it.
type Gate = (mpsc::Sender<()>, UnboundedReceiver<()>);

/// A server with such a journal, the switches of its faults, and its gate.
fn faulty() -> (Cloud, Arc<Faults>, Gate) {
    let (open, gate) = mpsc::channel();
    let (waits, waiting) = unbounded_channel();
    let faults = Arc::new(Faults::default());
    let clock = Arc::default();
    let journal = Faulty {
        inner: MemoryJournal::default(),
        faults: Arc::clone(&faults),
        gate,
        waits,
    };
    let server = Server::builder(config())
        .listen("127.0.0.1:0")
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .journal(Box::new(journal))
        .start()
        .unwrap();
    (Cloud { server, clock }, faults, (open, waiting))
}

fn failure() -> JournalError {
    JournalError::Unavailable("the disk is full".to_owned())
}

impl Journal for Faulty {
    fn kind(&self) -> &'static str {
        "faulty"
    }
    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError> {
        if self.faults.gate.load(Ordering::SeqCst) {
            self.waits.send(()).map_err(|_| failure())?;
            self.gate.recv().map_err(|_| failure())?;
        }
        if self.faults.full.load(Ordering::SeqCst) {
            return Err(failure());
        }
        let kept = self.inner.append(record);
        if self.faults.unsure.load(Ordering::SeqCst) {
            return Err(failure());
        }
        kept
    }
    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        self.inner.tail(after, each)
    }
    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        self.inner.load(each)
    }
    fn checkpoint(&mut self, upto: Position, rows: &[RowChange]) -> Result<(), JournalError> {
        if self.faults.full.load(Ordering::SeqCst) {
            return Err(failure());
        }
        self.inner.checkpoint(upto, rows)
    }
    fn reopen(&mut self) -> Result<(), JournalError> {
        self.inner.reopen()
    }
    fn frozen(&self) -> Result<Option<Box<dyn Frozen>>, JournalError> {
        self.inner.frozen()
    }
}

async fn problem(cloud: &Cloud) -> Value {
    let health = cloud.admin(Method::GET, "/admin/health", &Value::Null).await.good();
    health["journal"]["problem"].clone()
}

#[actix_web::test]
async fn while_nothing_can_be_kept_reports_wait_and_the_list_is_served() {
    let (cloud, faults, _gate) = faulty();
    let mut before = Agent::new();
    before.ban("203.0.113.1", cloud.clock.unix());
    assert_eq!(before.register(&cloud).await.ack, Some(1));
    before.trim(1);
    let mut follower = Socket::open(&cloud).await;
    follower.register(&Agent::new()).await;

    faults.full.store(true, Ordering::SeqCst);
    let mut agent = Agent::new();
    agent.ban("203.0.113.2", cloud.clock.unix());
    let version_1 = json!({"key": KEY, "version": "0.9.2", "blacklist": [["203.0.113.3", cloud.clock.unix()]]});
    for body in [&agent.message(), &version_1] {
        let answer = cloud.post("/beacon", body).await;
        assert_eq!(answer.retry_after.as_deref(), Some("10"));
        assert_eq!(answer.refused(503), "nothing can be kept at this moment");
    }
    let banned = cloud
        .admin(
            Method::POST,
            "/admin/blacklist",
            &json!({"address": "203.0.113.4", "ttl_s": 60}),
        )
        .await;
    banned.refused(503);
    let replaced = cloud
        .admin(
            Method::PUT,
            "/admin/profiles/shop/config",
            &json!({"APP_NAME": "other"}),
        )
        .await;
    replaced.refused(503);
    assert_eq!(problem(&cloud).await, "the disk is full");
    let ready = cloud.send(Method::GET, "/readyz", &[], b"").await.refused(503);
    assert!(ready.contains("nothing can be kept"), "{ready}");
    cloud.send(Method::GET, "/livez", &[], b"").await.good();

    // an agent that only asks is answered, and nothing of what was refused is there
    let member = Member::new();
    let welcome = member.agent.register(&cloud).await;
    assert_eq!(welcome.list.as_ref().map(|list| list.mode), Some(ListMode::Snapshot));
    assert_eq!(cloud.listed().await, ["203.0.113.1"]);
    let bare = cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    assert_eq!(bare["config"]["APP_NAME"], "shop");

    faults.full.store(false, Ordering::SeqCst);
    cloud.clock.pass(2);
    assert_eq!(agent.beacon(&cloud).await.ack, Some(1));
    assert_eq!(problem(&cloud).await, Value::Null);
    cloud.send(Method::GET, "/readyz", &[], b"").await.good();
    assert_eq!(cloud.listed().await, ["203.0.113.1", "203.0.113.2"]);
    let pushed = follower.push().await;
    assert_eq!(pushed.list.unwrap().add[0].0, "203.0.113.2");
}

#[actix_web::test]
async fn what_was_kept_although_the_journal_did_not_know_counts_once() {
    let (cloud, faults, _gate) = faulty();
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    agent.ban("203.0.113.2", cloud.clock.unix());
    faults.unsure.store(true, Ordering::SeqCst);
    cloud.post("/beacon", &agent.message()).await.refused(503);
    assert_eq!(cloud.listed().await, [""; 0]);
    faults.unsure.store(false, Ordering::SeqCst);
    cloud.clock.pass(2);
    let second = agent.ban("203.0.113.3", cloud.clock.unix());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(second));
    assert_eq!(cloud.listed().await, ["203.0.113.2", "203.0.113.3"]);
    let known = cloud.agents().await;
    assert_eq!(known[0]["shared"]["bans"], 2, "{known:?}");
    assert_eq!(known[0]["missing"], 0);
}

#[actix_web::test]
async fn a_disk_that_does_not_answer_holds_up_nobody_who_only_asks() {
    let (cloud, faults, (gate, mut waiting)) = faulty();
    cloud.operator_bans("203.0.113.1", Some(60)).await;
    faults.gate.store(true, Ordering::SeqCst);
    let mut agent = Agent::new();
    agent.ban("203.0.113.2", cloud.clock.unix());
    let url = cloud.url("/beacon");
    let report = awc::Client::builder()
        .timeout(Duration::from_secs(20))
        .finish()
        .post(url)
        .send_json(&agent.message());
    let report = actix_web::rt::spawn(async move { report.await.map(|answer| answer.status()) });
    waiting.recv().await.unwrap();
    assert_eq!(cloud.listed().await, ["203.0.113.1"], "not before it is durable");
    // an agent that reports nothing is answered once the disk is found to be late
    cloud.clock.pass(1);
    assert!(Agent::new().beacon(&cloud).await.list.is_some());
    faults.gate.store(false, Ordering::SeqCst);
    gate.send(()).unwrap();
    assert_eq!(report.await.unwrap().unwrap(), 200);
    assert_eq!(cloud.listed().await, ["203.0.113.1", "203.0.113.2"]);
}

#[actix_web::test]
async fn what_comes_while_a_record_is_on_its_way_goes_into_the_next_one() {
    let (cloud, faults, (gate, mut waiting)) = faulty();
    let position = async || {
        let health = cloud.admin(Method::GET, "/admin/health", &Value::Null).await.good();
        health["journal"]["position"].as_u64().unwrap()
    };
    let before = position().await;
    faults.gate.store(true, Ordering::SeqCst);
    let report = |host: u8| {
        let mut agent = Agent::new();
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
        let client = awc::Client::builder().timeout(Duration::from_secs(20)).finish();
        let sent = client.post(cloud.url("/beacon")).send_json(&agent.message());
        actix_web::rt::spawn(async move { sent.await.map(|answer| answer.status().as_u16()) })
    };
    let first = report(1);
    waiting.recv().await.unwrap();
    let burst: Vec<_> = (2..=30).map(report).collect();
    // a question comes after them all: by then they wait
    for _ in 0..30 {
        cloud.listed().await;
    }
    faults.gate.store(false, Ordering::SeqCst);
    gate.send(()).unwrap();
    for report in std::iter::once(first).chain(burst) {
        assert_eq!(report.await.unwrap().unwrap(), 200);
    }
    assert_eq!(cloud.listed().await.len(), 30);
    let records = position().await - before;
    assert!(records < 15, "{records} records for 30 reports");
}

#[actix_web::test]
async fn answers_are_compressed_for_those_who_ask() {
    let cloud = Cloud::start(config());
    let client = awc::Client::builder()
        .timeout(Duration::from_secs(20))
        .no_default_headers()
        .finish();
    let body = json!({"key": KEY, "version": "0.9.2"}).to_string();
    for (accepted, sent) in [
        ("gzip, deflate", Some("gzip")),
        ("zstd", Some("zstd")),
        ("identity", None),
        ("br", None),
    ] {
        let request = client
            .post(cloud.url("/config"))
            .insert_header(("accept-encoding", accepted));
        let answer = request.send_body(body.clone()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let encoding = answer
            .headers()
            .get("content-encoding")
            .map(|encoding| encoding.to_str().unwrap());
        assert_eq!(encoding, sent, "{accepted}");
    }
}

#[actix_web::test]
async fn a_server_that_stops_finishes_what_it_has_begun_and_refuses_the_rest() {
    let (Cloud { server, clock: _ }, faults, (gate, mut waiting)) = faulty();
    faults.gate.store(true, Ordering::SeqCst);
    let url = server.url().clone();
    let asked = awc::Client::builder()
        .timeout(Duration::from_secs(20))
        .finish()
        .post(url.join("/admin/blacklist").unwrap().as_str())
        .insert_header(("authorization", format!("Bearer {TOKEN}")))
        .send_json(&json!({"address": "203.0.113.9", "ttl_s": 60}));
    let asked = actix_web::rt::spawn(async move { asked.await.map(|answer| answer.status()) });
    waiting.recv().await.unwrap();
    // no connection is accepted any more, so the one to be refused on is opened before
    let client = awc::Client::default();
    let status = async || {
        let mut answer = client.get(url.as_str()).send().await.unwrap();
        answer.body().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(status().await, 404);
    let stopped = std::thread::spawn(move || server.stop(Duration::from_secs(20)));
    while status().await != 503 {}
    assert!(!stopped.is_finished(), "it waits for the first request");
    gate.send(()).unwrap();
    assert_eq!(asked.await.unwrap().unwrap(), 200);
    stopped.join().unwrap();
}
