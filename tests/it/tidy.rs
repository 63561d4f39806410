//! The invariants of `docs/ARCHITECTURE.md`, held against the sources as they are.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines that a file may have above its tests.
const LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests live in the workspace")
        .to_owned()
}

/// Every Rust source below `folder`, with its path relative to the root and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path
                    .file_name()
                    .is_some_and(|name| name != "target" && name != "corpus")
                {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn workspace() -> Vec<(String, String)> {
    ["agent-core", "transports", "adapters", "server", "examples", "tests"]
        .iter()
        .flat_map(|f| sources(f))
        .collect()
}

/// The part of a source above its unit tests, without comments.
fn code(text: &str) -> String {
    let above = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    above
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Fails naming every file below `folder` whose code holds one of `words`.
#[track_caller]
fn nowhere(folder: &str, words: &[&str], why: &str) {
    let found: Vec<String> = sources(folder)
        .iter()
        .filter(|(name, _)| !name.ends_with("tests.rs") && !name.contains("/tests/") && !name.contains("/benches/"))
        .flat_map(|(name, text)| {
            let code = code(text);
            words
                .iter()
                .filter(move |word| code.contains(*word))
                .map(move |word| format!("{name}: {word}"))
        })
        .collect();
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

#[test]
fn the_guard_never_waits() {
    let words = [".await", "async ", "Mutex", "RwLock", "block_on", "actix"];
    nowhere(
        "agent-core/src/guard",
        &words,
        "what runs on every request must not wait",
    );
}

#[test]
fn the_model_and_the_engine_are_pure() {
    let words = [
        "async ",
        "Instant::now",
        "SystemTime::now",
        "tokio",
        "actix",
        "std::fs",
        "std::net::Tcp",
        "tracing",
    ];
    for folder in ["agent-core/src/model", "agent-core/waf/src"] {
        nowhere(
            folder,
            &words,
            "the model and the engine have no clock, no I/O and no async",
        );
    }
}

#[test]
fn the_engine_knows_nothing_of_the_agent() {
    nowhere(
        "agent-core/waf/src",
        &["buckler::", "buckler_", "serde"],
        "the engine owns its options and knows no configuration",
    );
}

#[test]
fn only_the_request_guard_publishes_and_drains() {
    for (name, text) in sources("agent-core/src") {
        let code = code(&text);
        let owner = name.ends_with("actors/request_guard.rs");
        let is_itself = name.contains("/guard/") || name.ends_with("tests.rs");
        if !owner && !is_itself {
            assert!(!code.contains(".publish(Arc"), "{name} publishes a snapshot");
            assert!(!code.contains("intake.pop("), "{name} drains the intake");
        }
    }
}

#[test]
fn actors_hold_recipients_and_never_push_past_a_mailbox() {
    nowhere(
        "agent-core/src/actors",
        &["do_send(", ".send_blocking("],
        "actors speak through `Recipient` and `try_send`",
    );
}

#[test]
fn nobody_names_whom_he_must_not_know() {
    let actors = [
        "ConfigFetcher",
        "BlacklistSync",
        "TelemetryReporter",
        "RequestGuard",
        "CloudLink",
    ];
    let with = |more: &[&'static str]| [&actors[..], more].concat();
    nowhere(
        "transports",
        &with(&["actix::", "buckler::guard", "buckler::model", "buckler_waf"]),
        "a transport knows the protocol and the port",
    );
    nowhere(
        "adapters",
        &with(&["actix::", "buckler_waf", "http_polling", "HttpPolling"]),
        "an adapter knows the agent, the guard and its types",
    );
    nowhere(
        "server",
        &with(&["actix::", "buckler::guard", "buckler::Agent"]),
        "the server knows the protocol and the model",
    );
}

#[test]
fn every_file_says_what_lives_there_and_stays_small() {
    let mut wrong = Vec::new();
    for (name, text) in workspace() {
        if !text.starts_with("//!") && !text.starts_with("#!") {
            wrong.push(format!("{name} does not open with //!"));
        }
        let is_test = name.starts_with("tests/it") || name.contains("/tests/") || name.ends_with("tests.rs");
        let above = text
            .split(
                "#[cfg(test)]
mod tests",
            )
            .next()
            .unwrap_or(&text);
        let lines = above.lines().count();
        if lines > LINES && !is_test {
            wrong.push(format!("{name} has {lines} lines above its tests, allowed are {LINES}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_stub_is_left() {
    // put together here, so that this file does not find itself
    let words = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    for (name, text) in workspace() {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{name}: {word}");
        }
    }
}
