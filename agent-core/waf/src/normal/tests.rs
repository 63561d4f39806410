//! The steps together, and what they cost.

use proptest::prelude::*;

use super::*;

fn text(value: &str) -> String {
    normalise(value.as_bytes(), Spelling::Form, true).text.into_owned()
}

#[test]
fn disguises_come_off_in_any_order() {
    for (written, read) in [
        ("plain", "plain"),
        ("a+b%2Bc", "a b+c"),
        ("%253Cscript%253E", "<script>"),
        ("%25253Cb", "<b"),
        ("%2525253Cb", "%3Cb"),
        ("&#x26;lt;b", "<b"),
        (r"\u003cscript\u003e", "<script>"),
        (r"%5Cu003cb", "<b"),
        ("%EF%BC%9Cb", "<b"),
        ("%uFF1Cb", "<b"),
        ("%c0%ae%c0%ae%c0%af", "../"),
        ("%25c0%25ae", "."),
        ("caf%E9", "caf\u{fffd}"),
        ("50% off & more", "50% off & more"),
    ] {
        assert_eq!(text(written), read, "{written}");
    }
    assert_eq!(normalise(b"a+b", Spelling::Literal, true).text, "a+b");
}

#[test]
fn what_was_hidden_is_told() {
    let normal = normalise(b"%252e%252e%252f", Spelling::Form, true);
    assert!(normal.disguise.nested && !normal.disguise.nul);
    assert!(normalise(b"x%00.png", Spelling::Form, true).disguise.nul);
    assert!(!normalise(b"a%20b", Spelling::Form, true).disguise.nested);
}

#[test]
fn base64_is_looked_into_where_it_is_asked_for() {
    let value = b"JTI3IE9SIDE9MS0t";
    assert_eq!(
        normalise(value, Spelling::Form, true).hidden.as_deref(),
        Some("' OR 1=1--")
    );
    assert_eq!(normalise(value, Spelling::Form, false).hidden, None);
}

#[test]
fn plain_values_are_borrowed() {
    for value in [
        "",
        "john.doe@example.com",
        "2024-01-02T03:04:05Z",
        "SELECT 1",
        "{\"a\": [1]}",
    ] {
        let normal = normalise(value.as_bytes(), Spelling::Form, true);
        assert!(matches!(normal.text, Cow::Borrowed(_)), "{value}");
    }
    assert!(matches!(
        normalise("Grüße aus Köln".as_bytes(), Spelling::Literal, true).text,
        Cow::Borrowed(_)
    ));
    let allocations = allocation_counter::measure(|| {
        std::hint::black_box(normalise(
            b"a plain value, and a longer one at that",
            Spelling::Form,
            true,
        ));
    });
    assert_eq!(allocations.count_total, 0);
}

proptest! {
    #[test]
    fn any_bytes_have_a_text_of_bounded_length(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let normal = normalise(&bytes, Spelling::Form, true);
        prop_assert!(normal.text.len() <= 3 * bytes.len() + 1100);
    }

    #[test]
    fn codes_without_end_have_a_text(value in "[%25ux\\\\&#;0-9a-f{}+<]{0,80}") {
        let once = text(&value);
        prop_assert!(once.len() <= value.len());
    }
}
