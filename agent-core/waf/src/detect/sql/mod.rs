//! Tells an SQL injection from what only looks like one, by the tokens of a value and the grammar
//! that they follow.
//!
//! As libinjection does (Galbreath, "New techniques in SQLi obfuscation", 2012), a value is read as
//! what it would be in each of the places that a statement has for one: by itself, within a string
//! of single quotes, and of double quotes. The fingerprints of that library are a list of sequences
//! that attacks had; here the [grammar] decides what may follow what, and the evidence that was
//! read until the grammar broke is [weighed](weigh).

mod ahead;
mod grammar;
mod lexer;
mod reading;
mod words;

use self::{
    lexer::Lexer,
    reading::{Finish, Reading, Start},
};

/// The most of a value that is read, in bytes: what an injection begins with comes first.
const MOST: usize = 2048;

/// What a value is to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sql {
    /// It is no injection.
    Harmless,
    /// It may be one, or a phrase that has the same tokens.
    Doubtful,
    /// It is one.
    Injection,
}

/// Reads a text in all places. `spend` takes the steps of each token, and says whether there were
/// as many left.
pub(super) fn read(text: &str, spend: &dyn Fn(u64) -> bool) -> Sql {
    let text = text.get(..text.floor_char_boundary(MOST)).unwrap_or(text);
    let verdict = [None, Some(b'\''), Some(b'"')]
        .into_iter()
        .map(|quote| read_within(text, quote, spend))
        .max()
        .unwrap_or(Sql::Harmless);
    if verdict == Sql::Injection && is_of_words(text) {
        Sql::Doubtful
    } else {
        verdict
    }
}

/// Reads a text that stands within a string of this quote, or by itself.
fn read_within(text: &str, quote: Option<u8>, spend: &dyn Fn(u64) -> bool) -> Sql {
    let mut verdict = Sql::Harmless;
    for needs_blank in [false, true] {
        let lexer = match quote {
            Some(quote) => Lexer::within(text.as_bytes(), quote, needs_blank),
            None => Some(Lexer::new(text.as_bytes(), needs_blank)),
        };
        let Some(lexer) = lexer else {
            spend(text.len() as u64);
            return Sql::Harmless;
        };
        let (reading, lexer) = Reading::of(lexer, quote.is_some(), spend);
        verdict = verdict.max(weigh(&reading, quote));
        if !lexer.has_bare_dashes() {
            break;
        }
    }
    verdict
}

/// What a reading says.
fn weigh(read: &Reading, quote: Option<u8>) -> Sql {
    let evidence = Evidence {
        is_hidden: read.finish == Finish::Comment,
        closes_again: quote.is_some_and(|quote| read.finish == Finish::Within(quote)),
        goes_on: read.has_union || read.is_stacked,
        computes: read.compared > 0 || read.computed > 0,
        asks: read.calls > 0 || read.subqueries > 0,
    };
    if evidence.is_injection(read) {
        Sql::Injection
    } else if evidence.is_doubtful(read) {
        Sql::Doubtful
    } else {
        Sql::Harmless
    }
}

/// What a reading comes to.
struct Evidence {
    /// What the application wrote behind the value is hidden by a comment.
    is_hidden: bool,
    /// The string is entered again that was left, so that the application's quote ends it.
    closes_again: bool,
    /// Another query or statement follows.
    goes_on: bool,
    computes: bool,
    /// A function of databases is called, or a query stands in brackets.
    asks: bool,
}

impl Evidence {
    fn is_injection(&self, read: &Reading) -> bool {
        let is_read = !matches!(read.finish, Finish::Broken | Finish::Waiting);
        match read.start {
            Start::Nothing | Start::Comment => false,
            // out of a string: what follows is the client's
            Start::Quote => {
                self.goes_on
                    || read.has_clause
                    || read.has_row
                    || read.has_verb
                    || read.conditions > 0
                    || self.asks && (read.finish != Finish::Broken || read.joined > 0)
                    || is_read && read.joined_constants > 0
                    || self.is_hidden && (read.joined > 0 || self.computes && !read.has_name)
                    || self.closes_again && read.joined > 0 && (self.computes || read.other_calls > 0)
            }
            // words, which phrases have too
            Start::Name => self.goes_on || self.is_hidden && (read.conditions > 0 || read.subqueries > 0),
            // no value is followed by a statement: whole ones are what a field is for
            Start::Verb | Start::Clause => read.subqueries > 0 && read.has_brackets,
            Start::Constant
            | Start::Operator
            | Start::Close
            | Start::Text
            | Start::Call
            | Start::Semicolon
            | Start::Union => {
                read.has_union
                    || read.is_stacked && !read.has_name
                    || read.has_clause
                    || read.has_verb
                    || read.conditions > 0
                    || self.asks && (read.joined > 0 || self.computes || self.is_hidden)
                    || self.is_hidden && (read.has_brackets && !read.has_name || read.joined_constants > 0)
            }
        }
    }

    fn is_doubtful(&self, read: &Reading) -> bool {
        match read.start {
            Start::Nothing | Start::Comment => false,
            Start::Quote => {
                self.is_hidden
                    || read.has_semicolon
                    || read.has_case
                    || read.joined > 0 && (read.finish != Finish::Broken || !read.has_name)
                    || self.computes && self.closes_again
            }
            // what is hidden behind one word alone is a part of a name: `my--page`
            Start::Name | Start::Verb | Start::Clause => {
                self.goes_on
                    || read.has_variable
                    || self.is_hidden && read.tokens > 2
                    || read.joined > 0 && (self.computes || self.asks)
                    || self.asks && self.computes
            }
            // sentences begin with `and`, `in`, `is`
            Start::Operator => read.joined > 0 && (self.computes || self.asks || self.is_hidden),
            Start::Constant | Start::Close | Start::Text | Start::Call | Start::Semicolon | Start::Union => {
                // `1 or 2`
                let is_choice = read.tokens == 3 && read.joined_constants > 0;
                self.is_hidden
                    || self.asks
                    || self.goes_on
                    || read.has_row
                    || read.has_case
                    || read.joined > 0 && !is_choice
            }
        }
    }
}

/// Whether a text is of words and everyday signs alone: `his or her; select one`. What computes or
/// compares has others.
fn is_of_words(text: &str) -> bool {
    let is_everyday = |sign: char| {
        sign.is_alphabetic()
            || matches!(
                sign,
                ' ' | ',' | '.' | ';' | ':' | '!' | '?' | '%' | '&' | '-' | '\n' | '\r'
            )
    };
    text.chars().all(is_everyday) && !text.contains("--")
}

#[cfg(test)]
mod tests;
