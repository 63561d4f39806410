//! The documents against the repository: links, paths and names in them exist, and their words are
//! the field's.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders of the repository, as documents name paths in them.
const ROOTS: [&str; 9] = [
    ".ci/",
    ".github/",
    "adapters/",
    "agent-core/",
    "docs/",
    "examples/",
    "server/",
    "tests/",
    "transports/",
];

/// Words of a dialect that no other project writes.
const BANNED: [&str; 10] = [
    "whoever",
    "whomever",
    "nobody",
    "somebody",
    "anew",
    "thrice",
    "lest",
    "undressed",
    "shut out",
    "for ever",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every document, with its path below the root and its text.
fn documents() -> Vec<(PathBuf, String)> {
    let folders = ["", "agent-core/waf", "docs", "docs/adr", "tests/fuzz"];
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 20, "{} documents", found.len());
    found
}

/// The text without fenced blocks.
fn prose(text: &str) -> String {
    let mut is_fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        if !is_fenced && !is_fence {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// What stands between single backticks.
fn code_spans(text: &str) -> Vec<String> {
    prose(text)
        .lines()
        .flat_map(|line| {
            line.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The anchors of a document, as GitHub makes them of headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text);
    let headings = headings.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn docs_links_lead_to_what_exists() {
    let mut broken = Vec::new();
    for (document, text) in documents() {
        let folder = document.parent().unwrap();
        for link in prose(&text).split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                document.clone()
            } else {
                folder.join(file)
            };
            let Ok(linked) = fs::read(root().join(&path)) else {
                broken.push(format!("{}: {target}", document.display()));
                continue;
            };
            if !anchor.is_empty()
                && !anchors(&String::from_utf8_lossy(&linked))
                    .iter()
                    .any(|known| known == anchor)
            {
                broken.push(format!("{}: {target}: no such heading", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A path with `{a,b}` in it, as the paths that it stands for.
fn expanded(path: &str) -> Vec<String> {
    match path
        .split_once('{')
        .and_then(|(head, rest)| Some((head, rest.split_once('}')?)))
    {
        Some((head, (choices, tail))) => choices
            .split(',')
            .map(|choice| format!("{head}{choice}{tail}"))
            .collect(),
        None => vec![path.to_owned()],
    }
}

#[test]
fn docs_paths_exist_in_the_repository() {
    let mut missing = Vec::new();
    for (document, text) in documents() {
        // the changelog names what was there at its time
        if document == Path::new("CHANGELOG.md") {
            continue;
        }
        for span in code_spans(&text) {
            let path = span.split("::").next().unwrap();
            let is_path = ROOTS.iter().any(|root| path.starts_with(root)) && !path.contains([' ', '*', '…', '<', '(']);
            if is_path {
                let paths = expanded(path).into_iter().filter(|path| !root().join(path).exists());
                missing.extend(paths.map(|path| format!("{}: {path}", document.display())));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The text of a file, or of every Rust source below a folder.
fn sources(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| sources(&path))
        .collect()
}

#[test]
fn docs_glossary_names_types_that_exist() {
    let text = fs::read_to_string(root().join("docs/GLOSSARY.md")).unwrap();
    let mut terms = 0;
    for line in text.lines().filter(|line| line.contains("` | `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [term, meaning, name, place] = cells[..] else {
            panic!("four cells are allowed: {line}");
        };
        let (name, place) = (name.trim_matches('`'), place.trim_matches('`'));
        let code = sources(&root().join(place));
        let is_declared = ["struct", "enum", "trait", "type"].iter().any(|kind| {
            code.split(&format!("{kind} {name}"))
                .skip(1)
                .any(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        });
        assert!(is_declared, "{term}: no {name} is declared in {place}");
        assert!(!meaning.is_empty(), "{term} has no meaning");
        terms += 1;
    }
    assert!(terms >= 40, "{terms} terms");
}

/// The names of settings that a source reads: the first argument of a section's methods.
fn settings_read_in(path: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let methods = [
        "path", "string", "strings", "bool", "list", "u64", "one_of", "duration", "bytes", "take", "read",
    ];
    let mut found = Vec::new();
    for method in methods {
        let call = format!(".{method}(");
        let calls = code.split(&call).skip(1);
        let names = calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        found.extend(names.map(str::to_owned));
    }
    found
}

#[test]
fn docs_settings_have_a_row_each() {
    let page = fs::read_to_string(root().join("docs/CONFIGURATION.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let named: Vec<&str> = rows
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .collect();
    let mut read = 0;
    for source in [
        "agent-core/src/settings/agent.rs",
        "agent-core/src/settings/floor.rs",
        "agent-core/src/settings/signing.rs",
        "transports/connection/src/options/mod.rs",
        "transports/http-polling/src/options/mod.rs",
        "transports/websocket/src/options.rs",
        "transports/src/auto/mod.rs",
    ] {
        for setting in settings_read_in(source) {
            assert!(
                named.contains(&setting.as_str()),
                "docs/CONFIGURATION.md has no row for {setting}, which {source} reads"
            );
            read += 1;
        }
    }
    assert!(read > 30, "{read} settings");
}

#[test]
fn docs_status_fields_are_all_described() {
    let page = fs::read_to_string(root().join("docs/OPERATING.md")).unwrap();
    let spans = code_spans(&page);
    let described: Vec<&str> = spans.iter().flat_map(|span| span.split(['.', ' '])).collect();
    let mut fields = 0;
    for source in ["agent-core/src/status/mod.rs", "agent-core/src/status/clients.rs"] {
        let text = fs::read_to_string(root().join(source)).unwrap();
        let public = text.lines().filter_map(|line| line.strip_prefix("    pub "));
        // fields of a tripped breaker speak for themselves
        for field in public.filter_map(|line| line.split_once(": ")).map(|(name, _)| name) {
            let is_field = field.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if is_field && !["share", "clients", "revision"].contains(&field) {
                assert!(
                    described.contains(&field),
                    "docs/OPERATING.md does not say what {field} is ({source})"
                );
                fields += 1;
            }
        }
    }
    assert!(fields > 60, "{fields} fields");
}

#[test]
fn docs_readme_stays_a_door() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let words = text.split_whitespace().count();
    assert!(
        words <= 700,
        "README.md has {words} words, allowed are 700: the rest belongs into docs/"
    );
    for command in ["cargo run --release --bin tour -- --once", "cargo test --workspace"] {
        assert!(text.contains(command), "README.md lacks the command {command}");
    }
}

#[test]
fn docs_words_are_the_fields() {
    let mut found = Vec::new();
    for (document, text) in documents() {
        if document == Path::new("CHANGELOG.md") {
            continue;
        }
        let text = prose(&text).to_lowercase();
        for (number, line) in text.lines().enumerate() {
            // names of tests and keys stand between backticks
            let words = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
            let words = format!(" {} ", words.replace(|c: char| !c.is_alphanumeric(), " "));
            let banned = BANNED.iter().filter(|word| words.contains(&format!(" {word} ")));
            found.extend(banned.map(|word| format!("{}, line {}: {word}", document.display(), number + 1)));
        }
    }
    assert!(found.is_empty(), "say it in the field's words:\n{}", found.join("\n"));
}
