//! `bucklerctl profiles publish`, `candidate`, `promote` and `abandon`: a configuration that a
//! share of the agents try before all run it.

use std::path::Path;

use serde_json::{Value, json};

use super::{check_aloud, named, notes, one, read, said, warned};
use crate::{
    Answer, Failure,
    api::Api,
    show::{Screen, at, text},
    sign::SignedConfig,
};

fn path(name: &str) -> Result<String, Failure> {
    Ok(format!("admin/profiles/{}/candidate", named(name)?))
}

pub(super) fn publish(api: &Api, name: &str, file: &Path, share: u8, screen: &mut Screen) -> Result<Answer, Failure> {
    let profile = one(api, name)?;
    let signed = SignedConfig::read(file)?;
    let keys = match &signed {
        Some(signed) => signed.config.clone(),
        None => read(file)?,
    };
    check_aloud(&profile, &keys, file, screen)?;
    let body = signed.map_or_else(|| json!(keys), |signed| signed.to_json());
    let tried: Value = api.put(&format!("{}?share={share}", path(name)?), &body)?;
    shown(&tried, screen)
}

pub(super) fn share(api: &Api, name: &str, (share, force): (u8, bool), screen: &mut Screen) -> Result<Answer, Failure> {
    let tried: Value = api.patch(&path(name)?, &json!({"share": share, "force": force}))?;
    shown(&tried, screen)
}

pub(super) fn show(api: &Api, name: &str, screen: &mut Screen) -> Result<Answer, Failure> {
    let tried: Value = api.get(&path(name)?, &[])?;
    shown(&tried, screen)
}

pub(super) fn promote(api: &Api, name: &str, force: bool, screen: &mut Screen) -> Result<Answer, Failure> {
    let promoted: Value = api.post(&format!("{}/promote", path(name)?), &json!({ "force": force }))?;
    said(name, &promoted, screen)
}

pub(super) fn abandon(api: &Api, name: &str, screen: &mut Screen) -> Result<Answer, Failure> {
    let in_force: Value = api.delete(&path(name)?, &[])?;
    said(name, &in_force, screen)
}

/// A candidate at a glance; no, where agents have refused it.
fn shown(tried: &Value, screen: &mut Screen) -> Result<Answer, Failure> {
    let agents = at(tried, "agents");
    let refused = at(agents, "refused").as_u64().unwrap_or_default();
    let answer = if refused == 0 { Answer::Yes } else { Answer::No };
    if screen.is_json() {
        screen.json(tried)?;
        return Ok(answer);
    }
    screen.line(&format!(
        "version {} is published to {} % of the agents of {}, over version {}",
        at(tried, "version"),
        at(tried, "share"),
        text(tried, "profile"),
        at(tried, "over"),
    ))?;
    screen.line(&format!(
        "{} of {} agents are of the share: {} run it, {refused} refused it",
        at(agents, "in_share"),
        at(agents, "heard"),
        at(agents, "running"),
    ))?;
    for one in at(agents, "refusals").as_array().into_iter().flatten() {
        screen.note(&format!(
            "{} {}: {}",
            text(one, "agent"),
            text(one, "state"),
            text(one, "error")
        ))?;
    }
    notes(tried, "weaker", "protects less: ", screen)?;
    warned(tried, screen)?;
    Ok(answer)
}
