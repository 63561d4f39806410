//! Detectors: one file a family of attacks, each a pure function from a normalised value to a
//! [`Finding`].
//!
//! ```text
//! request ─▶ places ─▶ Field ─▶ normal ─▶ Value ─▶ marks ─▶ detectors that want it ─▶ rules ─▶ Finding
//! ```
//!
//! A value is looked at once for its byte classes ([`Marks`]), and searched once for the literals
//! of all rules ([`Hits`]): only detectors that need one of the classes it has are asked, and only
//! rules of which a literal is there. So a plain value costs some nanoseconds, whatever the number
//! of rules.
//!
//! Rules score hundredths. What a detector finds in one value adds up, and [`CERTAIN`] is enough to
//! refuse a request by default. In what looks like a document (prose, source code, a mail), rules
//! that look for what people also write about are not asked; see [`Scope`].
//!
//! A detector of one's own is a type that implements [`Detector`]:
//!
//! ```
//! use buckler_waf::detect::{Detector, Detectors, Family, Finding, Marks, Value};
//! use buckler_waf::places::{Field, Part, Role};
//! use buckler_waf::normal::Spelling;
//!
//! struct Coupons;
//! impl Detector for Coupons {
//!     fn family(&self) -> Family { Family::Custom("coupons") }
//!     fn wants(&self, _: Marks) -> bool { true }
//!     fn look(&self, value: &Value<'_>) -> Option<Finding> {
//!         let guesses = value.text.matches("SALE-").count();
//!         (guesses > 3).then(|| Finding::new("many-coupons", 90, 0..value.text.len()))
//!     }
//! }
//! let detectors = Detectors::standard()?.with(Coupons);
//! let field = Field::whole(Part::Query, Role::Value, b"SALE-1 SALE-2 SALE-3 SALE-4", Spelling::Form);
//! let caught = detectors.look(&field).expect("four guesses");
//! assert_eq!((caught.family, caught.finding.rule), (Family::Custom("coupons"), "many-coupons"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod automaton;
mod code;
mod command;
mod context;
mod crlf;
mod data;
mod doctype;
mod embed;
mod excerpt;
mod familiar;
mod family;
mod hosts;
mod ldap;
pub mod leak;
mod lexicon;
mod marks;
mod markup;
mod member;
mod nosql;
mod options;
mod path;
pub mod pollution;
mod probe;
mod prompt;
mod prototype;
mod rules;
mod search;
mod sentence;
mod sql;
mod sqli;
mod ssi;
mod ssrf;
mod statement;
mod template;
mod upload;
mod value;
mod xss;
mod xxe;

use std::{fmt, ops::Range};

use once_cell::race::OnceBox;

pub use crate::fuel::{Fuel, PutBy};

pub use self::{
    context::Context,
    excerpt::{excerpt, excerpt_at, hidden},
    family::Family,
    lexicon::Hits,
    marks::Marks,
    options::{Ask, Families, Least, Options, Unattended},
    probe::{ASKED_BY_SOFTWARE, is_asked_by_software_too, is_told_by_the_answer},
    rules::{BuildError, Rule, RuleSet, Scope},
    value::Value,
};
use self::{
    lexicon::{Lexicon, Words},
    member::{Asked, Lookers, Member},
};
use super::places::Field;

/// The score, in hundredths, that refuses a request by default.
pub const CERTAIN: u8 = 90;

/// Finds attacks of one family.
pub trait Detector: Send + Sync {
    /// The family.
    fn family(&self) -> Family;

    /// Whether a value with these byte classes is worth a look. A cheap answer that may be wrong
    /// one way: `true` for what is harmless.
    fn wants(&self, marks: Marks) -> bool;

    /// What is found in a value. Must take linear time and must not panic.
    fn look(&self, value: &Value<'_>) -> Option<Finding>;
}

/// What a detector found in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that counted most.
    pub rule: &'static str,
    /// How sure it is, in hundredths; [`CERTAIN`] is enough to refuse.
    pub score: u8,
    /// Where in the normalised text it was found.
    pub at: Range<usize>,
}

impl Finding {
    /// A finding by one rule.
    #[must_use]
    pub const fn new(rule: &'static str, score: u8, at: Range<usize>) -> Self {
        Self { rule, score, at }
    }
}

/// A finding with its family and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The family of the detector.
    pub family: Family,
    /// What it found.
    pub finding: Finding,
    /// What was there: some characters of the normalised text, or its length where it is a secret.
    pub excerpt: Box<str>,
    /// What tells the value from others, for counts: an excerpt shows a part that its sender may
    /// choose, or nothing.
    pub compared: Compared,
}

/// The beginning of a value, to be compared with others and never to be shown: it may be of a
/// secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Compared(Box<str>);

impl Compared {
    /// The longest part of a value that is compared, in bytes: a line of a form, and more than an
    /// excerpt.
    pub const LONGEST: usize = 256;

    /// Takes the beginning of a value.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let end = text.floor_char_boundary(Self::LONGEST);
        Self(text.get(..end).unwrap_or_default().into())
    }

    /// Returns the text, for a comparison alone.
    #[must_use]
    pub fn into_text(self) -> Box<str> {
        self.0
    }
}

impl fmt::Debug for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compared").finish_non_exhaustive()
    }
}

/// A set of detectors: the standard ones, and the host's own. The default set has none.
#[derive(Default)]
pub struct Detectors {
    standard: Option<&'static Standard>,
    own: Vec<Box<dyn Detector>>,
}

/// The detectors of every family, with the literals of all their rules in one automaton.
struct Standard {
    all: Vec<Member>,
    /// Which of them look by which rule.
    lookers: Lookers,
    words: Words,
    /// Which of the rules are asked of which values.
    asked: Asked,
    /// How many rules they have together.
    rules: usize,
}

impl Standard {
    /// Compiled once in a process, when it is first asked for: it takes some hundred milliseconds,
    /// is some MiB, and never changes.
    ///
    /// No thread waits for another: a child forked meanwhile would wait for a thread that it does
    /// not have.
    fn shared() -> Result<&'static Self, BuildError> {
        static SHARED: OnceBox<Standard> = OnceBox::new();
        SHARED.get_or_try_init(|| Self::new().map(Box::new))
    }

    fn new() -> Result<Self, BuildError> {
        // asked what of a finding may be shown, from the first one on
        leak::compiled()?;
        let mut lexicon = Lexicon::default();
        let words = &mut lexicon;
        let upload = Member::only(upload::is_of_a_file, upload::Upload::new(words)?);
        let of_files = words.since(0).unwrap_or_default();
        let before = words.len();
        let probe = Member::only(probe::is_asked_for, probe::Probe::new(words)?);
        let of_paths = words.since(before).unwrap_or_default();
        let before = words.len();
        let prompt = Member::by_rules(prompt::detector, words)?;
        let of_prompts = words.since(before).unwrap_or_default();
        let all: Vec<Member> = vec![
            Member::by_rules_and(Marks::QUOTE, sqli::may_be_tokens, sqli::Sqli::new, words)?,
            Member::by_rules(xss::Xss::new, words)?,
            Member::by_rules_and(command::IGNORED, command::may_be_split, command::Command::new, words)?,
            Member::by_rules(path::Path::new, words)?,
            Member::by_rules_and(Marks::COLON, ssrf::may_be_broken, ssrf::Ssrf::new, words)?,
            Member::by_rules(template::detector, words)?,
            Member::by_rules(code::detector, words)?,
            Member::by_rules(nosql::detector, words)?,
            Member::by_rules(ldap::detector, words)?,
            Member::by_rules(ssi::detector, words)?,
            Member::by_rules(xxe::Xxe::new, words)?,
            Member::by_rules(crlf::Crlf::new, words)?,
            Member::by_rules(prototype::detector, words)?,
            upload,
            probe,
            prompt,
        ];
        Ok(Self {
            lookers: Lookers::of(&all, lexicon.len()),
            all,
            asked: Asked::but_for(&of_paths, &of_files, &of_prompts),
            rules: lexicon.len(),
            words: lexicon.build(),
        })
    }
}

impl Detectors {
    /// The detectors of every family.
    ///
    /// # Errors
    /// Where a rule cannot be compiled: never, as tests see to.
    pub fn standard() -> Result<Self, BuildError> {
        Ok(Self {
            standard: Some(Standard::shared()?),
            own: Vec::new(),
        })
    }

    /// Adds a detector.
    #[must_use]
    pub fn with(mut self, detector: impl Detector + 'static) -> Self {
        self.add(Box::new(detector));
        self
    }

    /// As [`with`](Self::with).
    pub fn add(&mut self, detector: Box<dyn Detector>) {
        self.own.push(detector);
    }

    /// How many rules they have together; one of the host's own counts as one.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.standard.map_or(0, |standard| standard.rules) + self.own.len()
    }

    /// The family of each detector, in the order in which they are asked.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        self.all().map(Detector::family)
    }

    fn all(&self) -> impl Iterator<Item = &dyn Detector> {
        let standard = self.standard.map(|standard| standard.all.as_slice());
        let standard = standard.unwrap_or_default().iter().map(|member| &member.detector);
        standard.chain(&self.own).map(|detector| &**detector)
    }

    /// The first finding in a field that is [`CERTAIN`], or else the one with the highest score, by
    /// [`Options::STANDARD`].
    #[must_use]
    pub fn look(&self, field: &Field<'_>) -> Option<Caught> {
        self.look_for(field, &Options::STANDARD)
    }

    /// As [`look`](Self::look), for what the options say.
    #[must_use]
    pub fn look_for(&self, field: &Field<'_>, options: &Options<'_>) -> Option<Caught> {
        let mut best: Option<Caught> = None;
        self.each(field, options, &mut |caught| {
            let is_better = best
                .as_ref()
                .is_none_or(|best| best.finding.score < caught.finding.score);
            if is_better {
                best = Some(caught);
            }
            best.as_ref().is_none_or(|best| best.finding.score < CERTAIN)
        });
        best
    }

    /// Shows every family's finding in a field, until `report` has enough.
    pub fn each(&self, field: &Field<'_>, options: &Options<'_>, report: &mut dyn FnMut(Caught) -> bool) {
        search::each(self, field, options, report);
    }
}

impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own: Vec<Family> = self.own.iter().map(|detector| detector.family()).collect();
        f.debug_struct("Detectors")
            .field("standard", &self.standard.map_or(0, |standard| standard.all.len()))
            .field("own", &own)
            .finish()
    }
}

#[cfg(test)]
mod tests;
