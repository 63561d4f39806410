//! Floods of requests and of errors, through the guard.

use super::*;

fn flood(level: u8) -> Value {
    json!({
        "SECURITY_CHECKS": { "flood": level }, "FLOOD_RATIO": 5, "FLOOD_DELAY": 60, "BRUTE_AND_FLOOD_PATHS": ["^/api"],
        "IGNORE_PATHS": ["^/api/health$"],
    })
}

/// Status, content and `Retry-After` of a refusal.
fn answered(verdict: &Verdict) -> Option<(u16, String, Option<u32>)> {
    let Verdict::Block(refusal) = verdict else {
        return None;
    };
    Some((
        status(verdict),
        content(verdict),
        refusal.retry_after.map(std::num::NonZeroU32::get),
    ))
}

/// How many of these requests pass.
fn passed(stage: &Stage, count: usize, request: &Request) -> usize {
    (0..count).filter(|_| !stage.check(request).is_block()).count()
}

#[test]
fn the_request_above_the_limit_has_to_wait() {
    let stage = stage(flood(2));
    assert_eq!(passed(&stage, 5, &get("/api/items")), 5);
    assert!(stage.reported().is_empty());
    assert_eq!(
        answered(&stage.check(&get("/api/items"))),
        Some((429, "blocked".to_owned(), Some(12)))
    );
    assert_eq!(stage.reported(), [(Check::Flood, Level::Block)], "no offence yet");
    assert!(
        !stage.check(&get("/api/items").from("203.0.113.10")).is_block(),
        "another source"
    );
    stage.pass_time(12);
    assert_eq!(passed(&stage, 5, &get("/api/items")), 1, "a token came back");
    stage.pass_time(61);
    assert_eq!(passed(&stage, 9, &get("/api/items")), 5);
}

#[test]
fn a_flood_that_goes_on_is_banned() {
    let stage = stage(flood(2));
    for second in 0..60 {
        passed(&stage, 10, &get("/api"));
        assert!(
            stage.reported().iter().all(|(_, level)| *level == Level::Block),
            "after {second} s"
        );
        stage.pass_time(1);
    }
    let last: Vec<Verdict> = (0..10).map(|_| stage.check(&get("/api"))).collect();
    assert_eq!(answered(&last[9]), Some((418, "banned".to_owned(), None)));
    let ban = std::iter::from_fn(|| stage.intake.pop()).last().unwrap();
    assert_eq!((ban.check, ban.level), (Check::Flood, Level::Ban));
    assert!((300..=610).contains(&ban.requests()), "{} are told", ban.requests());
    assert!(stage.reported().is_empty(), "reported once");
}

#[test]
fn a_flood_with_pauses_is_never_banned() {
    let stage = stage(flood(2));
    for _ in 0..100 {
        passed(&stage, 50, &get("/api"));
        stage.pass_time(6);
    }
    assert!(stage.reported().iter().all(|(_, level)| *level == Level::Block));
}

#[test]
fn a_configuration_may_ban_at_once() {
    let mut keys = flood(2);
    keys["FLOOD_BAN_AFTER"] = json!(0);
    let stage = stage(keys);
    assert_eq!(passed(&stage, 5, &get("/api")), 5);
    assert_eq!(
        answered(&stage.check(&get("/api"))),
        Some((418, "banned".to_owned(), None))
    );
    assert_eq!(stage.reported(), [(Check::Flood, Level::Ban)]);
}

#[test]
fn an_office_passes_at_defaults_and_a_flood_does_not() {
    let office = stage(json!({ "SECURITY_CHECKS": { "flood": 2, "brute": 2 } }));
    for _ in 0..50 {
        assert_eq!(
            passed(&office, 200, &get("/picture/7")),
            200,
            "fifty pages with 200 resources at once"
        );
    }
    let office = stage(json!({ "SECURITY_CHECKS": { "flood": 2, "brute": 2 } }));
    for _ in 0..3600 {
        assert_eq!(passed(&office, 100, &get("/")), 100, "fifty people for an hour");
        assert_eq!(passed(&office, 300, &get("/static/app.js")), 300);
        office.pass_time(1);
    }
    let flood = stage(json!({ "SECURITY_CHECKS": { "flood": 2 } }));
    let throttled = (0..120).find(|_| {
        flood.pass_time(1);
        passed(&flood, 300, &get("/search")) < 300
    });
    assert_eq!(throttled, Some(49), "a flood of hundreds a second");
}

#[test]
fn static_files_are_counted_apart_and_never_without_a_limit() {
    let forged = || get("/search").with("sec-fetch-dest", "image");
    let mut keys = flood(1);
    keys["BRUTE_AND_FLOOD_PATHS"] = json!(["^/"]);
    let of_static = stage(keys.clone());
    assert_eq!(passed(&of_static, 1000, &get("/a.css")), 1000);
    assert_eq!(passed(&of_static, 5, &get("/")), 5, "they do not count");
    assert_eq!(
        passed(&of_static, 200_000, &forged()),
        99_000,
        "nobody floods by calling it a picture"
    );
    keys["FLOOD_STATIC"] = json!(true);
    let of_all = stage(keys);
    assert_eq!(passed(&of_all, 10, &get("/a.css")), 5);
    assert_eq!(passed(&of_all, 10, &forged()), 0);
}

#[test]
fn errors_have_to_wait_and_spare_the_application_the_next_attempt() {
    let keys = json!({ "SECURITY_CHECKS": { "brute": 2 }, "ERROR_FLOOD_RATIO": 5, "ERROR_FLOOD_DELAY": 10 });
    let stage = stage(keys);
    let attempt = get("/login");
    (0..5).for_each(|_| assert!(!stage.refuses(&attempt, 401)));
    assert!(!stage.check(&attempt).is_block(), "it may be right this time");
    assert_eq!(
        answered(&stage.answer(&attempt, 401)),
        Some((429, "blocked".to_owned(), Some(2)))
    );
    assert_eq!(
        answered(&stage.check(&attempt)),
        Some((429, "blocked".to_owned(), Some(2)))
    );
    assert!(
        !stage.check(&get("/logo.png")).is_block(),
        "a static file is no attempt"
    );
    assert!(!stage.check(&attempt.from("203.0.113.10")).is_block());
    stage.pass_time(2);
    assert!(!stage.refuses(&get("/login"), 401) && stage.check(&get("/login")).is_block());
    assert!(
        stage
            .reported()
            .iter()
            .all(|found| *found == (Check::Brute, Level::Block))
    );
    for _ in 0..60 {
        (0..5).for_each(|_| {
            stage.refuses(&get("/login"), 401);
        });
        stage.pass_time(1);
    }
    assert!(stage.reported().contains(&(Check::Brute, Level::Ban)), "it went on");
}

#[test]
fn pictures_that_are_gone_are_no_errors_of_their_reader() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "brute": 2 }, "ERROR_FLOOD_RATIO": 5 }));
    (0..200).for_each(|n| assert!(!stage.refuses(&get(format!("/img/{n}.png")), 404)));
    (0..5).for_each(|_| assert!(!stage.refuses(&get("/img/secret.png"), 403)));
    assert!(stage.refuses(&get("/img/secret.png"), 403), "but one that is closed is");
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
