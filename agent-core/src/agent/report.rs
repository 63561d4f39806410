//! The start-up report, through `tracing`.

use crate::{
    VERSION,
    actors::{checks, estate::Identity},
    model::policy::{Check, Policy},
    settings::Settings,
};

/// The start-up report: the lines pyrasp prints, one event each.
pub(super) fn report_start(settings: &Settings, policy: &Policy, identity: &Identity) {
    tracing::info!(platform = identity.platform, "Starting Buckler {VERSION}");
    tracing::info!("Loading template configuration: {}", policy.template());
    for layer in settings.security() {
        tracing::info!("Loading configuration from {}", layer.origin);
    }
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    for caution in policy.cautions() {
        tracing::warn!("{caution}");
    }
    report_checks(policy);
    match (&identity.cloud, identity.local_reason) {
        (Some((url, _)), _) => {
            tracing::info!("Loading configuration from {url}");
            let (kind, every) = (settings.transport().kind(), policy.beacon_delay());
            tracing::info!("Starting beacon over {kind}, every {every:?} until the server says otherwise");
        }
        (None, reason) => {
            tracing::warn!(
                "Guarding with local settings alone: {}",
                reason.unwrap_or("there is no server")
            );
        }
    }
    tracing::info!("Buckler successfully started");
}

/// Checks that this release carries out; the configuration of the others is read, checked and kept.
const IN_FORCE: [Check; 7] = [
    Check::Blacklist,
    Check::Path,
    Check::Flood,
    Check::Spoofing,
    Check::Decoy,
    Check::Headers,
    Check::Brute,
];

fn report_checks(policy: &Policy) {
    let (in_force, waiting): (Vec<Check>, Vec<Check>) = policy
        .checks_on()
        .into_iter()
        .map(|(check, _)| check)
        .partition(|check| IN_FORCE.contains(check));
    for check in in_force {
        tracing::info!("{} model loaded", check.name());
    }
    tracing::info!("Security checks on: {}", checks(policy));
    if !waiting.is_empty() {
        let names: Vec<&str> = waiting.iter().map(|check| check.name()).collect();
        tracing::info!(
            "Security checks that this release does not carry out yet: {}",
            names.join(", ")
        );
    }
}
