//! Why a request was refused, by the name of the refusal.

use super::*;
use crate::model::address::parse_network;

fn id(verdict: &Verdict) -> BlockId {
    match verdict {
        Verdict::Block(refusal) => refusal.id,
        Verdict::Pass => panic!("it passed"),
    }
}

impl Stage {
    #[track_caller]
    fn explained(&self, verdict: &Verdict) -> Explanation {
        let id = id(verdict);
        let why = self.guard.why(id).expect("it is known");
        assert_eq!(why.id, id);
        why
    }

    fn asks_why(&self, query: &str) -> Explanation {
        let request = get("/search");
        let view = RequestView {
            query,
            ..request.view()
        };
        self.explained(&self.guard.check(&view))
    }

    fn in_force(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::clone(&self.published.current());
        change(&mut snapshot);
        self.published.publish(Arc::new(snapshot));
    }
}

/// Milliseconds since the Unix epoch, so many seconds after the test began.
fn at(seconds: u64) -> u64 {
    (1_800_000_000 + seconds) * 1000
}

#[test]
fn what_was_found_is_told_with_its_place_its_rule_and_the_end_of_the_ban() {
    let keys = json!({ "SECURITY_CHECKS": { "sqli": 2, "command": 2 }, "BLACKLIST_DELAY": 600 });
    let stage = stage(keys.clone());
    stage.in_force(|snapshot| snapshot.policy = Arc::new(policy(keys).numbered(7)));
    stage.pass_time(5);
    let why = stage.asks_why("page=1&q=1'+OR+'1'%3D'1+abcdef0123456789abcdef0123456789");
    assert_eq!((why.check, &*why.place, why.level), ("sqli", "query:q", Level::Ban));
    assert!(why.rule.starts_with("sqli/") && why.score >= 90, "{why:?}");
    assert!(
        why.excerpt.contains("OR '1'='1") && why.excerpt.contains("***"),
        "{why:?}"
    );
    assert_eq!(why.source, Some(ATTACKER.parse().unwrap()));
    assert_eq!((why.at_ms, why.until_ms), (at(5), Some(at(605))));
    assert_eq!((why.config_version, why.entry), (Some(7), None));
    let reported = stage.intake.pop().unwrap();
    assert_eq!((reported.id, &reported.rule), (Some(why.id), &why.rule));
    assert_eq!((reported.config_version, &reported.place), (Some(7), &why.place));
    let shown = serde_json::to_value(&why).unwrap();
    assert_eq!(shown["id"], why.id.to_string());
    assert!(why.to_string().contains("query:q"), "{why}");
}

#[test]
fn a_refusal_that_bans_nobody_has_no_end() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "decoy": 1, "flood": 1 }, "FLOOD_RATIO": 2 }));
    let decoy = stage.check(&get("/.env").unrouted(RouteMatch::Missing));
    let why = stage.explained(&decoy);
    assert_eq!((why.check, why.until_ms, &*why.place), ("decoy", None, "path"));
    assert_eq!(why.config_version, None, "local settings have none");
    let flood: Vec<Verdict> = (0..20).map(|_| stage.check(&get("/").from("198.51.100.8"))).collect();
    let refused: Vec<&Verdict> = flood.iter().filter(|verdict| verdict.is_block()).collect();
    let reported = stage.reported().len();
    assert!(reported < refused.len(), "not each one is news");
    assert!(refused.iter().all(|verdict| stage.explained(verdict).check == "flood"));
}

#[test]
fn a_listed_source_is_told_what_lists_it_and_until_when() {
    let stage = stage(json!({}));
    let now = stage.clock.elapsed();
    let insert = |network: &str, seconds: Option<u64>, scope| {
        let until = seconds.map(|seconds| now + Duration::from_secs(seconds));
        stage.blacklist.insert(parse_network(network).unwrap(), until, scope);
    };
    insert("203.0.113.0/24", Some(60), Scope::Shared);
    insert("198.51.100.7", None, Scope::Local);
    let first = stage.check(&get("/"));
    let why = stage.explained(&first);
    assert_eq!(
        (why.check, &*why.rule, why.until_ms),
        ("blacklist", "blacklist", Some(at(60)))
    );
    let entry = why.entry.unwrap();
    assert_eq!(
        (entry.network.to_string().as_str(), entry.scope),
        ("203.0.113.0/24", Scope::Shared)
    );
    assert!(why.to_string().contains("203.0.113.0/24 (shared)"), "{why}");
    let for_ever = stage.explained(&stage.check(&get("/").from("198.51.100.7")));
    assert_eq!((for_ever.until_ms, for_ever.entry.unwrap().scope), (None, Scope::Local));

    stage.pass_time(5);
    let again = stage.check(&get("/elsewhere"));
    assert_eq!(id(&again), id(&first), "the same source, the same entry, the same name");
    assert_eq!(stage.explained(&again), why, "written once");
    let neighbour = stage.check(&get("/").from("203.0.113.10"));
    assert_eq!(id(&neighbour), id(&first), "it is the ban's");
    insert("203.0.113.0/24", Some(120), Scope::Shared);
    let prolonged = stage.explained(&stage.check(&get("/")));
    assert_eq!((prolonged.id, prolonged.until_ms), (why.id, Some(at(120))));
    let told: Vec<BlockId> = stage.guard.newly_listed().iter().map(|why| why.id).collect();
    assert_eq!(told, [why.id, for_ever.id], "once each, for the log");
    assert!(stage.detections().is_empty(), "nothing of it is reported");
}

#[test]
fn a_listed_network_of_the_sixth_version_is_one_source() {
    let stage = stage(json!({}));
    stage.list("2001:db8:bad::/64");
    let [one, other] = ["2001:db8:bad::1", "2001:db8:bad::2"].map(|peer| id(&stage.check(&get("/").from(peer))));
    assert_eq!(one, other);
}

#[test]
fn a_ban_of_ones_own_is_named_by_the_refusal_that_it_began_with() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "decoy": 2 } }));
    let refused = id(&stage.check(&get("/.env").unrouted(RouteMatch::Missing)));
    let network = parse_network(ATTACKER).unwrap();
    stage.guard.banned(network, refused);
    stage.blacklist.insert(network, None, Scope::Local);
    let listed = stage.explained(&stage.check(&get("/")));
    assert_eq!(
        (listed.id, listed.check),
        (refused, "decoy"),
        "with what was found then"
    );
    assert_eq!(listed.entry.unwrap().scope, Scope::Local);
    stage.list("203.0.113.10");
    assert_ne!(id(&stage.check(&get("/").from("203.0.113.10"))), refused);
}

#[test]
fn two_agents_give_one_ban_one_name() {
    let [one, other] = [(); 2].map(|()| {
        let stage = stage(json!({}));
        stage.list(ATTACKER);
        id(&stage.check(&get("/")))
    });
    assert_eq!(one, other);
}

#[test]
fn more_refusals_than_are_kept_leave_the_newest() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "decoy": 1 } }));
    let refused = || id(&stage.check(&get("/.env").unrouted(RouteMatch::Missing)));
    let ids: Vec<BlockId> = (0..20_000).map(|_| refused()).collect();
    let known = ids.iter().filter(|id| stage.guard.why(**id).is_some()).count();
    assert!((1_000..=4_096).contains(&known), "{known}");
    assert!(stage.guard.why(ids[19_999]).is_some());
}

#[test]
fn sixty_refusals_in_a_row_are_all_known() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "decoy": 1 } }));
    let refused = || id(&stage.check(&get("/.env").unrouted(RouteMatch::Missing)));
    let ids: Vec<BlockId> = (0..60).map(|_| refused()).collect();
    // by chance not once in 200,000 runs: five of sixty names in one set of 1,024
    assert!(ids.iter().all(|id| stage.guard.why(*id).is_some()));
}

#[test]
fn many_listed_sources_at_once_each_know_why_for_a_while() {
    let stage = stage(json!({}));
    let peers = || (0..=255u8).flat_map(|a| (0..=255u8).map(move |b| format!("198.51.{a}.{b}")));
    peers().for_each(|peer| stage.list(&peer));
    let first: Vec<BlockId> = peers().map(|peer| id(&stage.check(&get("/").from(&peer)))).collect();
    let again: Vec<BlockId> = peers().map(|peer| id(&stage.check(&get("/").from(&peer)))).collect();
    assert_eq!(first, again);
    let known = first.iter().filter(|id| stage.guard.why(**id).is_some()).count();
    assert!((3_000..=4_096).contains(&known), "{known}");
    let unknown = first.iter().position(|id| stage.guard.why(*id).is_none()).unwrap();
    stage.pass_time(1);
    let peer = peers().nth(unknown).unwrap();
    assert!(
        stage.guard.why(id(&stage.check(&get("/").from(&peer)))).is_some(),
        "it has its turn"
    );
}

#[test]
fn what_nobody_could_judge_is_told_too() {
    struct Broken;
    impl Headers for Broken {
        fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {
            panic!("a broken adapter");
        }
        fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}
    }
    let stage = stage_with(json!({}), OnFailure::Closed);
    let request = get("/").from(PROXY);
    let view = RequestView {
        headers: &Broken,
        ..request.view()
    };
    let why = stage.explained(&stage.guard.check(&view));
    assert_eq!((why.check, why.source), ("on_detector_failure", None));
}

#[test]
fn a_place_that_an_attacker_named_is_short_and_on_one_line() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "sqli": 1, "command": 1 } }));
    let body = json!({ format!("a\nb{}", "c".repeat(500)): "1' OR '1'='1" }).to_string();
    let request = Request {
        headers: vec![("content-type", b"application/json")],
        ..get("/")
    };
    let body = BodyView {
        bytes: body.as_bytes(),
        is_whole: true,
    };
    let why = stage.explained(&stage.guard.check_body(&request.view(), body));
    assert!(why.place.starts_with("body:a bc"), "{why:?}");
    assert_eq!(why.place.len(), Detection::PLACE);
}
