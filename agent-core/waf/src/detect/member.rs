//! A built-in detector, and the values that are worth its look.

use super::{BuildError, Detector, Hits, Marks, Value, lexicon::Lexicon};

/// A built-in detector.
pub(super) struct Member {
    pub(super) detector: Box<dyn Detector>,
    /// The rules that it looks by; `None` where they could not be told apart, so that it is always
    /// asked.
    rules: Option<Hits>,
    /// Where it looks by other means. As `wants`, a cheap answer that may be `true` for what is
    /// harmless.
    besides: Option<fn(&Value<'_>) -> bool>,
    /// Classes of bytes of which a value has one where it looks so; `None` where it may have none.
    marks: Option<Marks>,
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
            marks: None,
        })
    }

    /// A detector that finds what its rules find, and more in some values, each of which has one of
    /// these classes of bytes.
    pub(super) fn by_rules_and<D: Detector + 'static>(
        marks: Marks,
        besides: fn(&Value<'_>) -> bool,
        make: impl FnOnce(&mut Lexicon) -> Result<D, BuildError>,
        lexicon: &mut Lexicon,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            besides: Some(besides),
            marks: Some(marks),
            ..Self::by_rules(make, lexicon)?
        })
    }

    /// A detector that looks into some values only.
    pub(super) fn only(besides: fn(&Value<'_>) -> bool, detector: impl Detector + 'static) -> Self {
        Self {
            detector: Box::new(detector),
            rules: Some(Hits::default()),
            besides: Some(besides),
            marks: None,
        }
    }

    /// Whether it looks at a value by other means than its rules.
    fn looks_besides(&self, value: &Value<'_>) -> bool {
        self.rules.is_none() || self.besides.is_some_and(|besides| besides(value))
    }
}

/// The rules that are asked of a value, by what it is.
pub(super) struct Asked([Hits; 8]);

impl Asked {
    /// Every rule but those of paths, of names of files and of prompts, which are asked of them
    /// alone.
    pub(super) fn but_for(paths: &Hits, files: &Hits, prompts: &Hits) -> Self {
        let mut all = [Hits::ALL; 8];
        for (number, asked) in all.iter_mut().enumerate() {
            for (bit, rules) in [paths, files, prompts].into_iter().enumerate() {
                if number >> bit & 1 == 0 {
                    *asked = asked.without(rules);
                }
            }
        }
        Self(all)
    }

    /// The rules that are asked of a value that is a path, a file's name, or looked into for
    /// prompts.
    pub(super) fn of(&self, is_path: bool, is_file: bool, is_prompt: bool) -> &Hits {
        let number = usize::from(is_path) | usize::from(is_file) << 1 | usize::from(is_prompt) << 2;
        self.0.get(number).unwrap_or(&Hits::ALL)
    }
}

/// Which built-in detectors look by which rules, so that a value need not be held against each.
pub(super) struct Lookers {
    /// For each rule the detector that looks by it, as a bit; none where it is not told apart.
    of_rules: Vec<u32>,
    /// Those that look by other means too.
    besides: u32,
    /// Others, where a value has one of these classes of bytes.
    by_marks: Vec<(Marks, u32)>,
}

impl Lookers {
    /// Of these detectors, which have so many rules together.
    pub(super) fn of(all: &[Member], rules: usize) -> Self {
        let bits = || (0..u32::BITS).map(|number| 1 << number).zip(all);
        let of_rule = |rule: usize| {
            bits()
                .filter(|(_, member)| member.rules.as_ref().is_some_and(|rules| rules.has_number(rule)))
                .fold(0, |all, (bit, _)| all | bit)
        };
        Self {
            of_rules: (0..rules).map(of_rule).collect(),
            besides: bits()
                .filter(|(_, member)| member.rules.is_none() || (member.besides.is_some() && member.marks.is_none()))
                .fold(0, |all, (bit, _)| all | bit),
            by_marks: bits()
                .filter(|(_, member)| member.rules.is_some())
                .filter_map(|(bit, member)| Some((member.marks?, bit)))
                .collect(),
        }
    }

    /// The detectors that a value is worth the look of, by their places among all.
    pub(super) fn worth<'m>(&self, all: &'m [Member], value: &Value<'_>) -> Worth<'m> {
        let mut asked = value.hits.within(0).fold(0, |asked, rule| {
            asked | self.of_rules.get(rule).copied().unwrap_or_default()
        });
        let by_marks = self.by_marks.iter().filter(|(marks, _)| value.marks.any(*marks));
        let mut left = by_marks.fold(self.besides, |left, (_, bit)| left | bit) & !asked;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            left ^= bit;
            let member = all.get(bit.trailing_zeros() as usize);
            if member.is_some_and(|member| member.looks_besides(value)) {
                asked |= bit;
            }
        }
        Worth { all, left: asked }
    }
}

/// Detectors with their places, in order.
pub(super) struct Worth<'m> {
    all: &'m [Member],
    /// Their bits.
    left: u32,
}

impl<'m> Iterator for Worth<'m> {
    type Item = (usize, &'m dyn Detector);

    fn next(&mut self) -> Option<Self::Item> {
        let bit = self.left & self.left.wrapping_neg();
        self.left ^= bit;
        let place = bit.trailing_zeros() as usize;
        Some((place, &*self.all.get(place)?.detector))
    }
}
