//! Markup that rich text quotes: an editor writes `&lt;script&gt;` where its writer typed a tag,
//! and a browser shows it as text.
//!
//! A quotation has two ends: it is the text of an element that is closed further on, and of that
//! text what stands from the first tag that is quoted to the end of the last one. What leaves a
//! string or an attribute that the whole value may be put into is none.

use std::{borrow::Cow, ops::Range};

use super::{Spelling, bytes, normalise};

/// Elements that are for code.
const OF_CODE: &[&str] = &["code", "pre", "kbd", "samp", "tt"];

/// Elements whose text is none: a browser runs it, or takes it for styles.
const OF_NO_TEXT: &[&str] = &["script", "style"];

/// Elements that hold nothing, and have no end (WHATWG HTML, section 13.1.2).
#[rustfmt::skip]
const EMPTY: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
];

/// How many open elements an end is looked for in: each end costs as many comparisons.
const DEEPEST: usize = 32;

/// What a quotation is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoted {
    /// Any tag, and the text of elements for code.
    Markup,
    /// Tags of servers' languages and directives: `<?`, `<%`, `<!--`. What else is code stays code
    /// in an element.
    Programs,
}

/// A tag and the text behind it, by their places.
struct Piece<'v> {
    tag: &'v [u8],
    text: &'v [u8],
    /// The innermost element around the text, by the place of its tag.
    owner: Option<usize>,
    is_closed: bool,
}

/// What rich text says, normalised, but for the markup that it quotes; `None` where it quotes none.
/// A text that is references alone, without an element around them, quotes nothing: what decodes it
/// makes markup of it.
pub(crate) fn without_quoted_markup(value: &[u8], spelling: Spelling, quoted: Quoted) -> Option<String> {
    let value = match spelling {
        Spelling::Form => {
            let blanks = bytes::blanks(value).map_or(Cow::Borrowed(value), Cow::Owned);
            bytes::percent(&blanks).map_or(blanks, Cow::Owned)
        }
        Spelling::Literal => Cow::Borrowed(value),
    };
    let first = value.iter().position(|byte| *byte == b'<')?;
    let (before, markup) = value.split_at_checked(first)?;
    let pieces = pieces(markup);
    let mut plain = before.to_vec();
    let mut has_quoted = false;
    for piece in &pieces {
        plain.extend_from_slice(piece.tag);
        let owner = piece.owner.and_then(|owner| pieces.get(owner));
        let owner = owner.filter(|owner| owner.is_closed).map(|owner| name(owner.tag));
        match owner.and_then(|owner| quotation(owner, piece.text, quoted)) {
            Some(range) => {
                has_quoted = true;
                plain.extend_from_slice(piece.text.get(..range.start)?);
                plain.push(b' ');
                plain.extend_from_slice(piece.text.get(range.end..)?);
            }
            None => plain.extend_from_slice(piece.text),
        }
    }
    has_quoted.then(|| normalise(&plain, Spelling::Literal, false).text.into_owned())
}

/// Takes markup apart.
fn pieces(markup: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = markup;
    while !rest.is_empty() {
        let (tag, behind) = rest.split_at(tag_end(rest));
        let end = behind.iter().position(|byte| *byte == b'<').unwrap_or(behind.len());
        let (text, next) = behind.split_at(end);
        rest = next;
        let here = pieces.len();
        match tag {
            [b'<', b'/', ..] => {
                let is_its = |at: &usize| {
                    let piece = pieces.get(*at);
                    piece.is_some_and(|piece| name(piece.tag).eq_ignore_ascii_case(name(tag)))
                };
                let from = open.len().saturating_sub(DEEPEST);
                let inner = open.get(from..).unwrap_or_default();
                if let Some(place) = inner.iter().rposition(is_its) {
                    let closed = inner.get(place).and_then(|at| pieces.get_mut(*at));
                    closed.into_iter().for_each(|piece| piece.is_closed = true);
                    open.truncate(from + place);
                }
            }
            [b'<', first, .., b'>'] if first.is_ascii_alphabetic() && !is_one_of(name(tag), EMPTY) => open.push(here),
            _ => {}
        }
        pieces.push(Piece {
            tag,
            text,
            owner: open.last().copied(),
            is_closed: false,
        });
    }
    pieces
}

/// The name of a tag.
fn name(tag: &[u8]) -> &[u8] {
    let tag = tag
        .strip_prefix(b"</")
        .or_else(|| tag.strip_prefix(b"<"))
        .unwrap_or(tag);
    let length = tag.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    tag.get(..length).unwrap_or_default()
}

fn is_one_of(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// What of an element's text is quoted.
fn quotation(owner: &[u8], text: &[u8], quoted: Quoted) -> Option<Range<usize>> {
    if text.is_empty() || is_one_of(owner, OF_NO_TEXT) {
        return None;
    }
    let range = if quoted == Quoted::Markup && is_one_of(owner, OF_CODE) {
        0..text.len()
    } else {
        let start = starts(text).find(|(_, behind)| match quoted {
            Quoted::Markup => behind
                .first()
                .is_some_and(|sign| sign.is_ascii_alphabetic() || b"/!?%".contains(sign)),
            Quoted::Programs => behind.first().is_some_and(|sign| b"!?%".contains(sign)),
        });
        let (start, behind) = start?;
        start..last_end(behind).map_or(text.len(), |end| text.len() - behind.len() + end)
    };
    let decoded = normalise(text, Spelling::Literal, false).text;
    (!leaves_a_string(&decoded)).then_some(range)
}

/// References to `<`, however often they were escaped: where each begins, and what stands behind
/// it.
fn starts(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    references(text, b"lt;", b"60", b"3c")
}

/// Where the last reference to `>` ends, or the sign itself, which editors leave as it is.
fn last_end(text: &[u8]) -> Option<usize> {
    let sign = text.iter().rposition(|byte| *byte == b'>').map(|at| at + 1);
    let coded = references(text, b"gt;", b"62", b"3e").last();
    coded.map(|(_, behind)| text.len() - behind.len()).max(sign)
}

fn references<'t>(
    text: &'t [u8],
    named: &'static [u8],
    decimal: &'static [u8],
    hexadecimal: &'static [u8],
) -> impl Iterator<Item = (usize, &'t [u8])> {
    let signs = text.iter().enumerate().filter(|(_, byte)| **byte == b'&');
    signs.filter_map(move |(at, _)| {
        let mut name = text.get(at + 1..)?;
        // `&amp;lt;` is one reference and the beginning of another
        while let Some(rest) = name.strip_prefix(b"amp;") {
            name = rest;
        }
        let is_named = name
            .get(..named.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(named));
        if is_named {
            return Some((at, name.get(named.len()..)?));
        }
        let number = name.strip_prefix(b"#")?;
        let (number, wanted) = match number.strip_prefix(b"x").or_else(|| number.strip_prefix(b"X")) {
            Some(number) => (number, hexadecimal),
            None => (number, decimal),
        };
        let zeros = number.iter().take_while(|digit| **digit == b'0').count();
        let digits = number.get(zeros..zeros + wanted.len())?;
        let behind = number.get(zeros + wanted.len()..)?;
        let behind = match behind {
            [b';', behind @ ..] => behind,
            [next, ..] if next.is_ascii_hexdigit() => return None,
            behind => behind,
        };
        digits.eq_ignore_ascii_case(wanted).then_some((at, behind))
    })
}

/// Whether a text leaves a string or an attribute's value that it stands in: of what follows its
/// first quote, up to the next one, all is code or attributes. In code that is quoted as a whole,
/// and in tags, strings stand there.
fn leaves_a_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_letter = |at: Option<usize>| {
        let byte = at.and_then(|at| bytes.get(at));
        byte.is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
    };
    // within a word an apostrophe is none
    let is_apostrophe = |at: usize| is_letter(at.checked_sub(1)) && is_letter(Some(at + 1));
    // unless a handler follows that stands in no tag
    let is_handler = |piece: &str| has_handler(piece.split('<').next().unwrap_or_default());
    // of a template's string what it computes is code too
    let computes = text.split('`').step_by(2).any(|piece| piece.contains("${"));
    computes
        || ['"', '`']
            .iter()
            .any(|quote| outside(text, *quote, |_| true).any(is_left))
        || outside(text, '\'', |at| !is_apostrophe(at)).any(is_left)
        || outside(text, '\'', |_| true).any(is_handler)
}

/// What of a text stands outside of a string that it stands in: from each second quote on, up to
/// the next one.
fn outside(text: &str, quote: char, counts: impl Fn(usize) -> bool) -> impl Iterator<Item = &str> {
    let quotes = text.match_indices(quote).map(|(at, _)| at);
    let mut start = 0;
    let pieces = quotes.filter(move |at| counts(*at)).chain([text.len()]).map(move |at| {
        let piece = text.get(start..at).unwrap_or_default();
        start = at + 1;
        piece
    });
    pieces.skip(1).step_by(2)
}

/// Whether what stands behind a string's end goes on as script, or with a handler of events.
fn is_left(piece: &str) -> bool {
    let code = piece.trim_start();
    let is_line = piece
        .get(..piece.len() - code.len())
        .is_some_and(|blanks| blanks.contains('\n'));
    let is_operator = is_line
        || code.starts_with([
            ';', ',', ')', '}', ']', '+', '-', '*', '/', '%', '&', '|', '^', '<', '>', '?', '=',
        ])
        || code.starts_with("in ")
        || code.starts_with("instanceof ");
    let goes_on = is_operator && code.contains(['(', '`', '=']);
    goes_on || has_handler(piece) || code.to_ascii_lowercase().contains("=javascript:")
}

/// Whether an attribute stands in a text that is named as handlers are, behind what ends the one
/// before.
fn has_handler(piece: &str) -> bool {
    let mut rest = piece;
    let mut is_behind = true;
    loop {
        let begins = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on"));
        if begins && is_behind {
            let behind = rest.trim_start_matches(|sign: char| sign.is_ascii_alphabetic());
            if behind.trim_start().starts_with('=') {
                return true;
            }
        }
        let mut signs = rest.chars();
        let Some(sign) = signs.next() else { return false };
        is_behind = sign.is_whitespace() || sign == '/';
        rest = signs.as_str();
    }
}

/// Where a tag ends, as browsers read it (WHATWG HTML, section 13.2.5): behind the first `>` that
/// is in no attribute's quotes.
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
        without_quoted_markup(value.as_bytes(), Spelling::Literal, Quoted::Markup)
    }

    #[test]
    fn quoted_markup_is_left_out() {
        for (value, left) in [
            ("<p>a &lt;script&gt;x</p>", "<p>a  x</p>"),
            ("<p>a &amp;lt;script&amp;gt;</p><i>b</i>", "<p>a  </p><i>b</i>"),
            ("<p><i>a</i>&#60;b</p>", "<p><i>a</i> </p>"),
            ("<p>a<br>&#x0003C;b&#62 c</p>", "<p>a<br>  c</p>"),
            ("<code class=\"js\">alert(1)</code>", "<code class=\"js\"> </code>"),
            ("<pre>f('x', \"y\")<b>g</b></pre>", "<pre> <b>g</b></pre>"),
            ("<pre>f(`a/${b}`)</pre>", "<pre> </pre>"),
            ("<p title=\">\">a &lt;b</p>", "<p title=\">\">a  </p>"),
            (
                "<p>don't &lt;a href=\"x\" onclick=\"f('y')\"&gt; it</p>",
                "<p>don't   it</p>",
            ),
        ] {
            assert_eq!(rest(value).as_deref(), Some(left), "{value}");
        }
        let form = without_quoted_markup(b"%3Cp%3E%26lt%3Bb%26gt%3B+x%3C/p%3E", Spelling::Form, Quoted::Markup);
        assert_eq!(form.as_deref(), Some("<p>  x</p>"));
        let programs = |value: &str| without_quoted_markup(value.as_bytes(), Spelling::Literal, Quoted::Programs);
        assert_eq!(programs("<p>a &lt;?php f() ?&gt;</p>").as_deref(), Some("<p>a  </p>"));
        for value in ["<code>system('id')</code>", "<p>&lt;b&gt; eval(x)</p>"] {
            assert_eq!(programs(value), None, "{value}");
        }
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
        let partly = rest("<p onclick=\"alert('&lt;')\">&lt;b</p><img src=x onerror=alert(1)>").unwrap();
        assert_eq!(partly, "<p onclick=\"alert('<')\"> </p><img src=x onerror=alert(1)>");
    }

    #[test]
    fn a_quotation_has_two_ends_and_leaves_no_string() {
        for value in [
            "<code>alert(1)",
            "<code><b>alert(1)</b>",
            "<b>&lt;script&gt;",
            "<b>x</b>&lt;script&gt;",
            "<br>&lt;script&gt;",
            "<b>&lt; alert(1)</b>",
            "<code>\" onfocus=alert(1) x=\"</code>",
            "<code>'/onfocus=alert(1) x='</code>",
            "<code>'-alert(1)-'</code>",
            "<code>';alert(1)//</code>",
            "<code>`+alert(1)+`</code>",
            "<code>${alert(1)}</code>",
            "<code>\"\nalert(1)//</code>",
            "<code>\"in alert(1) in\"</code>",
            "<code>\" href=javascript:alert(1) x=\"</code>",
            "<code>it's onfocus=alert(1) x='b</code>",
            "<b>&lt;b&#39;-alert(1)-&#39;&gt;</b>",
            "<b>&lt;b \" onfocus=alert(1) x=\"&gt;</b>",
        ] {
            assert_eq!(rest(value), None, "{value}");
        }
    }
}
