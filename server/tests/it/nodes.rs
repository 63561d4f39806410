//! Several servers that share a journal on real servers of NATS JetStream: one list everywhere,
//! each event once, and no agent ever goes back.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use awc::http::Method;
use buckler::{
    clock::{Clock as _, SystemClock},
    model::blacklist::Applied,
    protocol::v2::{ListCursor, ListMode},
};
use buckler_server::{Server, ServerConfig};
use buckler_tests::nats::{Nats, PASSWORD};
use futures_util::future::join3;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    member::Member,
    socket::Socket,
    support::{Agent, Answer, Cloud, TOKEN},
};

/// The agents' key in the example file.
const SHOP: &str = "REPLACE-WITH-ANOTHER-RANDOM-TEXT";

/// How long something may take: an election, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The engine, and where nodes keep what they have.
struct Setting {
    directory: tempfile::TempDir,
    nats: Nats,
    replicas: usize,
}

impl Setting {
    fn new(servers: usize) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let nats = Nats::start(servers, directory.path())?;
        std::fs::write(directory.path().join("password"), PASSWORD).unwrap();
        Some(Self {
            directory,
            nats,
            replicas: servers,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The example file of a node, with this engine and places of its own.
    fn file(&self, name: &str) -> PathBuf {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nats/server.toml");
        let mut file: Value = toml::from_str(&std::fs::read_to_string(example).unwrap()).unwrap();
        file["listen"] = "127.0.0.1:0".into();
        file["admin_token"] = TOKEN.into();
        file["data_dir"] = self.path(name).to_str().into();
        file["drain_s"] = 0.into();
        file["backup_every_s"] = 1.into();
        let journal = &mut file["journal"];
        journal["urls"] = self.nats.urls().into();
        journal["monitor_urls"] = self.nats.monitors().into();
        journal["password_file"] = self.path("password").to_str().into();
        journal["replicas"] = self.replicas.into();
        let path = self.path(&format!("{name}.json"));
        std::fs::write(&path, file.to_string()).unwrap();
        path
    }

    fn node(&self, name: &str) -> Cloud {
        start(&self.file(name))
    }

    /// Nodes that start at the same moment.
    fn nodes<const N: usize>(&self, names: [&str; N]) -> [Cloud; N] {
        let starting = names.map(|name| {
            let file = self.file(name);
            thread::spawn(move || start(&file))
        });
        starting.map(|starting| starting.join().unwrap())
    }
}

fn start(file: &Path) -> Cloud {
    let builder = Server::builder(ServerConfig::from_file(file).unwrap());
    Cloud {
        server: builder.start().unwrap(),
        clock: Arc::default(),
    }
}

fn now() -> u64 {
    SystemClock::new().unix().as_secs()
}

async fn head(cloud: &Cloud) -> Value {
    let mut page = cloud.admin(Method::GET, "/admin/blacklist", &Value::Null).await.good();
    page.as_object_mut().unwrap().remove("entries");
    page
}

fn cursor(head: &Value) -> Option<ListCursor> {
    serde_json::from_value(head.clone()).ok()
}

/// Asks again until the answer is as it should be.
async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let since = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until so many other nodes say what they know of agents, and so many do not.
async fn until_heard(cloud: &Cloud, wanted: (usize, usize)) {
    until("what other nodes know", || async {
        let all = cloud.admin(Method::GET, "/admin/agents", &Value::Null).await.good();
        let count = |key: &str| all["nodes"][key].as_array().unwrap().len();
        ((count("answered"), count("silent")) == wanted).then_some(())
    })
    .await;
}

/// Waits until every node has the same list, with so many entries.
async fn until_alike(nodes: &[&Cloud], count: u64) -> Value {
    until("one list everywhere", || async {
        let mut heads = Vec::new();
        for node in nodes {
            heads.push(head(node).await);
        }
        let first = heads.first().unwrap().clone();
        (heads.iter().all(|head| *head == first) && first["count"] == count).then_some(first)
    })
    .await
}

/// Sends a beacon, again and again, until everything in it is acknowledged.
async fn report(agent: &mut Agent, cloud: &Cloud) {
    let last = agent.part.events.last().map_or(0, |event| event.seq);
    until("an acknowledgement", || async {
        let answer = cloud.post("/beacon", &agent.message()).await;
        if answer.status.is_success() {
            return (Agent::part_of(&answer.good()).ack == Some(last)).then_some(());
        }
        told_to_come_again(&answer);
        None
    })
    .await;
    agent.trim(last);
}

fn told_to_come_again(answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 503, "{answer:?}");
    assert!(answer.retry_after.is_some(), "{answer:?}");
}

/// An agent that is sent from node to node.
struct Wanderer {
    member: Member,
    rev: u64,
}

impl Wanderer {
    async fn register(cloud: &Cloud) -> Self {
        let mut member = Member::new();
        member.agent.key = SHOP.to_owned();
        let applied = member.register(cloud).await;
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?}");
        let rev = member.list.cursor().unwrap().rev;
        Self { member, rev }
    }

    /// Asks a node. It may be told to come again, and never back.
    async fn visit(&mut self, cloud: &Cloud) {
        let before = self.member.list.cursor().unwrap();
        let answer = cloud.post("/beacon", &self.member.agent.message()).await;
        if !answer.status.is_success() {
            return told_to_come_again(&answer);
        }
        let part = Agent::part_of(&answer.good());
        let applied = self.member.apply(part.list.as_ref(), &cloud.clock);
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?}");
        let after = self.member.list.cursor().unwrap();
        assert_eq!(after.epoch, before.epoch);
        assert!(after.rev >= self.rev, "{} after {}", after.rev, self.rev);
        self.rev = after.rev;
    }
}

fn agent() -> Agent {
    Agent::with_key(SHOP)
}

#[actix_web::test]
async fn two_nodes_serve_one_list() {
    let Some(setting) = Setting::new(1) else { return };
    let [one, two] = setting.nodes(["one", "two"]);
    let health = two.admin(Method::GET, "/admin/health", &Value::Null).await.good();
    assert_eq!(health["journal"]["kind"], "nats");
    assert_eq!(health["journal"]["warnings"], Value::Null, "{health}");

    // the same events to two nodes at once, and others beside them
    let (mut a, mut b) = (agent(), agent());
    a.ban("203.0.113.1", now());
    a.ban("203.0.113.2", now());
    b.ban("203.0.113.3", now());
    let (first, second, third) = join3(a.register(&one), a.register(&two), b.register(&two)).await;
    assert_eq!((first.ack, second.ack, third.ack), (Some(2), Some(2), Some(1)));
    one.operator_bans("203.0.113.4", Some(600)).await;
    let alike = until_alike(&[&one, &two], 4).await;
    assert_eq!(alike["rev"], 4, "each once: {alike}");
    // what a node heard is told by all, and counted alike
    let shared = |agents: Vec<Value>| {
        let mut shared: Vec<(String, Value)> = agents
            .iter()
            .map(|agent| (agent["id"].to_string(), agent["shared"].clone()))
            .collect();
        shared.sort_by(|one, other| one.0.cmp(&other.0));
        shared
    };
    until_heard(&one, (1, 0)).await;
    until_heard(&two, (1, 0)).await;
    let (on_one, on_two) = (shared(one.agents().await), shared(two.agents().await));
    assert_eq!(on_one.len(), 2);
    assert_eq!(on_one, on_two);

    // what one node does is pushed by the other
    let mut socket = Socket::open_as(&two, SHOP).await.unwrap();
    socket.register(&agent()).await;
    one.operator_bans("203.0.113.5", Some(600)).await;
    let pushed = socket.push().await.list.unwrap();
    assert_eq!(pushed.add.first().map(|(address, _)| &**address), Some("203.0.113.5"));
    // what was written on one node is read on another
    let unbanned = two.operator_unbans("203.0.113.1").await;
    unbanned.good();
    let bearer = format!("Bearer {TOKEN}");
    let at_least = [
        ("authorization", &*bearer),
        ("x-buckler-at-least", unbanned.position.as_deref().unwrap()),
    ];
    let read = one.send(Method::GET, "/admin/blacklist", &at_least, b"").await.good();
    assert_eq!(read["count"], 4);
    let far = [at_least[0], ("x-buckler-at-least", "1000000")];
    let refused = one.send(Method::GET, "/admin/blacklist", &far, b"").await;
    assert_eq!(refused.refused(503), "this node is behind others");
    let alike = until_alike(&[&one, &two], 4).await;

    // a configuration that is replaced on one is in force on the other
    let put = json!({"APP_NAME": "replaced", "BLACKLIST_SHARE": true});
    let path = "/admin/profiles/shop/config";
    let replaced = one.admin(Method::PUT, path, &put).await.good();
    until("the configuration", || async {
        let theirs = two.admin(Method::GET, path, &Value::Null).await.good();
        (theirs == replaced).then_some(())
    })
    .await;

    // who knows more than a node is told to come again
    let mut ahead = agent();
    ahead.part.have.list = cursor(&alike);
    ahead.part.have.list.as_mut().unwrap().rev += 3;
    let answer = two.post("/config", &ahead.registration()).await;
    assert_eq!(answer.refused(503), "this node is behind others");
    assert!(answer.retry_after.is_some());

    // a node that starts late, and one that starts again, go on where the others are
    let late = setting.node("late");
    assert_eq!(until_alike(&[&late, &two], 4).await["epoch"], alike["epoch"]);
    until_heard(&two, (2, 0)).await;
    one.server.stop(Duration::from_secs(5));
    // one that is gone is told
    until_heard(&two, (1, 1)).await;
    two.operator_bans("203.0.113.6", Some(600)).await;
    let one = setting.node("one");
    let alike = until_alike(&[&one, &two, &late], 5).await;
    let mut in_step = agent();
    in_step.part.have.list = cursor(&alike);
    assert_eq!(in_step.register(&one).await.list.unwrap().mode, ListMode::None);
    // said again to a node that was not there
    let again = a.beacon(&late).await;
    assert_eq!((again.ack, again.nack.len()), (Some(2), 0));
    assert_eq!(head(&one).await["rev"], alike["rev"]);
}

#[actix_web::test]
async fn a_node_whose_file_is_damaged_goes_on_from_a_snapshot_of_the_others() {
    let Some(setting) = Setting::new(1) else { return };
    let [one, two] = setting.nodes(["one", "two"]);
    one.operator_bans("203.0.113.1", Some(600)).await;
    let before = until_alike(&[&one, &two], 1).await;
    one.server.stop(Duration::from_secs(5));
    let file = setting.path("one").join("buckler.redb");
    let length = std::fs::metadata(&file).unwrap().len();
    std::fs::write(&file, vec![7; usize::try_from(length).unwrap()]).unwrap();
    let one = setting.node("one");
    assert!(file.with_extension("redb.damaged-1").exists());
    // what it had shown to agents is not known any more, so that lists go on under other names
    let after = until_alike(&[&one, &two], 1).await;
    assert_ne!(after["epoch"], before["epoch"]);
    two.operator_bans("203.0.113.2", Some(600)).await;
    until_alike(&[&one, &two], 2).await;
    // once: its next start changes no name
    one.server.stop(Duration::from_secs(5));
    let one = setting.node("one");
    assert_eq!(until_alike(&[&one, &two], 2).await["epoch"], after["epoch"]);
}

/// A node as a process of its own, which can be killed.
struct Program {
    process: Child,
    address: SocketAddr,
}

impl Program {
    fn start(file: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_buckler-server"))
            .arg("--config")
            .arg(file)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let line = lines
            .find(|line| line.contains("listening"))
            .expect("it says where it listens");
        // what it says later must not hold it up
        thread::spawn(move || lines.for_each(drop));
        let address = line.rsplit('=').next().unwrap().trim().parse().unwrap();
        Self { process, address }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        let answer = buckler_tests::http::ask(self.address, &head, body.as_bytes());
        serde_json::from_str(answer.text()).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[actix_web::test]
async fn nodes_and_servers_of_the_engine_are_lost_and_nothing_else_is() {
    let Some(mut setting) = Setting::new(3) else { return };
    let [one, two] = setting.nodes(["one", "two"]);
    let third = Program::start(&setting.file("three"));
    let mut wanderer = Wanderer::register(&one).await;

    // a node is killed as soon as it has acknowledged
    let mut lost = agent();
    lost.ban("203.0.113.1", now());
    let answer = third.post("/config", &lost.registration());
    assert_eq!(answer["data"]["v2"]["ack"], 1, "{answer}");
    drop(third);
    until_alike(&[&one, &two], 1).await;

    // the leader of the stream is killed while agents report
    let leader = setting.nats.leader_of("BUCKLER_default");
    let (mut a, mut b) = (agent(), agent());
    setting.nats.kill(leader);
    for n in 2..=5 {
        a.ban(&format!("203.0.113.{n}"), now());
        b.ban(&format!("198.51.100.{n}"), now());
    }
    let wander = async {
        for turn in 0..10 {
            wanderer.visit(if turn % 2 == 0 { &one } else { &two }).await;
        }
    };
    join3(report(&mut a, &one), report(&mut b, &two), wander).await;
    let alike = until_alike(&[&one, &two], 9).await;
    assert_eq!(alike["rev"], 9, "each once: {alike}");
    wanderer.visit(&two).await;
    wanderer.visit(&one).await;
    assert_eq!(wanderer.rev, 9);

    // without a quorum nothing can be kept, and the list is served on
    let second = setting.nats.leader_of("BUCKLER_default");
    setting.nats.kill(second);
    a.ban("203.0.113.6", now());
    let refused = one.post("/beacon", &a.message()).await;
    told_to_come_again(&refused);
    wanderer.visit(&one).await;
    wanderer.visit(&two).await;
    until("not ready", || async {
        let ready = one.send(Method::GET, "/readyz", &[], b"").await;
        (ready.status.as_u16() == 503).then_some(())
    })
    .await;
    let health = one.admin(Method::GET, "/admin/health", &Value::Null).await.good();
    assert_ne!(health["journal"]["problem"], Value::Null, "{health}");

    // when the servers are back, so is everything
    for server in [leader, second] {
        setting.nats.run(server);
    }
    report(&mut a, &two).await;
    let alike = until_alike(&[&one, &two], 10).await;
    assert_eq!(alike["rev"], 10);
    until("ready", || async {
        let ready = one.send(Method::GET, "/readyz", &[], b"").await;
        ready.status.is_success().then_some(())
    })
    .await;
    let back = setting.node("three");
    assert_eq!(until_alike(&[&one, &back], 10).await, alike);
}

#[actix_web::test]
async fn a_key_that_is_revoked_at_one_node_is_refused_at_the_other() {
    let Some(setting) = Setting::new(1) else { return };
    let [one, two] = setting.nodes(["one", "two"]);
    let wanted = json!({"profile": "shop", "label": "stolen"});
    let made = one.admin(Method::POST, "/admin/keys", &wanted).await.good();
    let (id, secret) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let thief = Agent::with_key(secret);
    // a key that is not known yet counts as a wrong one
    until("the key at the other node", || async {
        let keys = two.admin(Method::GET, "/admin/keys", &Value::Null).await;
        keys.text.contains(id).then_some(())
    })
    .await;
    until("it is taken there", || async {
        let answer = two.post("/config", &thief.registration()).await;
        answer.status.is_success().then_some(())
    })
    .await;
    let mut socket = Socket::open_as(&two, secret).await.unwrap();
    socket.register(&thief).await;

    let path = format!("/admin/keys/{id}");
    one.admin(Method::DELETE, &path, &Value::Null).await.good();
    assert_eq!(socket.closed().await.0, 4_403, "what was open with it is closed");
    two.post("/beacon", &thief.message()).await.refused(403);
    one.post("/beacon", &thief.message()).await.refused(403);
    agent().register(&two).await;
}

/// A server of the engine that hangs keeps its connections, so that nothing says that it is gone.
#[actix_web::test]
async fn a_server_of_the_engine_that_hangs_holds_up_nothing_for_long() {
    let Some(setting) = Setting::new(3) else { return };
    let [one, two] = setting.nodes(["one", "two"]);
    let mut reporter = agent();
    reporter.ban("203.0.113.1", now());
    report(&mut reporter, &one).await;
    until_alike(&[&one, &two], 1).await;
    let hangs = setting.nats.leader_of("BUCKLER_default");
    setting.nats.signal(hangs, "STOP");
    for host in 2..=4 {
        reporter.ban(&format!("203.0.113.{host}"), now());
        report(&mut reporter, if host % 2 == 0 { &one } else { &two }).await;
    }
    setting.nats.signal(hangs, "CONT");
    let alike = until_alike(&[&one, &two], 4).await;
    assert_eq!(alike["rev"], 4, "each once: {alike}");
    let known = until("its events", || async {
        let agents = two.agents().await;
        let known = agents
            .into_iter()
            .find(|known| known["id"] == reporter.part.agent_id.to_string())?;
        (known["shared"]["bans"] == 4).then_some(known)
    });
    assert_eq!(known.await["missing"], 0);
}
