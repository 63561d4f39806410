//! A normalised value as detectors see it.

use memchr::memchr_iter;

use super::{Context, Finding, Fuel, Hits, Marks, lexicon::Words};
use crate::{
    normal::Disguise,
    places::{Field, NameHints, Part, Place, Role},
};

/// From this many words a value is a document: more than what is entered in one line. Length alone
/// says nothing: an attack is easily padded with one long word.
const DOCUMENT_WORDS: usize = 50;

/// From this many lines a value is a document.
const DOCUMENT_LINES: usize = 3;

/// The fewest letters of a word that counts: signs and single letters are no text, however many
/// there are.
const FEWEST_LETTERS: usize = 2;

/// Names of fields that hold documents: prose, code, expressions, markup, reports.
const OF_DOCUMENTS: NameHints = NameHints::TEXT
    .and(NameHints::CODE)
    .and(NameHints::QUERY)
    .and(NameHints::TEMPLATE)
    .and(NameHints::HTML)
    .and(NameHints::REPORT);

/// Names of fields that take one line and no document, whatever a client sends in them: addresses,
/// accounts, what is run.
#[rustfmt::skip]
const OF_ONE_LINE: &[&str] = &[
    "ip", "ipaddr", "ipaddress", "host", "hostname", "target", "domain", "ping", "cmd", "exec", "server", "ns", "dns", "id", "user", "username", "login", "email", "mail",
    "lang", "locale", "sort", "order", "page", "limit", "offset", "firstname", "lastname", "fullname", "nickname", "displayname", "title", "subject", "headline", "phone", "city",
    "zip", "country", "company", "slug", "label", "color", "status",
];

/// Names of fields that hold tables, of which each line has separators.
pub(super) const OF_TABLES: &[&str] = &[
    "csv",
    "tsv",
    "csvdata",
    "csvtext",
    "data",
    "daten",
    "table",
    "row",
    "record",
    "sheet",
    "spreadsheet",
    "import",
];

/// Bytes of an edge of a document: more than the beginnings of attacks take, and a line of prose.
const EDGE: usize = 128;

/// Bytes at an edge within which something ends what the application wrote.
const END_WITHIN: usize = 64;

/// What ends a string or a command, or opens an expression.
const ENDS: Marks = Marks::QUOTE
    .and(Marks::SEMICOLON)
    .and(Marks::PIPE)
    .and(Marks::DOLLAR)
    .and(Marks::CURLY)
    .and(Marks::HASH);

/// A normalised value with its place.
#[derive(Debug, Clone, Copy)]
pub struct Value<'v> {
    /// Where it stood.
    pub place: Place<'v>,
    /// What it is there.
    pub role: Role,
    /// What it says without disguise.
    pub text: &'v str,
    /// Which disguises were taken off.
    pub disguise: Disguise,
    /// The classes of its bytes.
    pub marks: Marks,
    /// Which rules of the built-in detectors are worth asking; all of them, until the text was
    /// searched.
    pub hits: Hits,
    /// Whether it looks like a document: prose, source code, a mail.
    pub is_document: bool,
    /// What is known of the request; nothing for a path, a header or a name.
    pub context: Context<'v>,
    /// What looking may still cost; `None` where it is not counted.
    pub(super) fuel: Option<&'v Fuel>,
    /// What finds out which rules are worth asking; `None` where all are.
    pub(super) words: Option<&'v Words>,
}

impl<'v> Value<'v> {
    /// A field's value after normalisation.
    #[must_use]
    pub fn new(field: &Field<'v>, text: &'v str, disguise: Disguise) -> Self {
        Self::marked(field, text, disguise, Marks::of(text.as_bytes()))
    }

    /// As [`new`](Self::new), where the classes of the text's bytes are known.
    pub(super) fn marked(field: &Field<'v>, text: &'v str, disguise: Disguise, marks: Marks) -> Self {
        Self {
            place: field.place,
            role: field.role,
            text,
            disguise,
            marks,
            hits: Hits::ALL,
            is_document: is_long(field.role, text, marks) && may_be_document(field),
            context: Context::NONE,
            fuel: None,
            words: None,
        }
    }

    /// The same value, with what is known of its request.
    #[must_use]
    pub(super) fn within(self, context: Context<'v>) -> Self {
        let comes_again = matches!(self.place.part, Part::Path | Part::Header) || self.role == Role::Name;
        let context = if comes_again { Context::NONE } else { context };
        Self { context, ..self }
    }

    /// The beginning and the end of a document, with the places where they begin, in a field whose
    /// name says nothing of documents: a client chooses how much text stands around an attack. At
    /// its edges a document is judged as a short value is, where something ends there what the
    /// application wrote. What stands at the end of a text of several lines is no edge: code ends
    /// as code does.
    pub(super) fn edges(&self) -> impl Iterator<Item = (usize, Self)> {
        let text = self.text;
        let hints = self.place.hints();
        let is_whole = self.place.part == Part::Body && self.place.name.is_empty();
        let is_told = is_whole || self.place.is_named(OF_TABLES) || hints.any(OF_DOCUMENTS);
        let has_edges = self.is_document && self.role == Role::Value && (!is_told || self.place.is_search());
        let trimmed = text.trim_end();
        let line = trimmed.trim_start().split('\n').next().unwrap_or_default();
        let head = line.get(..line.floor_char_boundary(EDGE)).unwrap_or(line);
        let is_one_line = !trimmed.trim_start().contains('\n');
        let tail = trimmed.get(trimmed.ceil_char_boundary(trimmed.len().saturating_sub(EDGE))..);
        let ends = |part: &str| Marks::of(part.as_bytes()).any(ENDS);
        let near = |part: &'v str| part.get(..part.floor_char_boundary(END_WITHIN));
        let head = Some(head).filter(|head| near(head).is_some_and(ends));
        let tail = tail.filter(|tail| is_one_line && ends(tail));
        let start = |part: &str| part.as_ptr().addr() - text.as_ptr().addr();
        let edges = [head, tail].into_iter().flatten().filter(move |_| has_edges);
        edges.map(move |part| {
            let edge = Self {
                marks: Marks::of(part.as_bytes()),
                is_document: false,
                ..self.with_text(part)
            };
            (start(part), edge)
        })
    }

    /// The same value, with what may be spent on it.
    #[must_use]
    pub(super) const fn fuelled(self, fuel: Option<&'v Fuel>) -> Self {
        Self { fuel, ..self }
    }

    /// The same value, of which some rules are not asked unless a condition holds. It is told only
    /// where one of them is worth asking.
    #[must_use]
    pub(super) fn unless(self, rules: &Hits, holds: impl FnOnce(&Self) -> bool) -> Self {
        if !self.hits.has_any(rules) || holds(&self) {
            return self;
        }
        Self {
            hits: self.hits.without(rules),
            ..self
        }
    }

    /// Takes steps for a look; `false` where there are not as many left.
    pub(super) fn spend(&self, steps: u64) -> bool {
        self.fuel.is_none_or(|fuel| fuel.spend(steps))
    }

    /// The same value with another text: one that a detector made of it.
    #[must_use]
    pub fn with_text<'t>(&self, text: &'t str) -> Value<'t>
    where
        'v: 't,
    {
        Value { text, ..*self }
    }

    /// The same value with a text that a detector made of it, of which the bytes may be blanks
    /// where others stood. The rules that are worth asking are those of the new text.
    pub(super) fn rewritten<'t>(&self, text: &'t str) -> Value<'t>
    where
        'v: 't,
    {
        let value = Value {
            marks: self.marks | Marks::BLANK,
            hits: Hits::ALL,
            ..self.with_text(text)
        };
        let Some(words) = self.words else { return value };
        let (hits, ends) = words.search(text, value.marks, &Hits::ALL);
        value.spend(text.len() as u64 + Fuel::AN_END * ends);
        Value { hits, ..value }
    }

    /// Whether the value may be a password: one word in a field whose name says so. Generators
    /// strew quotes and signs into them.
    pub(super) fn is_password(&self) -> bool {
        !self.marks.any(Marks::BLANK | Marks::BREAK) && self.place.hints().any(NameHints::SECRET)
    }

    /// Whether it is the beginning of a script that a browser did not run, as its report says (CSP
    /// 3, section 5.3: `script-sample`, `sample`): what such reports are for.
    pub(super) fn is_sample(&self) -> bool {
        self.place.part == Part::Body
            && self.place.is_named(&["scriptsample", "sample"])
            && (self.context.is_report() || self.place.name.starts_with("csp-report."))
    }

    /// Whether it is a line of source code, that failed or stands around one: what error reports
    /// show of it.
    pub(super) fn is_line_of_a_report(&self) -> bool {
        self.place.part == Part::Body
            && self.place.is_named(&["contextline", "precontext", "postcontext"])
            && self.context.is_report()
    }

    /// The value without the long word in front of it, which rules that look from the beginning on
    /// do not reach behind: an attack is padded with one so that guards which look at a value's
    /// beginning see nothing else.
    pub(super) fn without_padding(&self) -> Option<Self> {
        // longer than keys and tokens that stand before a sign; what is left of it says that a
        // value stood there
        const LONGEST_WORD: usize = 256;
        const LEFT: usize = 4;
        if self.text.len() <= LONGEST_WORD {
            return None;
        }
        let word = self.text.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let rest = self.text.get(word.checked_sub(LEFT)?..)?;
        (word > LONGEST_WORD && rest.len() > LEFT).then_some(Self { text: rest, ..*self })
    }

    /// A finding in another text that was made of this one: as its place there says nothing here,
    /// it is all of this one.
    pub(super) fn widened(&self, mut found: Finding) -> Finding {
        found.at = 0..self.text.len();
        found
    }

    /// Whether a client entered it, as a value or a name: not a document or a file as a whole.
    #[must_use]
    pub const fn is_entered(&self) -> bool {
        matches!(self.role, Role::Value | Role::Name | Role::FileName)
    }

    /// The text's bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'v [u8] {
        self.text.as_bytes()
    }
}

/// Whether a text is as long as documents are, in words or lines that say something.
fn is_long(role: Role, text: &str, marks: Marks) -> bool {
    // files have lines, whatever is in them
    let is_file = role == Role::FileHead;
    let at_least = |wanted: u8, many: usize| {
        memchr_iter(wanted, text.as_bytes())
            .nth(many.saturating_sub(2))
            .is_some()
    };
    // a word is two bytes at least, with its blank; what is short of blanks and breaks is told
    // without a look at the words
    let has_words = || {
        let is_of_word = |sign: char| sign.is_ascii_alphanumeric() || !sign.is_ascii();
        let mut words = text.split_ascii_whitespace().filter(|word| {
            word.chars()
                .filter(|sign| is_of_word(*sign))
                .take(FEWEST_LETTERS)
                .count()
                == FEWEST_LETTERS
        });
        words.nth(DOCUMENT_WORDS - 1).is_some()
    };
    let has_lines = || {
        let mut lines = text.split('\n').filter(|line| !line.trim_ascii().is_empty());
        lines.nth(DOCUMENT_LINES - 1).is_some()
    };
    let may_have_words = text.len() >= 2 * DOCUMENT_WORDS && marks.any(Marks::BLANK) && at_least(b' ', DOCUMENT_WORDS);
    may_have_words && (is_file || has_words())
        || marks.any(Marks::BREAK) && at_least(b'\n', DOCUMENT_LINES) && (is_file || has_lines())
}

/// Whether a document may be expected in a field. Elsewhere what is long is padded: a path, a
/// header, a cookie and most parameters of a query hold none, and neither does an address.
fn may_be_document(field: &Field<'_>) -> bool {
    match field.place.part {
        _ if field.role == Role::Name => false,
        Part::Body => !field.place.is_named(OF_ONE_LINE),
        Part::Query => field.place.hints().any(OF_DOCUMENTS) || field.place.is_search(),
        Part::Path | Part::Header | Part::Cookie => false,
    }
}
