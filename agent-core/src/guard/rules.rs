//! What the configuration says about one request: its route's rule, or else what it says about all.
//!
//! A path can be written so that an application reads another one than the rule was found for (`/open/../admin`, `//admin`). Where
//! its forms have different rules, the request is judged by the strictest of them in everything: whichever the application reads,
//! nobody has written himself into a milder rule, or out of a stricter one.

use std::cell::Cell;

use buckler_waf::{
    detect::pollution,
    places::{self, Field},
};

use super::{client::Client, path::any_form, request::RequestView};
use crate::model::policy::{Check, Found, Level, Policy, RouteRules, Uploads, Window};

/// The rules for one request.
#[derive(Clone, Copy)]
pub(super) struct Rules<'c> {
    policy: &'c Policy,
    forms: Forms<'c>,
    /// The source is in none of the networks that may come here.
    is_outside: bool,
}

/// The rule of each form of the path; `None` where a form has none. Those that are the same are kept once.
#[derive(Clone, Copy, Default)]
struct Forms<'c> {
    rules: [Option<&'c RouteRules>; 3],
    count: usize,
}

/// A window with the number it is counted under: 0 for all requests together, or a rule's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counting {
    pub(super) id: u64,
    pub(super) window: Window,
}

impl<'c> Rules<'c> {
    pub(super) fn of(policy: &'c Policy, request: &RequestView<'_>, client: Option<Client>) -> Self {
        let forms = if policy.has_routes() {
            Forms::of(policy, request)
        } else {
            Forms::default().and(None)
        };
        let mut networks = forms.iter().filter_map(|rule| rule?.networks());
        // whoever has no address is in no network
        let is_outside = networks.any(|networks| client.is_none_or(|client| !networks.contains(client.address)));
        Self {
            policy,
            forms,
            is_outside,
        }
    }

    /// What the configuration makes of a finding. Whoever may not come here at all is refused, also where nobody looks for paths that
    /// do not exist.
    pub(super) fn level(&self, check: Check) -> Level {
        let of = |rule: Option<&RouteRules>| rule.map_or_else(|| self.policy.level(check), |rule| rule.level(check));
        let level = match self.forms {
            // nearly every path
            Forms {
                rules: [rule, ..],
                count: 1,
            } => of(rule),
            forms => {
                let levels = forms.iter().map(of);
                levels.max_by_key(|level| strictness(*level)).unwrap_or_default()
            }
        };
        if self.is_outside && check == Check::Path && level == Level::Off {
            Level::Block
        } else {
            level
        }
    }

    /// Whether any finding may be judged otherwise than its check says.
    pub(super) fn has_exceptions(&self) -> bool {
        let has_own = |rule: &RouteRules| !rule.exceptions().is_empty();
        !self.policy.exceptions().is_empty() || self.forms.iter().any(|rule| rule.is_some_and(has_own))
    }

    /// What the configuration makes of this finding: a route's exceptions come before those for
    /// all.
    pub(super) fn level_of(&self, check: Check, found: &Found<'_>) -> Level {
        let for_all = self.policy.exceptions().find(found);
        let of = |rule: Option<&RouteRules>| {
            let own = rule.and_then(|rule| rule.exceptions().find(found));
            own.or(for_all).unwrap_or_else(|| self.level(check))
        };
        let levels = self.forms.iter().map(of);
        levels.max_by_key(|level| strictness(*level)).unwrap_or_default()
    }

    /// Whether the source is in none of the networks that may come here.
    pub(super) const fn is_outside(&self) -> bool {
        self.is_outside
    }

    /// How many requests are a flood, and which are counted.
    pub(super) fn flood(&self) -> Counting {
        self.tightest(self.policy.flood(), RouteRules::flood)
    }

    /// How many errors are brute force, and which are counted.
    pub(super) fn error_flood(&self) -> Counting {
        self.tightest(self.policy.error_flood(), RouteRules::error_flood)
    }

    /// The window that allows the fewest in its time.
    fn tightest(&self, of_all: Window, own: fn(&RouteRules) -> Option<Window>) -> Counting {
        let all = Counting { id: 0, window: of_all };
        let counted = self.forms.iter().map(|rule| {
            let own = rule.and_then(|rule| Some((rule.id(), own(rule)?)));
            own.map_or(all, |(id, window)| Counting { id, window })
        });
        let slower = |one: &Counting, other: &Counting| {
            let rate = |of: Window, per: Window| u128::from(of.limit) * per.period.as_nanos();
            rate(one.window, other.window).cmp(&rate(other.window, one.window))
        };
        counted.min_by(slower).unwrap_or(all)
    }

    /// Whether any parameter's form is declared.
    pub(super) fn declares_params(&self) -> bool {
        self.forms
            .iter()
            .any(|rule| rule.is_some_and(RouteRules::declares_params))
    }

    /// The name of the form that a value lacks.
    pub(super) fn misfit(&self, field: &Field<'_>, is_json: bool) -> Option<&'static str> {
        self.forms.iter().find_map(|rule| rule?.misfit(field, is_json))
    }

    /// Whether a parameter may come more than once.
    pub(super) fn may_repeat(&self, name: &str) -> bool {
        let may = |rule: Option<&RouteRules>| rule.is_some_and(|rule| rule.may_repeat(pollution::plain(name)));
        self.forms.iter().all(may)
    }

    /// Which files may be uploaded: each of these must allow one.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &'c Uploads> {
        let of_all = self.policy.uploads();
        self.forms
            .iter()
            .map(move |rule| rule.map_or(of_all, RouteRules::uploads))
    }

    /// How much of a body is looked at, in bytes.
    pub(super) fn body_bytes(&self) -> usize {
        let of = |rule: Option<&RouteRules>| rule.map_or(places::MOST_BYTES, RouteRules::body_bytes);
        self.forms.iter().map(of).max().unwrap_or(places::MOST_BYTES)
    }
}

impl<'c> Forms<'c> {
    fn of(policy: &'c Policy, request: &RequestView<'_>) -> Self {
        let forms = Cell::new(Self::default());
        any_form(request.path, |path| {
            forms.set(forms.get().and(policy.route(path, request.method)));
            false
        });
        forms.get()
    }

    fn and(mut self, rule: Option<&'c RouteRules>) -> Self {
        let address = rule.map(std::ptr::from_ref);
        let is_known = self.iter().any(|known| known.map(std::ptr::from_ref) == address);
        if let Some(place) = self.rules.get_mut(self.count).filter(|_| !is_known) {
            *place = rule;
            self.count += 1;
        }
        self
    }

    fn iter(self) -> impl Iterator<Item = Option<&'c RouteRules>> {
        self.rules.into_iter().take(self.count)
    }
}

/// How much a level does about a finding.
const fn strictness(level: Level) -> u8 {
    match level {
        Level::Off => 0,
        Level::Log => 1,
        Level::Block => 2,
        Level::Ban => 3,
    }
}
