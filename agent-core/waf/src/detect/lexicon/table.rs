//! The automaton of all literals, as one small table.
//!
//! The library builds it (Aho and Corasick, 1975); here its states are renumbered, in two bytes
//! each, those at which a literal ends last, so that a step is two loads and a comparison, and the
//! table half as large.

use std::{collections::HashMap, ops::Range};

use aho_corasick::{
    Anchored, MatchKind,
    automaton::{Automaton as _, StateID},
    dfa::DFA,
};

/// The columns of the table: more than the classes of bytes that literals tell apart, letters,
/// digits and signs.
const CLASSES: usize = 1 << SHIFT;

/// Its logarithm.
const SHIFT: usize = 7;

/// An automaton of literals in lower case, which finds them in any.
#[derive(Debug)]
pub(super) struct Table {
    /// The class of each byte.
    classes: [u8; 256],
    /// For each state and class the next state.
    next: Vec<u16>,
    /// The first of the states at which literals end.
    first: u16,
    /// For each of those where its literals stand.
    ends: Vec<Range<usize>>,
    literals: Vec<usize>,
}

impl Table {
    /// `None` where there are more states or classes than it has room for.
    pub(super) fn of(literals: &[Vec<u8>]) -> Option<Self> {
        let automaton = DFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(literals)
            .ok()?;
        let (classes, members) = classes(literals)?;
        let states = States::of(&automaton, &members)?;
        let mut next = vec![0; states.all.len() << SHIFT];
        for (number, state) in states.all.iter().enumerate() {
            for (class, byte) in members.iter().enumerate() {
                let following = automaton.next_state(Anchored::No, *state, *byte);
                *next.get_mut(number << SHIFT | class)? = *states.numbers.get(&following)?;
            }
        }
        let mut table = Self {
            classes,
            next,
            first: u16::try_from(states.first).ok()?,
            ends: Vec::new(),
            literals: Vec::new(),
        };
        for state in states.all.iter().skip(states.first) {
            let found = 0..automaton.match_len(*state);
            let begin = table.literals.len();
            table
                .literals
                .extend(found.map(|index| automaton.match_pattern(*state, index).as_usize()));
            table.ends.push(begin..table.literals.len());
        }
        Some(table)
    }

    /// For each state at which literals end their numbers.
    pub(super) fn ends(&self) -> impl Iterator<Item = &[usize]> {
        let literals = |range: &Range<usize>| self.literals.get(range.clone()).unwrap_or_default();
        self.ends.iter().map(literals)
    }

    /// Shows each time that literals end in a text the number of the state, among those at which
    /// some do.
    pub(super) fn search(&self, text: &[u8], found: &mut impl FnMut(usize)) {
        let (classes, next, first) = (&self.classes, self.next.as_slice(), self.first);
        let mut state = 0_u16;
        let mut step = |byte: u8| {
            let class = classes.get(usize::from(byte)).copied().unwrap_or_default();
            let place = usize::from(state) << SHIFT | usize::from(class);
            state = next.get(place).copied().unwrap_or_default();
            if state >= first {
                found(usize::from(state - first));
            }
        };
        // several at a time: that the loop ends is asked once for all of them
        let (chunks, rest) = text.as_chunks::<4>();
        for [first, second, third, fourth] in chunks {
            step(*first);
            step(*second);
            step(*third);
            step(*fourth);
        }
        rest.iter().for_each(|byte| step(*byte));
    }
}

/// The states of an automaton, in a new order: the first one, others, and those at which literals
/// end.
struct States {
    all: Vec<StateID>,
    numbers: HashMap<StateID, u16>,
    first: usize,
}

impl States {
    fn of(automaton: &DFA, members: &[u8]) -> Option<Self> {
        let start = automaton.start_state(Anchored::No).ok()?;
        let mut seen = HashMap::from([(start, 0)]);
        let mut all = vec![start];
        let mut at = 0;
        while let Some(state) = all.get(at).copied() {
            at += 1;
            for byte in members {
                let next = automaton.next_state(Anchored::No, state, *byte);
                if seen.insert(next, 0).is_none() {
                    all.push(next);
                }
            }
        }
        // stable: what is near the start stays together
        all.sort_by_key(|state| automaton.is_match(*state));
        let first = all.partition_point(|state| !automaton.is_match(*state));
        let mut numbers = HashMap::new();
        for (number, state) in all.iter().enumerate() {
            numbers.insert(*state, u16::try_from(number).ok()?);
        }
        // a text begins at the first state
        (all.first() == Some(&start)).then_some(Self { all, numbers, first })
    }
}

/// The class of each byte, and a member of each class: what is in no literal is in one class
/// together, letters in both cases in one.
fn classes(literals: &[Vec<u8>]) -> Option<([u8; 256], Vec<u8>)> {
    let mut is_used = [false; 256];
    for byte in literals.iter().flatten() {
        *is_used.get_mut(usize::from(byte.to_ascii_lowercase()))? = true;
    }
    let unused =
        (0..=u8::MAX).find(|byte| !byte.is_ascii_uppercase() && is_used.get(usize::from(*byte)) == Some(&false))?;
    let mut members = vec![unused];
    let mut classes = [0; 256];
    for byte in 0..=u8::MAX {
        if is_used.get(usize::from(byte)) == Some(&true) {
            let class = u8::try_from(members.len()).ok()?;
            members.push(byte);
            for form in [byte, byte.to_ascii_uppercase()] {
                *classes.get_mut(usize::from(form))? = class;
            }
        }
    }
    (members.len() <= CLASSES).then_some((classes, members))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(literals: &[&str], text: &[u8]) -> Vec<usize> {
        let literals: Vec<Vec<u8>> = literals.iter().map(|literal| literal.as_bytes().to_vec()).collect();
        let mut found = Vec::new();
        let table = Table::of(&literals).unwrap();
        let ends: Vec<&[usize]> = table.ends().collect();
        table.search(text, &mut |end| found.extend_from_slice(ends[end]));
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn literals_are_found_in_any_case_and_within_others() {
        let literals = ["union", "on", "<script", "nio", "\u{e9}"];
        assert_eq!(found(&literals, b"a UNIon b"), [0, 1, 3]);
        assert_eq!(found(&literals, "<SCRIPT \u{e9}>".as_bytes()), [2, 4]);
        assert_eq!(found(&literals, b"<scrip\xc3 uni"), [0; 0]);
        assert_eq!(found(&[], b"abc"), [0; 0]);
    }

    #[test]
    fn more_than_there_is_room_for_makes_no_table() {
        let all: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        assert!(Table::of(&all).is_none());
    }

    proptest! {
        #[test]
        fn what_is_in_a_text_is_found(
            literals in proptest::collection::vec("[a-c;=]{1,4}", 1..8),
            text in "[a-cA-C;=x]{0,40}",
        ) {
            let lower = text.to_ascii_lowercase();
            let expected: Vec<usize> = (0..literals.len()).filter(|number| lower.contains(&literals[*number])).collect();
            let texts: Vec<&str> = literals.iter().map(String::as_str).collect();
            prop_assert_eq!(found(&texts, text.as_bytes()), expected);
        }
    }
}
