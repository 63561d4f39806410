//! What is looked for, and who has the detectors look.

use std::fmt;

use super::{Family, Finding};

/// Has detectors look, and answers for what they do: a guard catches their panics and watches their time.
pub trait Ask {
    /// Has a detector look, unless it is not to be asked. `index` is its place in [`Detectors::families`].
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

/// What is looked for.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// Whether values are also looked into after Base64 decoding (`DECODE_B64`).
    pub base64: bool,
    /// The families that are asked.
    pub wants: &'o dyn Fn(Family) -> bool,
    /// Who asks them.
    pub ask: &'o dyn Ask,
}

impl Options<'static> {
    /// All families but prompt injection, which is opt-in, also in Base64.
    pub const STANDARD: Self = Self {
        base64: true,
        wants: &|family| !matches!(family, Family::Prompt),
        ask: &Unattended,
    };
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("base64", &self.base64)
            .finish_non_exhaustive()
    }
}
