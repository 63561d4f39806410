//! What a parameter's value may look like.

use std::borrow::Cow;

use buckler_waf::{normal::Spelling, pattern::PatternSet};

/// The form that a route declares for a parameter.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Plain(Plain),
    Pattern(Box<PatternSet>),
}

/// A form with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Digits with or without a sign.
    Integer,
    /// A decimal fraction, with or without an exponent.
    Number,
    /// What HTML forms and frameworks send for a box that is ticked or not.
    Boolean,
    /// RFC 9562, with dashes.
    Uuid,
    /// An address as RFC 5321 allows without quotes and comments, also of an international domain.
    Email,
    /// `2026-02-28`, a day that exists.
    Date,
    /// Letters of any language, digits, `_` and `-`.
    Word,
}

impl Plain {
    /// The forms with the names by which configurations call them.
    pub(super) const NAMED: [(&'static str, Self); 7] = [
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("uuid", Self::Uuid),
        ("email", Self::Email),
        ("date", Self::Date),
        ("word", Self::Word),
    ];

    fn fits(self, value: &[u8]) -> bool {
        match self {
            Self::Integer => is_integer(value),
            Self::Number => is_number(value),
            Self::Boolean => is_boolean(value),
            Self::Uuid => is_uuid(value),
            Self::Email => is_email(value),
            Self::Date => is_date(value).is_some_and(|is| is),
            Self::Word => is_word(value),
        }
    }
}

impl Form {
    /// Whether a value, as it came, has this form.
    pub(super) fn fits(&self, value: &[u8], spelling: Spelling) -> bool {
        let value = plain(value, spelling);
        match self {
            Self::Plain(form) => form.fits(&value),
            Self::Pattern(pattern) => pattern.is_match(&value),
        }
    }

    /// The form's name in reports.
    pub(super) fn name(&self) -> &'static str {
        let named = |form: &Plain| Plain::NAMED.into_iter().find(|(_, named)| named == form);
        match self {
            Self::Plain(form) => named(form).map_or("form", |(name, _)| name),
            Self::Pattern(_) => "pattern",
        }
    }
}

/// The text that an application is given, decoded once where queries and forms are; most need no decoding, and are not copied.
pub(super) fn plain(value: &[u8], spelling: Spelling) -> Cow<'_, [u8]> {
    if spelling == Spelling::Literal || !value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        (rest, _) = match (byte, after) {
            (b'%', [high, low, beyond @ ..]) if let Some(byte) = hex(*high, *low) => (beyond, decoded.push(byte)),
            (b'+', _) => (after, decoded.push(b' ')),
            _ => (after, decoded.push(*byte)),
        };
    }
    Cow::Owned(decoded)
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn is_integer(value: &[u8]) -> bool {
    // as many as the widest integer that languages have
    const MOST_DIGITS: usize = 39;
    let digits = value
        .strip_prefix(b"-")
        .or_else(|| value.strip_prefix(b"+"))
        .unwrap_or(value);
    (1..=MOST_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

fn is_number(value: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let text = str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| is_part(&byte)));
    text.and_then(|text| text.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}

fn is_boolean(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] = [b"true", b"false", b"1", b"0", b"on", b"off", b"yes", b"no"];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(value))
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_email(value: &[u8]) -> bool {
    // RFC 5321, section 4.5.3.1: a path of 256 bytes with its brackets, and a local part of 64
    const LONGEST: usize = 254;
    const LONGEST_LOCAL: usize = 64;
    let Some(at) = value
        .iter()
        .rposition(|byte| *byte == b'@')
        .filter(|_| value.len() <= LONGEST)
    else {
        return false;
    };
    let (local, domain) = value.split_at(at);
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%&'*+-/=?^_`{|}~.".contains(byte);
    let is_label = |label: &[u8]| {
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || *byte == b'-';
        !label.is_empty() && !label.starts_with(b"-") && !label.ends_with(b"-") && label.iter().all(inside)
    };
    (1..=LONGEST_LOCAL).contains(&local.len())
        && local.iter().all(is_local)
        && domain
            .get(1..)
            .is_some_and(|domain| domain.split(|byte| *byte == b'.').all(is_label))
}

/// `None` where there is no date at all.
fn is_date(value: &[u8]) -> Option<bool> {
    let &[_, _, _, _, b'-', _, _, b'-', _, _] = value else {
        return None;
    };
    let number = |range: std::ops::Range<usize>| {
        let digits = value
            .get(range)
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        str::from_utf8(digits).ok()?.parse::<u16>().ok()
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u16::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    Some((1..=days).contains(&day))
}

fn is_word(value: &[u8]) -> bool {
    // an identifier; longer ones are texts
    const LONGEST: usize = 256;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || !byte.is_ascii();
    (1..=LONGEST).contains(&value.len()) && value.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(form: Plain, value: &str) -> bool {
        Form::Plain(form).fits(value.as_bytes(), Spelling::Form)
    }

    /// A form, what has it, and what has not.
    type Case = (Plain, &'static [&'static str], &'static [&'static str]);

    const CASES: [Case; 7] = [
        (
            Plain::Integer,
            &["0", "-7", "%2B7", "12345678901234567890"],
            &["", "1.5", "0x1F", "1 OR 1=1", "1%00", "--1", "-", "1e3", "1+"],
        ),
        (
            Plain::Number,
            &["1", "-1.5", "1e-3", ".5", "5."],
            &["", "nan", "inf", "1,5", "1e999", "e", "1 ", "0x1", "1..2"],
        ),
        (
            Plain::Boolean,
            &["true", "FALSE", "1", "0", "on", "off", "yes", "No"],
            &["", "2", "tru", "true;"],
        ),
        (
            Plain::Uuid,
            &["6b1f0c9a-2e4d-4c6a-9f00-0123456789aB"],
            &[
                "",
                "6b1f0c9a2e4d4c6a9f000123456789ab",
                "6b1f0c9a-2e4d-4c6a-9f00-0123456789ag",
                "6b1f0c9a-2e4d-4c6a-9f00-0123456789ab'",
            ],
        ),
        (
            Plain::Email,
            &[
                "ada@example.com",
                "o'neill%2Bshop@example.co.uk",
                "ada%40example.com",
                "j\u{f6}rg@m\u{fc}ller.example",
                "root@localhost",
            ],
            &[
                "",
                "ada",
                "@example.com",
                "ada@",
                "ada@-x.com",
                "a b@example.com",
                "ada@example..com",
                "ada@x.com%0D%0ABcc:",
                "a@b@c d",
                "\"a\"@example.com",
            ],
        ),
        (
            Plain::Date,
            &["2026-02-28", "2024-02-29", "2000-02-29", "1999-12-31"],
            &[
                "",
                "2026-02-29",
                "1900-02-29",
                "2026-13-01",
                "2026-00-10",
                "2026-04-31",
                "2026-04-00",
                "26-4-1",
                "2026/04/01",
                "2026-04-01T00",
                "+026-04-01",
                "2026-04-0a",
            ],
        ),
        (
            Plain::Word,
            &["abc_1-2", "\u{e9}t\u{e9}"],
            &["", "a b", "a'b", "a.b", "<b>"],
        ),
    ];

    #[test]
    fn each_form_knows_its_own() {
        for (form, good, bad) in CASES {
            good.iter()
                .for_each(|value| assert!(fits(form, value), "{form:?} {value:?}"));
            bad.iter()
                .for_each(|value| assert!(!fits(form, value), "{form:?} {value:?}"));
        }
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(!fits(Plain::Integer, &"9".repeat(40)) && fits(Plain::Integer, &"9".repeat(39)));
        assert!(!fits(Plain::Word, &"a".repeat(257)) && fits(Plain::Word, &"a".repeat(256)));
        assert!(!fits(Plain::Email, &format!("{}@example.com", "a".repeat(65))));
        assert!(!fits(Plain::Email, &format!("a@{}", "a.".repeat(200))));
    }

    #[test]
    fn queries_are_decoded_once_and_other_texts_never() {
        assert_eq!(&*plain(b"a+b%2Bc%2525%zz%4", Spelling::Form), b"a b+c%25%zz%4");
        assert_eq!(&*plain(b"a+b%2B", Spelling::Literal), b"a+b%2B");
        assert!(matches!(plain(b"abc", Spelling::Form), Cow::Borrowed(_)));
    }
}
