//! What looking costs at most: no text leads an automaton to more states than it has room for, and
//! no request takes more steps than one may.

use regex_syntax::hir::{Hir, HirKind};

use super::{
    super::automaton::{COUNTED, states},
    examples::SETS,
    *,
};

/// Whether a pattern counts further than automata do, so that it finds something else than it says.
fn counts_far(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Repetition(repeated) => {
            repeated.min > COUNTED || repeated.max.is_some_and(|most| most > COUNTED) || counts_far(&repeated.sub)
        }
        HirKind::Capture(group) => counts_far(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(counts_far),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

#[test]
fn no_rule_counts_further_than_automata_do() {
    let rules = SETS.iter().flat_map(|set| set.rules);
    let far: Vec<_> = rules
        .filter(|rule| counts_far(&rule.parsed().unwrap()))
        .map(|rule| rule.name)
        .collect();
    assert!(far.is_empty(), "{far:?}");
}

#[test]
fn no_rule_has_more_states_than_its_cache_has_room_for() {
    let rules = SETS
        .iter()
        .flat_map(|set| set.rules.iter().map(move |rule| (set.family, rule)));
    let (mut all, mut too_many) = (0, Vec::new());
    for (family, rule) in rules {
        match states::of(&rule.parsed().unwrap()) {
            Some((_, bytes)) => all += bytes,
            None => too_many.push(format!("{family}/{}", rule.name)),
        }
    }
    assert!(
        too_many.is_empty(),
        "a text can make them slow, count less or less at a time: {too_many:?}"
    );
    assert!(all < 64 << 20, "the caches of one thread can grow to {} MiB", all >> 20);
}

/// Has all detectors look at a value again and again, as at one that a request holds often.
fn looks(fuel: &Fuel, value: &[u8], times: usize) -> usize {
    let detectors = Detectors::standard().unwrap();
    let options = Options {
        fuel: Some(fuel),
        ..Options::STANDARD
    };
    let field = Field::whole(Part::Body, Role::Value, value, Spelling::Form);
    let mut caught = 0;
    for _ in 0..times {
        detectors.each(&field, &options, &mut |_| {
            caught += 1;
            true
        });
    }
    caught
}

#[test]
fn an_everyday_request_is_far_from_out_of_fuel() {
    let prose =
        "I'd like to select one of your offers; it's \"50% off\" (until 5 o'clock) & more, isn't it? ".repeat(40);
    for (value, times) in [
        (prose.as_str(), 16),
        ("O'Neill-Smith, Anne-Marie d'Arcy", 2000),
        ("5th Avenue, Apt. # 112", 500),
        (
            "{\"name\": \"it's\", \"n\": [1, 2, 3], \"url\": \"https://example.com/?a=1&b=2\"}",
            25,
        ),
    ] {
        let fuel = Fuel::new();
        assert_eq!(looks(&fuel, value.as_bytes(), times), 0, "{value}");
        assert!(!fuel.is_out(), "{times} × {value}");
    }
}

#[test]
fn what_costs_too_much_is_not_looked_into_to_its_end() {
    let dear = "select(a'--\"{{x}}${y}<z ;cat `|".repeat(2000);
    let fuel = Fuel::new();
    looks(&fuel, dear.as_bytes(), 30);
    assert!(fuel.is_out());
    assert_eq!(looks(&fuel, b"' or 1=1 --", 1), 0, "nothing more is looked into");
    assert_eq!(looks(&Fuel::new(), b"' or 1=1 --", 1), 1, "the next request is");
}
