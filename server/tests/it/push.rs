//! What is pushed: changes of the list in order, configurations, and the end.

use std::time::Duration;

use awc::http::Method;
use buckler::{
    model::blacklist::Applied,
    protocol::v2::{ConfigCursor, ConfigState, ConfigStatus, Flag, ListMode, ListUpdate, Next, ServerPart},
};
use buckler_server::{
    Moment, Server, Store,
    store::{Command, Record, new_epoch},
};
use serde_json::json;

use crate::{
    member::Member,
    socket::{Said, Socket, part},
    support::{Agent, Cloud, TestClock, config},
};

/// An agent with a list, on a WebSocket.
struct Follower {
    member: Member,
    socket: Socket,
}

impl Follower {
    async fn join(cloud: &Cloud) -> Self {
        let (member, socket) = (Member::new(), Socket::open(cloud).await);
        let mut follower = Self { member, socket };
        let welcome = follower.socket.register(&follower.member.agent).await;
        follower.apply(cloud, welcome.list.as_ref());
        follower
    }

    /// Applies what the server says of the list, which must always fit.
    fn apply(&mut self, cloud: &Cloud, update: Option<&ListUpdate>) {
        let applied = self.member.apply(update, &cloud.clock);
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?} of {update:?}");
    }

    /// Sends a beacon and applies what came before the reply, and the reply.
    async fn beacon(&mut self, cloud: &Cloud) -> ServerPart {
        let reply = self.socket.beacon(&self.member.agent).await;
        while let Some(push) = self.socket.next_pushed() {
            self.take(cloud, &push).await;
        }
        self.apply(cloud, reply.list.as_ref());
        self.member.agent.trim(reply.ack.unwrap());
        reply
    }

    /// Applies a push, which must lead on from what the agent has, or asks if the server wants it to.
    async fn take(&mut self, cloud: &Cloud, push: &ServerPart) {
        if push.flags == [Flag::PullNow] {
            let reply = self.socket.beacon(&self.member.agent).await;
            self.apply(cloud, reply.list.as_ref());
            return;
        }
        let update = push.list.as_ref().unwrap();
        let known = self.rev();
        assert!(
            update.to <= known || update.from == known,
            "{update:?} to one at {known}"
        );
        self.apply(cloud, Some(update));
    }

    /// Waits until an address is refused.
    async fn until_refused(&mut self, cloud: &Cloud, address: &str) {
        while !self.member.refuses(address, &cloud.clock) {
            let push = self.socket.push().await;
            self.take(cloud, &push).await;
        }
    }

    fn rev(&self) -> u64 {
        self.member.list.cursor().unwrap().rev
    }
}

#[actix_web::test]
async fn a_ban_is_pushed_to_everybody_as_one_delta() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = (Follower::join(&cloud).await, Follower::join(&cloud).await);
    cloud.operator_bans("203.0.113.7", Some(60)).await;
    let (first, second) = (one.socket.push().await, two.socket.push().await);
    assert_eq!(first, second);
    let update = first.list.as_ref().unwrap();
    assert_eq!((update.mode, update.from, update.to), (ListMode::Delta, 0, 1));
    assert_eq!(update.add, [("203.0.113.7".to_owned(), 60)]);
    assert_eq!((first.ack, first.next), (None, None));
    one.take(&cloud, &first).await;
    assert!(one.member.refuses("203.0.113.7", &cloud.clock));
    cloud.operator_unbans("203.0.113.7").await.good();
    let update = one.socket.push().await.list.unwrap();
    assert_eq!((update.from, update.to, update.remove.len()), (1, 2, 1));
}

#[actix_web::test]
async fn an_agents_ban_reaches_the_others_and_comes_back_to_itself() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = (Follower::join(&cloud).await, Follower::join(&cloud).await);
    one.member.agent.ban("203.0.113.7", cloud.clock.unix());
    assert_eq!(one.beacon(&cloud).await.ack, Some(1));
    two.until_refused(&cloud, "203.0.113.7").await;
    one.until_refused(&cloud, "203.0.113.7").await;
    assert_eq!(one.rev(), two.rev());
    let mut over_http = Agent::new();
    over_http.ban("203.0.113.8", cloud.clock.unix());
    over_http.beacon(&cloud).await;
    two.until_refused(&cloud, "203.0.113.8").await;
}

#[actix_web::test]
async fn what_ends_is_pushed_too() {
    let cloud = Cloud::start(config());
    let mut one = Follower::join(&cloud).await;
    cloud.operator_bans("203.0.113.7", Some(60)).await;
    one.until_refused(&cloud, "203.0.113.7").await;
    cloud.clock.pass(61);
    assert_eq!(one.socket.push().await.list.unwrap().remove, ["203.0.113.7"]);
}

#[actix_web::test]
async fn nothing_is_pushed_to_one_who_did_not_say_what_it_has() {
    let cloud = Cloud::start(config());
    let (mut silent, mut other) = (Socket::open(&cloud).await, Follower::join(&cloud).await);
    cloud.operator_bans("203.0.113.7", Some(60)).await;
    other.until_refused(&cloud, "203.0.113.7").await;
    let mut member = Member::new();
    let welcome = silent.register(&member.agent).await;
    assert_eq!(silent.next_pushed(), None);
    assert_eq!(
        member.apply(welcome.list.as_ref(), &cloud.clock),
        Applied::Swapped { entries: 1 }
    );
}

#[actix_web::test]
async fn fleets_do_not_mix() {
    let other = buckler_server::Profile::for_key("key-of-another").fleet("elsewhere");
    let cloud = Cloud::start(config().profile("another", other));
    let mut stranger = Socket::open_as(&cloud, "key-of-another").await.unwrap();
    let mut agent = Agent::new();
    agent.key = "key-of-another".to_owned();
    stranger.register(&agent).await;
    let mut one = Follower::join(&cloud).await;
    cloud.operator_bans("203.0.113.7", Some(60)).await;
    one.until_refused(&cloud, "203.0.113.7").await;
    let body = json!({"address": "203.0.113.9", "ttl_s": 3600, "fleet": "elsewhere"});
    cloud.admin(Method::POST, "/admin/blacklist", &body).await.good();
    assert_eq!(stranger.push().await.list.unwrap().add[0].0, "203.0.113.9");
}

#[actix_web::test]
async fn under_load_no_push_ever_leaves_a_gap() {
    let cloud = Cloud::start(config());
    let mut followers = Vec::new();
    for _ in 0..4 {
        followers.push(Follower::join(&cloud).await);
    }
    let mut watcher = Follower::join(&cloud).await;
    let noise = async {
        let mut agent = Agent::new();
        for host in 1..=100 {
            agent.ban(&format!("192.0.2.{host}"), cloud.clock.unix());
            agent.beacon(&cloud).await;
        }
    };
    futures_util::future::join(noise, share(&cloud, &mut followers)).await;
    cloud.operator_bans("203.0.113.200", None).await;
    watcher.until_refused(&cloud, "203.0.113.200").await;
    for follower in &mut followers {
        follower.until_refused(&cloud, "203.0.113.200").await;
        assert_eq!(follower.member.list.cursor(), watcher.member.list.cursor());
    }
    assert_eq!(watcher.rev(), 4 * 60 + 9 + 100 + 1);
}

/// Each shares a ban in each round, and an operator bans now and then.
async fn share(cloud: &Cloud, followers: &mut [Follower]) {
    for round in 0..60_u8 {
        for (of, follower) in followers.iter_mut().enumerate() {
            let address = format!("198.51.{}.{round}", 100 + of);
            follower.member.agent.ban(&address, cloud.clock.unix());
            // `take` fails the test at the first push that does not lead on
            assert_eq!(follower.beacon(cloud).await.ack, Some(u64::from(round) + 1));
        }
        if round % 7 == 0 {
            cloud.operator_bans(&format!("203.0.113.{round}"), None).await;
        }
    }
}

#[actix_web::test]
async fn pages_come_over_a_websocket_and_then_what_changed_meanwhile() {
    let mut config = config();
    config.limits.page_entries = std::num::NonZeroUsize::new(10).unwrap();
    let cloud = Cloud::start(config);
    for host in 1..=35 {
        cloud.operator_bans(&format!("203.0.113.{host}"), Some(7_200)).await;
    }
    let (mut member, mut socket) = (Member::new(), Socket::open(&cloud).await);
    let mut part = socket.register(&member.agent).await;
    for page in 1..=3 {
        assert_eq!(part.next.map(|next| next.after_ms), Some(0), "the next page is ready");
        let applied = member.apply(part.list.as_ref(), &cloud.clock);
        assert_eq!(applied, Applied::Page { page, pages: 4 });
        cloud.operator_bans(&format!("198.51.100.{page}"), Some(7_200)).await;
        part = socket.beacon(&member.agent).await;
    }
    assert_eq!(
        (part.next, socket.next_pushed()),
        (None, None),
        "no delta before the last page"
    );
    let applied = member.apply(part.list.as_ref(), &cloud.clock);
    assert_eq!(applied, Applied::Swapped { entries: 35 });
    let push = socket.push().await;
    assert_eq!(
        push.flags,
        [Flag::PullNow],
        "the ring does not reach back to when the snapshot was made"
    );
    let part = socket.beacon(&member.agent).await;
    let applied = member.apply(part.list.as_ref(), &cloud.clock);
    assert_eq!(applied, Applied::Delta { added: 3, removed: 0 });
}

#[actix_web::test]
async fn more_than_a_push_carries_is_asked_for() {
    let mut config = config();
    config.limits.page_entries = std::num::NonZeroUsize::new(10).unwrap();
    let cloud = Cloud::start(config);
    let (mut one, mut two) = (Follower::join(&cloud).await, Follower::join(&cloud).await);
    let mut agent = Agent::new();
    for host in 1..=50 {
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
    }
    agent.beacon(&cloud).await;
    for follower in [&mut one, &mut two] {
        let push = follower.socket.push().await;
        let next = Next {
            after_ms: 0,
            jitter_ms: 1,
        };
        assert_eq!(
            (&*push.flags, push.next),
            (&[Flag::PullNow][..], Some(next)),
            "one of two"
        );
        let list = follower.socket.beacon(&follower.member.agent).await.list.unwrap();
        assert_eq!((list.mode, list.pages), (ListMode::Snapshot, 5));
    }
}

async fn put(cloud: &Cloud, name: &str) -> u64 {
    let body = json!({"APP_NAME": name, "BEACON_DELAY": 30});
    let answer = cloud.admin(Method::PUT, "/admin/profiles/shop/config", &body).await;
    answer.good()["version"].as_u64().unwrap()
}

#[actix_web::test]
async fn a_configuration_is_pushed_once_and_not_again_after_it_was_taken_back() {
    let cloud = Cloud::start(config());
    let mut socket = Socket::open(&cloud).await;
    let mut agent = Agent::new();
    let first = socket.register(&agent).await.config.unwrap();
    agent.part.have.config = Some(ConfigCursor {
        version: first.version,
        hash: first.hash,
        signed: None,
    });
    let second = put(&cloud, "second").await;
    let push = socket.push().await.config.unwrap();
    assert_eq!((push.version, &push.body["APP_NAME"]), (second, &json!("second")));
    let probation = ConfigStatus {
        version: second,
        state: ConfigState::Probation,
        error: None,
    };
    agent.part.config_status = Some(ConfigStatus {
        state: ConfigState::RolledBack,
        error: Some("21 % would be blocked".to_owned()),
        ..probation
    });
    assert_eq!(socket.beacon(&agent).await.config, None, "it was taken back");
    assert_eq!(cloud.agents().await[0]["config_status"]["state"], "rolled_back");
    // the same again is no news, though profiles change; then another is
    assert_eq!(put(&cloud, "second").await, second);
    let third = put(&cloud, "third").await;
    assert_eq!(socket.push().await.config.unwrap().version, third);
}

#[actix_web::test]
async fn who_registers_after_the_change_is_answered_and_not_pushed() {
    let cloud = Cloud::start(config());
    let mut socket = Socket::open(&cloud).await;
    let second = put(&cloud, "second").await;
    let agent = Agent::new();
    assert_eq!(socket.register(&agent).await.config.unwrap().version, second);
    cloud.operator_bans("203.0.113.7", None).await;
    assert!(socket.push().await.list.is_some(), "the next push is the ban");
}

#[actix_web::test]
async fn a_key_that_is_revoked_ends_its_connections() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let text = |keys: &str, unassigned: &str| {
        format!(
            "admin_token = \"token-for-tests\"\nunassigned_keys = [{unassigned}]\n[profiles.shop]\nkeys = [{keys}]\n"
        )
    };
    std::fs::write(&file, text("\"a\", \"b\", \"c\"", "")).unwrap();
    let cloud = Cloud::watching(&file);
    let mut open = Vec::new();
    for key in ["a", "b", "c"] {
        open.push(Socket::open_as(&cloud, key).await.unwrap());
    }
    std::fs::write(&file, text("\"c\"", "\"b\"")).unwrap();
    assert_eq!(open[0].closed().await.0, 4_403);
    assert_eq!(open[1].closed().await.0, 4_404);
    cloud.until_open(1).await;
    let mut agent = Agent::new();
    agent.key = "c".to_owned();
    assert_eq!(open[2].register(&agent).await.ack, Some(0));
}

#[actix_web::test]
async fn a_server_that_stops_says_goodbye() {
    let cloud = Cloud::start(config());
    let mut one = Follower::join(&cloud).await;
    let mut silent = Socket::open(&cloud).await;
    let Cloud { server, clock: _ } = cloud;
    let stopped = std::thread::spawn(move || server.stop(Duration::from_secs(10)));
    for socket in [&mut one.socket, &mut silent] {
        assert_eq!(socket.push().await.flags, [Flag::Goodbye]);
        assert_eq!(socket.closed().await.0, 1_001);
        assert!(matches!(socket.hear().await, Said::Over));
    }
    stopped.join().unwrap();
}

/// A server whose list has so many entries from the start, all on one page.
fn with_entries(count: u128) -> Cloud {
    let mut config = config();
    config.limits.page_entries = std::num::NonZeroUsize::MAX;
    let clock = std::sync::Arc::new(TestClock::default());
    let server = Server::builder(config)
        .listen("127.0.0.1:0")
        .clock(std::sync::Arc::clone(&clock) as _)
        .store(move |rules| {
            let found = Command::Found {
                fleet: "default".into(),
                epoch: new_epoch(),
            };
            let bans = (0..count).map(|n| {
                let address = std::net::Ipv6Addr::from((0x2001_0db8 << 96) + (n << 64) + u128::from(u64::MAX));
                Command::Ban {
                    fleet: "default".into(),
                    network: std::net::IpAddr::from(address).into(),
                    ttl_s: None,
                    why: String::new(),
                }
            });
            let mut store = Store::new(rules);
            let commands = std::iter::once(found).chain(bans).collect();
            store.apply(&Record::new(Moment::default(), commands));
            store
        });
    Cloud {
        server: server.start().unwrap(),
        clock,
    }
}

#[actix_web::test]
async fn a_slow_client_delays_nobody_and_is_told_to_ask() {
    // three answers of 2 MB: more than sockets hold (2.5 MB on loopback, and as much again where it is read)
    let cloud = with_entries(40_000);
    let mut quick = Follower::join(&cloud).await;
    let mut slow = Socket::open(&cloud).await;
    let registration = json!({"id": 1, "register": Agent::new().registration()}).to_string();
    for _ in 0..3 {
        slow.say(&registration).await;
    }
    cloud.until_open(2).await;
    // more deltas than are kept for it, each with the quick one at once
    for host in 1..=100 {
        let address = format!("203.0.113.{host}");
        cloud.operator_bans(&address, None).await;
        quick.until_refused(&cloud, &address).await;
    }
    let mut snapshots = Vec::new();
    while snapshots.len() < 3 {
        match slow.hear().await {
            Said::Reply(reply) => snapshots.push(part(&reply).list.unwrap()),
            Said::Push(_) => {}
            said @ (Said::Pong(_) | Said::Closed(..) | Said::Over) => panic!("{said:?}"),
        }
    }
    let mut rev = snapshots[2].to;
    loop {
        let push = slow.push().await;
        let Some(delta) = push.list else {
            assert_eq!(push.flags, [Flag::PullNow]);
            assert_eq!(push.next.unwrap().jitter_ms, 0, "it alone");
            break;
        };
        assert_eq!(delta.from, rev);
        rev = delta.to;
    }
    assert!(rev < quick.rev(), "{rev}");
}
