//! `bucklerctl doctor`: what is wrong with a server, or with an agent's settings, and what to do.

use std::{
    net::{TcpStream, ToSocketAddrs as _},
    path::Path,
    time::{Duration, SystemTime},
};

use buckler::{Settings, model::address::is_this_machine};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Answer, Failure, agents,
    api::Api,
    cli::{DoctorArgs, ServerArgs},
    show::{Screen, at, duration},
    status,
    target::Target,
};

/// How long a machine may take to be reached.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far two clocks may differ: tokens and bans are told by seconds.
const SKEW: Duration = Duration::from_secs(5);

/// What was looked at.
struct Finding {
    is_well: bool,
    what: String,
}

pub(crate) fn run(args: &DoctorArgs, server: &ServerArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let findings = match &args.settings {
        Some(file) => of_settings(file),
        None => of_server(server),
    };
    let is_well = findings.iter().all(|finding| finding.is_well);
    if screen.is_json() {
        let all: Vec<Value> = findings
            .iter()
            .map(|one| json!({"ok": one.is_well, "what": one.what}))
            .collect();
        screen.json(&json!({"ok": is_well, "findings": all}))?;
    } else {
        for Finding { is_well, what } in &findings {
            screen.line(&format!("{}  {what}", if *is_well { "ok   " } else { "WRONG" }))?;
        }
    }
    Ok(if is_well { Answer::Yes } else { Answer::No })
}

fn well(what: impl Into<String>) -> Finding {
    Finding {
        is_well: true,
        what: what.into(),
    }
}

fn wrong(what: impl Into<String>) -> Finding {
    Finding {
        is_well: false,
        what: what.into(),
    }
}

fn of_server(args: &ServerArgs) -> Vec<Finding> {
    let target = match Target::find(args) {
        Ok(target) => target,
        Err(error) => return vec![wrong(error.to_string())],
    };
    let mut findings = vec![transport(&target.url)];
    let api = Api::new(target);
    let health: Value = match api.get("admin/health", &[]) {
        Ok(health) => health,
        Err(error) => {
            findings.push(wrong(error.to_string()));
            return findings;
        }
    };
    findings.push(well(format!("{} answers and takes the token", api.url())));
    findings.push(match at(&health, "version").as_str() {
        Some(version) if version == env!("CARGO_PKG_VERSION") => {
            well(format!("server and bucklerctl are of version {version}"))
        }
        version => wrong(format!(
            "the server is of version {}, bucklerctl of {}: use those of one release",
            version.unwrap_or("unknown"),
            env!("CARGO_PKG_VERSION")
        )),
    });
    findings.extend(api.clock().ok().flatten().map(clock));
    findings.extend(of_health(&health));
    match agents::all(&api) {
        Ok(agents) => findings.extend(of_agents(&agents)),
        Err(error) => findings.push(wrong(error.to_string())),
    }
    findings
}

/// Whether what the server is told can be kept, and its certificate be used.
fn of_health(health: &Value) -> Vec<Finding> {
    let troubles = status::troubles(health);
    if troubles.is_empty() {
        return vec![well(match at(at(health, "tls"), "ends_s").as_u64() {
            Some(ends) => format!(
                "the journal keeps what it is told, and the certificate is good for another {}",
                duration(ends.saturating_sub(agents::unix_s()))
            ),
            None => "the journal keeps what it is told".to_owned(),
        })];
    }
    troubles.into_iter().map(wrong).collect()
}

/// Whether the token, and agents' keys, travel in the clear.
fn transport(url: &Url) -> Finding {
    let is_here = url.host_str().is_some_and(is_this_machine);
    match url.scheme() {
        "https" => well("the conversation is encrypted"),
        _ if is_here => well("the server is on this machine"),
        _ => wrong(format!(
            "{url} is not encrypted: who listens on the way has the token. Put https before it"
        )),
    }
}

fn clock(theirs: SystemTime) -> Finding {
    #[expect(clippy::disallowed_methods, reason = "it is this machine's clock that is looked at")]
    let ours = SystemTime::now();
    let apart = ours.duration_since(theirs).unwrap_or_else(|error| error.duration());
    // the header has whole seconds
    if apart <= SKEW {
        well("the clocks agree")
    } else {
        wrong(format!(
            "the clocks are {} s apart: have both machines set theirs by NTP",
            apart.as_secs()
        ))
    }
}

fn of_agents(agents: &[Value]) -> Vec<Finding> {
    let troubled = agents.iter().filter_map(|agent| {
        let troubles = agents::troubles(agent);
        let id = crate::show::text(agent, "id");
        (!troubles.is_empty()).then(|| wrong(format!("agent {id}: {}", troubles.join("; "))))
    });
    let found: Vec<Finding> = troubled.collect();
    if found.is_empty() {
        vec![well(format!("{} agents are well", agents.len()))]
    } else {
        found
    }
}

fn of_settings(file: &Path) -> Vec<Finding> {
    let settings = match Settings::builder().file(file).environment().build() {
        Ok(settings) => settings,
        Err(error) => return error.to_string().lines().map(wrong).collect(),
    };
    let mut findings = vec![well(format!("{} can be used", file.display()))];
    findings.extend(settings.warnings().iter().map(|warning| wrong(warning.to_string())));
    findings.extend(settings.policy().cautions().into_iter().map(wrong));
    let agent = settings.agent();
    if !agent.enforce {
        findings.push(wrong("agent.enforce is false: nothing is refused"));
    }
    if agent.trusted_proxies.is_empty() {
        findings.push(well(
            "no proxy is declared: clients are those that connect. Behind a proxy, set agent.trusted_proxies",
        ));
    }
    findings.push(match (settings.cloud(), settings.local_reason()) {
        (Some((url, _)), _) => reach(&url),
        (None, reason) => well(format!(
            "the agent guards by local settings alone: {}",
            reason.unwrap_or_default()
        )),
    });
    findings
}

fn reach(url: &Url) -> Finding {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let places = match (host, port).to_socket_addrs() {
        Ok(places) => places,
        Err(error) => return wrong(format!("agent.cloud_url: {host} is not known here ({error})")),
    };
    let mut last = None;
    for place in places {
        match TcpStream::connect_timeout(&place, PATIENCE) {
            Ok(_) => return well(format!("the server at {place} can be reached")),
            Err(error) => last = Some(format!("{place}: {error}")),
        }
    }
    let why = last.unwrap_or_else(|| "it has no address".to_owned());
    wrong(format!("agent.cloud_url: the server cannot be reached ({why})"))
}
