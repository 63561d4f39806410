//! Looks into what a request carries: its path, query, cookies and headers, and the beginning of its body.
//!
//! The detectors say what a value holds; what becomes of it is the policy's affair. Nothing here counts or reports: the same function
//! serves a verdict and the comparison of two policies.

use std::{borrow::Cow, num::NonZeroUsize};

use buckler_waf::{
    detect::{
        CERTAIN, Caught, Compared, Context, Family, Fuel, Least, Options, excerpt_at, hidden,
        pollution::{Pollution, Repeats},
    },
    normal::Spelling,
    places::{self, Document, Field, Format, Gap, Gaps, Part, Place, Role, Window},
};
use percent_encoding::percent_decode;

use super::{
    Phase, Shared,
    checks::{ALWAYS, Case, UNLESS_IGNORED, would_log},
    decode::content_types,
    outcome::place,
    request::{BodyView, RequestView},
    rules::Rules,
    supervision::Attended,
    wanted::{OF_BODIES, OF_HEADS, check_of, families, looks_into_values, wanted},
};
use crate::model::policy::{Check, Level, Policy};

/// The part of a request that is looked into.
#[derive(Clone, Copy)]
pub(super) enum Content<'b> {
    /// Path, query, cookies, headers.
    Head,
    Body(BodyView<'b>),
    /// A part of a body.
    Window(Window<'b>),
}

impl<'b> Content<'b> {
    /// What is judged by looking into it.
    pub(super) const fn phase(self) -> Phase<'b> {
        match self {
            Self::Head => Phase::Request,
            Self::Body(body) => Phase::Body(body),
            Self::Window(window) => Phase::Rest(window),
        }
    }
}

/// What was found, with its place, at or above the policy's threshold.
pub(super) struct Suspicion {
    pub(super) check: Check,
    pub(super) place: String,
    /// The family and the rule.
    pub(super) rule: (&'static str, &'static str),
    pub(super) score: u8,
    pub(super) excerpt: Box<str>,
    /// What tells it from others of the same client; nothing of it is logged.
    pub(super) value: Box<str>,
}

/// How far an inspection came.
#[derive(Default)]
pub(super) struct Inspected {
    /// Whether a detector failed, so that there may be more than was found.
    pub(super) has_failed: bool,
    /// Why something of a body was not inspected.
    pub(super) gaps: Gaps,
}

impl Suspicion {
    /// The rule, as findings name it.
    pub(super) fn rule_name(&self) -> String {
        let (family, rule) = self.rule;
        format!("{family}/{rule}")
    }
}

/// What receives suspicions. Whether it wants more.
type Report<'r> = dyn FnMut(Suspicion) -> bool + 'r;

impl Shared {
    /// Shows everything that the case's policy takes for an attack, in the order of the request,
    /// until `report` has enough.
    pub(super) fn inspect(
        &self,
        content: Content<'_>,
        case: &Case<'_>,
        attended: Attended<'_>,
        report: &mut Report<'_>,
    ) -> Inspected {
        let checks = match content {
            Content::Head => OF_HEADS,
            Content::Body(_) | Content::Window(_) => OF_BODIES,
        };
        if !looks_into_values(&case.rules, checks) {
            return Inspected::default();
        }
        let mut search = Search {
            shared: self,
            case,
            options: Options {
                base64: case.policy.injection().decode_base64,
                wants: wanted(case),
                least: least(case.policy),
                awaits_answer: case.is_route_in_doubt(),
                ask: &attended,
                context: Context {
                    path: case.request.path,
                    content_type: "",
                    format: None,
                },
                names: case.policy.secret_names(),
                fuel: Some(case.fuel),
            },
            report,
            is_json: false,
            looks_for_characters: case.policy.injection().characters.is_any() && case.rules.level(Check::Chars).is_on(),
            goes_on: true,
            gaps: Gaps::default(),
        };
        match content {
            Content::Head => search.head(),
            Content::Body(body) => search.body(body),
            Content::Window(window) => search.window(&window.fuelled(case.fuel)),
        }
        let gaps = search.gaps;
        Inspected {
            has_failed: attended.end(),
            gaps,
        }
    }

    /// Whether the request itself, before the application answered, held something that is only logged: then it is counted already.
    pub(super) fn was_logged(&self, case: &Case<'_>) -> bool {
        would_log(ALWAYS, case) || (!case.is_ignored && would_log(UNLESS_IGNORED, case)) || self.would_log_content(case)
    }

    fn would_log_content(&self, case: &Case<'_>) -> bool {
        let mut found = false;
        // the look that counted had more: what this one finds no end of was found by that one
        let fuel = Fuel::of_part();
        let case = &Case { fuel: &fuel, ..*case };
        self.inspect(Content::Head, case, self.supervision.accompany(), &mut |suspicion| {
            let at = place(&suspicion.place);
            found = case.level_of(suspicion.check, &suspicion.rule_name(), &at) == Level::Log;
            !found
        });
        found || fuel.is_out()
    }

    /// Returns the rule that takes a path for one that only attackers ask for, with its score. All
    /// is looked for that a check may look for in it: what was found to hold nothing is not looked
    /// into again.
    pub(super) fn probe(&self, policy: &Policy, path: &str) -> Option<(&'static str, u8)> {
        let mut found = None;
        let attended = self.supervision.accompany();
        let fuel = Fuel::of_part();
        let options = Options {
            base64: policy.injection().decode_base64,
            // the host's own detectors are asked once
            wants: families(|check| policy.is_on_somewhere(check)).without(Family::Custom("")),
            least: least(policy),
            ask: &attended,
            context: Context::NONE,
            names: policy.secret_names(),
            fuel: Some(&fuel),
            ..Options::STANDARD
        };
        places::path(path, &mut |field| {
            self.parts.detectors.each(field, &options, &mut |caught| {
                let (rule, score) = (caught.finding.rule, caught.finding.score);
                let is_probe = caught.family == Family::Probe;
                found = found.or_else(|| is_probe.then_some((rule, score)));
                found.is_none()
            });
            found.is_none()
        });
        found
    }
}

/// How much of a request's body a policy wants to see, in bytes.
pub(super) fn wanted_of_body(policy: &Policy, request: &RequestView<'_>) -> Option<NonZeroUsize> {
    // whoever is outside a route's networks has been refused
    let rules = Rules::of(policy, request, None);
    NonZeroUsize::new(rules.body_bytes()).filter(|_| looks_into_values(&rules, OF_BODIES))
}

/// A search through one request.
pub(super) struct Search<'s, 'r> {
    shared: &'s Shared,
    pub(super) case: &'s Case<'s>,
    options: Options<'s>,
    pub(super) report: &'s mut Report<'r>,
    /// Whether what is looked into is a JSON document, where names have dots between them.
    pub(super) is_json: bool,
    /// Whether the check `chars` is on, and a class of characters is looked for.
    looks_for_characters: bool,
    pub(super) goes_on: bool,
    gaps: Gaps,
}

impl<'s> Search<'s, '_> {
    fn head(&mut self) {
        let request = self.case.request;
        let fuel = self.case.fuel;
        fuel.grant_part(request.path.len() + request.query.len());
        places::path(request.path, &mut |field| self.look(field));
        if self.goes_on && !request.query.is_empty() {
            self.query(request.query);
        }
        request.headers.for_each(&mut |name, value| {
            if self.goes_on && !self.case.policy.whitelist_headers().is_match(name.as_bytes()) {
                fuel.grant_part(name.len() + value.len());
                places::header(name, value, &mut |field| self.look(field));
            }
        });
    }

    fn query(&mut self, query: &str) {
        let mut repeats = Repeats::default();
        places::query(query, &mut |field| {
            self.note(field, &mut |field| repeats.note(field));
            self.look(field)
        });
        if repeats.any() {
            self.pollution(Part::Query, &mut |visit| places::query(query, visit));
        }
        let types = content_types(self.case.request);
        if types.are_more() {
            self.gaps.add(Gap::TwoTypes, 0);
        }
        for content_type in types.iter() {
            if self.goes_on && places::foreign_query(content_type, query, &mut |field| self.look(field)) {
                self.gaps.add(Gap::ForeignCharset, 0);
            }
        }
    }

    /// Looks into a body by its content type; by each of them where it has several, as frameworks
    /// take the first or the last.
    fn body(&mut self, body: BodyView<'_>) {
        let types = content_types(self.case.request);
        if types.are_several() {
            self.gaps.add(Gap::TwoTypes, 0);
        }
        for content_type in types.iter() {
            if self.goes_on {
                self.body_as(content_type, body);
            }
        }
    }

    fn body_as(&mut self, content_type: &'s str, body: BodyView<'_>) {
        let most = self.case.rules.body_bytes();
        let bytes = body.bytes.get(..most).unwrap_or(body.bytes);
        let format = Format::of(content_type, bytes);
        self.is_json = format == Format::Json;
        self.options.context.format = Some(format);
        self.options.context.content_type = content_type;
        if format == Format::Multipart {
            self.files(content_type, bytes, body);
        }
        let document = Document::new(format, bytes, self.case.policy.secret_names());
        let shown = places::Body {
            content_type,
            bytes: body.bytes,
            is_whole: body.is_whole,
            fuel: Some(self.case.fuel),
        };
        let mut repeats = Repeats::default();
        let gaps = places::body(most, &shown, &mut |field| {
            if format == Format::Form {
                self.note(field, &mut |field| repeats.note(field));
            }
            self.look_in(Some(&document), field)
        });
        self.gaps.merge(&gaps);
        if repeats.any() {
            self.pollution(Part::Body, &mut |visit| {
                let _same_as_before = places::body(most, &shown, visit);
            });
        }
    }

    /// Looks into a part of a body.
    fn window(&mut self, window: &Window<'s>) {
        self.is_json = window.format == Format::Json;
        self.options.context.format = Some(window.format);
        self.options.context.content_type = window.body.content_type;
        // the names of what goes on are not known any more, and may have said that it is a secret
        let document = Document::new(Format::Binary, b"", self.case.policy.secret_names());
        let gaps = places::window(window, &mut |field| self.look_in(Some(&document), field));
        self.gaps.merge(&gaps);
    }

    /// Takes note of a value, unless it may come more than once.
    fn note(&self, field: &Field<'_>, note: &mut dyn FnMut(&Field<'_>)) {
        if !self.case.rules.may_repeat(field.place.name) {
            note(field);
        }
    }

    /// Parameters that came more than once. Only requests that have some are taken apart a second time.
    fn pollution(&mut self, part: Part, fields: &mut dyn FnMut(&mut places::Visit<'_>)) {
        if !self.goes_on || !self.case.rules.level(Check::Hpp).is_on() {
            return;
        }
        let mut pollution = Pollution::default();
        fields(&mut |field| {
            let is_paid = pollution.is_paid(field, self.options.fuel);
            if is_paid {
                self.note(field, &mut |field| pollution.note(field));
            }
            is_paid
        });
        let like = Field::whole(part, Role::Value, b"", Spelling::Form);
        let found = pollution.judge(&self.shared.parts.detectors, &like, &self.options);
        if let Some((name, caught)) = found {
            let place = Place { part, name: &name };
            self.goes_on &= suspect(self.case, &self.options, &place, caught, self.report);
        }
    }

    /// Looks into one value. Whether to go on.
    fn look(&mut self, field: &Field<'_>) -> bool {
        self.look_in(None, field)
    }

    /// As [`look`](Self::look), into one of a body.
    fn look_in(&mut self, document: Option<&Document<'_>>, field: &Field<'_>) -> bool {
        if !self.goes_on || !self.fits(field) || self.is_exception(field.value) {
            return self.goes_on;
        }
        if !self.characters(document, field) {
            return false;
        }
        let Self {
            shared,
            case,
            options,
            report,
            goes_on,
            ..
        } = self;
        shared.parts.detectors.each(field, options, &mut |mut caught| {
            if document.is_some_and(|document| document.hides(&field.place)) {
                caught.excerpt = hidden(field.value.len());
            }
            *goes_on &= suspect(case, options, &field.place, caught, *report);
            *goes_on
        });
        *goes_on && !case.fuel.is_out()
    }

    /// Whether a value is none that an injection is looked for in (`EXCEPTIONS`).
    fn is_exception(&self, value: &[u8]) -> bool {
        /// Steps of a byte that two automata walk, one of them over what is decoded.
        const A_BYTE: u64 = 4;
        let exceptions = &self.case.policy.injection().exceptions;
        !exceptions.is_empty()
            && self.case.fuel.spend(value.len() as u64 * A_BYTE)
            && (exceptions.is_match(value) || str::from_utf8(value).is_ok_and(|text| exceptions.is_match_decoded(text)))
    }

    /// Looks for characters that hide what a text says (`chars`), in the text that the application
    /// gets. Whether to go on.
    fn characters(&mut self, document: Option<&Document<'_>>, field: &Field<'_>) -> bool {
        /// Steps of a byte that is decoded and compared.
        const A_BYTE: u64 = 4;
        let policy = self.case.policy;
        if !self.looks_for_characters {
            return true;
        }
        if !self.case.fuel.spend(field.value.len() as u64 * A_BYTE) {
            return false;
        }
        let is_coded = field.spelling == Spelling::Form || matches!(field.place.part, Part::Path | Part::Cookie);
        let bytes = if is_coded {
            percent_decode(field.value).into()
        } else {
            Cow::Borrowed(field.value)
        };
        let text = String::from_utf8_lossy(&bytes);
        let Some((class, at)) = policy.injection().characters.find(&text) else {
            return true;
        };
        let excerpt = if document.is_some_and(|document| document.hides(&field.place)) {
            hidden(field.value.len())
        } else {
            excerpt_at(policy.secret_names(), &field.place, field.role, &text, at)
        };
        self.goes_on = (self.report)(Suspicion {
            check: Check::Chars,
            place: shown(&field.place, policy),
            rule: (Check::Chars.name(), class),
            score: CERTAIN,
            value: Compared::of(&text).into_text(),
            excerpt,
        });
        self.goes_on
    }
}

/// Reports what was caught, where it counts. Whether to go on.
fn suspect(case: &Case<'_>, options: &Options<'_>, place: &Place<'_>, caught: Caught, report: &mut Report<'_>) -> bool {
    if caught.finding.score < options.least.of(caught.family) {
        return true;
    }
    let Some(check) = check_of(&case.rules, caught.family) else {
        return true;
    };
    report(Suspicion {
        check,
        place: shown(place, case.policy),
        rule: (caught.family.name(), caught.finding.rule),
        score: caught.finding.score,
        value: caught.compared.into_text(),
        excerpt: caught.excerpt,
    })
}

/// A place as it may stand in a report: a client may have put a secret into its name.
pub(super) fn shown(place: &Place<'_>, policy: &Policy) -> String {
    let name = &policy.secret_names().shown_name(place.name);
    Place { name, ..*place }.to_string()
}

/// The scores, in hundredths, from which findings count.
fn least(policy: &Policy) -> Least {
    Least {
        sqli: policy.injection().sqli_threshold,
        xss: policy.injection().xss_threshold,
        others: CERTAIN,
    }
}
