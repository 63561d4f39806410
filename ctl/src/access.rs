//! `bucklerctl keys`, `credentials`, `tokens` and `audit`: who may speak, who may operate, and who
//! changed what.

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    agents::since,
    api::Api,
    cli::{AgentArgs, AuditArgs, CredentialsCommand, KeysCommand, TokensCommand},
    show::{Screen, at, duration, tabled, text},
};

pub(crate) fn keys(command: &KeysCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        KeysCommand::List => list_keys(api, screen),
        KeysCommand::Create { profile, label, ttl } => {
            let wanted = json!({"profile": profile, "label": label, "ttl_s": ttl});
            let made: Value = api.post("admin/keys", &wanted)?;
            show_made(&made, "key", "an agent's key", screen)
        }
        KeysCommand::Rotate { id, overlap, ttl } => {
            let wanted = json!({"overlap_s": overlap, "ttl_s": ttl});
            let made: Value = api.post(&format!("admin/keys/{}/rotate", named(id)?), &wanted)?;
            let shown = show_made(&made, "key", "an agent's key", screen)?;
            if !screen.is_json() {
                let left = duration(*overlap);
                screen.note(&format!(
                    "{id} stays in force for another {left}: give agents the new key until then"
                ))?;
            }
            Ok(shown)
        }
        KeysCommand::Revoke { id } => {
            let revoked: Value = api.delete(&format!("admin/keys/{}", named(id)?), &[])?;
            done(
                &revoked,
                &format!("{id} is revoked, and its connections are closed"),
                screen,
            )
        }
    }
}

fn list_keys(api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let row = |key: &Value| {
        [
            text(key, "id"),
            text(key, "profile"),
            text(key, "label"),
            tail(key),
            text(key, "source"),
            text(key, "state"),
            until(key),
            last_use(key),
        ]
    };
    let head = ["KEY", "PROFILE", "LABEL", "ENDS IN", "SOURCE", "STATE", "UNTIL", "USED"];
    tabled(api.get("admin/keys", &[])?, "keys", (head, "No keys"), row, screen)
}

pub(crate) fn credentials(command: &CredentialsCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        CredentialsCommand::List => list_credentials(api, screen),
        CredentialsCommand::Revoke(agent) => {
            let revoked: Value = api.delete(&credential(agent)?, &[])?;
            let words = format!(
                "the agent {} is refused from now on: credentials reset lets it enrol again",
                agent.agent
            );
            done(&revoked, &words, screen)
        }
        CredentialsCommand::Reset(agent) => {
            let reset: Value = api.post(&format!("{}/reset", credential(agent)?), &json!({}))?;
            let words = format!("the agent {} may enrol again by its profile's key", agent.agent);
            done(&reset, &words, screen)
        }
    }
}

fn list_credentials(api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let row = |credential: &Value| {
        let ago = |member: &str| since(credential, member).map(|since| format!("{} ago", duration(since)));
        [
            text(credential, "agent"),
            text(credential, "profile"),
            text(credential, "key"),
            ago("made_ms").unwrap_or_default(),
            ago("revoked_ms").map_or_else(|| "active".to_owned(), |ago| format!("revoked {ago}")),
        ]
    };
    let head = ["AGENT", "PROFILE", "BY KEY", "ENROLLED", "STATE"];
    tabled(
        api.get("admin/credentials", &[])?,
        "credentials",
        (head, "No agent has enrolled"),
        row,
        screen,
    )
}

/// Where an agent's credential is.
fn credential(AgentArgs { profile, agent }: &AgentArgs) -> Result<String, Failure> {
    let is_id = !agent.is_empty() && agent.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_id {
        return Err(Failure::Input(format!(
            "{agent:?} is no agent: a UUID is, as `credentials list` shows them"
        )));
    }
    Ok(format!(
        "admin/credentials/{}/{agent}",
        crate::profiles::named(profile)?
    ))
}

pub(crate) fn tokens(command: &TokensCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        TokensCommand::List => list_tokens(api, screen),
        TokensCommand::Create {
            label,
            role,
            fleets,
            ttl,
        } => {
            let fleets = Some(fleets).filter(|fleets| !fleets.is_empty());
            let wanted = json!({"label": label, "role": role.name(), "fleets": fleets, "ttl_s": ttl});
            let made: Value = api.post("admin/tokens", &wanted)?;
            show_made(&made, "token", "BUCKLERCTL_TOKEN", screen)
        }
        TokensCommand::Revoke { id } => {
            let revoked: Value = api.delete(&format!("admin/tokens/{}", named(id)?), &[])?;
            done(&revoked, &format!("{id} is revoked"), screen)
        }
    }
}

fn list_tokens(api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let row = |token: &Value| {
        let fleets = at(token, "fleets").as_array().map(|fleets| {
            let names: Vec<&str> = fleets.iter().filter_map(Value::as_str).collect();
            names.join(", ")
        });
        [
            text(token, "id"),
            text(token, "label"),
            text(token, "role"),
            fleets.unwrap_or_else(|| "all".to_owned()),
            tail(token),
            text(token, "state"),
            until(token),
            last_use(token),
        ]
    };
    let head = ["TOKEN", "LABEL", "ROLE", "FLEETS", "ENDS IN", "STATE", "UNTIL", "USED"];
    tabled(
        api.get("admin/tokens", &[])?,
        "tokens",
        (head, "No tokens but the file's"),
        row,
        screen,
    )
}

pub(crate) fn audit(args: &AuditArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let limit = args.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(args.action.as_deref().map(|action| ("action", action)));
    let before = args.before.map(|before| before.to_string());
    query.extend(before.as_deref().map(|before| ("before", before)));
    let row = |entry: &Value| {
        let state = |member: &str| {
            let state = Some(at(entry, member)).filter(|state| !state.is_null());
            state.map_or_else(|| "-".to_owned(), ToString::to_string)
        };
        let who = match tail(entry) {
            tail if tail.is_empty() => text(entry, "who"),
            tail => format!("{} ({tail})", text(entry, "who")),
        };
        [
            text(entry, "number"),
            format!("{} ago", since(entry, "at_ms").map(duration).unwrap_or_default()),
            who,
            text(entry, "from"),
            text(entry, "action"),
            text(entry, "target"),
            format!("{} -> {}", state("old"), state("new")),
        ]
    };
    let head = ["NUMBER", "WHEN", "WHO", "FROM", "ACTION", "TARGET", "CHANGE"];
    tabled(
        api.get("admin/audit", &query)?,
        "entries",
        (head, "Nothing was changed"),
        row,
        screen,
    )
}

/// A name of a key or token, for a path.
fn named(id: &str) -> Result<&str, Failure> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(id)
    } else {
        Err(Failure::Input(format!(
            "{id:?} is no id: 12 hexadecimal digits are, as the list shows them"
        )))
    }
}

/// Shows what was made: the secret alone on standard output, so that a program can take it.
fn show_made(made: &Value, member: &str, purpose: &str, screen: &mut Screen) -> Result<Answer, Failure> {
    if screen.is_json() {
        screen.json(made)?;
    } else {
        screen.line(&text(made, "secret"))?;
        let id = text(at(made, member), "id");
        screen.note(&format!("{id}: shown this once, to be used as {purpose}"))?;
    }
    Ok(Answer::Yes)
}

fn done(answer: &Value, words: &str, screen: &mut Screen) -> Result<Answer, Failure> {
    if screen.is_json() {
        screen.json(answer)?;
    } else {
        screen.line(words)?;
    }
    Ok(Answer::Yes)
}

fn tail(value: &Value) -> String {
    match text(value, "tail") {
        tail if tail.is_empty() => tail,
        tail => format!("…{tail}"),
    }
}

/// For how long it is still in force.
fn until(value: &Value) -> String {
    let left = at(value, "ends_ms").as_u64().map(|end| end / 1_000);
    left.map_or_else(
        || "-".to_owned(),
        |end| duration(end.saturating_sub(crate::agents::unix_s())),
    )
}

fn last_use(value: &Value) -> String {
    since(value, "used_ms").map_or_else(|| "-".to_owned(), |used| format!("{} ago", duration(used)))
}
