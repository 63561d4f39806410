//! A table of options, read by type: each getter knows its key, its default and its range, and [`Section::finish`] names
//! everything that was wrong and everything that nobody asked for.

use std::{fmt, ops::RangeInclusive, path::PathBuf, time::Duration};

use config::{Value, ValueKind};

use super::{
    Problem, SettingsError,
    files::Files,
    units,
    value::{self, Table},
};
use crate::model::suggest;

/// The options of one table, read key by key.
///
/// A getter gives the value, or the default where the key is absent. It gives the default for a wrong value too, and keeps the
/// problem for [`finish`](Self::finish), so that an operator sees all of them at once.
///
/// ```
/// # use std::time::Duration;
/// # use buckler::settings::Settings;
/// let settings = Settings::builder().transport_option("carrier-pigeon", "timeout", "2h").build()?;
/// let mut options = settings.section("carrier-pigeon");
/// let timeout = options.duration("timeout", Duration::from_secs(60), Duration::from_secs(1)..=Duration::from_secs(86_400));
/// let birds = options.u64("birds", 3, 1..=100);
/// options.finish()?;
/// assert_eq!((timeout, birds), (Duration::from_secs(7200), 3));
/// # Ok::<(), buckler::settings::SettingsError>(())
/// ```
#[must_use = "problems are kept until `finish` is called"]
pub struct Section<'a> {
    path: String,
    table: Option<&'a Table>,
    files: &'a Files,
    asked: Vec<&'static str>,
    /// What may stand in the table beside the keys that are asked for, in words.
    others: Option<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Section<'a> {
    /// Opens what is at `path`; `None` where nothing was said.
    pub(super) fn new(path: impl Into<String>, value: Option<&'a Value>, files: &'a Files) -> Self {
        let mut section = Self {
            path: path.into(),
            table: None,
            files,
            asked: Vec::new(),
            others: None,
            problems: Vec::new(),
        };
        match value.map(|value| (value, &value.kind)) {
            None | Some((_, ValueKind::Nil)) => {}
            Some((_, ValueKind::Table(table))) => section.table = Some(table),
            Some((value, _)) => {
                let problem = Problem::new(value::origin(value), &section.path, value::kind_of(value), "a table");
                section.problems.push(problem);
            }
        }
        section
    }

    /// A duration: `"500ms"`, `"10s"`, `"5m"`, or whole seconds.
    pub fn duration(&mut self, key: &'static str, default: Duration, allowed: RangeInclusive<Duration>) -> Duration {
        let read = |value: &Value| {
            let duration = match (text(value), value::integer(value)) {
                (_, Some(number)) => units::seconds(number),
                (Some(text), None) => units::parse_duration(text),
                (None, None) => None,
            };
            duration.filter(|duration| allowed.contains(duration))
        };
        let says = || {
            let [least, most] = [*allowed.start(), *allowed.end()].map(units::show_duration);
            format!("a duration from {least} to {most}, such as \"500ms\", \"10s\", \"5m\", or whole seconds")
        };
        self.read(key, says, read).unwrap_or(default)
    }

    /// A size in bytes: `"32MiB"`, `"64 KiB"`, or whole bytes.
    pub fn bytes(&mut self, key: &'static str, default: usize, allowed: RangeInclusive<usize>) -> usize {
        let read = |value: &Value| {
            let bytes = match (text(value), value::integer(value)) {
                (_, Some(number)) => usize::try_from(number).ok(),
                (Some(text), None) => units::parse_bytes(text).and_then(|bytes| usize::try_from(bytes).ok()),
                (None, None) => None,
            };
            bytes.filter(|bytes| allowed.contains(bytes))
        };
        let says = || {
            let [least, most] = [*allowed.start(), *allowed.end()].map(|end| units::show_bytes(end as u64));
            format!("a size from {least} to {most}, such as \"64KiB\", \"32MiB\", or whole bytes")
        };
        self.read(key, says, read).unwrap_or(default)
    }

    /// A whole number.
    pub fn u64(&mut self, key: &'static str, default: u64, allowed: RangeInclusive<u64>) -> u64 {
        let read = |value: &Value| {
            value::integer(value)
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| allowed.contains(number))
        };
        let says = || format!("a whole number from {} to {}", allowed.start(), allowed.end());
        self.read(key, says, read).unwrap_or(default)
    }

    /// `true` or `false`; a variable may also say `1`, `yes`, `on`, `0`, `no`, `off`.
    pub fn bool(&mut self, key: &'static str, default: bool) -> bool {
        let read = |value: &Value| {
            if let ValueKind::Boolean(flag) = &value.kind {
                Some(*flag)
            } else {
                flag(value::variable_text(value)?)
            }
        };
        self.read(key, || "true or false".to_owned(), read).unwrap_or(default)
    }

    /// A text. An empty one is none.
    pub fn string(&mut self, key: &'static str) -> Option<String> {
        self.read(key, || "a text".to_owned(), |value| text(value).map(str::to_owned))
            .filter(|text| !text.is_empty())
    }

    /// One of a few words.
    pub fn one_of(&mut self, key: &'static str, default: &'static str, allowed: &[&'static str]) -> &'static str {
        let read = |value: &Value| text(value).and_then(|text| allowed.iter().copied().find(|word| *word == text));
        self.read(key, || alternatives(allowed), read).unwrap_or(default)
    }

    /// A path. One that a file names is relative to that file's directory, any other to where the process was started.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let files = self.files;
        let read = |value: &Value| text(value).map(|text| (text.to_owned(), value.origin().map(str::to_owned)));
        let (path, origin) = self.read(key, || "a path".to_owned(), read)?;
        (!path.is_empty()).then(|| files.resolve(origin.as_deref(), &path))
    }

    /// A list of texts; a variable says it with commas, or as JSON.
    pub fn strings(&mut self, key: &'static str) -> Vec<String> {
        self.list(key, "a list of texts", |text| Some(text.to_owned()))
    }

    /// A list of whatever `parse` makes of its texts.
    pub(super) fn list<T>(&mut self, key: &'static str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.asked.push(key);
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(items) = value::items(value) else {
            self.reject_value(key, value, allowed);
            return Vec::new();
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match text(item).and_then(&parse) {
                Some(parsed) => list.push(parsed),
                None => {
                    let place = format!("{}.{key}[{index}]", self.path);
                    self.problems.push(Problem::new(
                        value::origin(value),
                        place,
                        value::describe(item),
                        allowed,
                    ));
                }
            }
        }
        list
    }

    /// Names something wrong with a key that only its reader can see: a file that cannot be read, two options at odds.
    pub fn reject(&mut self, key: &'static str, found: impl fmt::Display, allowed: impl fmt::Display) {
        let neighbours = self.table.map(value::sorted).unwrap_or_default();
        let said = self.value(key).or_else(|| neighbours.first().map(|(_, value)| *value));
        let origin = said.map_or_else(|| "default".to_owned(), value::origin);
        let place = self.place(key);
        self.problems
            .push(Problem::new(origin, place, found.to_string(), allowed.to_string()));
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Names every value of a wrong type or out of range, and every key that no getter asked for.
    pub fn finish(self) -> Result<(), SettingsError> {
        let Found { problems, warnings } = self.into_found().strict();
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        SettingsError::unless_empty(problems)
    }

    /// What is wrong with the table, and what in it means nothing: an unknown key that resembles none, or any in the environment.
    pub(super) fn into_found(mut self) -> Found {
        self.asked.sort_unstable();
        self.asked.dedup();
        let known: Vec<&str> = self.asked.iter().copied().chain(self.others).collect();
        let allowed = if known.is_empty() {
            "no key".to_owned()
        } else {
            known.join(", ")
        };
        let mut found = Found {
            problems: std::mem::take(&mut self.problems),
            warnings: Vec::new(),
        };
        for (key, value) in self.table.map(value::sorted).unwrap_or_default() {
            if !self.asked.contains(&key.as_str()) {
                let problem = Problem::new(
                    value::origin(value),
                    self.place(key),
                    suggest::unknown("key", key, &self.asked),
                    &allowed,
                );
                let resembles = suggest::nearest(key, self.asked.iter().copied()).is_some();
                found.add_unknown(problem, resembles);
            }
        }
        found
    }

    /// Reads one key: `None` where it is absent or null, and where `parse` refuses it, which is then a problem.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        allowed: impl FnOnce() -> String,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        self.asked.push(key);
        let value = self.value(key)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.reject_value(key, value, &allowed());
        }
        parsed
    }

    /// Says in words what else may stand in the table.
    pub(super) const fn allow_others(&mut self, others: &'static str) {
        self.others = Some(others);
    }

    /// Marks a key as known and takes its value as it is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.value(key)
    }

    /// A problem whose `found` may not repeat the value.
    pub(super) fn reject_unseen(&mut self, key: &'static str, value: &Value, found: &str, allowed: &str) {
        let place = self.place(key);
        self.problems
            .push(Problem::new(value::origin(value), place, found, allowed));
    }

    fn reject_value(&mut self, key: &'static str, value: &Value, allowed: &str) {
        self.reject_unseen(key, value, &value::describe(value), allowed);
    }

    fn place(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.table?.get(key).filter(|value| value.kind != ValueKind::Nil)
    }
}

/// What was found wrong, and what is odd.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Found {
    /// Files an unknown key: one in a file that resembles a known one was meant, and so was whatever code says. What stands in the
    /// environment may be meant for somebody else.
    pub(super) fn add_unknown(&mut self, problem: Problem, resembles: bool) {
        let is_variable = problem.origin.starts_with(value::VARIABLE);
        if !is_variable && (resembles || problem.origin == value::CODE) {
            self.problems.push(problem);
        } else {
            self.warnings.push(problem);
        }
    }

    /// The same for a table in a file that nothing but its reader could know a key of.
    pub(super) fn strict(self) -> Self {
        let is_variable = |problem: &Problem| problem.origin.starts_with(value::VARIABLE);
        let (warnings, meant): (Vec<_>, Vec<_>) = self.warnings.into_iter().partition(is_variable);
        Self {
            problems: self.problems.into_iter().chain(meant).collect(),
            warnings,
        }
    }
}

/// Without the values: one may be a secret.
impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A text value.
pub(super) fn text(value: &Value) -> Option<&str> {
    if let ValueKind::String(text) = &value.kind {
        Some(text.trim())
    } else {
        None
    }
}

/// How a variable says yes or no.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// `"a", "b" or "c"`.
pub(super) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
