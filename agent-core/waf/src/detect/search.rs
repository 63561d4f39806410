//! Has the detectors look into one field, and into what is hidden in it.

use std::borrow::Cow;

use super::{
    CERTAIN, Caught, Compared, Detector, Detectors, Family, Finding, Fuel, Hits, Marks, Options, Standard, Value,
    excerpt_at, familiar, probe,
};
use crate::{
    normal::{
        Quoted, SHORT_CODE, may_be_short_code, normalise, normalise_binary, normalise_plain, without_quoted_markup,
    },
    places::{Field, NameHints, Part, Role},
};

/// Shows every family's finding in a field, until `report` has enough.
pub(super) fn each(
    detectors: &Detectors,
    field: &Field<'_>,
    options: &Options<'_>,
    report: &mut dyn FnMut(Caught) -> bool,
) {
    // of headers there are few
    if field.place.part != Part::Header && options.fuel.is_some_and(|fuel| !fuel.spend(Fuel::A_VISIT)) {
        return;
    }
    let is_worth = |_: &&Standard| !(says_nothing(field) || familiar::knows(field, options));
    let standard = detectors.standard.filter(is_worth);
    if standard.is_none() && detectors.own.is_empty() {
        return;
    }
    if options
        .fuel
        .is_some_and(|fuel| !fuel.begin(field.value.len(), field.place.name.len()))
    {
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
        let steps = Fuel::A_CODED_BYTE * field.value.len() as u64;
        if options.fuel.is_some_and(|fuel| !fuel.spend(steps)) {
            return;
        }
        normalise(field.value, field.spelling, options.base64)
    };
    let marks = match normal.text {
        Cow::Borrowed(text) if text.len() == field.value.len() => marks,
        Cow::Borrowed(_) | Cow::Owned(_) => Marks::of(normal.text.as_bytes()),
    };
    let mut search = Search {
        detectors,
        field,
        standard,
        options,
        report,
        found_nothing: true,
    };
    let value = Value::marked(field, &normal.text, normal.disguise, marks).within(options.context);
    let value = value.fuelled(options.fuel);
    if search.ask(value)
        && search.ask_edges(&value)
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

/// Whether a field is one short word, so that no built-in detector is asked. Told sooner than
/// whether it is familiar.
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

/// Names of fields that take one line of prose: what is put into the attribute of a form, and no
/// editor's text.
const OF_ONE_LINE: &[&str] = &["title", "subject", "subjectline", "headline"];

/// Families that are asked of a document's edges: what an application puts into commands,
/// statements and templates.
const OF_EDGES: &[Family] = &[Family::Command, Family::Sqli, Family::Template, Family::Xss];

/// What of markup says something at an edge: what leaves the attribute that a value is put into.
/// Tags begin documents.
const AT_AN_EDGE: &str = "attribute-break";

/// A search through one field.
struct Search<'s> {
    detectors: &'s Detectors,
    field: &'s Field<'s>,
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

    /// Has the edges of a document looked into as short values are. Whether to go on.
    fn ask_edges(&mut self, value: &Value<'_>) -> bool {
        let Some(standard) = self.standard.filter(|_| value.is_document) else {
            return true;
        };
        value.edges().all(|(start, mut edge)| {
            let asked = self.asked(standard, &edge);
            let (hits, ends) = standard.words.search(edge.text, edge.marks, asked);
            edge.hits = hits;
            edge.words = Some(&standard.words);
            edge.spend(Fuel::AN_END * ends);
            let mut worth = standard.lookers.worth(&standard.all, &edge);
            worth.all(|(index, detector)| {
                let is_asked = OF_EDGES.contains(&detector.family())
                    && detector.wants(edge.marks)
                    && self.options.wants.has(detector.family());
                !is_asked || self.ask_edge(index, detector, value, &edge, start)
            })
        })
    }

    /// Rich text without the markup that it quotes, for those who look for markup. Asked where
    /// something was found.
    fn without_quotes(&self, family: Family, value: &Value<'_>) -> Option<String> {
        const OF_MARKUP: &[Family] = &[Family::Xss, Family::Code, Family::Ssi];
        const RICH: NameHints = NameHints::HTML.and(NameHints::TEXT).and(NameHints::TEMPLATE);
        let is_rich = value.place.part == Part::Body && value.role == Role::Value && OF_MARKUP.contains(&family);
        let quoted = if family == Family::Xss {
            Quoted::Markup
        } else {
            Quoted::Programs
        };
        let length = self.field.value.len() as u64;
        let is_asked = is_rich
            && value.marks.any(Marks::ANGLE)
            && value.place.hints().any(RICH)
            && !value.place.is_named(OF_ONE_LINE)
            && value.spend(length);
        let raw = self.field.value;
        is_asked
            .then(|| without_quoted_markup(raw, self.field.spelling, quoted))
            .flatten()
    }

    fn ask_edge(
        &mut self,
        index: usize,
        detector: &dyn Detector,
        value: &Value<'_>,
        edge: &Value<'_>,
        start: usize,
    ) -> bool {
        // a text may begin with a handler's name, and leaves nothing by it
        let is_left = || {
            !edge
                .text
                .trim_start()
                .get(..2)
                .is_some_and(|start| start.eq_ignore_ascii_case("on"))
        };
        let is_of_edge =
            |finding: &Finding| detector.family() != Family::Xss || finding.rule == AT_AN_EDGE && is_left();
        let mut look = || detector.look(edge).filter(is_of_edge);
        let Some(mut finding) = self.options.ask.ask(index, &mut look) else {
            return true;
        };
        self.found_nothing = false;
        finding.at = start + finding.at.start..start + finding.at.end;
        self.tell(detector.family(), value, finding)
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
            let finding = finding?;
            match self.without_quotes(detector.family(), value) {
                Some(rest) => {
                    let value = Value {
                        marks: value.marks | Marks::of(rest.as_bytes()),
                        ..*value
                    };
                    let found = detector.look(&value.rewritten(&rest))?;
                    Some(value.widened(found))
                }
                None => Some(finding),
            }
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
        let read = value.text.len().min(finding.at.start.saturating_add(1024)) as u64;
        let of_name = Fuel::A_BYTE_OF_A_NAME_TOLD * value.place.name.len() as u64;
        let is_paid = value.spend(Fuel::A_FINDING + Fuel::A_BYTE_OF_A_FINDING * read + of_name);
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
