//! `bucklerctl why`, `refusals` and `tail`: who was refused, and why.

use std::{collections::HashSet, thread, time::Duration};

use serde_json::Value;

use crate::{
    Answer, Failure,
    api::Api,
    cli::{RefusalsArgs, TailArgs, WhyArgs},
    show::{Screen, at, duration, taken, text},
};

/// Refusals of one look of `tail`: the most that the server gives out.
const LOOK: &str = "1000";

pub(crate) fn why(args: &WhyArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let is_id = args.id.len() == 16 && args.id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::Input(format!(
            "{:?} is no id: 16 hexadecimal digits are, as in the header x-block-id",
            args.id
        )));
    }
    let found: Value = api.get(&format!("admin/refusals/{}", args.id.to_ascii_lowercase()), &[])?;
    if screen.is_json() {
        screen.json(&found)?;
        return Ok(Answer::Yes);
    }
    if let Some(refusal) = found.get("refusal") {
        explain(refusal, screen)?;
    }
    if let Some(entry) = found.get("entry") {
        screen.line(&format!("listed     {}", listed(entry)))?;
    }
    Ok(Answer::Yes)
}

/// What lists a client, in a line.
pub(crate) fn listed(entry: &Value) -> String {
    let ends = at(entry, "ttl_s").as_u64().map_or_else(
        || "without end".to_owned(),
        |left| format!("for another {}", duration(left)),
    );
    let age = duration(at(entry, "age_s").as_u64().unwrap_or_default());
    format!(
        "as {}, {ends}: {} (by {}, {age} ago)",
        text(entry, "address"),
        text(entry, "why"),
        text(entry, "by")
    )
}

fn explain(refusal: &Value, screen: &mut Screen) -> Result<(), Failure> {
    let mut line = |name: &str, said: String| match said.trim() {
        "" => Ok(()),
        said => screen.line(&format!("{name:<11}{said}")),
    };
    line("refusal", text(refusal, "id"))?;
    line("client", text(refusal, "address"))?;
    line(
        "request",
        format!(
            "{} {} at {}",
            text(refusal, "method"),
            text(refusal, "route"),
            text(refusal, "host")
        ),
    )?;
    line("answered", text(refusal, "status"))?;
    line(
        "rule",
        format!(
            "{} in {}, score {}",
            text(refusal, "rule"),
            text(refusal, "place"),
            at(refusal, "score")
        ),
    )?;
    line(
        "evidence",
        format!(
            "{}: {} values in {} requests",
            text(refusal, "evidence"),
            at(refusal, "values"),
            at(refusal, "requests")
        ),
    )?;
    line(
        "agent",
        format!("{} ({})", text(refusal, "agent"), text(refusal, "profile")),
    )?;
    line(
        "to let it",
        refusal
            .get("exception")
            .map(|one| format!("pass, add to EXCEPTIONS: {one}"))
            .unwrap_or_default(),
    )?;
    Ok(())
}

fn newest_of(api: &Api, query: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
    let mut page: Value = api.get("admin/refusals", query)?;
    Ok(taken(&mut page, "refusals"))
}

pub(crate) fn newest(args: &RefusalsArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let limit = args.limit.to_string();
    let mut query = args.of.query(("client", &args.client));
    query.push(("limit", limit.as_str()));
    let refusals = newest_of(api, &query)?;
    if screen.is_json() {
        screen.json(&Value::Array(refusals))?;
        return Ok(Answer::Yes);
    }
    let rows = refusals.iter().map(row).collect();
    screen.table(
        ["ID", "CLIENT", "RULE", "PLACE", "REQUEST", "PROFILE"],
        rows,
        "No refusals",
    )?;
    Ok(Answer::Yes)
}

fn row(refusal: &Value) -> [String; 6] {
    [
        text(refusal, "id"),
        text(refusal, "address"),
        text(refusal, "rule"),
        text(refusal, "place"),
        format!("{} {}", text(refusal, "method"), text(refusal, "route")),
        text(refusal, "profile"),
    ]
}

pub(crate) fn tail(args: &TailArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let mut known: HashSet<String> = HashSet::new();
    let mut looks = 0;
    loop {
        let refusals = newest_of(api, &[("limit", LOOK)])?;
        // the newest come first; what the server has forgotten cannot come again
        let ids: HashSet<String> = refusals.iter().map(|refusal| text(refusal, "id")).collect();
        for refusal in refusals
            .iter()
            .rev()
            .filter(|refusal| looks > 0 && !known.contains(&text(refusal, "id")))
        {
            if screen.is_json() {
                screen.line(&refusal.to_string())?;
            } else {
                screen.line(row(refusal).join("  ").trim_end())?;
            }
        }
        known = ids;
        looks += 1;
        if args.looks.is_some_and(|most| looks >= most) {
            return Ok(Answer::Yes);
        }
        #[expect(clippy::disallowed_methods, reason = "a program that waits has nothing else to do")]
        thread::sleep(Duration::from_secs(args.every.into()));
    }
}
