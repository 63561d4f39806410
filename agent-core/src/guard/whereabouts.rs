//! Where a request went that something was found in, and which exception would have let it pass:
//! told beside the finding.

use std::{
    cell::RefCell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use buckler_waf::{
    detect::{ASKED_BY_SOFTWARE, excerpt_at, leak},
    places::{Part, Place, Role},
};
use serde::Serialize;

use super::{
    Shared,
    checks::{ALWAYS, Case, UNLESS_IGNORED},
    inspect::Content,
    outcome::{Outcome, place, rule_of},
    path::any_form,
};
use crate::model::{
    address::{ban_scope, to_text},
    policy::{Check, Found, Level, NarrowException},
};

/// Where a request went that something was found in. Its path is not in here: it may hold secrets,
/// and stays in the log of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestInfo {
    /// The method; absent where the request was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Box<str>>,
    /// The pattern of the application's route, `/items/{id}`; absent where the host does not know
    /// it, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Box<str>>,
    /// The host that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Box<str>>,
    /// The status of the answer: the refusal's, or the application's where that is what was judged.
    /// Absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl RequestInfo {
    /// The most of each text that is kept, in bytes: routes and names of hosts are shorter, and
    /// clients choose some of them.
    pub const TEXT: usize = 120;

    /// Of a request that is answered with this status.
    pub(super) fn of(case: &Case<'_>, status: Option<u16>) -> Self {
        let request = case.request;
        let kept = |text: &str| Some(place(text)).filter(|text| !text.is_empty());
        Self {
            method: kept(request.method),
            route: request.headers.route_pattern().and_then(|pattern| kept(&pattern)),
            host: request.host.or_else(|| request.headers.host()).and_then(kept),
            status: status.or(case.answered),
        }
    }
}

/// `GET /items/{id} at shop.example.com, 403`, as far as it is known.
impl fmt::Display for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            route,
            host,
            status,
        } = self;
        f.write_str(method.as_deref().unwrap_or("a request"))?;
        if let Some(route) = route {
            write!(f, " {route}")?;
        }
        if let Some(host) = host {
            write!(f, " at {host}")?;
        }
        if let Some(status) = status {
            write!(f, ", {status}")?;
        }
        Ok(())
    }
}

impl Case<'_> {
    /// What is done about a finding of a check, unless nothing is refused at all.
    pub(super) fn level_of(&self, check: Check, rule: &str, at: &str) -> Level {
        self.in_mode(self.configured_level_of(check, rule, at))
    }

    /// What the configuration makes of a finding of a check: what its exception says, or else its
    /// route, or else what is said of all.
    pub(super) fn configured_level_of(&self, check: Check, rule: &str, at: &str) -> Level {
        match self.said_level_of(check, rule, at) {
            // an office whose mail clients look for a mailbox is none of attackers
            Level::Ban if rule == ASKED_BY_SOFTWARE => Level::Block,
            said @ (Level::Off | Level::Block | Level::Ban | Level::Log) => said,
        }
    }

    fn said_level_of(&self, check: Check, rule: &str, at: &str) -> Level {
        if !self.rules.has_exceptions() {
            return self.rules.level(check);
        }
        let pattern = self.request.headers.route_pattern();
        let paths = decoded_forms(self.request.path);
        let found = Found {
            rule,
            place: at,
            client: self.client.map(|client| client.address),
            route: pattern.as_deref(),
            paths: &paths,
        };
        self.rules.level_of(check, &found)
    }

    /// The request's path as the log of the host may show it.
    pub(super) fn shown_path(&self) -> Box<str> {
        self.shown(self.request.path)
    }

    /// A pattern that all forms of the request's path match, and as few others as may be without
    /// showing a secret.
    fn path_pattern(&self) -> Box<str> {
        let forms = decoded_forms(self.request.path);
        let shown = self.shown(forms.first().map_or(self.request.path, |form| form));
        NarrowException::pattern_of(&shown, &forms)
    }

    fn shown(&self, path: &str) -> Box<str> {
        let place = Place {
            part: Part::Path,
            name: "",
        };
        excerpt_at(
            self.policy.secret_names(),
            &place,
            Role::Value,
            &leak::shown_path(path),
            0..0,
        )
    }
}

/// The forms of a path that an application may read, decoded.
fn decoded_forms(path: &str) -> Vec<String> {
    let forms = RefCell::new(Vec::new());
    any_form(path, |form| {
        forms.borrow_mut().push(form.to_owned());
        false
    });
    let mut forms = forms.into_inner();
    if forms.len() > 1 && path.contains('%') {
        // the first is as it came; decoded, it is the second
        forms.remove(0);
    }
    forms
}

impl Shared {
    /// Notes what else would have refused a request that was refused before its values were looked
    /// at. Counts and reports nothing. Not after a flood, which must cost next to nothing.
    pub(super) fn note_others(&self, case: &Case<'_>, outcome: &mut Outcome<'_>) {
        let is_counted = |check: Check| matches!(check, Check::Flood | Check::Brute | Check::Blacklist);
        if outcome.refused.is_none_or(|(check, ..)| is_counted(check)) {
            return;
        }
        let further = UNLESS_IGNORED.iter().filter(|_| !case.is_ignored);
        for (check, detect, _) in ALWAYS.iter().chain(further) {
            if !is_counted(*check)
                && case.rules.level(*check).is_on()
                && let Some(finding) = detect(case)
            {
                let (rule, at) = (rule_of(*check, &finding), place(&finding.place));
                outcome.note(case.level_of(*check, &rule, &at), &rule, &at);
            }
        }
        self.note_rest(Content::Head, case, outcome);
    }

    /// Notes all that would have refused a request in what it carries, as
    /// [`note_others`](Self::note_others).
    pub(super) fn note_rest(&self, content: Content<'_>, case: &Case<'_>, outcome: &mut Outcome<'_>) {
        // unwind-safe: a name is added whole or not at all. What fails here must not take the
        // refusal back
        let look = AssertUnwindSafe(|| {
            self.inspect(content, case, self.supervision.accompany(), &mut |suspicion| {
                let (rule, at) = (suspicion.rule_name(), place(&suspicion.place));
                outcome.note(case.level_of(suspicion.check, &rule, &at), &rule, &at)
            })
        });
        let _incomplete = catch_unwind(look);
    }
}

/// The narrowest exception by which a refused request would have passed, as far as it was looked
/// at: its rules, at its places, on its route; of its client alone where the route is not known,
/// for on every route it would let more pass; on its path where neither is known.
pub(super) fn narrowed(found: &NarrowException, request: &RequestInfo, case: &Case<'_>) -> Option<NarrowException> {
    // a client chose the name: as a pattern it would stand for others too
    let is_pattern = found.places.iter().any(|place| place.contains('*'));
    if is_pattern || found.rules.is_empty() {
        return None;
    }
    let client = case.client.map(|client| to_text(ban_scope(client.address)).into());
    let network = client.filter(|_| request.route.is_none());
    let path = (request.route.is_none() && network.is_none()).then(|| case.path_pattern());
    Some(NarrowException {
        route: request.route.clone(),
        network,
        path,
        ..found.clone()
    })
}
