//! Markup that rich text quotes: an editor writes `&lt;script&gt;` where its writer typed a tag, and a browser shows it as text.

use std::borrow::Cow;

use super::{Spelling, bytes, normalise};

/// Elements that are for code.
const OF_CODE: &[&str] = &["code", "pre", "kbd", "samp", "tt"];

/// Elements whose text is none: a browser runs it, or takes it for styles.
const OF_NO_TEXT: &[&str] = &["script", "style"];

/// What rich text says but for the text between its tags in which markup is quoted, normalised, and without what elements for code hold
/// where `spares_code` is set; `None` where none is. A text that is
/// references alone, without an element around them, quotes nothing: what decodes it makes markup of it.
pub(crate) fn without_quoted_markup(value: &[u8], spelling: Spelling, spares_code: bool) -> Option<String> {
    let value = match spelling {
        Spelling::Form => {
            let blanks = bytes::blanks(value).map_or(Cow::Borrowed(value), Cow::Owned);
            bytes::percent(&blanks).map_or(blanks, Cow::Owned)
        }
        Spelling::Literal => Cow::Borrowed(value),
    };
    let mut plain = Vec::new();
    let mut rest = &*value;
    let mut has_quoted = false;
    while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
        let (before, tag) = rest.split_at_checked(at)?;
        plain.extend_from_slice(before);
        let (tag, behind) = tag.split_at_checked(tag_end(tag))?;
        plain.extend_from_slice(tag);
        let end = behind.iter().position(|byte| *byte == b'<').unwrap_or(behind.len());
        let (text, next) = behind.split_at_checked(end)?;
        if is_quoted(tag, text, spares_code) {
            has_quoted = true;
            plain.push(b' ');
        } else {
            plain.extend_from_slice(text);
        }
        rest = next;
    }
    plain.extend_from_slice(rest);
    has_quoted.then(|| normalise(&plain, Spelling::Literal, false).text.into_owned())
}

/// Whether a text behind a tag quotes markup, or is code that is to be left out.
fn is_quoted(tag: &[u8], text: &[u8], spares_code: bool) -> bool {
    let name = tag.get(1..).unwrap_or_default();
    let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = name.get(..length).unwrap_or_default();
    let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    let is_tag = tag.ends_with(b">")
        && tag
            .get(1)
            .is_some_and(|first| first.is_ascii_alphabetic() || *first == b'/');
    is_tag && !is_one_of(OF_NO_TEXT) && (spares_code && is_one_of(OF_CODE) || has_reference(text))
}

/// Whether a reference to `<` stands in a text, however often it was escaped.
fn has_reference(text: &[u8]) -> bool {
    let mut pieces = text.split(|byte| *byte == b'&').skip(1);
    pieces.any(|piece| {
        let piece = piece.to_ascii_lowercase();
        let mut name = piece.as_slice();
        // `&amp;lt;` is one reference and the beginning of another
        while let Some(rest) = name.strip_prefix(b"amp;") {
            name = rest;
        }
        let digits = |number: &[u8]| {
            let number = number.split(|byte| *byte == b';').next().unwrap_or_default();
            number
                .iter()
                .skip_while(|byte| **byte == b'0')
                .copied()
                .collect::<Vec<u8>>()
        };
        match name {
            [b'l', b't', b';', ..] => true,
            [b'#', b'x', hex @ ..] => digits(hex) == b"3c",
            [b'#', number @ ..] => digits(number) == b"60",
            _ => false,
        }
    })
}

/// Where a tag ends, as browsers read it (WHATWG HTML, section 13.2.5): behind the first `>` that is in no attribute's quotes.
fn tag_end(tag: &[u8]) -> usize {
    let mut quote = None;
    let mut before = b' ';
    for (at, byte) in tag.iter().enumerate().skip(1) {
        match quote {
            Some(open) if *byte == open => quote = None,
            Some(_) => {}
            None if *byte == b'>' => return at + 1,
            // quotes are quotes behind a sign of equality alone
            None if matches!(byte, b'"' | b'\'') && before == b'=' => quote = Some(*byte),
            None => {}
        }
        if !byte.is_ascii_whitespace() {
            before = *byte;
        }
    }
    tag.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(value: &str) -> Option<String> {
        without_quoted_markup(value.as_bytes(), Spelling::Literal, true)
    }

    #[test]
    fn quoted_markup_is_left_out() {
        for (value, left) in [
            ("<p>a &lt;script&gt;x</p>", "<p> </p>"),
            ("<p>a &amp;lt;script&amp;gt;x</p><i>b</i>", "<p> </p><i>b</i>"),
            ("<p>a</p>&#60;b", "<p>a</p> "),
            ("<p>a</p>&#x0003C;b", "<p>a</p> "),
            ("<code class=\"js\">alert(1)</code>", "<code class=\"js\"> </code>"),
            ("<p title=\">\">a &lt;b", "<p title=\">\"> "),
        ] {
            assert_eq!(rest(value).as_deref(), Some(left), "{value}");
        }
        let form = without_quoted_markup(b"%3Cp%3E%26lt%3Bb%26gt%3B+x%3C/p%3E", Spelling::Form, true);
        assert_eq!(form.as_deref(), Some("<p> </p>"));
    }

    #[test]
    fn what_a_browser_takes_for_markup_stays() {
        for value in [
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "a &lt;b",
            "<p>a</p>",
            "<p title=\"&lt;script&gt;\">a</p>",
            "<iframe srcdoc=\"> &lt;script&gt;\">",
            "<img title='> &lt;' onerror=\"a\">",
            "<img title=\n\"> &lt;\" onerror=\"a\">",
            "<script>a&lt;b</script>",
            "<style>a &lt; b</style>",
            "<p",
            "",
        ] {
            assert_eq!(rest(value), None, "{value}");
        }
        let code = "<code>system('id')</code>";
        assert_eq!(without_quoted_markup(code.as_bytes(), Spelling::Literal, false), None);
        let partly = rest("<p onclick=\"alert('&lt;')\">&lt;</p><img src=x onerror=alert(1)>").unwrap();
        assert_eq!(partly, "<p onclick=\"alert('<')\"> </p><img src=x onerror=alert(1)>");
    }
}
