//! Forms and queries, as `serde_urlencoded` reads them: the parser of actix-web and of axum.

use proptest::prelude::*;

use crate::seen::Seen;

const FORM: &str = "application/x-www-form-urlencoded";

type Pairs = Vec<(String, String)>;

/// Parts of forms, and of what is mistaken for other things.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "q",
        "=",
        "=",
        "&",
        "&",
        "%41",
        "%3Cb%3E",
        "%4",
        "%",
        "+",
        "%2B",
        " ",
        ";",
        "\n",
        "%00",
        "é",
        "%FF",
        "%C3%A9",
        "%C0%AF",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "<b>",
        "<!",
        "<?",
        ",",
        ":",
        "\\",
        "%5Cu0041",
        "--",
        "{\"a\":\"",
        "\"}",
        "%26",
        "%3D",
        "%25",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn missed(content_type: &str, body: &[u8]) -> Option<String> {
    let pairs: Pairs = serde_urlencoded::from_bytes(body).unwrap_or_default();
    let texts = pairs.into_iter().flat_map(|(name, value)| [name, value]);
    // what looks like a document was seen as that: its strings, not what stands between them
    let is_document = body.trim_ascii().starts_with(b"{") || body.trim_ascii().starts_with(b"[");
    let is_string = |text: &str| text.contains(|char: char| char.is_ascii_alphanumeric()) && !text.contains('"');
    let texts = texts.filter(|text| !is_document || is_string(text));
    Seen::body(content_type, body).misses(texts)
}

proptest! {
    #![proptest_config(crate::bounded())]

    #[test]
    fn every_field_was_seen(body in text()) {
        prop_assert_eq!(missed(FORM, body.as_bytes()), None);
    }

    #[test]
    fn every_field_of_random_bytes_was_seen(mut body in prop::collection::vec(any::<u8>(), 0..60)) {
        body.extend_from_slice(b"&q=%41");
        prop_assert_eq!(missed(FORM, &body), None);
    }

    #[test]
    fn every_parameter_was_seen(query in text()) {
        let pairs: Pairs = serde_urlencoded::from_str(&query).unwrap_or_default();
        let seen = Seen::query(&query);
        prop_assert_eq!(seen.misses(pairs.into_iter().flat_map(|(name, value)| [name, value])), None);
    }
}
