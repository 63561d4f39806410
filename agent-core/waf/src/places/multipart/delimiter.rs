//! Boundaries and delimiters: where parts begin and end, for the strict and for others.

use memchr::memmem::Finder;

use super::super::parameter::parameters;

/// The most boundaries that are tried: no honest client names more.
const MOST_BOUNDARIES: usize = 4;

/// The longest boundary that delimiters are looked for by, in bytes (RFC 2046, section 5.1.1): no
/// client has a longer one, and parsers cut it off, refuse it or take it.
const LONGEST: usize = 70;

/// The boundaries that a body may have.
pub(super) struct Boundaries<'b> {
    pub(super) all: Vec<&'b [u8]>,
    /// Whether there is one, and every parser reads the same.
    pub(super) is_strict: bool,
}

/// The boundaries that the header names, or the one of the body's first line where it names none.
pub(super) fn boundaries<'b>(content_type: &'b str, body: &'b [u8]) -> Boundaries<'b> {
    let mut all: Vec<&[u8]> = Vec::new();
    let mut count = 0;
    let mut is_strict = true;
    for parameter in parameters(content_type.as_bytes()) {
        if parameter.is_extended(b"boundary") {
            is_strict = false;
        } else if parameter.is(b"boundary") {
            count += 1;
            is_strict &= parameter.value.len() <= LONGEST
                && !parameter.is_odd
                && !parameter.value.is_empty()
                && parameter.value.iter().all(|byte| is_usual(*byte));
        } else {
            continue;
        }
        let value = parameter.value;
        // in the extended notation, what follows the charset and the language
        let plain = value.rsplit(|byte| *byte == b'\'').next().unwrap_or(value);
        for value in [value, plain] {
            if !value.is_empty() && value.len() <= LONGEST && !all.contains(&value) && all.len() < MOST_BOUNDARIES {
                all.push(value);
            }
        }
    }
    is_strict &= count == 1;
    if !is_strict || all.is_empty() {
        let line = body.split(|byte| matches!(byte, b'\r' | b'\n')).next();
        let first = line.and_then(|line| line.strip_prefix(b"--"));
        let is_new = |first: &&[u8]| !first.is_empty() && first.len() <= LONGEST && !all.contains(first);
        if let Some(first) = first.filter(is_new) {
            all.push(first);
        }
    }
    Boundaries { all, is_strict }
}

/// Whether a byte may stand in a boundary for every parser (RFC 2046, section 5.1.1, and what
/// clients of old take besides).
const fn is_usual(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'\''
                | b'('
                | b')'
                | b'+'
                | b'_'
                | b','
                | b'-'
                | b'.'
                | b'/'
                | b':'
                | b'='
                | b'?'
                | b'*'
                | b'!'
                | b'#'
                | b'$'
                | b'&'
                | b'@'
                | b'^'
                | b'~'
                | b'%'
                | b'|'
                | b'{'
                | b'}'
                | b'['
                | b']'
        )
}

/// What stands between two delimiters, without the line break in front of the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'b> {
    pub(super) bytes: &'b [u8],
    /// Its offset in the body.
    pub(super) at: usize,
    /// Whether no delimiter ends it.
    pub(super) is_cut: bool,
}

/// A body in segments.
pub(super) struct Segments<'b> {
    pub(super) segments: Vec<Segment<'b>>,
    /// Whether the closing delimiter was seen.
    pub(super) is_closed: bool,
    /// Where the first delimiter is that only some take for one.
    pub(super) loose_at: Option<usize>,
    /// What stands in front of the first delimiter: some take it for a part.
    pub(super) before: Option<Segment<'b>>,
    /// What follows the closing delimiter: likewise.
    pub(super) after: Option<Segment<'b>>,
}

/// Cuts a body at its delimiters: at those that every parser knows, and, where `all`, at the others
/// too.
pub(super) fn segments<'b>(body: &'b [u8], boundary: &[u8], all: bool) -> Segments<'b> {
    let mut found = Segments {
        segments: Vec::new(),
        is_closed: false,
        loose_at: None,
        before: None,
        after: None,
    };
    // where the segment that is open began, and whether it follows a closing delimiter
    let mut open: Option<(usize, bool)> = None;
    let mut from = 0;
    let dashed = [b"--", boundary].concat();
    let finder = Finder::new(&dashed);
    while let Some(delimiter) = Delimiter::next(body, &finder, from) {
        from = delimiter.end;
        let follows_the_last = open.is_some_and(|(_, is_after)| is_after);
        if !delimiter.is_strict || follows_the_last {
            found.loose_at.get_or_insert(delimiter.at);
            if !all {
                continue;
            }
        }
        if open.is_none() {
            found.before = outside(body, 0, without_line_break(body, delimiter.at));
        }
        if let Some((begin, _)) = open {
            let end = without_line_break(body, delimiter.at).max(begin);
            if begin == end {
                // a part without even a head is none for some, and begins with the delimiter for
                // others
                found.loose_at.get_or_insert(begin);
            }
            found.push(body, begin, end, false);
        }
        open = Some((delimiter.end, delimiter.is_last));
        found.is_closed = delimiter.is_last;
        if delimiter.is_last && !all {
            return found;
        }
    }
    match open {
        Some((begin, false)) => found.push(body, begin, body.len(), true),
        Some((begin, true)) => found.after = outside(body, begin, body.len()),
        None => {}
    }
    found
}

/// What stands there outside of all parts, if it may be one: with a disposition, by which parsers
/// know a field.
fn outside(body: &[u8], begin: usize, end: usize) -> Option<Segment<'_>> {
    let bytes = body.get(begin..end).unwrap_or_default();
    let segment = Segment {
        bytes,
        at: begin,
        is_cut: end == body.len(),
    };
    const DISPOSITION: &[u8] = b"content-disposition";
    let mut names = bytes.windows(DISPOSITION.len());
    names
        .any(|name| name.eq_ignore_ascii_case(DISPOSITION))
        .then_some(segment)
}

impl<'b> Segments<'b> {
    fn push(&mut self, body: &'b [u8], begin: usize, end: usize, is_cut: bool) {
        let bytes = body.get(begin..end).unwrap_or_default();
        if !bytes.is_empty() {
            let at = begin;
            self.segments.push(Segment { bytes, at, is_cut });
        }
    }
}

/// Where the line ends that stands in front of a delimiter.
fn without_line_break(body: &[u8], at: usize) -> usize {
    let before = body.get(..at).unwrap_or_default();
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// A line that begins as a delimiter does.
struct Delimiter {
    /// Where its dashes stand.
    at: usize,
    /// Where what follows it begins: behind its line break, but for a line that goes on.
    end: usize,
    /// Whether every parser takes it for one.
    is_strict: bool,
    /// Whether it closes the body.
    is_last: bool,
}

impl Delimiter {
    fn next(body: &[u8], dashed: &Finder<'_>, mut from: usize) -> Option<Self> {
        let is_first = from == 0;
        loop {
            let at = from + dashed.find(body.get(from..)?)?;
            // some take what is within a line for the first
            let begins = is_first || at == 0 || matches!(body.get(at - 1), Some(b'\n' | b'\r'));
            if begins {
                return Some(Self::at(body, at, at + dashed.needle().len()));
            }
            from = at + 1;
        }
    }

    fn at(body: &[u8], at: usize, name_end: usize) -> Self {
        let begins = at == 0 || body.get(..at).is_some_and(|before| before.ends_with(b"\r\n"));
        let after = body.get(name_end..).unwrap_or_default();
        let is_last = after.starts_with(b"--");
        let tail = after.strip_prefix(b"--").unwrap_or(after);
        // blanks that a transport may have added (RFC 2046, section 5.1.1): no client does, and not
        // every parser skips them
        let blanks = tail.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line_end = tail.get(blanks..).unwrap_or_default();
        let (is_strict, line_break) = match line_end {
            [] | [b'\r'] => (true, line_end.len()),
            [b'\r', b'\n', ..] => (true, 2),
            [b'\n', ..] => (false, 1),
            _ => (false, 0),
        };
        // the body may break off in the middle of the dashes
        let is_strict = is_strict || after == b"-";
        Self {
            at,
            end: name_end + (after.len() - tail.len()) + if line_break > 0 { blanks + line_break } else { 0 },
            is_strict: begins && is_strict && blanks == 0,
            is_last,
        }
    }
}
