//! `[transport]`: which transport carries the conversation, and the options of each.

use std::{fmt, path::PathBuf};

use config::{Value, ValueKind};

use super::{
    Problem, SettingsError,
    files::Files,
    section::{Found, Section, alternatives, text},
    value::{self, Table},
};
use crate::model::suggest;

/// The transport that is used where none is named.
const DEFAULT_KIND: &str = "http-polling";

/// Which transport carries the conversation, and the options of every transport that has a table.
///
/// A table for a transport that is not in use is allowed, so that an operator switches by changing one line.
#[derive(Clone)]
pub struct TransportSettings {
    kind: String,
    /// Who named the kind.
    origin: String,
    options: Table,
    files: Files,
}

impl TransportSettings {
    /// Reads the table, and says what is wrong with it. Options are judged later, by the transport that they are for.
    pub(super) fn read(value: Option<&Value>, files: &Files) -> (Self, Found) {
        let (options, own) = split(value);
        let mut section = Section::new("transport", Some(&own), files);
        section.allow_others("a table for each transport");
        let origin = section.take("kind").map_or_else(|| "default".to_owned(), value::origin);
        let kind = section.string("kind").unwrap_or_else(|| DEFAULT_KIND.to_owned());
        let found = section.into_found().strict();
        (
            Self {
                kind,
                origin,
                options,
                files: files.clone(),
            },
            found,
        )
    }

    /// The name of the transport in use.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The files that options name: certificates and keys.
    pub(super) fn named_files(&self) -> Vec<PathBuf> {
        let tables = self.options.values().filter_map(value::table);
        let paths = tables.flat_map(Table::values).filter_map(|option| {
            let text = text(option).filter(|text| !text.is_empty())?;
            Some(self.files.resolve(option.origin(), text))
        });
        paths.filter(|path| path.is_file()).collect()
    }

    /// The options of one transport: `[transport.<kind>]`.
    pub fn section(&self, kind: &str) -> Section<'_> {
        Section::new(format!("transport.{kind}"), self.options.get(kind), &self.files)
    }

    /// Whether `kind` and every table are of a transport that exists: only who builds the transports knows.
    ///
    /// # Errors
    /// Names the unknown ones, with the kinds there are.
    pub fn check_kinds(&self, known: &[&str]) -> Result<(), SettingsError> {
        let mut problems = Vec::new();
        if !known.contains(&self.kind.as_str()) {
            let found = suggest::unknown("transport", &self.kind, known);
            let found = format!("the text {:?}, {found}", self.kind);
            problems.push(Problem::new(&self.origin, "transport.kind", found, alternatives(known)));
        }
        for (name, options) in value::sorted(&self.options) {
            if !known.contains(&name.as_str()) {
                let found = suggest::unknown("transport", name, known);
                let key = format!("transport.{name}");
                problems.push(Problem::new(value::origin(options), key, found, known.join(", ")));
            }
        }
        SettingsError::unless_empty(problems)
    }
}

impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = value::sorted(&self.options);
        let options: Vec<_> = options.iter().map(|(name, table)| (name, shown(table))).collect();
        f.debug_struct("TransportSettings")
            .field("kind", &self.kind)
            .field("options", &options)
            .finish()
    }
}

/// A transport's options for a print. Secrets are left out by their names: only the transport knows what its options hold.
fn shown(options: &Value) -> String {
    let Some(table) = value::table(options) else {
        return String::new();
    };
    let is_secret = |name: &str| {
        ["key", "password", "secret", "token"]
            .iter()
            .any(|word| name.contains(word))
    };
    let options = value::sorted(table).into_iter().map(|(name, option)| {
        let option = if is_secret(name) {
            "…".into()
        } else {
            value::to_json(option)
        };
        (name.clone(), option)
    });
    serde_json::Value::Object(options.collect()).to_string()
}

/// The options' tables by their transport, and what `[transport]` says itself.
fn split(value: Option<&Value>) -> (Table, Value) {
    let Some(value) = value else {
        return (Table::new(), Value::default());
    };
    let ValueKind::Table(table) = &value.kind else {
        return (Table::new(), value.clone());
    };
    let is_options = |name: &str, value: &Value| name != "kind" && matches!(value.kind, ValueKind::Table(_));
    let (options, own): (Table, Table) = table
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .partition(|(name, value)| is_options(name, value));
    (options, Value::new(None, own))
}
