//! Words of a server made fit for an error or a log line.

use buckler::protocol::AgentKey;

/// What replaces the key, and what was cut.
const ELLIPSIS: &str = "…";
/// Longest text of a server that is repeated, in characters: a line of a log.
const LINE: usize = 200;
/// Longest beginning of a body that is repeated, in characters: enough to recognise a proxy's error page.
const EXCERPT: usize = 60;

/// Removes the agent's key from whatever a server says, even where it echoes the request.
#[derive(Debug, Clone)]
pub struct Censor {
    /// The key as it is, and as JSON writes it.
    secrets: Vec<String>,
}

impl Censor {
    /// A censor for one key.
    #[must_use]
    pub fn new(key: &AgentKey) -> Self {
        let written = serde_json::to_string(key).unwrap_or_default();
        let secrets = [key.expose(), written.trim_matches('"')];
        Self {
            secrets: secrets
                .into_iter()
                .filter(|secret| !secret.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// One line of plain characters, cut to the length of a line.
    #[must_use]
    pub fn line(&self, text: &str) -> String {
        self.cut(text, LINE)
    }

    /// The beginning of a body.
    #[must_use]
    pub fn excerpt(&self, body: &[u8]) -> String {
        // more than is shown, so that a key across the cut is still found whole
        let longest = self.secrets.iter().map(String::len).max().unwrap_or_default();
        let enough = EXCERPT.saturating_mul(4).saturating_add(longest);
        let beginning = body.get(..enough).unwrap_or(body);
        self.cut(&String::from_utf8_lossy(beginning), EXCERPT)
    }

    fn cut(&self, text: &str, most: usize) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, ELLIPSIS);
        }
        let words = text
            .split(|c: char| c.is_whitespace() || !is_plain(c))
            .filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(most) {
            Some((end, _)) => line.get(..end).unwrap_or_default().to_owned() + ELLIPSIS,
            None => line,
        }
    }
}

/// Whether a character only shows itself: no control, and nothing that hides or reorders its neighbours.
fn is_plain(c: char) -> bool {
    let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use super::*;

    fn censor() -> Censor {
        Censor::new(&AgentKey::new("s3cr\"et"))
    }

    #[test]
    fn a_key_never_passes() {
        let line = censor().line(r#"no profile for s3cr"et, nor for {"key": "s3cr\"et"}"#);
        assert_eq!(line, r#"no profile for …, nor for {"key": "…"}"#);
    }

    #[test]
    fn a_key_across_the_cut_is_found() {
        let body = format!("{}s3cr\"et and more", "x".repeat(EXCERPT - 2));
        assert_eq!(
            censor().excerpt(body.as_bytes()),
            format!("{}… …", "x".repeat(EXCERPT - 2))
        );
    }

    #[test]
    fn an_empty_key_hides_nothing() {
        assert_eq!(Censor::new(&AgentKey::new("")).line("as it is"), "as it is");
    }

    #[test]
    fn lines_are_single_plain_and_short() {
        assert_eq!(censor().line(" a\r\n\tb\u{1b}[31m\u{202e}c "), "a b [31m c");
        let long = censor().line(&"é".repeat(LINE + 1));
        assert_eq!(long.chars().count(), LINE + 1);
        assert!(long.ends_with(ELLIPSIS));
        assert_eq!(censor().excerpt(b"\xff<html>"), "\u{fffd}<html>");
    }
}
