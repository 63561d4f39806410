//! What runs a rule's pattern, in a cost per byte that no text can raise.
//!
//! A pattern of few states is compiled to the end: its search touches nothing but a table that all
//! threads read. The others are served by a lazy automaton, which keeps the states that texts have
//! led to in a cache of each thread. Such an automaton is as fast as a table while its states fit;
//! where they do not, it clears its cache again and again, and at last gives up for a search that
//! is a hundred times slower. A text that leads to ever new states is easily written for a pattern
//! that counts (`[^>]{0,400}`), as each number that may still come is a state of its own.
//!
//! So no pattern counts far: [`relaxed`] takes what is repeated up to more than [`COUNTED`] times
//! for what is repeated without end, which finds whatever the pattern as it is written finds. Then
//! all states that there are fit into [`CACHE`], which a test shows for every rule by going to each
//! of them. No rule is written with a higher count, so that it finds what it says.

use std::ops::Range;

use memchr::memchr3_iter;
use regex_automata::{
    Anchored, Input, MatchError, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    meta::{BuildError, Regex},
    nfa::thompson::{self, WhichCaptures},
    util::{primitives::StateID, start},
};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition};

/// The most repetitions that are counted: more than any rule has to tell apart, and few enough to
/// keep states few.
pub(super) const COUNTED: u32 = 7;

/// The most memory of one rule's cache of states in one thread, in bytes. Everyday values fill a
/// fiftieth of it, and no text more than the states that there are.
const CACHE: usize = 4 << 20;

/// The most memory of one rule's automaton, in bytes.
const NFA: usize = 4 << 20;

/// The largest table of a pattern, in bytes: more than half of all patterns have one, together 1
/// MiB. To build all takes as long as to parse the patterns.
const TABLE: usize = 40 << 10;

/// The same for a pattern that nearly every value is searched for.
const LARGE_TABLE: usize = 256 << 10;

/// The most of a text that is searched again for where a match begins, in bytes: an excerpt shows
/// less.
const SHOWN: usize = 256;

/// The bytes that a table is asked about before a search is set up, where a pattern begins at the
/// beginning of a text: nearly all texts begin otherwise, which shows within some bytes.
const FIRST: usize = 64;

/// The length of a text, in bytes, up to which it is walked without a search that is set up and
/// then takes fewer instructions a byte.
const SHORT: usize = 24;

/// Bytes that are searched for three signs in the time in which a table is walked by one.
const SWEPT: u64 = 8;

/// Steps of a walk from a candidate, besides the bytes that it takes.
const A_WALK: u64 = 6;

/// Takes the steps of what is to be walked, a step a byte, and says whether there were as many
/// left.
type Pay<'p> = &'p dyn Fn(u64) -> bool;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Automaton {
    form: Option<Form>,
    regex: Regex,
}

/// What a table says of a pattern.
#[derive(Debug)]
enum Form {
    /// Where it matches.
    Whole(Table),
    /// Where it may match: the pattern has too many states, and begins at the beginning of a text,
    /// so that nearly all texts are told apart by what it has in common with patterns of few
    /// states.
    Outline(Table),
    /// Where it matches, from each place at which a match may begin.
    Candidates(Candidates),
}

/// A pattern of which every match begins with one of few signs, so that what stands between them
/// need not be walked.
#[derive(Debug)]
struct Candidates {
    /// The signs; the same more than once where they are fewer.
    signs: [u8; 3],
    /// Matches what begins where it is asked.
    dfa: dense::DFA<Vec<u32>>,
}

/// The most bytes that are walked from candidates, for each byte of a text: where they lie close to
/// each other and match far, one search for all of them is cheaper.
const WALKED: usize = 2;

impl Candidates {
    fn of(pattern: &Hir) -> Option<Self> {
        let mut bytes = ClassBytes::empty();
        if begins_with(pattern, &mut bytes) {
            return None;
        }
        let all = || bytes.iter().flat_map(|range| range.start()..=range.end());
        let mut signs = [all().next()?; 3];
        if all().count() > signs.len() || !all().all(is_rare_sign) {
            return None;
        }
        signs.iter_mut().zip(all()).for_each(|(place, sign)| *place = sign);
        let dfa = dense(pattern, StartKind::Anchored, TABLE)?;
        Some(Self { signs, dfa })
    }

    /// The first position at which a match ends that begins first; an error where too much is to be
    /// walked.
    fn end(&self, text: &str, pay: Pay<'_>) -> Result<Option<usize>, TooDense> {
        let bytes = text.as_bytes();
        let [first, second, third] = self.signs;
        let mut left = WALKED * bytes.len();
        if !pay(bytes.len() as u64 / SWEPT) {
            return Ok(None);
        }
        for at in memchr3_iter(first, second, third, bytes) {
            let from = Input::new(bytes).span(at..bytes.len()).anchored(Anchored::Yes);
            let state = self.dfa.start_state_forward(&from).map_err(|_| TooDense)?;
            let (walk, walked) = Walk::of(&self.dfa, state, bytes.get(at..).unwrap_or_default());
            match walk {
                Walk::Match => return Ok(Some(at + walked)),
                Walk::End(state) if ends_well(&self.dfa, state) => return Ok(Some(bytes.len())),
                Walk::End(_) | Walk::Nothing => {}
                Walk::Quit => return Err(TooDense),
            }
            if !pay(A_WALK + walked as u64) {
                return Ok(None);
            }
            left = left.checked_sub(walked).ok_or(TooDense)?;
        }
        Ok(None)
    }
}

/// Too many candidates lie in a text, too close to each other.
struct TooDense;

/// Whether a sign is none of those that everyday texts are full of.
fn is_rare_sign(byte: u8) -> bool {
    byte.is_ascii()
        && !byte.is_ascii_alphanumeric()
        && !matches!(
            byte,
            b' ' | b'\t' | b'.' | b',' | b'-' | b'_' | b'/' | b'\'' | b'"' | b':'
        )
}

/// Adds the bytes that a pattern's matches may begin with. Whether one may be empty.
fn begins_with(pattern: &Hir, bytes: &mut ClassBytes) -> bool {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            let first = literal.0.first().map(|byte| ClassBytesRange::new(*byte, *byte));
            bytes.union(&ClassBytes::new(first));
            literal.0.is_empty()
        }
        HirKind::Class(_) => {
            bytes_of(pattern, bytes);
            false
        }
        HirKind::Repetition(repeated) => begins_with(&repeated.sub, bytes) || repeated.min == 0,
        HirKind::Capture(group) => begins_with(&group.sub, bytes),
        HirKind::Concat(parts) => parts.iter().all(|part| begins_with(part, bytes)),
        // of each of them, whatever the others say
        HirKind::Alternation(parts) => {
            let mut may_be_empty = false;
            for part in parts {
                may_be_empty |= begins_with(part, bytes);
            }
            may_be_empty
        }
    }
}

/// A pattern that is compiled to the end.
#[derive(Debug)]
struct Table {
    dfa: dense::DFA<Vec<u32>>,
    /// The state at the beginning of a text.
    start: Option<StateID>,
    /// Whether the pattern matches nowhere else.
    is_at_start: bool,
}

/// What the beginning of a text says.
enum First {
    /// The text matches, up to here at the latest.
    Match(usize),
    /// It does not, whatever follows.
    Nothing,
    /// What follows decides.
    Open,
}

impl Table {
    /// The first position at which a match ends.
    fn end(&self, text: &str, pay: Pay<'_>) -> Result<Option<usize>, MatchError> {
        match self.first(text) {
            First::Match(end) => Ok(Some(end)),
            First::Nothing => Ok(None),
            First::Open if !pay(text.len() as u64) => Ok(None),
            First::Open => Ok(self.dfa.try_search_fwd(&whole(text))?.map(|found| found.offset())),
        }
    }

    /// Looks at the beginning of a text.
    fn first(&self, text: &str) -> First {
        let Some(state) = self.start.filter(|_| self.is_at_start || text.len() <= SHORT) else {
            return First::Open;
        };
        let beginning = text.as_bytes().get(..FIRST).unwrap_or(text.as_bytes());
        match Walk::of(&self.dfa, state, beginning) {
            // a match is told one byte later
            (Walk::Match, at) => First::Match(at),
            (Walk::Nothing, _) => First::Nothing,
            (Walk::Quit, _) => First::Open,
            (Walk::End(_), _) if text.len() > FIRST => First::Open,
            (Walk::End(state), end) if ends_well(&self.dfa, state) => First::Match(end),
            (Walk::End(_), _) => First::Nothing,
        }
    }
}

/// What a table says of some bytes.
enum Walk {
    /// They match.
    Match,
    /// They do not, whatever follows.
    Nothing,
    /// The table does not say.
    Quit,
    /// This state is where they end.
    End(StateID),
}

impl Walk {
    /// Walks from a state on. After how many bytes that says something.
    fn of(dfa: &dense::DFA<Vec<u32>>, mut state: StateID, bytes: &[u8]) -> (Self, usize) {
        for (at, byte) in bytes.iter().enumerate() {
            state = dfa.next_state(state, *byte);
            if dfa.is_special_state(state) {
                if dfa.is_match_state(state) {
                    return (Self::Match, at);
                }
                if dfa.is_dead_state(state) {
                    return (Self::Nothing, at);
                }
                if dfa.is_quit_state(state) {
                    return (Self::Quit, at);
                }
            }
        }
        (Self::End(state), bytes.len())
    }
}

/// Whether a text that ends in a state matches.
fn ends_well(dfa: &dense::DFA<Vec<u32>>, state: StateID) -> bool {
    dfa.is_match_state(dfa.next_eoi_state(state))
}

impl Automaton {
    /// Compiles a pattern. `is_frequent` says whether nearly every value is searched for it.
    pub(super) fn new(pattern: &Hir, is_frequent: bool) -> Result<Self, Box<BuildError>> {
        let pattern = relaxed(pattern);
        let regex = Regex::builder()
            .configure(
                Regex::config()
                    .utf8_empty(false)
                    .hybrid_cache_capacity(CACHE)
                    .nfa_size_limit(Some(NFA)),
            )
            .build_from_hir(&pattern)?;
        let most = if is_frequent { LARGE_TABLE } else { TABLE };
        let form = Candidates::of(&pattern).map(Form::Candidates);
        let whole = || table(&pattern, most).map(Form::Whole);
        let form = form.or_else(whole).or_else(|| {
            is_at_start(&pattern)
                .then(|| outlined(&pattern))
                .flatten()
                .map(Form::Outline)
        });
        Ok(Self { form, regex })
    }

    /// Whether a text matches, as far as it is paid for.
    pub(super) fn is_match(&self, text: &str, pay: Pay<'_>) -> bool {
        self.end(text, pay).is_some()
    }

    /// Where a match is, as far as an excerpt shows it: its end is the first at which the text
    /// matches.
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        let end = self.end(text, &|_| true)?;
        let from = text.floor_char_boundary(end.saturating_sub(SHOWN));
        let near = Input::new(text).span(from..end);
        Some(self.regex.find(near).map_or(from..end, |found| found.range()))
    }

    /// The first position at which a match ends.
    fn end(&self, text: &str, pay: Pay<'_>) -> Option<usize> {
        let by_regex = || {
            let search = || self.regex.search_half(&whole(text));
            pay(text.len() as u64)
                .then(search)
                .flatten()
                .map(|found| found.offset())
        };
        match &self.form {
            Some(Form::Whole(table)) => table.end(text, pay).unwrap_or_else(|_| by_regex()),
            Some(Form::Outline(table)) => match table.end(text, pay) {
                Ok(None) => None,
                Ok(Some(_)) | Err(_) => by_regex(),
            },
            Some(Form::Candidates(candidates)) => candidates.end(text, pay).unwrap_or_else(|_| by_regex()),
            None => by_regex(),
        }
    }
}

/// A search of all of a text, for the first position at which a match ends.
fn whole(text: &str) -> Input<'_> {
    Input::new(text).anchored(Anchored::No).earliest(true)
}

/// A pattern that matches wherever this one does, and counts nothing beyond [`COUNTED`].
fn relaxed(pattern: &Hir) -> Hir {
    match pattern.kind() {
        HirKind::Repetition(repeated) => Hir::repetition(Repetition {
            min: repeated.min.min(COUNTED),
            max: repeated.max.filter(|max| *max <= COUNTED),
            greedy: repeated.greedy,
            sub: Box::new(relaxed(&repeated.sub)),
        }),
        HirKind::Capture(group) => relaxed(&group.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(relaxed).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(relaxed).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => pattern.clone(),
    }
}

/// The table of a pattern that matches wherever this one does, of as many alternatives as there is
/// room for.
fn outlined(pattern: &Hir) -> Option<Table> {
    /// From how many alternatives on they are taken for words of their letters.
    const MANY: [usize; 4] = [24, 8, 3, 2];
    MANY.iter().find_map(|many| table(&outline(pattern, *many), TABLE))
}

/// A pattern that matches wherever this one does, and in which so many alternatives are told by
/// their bytes and their length alone.
fn outline(pattern: &Hir, many: usize) -> Hir {
    match pattern.kind() {
        HirKind::Alternation(parts) if parts.len() >= many && !begins_anew(pattern) => {
            let mut bytes = ClassBytes::empty();
            bytes_of(pattern, &mut bytes);
            Hir::repetition(Repetition {
                min: pattern
                    .properties()
                    .minimum_len()
                    .unwrap_or(0)
                    .try_into()
                    .unwrap_or(0)
                    .min(COUNTED),
                max: None,
                greedy: true,
                sub: Box::new(Hir::class(Class::Bytes(bytes))),
            })
        }
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(|part| outline(part, many)).collect()),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(|part| outline(part, many)).collect()),
        HirKind::Repetition(repeated) => Hir::repetition(Repetition {
            sub: Box::new(outline(&repeated.sub, many)),
            ..repeated.clone()
        }),
        HirKind::Capture(group) => outline(&group.sub, many),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => pattern.clone(),
    }
}

/// Whether a pattern says that the text begins where it does: its alternatives are kept.
fn begins_anew(pattern: &Hir) -> bool {
    pattern.properties().look_set().contains(Look::Start)
}

/// Adds the bytes that a pattern's matches may be made of.
fn bytes_of(pattern: &Hir, bytes: &mut ClassBytes) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => bytes.union(&ClassBytes::new(
            literal.0.iter().map(|byte| ClassBytesRange::new(*byte, *byte)),
        )),
        HirKind::Class(Class::Bytes(class)) => bytes.union(class),
        HirKind::Class(Class::Unicode(_)) => bytes.union(&ClassBytes::new([ClassBytesRange::new(0, u8::MAX)])),
        HirKind::Repetition(repeated) => bytes_of(&repeated.sub, bytes),
        HirKind::Capture(group) => bytes_of(&group.sub, bytes),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| bytes_of(part, bytes)),
    }
}

/// Whether a pattern matches at the beginning of a text alone.
fn is_at_start(pattern: &Hir) -> bool {
    pattern.properties().look_set_prefix().contains(Look::Start)
}

/// A pattern's table, where it is not larger.
fn table(pattern: &Hir, most: usize) -> Option<Table> {
    let dfa = dense(pattern, StartKind::Unanchored, most)?;
    let begin = start::Config::new().anchored(Anchored::No);
    Some(Table {
        start: dfa.start_state(&begin).ok(),
        is_at_start: is_at_start(pattern),
        dfa,
    })
}

fn dense(pattern: &Hir, start: StartKind, most: usize) -> Option<dense::DFA<Vec<u32>>> {
    let limits = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(start)
        .dfa_size_limit(Some(most))
        .determinize_size_limit(Some(2 * most));
    dense::Builder::new()
        .configure(limits)
        .build_from_nfa(&nfa(pattern)?)
        .ok()
}

fn nfa(pattern: &Hir) -> Option<thompson::NFA> {
    let limits = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(NFA))
        .which_captures(WhichCaptures::None);
    thompson::Compiler::new().configure(limits).build_from_hir(pattern).ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FREE: Pay<'_> = &|_| true;

    fn automaton(pattern: &str, is_frequent: bool) -> Automaton {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(true)
            .build()
            .parse(pattern)
            .unwrap();
        Automaton::new(&hir, is_frequent).unwrap()
    }

    #[test]
    fn both_kinds_find_the_same() {
        for pattern in [r"\bab+c\b", "^a.{3}$", "x{2,3}|yé", r"[^a-z\s]\s*;", ""] {
            let small = automaton(pattern, false);
            assert!(matches!(small.form, Some(Form::Whole(_))), "{pattern}");
            for text in ["", "abc", "x ABBC.", "abcd", "aéb", "xx", "Yé", "1 ;", "a\n;", "é;"] {
                let by_regex = small.regex.is_match(text);
                assert_eq!(small.is_match(text, FREE), by_regex, "{pattern}: {text}");
                assert_eq!(small.find(text).is_some(), by_regex, "{pattern}: {text}");
            }
        }
    }

    #[test]
    fn candidates_find_what_a_search_of_all_finds() {
        for pattern in [r"<\s*script\b", r"[;|]+\s*cat$", r"\$\{[^}]*\}", "#.{2}x|&a", r"=\bab"] {
            let automaton = automaton(pattern, false);
            assert!(matches!(automaton.form, Some(Form::Candidates(_))), "{pattern}");
            let texts = [
                "",
                "<",
                "a< script>",
                "<scripts <script",
                "x;|cat",
                "; cat ; cat",
                "${",
                "${}",
                "$${a${b}",
                "#é#abx",
                "&&a",
                "=ab",
                "==a",
            ];
            for text in texts {
                assert_eq!(
                    automaton.is_match(text, FREE),
                    automaton.regex.is_match(text),
                    "{pattern}: {text}"
                );
            }
        }
        let far = automaton(r"<[^>]*>", false);
        assert!(!far.is_match(&"<a".repeat(9000), FREE) && far.is_match(&format!("{}>", "<a".repeat(9000)), FREE));
        for pattern in ["a<", "<?a", "[<>;|]a", r"\s<", "^$"] {
            assert!(
                !matches!(automaton(pattern, false).form, Some(Form::Candidates(_))),
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_is_walked_is_paid_for() {
        let paid = |pattern: &str, text: &str| {
            let sum = Cell::new(0);
            let pay = |steps: u64| {
                sum.set(sum.get() + steps);
                true
            };
            let is_match = automaton(pattern, false).is_match(text, &pay);
            (is_match, sum.get())
        };
        let long = "fn f(a: &str) { a }\n".repeat(1_000);
        let length = long.len() as u64;
        for (pattern, most) in [
            (r"^\s*https?://", 0),
            (r"<\s*script\b", length / SWEPT),
            (r"\{\s*\{", length / SWEPT + 1_000 * (A_WALK + 2)),
            (r"fn\s+g\b", length),
            (LARGE, length),
        ] {
            assert_eq!(paid(pattern, &long), (false, most), "{pattern}");
        }
        // a table that does not say, and candidates that lie too close to each other
        assert_eq!(paid(r"^fn[^;]*;", &long), (false, length));
        let dense = "<a".repeat(9_000);
        assert!(paid(r"<[^>]*>", &dense).1 > (WALKED * dense.len()) as u64);
        for pattern in [r"\{\s*a", r"a\s*\}", r"^fn[^;]*\}\n$"] {
            let automaton = automaton(pattern, false);
            assert!(automaton.is_match(&long, FREE), "{pattern}");
            assert!(!automaton.is_match(&long, &|_| false), "{pattern}");
        }
    }

    #[test]
    fn outlines_match_wherever_their_patterns_do() {
        let words: Vec<String> = (0..600_u32)
            .map(|word| format!("{:b}", word.wrapping_mul(2_654_435_761)))
            .collect();
        let pattern = format!(r"^\s*(?:{})\b(?:\s+|=)+-?[0-9]{{1,3}}x", words.join("|"));
        let automaton = automaton(&pattern, false);
        assert!(matches!(automaton.form, Some(Form::Outline(_))));
        for word in words.iter().take(50) {
            for (end, is_match) in [(" -12x", true), ("= 1x", true), ("1 2x", false), ("  x", false)] {
                let text = format!(" {word}{end}");
                assert_eq!(
                    automaton.is_match(&text, FREE),
                    automaton.regex.is_match(&text),
                    "{text}"
                );
                assert!(!is_match || automaton.is_match(&text, FREE), "{text}");
            }
        }
    }

    #[test]
    fn a_pattern_of_many_states_has_no_table() {
        let large = automaton(&LARGE.replace("{0,400}", "{0,6}"), false);
        assert!(large.form.is_none());
        assert!(large.is_match("a-x-y-z-=1", FREE) && !large.is_match("a=x-y-z-b-1", FREE));
    }

    /// States of many places at once: each letter may begin a match.
    const LARGE: &str = r"\w[-\w]{0,400}x[-\w]{0,400}y[-\w]{0,400}z[-\w]{0,400}=";

    #[test]
    fn counts_that_go_far_are_not_counted() {
        let text = |long: usize| format!("ax{}yz=", "-".repeat(long));
        let relaxed = automaton(LARGE, false);
        for long in [0, 400, 4000] {
            assert!(relaxed.is_match(&text(long), FREE), "{long}");
            assert_eq!(relaxed.find(&text(long)).map(|at| at.end), Some(text(long).len()));
        }
        assert!(!relaxed.is_match("ax yz=", FREE) && !relaxed.is_match("az=", FREE));
        let counted = automaton("^a{3,5}b", false);
        assert!(counted.is_match("aaab", FREE) && !counted.is_match("aab", FREE) && !counted.is_match("aaaaaab", FREE));
    }

    #[test]
    fn where_a_match_is_costs_no_second_search_of_a_long_text() {
        let long = format!("{}<b>", "<a ".repeat(5000));
        let found = automaton("<[^<>]*>", false).find(&long).unwrap();
        assert_eq!(&long[found], "<b>");
        let endless = format!("<{}>", "é".repeat(5000));
        let found = automaton("<[^<>]*>", false).find(&endless).unwrap();
        assert!(
            found.len() <= SHOWN + 1 && found.end == endless.len(),
            "as much as is shown: {found:?}"
        );
    }
}

/// Goes to every state that a text can lead to.
#[cfg(test)]
pub(super) mod states {
    use std::collections::HashSet;

    use regex_automata::{hybrid::dfa::DFA, util::start};

    use super::*;

    /// The states of a pattern's lazy automaton and the memory of them all, in bytes; `None` where
    /// it exceeds the cache, so that the automaton would give up.
    pub(in crate::detect) fn of(pattern: &Hir) -> Option<(usize, usize)> {
        let never_clearing = DFA::config()
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder()
            .configure(never_clearing)
            .build_from_nfa(nfa(&relaxed(pattern))?)
            .ok()?;
        let (mut cache, mut seen, mut next) = (dfa.create_cache(), HashSet::new(), Vec::new());
        for before in [None, Some(b'a'), Some(b' '), Some(b'\n'), Some(b'\r')] {
            let from = start::Config::new().look_behind(before).anchored(Anchored::No);
            next.push(dfa.start_state(&mut cache, &from).ok()?);
        }
        let units: Vec<_> = dfa.byte_classes().representatives(..).collect();
        while let Some(state) = next.pop() {
            if state.is_dead() || state.is_quit() || !seen.insert(state) {
                continue;
            }
            for unit in &units {
                next.push(match unit.as_u8() {
                    Some(byte) => dfa.next_state(&mut cache, state, byte).ok()?,
                    None => dfa.next_eoi_state(&mut cache, state).ok()?,
                });
            }
        }
        Some((seen.len(), cache.memory_usage()))
    }
}
