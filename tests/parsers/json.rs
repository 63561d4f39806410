//! Documents, as `serde_json` reads them; also for handlers that read JSON whatever its type is
//! said to be.

use proptest::prelude::*;
use serde_json::Value;

use crate::seen::Seen;

/// Types under which a handler may be sent a document.
const TYPES: [&str; 13] = [
    "application/json",
    "application/json; charset=utf-8",
    "application/vnd.api+json",
    "",
    "text/plain",
    "text/html",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "application/xml",
    "application/msgpack",
    "image/png",
    "video/mp4",
    "multipart/form-data; boundary=b",
];

/// A string as it stands in a document, in more ways than one.
fn string() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "q",
        "<b>",
        "'",
        " ",
        "\\\"",
        "\\\\",
        "\\/",
        "\\n",
        "\\t",
        "\\u0041",
        "\\u003cb\\u003e",
        "\\ud83d\\ude00",
        "\\u0000",
        "é",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "&",
        "=",
        "%41",
        "+",
        "//",
        "/*",
        "query {",
        "--b",
        "\\u2028",
        "constructor",
        "prototype",
        "true",
        "query",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", " ", "\n", "\r\n\t", "  "])
}

fn document() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["1", "-0.5e+7", "true", "false", "null", "1E9"]).prop_map(str::to_owned);
    let leaf = prop_oneof![3 => string(), 1 => word];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        let list = (prop::collection::vec((inner.clone(), blank()), 0..4), blank()).prop_map(|(all, blank)| {
            let all: Vec<String> = all
                .into_iter()
                .map(|(value, after)| format!("{blank}{value}{after}"))
                .collect();
            format!("[{}]", all.join(","))
        });
        let members = prop::collection::vec((string(), blank(), inner), 0..4);
        let object = (members, blank()).prop_map(|(all, blank)| {
            let all: Vec<String> = all
                .into_iter()
                .map(|(name, after, value)| format!("{blank}{name}{after}:{blank}{value}{after}"))
                .collect();
            format!("{{{}}}", all.join(","))
        });
        prop_oneof![list, object]
    });
    let top = (blank(), value, blank());
    top.prop_map(|(before, value, after)| format!("{before}{value}{after}"))
        .prop_filter("a document", |text| text.trim_start().starts_with(['{', '[']))
}

fn strings(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, all)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            all.push(name.clone());
            strings(value, all);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn missed(content_type: &str, body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let mut all = Vec::new();
    strings(&document, &mut all);
    Seen::body(content_type, body).misses(all)
}

proptest! {
    #![proptest_config(crate::bounded())]

    #[test]
    fn every_string_was_seen(body in document(), content_type in prop::sample::select(&TYPES[..])) {
        prop_assert!(serde_json::from_str::<Value>(&body).is_ok() || body.contains("\\ud83d"), "{}", body);
        prop_assert_eq!(missed(content_type, body.as_bytes()), None);
    }

    #[test]
    fn every_string_of_a_damaged_document_was_seen(
        body in document(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(&b"\"\\{}[],:'/ \n\x00\xffa1"[..]),
        content_type in prop::sample::select(&TYPES[..]),
    ) {
        let mut body = body.into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        prop_assert_eq!(missed(content_type, &body), None);
    }

    #[test]
    fn a_string_by_itself_was_seen(body in string()) {
        prop_assert_eq!(missed("application/json", body.as_bytes()), None);
    }
}
