//! The layers of the settings: gathered from file, environment and code, each with its origin, then merged by the `config` crate.

use std::{fmt, path::Path};

use config::{Config, ConfigError, FileFormat, Source, Value, ValueKind};

use super::{
    Problem, SettingsError,
    environment::Environment,
    files::{self, Files},
    section::{Found, text},
    security::{self, SecurityLayers},
    value::{self, Table},
};
use crate::model::suggest;

/// The tables of a settings file.
const PARTS: [&str; 3] = ["agent", "transport", "security"];

/// All that was said, and by whom. No `Debug`: it holds the agent's key.
#[derive(Default)]
pub(super) struct Layers {
    /// `agent` and `transport` by origin, the strongest last.
    trees: Vec<Tree>,
    /// The security part, which is merged elsewhere: the server's configuration goes between its layers.
    pub(super) security: SecurityLayers,
    pub(super) files: Files,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Layers {
    /// Adds a file, ours or pyrasp's. Where the environment names a file of security settings, the one that this file names is not read.
    pub(super) fn file(&mut self, path: &Path, environment: &Environment) {
        let origin = files::name(path);
        let mut table = match self.files.read(path, None) {
            Ok(table) => table,
            Err(problem) => return self.problems.push(problem),
        };
        if !is_ours(&table) && security::is_pyrasp(&table) {
            return self.security.file(&origin, &table);
        }
        environment.expand(&origin, &mut table, &mut self.problems);
        if let Some(security) = table.remove("security") {
            self.security_table(&origin, &security, environment.security_file.is_some());
        }
        let (tree, others): (Table, Table) = table.into_iter().partition(|(name, _)| PARTS.contains(&name.as_str()));
        self.trees.push(Tree(tree));
        let Found { problems, warnings } = misplaced(&others);
        self.problems.extend(problems);
        self.warnings.extend(warnings);
    }

    /// Adds what the environment says.
    pub(super) fn environment(&mut self, environment: Environment) {
        let Environment {
            tree,
            security,
            security_file,
            config: _,
            mut problems,
            mut warnings,
            all: _,
        } = environment;
        self.problems.append(&mut problems);
        self.warnings.append(&mut warnings);
        self.trees.push(Tree(tree));
        if let Some(path) = security_file.filter(|path| !path.as_os_str().is_empty()) {
            self.security_file(&path);
        }
        self.security.variables(security);
    }

    /// Adds what the host's code says.
    pub(super) fn code(&mut self, tree: Table) {
        self.trees.push(Tree(tree));
    }

    /// Merges table by table, the later over the earlier; a list replaces a list.
    pub(super) fn merge(&mut self) -> Result<Value, SettingsError> {
        let trees = std::mem::take(&mut self.trees);
        let builder = trees
            .iter()
            .fold(Config::builder(), |builder, tree| builder.add_source(tree.clone()));
        let failed = |error: ConfigError| Problem::new("settings", "", error.to_string(), "layers that can be merged");
        let mut merged = builder.build().map_err(failed)?.cache;
        for Tree(tree) in &trees {
            name_tables(&mut merged, tree);
        }
        Ok(merged)
    }

    /// `[security]` of a settings file. What it says itself goes over the file that it names.
    fn security_table(&mut self, origin: &str, security: &Value, replaced: bool) {
        if security.kind == ValueKind::Nil {
            return;
        }
        let Some(table) = value::table(security) else {
            let found = value::describe(security);
            return self.problems.push(Problem::new(origin, "security", found, "a table"));
        };
        let (named, table): (Table, Table) = table
            .clone()
            .into_iter()
            .partition(|(key, _)| key.eq_ignore_ascii_case("file"));
        for (key, named) in named
            .iter()
            .filter(|(_, named)| !replaced && named.kind != ValueKind::Nil)
        {
            match text(named) {
                Some("") => {}
                Some(path) => self.security_file(&self.files.resolve(Some(origin), path)),
                None => {
                    let found = value::describe(named);
                    self.problems
                        .push(Problem::new(origin, format!("security.{key}"), found, "a path"));
                }
            }
        }
        self.security.table(origin, &table);
    }

    /// A file of pyrasp's keys. pyrasp reads JSON whatever the file is called.
    fn security_file(&mut self, path: &Path) {
        let origin = files::name(path);
        match self.files.read(path, Some(FileFormat::Json)) {
            Ok(table) if is_ours(&table) => {
                let allowed = "pyrasp's keys, bare or under \"config\"";
                self.problems
                    .push(Problem::new(origin, "", "a whole settings file", allowed));
            }
            Ok(table) => self.security.file(&origin, &table),
            Err(problem) => self.problems.push(problem),
        }
    }
}

/// Whether a file's top level is that of a settings file.
fn is_ours(table: &Table) -> bool {
    PARTS.iter().any(|part| table.contains_key(*part))
}

/// Gives tables their origins back: the `config` crate keeps those of leaves alone, and an empty table, or one in the place of a
/// text, could not be named without. A table of several layers is named by the last.
fn name_tables(merged: &mut Value, tree: &Table) {
    let ValueKind::Table(table) = &mut merged.kind else {
        return;
    };
    for (key, value) in tree {
        if let (Some(inner), Some(said)) = (table.get_mut(key), value::table(value)) {
            name_tables(inner, said);
            if value::table(inner).is_some() {
                *inner = Value::new(
                    value.origin().map(str::to_owned).as_ref(),
                    std::mem::take(&mut inner.kind),
                );
            }
        }
    }
}

/// Keys at the top of a settings file that do not belong there.
fn misplaced(others: &Table) -> Found {
    let allowed = PARTS.join(", ");
    let ours = if others.is_empty() {
        Vec::new()
    } else {
        security::own_keys(others)
    };
    let mut all = Found::default();
    for (name, value) in value::sorted(others) {
        let is_security = ours.contains(&name.as_str());
        let found = match is_security {
            true => "a security setting outside of [security]".to_owned(),
            false => suggest::unknown("key", name, &PARTS),
        };
        let problem = Problem::new(value::origin(value), name, found, &allowed);
        all.add_unknown(problem, is_security || suggest::nearest(name, PARTS).is_some());
    }
    all
}

/// What one origin says of `agent` and `transport`.
///
/// The `config` crate reads a file's top-level keys as paths, so that a key with a dot would end up elsewhere: none gets here.
#[derive(Clone)]
struct Tree(Table);

/// The crate asks for it; the agent's key is in the table.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tree(…)")
    }
}

impl Source for Tree {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, ConfigError> {
        Ok(self.0.clone())
    }
}
