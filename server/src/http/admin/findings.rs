//! Findings in the admin API: what agents refused and what they only logged, counted by the hour.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};

use super::{Asker, query};
use crate::{
    http::{
        reply::{self, Refusal},
        state::State,
    },
    moment::Moment,
    node::{FINDING_HOURS, Finding, Findings},
};

/// The most rows of an answer: those that were found most often.
const MOST: usize = 1_000;

/// Which findings are looked for; all, where nothing is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    /// The hours up to now; a day where nothing is said.
    pub(in crate::http) hours: Option<u64>,
    pub(in crate::http) profile: Option<String>,
    pub(in crate::http) check: Option<String>,
    /// A rule, or what rules begin with.
    pub(in crate::http) rule: Option<String>,
    pub(in crate::http) route: Option<String>,
    pub(in crate::http) level: Option<u8>,
}

impl Wanted {
    fn is(&self, finding: &Finding) -> bool {
        let same = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        same(&self.check, &finding.check)
            && same(&self.route, &finding.route)
            && self.rule.as_ref().is_none_or(|rule| finding.rule.starts_with(&**rule))
            && self.level.is_none_or(|level| level == finding.level)
    }
}

/// How often something was found.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Row {
    pub(in crate::http) profile: Arc<str>,
    pub(in crate::http) check: String,
    pub(in crate::http) rule: String,
    /// Empty where the agent does not tell.
    pub(in crate::http) route: String,
    /// 1 (block), 2 (ban) or 3 (log).
    pub(in crate::http) level: u8,
    /// Whether the requests were refused.
    pub(in crate::http) refused: bool,
    pub(in crate::http) count: u64,
    /// Whole hours since it was found last.
    pub(in crate::http) last_h: u64,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Found {
    pub(in crate::http) hours: u64,
    /// The most often found first.
    pub(in crate::http) findings: Vec<Row>,
    /// By hour, the oldest first.
    pub(in crate::http) refused: Vec<u64>,
    pub(in crate::http) logged: Vec<u64>,
    /// Findings that were counted without their names, because an hour had too many.
    pub(in crate::http) unnamed: u64,
    #[serde(skip)]
    pub(in crate::http) profiles: BTreeSet<String>,
    #[serde(skip)]
    pub(in crate::http) checks: BTreeSet<String>,
}

/// Counts what is looked for in what the operator sees.
fn counted(findings: &Findings, wanted: &Wanted, sees: &dyn Fn(&str) -> bool, now: Moment) -> Found {
    let hours = wanted.hours.unwrap_or(24).clamp(1, FINDING_HOURS);
    let bars = usize::try_from(hours).unwrap_or(1);
    let mut found = Found {
        hours,
        findings: Vec::new(),
        refused: vec![0; bars],
        logged: vec![0; bars],
        unnamed: 0,
        profiles: BTreeSet::new(),
        checks: BTreeSet::new(),
    };
    let mut rows: BTreeMap<(&Arc<str>, &Finding), (u64, u64)> = BTreeMap::new();
    for profile in findings.profiles().filter(|profile| sees(profile)) {
        found.profiles.insert(profile.to_string());
        if wanted.profile.as_ref().is_some_and(|wanted| **wanted != **profile) {
            continue;
        }
        for (ago, finding, count) in findings.of(profile, hours, now.unix_ms) {
            if !found.checks.contains(&finding.check) {
                found.checks.insert(finding.check.clone());
            }
            if !wanted.is(finding) {
                continue;
            }
            let (total, last) = rows.entry((profile, finding)).or_insert((0, ago));
            (*total, *last) = (total.saturating_add(count), ago.min(*last));
            let series = if finding.is_refused {
                &mut found.refused
            } else {
                &mut found.logged
            };
            let at = usize::try_from(hours - 1 - ago.min(hours - 1)).unwrap_or_default();
            if let Some(bar) = series.get_mut(at) {
                *bar += count;
            }
        }
        let (refused, logged) = findings.more(profile, hours, now.unix_ms);
        found.unnamed += refused.saturating_add(logged);
    }
    let mut rows: Vec<Row> = rows
        .into_iter()
        .map(|((profile, finding), (count, last_h))| Row {
            profile: Arc::clone(profile),
            check: finding.check.clone(),
            rule: finding.rule.clone(),
            route: finding.route.clone(),
            level: finding.level,
            refused: finding.is_refused,
            count,
            last_h,
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows.truncate(MOST);
    found.findings = rows;
    found
}

pub(super) async fn all(asker: Asker, request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let wanted: Wanted = query(&request)?;
    reply::ok(of(&asker, &state, wanted).await?)
}

/// What was found in what an operator sees.
pub(in crate::http) async fn of(asker: &Asker, state: &State, wanted: Wanted) -> Result<Found, Refusal> {
    let profiles = state.profiles.all().into_iter();
    let theirs = profiles.filter(|live| asker.operator.sees(live.fleet()));
    let theirs: BTreeSet<Arc<str>> = theirs.map(|live| Arc::clone(live.name())).collect();
    // the node's thread is not for sums
    let found = state.owner.ask(|node, now| Ok((node.findings(), now)));
    let (findings, now) = found.await?;
    Ok(counted(&findings, &wanted, &|profile| theirs.contains(profile), now))
}
