//! One JSON value to one typed value: what a number, a switch, a word or a list may look like.
//!
//! As loose as pyrasp where that is harmless (0 and 1 for a switch, `30.0` for 30), strict everywhere else.

use std::{ops::RangeInclusive, time::Duration};

use buckler_waf::pattern::{MatchType, Pattern, PatternProblem};
use serde_json::Value;
use url::Url;

use super::error::{Fault, excerpt};

pub(super) type Parsed<T> = Result<T, Fault>;

/// A switch: a JSON boolean, or 0 and 1.
pub(super) fn switch(value: &Value) -> Parsed<bool> {
    match (value.as_bool(), whole(value)) {
        (Some(on), _) => Ok(on),
        (None, Some(0)) => Ok(false),
        (None, Some(1)) => Ok(true),
        (None, _) => Err(Fault::new(value, "true or false")),
    }
}

/// A whole number in a range.
pub(super) fn number(value: &Value, range: &RangeInclusive<u32>, unit: &str) -> Parsed<u32> {
    whole(value)
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            Fault::new(
                value,
                format!("a whole number{unit} from {} to {}", range.start(), range.end()),
            )
        })
}

/// A time in whole seconds, in a range.
pub(super) fn seconds(value: &Value, range: &RangeInclusive<u32>) -> Parsed<Duration> {
    number(value, range, " of seconds").map(|seconds| Duration::from_secs(seconds.into()))
}

/// A probability.
pub(super) fn probability(value: &Value) -> Parsed<f64> {
    value
        .as_f64()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| Fault::new(value, "a number from 0 to 1"))
}

/// A size in millions of bytes, as pyrasp counts them, in bytes.
pub(super) fn megabytes(value: &Value) -> Parsed<u64> {
    /// 100 GB: more is a mistake in the unit.
    const LARGEST: f64 = 100_000.0;
    const MILLION: f64 = 1_000_000.0;
    match value.as_f64().filter(|size| (0.0..=LARGEST).contains(size)) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range by the line above"
        )]
        Some(size) => Ok((size * MILLION) as u64),
        None => Err(Fault::new(value, format!("a number of megabytes from 0 to {LARGEST}"))),
    }
}

/// A whole number, written as an integer or as a float without a fraction.
fn whole(value: &Value) -> Option<u64> {
    /// The largest integer up to which a float holds every one, 2⁵³.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let from_float = || {
        let float = value
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (0.0..=EXACT).contains(float))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and in range by the line above"
        )]
        Some(float as u64)
    };
    value.as_u64().or_else(from_float)
}

/// Text of at most `limit` bytes.
pub(super) fn text(value: &Value, limit: usize) -> Parsed<String> {
    match value.as_str() {
        Some(text) if text.len() <= limit => Ok(text.to_owned()),
        Some(_) | None => Err(Fault::new(value, format!("a text of at most {limit} bytes"))),
    }
}

/// Text for one line: a name, an address, a path.
pub(super) fn line(value: &Value) -> Parsed<String> {
    /// As long as the longest of what such a text is used for, a path of a file or an URL.
    const LIMIT: usize = 4096;
    let printable = |text: &String| !text.chars().any(char::is_control);
    let fault = || {
        Fault::new(
            value,
            format!("a text of at most {LIMIT} bytes without control characters"),
        )
    };
    text(value, LIMIT).ok().filter(printable).ok_or_else(fault)
}

/// One of some words, in any case.
pub(super) fn word<T: Copy>(value: &Value, words: &[(&str, T)]) -> Parsed<T> {
    let is = |name: &str| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(name));
    words
        .iter()
        .find(|(name, _)| is(name))
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            Fault::new(value, names.join(", "))
        })
}

/// A list whose items are read one by one.
pub(super) fn list<T>(value: &Value, item: impl Fn(&Value) -> Parsed<T>) -> Parsed<Vec<T>> {
    let items = value.as_array().ok_or_else(|| Fault::new(value, "a list"))?;
    items
        .iter()
        .enumerate()
        .map(|(index, value)| item(value).map_err(|fault| fault.in_item(index)))
        .collect()
}

/// A header's name, in lower case.
pub(super) fn header_name(value: &Value) -> Parsed<Box<str>> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    value
        .as_str()
        .filter(|name| !name.is_empty() && name.bytes().all(token))
        .map(|name| name.to_ascii_lowercase().into())
        .ok_or_else(|| Fault::new(value, "the name of a header"))
}

/// What can stand in a header without breaking out of it.
pub(super) fn header_value(value: &Value) -> Parsed<String> {
    let visible = |text: &&str| {
        !text.is_empty() && text.trim() == *text && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let fault = || {
        Fault::new(
            value,
            "a text of visible ASCII characters that neither begins nor ends with a blank",
        )
    };
    value.as_str().filter(visible).map(str::to_owned).ok_or_else(fault)
}

/// A URL that can be spoken to, or an empty text for none.
pub(super) fn url(value: &Value) -> Parsed<Option<Url>> {
    let fault = || {
        Fault::new(
            value,
            "a URL with http, https, ws or wss, a host, and no user or password; or an empty text",
        )
    };
    let text = value.as_str().ok_or_else(fault)?;
    if text.is_empty() {
        return Ok(None);
    }
    let speaks = |url: &Url| matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host();
    let bare = |url: &Url| url.username().is_empty() && url.password().is_none();
    Url::parse(text)
        .ok()
        .filter(|url| speaks(url) && bare(url))
        .map(Some)
        .ok_or_else(fault)
}

/// A regular expression.
pub(super) fn regex(value: &Value) -> Parsed<Pattern> {
    pattern(value, MatchType::Regex)
}

/// A pattern as `["text", "type"]`, or its text alone with the type that is meant then.
pub(super) fn typed_pattern(value: &Value, bare: MatchType) -> Parsed<Pattern> {
    let fault = || {
        let types: Vec<&str> = MatchType::ALL.into_iter().map(MatchType::name).collect();
        Fault::new(
            value,
            format!(r#"a text, or ["text", "type"] with a type of {}"#, types.join(", ")),
        )
    };
    match value.as_array().map(Vec::as_slice) {
        None if value.is_string() => pattern(value, bare),
        Some([text, kind]) if text.is_string() => {
            let kind = kind.as_str().and_then(MatchType::by_name).ok_or_else(fault)?;
            pattern(text, kind)
        }
        None | Some(_) => Err(fault()),
    }
}

fn pattern(value: &Value, kind: MatchType) -> Parsed<Pattern> {
    let text = value.as_str().ok_or_else(|| Fault::new(value, "a text"))?;
    Pattern::new(text, kind).map_err(|problem: PatternProblem| Fault {
        at: String::new(),
        found: excerpt(&value.to_string()),
        allowed: excerpt_long(&problem),
    })
}

/// The reason of a syntax error on one line; it may quote the pattern.
fn excerpt_long(problem: &PatternProblem) -> String {
    problem
        .to_string()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_switch_is_a_boolean_or_a_bit() {
        for (value, on) in [
            (json!(true), true),
            (json!(1), true),
            (json!(1.0), true),
            (json!(false), false),
            (json!(0), false),
        ] {
            assert_eq!(switch(&value), Ok(on));
        }
        for value in [json!("true"), json!(2), json!(-1), json!([]), json!({}), json!("")] {
            assert_eq!(switch(&value).unwrap_err().allowed, "true or false", "{value}");
        }
    }

    #[test]
    fn numbers_are_whole_and_in_range() {
        assert_eq!(number(&json!(7), &(1..=9), ""), Ok(7));
        assert_eq!(number(&json!(7.0), &(1..=9), ""), Ok(7));
        assert_eq!(seconds(&json!(30.0), &(1..=60)), Ok(Duration::from_secs(30)));
        for value in [
            json!(0),
            json!(10),
            json!(-1),
            json!(1.5),
            json!("7"),
            json!(true),
            json!(1e300),
            json!(u64::MAX),
        ] {
            let fault = seconds(&value, &(1..=9)).unwrap_err();
            assert_eq!(
                (fault.found, fault.allowed.as_str()),
                (value.to_string(), "a whole number of seconds from 1 to 9")
            );
        }
        assert_eq!(
            (megabytes(&json!(2)), megabytes(&json!(0.5))),
            (Ok(2_000_000), Ok(500_000))
        );
        assert!(megabytes(&json!(-1)).is_err() && megabytes(&json!(1e6)).is_err() && megabytes(&json!("2")).is_err());
        assert_eq!(probability(&json!(0.9)), Ok(0.9));
        assert_eq!(probability(&json!(1)), Ok(1.0));
        assert!(probability(&json!(1.01)).is_err() && probability(&json!("0.9")).is_err());
    }

    #[test]
    fn texts_fit_where_they_are_used() {
        assert!(text(&json!("a\nb"), 3).is_ok() && text(&json!("abcd"), 3).is_err() && text(&json!(1), 3).is_err());
        assert!(line(&json!("a\nb")).is_err() && line(&json!("")).is_ok());
        assert_eq!(header_name(&json!("X-Trace")).as_deref(), Ok("x-trace"));
        for value in [json!(""), json!("a b"), json!("a:"), json!("\u{e9}"), json!(1)] {
            assert!(header_name(&value).is_err(), "{value}");
        }
        assert!(header_value(&json!("Apache/2.4 (Unix)")).is_ok());
        for value in [
            json!(""),
            json!(" a"),
            json!("a\r\nSet-Cookie: b"),
            json!("\u{e9}"),
            json!(7),
        ] {
            assert!(header_value(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_url_can_be_spoken_to() {
        for good in [
            "http://127.0.0.1:9100/beacon",
            "https://cloud.example.com/b?x=1",
            "wss://[::1]/live",
        ] {
            assert_eq!(url(&json!(good)).unwrap().unwrap().as_str(), good);
        }
        assert_eq!(url(&json!("")), Ok(None));
        for bad in [
            "/beacon",
            "cloud.example.com",
            "file:///etc/passwd",
            "http://",
            "https://me:pw@h/",
            "ftp://h/",
            " ",
        ] {
            assert!(url(&json!(bad)).is_err(), "{bad}");
        }
        assert!(url(&json!(false)).is_err());
    }

    #[test]
    fn words_and_lists_name_the_place_and_the_choice() {
        let words = [("block", 1), ("redirect", 2)];
        assert_eq!(word(&json!("Redirect"), &words), Ok(2));
        assert_eq!(word(&json!("drop"), &words).unwrap_err().allowed, "block, redirect");
        let fault = list(&json!(["a", "b", 3]), line).unwrap_err();
        assert_eq!((fault.at.as_str(), fault.found.as_str()), ("[2]", "3"));
        assert_eq!(list(&json!("a"), line).unwrap_err().allowed, "a list");
    }

    #[test]
    fn a_pattern_has_a_type_that_exists() {
        let of = |value: Value| typed_pattern(&value, MatchType::Starts).map(|p| (p.text().to_owned(), p.kind()));
        assert_eq!(of(json!("/x")), Ok(("/x".into(), MatchType::Starts)));
        assert_eq!(of(json!(["/x", "Ends"])), Ok(("/x".into(), MatchType::Ends)));
        for bad in [
            json!(["/x", "begins"]),
            json!(["/x"]),
            json!(["/x", "ends", 1]),
            json!([1, "ends"]),
            json!(1),
            json!([]),
        ] {
            let fault = of(bad).unwrap_err();
            assert!(
                fault.allowed.ends_with("starts, ends, contains, match, regex"),
                "{}",
                fault.allowed
            );
        }
        let fault = of(json!(["^/(?=a)", "regex"])).unwrap_err();
        assert_eq!(fault.found, "\"^/(?=a)\"");
        assert!(fault.allowed.contains("look-around"), "{}", fault.allowed);
    }
}
