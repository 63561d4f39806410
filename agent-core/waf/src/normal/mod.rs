//! One normalisation for every value a client sends: what it means to whoever decodes it further
//! in.
//!
//! An attack is written so that the guard reads something else than the application, the browser or
//! the shell behind it. A value is therefore undressed before any detector looks at it, once for
//! all of them:
//!
//! 1. `+` as a blank, where the value came as a form (WHATWG URL, section 5.1)
//! 2. in turns, until nothing changes, [`ROUNDS`] at most: percent codes (RFC 3986, section 2.1;
//!    `%u0041` as IIS reads it), escapes of JavaScript and C (`\u0041`, `\u{41}`, `\x41`),
//!    character references of HTML
//! 3. UTF-8, where overlong sequences (`%c0%ae` for a dot; CWE-173) stand for what a careless
//!    decoder makes of them
//! 4. Unicode's compatibility forms (NFKC, UAX #15: `＜` for `<`), and without what is invisible
//!    (zero-width characters, NUL)
//! 5. beside it, what the value holds as Base64, where that is printable text ([`Normal::hidden`]);
//!    of a serialised object, in Base64 or in hexadecimal digits or as it is, what shows of it
//!
//! Every step takes linear time and yields no more bytes than it read, but for compatibility forms,
//! which are bounded. A value that needs none of it, as nearly all, is borrowed and costs one look
//! at each byte.

mod base64;
mod bytes;
mod characters;
mod entities;
mod quoted;
mod serialised;

use std::borrow::Cow;

use memchr::{memchr, memchr3};

pub(crate) use self::{
    base64::{
        SHORT as SHORT_CODE, bytes as bytes_of_base64, may_be_short as may_be_short_code, text as text_of_base64,
    },
    quoted::{Quoted, without_quoted_markup},
    serialised::{HEAD as HEAD_OF_OBJECT, is_serialised},
};

/// How often codes within codes are resolved. Frameworks decode once, a proxy in front of them once
/// more; a third time covers applications that decode by themselves.
pub const ROUNDS: usize = 3;

/// How a value was written where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// A plus sign is a blank: query strings and forms.
    Form,
    /// A plus sign is itself: paths, cookies, headers, JSON.
    Literal,
}

/// A value without disguise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal<'v> {
    /// The text that it stands for.
    pub text: Cow<'v, str>,
    /// What stands in it as Base64, normalised likewise; what shows of a serialised object, behind
    /// a mark that no value has.
    pub hidden: Option<String>,
    /// Which disguises were taken off.
    pub disguise: Disguise,
}

/// Disguises that say something by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disguise {
    /// There was a NUL, which cuts off what follows it in C (CWE-158).
    pub nul: bool,
    /// There was an overlong or broken two-byte sequence that stands for an ASCII character.
    pub overlong: bool,
    /// There were codes within codes.
    pub nested: bool,
}

/// Normalises a value. Base64 is looked for where `base64` is set.
///
/// ```
/// use buckler_waf::normal::{Spelling, normalise};
/// let plain = |value: &'static str| normalise(value.as_bytes(), Spelling::Form, true);
/// assert_eq!(plain("caf%C3%A9+noir").text, "café noir");
/// assert_eq!(plain("%253Cscript%253E").text, "<script>");
/// assert_eq!(plain("..%c0%afetc").text, "../etc");
/// assert_eq!(plain("JyBPUiAxPTEtLSA=").hidden.as_deref(), Some("' OR 1=1-- "));
/// ```
#[must_use]
pub fn normalise(value: &[u8], spelling: Spelling, base64: bool) -> Normal<'_> {
    revealed(decode_layers(value, spelling), base64)
}

/// As [`normalise`], for a value in which nothing is coded: printable ASCII, blanks and line
/// breaks, but no percent sign, backslash or ampersand, nor a plus sign that is a blank.
pub(crate) fn normalise_plain(value: &[u8], spelling: Spelling, base64: bool) -> Normal<'_> {
    // checked once more on the way: whoever is wrong gets another text, and no panic
    let Ok(text) = str::from_utf8(value) else {
        return normalise(value, spelling, base64);
    };
    let normal = Normal {
        text: Cow::Borrowed(text),
        hidden: None,
        disguise: Disguise::default(),
    };
    revealed(normal, base64)
}

/// The beginning of a file that is no text, as a search for programs in it reads it: nothing is
/// decoded, as nothing that runs files decodes them. `None` where it is text, markup, or may be
/// text in a charset of old.
pub(crate) fn normalise_binary(head: &[u8]) -> Option<Normal<'_>> {
    let is_markup = head.trim_ascii_start().starts_with(b"<");
    let is_binary = || {
        let is_broken = str::from_utf8(head).is_err_and(|error| error.error_len().is_some());
        is_broken && memchr(b'\0', head).is_some()
    };
    (!is_markup && is_binary()).then(|| Normal {
        text: Cow::Owned(characters::of_binary(head)),
        hidden: serialised::of_bytes(head),
        disguise: Disguise {
            nul: true,
            ..Disguise::default()
        },
    })
}

/// The value, and what stands in it as Base64.
fn revealed(mut normal: Normal<'_>, base64: bool) -> Normal<'_> {
    if !base64 || normal.hidden.is_some() {
        return normal;
    }
    normal.hidden = serialised::of_code(&normal.text).or_else(|| {
        let inner = base64::decode(&normal.text)?;
        Some(decode_layers(&inner, Spelling::Literal).text.into_owned())
    });
    normal
}

fn decode_layers(value: &[u8], spelling: Spelling) -> Normal<'_> {
    let mut disguise = Disguise::default();
    if let Some(text) = plain(value, spelling) {
        return Normal {
            text: Cow::Borrowed(text),
            hidden: None,
            disguise,
        };
    }
    let mut bytes = match spelling {
        Spelling::Form => bytes::blanks(value).map_or(Cow::Borrowed(value), Cow::Owned),
        Spelling::Literal => Cow::Borrowed(value),
    };
    for round in 0..ROUNDS {
        // what each step looks for
        if memchr3(b'%', b'\\', b'&', &bytes).is_none() {
            break;
        }
        let before = bytes.len();
        let mut changed = false;
        for step in [bytes::percent, bytes::escapes, entities::references] {
            if let Some(next) = step(&bytes) {
                changed = true;
                bytes = Cow::Owned(next);
            }
        }
        disguise.nested |= changed && round > 0 && bytes.len() < before;
        if !changed {
            break;
        }
    }
    let hidden = serialised::of_bytes(&bytes);
    let text = match bytes {
        Cow::Borrowed(bytes) => characters::text(bytes, &mut disguise),
        Cow::Owned(bytes) => Cow::Owned(characters::text(&bytes, &mut disguise).into_owned()),
    };
    Normal { text, hidden, disguise }
}

/// The value as it is, where no step would change it. Takes some values for disguised that are not,
/// and none the other way.
fn plain(value: &[u8], spelling: Spelling) -> Option<&str> {
    let is_plain = |byte: &u8| match byte {
        b'%' | b'\\' | b'&' | 0x7f.. => false,
        b'+' => spelling != Spelling::Form,
        b'\t' | b'\n' | b'\r' => true,
        byte => *byte >= b' ',
    };
    // checked block by block, so that the inner loop has no early end and can be vectorised
    let all_plain = value
        .chunks(64)
        .all(|block| block.iter().fold(true, |all, byte| all & is_plain(byte)));
    if all_plain { str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests;
