//! What goes wrong inside the server is an answer all the same.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use awc::http::Method;
use buckler::protocol::v2::Have;
use buckler_server::{
    MemoryStore, Moment, Server, Store, Tick,
    list::{Banned, Recent},
    store::{AgentView, EntryView, FleetView, ListStep, OperatorBan, Receipt, Report, StoreError, Window},
};
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY, config};

/// A store in memory that panics when it is told to, and fails at every question about entries.
#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    panics: Arc<AtomicBool>,
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
    fn agents(&mut self, now: Moment) -> Result<Vec<AgentView>, StoreError> {
        self.inner.agents(now)
    }
    fn expire(&mut self, now: Moment) -> Result<(), StoreError> {
        self.inner.expire(now)
    }
}

#[actix_web::test]
async fn a_store_that_panics_or_fails_is_500_and_the_next_request_is_answered() {
    let panics = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&panics);
    let server = Server::builder(config())
        .listen("127.0.0.1:0")
        .store(move |rules| {
            Box::new(Broken {
                inner: MemoryStore::new(rules),
                panics: broken,
            })
        })
        .start();
    let cloud = Cloud {
        server: server.unwrap(),
        clock: Arc::default(),
    };
    let agent = Agent::new();
    for body in [json!({"key": KEY, "version": "0.9.2"}), agent.message()] {
        for path in ["/config", "/beacon"] {
            assert_eq!(cloud.post(path, &body).await.refused(500), "the server failed");
        }
    }
    let listed = cloud.admin(Method::GET, "/admin/blacklist", &Value::Null).await;
    assert_eq!(listed.refused(500), "the server failed", "the reason is for the log");
    panics.store(false, Ordering::SeqCst);
    agent.register(&cloud).await;
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
