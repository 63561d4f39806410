//! Each way to match, and the limits.

use proptest::prelude::*;

use super::{construction::MAX_AUTOMATA, *};

fn set(patterns: &[(&str, MatchType)]) -> PatternSet {
    let patterns: Vec<Pattern> = patterns
        .iter()
        .map(|(text, kind)| Pattern::new(text, *kind).unwrap())
        .collect();
    PatternSet::new(&patterns).unwrap()
}

fn regex(text: &str) -> PatternSet {
    set(&[(text, MatchType::Regex)])
}

#[test]
fn each_type_compares_as_its_name_says() {
    for (kind, yes, no) in [
        (MatchType::Starts, ["/a.b", "/a.b/c"], ["x/a.b", "/aXb"]),
        (MatchType::Ends, ["/a.b", "c/a.b"], ["/a.b/", "/aXb"]),
        (MatchType::Contains, ["/a.b", "x/a.by"], ["/a.", "/aXb"]),
        (MatchType::Match, ["/a.b", "/a.b"], ["/a.b\n", "x/a.b"]),
        (MatchType::Regex, ["/a.b", "x/aXby"], ["/a\nb", "/ab"]),
    ] {
        let set = set(&[("/a.b", kind)]);
        assert!(yes.iter().all(|path| set.is_match(path.as_bytes())), "{kind:?}");
        assert!(!no.iter().any(|path| set.is_match(path.as_bytes())), "{kind:?}");
    }
}

#[test]
fn one_of_many_patterns_is_enough() {
    let set = set(&[
        ("/admin", MatchType::Ends),
        ("/.env", MatchType::Starts),
        ("wp-", MatchType::Contains),
        ("/exact", MatchType::Match),
        (r"^/v\d+/debug$", MatchType::Regex),
    ]);
    for path in ["/x/admin", "/.env.local", "/blog/wp-login", "/exact", "/v12/debug"] {
        assert!(set.is_match(path.as_bytes()), "{path}");
    }
    for path in [
        "",
        "/",
        "/administration",
        "/a/.env",
        "/wp",
        "/exactly",
        "/v/debug",
        "/v1/debugger",
    ] {
        assert!(!set.is_match(path.as_bytes()), "{path}");
    }
    assert_eq!((set.len(), set.automata.len()), (5, 3), "one automaton a direction");
}

#[test]
fn an_empty_set_matches_nothing_and_holds_nothing() {
    let empty = PatternSet::new(&[]).unwrap();
    assert!(empty.is_empty() && !empty.is_match(b"") && !empty.is_match(b"/") && !empty.is_match_decoded("%2f"));
    assert_eq!((empty.memory_bytes(), empty.automata.len()), (0, 0));
}

#[test]
fn bytes_outside_ascii_and_utf8_are_only_bytes() {
    let garbage: Vec<u8> = (0..=255).rev().collect();
    assert!(set(&[("wp-", MatchType::Contains)]).is_match(&[&garbage[..], b"wp-"].concat()));
    assert!(!set(&[("wp-", MatchType::Contains)]).is_match(&garbage));
    assert!(
        regex("^/a.c$").is_match(b"/a\xffc"),
        "a dot is any byte but the end of a line"
    );
    let umlaut = set(&[("/\u{fc}ber", MatchType::Starts)]);
    assert!(umlaut.is_match("/\u{fc}ber/uns".as_bytes()) && umlaut.is_match_decoded("/%C3%BCber"));
    assert!(!umlaut.is_match(b"/\xfcber"));
}

#[test]
fn regular_expressions_that_need_characters_get_them() {
    assert!(regex("^/[\u{e0}-\u{ff}t]+$").is_match("/\u{e9}t\u{e9}".as_bytes()));
    assert!(regex(r"^/\p{Greek}$").is_match("/\u{3b2}".as_bytes()));
    assert!(regex("(?i)^/\u{e9}").is_match("/\u{c9}".as_bytes()));
    assert!(
        !regex(r"^/\w$").is_match("/\u{e9}".as_bytes()),
        "classes are ASCII otherwise"
    );
}

#[test]
fn python_expressions_mean_what_they_mean_there() {
    assert!(regex("admin").is_match(b"/x/admin/y"), "searched, not anchored");
    assert!(regex(r"\.php\Z").is_match(b"/a.php") && !regex(r"\.php\Z").is_match(b"/a.phps"));
    assert!(regex(r"\\Z").is_match(br"a\Z"), "an escaped backslash before a letter");
    assert!(regex("(?P<kind>a|b)c").is_match(b"bc"));
    assert!(regex("(?x) ^/a  # a comment").is_match(b"/a"));
    assert!(regex("(?m)^b$").is_match(b"a\nb\nc") && !regex("^b$").is_match(b"a\nb\nc"));
    assert!(regex("a|^$").is_match(b"") && !regex("a|^$").is_match(b"b"));
}

#[test]
fn the_case_of_letters_counts_unless_told_otherwise() {
    let pattern = Pattern::new("X-Trace", MatchType::Starts).unwrap();
    assert!(
        !PatternSet::new(std::slice::from_ref(&pattern))
            .unwrap()
            .is_match(b"x-trace-id")
    );
    assert!(
        PatternSet::new(&[pattern.ignoring_case()])
            .unwrap()
            .is_match(b"x-trace-id")
    );
    let class = Pattern::new(r"^\S+$", MatchType::Regex).unwrap().ignoring_case();
    assert!(
        !PatternSet::new(&[class]).unwrap().is_match(b"two words"),
        "a class is no letter"
    );
}

#[test]
fn encoded_text_is_decoded_once() {
    let set = set(&[("/.env", MatchType::Starts), ("%", MatchType::Ends)]);
    assert!(set.is_match_decoded("/%2eenv") && set.is_match_decoded("%2F.%65nv/x") && set.is_match_decoded("/.env"));
    assert!(!set.is_match_decoded("/%252eenv"));
    for stray in ["/100%", "/100%25", "/%zz%"] {
        assert!(set.is_match_decoded(stray), "{stray}");
    }
    assert!(!set.is_match_decoded("/100%2") && !set.is_match(b"/%2eenv"));
}

#[test]
fn what_automata_cannot_match_is_refused_with_the_reason() {
    let problem = |text: &str| Pattern::new(text, MatchType::Regex).unwrap_err().to_string();
    assert!(problem("^/(?!api)").contains("look-around"), "{}", problem("^/(?!api)"));
    assert!(problem("(?<=a)b").contains("look-around"));
    assert!(
        problem(r"(a)\1").contains("backreferences are not supported"),
        "{}",
        problem(r"(a)\1")
    );
    assert!(problem("(a").contains("unclosed group"));
    assert!(problem("a)(b").contains("unopened group"));
    assert!(problem(r"\p{Greek}\b").contains("outside ASCII"));
    assert!(!problem("(a\n[").contains('\n'));
    assert_eq!(Pattern::new("", MatchType::Starts), Err(PatternProblem::Empty));
    assert_eq!(
        Pattern::new(&"a".repeat(4097), MatchType::Match),
        Err(PatternProblem::Long)
    );
}

#[test]
fn what_needs_too_much_memory_is_refused_by_name() {
    let of = |texts: &[&str]| {
        let patterns: Vec<Pattern> = texts
            .iter()
            .map(|text| Pattern::new(text, MatchType::Regex).unwrap())
            .collect();
        PatternSet::new(&patterns).map(|set| set.automata.len())
    };
    // the automaton remembers which of the last 30 bytes was an `a`: 2³⁰ states
    let wide = "a[ab]{30}c";
    assert_eq!(
        of(&["^/x", "^/y", wide, "^/z"]),
        Err(TooLarge {
            patterns: vec![wide.to_owned()]
        })
    );
    let bomb = "((a{1000}){1000}){1000}";
    assert_eq!(
        of(&[bomb]),
        Err(TooLarge {
            patterns: vec![bomb.to_owned()]
        })
    );
}

#[test]
fn patterns_that_are_only_large_together_are_matched_apart() {
    // any subset of the beginnings may have been seen: 2⁹ of them, times what was read of each
    let texts: Vec<String> = ('a'..='i').map(|c| format!("{c}x.*{c}y")).collect();
    let patterns: Vec<Pattern> = texts
        .iter()
        .map(|text| Pattern::new(text, MatchType::Regex).unwrap())
        .collect();
    let set = PatternSet::new(&patterns).unwrap();
    assert!((2..=MAX_AUTOMATA).contains(&set.automata.len()), "{set:?}");
    assert!(set.memory_bytes() <= MAX_AUTOMATA * automaton::SIZE_LIMIT);
    assert!(set.is_match(b"/ix/iy") && set.is_match(b"ax by ay") && !set.is_match(b"ax by"));
}

/// How a set of patterns is refused: the patterns that the error names.
fn refused(patterns: &[(String, MatchType)]) -> Option<Vec<String>> {
    let patterns: Vec<Pattern> = patterns
        .iter()
        .map(|(text, kind)| Pattern::new(text, *kind).unwrap())
        .collect();
    PatternSet::new(&patterns).err().map(|too_large| too_large.patterns)
}

fn many(count: usize, text: impl Fn(usize) -> String, kind: MatchType) -> Vec<(String, MatchType)> {
    (0..count).map(|n| (text(n), kind)).collect()
}

#[test]
fn many_that_double_each_others_size_are_refused_before_they_cost_much() {
    for count in [50, 500] {
        let gaps = many(count, |n| format!("{n}x.*{n}y"), MatchType::Regex);
        assert!(refused(&gaps).is_some(), "{count}");
    }
    let anchored = many(100, |n| format!("^/{n}/.*/edit$"), MatchType::Regex);
    assert_eq!(refused(&anchored), None);
}

#[test]
fn the_dearest_of_many_is_named() {
    let mut patterns = many(200, |n| format!("^/shop/{n}/[0-9]+$"), MatchType::Regex);
    patterns.insert(77, ("a[ab]{30}c".to_owned(), MatchType::Regex));
    assert_eq!(refused(&patterns), Some(vec!["a[ab]{30}c".to_owned()]));
    patterns[77] = ("((a{1000}){1000}){1000}".to_owned(), MatchType::Regex);
    assert_eq!(refused(&patterns), Some(vec!["((a{1000}){1000}){1000}".to_owned()]));
}

#[test]
fn thousands_of_literals_are_a_tree() {
    for kind in [
        MatchType::Starts,
        MatchType::Ends,
        MatchType::Contains,
        MatchType::Match,
    ] {
        let mut patterns = many(1000, |n| format!("/shop/{}/{n}.php", n % 7), kind);
        patterns.push((r"\.bak$".to_owned(), MatchType::Regex));
        assert_eq!(refused(&patterns), None, "{kind:?}");
    }
}

#[test]
fn classes_of_all_characters_are_counted() {
    let of = |text: &str| Pattern::new(text, MatchType::Regex).map(drop);
    assert_eq!(of(&r"(?u)\w".repeat(32)), Ok(()));
    assert_eq!(of(&r"(?u)\w".repeat(33)), Err(PatternProblem::Dear));
    assert_eq!(of(&format!("ü{}", r"\d".repeat(33))), Err(PatternProblem::Dear));
    assert_eq!(of(&r"\p{L}".repeat(33)), Err(PatternProblem::Dear));
    assert_eq!(of(&r"\w".repeat(200)), Ok(()), "of ASCII alone they cost nothing");
    assert_eq!(of(&"a".repeat(1025)), Err(PatternProblem::Dear));
}

#[test]
fn of_long_texts_only_as_much_is_looked_at_as_was_promised() {
    let filler = vec![b'x'; PatternSet::SCAN];
    let text = |before: &str, after: &str| [before.as_bytes(), &filler, after.as_bytes()].concat();
    for (kind, found, missed) in [
        (MatchType::Starts, text("/a.b", ""), text("", "/a.b")),
        (MatchType::Ends, text("", "/a.b"), text("/a.b", "")),
        (MatchType::Contains, text("/a.b", "x"), text("x", "/a.bx")),
        (MatchType::Regex, text("/a.b", "x"), text("x", "/a.bx")),
    ] {
        let set = set(&[("/a.b", kind)]);
        assert!(set.is_match(&found) && !set.is_match(&missed), "{kind:?}");
    }
    assert!(
        !regex("x$").is_match(&text("", "x")),
        "the end of what is looked at is not the end of the text"
    );
    assert!(!set(&[(&"x".repeat(4096), MatchType::Match)]).is_match(&text("", "")));
    assert!(regex("x$").is_match(&filler));
}

proptest! {
    #[test]
    fn literals_compare_like_strings(text in "[a/.%$^\u{fc}]{1,3}", path in "[a/.%$^\u{fc}]{0,8}") {
        let is = |kind| set(&[(&text, kind)]).is_match(path.as_bytes());
        prop_assert_eq!(is(MatchType::Starts), path.starts_with(&text));
        prop_assert_eq!(is(MatchType::Ends), path.ends_with(&text));
        prop_assert_eq!(is(MatchType::Contains), path.contains(&text));
        prop_assert_eq!(is(MatchType::Match), path == text);
    }

    #[test]
    fn regular_expressions_match_as_the_reference_engine_does(
        sources in prop::collection::vec("[ab(|)*.^$]{1,6}", 1..4),
        path in "[abc]{0,8}",
    ) {
        let usable = |source: &String| Pattern::new(source, MatchType::Regex).ok();
        let patterns: Vec<Pattern> = sources.iter().filter_map(usable).collect();
        let reference = |pattern: &Pattern| {
            let engine = regex_automata::nfa::thompson::pikevm::PikeVM::new(pattern.text()).unwrap();
            engine.is_match(&mut engine.create_cache(), path.as_str())
        };
        let expected = patterns.iter().any(reference);
        prop_assert_eq!(PatternSet::new(&patterns).unwrap().is_match(path.as_bytes()), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(text in ".{0,40}", path in prop::collection::vec(any::<u8>(), 0..40)) {
        for kind in MatchType::ALL {
            if let Ok(set) = Pattern::new(&text, kind).map_err(drop).and_then(|p| PatternSet::new(&[p]).map_err(drop)) {
                let _ = set.is_match(&path) | set.is_match_decoded(&String::from_utf8_lossy(&path));
            }
        }
    }
}
