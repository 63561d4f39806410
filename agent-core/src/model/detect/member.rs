//! A built-in detector, and the values that are worth its look.

use super::{BuildError, Detector, Hits, Value, lexicon::Lexicon};

/// A built-in detector.
pub(super) struct Member {
    pub(super) detector: Box<dyn Detector>,
    /// The rules that it looks by; `None` where they could not be told apart, so that it is always asked.
    rules: Option<Hits>,
    /// Where it looks by other means. As `wants`, a cheap answer that may be `true` for what is harmless.
    besides: Option<fn(&Value<'_>) -> bool>,
}

impl Member {
    /// A detector that finds what its rules find, and nothing else.
    pub(super) fn by_rules<D: Detector + 'static>(
        make: impl FnOnce(&mut Lexicon) -> Result<D, BuildError>,
        lexicon: &mut Lexicon,
    ) -> Result<Self, BuildError> {
        let before = lexicon.len();
        let detector = Box::new(make(lexicon)?);
        let rules = lexicon.since(before);
        Ok(Self {
            detector,
            rules,
            besides: None,
        })
    }

    /// A detector that finds what its rules find, and more in some values.
    pub(super) fn by_rules_and<D: Detector + 'static>(
        besides: fn(&Value<'_>) -> bool,
        make: impl FnOnce(&mut Lexicon) -> Result<D, BuildError>,
        lexicon: &mut Lexicon,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            besides: Some(besides),
            ..Self::by_rules(make, lexicon)?
        })
    }

    /// A detector that looks into some values only.
    pub(super) fn only(besides: fn(&Value<'_>) -> bool, detector: impl Detector + 'static) -> Self {
        Self {
            detector: Box::new(detector),
            rules: Some(Hits::default()),
            besides: Some(besides),
        }
    }

    /// `has_hits` says whether the value has any: most have none.
    pub(super) fn wants(&self, value: &Value<'_>, has_hits: bool) -> bool {
        let by_rules = |rules: &Hits| has_hits && value.hits.has_any(rules);
        let is_worth = self.rules.as_ref().is_none_or(by_rules) || self.besides.is_some_and(|besides| besides(value));
        is_worth && self.detector.wants(value.marks)
    }
}
