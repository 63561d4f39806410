//! A request that nothing is found in allocates nothing, and neither does the refusal of a listed source.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that its setting is wrong")]

use std::{hint::black_box, net::IpAddr, sync::Arc};

use allocation_counter::measure;
use buckler::{
    clock::SystemClock,
    guard::{
        BodyView, CompressedBodies, Guard, GuardParts, Headers, Mode, OnFailure, Published, RequestView, RouteMatch,
        Snapshot, Trusted, Uninspected, Verdict,
    },
    model::{
        blacklist::{Blacklist, Scope},
        policy::{Layer, Policy},
    },
};
use buckler_waf::detect::Detectors;

/// What a browser sends.
const BROWSER: [(&str, &[u8]); 12] = [
    ("host", b"shop.example.com"),
    (
        "user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    (
        "accept",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-language", b"en-US,en;q=0.5"),
    ("accept-encoding", b"gzip, deflate, br, zstd"),
    ("referer", b"https://shop.example.com/"),
    ("cookie", b"session=6b1f0c9a2e4d; theme=dark"),
    ("upgrade-insecure-requests", b"1"),
    ("sec-fetch-dest", b"document"),
    ("sec-fetch-mode", b"navigate"),
    ("sec-fetch-site", b"same-origin"),
    ("priority", b"u=0, i"),
];

const LISTED: &str = "198.51.100.7";

/// Every check that needs no body is on, and has something to compare with.
fn guard() -> Guard {
    let keys = serde_json::json!({
        "hosts": ["shop.example.com"],
        "whitelist": ["192.0.2.0/24"],
        "forbidden_headers": ["x-scanner", "x-probe"],
        "flood_ratio": 100_000,
        "error_flood_ratio": 100_000,
        "routes": [
            {"path": ["/shop/", "starts"], "methods": ["GET"], "flood": {"ratio": 100_000}, "error_flood": {"ratio": 100_000},
             "networks": ["203.0.113.0/24"], "params": {"id": "integer", "mail": "email"}, "repeats": ["color"]},
            {"path": [".json", "ends"], "repeats": true},
        ],
        "security_checks": { "path": 2, "flood": 2, "spoofing": 2, "decoy": 2, "headers": 2, "brute": 2 },
    });
    let layer = Layer {
        origin: "test".to_owned(),
        keys: serde_json::from_value(keys).unwrap(),
    };
    let blacklist = Blacklist::new();
    blacklist.insert(format!("{LISTED}/32").parse().unwrap(), None, Scope::Shared);
    blacklist.insert("2001:db8:bad::/64".parse().unwrap(), None, Scope::Shared);
    let snapshot = Snapshot {
        policy: Arc::new(Policy::compile("default", &[layer]).unwrap()),
        blacklist: Arc::new(blacklist),
        trusted: Arc::new(Trusted::new(["10.0.0.0/8".parse().unwrap()], [])),
        mode: Mode::default(),
        trial: None,
        version: 1,
    };
    Guard::new(GuardParts {
        published: Arc::new(Published::new(Arc::new(snapshot))),
        intake: Arc::default(),
        tally: Arc::default(),
        recent: Arc::default(),
        clock: Arc::new(SystemClock::new()),
        on_failure: OnFailure::Open,
        compressed_bodies: CompressedBodies::default(),
        uninspected: Uninspected::default(),
        detectors: Arc::new(Detectors::standard().unwrap()),
    })
}

fn get<'a>(peer: &str, path: &'a str, headers: &'a dyn Headers) -> RequestView<'a> {
    RequestView {
        peer: Some(peer.parse::<IpAddr>().unwrap()),
        method: "GET",
        path,
        query: "page=2",
        host: Some("shop.example.com"),
        route: RouteMatch::Matched,
        headers,
    }
}

/// Allocations of judging a request and its answer. The first request of a thread registers it with the snapshot's cell and with the
/// tally; it is not measured.
fn allocations(guard: &Guard, request: &RequestView<'_>, status: u16) -> u64 {
    let judge =
        || black_box(guard.check(request)).is_block() || black_box(guard.check_response(request, status)).is_block();
    judge();
    measure(|| {
        judge();
    })
    .count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(Box::new(1)))).count_total, 1);
}

#[test]
fn rules_of_routes_allocate_nothing() {
    let guard = guard();
    for path in ["/shop/17", "/shop//17", "/orders.json"] {
        let request = RequestView {
            query: "id=17&mail=ada@example.com&color=red&color=blue",
            ..get("203.0.113.9", path, &BROWSER)
        };
        assert!(!guard.check(&request).is_block());
        assert_eq!(allocations(&guard, &request, 404), 0, "{path}");
    }
}

#[test]
fn a_clean_request_allocates_nothing() {
    let guard = guard();
    for peer in [
        "203.0.113.9",
        "2001:db8::9",
        "::ffff:203.0.113.9",
        "192.0.2.1",
        "127.0.0.1",
    ] {
        for path in ["/", "/items/17/reviews", "/products/42", "/menu/./today"] {
            for status in [200, 304, 404, 500] {
                let request = get(peer, path, &BROWSER);
                assert!(!guard.check(&request).is_block());
                assert_eq!(allocations(&guard, &request, status), 0, "{peer} {path} {status}");
            }
        }
    }
}

/// Values of a query are looked into where they stand, and a path as often as it comes.
#[test]
fn a_clean_query_allocates_nothing() {
    let guard = guard();
    for query in [
        "q=headphones&page=2&sort=price_asc&max_price=150&in_stock=true",
        "next=/account/orders&date=2026-03-12T08:12:00Z&ids[]=17&mail=anna.12@example.com",
        "page=1;page_size=20",
    ] {
        for route in [RouteMatch::Matched, RouteMatch::Unsure] {
            let request = RequestView {
                query,
                route,
                ..get("203.0.113.9", "/items/17/reviews", &BROWSER)
            };
            assert!(!guard.check(&request).is_block(), "{query}");
            assert_eq!(allocations(&guard, &request, 200), 0, "{query}");
            // another path each time: it is not known from the time before
            let other = RequestView {
                path: "/items/18/reviews",
                ..request
            };
            assert_eq!(measure(|| drop(guard.check(&other))).count_total, 0, "{query}");
        }
    }
}

/// Of a JSON body only the names on the way to a value are put together, and strings with escapes decoded.
#[test]
fn a_clean_json_body_allocates_the_names_of_its_members_alone() {
    const BODY: &[u8] =
        br#"{"item":0,"count":2,"gift":false,"customer":{"name":"Anna Smith","email":"anna.12@example.com"},
        "address":{"street":"Hauptstrasse 17","zip":"50667"},"placed":"2026-03-12T08:12:00Z","tags":["blue","large"]}"#;
    let guard = guard();
    let headers: Vec<(&str, &[u8])> = BROWSER
        .into_iter()
        .chain([("content-type", &b"application/json"[..])])
        .collect();
    let headers = headers.as_slice();
    let request = RequestView {
        method: "POST",
        ..get("203.0.113.9", "/orders", &headers)
    };
    let body = BodyView {
        bytes: BODY,
        is_whole: true,
    };
    let judge = || guard.check(&request).is_block() || guard.check_body(&request, body).is_block();
    assert!(!judge());
    let names = "the name, which grows twice, the levels, and the words without quotes";
    let count = measure(|| {
        judge();
    })
    .count_total;
    assert!(count <= 5, "{names}: {count}");
}

/// What is percent-encoded is decoded into memory of its own before detectors see it, which nothing else may need.
#[test]
fn a_value_that_must_be_decoded_allocates_its_text_alone() {
    let guard = guard();
    for path in ["/caf%C3%A9//menu/./today", "/%ff"] {
        let request = get("203.0.113.9", path, &BROWSER);
        assert!(!guard.check(&request).is_block());
        assert!(allocations(&guard, &request, 200) <= 8, "{path}");
    }
}

#[test]
fn a_clean_request_through_proxies_allocates_nothing() {
    let guard = guard();
    for (name, value, most) in [
        ("x-forwarded-for", "198.51.100.99, 203.0.113.9, 10.0.0.2", 0),
        (
            "forwarded",
            "for=198.51.100.99, for=\"203.0.113.9:4711\";proto=https, for=10.0.0.2",
            // quotation marks: the tokenizer is asked whether it is SQL
            32,
        ),
    ] {
        let headers: Vec<(&str, &[u8])> = BROWSER.into_iter().chain([(name, value.as_bytes())]).collect();
        let headers = headers.as_slice();
        let request = get("10.0.0.1", "/", &headers);
        assert_eq!(
            guard
                .client(&request)
                .map(|client| client.address.to_string())
                .as_deref(),
            Some("203.0.113.9")
        );
        assert!(allocations(&guard, &request, 200) <= most, "{name}");
    }
}

#[test]
fn the_refusal_of_a_listed_source_allocates_nothing() {
    let guard = guard();
    for peer in [LISTED, "2001:db8:bad::1"] {
        let request = get(peer, "/", &BROWSER);
        assert!(guard.check(&request).is_block());
        assert_eq!(allocations(&guard, &request, 200), 0, "{peer}");
        let Verdict::Block(refusal) = guard.check(&request) else {
            panic!("{peer} passed")
        };
        assert!(guard.why(refusal.id).is_some(), "and it can be explained");
    }
}

#[test]
fn an_attack_allocates_its_report_and_its_explanation_alone() {
    let guard = guard();
    let request = RequestView {
        route: RouteMatch::Missing,
        ..get("203.0.113.9", "/.git/config", &BROWSER)
    };
    assert!(guard.check(&request).is_block());
    // place, excerpt, method, host, path and what tells the value from others, once for the actors
    // and once for an explanation; and up to eight rules and places of the exception by which the
    // request would have passed, in both
    let count = allocations(&guard, &request, 200);
    assert!(count <= 80, "{count}");
}
