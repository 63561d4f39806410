//! Parameters of header values: `type; name="value"; name=value` (RFC 9110, section 5.6.6), and
//! what is odd about them.

/// A parameter of a header value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameter<'h> {
    /// Its name as it came.
    pub(super) name: &'h [u8],
    /// Its value without quotes; backslashes in it are as they came.
    pub(super) value: &'h [u8],
    /// Whether parsers may read it in several ways: a quote that is not closed or that is escaped,
    /// text behind it, a value that begins with a single quote, no value at all.
    pub(super) is_odd: bool,
}

impl Parameter<'_> {
    pub(super) const fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it is in the extended notation of RFC 8187 (`name*=`) or a part of a longer one
    /// (`name*0=`, RFC 2231).
    pub(super) fn is_extended(&self, name: &[u8]) -> bool {
        let rest = self.name.get(name.len()..).unwrap_or_default();
        rest.first() == Some(&b'*')
            && self
                .name
                .get(..name.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The parameters of a header value, in order.
pub(super) fn parameters(header: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    let at = header.iter().position(|byte| *byte == b';').unwrap_or(header.len());
    let mut rest = header.get(at..).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_first()?;
            let after = after.trim_ascii_start();
            let (parameter, next) = split(after);
            rest = next;
            if !(parameter.name.is_empty() && parameter.value.is_empty()) {
                return Some(parameter);
            }
        }
    })
}

/// The first value of a parameter.
pub(super) fn parameter<'h>(header: &'h [u8], wanted: &[u8]) -> Option<&'h [u8]> {
    parameters(header)
        .find(|parameter| parameter.is(wanted))
        .map(|parameter| parameter.value)
}

/// The parameter that the text begins with, and what follows it from its semicolon on.
fn split(text: &[u8]) -> (Parameter<'_>, &[u8]) {
    let end = text
        .iter()
        .position(|byte| matches!(byte, b'=' | b';'))
        .unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    let name = name.trim_ascii_end();
    let Some(value) = after.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) else {
        let parameter = Parameter {
            name,
            value: b"",
            is_odd: !name.is_empty(),
        };
        return (parameter, after);
    };
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let (bare, next) = value.split_at(end);
        let bare = bare.trim_ascii_end();
        let is_odd = bare.first() == Some(&b'\'') || bare.contains(&b'"');
        return (
            Parameter {
                name,
                value: bare,
                is_odd,
            },
            next,
        );
    };
    let (end, is_escaped) = closing_quote(quoted);
    let (inside, after) = quoted.split_at(end);
    let next = after.iter().position(|byte| *byte == b';').unwrap_or(after.len());
    let (behind, next) = after.split_at(next);
    let has_more = behind
        .strip_prefix(b"\"")
        .is_none_or(|more| !more.trim_ascii().is_empty());
    let parameter = Parameter {
        name,
        value: inside,
        is_odd: has_more || is_escaped,
    };
    (parameter, next)
}

/// Where the closing quote is, or the end, and whether there is a quote before it that is escaped.
fn closing_quote(quoted: &[u8]) -> (usize, bool) {
    let mut is_escaped = false;
    let mut follows_backslash = false;
    for (at, byte) in quoted.iter().enumerate() {
        match byte {
            b'"' if !follows_backslash => return (at, is_escaped),
            b'"' => is_escaped = true,
            _ => {}
        }
        follows_backslash = *byte == b'\\' && !follows_backslash;
    }
    (quoted.len(), is_escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(header: &str) -> Vec<(String, String, bool)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        parameters(header.as_bytes())
            .map(|own| (text(own.name), text(own.value), own.is_odd))
            .collect()
    }

    #[test]
    fn parameters_are_split_and_odd_ones_are_told() {
        let of = |name: &str, value: &str, is_odd| (name.to_owned(), value.to_owned(), is_odd);
        assert_eq!(
            all("form-data; name=\"a;b\" ;filename = c"),
            [of("name", "a;b", false), of("filename", "c", false)]
        );
        assert_eq!(all("x; a=1;; b=2;"), [of("a", "1", false), of("b", "2", false)]);
        assert_eq!(all("x; a=\"1"), [of("a", "1", true)]);
        assert_eq!(all("x; a='1'; b"), [of("a", "'1'", true), of("b", "", true)]);
        assert_eq!(all(r#"x; a="1\"; b=2""#), [of("a", r#"1\"; b=2"#, true)]);
        assert_eq!(
            all(r#"x; a="C:\x" ; b=2"#),
            [of("a", r"C:\x", false), of("b", "2", false)]
        );
        assert_eq!(all("x; a=\"1\"2; b=3"), [of("a", "1", true), of("b", "3", false)]);
        assert_eq!(all("x"), []);
        let extended = parameters(b"x; boundary*0=a").next().unwrap();
        assert!(extended.is_extended(b"boundary") && !extended.is(b"boundary"));
    }
}
