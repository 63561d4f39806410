//! `kill -9` at random moments: what was announced as durable is there afterwards, nothing counts twice, and no file is damaged.
//!
//! The child is this test program again, asked for the one test [`child::child`] with an order in its environment.

mod child;
mod server;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use buckler::{
    model::address::{parse_network, to_text},
    status::StoreMode,
    testing::{ManualClock, StateFiles},
};
use buckler_server::{
    Limits, Moment, Profile, RunningServer, Server, ServerConfig, Store,
    store::{Command as StoreCommand, Record, Rules, new_epoch},
};
use fastrand::Rng;
use serde_json::{Value, json};

use self::child::{ORDER, Order, Task};
use crate::{
    flow::{ADMIN, admin},
    site::{KEY, PATIENCE},
};

/// How often a child that catches attackers is killed.
const KILLS: u64 = 60;
/// How often a child that saves a list is killed.
const KILLS_IN_SNAPSHOT: u64 = 15;
/// Entries of that list: saving them takes about as long as a child lives.
const ENTRIES: u32 = 4_000;
/// Decides when to kill. The moments themselves are as the machine has them, so that another seed is only another try.
const SEED: u64 = 9;

/// Longer than all children together live by their own fast clock.
const BAN_FOR_S: u32 = 86_400;

/// What a child says when it has announced a ban, and where the address stands.
const ANNOUNCED: &str = "banned address=";
/// What no agent may say of a state that was written by one that was killed.
const DAMAGE: [&str; 4] = ["damaged", "not whole", "cannot be used", "cannot be kept"];

/// What is shared here is more than any application shares.
fn without_quotas(limits: &mut Limits) {
    for limit in [
        &mut limits.shared_live,
        &mut limits.shared_per_minute,
        &mut limits.key_shared_live,
        &mut limits.key_shared_per_minute,
    ] {
        *limit = u32::MAX.try_into().unwrap();
    }
}

fn server(store: impl FnOnce(Rules) -> Store + 'static, history: usize) -> RunningServer {
    let profile = Profile::for_key(KEY)
        .set("BLACKLIST_SHARE", true)
        .set("BLACKLIST_DELAY", BAN_FOR_S)
        .set("BAN_GROWTH", false)
        .set("BEACON_DELAY", 1);
    let mut config = ServerConfig::new().profile("shop", profile).admin_token(ADMIN);
    without_quotas(&mut config.limits);
    config.limits.history = history.try_into().unwrap();
    config.limits.page_entries = 1_000.try_into().unwrap();
    Server::builder(config)
        .store(store)
        .listen("127.0.0.1:0")
        .start()
        .unwrap()
}

/// A child that runs, and what it says line by line.
struct Running {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Running {
    fn start(order: &Order) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child::child", "--exact", "--ignored", "--nocapture"])
            .env(ORDER, order.to_json())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        thread::spawn(move || {
            // a line that was cut off by the kill was not said
            for line in stdout.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Listens until the child says this; false where it ends first.
    fn hear(&mut self, what: &str) -> bool {
        loop {
            match self.lines.recv_timeout(PATIENCE * 3) {
                Ok(line) => {
                    let found = line.contains(what);
                    self.said.push(line);
                    if found {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("the child does not say {what:?}: {:#?}", self.said),
            }
        }
    }

    /// Kills the child; all that it said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the child's end; all that it said.
    fn end(mut self) -> Vec<String> {
        self.child.wait().unwrap();
        self.said.extend(self.lines.iter());
        for line in &self.said {
            assert!(!DAMAGE.iter().any(|word| line.contains(word)), "{line}");
        }
        self.said
    }
}

/// Waits about so long: a park may end early, and that is another random moment.
fn let_live(life: Duration) {
    thread::park_timeout(life);
}

/// The addresses that were announced.
fn announced(said: &[String]) -> impl Iterator<Item = String> + '_ {
    said.iter().filter_map(|line| {
        let (_, rest) = line.split_once(ANNOUNCED)?;
        rest.split(' ').next().map(str::to_owned)
    })
}

/// What a child reports as JSON under this name.
fn reported(said: &[String], name: &str) -> Value {
    let found = said
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    serde_json::from_str(found.unwrap_or_else(|| panic!("no {name} in {said:#?}"))).unwrap()
}

#[test]
fn nothing_that_was_announced_is_lost_and_nothing_counts_twice() {
    let server = server(Store::new, 50_000);
    let directory = tempfile::tempdir().unwrap();
    let order = |task, round| Order::new(&server, directory.path(), task, round);
    let mut random = Rng::with_seed(SEED);
    let (mut bans, mut lives) = (BTreeSet::new(), Vec::new());
    for round in 0..KILLS {
        let mut child = Running::start(&order(Task::Catch, round));
        // one in five dies while it begins
        let alive = random.u8(0..5) == 0 || child.hear(ANNOUNCED);
        assert!(alive, "the child ended: {:#?}", child.said);
        let_live(Duration::from_micros(random.u64(0..250_000)));
        let said = child.kill();
        // the next child is the first to open the files of the other half
        if round % 2 == 0 {
            let kept = kept(directory.path());
            let lost: Vec<_> = announced(&said).filter(|address| !kept.contains(address)).collect();
            assert!(lost.is_empty(), "announced, and not on disk: {lost:?} of {said:#?}");
        }
        bans.extend(announced(&said));
        lives.push(said);
    }
    assert!(bans.len() as u64 > KILLS, "{} bans were announced", bans.len());

    let kept = kept(directory.path());
    let lost: Vec<_> = bans.difference(&kept).collect();
    assert!(lost.is_empty(), "announced, and not on disk: {lost:?}");
    let last = Running::start(&order(Task::Drain, KILLS)).end();
    let events = reported(&last, "events");
    assert_eq!(events["pending"], 0, "{events}");
    let listed = listed(&server);
    let missing: Vec<_> = bans.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "announced, and not on the server's list: {missing:?}"
    );
    counted_once(&server, listed.len());
    server.stop(PATIENCE);
}

/// The bans in the state files of a process that is gone.
fn kept(state_dir: &Path) -> BTreeSet<String> {
    let files = StateFiles::open(state_dir, ManualClock::new());
    let state = files.state();
    assert_eq!((state.mode, state.damaged), (StoreMode::Disk, 0), "{state:?}");
    files.banned().map(to_text).collect()
}

/// What the server's list holds.
fn listed(server: &RunningServer) -> BTreeSet<String> {
    let (mut listed, mut path) = (BTreeSet::new(), "blacklist?limit=10000".to_owned());
    loop {
        let answer = admin(server, "GET", &path, None);
        let page = &answer["data"];
        for entry in page["entries"].as_array().unwrap() {
            listed.insert(entry["address"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            return listed;
        };
        path = "blacklist?limit=10000&after=".to_owned();
        write!(path, "{next}").unwrap();
    }
}

/// Every source attacked once, so that the server took as many bans as it lists.
fn counted_once(server: &RunningServer, listed: usize) {
    let answer = admin(server, "GET", "agents", None);
    let agents = answer["data"]["agents"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(agents.len(), 1, "one installation has one name: {answer}");
    let agent = &agents[0];
    assert_eq!(agent["shared"]["bans"], listed, "{agent}");
    assert_eq!(
        (&agent["shared"]["attacks"], &agent["missing"]),
        (&json!(0), &json!(0)),
        "{agent}"
    );
    assert_eq!(agent["shared"]["refused"], json!({}), "{agent}");
}

#[test]
fn a_list_that_is_being_saved_is_the_old_one_or_the_new_one_afterwards() {
    let server = server(filled, 1);
    let directory = tempfile::tempdir().unwrap();
    let order = |task, round| Order::new(&server, directory.path(), task, round);
    let mut random = Rng::with_seed(SEED);
    let mut known = vec![Value::Null];
    for round in 0..KILLS_IN_SNAPSHOT {
        // further than the history reaches: the next agent needs the whole list
        for n in 0..3 {
            let ban = json!({"address": format!("192.0.2.{}", round * 3 + n), "ttl_s": 86_400});
            admin(&server, "POST", "blacklist", Some(ban));
        }
        let mut child = Running::start(&order(Task::Fetch, round));
        assert!(child.hear("began "), "{:#?}", child.said);
        let_live(Duration::from_micros(random.u64(0..500_000)));
        let said = child.kill();
        let began = reported(&said, "began");
        assert!(
            known.contains(&began),
            "it began with {began}, and the server's lists were {known:?}"
        );
        known.push(head(&server));
    }
    let said = Running::start(&order(Task::Drain, KILLS_IN_SNAPSHOT)).end();
    assert_eq!(reported(&said, "cursor"), head(&server));
    server.stop(PATIENCE);
}

/// A list as if operators had worked for years.
fn filled(rules: Rules) -> Store {
    let (mut store, epoch) = (Store::new(rules), new_epoch());
    let found = StoreCommand::Found {
        fleet: "default".into(),
        epoch,
    };
    let bans = (0..ENTRIES).map(|n| {
        let [_, a, b, c] = n.to_be_bytes();
        StoreCommand::Ban {
            fleet: "default".into(),
            network: parse_network(&format!("{}.{b}.{c}.7", 20 + a)).unwrap(),
            ttl_s: None,
            why: "long ago".to_owned(),
        }
    });
    let commands = std::iter::once(found).chain(bans).collect();
    store.apply(&Record::new(Moment::default(), commands));
    store
}

/// Where the server's list stands: epoch and revision, as an agent shows them.
fn head(server: &RunningServer) -> Value {
    let answer = admin(server, "GET", "blacklist?limit=1", None);
    json!([answer["data"]["epoch"], answer["data"]["rev"]])
}
