//! A request's target, as it came: what servers for Python have made of it, made undone.

/// A path as it came, percent-encoded, the query without `?`, and the host and port that stood
/// before them, where the target was an absolute one (RFC 9112, section 3.2.2).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authority: Option<String>,
}

impl Target {
    /// Of the request line's target, whose bytes may be shown as Latin-1 (as WSGI does). A scheme
    /// and a host before the path are taken off, and a fragment is cut off, which no client may
    /// send and no application sees.
    pub(crate) fn of_line(line: &str) -> Self {
        let line = line.split('#').next().unwrap_or_default();
        let (path, query) = line.split_once('?').unwrap_or((line, ""));
        Self::of_parts(path, query)
    }

    /// Of a path that may have a scheme and a host before it, and a query.
    pub(crate) fn of_parts(path: &str, query: &str) -> Self {
        let (authority, path) = match path.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
                    Some((authority, path)) => (Some(authority), path),
                    None => (Some(rest), "/"),
                }
            }
            _ => (None, path),
        };
        Self {
            path: ascii(path),
            query: ascii(query),
            authority: authority.map(ascii),
        }
    }

    /// Of a path that was decoded, as bytes, and the query as it came.
    pub(crate) fn of_decoded(path: impl Iterator<Item = u8>, query: &str) -> Self {
        Self {
            path: encoded(path, |byte| {
                byte.is_ascii_graphic() && !matches!(byte, b'%' | b'?' | b'#')
            }),
            query: ascii(query),
            authority: None,
        }
    }
}

/// A text in ASCII: whatever else a client sent unencoded is encoded, byte by byte.
fn ascii(text: &str) -> String {
    if text.is_ascii() {
        text.to_owned()
    } else {
        encoded(latin1(text), |byte| byte.is_ascii())
    }
}

/// The bytes behind a text that WSGI shows as Latin-1. What is no Latin-1 never was a byte: it stands in UTF-8.
pub(crate) fn latin1(text: &str) -> impl Iterator<Item = u8> {
    let is_bytes = text.chars().all(|char| u32::from(char) < 0x100);
    let bytes = is_bytes.then(|| text.chars().filter_map(|char| u8::try_from(u32::from(char)).ok()));
    let utf8 = (!is_bytes).then(|| text.bytes());
    bytes.into_iter().flatten().chain(utf8.into_iter().flatten())
}

fn encoded(bytes: impl Iterator<Item = u8>, stays: impl Fn(u8) -> bool) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    let mut text = String::new();
    for byte in bytes {
        if stays(byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    text
}
