//! What it takes to be banned: different values, a share of what the client sends, and its own requests.

use super::*;

/// Refused by a detector, each another value.
const ATTACKS: [&str; 6] = [
    "q=1'+OR+'1'%3D'1",
    "q=<script>alert(1)</script>",
    "host=127.0.0.1;cat+/etc/passwd",
    "q=1+UNION+SELECT+name,+password+FROM+users--",
    "file=../../../../etc/passwd",
    "q=<img+src%3Dx+onerror%3Dalert(1)>",
];

/// The levels of the default template.
fn defaults() -> Stage {
    with(json!({}))
}

fn with(mut keys: Value) -> Stage {
    keys["SECURITY_CHECKS"] = json!({ "sqli": 2, "xss": 2, "command": 2, "decoy": 2, "path": 2 });
    for (key, default) in [
        ("BAN_EVIDENCE", json!(3)),
        ("BAN_SHARE", json!(0.1)),
        ("BAN_GROWTH", json!(true)),
    ] {
        if keys[key].is_null() {
            keys[key] = default;
        }
    }
    stage(keys)
}

impl Stage {
    /// The answer to a request, and whether it was reported as a ban.
    fn judged(&self, request: &Request) -> (String, bool) {
        let verdict = self.check(request);
        let bans = self.detections().iter().any(|detection| detection.ban_for.is_some());
        (content(&verdict), bans)
    }

    /// The number of refused requests, of these, up to the first ban.
    fn banned_after(&self, requests: impl IntoIterator<Item = Request>) -> Option<usize> {
        let at = requests.into_iter().position(|request| {
            let (answer, bans) = self.judged(&request);
            assert!(!answer.is_empty(), "it is refused: {}", request.query);
            assert_eq!(answer == "banned", bans, "it is told so");
            bans
        });
        at.map(|at| at + 1)
    }
}

fn attack(n: usize) -> Request {
    get("/search").asking(ATTACKS[n % ATTACKS.len()])
}

fn attacks() -> impl Iterator<Item = Request> {
    (0..ATTACKS.len()).map(attack)
}

/// As many different attacks as are wanted.
fn numbered(n: usize) -> Request {
    get("/search").asking(format!("q={n}'+OR+'{n}'%3D'{n}"))
}

#[test]
fn one_refused_value_bans_no_client_and_three_do() {
    let stage = defaults();
    assert_eq!(stage.judged(&attack(0)), ("blocked".to_owned(), false));
    assert!(!stage.check(&get("/")).is_block(), "the next request is as good as any");
    assert_eq!(stage.judged(&attack(1)), ("blocked".to_owned(), false));
    assert_eq!(stage.judged(&attack(2)), ("banned".to_owned(), true));
}

#[test]
fn the_same_value_again_and_again_counts_once() {
    let stage = defaults();
    let repeated = (0..200).map(|_| attack(3));
    assert_eq!(stage.banned_after(repeated), None);
    let elsewhere = (0..20).map(|n| Request {
        path: format!("/page/{n}"),
        ..attack(3)
    });
    assert_eq!(stage.banned_after(elsewhere), None, "on other pages too");
}

#[test]
fn a_user_behind_a_network_of_thousands_bans_none_of_them() {
    let stage = defaults();
    (0..3000).for_each(|_| assert!(!stage.check(&get("/")).is_block()));
    assert_eq!(stage.banned_after(attacks()), None, "6 of 3006");
    let many = (0..400).map(numbered);
    let banned = stage.banned_after(many).unwrap();
    assert!((327..=328).contains(&banned), "a tenth: {banned}");
}

#[test]
fn the_share_outlasts_the_turn_of_a_window() {
    let stage = defaults();
    stage.pass_time(10);
    (0..3000).for_each(|_| assert!(!stage.check(&get("/")).is_block()));
    stage.pass_time(300);
    assert!(!stage.check(&get("/")).is_block());
    assert_eq!(stage.banned_after(attacks()), None, "what came a moment before counts");
    stage.pass_time(600);
    assert_eq!(stage.banned_after(attacks()), Some(3));
}

#[test]
fn what_lies_further_apart_than_the_window_does_not_add_up() {
    let stage = defaults();
    for n in 0..20 {
        assert!(!stage.judged(&attack(n)).1, "{n}");
        stage.pass_time(151);
    }
    assert_eq!(stage.banned_after(attacks()), Some(3));
}

#[test]
fn requests_that_another_site_made_are_refused_and_do_not_count() {
    let foreign: [&[(&'static str, &'static str)]; 9] = [
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("referer", "https://evil.example/page")],
        &[("origin", "null")],
        &[("referer", "https://shop.example.com.evil.example/")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example.com")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "image")],
        // over plain HTTP, of a page that suppresses `Referer`
        &[("accept", "image/avif,image/webp,image/png,*/*;q=0.8")],
        &[
            ("accept", "text/css,*/*;q=0.1"),
            ("referer", "https://shop.example.com/"),
        ],
    ];
    for headers in foreign {
        let stage = defaults();
        let marked = |request| {
            headers
                .iter()
                .fold(request, |request: Request, (name, value)| request.with(name, value))
        };
        assert_eq!(stage.banned_after(attacks().map(marked)), None, "{headers:?}");
        let decoy = marked(get("/.env").unrouted(RouteMatch::Missing));
        assert_eq!(
            stage.judged(&decoy),
            ("blocked".to_owned(), false),
            "a picture's address may be a decoy's"
        );
        let banned = stage.banned_after((0..300).map(numbered).map(marked)).unwrap();
        assert!(
            (75..=125).contains(&banned),
            "a header is no way never to be banned: {banned}"
        );
    }
}

#[test]
fn requests_of_its_own_pages_count() {
    let own: [&[(&'static str, &'static str)]; 8] = [
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "empty")],
        &[("sec-fetch-site", "none"), ("sec-fetch-dest", "document")],
        &[("origin", "https://shop.example.com")],
        &[("origin", "http://SHOP.example.com:8080")],
        &[("referer", "https://shop.example.com/search?q=https://evil.example")],
        &[("sec-fetch-site", "same-origin"), ("referer", "https://evil.example")],
        &[("sec-fetch-site", "same-origin"), ("accept", "image/png")],
        &[("accept", "text/html,application/xhtml+xml,image/avif")],
    ];
    for headers in own {
        let stage = defaults();
        let marked = |request| {
            headers
                .iter()
                .fold(request, |request: Request, (name, value)| request.with(name, value))
        };
        assert_eq!(stage.banned_after(attacks().map(marked)), Some(3), "{headers:?}");
    }
}

#[test]
fn a_host_that_the_settings_or_the_proxy_name_is_its_own() {
    let stage = with(json!({ "HOSTS": ["www.example.com", "shop.example.com"] }));
    let marked = |request: Request| request.with("origin", "https://www.example.com");
    assert_eq!(stage.banned_after(attacks().map(marked)), Some(3));
    let stage = defaults();
    let proxied = |request: Request| {
        let from = request.from(PROXY).with("x-forwarded-for", "198.51.100.7");
        from.with("x-forwarded-host", "www.example.com")
            .with("origin", "https://www.example.com")
    };
    assert_eq!(stage.banned_after(attacks().map(proxied)), Some(3));
    let stage = defaults();
    let lying = |request: Request| {
        let request = request.with("x-forwarded-host", "evil.example");
        request.with("origin", "https://evil.example")
    };
    assert_eq!(stage.banned_after(attacks().map(lying)), None, "no proxy said so");
}

#[test]
fn the_exact_path_of_a_scanner_bans_at_once() {
    let stage = defaults();
    let decoy = get("/.env").unrouted(RouteMatch::Missing);
    assert_eq!(stage.judged(&decoy), ("banned".to_owned(), true));
}

#[test]
fn an_unknown_path_is_no_evidence() {
    let stage = defaults();
    let missing = (0..20).map(|n| get(format!("/icon-{n}.png")).unrouted(RouteMatch::Missing));
    assert_eq!(stage.banned_after(missing), None);
    assert_eq!(stage.banned_after(attacks()), Some(3), "and speaks for nothing");
}

#[test]
fn who_cannot_be_banned_gathers_no_evidence() {
    let stage = defaults();
    let from_the_proxy = attacks().chain(attacks()).map(|request| request.from(PROXY));
    assert_eq!(stage.banned_after(from_the_proxy), None);
    let explained = stage.check(&attack(0).from(PROXY));
    let Verdict::Block(refusal) = explained else {
        panic!("it is refused")
    };
    assert_eq!(stage.guard.why(refusal.id).unwrap().evidence, None);
}

#[test]
fn with_the_kill_switch_on_nothing_is_counted() {
    let stage = defaults();
    let enforced = stage.published.current();
    stage.published.publish(Arc::new(Snapshot {
        mode: Mode::LogOnly,
        ..Snapshot::clone(&enforced)
    }));
    attacks().for_each(|request| assert!(!stage.check(&request).is_block()));
    assert!(stage.detections().iter().all(|detection| detection.ban_for.is_none()));
    stage.published.publish(enforced);
    assert_eq!(stage.banned_after(attacks()), Some(3), "from the first on");
}

#[test]
fn what_only_a_configuration_on_trial_would_ban_for_bans_no_client() {
    let stage = with(json!({ "BAN_EVIDENCE": 1, "BAN_SHARE": 0 }));
    let checks = json!({ "sqli": 2, "xss": 2, "command": 2 });
    let before = json!({ "SECURITY_CHECKS": checks, "BAN_EVIDENCE": 4, "BAN_SHARE": 0.1 });
    let trial = Trial::new(1, Arc::new(policy(before)), stage.clock.elapsed());
    stage.published.publish(Arc::new(Snapshot {
        trial: Some(Arc::new(trial)),
        ..Snapshot::clone(&stage.published.current())
    }));
    assert_eq!(stage.banned_after(attacks()), Some(4));
}

#[test]
fn a_refusal_says_how_much_speaks_against_its_client() {
    let stage = defaults();
    (0..2).for_each(|_| assert!(!stage.check(&get("/")).is_block()));
    let explained = |request: &Request| {
        let Verdict::Block(refusal) = stage.check(request) else {
            panic!("it is refused")
        };
        stage.guard.why(refusal.id).unwrap()
    };
    let [first, second, third] = [0, 1, 2].map(|n| explained(&attack(n)));
    assert_eq!((first.until_ms, second.until_ms), (None, None));
    assert!(second.to_string().contains("refused, evidence 2 of 3"), "{second}");
    let count = third.evidence.unwrap();
    assert_eq!(
        (count.values, count.needed, count.refused, count.requests),
        (3, 3, 3, 5)
    );
    assert_eq!(third.until_ms, Some(third.at_ms + 300_000), "five minutes");
    let detection = stage.detections().pop().unwrap();
    assert_eq!(
        (detection.evidence, detection.count),
        (crate::protocol::v2::Evidence::Repeated, Some(count))
    );
    let foreign = explained(&attack(4).with("sec-fetch-site", "cross-site"));
    assert!(
        foreign
            .to_string()
            .contains("evidence 1 of 100 by requests that another site made"),
        "{foreign}"
    );
}

#[test]
fn bodies_are_evidence_as_heads_are() {
    let stage = defaults();
    let request = get("/comments").with("content-type", "application/x-www-form-urlencoded");
    let banned = attacks().position(|attack| {
        let body = BodyView {
            bytes: attack.query.as_bytes(),
            is_whole: true,
        };
        assert!(!stage.check(&request).is_block());
        let verdict = stage.guard.check_body(&request.view(), body);
        content(&verdict) == "banned"
    });
    assert_eq!(banned, Some(2));
}

#[test]
fn workers_that_judge_at_once_find_the_same() {
    let stage = defaults();
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let stage = &stage;
            scope.spawn(move || (0..50).for_each(|n| assert!(stage.check(&numbered(n * 2 + worker)).is_block())));
        }
    });
    assert!(stage.detections().iter().any(|detection| detection.ban_for.is_some()));
}
