//! Judges a request, or its parts as they come, by the standard rules: the engine for those who
//! bring no policy of their own.

mod search;

use std::fmt;

use self::search::Search;
use crate::{
    body::{BodyView, BodyWindows, Codings, ContentTypes, Following, Unpacked},
    detect::{BuildError, CERTAIN, Context, Detectors, Families, Family, Fuel, Options},
    places::{Gap, Gaps, MOST_BYTES, Window},
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

    fn add_want(&mut self, fuel: &Fuel) {
        if fuel.is_out() {
            self.add(Unjudged::OutOfFuel);
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
        self.search(head, &Fuel::of_head(), |search| search.head())
    }

    /// Judges a body piece by piece, as it comes.
    #[must_use]
    pub fn body<'e>(&'e self, head: &'e Head<'e>) -> BodyStream<'e> {
        BodyStream {
            engine: self,
            head,
            beginning: Vec::new(),
            state: Progress::Beginning,
            fuel: Fuel::of_body(),
        }
    }

    /// Looks into something with this fuel.
    fn search<'e>(&'e self, head: &'e Head<'e>, fuel: &Fuel, look: impl FnOnce(&mut Search<'_>)) -> Judgement {
        let mut search = Search {
            engine: self,
            head,
            options: Options {
                wants: self.families,
                context: Context {
                    path: head.path,
                    ..Context::NONE
                },
                fuel: Some(fuel),
                ..Options::STANDARD
            },
            found: Judgement::default(),
        };
        look(&mut search);
        let mut found = search.found;
        found.add_want(fuel);
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
    /// One for all of it, which grows as it comes.
    fuel: Fuel,
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
                let judgement = self.engine.judge_rest(self.head, rest, (piece, end), &self.fuel);
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
        self.fuel.grant(beginning.len());
        let mut judgement = self.engine.judge_body(self.head, codings.as_ref(), shown, &self.fuel);
        let has_rest = !is_ended && !judgement.is_attack();
        let rest = || BodyWindows::after(self.head.types().last(), codings.as_ref(), beginning, &self.fuel);
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
    fn judge_body(&self, head: &Head<'_>, codings: Option<&Codings<'_>>, body: BodyView<'_>, fuel: &Fuel) -> Judgement {
        let look = |body: BodyView<'_>| self.search(head, fuel, |search| search.body(body));
        let Some(codings) = codings else {
            return look(body);
        };
        let mut judgement = Judgement::default();
        let readings = codings.undone(body, MOST_BYTES, fuel);
        for reading in &readings.decoded {
            reading.parts(head.types().last(), MOST_BYTES, &mut |part| {
                judgement.merge(match part {
                    Unpacked::Beginning(body) => look(body),
                    Unpacked::Window(window) => self.judge_window(head, &window, fuel),
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
        judgement.add_want(fuel);
        judgement
    }

    fn judge_rest(
        &self,
        head: &Head<'_>,
        rest: &mut BodyWindows,
        (piece, end): (&[u8], Option<bool>),
        fuel: &Fuel,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        rest.push(piece, end.is_some(), fuel, &mut |following| {
            match following {
                Following::Window(window) => judgement.merge(self.judge_window(head, &window, fuel)),
                Following::Ended(gaps) => {
                    judgement.add_gaps(&gaps);
                    judgement.add_want(fuel);
                }
            }
            !judgement.is_attack()
        });
        if end == Some(false) {
            judgement.add(Unjudged::Unread(Gap::CutShort));
        }
        judgement
    }

    fn judge_window(&self, head: &Head<'_>, window: &Window<'_>, fuel: &Fuel) -> Judgement {
        self.search(head, fuel, |search| search.window(&window.fuelled(fuel)))
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

#[cfg(test)]
mod tests;
