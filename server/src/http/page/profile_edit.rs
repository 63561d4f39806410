//! A profile's configuration is changed in two steps: what the text comes to is checked by the code
//! that agents compile it with and shown as a difference, and only then put in force.

use actix_web::{
    HttpRequest, HttpResponse, Responder as _,
    http::StatusCode,
    web::{Data, Path},
};
use buckler::protocol::ConfigMap;
use maud::{Markup, html};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::{
    candidate,
    guard::{Sent, Trouble, Visitor},
    layout::{button, frame, path_of_profile, token},
    see, words,
};
use crate::{
    http::{
        admin::{
            candidates, profiles,
            versions::{self, Earlier},
        },
        reply::Refusal,
        state::State,
    },
    profiles::LiveProfile,
    store::{ProfileState, Role},
};

/// Lines around a change that are shown with it.
const AROUND: usize = 3;

/// What was typed, and what is said of it.
pub(super) struct Draft<'a> {
    text: &'a str,
    /// The version that it was made of.
    of: &'a str,
    said: Result<Preview, String>,
}

/// What a draft would change.
struct Preview {
    difference: Markup,
    weaker: Vec<String>,
    odd: Vec<String>,
    is_same: bool,
}

/// The configuration, to be read, and to be changed by who may.
pub(super) fn editor(visitor: &Visitor, live: &LiveProfile, draft: Option<&Draft<'_>>) -> Markup {
    let in_force = text_of(&live.shown());
    let text = draft.map_or(&*in_force, |draft| draft.text);
    let version = live.version().to_string();
    let of = draft.map_or(&*version, |draft| draft.of);
    let rows = text.lines().count().clamp(8, 30);
    html! {
        section .card {
            h2 { "Configuration" }
            @if !visitor.may(Role::Operate) { pre { code { (text) } } }
            @else {
                @if let Some(draft) = draft { (said(draft)) }
                form .stacked method="post" action=(path_of_profile(live.name())) {
                    (token(visitor))
                    input type="hidden" name="of" value=(of);
                    label for="config" { "Keys on top of the template " (live.template()) ", in JSON or TOML. A secret is shown as … and stays as it is." }
                    textarea #config name="config" rows=(rows) spellcheck="false" autocomplete="off" autocapitalize="off" { (text) }
                    div .actions {
                        button type="submit" name="do" value="check" { "Check and show the difference" }
                        @if draft.is_some_and(|draft| matches!(&draft.said, Ok(preview) if !preview.is_same)) {
                            button .primary type="submit" name="do" value="publish" { "Put in force" }
                            label { "Share " (candidate::shares("share", 10)) }
                            button type="submit" name="do" value="stage" { "Publish to this share" }
                        }
                    }
                }
            }
        }
    }
}

fn said(draft: &Draft<'_>) -> Markup {
    html! {
        @match &draft.said {
            Err(problem) => { p .problem role="alert" { @for line in problem.lines() { (line) br; } } },
            Ok(preview) => (shown(preview)),
        }
    }
}

fn shown(preview: &Preview) -> Markup {
    html! {
        @if preview.is_same { p .calm role="status" { "It says the same as what is in force." } }
        @else {
            h3 { "What would change" }
            (preview.difference)
        }
        @for weaker in &preview.weaker { p .problem { "Protects less: " (weaker) } }
        @for odd in &preview.odd { p .trouble { (odd) } }
    }
}

pub(super) async fn change(
    visitor: Visitor,
    name: Path<String>,
    sent: Sent,
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, Trouble> {
    let live = profiles::theirs(&visitor.asker, &state, &name)?;
    let (text, of) = (sent.text("config"), sent.text("of"));
    if sent.text("do") == "publish" {
        let config = read(text).map_err(Refusal::bad_request)?;
        profiles::put_in_force(&visitor.asker, &state, &name, |live| {
            // what was shown as the difference must be what changes
            if live.version().to_string() == of {
                Ok(config)
            } else {
                Err(moved(live))
            }
        })
        .await?;
        return Ok(see(&path_of_profile(live.name())).finish());
    }
    if sent.text("do") == "stage" {
        let config = read(text).map_err(Refusal::bad_request)?;
        let make = |live: &LiveProfile| match live.version().to_string() == of {
            true => Ok((config, None)),
            false => Err(moved(live)),
        };
        candidates::stage(&visitor.asker, &state, &name, candidate::share_of(&sent)?, make).await?;
        return Ok(see(&path_of_profile(live.name())).finish());
    }
    if let Some(done) = candidate::change(&visitor, &live, &sent, &state).await? {
        return Ok(done);
    }
    let title = format!("Profile {}", live.name());
    if let Some((action, earlier)) = earlier(&visitor, &state, &live, &sent).await? {
        if sent.text("do") == "back" {
            let path = path_of_profile(live.name());
            versions::put_back(&visitor.asker, &state, (live.name(), action), &earlier, |live| {
                if live.version().to_string() == of {
                    Ok(())
                } else {
                    Err(moved(live))
                }
            })
            .await?;
            return Ok(see(&path).finish());
        }
        let shown = back(&visitor, &state, &live, (&earlier, sent.text("version")))?;
        return Ok(frame(&visitor, &title, &shown).respond_to(&request));
    }
    let draft = Draft {
        text,
        of,
        said: preview(&state, &live, text),
    };
    Ok(frame(&visitor, &title, &editor(&visitor, &live, Some(&draft))).respond_to(&request))
}

/// Where the form goes back to, if it does: a version, or what the file says.
async fn earlier(
    visitor: &Visitor,
    state: &State,
    live: &LiveProfile,
    sent: &Sent,
) -> Result<Option<(&'static str, Earlier)>, Trouble> {
    if !matches!(sent.text("do"), "compare" | "back") {
        return Ok(None);
    }
    if sent.text("version") == FILE {
        return Ok(Some(("profile.reset", Earlier::File)));
    }
    let no_number = |_| Refusal::bad_request("the version is not a number");
    let version = sent.text("version").parse().map_err(no_number)?;
    let found = Earlier::find(&visitor.asker, state, live.name(), version).await?;
    Ok(Some(("profile.rollback", found)))
}

/// What stands for the version that the file has.
const FILE: &str = "file";

/// What would change by going back, and the form that does it.
fn back(
    visitor: &Visitor,
    state: &State,
    live: &LiveProfile,
    (earlier, version): (&Earlier, &str),
) -> Result<Markup, Trouble> {
    let prepared = earlier.prepare(&state.profiles, live, state.now().unix_ms)?;
    let next = prepared.as_ref().and_then(|prepared| prepared.get(live.name()));
    let next = next.ok_or_else(|| {
        let gone = "the profile is gone: the server's file no longer has it";
        Refusal::new(StatusCode::CONFLICT, gone)
    })?;
    let mut preview = compared(next, live);
    preview.odd.extend(earlier.warning(live));
    let (path, of) = (path_of_profile(live.name()), live.version().to_string());
    let fields = [("do", "back"), ("version", version), ("of", &*of)];
    Ok(html! {
        section .card {
            h2 { @if version == FILE { "Back to what the file says" } @else { "Back to version " (version) } }
            (shown(&preview))
            div .actions {
                (button(visitor, &path, &fields, ("primary", "Put it in force again")))
                a .button href=(path) { "Leave it" }
            }
        }
    })
}

/// Versions that were in force before, each to be compared with the one that is.
pub(super) fn history(visitor: &Visitor, live: &LiveProfile, kept: &[ProfileState], now_ms: u64) -> Markup {
    let path = path_of_profile(live.name());
    let compare = |version: &str, label: &str| {
        let fields = [("do", "compare"), ("version", version)];
        button(visitor, &path, &fields, ("", label))
    };
    html! {
        section .card {
            h2 { "Versions" }
            @if live.is_replaced() && visitor.may(Role::Operate) {
                p { "What is in force was set here or by the API, in the place of the file's. " (compare(FILE, "Compare with the file's")) }
            }
            @if kept.is_empty() { p .empty { "No version was in force before." } }
            @else {
                table {
                    thead { tr { th { "Version" } th { "Since" } th { "From" } th { span .away { "Actions" } } } }
                    tbody { @for before in kept { tr {
                        td data-label="Version" { (before.version) @if before.signature.is_some() { span .sub { "signed" } } }
                        td data-label="Since" { (words::ago(before.at_ms, now_ms)) }
                        td data-label="From" { @if before.replaced.is_some() { "here or the API" } @else { "the file" } }
                        td .actions {
                            @if visitor.may(Role::Operate) && (before.replaced.is_some() || before.file == live.file() && live.is_replaced()) {
                                (compare(&before.version.to_string(), "Compare"))
                            }
                        }
                    } } }
                }
            }
        }
    }
}

fn moved(live: &LiveProfile) -> Refusal {
    let message = format!(
        "another change came first: version {} is in force now. Load the profile again, and make the change there",
        live.version()
    );
    Refusal::new(StatusCode::CONFLICT, message)
}

/// Reads a configuration as people write it.
fn read(text: &str) -> Result<ConfigMap, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Checks what was typed as agents will, and compares it with what is in force.
fn preview(state: &State, live: &LiveProfile, text: &str) -> Result<Preview, String> {
    let config = read(text)?;
    let prepared = state
        .profiles
        .replace(live.name(), (&config, None), state.now().unix_ms);
    let prepared = prepared.map_err(|error| error.to_string())?;
    let next = prepared.as_ref().and_then(|prepared| prepared.get(live.name()));
    let next = next.ok_or("the profile is gone: the server's file no longer has it")?;
    Ok(compared(next, live))
}

/// What a candidate changes of what is in force.
pub(super) fn compare(next: &LiveProfile, live: &LiveProfile) -> Markup {
    shown(&compared(next, live))
}

/// What a configuration that is prepared would change of the one in force.
fn compared(next: &LiveProfile, live: &LiveProfile) -> Preview {
    let (before, after) = (text_of(&live.shown()), text_of(&next.shown()));
    let mut odd = super::profiles::odd(next);
    odd.extend(next.warning_after(live).map(str::to_owned));
    Preview {
        difference: difference(&before, &after),
        weaker: next.policy().weaker_than(live.policy()),
        odd,
        is_same: before == after && next.version() == live.version(),
    }
}

fn text_of(config: &ConfigMap) -> String {
    // keys are in order; what JSON values come to is never an error
    serde_json::to_string_pretty(&Value::Object(config.clone())).unwrap_or_default()
}

/// Two texts line by line.
fn difference(before: &str, after: &str) -> Markup {
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(AROUND);
    html! {
        div .diff role="group" aria-label="Difference" {
            @if groups.is_empty() { p .hint { "The same keys and values; a hidden secret or the signature may differ." } }
            @for group in &groups {
                @for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                    @let (kind, sign, said) = match change.tag() {
                        ChangeTag::Delete => ("gone", "−", "removed: "),
                        ChangeTag::Insert => ("new", "+", "added: "),
                        ChangeTag::Equal => ("", " ", ""),
                    };
                    div class={ "line " (kind) } {
                        span aria-hidden="true" { (sign) " " } span .away { (said) } (change.value().trim_end_matches('\n'))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_read_in_either_form() {
        let json = read(r#" {"APP_NAME": "shop", "SECURITY_CHECKS": {"flood": 0}}"#).unwrap();
        let toml = read("APP_NAME = \"shop\"\n[SECURITY_CHECKS]\nflood = 0\n").unwrap();
        assert_eq!(json, toml);
        assert!(read("{\"a\": }").unwrap_err().contains("line 1 column"));
        assert!(read("a = ").unwrap_err().contains("line 1"));
    }

    #[test]
    fn a_difference_shows_what_goes_and_what_comes_as_text() {
        let shown = difference("{\n  \"A\": \"<b>\"\n}", "{\n  \"A\": \"<i>\"\n}").into_string();
        assert!(shown.contains("line gone") && shown.contains("line new"), "{shown}");
        assert!(shown.contains("&lt;b&gt;") && !shown.contains("<i>"), "{shown}");
    }
}
