//! The cost of the whole guard by what a request carries, with the checks that look into values beside without them.
//!
//! `cargo bench -p buckler --bench inspection`. The guard is asked as the actix-web adapter asks it (decoy, head, body), on the
//! `default` template and an empty list. No two requests are the same: ids, sessions, pages and search words differ, and clients have
//! one of eight browsers. Both guards take turns within each round, so that the ratio holds on a machine that is busy with other
//! things; times are medians of the rounds.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up is to stop")]

use std::{
    fmt::Write as _,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use buckler::{
    clock::{Clock as _, SystemClock},
    guard::{BodyView, Guard, GuardParts, Mode, OnFailure, Published, RequestView, RouteMatch, Snapshot, Trusted},
    model::{
        blacklist::Blacklist,
        detect::Detectors,
        policy::{Layer, Policy},
    },
};

/// Requests of a kind, asked in turn.
const REQUESTS: u32 = 512;

/// Rounds of each kind. The median of so many leaves out what else the machine did.
const ROUNDS: usize = 40;

/// About as long as each guard's half of a round takes, in nanoseconds.
const TURN: f64 = 4e6;

/// The checks that look into values.
const OFF: &str = r#"{ "sqli": 0, "xss": 0, "command": 0, "hpp": 0, "upload": 0, "prompt": 0, "decoy": 0 }"#;

const BROWSERS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
];

const WORDS: [&str; 16] = [
    "wireless",
    "headphones",
    "garden",
    "chair",
    "selected",
    "blue",
    "winter",
    "union",
    "square",
    "coffee",
    "table",
    "from",
    "O'Neill",
    "running",
    "shoes",
    "update",
];

/// A request that owns what a view borrows.
struct Request {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

/// How requests of one kind are made.
struct Kind {
    name: &'static str,
    make: fn(&mut Draw) -> Request,
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "GET, 12 browser headers",
        make: |draw| browser(draw, "GET", String::new()),
    },
    Kind {
        name: "GET, five parameters",
        make: |draw| {
            let (first, second, page) = (draw.word(), draw.word(), draw.below(40));
            let query = format!(
                "q={first}+{second}&page={page}&sort=price_asc&category=home%20%26%20garden&session={:016x}",
                draw.next()
            );
            browser(draw, "GET", query)
        },
    },
    Kind {
        name: "POST, form of six fields",
        make: |draw| {
            let form = format!(
                "name=Anna+{}&email=anna.{}%40example.com&street=Hauptstra%C3%9Fe+{}&city=K%C3%B6ln&note={}+{}%2C+please&csrf={:032x}",
                draw.word(),
                draw.below(1000),
                draw.below(200),
                draw.word(),
                draw.word(),
                draw.next()
            );
            posted(draw, "application/x-www-form-urlencoded", form.into_bytes())
        },
    },
    Kind {
        name: "POST, 1 KiB of JSON",
        make: |draw| {
            let body = json(draw, 1 << 10);
            posted(draw, "application/json", body)
        },
    },
    Kind {
        name: "POST, 60 KiB of JSON",
        make: |draw| {
            let body = json(draw, 60 << 10);
            posted(draw, "application/json", body)
        },
    },
    Kind {
        name: "upload of a 32 KiB picture",
        make: |draw| {
            let body = upload(draw, 32 << 10);
            posted(draw, "multipart/form-data; boundary=----WebKitFormBoundaryq3Zx1", body)
        },
    },
];

/// Numbers in no order, the same in each run (Lehmer's generator, 2^61 - 1).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        let product = u128::from(self.0) * 437_799_614_237_992_725;
        self.0 = u64::try_from(product % ((1 << 61) - 1)).unwrap();
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn word(&mut self) -> &'static str {
        WORDS[usize::try_from(self.below(16)).unwrap()]
    }
}

fn browser(draw: &mut Draw, method: &'static str, query: String) -> Request {
    let agent = BROWSERS[usize::try_from(draw.below(8)).unwrap()];
    let cookie = format!(
        "session={:016x}{:016x}; theme=dark; _ga=GA1.1.{}.1751{}; cart={}",
        draw.next(),
        draw.next(),
        draw.below(1 << 31),
        draw.below(1_000_000),
        draw.below(100_000)
    );
    let referer = format!("https://shop.example.com/items?page={}", draw.below(100));
    let headers: [(&str, &str); 12] = [
        ("host", "shop.example.com"),
        ("user-agent", agent),
        (
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("accept-language", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("referer", &referer),
        ("cookie", &cookie),
        ("upgrade-insecure-requests", "1"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "same-origin"),
        ("priority", "u=0, i"),
    ];
    Request {
        method,
        path: format!("/items/{}/reviews", draw.below(100_000)),
        query,
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, value.as_bytes().to_vec()))
            .collect(),
        body: Vec::new(),
    }
}

fn posted(draw: &mut Draw, content_type: &str, body: Vec<u8>) -> Request {
    let mut request = browser(draw, "POST", String::new());
    request.headers.extend([
        ("content-type", content_type.as_bytes().to_vec()),
        ("content-length", body.len().to_string().into_bytes()),
    ]);
    Request { body, ..request }
}

/// Orders with names, addresses and notes: some thirty values a KiB.
fn json(draw: &mut Draw, length: usize) -> Vec<u8> {
    let mut text = String::from("{\"orders\":[");
    while text.len() + 300 < length {
        write!(
            text,
            r#"{{"id":{},"sku":"SKU-{:08x}","title":"{} {} {}","customer":{{"name":"Anna {}","email":"anna.{}@example.com","vip":true}},"placed":"2026-03-{:02}T08:{:02}:00Z","note":"{} {} please, and {} \u00e9t\u00e9","total":{}.99}},"#,
            draw.below(100_000), draw.below(1 << 32), draw.word(), draw.word(), draw.word(), draw.word(),
            draw.below(1000), 1 + draw.below(28), draw.below(60), draw.word(), draw.word(), draw.word(), draw.below(500),
        )
        .unwrap();
    }
    text.pop();
    write!(text, "],\"comment\":\"").unwrap();
    while text.len() + 12 < length {
        write!(text, "{} ", draw.word()).unwrap();
    }
    text.push_str("\"}");
    text.into_bytes()
}

fn upload(draw: &mut Draw, length: usize) -> Vec<u8> {
    let boundary = "------WebKitFormBoundaryq3Zx1";
    let head = format!(
        "{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHoliday {}\r\n\
         {boundary}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"IMG_{}.png\"\r\nContent-Type: image/png\r\n\r\n",
        draw.word(),
        draw.below(10_000)
    );
    let mut body = head.into_bytes();
    body.extend_from_slice(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    while body.len() < length {
        body.extend_from_slice(&draw.next().to_le_bytes());
    }
    body.extend_from_slice(format!("\r\n{boundary}--\r\n").as_bytes());
    body
}

/// A guard by the default template, of which these keys are changed.
fn guard(checks: &str) -> Guard {
    let keys = serde_json::json!({
        "flood_ratio": 1_000_000,
        "security_checks": serde_json::from_str::<serde_json::Value>(checks).unwrap(),
    });
    let layer = Layer {
        origin: "bench".to_owned(),
        keys: serde_json::from_value(keys).unwrap(),
    };
    let snapshot = Snapshot {
        policy: Arc::new(Policy::compile("default", &[layer]).unwrap()),
        blacklist: Arc::new(Blacklist::new()),
        trusted: Arc::new(Trusted::default()),
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
        detectors: Arc::new(Detectors::standard().unwrap()),
    })
}

/// Asks the guard as an adapter does. Whether it refused.
fn ask(guard: &Guard, request: &Request, client: u32) -> bool {
    let headers: Vec<(&str, &[u8])> = request
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_slice()))
        .collect();
    let headers = headers.as_slice();
    let view = RequestView {
        peer: Some(IpAddr::V4(Ipv4Addr::from(0x5000_0000 + client * 7))),
        method: request.method,
        path: &request.path,
        query: &request.query,
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &headers,
    };
    black_box(guard.is_decoy(view.path));
    if guard.check(black_box(&view)).is_block() {
        return true;
    }
    let body = BodyView {
        bytes: &request.body,
        is_whole: true,
    };
    !request.body.is_empty() && guard.wants_body(&view).is_some() && guard.check_body(&view, body).is_block()
}

/// What a kind of request costs, in nanoseconds.
struct Cost {
    without: f64,
    with: f64,
    /// The dearest of a hundred.
    p99: f64,
}

struct Stage {
    without: Guard,
    with: Guard,
    clock: SystemClock,
}

impl Stage {
    fn cost(&self, kind: &Kind) -> Cost {
        let mut draw = Draw(2_026);
        let requests: Vec<Request> = (0..REQUESTS).map(|_| (kind.make)(&mut draw)).collect();
        for guard in [&self.without, &self.with] {
            assert!(
                (0..)
                    .zip(&requests)
                    .all(|(client, request)| !ask(guard, request, client)),
                "{}",
                kind.name
            );
        }
        let one = self.turn(&self.with, &requests, 20);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 20 and 100,000"
        )]
        let count = (TURN / one).clamp(20.0, 100_000.0) as usize;
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(self.turn(&self.without, &requests, count));
            with.push(self.turn(&self.with, &requests, count));
        }
        let each = (0..ROUNDS * count.min(500))
            .map(|turn| self.one(&requests, turn))
            .collect();
        Cost {
            without: quantile(without, 0.5),
            with: quantile(with, 0.5),
            p99: quantile(each, 0.99),
        }
    }

    /// Nanoseconds a request, of so many in a row.
    fn turn(&self, guard: &Guard, requests: &[Request], count: usize) -> f64 {
        let start = self.clock.elapsed();
        for (client, request) in (0..).zip(requests.iter().cycle().take(count)) {
            black_box(ask(guard, request, client));
        }
        let taken = self.clock.elapsed().saturating_sub(start);
        taken.as_secs_f64() * 1e9 / f64::from(u32::try_from(count).unwrap())
    }

    fn one(&self, requests: &[Request], turn: usize) -> f64 {
        let request = &requests[turn % requests.len()];
        let start = self.clock.elapsed();
        black_box(ask(&self.with, request, u32::try_from(turn).unwrap()));
        self.clock.elapsed().saturating_sub(start).as_secs_f64() * 1e9
    }
}

fn quantile(mut times: Vec<f64>, share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    times[at]
}

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"))
        .unwrap_or_default();
    let stage = Stage {
        without: guard(OFF),
        with: guard("{}"),
        clock: SystemClock::new(),
    };
    println!(
        "{:<28} {:>11} {:>11} {:>11} {:>8} {:>11}",
        "µs a request", "without", "with", "added", "ratio", "p99"
    );
    for kind in KINDS.iter().filter(|kind| kind.name.contains(&wanted)) {
        let Cost { without, with, p99 } = stage.cost(kind);
        println!(
            "{:<28} {:>11.2} {:>11.2} {:>11.2} {:>8.2} {:>11.2}",
            kind.name,
            without / 1e3,
            with / 1e3,
            (with - without) / 1e3,
            with / without,
            p99 / 1e3
        );
    }
}
