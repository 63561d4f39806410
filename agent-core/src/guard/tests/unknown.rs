//! Requests whose client nobody can tell: judged, and nothing more.

use super::*;

const UNDECLARED: &str = "172.18.0.2";

/// A request of this reader of the site's, as a proxy passes it on that no setting declares.
fn through(header: &'static str, client: &'static str) -> Request {
    get("/").from(UNDECLARED).with(header, client)
}

fn everything(level: u8) -> Value {
    json!({
        "SECURITY_CHECKS": {"decoy": level, "flood": level, "brute": level, "sqli": level, "path": 0},
        "FLOOD_RATIO": 3, "FLOOD_DELAY": 60, "ERROR_FLOOD_RATIO": 3, "ERROR_FLOOD_DELAY": 60,
        "FLOOD_PATHS": [["/", "starts"]],
    })
}

#[test]
fn one_attacker_behind_an_undeclared_proxy_is_refused_and_no_other_client_with_it() {
    for header in [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
    ] {
        let stage = stage(everything(2));
        stage.list("172.16.0.0/12");
        let attack = Request {
            path: "/.git/config".into(),
            ..through(header, "203.0.113.9").unrouted(RouteMatch::Unsure)
        };
        assert!(stage.check(&attack).is_block(), "{header}: it is judged");
        let [detection] = stage.detections().try_into().unwrap();
        assert!(!detection.bannable, "{header}");
        assert_eq!(detection.source, UNDECLARED.parse::<IpAddr>().unwrap());
        for _ in 0..100 {
            assert!(!stage.refuses(&through(header, "198.51.100.7"), 404), "{header}");
        }
        assert_eq!(stage.tally.totals().of_unknown_clients, 101);
        let [proxy] = stage.guard.undeclared_proxies().try_into().unwrap();
        assert_eq!(
            (proxy.address.to_string(), proxy.header.name()),
            (UNDECLARED.to_owned(), header)
        );
    }
}

#[test]
fn it_opens_no_door_that_is_open_for_private_networks() {
    let keys = json!({
        "SECURITY_CHECKS": {"decoy": 2, "path": 0}, "WHITELIST": ["172.16.0.0/12"],
        "ROUTES": [{"path": "/admin", "networks": ["172.16.0.0/12"]}],
    });
    let stage = stage(keys);
    let decoy = |request: Request| Request {
        path: "/.git/config".into(),
        ..request.unrouted(RouteMatch::Unsure)
    };
    let admin = |request: Request| Request {
        path: "/admin".into(),
        ..request
    };
    let probe = || get("/").from(UNDECLARED);
    assert!(!stage.check(&decoy(probe())).is_block() && !stage.check(&admin(probe())).is_block());
    let passed_on = || through("x-forwarded-for", "203.0.113.9");
    assert!(stage.check(&decoy(passed_on())).is_block() && stage.check(&admin(passed_on())).is_block());
}

#[test]
fn a_client_on_the_internet_becomes_no_unknown_one_by_a_header() {
    let stage = stage(everything(2));
    stage.list(ATTACKER);
    let request = get("/")
        .with("x-forwarded-for", "198.51.100.7")
        .with("x-real-ip", "198.51.100.7");
    assert!(stage.check(&request).is_block());
    assert_eq!(stage.tally.totals().of_unknown_clients, 0);
    assert!(stage.guard.undeclared_proxies().is_empty());
}

#[test]
fn requests_without_an_address_are_counted_once() {
    let stage = stage(everything(2));
    let bare = || Request { peer: None, ..get("/") };
    assert!(!stage.check(&bare()).is_block());
    assert!(!stage.answer(&bare(), 404).is_block());
    assert!(!stage.check(&get("/")).is_block());
    assert_eq!(stage.tally.totals().without_address, 1);
}

#[test]
fn an_answer_is_judged_by_the_client_that_the_request_was() {
    let stage = stage(everything(2));
    let request = get("/").from(PROXY).with("x-forwarded-for", ATTACKER);
    let client = stage.guard.client(&request.view());
    let kept = Kept(Remembered(client));
    let view = RequestView {
        headers: &kept,
        ..request.view()
    };
    let mut verdicts = (0..4).map(|_| stage.guard.check_response(&view, 403).is_block());
    assert!(verdicts.by_ref().take(3).all(|is_block| !is_block) && verdicts.all(|is_block| is_block));
    assert_eq!(stage.detections()[0].source, ATTACKER.parse::<IpAddr>().unwrap());
}

/// What an adapter keeps of a request.
struct Kept(Remembered);

impl Headers for Kept {
    fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {}

    fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}

    fn remembered(&self) -> Option<Remembered> {
        Some(self.0)
    }
}

#[test]
fn the_host_of_the_target_and_of_the_header_must_both_be_ours() {
    let stage = stage(json!({"SECURITY_CHECKS": {"spoofing": 1, "path": 0}, "HOSTS": ["shop.example.com"]}));
    let to = |target, header| get("/").to(target).with("host", header);
    let (ours, foreign) = ("shop.example.com", "evil.example.com");
    assert!(!stage.check(&to(Some(ours), ours)).is_block());
    for request in [
        to(Some(foreign), ours),
        to(Some(ours), foreign),
        to(Some(ours), "\u{e9}"),
    ] {
        assert!(stage.check(&request).is_block());
    }
}
