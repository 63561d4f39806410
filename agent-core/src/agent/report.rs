//! The start-up report, through `tracing`: what is loaded, what is in force, and whether there will
//! be a server.

use crate::{
    VERSION,
    actors::{configuration::Configuration, estate::Identity},
    model::signing::Mode,
    notice,
    settings::Settings,
};

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
pub(super) fn report_in_force(settings: &Settings, configuration: &Configuration, identity: &Identity) {
    for line in configuration.told(&identity.coverage) {
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
