//! `docs/CONFIGURATION.md`, row by row: a test for each key, through the guard or the agent, and a test that none is left out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by a panic, in its helpers as in itself"
)]

mod access;
mod answers;
mod bans;
mod checks;
mod cloud;
mod leaks;
mod logs;
mod stage;
mod templates;
mod trust;
mod uploads;
mod values;
mod windows;

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use buckler::model::policy::{Check, Policy};

/// Key, default and test of every row.
fn rows() -> Vec<[String; 3]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md");
    let text = fs::read_to_string(path).unwrap();
    let bare = |cell: &str| cell.trim().trim_matches('`').replace('\u{0}', "|");
    let row = |line: &str| {
        let escaped = line.replace(r"\|", "\u{0}");
        let cells: Vec<&str> = escaped.trim_matches('|').split('|').collect();
        let [key, _type, default, _meaning, _difference, test] = cells[..] else {
            panic!("six cells are allowed: {line}");
        };
        [bare(key), bare(default), bare(test)]
    };
    text.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}

/// The names of this program's own tests, as it lists them itself.
fn own_tests() -> BTreeSet<String> {
    let listed = Command::new(env::current_exe().unwrap())
        .arg("--list")
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|name| name.contains("::"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_tables_and_the_tests_agree() {
    let named: BTreeSet<String> = rows().into_iter().map(|[_, _, test]| test).collect();
    let own = own_tests();
    let missing: Vec<_> = named.difference(&own).collect();
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
    let left_out: Vec<_> = own.difference(&named).collect();
    assert!(left_out.is_empty(), "tests without a row: {left_out:?}");
}

#[test]
fn the_tables_hold_every_key_once_with_its_default() {
    let policy = Policy::compile("default", &[]).unwrap();
    let checks = Check::ALL.iter().filter(|check| **check != Check::Blacklist);
    let checks = checks.map(|check| format!("SECURITY_CHECKS.{check}"));
    let templates = ["default", "audit", "monitor", "llm", "mcp", "pyrasp"].map(str::to_owned);
    let mut keys: Vec<String> = policy.raw().keys().cloned().chain(checks).chain(templates).collect();
    keys.sort_unstable();
    let rows = rows();
    let mut named: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    named.sort_unstable();
    assert_eq!(named, keys);
    for [key, default, _] in rows {
        let value = match key.split_once('.') {
            Some((object, check)) => policy.raw()[object].get(check),
            None => policy.raw().get(&key),
        };
        let is_told = !default.is_empty() && !default.starts_with("those") && !default.starts_with("as ");
        if let Some(value) = value.filter(|_| is_told) {
            assert_eq!(
                &serde_json::from_str::<serde_json::Value>(&default).unwrap(),
                value,
                "{key}"
            );
        }
    }
}
