//! Agents: all of them with filters, and one of them with all that is known of it.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use buckler::protocol::v2::{ConfigState, Identity};
use maud::{Markup, html};
use uuid::Uuid;

use super::{
    guard::{Answer, Sent, Trouble, Visitor},
    layout::{button, facts, frame, link, nothing, path_of_profile},
    overview::{badge, lines},
    see,
    troubles::{self, Condition},
    words,
};
use crate::{
    http::{
        admin::{
            credentials::{self, Change},
            forget,
        },
        reply::Refusal,
        state::State,
    },
    store::{AgentView, Role, Transport},
};

/// The most agents of one view.
const MOST: usize = 500;

/// The most environments and releases that one may choose from: agents say them, and one that is
/// not among them is found by the text.
const MOST_CHOICES: usize = 200;

pub(super) async fn all(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let asked = Sent::asked(&request);
    let (mut agents, _) = state.agents().await?;
    agents.retain(|agent| visitor.sees(&agent.fleet));
    let profiles: BTreeSet<String> = agents.iter().map(|agent| agent.profile.to_string()).collect();
    let environments = choices(&agents, asked.text("environment"), |identity| {
        identity.environment.as_ref()
    });
    let releases = choices(&agents, asked.text("release"), |identity| identity.release.as_ref());
    let (expected, now_ms) = (troubles::expected(&state), state.now().unix_ms);
    let wanted = Condition::by_name(asked.text("condition"));
    let mut rows: Vec<(AgentView, Condition)> = agents
        .into_iter()
        .map(|agent| {
            let condition = troubles::condition(&agent, expected.get(&agent.profile), now_ms);
            (agent, condition)
        })
        .filter(|(agent, condition)| {
            let is = |field, found: Option<&str>| asked.given(field).is_none_or(|wanted| found == Some(wanted));
            let identity = &agent.identity;
            let is_of = is("profile", Some(&agent.profile))
                && is("environment", identity.environment.as_deref())
                && is("release", identity.release.as_deref());
            is_of && wanted.is_none_or(|wanted| wanted == *condition) && says(agent, asked.text("text"))
        })
        .collect();
    let found = rows.len();
    rows.truncate(MOST);
    let content = html! {
        (filters(&asked, wanted, [&profiles, &environments, &releases]))
        div data-live="agents" {
            p .hint { (words::several(found as u64, "agent", "agents"))
                @if found > MOST { ", the " (MOST) " heard last are shown" } }
            @let is_narrowed = ["environment", "release", "text"].iter().any(|field| asked.given(field).is_some());
            @if wanted == Some(Condition::Gone) && found > 0 && !is_narrowed && visitor.may(Role::Operate) {
                p { (button(&visitor, "/admin/ui/agents/forget", &[("profile", asked.text("profile"))], ("danger", "Forget all that are gone"))) }
            }
            (table(&rows, now_ms))
        }
    };
    Ok(frame(&visitor, "Agents", &content))
}

/// What agents say of themselves in one respect, by the alphabet, and what is asked for in any
/// case.
fn choices(agents: &[AgentView], asked: &str, said: impl Fn(&Identity) -> Option<&String>) -> BTreeSet<String> {
    let all: BTreeSet<&String> = agents.iter().filter_map(|agent| said(&agent.identity)).collect();
    let shown = all.into_iter().enumerate();
    let shown = shown.filter(|(n, one)| *n < MOST_CHOICES || one.as_str() == asked);
    shown.map(|(_, one)| one.clone()).collect()
}

/// What agents are looked for by.
fn filters(
    asked: &Sent,
    wanted: Option<Condition>,
    [profiles, environments, releases]: [&BTreeSet<String>; 3],
) -> Markup {
    html! {
        form .filters method="get" {
            label { "Application " select name="profile" {
                option value="" { "All" }
                @for profile in profiles {
                    option value=(profile) selected[asked.text("profile") == profile] { (profile) }
                }
            } }
            label { "State " select name="condition" {
                option value="" { "All" }
                @for condition in Condition::ALL {
                    option selected[wanted == Some(condition)] { (condition.name()) }
                }
            } }
            @for (field, shown, known) in [("environment", "Environment ", environments), ("release", "Release ", releases)] {
                @if !known.is_empty() {
                    label { (shown) select name=(field) {
                        option value="" { "All" }
                        @for one in known { option selected[asked.text(field) == one] { (one) } }
                    } }
                }
            }
            label { "Text " input type="search" name="text" value=(asked.text("text")) placeholder="name, host, label, address, version"; }
            button type="submit" { "Filter" }
        }
    }
}

/// Whether an agent has a text in what people know it by.
fn says(agent: &AgentView, text: &str) -> bool {
    let known = [
        agent.id.clone(),
        agent.peer.to_string(),
        agent.platform.clone(),
        agent.version.clone(),
    ];
    let identity = &agent.identity;
    let said = [&identity.name, &identity.host, &identity.release, &identity.environment];
    let labels = identity.labels_as_text();
    let known = known
        .into_iter()
        .chain(said.into_iter().flatten().cloned())
        .chain(labels);
    known
        .into_iter()
        .any(|known| known.to_lowercase().contains(&text.to_lowercase()))
}

/// What people know an agent by: its own name, or that of its profile.
fn known_as(agent: &AgentView) -> &str {
    agent.identity.name.as_deref().unwrap_or(&agent.profile)
}

/// An agent's labels.
fn labels(agent: &AgentView) -> Markup {
    html! { @for label in agent.identity.labels_as_text() { span .tag { (label) } " " } }
}

fn table(rows: &[(AgentView, Condition)], now_ms: u64) -> Markup {
    html! {
        @if rows.is_empty() { p .empty { "No agent is like that." } }
        @else {
            table {
                thead { tr {
                    th { "Agent" } th { "State" } th { "Heard" } th { "Runs" } th { "Configuration" } th { "List" }
                    th { "Requests" } th { "Refused" } th { "Trouble" }
                } }
                tbody { @for (agent, condition) in rows {
                    tr {
                        td data-label="Agent" {
                            a href=(path(agent)) { (known_as(agent)) }
                            @if agent.identity.name.as_deref().is_some_and(|name| *name != *agent.profile) {
                                span .sub { (agent.profile) }
                            }
                            @if let Some(host) = &agent.identity.host { span .sub { (host) } }
                            @if !agent.identity.labels.is_empty() { span .sub { (labels(agent)) } }
                            span .sub { (agent.peer.to_string()) " · " (short(&agent.id))
                                @if let Some(credential) = &agent.credential {
                                    @if credential.revoked_ms.is_some() { " · revoked" } @else { " · enrolled" } } }
                        }
                        td data-label="State" { (badge(*condition)) }
                        td data-label="Heard" { (words::ago(agent.last_seen_ms, now_ms)) }
                        td .keep data-label="Runs" { (agent.platform) span .sub { (agent.version) }
                            @if let Some(release) = &agent.identity.release { span .sub { "release " (release) } }
                            @if let Some(environment) = &agent.identity.environment { span .sub { (environment) } } }
                        td .keep data-label="Configuration" { (configuration(agent)) }
                        td .keep data-label="List" { (list(agent)) }
                        td .number data-label="Requests" { (words::count(agent.totals.success.saturating_add(agent.totals.errors))) }
                        td .number data-label="Refused" { (words::count(agent.totals.blocked)) }
                        td data-label="Trouble" { (lines(&troubles::of_agent(agent))) }
                    }
                } }
            }
        }
    }
}

/// Where one agent is shown.
fn path(agent: &AgentView) -> String {
    link("/admin/ui/agent", &[("profile", &agent.profile), ("id", &agent.id)])
}

/// As much of an id as tells agents apart.
fn short(id: &str) -> String {
    id.chars().take(15).collect()
}

fn configuration(agent: &AgentView) -> Markup {
    let state = agent.config_status.as_ref().map(|status| match status.state {
        ConfigState::Applied => "in force",
        ConfigState::Probation => "on probation",
        ConfigState::Failed => "a newer one failed",
        ConfigState::RolledBack => "a newer one was rolled back",
    });
    html! {
        @match &agent.config { Some(config) => (config.version), None => (nothing()) }
        @if let Some(state) = state { span .sub { (state) } }
    }
}

fn list(agent: &AgentView) -> Markup {
    html! {
        @match &agent.list {
            Some(list) => { "revision " (list.rev) span .sub { (words::several(list.count, "entry", "entries"))
                @if let Some(lag) = agent.list_lag.filter(|lag| *lag > 0) { ", " (lag) " behind" } } }
            None => (nothing()),
        }
    }
}

pub(super) async fn one(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let asked = Sent::asked(&request);
    let (agents, _) = state.agents().await?;
    let is_it = |agent: &&AgentView| agent.id == asked.text("id") && *agent.profile == *asked.text("profile");
    let found = agents.iter().find(|agent| visitor.sees(&agent.fleet) && is_it(agent));
    let no_agent = || {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "no such agent was heard since the server started",
        )
    };
    let agent = found.ok_or_else(no_agent)?;
    let now_ms = state.now().unix_ms;
    let condition = troubles::condition(agent, troubles::expected(&state).get(&agent.profile), now_ms);
    let content = html! {
        div data-live="agent" {
            p { (badge(condition)) " " (agent.id) }
            @for trouble in troubles::of_agent(agent) { p .problem { (trouble) } }
            div .columns {
                section .card { h2 { "Who" } (who(agent, now_ms)) (credential_forms(&visitor, agent))
                    @if condition == Condition::Gone && visitor.may(Role::Operate) {
                        p { (button(&visitor, "/admin/ui/agent/forget", &[("profile", &*agent.profile), ("id", &*agent.id)], ("danger", "Forget it"))) }
                    } }
                section .card { h2 { "In force there" } (in_force(agent)) }
                section .card { h2 { "Requests" } (requests(agent)) }
                section .card { h2 { "Events" } (events(agent)) }
            }
            p .more { a href=(link("/admin/ui/refusals", &[("profile", &agent.profile)])) { "Refusals of " (agent.profile) } }
        }
    };
    Ok(frame(&visitor, &format!("Agent of {}", known_as(agent)), &content))
}

fn who(agent: &AgentView, now_ms: u64) -> Markup {
    let transport = match agent.transport {
        Transport::Http => "HTTP",
        Transport::WebSocket => "WebSocket",
    };
    let said = |said: &Option<String>| html! { @match said { Some(said) => (said), None => (nothing()) } };
    let identity = &agent.identity;
    facts(&[
        ("Name", said(&identity.name)),
        (
            "Application",
            html! { a href=(path_of_profile(&agent.profile)) { (agent.profile) } },
        ),
        ("Host", said(&identity.host)),
        ("Release", said(&identity.release)),
        ("Environment", said(&identity.environment)),
        (
            "Labels",
            html! { @if identity.labels.is_empty() { (nothing()) } @else { (labels(agent)) } },
        ),
        ("Fleet", html! { (agent.fleet) }),
        ("From", html! { (agent.peer.to_string()) " by " (transport) }),
        ("Platform", html! { (agent.platform) }),
        ("Version", html! { (agent.version) ", protocol " (agent.proto) }),
        ("Routes", html! { (agent.routes) }),
        (
            "Speaks with",
            html! { @match &agent.credential {
                None => "a key that agents share",
                Some(credential) => { @match credential.revoked_ms {
                    None => { "a credential of its own, enrolled " (words::ago(credential.made_ms, now_ms)) },
                    Some(revoked) => { "a credential that was revoked " (words::ago(revoked, now_ms)) },
                } },
            } },
        ),
        ("Heard first", words::ago(agent.first_seen_ms, now_ms)),
        ("Heard last", words::ago(agent.last_seen_ms, now_ms)),
    ])
}

/// What may be made of an agent's credential, for who may do it.
fn credential_forms(visitor: &Visitor, agent: &AgentView) -> Markup {
    let Some(credential) = agent.credential.as_ref().filter(|_| visitor.may(Role::Admin)) else {
        return html! {};
    };
    let form = |change, shown| {
        let fields = [("profile", &*agent.profile), ("id", &*agent.id), ("change", change)];
        button(visitor, "/admin/ui/agent/credential", &fields, shown)
    };
    html! {
        p { @if credential.revoked_ms.is_none() { (form("revoke", ("danger", "Revoke its credential"))) " " }
            (form("reset", ("", "Let it enrol again"))) }
    }
}

pub(super) async fn credential(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let (profile, id) = (sent.text("profile"), sent.text("id"));
    let change = match sent.text("change") {
        "revoke" => Change::Revoke,
        "reset" => Change::Reset,
        _ => return Err(Refusal::bad_request("allowed is revoke or reset").into()),
    };
    let agent = Uuid::parse_str(id).map_err(|_| Refusal::bad_request("the id of an agent is a UUID"))?;
    credentials::changed(&visitor.asker, &state, (profile, agent), change).await?;
    Ok(see(&link("/admin/ui/agent", &[("profile", profile), ("id", id)])).finish())
}

pub(super) async fn forget(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    forget::forget_one(&visitor.asker, &state, (sent.given("profile"), sent.text("id"))).await?;
    Ok(see("/admin/ui/agents").finish())
}

pub(super) async fn forget_gone(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    forget::forget_gone(&visitor.asker, &state, (sent.given("profile"), None)).await?;
    Ok(see("/admin/ui/agents").finish())
}

fn in_force(agent: &AgentView) -> Markup {
    let health = agent.health.as_ref();
    let age = health.and_then(|health| health.list_age_ms);
    let dry_run = health.and_then(|health| health.dry_run);
    facts(&[
        (
            "Conversation",
            html! { @match health { Some(health) => (health.state), None => (nothing()) } },
        ),
        ("Configuration", configuration(agent)),
        ("List", list(agent)),
        (
            "Confirmed",
            html! { @match age { Some(age) => { (words::duration(age / 1_000)) " before it was heard" }, None => (nothing()) } },
        ),
        (
            "Dry run",
            html! { @match dry_run {
                Some(run) => { "would refuse " (words::count(run.would_block)) ", would let pass " (words::count(run.would_pass))
                    " of " (words::count(run.requests)) },
                None => (nothing()),
            } },
        ),
        ("Restarts", html! { (health.map_or(0, |health| health.restarts)) }),
    ])
}

fn requests(agent: &AgentView) -> Markup {
    let totals = &agent.totals;
    let process = agent.health.as_ref().and_then(|health| health.process);
    facts(&[
        ("Answered well", html! { (words::count(totals.success)) }),
        ("Errors", html! { (words::count(totals.errors)) }),
        ("Attacks", html! { (words::count(totals.attacks)) }),
        ("Refused", html! { (words::count(totals.blocked)) }),
        ("Counted for", html! { (words::duration(totals.since_ms / 1_000)) }),
        (
            "Host",
            html! { @match &agent.telemetry {
                Some(load) => { "processor " (format!("{:.0}", load.cpu)) " %, memory " (format!("{:.0}", load.memory)) " %" },
                None => (nothing()),
            } },
        ),
        (
            "Process",
            html! { @match process {
                Some(load) => { (format!("{:.0}", load.cpu)) " % of a core, " (words::bytes(load.memory_bytes)) },
                None => (nothing()),
            } },
        ),
    ])
}

fn events(agent: &AgentView) -> Markup {
    let by_reason = |name: &str, counts: Vec<(String, u64)>| {
        let shown = html! {
            @if counts.is_empty() { (nothing()) }
            @for (reason, count) in &counts { p { (reason) ": " (words::count(*count)) } }
        };
        (name.to_owned(), shown)
    };
    let owned = |(reason, count): (&String, &u64)| (reason.clone(), *count);
    let uninspected = agent.health.iter().flat_map(|health| &health.uninspected).map(owned);
    let refused = agent
        .shared
        .refused
        .iter()
        .map(|(code, count)| (code.to_string(), *count));
    let reasons = [
        by_reason("Lost", agent.lost.iter().map(owned).collect()),
        by_reason("Not taken here", refused.collect()),
        by_reason("Not inspected", uninspected.collect()),
    ];
    html! {
        (facts(&[
            ("Bans", html! { (words::count(agent.shared.bans)) ", of which " (agent.shared.live) " are listed" }),
            ("Unbans", html! { (words::count(agent.shared.unbans)) }),
            ("Attacks", html! { (words::count(agent.shared.attacks)) }),
        ]))
        @for (name, shown) in reasons { h3 { (name) } (shown) }
    }
}
