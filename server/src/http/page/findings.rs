//! Findings: what was refused and what was only logged, by rule, route, check and level over time.
//! It is where a profile is looked at that only logs, before it enforces.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, web::Data};
use maud::{Markup, html};

use super::{
    chart::{Chart, Series},
    guard::{Answer, Sent, Visitor},
    layout::{frame, link, nothing, path_of_profile},
    words,
};
use crate::http::{
    admin::findings::{self, Found, Row, Wanted},
    state::State,
};

/// Where they are.
const PATH: &str = "/admin/ui/findings";
/// Rows of a view.
const MOST: usize = 200;
/// What may be looked at, in hours and as people say it.
const RANGES: [(u64, &str); 3] = [(24, "day"), (72, "3 days"), (168, "week")];
/// What a configuration makes of a finding.
const LEVELS: [(u8, &str); 3] = [(1, "block"), (2, "ban"), (3, "log")];

pub(super) async fn all(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let asked = Sent::asked(&request);
    let given = |field| asked.given(field).map(str::to_owned);
    let wanted = Wanted {
        hours: asked.text("hours").parse().ok(),
        profile: given("profile"),
        check: given("check"),
        rule: given("rule"),
        route: given("route"),
        level: asked.text("level").parse().ok(),
    };
    let found = findings::of(&visitor.asker, &state, wanted).await?;
    let now_ms = state.now().unix_ms;
    let content = html! {
        (filters(&asked, &found))
        div data-live="findings" {
            section .card { (chart(&found, now_ms)) }
            (table(&asked, &found))
        }
        p .hint { "What requests held that passed (" code { "log" } ") and that were refused, as agents of profiles tell that share ("
            code { "BLACKLIST_SHARE" } "). This node counts it for a week, until it is restarted." }
    };
    Ok(frame(&visitor, "Findings", &content))
}

fn filters(asked: &Sent, found: &Found) -> Markup {
    let select = |name: &str, known: &BTreeSet<String>, shown: fn(&str) -> String| {
        html! {
            select name=(name) {
                option value="" { "All" }
                @for known in known { option value=(known) selected[asked.text(name) == known] { (shown(known)) } }
            }
        }
    };
    html! {
        form .filters method="get" role="search" {
            label { "Over " select name="hours" {
                @for (hours, name) in RANGES { option value=(hours) selected[found.hours == hours] { "a " (name) } }
            } }
            label { "Application " (select("profile", &found.profiles, str::to_owned)) }
            label { "Check " (select("check", &found.checks, words::check)) }
            label { "Level " select name="level" {
                option value="" { "All" }
                @for (level, name) in LEVELS { option value=(level) selected[asked.text("level") == level.to_string()] { (name) } }
            } }
            label { "Rule " input type="search" name="rule" value=(asked.text("rule")) placeholder="sqli/" size="14"; }
            label { "Route " input type="search" name="route" value=(asked.text("route")) placeholder="/search" size="14"; }
            button type="submit" { "Find" }
        }
    }
}

fn chart(found: &Found, now_ms: u64) -> Markup {
    // a bar of an hour within a day, and of seven beyond
    let hours = if found.hours <= 24 { 1 } else { found.hours.div_ceil(24) };
    let size = usize::try_from(hours).unwrap_or(1);
    let bars = |counts: &[u64]| {
        // from the end, so that the last bar is whole
        let mut bars: Vec<u64> = counts.rchunks(size).map(|hours| hours.iter().sum()).collect();
        bars.reverse();
        bars
    };
    let chart = Chart {
        title: format!("Findings over {}, UTC", words::several(found.hours, "hour", "hours")),
        span_s: hours * 3_600,
        now_ms,
        series: vec![
            Series {
                name: "only logged",
                kind: "refusals",
                counts: bars(&found.logged),
            },
            Series {
                name: "refused",
                kind: "bans",
                counts: bars(&found.refused),
            },
        ],
    };
    chart.drawn()
}

fn table(asked: &Sent, found: &Found) -> Markup {
    let narrowed = |field: &'static str, value: &str| {
        let fields = ["hours", "profile", "check", "rule", "route", "level"];
        let query = fields.map(|name| (name, if name == field { value } else { asked.text(name) }));
        link(PATH, &query)
    };
    let route = |row: &Row| {
        html! { @if row.route.is_empty() { (nothing()) } @else { a href=(narrowed("route", &row.route)) { code { (row.route) } } } }
    };
    html! {
        @if found.unnamed > 0 {
            p .trouble { (words::several(found.unnamed, "finding", "findings")) " more were counted without their names: an hour had too many." }
        }
        @if found.findings.is_empty() { p .empty { "Nothing was found." } }
        @else {
            table {
                thead { tr { th { "Count" } th { "Check" } th { "Rule" } th { "Route" } th { "Application" } th { "Then" } th { "Last" } } }
                tbody { @for row in found.findings.iter().take(MOST) { tr {
                    td .number data-label="Count" { (words::count(row.count)) }
                    td data-label="Check" { a href=(narrowed("check", &row.check)) { (words::check(&row.check)) } }
                    td data-label="Rule" { a href=(narrowed("rule", &row.rule)) { code { (row.rule) } } }
                    td data-label="Route" { (route(row)) }
                    td data-label="Application" { a href=(path_of_profile(&row.profile)) { (row.profile) } }
                    td data-label="Then" {
                        @if row.refused { a href=(link("/admin/ui/refusals", &[("profile", &row.profile), ("rule", &row.rule)])) {
                            span .badge.bad { "refused" } } }
                        @else { span .badge { "logged" } }
                        " " @if let Some((_, name)) = LEVELS.iter().find(|(level, _)| *level == row.level) { span .sub { (name) } }
                    }
                    td data-label="Last" { @if row.last_h == 0 { "this hour" } @else { (row.last_h) " h ago" } }
                } } }
            }
        }
    }
}
