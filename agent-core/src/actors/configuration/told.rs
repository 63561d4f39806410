//! What is in force, for the log: where it comes from, and what is not looked into.

use buckler_waf::{detect::Detectors, places::Gap};
use serde_json::Value;

use super::Configuration;
use crate::{
    actors::checks,
    guard::{BodyRest, CompressedBodies, Uninspected, UninspectedAction},
    model::policy::{Check, Layer, Policy},
    settings::AgentSettings,
};

/// What the host looks into, whatever the configuration says.
#[derive(Debug, Clone)]
pub(crate) struct Coverage {
    rules: usize,
    detectors: usize,
    compressed_bodies: CompressedBodies,
    uninspected: Uninspected,
}

impl Coverage {
    pub(crate) fn of(detectors: &Detectors, agent: &AgentSettings) -> Self {
        Self {
            rules: detectors.rules(),
            detectors: detectors.families().count(),
            compressed_bodies: agent.compressed_bodies,
            uninspected: agent.uninspected,
        }
    }
}

impl Configuration {
    /// What is in force, a line each.
    pub(crate) fn told(&self, coverage: &Coverage) -> Vec<String> {
        let policy = &*self.policy;
        let on = policy.checks_on().len();
        let all = Check::ALL.len();
        let Coverage { rules, detectors, .. } = coverage;
        vec![
            format!(
                "Configuration in force: template {}, source {}",
                policy.template(),
                self.source
            ),
            format!("Security checks on: {on} of {all} ({})", checks(policy)),
            format!("Values are searched by {rules} rules of {detectors} detectors"),
            format!("Changed from the template: {}", listed(&changed(self))),
            format!("Not looked into: {}", listed(&unseen(policy, coverage))),
        ]
    }
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
fn unseen(policy: &Policy, coverage: &Coverage) -> Vec<String> {
    let off = Check::ALL.into_iter().filter(|check| !policy.is_on_somewhere(*check));
    let mut unseen: Vec<String> = off
        .map(|check| format!("{} (check {check} is off)", check.title()))
        .collect();
    unseen.push(format!("what stands beyond {} MiB of a body", BodyRest::MOST >> 20));
    unseen.push("messages within a WebSocket".to_owned());
    if coverage.compressed_bodies == CompressedBodies::Pass {
        unseen.push("compressed bodies (agent.compressed_bodies = \"pass\")".to_owned());
    }
    let passing = Gap::ALL
        .into_iter()
        .filter(|gap| coverage.uninspected.action(*gap) == UninspectedAction::Pass);
    let passing: Vec<&str> = passing.map(Gap::name).collect();
    if !passing.is_empty() {
        unseen.push(format!("bodies that are {} (agent.uninspected)", passing.join(" or ")));
    }
    if !policy.whitelist_headers().is_empty() {
        unseen.push("some headers (WHITELIST_HEADERS)".to_owned());
    }
    unseen
}
