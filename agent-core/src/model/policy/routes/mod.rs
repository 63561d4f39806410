//! What is judged otherwise on some of the application's routes: the key `ROUTES`.
//!
//! Each rule names requests by path and method, and changes for them what it names; the first that matches a request is the only one
//! that counts for it. What a rule leaves out is as the rest of the configuration says.
//!
//! ```
//! use buckler::model::policy::{Check, Layer, Level, Policy};
//! let keys = serde_json::json!({"ROUTES": [
//!     {"path": ["/webhooks/", "starts"], "methods": ["POST"], "checks": {"sqli": 3, "flood": 0}},
//!     {"path": "/login", "flood": {"delay": 60, "ratio": 5}},
//! ]});
//! let policy = Policy::compile("default", &[Layer::new("server", keys.as_object().cloned().unwrap_or_default())])?;
//! let webhook = policy.route("/webhooks/github", "POST").map(|rules| rules.level(Check::Sqli));
//! assert_eq!(webhook, Some(Level::Log));
//! assert!(policy.route("/webhooks/github", "GET").is_none());
//! # Ok::<(), buckler::model::policy::PolicyError>(())
//! ```

mod form;
pub(super) mod members;
mod params;
mod read;

use buckler_waf::{
    pattern::PatternIndex,
    places::{self, Field},
};

use self::{params::Params, read::Declared};
use super::{Check, Exceptions, Level, Uploads, Window, ZeroTrust, error::excerpt, reader::Reader};
use crate::model::ipset::IpSet;

/// All rules, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Routes {
    index: PatternIndex,
    rules: Box<[RouteRules]>,
    /// The checks that are on for any of them, a bit each.
    on: u32,
}

/// What the rest of the configuration says, where a rule says nothing.
pub(super) struct Elsewhere<'p> {
    pub(super) levels: &'p [Level; Check::ALL.len()],
    pub(super) flood: Window,
    pub(super) error_flood: Window,
    pub(super) uploads: &'p Uploads,
}

/// What is judged otherwise for the requests of one rule.
///
/// In a configuration it is an object of the list `ROUTES`; the first whose `path` and `methods` match a request is the only one
/// that counts for it. All members but `path` may be left out, and then the rest of the configuration is in force; other members are
/// errors.
///
/// | Member | Type | Meaning |
/// |---|---|---|
/// | `path` | pattern (match) | the paths it is for, percent-decoded |
/// | `methods` | list of methods in upper case | and the methods; all where it is absent |
/// | `checks` | object of check → level | as `SECURITY_CHECKS`, for these requests |
/// | `flood` | object of `delay`, `ratio` | a flood of these requests, which are then counted apart, whatever `BRUTE_AND_FLOOD_PATHS` says |
/// | `error_flood` | object of `delay`, `ratio` | brute force by these requests, whose errors are then counted apart |
/// | `networks` | list of addresses and networks | the only sources that may come; for others there is no such `path`: it is refused as that check says, and blocked where it is off |
/// | `params` | object of parameter → form | `integer`, `number`, `boolean`, `uuid`, `email`, `date`, `word`, or a pattern: other values are a `format` mismatch |
/// | `repeats` | list of parameters, or `true` | parameters that may come more than once: never `hpp` |
/// | `uploads` | object of `allowed`, `max_size`, `extensions` | as `UPLOAD_FILES`, `UPLOAD_MAX_SIZE` and `UPLOAD_EXTENSIONS` |
/// | `body_bytes` | number, 0 to 1048576 | how much of a body is looked at; 65536 elsewhere |
/// | `exceptions` | list of objects of `rule`, `place`, `network`, `level` | as those of `EXCEPTIONS`, for these requests; they come first |
///
/// At most 128 rules. A path that may be read in several ways (`/a/../b`, `//b`) is judged by the strictest of the rules that it may
/// mean, so that nobody can write himself into a milder one.
#[derive(Debug, Clone)]
pub struct RouteRules {
    id: u64,
    methods: Box<[Box<str>]>,
    levels: [Level; Check::ALL.len()],
    flood: Option<Window>,
    error_flood: Option<Window>,
    networks: Option<IpSet>,
    params: Params,
    repeats: Repeats,
    uploads: Uploads,
    body_bytes: usize,
    exceptions: Exceptions,
}

/// The parameters that may come more than once.
#[derive(Debug, Clone, Default)]
enum Repeats {
    #[default]
    None,
    Some(Box<[Box<str>]>),
    All,
}

impl Routes {
    /// The most rules: what one word has bits for, and more than anybody can oversee.
    pub(super) const MOST: usize = PatternIndex::MOST;

    pub(super) fn read(reader: &mut Reader, elsewhere: &Elsewhere<'_>) -> Self {
        let declared = reader.read("ROUTES", read::routes);
        let paths: Vec<_> = declared.iter().map(|rule| rule.path.clone()).collect();
        let index = PatternIndex::new(&paths).unwrap_or_else(|too_large| {
            let found = excerpt(&serde_json::Value::from(too_large.patterns).to_string());
            let allowed = "paths whose automaton fits bounded memory: fewer, or with less repetition".to_owned();
            reader.problem("ROUTES", &found, allowed);
            PatternIndex::default()
        });
        let rules: Box<[_]> = declared.into_iter().map(|rule| rule.resolve(elsewhere)).collect();
        let is_on = |check: &Check| rules.iter().any(|rules: &RouteRules| rules.level(*check).is_on());
        let on = Check::ALL.into_iter().filter(is_on);
        Self {
            index,
            on: on.fold(0, |on, check| on | 1 << check as u32),
            rules,
        }
    }

    /// The levels of each rule.
    pub(super) fn levels(&self) -> impl Iterator<Item = &[Level; Check::ALL.len()]> {
        self.rules.iter().map(|rule| &rule.levels)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule for a request.
    pub(super) fn find(&self, path: &str, method: &str) -> Option<&RouteRules> {
        if self.is_empty() {
            return None;
        }
        let mut matching = self
            .index
            .find_decoded(path)
            .filter_map(|number| self.rules.get(number));
        matching.find(|rules| rules.knows(method))
    }

    /// Asks for a key where only a rule has tokens looked for; where everything does, that is said of the check.
    pub(super) fn require_keys(&self, of_all: Level, zero_trust: &ZeroTrust, reader: &mut Reader) {
        if !of_all.is_on() && self.any_on(Check::Ztaa) && zero_trust.keys.is_empty() {
            let allowed = "none where `ZTAA_KEY` holds no key".to_owned();
            reader.problem("ROUTES", "a rule with the check `ztaa`", allowed);
        }
    }

    /// Whether a check is on for any route.
    pub(super) const fn any_on(&self, check: Check) -> bool {
        self.on >> check as u32 & 1 == 1
    }
}

impl Declared {
    fn resolve(self, elsewhere: &Elsewhere<'_>) -> RouteRules {
        let Self {
            path: _,
            id,
            methods,
            checks,
            flood,
            error_flood,
            networks,
            params,
            repeats,
            uploads,
            body_bytes,
            exceptions,
        } = self;
        let mut levels = *elsewhere.levels;
        for (check, level) in checks {
            if let Some(place) = levels.get_mut(check as usize) {
                *place = level;
            }
        }
        RouteRules {
            id,
            methods,
            levels,
            flood: flood.map(|own| own.over(elsewhere.flood)),
            error_flood: error_flood.map(|own| own.over(elsewhere.error_flood)),
            networks,
            params,
            repeats,
            uploads: uploads.over(elsewhere.uploads),
            body_bytes: body_bytes.unwrap_or(places::MOST_BYTES),
            exceptions,
        }
    }
}

impl RouteRules {
    /// The most of a body that a rule can have looked at, in bytes: its worker is busy for some milliseconds with it.
    pub const MOST_BODY_BYTES: u32 = 1 << 20;

    /// A number that only rules of the same path and methods have, in every configuration; never 0. Requests are counted by it, so
    /// that a change elsewhere in the list begins no count anew.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// What a check does.
    #[must_use]
    pub fn level(&self, check: Check) -> Level {
        self.levels.get(check as usize).copied().unwrap_or_default()
    }

    /// How many requests of one source for this route are a flood. They are then counted apart from all others.
    #[must_use]
    pub const fn flood(&self) -> Option<Window> {
        self.flood
    }

    /// How many errors answered to one source on this route are brute force. They are then counted apart from all others.
    #[must_use]
    pub const fn error_flood(&self) -> Option<Window> {
        self.error_flood
    }

    /// The only networks that may come here; absent where all may.
    #[must_use]
    pub const fn networks(&self) -> Option<&IpSet> {
        self.networks.as_ref()
    }

    /// Whether any parameter's form is declared.
    #[must_use]
    pub const fn declares_params(&self) -> bool {
        !self.params.is_empty()
    }

    /// The name of the form that a value does not have although it is declared for its parameter. Names of members of JSON documents
    /// have dots between them.
    #[must_use]
    pub fn misfit(&self, field: &Field<'_>, is_json: bool) -> Option<&'static str> {
        self.params.misfit(field, is_json)
    }

    /// Whether a parameter, named without what makes it a list's, may come more than once.
    #[must_use]
    pub fn may_repeat(&self, name: &str) -> bool {
        match &self.repeats {
            Repeats::None => false,
            Repeats::Some(names) => names.iter().any(|listed| **listed == *name),
            Repeats::All => true,
        }
    }

    /// The findings that are judged otherwise here.
    #[must_use]
    pub const fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// Which files may be uploaded here.
    #[must_use]
    pub const fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// How much of a body is looked at, in bytes.
    #[must_use]
    pub const fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    fn knows(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|known| **known == *method)
    }
}

#[cfg(test)]
mod tests;
