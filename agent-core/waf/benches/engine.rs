//! What a request costs [`Engine`]: a head, a form, JSON, a chat and a picture, as clients send
//! them.
//!
//! `cargo bench -p buckler-waf --bench engine`. Headers, path and the names of fields are those of
//! one browser and one site, and are remembered, as they are there; values are searched each time.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up is to stop")]

use std::hint::black_box;

use buckler_waf::{Engine, Head};
use criterion::{Criterion, Throughput};

/// Rounds that differ.
const ROUNDS: usize = 256;

const BROWSER: &[(&str, &[u8])] = &[
    ("host", b"shop.example.com"),
    (
        "user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    (
        "accept",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-language", b"en-GB,en;q=0.7,de;q=0.3"),
    ("accept-encoding", b"gzip, deflate, br, zstd"),
    ("referer", b"https://shop.example.com/items?page=2"),
    ("cookie", b"sid=0b7e2d54a1c94f2d; theme=dark; lang=en"),
    ("sec-fetch-dest", b"document"),
    ("sec-fetch-mode", b"navigate"),
    ("sec-fetch-site", b"same-origin"),
];

/// A request: its query, its type and its body.
type Sent = (String, &'static str, Vec<u8>);

fn get(round: usize) -> Sent {
    (format!("page={round}&sort=-date&q=red+shoes+{round}"), "", Vec::new())
}

fn form(round: usize) -> Sent {
    let body =
        format!("name=Conan+O%27Brien&mail=conan{round}%40example.com&city=K%C3%B6ln&note=2+of+them%2C+no.+{round}");
    (String::new(), "application/x-www-form-urlencoded", body.into())
}

fn json(round: usize) -> Sent {
    let line = |number| {
        format!(
            r#"{{"sku":"A-{round}-{number}","name":"Blue shoe, size {number}","price":4{number}.50,"url":"https://shop.example.com/items/{number}"}}"#
        )
    };
    let lines: Vec<String> = (1..6).map(line).collect();
    let body = format!(
        r#"{{"order":{round},"note":"Please don't ring; we're out.","lines":[{}]}}"#,
        lines.join(",")
    );
    (String::new(), "application/json", body.into())
}

fn chat(round: usize) -> Sent {
    let sentence = format!("I'd like to know how {round} ships are built; who pays for that, and when do they sail? ");
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#,
        sentence.repeat(45)
    );
    (String::new(), "application/json", body.into())
}

fn picture(round: usize) -> Sent {
    let mut body = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    let mut state = round as u64 + 1;
    while body.len() < 32 << 10 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        body.extend(state.to_be_bytes());
    }
    (String::new(), "image/png", body)
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let engine = Engine::new().unwrap();
    let mut group = criterion.benchmark_group("judge");
    let kinds: [(&str, fn(usize) -> Sent); 5] = [
        ("GET, 10 headers", get),
        ("form", form),
        ("JSON", json),
        ("chat of 4 KiB", chat),
        ("picture of 32 KiB", picture),
    ];
    for (name, make) in kinds {
        let all: Vec<Sent> = (0..ROUNDS).map(make).collect();
        let length = all
            .iter()
            .map(|(query, _, body)| query.len() + body.len())
            .sum::<usize>()
            / ROUNDS;
        group.throughput(Throughput::Bytes(length.try_into().unwrap()));
        let content_type = all.first().unwrap().1.as_bytes();
        let typed = [BROWSER, &[("content-type", content_type)]].concat();
        let mut rounds = all.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (query, _, body) = rounds.next().unwrap();
                let headers = if body.is_empty() { BROWSER } else { &typed };
                let head = Head {
                    path: "/items",
                    query,
                    headers,
                };
                assert!(!engine.judge(black_box(&head), black_box(body)).is_attack());
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
