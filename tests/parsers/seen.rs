//! What the engine saw of a body.

use buckler_waf::{
    normal::{Spelling, normalise},
    places::{self, Body, Field, Gaps, MOST_BYTES},
};

/// The values that were visited, without their disguise, and why there may be more.
pub(crate) struct Seen {
    values: Vec<String>,
    pub(crate) gaps: Gaps,
}

impl Seen {
    pub(crate) fn body(content_type: &str, bytes: &[u8]) -> Self {
        Self::by(|visit| places::body(MOST_BYTES, &Body::whole(content_type, bytes), visit))
    }

    pub(crate) fn query(query: &str) -> Self {
        Self::by(|visit| {
            places::query(query, visit);
            Gaps::default()
        })
    }

    fn by(read: impl FnOnce(&mut places::Visit<'_>) -> Gaps) -> Self {
        let mut values = Vec::new();
        let gaps = read(&mut |field: &Field<'_>| {
            values.push(plain(field.value, field.spelling));
            true
        });
        Self { values, gaps }
    }

    /// Whether a value that a handler gets was seen, by itself or within another.
    pub(crate) fn has(&self, value: &[u8]) -> bool {
        let wanted = plain(value, Spelling::Literal);
        wanted.is_empty() || self.values.iter().any(|seen| seen.contains(&wanted))
    }

    /// The first of these values that was not seen, where no reason says so.
    pub(crate) fn misses<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>) -> Option<String> {
        let is_text = |value: &V| str::from_utf8(value.as_ref()).is_ok_and(|text| !text.contains('\u{fffd}'));
        let missed = values
            .into_iter()
            .filter(is_text)
            .find(|value| !self.has(value.as_ref()))?;
        let missed = String::from_utf8_lossy(missed.as_ref()).into_owned();
        self.gaps
            .is_empty()
            .then(|| format!("{missed:?} is not among {:?}", self.values))
    }
}

/// What the detectors are shown of a value: of that, the characters that attacks are written in,
/// without those that some notations escape and others do not.
fn plain(value: &[u8], spelling: Spelling) -> String {
    let text = normalise(value, spelling, false).text;
    let counts = |char: &char| char.is_ascii_graphic() && !matches!(char, '"' | '\\');
    text.chars().filter(counts).collect()
}
