//! Why something of a body was not inspected, and where the reading ended.

use std::fmt;

use crate::fuel::Fuel;

/// Why something of a body was not inspected, or could be read in another way than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// It is longer than what is looked at.
    TooLarge,
    /// It holds more values than are looked at.
    TooMany,
    /// Its structures are nested deeper than they are followed.
    TooDeep,
    /// Its content type is declared twice, and differently.
    TwoTypes,
    /// Its charset is unknown, or none that such a body has: UTF-7, EBCDIC, a form in UTF-16.
    ForeignCharset,
    /// Its content coding or transfer coding cannot be decoded, or is one of several.
    UnknownCoding,
    /// It unpacks to so many times its size that no honest body does.
    Bomb,
    /// Its grammar is broken in a way that parsers read differently.
    LooseGrammar,
    /// It is said to be text, and begins with control bytes.
    ControlBytes,
    /// It ends in the middle of something.
    CutShort,
    /// It is no text and has no structure that is known: pictures, archives, encrypted data.
    NotText,
}

impl Gap {
    /// Every reason, in the order in which one that refuses a request is named.
    pub const ALL: [Self; 11] = [
        Self::TwoTypes,
        Self::ForeignCharset,
        Self::UnknownCoding,
        Self::Bomb,
        Self::LooseGrammar,
        Self::ControlBytes,
        Self::TooDeep,
        Self::TooMany,
        Self::TooLarge,
        Self::CutShort,
        Self::NotText,
    ];

    /// The name in settings and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::TooDeep => "too_deep",
            Self::TwoTypes => "two_types",
            Self::ForeignCharset => "foreign_charset",
            Self::UnknownCoding => "unknown_coding",
            Self::Bomb => "bomb",
            Self::LooseGrammar => "loose_grammar",
            Self::ControlBytes => "control_bytes",
            Self::CutShort => "cut_short",
            Self::NotText => "not_text",
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The gaps of one body, each with the offset at which it was met first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gaps([Option<usize>; Gap::ALL.len()]);

impl Gaps {
    /// Adds a gap; the first of a kind is kept.
    pub fn add(&mut self, gap: Gap, at: usize) {
        if let Some(first) = self.0.get_mut(gap as usize) {
            first.get_or_insert(at);
        }
    }

    /// The same gaps, so many bytes further on.
    #[must_use]
    pub(super) fn moved(self, by: usize) -> Self {
        Self(self.0.map(|at| at.map(|at| at.saturating_add(by))))
    }

    /// Adds all of the others.
    pub fn merge(&mut self, others: &Self) {
        others.iter().for_each(|(gap, at)| self.add(gap, at));
    }

    /// Whether there is a gap of a kind.
    #[must_use]
    pub fn has(&self, gap: Gap) -> bool {
        self.0.get(gap as usize).is_some_and(Option::is_some)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The gaps with their offsets, in the order of [`Gap::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Gap, usize)> + '_ {
        Gap::ALL
            .into_iter()
            .filter_map(|gap| Some((gap, (*self.0.get(gap as usize)?)?)))
    }
}

/// What is noted while something is taken apart: why not all of it is inspected, and what that may
/// still cost.
#[derive(Default)]
pub(super) struct Notes<'f> {
    pub(super) gaps: Gaps,
    fuel: Option<&'f Fuel>,
}

impl<'f> Notes<'f> {
    pub(super) fn new(fuel: Option<&'f Fuel>) -> Self {
        Self {
            gaps: Gaps::default(),
            fuel,
        }
    }

    /// Adds a gap.
    pub(super) fn add(&mut self, gap: Gap, at: usize) {
        self.gaps.add(gap, at);
    }

    /// Has something read whose gaps are not the whole's, and gives them.
    pub(super) fn apart<T>(&self, read: impl FnOnce(&mut Self) -> T) -> (T, Gaps) {
        let mut inner = Self::new(self.fuel);
        let result = read(&mut inner);
        (result, inner.gaps)
    }

    /// Has a part read that begins at this offset, and adds its gaps with their offsets in the
    /// whole.
    pub(super) fn within<T>(&mut self, at: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        let (result, gaps) = self.apart(read);
        self.gaps.merge(&gaps.moved(at));
        result
    }

    /// Takes steps; `false` where there are not as many left, and nothing more is to be read.
    pub(super) fn spend(&self, steps: u64) -> bool {
        self.fuel.is_none_or(|fuel| fuel.spend(steps))
    }

    /// As [`spend`](Self::spend), so many steps for each of some bytes.
    pub(super) fn spend_on(&self, bytes: &[u8], each: u64) -> bool {
        self.spend((bytes.len() as u64).saturating_mul(each))
    }

    /// Whether there is nothing left for more to be read.
    pub(super) fn is_out(&self) -> bool {
        self.fuel.is_some_and(Fuel::is_out)
    }

    /// What undoing codings may cost.
    pub(super) const fn fuel(&self) -> Option<&'f Fuel> {
        self.fuel
    }
}
