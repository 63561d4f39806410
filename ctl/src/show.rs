//! Tables for people, JSON for programs. What clients sent is shown as text and nothing else: it
//! may hold what moves a terminal's cursor, or hides what follows.

use std::{
    borrow::Cow,
    io::{self, Write as _},
};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::{Answer, Failure};

/// How answers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Tables and sentences, for people
    #[default]
    Text,
    /// What the server said, for programs
    Json,
}

/// Where answers are written.
#[derive(Debug)]
pub(crate) struct Screen {
    output: Output,
    out: io::Stdout,
    err: io::Stderr,
}

impl Screen {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            output,
            out: io::stdout(),
            err: io::stderr(),
        }
    }

    /// Whether a program reads.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Writes JSON, for programs.
    pub(crate) fn json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{value:#}")
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", plain(text))
    }

    /// Writes what was done: in words, or what the server said of it.
    pub(crate) fn done(&mut self, said: &Value, words: &str) -> Result<Answer, Failure> {
        if self.is_json() {
            self.json(said)?;
        } else {
            self.line(words)?;
        }
        Ok(Answer::Yes)
    }

    /// Writes what is not the answer itself: progress, what was left out.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{}", plain(text))
    }

    /// Writes rows under a head; nothing but a sentence where there are none.
    pub(crate) fn table<const N: usize>(
        &mut self,
        head: [&str; N],
        rows: Vec<[String; N]>,
        empty: &str,
    ) -> io::Result<()> {
        if rows.is_empty() {
            return self.line(empty);
        }
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(head);
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        for row in rows {
            table.add_row(row.map(|cell| plain(&cell).into_owned()));
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A text without characters that a terminal obeys, or that turn the direction of what follows.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(obeyed) {
        text.chars().map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect()
    } else {
        Cow::Borrowed(text)
    }
}

/// A member, or null where there is none.
pub(crate) fn at<'v>(value: &'v Value, member: &str) -> &'v Value {
    value.get(member).unwrap_or(&Value::Null)
}

/// The items of a list, taken out of an answer.
pub(crate) fn taken(answer: &mut Value, member: &str) -> Vec<Value> {
    match answer.get_mut(member) {
        Some(Value::Array(items)) => std::mem::take(items),
        Some(_) | None => Vec::new(),
    }
}

/// The text of a member, and nothing where there is none.
pub(crate) fn text(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A time in the two largest units that it has: `3d 4h`.
pub(crate) fn duration(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let (mut rest, mut parts) = (seconds, Vec::new());
    for (unit, size) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 || (unit == "s" && parts.is_empty()) {
            parts.push(format!("{count}{unit}"));
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

/// Shows what an answer lists, a row for each.
pub(crate) fn tabled<const N: usize>(
    mut answer: Value,
    member: &str,
    (head, empty): ([&str; N], &str),
    row: impl Fn(&Value) -> [String; N],
    screen: &mut Screen,
) -> Result<Answer, Failure> {
    if screen.is_json() {
        screen.json(&answer)?;
    } else {
        let rows = taken(&mut answer, member).iter().map(row).collect();
        screen.table(head, rows, empty)?;
    }
    Ok(Answer::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_written() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\n\u{202e}c"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c"
        );
        assert!(matches!(plain("/sök?q=1"), Cow::Borrowed(_)));
    }

    #[test]
    fn times_are_short() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (3_600, "1h"),
            (3_661, "1h 1m"),
            (90_061, "1d 1h"),
            (604_800, "7d"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }
}
