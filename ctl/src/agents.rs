//! `bucklerctl agents`: who speaks to the server, and how they are.

use std::time::SystemTime;

use buckler::protocol::v2::Identity;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    api::{Api, ApiError},
    cli::{AgentsArgs, AgentsCommand},
    show::{Screen, at, duration, taken, text},
};

/// The most turns in which agents are forgotten: as many as the server can know. A node that does not
/// follow the others would else offer the same ones for ever.
const MOST_TURNS: usize = 20;

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

/// What people know an agent by; nothing where a server of another release says it otherwise.
fn identity(agent: &Value) -> Identity {
    Identity::deserialize(at(agent, "identity")).unwrap_or_default()
}

/// What people know an agent by, apart from its name and host, in a few words.
fn known_as(identity: &Identity) -> String {
    let said = [&identity.environment, &identity.release].into_iter().flatten();
    let all: Vec<String> = said.cloned().chain(identity.labels_as_text()).collect();
    all.join(" ")
}

/// Forgets one agent, or all that are gone.
fn forget(command: &AgentsCommand, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    let AgentsCommand::Forget { id, profile, .. } = command;
    let mut query: Vec<(&str, &str)> = profile.iter().map(|profile| ("profile", profile.as_str())).collect();
    let mut forgotten = 0;
    if let Some(id) = id {
        let _: Value = api.delete(
            &format!("admin/agents/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)),
            &query,
        )?;
        forgotten = 1;
    } else {
        query.push(("state", State::Gone.name()));
        // so many at once as the server takes
        for _ in 0..MOST_TURNS {
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

pub(crate) fn run(args: &AgentsArgs, api: &Api, screen: &mut Screen) -> Result<Answer, Failure> {
    if let Some(command) = &args.command {
        return forget(command, api, screen);
    }
    let is_asked_for = |agent: &Value| {
        let is =
            |asked: &Option<String>, member: &str| asked.as_ref().is_none_or(|asked| *at(agent, member) == **asked);
        let identity = identity(agent);
        let said = |asked: &Option<String>, said: &Option<String>| asked.is_none() || asked == said;
        is(&args.profile, "profile")
            && is(&args.fleet, "fleet")
            && said(&args.name, &identity.name)
            && said(&args.environment, &identity.environment)
            && said(&args.release, &identity.release)
            && args.label.iter().all(|wanted| identity.has_label(wanted))
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
        let identity = identity(agent);
        [
            text(agent, "id"),
            identity.name.clone().unwrap_or_default(),
            text(agent, "profile"),
            identity.host.clone().unwrap_or_default(),
            known_as(&identity),
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
