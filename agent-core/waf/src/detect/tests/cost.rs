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
    fuel.grant((value.len() * times).min(64 << 10));
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
        let fuel = Fuel::of_body();
        assert_eq!(looks(&fuel, value.as_bytes(), times), 0, "{value}");
        assert!(!fuel.is_out(), "{times} × {value}");
    }
}

#[test]
fn what_costs_too_much_is_not_looked_into_to_its_end() {
    let dear = "select(a'--\"{{x}}${y}<z ;cat `|".repeat(2000);
    let fuel = Fuel::of_body();
    looks(&fuel, dear.as_bytes(), 30);
    assert!(fuel.is_out());
    assert_eq!(looks(&fuel, b"' or 1=1 --", 1), 0, "nothing more is looked into");
    assert_eq!(looks(&Fuel::of_body(), b"' or 1=1 --", 1), 1, "the next request is");
}

#[test]
fn the_literals_of_all_rules_have_room_in_their_table() {
    assert!(Standard::new().unwrap().words.is_searched());
}

/// Texts that rules look for or are slow with, as a search for costly values puts them together.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "<a ", "<!--", "' or ", "\"--", "((", ")", "../", "{{", "}}", "${", "$(", "%25", "&#x", "\\u00", ";cat ", "|", "`", "=", "\"on", "union ", "select ", "from ", "\n", "/*", "*/",
    "0x2e", "\u{fffd}", "\u{ff1c}", "!+[]", "a", "1", ",", "-", "@", "#", "javascript:", "http://", "<?", "__proto__", "O'Neill", " and ", "==", "file", "script", "?", "%", "+",
];

/// Bytes of the values that are searched.
const SEARCHED: usize = 512;

fn text_of(genes: &[usize]) -> String {
    let piece: String = genes.iter().map(|gene| PIECES[*gene]).collect();
    let text = piece.repeat(1 + SEARCHED / piece.len());
    text[..text.floor_char_boundary(SEARCHED)].to_owned()
}

fn steps_of(text: &str) -> u64 {
    let fuel = Fuel::of_body();
    looks(&fuel, text.as_bytes(), 1);
    fuel.spent()
}

/// The most steps a byte that a search may find: twice what each byte grants, so that such values
/// are looked into for half of a request's length before it is out of fuel.
const CEILING: u64 = 120;

/// Climbs to costly values by changing what was the costliest so far, always in the same way.
#[test]
fn no_search_finds_a_value_that_costs_more_than_twice_what_it_grants() {
    const ROUNDS: usize = 12;
    const STEPS: usize = 30;
    let mut seed = 7_u64;
    let mut below = |end: usize| {
        seed = seed
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(seed >> 33).unwrap() % end
    };
    let mut worst = (0, String::new());
    for _ in 0..ROUNDS {
        let mut genes: Vec<usize> = (0..6).map(|_| below(PIECES.len())).collect();
        let mut cost = steps_of(&text_of(&genes));
        for _ in 0..STEPS {
            let mut changed = genes.clone();
            let at = below(changed.len());
            match below(3) {
                0 if changed.len() < 24 => changed.insert(at, below(PIECES.len())),
                1 if changed.len() > 1 => drop(changed.remove(at)),
                _ => changed[at] = below(PIECES.len()),
            }
            let other = steps_of(&text_of(&changed));
            if other >= cost {
                (genes, cost) = (changed, other);
            }
        }
        if cost > worst.0 {
            worst = (cost, text_of(&genes));
        }
    }
    let (cost, text) = worst;
    assert!(
        cost > 20 * SEARCHED as u64,
        "the search finds something: {cost} of {text:?}"
    );
    assert!(cost <= CEILING * SEARCHED as u64, "{cost} of {text:?}");
    // a request of such values takes no more than one may
    let fuel = Fuel::of_body();
    looks(&fuel, text.as_bytes(), (64 << 10) / SEARCHED);
    assert!(fuel.spent() <= Fuel::MOST_OF_BODY, "{}", fuel.spent());
}
