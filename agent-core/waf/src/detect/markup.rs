//! Pages, mails and components that are sent as text: what of their markup is theirs by right.

use super::{
    embed::{all_elements, attribute, find, is_relative, of_the_web},
    hosts::{FONTS, STYLES},
};

/// Whether a text is a page of its own, as mails are: what its base and its sheets of styles say
/// holds for nothing else.
pub(super) fn is_page(text: &str) -> bool {
    let start = text.trim_start().get(..9).unwrap_or_default();
    start.eq_ignore_ascii_case("<!doctype") || start.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("<html"))
}

/// Whether each base that a text has is a server of the web, over an encrypted connection.
pub(super) fn is_based_on_the_web(text: &str) -> bool {
    all_elements(text, &["base"], |tag| {
        let base = attribute(tag, "href");
        base.is_none_or(|base| base.starts_with("https://") && of_the_web(base).is_some())
    })
}

/// A text without its bases.
pub(super) fn without_bases(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find(rest, "<base ") {
        let (before, from) = rest.split_at_checked(at).unwrap_or_default();
        plain.push_str(before);
        rest = from.split_once('>').map_or("", |(_, behind)| behind);
    }
    plain.push_str(rest);
    plain
}

/// Whether each sheet of styles that a text links to is one of the site's, of a typeface, or of a
/// host of what everybody's pages load; or is called as one, on a server of the web, and written as
/// editors write links. Which of the latter are the site's own cannot be told.
pub(super) fn links_known_styles(text: &str) -> bool {
    all_elements(text, &["link"], |tag| {
        let href = attribute(tag, "href").unwrap_or_default();
        let Some(url) = of_the_web(href) else {
            return is_relative(href) && !href.starts_with('\\');
        };
        let (host, path) = url.split_once('/').unwrap_or((url, ""));
        let is_quoted = ["=\"https://", "='https://"].iter().any(|start| tag.contains(start));
        let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic());
        let is_sheet = path.split(['?', '#']).next().is_some_and(|file| file.ends_with(".css"));
        FONTS.contains(&host)
            || STYLES.contains(&host)
            || host.starts_with("fonts.")
            || is_quoted && is_name && is_sheet && href.starts_with("https://")
    })
}

/// Whether a text asks for a password, in a form that sends what is entered elsewhere.
pub(super) fn asks_for_passwords(text: &str) -> bool {
    let is_password = |tag: &str| {
        let kind = attribute(tag, "type").unwrap_or_default();
        kind.eq_ignore_ascii_case("password")
    };
    !all_elements(text, &["input"], |tag| !is_password(tag))
}

/// A text without its handlers in curly brackets, as JSX has them, where it has any and a browser
/// makes nothing of them that runs. It takes what stands up to the first blank or the tag's end for
/// the handler: brackets that are not closed there are an error of syntax, and a name does nothing.
/// What follows is no attribute and no tag. Where a page puts the text into a string, what is
/// called stands within that string.
pub(super) fn without_handlers_of_jsx(text: &str) -> Option<String> {
    /// The longest handler, in bytes.
    const LONGEST: usize = 1024;
    const CALLED: &[&str] = &["alert", "confirm", "prompt", "eval"];
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(at) = find(rest, "on") {
        let (before, from) = rest.split_at_checked(at + 2)?;
        let is_name = before.len() < 3 || before.get(..at)?.ends_with(|sign: char| sign.is_ascii_whitespace());
        let behind = from.trim_start_matches(|sign: char| sign.is_ascii_alphabetic());
        let Some(value) = behind
            .strip_prefix('=')
            .filter(|_| is_name && behind.len() < from.len())
        else {
            plain.push_str(before);
            rest = from;
            continue;
        };
        let length = closing(value.get(..value.floor_char_boundary(LONGEST)).unwrap_or(value))?;
        let (code, after) = value.split_at_checked(length)?;
        let seen = code
            .split(['>', ' ', '\t', '\n', '\r', '\u{c}'])
            .next()
            .unwrap_or_default();
        let names = code.strip_prefix('{')?.strip_suffix('}')?;
        let is_name = names
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
        let is_error = seen.len() < code.len() && closing(seen).is_none();
        let assigns = code.replace("=>", "").replace("==", "").contains('=');
        let quoted = code.split_once(['\'', '"', '`']).map_or("", |(_, quoted)| quoted);
        let is_called = CALLED.iter().any(|called| quoted.contains(called));
        if !(is_name || is_error || calls_its_own(names)) || assigns || is_called || code.contains('<') {
            return None;
        }
        plain.push_str(before.get(..at)?);
        rest = after;
    }
    plain.push_str(rest);
    (plain.len() < text.len()).then_some(plain)
}

/// Whether code is the call of a handler of the component's own with names, as its author calls it:
/// `handleSubmit(onSubmit)`, `this.open.bind(this)`. A browser has nothing that is called so.
fn calls_its_own(code: &str) -> bool {
    let called = code.strip_suffix(')').and_then(|code| code.split_once('('));
    let is_of_names = |names: &str| names.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    called.is_some_and(|(callee, given)| {
        let is_handler = callee
            .strip_prefix("handle")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()));
        let is_bound = callee.starts_with("this.handle") && callee.ends_with(".bind");
        is_of_names(callee) && is_of_names(given) && (is_handler && !callee.contains('.') || is_bound)
    })
}

/// The length of what stands in curly brackets, with them, at the beginning of a text; `None` where
/// there are none, or brackets are not closed as they were opened.
fn closing(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open.push(b')'),
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b')' | b']' | b'}' if open.pop() != Some(byte) => return None,
            _ => {}
        }
        if open.is_empty() {
            return (byte == b'}').then_some(at + 1);
        }
    }
    None
}
