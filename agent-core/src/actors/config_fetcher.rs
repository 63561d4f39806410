//! ConfigFetcher: the configuration and its version. It checks and compiles what the server sends, puts it in force as a whole
//! or not at all, has it watched for a while, reports what became of it, and keeps the last one that worked.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Recipient};

use super::{
    DeathNotice, Tree,
    configuration::{Configuration, DISK, Taken},
    estate::Estate,
    messages::{ConfigPart, ConfigReceived, Errand, Part, PartReported, PolicyChanged, ReportPart, Speak},
    tell,
};
use crate::{
    guard::{TrialFailure, TrialState},
    model::policy::{Policy, SERVER, config_hash},
    notice,
    protocol::v2::{ConfigState, ConfigUpdate},
};

/// How often a configuration on trial is looked at: a bad one shuts customers out no longer than that and the tenth request or so.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// The actor.
pub(super) struct ConfigFetcher {
    estate: Rc<Estate>,
    policy_changed: [Recipient<PolicyChanged>; 3],
    part_reported: Recipient<PartReported>,
    speak: Recipient<Speak>,
    next: Recipient<Errand>,
    /// Whether the next look at the trial is arranged for.
    is_watching: bool,
    _notice: DeathNotice,
}

impl Actor for ConfigFetcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        self.announce();
        self.begin_to_watch(ctx);
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
            next: to.request_guard.clone().recipient(),
            is_watching: false,
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

    /// Puts a configuration of the server's in force on trial, or says why it cannot be.
    fn apply(&mut self, update: ConfigUpdate, ctx: &mut Context<Self>) {
        let (version, store) = (update.version, &self.estate.store);
        let mut configuration = self.estate.configuration.borrow_mut();
        let before = Arc::clone(&configuration.policy);
        let taken = configuration.take(update, self.estate.times(), |kept| store.save_believed(kept));
        let mut is_on_trial = false;
        match taken {
            // it is said once
            Taken::Doubted(_, false) => return,
            Taken::Doubted(error, true) => {
                notice::error(&format!(
                    "configuration {version} from the server not believed: the running one stays: {error}"
                ));
            }
            Taken::Refused(error) => {
                notice::warn(&format!(
                    "configuration {version} from the server refused: the running one stays: {error}"
                ));
            }
            Taken::Renamed { is_signed_again } => {
                tracing::info!(version, "the configuration in force is signed as another version");
                let proven = configuration.server.as_ref().filter(|_| configuration.trial.is_none());
                // a version alone is not written down: a server may send others as fast as it likes
                if let Some(proven) = proven.filter(|_| is_signed_again) {
                    store.save_config(proven);
                }
            }
            Taken::OnTrial => {
                report_changes(&before, &configuration.policy);
                tracing::info!(version, "configuration from the server in force on probation");
                report_weaknesses(&configuration);
                is_on_trial = true;
            }
        }
        drop(configuration);
        if is_on_trial {
            self.begin_to_watch(ctx);
        }
        self.announce();
        tell(&self.speak, Speak::Soon);
    }

    fn begin_to_watch(&mut self, ctx: &mut Context<Self>) {
        if !self.is_watching {
            self.is_watching = true;
            self.watch(ctx);
        }
    }

    /// Looks at the trial, as long as there is one.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        let trial = self
            .estate
            .configuration
            .borrow()
            .trial
            .as_ref()
            .map(|on| Arc::clone(&on.trial));
        let Some(trial) = trial else {
            self.is_watching = false;
            return;
        };
        match trial.state(&self.estate.shared.recent, self.estate.now()) {
            TrialState::Running => {}
            TrialState::Passed => self.keep(),
            TrialState::Failed(failure) => self.roll_back(&failure),
        }
        ctx.run_later(WATCH_EVERY, Self::watch);
    }

    fn keep(&self) {
        let mut configuration = self.estate.configuration.borrow_mut();
        if let Some(milder) = configuration.passed_more() {
            report_weaker(configuration.weakened, &milder);
        }
        if let Some(update) = configuration.keep() {
            self.estate.store.save_config(update);
            tracing::info!(version = update.version, "configuration has passed its probation");
        }
        drop(configuration);
        self.announce();
        tell(&self.speak, Speak::Soon);
    }

    fn roll_back(&self, failure: &TrialFailure) {
        let mut configuration = self.estate.configuration.borrow_mut();
        if let Some(update) = configuration.roll_back() {
            let version = update.version;
            notice::error(&format!(
                "configuration {version} rolled back: the one before is in force again: {failure}"
            ));
            configuration.reject(&update, ConfigState::RolledBack, failure.to_string());
        }
        drop(configuration);
        self.estate.save_safety();
        self.announce();
        tell(&self.speak, Speak::Soon);
    }
}

/// What of a configuration is not in force, and what it protects less than the one before.
fn report_weaknesses(configuration: &Configuration) {
    for held in configuration.policy.held() {
        notice::warn(&held.to_string());
    }
    if !configuration.weaker.is_empty() {
        report_weaker(configuration.weakened, &configuration.weaker.join("; "));
    }
}

/// What a server says first is its operator's choice; what it takes back later may not be.
fn report_weaker(weakened: bool, weaker: &str) {
    if weakened {
        notice::error(&format!(
            "the configuration from the server protects less than the one before: {weaker}"
        ));
    } else {
        notice::warn(&format!(
            "the configuration from the server protects less than the host's own: {weaker}"
        ));
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
    let known = before.cautions();
    for caution in after.cautions().iter().filter(|caution| !known.contains(caution)) {
        notice::warn(caution);
    }
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

    fn handle(&mut self, received: ConfigReceived, ctx: &mut Self::Context) {
        let ConfigReceived {
            body,
            name,
            signature,
            template,
            is_update,
        } = received;
        let body = if name.is_some() {
            body
        } else {
            self.estate
                .configuration
                .borrow()
                .of_version_1(body, template, is_update)
        };
        let hash = config_hash(&body);
        let version = name.as_ref().map_or(0, |name| name.version);
        if name.is_some_and(|name| name.hash != hash) {
            notice::warn(&format!(
                "configuration {version} from the server does not match its hash: refused"
            ));
            return;
        }
        let mut configuration = self.estate.configuration.borrow_mut();
        let is_in_force = configuration.server.as_ref().is_some_and(|server| server.hash == hash);
        if !configuration.knows(&hash, version) {
            drop(configuration);
            let update = ConfigUpdate {
                version,
                hash,
                body,
                signature,
            };
            self.apply(update, ctx);
        } else if configuration.still_rejects(&hash, version) {
            tell(&self.speak, Speak::Soon);
        } else if configuration.source == DISK && is_in_force {
            configuration.source = SERVER;
            drop(configuration);
            self.announce();
        }
    }
}

impl Handler<Errand> for ConfigFetcher {
    type Result = ();

    fn handle(&mut self, errand: Errand, _: &mut Self::Context) {
        tell(&self.next, errand);
    }
}

impl Handler<ReportPart> for ConfigFetcher {
    type Result = ();

    fn handle(&mut self, ReportPart { exchange }: ReportPart, ctx: &mut Self::Context) {
        let now_s = self.estate.times().unix.as_secs();
        let in_time = self.estate.configuration.borrow_mut().in_time_now(now_s);
        if let Some(update) = in_time {
            self.apply(update, ctx);
        }
        let mut configuration = self.estate.configuration.borrow_mut();
        let part = ConfigPart {
            have: configuration.have(),
            status: configuration.reported(now_s),
        };
        drop(configuration);
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
