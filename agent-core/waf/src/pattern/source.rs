//! One pattern: how it is meant, and the regular expression that means the same.

use std::{borrow::Cow, fmt::Write as _};

use regex_automata::util::syntax;

/// How a pattern's text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchType {
    /// The text begins with it.
    Starts,
    /// The text ends with it.
    Ends,
    /// It is somewhere in the text.
    Contains,
    /// It is the text.
    Match,
    /// It is a regular expression that matches somewhere in the text, as Python's `re.search`.
    Regex,
}

impl MatchType {
    /// Every type, in the order in which they are documented.
    pub const ALL: [Self; 5] = [Self::Starts, Self::Ends, Self::Contains, Self::Match, Self::Regex];

    /// The name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Ends => "ends",
            Self::Contains => "contains",
            Self::Match => "match",
            Self::Regex => "regex",
        }
    }

    /// The type of this name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// A pattern that can be matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    kind: MatchType,
    source: Box<str>,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternProblem {
    /// It is empty and would match everything.
    #[error("a text that is not empty: an empty one matches everything")]
    Empty,
    /// It is longer than [`Pattern::MAX_BYTES`].
    #[error("at most {} bytes", Pattern::MAX_BYTES)]
    Long,
    /// It is a regular expression that is longer than [`Pattern::MAX_REGEX_BYTES`], or that names characters outside ASCII by too many
    /// classes.
    #[error(
        "a regular expression of at most {} bytes, or with at most {MAX_MARKS} classes where it names characters outside ASCII",
        Pattern::MAX_REGEX_BYTES
    )]
    Dear,
    /// It is no regular expression of the kind that automata can match.
    #[error("a regular expression without lookaround and backreferences ({0})")]
    Syntax(String),
}

/// The most classes of characters of a regular expression that is not of ASCII alone: each costs up to 100 µs to parse.
const MAX_MARKS: usize = 32;

impl Pattern {
    /// The longest pattern, in bytes: far more than a path that servers accept.
    pub const MAX_BYTES: usize = 4096;

    /// The longest regular expression, in bytes.
    pub const MAX_REGEX_BYTES: usize = 1024;

    /// A pattern of this text and type.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn new(text: &str, kind: MatchType) -> Result<Self, PatternProblem> {
        if text.is_empty() && kind != MatchType::Match {
            return Err(PatternProblem::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(PatternProblem::Long);
        }
        if kind == MatchType::Regex && (text.len() > Self::MAX_REGEX_BYTES || marks(text) > MAX_MARKS) {
            return Err(PatternProblem::Dear);
        }
        let source = match kind {
            MatchType::Starts | MatchType::Ends | MatchType::Contains => literal(text),
            MatchType::Match => format!(r"{}\z", literal(text)),
            MatchType::Regex => regex(text)?,
        };
        Ok(Self {
            text: text.into(),
            kind,
            source: source.into(),
        })
    }

    /// The same pattern, without regard to the case of letters.
    #[must_use]
    pub fn ignoring_case(self) -> Self {
        Self {
            source: format!("(?i){}", self.source).into(),
            ..self
        }
    }

    /// The text as it was written.
    #[must_use]
    pub const fn text(&self) -> &str {
        &self.text
    }

    /// How it is compared.
    #[must_use]
    pub const fn kind(&self) -> MatchType {
        self.kind
    }

    /// Whether it is compared byte by byte.
    pub(super) fn is_literal(&self) -> bool {
        self.kind != MatchType::Regex && !self.source.starts_with("(?i)")
    }

    /// The regular expression that means the same where the automaton compares from the side that the type names.
    pub(super) const fn source(&self) -> &str {
        &self.source
    }
}

/// The regular expressions that mean the same as these patterns: one for all literals of a kind, which make a tree instead of being
/// begun one by one at each byte, and one for each other pattern.
pub(super) fn joined<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Vec<Cow<'p, str>> {
    let (mut sources, mut open, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for pattern in patterns {
        let source = pattern.source();
        match pattern.kind() {
            _ if !pattern.is_literal() => sources.push(source.into()),
            MatchType::Match => whole.push(source.strip_suffix(r"\z").unwrap_or(source)),
            MatchType::Starts | MatchType::Ends | MatchType::Contains | MatchType::Regex => open.push(source),
        }
    }
    if !open.is_empty() {
        sources.push(open.join("|").into());
    }
    if !whole.is_empty() {
        sources.push(format!(r"(?:{})\z", whole.join("|")).into());
    }
    sources
}

/// Returns how much of a pattern's text is expensive to parse: classes that may be of all
/// characters there are. A budget of patterns counts them.
#[must_use]
pub fn marks(text: &str) -> usize {
    let is_flagged = text.contains("(?") && text.contains('u');
    let names_any = !text.is_ascii() || is_flagged || text.contains(r"\p") || text.contains(r"\P");
    let begins_class = |byte: &u8| matches!(byte, b'\\' | b'[' | b'&' | b'~');
    if names_any {
        text.bytes().filter(begins_class).count()
    } else {
        0
    }
}

/// Bytes, not characters: a path may be anything, and ASCII classes keep automata small.
pub(super) fn syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// A regular expression for these bytes and no others.
fn literal(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut source, byte| {
            if byte.is_ascii_alphanumeric() || byte == b'/' {
                source.push(char::from(byte));
            } else {
                // a hexadecimal code is never read as syntax, and reaches bytes outside ASCII
                let _ = write!(source, r"\x{byte:02X}");
            }
            source
        })
}

/// A regular expression in bytes; where it names characters outside ASCII, by themselves or by class, in characters.
fn regex(text: &str) -> Result<String, PatternProblem> {
    let in_bytes = python_end(text);
    if text.is_ascii() && usable(&in_bytes).is_ok() {
        return Ok(in_bytes);
    }
    let in_characters = format!("(?u){in_bytes}");
    usable(&in_characters)
        .map(|()| in_characters)
        .map_err(PatternProblem::Syntax)
}

/// Writes Python's end of text, `\Z`, as it is written here.
fn python_end(text: &str) -> String {
    let mut source = String::with_capacity(text.len());
    let mut escaped = false;
    for character in text.chars() {
        source.push(if escaped && character == 'Z' { 'z' } else { character });
        escaped = !escaped && character == '\\';
    }
    source
}

/// Whether it can be parsed, and matched by an automaton: that is, without Unicode's word boundaries.
fn usable(source: &str) -> Result<(), String> {
    // the parser draws the pattern with a caret under the fault, and ends with the reason
    let reason = |drawn: String| {
        drawn
            .rsplit("error: ")
            .next()
            .unwrap_or_default()
            .trim()
            .replace('\n', " ")
    };
    let hir = syntax::parse_with(source, &syntax()).map_err(|error| reason(error.to_string()))?;
    if hir.properties().look_set().contains_word_unicode() {
        return Err(r"`\b` beside characters outside ASCII cannot be matched".to_owned());
    }
    Ok(())
}
