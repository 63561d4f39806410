//! What requests carry: where it is found, what becomes of it, and what is not looked into.

use buckler_waf::detect::{Detector, Family, Finding, Marks, Value as Seen};

use super::*;
use crate::model::policy::Check;

/// A guard with the checks on that look into values, unless the test says otherwise.
fn inspecting(keys: Value) -> Stage {
    inspecting_with(keys, Detectors::standard().unwrap())
}

fn inspecting_with(mut keys: Value, detectors: Detectors) -> Stage {
    let mut checks = json!({"decoy": 2, "sqli": 2, "xss": 2, "hpp": 2, "command": 2});
    if let Some(own) = keys["SECURITY_CHECKS"].as_object() {
        checks.as_object_mut().unwrap().extend(own.clone());
    }
    keys["SECURITY_CHECKS"] = checks;
    stage_of(keys, OnFailure::Open, detectors)
}

const NO_HEADERS: &[(&str, &[u8])] = &[];

fn plain<'a>(path: &'a str, peer: &str) -> RequestView<'a> {
    RequestView {
        peer: Some(peer.parse().unwrap()),
        method: "GET",
        path,
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &NO_HEADERS,
    }
}

/// A request with a query.
fn asking(query: &str) -> RequestView<'_> {
    RequestView {
        query,
        ..plain("/search", ATTACKER)
    }
}

fn body(bytes: &[u8]) -> BodyView<'_> {
    BodyView { bytes, is_whole: true }
}

#[test]
fn an_injection_is_refused_and_said_to_be_where_it_is() {
    let stage = inspecting(json!({}));
    let verdict = stage.guard.check(&asking("page=1&q=1'+OR+'1'%3D'1"));
    let Verdict::Block(Refusal { id, .. }) = verdict else {
        panic!("it passed")
    };
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.check, found.level), (Check::Sqli, Level::Ban));
    assert_eq!(&*found.place, "query:q");
    assert!(found.rule.starts_with("sqli/") && found.score >= 90, "{found:?}");
    assert!(found.excerpt.contains("OR '1'='1"), "{found:?}");
    assert_eq!(found.id, Some(id));
    assert!(
        stage.intake.pop().is_none(),
        "the first finding that refuses ends the search"
    );
}

#[test]
fn every_part_of_a_head_is_looked_into() {
    let stage = inspecting(json!({"SECURITY_CHECKS": {"flood": 0}}));
    let attack = "<script>alert(1)</script>";
    let encoded = "%3Cscript%3Ealert(1)%3C/script%3E";
    let path = format!("/news/{encoded}");
    let query = format!("a={encoded}");
    let cookie = format!("theme={attack}");
    let in_cookie: &[(&str, &[u8])] = &[("cookie", cookie.as_bytes())];
    let in_referer: &[(&str, &[u8])] = &[("referer", attack.as_bytes())];
    let base = plain("/", ATTACKER);
    for (view, place) in [
        (RequestView { path: &path, ..base }, "path"),
        (RequestView { query: &query, ..base }, "query:a"),
        (
            RequestView {
                headers: &in_cookie,
                ..base
            },
            "cookie:theme",
        ),
        (
            RequestView {
                headers: &in_referer,
                ..base
            },
            "header:referer",
        ),
    ] {
        assert!(stage.guard.check(&view).is_block(), "{place}");
        let found = stage.intake.pop().unwrap();
        assert_eq!((found.check, &*found.place), (Check::Xss, place));
    }
}

#[test]
fn a_body_is_looked_into_by_its_type() {
    let stage = inspecting(json!({}));
    let json: &[(&str, &[u8])] = &[("content-type", b"application/json")];
    let view = RequestView {
        method: "POST",
        headers: &json,
        ..plain("/orders", ATTACKER)
    };
    assert!(!stage.guard.check(&view).is_block());
    assert!(stage.guard.wants_body(&view).is_some());
    let bytes = br#"{"user": {"name": "x'; DROP TABLE users; --"}}"#;
    assert!(stage.guard.check_body(&view, body(bytes)).is_block());
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.check, &*found.place), (Check::Sqli, "body:user.name"));
    assert!(
        !stage
            .guard
            .check_body(&view, body(br#"{"user": {"name": "O'Brien"}}"#))
            .is_block()
    );
}

#[test]
fn what_is_known_of_a_request_decides_where_a_value_cannot() {
    let stage = inspecting(json!({}));
    let json: &[(&str, &[u8])] = &[("content-type", b"application/json")];
    let text: &[(&str, &[u8])] = &[("content-type", b"text/plain")];
    let is_refused = |path, headers: &&'static [(&'static str, &'static [u8])], bytes: &[u8]| {
        let view = RequestView {
            method: "POST",
            headers,
            route: RouteMatch::Matched,
            ..plain(path, "203.0.113.10")
        };
        stage.guard.check_body(&view, body(bytes)).is_block()
    };
    let report = br#"{"file": "/var/www/html/app/Cart.php", "line": 42}"#;
    assert!(!is_refused("/api/errors", &json, report));
    assert!(is_refused("/api/files", &json, report));
    let view = br#"{"n": "pageview", "url": "http://localhost:8000/"}"#;
    assert!(!is_refused("/event", &text, view));
    assert!(is_refused("/event", &json, view));
    let push = br#"{"files": [{"filename": ".npmrc"}]}"#;
    assert!(!is_refused("/hooks/git", &json, push));
    assert!(is_refused("/download", &json, push));
    let asked = |path| RequestView {
        path,
        ..asking("idsite=1&url=http://localhost:8080/")
    };
    assert!(!stage.guard.check(&asked("/matomo.php")).is_block());
    assert!(stage.guard.check(&asked("/fetch")).is_block());
}

#[test]
fn what_only_logs_passes_is_reported_once_a_check_and_counted_once() {
    let stage = inspecting(json!({"SECURITY_CHECKS": {"sqli": 3, "xss": 3}}));
    let view = asking("a=1'+OR+'1'%3D'1&b=2'+OR+'2'%3D'2&c=%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!stage.guard.check(&view).is_block());
    let mut checks = vec![];
    while let Some(found) = stage.intake.pop() {
        assert_eq!((found.level, found.id), (Level::Log, None));
        checks.push(found.check);
    }
    assert_eq!(checks, [Check::Sqli, Check::Xss]);
    assert!(!stage.guard.check_response(&view, 400).is_block());
    assert_eq!(stage.tally.totals().attacks, 1);
}

#[test]
fn a_check_that_is_off_finds_nothing_and_with_all_of_them_off_no_body_is_wanted() {
    let off = json!({"decoy": 0, "sqli": 0, "xss": 0, "command": 0, "hpp": 0});
    let stage = inspecting(json!({"SECURITY_CHECKS": off}));
    assert!(!stage.guard.check(&asking("q=1'+OR+'1'%3D'1")).is_block());
    assert_eq!(stage.guard.wants_body(&asking("")), None);
    let ignored = inspecting(json!({"IGNORE_PATHS": ["^/search"]}));
    assert!(ignored.guard.check(&asking("q=1'+OR+'1'%3D'1")).is_block());
    assert!(
        ignored.guard.wants_body(&asking("")).is_some(),
        "an ignored path is no way around"
    );
}

#[test]
fn exceptions_and_whitelisted_headers_are_not_looked_into() {
    let keys = json!({"EXCEPTIONS": ["1' OR '1'='1"], "WHITELIST_HEADERS": ["X-Query"]});
    let stage = inspecting(keys);
    assert!(!stage.guard.check(&asking("q=1'%20OR%20'1'%3D'1")).is_block());
    assert!(stage.guard.check(&asking("q=2'%20OR%20'2'%3D'2")).is_block());
    let headers: &[(&str, &[u8])] = &[("x-query", b"2' OR '2'='2")];
    let view = RequestView {
        headers: &headers,
        ..plain("/", "203.0.113.10")
    };
    assert!(!stage.guard.check(&view).is_block());
}

#[test]
fn thresholds_are_the_configurations() {
    let query = "q=1'+OR+'1'%3D'1";
    let sure = inspecting(json!({}));
    assert!(sure.guard.check(&asking(query)).is_block());
    let score = sure.intake.pop().unwrap().score;
    let lower = inspecting(json!({"SQLI_PROBA": f64::from(score) / 100.0}));
    assert!(lower.guard.check(&asking(query)).is_block());
    if score < 100 {
        let higher = inspecting(json!({"SQLI_PROBA": f64::from(score + 1) / 100.0}));
        assert!(!higher.guard.check(&asking(query)).is_block());
    }
}

#[test]
fn a_probe_is_a_decoy_unless_there_is_a_route() {
    let stage = inspecting(json!({}));
    for (path, is_probe) in [("/backup.sql", true), ("/products/shoes", false)] {
        assert_eq!(stage.guard.is_decoy(path), is_probe, "{path}");
        let unrouted = plain(path, ATTACKER);
        assert_eq!(stage.guard.check(&unrouted).is_block(), is_probe, "{path}");
        let routed = RequestView {
            route: RouteMatch::Matched,
            ..plain(path, "203.0.113.10")
        };
        assert!(!stage.guard.check(&routed).is_block(), "{path}");
    }
    assert_eq!(stage.intake.pop().unwrap().check, Check::Decoy);
}

#[test]
fn parameters_that_contradict_each_other_are_pollution_and_lists_are_not() {
    let stage = inspecting(json!({}));
    for query in ["color=red&color=blue", "id[]=1&id[]=2", "a=1&b=2"] {
        assert!(!stage.guard.check(&asking(query)).is_block(), "{query}");
    }
    assert!(stage.guard.check(&asking("id=1&id[]=2")).is_block());
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.check, &*found.place), (Check::Hpp, "query:id"));
}

#[test]
fn a_web_shell_is_refused_where_uploads_are_not_even_checked() {
    let stage = inspecting(json!({}));
    let form: &[(&str, &[u8])] = &[("content-type", b"multipart/form-data; boundary=x")];
    let view = RequestView {
        method: "POST",
        headers: &form,
        ..plain("/photos", ATTACKER)
    };
    let upload = b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\n\r\n<?php system($_GET['c']); ?>\r\n--x--\r\n";
    assert!(stage.guard.check_body(&view, body(upload)).is_block());
    assert_eq!(stage.intake.pop().unwrap().check, Check::Command);
}

#[test]
fn a_refusal_has_a_name_of_its_own_which_its_text_may_hold() {
    let stage = inspecting(json!({"BLACKLIST_ACTION_CONTENT": "refused, say {{id}} to support"}));
    let verdict = stage.guard.check(&asking("q=1'+OR+'1'%3D'1"));
    let Verdict::Block(Refusal { id, .. }) = &verdict else {
        panic!("it passed")
    };
    assert_eq!(content(&verdict), format!("refused, say {id} to support"));
    let again = stage.guard.check(&asking("q=1'+OR+'1'%3D'1"));
    assert_ne!(content(&again), content(&verdict));
}

#[test]
fn a_detector_of_the_hosts_own_is_asked() {
    struct Coupons;
    impl Detector for Coupons {
        fn family(&self) -> Family {
            Family::Custom("coupons")
        }
        fn wants(&self, _: Marks) -> bool {
            true
        }
        fn look(&self, value: &Seen<'_>) -> Option<Finding> {
            let is_guess = value.text.starts_with("SALE-");
            is_guess.then(|| Finding::new("guess", 95, 0..value.text.len()))
        }
    }
    let stage = inspecting_with(json!({}), Detectors::standard().unwrap().with(Coupons));
    assert!(stage.guard.check(&asking("code=SALE-1")).is_block());
    let found = stage.intake.pop().unwrap();
    assert_eq!((found.check, &*found.rule), (Check::Command, "coupons/guess"));
}

/// Words by which applications call their own pages, each of a rule that finds probes.
const WORDS: [&str; 9] = [
    "/console/settings",
    "/metrics",
    "/env",
    "/telescope/m31",
    "/downloader/",
    "/saas/pricing",
    "/files/resize.php",
    "/config.json",
    "/package.json",
];

#[test]
fn word_of_a_probe_waits_for_the_answer() {
    for route in [RouteMatch::Unsure, RouteMatch::Unknown] {
        for path in WORDS {
            let stage = inspecting(json!({}));
            let request = get(path).unrouted(route);
            for _ in 0..20 {
                assert!(!stage.check(&request).is_block(), "{path}");
                assert!(!stage.refuses(&request, 200), "{path} is a page of the application's");
            }
            // a collector asks any host: the application's own 404 is the answer
            let is_refused = path != "/metrics";
            assert_eq!(stage.refuses(&request, 404), is_refused, "{path}: nothing is there");
        }
        for path in ["/.git/config", "/.env", "/shell.php", "/id_rsa", "/a/..;/b"] {
            assert!(
                inspecting(json!({})).check(&get(path).unrouted(route)).is_block(),
                "{path}"
            );
        }
    }
    for path in WORDS {
        assert!(
            inspecting(json!({}))
                .check(&get(path).unrouted(RouteMatch::Missing))
                .is_block(),
            "{path}"
        );
        assert!(
            !inspecting(json!({})).check(&get(path)).is_block(),
            "{path} has a route"
        );
    }
}

#[test]
fn word_that_begins_a_longer_one_is_no_probe() {
    for path in [
        "/hudson-river-tours",
        "/adminerals",
        "/seeyonder",
        "/ueditorial",
        "/catalog-portals",
    ] {
        assert!(
            !inspecting(json!({}))
                .check(&get(path).unrouted(RouteMatch::Missing))
                .is_block(),
            "{path}"
        );
    }
}
