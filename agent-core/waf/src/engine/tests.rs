//! Requests that are attacks, requests that are not, and those of which not all can be judged.

use std::{fmt::Write as _, io::Write as _, sync::LazyLock};

use proptest::prelude::*;

use super::*;
use crate::detect::{Detector, Finding, Marks, Value};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

const FORM: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
const JSON: &[(&str, &[u8])] = &[("content-type", b"application/json")];
const TEXT: &[(&str, &[u8])] = &[("content-type", b"text/plain")];

const ATTACK: &str = "1' union select password from users-- -";

fn head<'h>(headers: &'h [(&'h str, &'h [u8])]) -> Head<'h> {
    Head {
        path: "/search",
        query: "",
        headers,
    }
}

/// As the engine judges a body that comes in pieces of this length.
fn streamed(headers: &[(&str, &[u8])], body: &[u8], piece: usize) -> Judgement {
    let head = head(headers);
    let mut stream = ENGINE.body(&head);
    let mut judgement = Judgement::default();
    for piece in body.chunks(piece) {
        judgement.merge(stream.push(piece));
    }
    judgement.merge(stream.end(true));
    judgement
}

/// Prose of at least so many bytes, in lines.
fn prose(least: usize) -> String {
    let mut text = String::new();
    let mut line = 0;
    while text.len() < least {
        line += 1;
        writeln!(
            text,
            "Line {line}: we'd like two of the blue ones, for Tom & Jane; thank you."
        )
        .unwrap();
    }
    text
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn attack_in_each_part_is_found_with_its_place() {
    let cookie: &[(&str, &[u8])] = &[("cookie", b"theme=dark; q=<script>alert(1)</script>")];
    let referer: &[(&str, &[u8])] = &[("x-name", b"<script>alert(1)</script>")];
    for (path, query, headers, place) in [
        ("/../../etc/passwd", "", TEXT, "path"),
        ("/a", "page=2&q=%3Cscript%3Ealert(1)%3C/script%3E", TEXT, "query:q"),
        ("/a", "", cookie, "cookie:q"),
        ("/a", "", referer, "header:x-name"),
    ] {
        let judgement = ENGINE.judge_head(&Head { path, query, headers });
        assert!(judgement.is_attack(), "{path} {query}");
        assert_eq!(judgement.matches.last().unwrap().place, place);
    }
    let body = br#"{"user": {"name": "1' or '1'='1"}}"#;
    let judgement = ENGINE.judge(&head(JSON), body);
    assert_eq!(judgement.matches.last().unwrap().place, "body:user.name");
}

#[test]
fn honest_request_has_no_matches_and_is_judged_whole() {
    let headers: &[(&str, &[u8])] = &[
        ("host", b"shop.example.com"),
        (
            "user-agent",
            b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        (
            "accept",
            b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("cookie", b"sid=0b7e2d54a1; theme=dark"),
        ("content-type", b"application/x-www-form-urlencoded"),
    ];
    let request = Head {
        path: "/account/orders",
        query: "page=2&sort=-date",
        headers,
    };
    let judgement = ENGINE.judge(
        &request,
        b"name=Conan+O%27Brien&city=K%C3%B6ln&note=2+of+them%3B+thanks",
    );
    assert_eq!(judgement, Judgement::default());
    assert_eq!(ENGINE.judge(&request, b""), Judgement::default());
}

#[test]
fn stream_finds_what_stands_anywhere_in_a_long_body() {
    for before in [0, 60 << 10, MOST_BYTES - 20, 100 << 10, 300 << 10] {
        let body = format!("{}{ATTACK}\n{}", prose(before), prose(40 << 10));
        for piece in [700, 64 << 10, body.len()] {
            let judgement = streamed(TEXT, body.as_bytes(), piece);
            assert!(judgement.is_attack(), "behind {before} bytes, pieces of {piece}");
        }
        assert!(ENGINE.judge(&head(TEXT), body.as_bytes()).is_attack());
    }
}

#[test]
fn stream_of_honest_text_is_judged_to_its_end() {
    let body = prose(200 << 10);
    for piece in [1000, 48 << 10, body.len()] {
        assert_eq!(streamed(TEXT, body.as_bytes(), piece), Judgement::default());
    }
}

#[test]
fn stream_says_when_nothing_more_is_looked_at() {
    let head = head(TEXT);
    let mut stream = ENGINE.body(&head);
    assert!(!stream.push(ATTACK.as_bytes()).is_attack(), "more may follow");
    assert!(!stream.is_over());
    let judgement = stream.push(prose(MOST_BYTES).as_bytes());
    assert!(judgement.is_attack() && stream.is_over());
    assert_eq!(stream.push(ATTACK.as_bytes()), Judgement::default());
}

#[test]
fn compressed_body_is_judged_by_what_it_holds() {
    let gzipped: &[(&str, &[u8])] = &[("content-type", b"text/plain"), ("content-encoding", b"gzip")];
    let unknown: &[(&str, &[u8])] = &[("content-type", b"text/plain"), ("content-encoding", b"compress")];
    let body = gzip(ATTACK.as_bytes());
    assert!(ENGINE.judge(&head(gzipped), &body).is_attack());
    assert_eq!(
        ENGINE.judge(&head(gzipped), &gzip(prose(1 << 16).as_bytes())),
        Judgement::default()
    );
    let judgement = ENGINE.judge(&head(unknown), b"anything");
    assert_eq!(judgement.unjudged, [Unjudged::Unread(Gap::UnknownCoding)]);
    let bomb = gzip(&vec![b'a'; 30 << 20]);
    let judgement = ENGINE.judge(&head(gzipped), &bomb);
    assert!(
        judgement.unjudged.contains(&Unjudged::Unread(Gap::Bomb)),
        "{judgement:?}"
    );
}

#[test]
fn reason_is_given_where_a_body_was_not_read_in_one_way() {
    let two: &[(&str, &[u8])] = &[
        ("content-type", b"application/json"),
        ("content-type", b"application/x-www-form-urlencoded"),
    ];
    let picture: &[(&str, &[u8])] = &[("content-type", b"image/png")];
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    for (headers, body, reason) in [
        (two, b"q=red+shoes".as_slice(), Gap::TwoTypes),
        (picture, png.as_slice(), Gap::NotText),
    ] {
        let judgement = ENGINE.judge(&head(headers), body);
        assert!(judgement.unjudged.contains(&Unjudged::Unread(reason)), "{judgement:?}");
        assert!(!judgement.is_attack());
    }
    // whichever of two types a framework takes
    assert!(ENGINE.judge(&head(two), br#"{"q":"1' or '1'='1"}"#).is_attack());
    assert!(ENGINE.judge(&head(two), b"q=1'+or+'1'%3D'1").is_attack());

    let head = head(FORM);
    let mut stream = ENGINE.body(&head);
    assert_eq!(stream.push(b"q=red+sho"), Judgement::default());
    let judgement = stream.end(false);
    assert_eq!(judgement.unjudged, [Unjudged::Unread(Gap::CutShort)]);
}

#[test]
fn request_that_costs_too_much_is_out_of_fuel() {
    // all but what its values are
    let families = [Family::Sqli, Family::Xss, Family::Template];
    let engine = Engine::with(
        Detectors::standard().unwrap(),
        Families::that(|family| families.contains(&family)),
    );
    let costly = "p=select(a'--%22{{x}}${y}%3Cz;cat`%7C&".repeat(1_500);
    let judgement = engine.judge(&head(FORM), costly.as_bytes());
    assert_eq!(judgement.unjudged, [Unjudged::OutOfFuel]);
    assert!(!judgement.is_attack());
    let long = format!("p={}", "a+".repeat(30_000));
    assert_eq!(engine.judge(&head(FORM), long.as_bytes()), Judgement::default());
}

#[test]
fn weak_matches_hide_no_attack_and_are_bounded() {
    let weak: String = (0..200).map(|number| format!("p{number}=../a&")).collect();
    let judgement = ENGINE.judge(&head(FORM), weak.as_bytes());
    assert!(!judgement.is_attack());
    assert_eq!(judgement.matches.len(), MOST_MATCHES);
    let attack = format!("{weak}q={ATTACK}");
    assert!(ENGINE.judge(&head(FORM), attack.as_bytes()).is_attack());
    assert!(streamed(FORM, attack.as_bytes(), 1000).is_attack());
}

#[test]
fn pollution_counts_where_an_attack_is_split() {
    let split = b"id=1%27+union+select+1&id=2+from+users--+-";
    let judgement = ENGINE.judge(&head(FORM), split);
    assert!(judgement.is_attack(), "{judgement:?}");
    assert!(!ENGINE.judge(&head(FORM), b"tag=red&tag=blue").is_attack());
}

#[test]
fn secret_is_in_no_excerpt() {
    let judgement = ENGINE.judge(&head(JSON), br#"{"password": "hunter2' or '1'='1"}"#);
    assert!(judgement.is_attack());
    assert!(!format!("{judgement:?}").contains("hunter2"), "{judgement:?}");
}

#[test]
fn detector_of_ones_own_is_asked_too() {
    struct Coupons;
    impl Detector for Coupons {
        fn family(&self) -> Family {
            Family::Custom("coupons")
        }

        fn wants(&self, _: Marks) -> bool {
            true
        }

        fn look(&self, value: &Value<'_>) -> Option<Finding> {
            let guesses = value.text.matches("SALE-").count();
            (guesses > 3).then(|| Finding::new("many", CERTAIN, 0..value.text.len()))
        }
    }
    let engine = Engine::with(Detectors::standard().unwrap().with(Coupons), Families::ALL);
    let guesses = Head {
        query: "code=SALE-1+SALE-2+SALE-3+SALE-4",
        ..head(TEXT)
    };
    assert_eq!(
        engine.judge_head(&guesses).matches[0].to_string(),
        "coupons/many at query:code"
    );
    assert_eq!(ENGINE.judge_head(&guesses), Judgement::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn end_of_a_long_body_is_judged_alike_in_pieces_and_whole(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "q=1", "&", "'", " or ", "1=1", "--", "{\"a\":", "\"x\"", "}", "<script>", "alert(1)", "%27", "\u{e9}", "\0", "union select",
        ]), 0..12),
        piece in 1_000_usize..40_000,
        before in 0_usize..200,
    ) {
        // the end stands across what is looked at at once, or behind it
        let body = format!("{}\n{}", &prose(MOST_BYTES)[before..], parts.concat());
        let whole = ENGINE.judge(&head(TEXT), body.as_bytes());
        prop_assert_eq!(whole.is_attack(), streamed(TEXT, body.as_bytes(), piece).is_attack());
    }
}
