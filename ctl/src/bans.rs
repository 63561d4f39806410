//! `bucklerctl bans`: the fleet's list, read, added to, removed from, and exchanged with other
//! programs.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    api::{Api, ApiError},
    cli::{BansCommand, FleetArgs, Target},
    lists::{self, Format, Listed},
    refusals::listed,
    show::{Screen, at, duration, taken, text},
};

/// Entries of a page: the most that the server gives out.
const PAGE: usize = 10_000;
/// Entries of an import between two lines of progress.
const PROGRESS: usize = 1_000;
/// Addresses that the server takes at once.
const BULK: usize = 500;
/// Lines about entries that were left out.
const MOST_NOTES: usize = 20;

pub(crate) fn run(command: &BansCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        BansCommand::List {
            address: Some(address),
            fleet,
        } => covering(api, address, fleet, screen),
        BansCommand::List { address: None, fleet } => list(api, fleet, screen),
        BansCommand::Add {
            address,
            ttl,
            reason,
            force,
            dry_run,
            fleet,
            ..
        } => {
            let wanted = json!({
                "ttl_s": ttl, "reason": reason, "fleet": fleet.fleet,
                // that it has no end was said
                "force": *force || (ttl.is_none() && !dry_run),
            });
            match address.as_slice() {
                [address] => {
                    let one = [("address", json!(address)), ("dry_run", json!(dry_run))];
                    add(api, &with(&wanted, one), screen)
                }
                _ if *dry_run => Err(Failure::Input("--dry-run is for one address or network".to_owned())),
                all => many(api, all, &with(&wanted, [("do", json!("ban"))]), screen),
            }
        }
        BansCommand::Remove { address, reason, fleet } => match address.as_slice() {
            [address] => remove(api, address, fleet, screen),
            all => {
                let wanted = json!({"do": "unban", "reason": reason, "fleet": fleet.fleet});
                many(api, all, &wanted, screen)
            }
        },
        BansCommand::Import {
            file,
            format,
            ttl,
            reason,
            wide,
            dry_run,
            fleet,
        } => {
            let wanted = json!({
                "ttl_s": ttl, "reason": reason, "fleet": fleet.fleet, "allow_wide": wide, "dry_run": dry_run,
            });
            import(api, file, *format, &wanted, screen)
        }
        BansCommand::Export { format, fleet } => export(api, *format, fleet),
    }
}

/// Asks for the whole list, page by page.
fn each(api: &Api, fleet: &FleetArgs, mut work: impl FnMut(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
    let limit = PAGE.to_string();
    let mut after: Option<String> = None;
    loop {
        let mut query = fleet.query();
        query.push(("limit", &limit));
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page: Value = api.get("admin/blacklist", &query)?;
        at(&page, "entries")
            .as_array()
            .into_iter()
            .flatten()
            .try_for_each(&mut work)?;
        match at(&page, "next").as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok(()),
        }
    }
}

fn list(api: &Api, fleet: &FleetArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let mut entries = Vec::new();
    each(api, fleet, |entry| {
        entries.push(entry.clone());
        Ok(())
    })?;
    if screen.is_json() {
        screen.json(&Value::Array(entries))?;
        return Ok(Answer::Yes);
    }
    let rows = entries.iter().map(row).collect();
    screen.table(["NETWORK", "ENDS IN", "AGE", "BY", "WHY"], rows, "No network is banned")?;
    Ok(Answer::Yes)
}

fn row(entry: &Value) -> [String; 5] {
    let by = match at(entry, "operator").as_bool() {
        Some(true) => "operator".to_owned(),
        _ => format!("{} ({})", text(entry, "by"), text(entry, "profile")),
    };
    let ends = at(entry, "ttl_s").as_u64().map_or_else(|| "never".to_owned(), duration);
    let age = duration(at(entry, "age_s").as_u64().unwrap_or_default());
    [text(entry, "address"), ends, age, by, text(entry, "why")]
}

fn covering(api: &Api, address: &str, fleet: &FleetArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let mut query = fleet.query();
    query.push(("address", address));
    let page: Value = api.get("admin/blacklist", &query)?;
    let entry = at(&page, "entries").get(0);
    if screen.is_json() {
        screen.json(&json!({ "entry": entry }))?;
    } else {
        match entry {
            Some(entry) => screen.line(&format!("{address} is banned {}", listed(entry)))?,
            None => screen.line(&format!("{address} is not banned"))?,
        }
    }
    Ok(if entry.is_some() { Answer::Yes } else { Answer::No })
}

fn add(api: &Api, wanted: &Value, screen: &mut Screen) -> Result<Answer, Failure> {
    let done: Value = api.post("admin/blacklist", wanted)?;
    if screen.is_json() {
        screen.json(&done)?;
        return Ok(Answer::Yes);
    }
    let (asked, result) = (at(&done, "asked"), text(&done, "result"));
    let network = text(asked, "network");
    match result.as_str() {
        "dry_run" => {
            let would = at(&done, "would_block");
            let names = |member: &str, of: fn(&Value) -> String| -> Vec<String> {
                at(would, member).as_array().into_iter().flatten().map(of).collect()
            };
            let agents = names("agents", |agent| text(agent, "id"));
            let clients = names("clients", |client| client.as_str().unwrap_or_default().to_owned());
            screen.line(&format!("{network} covers {} addresses", at(&done, "covers")))?;
            screen.line(&format!("agents in it: {}", or_none(&agents)))?;
            screen.line(&format!(
                "clients in it that were refused lately: {}",
                or_none(&clients)
            ))?;
            for doubt in at(&done, "needs_force")
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                screen.line(&format!("needs --force: {doubt}"))?;
            }
        }
        "known" => screen.line(&format!("{network} was banned for as long already"))?,
        _ => screen.line(&format!("{network} is banned {}", listed(at(&done, "entry"))))?,
    }
    Ok(Answer::Yes)
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn remove(api: &Api, address: &str, fleet: &FleetArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let mut query = fleet.query();
    query.push(("address", address));
    let done: Value = api.delete("admin/blacklist", &query)?;
    if screen.is_json() {
        screen.json(&done)?;
    } else {
        screen.line(&format!("{} is banned no more", text(at(&done, "removed"), "address")))?;
    }
    Ok(Answer::Yes)
}

/// The same with more members.
fn with<const N: usize>(wanted: &Value, more: [(&str, Value); N]) -> Value {
    let mut wanted = wanted.clone();
    if let Some(members) = wanted.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    wanted
}

/// Bans or unbans many with one reason.
fn many(api: &Api, addresses: &[String], wanted: &Value, screen: &mut Screen) -> Result<Answer, Failure> {
    let (mut done, mut left_out) = (Vec::new(), Vec::new());
    for part in addresses.chunks(BULK) {
        let wanted = with(wanted, [("addresses", part.into())]);
        let mut answer: Value = api.post("admin/blacklist/bulk", &wanted)?;
        done.extend(taken(&mut answer, "done"));
        left_out.extend(taken(&mut answer, "left_out"));
    }
    if screen.is_json() {
        screen.json(&json!({"done": done, "left_out": left_out}))?;
    } else {
        for one in &left_out {
            screen.note(&format!("left out: {}: {}", text(one, "address"), text(one, "why")))?;
        }
        let what = if *at(wanted, "do") == "ban" {
            "banned"
        } else {
            "banned no more"
        };
        screen.line(&format!(
            "{} entries are {what}, {} left out",
            done.len(),
            left_out.len()
        ))?;
    }
    Ok(if left_out.is_empty() { Answer::Yes } else { Answer::No })
}

fn import(api: &Api, file: &Path, format: Format, wanted: &Value, screen: &mut Screen) -> Result<Answer, Failure> {
    let failed = |problem: io::Error| Failure::Input(format!("{}: {problem}", file.display()));
    let mut text = String::new();
    if file.as_os_str() == "-" {
        io::stdin().read_to_string(&mut text).map_err(failed)?;
    } else {
        text = fs::read_to_string(file).map_err(failed)?;
    }
    let list =
        lists::read(&text, format).map_err(|problem| Failure::Input(format!("{}: {problem}", file.display())))?;
    let mut left_out: Vec<String> = list.left_out;
    let (mut taken, all) = (0, list.entries.len());
    for (number, entry) in list.entries.into_iter().enumerate() {
        match take(api, &entry, wanted) {
            Ok(()) => taken += 1,
            Err(Failure::Api(ApiError::Refused { message, .. })) => {
                left_out.push(format!("{}: {message}", entry.network))
            }
            Err(failure) => {
                screen.note(&format!("stopped after {taken} of {all}"))?;
                return Err(failure);
            }
        }
        if (number + 1) % PROGRESS == 0 {
            screen.note(&format!("{} of {all}", number + 1))?;
        }
    }
    for line in left_out.iter().take(MOST_NOTES) {
        screen.note(&format!("left out: {line}"))?;
    }
    // as the server words it in `doubts`
    let is_too_wide = |line: &String| line.contains("is wider than an agent may ask for");
    if left_out.iter().any(is_too_wide) {
        screen.note("networks that are only too wide are taken with --wide")?;
    }
    if screen.is_json() {
        screen.json(&json!({"taken": taken, "left_out": left_out}))?;
    } else {
        let would = if at(wanted, "dry_run") == true {
            "would be banned"
        } else {
            "are banned"
        };
        screen.line(&format!("{taken} entries {would}, {} left out", left_out.len()))?;
    }
    Ok(if left_out.is_empty() { Answer::Yes } else { Answer::No })
}

/// Bans one entry of a file. What is protected stays free: that needs `--force`, an entry at a
/// time.
fn take(api: &Api, entry: &Listed, wanted: &Value) -> Result<(), Failure> {
    let mut wanted = wanted.clone();
    if let Some(members) = wanted.as_object_mut() {
        members.insert("address".to_owned(), entry.network.to_string().into());
        members.extend(entry.ttl_s.map(|ttl| ("ttl_s".to_owned(), ttl.into())));
        members.extend(entry.reason.clone().map(|reason| ("reason".to_owned(), reason.into())));
    }
    let done: Value = api.post("admin/blacklist", &wanted)?;
    let doubts: Vec<&str> = at(&done, "needs_force")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if doubts.is_empty() {
        Ok(())
    } else {
        Err(ApiError::Refused {
            status: 409,
            message: doubts.join("; "),
        }
        .into())
    }
}

fn export(api: &Api, format: Target, fleet: &FleetArgs) -> Result<Answer, Failure> {
    let mut out = lists::Writer::new(format, io::stdout().lock());
    out.begin()?;
    each(api, fleet, |entry| {
        let network = text(entry, "address");
        Ok(out.entry(&network, at(entry, "ttl_s").as_u64(), &text(entry, "why"))?)
    })?;
    out.end()?;
    Ok(Answer::Yes)
}
