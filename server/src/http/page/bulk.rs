//! Many entries of a list at once, with one reason.

use actix_web::{HttpRequest, HttpResponse, Responder as _, web::Data};
use maud::{Markup, html};

use super::{
    guard::{Sent, Trouble, Visitor},
    layout::{frame, link, token},
    list::{LENGTHS, PATH},
    see, words,
};
use crate::{
    http::{
        admin::bulk::{self, Act, Done, Wanted},
        reply::Refusal,
        state::State,
    },
    store::Role,
};

/// The form that the boxes of a table belong to.
const FORM: &str = "chosen";

/// How the names of boxes begin; the network follows.
const PICK: &str = "pick:";

/// The box of one network, for who may do something with it.
pub(super) fn pick(visitor: &Visitor, network: &str) -> Markup {
    html! {
        @if visitor.may(Role::Operate) {
            input type="checkbox" form=(FORM) name=(format!("{PICK}{network}")) value="yes" aria-label=(format!("Choose {network}"));
            " "
        }
    }
}

/// What is done with those that are chosen.
pub(super) fn unban_form(visitor: &Visitor, fleet: &str) -> Markup {
    if !visitor.may(Role::Operate) {
        return html! {};
    }
    html! {
        form .filters id=(FORM) method="post" action="/admin/ui/list/bulk" {
            (token(visitor))
            input type="hidden" name="fleet" value=(fleet);
            input type="hidden" name="do" value="unban";
            label { "Reason " input type="text" name="reason" required maxlength="120" placeholder="an office of ours"; }
            button .danger type="submit" { "Unban the chosen" }
        }
    }
}

/// A form that bans many, one a line.
pub(super) fn ban_form(visitor: &Visitor, fleet: &str) -> Markup {
    html! {
        details .card {
            summary { "Ban many" }
            form .stacked method="post" action="/admin/ui/list/bulk" {
                (token(visitor))
                input type="hidden" name="fleet" value=(fleet);
                input type="hidden" name="do" value="ban";
                label { "Addresses and networks, one a line" textarea name="addresses" rows="6" required {} }
                label { "For" select name="ttl_s" {
                    @for (seconds, said) in LENGTHS.iter().filter(|(seconds, _)| !seconds.is_empty()) {
                        option value=(seconds) selected[*seconds == "86400"] { (said) }
                    }
                } }
                label { "Reason" input type="text" name="reason" required maxlength="120" placeholder="scans the shop"; }
                button .danger type="submit" { "Ban all of them" }
            }
        }
    }
}

pub(super) async fn perform(
    visitor: Visitor,
    sent: Sent,
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, Trouble> {
    let act = match sent.text("do") {
        "ban" => Act::Ban,
        "unban" => Act::Unban,
        _ => return Err(Refusal::bad_request("allowed is ban or unban").into()),
    };
    let written = sent.text("addresses").split_whitespace().map(str::to_owned);
    let wanted = Wanted {
        act,
        addresses: written.chain(sent.named(PICK)).collect(),
        ttl_s: sent.seconds("ttl_s")?,
        reason: sent.text("reason").to_owned(),
        fleet: sent.given("fleet").map(str::to_owned),
        force: false,
        allow_wide: false,
    };
    let done = bulk::perform(&visitor.asker, &state, wanted).await?;
    if done.left_out.is_empty() {
        return Ok(see(&link(PATH, &[("fleet", &done.fleet)])).finish());
    }
    Ok(frame(&visitor, "Some were left out", &left_out(act, &done)).respond_to(&request))
}

fn left_out(act: Act, done: &Done) -> Markup {
    let many = done.done.len() as u64;
    html! {
        p { (words::several(many, "entry", "entries"))
            @match act { Act::Ban => " banned", Act::Unban => " let in again" }
            ", " (words::several(done.left_out.len() as u64, "entry", "entries")) " left out:" }
        table {
            thead { tr { th { "Network" } th { "Why" } } }
            tbody { @for one in &done.left_out { tr {
                td data-label="Network" { (one.address) }
                td data-label="Why" { (one.why) }
            } } }
        }
        p .more { a href=(link(PATH, &[("fleet", &done.fleet)])) { "The list" } }
    }
}
