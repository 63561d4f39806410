//! The application's answers: counted, and judged where the client erred.

use super::*;

fn brute(level: u8) -> Value {
    json!({ "SECURITY_CHECKS": { "brute": level }, "ERROR_FLOOD_RATIO": 5, "ERROR_FLOOD_DELAY": 10 })
}

#[test]
fn answers_are_counted_by_status() {
    let stage = stage(brute(0));
    for status in [101, 200, 301, 304, 400, 404, 500] {
        assert!(!stage.answer(&get("/"), status).is_block());
    }
    assert_eq!(stage.counts(), [4, 3, 0, 0]);
}

#[test]
fn too_many_errors_of_one_client_are_refused() {
    let stage = stage(brute(2));
    for status in [400, 401, 403, 404, 499] {
        assert!(!stage.answer(&get("/login"), status).is_block());
    }
    assert_eq!(content(&stage.answer(&get("/login"), 401)), "blocked");
    assert_eq!(
        (stage.reported(), stage.counts()),
        (vec![(Check::Brute, Level::Block)], [0, 5, 1, 1])
    );
    assert!(!stage.answer(&get("/login"), 200).is_block(), "only errors are judged");
    assert!(!stage.answer(&get("/login").from("203.0.113.10"), 401).is_block());
    stage.pass_time(11);
    assert!(!stage.answer(&get("/login"), 401).is_block());
}

#[test]
fn failures_of_the_application_are_nobodys_fault() {
    let stage = stage(brute(2));
    (0..100).for_each(|n| assert!(!stage.answer(&get("/"), 500 + n).is_block()));
    assert!(stage.reported().is_empty());
}

#[test]
fn requests_and_errors_are_counted_apart() {
    let mut keys = brute(1);
    keys["SECURITY_CHECKS"]["flood"] = json!(1);
    keys["FLOOD_RATIO"] = json!(100);
    let stage = stage(keys);
    (0..50).for_each(|_| assert!(!stage.refuses(&get("/picture"), 200)));
    assert!(!stage.refuses(&get("/typo"), 404));
}

#[test]
fn refusals_of_probes_count_as_errors() {
    let mut keys = brute(2);
    keys["SECURITY_CHECKS"]["path"] = json!(1);
    let stage = stage(keys);
    let probe = get("/nowhere").unrouted(RouteMatch::Missing);
    for _ in 0..5 {
        assert_eq!(content(&stage.check(&probe)), "blocked");
    }
    stage.detections();
    assert_eq!(content(&stage.check(&probe)), "blocked");
    assert_eq!(
        stage.reported(),
        [(Check::Path, Level::Block), (Check::Brute, Level::Block)]
    );
    assert_eq!(stage.counts(), [0, 0, 6, 6], "one request, one attack");
}

#[test]
fn a_404_confirms_that_there_was_no_route() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "path": 1 } }));
    let unsure = get("/nowhere").unrouted(RouteMatch::Unsure);
    assert!(!stage.check(&unsure).is_block());
    assert!(!stage.answer(&unsure, 200).is_block(), "the fallback had it");
    assert!(!stage.answer(&unsure, 403).is_block());
    assert!(
        !stage.answer(&get("/users/9"), 404).is_block(),
        "the route had no such user"
    );
    assert_eq!(content(&stage.answer(&unsure, 404)), "blocked");
    assert_eq!(
        (stage.reported(), stage.counts()),
        (vec![(Check::Path, Level::Block)], [1, 2, 1, 1])
    );
}

#[test]
fn a_404_confirms_a_decoy_and_a_fallback_that_answers_is_none() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "decoy": 2 } }));
    for route in [RouteMatch::Unsure, RouteMatch::Unknown] {
        let decoy = get("/shop/login").unrouted(route);
        assert!(!stage.check(&decoy).is_block(), "only the answer tells");
        for status in [200, 302, 401, 403, 405, 500] {
            assert!(!stage.answer(&decoy, status).is_block(), "{status}");
        }
        for status in [404, 410] {
            assert_eq!(content(&stage.answer(&decoy, status)), "banned");
            assert_eq!(stage.reported(), [(Check::Decoy, Level::Ban)]);
        }
    }
    let page = get("/shop/login");
    assert!(!stage.refuses(&page, 404), "the route's own 404");
    assert_eq!(content(&stage.check(&page.unrouted(RouteMatch::Missing))), "banned");
}

#[test]
fn a_decoy_on_the_way_to_pages_is_none() {
    let keys = json!({ "SECURITY_CHECKS": { "decoy": 2 }, "DECOY_ROUTES": [["/admin", "ends"]] });
    let stage = stage(keys);
    let admin = || get("/admin").unrouted(RouteMatch::Unsure);
    assert!(stage.refuses(&admin(), 404));
    assert!(stage.guard.learn_route("GET", "/admin/users") && stage.guard.learn_route("GET", "/admin/"));
    assert!(!stage.refuses(&admin(), 404));
    assert!(!stage.refuses(&get("/admin").unrouted(RouteMatch::Missing), 404));
    assert!(stage.refuses(&get("/x/admin").unrouted(RouteMatch::Unsure), 404));
}

#[test]
fn a_405_says_that_the_route_does_not_know_the_method() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "method": 1, "brute": 2 }, "ERROR_FLOOD_RATIO": 2 }));
    let with = |method| Request {
        method,
        ..get("/users")
    };
    assert!(!stage.check(&with("DELETE")).is_block());
    assert!(!stage.answer(&with("DELETE"), 404).is_block());
    assert_eq!(content(&stage.answer(&with("DELETE"), 405)), "blocked");
    let [detection] = stage.detections().try_into().unwrap();
    assert_eq!(
        (detection.check, &*detection.place, &*detection.excerpt),
        (Check::Method, "method", "DELETE")
    );
    for harmless in ["HEAD", "OPTIONS"] {
        assert!(
            !stage.answer(&with(harmless).from("198.51.100.7"), 405).is_block(),
            "{harmless}"
        );
    }
    assert_eq!(
        content(&stage.answer(&with("PUT"), 405)),
        "blocked",
        "it counts as an error too"
    );
    assert_eq!(
        stage.reported(),
        [(Check::Method, Level::Block), (Check::Brute, Level::Block)]
    );
    assert_eq!(stage.counts(), [0, 3, 2, 2], "one request, one attack");
}

#[test]
fn a_logged_request_is_one_attack_however_it_ends() {
    let mut keys = brute(3);
    keys["SECURITY_CHECKS"]["decoy"] = json!(3);
    keys["SECURITY_CHECKS"]["flood"] = json!(3);
    keys["FLOOD_RATIO"] = json!(8);
    keys["IGNORE_PATHS"] = json!(["^/health$"]);
    let stage = stage(keys);
    let decoy = get("/.env").unrouted(RouteMatch::Unsure);
    (0..6).for_each(|_| assert!(!stage.refuses(&decoy, 404)));
    assert_eq!(stage.counts(), [0, 6, 6, 0]);
    (0..6).for_each(|_| assert!(!stage.refuses(&get("/typo"), 404)));
    assert_eq!(
        stage.counts(),
        [0, 12, 12, 0],
        "two by brute alone, four by brute and flood"
    );
}

#[test]
fn the_view_of_an_answer_may_be_poorer() {
    let mut keys = brute(2);
    keys["SECURITY_CHECKS"]["spoofing"] = json!(3);
    keys["HOSTS"] = json!(["shop.example.com"]);
    let stage = stage(keys);
    let poor = get("/typo").to(None);
    (0..6).for_each(|_| drop(stage.answer(&poor, 404)));
    assert_eq!(stage.counts(), [0, 5, 1, 1], "no host in it is no spoofed host");
}
