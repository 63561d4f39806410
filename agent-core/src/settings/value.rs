//! The `config` crate's value tree as this module uses it: who said a value, what to call it, and its JSON form.

use config::{Map, Value, ValueKind};

/// A table of settings.
pub(super) type Table = Map<String, Value>;

/// How the origin of a value from the environment begins; the variable's name follows.
pub(super) const VARIABLE: &str = "environment variable ";

/// The origin of what the host's code says.
pub(super) const CODE: &str = "code";

/// The most characters of a text that a problem repeats: enough to find it again.
const SHOWN: usize = 80;

/// Who said a value.
pub(super) fn origin(value: &Value) -> String {
    value.origin().unwrap_or("settings").to_owned()
}

/// A table's entries by name: the crate's map has an order of its own at every run.
pub(super) fn sorted(table: &Table) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// The entries of a table.
pub(super) const fn table(value: &Value) -> Option<&Table> {
    if let ValueKind::Table(table) = &value.kind {
        Some(table)
    } else {
        None
    }
}

/// The text of a variable, which any type may be read from. A file's text is text and nothing else.
pub(super) fn variable_text(value: &Value) -> Option<&str> {
    let variable = value.origin().is_some_and(|origin| origin.starts_with(VARIABLE));
    if let ValueKind::String(text) = &value.kind {
        variable.then(|| text.trim())
    } else {
        None
    }
}

/// An integer. Those beyond `i64` are no setting's value.
pub(super) fn integer(value: &Value) -> Option<i64> {
    if let ValueKind::I64(number) = &value.kind {
        Some(*number)
    } else {
        variable_text(value)?.parse().ok()
    }
}

/// What was found, for a problem.
pub(super) fn describe(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => {
            let shown: String = text.chars().take(SHOWN).collect();
            let more = if shown.len() < text.len() { " …" } else { "" };
            format!("the text {shown:?}{more}")
        }
        ValueKind::Boolean(flag) => format!("{flag}"),
        ValueKind::I64(number) => format!("the number {number}"),
        ValueKind::U64(number) => format!("the number {number}"),
        ValueKind::I128(number) => format!("the number {number}"),
        ValueKind::U128(number) => format!("the number {number}"),
        ValueKind::Float(number) => format!("the number {number:?}"),
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => kind_of(value).to_owned(),
    }
}

/// What kind of value was found, and nothing of it: for places where a secret belongs.
pub(super) const fn kind_of(value: &Value) -> &'static str {
    match value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_) | ValueKind::Float(_) => {
            "a number"
        }
        ValueKind::String(_) => "a text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}

/// The JSON form. A number that JSON lacks (infinite, not a number) becomes its text, which no numeric key accepts.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match &value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(flag) => Json::Bool(*flag),
        ValueKind::I64(number) => Json::from(*number),
        ValueKind::U64(number) => Json::from(*number),
        ValueKind::I128(number) => Json::String(number.to_string()),
        ValueKind::U128(number) => Json::String(number.to_string()),
        ValueKind::Float(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        ValueKind::String(text) => Json::String(text.clone()),
        ValueKind::Table(table) => {
            Json::Object(table.iter().map(|(key, inner)| (key.clone(), to_json(inner))).collect())
        }
        ValueKind::Array(items) => Json::Array(items.iter().map(to_json).collect()),
    }
}

/// A value that `origin` said, from its JSON form.
pub(super) fn from_json(origin: &str, json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match json {
        Json::Null => ValueKind::Nil,
        Json::Bool(flag) => ValueKind::Boolean(flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => ValueKind::I64(number),
            (None, Some(number)) => ValueKind::U64(number),
            (None, None) => ValueKind::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => ValueKind::String(text),
        Json::Array(items) => ValueKind::Array(items.into_iter().map(|item| from_json(origin, item)).collect()),
        Json::Object(map) => ValueKind::Table(
            map.into_iter()
                .map(|(key, inner)| (key, from_json(origin, inner)))
                .collect(),
        ),
    };
    Value::new(Some(&origin.to_owned()), kind)
}

/// The items of a list; of a variable's text they are separated by commas, or a JSON list.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    if let ValueKind::Array(items) = &value.kind {
        return Some(items.clone());
    }
    let text = variable_text(value)?;
    let origin = origin(value);
    if text.starts_with('[') {
        let items: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
        return Some(items.into_iter().map(|item| from_json(&origin, item)).collect());
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(items.map(|item| from_json(&origin, item.into())).collect())
}
