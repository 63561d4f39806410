//! What people know an agent by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What people know an agent by, as its host says it. Nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The application, or this installation of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The machine's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The application's release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Where it runs: `production`, `staging`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whatever else tells agents apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The most labels of an agent.
pub const MAX_LABELS: usize = 16;

/// The longest name, label or value, in bytes: a host's name has up to 253.
pub const MAX_BYTES: usize = 256;

impl Identity {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The labels as people write them: `key:value`, or `key` alone.
    pub fn labels_as_text(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|(key, value)| match value.as_str() {
            "" => key.clone(),
            value => format!("{key}:{value}"),
        })
    }

    /// Whether there is such a label: `key:value`, or `key` with any value.
    #[must_use]
    pub fn has_label(&self, wanted: &str) -> bool {
        let is_it = |(key, value): (&String, &String)| match wanted.strip_prefix(key.as_str()) {
            Some(rest) => rest.is_empty() || rest.strip_prefix(':') == Some(value),
            None => false,
        };
        self.labels.iter().any(is_it)
    }

    /// The same within its bounds: each text is one line without what steers a terminal, and cut
    /// where it is too long, and labels beyond [`MAX_LABELS`] are left out.
    #[must_use]
    pub fn bounded(&self) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(line).filter(|text| !text.is_empty());
        let labels = self.labels.iter().map(|(key, value)| (line(key), line(value)));
        Self {
            name: text(&self.name),
            host: text(&self.host),
            release: text(&self.release),
            environment: text(&self.environment),
            labels: labels.filter(|(key, _)| !key.is_empty()).take(MAX_LABELS).collect(),
        }
    }
}

/// As much of a text as fits, in one line.
fn line(text: &str) -> String {
    let shown = text.chars().filter(|c| is_shown(*c));
    let mut line = String::new();
    for c in shown.skip_while(|c| c.is_whitespace()) {
        if line.len() + c.len_utf8() > MAX_BYTES {
            break;
        }
        line.push(c);
    }
    line.truncate(line.trim_end().len());
    line
}

/// Whether a character is shown as itself: neither a control character nor one that changes the
/// order in which others are shown.
#[must_use]
pub fn is_shown(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    !(c.is_control() || reorders || breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_is_held_within_bounds() {
        let long = "é".repeat(MAX_BYTES);
        let said = Identity {
            name: Some(" shop\u{1b}[2J\n\u{202e}x ".to_owned()),
            host: Some("\0 \0".to_owned()),
            release: Some(long.clone()),
            environment: None,
            labels: (0..2 * MAX_LABELS)
                .map(|n| (format!("{n:02}"), long.clone()))
                .chain([("\n".to_owned(), "x".to_owned())])
                .collect(),
        };
        let held = said.bounded();
        assert_eq!((held.name.as_deref(), &held.host), (Some("shop[2Jx"), &None));
        assert_eq!(held.release.as_deref(), Some(&*"é".repeat(MAX_BYTES / 2)));
        assert_eq!(held.labels.len(), MAX_LABELS);
        assert!(
            held.labels
                .iter()
                .all(|(key, value)| !key.is_empty() && value.len() == MAX_BYTES)
        );
        assert_eq!(held.bounded(), held);
        let labels = [("tier", "web"), ("spare", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let labelled = Identity {
            labels: labels.into(),
            ..Identity::default()
        };
        assert!(labelled.labels_as_text().eq(["spare", "tier:web"]));
        let has =
            ["tier", "tier:web", "spare", "tier:we", "ti", "tier:", "web"].map(|wanted| labelled.has_label(wanted));
        assert_eq!(has, [true, true, true, false, false, false, false]);
        assert!(Identity::default().bounded().is_empty());
    }
}
