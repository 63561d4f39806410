//! Each check at each level, and the order they come in.

use super::*;

/// A request that one check alone finds something in.
fn offence(check: Check) -> Request {
    match check.name() {
        "spoofing" => get("/").to(Some("evil.example")),
        "decoy" => get("/.git/config").unrouted(RouteMatch::Unsure),
        "path" => get("/nowhere").unrouted(RouteMatch::Missing),
        "headers" => get("/").with("x-scanner", "1"),
        other => panic!("no offence for {other}"),
    }
}

fn keys(check: Check, level: u8) -> Value {
    json!({
        "SECURITY_CHECKS": { check.name(): level },
        "HOSTS": ["shop.example.com"], "FORBIDDEN_HEADERS": ["X-Scanner"],
    })
}

const ONE_BY_ONE: [Check; 4] = [Check::Spoofing, Check::Decoy, Check::Path, Check::Headers];

#[test]
fn off_finds_nothing() {
    for check in ONE_BY_ONE {
        let stage = stage(keys(check, 0));
        assert!(!stage.check(&offence(check)).is_block(), "{check}");
        assert_eq!((stage.reported(), stage.counts()), (vec![], [0; 4]), "{check}");
    }
}

#[test]
fn block_refuses_with_the_block_answer() {
    for check in ONE_BY_ONE {
        let stage = stage(keys(check, 1));
        assert_eq!(content(&stage.check(&offence(check))), "blocked", "{check}");
        assert_eq!(stage.reported(), [(check, Level::Block)]);
        assert_eq!(stage.counts(), [0, 0, 1, 1]);
        assert!(!stage.check(&get("/")).is_block(), "{check}");
    }
}

#[test]
fn ban_refuses_with_the_ban_answer() {
    for check in ONE_BY_ONE {
        let stage = stage(keys(check, 2));
        assert_eq!(content(&stage.check(&offence(check))), "banned", "{check}");
        assert_eq!(stage.reported(), [(check, Level::Ban)]);
    }
}

#[test]
fn log_reports_and_lets_pass() {
    for check in ONE_BY_ONE {
        let stage = stage(keys(check, 3));
        assert!(!stage.check(&offence(check)).is_block(), "{check}");
        assert_eq!(stage.reported(), [(check, Level::Log)]);
        assert!(!stage.answer(&offence(check), 200).is_block());
        assert_eq!(stage.counts(), [1, 0, 1, 0], "{check}");
    }
}

/// A request in which everything is wrong.
fn all_wrong() -> Request {
    get("/.git/config")
        .unrouted(RouteMatch::Missing)
        .to(Some("evil.example"))
        .with("x-scanner", "1")
}

fn all_checks(spoofing: u8, decoy: u8, path: u8, headers: u8) -> Value {
    json!({
        "SECURITY_CHECKS": { "spoofing": spoofing, "decoy": decoy, "path": path, "headers": headers },
        "HOSTS": ["shop.example.com"], "FORBIDDEN_HEADERS": ["x-scanner"],
    })
}

#[test]
fn the_first_refusal_ends_the_judgement() {
    for (levels, found) in [
        ([1, 1, 1, 1], vec![Check::Spoofing]),
        ([0, 1, 1, 1], vec![Check::Decoy]),
        ([0, 0, 1, 1], vec![Check::Path]),
        ([0, 0, 0, 1], vec![Check::Headers]),
        ([3, 0, 2, 1], vec![Check::Spoofing, Check::Path]),
        ([3, 3, 3, 3], ONE_BY_ONE.to_vec()),
    ] {
        let stage = stage(all_checks(levels[0], levels[1], levels[2], levels[3]));
        let is_refused = stage.check(&all_wrong()).is_block();
        assert_eq!(
            is_refused,
            levels.iter().any(|level| matches!(level, 1 | 2)),
            "{levels:?}"
        );
        let checks: Vec<Check> = stage.reported().into_iter().map(|(check, _)| check).collect();
        assert_eq!(checks, found, "{levels:?}");
        assert_eq!(
            stage.counts(),
            [0, 0, 1, u64::from(is_refused)],
            "one request, one attack"
        );
    }
}

#[test]
fn the_whitelist_wins_over_everything() {
    let mut keys = all_checks(2, 2, 2, 2);
    keys["WHITELIST"] = json!(["203.0.113."]);
    let stage = stage(keys);
    stage.list(ATTACKER);
    assert!(!stage.refuses(&all_wrong(), 200));
    assert!(stage.refuses(&all_wrong().from("198.51.100.7"), 200));
    stage.detections();
    (0..500).for_each(|_| assert!(!stage.refuses(&all_wrong(), 404)));
    assert_eq!(stage.counts(), [1, 500, 1, 1], "still counted");
    assert!(stage.detections().is_empty());
}

#[test]
fn a_listed_source_is_refused_first_and_never_reported() {
    let stage = stage(all_checks(1, 1, 1, 1));
    stage.list("203.0.113.0/24");
    assert_eq!(content(&stage.check(&all_wrong())), "banned");
    assert_eq!(content(&stage.check(&get("/"))), "banned");
    assert_eq!((stage.reported(), stage.counts()), (vec![], [0, 0, 2, 2]));
    assert!(!stage.check(&get("/").from("198.51.100.7")).is_block());
}

#[test]
fn an_entry_ends() {
    let stage = stage(json!({}));
    let until = Some(Duration::from_secs(60));
    stage
        .blacklist
        .insert("203.0.113.9/32".parse().unwrap(), until, Scope::Local);
    assert!(stage.check(&get("/")).is_block());
    stage.pass_time(61);
    assert!(!stage.check(&get("/")).is_block());
}

#[test]
fn the_override_switches_the_list_and_the_ban_answer_off() {
    let mut keys = all_checks(2, 0, 0, 0);
    keys["BLACKLIST_OVERRIDE"] = json!(true);
    let stage = stage(keys);
    stage.list(ATTACKER);
    assert!(!stage.check(&get("/")).is_block());
    assert_eq!(content(&stage.check(&all_wrong())), "blocked");
}

#[test]
fn a_listed_proxy_or_loopback_is_not_cut_off() {
    let stage = stage(json!({}));
    for network in ["10.0.0.0/8", "127.0.0.0/8", "::1"] {
        stage.list(network);
    }
    for peer in [PROXY, "127.0.0.1", "::1"] {
        assert!(!stage.check(&get("/").from(peer)).is_block(), "{peer}");
    }
}

#[test]
fn the_client_behind_a_proxy_is_judged() {
    let stage = stage(keys(Check::Decoy, 2));
    stage.list("198.51.100.7");
    let through = |client| get("/").from(PROXY).with("x-forwarded-for", client);
    assert!(stage.check(&through("198.51.100.7")).is_block());
    assert!(!stage.check(&through("198.51.100.8")).is_block());
    assert!(
        !stage
            .check(&get("/").with("x-forwarded-for", "198.51.100.7"))
            .is_block(),
        "an untrusted peer's header"
    );

    let caught = Request {
        headers: through("198.51.100.8").headers,
        ..offence(Check::Decoy).from(PROXY)
    };
    assert!(stage.check(&caught).is_block());
    let [detection] = stage.detections().try_into().unwrap();
    assert_eq!(detection.source, "198.51.100.8".parse::<IpAddr>().unwrap());
    assert!(detection.bannable && detection.origin == crate::protocol::v2::AddressOrigin::Header);
}

#[test]
fn a_decoy_is_found_in_every_disguise_and_never_on_a_real_route() {
    let stage = stage(keys(Check::Decoy, 1));
    for path in [
        "/.git/config",
        "/%2egit/config",
        "/%2Egit%2fconfig",
        "//.git/config",
        "/./.git/config",
        "/x/../.git/config",
        "/shop/login",
        "/shop/logi%6e",
        "/.env.bak",
    ] {
        for route in [RouteMatch::Missing, RouteMatch::Unsure] {
            assert!(stage.refuses(&get(path).unrouted(route), 404), "{path}");
        }
        assert!(!stage.refuses(&get(path), 404), "{path} has a route");
    }
    for path in ["/", "/index.html", "/docs/git/", "/login/help", "/environment"] {
        assert!(!stage.refuses(&get(path).unrouted(RouteMatch::Missing), 404), "{path}");
    }
}

#[test]
fn an_adapter_can_ask_first_whether_the_route_matters() {
    let on = stage(keys(Check::Decoy, 3));
    assert!(on.guard.is_decoy("/.env") && on.guard.is_decoy("/%2egit/config"));
    assert!(!on.guard.is_decoy("/shop/login"), "the answer tells");
    assert!(!stage(keys(Check::Decoy, 0)).guard.is_decoy("/.env"));
}

#[test]
fn ignored_paths_are_spared_in_every_phase_but_for_what_they_carry() {
    let mut keys = all_checks(2, 2, 2, 2);
    for (check, level) in [("flood", 1), ("brute", 1), ("method", 2), ("xss", 1)] {
        keys["SECURITY_CHECKS"][check] = json!(level);
    }
    keys["IGNORE_PATHS"] = json!(["^/health$", r"^/\.git/config$"]);
    keys["FLOOD_RATIO"] = json!(3);
    keys["ERROR_FLOOD_RATIO"] = json!(3);
    let stage = stage(keys);
    for route in [
        RouteMatch::Missing,
        RouteMatch::Unsure,
        RouteMatch::Unknown,
        RouteMatch::Matched,
    ] {
        for path in ["/health", "/.git/config", "/%68ealth"] {
            for status in [200, 404, 405, 410, 401] {
                let probe = get(path)
                    .unrouted(route)
                    .to(Some("10.1.2.3:8080"))
                    .with("x-scanner", "1");
                assert!(!stage.refuses(&probe, status), "{path} {status}");
            }
        }
    }
    assert!(stage.reported().is_empty());
    for disguise in ["/health/../x", "/x/../health", "/%2e/health"] {
        assert!(
            stage.check(&get(disguise).with("x-scanner", "1")).is_block(),
            "{disguise}"
        );
    }
    stage.detections();
    let attack = get("/health").with("x-note", "<script>alert(1)</script>");
    assert!(stage.check(&attack).is_block());
    assert_eq!(stage.reported(), [(Check::Xss, Level::Block)]);
}

#[test]
fn no_host_is_not_our_host() {
    let stage = stage(keys(Check::Spoofing, 1));
    assert!(stage.check(&get("/").to(None)).is_block());
    for host in ["shop.example.com", "shop.example.com:8080", "SHOP.example.com"] {
        assert!(!stage.check(&get("/").to(Some(host))).is_block(), "{host}");
    }
}

#[test]
fn a_request_without_address_is_judged_by_what_it_asks() {
    let stage = stage(keys(Check::Decoy, 2));
    stage.list("0.0.0.0");
    let nobody = |request| Request { peer: None, ..request };
    assert!(!stage.check(&nobody(get("/"))).is_block());
    assert!(stage.check(&nobody(offence(Check::Decoy))).is_block());
    let [detection] = stage.detections().try_into().unwrap();
    assert!(detection.source.is_unspecified() && !detection.bannable);
}

#[test]
fn what_was_found_is_kept_in_excerpts() {
    let stage = stage(all_checks(3, 3, 0, 3));
    let path = format!("/.git/{}é", "x".repeat(Detection::EXCERPT - 7));
    let request = Request { path, ..all_wrong() };
    assert!(!stage.check(&request).is_block());
    let found: Vec<(String, String)> = stage
        .detections()
        .into_iter()
        .map(|detection| (detection.place.into(), detection.excerpt.into()))
        .collect();
    let cut = "x".repeat(Detection::EXCERPT - 7);
    assert_eq!(
        found,
        [
            ("host".to_owned(), "evil.example".to_owned()),
            ("path".to_owned(), format!("/.git/{cut}")),
            ("header:x-scanner".to_owned(), "x-scanner".to_owned()),
        ],
        "cut before the character that does not fit"
    );
}

#[test]
fn a_new_snapshot_judges_the_next_request() {
    let stage = stage(keys(Check::Decoy, 0));
    assert!(!stage.check(&offence(Check::Decoy)).is_block());
    let old = stage.published.current();
    stage.published.publish(Arc::new(Snapshot {
        policy: Arc::new(policy(keys(Check::Decoy, 1))),
        version: old.version + 1,
        ..Snapshot::clone(&old)
    }));
    assert!(stage.check(&offence(Check::Decoy)).is_block());
}
