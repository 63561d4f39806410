//! One table of requests that may be read in two ways: an attack in its plain form, and in
//! disguises that a parser somewhere undoes.
//!
//! `tests/readings/cases.json` holds the requests, `tests/readings/headers.txt` headers that hide
//! none. The suites of every adapter run them, those of Python too: whatever else is said of a
//! case, a guarded application never gets to see it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

use std::io::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::http::Answer;

/// The attack that all cases hold but those of files, in its plain form.
pub const ATTACK: &str = "1' or '1'='1";

/// The attack as a query, or as a form.
pub const QUERY: &str = "q=1%27%20or%20%271%27%3D%271";

/// A request of the table.
#[derive(Debug)]
pub struct Case {
    /// What it is a sample of.
    pub class: String,
    /// What is special about it.
    pub name: String,
    /// Its method.
    pub method: String,
    /// Its path, with its query.
    pub path: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Case {
    /// The head of the request, to which a host is added by [`crate::http::ask`].
    #[must_use]
    pub fn head(&self) -> String {
        let Self { method, path, body, .. } = self;
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        format!("{method} {path} HTTP/1.1\r\n{}{length}", lines.collect::<String>())
    }
}

/// All of the table.
///
/// # Panics
/// Where the table is not what it should be.
#[must_use]
pub fn cases() -> Vec<Case> {
    let table: Value = serde_json::from_str(include_str!("../readings/cases.json")).unwrap();
    let cases: Vec<Case> = table.as_array().unwrap().iter().map(case).collect();
    assert!(cases.len() > 200, "{} cases", cases.len());
    cases
}

/// Headers with values that honest clients send.
///
/// # Panics
/// Where the list is not what it should be.
#[must_use]
pub fn headers() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../readings/headers.txt").lines();
    let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    assert!(headers.len() >= 200, "{} headers", headers.len());
    headers
}

/// Whether an answer says that no handler saw the request: the guard refused it, or the server
/// could not read it.
#[must_use]
pub fn is_refused(answer: &Answer) -> bool {
    // a client of gRPC is told in its own terms
    let by_guard = answer.header("x-block-id").is_some() || answer.header("grpc-status") == Some("7");
    by_guard || matches!(answer.status, 400 | 411 | 413 | 415 | 417 | 501)
}

fn case(case: &Value) -> Case {
    let text = |name: &str| case[name].as_str().unwrap().to_owned();
    let headers = case["headers"].as_array().unwrap().iter();
    let header = |pair: &Value| {
        let said = |at: usize| pair[at].as_str().unwrap().to_owned();
        (said(0), said(1))
    };
    Case {
        class: text("class"),
        name: text("name"),
        method: text("method"),
        path: text("path"),
        headers: headers.map(header).collect(),
        body: bytes(&case["body"]),
    }
}

/// The bytes that a list of pieces stands for.
fn bytes(pieces: &Value) -> Vec<u8> {
    pieces.as_array().unwrap().iter().flat_map(piece).collect()
}

/// A text; bytes in Base64; a text many times; as many bytes of words; pieces compressed by gzip.
fn piece(piece: &Value) -> Vec<u8> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    if let Some(text) = piece.as_str() {
        return text.as_bytes().to_vec();
    }
    let (kind, value) = piece.as_object().unwrap().iter().next().unwrap();
    match &**kind {
        "base64" => BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap(),
        "repeat" => value.as_str().unwrap().repeat(number(&piece["times"])).into_bytes(),
        "words" => words(number(value)),
        "gzip" => {
            let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
            packed.write_all(&bytes(value)).unwrap();
            packed.finish().unwrap()
        }
        other => panic!("a piece of a kind that is not known: {other}"),
    }
}

/// Words that no rule knows, and that do not compress to nothing: letters by a linear congruence,
/// each seventh a blank.
fn words(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut letter = |at: usize| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let letter = u8::try_from((state >> 16) % 26).unwrap();
        if at % 7 == 6 { b' ' } else { b'a' + letter }
    };
    (0..length).map(&mut letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_cases_and_each_case_a_name_of_its_own() {
        let all = cases();
        let mut names: Vec<_> = all.iter().map(|case| (&case.class, &case.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for class in [
            "plain",
            "size",
            "number",
            "type",
            "two types",
            "charset",
            "JSON in wide units",
            "coding",
            "multipart",
            "boundary",
            "transfer coding",
            "files",
            "ignored paths",
            "framing",
        ] {
            assert!(all.iter().filter(|case| case.class == class).count() >= 5, "{class}");
        }
        let mut names: Vec<_> = headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), headers().len());
    }

    #[test]
    fn words_are_the_same_everywhere() {
        assert_eq!(words(16), b"quzzpt rwetbk lb");
    }
}
