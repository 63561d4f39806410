//! One attack in the many ways in which a body may be read: the plain form is refused, and so is
//! each that is disguised, for what is in it or because it cannot be read in one way. What honest
//! clients send passes, and is counted where it was not looked into.

use std::{fs, io::Write as _, path::Path};

use buckler::{
    guard::{Gap, UninspectedAction},
    settings::SettingsBuilder,
};
use buckler_tests::{
    http::Answer,
    readings::{self, ATTACK, Case, QUERY, is_refused},
};
use serde_json::json;

use super::{
    host::{Host, Kind},
    over_every_adapter,
    pages::PEEKED,
};
use crate::site::local;

over_every_adapter! {
    every_disguise_of_an_attack_is_refused
    no_header_hides_an_attack
    everyday_bodies_pass_untouched
    what_was_not_inspected_is_counted_by_reason
    the_host_decides_what_becomes_of_it
    an_attack_far_into_a_body_is_refused
    a_long_body_is_inspected_to_its_end
}

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=XyZ";

fn settings() -> SettingsBuilder {
    local().security("SECURITY_CHECKS", json!({"sqli": 1, "format": 1, "flood": 0}))
}

/// Headers and a body.
type Sent = (Vec<(&'static str, String)>, Vec<u8>);

fn typed(kind: &str, body: impl Into<Vec<u8>>) -> Sent {
    (vec![("Content-Type", kind.to_owned())], body.into())
}

fn coded(coding: &str, kind: &str, body: Vec<u8>) -> Sent {
    let (mut headers, body) = typed(kind, body);
    headers.push(("Content-Encoding", coding.to_owned()));
    (headers, body)
}

fn post(host: &Host, (headers, body): &Sent) -> Answer {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("POST /echo HTTP/1.1\r\n{headers}Content-Length: {}\r\n", body.len());
    host.ask(&head, body)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn part(head: &str, content: &str) -> Vec<u8> {
    format!("--XyZ\r\nContent-Disposition: form-data; name=\"q\"{head}\r\n\r\n{content}\r\n--XyZ--\r\n").into()
}

fn json_of(text: &str) -> Vec<u8> {
    json!({ "q": text }).to_string().into()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A message in MessagePack, in CBOR, and in a frame of gRPC.
fn packed(text: &str) -> [Vec<u8>; 3] {
    let length = u8::try_from(text.len()).unwrap();
    let message = [&[0x0a, length][..], text.as_bytes()].concat();
    [
        [&b"\x81\xa1q\xd9"[..], &[length], text.as_bytes()].concat(),
        [&b"\xa1\x61q\x78"[..], &[length], text.as_bytes()].concat(),
        [&[0, 0, 0, 0, length + 2][..], &message].concat(),
    ]
}

/// Asks for a case of the table. actix-web takes what follows the word `websocket` for a body that
/// ends with the connection.
fn ask(host: &Host, kind: Kind, head: &str, body: &[u8]) -> Answer {
    let is_endless = head.lines().any(|line| line.eq_ignore_ascii_case("upgrade: websocket"));
    if !is_endless || kind != Kind::ActixWeb {
        return host.ask(head, body);
    }
    let mut connection = host.connect();
    connection.try_send(format!("{head}Host: shop.example.com\r\n\r\n"));
    connection.try_send(body);
    connection.finish();
    connection.answer()
}

fn every_disguise_of_an_attack_is_refused(kind: Kind) {
    let host = Host::start(kind, settings());
    let passed: Vec<String> = readings::cases()
        .iter()
        .filter_map(|case| {
            let answer = ask(&host, kind, &case.head(), &case.body);
            let Case { class, name, .. } = case;
            (!is_refused(&answer)).then(|| format!("{class}: {name}: {}", answer.status))
        })
        .collect();
    assert_eq!(passed, [""; 0]);
}

fn no_header_hides_an_attack(kind: Kind) {
    let host = Host::start(kind, settings());
    let mut passed = Vec::new();
    for (name, value) in readings::headers() {
        let form = format!(
            "POST /echo HTTP/1.1\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n",
            QUERY.len()
        );
        for (what, head, body) in [
            (
                "query",
                format!("GET /echo?{QUERY} HTTP/1.1\r\n{name}: {value}\r\n"),
                "",
            ),
            (
                "form, in front",
                form.replacen("\r\n", &format!("\r\n{name}: {value}\r\n"), 1),
                QUERY,
            ),
            ("form, behind", format!("{form}{name}: {value}\r\n"), QUERY),
            ("itself", format!("GET /echo HTTP/1.1\r\n{name}: {ATTACK}\r\n"), ""),
        ] {
            let answer = ask(&host, kind, &head, body.as_bytes());
            let is_overwritten = what == "itself" && kind.overwrites(name);
            if !is_refused(&answer) && !is_overwritten {
                passed.push(format!("{name}, {what}: {}", answer.status));
            }
        }
    }
    assert_eq!(passed, [""; 0]);
}

fn everyday_bodies_pass_untouched(kind: Kind) {
    let host = Host::start(kind, settings());
    let honest = "O'Brien & Sons";
    let [msgpack, cbor, frame] = packed(honest);
    for sent in [
        typed(FORM, "q=O%27Brien+%26+Sons&empty="),
        typed("application/json; charset=utf-8", json_of(honest)),
        typed("text/plain;charset=UTF-8", honest),
        typed(MULTIPART, part("", honest)),
        typed(
            MULTIPART,
            part(
                "; filename=\"a.png\"\r\nContent-Type: image/png",
                "\u{89}PNG\r\n\u{1a}\n",
            ),
        ),
        typed("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        typed("application/msgpack", msgpack),
        typed("application/cbor", cbor),
        typed("application/grpc-web+proto", frame),
        typed(&format!("{FORM}; charset=iso-8859-1"), "q=caf%E9"),
        typed("application/octet-stream", utf16(honest)),
    ] {
        let answer = post(&host, &sent);
        assert_eq!((answer.status, &answer.body), (200, &sent.1), "{:?}", sent.0);
    }
    assert_eq!(host.agent.status().requests.attacks, 0);
}

fn what_was_not_inspected_is_counted_by_reason(kind: Kind) {
    let host = Host::start(kind, settings());
    assert!(host.agent.status().uninspected_by_reason.is_empty());
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    assert_eq!(post(&host, &typed("image/png", picture)).status, 200);
    let long = gzip(&vec![b' '; 2 << 20]);
    assert_eq!(post(&host, &coded("gzip", "text/plain", long)).status, 413, "a bomb");
    assert_eq!(post(&host, &typed("application/json", "{\"a\": \"cut o")).status, 200);
    let status = host.agent.status();
    let reasons: Vec<_> = status.uninspected_by_reason.into_iter().collect();
    assert_eq!(reasons, [("cut_short", 1), ("not_text", 1)]);
    assert_eq!(status.uninspected, 2);
}

fn the_host_decides_what_becomes_of_it(kind: Kind) {
    let settings = settings()
        .uninspected(Gap::NotText, UninspectedAction::Refuse)
        .uninspected(Gap::TwoTypes, UninspectedAction::Pass);
    let host = Host::start(kind, settings);
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    assert_eq!(post(&host, &typed("image/png", picture)).status, 415);
    let types = [FORM, "image/png"].map(|kind| ("Content-Type", kind.to_owned()));
    assert_eq!(post(&host, &(types.to_vec(), b"q=1".to_vec())).status, 200);
}

/// Bodies of this length before what is in them, and with it.
fn long(padding: usize, text: &str) -> Vec<Sent> {
    let pad = "all work and no play ".repeat(padding / 21);
    let coded = |text: &str| text.replace(' ', "+").replace('\'', "%27").replace('=', "%3D");
    let first = format!("--XyZ\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n{pad}\r\n");
    let upload = first.replace("name=\"p\"", "name=\"p\"; filename=\"a.bin\"");
    vec![
        typed("application/json", json!([{ "p": pad }, { "q": text }]).to_string()),
        typed("application/json", format!("{}{{\"q\":{text:?}}}", " ".repeat(padding))),
        typed(FORM, format!("p={}&q={}", coded(&pad), coded(text))),
        typed(MULTIPART, [first.into_bytes(), part("", text)].concat()),
        typed(MULTIPART, [upload.into_bytes(), part("", text)].concat()),
        typed("application/octet-stream", format!("\u{1}\0{pad}\u{1}\0{text}\0")),
    ]
}

fn an_attack_far_into_a_body_is_refused(kind: Kind) {
    let host = Host::start(kind, settings());
    for padding in [PEEKED + 1_000, 5 * PEEKED] {
        for sent in long(padding, ATTACK) {
            let answer = post(&host, &sent);
            assert_eq!(answer.status, 403, "{padding}: {:?}", sent.0);
            assert!(answer.header("x-block-id").is_some());
        }
    }
    assert_eq!(host.agent.status().requests.blocked, 12);
}

fn a_long_body_is_inspected_to_its_end(kind: Kind) {
    let host = Host::start(kind, settings());
    for sent in long(5 * PEEKED, "O'Brien") {
        let answer = post(&host, &sent);
        assert_eq!(answer.status, 200, "{:?}", sent.0);
        assert!(answer.body == sent.1, "byte for byte: {:?}", sent.0);
    }
    assert!(host.agent.status().uninspected_by_reason.is_empty());
}

/// Whether a file below this folder takes cases of the table.
fn takes_cases(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).any(|path| {
        let takes = |text: String| text.contains("readings::cases") || text.contains("rig.readings import");
        takes_cases(&path) || fs::read_to_string(&path).is_ok_and(takes)
    })
}

#[test]
fn no_adapter_is_left_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let hosts = include_str!("host.rs");
    let mut adapters = 0;
    for adapter in fs::read_dir(root.join("adapters")).unwrap() {
        let folder = adapter.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().replace('-', "_");
        let is_host = hosts.contains(&format!("buckler_{name}"));
        assert!(
            is_host || takes_cases(&folder.join("tests")),
            "adapters/{name}: found no test that sends the table of `buckler_tests::readings`"
        );
        adapters += 1;
    }
    assert!(adapters >= 5, "{adapters}");
}
