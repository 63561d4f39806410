//! The overview: how the fleet is, what was refused lately, and what to look at.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web::Data};
use maud::{Markup, html};

use super::{
    ROOT,
    chart::{Chart, Series},
    guard::{Answer, Sent, Visitor},
    layout::{self, frame, link, tile},
    refusals,
    summary::{self, Range, Summary},
    troubles::{self, Condition, Expected},
    words,
};
use crate::http::state::State;

pub(super) async fn show(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let range = Range::by_name(Sent::asked(&request).text("range"));
    let summary = summary::of(&state, &visitor, range).await?;
    let expected = troubles::expected(&state);
    let content = html! {
        div data-live="overview" {
            (alarms(&state, &summary, &expected))
            (tiles(&summary, &expected))
            section .card { (ranges(range)) (chart(&summary, range).drawn()) (forgotten(&summary)) }
            div .columns {
                (ranking("By check", &summary.by_check, |name| {
                    (link("/admin/ui/refusals", &[("check", name)]), words::check(name))
                }))
                (ranking("By application", &summary.by_profile, |name| {
                    (link("/admin/ui/refusals", &[("profile", name)]), name.to_owned())
                }))
                (ranking("Where from", &summary.by_network, |name| {
                    (link("/admin/ui/refusals", &[("client", name)]), name.to_owned())
                }))
            }
            section .card {
                h2 { "Newest refusals" }
                (refusals::table(&summary.newest, summary.now_ms))
                p .more { a href="/admin/ui/refusals" { "All refusals" } }
            }
        }
    };
    Ok(frame(&visitor, "Overview", &content))
}

fn tiles(summary: &Summary, expected: &BTreeMap<std::sync::Arc<str>, Expected>) -> Markup {
    let count = |wanted: Condition| {
        let found = summary
            .agents
            .iter()
            .filter(|agent| troubles::condition(agent, expected.get(&agent.profile), summary.now_ms) == wanted);
        found.count() as u64
    };
    let [in_step, behind, late, gone] = Condition::ALL.map(count);
    let listed: u64 = summary.lists.iter().map(|(_, list)| list.count).sum();
    let fleets = summary.lists.len() as u64;
    let kind = |number: u64, kind: &'static str| if number > 0 { kind } else { "" };
    html! {
        section .tiles aria-label="At a glance" {
            (tile("Agents in step", in_step, &format!("of {}", words::count(summary.agents.len() as u64)), kind(in_step, "good")))
            (tile("Behind", behind, "list or configuration", kind(behind, "fair")))
            (tile("Silent", late + gone, &format!("{} late, {} gone", words::count(late), words::count(gone)), kind(late + gone, "bad")))
            (tile("Listed", listed, &format!("in {}", words::several(fleets, "fleet", "fleets")), ""))
            (tile("Refusals", summary.hour.refusals, &format!("last hour · {} today", words::count(summary.day.refusals)), ""))
            (tile("New bans", summary.hour.bans, &format!("last hour · {} today", words::count(summary.day.bans)), ""))
        }
    }
}

/// The most alarms that are shown one by one.
const ALARMS: usize = 20;

fn alarms(state: &State, summary: &Summary, expected: &BTreeMap<std::sync::Arc<str>, Expected>) -> Markup {
    let of_server = troubles::of_server(state);
    let agents = summary.agents.iter();
    let of_agents: Vec<(&crate::store::AgentView, String)> = agents
        .flat_map(|agent| {
            let mut found = troubles::of_agent(agent);
            let condition = troubles::condition(agent, expected.get(&agent.profile), summary.now_ms);
            if matches!(condition, Condition::Late | Condition::Gone) {
                let silent = summary.now_ms.saturating_sub(agent.last_seen_ms) / 1_000;
                found.push(format!("silent for {}", words::duration(silent)));
            }
            found.into_iter().map(move |trouble| (agent, trouble))
        })
        .collect();
    let skew = skew(summary);
    if of_server.is_empty() && of_agents.is_empty() && skew.is_none() {
        return html! { p .calm role="status" { "Nothing needs attention." } };
    }
    let more = of_agents.len().saturating_sub(ALARMS) as u64;
    html! {
        section .card.alarms aria-label="Needs attention" {
            h2 { "Needs attention" }
            ul {
                @for trouble in &of_server { li .bad { strong { "Server" } " " (trouble) } }
                @for (agent, trouble) in of_agents.iter().take(ALARMS) {
                    li .fair {
                        a href=(link("/admin/ui/agent", &[("profile", &agent.profile), ("id", &agent.id)])) {
                            (agent.profile) " on " (agent.peer.to_string())
                        } " " (trouble)
                    }
                }
                @if more > 0 { li { a href="/admin/ui/agents" { (words::several(more, "more alarm", "more alarms")) } } }
                @if let Some(skew) = skew { li .fair { (skew) } }
            }
        }
    }
}

/// What differs in the versions of agents that were heard lately.
fn skew(summary: &Summary) -> Option<String> {
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for agent in summary.agents.iter().filter(|agent| agent.proto >= 2) {
        *versions.entry(&agent.version).or_default() += 1;
    }
    let all: Vec<String> = versions
        .iter()
        .map(|(version, count)| format!("{version} ({count})"))
        .collect();
    (all.len() > 1).then(|| format!("Agents of several versions: {}", all.join(", ")))
}

fn ranges(here: Range) -> Markup {
    html! {
        nav .ranges aria-label="Range" {
            @for range in Range::ALL {
                a href=(link(ROOT, &[("range", range.name)])) aria-current=[(range == here).then_some("true")] { "Last " (range.name) }
            }
        }
    }
}

fn chart(summary: &Summary, range: Range) -> Chart {
    Chart {
        title: format!("Refusals and new bans over the last {}, UTC", range.name),
        span_s: range.span_s,
        now_ms: summary.now_ms,
        series: vec![
            Series {
                name: "refusals",
                kind: "refusals",
                counts: summary.refusals.clone(),
            },
            Series {
                name: "new bans",
                kind: "bans",
                counts: summary.bans.clone(),
            },
        ],
    }
}

fn forgotten(summary: &Summary) -> Markup {
    html! {
        @if let Some(since) = summary.since_ms {
            p .hint { "The newest 20,000 refusals are kept: these begin " (words::ago(since, summary.now_ms)) "." }
        }
    }
}

fn ranking(title: &str, rows: &[(String, u64)], link: impl Fn(&str) -> (String, String)) -> Markup {
    let highest = rows.first().map_or(1, |(_, count)| *count).max(1);
    html! {
        section .card {
            h2 { (title) }
            @if rows.is_empty() { p .empty { "Nothing was refused." } }
            @else {
                ol .ranking {
                    @for (name, count) in rows {
                        @let (to, shown) = link(name);
                        li {
                            a href=(to) { (shown) }
                            // the policy allows no style in the text, and a meter needs none
                            meter min="0" max=(highest) value=(count) aria-hidden="true" {}
                            span .count { (words::count(*count)) }
                        }
                    }
                }
            }
        }
    }
}

/// Of other views: what an agent needs to be told.
pub(super) fn badge(condition: Condition) -> Markup {
    html! { span class={ "badge " (condition.kind()) } { (condition.name()) } }
}

/// Several lines about one thing.
pub(super) fn lines(lines: &[String]) -> Markup {
    html! { @for line in lines { p .trouble { (line) } } @if lines.is_empty() { (layout::nothing()) } }
}
