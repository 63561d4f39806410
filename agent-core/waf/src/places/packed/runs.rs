//! Text in bytes of which nothing else is known: runs of printable characters.

use super::super::Visit;
use super::text;

/// The shortest run that is looked into, in bytes, where a body holds much text. What is shorter
/// holds no attack that the rules know.
const SHORTEST: usize = 6;

/// The shortest run in what looks like noise: of 64 KiB of random bytes one in a hundred has such a
/// run, where hundreds have six.
const SHORTEST_IN_NOISE: usize = 16;

/// Whether bytes are text: UTF-8 without control characters but blanks and line breaks.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_text) && str::from_utf8(bytes).is_ok()
}

/// Whether bytes are text but for one in eight.
pub(super) fn is_mostly_printable(bytes: &[u8]) -> bool {
    let odd = bytes.iter().filter(|byte| !is_ascii_text(**byte)).count();
    !bytes.is_empty() && (is_printable(bytes) || odd * 8 <= bytes.len())
}

/// Visits the runs.
pub(super) fn visit(bytes: &[u8], visit: &mut Visit<'_>) -> bool {
    visit_as("", bytes, visit)
}

/// Visits the runs under a name. Whether more is wanted.
pub(super) fn visit_as(name: &str, bytes: &[u8], visit: &mut Visit<'_>) -> bool {
    let runs = || bytes.split(|byte| !is_ascii_text(*byte));
    let in_runs: usize = runs().map(<[u8]>::len).filter(|length| *length >= SHORTEST).sum();
    let is_noise = in_runs * 5 < bytes.len();
    let shortest = if is_noise { SHORTEST_IN_NOISE } else { SHORTEST };
    runs()
        .filter(|run| run.len() >= shortest)
        .all(|run| text(name, run, visit))
}

const fn is_ascii_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

const fn is_text(byte: u8) -> bool {
    is_ascii_text(byte) || byte >= 0x80
}
