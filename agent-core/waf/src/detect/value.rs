//! A normalised value as detectors see it.

use memchr::memchr_iter;

use super::{Context, Finding, Fuel, Hits, Marks, lexicon::Words};
use crate::{
    normal::Disguise,
    places::{Field, NameHints, Part, Place, Role},
};

/// From this many words a value is a document: more than what is entered in one line. Length alone says nothing: an attack is easily
/// padded with one long word.
const DOCUMENT_WORDS: usize = 50;

/// From this many lines a value is a document.
const DOCUMENT_LINES: usize = 3;

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
    /// Which rules of the built-in detectors are worth asking; all of them, until the text was searched.
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
        let count = |wanted: u8| memchr_iter(wanted, text.trim_ascii().as_bytes()).count() + 1;
        // a word is two bytes at least, with its blank
        let has_words = text.len() >= 2 * DOCUMENT_WORDS && marks.any(Marks::BLANK) && count(b' ') >= DOCUMENT_WORDS;
        Self {
            place: field.place,
            role: field.role,
            text,
            disguise,
            marks,
            hits: Hits::ALL,
            is_document: has_words || (marks.any(Marks::BREAK) && count(b'\n') >= DOCUMENT_LINES),
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

    /// Whether the value may be a password: one word in a field whose name says so. Generators strew quotes and signs into them.
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

    /// The value without the long word in front of it, which rules that look from the beginning on do not reach behind: an attack
    /// is padded with one so that guards which look at a value's beginning see nothing else.
    pub(super) fn without_padding(&self) -> Option<Self> {
        // longer than keys and tokens that stand before a sign; what is left of it says that a value stood there
        const LONGEST_WORD: usize = 256;
        const LEFT: usize = 4;
        if self.text.len() <= LONGEST_WORD {
            return None;
        }
        let word = self.text.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let rest = self.text.get(word.checked_sub(LEFT)?..)?;
        (word > LONGEST_WORD && rest.len() > LEFT).then_some(Self { text: rest, ..*self })
    }

    /// A finding in another text that was made of this one: as its place there says nothing here, it is all of this one.
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
