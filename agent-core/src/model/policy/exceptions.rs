//! Exceptions: findings that are judged otherwise, by rule, place, route and client. The objects of
//! `EXCEPTIONS`, and of a route's `exceptions`.
//!
//! ```
//! use buckler::model::policy::{Found, Layer, Level, Policy};
//! let keys = serde_json::json!({"EXCEPTIONS": [
//!     {"rule": "sqli/stacked", "place": "body:description", "route": "/items/{id}"},
//!     {"rule": "xss", "place": "cookie:sbjs_*", "level": 3},
//! ]});
//! let policy = Policy::compile("default", &[Layer::new("server", keys.as_object().cloned().unwrap_or_default())])?;
//! let found = Found { rule: "xss/tag", place: "cookie:sbjs_first", client: None, route: None, paths: &["/".to_owned()] };
//! assert_eq!(policy.exceptions().find(&found), Some(Level::Log));
//! assert_eq!(policy.exceptions().find(&Found { rule: "sqli/stacked", ..found }), None);
//! # Ok::<(), buckler::model::policy::PolicyError>(())
//! ```

use std::{collections::HashMap, fmt, net::IpAddr};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    access::network,
    check::Level,
    error::Fault,
    level,
    reader::Reader,
    routes::members::{Members, bounded, some},
    value::{Parsed, list},
};
use crate::model::ipset::IpSet;

/// The most exceptions of a configuration: thousands, as the rule sets of other engines come with,
/// at some hundred bytes each.
const MOST: usize = 10_000;

/// The most exceptions of one route: there are 128 routes.
const MOST_OF_ROUTE: usize = 1_000;

/// The most texts or networks in one member of an exception.
const MOST_ENTRIES: usize = 64;

/// The longest text of an exception, in bytes: a place is cut at 120, and paths have room.
const LONGEST: usize = 1024;

/// What an exception is compared with: what was found, where, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Found<'f> {
    /// The rule, `sqli/stacked`, or the check's name where it has none.
    pub rule: &'f str,
    /// The place, as reports name it.
    pub place: &'f str,
    /// The client.
    pub client: Option<IpAddr>,
    /// The pattern of the application's route, where the host knows it.
    pub route: Option<&'f str>,
    /// The decoded path, in every form that an application may read: an exception's route has to
    /// match all of them.
    pub paths: &'f [String],
}

/// The exceptions of a configuration, or of one of its routes, compiled. Only findings are compared
/// with them, so that they cost clean requests nothing.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    all: Box<[Exception]>,
    /// Those that name whole places, by place.
    by_place: HashMap<Box<str>, Vec<usize>>,
    /// The others that name rules or families, by either.
    by_rule: HashMap<Box<str>, Vec<usize>>,
    /// All others.
    rest: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Exception {
    rules: Vec<Box<str>>,
    places: Vec<Box<str>>,
    routes: Vec<Box<str>>,
    networks: Option<IpSet>,
    level: Level,
}

impl Exceptions {
    fn new(all: Vec<Exception>) -> Self {
        let mut made = Self::default();
        for (number, exception) in all.iter().enumerate() {
            let are_whole = exception.places.iter().all(|place| !place.contains('*'));
            let (keys, index) = if are_whole && !exception.places.is_empty() {
                (&exception.places, &mut made.by_place)
            } else {
                (&exception.rules, &mut made.by_rule)
            };
            if keys.is_empty() {
                made.rest.push(number);
            }
            for key in keys {
                index.entry(key.clone()).or_default().push(number);
            }
        }
        made.all = all.into();
        made
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What the first exception for a finding makes of it; `None` where there is none.
    #[must_use]
    pub fn find(&self, found: &Found<'_>) -> Option<Level> {
        let listed = |index: &HashMap<Box<str>, Vec<usize>>, key: &str| self.first(index.get(key)?, found);
        let candidates = [
            listed(&self.by_place, found.place),
            listed(&self.by_rule, found.rule),
            listed(&self.by_rule, family(found.rule)),
            self.first(&self.rest, found),
        ];
        let first = candidates.into_iter().flatten().min()?;
        self.all.get(first).map(|exception| exception.level)
    }

    fn first(&self, numbers: &[usize], found: &Found<'_>) -> Option<usize> {
        let is_for = |number: &&usize| self.all.get(**number).is_some_and(|exception| exception.is_for(found));
        numbers.iter().find(is_for).copied()
    }
}

impl Exception {
    fn is_for(&self, found: &Found<'_>) -> bool {
        let Self {
            rules,
            places,
            routes,
            networks,
            level: _,
        } = self;
        let is_rule = |rule: &str| rule == found.rule || rule == family(found.rule);
        let on_route = |route: &str| {
            let is_pattern = found.route.is_some_and(|pattern| matches(route, pattern));
            is_pattern || (!found.paths.is_empty() && found.paths.iter().all(|path| matches(route, path)))
        };
        let is_any = |all: &[Box<str>], test: &dyn Fn(&str) -> bool| all.is_empty() || all.iter().any(|one| test(one));
        is_any(rules, &is_rule)
            && is_any(places, &|place| matches(place, found.place))
            && is_any(routes, &on_route)
            && networks
                .as_ref()
                .is_none_or(|networks| found.client.is_some_and(|client| networks.contains(client)))
    }
}

/// The family of a rule, or the check itself.
fn family(rule: &str) -> &str {
    rule.split_once('/').map_or(rule, |(family, _)| family)
}

/// Whether a text is as the pattern says, in which each `*` stands for any text. Takes linear time
/// for each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    true
}

/// An exception as it is written.
fn exception(value: &Value) -> Parsed<Exception> {
    exception_with(value, &["rule", "place", "route", "network", "level"])
}

/// An exception of a route's.
pub(super) fn exceptions_of_route(value: &Value) -> Parsed<Exceptions> {
    let of_route = |value: &Value| exception_with(value, &["rule", "place", "network", "level"]);
    bounded(value, MOST_OF_ROUTE, "exceptions", of_route).map(Exceptions::new)
}

/// The objects of `EXCEPTIONS`; its patterns are read by `detectors.rs`, which also says what is
/// wrong with the list as such.
pub(super) fn read(reader: &mut Reader) -> Exceptions {
    Exceptions::new(reader.read("EXCEPTIONS", |value| {
        if !value.is_array() {
            return Ok(Vec::new());
        }
        check_count(value)?;
        let object = |item: &Value| item.is_object().then(|| exception(item)).transpose();
        Ok(list(value, object)?.into_iter().flatten().collect())
    }))
}

/// The list's length, within bounds.
fn check_count(value: &Value) -> Parsed<()> {
    let count = value
        .as_array()
        .into_iter()
        .flatten()
        .filter(|item| item.is_object())
        .count();
    if count > MOST {
        return Err(Fault::new(
            &Value::from(format!("{count} exceptions")),
            format!("at most {MOST}"),
        ));
    }
    Ok(())
}

fn exception_with(value: &Value, known: &[&str]) -> Parsed<Exception> {
    let members = Members::of(value, known)?;
    let read = Exception {
        rules: members.get("rule", |value| texts(value, rule))?.unwrap_or_default(),
        places: members.get("place", |value| texts(value, place))?.unwrap_or_default(),
        routes: members.get("route", |value| texts(value, route))?.unwrap_or_default(),
        networks: members.get("network", networks)?,
        level: members.get("level", level)?.unwrap_or(Level::Off),
    };
    let is_for_all =
        read.rules.is_empty() && read.places.is_empty() && read.routes.is_empty() && read.networks.is_none();
    if is_for_all {
        let members = known.split_last().map_or(known, |(_, members)| members);
        let allowed = format!("an exception with at least one of {}", members.join(", "));
        return Err(Fault::new(value, allowed));
    }
    Ok(read)
}

/// One text, or a list of some.
fn texts(value: &Value, item: fn(&Value) -> Parsed<Box<str>>) -> Parsed<Vec<Box<str>>> {
    if value.is_array() {
        some(value, bounded(value, MOST_ENTRIES, "texts", item)?)
    } else {
        Ok(vec![item(value)?])
    }
}

fn networks(value: &Value) -> Parsed<IpSet> {
    if value.is_array() {
        some(value, bounded(value, MOST_ENTRIES, "networks", network)?).map(IpSet::from_iter)
    } else {
        Ok(IpSet::from_iter([network(value)?]))
    }
}

fn text(value: &Value, is_allowed: impl Fn(&str) -> bool, allowed: &str) -> Parsed<Box<str>> {
    let fits =
        |text: &&str| (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_control) && is_allowed(text);
    value
        .as_str()
        .filter(fits)
        .map(Into::into)
        .ok_or_else(|| Fault::new(value, allowed.to_owned()))
}

fn rule(value: &Value) -> Parsed<Box<str>> {
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !name.is_empty() && name.bytes().all(is_part)
    };
    let is_rule = |text: &str| {
        text.split_once('/')
            .map_or_else(|| is_name(text), |(family, rule)| is_name(family) && is_name(rule))
    };
    let allowed = "a family or a rule as findings name it, such as \"sqli\" or \"sqli/stacked\"";
    text(value, is_rule, allowed)
}

fn place(value: &Value) -> Parsed<Box<str>> {
    const PARTS: [&str; 9] = [
        "path", "query", "cookie", "header", "body", "host", "network", "method", "response",
    ];
    let is_place = |text: &str| {
        let part = text.split_once(':').map_or(text, |(part, _)| part);
        PARTS.contains(&part) || part.contains('*')
    };
    let allowed = "a place as findings name it, such as \"body:description\", \"cookie:sbjs_*\" or \"path\"";
    text(value, is_place, allowed)
}

fn route(value: &Value) -> Parsed<Box<str>> {
    let allowed = "the pattern of a route, or a path, such as \"/items/{id}\" or \"/api/*\"";
    text(value, |text| text.starts_with(['/', '*']), allowed)
}

/// The narrowest exception for what refused a request, as a configuration takes it. Shown as a TOML
/// file takes it; serialised as JSON and YAML files and the server's API do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NarrowException {
    /// The rules that refused it, or would have then.
    #[serde(rename = "rule", serialize_with = "one_or_more")]
    pub rules: Vec<Box<str>>,
    /// Where they did.
    #[serde(rename = "place", serialize_with = "one_or_more")]
    pub places: Vec<Box<str>>,
    /// The pattern of the application's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Box<str>>,
    /// The client, where no route narrows it: an exception for every path would let more pass than
    /// the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Box<str>>,
    /// The path itself, as a pattern without its secrets, where neither is known. For the log of
    /// the host and those that ask the agent alone, see [`to_share`](Self::to_share).
    #[serde(rename = "route", skip_serializing_if = "Option::is_none")]
    pub path: Option<Box<str>>,
}

impl NarrowException {
    /// The most rules and places that one names: what needs more is rather an attack.
    pub const MOST: usize = 8;

    /// Adds what was found. Whether there is room for more.
    pub fn add(&mut self, rule: &str, place: &str) -> bool {
        for (all, one) in [(&mut self.rules, rule), (&mut self.places, place)] {
            if all.len() < Self::MOST && !all.iter().any(|known| **known == *one) {
                all.push(one.into());
            }
        }
        self.rules.len() < Self::MOST && self.places.len() < Self::MOST
    }

    /// The exception where it may leave the host: one that names a path may not.
    #[must_use]
    pub fn to_share(&self) -> Option<&Self> {
        self.path.is_none().then_some(self)
    }

    /// The narrowest pattern for a route that all forms of a path match, from the path as it may be
    /// shown.
    #[cfg(feature = "agent")]
    pub(crate) fn pattern_of(shown: &str, forms: &[String]) -> Box<str> {
        if forms.iter().all(|form| matches(shown, form)) && shown.len() <= LONGEST {
            return shown.into();
        }
        let common = |known: usize, form: &String| {
            let pairs = shown.char_indices().zip(form.chars());
            let differs = pairs.clone().find(|((_, shown), other)| shown != other);
            let last = || pairs.last().map_or(0, |((at, char), _)| at + char.len_utf8());
            known.min(differs.map_or_else(last, |((at, _), _)| at))
        };
        let common = forms.iter().fold(shown.len(), common);
        format!("{}*", shown.get(..common).unwrap_or_default()).into()
    }
}

impl fmt::Display for NarrowException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rules,
            places,
            route,
            network,
            path,
        } = self;
        f.write_str("{ rule = ")?;
        one_or_more_shown(rules, f)?;
        f.write_str(", place = ")?;
        one_or_more_shown(places, f)?;
        for (name, text) in [
            ("route", route.as_ref().or(path.as_ref())),
            ("network", network.as_ref()),
        ] {
            if let Some(text) = text {
                write!(f, ", {name} = {}", quoted(text)?)?;
            }
        }
        f.write_str(" }")
    }
}

/// A text, or a list of them.
fn one_or_more_shown(texts: &[Box<str>], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let [one] = texts {
        return f.write_str(&quoted(one)?);
    }
    f.write_str("[")?;
    for (place, text) in texts.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        write!(f, "{comma}{}", quoted(text)?)?;
    }
    f.write_str("]")
}

/// A string of TOML: JSON's escapes are among its own.
fn quoted(text: &str) -> Result<String, fmt::Error> {
    serde_json::to_string(text).map_err(|_| fmt::Error)
}

fn one_or_more<S: Serializer>(texts: &[Box<str>], serializer: S) -> Result<S::Ok, S::Error> {
    match texts {
        [one] => serializer.serialize_str(one),
        more => serializer.collect_seq(more),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(values: &Value) -> Exceptions {
        let all = values.as_array().unwrap().iter().map(|value| exception(value).unwrap());
        Exceptions::new(all.collect())
    }

    fn found<'f>(rule: &'f str, place: &'f str) -> Found<'f> {
        Found {
            rule,
            place,
            client: Some([203, 0, 113, 9].into()),
            route: Some("/items/{id}"),
            paths: &[],
        }
    }

    #[test]
    fn each_member_narrows_alone_and_together() {
        let sqli = found("sqli/stacked", "body:description");
        for (value, is_for) in [
            (json!({"rule": "sqli/stacked"}), true),
            (json!({"rule": "sqli"}), true),
            (json!({"rule": ["xss", "sqli/stacked"]}), true),
            (json!({"rule": "sqli/tautology"}), false),
            (json!({"place": "body:description"}), true),
            (json!({"place": "body:*"}), true),
            (json!({"place": ["query:*", "body:desc*"]}), true),
            (json!({"place": "body:descr"}), false),
            (json!({"route": "/items/{id}"}), true),
            (json!({"route": "/items/*"}), true),
            (json!({"route": "/items"}), false),
            (json!({"network": "203.0.113.0/24"}), true),
            (json!({"network": ["10.0.0.0/8", "203.0.113.9"]}), true),
            (json!({"network": "10.0.0.0/8"}), false),
            (
                json!({"rule": "sqli", "place": "body:description", "route": "/items/{id}", "network": "203.0.113.9"}),
                true,
            ),
            (
                json!({"rule": "sqli", "place": "body:description", "route": "/items/{id}", "network": "10.0.0.1"}),
                false,
            ),
            (
                json!({"rule": "xss", "place": "body:description", "route": "/items/{id}"}),
                false,
            ),
        ] {
            let exceptions = compiled(&json!([value]));
            assert_eq!(exceptions.find(&sqli).is_some(), is_for, "{value}");
        }
        let unknown = Found { client: None, ..sqli };
        assert_eq!(
            compiled(&json!([{"network": "0.0.0.0/0"}])).find(&unknown),
            None,
            "no address is in no network"
        );
    }

    #[test]
    fn a_route_without_a_pattern_is_known_by_all_forms_of_its_path() {
        let exceptions = compiled(&json!([{"route": "/open/*"}]));
        let is_for = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            let found = Found {
                route: None,
                paths: &paths,
                ..found("xss/tag", "query:q")
            };
            exceptions.find(&found).is_some()
        };
        assert!(is_for(&["/open/7"]) && !is_for(&["/admin"]) && !is_for(&[]));
        assert!(
            !is_for(&["/open/../admin", "/admin"]),
            "whichever the application reads"
        );
    }

    #[test]
    fn the_first_that_matches_counts_whatever_it_is_found_by() {
        let exceptions = compiled(&json!([
            {"rule": "sqli/stacked", "place": "body:a", "level": 3},
            {"place": "body:*", "level": 1},
            {"rule": "sqli", "level": 2},
            {"network": "203.0.113.9", "level": 0},
        ]));
        let level = |rule, place| exceptions.find(&found(rule, place));
        assert_eq!(level("sqli/stacked", "body:a"), Some(Level::Log));
        assert_eq!(level("sqli/other", "body:a"), Some(Level::Block));
        assert_eq!(level("sqli/other", "query:a"), Some(Level::Ban));
        assert_eq!(level("xss/tag", "query:a"), Some(Level::Off));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, is_match) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "ace", true),
            ("a*c*e", "aec", false),
            ("ab*bc", "abc", false),
            ("body:password.***", "body:password.***", true),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (value, allowed) in [
            (json!({}), "at least one of rule, place, route, network"),
            (json!({"level": 0}), "at least one of"),
            (json!({"rules": "sqli"}), "one of rule, place, route, network, level"),
            (json!({"rule": "sql injection"}), "a family or a rule"),
            (json!({"rule": []}), "a list of at least one"),
            (json!({"rule": "a/b/c"}), "a family or a rule"),
            (json!({"place": "description"}), "a place as findings name it"),
            (json!({"route": "items"}), "the pattern of a route"),
            (json!({"network": "10.0.0.0/99"}), ""),
            (json!({"rule": "sqli", "level": 4}), "0 (off)"),
        ] {
            let fault = exception(&value).map(drop).unwrap_err();
            assert!(fault.allowed.contains(allowed), "{value}: {}", fault.allowed);
        }
    }

    #[test]
    fn thousands_are_found_by_what_they_name() {
        let all: Vec<Value> = (0..MOST)
            .map(|n| json!({"rule": "sqli", "place": format!("body:field{n}")}))
            .collect();
        let exceptions = compiled(&Value::from(all));
        assert_eq!(exceptions.by_place.len(), MOST, "each costs one look-up");
        assert!(exceptions.find(&found("sqli/stacked", "body:field9999")).is_some());
        assert!(exceptions.find(&found("sqli/stacked", "body:other")).is_none());
        let many = Value::from(vec![json!({"rule": "a"}); MOST + 1]);
        assert!(check_count(&many).unwrap_err().allowed.contains("10000"));
    }

    #[test]
    fn the_narrowest_is_written_as_it_is_read() {
        let mut narrow = NarrowException {
            route: Some("/items/{id}".into()),
            ..NarrowException::default()
        };
        assert!(narrow.add("sqli/stacked", "body:a \"b\""));
        assert_eq!(
            narrow.to_string(),
            r#"{ rule = "sqli/stacked", place = "body:a \"b\"", route = "/items/{id}" }"#
        );
        assert!(narrow.add("xss/tag", "body:a \"b\""));
        assert_eq!(
            narrow.to_string(),
            r#"{ rule = ["sqli/stacked", "xss/tag"], place = "body:a \"b\"", route = "/items/{id}" }"#
        );
        let exceptions = compiled(&json!([narrow]));
        assert_eq!(exceptions.find(&found("xss/tag", "body:a \"b\"")), Some(Level::Off));
        assert_eq!(exceptions.find(&found("xss/tag", "body:c")), None);
        assert!(!(0..10).all(|n| narrow.add(&format!("sqli/{n}"), "query:q")));
        assert_eq!(narrow.rules.len(), NarrowException::MOST);
    }
}
