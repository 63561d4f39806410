//! What hostile clients and pages tried: ways past the guard, ways never to be banned, and ways to
//! have others banned.

use super::*;

const JSON: (&str, &[u8]) = ("content-type", b"application/json");

/// A guard with all checks of the default template that this is about, and its terms.
fn site(mut keys: Value) -> Stage {
    keys["SECURITY_CHECKS"] = json!({
        "sqli": 2, "xss": 2, "command": 2, "decoy": 2, "format": 2, "hpp": 2, "flood": 2, "brute": 2
    });
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

/// Whether a body is refused that comes in pieces as a socket gives them.
fn refuses(stage: &Stage, headers: &[(&str, &[u8])], body: &[u8]) -> bool {
    stage.refuses_in_pieces(headers, body, 16 << 10)
}

/// Whether any of what was found banned its client.
fn has_banned(stage: &Stage) -> bool {
    stage.detections().iter().any(|found| found.ban_for.is_some())
}

#[test]
fn a_coding_that_is_none_hides_nothing_behind_the_beginning() {
    let body = format!("rest={}&name=1' OR '1'='1", "x".repeat(70_000));
    for coding in [&[FORM][..], &[FORM, ("content-encoding", b"identity")]] {
        assert!(refuses(&site(json!({})), coding, body.as_bytes()), "{coding:?}");
    }
}

#[test]
fn an_address_book_is_no_attack_on_the_budget() {
    let contact = r#"{"name":"O'Brien, Mary (Sales)","city":"St. John's","note":"R&D; 50% (part-time)"},"#;
    let book = format!("[{}{{}}]", contact.repeat(3_000));
    let stage = site(json!({}));
    assert!(!refuses(&stage, &[JSON], book.as_bytes()));
    assert!(stage.detections().is_empty());
    assert_eq!(stage.tally.totals().unjudged, 0);
}

#[test]
fn a_route_that_looks_into_more_has_the_budget_for_it() {
    let text = format!("{{\"text\":\"{}\"}}", "lorem ipsum dolor sit amet ".repeat(11_000));
    let stage = site(json!({"ROUTES": [{"path": "/orders", "body_bytes": 400_000}]}));
    let body = BodyView {
        bytes: text.as_bytes(),
        is_whole: true,
    };
    assert!(!stage.guard.check_body(&posting(&&[JSON][..]), body).is_block());
    assert_eq!(stage.tally.totals().unjudged, 0);
}

/// What an adapter keeps of a request until its answer is there.
struct Kept<'r>(&'r Request, Option<Client>);

impl Headers for Kept<'_> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if KEPT_HEADERS.contains(&name) {
            let named = self.0.headers.iter().filter(|(own, _)| *own == name);
            named.for_each(|(_, value)| visit(value));
        }
    }

    fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}

    fn remembered(&self) -> Option<Remembered> {
        Some(Remembered(self.1))
    }
}

#[test]
fn a_picture_on_a_foreign_page_bans_no_reader_by_the_answer() {
    for foreign in [true, false] {
        let stage = site(json!({"DECOY_ROUTES": [["/trap", "match"]]}));
        let mut request = get("/trap");
        if foreign {
            request.headers = vec![("sec-fetch-site", b"cross-site"), ("sec-fetch-dest", b"image")];
        }
        request.route = RouteMatch::Unsure;
        assert!(!stage.check(&request).is_block());
        let kept = Kept(&request, stage.guard.client(&request.view()));
        let view = RequestView {
            host: None,
            headers: &kept,
            ..request.view()
        };
        assert!(stage.guard.check_response(&view, 404).is_block());
        assert_eq!(has_banned(&stage), !foreign);
    }
}

#[test]
fn one_click_on_a_link_to_a_decoy_bans_nobody_and_a_scan_its_scanner() {
    let told: &[(&str, &[u8])] = &[("sec-fetch-mode", b"navigate"), ("sec-fetch-site", b"none")];
    let silent: &[(&str, &[u8])] = &[("user-agent", b"Mozilla/5.0 (iPhone)"), ("accept-language", b"de-DE")];
    for navigation in [told, silent] {
        let stage = site(json!({}));
        for (count, path) in ["/.env", "/.env", "/.git/config", "/id_rsa"].into_iter().enumerate() {
            let mut request = get(path);
            request.headers = navigation.to_vec();
            request.route = RouteMatch::Missing;
            assert!(stage.check(&request).is_block(), "{path}");
            assert_eq!(has_banned(&stage), count == 3, "{path}");
        }
    }
    let mut scan = get("/.env");
    scan.route = RouteMatch::Missing;
    let stage = site(json!({}));
    assert!(stage.check(&scan).is_block() && has_banned(&stage));
}

#[test]
fn what_is_masked_is_told_apart_all_the_same() {
    let stage = site(json!({}));
    for n in 0..3 {
        let mut request = get("/");
        request.query = format!("q=password%3D{n}'+UNION+SELECT+c{n},password+FROM+t{n}--");
        assert!(stage.check(&request).is_block());
    }
    assert!(has_banned(&stage));
}

#[test]
fn health_checks_between_attacks_dilute_nothing() {
    let stage = site(json!({"IGNORE_PATHS": ["^/healthz$"]}));
    for n in 0..3 {
        for _ in 0..20 {
            assert!(!stage.check(&get("/healthz")).is_block());
        }
        let mut request = get("/");
        request.query = format!("q={n}'+UNION+SELECT+c{n},password+FROM+t{n}--");
        assert!(stage.check(&request).is_block());
    }
    assert!(has_banned(&stage));
}

#[test]
fn an_exception_with_a_name_that_is_a_pattern_is_not_offered() {
    let stage = site(json!({}));
    let mut request = get("/");
    request.query = "*=1'+UNION+SELECT+name,password+FROM+users--".into();
    assert!(stage.check(&request).is_block());
    assert!(stage.detections().iter().all(|found| found.exception.is_none()));
}

#[test]
fn what_software_asks_for_is_refused_and_bans_only_where_it_is_a_configured_decoy() {
    let paths = [
        "/autodiscover/autodiscover.xml",
        "/EWS/Exchange.asmx",
        "/owa/",
        "/photos/.DS_Store",
    ];
    let ask = |stage: &Stage, path: &str| {
        let mut request = get(path);
        request.route = RouteMatch::Missing;
        stage.check(&request).is_block()
    };
    let stage = site(json!({}));
    assert!(paths.iter().all(|path| ask(&stage, path)) && !has_banned(&stage));
    let stage = site(json!({"DECOY_ROUTES": [["/owa/", "starts"]]}));
    assert!(
        ask(&stage, "/owa/") && has_banned(&stage),
        "the operator says that it is one"
    );
}
