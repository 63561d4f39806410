//! Judges a request, or its parts as they come, by the standard rules: the engine for those who
//! bring no policy of their own.

use std::fmt;

use crate::{
    body::{BodyView, BodyWindows, Codings, ContentTypes, Following, Unpacked},
    detect::{
        BuildError, CERTAIN, Caught, Context, Detectors, Families, Family, Fuel, Options, hidden,
        pollution::{Pollution, Repeats},
    },
    normal::Spelling,
    places::{self, Document, Field, Format, Gap, Gaps, MOST_BYTES, Part, Place, Role, SecretNames, Window},
};

/// The most matches that are kept of a request beside one that is certain: more say nothing more,
/// and cost memory. The look goes on all the same, so that none of them hides an attack.
const MOST_MATCHES: usize = 32;

/// The engine: the detectors, and what they are to look for. One serves all threads. The README has
/// an example.
#[derive(Debug)]
pub struct Engine {
    detectors: Detectors,
    families: Families,
}

/// The head of a request, borrowed from whatever type a framework has for it.
#[derive(Clone, Copy)]
pub struct Head<'r> {
    /// The path as it came, percent-encoded, without the query.
    pub path: &'r str,
    /// The query without `?`; empty where there is none.
    pub query: &'r str,
    /// The headers in order, names in lower case.
    pub headers: &'r [(&'r str, &'r [u8])],
}

/// Without path and query, which may hold secrets.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch {
    /// The family of the rule.
    pub family: Family,
    /// The rule's name in its family.
    pub rule: &'static str,
    /// Where: `query:q`, `header:referer`, `body:user.name`.
    pub place: String,
    /// How sure it is, in hundredths; [`CERTAIN`] is enough to refuse the request.
    pub score: u8,
    /// What was there, or its length where it is a secret.
    pub excerpt: Box<str>,
}

/// As `family/rule at place`.
impl fmt::Display for RuleMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} at {}", self.family, self.rule, self.place)
    }
}

/// Why something of a request was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unjudged {
    /// It costs more to look into than one request may.
    OutOfFuel,
    /// It could not be read, or not in one way.
    Unread(Gap),
}

impl fmt::Display for Unjudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfFuel => f.write_str("out_of_fuel"),
            Self::Unread(gap) => f.write_str(gap.name()),
        }
    }
}

/// What is known of a request, or of a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What was found, in the order of the request, up to the first that is certain; of weaker ones
    /// the first 32.
    pub matches: Vec<RuleMatch>,
    /// Why there may be more. Whether such a request passes is for the caller to decide.
    pub unjudged: Vec<Unjudged>,
}

impl Judgement {
    /// Whether a match is enough to refuse the request.
    #[must_use]
    pub fn is_attack(&self) -> bool {
        self.matches.iter().any(|found| found.score >= CERTAIN)
    }

    /// Adds what is known of another part.
    pub fn merge(&mut self, other: Self) {
        other.matches.into_iter().for_each(|found| self.keep(found));
        for reason in other.unjudged {
            self.add(reason);
        }
    }

    fn keep(&mut self, found: RuleMatch) {
        if found.score >= CERTAIN || self.matches.len() < MOST_MATCHES {
            self.matches.push(found);
        }
    }

    fn add(&mut self, reason: Unjudged) {
        if !self.unjudged.contains(&reason) {
            self.unjudged.push(reason);
        }
    }

    fn add_gaps(&mut self, gaps: &Gaps) {
        gaps.iter().for_each(|(gap, _)| self.add(Unjudged::Unread(gap)));
    }
}

impl Engine {
    /// Looks for all families but prompt injection. Compiles the rules with the first engine of a
    /// process.
    ///
    /// # Errors
    /// Where a rule cannot be compiled: never, as tests see to.
    pub fn new() -> Result<Self, BuildError> {
        Ok(Self::with(Detectors::standard()?, Options::STANDARD.wants))
    }

    /// Looks for these families with detectors of one's own among the others. Their panics and
    /// their time are the caller's affair.
    #[must_use]
    pub const fn with(detectors: Detectors, families: Families) -> Self {
        Self { detectors, families }
    }

    /// Judges a request of which all is there.
    #[must_use]
    pub fn judge(&self, head: &Head<'_>, body: &[u8]) -> Judgement {
        let mut judgement = self.judge_head(head);
        if !judgement.is_attack() {
            judgement.merge(self.body(head).take(body, Some(true)));
        }
        judgement
    }

    /// Judges a request's head: its path, query, cookies and other headers.
    #[must_use]
    pub fn judge_head(&self, head: &Head<'_>) -> Judgement {
        self.search(head, 0, |search| search.head())
    }

    /// Judges a body piece by piece, as it comes.
    #[must_use]
    pub fn body<'e>(&'e self, head: &'e Head<'e>) -> BodyStream<'e> {
        BodyStream {
            engine: self,
            head,
            beginning: Vec::new(),
            state: Progress::Beginning,
        }
    }

    /// Looks into something of this many bytes, with the fuel for it.
    fn search<'e>(&'e self, head: &'e Head<'e>, bytes: usize, look: impl FnOnce(&mut Search<'_>)) -> Judgement {
        let fuel = Fuel::for_bytes(bytes);
        let mut search = Search {
            engine: self,
            head,
            options: Options {
                wants: self.families,
                context: Context {
                    path: head.path,
                    ..Context::NONE
                },
                fuel: Some(&fuel),
                ..Options::STANDARD
            },
            found: Judgement::default(),
        };
        look(&mut search);
        let mut found = search.found;
        if fuel.is_out() {
            found.add(Unjudged::OutOfFuel);
        }
        found
    }
}

/// A body that is judged as it comes. The first 64 KiB are judged together, or what there is at the
/// end; what follows, in windows of 16 KiB and more. To let nothing of an attack through, hold back
/// what was pushed until it is judged: after [`end`](Self::end), or once more than that came.
#[derive(Debug)]
pub struct BodyStream<'e> {
    engine: &'e Engine,
    head: &'e Head<'e>,
    /// What came, until it is judged.
    beginning: Vec<u8>,
    state: Progress,
}

/// How far a body was read.
#[derive(Debug)]
enum Progress {
    Beginning,
    Rest(Box<BodyWindows>),
    Over,
}

impl BodyStream<'_> {
    /// Takes the next piece. What is known once it is there; nothing, until enough is.
    pub fn push(&mut self, piece: &[u8]) -> Judgement {
        self.take(piece, None)
    }

    /// The body ends: after all of it, or because its client went away.
    #[must_use]
    pub fn end(mut self, is_whole: bool) -> Judgement {
        self.take(b"", Some(is_whole))
    }

    /// Whether nothing more of the body is looked at, so that pieces need not be shown any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, Progress::Over)
    }

    fn take(&mut self, piece: &[u8], end: Option<bool>) -> Judgement {
        match &mut self.state {
            Progress::Over => Judgement::default(),
            Progress::Rest(rest) => {
                let judgement = self.engine.judge_rest(self.head, rest, piece, end);
                if rest.is_over() || judgement.is_attack() {
                    self.state = Progress::Over;
                }
                judgement
            }
            Progress::Beginning => {
                let room = MOST_BYTES.saturating_sub(self.beginning.len());
                let (next, later) = piece.split_at(room.min(piece.len()));
                // one byte more than that says that there is a rest
                let is_enough = !later.is_empty() || end.is_some();
                if is_enough && self.beginning.is_empty() {
                    return self.judge_beginning(next, later, end);
                }
                self.beginning.extend_from_slice(next);
                if !is_enough {
                    return Judgement::default();
                }
                let beginning = std::mem::take(&mut self.beginning);
                self.judge_beginning(&beginning, later, end)
            }
        }
    }

    fn judge_beginning(&mut self, beginning: &[u8], later: &[u8], end: Option<bool>) -> Judgement {
        let is_ended = later.is_empty();
        if is_ended && beginning.is_empty() {
            self.state = Progress::Over;
            return Judgement::default();
        }
        let shown = BodyView {
            bytes: beginning,
            is_whole: is_ended && end == Some(true),
        };
        let codings = self.head.codings();
        let mut judgement = self.engine.judge_body(self.head, codings.as_ref(), shown);
        let has_rest = !is_ended && !judgement.is_attack();
        let rest = || BodyWindows::after(self.head.types().last(), codings.as_ref(), beginning);
        self.state = match has_rest.then(rest) {
            None => Progress::Over,
            Some(Some(rest)) => Progress::Rest(Box::new(rest)),
            Some(None) => {
                judgement.add(Unjudged::Unread(Gap::TooLarge));
                Progress::Over
            }
        };
        if is_ended && end == Some(false) {
            judgement.add(Unjudged::Unread(Gap::CutShort));
        }
        judgement.merge(self.take(later, end));
        judgement
    }
}

impl Engine {
    /// Judges the beginning of a body, in whichever way it is coded.
    fn judge_body(&self, head: &Head<'_>, codings: Option<&Codings<'_>>, body: BodyView<'_>) -> Judgement {
        let look = |body: BodyView<'_>| self.search(head, body.bytes.len(), |search| search.body(body));
        let Some(codings) = codings else {
            return look(body);
        };
        let mut judgement = Judgement::default();
        let readings = codings.undone(body, MOST_BYTES);
        for reading in &readings.decoded {
            reading.parts(head.types().last(), MOST_BYTES, &mut |part| {
                judgement.merge(match part {
                    Unpacked::Beginning(body) => look(body),
                    Unpacked::Window(window) => self.judge_window(head, &window),
                });
                !judgement.is_attack()
            });
        }
        if readings.as_it_came && !judgement.is_attack() {
            // its own gaps say no more than that it is not what it is said to be
            let mut found = look(body);
            found.unjudged.retain(|reason| *reason == Unjudged::OutOfFuel);
            judgement.merge(found);
        }
        judgement.add_gaps(&readings.gaps);
        judgement
    }

    fn judge_rest(&self, head: &Head<'_>, rest: &mut BodyWindows, piece: &[u8], end: Option<bool>) -> Judgement {
        let mut judgement = Judgement::default();
        rest.push(piece, end.is_some(), &mut |following| {
            match following {
                Following::Window(window) => judgement.merge(self.judge_window(head, &window)),
                Following::Ended(gaps) => judgement.add_gaps(&gaps),
            }
            !judgement.is_attack()
        });
        if end == Some(false) {
            judgement.add(Unjudged::Unread(Gap::CutShort));
        }
        judgement
    }

    fn judge_window(&self, head: &Head<'_>, window: &Window<'_>) -> Judgement {
        self.search(head, window.body.bytes.len(), |search| search.window(window))
    }
}

impl<'r> Head<'r> {
    fn values(&self, name: &'static str) -> impl Iterator<Item = &'r [u8]> + use<'r> {
        let named = self.headers.iter().filter(move |(own, _)| *own == name);
        named.map(|(_, value)| *value)
    }

    fn types(&self) -> ContentTypes<'r> {
        let mut types = ContentTypes::default();
        self.values("content-type").for_each(|value| types.add(value));
        types
    }

    fn codings(&self) -> Option<Codings<'r>> {
        Codings::of(|visit| self.values("content-encoding").for_each(visit))
    }
}

/// A search through one part of a request.
struct Search<'s> {
    engine: &'s Engine,
    head: &'s Head<'s>,
    options: Options<'s>,
    found: Judgement,
}

impl<'s> Search<'s> {
    fn goes_on(&self) -> bool {
        !self.found.is_attack()
    }

    fn head(&mut self) {
        let head = self.head;
        places::path(head.path, &mut |field| self.look(None, field));
        if !head.query.is_empty() && self.goes_on() {
            self.query(head.query);
        }
        for (name, value) in head.headers {
            if self.goes_on() {
                places::header(name, value, &mut |field| self.look(None, field));
            }
        }
    }

    fn query(&mut self, query: &str) {
        let mut repeats = Repeats::default();
        places::query(query, &mut |field| {
            repeats.note(field);
            self.look(None, field)
        });
        if repeats.any() {
            self.pollution(Part::Query, &mut |visit| places::query(query, visit));
        }
        let types = self.head.types();
        if types.are_more() {
            self.found.add(Unjudged::Unread(Gap::TwoTypes));
        }
        for content_type in types.iter() {
            if self.goes_on() && places::foreign_query(content_type, query, &mut |field| self.look(None, field)) {
                self.found.add(Unjudged::Unread(Gap::ForeignCharset));
            }
        }
    }

    fn body(&mut self, body: BodyView<'_>) {
        let types = self.head.types();
        if types.are_several() {
            self.found.add(Unjudged::Unread(Gap::TwoTypes));
        }
        for content_type in types.iter() {
            let shown = places::Body {
                content_type,
                bytes: body.bytes,
                is_whole: body.is_whole,
            };
            if self.goes_on() {
                self.body_as(&shown, content_type);
            }
        }
    }

    fn body_as(&mut self, body: &places::Body<'_>, content_type: &'s str) {
        let format = Format::of(content_type, body.bytes);
        self.options.context.format = Some(format);
        self.options.context.content_type = content_type;
        let document = Document::new(format, body.bytes, SecretNames::standard());
        let mut repeats = Repeats::default();
        let gaps = places::body(MOST_BYTES, body, &mut |field| {
            if format == Format::Form {
                repeats.note(field);
            }
            self.look(Some(&document), field)
        });
        self.found.add_gaps(&gaps);
        if repeats.any() {
            self.pollution(Part::Body, &mut |visit| {
                let _same_as_before = places::body(MOST_BYTES, body, visit);
            });
        }
    }

    fn window(&mut self, window: &Window<'_>) {
        self.options.context.format = Some(window.format);
        self.options.context.content_type = self.head.types().last();
        // the names of what goes on are not known any more, and may have said that it is a secret
        let document = Document::new(Format::Binary, b"", SecretNames::standard());
        let gaps = places::window(window, &mut |field| self.look(Some(&document), field));
        self.found.add_gaps(&gaps);
    }

    /// Parameters that came more than once. Only requests that have some are taken apart a second
    /// time.
    fn pollution(&mut self, part: Part, fields: &mut dyn FnMut(&mut places::Visit<'_>)) {
        if !self.goes_on() || !self.options.wants.has(Family::Pollution) {
            return;
        }
        let mut pollution = Pollution::default();
        fields(&mut |field| {
            pollution.note(field);
            true
        });
        let like = Field::whole(part, Role::Value, b"", Spelling::Form);
        if let Some((name, caught)) = pollution.judge(&self.engine.detectors, &like, &self.options) {
            self.note(&Place { part, name: &name }, caught);
        }
    }

    /// Looks into one value. Whether to go on.
    fn look(&mut self, document: Option<&Document<'_>>, field: &Field<'_>) -> bool {
        let (engine, options) = (self.engine, self.options);
        engine.detectors.each(field, &options, &mut |mut caught| {
            if document.is_some_and(|document| document.hides(&field.place)) {
                caught.excerpt = hidden(field.value.len());
            }
            self.note(&field.place, caught);
            self.goes_on()
        });
        self.goes_on()
    }

    fn note(&mut self, place: &Place<'_>, caught: Caught) {
        let name = &SecretNames::standard().shown_name(place.name);
        self.found.keep(RuleMatch {
            family: caught.family,
            rule: caught.finding.rule,
            place: Place { name, ..*place }.to_string(),
            score: caught.finding.score,
            excerpt: caught.excerpt,
        });
    }
}

#[cfg(test)]
mod tests;
