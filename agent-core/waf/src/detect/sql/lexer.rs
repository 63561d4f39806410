//! Takes SQL apart into tokens, as the lexers of five dialects do where they agree, and as the one
//! that is abused most where they do not.
//!
//! Nothing is allocated, each byte is looked at once, and what was looked at is counted.

use super::words::{self, Word};

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A number, also of a currency or in hexadecimal digits, and what stands for one: `$1`, `?`.
    Number,
    /// A string. Without a closing quote the application's own closes it.
    Text {
        quote: u8,
        is_closed: bool,
    },
    /// A name: of a column, of what is called; a word of prose.
    Name,
    /// `@x`, `@@version`.
    Variable,
    /// A word of SQL.
    Word(Word),
    /// `||` and `&&`.
    Logic,
    /// `=`, `<`, `<=>`, `->>` and so on: two operands become one.
    Compare,
    /// `*`, `/`, `%`, `^`, `|`, `&`: two operands become one.
    Compute,
    /// `+`, `-`: two operands become one, or one becomes another.
    Sign,
    /// `~`, `!`: one operand becomes another.
    Prefix,
    Open,
    Close,
    Comma,
    Semicolon,
    /// A comment behind which nothing follows: what the application wrote is hidden by it.
    Comment,
    /// What no dialect has here.
    Other,
}

/// The digits of the version of MySQL from which on a comment is run.
const VERSION: usize = 5;

/// Takes a text apart.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    /// Whether two dashes are a comment only before a blank, and are two signs before anything else
    /// (MySQL).
    needs_blank: bool,
    /// Whether two dashes were met that are read in both ways.
    has_bare_dashes: bool,
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t [u8], needs_blank: bool) -> Self {
        Self {
            text,
            at: 0,
            needs_blank,
            has_bare_dashes: false,
        }
    }

    /// A text that begins within a string of this quote. `None` where nothing ends the string.
    pub(super) fn within(text: &'t [u8], quote: u8, needs_blank: bool) -> Option<Self> {
        let mut lexer = Self::new(text, needs_blank);
        lexer.string(quote).then_some(lexer)
    }

    /// How many bytes were looked at.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Whether two dashes were met that some dialects take for signs.
    pub(super) const fn has_bare_dashes(&self) -> bool {
        self.has_bare_dashes
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Whether a bracket opens next, so that what was read is a function's name.
    pub(super) fn is_call(&self) -> bool {
        let next = self.rest().iter().find(|byte| **byte > b' ');
        next == Some(&b'(')
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_while(&mut self, is_part: impl Fn(u8) -> bool) -> &'t [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_part(*byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// To behind the quote that ends a string: one that is neither doubled nor escaped. Whether
    /// there is one.
    fn string(&mut self, quote: u8) -> bool {
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            if byte == b'\\' {
                self.at += 1;
            } else if byte == quote {
                if self.peek(0) != Some(quote) {
                    return true;
                }
                self.at += 1;
            }
        }
        self.at = self.text.len();
        false
    }

    /// To behind what ends something; to the end where it is missing. Whether it is there.
    fn skip_past(&mut self, end: &[u8]) -> bool {
        let rest = self.rest();
        let found = rest.windows(end.len()).position(|part| part == end);
        self.at += found.map_or(rest.len(), |at| at + end.len());
        found.is_some()
    }

    fn take(&mut self, count: usize, token: Token) -> Token {
        self.at += count;
        token
    }

    /// The rest of a line that is not to be read. Where another follows, it goes on there.
    fn line_comment(&mut self) -> Option<Token> {
        (!self.skip_past(b"\n") || self.rest().trim_ascii().is_empty()).then_some(Token::Comment)
    }

    /// A comment between two signs. In the middle it is a blank.
    fn comment(&mut self) -> Option<Token> {
        self.at += 2;
        // MySQL and MariaDB run what stands in it
        if self.rest().starts_with(b"!") || self.rest().starts_with(b"M!") {
            self.skip_while(|byte| byte == b'M' || byte == b'!');
            let digits = self
                .rest()
                .iter()
                .take(VERSION)
                .take_while(|byte| byte.is_ascii_digit());
            self.at += digits.count();
            return None;
        }
        (!self.skip_past(b"*/") || self.rest().trim_ascii().is_empty()).then_some(Token::Comment)
    }

    fn dashes(&mut self) -> Option<Token> {
        let is_bare = self.peek(2).is_some_and(|byte| byte > b' ');
        self.has_bare_dashes |= is_bare;
        if is_bare && self.needs_blank {
            return Some(self.take(1, Token::Sign));
        }
        self.line_comment()
    }

    fn number(&mut self) -> Token {
        let has_base =
            self.peek(0) == Some(b'0') && self.peek(1).is_some_and(|base| matches!(base | 0x20, b'x' | b'b'));
        if has_base && self.peek(2).is_some_and(|digit| digit.is_ascii_hexdigit()) {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            return Token::Number;
        }
        self.skip_while(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'_');
        let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
        if self.peek(0).is_some_and(|byte| byte | 0x20 == b'e')
            && self.peek(1 + sign).is_some_and(|digit| digit.is_ascii_digit())
        {
            self.at += 1 + sign;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        // a method of a number, where the string is in a program: `20.to_i`
        if self.at > 0 && self.text.get(self.at - 1) == Some(&b'.') {
            self.skip_while(is_word);
        }
        Token::Number
    }

    /// A word, a name with its dots, or the prefix of a string (`N'…'`, `x'…'`, `_utf8'…'`,
    /// `q'[…]'`).
    fn word(&mut self) -> Token {
        let text = self.skip_while(is_word);
        match self.peek(0) {
            Some(b'\'') if is_prefix(text) => {
                self.at += 1;
                let is_closed = self.string(b'\'');
                return Token::Text {
                    quote: b'\'',
                    is_closed,
                };
            }
            Some(b'.')
                if self
                    .peek(1)
                    .is_some_and(|byte| is_word(byte) || matches!(byte, b'.' | b'*' | b'`' | b'"' | b'[')) =>
            {
                self.skip_while(|byte| is_word(byte) || byte == b'.' || byte == b'*');
                return Token::Name;
            }
            // an element of an array
            Some(b'[') => {
                self.skip_past(b"]");
                return Token::Name;
            }
            _ => {}
        }
        words::word(text).map_or(Token::Name, Token::Word)
    }

    /// `$1`, `$5.00`, `$tag$…$tag$`.
    fn dollar(&mut self) -> Token {
        self.at += 1;
        if self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
            return self.number();
        }
        let start = self.at - 1;
        self.skip_while(|byte| byte.is_ascii_alphabetic());
        if self.peek(0) != Some(b'$') {
            return Token::Number;
        }
        self.at += 1;
        let tag = self.text.get(start..self.at).unwrap_or_default();
        let is_closed = self.skip_past(tag);
        Token::Text { quote: b'$', is_closed }
    }

    fn variable(&mut self) -> Token {
        self.skip_while(|byte| byte == b'@');
        match self.peek(0) {
            Some(quote @ (b'\'' | b'"' | b'`')) => {
                self.at += 1;
                self.string(quote);
            }
            _ => {
                self.skip_while(|byte| is_word(byte) || byte == b'.');
            }
        }
        Token::Variable
    }

    /// Signs, the longest operator first.
    fn sign(&mut self, first: u8) -> Token {
        let (second, third) = (self.peek(1).unwrap_or_default(), self.peek(2).unwrap_or_default());
        match (first, second, third) {
            (b'<', b'=', b'>') | (b'-', b'>', b'>') | (b'#', b'>', b'>') | (b'!', b'~', b'*') => {
                self.take(3, Token::Compare)
            }
            (b'|', b'|', _) | (b'&', b'&', _) => self.take(2, Token::Logic),
            (b'<' | b'>' | b'!' | b'=' | b':' | b'^', b'=', _)
            | (b'<', b'>' | b'@' | b'<', _)
            | (b'>', b'>', _)
            | (b'-', b'>', _)
            | (b'@', b'>', _)
            | (b'!', b'<' | b'>' | b'~', _)
            | (b'~', b'*', _)
            | (b'#', b'>' | b'-', _)
            | (b':', b':', _) => self.take(2, Token::Compare),
            (b'=' | b'<' | b'>', ..) => self.take(1, Token::Compare),
            (b'*' | b'/' | b'%' | b'^' | b'|' | b'&', ..) => self.take(1, Token::Compute),
            (b'+' | b'-', ..) => self.take(1, Token::Sign),
            (b'~' | b'!', ..) => self.take(1, Token::Prefix),
            (b'(', ..) => self.take(1, Token::Open),
            (b')', ..) => self.take(1, Token::Close),
            (b',', ..) => self.take(1, Token::Comma),
            (b';', ..) => self.take(1, Token::Semicolon),
            (b'?', ..) => self.take(1, Token::Number),
            _ => self.take(1, Token::Other),
        }
    }

    /// The next token, or `None` where a comment was skipped.
    fn step(&mut self, first: u8) -> Option<Token> {
        let second = self.peek(1);
        Some(match first {
            b'\'' | b'"' => {
                self.at += 1;
                let is_closed = self.string(first);
                Token::Text {
                    quote: first,
                    is_closed,
                }
            }
            b'`' => {
                self.at += 1;
                self.string(first);
                Token::Name
            }
            // SQL Server's names; elsewhere an element of an array
            b'[' => {
                self.at += 1;
                let is_closed = self.skip_past(b"]");
                if is_closed { Token::Name } else { Token::Other }
            }
            b'-' if second == Some(b'-') => return self.dashes(),
            b'#' if !matches!(second, Some(b'>')) => return self.line_comment(),
            b'/' if second == Some(b'*') => return self.comment(),
            // the end of a comment of MySQL's that is run
            b'*' if second == Some(b'/') => {
                self.at += 2;
                return None;
            }
            b'0'..=b'9' => self.number(),
            b'.' if second.is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
            b'$' => self.dollar(),
            b'@' if second != Some(b'>') => self.variable(),
            // MySQL's null; an escape elsewhere, which changes nothing
            b'\\' if second == Some(b'N') => self.take(2, Token::Word(Word::Constant)),
            b'\\' => {
                self.at += 1;
                return None;
            }
            byte if is_word(byte) => self.word(),
            _ => self.sign(first),
        })
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.skip_while(|byte| byte <= b' ');
            let first = self.peek(0)?;
            if let Some(token) = self.step(first) {
                return Some(token);
            }
        }
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether a word says how the string behind it is written.
fn is_prefix(word: &[u8]) -> bool {
    matches!(word, [one] if matches!(one | 0x20, b'n' | b'x' | b'b' | b'e' | b'q')) || word.starts_with(b"_")
}
