//! `docs/FAULTS.md` against the tests as they are: none that it names is missing, and none of the fault tests is left out.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

const TRANSPORTS: [&str; 2] = ["http_polling", "websocket"];

/// What a column may say, and whether the behaviour is then tried over its transport.
const STATES: [(&str, bool); 4] = [
    ("passes", true),
    ("no part", false),
    ("none", false),
    ("not yet", false),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Fault, promise, tests, and one column for each transport.
struct Row {
    line: String,
    tests: Vec<String>,
    columns: [String; 2],
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/FAULTS.md")).unwrap();
    let rows: Vec<Row> = text
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(row)
        .collect();
    assert!(rows.len() > 40, "{} rows", rows.len());
    rows
}

/// A row of a table, unless it is its head.
fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [fault, _promise, tests, polling, websocket] = cells[..] else {
        panic!("five cells are allowed: {line}");
    };
    // names are the odd pieces between backticks
    let names = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (fault != "fault").then(|| Row {
        line: line.to_owned(),
        tests: names,
        columns: [polling, websocket].map(str::to_owned),
    })
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
        .map(str::to_owned)
        .collect()
}

/// `module::behaviour` over a transport is the test `module::transport::behaviour`.
fn over(behaviour: &str, transport: &str) -> String {
    let (module, name) = behaviour.rsplit_once("::").unwrap();
    format!("{module}::{transport}::{name}")
}

#[test]
fn every_test_of_the_table_is_there() {
    let own = own_tests();
    for Row { line, tests, columns } in rows() {
        let states = columns
            .each_ref()
            .map(|column| STATES.iter().find(|(name, _)| name == column));
        let named = states
            .each_ref()
            .map(|state| state.unwrap_or_else(|| panic!("{columns:?} in {line}")));
        let is_due = named.iter().any(|(name, _)| *name == "not yet");
        assert!(is_due || !tests.is_empty(), "no test in {line}");
        for test in &tests {
            if let Some((file, name)) = test.split_once(".rs::") {
                let text = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
                let head = format!("fn {name}()");
                let above = text.split(&head).next().unwrap_or_default();
                assert!(text.contains(&head), "{test} is not there: {line}");
                let last = above
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty() && !line.contains("async"));
                assert!(
                    last.is_some_and(|line| line.contains("test]")),
                    "{test} is no test: {line}"
                );
                continue;
            }
            for (transport, (_, is_tried)) in TRANSPORTS.iter().zip(named) {
                let name = over(test, transport);
                assert!(
                    !is_tried || own.contains(test) || own.contains(&name),
                    "{name} is not there: {line}"
                );
            }
            let stands_for_both = own.contains(test) || TRANSPORTS.iter().any(|name| own.contains(&over(test, name)));
            assert!(stands_for_both, "{test} is not there: {line}");
        }
    }
}

#[test]
fn every_test_of_a_fault_is_in_the_table() {
    let named: BTreeSet<String> = rows().into_iter().flat_map(|row| row.tests).collect();
    for test in own_tests() {
        // what runs alone is run by a test that is named
        if !test.starts_with("faults::") || test.ends_with("_alone") {
            continue;
        }
        let behaviour = TRANSPORTS.iter().fold(test.clone(), |test, name| {
            test.rsplit_once(&format!("::{name}::"))
                .map_or_else(|| test.clone(), |(module, behaviour)| format!("{module}::{behaviour}"))
        });
        assert!(
            named.contains(&behaviour) || named.contains(&test),
            "docs/FAULTS.md does not name {behaviour}"
        );
    }
}
