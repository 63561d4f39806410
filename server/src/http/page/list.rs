//! A fleet's list: what covers an address and why, all entries, bans and unbans.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, Responder as _, web::Data};
use buckler::model::address;
use ipnet::IpNet;
use maud::{Markup, html};

use super::{
    allowed, bulk,
    guard::{Answer, Sent, Trouble, Visitor},
    layout::{self, frame, link, nothing, token},
    refusals, see, sign_in, words,
};
use crate::{
    http::{
        admin::{
            allowlist::{self, View},
            blacklist::{self, Asking, Done},
        },
        reply::Refusal,
        state::State,
    },
    moment::Moment,
    node::Node,
    store::{EntryView, RefusalView, Role, StoreError},
};

/// Where the list is.
pub(super) const PATH: &str = "/admin/ui/list";
/// Entries of a view.
const PAGE: usize = 100;
/// Refusals that are shown as the evidence of an entry.
const EVIDENCE: usize = 20;
/// How long a ban may be made for with a choice, in seconds and as people say it.
pub(super) const LENGTHS: [(&str, &str); 6] = [
    ("3600", "1 hour"),
    ("21600", "6 hours"),
    ("86400", "1 day"),
    ("604800", "1 week"),
    ("2592000", "30 days"),
    ("", "without end"),
];

/// What is shown of a list.
struct Shown {
    entries: Vec<EntryView>,
    /// What covers the network that was searched for.
    covering: Option<EntryView>,
    evidence: Vec<RefusalView>,
    /// What is allowed; of what was searched for, what allows that.
    allowed: Vec<View>,
    total: u64,
    revision: u64,
}

pub(super) async fn show(visitor: Visitor, request: HttpRequest, state: Data<State>) -> Answer {
    let asked = Sent::asked(&request);
    let known = known_fleets(&visitor, &state);
    let fleet = asked.given("fleet").map(str::to_owned);
    let fleet = fleet.or_else(|| usual_fleet(&known).cloned());
    let fleet = blacklist::known_fleet(&visitor.asker, &state, fleet)?;
    let searched = asked.given("address").map(blacklist::network).transpose()?;
    let after = asked.given("after").map(blacklist::network).transpose()?;
    let of = fleet.clone();
    let shown = state
        .owner
        .ask(move |node, now| look(node, &of, (searched, after), now));
    let (shown, now_ms) = (shown.await?, state.now().unix_ms);
    let next = shown.entries.last().filter(|_| shown.entries.len() == PAGE);
    let here = match asked.given("address") {
        Some(address) => link(PATH, &[("fleet", &fleet), ("address", address)]),
        None => link(PATH, &[("fleet", &fleet)]),
    };
    let content = html! {
        form .filters method="get" role="search" {
            (fleets(&known, &fleet))
            label { "Address or network " input type="search" name="address" value=(asked.text("address")) placeholder="203.0.113.9"; }
            button type="submit" { "Search" }
            @if searched.is_some() { a href=(link(PATH, &[("fleet", &fleet)])) { "All entries" } }
        }
        @if visitor.may(Role::Operate) { (ban_form(&visitor, &fleet, asked.text("address"))) (bulk::ban_form(&visitor, &fleet)) }
        (allowed::form(&visitor, &fleet, (asked.text("address"), ""), &here))
        div data-live="list" {
            @if let Some(network) = searched {
                section .card { (found(&visitor, (&fleet, &address::to_text(network)), &shown, now_ms)) }
            } @else {
                p .hint { (words::several(shown.total, "entry", "entries")) ", revision " (shown.revision) }
                (table(&visitor, &fleet, &shown.entries, now_ms))
                @if let Some(last) = next {
                    p .more { a href=(link(PATH, &[("fleet", &fleet), ("after", &last.address)])) { "Next entries" } }
                }
                (allowed::section(&visitor, &fleet, &shown.allowed, now_ms))
            }
        }
    };
    Ok(frame(&visitor, "List", &content))
}

/// What is to be shown, of all or of what was searched for.
fn look(
    node: &Node,
    fleet: &str,
    (searched, after): (Option<IpNet>, Option<IpNet>),
    now: Moment,
) -> Result<Shown, StoreError> {
    let (store, head) = (&node.store, node.store.fleet(fleet)?);
    let covering = searched
        .map(|network| store.entry(fleet, network, now))
        .transpose()?
        .flatten();
    let is_evidence = |refusal: &&RefusalView| {
        let client = address::parse_network(&refusal.address);
        *refusal.fleet == *fleet
            && client
                .zip(searched)
                .is_some_and(|(client, searched)| searched.contains(&client))
    };
    let evidence = store.refusals().filter(is_evidence).take(EVIDENCE).cloned();
    Ok(Shown {
        entries: if searched.is_none() {
            store.entries(fleet, after, PAGE, now)?
        } else {
            Vec::new()
        },
        covering,
        evidence: evidence.collect(),
        allowed: allowlist::of_fleet(node, fleet, now, searched),
        total: head.count,
        revision: head.rev,
    })
}

/// The fleets that the operator sees.
pub(super) fn known_fleets(visitor: &Visitor, state: &State) -> BTreeSet<String> {
    let profiles = state.profiles.all();
    let fleets = profiles
        .iter()
        .map(|live| live.fleet())
        .filter(|fleet| visitor.sees(fleet));
    fleets.map(ToString::to_string).collect()
}

/// The fleet of most, else the first.
pub(super) fn usual_fleet(known: &BTreeSet<String>) -> Option<&String> {
    let usual = known.iter().find(|fleet| **fleet == "default");
    usual.or_else(|| known.first())
}

/// Which fleet is looked at.
pub(super) fn fleets(known: &BTreeSet<String>, here: &str) -> Markup {
    html! {
        label { "Fleet " select name="fleet" {
            @for fleet in known { option selected[fleet == here] { (fleet) } }
        } }
    }
}

fn found(visitor: &Visitor, (fleet, network): (&str, &str), shown: &Shown, now_ms: u64) -> Markup {
    html! {
        @match &shown.covering {
            None => {
                h2 { (network) " is not banned" }
            },
            Some(entry) => {
                h2 { (network) " is banned" @if entry.address != network { " as part of " (entry.address) } }
                (layout::facts(&[
                    ("Why", html! { (words::check(&entry.why)) }),
                    ("Since", words::ago(now_ms.saturating_sub(entry.age_s * 1_000), now_ms)),
                    ("Until", until(entry, now_ms)),
                    ("By", by(entry)),
                ]))
                (layout::unban(visitor, fleet, &entry.address, &link(PATH, &[("fleet", fleet), ("address", network)])))
            },
        }
        @for view in &shown.allowed { (allowed::line(view, now_ms)) }
        @if !shown.evidence.is_empty() {
            h3 { "Refusals from there" }
            (refusals::table(&shown.evidence, now_ms))
        }
    }
}

fn until(entry: &EntryView, now_ms: u64) -> Markup {
    html! {
        @match entry.ttl_s {
            Some(ttl_s) => (words::ago(now_ms.saturating_add(ttl_s.saturating_mul(1_000)).saturating_add(1_000), now_ms)),
            None => "without end",
        }
    }
}

/// By whom an entry was listed.
pub(super) fn by(entry: &EntryView) -> Markup {
    html! {
        @match &entry.profile {
            Some(profile) => { a href=(link("/admin/ui/agent", &[("profile", profile), ("id", &entry.by)])) { (profile) }
                @if entry.operator { span .sub { "and an operator" } } },
            None => { "an operator" },
        }
    }
}

fn table(visitor: &Visitor, fleet: &str, entries: &[EntryView], now_ms: u64) -> Markup {
    html! {
        @if entries.is_empty() { p .empty { "The list is empty." } }
        @else {
            (bulk::unban_form(visitor, fleet))
            table {
                thead { tr { th { "Network" } th { "Why" } th { "Since" } th { "Until" } th { "By" } th { span .away { "Actions" } } } }
                tbody { @for entry in entries { tr {
                    td data-label="Network" { (bulk::pick(visitor, &entry.address)) a href=(link(PATH, &[("fleet", fleet), ("address", &entry.address)])) { (entry.address) } }
                    td data-label="Why" { (words::check(&entry.why)) }
                    td data-label="Since" { (words::ago(now_ms.saturating_sub(entry.age_s * 1_000), now_ms)) }
                    td data-label="Until" { (until(entry, now_ms)) }
                    td data-label="By" { (by(entry)) }
                    td .actions { (layout::unban(visitor, fleet, &entry.address, &link(PATH, &[("fleet", fleet)]))) }
                } } }
            }
        }
    }
}

fn ban_form(visitor: &Visitor, fleet: &str, address: &str) -> Markup {
    html! {
        details .card {
            summary { "Ban an address or a network" }
            form .stacked method="post" action="/admin/ui/list/ban" {
                (token(visitor))
                input type="hidden" name="fleet" value=(fleet);
                label { "Address or network" input type="text" name="address" value=(address) required placeholder="203.0.113.9 or 203.0.113.0/24"; }
                label { "For" select name="ttl_s" {
                    @for (seconds, said) in LENGTHS { option value=(seconds) selected[seconds == "86400"] { (said) } }
                } }
                label { "Reason" input type="text" name="reason" required maxlength="120" placeholder="scans the shop"; }
                button .danger type="submit" { "Ban" }
            }
        }
    }
}

pub(super) async fn ban(
    visitor: Visitor,
    sent: Sent,
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, Trouble> {
    let network = blacklist::network(sent.text("address"))?;
    let ttl_s = sent.seconds("ttl_s")?;
    if ttl_s == Some(0) {
        return Err(Refusal::bad_request("a ban lasts for one second at least").into());
    }
    let fleet = blacklist::known_fleet(&visitor.asker, &state, sent.given("fleet").map(str::to_owned))?;
    allowlist::refuse_allowed(&state, &fleet, network).await?;
    let doubts = blacklist::doubts(&state.protected, sent.text("address"), network, ttl_s);
    let asked = Asking {
        address: sent.text("address").to_owned(),
        network: address::to_text(network),
        ttl_s,
        reason: sent.text("reason").to_owned(),
        fleet,
    };
    if !doubts.is_empty() && sent.given("sure").is_none() {
        let doubts = doubts.iter().map(ToString::to_string).collect();
        let tried = blacklist::tried(&state, network, asked, doubts).await?;
        return Ok(frame(&visitor, "Ban all the same?", &doubtful(&visitor, &sent, &tried)).respond_to(&request));
    }
    let (fleet, shown) = (asked.fleet.clone(), asked.network.clone());
    blacklist::banned(&visitor.asker, &state, network, asked).await?;
    Ok(see(&link(PATH, &[("fleet", &fleet), ("address", &shown)])).finish())
}

/// What an operator is asked before a ban that may be a slip.
fn doubtful(visitor: &Visitor, sent: &Sent, tried: &Done) -> Markup {
    let fields = ["fleet", "address", "ttl_s", "reason"].map(|field| (field, sent.text(field)));
    html! {
        section .card {
            ul { @for doubt in &tried.needs_force { li { (doubt) } } }
            @if let Some(would) = &tried.would_block {
                p { "It would block " (words::several(would.clients.len() as u64, "client that was refused lately", "clients that were refused lately"))
                    @if !would.agents.is_empty() { ", and these agents speak from within it:" } }
                ul { @for agent in &would.agents { li { (agent.profile) " " (agent.peer.to_string()) " " (agent.id) } } }
            }
            form .inline method="post" action="/admin/ui/list/ban" {
                (token(visitor))
                @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                input type="hidden" name="sure" value="yes";
                button .danger type="submit" { "Ban all the same" }
            }
            a .button href=(PATH) { "Leave it" }
        }
    }
}

pub(super) async fn unban(visitor: Visitor, sent: Sent, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let network = blacklist::network(sent.text("address"))?;
    let fleet = blacklist::known_fleet(&visitor.asker, &state, sent.given("fleet").map(str::to_owned))?;
    blacklist::unbanned(&visitor.asker, &state, network, fleet).await?;
    Ok(see(sign_in::next(sent.text("back")).unwrap_or(PATH)).finish())
}

/// Of other views: whether an entry is there, in a line.
pub(super) fn line(entry: Option<&EntryView>, now_ms: u64) -> Markup {
    html! {
        @match entry {
            Some(entry) => { strong { (entry.address) } " is banned: " (words::check(&entry.why)) ", by " (by(entry))
                @if entry.ttl_s.is_some() { ", ends " } @else { ", " } (until(entry, now_ms)) },
            None => (nothing()),
        }
    }
}
