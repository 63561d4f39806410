//! What is looked for, and who has the detectors look.

use std::fmt;

use super::{CERTAIN, Context, Family, Finding, Fuel};
use crate::places::{STANDARD_NAMES, SecretNames};

/// Has detectors look, and answers for what they do: a guard catches their panics and watches their
/// time.
pub trait Ask {
    /// Has a detector look, unless it is not to be asked. `index` is its place in
    /// [`Detectors::families`](super::Detectors::families).
    fn ask(&self, index: usize, look: &mut dyn FnMut() -> Option<Finding>) -> Option<Finding>;
}

/// Has every detector look, and answers for nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unattended;

impl Ask for Unattended {
    fn ask(&self, _: usize, look: &mut dyn FnMut() -> Option<Finding>) -> Option<Finding> {
        look()
    }
}

/// A set of families. Detectors of the host's own are in it together or not at all, whatever their
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families(u32);

impl Families {
    /// No family.
    pub const NONE: Self = Self(0);

    /// Every family.
    pub const ALL: Self = Self(u32::MAX);

    /// One family.
    #[must_use]
    pub const fn only(family: Family) -> Self {
        Self(bit(family))
    }

    /// The families that pass a test. Of the host's own, one without a name is tested.
    #[must_use]
    pub fn that(test: impl Fn(Family) -> bool) -> Self {
        let passed = Family::ALL.into_iter().filter(|family| test(*family));
        Self(passed.fold(0, |set, family| set | bit(family)))
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, family: Family) -> Self {
        Self(self.0 & !bit(family))
    }

    /// Whether a family is one of these.
    #[must_use]
    pub const fn has(self, family: Family) -> bool {
        self.0 & bit(family) != 0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of the others are among these, and there are any.
    pub(super) const fn contain(self, others: Self) -> bool {
        others.0 != 0 && others.0 & !self.0 == 0
    }
}

const fn bit(family: Family) -> u32 {
    1 << family.index()
}

/// The scores, in hundredths, from which findings are told: below them nothing is shown of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Least {
    /// Of SQL injection.
    pub sqli: u8,
    /// Of cross-site scripting.
    pub xss: u8,
    /// Of all other families.
    pub others: u8,
}

impl Least {
    /// Every finding is told.
    pub const ANY: Self = Self {
        sqli: 0,
        xss: 0,
        others: 0,
    };

    /// Those that are certain are told.
    pub const CERTAIN: Self = Self {
        sqli: CERTAIN,
        xss: CERTAIN,
        others: CERTAIN,
    };

    /// The score of a family.
    #[must_use]
    pub const fn of(self, family: Family) -> u8 {
        if matches!(family, Family::Sqli) {
            self.sqli
        } else if matches!(family, Family::Xss) {
            self.xss
        } else {
            self.others
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Whether values are also looked into after Base64 decoding (`DECODE_B64`).
    pub base64: bool,
    /// The families that are asked.
    pub wants: Families,
    /// The scores from which findings are told.
    pub least: Least,
    /// Whether probes are not told that the application's answer tells from its own pages.
    pub awaits_answer: bool,
    /// Who asks them.
    pub ask: &'o dyn Ask,
    /// What is known of the request.
    pub context: Context<'o>,
    /// The names whose values no excerpt shows.
    pub names: &'o SecretNames,
    /// What it may cost; `None` where that is for the caller to bound.
    pub fuel: Option<&'o Fuel>,
}

impl Options<'static> {
    /// All families but prompt injection, which is opt-in, also in Base64.
    pub const STANDARD: Self = Self {
        base64: true,
        wants: Families::ALL.without(Family::Prompt),
        least: Least::ANY,
        awaits_answer: false,
        ask: &Unattended,
        context: Context::NONE,
        names: &STANDARD_NAMES,
        fuel: None,
    };
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("base64", &self.base64)
            .finish_non_exhaustive()
    }
}
