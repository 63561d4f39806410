//! Runs the program on a corpus of a few requests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on is to stop"
)]

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Two attacks that are found, one of them in a body and one written as Base64, one that is missed, and two harmless requests.
fn rows() -> Vec<Value> {
    let get = |uri: &str| json!({"method": "GET", "uri": uri, "headers": [["Host", "localhost"]]});
    let form = json!([
        ["Host", "localhost"],
        ["Content-Type", "application/x-www-form-urlencoded"]
    ]);
    let row = |id: &str, category: &str, label: &str, request: Value| json!({"id": id, "corpus": "tiny", "category": category, "label": label, "request": request});
    let mut coded = row("coded", "sqli", "attack", get("/?q=JyBPUiAxPTEtLSAtMQ=="));
    coded["encoder"] = json!("Base64Flat");
    vec![
        row("query", "sqli", "attack", get("/?q=1'+or+'1'='1")),
        coded,
        row(
            "body",
            "xss",
            "attack",
            // q=<script>alert(1)</script>
            json!({"method": "POST", "uri": "/", "headers": form, "body_b64": "cT08c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ+"}),
        ),
        row("missed", "sqli", "attack", get("/?q=nothing")),
        row("name", "name", "benign", get("/?q=O'Brien")),
        // a decoy of the default template, where no application has such a page
        row("page", "name", "benign", get("/wp-login.php")),
        row("decoy", "decoy", "attack", get("/wp-login.php")),
    ]
}

fn text() -> String {
    rows().iter().map(|row| format!("{row}\n")).collect()
}

fn written(name: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    (directory, path)
}

fn score(corpus: &Path, more: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_score"))
        .arg(corpus)
        .args(more)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// The columns of the line that begins with these words.
fn columns(report: &str, corpus: &str, category: &str) -> Vec<String> {
    let line = report.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(corpus) && words.next() == Some(category)
    });
    let line = line.unwrap_or_else(|| panic!("no line for {corpus} {category} in\n{report}"));
    line.split_whitespace().skip(2).map(str::to_owned).collect()
}

#[test]
fn verdicts_are_counted_by_category() {
    let (_directory, path) = written("requests.jsonl");
    fs::write(&path, text()).unwrap();
    let (is_well, report) = score(&path, &[]);
    assert!(is_well, "{report}");
    assert_eq!(columns(&report, "tiny", "sqli")[..5], ["3", "2", "1", "-", "66.67"]);
    assert_eq!(columns(&report, "tiny", "xss")[..5], ["1", "1", "0", "-", "100.00"]);
    assert_eq!(columns(&report, "tiny", "name")[..5], ["2", "-", "-", "0", "0.00"]);
    assert!(report.contains("7 requests, µs per request: median"), "{report}");
}

#[test]
fn a_line_per_request_is_written_where_it_is_asked_for() {
    let (directory, path) = written("requests.jsonl.gz");
    let mut compressed = GzEncoder::new(File::create(&path).unwrap(), Compression::default());
    compressed.write_all(text().as_bytes()).unwrap();
    compressed.finish().unwrap();
    let json = directory.path().join("verdicts.jsonl");
    let (is_well, report) = score(&path, &["--without-base64", "--json", json.to_str().unwrap()]);
    assert!(is_well, "{report}");
    let lines = fs::read_to_string(json).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = lines
        .iter()
        .map(|line| (line["id"].as_str().unwrap(), line["verdict"].as_str().unwrap()))
        .collect();
    let expected = [
        ("query", "block"),
        ("body", "block"),
        ("missed", "pass"),
        ("name", "pass"),
        ("page", "pass"),
        ("decoy", "block"),
    ];
    assert_eq!(verdicts, expected, "without the one that is Base64");
    assert!(
        lines.iter().all(|line| line["micros"].as_f64().unwrap() > 0.0),
        "{lines:?}"
    );
    let rule = |at: usize| lines[at]["rule"].as_str().unwrap_or_default();
    assert!(rule(0).starts_with("sqli/") && rule(1).starts_with("xss/"), "{lines:?}");
    assert_eq!(lines[1]["place"], "body:q");
    assert_eq!(lines[2].get("rule"), None);
}

#[test]
fn a_line_that_is_none_is_named() {
    let (_directory, path) = written("requests.jsonl");
    fs::write(&path, format!("{}nonsense\n", text())).unwrap();
    let (is_well, report) = score(&path, &[]);
    assert!(!is_well && report.contains("line 8"), "{report}");
}
