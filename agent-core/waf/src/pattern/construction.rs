//! How automata are made of many patterns, within a budget.

use std::cmp::Reverse;

use super::{
    Pattern, TooLarge,
    automaton::{Direction, nfa},
};

/// The most automata of one set: patterns like `a.*b` are small alone and double each other's size together, so what is too
/// large as one automaton is split in halves. Each costs a look-up another walk.
pub(super) const MAX_AUTOMATA: usize = 6;

/// The most constructions that may fail for one set: enough to split it into [`MAX_AUTOMATA`], and once more.
const MAX_FAILURES: usize = 4;

/// The most memory of the NFAs of a set's regular expressions, in bytes: five times what an automaton may be made from.
const MAX_NFA_BYTES: usize = 1 << 20;

/// How many patterns are constructed alone to find out which of them is too dear.
const SUSPECTS: usize = 4;

/// A pattern, from where it is compared, and what it takes.
#[derive(Clone, Copy)]
pub(super) struct Sized<'p> {
    pub(super) pattern: &'p Pattern,
    /// Its place in the list.
    pub(super) number: usize,
    direction: Direction,
    /// Bytes of its NFA; of a literal its length.
    size: usize,
}

/// Makes one automaton of a group, or says that it is too dear.
type Construct<'c, A> = dyn Fn(&[Sized<'_>], Direction) -> Option<A> + 'c;

/// Automata for all patterns.
pub(super) fn construct<A>(patterns: &[Pattern], construct: &Construct<'_, A>) -> Result<Vec<A>, TooLarge> {
    let sized = sizes(patterns)?;
    let mut construction = Construction {
        construct,
        automata: Vec::new(),
        failures: 0,
    };
    for direction in [Direction::FromStart, Direction::FromEnd, Direction::Anywhere] {
        let mut group = sized.clone();
        group.retain(|sized| sized.direction == direction);
        if !group.is_empty() {
            construction.add(&group, direction)?;
        }
    }
    Ok(construction.automata)
}

/// Whether no pattern of a group is a regular expression.
pub(super) fn are_literals(group: &[Sized<'_>]) -> bool {
    group.iter().all(|sized| sized.pattern.is_literal())
}

/// Every pattern with its size, unless one of them, or all together, are too large.
fn sizes(patterns: &[Pattern]) -> Result<Vec<Sized<'_>>, TooLarge> {
    let mut sized = Vec::with_capacity(patterns.len());
    let mut total = 0;
    for (number, pattern) in patterns.iter().enumerate() {
        let (direction, size) = match pattern.kind().literal_direction() {
            Some(direction) => (direction, pattern.text().len()),
            None => {
                let nfa = nfa(&[pattern.source()], Direction::Anywhere).ok_or_else(|| TooLarge::of([pattern]))?;
                total += nfa.memory_usage();
                (Direction::of_nfa(&nfa), nfa.memory_usage())
            }
        };
        sized.push(Sized {
            pattern,
            number,
            direction,
            size,
        });
        if total > MAX_NFA_BYTES {
            let largest = sized.iter().max_by_key(|sized| sized.size);
            return Err(TooLarge::of(largest.map(|sized| sized.pattern)));
        }
    }
    Ok(sized)
}

/// Automata under construction.
struct Construction<'c, A> {
    construct: &'c Construct<'c, A>,
    automata: Vec<A>,
    failures: usize,
}

impl<A> Construction<'_, A> {
    /// Builds one automaton for all, or else one for the literals and one for the others, or else two for the halves.
    fn add(&mut self, group: &[Sized<'_>], direction: Direction) -> Result<(), TooLarge> {
        if self.automata.len() == MAX_AUTOMATA {
            return Err(TooLarge::of(group.iter().map(|sized| sized.pattern)));
        }
        if let Some(automaton) = (self.construct)(group, direction) {
            self.automata.push(automaton);
            return Ok(());
        }
        self.failures += 1;
        if group.len() < 2 || self.failures > MAX_FAILURES {
            return Err(self.dearest(group, direction));
        }
        let (literals, others): (Vec<Sized<'_>>, Vec<Sized<'_>>) =
            group.iter().partition(|sized| sized.pattern.is_literal());
        let (left, right) = if literals.is_empty() || others.is_empty() {
            group.split_at(group.len() / 2)
        } else {
            (&*literals, &*others)
        };
        self.add(left, direction)?;
        self.add(right, direction)
    }

    /// The one of these patterns that is too dear alone, or else all of them.
    fn dearest(&self, group: &[Sized<'_>], direction: Direction) -> TooLarge {
        let mut by_size = group.to_vec();
        by_size.sort_by_key(|sized| Reverse(sized.size));
        let mut suspects = by_size.iter().take(SUSPECTS);
        let alone = suspects.find(|sized| (self.construct)(&[**sized], direction).is_none());
        match alone {
            Some(sized) => TooLarge::of([sized.pattern]),
            None => TooLarge::of(group.iter().map(|sized| sized.pattern)),
        }
    }
}
