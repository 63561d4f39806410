//! What goes wrong inside the server is an answer all the same.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use awc::http::Method;
use buckler::protocol::v2::Have;
use buckler_server::{
    MemoryStore, Moment, Server, Store, Tick,
    list::{Banned, Recent},
    store::{AgentView, EntryView, FleetView, ListStep, OperatorBan, Receipt, RefusalView, Report, StoreError, Window},
};
use ipnet::IpNet;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{Agent, Cloud, KEY, TOKEN, config};

/// A store in memory that panics when it is told to, waits before it lists agents, and fails at every question about entries.
#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    panics: Arc<AtomicBool>,
    gate: mpsc::Receiver<()>,
    /// Told of everybody who waits at the gate.
    waits: UnboundedSender<()>,
}

/// What opens a gate, and says that somebody waits at it.
type Gate = (mpsc::Sender<()>, UnboundedReceiver<()>);

/// A server with such a store, the switch of its panics, and its gate.
fn broken() -> (Cloud, Arc<AtomicBool>, Gate) {
    let (open, gate) = mpsc::channel();
    let (waits, waiting) = unbounded_channel();
    let panics = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&panics);
    let server = Server::builder(config())
        .listen("127.0.0.1:0")
        .store(move |rules| {
            Box::new(Broken {
                inner: MemoryStore::new(rules),
                panics,
                gate,
                waits,
            })
        })
        .start();
    (
        Cloud {
            server: server.unwrap(),
            clock: Arc::default(),
        },
        switch,
        (open, waiting),
    )
}

impl Store for Broken {
    fn report(&mut self, report: &Report, now: Moment) -> Result<Receipt, StoreError> {
        assert!(!self.panics.load(Ordering::SeqCst), "as the test wants it");
        self.inner.report(report, now)
    }
    fn list_for(&mut self, fleet: &str, have: &Have, now: Moment) -> Result<ListStep, StoreError> {
        self.inner.list_for(fleet, have, now)
    }
    fn addresses(&mut self, fleet: &str, now: Moment) -> Result<Vec<(IpAddr, Tick)>, StoreError> {
        self.inner.addresses(fleet, now)
    }
    fn recent(&mut self, fleet: &str, window: &Window, now: Moment) -> Result<Recent, StoreError> {
        self.inner.recent(fleet, window, now)
    }
    fn ban(&mut self, fleet: &str, ban: OperatorBan, now: Moment) -> Result<Banned, StoreError> {
        self.inner.ban(fleet, ban, now)
    }
    fn unban(&mut self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError> {
        self.inner.unban(fleet, network, now)
    }
    fn fleet(&mut self, fleet: &str, now: Moment) -> Result<FleetView, StoreError> {
        self.inner.fleet(fleet, now)
    }
    fn entries(&mut self, _: &str, _: Option<IpNet>, _: usize, _: Moment) -> Result<Vec<EntryView>, StoreError> {
        Err(StoreError("the disk is full".to_owned()))
    }
    fn entry(&mut self, fleet: &str, network: IpNet, now: Moment) -> Result<Option<EntryView>, StoreError> {
        self.inner.entry(fleet, network, now)
    }
    fn refusal(&mut self, id: &str, now: Moment) -> Result<Option<RefusalView>, StoreError> {
        self.inner.refusal(id, now)
    }
    fn ban_by_id(&mut self, id: &str, now: Moment) -> Result<Option<EntryView>, StoreError> {
        self.inner.ban_by_id(id, now)
    }
    fn refusals(&mut self, limit: usize, now: Moment) -> Result<Vec<RefusalView>, StoreError> {
        self.inner.refusals(limit, now)
    }
    fn agents(&mut self, now: Moment) -> Result<Vec<AgentView>, StoreError> {
        let gone = || StoreError("the test is over".to_owned());
        self.waits.send(()).map_err(|_| gone())?;
        self.gate.recv().map_err(|_| gone())?;
        self.inner.agents(now)
    }
    fn expire(&mut self, now: Moment) -> Result<(), StoreError> {
        self.inner.expire(now)
    }
}

#[actix_web::test]
async fn a_store_that_panics_or_fails_is_500_and_the_next_request_is_answered() {
    let (cloud, panics, (gate, _waiting)) = broken();
    panics.store(true, Ordering::SeqCst);
    let agent = Agent::new();
    let version_1 = json!({"key": KEY, "version": "0.9.2"});
    for (path, body) in [
        ("/beacon", &version_1),
        ("/beacon", &agent.message()),
        ("/config", &agent.message()),
    ] {
        assert_eq!(cloud.post(path, body).await.refused(500), "the server failed");
    }
    let welcome = cloud.post("/config", &version_1).await.good();
    assert_eq!(
        welcome["config"]["APP_NAME"], "shop",
        "a refused registration would keep the application from starting"
    );
    let listed = cloud.admin(Method::GET, "/admin/blacklist", &Value::Null).await;
    assert_eq!(listed.refused(500), "the server failed", "the reason is for the log");
    panics.store(false, Ordering::SeqCst);
    agent.register(&cloud).await;
    gate.send(()).unwrap();
    assert_eq!(cloud.agents().await.len(), 1);
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
    let (Cloud { server, clock: _ }, _, (gate, mut waiting)) = broken();
    let url = server.url().clone();
    let asked = awc::Client::builder()
        .timeout(Duration::from_secs(20))
        .finish()
        .get(url.join("/admin/agents").unwrap().as_str())
        .insert_header(("authorization", format!("Bearer {TOKEN}")))
        .send();
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
