//! What the tests of all families ask, and what holds for all of them.

mod classes;
mod cost;
mod examples;
mod generality;
mod neighbours;
mod pairs;

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{
    normal::{Spelling, normalise},
    places::{Field, Part, Place, Role},
};

/// Compiled once: a hundred patterns take as long as all tests.
static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| Detectors::standard().expect("the rules compile"));

fn find(field: &Field<'_>) -> Option<(&'static str, u8)> {
    DETECTORS
        .look(field)
        .map(|caught| (caught.family.name(), caught.finding.score))
}

/// What is found in a value of a query.
fn find_value(text: &str) -> Option<(&'static str, u8)> {
    find_in(Part::Query, Role::Value, "q", text)
}

fn find_in(part: Part, role: Role, name: &str, text: &str) -> Option<(&'static str, u8)> {
    find(&Field {
        place: Place { part, name },
        role,
        value: text.as_bytes(),
        spelling: Spelling::Literal,
    })
    .filter(|(_, score)| *score >= CERTAIN)
}

pub(super) fn find_in_header(name: &str, text: &str) -> Option<(&'static str, u8)> {
    find_in(Part::Header, Role::Value, name, text)
}

pub(super) fn find_as(role: Role, name: &str, text: &str) -> Option<(&'static str, u8)> {
    find_in(Part::Body, role, name, text)
}

/// The family of what is found in a value of a body.
pub(super) fn family_of(name: &str, text: &str) -> Option<&'static str> {
    find_as(Role::Value, name, text).map(|(family, _)| family)
}

/// The family of what is found in the beginning of a file of this name.
pub(super) fn family_of_head(name: &str, text: &str) -> Option<&'static str> {
    find_as(Role::FileHead, name, text).map(|(family, _)| family)
}

pub(super) fn find_in_query(name: &str, text: &str) -> Option<(&'static str, u8)> {
    find_in(Part::Query, Role::Value, name, text)
}

pub(super) fn find_path(text: &str) -> Option<(&'static str, u8)> {
    find_in(Part::Path, Role::Value, "", text)
}

/// Fails unless each text is found by the family, whatever others find first.
#[track_caller]
pub(super) fn assert_finds(family: &str, attacks: &[&str]) {
    for attack in attacks {
        let field = Field {
            place: Place {
                part: Part::Query,
                name: "q",
            },
            role: Role::Value,
            value: attack.as_bytes(),
            spelling: Spelling::Literal,
        };
        let mut found = Vec::new();
        DETECTORS.each(&field, &Options::STANDARD, &mut |caught| {
            found.push((caught.family.name(), caught.finding.rule, caught.finding.score));
            true
        });
        assert!(
            found
                .iter()
                .any(|(name, _, score)| *name == family && *score >= CERTAIN),
            "{family} misses {attack:?}, found are {found:?}"
        );
    }
}

/// Fails where any family refuses one of the texts.
#[track_caller]
pub(super) fn assert_passes(texts: &[&str]) {
    let refused: Vec<_> = texts
        .iter()
        .filter_map(|text| Some((text, find_value(text)?)))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn base64_is_looked_into_unless_it_is_switched_off() {
    let field = Field::whole(Part::Query, Role::Value, b"JyBPUiAxPTEtLSAtMQ==", Spelling::Form);
    let caught = Detectors::standard().unwrap().look(&field).unwrap();
    assert_eq!((caught.family, &*caught.excerpt), (Family::Sqli, "' OR 1=1-- -1"));
    let without = Options {
        base64: false,
        ..Options::STANDARD
    };
    assert_eq!(Detectors::standard().unwrap().look_for(&field, &without), None);
}

#[test]
fn plain_values_cost_no_allocation() {
    let values = [
        &b"john.doe@example.com"[..],
        b"2024-11-05T10:33:02Z",
        b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        b"The quick brown fox jumps over the lazy dog",
    ];
    let look = || {
        for value in values {
            let field = Field::whole(Part::Header, Role::Value, value, Spelling::Literal);
            assert_eq!(DETECTORS.look(&field), None);
        }
    };
    look();
    let allocations = allocation_counter::measure(look);
    assert_eq!(allocations.count_total, 0, "{allocations:?}");
}

/// Texts that make the engines of others backtrack: nested quantifiers, openings that are never
/// closed, codes within codes.
#[test]
fn hostile_values_of_any_length_are_judged() {
    let seeds = [
        "<a ",
        "' or ",
        "((",
        "../",
        "{{",
        "${",
        "%25",
        "&#",
        "\\u00",
        ";cat ",
        "=",
        "\"on",
        "union ",
        "select from ",
        "\n",
        "/*",
        "0x2e",
        "\u{fffd}",
        "!+[]",
        "a",
    ];
    for seed in seeds {
        for length in [1 << 10, 1 << 13] {
            let text = seed.repeat(length / seed.len());
            let field = Field::whole(Part::Body, Role::Value, text.as_bytes(), Spelling::Form);
            let found = DETECTORS.look(&field).map(|caught| caught.excerpt.len());
            assert!(found.unwrap_or_default() <= 400, "{seed}");
        }
    }
}

/// Neither time nor a count of steps can be had from the engine: what it allocates is bounded by
/// what it works on. How time grows is measured by `benches/detect.rs`.
#[test]
fn what_is_allocated_grows_with_the_value_and_no_faster() {
    for seed in ["%2525", "&#x26;#", "\\u005c", "<a b=", "' or ", "../", "{{a", ";c''at "] {
        let allocated = |length: usize| {
            let text = seed.repeat(length / seed.len());
            let field = Field::whole(Part::Body, Role::Value, text.as_bytes(), Spelling::Form);
            let _warm = DETECTORS.look(&field);
            allocation_counter::measure(|| drop(DETECTORS.look(&field))).bytes_total
        };
        let (short, long) = (allocated(1 << 17), allocated(1 << 20));
        // caches of automata are filled anew now and then, whatever the length
        assert!(
            long <= 10 * short + (8 << 20),
            "{seed}: {short} bytes for 128 KiB, {long} for 1 MiB"
        );
    }
}

#[test]
fn findings_lie_within_the_text() {
    for text in [
        "' or 1=1--",
        "<script>alert(1)</script>",
        "; cat /etc/passwd",
        "é' union select 1--",
    ] {
        let field = Field::whole(Part::Query, Role::Value, text.as_bytes(), Spelling::Form);
        let caught = DETECTORS.look(&field).unwrap();
        assert!(caught.finding.at.end <= text.len(), "{caught:?}");
    }
}

/// The same detectors, which ask every rule.
static THOROUGH: LazyLock<Detectors> = LazyLock::new(|| {
    let standard = Standard {
        words: Words::blind(),
        ..Standard::new().expect("the rules compile")
    };
    Detectors {
        standard: Some(Box::leak(Box::new(standard))),
        own: Vec::new(),
    }
});

proptest! {
    #[test]
    fn the_lexicon_spares_no_rule_that_matches(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "'", "\"", " ", " or ", "1", "=", "--", "#", "union ", "select ", "<", "script", ">", "alert", "(", ")", "javascript:", "on", "error",
            ";", "|", "&", "cat", "/etc/passwd", "`", "$(", "${", "{{", "}}", "*", "../", "..\\", "http://", "localhost", "\r\n", "Location:",
            "__proto__", "[", "]", "$ne", ".", "a", "/*", "*/", "<!", "ENTITY", "SYSTEM", "<?php", "%", ":",
        ]), 0..8)
    ) {
        let text = parts.concat();
        let field = Field::whole(Part::Query, Role::Value, text.as_bytes(), Spelling::Literal);
        let rule = |caught: Option<Caught>| caught.map(|caught| (caught.family, caught.finding.rule, caught.finding.score));
        prop_assert_eq!(rule(DETECTORS.look(&field)), rule(THOROUGH.look(&field)));
    }

    #[test]
    fn no_value_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let field = Field::whole(Part::Query, Role::Value, &bytes, Spelling::Form);
        let _ = find(&field);
    }

    #[test]
    fn no_punctuation_is_too_odd(text in "[-'\"`<>(){}\\[\\];|&$\\\\/.:=#*%@_!^~?+, a-c0-2]{0,60}") {
        let _ = find_value(&text);
    }
}

#[test]
fn rules_of_paths_files_and_prompts_are_asked_of_nothing_else() {
    let asked = &Standard::shared().unwrap().asked;
    assert_eq!(asked.of(true, true, true), &Hits::ALL);
    let spared = |is_path, is_file, is_prompt| Hits::ALL.without(asked.of(is_path, is_file, is_prompt));
    let each = [
        spared(false, true, true),
        spared(true, false, true),
        spared(true, true, false),
    ];
    assert!(each.iter().all(|rules| *rules != Hits::default()));
    let mut all = Hits::default();
    each.iter().for_each(|rules| all.add(rules));
    assert_eq!(spared(false, false, false), all);
}
