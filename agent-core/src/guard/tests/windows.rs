//! Flood and error windows, through the guard.

use super::*;

fn flood(level: u8) -> Value {
    json!({
        "SECURITY_CHECKS": { "flood": level }, "FLOOD_RATIO": 5, "FLOOD_DELAY": 60, "BRUTE_AND_FLOOD_PATHS": ["^/api"],
        "IGNORE_PATHS": ["^/api/health$"],
    })
}

#[test]
fn the_request_above_the_limit_is_refused() {
    let stage = stage(flood(2));
    for _ in 0..5 {
        assert!(!stage.check(&get("/api/items")).is_block());
    }
    assert!(stage.reported().is_empty());
    assert_eq!(content(&stage.check(&get("/api/items"))), "banned");
    assert_eq!(stage.reported(), [(Check::Flood, Level::Ban)]);
    assert!(
        !stage.check(&get("/api/items").from("203.0.113.10")).is_block(),
        "another source"
    );
    stage.pass_time(61);
    assert!(!stage.check(&get("/api/items")).is_block(), "another window");
}

#[test]
fn only_the_paths_that_count_are_counted() {
    let stage = stage(flood(1));
    (0..100).for_each(|_| assert!(!stage.check(&get("/pictures/1.png")).is_block()));
    (0..100).for_each(|_| assert!(!stage.check(&get("/api/health")).is_block()));
    (0..5).for_each(|_| assert!(!stage.check(&get("/%61pi")).is_block()));
    assert!(stage.check(&get("/%61pi")).is_block(), "in disguise too");
}

#[test]
fn a_flood_is_reported_as_it_doubles() {
    let stage = stage(flood(3));
    (0..5 + 100).for_each(|_| assert!(!stage.check(&get("/api")).is_block()));
    assert_eq!(stage.detections().len(), 7, "at 1, 2, 4, … 64 too many");
    assert_eq!(stage.counts(), [0, 0, 100, 0], "each is counted");
}

#[test]
fn whoever_cannot_be_banned_is_not_counted() {
    let mut keys = flood(2);
    keys["SECURITY_CHECKS"]["brute"] = json!(2);
    keys["ERROR_FLOOD_RATIO"] = json!(5);
    let stage = stage(keys);
    for peer in [PROXY, "127.0.0.1", "fe80::1"] {
        (0..100).for_each(|_| assert!(!stage.refuses(&get("/api").from(peer), 404), "{peer}"));
    }
    let nobody = Request {
        peer: None,
        ..get("/api")
    };
    (0..100).for_each(|_| assert!(!stage.refuses(&nobody, 404)));
}

#[test]
fn clients_of_one_proxy_are_counted_apart() {
    let stage = stage(flood(1));
    let from = |client| get("/api").from(PROXY).with("x-forwarded-for", client);
    (0..5).for_each(|_| assert!(!stage.check(&from("198.51.100.7")).is_block()));
    assert!(stage.check(&from("198.51.100.7")).is_block());
    assert!(!stage.check(&from("198.51.100.8")).is_block());
}

#[test]
fn two_workers_count_as_one() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "flood": 1 }, "FLOOD_RATIO": 1000, "FLOOD_DELAY": 60 }));
    let refused: usize = std::thread::scope(|scope| {
        let worker = || (0..1000).filter(|_| stage.check(&get("/")).is_block()).count();
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(refused, 1000);
}
