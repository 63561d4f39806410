//! `bucklerctl profiles`: configurations, read, compared and replaced.

mod candidate;

use std::{fs, path::Path};

use buckler::{
    model::policy::{Layer, Policy, laid_over},
    protocol::ConfigMap,
};
use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    agents::since,
    api::Api,
    cli::ProfilesCommand,
    show::{Screen, at, duration, tabled, text},
    sign::SignedConfig,
};

pub(crate) fn run(command: &ProfilesCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        ProfilesCommand::List => list(api, screen),
        ProfilesCommand::Get { name } => {
            screen.json(&one(api, name)?)?;
            Ok(Answer::Yes)
        }
        ProfilesCommand::Diff { name, file } => diff(api, name, file, screen),
        ProfilesCommand::Set { name, file, merge } => set(api, name, file, *merge, screen),
        ProfilesCommand::Publish {
            name,
            file,
            share,
            force,
        } => match file {
            Some(file) => candidate::publish(api, name, file, *share, screen),
            None => candidate::share(api, name, (*share, *force), screen),
        },
        ProfilesCommand::Candidate { name } => candidate::show(api, name, screen),
        ProfilesCommand::Promote { name, force } => candidate::promote(api, name, *force, screen),
        ProfilesCommand::Abandon { name } => candidate::abandon(api, name, screen),
        ProfilesCommand::Versions { name } => versions(api, name, screen),
        ProfilesCommand::Rollback { name, version } => rollback(api, name, *version, screen),
        ProfilesCommand::Reset { name } => {
            let replaced: Value = api.delete(&path(name)?, &[])?;
            said(name, &replaced, screen)
        }
    }
}

fn list(api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let all: Value = api.get("admin/profiles", &[])?;
    let head = ["PROFILE", "FLEET", "TEMPLATE", "VERSION", "WARNINGS"];
    let row = |profile: &Value| {
        let warnings = at(profile, "warnings").as_array().map_or(0, Vec::len);
        let of = |member: &str| text(profile, member);
        [
            of("name"),
            of("fleet"),
            of("template"),
            of("version"),
            warnings.to_string(),
        ]
    };
    tabled(all, "profiles", (head, "No profiles"), row, screen)
}

fn path(name: &str) -> Result<String, Failure> {
    Ok(format!("admin/profiles/{}/config", named(name)?))
}

/// A name of a profile, for a path.
pub(crate) fn named(name: &str) -> Result<&str, Failure> {
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_name && !name.starts_with('.') {
        Ok(name)
    } else {
        Err(Failure::Input(format!("{name:?} is no name of a profile")))
    }
}

fn one(api: &Api, name: &str) -> Result<Value, Failure> {
    Ok(api.get(&path(name)?, &[])?)
}

/// A configuration in a file: its keys bare, or under `config`, as they are where it is signed.
pub(crate) fn read(file: &Path) -> Result<ConfigMap, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::of_file(file, error))?;
    let is_toml = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let value: Value = if is_toml {
        toml::from_str(&text).map_err(|error| Failure::of_file(file, error))?
    } else {
        serde_json::from_str(&text).map_err(|error| Failure::of_file(file, error))?
    };
    let Value::Object(mut keys) = value else {
        return Err(Failure::of_file(file, "an object of keys and values is expected"));
    };
    match keys.remove("config") {
        Some(Value::Object(inner)) if keys.keys().all(|key| key == "signature") => Ok(inner),
        Some(other) => {
            keys.insert("config".to_owned(), other);
            Ok(keys)
        }
        None => Ok(keys),
    }
}

/// What the agents' own code says of a configuration.
pub(crate) fn check(template: &str, keys: &ConfigMap, file: &Path) -> Result<Policy, Failure> {
    let layer = Layer::new(file.display().to_string(), keys.clone());
    Policy::compile(template, &[layer]).map_err(|error| Failure::Input(error.to_string()))
}

/// The keys that two configurations have otherwise, by key in upper case.
fn changes(before: &Policy, after: &Policy) -> Vec<(String, Value, Value)> {
    let (old, new) = (before.raw(), after.raw());
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
    let old_of = |key: &String| old.get(key).cloned().unwrap_or_default();
    changed
        .map(|(key, value)| (key.clone(), old_of(key), value.clone()))
        .collect()
}

fn diff(api: &Api, name: &str, file: &Path, screen: &mut Screen) -> Result<Answer, Failure> {
    let profile = one(api, name)?;
    let template = text(&profile, "template");
    let running: ConfigMap = at(&profile, "config").as_object().cloned().unwrap_or_default();
    let before = check(&template, &running, Path::new("the server's"))?;
    let after = check(&template, &read(file)?, file)?;
    let changes = changes(&before, &after);
    let answer = if changes.is_empty() { Answer::Yes } else { Answer::No };
    let weaker = after.weaker_than(&before);
    if screen.is_json() {
        let changes: ConfigMap = changes
            .into_iter()
            .map(|(key, was, is)| (key, json!({"was": was, "is": is})))
            .collect();
        screen.json(&json!({"changes": changes, "weaker": weaker}))?;
        return Ok(answer);
    }
    for (key, was, is) in changes {
        screen.line(&format!("- {key}: {was}"))?;
        screen.line(&format!("+ {key}: {is}"))?;
    }
    for line in weaker {
        screen.note(&format!("protects less: {line}"))?;
    }
    Ok(answer)
}

/// Says what the agents' own code finds odd in a configuration.
fn check_aloud(profile: &Value, whole: &ConfigMap, file: &Path, screen: &mut Screen) -> Result<(), Failure> {
    let policy = check(&text(profile, "template"), whole, file)?;
    for key in policy.unknown_keys() {
        let meant = policy
            .meant_by(key)
            .map(|known| format!(" (did you mean {known}?)"))
            .unwrap_or_default();
        screen.note(&format!("{} is unknown, and agents do not use it{meant}", key.key))?;
    }
    Ok(())
}

fn set(api: &Api, name: &str, file: &Path, merge: bool, screen: &mut Screen) -> Result<Answer, Failure> {
    let profile = one(api, name)?;
    let signed = SignedConfig::read(file)?;
    if merge && signed.is_some() {
        return Err(Failure::of_file(
            file,
            "what is signed is taken as a whole, without --merge",
        ));
    }
    let keys = match &signed {
        Some(signed) => signed.config.clone(),
        None => read(file)?,
    };
    // what is in force may change meanwhile: the server lays the keys over what it has then
    let whole = if merge {
        let running: ConfigMap = at(&profile, "config").as_object().cloned().unwrap_or_default();
        laid_over(&running, keys.clone())
    } else {
        keys.clone()
    };
    check_aloud(&profile, &whole, file, screen)?;
    let replaced: Value = if merge {
        api.patch(&path(name)?, &json!(keys))?
    } else {
        let body = signed.map_or_else(|| json!(keys), |signed| signed.to_json());
        api.put(&path(name)?, &body)?
    };
    said(name, &replaced, screen)
}

fn versions(api: &Api, name: &str, screen: &mut Screen) -> Result<Answer, Failure> {
    let all: Value = api.get(&format!("admin/profiles/{}/versions", named(name)?), &[])?;
    if screen.is_json() {
        screen.json(&all)?;
        return Ok(Answer::Yes);
    }
    let row = |version: &Value, state: &str| {
        let since = since(version, "since_ms").map(duration).unwrap_or_default();
        let source = text(version, "source");
        [
            text(version, "version"),
            format!("{since} ago"),
            source,
            state.to_owned(),
        ]
    };
    let before = at(&all, "before").as_array().into_iter().flatten();
    let rows = std::iter::once(row(at(&all, "in_force"), "in force")).chain(before.map(|one| row(one, "")));
    screen.table(["VERSION", "SINCE", "SOURCE", "STATE"], rows.collect(), "No versions")?;
    Ok(Answer::Yes)
}

fn rollback(api: &Api, name: &str, version: Option<u64>, screen: &mut Screen) -> Result<Answer, Failure> {
    let path = format!("admin/profiles/{}", named(name)?);
    let version = match version {
        Some(version) => version,
        None => {
            let all: Value = api.get(&format!("{path}/versions"), &[])?;
            let before = at(&all, "before").get(0).and_then(|one| at(one, "version").as_u64());
            before.ok_or_else(|| Failure::Input(format!("{name}: no version was in force before")))?
        }
    };
    let replaced: Value = api.post(&format!("{path}/rollback"), &json!({ "version": version }))?;
    said(name, &replaced, screen)
}

/// What is in force now, and what is to be said of it.
fn said(name: &str, replaced: &Value, screen: &mut Screen) -> Result<Answer, Failure> {
    if screen.is_json() {
        screen.json(replaced)?;
    } else {
        screen.line(&format!("{name} is at version {}", at(replaced, "version")))?;
    }
    warned(replaced, screen)?;
    Ok(Answer::Yes)
}

/// Says what the server warns of.
fn warned(answer: &Value, screen: &mut Screen) -> Result<(), Failure> {
    notes(answer, "warnings", "", screen)
}

/// Shows each text of a member, behind these words.
fn notes(answer: &Value, member: &str, before: &str, screen: &mut Screen) -> Result<(), Failure> {
    let texts = at(answer, member).as_array().into_iter().flatten();
    for text in texts.filter_map(Value::as_str) {
        screen.note(&format!("{before}{text}"))?;
    }
    Ok(())
}
