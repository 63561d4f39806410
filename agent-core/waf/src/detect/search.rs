//! Has the detectors look into one field, and into what is hidden in it.

use std::borrow::Cow;

use super::{
    CERTAIN, Caught, Compared, Detector, Detectors, Family, Finding, Fuel, Hits, Marks, Options, Standard, Value,
    excerpt_at, familiar, probe,
};
use crate::{
    normal::{SHORT_CODE, may_be_short_code, normalise, normalise_binary, normalise_plain},
    places::{Field, Part, Role},
};

/// Shows every family's finding in a field, until `report` has enough.
pub(super) fn each(
    detectors: &Detectors,
    field: &Field<'_>,
    options: &Options<'_>,
    report: &mut dyn FnMut(Caught) -> bool,
) {
    let is_worth = |_: &&Standard| !(says_nothing(field) || familiar::knows(field, options));
    let standard = detectors.standard.filter(is_worth);
    if standard.is_none() && detectors.own.is_empty() {
        return;
    }
    if options.fuel.is_some_and(|fuel| !fuel.begin(field.value.len())) {
        return;
    }
    let marks = Marks::of(field.value);
    let base64 = options.base64 && may_hold_base64(marks, field.value);
    let binary = || {
        let is_head = field.role == Role::FileHead;
        is_head.then(|| normalise_binary(field.value)).flatten()
    };
    let normal = if marks.is_plain(field.spelling) {
        normalise_plain(field.value, field.spelling, base64)
    } else if let Some(normal) = binary() {
        normal
    } else {
        normalise(field.value, field.spelling, options.base64)
    };
    let marks = match normal.text {
        Cow::Borrowed(text) if text.len() == field.value.len() => marks,
        Cow::Borrowed(_) | Cow::Owned(_) => Marks::of(normal.text.as_bytes()),
    };
    let mut search = Search {
        detectors,
        standard,
        options,
        report,
        found_nothing: true,
    };
    let value = Value::marked(field, &normal.text, normal.disguise, marks).within(options.context);
    if search.ask(value.fuelled(options.fuel))
        && let Some(hidden) = &normal.hidden
    {
        let value = Value::new(field, hidden, normal.disguise).within(options.context);
        search.ask(value.fuelled(options.fuel));
    }
    let is_whole = options.fuel.is_none_or(|fuel| !fuel.is_out());
    if standard.is_some() && search.found_nothing && is_whole {
        familiar::keep(field, options);
    }
}

/// Whether a value, in which nothing is coded, may stand for something in Base64: all of it is of
/// the alphabets, or it ends with a token's three parts, or it is a path, of which the last segment
/// may be a code.
fn may_hold_base64(marks: Marks, value: &[u8]) -> bool {
    const OTHERS: Marks = Marks::QUOTE
        .and(Marks::ANGLE)
        .and(Marks::ROUND)
        .and(Marks::SQUARE)
        .and(Marks::CURLY)
        .and(Marks::SEMICOLON)
        .and(Marks::DOLLAR)
        .and(Marks::COLON)
        .and(Marks::HASH)
        .and(Marks::STAR)
        .and(Marks::AT)
        .and(Marks::OTHER);
    let may_be_token = || marks.any(Marks::DOT) && marks.any(Marks::of_byte(b'j')) && marks.any(Marks::of_byte(b'y'));
    !marks.any(OTHERS) || may_be_token() || value.trim_ascii_start().starts_with(b"/")
}

/// Whether a field is one short word, so that no built-in detector is asked. Told sooner than whether it is familiar.
fn says_nothing(field: &Field<'_>) -> bool {
    if field.value.len() >= SHORT_CODE
        || field.role == Role::FileHead
        || probe::is_telling(&field.place)
        || may_be_short_code(field.value)
    {
        return false;
    }
    let marks = Marks::of(field.value);
    marks.is_empty() && marks.is_plain(field.spelling)
}

/// A search through one field.
struct Search<'s> {
    detectors: &'s Detectors,
    /// The built-in detectors, where they are to be asked.
    standard: Option<&'static Standard>,
    options: &'s Options<'s>,
    report: &'s mut dyn FnMut(Caught) -> bool,
    /// Whether all built-in detectors that are wanted looked to the end, and found nothing.
    found_nothing: bool,
}

impl Search<'_> {
    /// Has a value looked into. Whether to go on.
    fn ask(&mut self, mut value: Value<'_>) -> bool {
        // a file is held against its name, however little it holds
        let says_something = !value.marks.is_empty() || value.role == Role::FileHead || probe::is_telling(&value.place);
        if let Some(standard) = self.standard.filter(|_| says_something) {
            let (hits, ends) = standard
                .words
                .search(value.text, value.marks, self.asked(standard, &value));
            value.hits = hits;
            value.words = Some(&standard.words);
            value.spend(Fuel::AN_END * ends);
            let mut worth = standard.lookers.worth(&standard.all, &value);
            let goes_on = worth.all(|(index, detector)| {
                let is_asked = detector.wants(value.marks) && self.options.wants.has(detector.family());
                !is_asked || self.ask_standard(index, detector, &value)
            });
            if !goes_on {
                return false;
            }
        }
        let first = self.detectors.standard.map_or(0, |standard| standard.all.len());
        let own = self.detectors.own.iter().enumerate();
        own.filter(|(_, detector)| self.options.wants.has(detector.family()))
            .all(|(index, detector)| {
                // what the host's own do is watched from the first moment on
                let mut look = || detector.wants(value.marks).then(|| detector.look(&value)).flatten();
                let finding = self.options.ask.ask(first + index, &mut look);
                finding.is_none_or(|finding| self.tell(detector.family(), &value, finding))
            })
    }

    /// The rules of the detectors that are asked of such a value: others need not be told apart.
    fn asked<'a>(&self, standard: &'a Standard, value: &Value<'_>) -> &'a Hits {
        standard.asked.of(
            value.place.part == Part::Path,
            value.role == Role::FileName,
            self.options.wants.has(Family::Prompt),
        )
    }

    fn ask_standard(&mut self, index: usize, detector: &dyn Detector, value: &Value<'_>) -> bool {
        // neither where it is switched off nor where it panics
        let mut has_looked = false;
        let mut look = || {
            let finding = detector.look(value);
            has_looked = true;
            finding
        };
        let finding = self.options.ask.ask(index, &mut look);
        self.found_nothing &= has_looked && finding.is_none();
        finding.is_none_or(|finding| self.tell(detector.family(), value, finding))
    }

    fn tell(&mut self, family: Family, value: &Value<'_>, finding: Finding) -> bool {
        let waits =
            || self.options.awaits_answer && family == Family::Probe && probe::is_told_by_the_answer(finding.rule);
        if finding.score < self.options.least.of(family) || waits() {
            return true;
        }
        // a finding that is certain is told whatever is left: it may be the last of the request
        let is_paid = value.spend(Fuel::A_FINDING + value.text.len() as u64);
        if !is_paid && finding.score < CERTAIN {
            return true;
        }
        (self.report)(Caught {
            family,
            excerpt: excerpt_at(
                self.options.names,
                &value.place,
                value.role,
                value.text,
                finding.at.clone(),
            ),
            compared: Compared::of(value.text),
            finding,
        })
    }
}
