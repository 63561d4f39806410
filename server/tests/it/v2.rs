//! Version 2 agents: events count once, the list converges, configurations arrive once.

use std::{net::IpAddr, sync::Arc, time::Duration};

use awc::http::Method;
use buckler::{
    clock::Clock,
    model::blacklist::{Applied, Blacklist, Digest, Scope, SharedList},
    protocol::v2::{ConfigCursor, ConfigState, ConfigStatus, EventKind, Flag, ListMode, ListUpdate},
};
use buckler_server::{Profile, ServerConfig};
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, TestClock, config};

/// An agent with a list, kept as the real one keeps it.
pub(crate) struct Member {
    pub(crate) agent: Agent,
    pub(crate) list: SharedList,
}

impl Member {
    pub(crate) fn new() -> Self {
        Self {
            agent: Agent::new(),
            list: SharedList::new(Arc::new(Blacklist::new())),
        }
    }

    pub(crate) fn apply(&mut self, update: Option<&ListUpdate>, clock: &TestClock) -> Applied {
        let applied = self.list.apply(update.unwrap(), clock.elapsed());
        (self.agent.part.have.list, self.agent.part.have.staging) = (self.list.cursor(), self.list.staging());
        applied
    }

    pub(crate) async fn register(&mut self, cloud: &Cloud) -> Applied {
        let part = self.agent.register(cloud).await;
        self.apply(part.list.as_ref(), &cloud.clock)
    }

    pub(crate) async fn beacon(&mut self, cloud: &Cloud) -> Applied {
        let part = self.agent.beacon(cloud).await;
        self.agent.trim(part.ack.unwrap());
        self.apply(part.list.as_ref(), &cloud.clock)
    }

    /// Registers and takes the list, whatever it is.
    pub(crate) async fn join(&mut self, cloud: &Cloud) {
        let applied = self.register(cloud).await;
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?}");
    }

    /// Sends a beacon and takes the list, whatever it is.
    pub(crate) async fn follow(&mut self, cloud: &Cloud) {
        let applied = self.beacon(cloud).await;
        assert!(!matches!(applied, Applied::Refused(_)), "{applied:?}");
    }

    pub(crate) fn refuses(&self, address: &str, clock: &TestClock) -> bool {
        self.list
            .list()
            .contains(address.parse::<IpAddr>().unwrap(), clock.elapsed())
    }
}

async fn pair(cloud: &Cloud) -> (Member, Member) {
    let (mut one, mut two) = (Member::new(), Member::new());
    assert_eq!(one.register(cloud).await, Applied::Swapped { entries: 0 });
    assert_eq!(two.register(cloud).await, Applied::Swapped { entries: 0 });
    (one, two)
}

#[actix_web::test]
async fn a_ban_at_one_agent_is_a_delta_at_the_other() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = pair(&cloud).await;
    assert_eq!(two.beacon(&cloud).await, Applied::Nothing);
    one.agent.ban("203.0.113.7", cloud.clock.unix());
    one.agent.ban("2001:db8:1:2::/64", cloud.clock.unix());
    let part = one.agent.beacon(&cloud).await;
    assert_eq!((part.ack, part.nack.len()), (Some(2), 0));
    cloud.clock.pass(10);
    assert_eq!(
        two.beacon(&cloud).await,
        Applied::Delta { added: 2, removed: 0 },
        "count and digest were checked"
    );
    assert!(two.refuses("203.0.113.7", &cloud.clock) && two.refuses("2001:db8:1:2::9", &cloud.clock));
    let expected = Digest::of(["203.0.113.7/32".parse().unwrap(), "2001:db8:1:2::/64".parse().unwrap()]);
    assert_eq!(two.list.cursor().unwrap().digest, expected.to_string());
    cloud.clock.pass(3_589);
    assert!(two.refuses("203.0.113.7", &cloud.clock));
    cloud.clock.pass(1);
    assert!(
        !two.refuses("203.0.113.7", &cloud.clock),
        "an hour after it was made, whatever the server said since"
    );
    assert_eq!(
        two.beacon(&cloud).await,
        Applied::Delta { added: 0, removed: 2 },
        "and then the members go"
    );
    assert_eq!(two.list.cursor().unwrap().count, 0);
}

#[actix_web::test]
async fn a_repeated_batch_is_acknowledged_again_and_changes_nothing() {
    let cloud = Cloud::start(config());
    let (one, mut two) = pair(&cloud).await;
    let mut one = one.agent;
    one.ban("203.0.113.7", cloud.clock.unix());
    one.ban("10.0.0.1", cloud.clock.unix());
    one.event(EventKind::Attack, "203.0.113.8", cloud.clock.unix(), 0);
    let first = one.beacon(&cloud).await;
    assert_eq!(first.ack, Some(3));
    assert_eq!(
        first.nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
        [(2, "protected_range")]
    );
    two.follow(&cloud).await;
    let rev = two.list.cursor().unwrap().rev;
    let again = one.beacon(&cloud).await;
    assert_eq!((again.ack, again.nack), (Some(3), Vec::new()));
    assert_eq!(two.beacon(&cloud).await, Applied::Nothing);
    assert_eq!(two.list.cursor().unwrap().rev, rev);
    let shared = &cloud
        .agents()
        .await
        .into_iter()
        .find(|a| a["id"] == one.part.agent_id.to_string())
        .unwrap()["shared"];
    assert_eq!(
        shared,
        &json!({"live": 1, "bans": 1, "unbans": 0, "attacks": 1, "refused": {"protected_range": 1}}),
        "each event counted once"
    );
}

#[actix_web::test]
async fn a_partly_known_batch_continues_and_a_gap_is_counted_as_loss() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    for host in 1..=5 {
        agent.ban(&format!("203.0.113.{host}"), cloud.clock.unix());
    }
    let all = agent.part.events.clone();
    agent.part.events = all[..2].to_vec();
    assert_eq!(agent.beacon(&cloud).await.ack, Some(2));
    agent.part.events = all[..3].to_vec();
    assert_eq!(agent.beacon(&cloud).await.ack, Some(3));
    (agent.part.first, agent.part.events) = (5, all[4..].to_vec());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(5));
    (agent.part.first, agent.part.events) = (9, Vec::new());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(8));
    assert_eq!(cloud.listed().await.len(), 4);
    assert_eq!(cloud.agents().await[0]["missing"], 1 + 3);
    (agent.part.stream, agent.part.first) = (uuid::Uuid::new_v4(), 1);
    agent.part.events = all;
    assert_eq!(agent.beacon(&cloud).await.ack, Some(5), "another stream counts from 1");
}

#[actix_web::test]
async fn nobody_speaks_for_an_agent_of_another_profile() {
    let other = Profile::for_key("key-of-another").fleet("elsewhere");
    let cloud = Cloud::start(config().profile("another", other));
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    let mut thief = Agent::new();
    (thief.key, thief.part.agent_id, thief.part.stream) =
        ("key-of-another".to_owned(), agent.part.agent_id, agent.part.stream);
    for host in 1..=3 {
        thief.ban(&format!("198.51.100.{host}"), cloud.clock.unix());
    }
    assert_eq!(thief.beacon(&cloud).await.ack, Some(3));
    agent.ban("203.0.113.7", cloud.clock.unix());
    assert_eq!(agent.beacon(&cloud).await.ack, Some(1));
    assert_eq!(cloud.listed().await, ["203.0.113.7"], "and fleets do not mix");
}

#[actix_web::test]
async fn each_refusal_has_its_code() {
    let cloud = Cloud::start(ServerConfig {
        own_addresses: vec!["198.51.100.200/32".parse().unwrap()],
        ..config()
    });
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    cloud.operator_bans("203.0.113.99", None).await;
    let at = cloud.clock.unix();
    for (address, code) in [
        ("somebody", "bad_address"),
        ("", "bad_address"),
        ("192.168.0.1", "protected_range"),
        ("fe80::1", "protected_range"),
        ("198.51.100.200", "protected_range"),
        ("198.51.100.0/24", "protected_range"),
        ("203.0.0.0/16", "too_wide"),
        ("2001:db8::/32", "too_wide"),
    ] {
        let seq = agent.ban(address, at);
        let nack = agent.beacon(&cloud).await.nack;
        assert_eq!(
            nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
            [(seq, code)],
            "{address}"
        );
    }
    let over = agent.event(EventKind::Ban, "203.0.113.1", at, 0);
    let held = agent.event(EventKind::Unban, "203.0.113.99", at, 0);
    let nack = agent.beacon(&cloud).await.nack;
    let codes: Vec<_> = nack.iter().map(|n| (n.seq, n.code.as_str())).collect();
    assert_eq!(codes, [(over, "over"), (held, "operator_entry")]);
    assert_eq!(cloud.listed().await, ["203.0.113.99"]);
}

#[actix_web::test]
async fn an_unban_beats_a_late_copy_of_the_ban() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = pair(&cloud).await;
    let caught = cloud.clock.unix();
    one.agent.ban("203.0.113.7", caught);
    one.follow(&cloud).await;
    two.follow(&cloud).await;
    cloud.clock.pass(60);
    one.agent.event(EventKind::Unban, "203.0.113.7", cloud.clock.unix(), 0);
    one.follow(&cloud).await;
    assert!(!one.refuses("203.0.113.7", &cloud.clock));
    cloud.clock.pass(5);
    let seq = two.agent.ban("203.0.113.7", caught + 59);
    let part = two.agent.beacon(&cloud).await;
    assert_eq!(
        part.nack.iter().map(|n| (n.seq, n.code.as_str())).collect::<Vec<_>>(),
        [(seq, "unbanned")]
    );
    two.agent.trim(part.ack.unwrap());
    assert!(matches!(
        two.apply(part.list.as_ref(), &cloud.clock),
        Applied::Delta { removed: 1, .. }
    ));
    assert!(!two.refuses("203.0.113.7", &cloud.clock));
    two.agent.ban("203.0.113.7", cloud.clock.unix());
    assert!(two.agent.beacon(&cloud).await.nack.is_empty(), "caught again");
    one.follow(&cloud).await;
    assert!(one.refuses("203.0.113.7", &cloud.clock));
}

#[actix_web::test]
async fn of_two_bans_the_later_end_stays() {
    let cloud = Cloud::start(config());
    let (mut one, mut two) = pair(&cloud).await;
    one.agent.event(EventKind::Ban, "203.0.113.7", cloud.clock.unix(), 600);
    one.follow(&cloud).await;
    cloud.clock.pass(100);
    two.agent.event(EventKind::Ban, "203.0.113.7", cloud.clock.unix(), 300);
    two.follow(&cloud).await;
    assert_eq!(
        one.beacon(&cloud).await,
        Applied::Nothing,
        "it ends sooner than the first"
    );
    two.agent.event(EventKind::Ban, "203.0.113.7", cloud.clock.unix(), 900);
    two.follow(&cloud).await;
    one.follow(&cloud).await;
    cloud.clock.pass(899);
    assert!(one.refuses("203.0.113.7", &cloud.clock));
    cloud.clock.pass(1);
    assert!(!one.refuses("203.0.113.7", &cloud.clock));
    assert_eq!(
        one.list.list().len(Scope::Shared),
        1,
        "a member until the server says otherwise"
    );
}

#[actix_web::test]
async fn a_restarted_server_asks_agents_to_register_and_starts_the_list_anew() {
    let cloud = Cloud::start(config());
    let mut member = Member::new();
    member.join(&cloud).await;
    member.agent.ban("203.0.113.7", cloud.clock.unix());
    let before = member.agent.beacon(&cloud).await;
    assert_eq!(before.flags, []);
    assert_eq!(
        member.apply(before.list.as_ref(), &cloud.clock),
        Applied::Delta { added: 1, removed: 0 }
    );
    let Cloud { server, clock } = cloud;
    let address = server.address().to_string();
    server.stop(Duration::from_secs(5));
    let cloud = Cloud::start_at(config(), &address, clock);
    let part = member.agent.beacon(&cloud).await;
    assert_eq!(part.flags, [Flag::RegisterAgain]);
    assert_eq!(part.ack, Some(1), "what was not acknowledged came again");
    let list = part.list.unwrap();
    assert_eq!(list.mode, ListMode::Snapshot);
    assert_ne!(list.epoch, before.list.unwrap().epoch);
    assert_eq!(member.apply(Some(&list), &cloud.clock), Applied::Swapped { entries: 1 });
    member.join(&cloud).await;
    assert_eq!(member.agent.beacon(&cloud).await.flags, []);
}

#[actix_web::test]
async fn a_wrong_cursor_is_answered_with_a_snapshot() {
    let cloud = Cloud::start(config());
    let mut member = Member::new();
    member.join(&cloud).await;
    member.agent.ban("203.0.113.7", cloud.clock.unix());
    member.follow(&cloud).await;
    let good = member.list.cursor().unwrap();
    let mode = async |agent: &mut Agent, change: fn(&mut buckler::protocol::v2::ListCursor)| {
        let mut cursor = good.clone();
        change(&mut cursor);
        agent.part.have.list = Some(cursor);
        agent.beacon(&cloud).await.list.unwrap().mode
    };
    assert_eq!(mode(&mut member.agent, |_| {}).await, ListMode::None);
    assert_eq!(
        mode(&mut member.agent, |c| c.digest = "0".repeat(64)).await,
        ListMode::Snapshot
    );
    assert_eq!(mode(&mut member.agent, |c| c.count += 1).await, ListMode::Snapshot);
    assert_eq!(
        mode(&mut member.agent, |c| c.rev += 1).await,
        ListMode::Snapshot,
        "a revision that never was"
    );
    assert_eq!(mode(&mut member.agent, |c| c.epoch.push('x')).await, ListMode::Snapshot);
}

#[actix_web::test]
async fn a_changed_configuration_arrives_once() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    let first = agent.register(&cloud).await.config.unwrap();
    assert_eq!(first.body["APP_NAME"], "shop");
    assert_eq!(
        first.body["SECURITY_CHECKS"],
        json!({"flood": 0}),
        "version 2 agents merge check by check"
    );
    assert_eq!(first.body["BEACON_URL"], cloud.url("/beacon"));
    assert_eq!(first.hash, buckler::model::policy::config_hash(&first.body));
    agent.part.have.config = Some(ConfigCursor {
        version: first.version,
        hash: first.hash,
    });
    assert_eq!(agent.beacon(&cloud).await.config, None);
    let mut changed = cloud
        .admin(Method::GET, "/admin/profiles/shop/config", &Value::Null)
        .await
        .good()["config"]
        .take();
    changed["BEACON_DELAY"] = json!(60);
    cloud
        .admin(Method::PUT, "/admin/profiles/shop/config", &changed)
        .await
        .good();
    let part = agent.beacon(&cloud).await;
    let second = part.config.unwrap();
    assert!(second.version > first.version);
    assert_eq!(second.body["BEACON_DELAY"], 60);
    let next = part.next.unwrap();
    assert_eq!(
        (next.after_ms, next.jitter_ms),
        (60_000, 12_000),
        "the new interval holds at once"
    );
    assert!(agent.beacon(&cloud).await.config.is_some(), "until the agent has it");
    let failed = ConfigStatus {
        version: second.version,
        state: ConfigState::Failed,
        error: Some("why not".to_owned()),
    };
    agent.part.config_status = Some(failed);
    assert_eq!(agent.beacon(&cloud).await.config, None, "or has found it unusable");
    assert_eq!(cloud.agents().await[0]["config_status"]["error"], "why not");
}

#[actix_web::test]
async fn the_admin_view_shows_what_an_agent_said() {
    let cloud = Cloud::start(config());
    let (one, mut two) = pair(&cloud).await;
    let mut message = two.agent.message();
    message["telemetry"] = json!({"cpu": 12.5, "memory": 40.0});
    message["v2"]["totals"] = json!({"since_ms": 5, "success": 7, "errors": 1, "attacks": 2, "blocked": 2});
    message["v2"]["lost"] = json!({"queue_full": 3});
    message["v2"]["health"] = json!({"restarts": 1, "state": "synced"});
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    cloud.clock.pass(1);
    cloud.post("/beacon", &message).await.good();
    let agents = cloud.agents().await;
    assert_eq!(agents.len(), 2);
    let seen = &agents[0];
    assert_eq!(seen["id"], two.agent.part.agent_id.to_string(), "heard last");
    assert_eq!(
        (&seen["profile"], &seen["fleet"], &seen["platform"]),
        (&json!("shop"), &json!("default"), &json!("actix-web"))
    );
    assert_eq!(
        (&seen["proto"], &seen["registered"], &seen["routes"]),
        (&json!(2), &json!(true), &json!(1))
    );
    assert_eq!(
        (&seen["telemetry"]["cpu"], &seen["totals"]["blocked"]),
        (&json!(12.5), &json!(2))
    );
    assert_eq!(
        (&seen["lost"]["queue_full"], &seen["health"]["state"]),
        (&json!(3), &json!("synced"))
    );
    assert_eq!(seen["list_lag"], 1);
    two.follow(&cloud).await;
    two.follow(&cloud).await;
    assert_eq!(cloud.agents().await[0]["list_lag"], 0);
    assert!(
        !cloud
            .agents()
            .await
            .iter()
            .any(|agent| agent.to_string().contains(&one.agent.key)),
        "never a key"
    );
}
