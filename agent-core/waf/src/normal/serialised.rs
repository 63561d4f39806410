//! Serialised objects: what Java, .NET, Python and Ruby write, and run code for as they read it
//! back (CWE-502).
//!
//! Their bytes show nothing that rules could look for once control characters are dropped, and in
//! Base64 they are one word of letters. So they are told by their bytes.

use super::{base64, bytes::hex};

/// As much of an object as is looked at, in bytes: the names of its first classes and functions.
pub(crate) const HEAD: usize = 512;

/// What begins the text that tells of an object. No value holds it: control characters are dropped
/// from all of them.
const MARK: char = '\u{1}';

/// What a value is or stands for, in Base64 or hexadecimal digits: its format and what shows of it.
pub(super) fn of_code(code: &str) -> Option<String> {
    let code = code.trim_ascii().as_bytes();
    let is_base64 = match code {
        // each format's first bytes, in Base64
        [b'r', b'O', b'0', b'A', ..]
        | [b'A', b'A', b'E', b'A', ..]
        | [b'g', b'A', b'J' | b'N' | b'S' | b'W', ..]
        | [b'B', b'A', b'h', ..] => true,
        [b'a' | b'A', b'c' | b'C', b'e' | b'E', b'd' | b'D', ..] => false,
        _ => return None,
    };
    let mut head = [0; HEAD];
    let length = if is_base64 {
        base64::head(code, &mut head)
    } else {
        hexadecimal(code, &mut head)
    };
    of_bytes(head.get(..length)?)
}

/// What bytes are.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..HEAD).unwrap_or(bytes);
    let kind = kind(bytes)?;
    let mut text = format!("{MARK}{kind}:");
    for run in bytes
        .split(|byte| !matches!(byte, b' '..=b'~'))
        .filter(|run| run.len() > 1)
    {
        text.push(' ');
        text.extend(run.iter().map(|byte| char::from(*byte)));
    }
    Some(text)
}

/// Whether bytes begin as a serialised object does.
pub(crate) fn is_serialised(bytes: &[u8]) -> bool {
    kind(bytes.get(..HEAD).unwrap_or(bytes)).is_some()
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        // Java Object Serialization Specification, section 6.4.2
        [0xac, 0xed, 0, 5, ..] => Some("java"),
        // [MS-NRBF], section 2.6.1: the only version there is
        [0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, ..] => Some("net"),
        [0x80, 2..=5, ..] if calls_of_python(bytes) => Some("pickle"),
        // PEP 3154: a frame with its length
        [0x80, 4 | 5, 0x95, _, _, _, _, 0, 0, 0, 0, ..] => Some("frame"),
        // Marshal 4.8: an object, or what names a class that is known for what it calls
        [4, 8, b'o', b':', ..] => Some("ruby"),
        [4, 8, ..] if names_a_class_of_ruby(bytes) => Some("ruby"),
        _ => None,
    }
}

/// Whether Marshal names a class or a module that published chains of Ruby begin with: behind `c`,
/// `m` or the colon of a symbol, and the length of the name and five. Texts hold such names too.
fn names_a_class_of_ruby(bytes: &[u8]) -> bool {
    const SHIFT: usize = 5;
    const WHOLE: &[&[u8]] = &[b"ERB", b"Kernel", b"Net::BufferedIO"];
    const PROXY: &[u8] = b"DeprecatedInstanceVariableProxy";
    let is_sought = |name: &[u8]| {
        let is_name = name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
        is_name && (WHOLE.contains(&name) || name.starts_with(b"Gem::") || name.ends_with(PROXY))
    };
    let mut rest = bytes;
    while let Some((sign, after)) = rest.split_first() {
        rest = after;
        let name = after.split_first().and_then(|(length, behind)| {
            let length = usize::from(*length).checked_sub(SHIFT)?;
            behind.get(..length)
        });
        if matches!(sign, b'c' | b'm' | b'M' | b':') && name.is_some_and(is_sought) {
            return true;
        }
    }
    false
}

/// Modules of Python that no value needs, and those of which it needs no such function.
const MODULES: &[&[u8]] = &[
    b"posix",
    b"nt",
    b"os",
    b"subprocess",
    b"commands",
    b"pty",
    b"runpy",
    b"timeit",
    b"importlib",
    b"ctypes",
    b"shutil",
];
const BUILTINS: &[&[u8]] = &[b"builtins", b"__builtin__"];
const FUNCTIONS: &[&[u8]] = &[
    b"eval",
    b"exec",
    b"compile",
    b"open",
    b"getattr",
    b"__import__",
    b"apply",
    b"input",
];

/// Whether a pickle names a function that runs or reads what one likes: `c` with lines (protocols
/// 2 and 3), or strings with their length (4 and 5).
fn calls_of_python(bytes: &[u8]) -> bool {
    let named = |module: &[u8]| {
        bytes.windows(module.len() + 2).any(|part| match part {
            [b'c', name @ .., b'\n'] => name == module,
            [0x8c, length, name @ ..] => usize::from(*length) == module.len() && name == module,
            _ => false,
        })
    };
    MODULES.iter().any(|module| named(module))
        || BUILTINS.iter().any(|module| named(module)) && FUNCTIONS.iter().any(|name| holds(bytes, name))
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

fn hexadecimal(code: &[u8], head: &mut [u8; HEAD]) -> usize {
    let mut length = 0;
    for (place, pair) in head.iter_mut().zip(code.chunks_exact(2)) {
        let &[high, low] = pair else { break };
        let (Some(high), Some(low)) = (hex(high), hex(low)) else {
            break;
        };
        *place = high << 4 | low;
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_by_their_bytes() {
        for (bytes, text) in [
            (
                &b"\xac\xed\0\x05sr\0\x11java.util.HashMap"[..],
                "\u{1}java: sr java.util.HashMap",
            ),
            (b"\0\x01\0\0\0\xff\xff\xff\xff\x01\0\0\0\0\0\0\0\x0c", "\u{1}net:"),
            (b"\x80\x02cposix\nsystem\nq\x01", "\u{1}pickle: cposix system"),
            (b"\x80\x03cbuiltins\neval\nq\0", "\u{1}pickle: cbuiltins eval"),
            (
                b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93",
                "\u{1}pickle: posix system",
            ),
            (b"\x80\x05\x95\x1d\0\0\0\0\0\0\0]\x94(K", "\u{1}frame: (K"),
            (b"\x04\x08o:\x15Gem::SpecFetcher\0", "\u{1}ruby: o: Gem::SpecFetcher"),
            (b"\x04\x08[\x08c\x15Gem::SpecFetcher", "\u{1}ruby: Gem::SpecFetcher"),
            (b"\x04\x08[\x06o:\x08ERB\x00", "\u{1}ruby: o: ERB"),
            (b"\x04\x08[\x06m\x0bKernel", "\u{1}ruby: Kernel"),
            (
                b"\x04\x08[\x06o:\x27A::DeprecatedInstanceVariableProxy\x00",
                "\u{1}ruby: o:'A::DeprecatedInstanceVariableProxy",
            ),
        ] {
            assert_eq!(of_bytes(bytes).as_deref(), Some(text), "{text}");
            assert!(is_serialised(bytes));
        }
        for bytes in [
            &b""[..],
            b"\xac\xed\0\x04sr",
            b"\x80\x03ccollections\nOrderedDict\nq\0",
            b"\x80\x02c__builtin__\nset\nq\0",
            b"\x80\x04abc",
            b"\x04\x08{\x08I\"\x0fsession_id\x06:\x06ET",
            b"\x04\x08I\"\x06a",
            b"\x04\x08{\x06I\"\x09user\x06:\x06ETI\"\x0cHERBERT\x06;\0T",
            b"\x04\x08{\x06I\"\x0anews\x06:\x06ETI\"\x12Kernel update\x06;\0T",
            b"\x04\x08{\x06:\x0aKernelI\"\x09Gem::",
            b"\x04\x08{\x06:\x0cKernels",
            b"text",
        ] {
            assert_eq!(of_bytes(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn codes_are_told_by_what_they_stand_for() {
        for code in [
            "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==",
            "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA",
            "aced0005737200116a6176612e7574696c2e486173684d6170",
            "ACED000573720011",
            "gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",
            "gANjYnVpbHRpbnMKZXZhbApxAFgBAAAAMXEBhXECUnEDLg==",
            "BAhvOhVHZW06OlNwZWNGZXRjaGVyAA==",
            "AAEAAAD/////AQAAAAAAAAAMAgAAAElTeXN0ZW0",
        ] {
            assert!(of_code(code).is_some(), "{code}");
        }
        for code in [
            "",
            "rO0A",
            "rO0AAAAAAAAA",
            "aced",
            "aced1234567890abcdef1234567890ab",
            "gANjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QK",
            "gAStQ3xL0pR2",
            "BAh7CEkiD3Nlc3Npb25faWQGOgZFVA==",
            "AAEAAQIDBAUGBwgJCgsMDQ4P",
            "d3b07384d113edec49eaa6238ad5ff00",
        ] {
            assert_eq!(of_code(code), None, "{code}");
        }
    }
}
