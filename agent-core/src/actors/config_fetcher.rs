//! ConfigFetcher: the configuration and its version. It checks and compiles what the server sends, puts it in force as a whole
//! or not at all, reports what became of it, and keeps the last one that worked.

use std::{rc::Rc, sync::Arc};

use actix::{Actor, Context, Handler, Recipient};

use super::{
    DeathNotice, Tree,
    estate::Estate,
    messages::{ConfigPart, ConfigReceived, Part, PartReported, PolicyChanged, ReportPart, Speak},
    tell,
};
use crate::{
    model::policy::{Policy, config_hash},
    protocol::v2::{ConfigCursor, ConfigState, ConfigStatus, ConfigUpdate},
};

/// The actor.
pub(super) struct ConfigFetcher {
    estate: Rc<Estate>,
    policy_changed: [Recipient<PolicyChanged>; 3],
    part_reported: Recipient<PartReported>,
    speak: Recipient<Speak>,
    _notice: DeathNotice,
}

impl Actor for ConfigFetcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.announce();
    }
}

impl ConfigFetcher {
    pub(super) fn new(estate: &Rc<Estate>, to: &Tree, notice: DeathNotice) -> Self {
        Self {
            estate: Rc::clone(estate),
            policy_changed: [
                to.request_guard.clone().recipient(),
                to.blacklist_sync.clone().recipient(),
                to.cloud_link.clone().recipient(),
            ],
            part_reported: to.cloud_link.clone().recipient(),
            speak: to.cloud_link.clone().recipient(),
            _notice: notice,
        }
    }

    /// Tells everybody what is in force.
    fn announce(&self) {
        let policy = Arc::clone(&self.estate.configuration.borrow().policy);
        for actor in &self.policy_changed {
            tell(actor, PolicyChanged(Arc::clone(&policy)));
        }
    }

    /// Puts a configuration of the server's in force, or says why it cannot be.
    fn apply(&self, update: &ConfigUpdate) {
        let compiled = self.estate.configuration.borrow().compile(Some(update));
        let state = match compiled {
            Ok(policy) => {
                self.enforce(update.clone(), Arc::new(policy));
                (ConfigState::Applied, None)
            }
            Err(error) => {
                tracing::warn!(version = update.version, %error, "configuration from the server refused: the running one stays");
                (ConfigState::Failed, Some(error.to_string()))
            }
        };
        let status = ConfigStatus {
            version: update.version,
            state: state.0,
            error: state.1,
        };
        self.estate.configuration.borrow_mut().status = Some(status);
        self.announce();
        tell(&self.speak, Speak::Soon);
    }

    fn enforce(&self, update: ConfigUpdate, policy: Arc<Policy>) {
        report_changes(&self.estate.configuration.borrow().policy, &policy);
        self.estate.store.save_config(&update);
        let mut configuration = self.estate.configuration.borrow_mut();
        configuration.policy = policy;
        configuration.source = "server";
        configuration.server = Some(update);
    }

    /// Whether this is what is in force, or what was refused already.
    fn is_known(&self, hash: &str, version: u64) -> bool {
        let configuration = self.estate.configuration.borrow();
        let in_force = configuration.server.as_ref();
        let refused = configuration
            .status
            .as_ref()
            .filter(|status| status.state == ConfigState::Failed);
        in_force.is_some_and(|server| server.hash == hash && (version == 0 || server.version == version))
            || (version > 0 && refused.is_some_and(|status| status.version == version))
    }
}

/// One line for each thing that changed.
fn report_changes(before: &Policy, after: &Policy) {
    let changed = |what: &str, before: String, after: String| {
        if before != after {
            tracing::info!("{what} changed: {before} -> {after}");
        }
    };
    changed("security checks", checks(before), checks(after));
    changed(
        "beacon interval",
        format!("{:?}", before.beacon_delay()),
        format!("{:?}", after.beacon_delay()),
    );
    for key in before
        .raw()
        .keys()
        .chain(after.raw().keys().filter(|key| !before.raw().contains_key(*key)))
    {
        if key != "SECURITY_CHECKS" && key != "BEACON_DELAY" && before.raw().get(key) != after.raw().get(key) {
            tracing::info!("{key} changed");
        }
    }
}

/// The checks that are on, as `path=1, flood=2`.
pub(crate) fn checks(policy: &Policy) -> String {
    let on: Vec<String> = policy
        .checks_on()
        .iter()
        .map(|(check, level)| format!("{}={}", check.name(), *level as u8))
        .collect();
    if on.is_empty() {
        "none".to_owned()
    } else {
        on.join(", ")
    }
}

impl Handler<ConfigReceived> for ConfigFetcher {
    type Result = ();

    fn handle(&mut self, ConfigReceived { body, name }: ConfigReceived, _: &mut Self::Context) {
        let hash = config_hash(&body);
        let version = name.as_ref().map_or(0, |name| name.version);
        if name.is_some_and(|name| name.hash != hash) {
            tracing::warn!(
                version,
                "configuration from the server does not match its hash: refused"
            );
            return;
        }
        if !self.is_known(&hash, version) {
            self.apply(&ConfigUpdate { version, hash, body });
        } else if self.estate.configuration.borrow().source == "disk" {
            self.estate.configuration.borrow_mut().source = "server";
            self.announce();
        }
    }
}

impl Handler<ReportPart> for ConfigFetcher {
    type Result = ();

    fn handle(&mut self, ReportPart { exchange }: ReportPart, _: &mut Self::Context) {
        let configuration = self.estate.configuration.borrow();
        let have = configuration.server.as_ref().filter(|server| server.version > 0);
        let part = ConfigPart {
            have: have.map(|server| ConfigCursor {
                version: server.version,
                hash: server.hash.clone(),
            }),
            status: configuration.status.clone().filter(|status| status.version > 0),
        };
        tell(
            &self.part_reported,
            PartReported {
                exchange,
                part: Part::Config(part),
            },
        );
    }
}

super::crashable!(ConfigFetcher);
