//! What is not enforced: everything, by the kill switch, or the fleet's list alone; who is a client; and how slow judgements are found.

use super::*;

/// All checks ban that find anything without a proof of trust, and one request is a flood.
fn strict() -> Value {
    let all: ConfigMap = Check::ALL
        .iter()
        .filter(|check| !matches!(check, Check::Blacklist | Check::Ztaa))
        .map(|check| (check.name().to_owned(), json!(2)))
        .collect();
    json!({
        "SECURITY_CHECKS": all, "HOSTS": ["shop.example.com"], "FORBIDDEN_HEADERS": ["x-scanner"],
        "FLOOD_RATIO": 1, "ERROR_FLOOD_RATIO": 1,
    })
}

impl Stage {
    fn switch(&self, mode: Mode) {
        self.published.publish(Arc::new(Snapshot {
            mode,
            ..Snapshot::clone(&self.published.current())
        }));
    }

    fn clients(&self) -> Vec<IpAddr> {
        let sources = self.recent.sources(self.clock.elapsed(), Recent::WINDOW);
        sources.into_iter().map(|source| source.address).collect()
    }
}

#[test]
fn with_the_kill_switch_on_everything_passes_and_is_reported_without_a_ban() {
    let stage = stage_with(strict(), OnFailure::Closed);
    stage.switch(Mode::LogOnly);
    stage.list(ATTACKER);
    let offences = [
        (get("/").to(Some("evil.example")), 200),
        (get("/.git/config").unrouted(RouteMatch::Missing), 404),
        (get("/").with("x-scanner", "1"), 200),
        (get("/").from(PROXY), 200),
        (get("/"), 422),
        (get("/"), 422),
        (get("/x").unrouted(RouteMatch::Unsure), 404),
    ];
    for (request, status) in &offences {
        assert!(!stage.refuses(request, *status), "{}", request.path);
    }
    let reported = stage.reported();
    let found: Vec<Check> = reported.iter().map(|(check, _)| *check).collect();
    for check in [
        Check::Spoofing,
        Check::Decoy,
        Check::Headers,
        Check::Flood,
        Check::Brute,
        Check::Path,
    ] {
        assert!(found.contains(&check), "{check} in {found:?}");
    }
    assert!(reported.iter().all(|(_, level)| *level == Level::Log), "{reported:?}");
    let counts = stage.tally.totals();
    assert_eq!((counts.blocked, counts.success + counts.errors), (0, 7));
    assert!(counts.attacks >= 6, "{counts:?}");
    assert_eq!(counts.spared, 6, "all but the proxy are listed");

    stage.switch(Mode::Enforce);
    assert_eq!(content(&stage.check(&get("/"))), "banned");
}

#[test]
fn a_suspended_list_is_known_and_spares_nobody_who_was_caught_here() {
    let stage = stage(json!({ "SECURITY_CHECKS": { "decoy": 1 } }));
    stage.list("203.0.113.0/24");
    stage.list(ATTACKER);
    assert!(stage.check(&get("/")).is_block());
    stage.blacklist.suspend_shared(true);
    assert!(!stage.check(&get("/")).is_block());
    let probe = get("/.env").unrouted(RouteMatch::Missing);
    assert_eq!(content(&stage.check(&probe)), "blocked", "the other checks go on");
    assert_eq!(stage.tally.totals().spared, 2);
    assert!(stage.clients().is_empty(), "whether it is a client, nobody knows");

    let until = Some(Duration::from_secs(60));
    stage
        .blacklist
        .ban("203.0.113.8/30".parse().unwrap(), until, Duration::ZERO);
    assert_eq!(
        content(&stage.check(&get("/"))),
        "banned",
        "by a wider network than the fleet lists, and for less long"
    );
    stage.pass_time(60);
    assert!(!stage.check(&get("/")).is_block(), "that ban is over");
    stage.blacklist.suspend_shared(false);
    assert!(stage.check(&get("/")).is_block());
}

#[test]
fn clients_are_those_who_passed_and_did_nothing() {
    let stage = stage(
        json!({ "SECURITY_CHECKS": { "decoy": 1, "headers": 3 }, "FORBIDDEN_HEADERS": ["x-scanner"],
        "WHITELIST": ["192.0.2.0/24"] }),
    );
    stage.list("203.0.113.77");
    let refused = get("/.env").unrouted(RouteMatch::Missing);
    for request in [
        get("/").from("198.51.100.1"),
        get("/").from("2001:db8::1"),
        get("/").from("127.0.0.1"),
        get("/").from("192.0.2.1"),
        get("/").from("203.0.113.77"),
        get("/").from("198.51.100.2").with("x-scanner", "1"),
        get("/").from("198.51.100.3"),
        refused.from("198.51.100.3"),
        Request { peer: None, ..get("/") },
    ] {
        drop(stage.guard.check(&request.view()));
    }
    let expected: Vec<IpAddr> = ["2001:db8::1", "127.0.0.1", "198.51.100.1"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let mut clients = stage.clients();
    clients.sort_by_key(|client| (client.is_ipv4(), !client.is_loopback()));
    assert_eq!(clients, expected);
}

#[test]
fn whatever_a_list_names_neither_the_host_nor_its_proxies_are_cut_off() {
    let stage = stage(json!({}));
    let trusted = Trusted::new(["10.0.0.0/8".parse().unwrap()], ["192.0.2.10".parse().unwrap()]);
    stage.published.publish(Arc::new(Snapshot {
        trusted: Arc::new(trusted),
        ..Snapshot::clone(&stage.published.current())
    }));
    for everything in [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.1",
        "127.0.0.1",
        "192.0.2.10",
        "::1",
        "fe80::/10",
    ] {
        stage.list(everything);
    }
    for protected in [
        "10.0.0.1",
        "10.255.255.255",
        "127.0.0.1",
        "::1",
        "192.0.2.10",
        "fe80::1",
        "169.254.1.1",
    ] {
        assert!(!stage.check(&get("/").from(protected)).is_block(), "{protected}");
    }
    let forwarded = get("/").from(PROXY).with("x-forwarded-for", "203.0.113.9");
    assert!(stage.check(&forwarded).is_block(), "whom the proxy names is");
}

#[test]
fn one_judgement_in_256_is_timed() {
    /// Headers that take a second to look through.
    struct Slow<'s>(&'s TestClock);
    impl Headers for Slow<'_> {
        fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {
            self.0.0.fetch_add(1, Ordering::Relaxed);
        }
        fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}
    }
    let stage = stage(json!({ "SECURITY_CHECKS": { "headers": 1 }, "FORBIDDEN_HEADERS": ["x-scanner"] }));
    let request = get("/");
    let slow = Slow(&stage.clock);
    let view = RequestView {
        headers: &slow,
        ..request.view()
    };
    for _ in 0..512 {
        assert!(!stage.guard.check(&view).is_block());
    }
    assert_eq!(stage.tally.totals().slow, 2);
    for _ in 0..512 {
        assert!(!stage.check(&request).is_block());
    }
    assert_eq!(stage.tally.totals().slow, 2, "the clock stands still");
}
