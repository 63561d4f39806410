//! `bucklerctl agents`: who speaks to the server, and how they are.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    api::{Api, ApiError},
    cli::{AgentsArgs, AgentsCommand},
    show::{Screen, at, duration, taken, text},
};

/// Whether an agent still speaks, as the server says it by the interval of the agent's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Online,
    Late,
    Gone,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Online, Self::Late, Self::Gone];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Late => "late",
            Self::Gone => "gone",
        }
    }

    /// As the server says it; `None` where it does not.
    pub(crate) fn of(agent: &Value) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *at(agent, "state") == state.name())
    }
}

/// Seconds since an agent was heard, by the server's clock.
fn silent_for(agent: &Value) -> u64 {
    at(agent, "silent_s").as_u64().unwrap_or_default()
}

/// The wall clock, in seconds since the Unix epoch.
pub(crate) fn unix_s() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "people compare with the clock on their wall")]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    now.as_secs()
}

/// Seconds since a time in milliseconds, if there is one.
pub(crate) fn since(value: &Value, member: &str) -> Option<u64> {
    let at = at(value, member).as_u64()?;
    Some(unix_s().saturating_sub(at / 1_000))
}

/// All agents.
pub(crate) fn all(api: &Api) -> Result<Vec<Value>, Failure> {
    let mut answer: Value = api.get("admin/agents", &[])?;
    let agents = taken(&mut answer, "agents");
    if agents.iter().any(|agent| State::of(agent).is_none()) {
        // taken for online, an agent that went away would never be noticed
        let problem = "an agent has no `state` that is known here: use server and bucklerctl of one release".to_owned();
        let url = api.url().to_string();
        return Err(ApiError::NoSense { url, problem }.into());
    }
    Ok(agents)
}

/// What is wrong with an agent, each a few words.
pub(crate) fn troubles(agent: &Value) -> Vec<String> {
    let mut troubles = Vec::new();
    match State::of(agent) {
        Some(state @ (State::Late | State::Gone)) => {
            troubles.push(format!("{}, silent for {}", state.name(), duration(silent_for(agent))))
        }
        Some(State::Online) | None => {}
    }
    troubles.extend(at(at(agent, "health"), "alarm").as_str().map(str::to_owned));
    if let Some(lag) = at(agent, "list_lag").as_u64().filter(|lag| *lag > 0) {
        troubles.push(format!("{lag} revisions behind"));
    }
    let status = at(agent, "config_status");
    if let Some(state) = at(status, "state")
        .as_str()
        .filter(|state| matches!(*state, "failed" | "rolled_back"))
    {
        troubles.push(format!(
            "configuration {} {state}: {}",
            at(status, "version"),
            text(status, "error")
        ));
    } else if let Some(held) = at(status, "error").as_str() {
        troubles.push(held.to_owned());
    }
    let lost = at(agent, "lost").as_object().into_iter().flatten();
    let lost = lost.filter_map(|(_, lost)| lost.as_u64()).fold(0, u64::saturating_add);
    if lost > 0 {
        troubles.push(format!("{lost} events lost"));
    }
    if let Some(missing) = at(agent, "missing").as_u64().filter(|missing| *missing > 0) {
        troubles.push(format!("{missing} events never reached the server"));
    }
    if !at(at(agent, "credential"), "revoked_ms").is_null() {
        troubles.push("its credential is revoked".to_owned());
    }
    troubles
}

/// An agent's labels.
fn labels(agent: &Value) -> impl Iterator<Item = (&str, &str)> {
    let labels = at(at(agent, "identity"), "labels").as_object().into_iter().flatten();
    labels.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// Whether a label is what was asked for: `key:value`, or `key`.
fn is_label(wanted: &str, key: &str, value: &str) -> bool {
    let rest = wanted.strip_prefix(key);
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':') == Some(value))
}

/// What people know an agent by, apart from its name, in a few words.
fn known_as(agent: &Value) -> String {
    let identity = at(agent, "identity");
    let said = ["environment", "release"].map(|member| text(identity, member));
    let labels = labels(agent).map(|(key, value)| {
        if value.is_empty() {
            key.to_owned()
        } else {
            format!("{key}:{value}")
        }
    });
    let all: Vec<String> = said.into_iter().chain(labels).filter(|text| !text.is_empty()).collect();
    all.join(" ")
}

/// Forgets one agent, or all that are gone.
fn forget(command: &AgentsCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let AgentsCommand::Forget { id, profile, .. } = command;
    let mut query: Vec<(&str, &str)> = profile.iter().map(|profile| ("profile", profile.as_str())).collect();
    let mut forgotten = 0;
    if let Some(id) = id {
        let _: Value = api.delete(&format!("admin/agents/{}", segment(id)), &query)?;
        forgotten = 1;
    } else {
        query.push(("state", State::Gone.name()));
        // so many at once as the server takes
        loop {
            let done: Value = api.delete("admin/agents", &query)?;
            let now = at(&done, "forgotten").as_u64().unwrap_or_default();
            forgotten += now;
            if now == 0 || at(&done, "more") != &Value::Bool(true) {
                break;
            }
        }
    }
    if screen.is_json() {
        screen.json(&json!({ "forgotten": forgotten }))?;
    } else {
        match (id, forgotten) {
            (Some(id), _) => screen.line(&format!("{id} is forgotten"))?,
            (None, 0) => screen.line("no agent is gone")?,
            (None, many) => screen.line(&format!("{many} agents are forgotten"))?,
        }
    }
    Ok(if forgotten > 0 { Answer::Yes } else { Answer::No })
}

/// A text as one segment of a path.
fn segment(text: &str) -> String {
    let written = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(written).collect()
}

pub(crate) fn run(args: &AgentsArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    if let Some(command) = &args.command {
        return forget(command, api, screen);
    }
    let is_asked_for = |agent: &Value| {
        let is =
            |asked: &Option<String>, member: &str| asked.as_ref().is_none_or(|asked| *at(agent, member) == **asked);
        let identity = at(agent, "identity");
        let said =
            |asked: &Option<String>, member: &str| asked.as_ref().is_none_or(|asked| *at(identity, member) == **asked);
        is(&args.profile, "profile")
            && is(&args.fleet, "fleet")
            && said(&args.name, "name")
            && said(&args.environment, "environment")
            && said(&args.release, "release")
            && args
                .label
                .iter()
                .all(|wanted| labels(agent).any(|(key, value)| is_label(wanted, key, value)))
            && !(args.unwell && troubles(agent).is_empty())
    };
    let agents: Vec<Value> = all(api)?.into_iter().filter(is_asked_for).collect();
    let answer = if args.unwell && !agents.is_empty() {
        Answer::No
    } else {
        Answer::Yes
    };
    if screen.is_json() {
        screen.json(&json!({ "agents": agents }))?;
        return Ok(answer);
    }
    let rows = agents.iter().map(|agent| {
        [
            text(agent, "id"),
            text(at(agent, "identity"), "name"),
            text(agent, "profile"),
            text(at(agent, "identity"), "host"),
            known_as(agent),
            text(agent, "peer"),
            format!("{} {}", text(agent, "platform"), text(agent, "version")),
            text(agent, "state"),
            duration(silent_for(agent)),
            text(at(agent, "config"), "version"),
            text(at(agent, "list"), "rev"),
            troubles(agent).join("; "),
        ]
    });
    let head = [
        "AGENT", "NAME", "PROFILE", "HOST", "KNOWN BY", "FROM", "PLATFORM", "STATE", "SEEN", "CONFIG", "LIST",
        "TROUBLE",
    ];
    let empty = if args.unwell {
        "All agents are well"
    } else {
        "No agents"
    };
    screen.table(head, rows.collect(), empty)?;
    Ok(answer)
}
