//! What people know the agent by: `name`, `labels`, `host_name`, `release` and `environment` of
//! `[agent]`.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

use super::{
    section::{Section, flag, text},
    value,
};
use crate::protocol::v2::{Identity, MAX_IDENTITY_BYTES, MAX_LABELS, is_shown};

/// What is said of the machine's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostName {
    /// The one that the system has.
    #[default]
    Found,
    /// None: it is not told.
    Hidden,
    /// This one.
    Said(String),
}

/// Reads what is said of it; the machine's name is found when the agent starts.
pub(super) fn read(section: &mut Section<'_>) -> (Identity, HostName) {
    let [name, release, environment] = ["name", "release", "environment"].map(|key| line(section, key));
    let identity = Identity {
        name,
        host: None,
        release,
        environment,
        labels: labels(section),
    };
    (identity, host_name(section))
}

/// Whether a text is within what is told to a server.
fn fits(text: &str) -> bool {
    text.len() <= MAX_IDENTITY_BYTES && text.chars().all(is_shown)
}

fn line(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    let read = |value: &Value| text(value).filter(|text| fits(text)).map(str::to_owned);
    let allowed = || format!("a text of up to {MAX_IDENTITY_BYTES} bytes in one line");
    section.read(key, allowed, read).filter(|text| !text.is_empty())
}

fn host_name(section: &mut Section<'_>) -> HostName {
    let read = |value: &Value| {
        let found = if let ValueKind::Boolean(found) = value.kind {
            Some(found)
        } else {
            value::variable_text(value).and_then(flag)
        };
        if let Some(found) = found {
            return Some(found.then_some(HostName::Found));
        }
        let said = text(value)?;
        fits(said).then(|| (!said.is_empty()).then(|| HostName::Said(said.to_owned())))
    };
    let allowed = || format!("true, false, or a name of up to {MAX_IDENTITY_BYTES} bytes in one line");
    section
        .read("host_name", allowed, read)
        .map_or(HostName::Found, |said| said.unwrap_or(HostName::Hidden))
}

fn labels(section: &mut Section<'_>) -> BTreeMap<String, String> {
    let read = |value: &Value| {
        let labels = match value::table(value) {
            Some(table) => of_table(table),
            None => of_variable(value::variable_text(value)?),
        }?;
        let fit = |(key, value): (&String, &String)| !key.is_empty() && fits(key) && fits(value);
        (labels.len() <= MAX_LABELS && labels.iter().all(fit)).then_some(labels)
    };
    let allowed = || {
        format!(
            "a table of up to {MAX_LABELS} texts by name, each of up to {MAX_IDENTITY_BYTES} bytes in one line; in a variable \
             \"tier=web, zone=eu\", or JSON"
        )
    };
    section.read("labels", allowed, read).unwrap_or_default()
}

/// Numbers and switches are the texts that they are written as.
fn of_table(table: &value::Table) -> Option<BTreeMap<String, String>> {
    let label = |(key, value): (&String, &Value)| {
        let said = match (text(value), &value.kind) {
            (Some(text), _) => text.to_owned(),
            (None, ValueKind::Boolean(flag)) => flag.to_string(),
            (None, _) => value::integer(value)?.to_string(),
        };
        Some((key.trim().to_owned(), said))
    };
    table.iter().map(label).collect()
}

fn of_variable(text: &str) -> Option<BTreeMap<String, String>> {
    if text.starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let label = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    pairs.map(label).collect()
}
