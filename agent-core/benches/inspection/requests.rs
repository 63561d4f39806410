//! Requests of everyday traffic, each another.

use std::fmt::Write as _;

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

const WORDS: [&str; 32] = [
    "wireless",
    "headphones",
    "garden",
    "chair",
    "blue",
    "winter",
    "reunion",
    "square",
    "coffee",
    "table",
    "from",
    "running",
    "shoes",
    "update",
    "cotton",
    "shirt",
    "size",
    "large",
    "black",
    "leather",
    "bag",
    "travel",
    "mug",
    "kitchen",
    "lamp",
    "O'Neill",
    "summer",
    "dress",
    "kids",
    "toy",
    "wooden",
    "set",
];

/// The path of which more of a body is looked at than of others.
pub(crate) const BULK: &str = "/bulk";

/// A request that owns what a view borrows.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The bytes of what is looked into.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.path.len() + self.query.len() + headers.sum::<usize>() + self.body.len()
    }
}

/// How requests of one kind are made.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&mut Draw) -> Request,
}

pub(crate) const KINDS: [Kind; 15] = [
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
        name: "POST, 128 KiB of JSON",
        make: |draw| {
            let body = json(draw, 128 << 10);
            Request {
                path: BULK.to_owned(),
                ..posted(draw, "application/json", body)
            }
        },
    },
    Kind {
        name: "POST, REST JSON of 700 bytes",
        make: |draw| {
            let body = rest(draw, 1);
            posted(draw, "application/json", body)
        },
    },
    Kind {
        name: "POST, REST JSON of 3.5 KiB",
        make: |draw| {
            let body = rest(draw, 7);
            posted(draw, "application/json", body)
        },
    },
    Kind {
        name: "POST, REST JSON of 60 KiB",
        make: |draw| {
            let body = rest(draw, 113);
            posted(draw, "application/json", body)
        },
    },
    Kind {
        name: "POST, a GraphQL query",
        make: |draw| {
            let body = format!(
                r#"{{"operationName":"Orders","query":"query Orders($id: ID!, $first: Int = 10) {{ customer(id: $id) {{ name email orders(first: $first, status: OPEN) {{ edges {{ node {{ id total lines {{ sku title }} }} }} pageInfo {{ hasNextPage }} }} }} }}","variables":{{"id":"{:08x}","first":{}}}}}"#,
                draw.below(1 << 32),
                draw.below(50)
            );
            posted(draw, "application/json", body.into_bytes())
        },
    },
    Kind {
        name: "POST, a prompt of 4 KiB",
        make: |draw| {
            let prompt = prose(draw, 4 << 10);
            let body = format!(r#"{{"model":"m-1","messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
            posted(draw, "application/json", body.into_bytes())
        },
    },
    Kind {
        name: "POST, code of 4 KiB",
        make: |draw| {
            let code = code(draw, 4 << 10);
            let body = format!(r#"{{"path":"src/lib.rs","content":"{code}"}}"#);
            posted(draw, "application/json", body.into_bytes())
        },
    },
    Kind {
        name: "POST, Base64 of 20 KiB in JSON",
        make: |draw| {
            let picture = base64(draw, 20 << 10);
            let body = format!(r#"{{"name":"IMG_{}.png","data":"{picture}"}}"#, draw.below(10_000));
            posted(draw, "application/json", body.into_bytes())
        },
    },
    Kind {
        name: "POST, 60 KiB that cost all that one may",
        make: |draw| {
            let form = format!("a={}&", draw.word()) + &"p=select(a'--%22{{x}}${y}%3Cz;cat`%7C&".repeat(1_400);
            posted(draw, "application/x-www-form-urlencoded", form.into_bytes())
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
pub(crate) struct Draw(u64);

impl Default for Draw {
    fn default() -> Self {
        Self(2_026)
    }
}

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
        WORDS[usize::try_from(self.below(32)).unwrap()]
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

/// Customers as an API shows them: ids, names, addresses, prose, phone numbers, dates, links.
fn rest(draw: &mut Draw, customers: usize) -> Vec<u8> {
    const FAMILIES: [&str; 8] = [
        "O'Neill",
        "Smith-Jones",
        "Müller",
        "D'Angelo",
        "García",
        "van der Berg",
        "Nguyễn",
        "Brown",
    ];
    const STREETS: [&str; 4] = [
        "5th Avenue, Apt. # 112",
        "Rue de l'Église 4",
        "Main St. (rear), Unit 3-B",
        "Hauptstraße 17",
    ];
    let mut text = String::from("[");
    for _ in 0..customers {
        let note = prose(draw, 180);
        let (family, street) = (draw.below(8), draw.below(4));
        write!(
            text,
            r#"{{"id":"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}","name":"{} {}","email":"{}.{}@example.com","phone":"+49 (0)30 {:07}","address":"{}","url":"https://example.com/customers/{}?ref={}&page={}","createdAt":"2026-03-{:02}T08:{:02}:00.000Z","tags":["{}","{}"],"active":true,"balance":{}.{:02},"note":"{}","avatar":"https://cdn.example.com/a/{:016x}.png"}},"#,
            draw.below(1 << 32), draw.below(1 << 16), draw.below(1 << 12), draw.below(1 << 12), draw.below(1 << 48),
            draw.word(), FAMILIES[usize::try_from(family).unwrap()], draw.word(), draw.below(1000), draw.below(10_000_000),
            STREETS[usize::try_from(street).unwrap()], draw.below(100_000), draw.word(), draw.below(40), 1 + draw.below(28), draw.below(60),
            draw.word(), draw.word(), draw.below(1000), draw.below(100), note, draw.next(),
        )
        .unwrap();
    }
    text.pop();
    text.push(']');
    text.into_bytes()
}

/// Sentences as JSON holds them: apostrophes, quotes, brackets, numbers, line breaks.
fn prose(draw: &mut Draw, length: usize) -> String {
    const SENTENCES: [&str; 12] = [
        "Please send it to the new address, and don't ring after 8 pm.",
        "She said \\\"we'll see\\\" and closed the file (again).",
        "The update from last week isn't on the server yet; could you look?",
        "Which of the two plans is better for a family of four?",
        "It costs 25% more - or 12.50 a month - than what we had before.",
        "I'd like to select a table by the window, if there's one.",
        "My order #4411 arrived on 3/4, the mug was broken.",
        "Thanks & best wishes,\\nAnna",
        "Write a summary of the text below in three bullet points.",
        "See https://example.com/help?topic=returns for the details.",
        "How many users are there, and where do they come from?",
        "Use at most 200 words: be short, be kind, be clear!",
    ];
    let mut text = String::new();
    while text.len() + 80 < length {
        text.push_str(SENTENCES[usize::try_from(draw.below(12)).unwrap()]);
        write!(text, " {} {} ", draw.word(), draw.word()).unwrap();
    }
    text
}

/// Lines of code as JSON holds them.
fn code(draw: &mut Draw, length: usize) -> String {
    const LINES: [&str; 10] = [
        "pub fn total(&self, lines: &[Line]) -> Result<u64, Error> {",
        "    let sum: u64 = lines.iter().map(|line| line.price * line.count).sum();",
        "    if sum > self.limit && !self.is_open { return Err(Error::TooMuch(sum)); }",
        "    for (key, value) in &map { println!(\\\"{key}: {value}\\\"); }",
        "    // what is not counted here is counted where it's paid for",
        "    const name = `Hello ${user.name}, you have ${items.length} items`;",
        "    Ok(sum)",
        "}",
        "import { useState } from 'react';",
        "return rows.filter(r => r.id !== id && r.open).map(r => r.name);",
    ];
    let mut text = String::new();
    while text.len() + 80 < length {
        text.push_str(LINES[usize::try_from(draw.below(10)).unwrap()]);
        write!(text, " // {}\\n", draw.word()).unwrap();
    }
    text
}

fn base64(draw: &mut Draw, length: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("iVBORw0KGgoAAAANSUhEUgAA");
    while text.len() < length {
        text.push(char::from(DIGITS[usize::try_from(draw.below(64)).unwrap()]));
    }
    text
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
