//! The start-up report, through `tracing`: what is in force, where it comes from, and what is not
//! looked into.

use buckler_waf::{detect::Detectors, places::Gap};
use serde_json::Value;

use crate::{
    VERSION,
    actors::{checks, configuration::Configuration, estate::Identity},
    guard::{BodyRest, CompressedBodies, UninspectedAction},
    model::{
        policy::{Check, Layer, Policy},
        signing::Mode,
    },
    notice,
    settings::{AgentSettings, Settings},
};

/// How much is searched for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Breadth {
    rules: usize,
    detectors: usize,
}

impl Breadth {
    pub(super) fn of(detectors: &Detectors) -> Self {
        Self {
            rules: detectors.rules(),
            detectors: detectors.families().count(),
        }
    }
}

/// Says what the agent is about to load, as pyrasp does.
pub(super) fn report_start(settings: &Settings, identity: &Identity) {
    tracing::info!(platform = identity.platform, "Starting Buckler {VERSION}");
    tracing::info!("Loading template configuration: {}", settings.agent().template);
    for layer in settings.security().iter().chain(settings.overrides()) {
        tracing::info!("Loading configuration from {}", layer.origin);
    }
    for warning in settings.warnings() {
        notice::warn(&warning.to_string());
    }
    if settings.agent().enrol && settings.agent().state_dir.is_none() {
        notice::warn(
            "agent.enrol: found true, and no agent.state_dir to keep a credential in: the agent goes on with its key",
        );
    }
}

/// Says what is in force once all is loaded that needs no server, and whether there will be one.
pub(super) fn report_in_force(
    settings: &Settings,
    configuration: &Configuration,
    identity: &Identity,
    breadth: Breadth,
) {
    for line in in_force(configuration, settings.agent(), breadth) {
        tracing::info!("{line}");
    }
    for caution in configuration.policy.cautions() {
        notice::warn(&caution);
    }
    let contact = identity.contact.borrow();
    if let Some((url, _)) = &contact.cloud {
        tracing::info!("Loading configuration from {url}");
        let signing = &settings.agent().signing;
        match signing.mode {
            Mode::Off => tracing::info!("Signatures of configurations are not looked at (agent.signing)"),
            mode @ (Mode::Prefer | Mode::Require) => {
                tracing::info!(
                    "Signatures of configurations for {:?}: {}",
                    signing.profile,
                    mode.name()
                );
            }
        }
        let (kind, every) = (settings.transport().kind(), configuration.policy.beacon_delay());
        tracing::info!("Starting beacon over {kind}, every {every:?} until the server says otherwise");
        tracing::info!("Buckler successfully started; not in step with the server yet");
    } else {
        let reason = contact.local_reason.unwrap_or("there is no server");
        notice::warn(&format!("Guarding with local settings alone: {reason}"));
        tracing::info!("Buckler successfully started");
    }
}

/// What is in force, a line each.
fn in_force(configuration: &Configuration, agent: &AgentSettings, breadth: Breadth) -> Vec<String> {
    let policy = &*configuration.policy;
    let on = policy.checks_on().len();
    let all = Check::ALL.len();
    let Breadth { rules, detectors } = breadth;
    vec![
        format!(
            "Configuration in force: template {}, source {}",
            policy.template(),
            configuration.source
        ),
        format!("Security checks on: {on} of {all} ({})", checks(policy)),
        format!("Values are searched by {rules} rules of {detectors} detectors"),
        format!("Changed from the template: {}", listed(&changed(configuration))),
        format!("Not looked into: {}", listed(&unseen(policy, agent))),
    ]
}

fn listed(what: &[String]) -> String {
    if what.is_empty() {
        "nothing".to_owned()
    } else {
        what.join(", ")
    }
}

/// The keys whose values are not the template's, and who said so. Values are not shown: some are
/// secrets.
fn changed(configuration: &Configuration) -> Vec<String> {
    let policy = &configuration.policy;
    let Ok(template) = Policy::compile(policy.template(), &[]) else {
        return Vec::new();
    };
    let server = configuration
        .server
        .as_ref()
        .map(|server| Layer::new("server", server.body.clone()));
    let layers: Vec<&Layer> = configuration
        .file
        .iter()
        .chain(&server)
        .chain(&configuration.code)
        .collect();
    let differs = |key: &str, value: &Value| template.raw().get(key) != Some(value);
    let mut changed = Vec::new();
    for (key, value) in policy.raw().iter().filter(|(key, value)| differs(key, value)) {
        let before = template.raw().get(key).and_then(Value::as_object);
        match (value.as_object(), before) {
            (Some(now), Some(before)) => {
                let members = now.iter().filter(|(name, value)| before.get(*name) != Some(value));
                changed.extend(members.map(|(name, _)| said_by(&layers, key, Some(name))));
            }
            _ => changed.push(said_by(&layers, key, None)),
        }
    }
    changed
}

/// A key with the last layer that says it.
fn said_by(layers: &[&Layer], key: &str, member: Option<&str>) -> String {
    let named = |map: &serde_json::Map<String, Value>, name: &str| {
        let found = map.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let says = |layer: &&&Layer| {
        let wrapped = named(&layer.keys, "config");
        let keys = wrapped.as_ref().and_then(Value::as_object).unwrap_or(&layer.keys);
        let value = named(keys, key);
        match (value, member) {
            (Some(Value::Object(map)), Some(member)) => named(&map, member).is_some(),
            (value, _) => value.is_some(),
        }
    };
    let whole = member.map_or_else(|| key.to_owned(), |member| format!("{key}.{member}"));
    match layers.iter().rev().find(says) {
        Some(layer) => format!("{whole} ({})", layer.origin),
        None => whole,
    }
}

/// What passes without a look, by what is in force.
fn unseen(policy: &Policy, agent: &AgentSettings) -> Vec<String> {
    let off = Check::ALL.into_iter().filter(|check| !policy.is_on_somewhere(*check));
    let mut unseen: Vec<String> = off
        .map(|check| format!("{} (check {check} is off)", check.title()))
        .collect();
    unseen.push(format!("what stands beyond {} MiB of a body", BodyRest::MOST >> 20));
    if agent.compressed_bodies == CompressedBodies::Pass {
        unseen.push("compressed bodies (agent.compressed_bodies = \"pass\")".to_owned());
    }
    let passing = Gap::ALL
        .into_iter()
        .filter(|gap| agent.uninspected.action(*gap) == UninspectedAction::Pass);
    let passing: Vec<&str> = passing.map(Gap::name).collect();
    if !passing.is_empty() {
        unseen.push(format!("bodies that are {} (agent.uninspected)", passing.join(" or ")));
    }
    if !policy.whitelist_headers().is_empty() {
        unseen.push("some headers (WHITELIST_HEADERS)".to_owned());
    }
    unseen
}
