//! The environment as a layer: `BUCKLER_AGENT__CLOUD_URL`, `BUCKLER_TRANSPORT__HTTP_POLLING__TIMEOUT`, and pyrasp's own names.
//!
//! Two underscores part the levels. A value stays the text that it is until its reader knows the type that it wants. The `config`
//! crate has a source for the environment; this one is our own because each value's origin is its variable's name, an unknown
//! variable is told of, and tests hand in pairs (setting variables is not safe in a process with threads).
//!
//! The environment is not ours alone: Kubernetes writes variables for every service of a namespace (`BUCKLER_PORT_80_TCP` for one that
//! is called `buckler`). What has no section is nothing that anybody set for us, and ends no application.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use config::{Value, ValueKind};

use super::{
    Problem,
    value::{Table, VARIABLE},
};
use crate::model::suggest;

/// How every variable of ours begins.
const PREFIX: &str = "BUCKLER_";

/// Variables of pyrasp by the one of ours that they stand for. They are read first, so that ours win.
const PYRASP: [(&str, &str); 3] = [
    ("PYRASP_CLOUD_URL", "AGENT__CLOUD_URL"),
    ("PYRASP_KEY", "AGENT__KEY"),
    ("PYRASP_CONF", "SECURITY__FILE"),
];

/// What a variable of ours can be called.
const NAMES: &str = "BUCKLER_CONFIG, BUCKLER_AGENT__<KEY>, BUCKLER_TRANSPORT__KIND, BUCKLER_TRANSPORT__<KIND>__<OPTION>, \
     BUCKLER_SECURITY__<KEY>, BUCKLER_SECURITY__SECURITY_CHECKS__<CHECK>";

/// What the environment says. No `Debug`: it holds the agent's key.
#[derive(Default)]
pub(super) struct Environment {
    /// `agent` and `transport`.
    pub(super) tree: Table,
    /// Security settings one by one, so that each keeps its origin.
    pub(super) security: Vec<Variable>,
    /// The file of security settings in the place of the one that the settings file names; empty for none at all.
    pub(super) security_file: Option<PathBuf>,
    /// The settings file.
    pub(super) config: Option<PathBuf>,
    /// What is wrong with it.
    pub(super) problems: Vec<Problem>,
    /// What in it looks as if it were meant for us, and is not read.
    pub(super) warnings: Vec<Problem>,
    /// All of it, for `${NAME}` in a settings file.
    pub(super) all: BTreeMap<String, OsString>,
}

/// A security setting in the environment.
#[derive(Debug)]
pub(super) struct Variable {
    /// `environment variable …`.
    pub(super) origin: String,
    /// The key, in upper case.
    pub(super) key: String,
    /// The check, where the key is `SECURITY_CHECKS` and one check is meant.
    pub(super) check: Option<String>,
    /// The value as it was written.
    pub(super) text: String,
}

impl Environment {
    /// Reads the variables that are meant for the agent, and passes over all others.
    pub(super) fn read<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<OsStr>,
        V: Into<OsString>,
    {
        let mut variables: Vec<(String, OsString)> = variables
            .into_iter()
            .filter_map(|(name, said)| Some((name.as_ref().to_str()?.to_owned(), said.into())))
            .collect();
        variables.sort_unstable();
        let mut environment = Self::default();
        for (name, said) in &variables {
            let stands_for = PYRASP.iter().find(|(theirs, _)| theirs == name);
            if let Some((_, path)) = stands_for.filter(|_| !said.is_empty()) {
                environment.variable(name, path, said);
            }
        }
        for (name, said) in &variables {
            if let Some(path) = name.strip_prefix(PREFIX) {
                environment.variable(name, path, said);
            }
        }
        environment.all = variables.into_iter().collect();
        environment
    }

    /// Files one variable under what its name says.
    fn variable(&mut self, name: &str, path: &str, said: &OsStr) {
        let origin = format!("{VARIABLE}{name}");
        let path = path.to_ascii_lowercase();
        let levels: Vec<&str> = path.split("__").collect();
        match (levels.as_slice(), said.to_str()) {
            (["config"], _) => self.config = Some(PathBuf::from(said)).filter(|path| !path.as_os_str().is_empty()),
            (["security", "file"], _) => self.security_file = Some(PathBuf::from(said)),
            (_, None) => self
                .problems
                .push(Problem::new(origin, "", "a value that is not UTF-8", "a UTF-8 text")),
            (
                ["agent", "uninspected" | "floor" | "signing" | "labels", _] | ["agent", "floor", "levels", _],
                Some(text),
            ) => {
                insert(&mut self.tree, &levels, &origin, text);
            }
            (["agent", key], Some(text)) => insert(&mut self.tree, &["agent", key], &origin, text),
            (["transport", "kind"], Some(text)) => insert(&mut self.tree, &["transport", "kind"], &origin, text),
            (["transport", kind, option], Some(text)) => {
                insert(
                    &mut self.tree,
                    &["transport", &kind.replace('_', "-"), option],
                    &origin,
                    text,
                );
            }
            (["security", "security_checks", check], Some(text)) => {
                self.security(origin, "security_checks", Some(check), text)
            }
            (["security", key], Some(text)) => self.security(origin, key, None, text),
            (_, Some(_)) if is_of_a_service(&path) => {}
            (_, Some(_)) => {
                let found = unknown(name, &path);
                self.warnings.push(Problem::new(origin, "", found, NAMES));
            }
        }
    }

    fn security(&mut self, origin: String, key: &str, check: Option<&str>, text: &str) {
        let (key, check) = (key.to_ascii_uppercase(), check.map(str::to_owned));
        self.security.push(Variable {
            origin,
            key,
            check,
            text: text.to_owned(),
        });
    }
}

/// Whether an orchestrator wrote this variable for a service whose name begins with ours (Kubernetes, "Accessing the service";
/// Docker's links have the same form). What follows the prefix, in lower case.
fn is_of_a_service(path: &str) -> bool {
    let words: Vec<&str> = path.split('_').collect();
    let is_port = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let has_endpoint = words
        .windows(3)
        .any(|window| matches!(window, ["port", number, "tcp" | "udp" | "sctp"] if is_port(number)));
    let has_service = words
        .windows(2)
        .any(|window| matches!(window, ["service", "host" | "port"]));
    has_endpoint || has_service || words.last() == Some(&"port")
}

/// What to say of a variable of ours that means nothing. One underscore in the place of two is the usual slip.
fn unknown(name: &str, path: &str) -> String {
    let doubled = ["agent", "transport", "security"].iter().find_map(|section| {
        let key = path.strip_prefix(section)?.strip_prefix('_')?;
        let is_key = !key.is_empty() && !key.contains("__");
        is_key.then(|| format!("{PREFIX}{}__{}", section, key.trim_start_matches('_')).to_ascii_uppercase())
    });
    match doubled {
        Some(meant) => format!("an unknown variable, not read (did you mean {meant}?)"),
        None => suggest::unknown("variable, not read", name, &EXAMPLES),
    }
}

/// Variables that a slip of the finger is likeliest to have been.
const EXAMPLES: [&str; 5] = [
    "BUCKLER_CONFIG",
    "BUCKLER_AGENT__CLOUD_URL",
    "BUCKLER_AGENT__KEY",
    "BUCKLER_TRANSPORT__KIND",
    "BUCKLER_SECURITY__FILE",
];

/// Puts a text at a path of tables.
fn insert(table: &mut Table, path: &[&str], origin: &String, text: &str) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        table.insert((*first).to_owned(), Value::new(Some(origin), text));
        return;
    }
    let inner = table
        .entry((*first).to_owned())
        .or_insert_with(|| Value::new(Some(origin), Table::new()));
    if let ValueKind::Table(inner) = &mut inner.kind {
        insert(inner, rest, origin, text);
    }
}
