//! Rules as a configuration writes them: an object each, strictly.

use std::{cell::Cell, time::Duration};

use buckler_waf::pattern::{MatchType, Pattern, PatternSet};
use serde_json::Value;

use super::{
    Repeats, RouteRules, Routes,
    form::{Form, Plain},
    members::{Members, bounded, some},
    params::Params,
};
use crate::model::{
    ipset::IpSet,
    policy::{
        Check, Exceptions, Level, Uploads, Window,
        access::network,
        detectors::extension,
        error::Fault,
        exceptions::exceptions_of_route,
        level,
        paths::{DAY, MOST_REQUESTS},
        value::{Parsed, megabytes, number, seconds, switch, text, typed_pattern},
    },
};

/// The most entries of one list or object in a rule: more than a route has, and few enough to look through.
const MOST_ENTRIES: usize = 64;

/// The most networks of one rule.
const MOST_NETWORKS: usize = 1024;

/// The longest name of a parameter, in bytes.
const LONGEST_NAME: usize = 128;

/// The most patterns of parameters in all rules together, and the most memory of them, in bytes: each is compiled alone, so that a
/// report can name it, and all of them are to take no longer than an agent can be held up.
const MOST_PATTERNS: usize = 64;
const MOST_PATTERN_BYTES: usize = 16 << 20;

/// A rule as it is written.
pub(super) struct Declared {
    pub(super) path: Pattern,
    pub(super) id: u64,
    pub(super) methods: Box<[Box<str>]>,
    pub(super) checks: Vec<(Check, Level)>,
    pub(super) flood: Option<OwnWindow>,
    pub(super) error_flood: Option<OwnWindow>,
    pub(super) networks: Option<IpSet>,
    pub(super) params: Params,
    pub(super) repeats: Repeats,
    pub(super) uploads: OwnUploads,
    pub(super) body_bytes: Option<usize>,
    pub(super) exceptions: Exceptions,
}

/// What a rule says of a window.
pub(super) struct OwnWindow {
    limit: Option<u32>,
    period: Option<Duration>,
}

/// What a rule says of uploads.
#[derive(Default)]
pub(super) struct OwnUploads {
    allowed: Option<bool>,
    max_bytes: Option<u64>,
    extensions: Option<Box<[Box<str>]>>,
}

impl OwnWindow {
    pub(super) fn over(self, elsewhere: Window) -> Window {
        let limit = self.limit.unwrap_or(elsewhere.limit);
        Window {
            limit,
            period: self.period.unwrap_or(elsewhere.period),
            burst: limit,
        }
    }
}

impl OwnUploads {
    pub(super) fn over(self, elsewhere: &Uploads) -> Uploads {
        Uploads {
            allowed: self.allowed.unwrap_or(elsewhere.allowed),
            max_bytes: self.max_bytes.unwrap_or(elsewhere.max_bytes),
            extensions: self.extensions.unwrap_or_else(|| elsewhere.extensions.clone()),
        }
    }
}

/// The key's value.
pub(super) fn routes(value: &Value) -> Parsed<Vec<Declared>> {
    let room = Room {
        patterns: Cell::new(MOST_PATTERNS),
        bytes: Cell::new(MOST_PATTERN_BYTES),
    };
    bounded(value, Routes::MOST, "rules", |rule| declared(rule, &room))
}

/// What is left for patterns of parameters.
struct Room {
    patterns: Cell<usize>,
    bytes: Cell<usize>,
}

fn declared(value: &Value, room: &Room) -> Parsed<Declared> {
    let rule = Members::of(
        value,
        &[
            "path",
            "methods",
            "checks",
            "flood",
            "error_flood",
            "networks",
            "params",
            "repeats",
            "uploads",
            "body_bytes",
            "exceptions",
        ],
    )?;
    let path = rule.get("path", path)?;
    let path = path.ok_or_else(|| Fault::new(value, "a rule with a `path`"))?;
    let methods: Box<[Box<str>]> = rule.get("methods", methods)?.unwrap_or_default();
    Ok(Declared {
        id: id(&path, &methods),
        path,
        methods,
        checks: rule.get("checks", checks)?.unwrap_or_default(),
        flood: rule.get("flood", window)?,
        error_flood: rule.get("error_flood", window)?,
        networks: rule.get("networks", networks)?,
        params: rule.get("params", |value| params(value, room))?.unwrap_or_default(),
        repeats: rule.get("repeats", repeats)?.unwrap_or_default(),
        uploads: rule.get("uploads", uploads)?.unwrap_or_default(),
        body_bytes: rule.get("body_bytes", body_bytes)?,
        exceptions: rule.get("exceptions", exceptions_of_route)?.unwrap_or_default(),
    })
}

/// A hash of what the rule is for.
fn id(path: &Pattern, methods: &[Box<str>]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    let words = [path.kind().name(), path.text()]
        .into_iter()
        .chain(methods.iter().map(|method| &**method));
    for word in words {
        hasher
            .update(&(word.len() as u64).to_le_bytes())
            .update(word.as_bytes());
    }
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)
}

fn path(value: &Value) -> Parsed<Pattern> {
    let pattern = typed_pattern(value, MatchType::Match)?;
    let is_whole = matches!(pattern.kind(), MatchType::Starts | MatchType::Match);
    if is_whole && !pattern.text().starts_with('/') {
        return Err(Fault::new(value, "a path that begins with `/`: no request has another"));
    }
    Ok(pattern)
}

fn methods(value: &Value) -> Parsed<Box<[Box<str>]>> {
    // the longest registered one has 17 letters
    const LONGEST: usize = 32;
    let is_token = |byte: u8| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_';
    let method = |value: &Value| {
        let named = value
            .as_str()
            .filter(|name| (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_token));
        named
            .map(Box::from)
            .ok_or_else(|| Fault::new(value, "a method in upper case, such as GET or POST"))
    };
    some(value, bounded(value, MOST_ENTRIES, "methods", method)?).map(Into::into)
}

fn checks(value: &Value) -> Parsed<Vec<(Check, Level)>> {
    let known: Vec<&str> = Check::ALL
        .into_iter()
        .filter(|check| *check != Check::Blacklist)
        .map(Check::name)
        .collect();
    let checks = Members::of(value, &known)?;
    checks.each(|name, value| {
        let check = Check::by_name(name).ok_or_else(|| Fault::new(value, known.join(", ")))?;
        Ok((check, level(value)?))
    })
}

fn window(value: &Value) -> Parsed<OwnWindow> {
    let members = Members::of(value, &["delay", "ratio"])?;
    Ok(OwnWindow {
        limit: members.get("ratio", |value| number(value, &(1..=MOST_REQUESTS), ""))?,
        period: members.get("delay", |value| seconds(value, &(1..=DAY)))?,
    })
}

fn networks(value: &Value) -> Parsed<IpSet> {
    let networks = bounded(value, MOST_NETWORKS, "networks", network)?;
    some(value, networks).map(IpSet::from_iter)
}

fn params(value: &Value, room: &Room) -> Parsed<Params> {
    let params = Members::named(value)?;
    if params.len() > MOST_ENTRIES {
        return Err(Fault::new(value, format!("at most {MOST_ENTRIES} parameters")));
    }
    let named = params.each(|name, value| Ok((parameter(&Value::from(name))?, form(value, room)?)))?;
    Ok(named.into_iter().collect())
}

fn form(value: &Value, room: &Room) -> Parsed<Form> {
    let named = |name: &str| Plain::NAMED.into_iter().find(|(known, _)| *known == name);
    if let Some((_, plain)) = value.as_str().and_then(named) {
        return Ok(Form::Plain(plain));
    }
    let names = Plain::NAMED.map(|(name, _)| name).join(", ");
    let allowed = || format!(r#"{names}, or a pattern ["text", "type"] such as ["^[A-Z]{{3}}$", "regex"]"#);
    if !value.is_array() {
        return Err(Fault::new(value, allowed()));
    }
    let too_many = || {
        Fault::new(
            value,
            format!("at most {MOST_PATTERNS} patterns of parameters in all rules"),
        )
    };
    room.patterns
        .set(room.patterns.get().checked_sub(1).ok_or_else(too_many)?);
    let pattern = typed_pattern(value, MatchType::Match)?;
    let too_large = || {
        Fault::new(
            value,
            "a pattern whose automaton fits bounded memory, together with the others",
        )
    };
    let pattern = PatternSet::new(&[pattern]).map_err(|_| too_large())?;
    let left = room.bytes.get().checked_sub(pattern.memory_bytes());
    room.bytes.set(left.ok_or_else(too_large)?);
    Ok(Form::Pattern(pattern.into()))
}

fn repeats(value: &Value) -> Parsed<Repeats> {
    match value.as_bool() {
        Some(true) => Ok(Repeats::All),
        Some(false) => Ok(Repeats::None),
        None if value.is_array() => Ok(Repeats::Some(
            bounded(value, MOST_ENTRIES, "parameters", parameter)?.into(),
        )),
        None => Err(Fault::new(value, "a list of parameters, or true for all of them")),
    }
}

fn uploads(value: &Value) -> Parsed<OwnUploads> {
    let members = Members::of(value, &["allowed", "max_size", "extensions"])?;
    let extensions = |value: &Value| bounded(value, MOST_ENTRIES, "extensions", extension);
    Ok(OwnUploads {
        allowed: members.get("allowed", switch)?,
        max_bytes: members.get("max_size", megabytes)?,
        extensions: members.get("extensions", extensions)?.map(Into::into),
    })
}

fn body_bytes(value: &Value) -> Parsed<usize> {
    number(value, &(0..=RouteRules::MOST_BODY_BYTES), " of bytes").map(|bytes| bytes as usize)
}

fn parameter(value: &Value) -> Parsed<Box<str>> {
    let name = text(value, LONGEST_NAME).ok().filter(|name| !name.is_empty());
    let fault = || {
        Fault::new(
            value,
            format!("the name of a parameter, of at most {LONGEST_NAME} bytes"),
        )
    };
    name.map(Into::into).ok_or_else(fault)
}
