//! The examples of the documentation, with what they print: of a server with one agent, which has
//! refused one request and proposes one ban.
//!
//! What is another with each run stands in the documentation as an example, and is taken for the
//! real one once both were printed at the same place: ids, secrets, versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use buckler_server::ServerConfig;
use serde_json::json;

use crate::stage::{Stage, two_fleets};

/// What stands for what, by the words of the documentation.
#[derive(Default)]
struct Meant(BTreeMap<String, String>);

/// What a word is that is another with each run.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// The id of a key or token, or a hash.
    Digits(usize),
    /// A key or token.
    Secret,
    /// The last characters of one.
    Tail,
    /// A version, or a number of bytes.
    Number,
    /// How long ago, in seconds.
    Seconds,
    /// Bytes in Base64, as keys that sign have them.
    PublicKey,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        let is_hex = word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let seconds = word.strip_suffix('s').filter(|number| !number.is_empty());
        if word.starts_with("bka_") || word.starts_with("bkt_") {
            Some(Self::Secret)
        } else if word.starts_with('…') {
            Some(Self::Tail)
        } else if word.starts_with("ed25519:") {
            Some(Self::PublicKey)
        } else if word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            Some(Self::Number)
        } else if is_hex && matches!(word.len(), 12 | 64) {
            Some(Self::Digits(word.len()))
        } else if seconds.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            Some(Self::Seconds)
        } else {
            None
        }
    }
}

impl Meant {
    /// Whether a printed word is what the documentation says.
    fn is(&mut self, shown: &str, printed: &str) -> bool {
        let bare = |word: &str| word.trim_matches(|c| "()[]{},.:;\"`".contains(c)).to_owned();
        let (said, real) = (bare(shown), bare(printed));
        if shown == printed {
            return true;
        }
        let kind = Kind::of(&said);
        if kind.is_none() || kind != Kind::of(&real) {
            return false;
        }
        let is_any = matches!(kind, Some(Kind::Seconds | Kind::Secret | Kind::Tail));
        is_any || *self.0.entry(said).or_insert_with(|| real.clone()) == real
    }

    /// A command of the documentation, of what is really there.
    fn command(&self, shown: &str) -> String {
        let words = shown
            .split(' ')
            .map(|word| self.0.get(word).map_or(word, String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The examples of a text: what is typed, and what is printed.
fn examples(text: &str) -> Vec<(&str, &str)> {
    let blocks = text
        .split("```console\n")
        .skip(1)
        .filter_map(|block| block.split("```").next());
    let typed = blocks.flat_map(|block| block.split("$ ").skip(1));
    typed
        .map(|example| example.split_once('\n').unwrap_or((example, "")))
        .collect()
}

fn stage(home: &Path) -> Stage {
    let stage = Stage::with(ServerConfig {
        data_dir: Some(home.join("data")),
        ..two_fleets()
    });
    let agent = stage.agent();
    agent.refuses(0x0123_4567_89ab_cdef, "198.51.100.7", "sqli/tautology", "/search");
    agent.tells(json!({
        "kind": "ban", "address": "192.0.2.40", "ttl_s": 3_600, "why": "xss", "evidence": "repeated", "peer": "socket",
    }));
    agent.beacon(&json!({"enrol": "5f".repeat(32)}));
    stage
}

#[test]
fn the_documentation_shows_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/BUCKLERCTL.md");
    let text = fs::read_to_string(path).unwrap();
    let home = tempfile::tempdir().unwrap();
    let stage = stage(home.path());
    let (mut meant, mut wrong, mut shown) = (Meant::default(), Vec::new(), BTreeSet::new());
    for (typed, expected) in examples(&text) {
        if let Some(file) = typed.strip_prefix("cat ") {
            stage.file(file, expected);
            continue;
        }
        let command = typed.strip_prefix("bucklerctl ").unwrap();
        let (command, to_file) = command
            .split_once(" > ")
            .map_or((command, None), |(one, file)| (one, Some(file)));
        let (command, lines) = match command.split_once(" | head -") {
            Some((command, lines)) => (command, lines.parse().unwrap()),
            None => (command, usize::MAX),
        };
        shown.insert(words_of(command));
        let done = stage.run(&meant.command(command));
        if let Some(file) = to_file {
            stage.file(file, &done.out);
        }
        let out = if to_file.is_some() { "" } else { &done.out };
        let printed = format!("{out}{}", done.err).replace(&stage.server(), "https://buckler.example.com/");
        let printed: Vec<&str> = printed.trim_end().lines().take(lines).collect();
        let expected: Vec<&str> = expected.trim_end().lines().collect();
        let is_same = printed.len() == expected.len()
            && printed.iter().zip(&expected).all(|(printed, shown)| {
                let (printed, shown): (Vec<_>, Vec<_>) =
                    (printed.split_whitespace().collect(), shown.split_whitespace().collect());
                printed.len() == shown.len() && shown.iter().zip(&printed).all(|(one, other)| meant.is(one, other))
            });
        if !is_same {
            wrong.push(format!("$ {typed}\n{}", printed.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "it prints another thing:\n{}", wrong.join("\n"));
    let missing: Vec<String> = commands(&stage, "")
        .into_iter()
        .filter(|one| !shown.contains(one))
        .collect();
    assert!(missing.is_empty(), "not shown: {missing:?}");
}

/// The command itself, without what it is told: `bans add`.
fn words_of(command: &str) -> String {
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut words = command.split(' ').take_while(is_word);
    match words.next() {
        Some(one) if GROUPS.contains(&one) => format!("{one} {}", words.next().unwrap_or_default()),
        Some(one) => one.to_owned(),
        None => String::new(),
    }
}

/// Commands that have others below them.
const GROUPS: [&str; 9] = [
    "agents",
    "allow",
    "bans",
    "proposals",
    "profiles",
    "keys",
    "credentials",
    "tokens",
    "sign",
];

/// Every command that does something, as the program's own help lists them.
fn commands(stage: &Stage, above: &str) -> BTreeSet<String> {
    let help = stage.run(format!("{above} --help").trim_start());
    let Some((_, listed)) = help.out.split_once("\nCommands:\n") else {
        return BTreeSet::from([above.to_owned()]);
    };
    assert!(
        above.is_empty() || GROUPS.contains(&above),
        "{above} has commands below it"
    );
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    let below = names.flat_map(|name| commands(stage, format!("{above} {name}").trim_start()));
    below.collect()
}
