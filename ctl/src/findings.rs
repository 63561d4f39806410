//! `bucklerctl findings`: what was refused and what was only logged, counted.

use serde_json::Value;

use crate::{
    Answer, Failure,
    api::Api,
    cli::FindingsArgs,
    show::{Screen, at, taken, text},
};

pub(crate) fn run(args: &FindingsArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let (hours, level) = (args.hours.to_string(), args.level.map(|level| level.to_string()));
    let mut query = args.of.query(("level", &level));
    query.push(("hours", hours.as_str()));
    let mut found: Value = api.get("admin/findings", &query)?;
    if screen.is_json() {
        screen.json(&found)?;
        return Ok(Answer::Yes);
    }
    let unnamed = at(&found, "unnamed").as_u64().unwrap_or_default();
    let rows = taken(&mut found, "findings").into_iter().map(|row| {
        let level = match at(&row, "level").as_u64() {
            Some(1) => "block",
            Some(2) => "ban",
            Some(3) => "log",
            Some(_) | None => "?",
        };
        let then = if *at(&row, "refused") == true {
            "refused"
        } else {
            "logged"
        };
        [
            text(&row, "count"),
            text(&row, "rule"),
            text(&row, "route"),
            text(&row, "profile"),
            level.to_owned(),
            then.to_owned(),
        ]
    });
    let head = ["COUNT", "RULE", "ROUTE", "PROFILE", "LEVEL", "THEN"];
    screen.table(head, rows.collect(), "Nothing was found")?;
    if unnamed > 0 {
        screen.note(&format!(
            "{unnamed} more were counted without their names: an hour had too many"
        ))?;
    }
    Ok(Answer::Yes)
}
