//! The configuration in force, where it comes from, and how it stands: on trial, proven, or taken back. ConfigFetcher's.

mod taking;
#[cfg(test)]
mod tests;
mod told;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

pub(crate) use self::{taking::Taken, told::Coverage};
use crate::{
    guard::Trial,
    model::{
        policy::{Check, Floor, Layer, Policy, PolicyError, SERVER, is_template, laid_over},
        signing::{Believed, Kept, Mode, SigningError, Trust},
    },
    notice,
    protocol::{
        ConfigMap,
        v2::{ConfigCursor, ConfigState, ConfigStatus, ConfigUpdate, Signature},
    },
    status::ConfigInForce,
};

/// Where the template that a version 1 server named is kept in its configuration, so that it is saved, compared and taken back
/// with it.
const TEMPLATE: &str = "TEMPLATE";

/// The source of a configuration that no server had a part in.
pub(crate) const LOCAL: &str = "local";

/// That of one that a server sent to an earlier run, and has not confirmed to this one.
pub(crate) const DISK: &str = "disk";

/// The configuration's layers, and what they were compiled into.
pub(crate) struct Configuration {
    pub(crate) template: String,
    pub(crate) file: Vec<Layer>,
    pub(crate) server: Option<ConfigUpdate>,
    pub(crate) code: Option<Layer>,
    /// What the server's may not go below.
    pub(crate) floor: Floor,
    /// Whose configurations are believed.
    pub(crate) trust: Trust,
    /// What was believed last.
    pub(crate) believed: Believed,
    /// Why the server's newest configuration is not believed.
    pub(crate) unsigned: Option<String>,
    /// What was not believed last, and why: it is judged again when its time may have come.
    pub(crate) doubted: Option<(ConfigUpdate, SigningError)>,
    /// Whether it was said that the signature of the one in force has ended.
    pub(crate) has_ended: bool,
    /// In what the policy in force protects less than the one before it.
    pub(crate) weaker: Vec<String>,
    /// Whether the one before it was the server's, too: what a server says first is its operator's
    /// choice.
    pub(crate) weakened: bool,
    pub(crate) policy: Arc<Policy>,
    pub(crate) source: &'static str,
    pub(crate) status: Option<ConfigStatus>,
    /// While `policy` has not proven itself: how it does, and what runs again where it does not.
    pub(crate) trial: Option<OnTrial>,
    /// Trials so far, each with its number.
    pub(crate) trials: u32,
    /// What was refused or rolled back last, and is not tried again.
    pub(crate) rejected: Option<Rejected>,
}

/// A configuration's trial.
pub(crate) struct OnTrial {
    pub(crate) trial: Arc<Trial>,
    pub(crate) before: Running,
}

/// A configuration that worked.
pub(crate) struct Running {
    pub(crate) policy: Arc<Policy>,
    pub(crate) server: Option<ConfigUpdate>,
    pub(crate) source: &'static str,
}

/// A configuration that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    /// 0 from a version 1 server.
    pub(crate) version: u64,
    pub(crate) hash: String,
}

impl Configuration {
    /// Compiles the layers with this configuration of the server's in its place: template, file, server, code.
    pub(crate) fn compile(&self, server: Option<&ConfigUpdate>) -> Result<Policy, PolicyError> {
        let version = server.map_or(0, |update| update.version);
        let template = server.and_then(named_template).unwrap_or(&self.template);
        let server = server.map(|update| {
            let mut keys = update.body.clone();
            if update.version == 0 {
                keys.remove(TEMPLATE);
            }
            Layer {
                origin: SERVER.to_owned(),
                keys,
            }
        });
        let layers: Vec<Layer> = self
            .file
            .iter()
            .cloned()
            .chain(server)
            .chain(self.code.clone())
            .collect();
        Policy::compile_above(&self.floor, template, &layers).map(|policy| policy.numbered(version))
    }

    /// What a version 1 server's configuration comes to, as pyrasp 0.10.2 takes it: at registration it replaces what was there; in a
    /// beacon's reply it is laid over that, unless it names another template, which begins afresh.
    pub(crate) fn of_version_1(&self, body: ConfigMap, template: Option<String>, is_update: bool) -> ConfigMap {
        let named = template.filter(|name| {
            let known = is_template(name);
            if !known {
                let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                tracing::warn!(
                    template = name,
                    "the server names a template that does not exist: the one in force stays"
                );
            }
            known
        });
        let before = self.server.as_ref().filter(|server| is_update && server.version == 0);
        let stays = named.as_deref().is_none_or(|named| named == self.policy.template());
        let mut body = match before.filter(|_| stays) {
            Some(before) => laid_over(&before.body, body),
            None => body,
        };
        if let Some(template) = named {
            body.insert(TEMPLATE.to_owned(), template.into());
        }
        body
    }

    /// What is to be kept of what is believed; `None` where no signature is looked at.
    pub(crate) fn kept(&self) -> Option<Kept> {
        (self.trust.mode != Mode::Off).then(|| self.trust.keep(&self.believed))
    }

    /// Whether a configuration of the server's may be taken, by who has signed it.
    ///
    /// # Errors
    /// Why not. Where the host only prefers signatures, it is said and noted, and no error.
    pub(crate) fn believe(&mut self, update: &ConfigUpdate, now_s: u64) -> Result<(), SigningError> {
        if self.trust.mode == Mode::Off {
            return Ok(());
        }
        let signature = update.signature.as_ref();
        match self.trust.judge(&self.believed, &update.hash, signature, now_s) {
            Ok(believed) => {
                self.believed = believed;
                self.unsigned = None;
                self.doubted = None;
                self.has_ended = false;
                Ok(())
            }
            Err(error) => {
                let version = update.version;
                self.unsigned = Some(format!("configuration {version} is not believed: {error}"));
                if self.trust.mode == Mode::Require {
                    return Err(error);
                }
                notice::error(&format!(
                    "configuration {version} from the server is taken, and should not be believed: {error}"
                ));
                Ok(())
            }
        }
    }

    /// Writes down that a configuration is not believed, so that the server learns of it. Whether
    /// that is news. Unlike one that does not work it is judged again: what is wrong may be the
    /// host's clock, or its settings.
    pub(crate) fn doubt(&mut self, update: &ConfigUpdate, error: &SigningError) -> bool {
        self.status = Some(ConfigStatus {
            version: update.version,
            state: ConfigState::Failed,
            error: Some(format!("not believed: {error}")),
        });
        let is_known = self.doubted.as_ref().is_some_and(|(known, _)| {
            (known.version, &known.hash, &known.signature) == (update.version, &update.hash, &update.signature)
        });
        self.doubted = Some((update.clone(), error.clone()));
        !is_known
    }

    /// What was not believed because its time was over, and is not by the clock as it is now.
    pub(crate) fn in_time_now(&mut self, now_s: u64) -> Option<ConfigUpdate> {
        let is_in_time =
            |(_, why): &mut (ConfigUpdate, SigningError)| matches!(why, SigningError::Expired(end) if now_s < *end);
        self.doubted.take_if(is_in_time).map(|(update, _)| update)
    }

    /// Whether this is what is in force under another version, or signed once more: where
    /// signatures are looked at, that begins no trial, which a server could keep from ending.
    pub(crate) fn is_in_force(&self, hash: &str) -> bool {
        self.trust.mode != Mode::Off && self.server.as_ref().is_some_and(|server| server.hash == hash)
    }

    /// The configuration in force has another version or signature from now on, on trial as before
    /// or proven.
    pub(crate) fn rename(&mut self, update: ConfigUpdate, policy: Arc<Policy>) {
        let held = held(&policy);
        self.status = Some(ConfigStatus {
            version: update.version,
            state: if self.trial.is_some() {
                ConfigState::Probation
            } else {
                ConfigState::Applied
            },
            error: (!held.is_empty()).then(|| held.join("; ")),
        });
        (self.policy, self.source, self.server) = (policy, SERVER, Some(update));
    }

    /// The signature of the configuration in force, where it was believed. What was believed last
    /// is another after a roll-back.
    fn signature_in_force(&self) -> Option<&Signature> {
        let server = self.server.as_ref().filter(|_| self.trust.mode != Mode::Off)?;
        let signature = server.signature.as_ref()?;
        // a host that prefers signatures has taken what it did not believe, too
        let Believed {
            keys: _,
            version,
            hash,
            expires_s,
        } = &self.believed;
        let is_the_last = || (&server.hash, signature.version, signature.expires_s) == (hash, *version, *expires_s);
        (self.trust.mode == Mode::Require || is_the_last()).then_some(signature)
    }

    /// What is to be said of the signature of the configuration in force. Whether its time is over
    /// is said in the log once.
    pub(crate) fn doubts(&mut self, now_s: u64) -> Option<String> {
        let in_force = self.server.as_ref().filter(|_| self.trust.mode != Mode::Off)?;
        let signature = self.signature_in_force();
        let Some(end) = signature
            .map(|signature| signature.expires_s)
            .filter(|end| *end <= now_s)
        else {
            return self.unsigned.clone();
        };
        let ended = SigningError::Expired(end);
        if !std::mem::replace(&mut self.has_ended, true) {
            notice::error(&format!("the configuration in force stays, and {ended}"));
        }
        Some(format!("configuration {}: {ended}", in_force.version))
    }

    /// What the server is told of the newest configuration.
    pub(crate) fn reported(&mut self, now_s: u64) -> Option<ConfigStatus> {
        let doubts = self.doubts(now_s);
        let status = self.status.clone().filter(|status| status.version > 0);
        let Some(doubts) = doubts else { return status };
        let in_force = self.server.as_ref().filter(|server| server.version > 0);
        let mut status = status.or_else(|| {
            Some(ConfigStatus {
                version: in_force?.version,
                state: ConfigState::Applied,
                error: None,
            })
        })?;
        // one that was refused says why itself
        if matches!(status.state, ConfigState::Applied | ConfigState::Probation) {
            status.error = Some(
                status
                    .error
                    .map_or_else(|| doubts.clone(), |error| format!("{doubts}; {error}")),
            );
        }
        Some(status)
    }

    /// Puts a configuration in force, on trial. What runs again where it fails is the last one that worked, not one that was on
    /// trial itself.
    pub(crate) fn try_out(&mut self, update: ConfigUpdate, policy: Arc<Policy>, now: Duration) {
        let version = update.version;
        self.weaker = policy.weaker_than(&self.policy);
        self.weakened = self.source != LOCAL && !self.weaker.is_empty();
        let held = held(&policy);
        let replaced = Running {
            policy: std::mem::replace(&mut self.policy, policy),
            server: self.server.replace(update),
            source: std::mem::replace(&mut self.source, SERVER),
        };
        let before = self.trial.take().map_or(replaced, |on_trial| on_trial.before);
        self.trials = self.trials.wrapping_add(1).max(1);
        self.trial = Some(OnTrial {
            trial: Arc::new(Trial::new(self.trials, Arc::clone(&before.policy), now)),
            before,
        });
        self.status = Some(ConfigStatus {
            version,
            state: ConfigState::Probation,
            error: (!held.is_empty()).then(|| held.join("; ")),
        });
    }

    /// What has passed in the trial, and would have been refused before, in words; it is among what
    /// is weaker from then on.
    pub(crate) fn passed_more(&mut self) -> Option<String> {
        let (requests, by) = self.trial.as_ref()?.trial.milder();
        if requests == 0 {
            return None;
        }
        let by: Vec<&str> = by.into_iter().map(Check::name).collect();
        let milder = format!(
            "{requests} of the first requests have passed that were refused before ({})",
            by.join(", ")
        );
        self.weaker.push(milder.clone());
        self.weakened |= self.trial.as_ref().is_some_and(|trial| trial.before.source != LOCAL);
        Some(milder)
    }

    /// The configuration on trial has proven itself: from now on it is the one that worked last.
    pub(crate) fn keep(&mut self) -> Option<&ConfigUpdate> {
        self.trial.take()?;
        // one that came meanwhile and was refused is the newer news
        if let Some(status) = self
            .status
            .as_mut()
            .filter(|status| status.state == ConfigState::Probation)
        {
            status.state = ConfigState::Applied;
        }
        self.server.as_ref()
    }

    /// Takes the configuration on trial back, and gives it out.
    pub(crate) fn roll_back(&mut self) -> Option<ConfigUpdate> {
        let Running { policy, server, source } = self.trial.take()?.before;
        self.policy = policy;
        self.source = source;
        self.weaker = Vec::new();
        self.weakened = false;
        self.has_ended = false;
        std::mem::replace(&mut self.server, server)
    }

    /// Writes down that a configuration does not work, so that the server learns of it and it is not tried again.
    pub(crate) fn reject(&mut self, update: &ConfigUpdate, state: ConfigState, why: String) {
        self.rejected = Some(Rejected {
            version: update.version,
            hash: update.hash.clone(),
        });
        self.status = Some(ConfigStatus {
            version: update.version,
            state,
            error: Some(why),
        });
    }

    /// The server's configuration that worked last: not one that is on trial.
    pub(crate) fn proven(&self) -> Option<&ConfigUpdate> {
        let before = self.trial.as_ref().map(|on_trial| &on_trial.before);
        before.map_or(self.server.as_ref(), |before| before.server.as_ref())
    }

    /// Whether this is what is in force, or what did not work. The same body under another version is an operator's second try.
    pub(crate) fn knows(&self, hash: &str, version: u64) -> bool {
        let (in_force, rejected) = (self.server.as_ref(), self.rejected.as_ref());
        in_force.is_some_and(|server| server.hash == hash && (version == 0 || server.version == version))
            || rejected.is_some_and(|rejected| rejected.hash == hash && rejected.version == version)
    }

    /// Whether the server sends what did not work here, and does not know it: one that was started
    /// anew, or another node. It is said once more then.
    pub(crate) fn still_rejects(&mut self, hash: &str, version: u64) -> bool {
        let rejected = self.rejected.as_ref();
        let is_rejected = rejected.is_some_and(|rejected| rejected.hash == hash && rejected.version == version);
        let is_said = self.status.as_ref().is_some_and(|status| status.version == version);
        if !is_rejected || is_said {
            return false;
        }
        self.status = Some(ConfigStatus {
            version,
            state: ConfigState::RolledBack,
            error: Some("it did not work here before".to_owned()),
        });
        true
    }

    /// What the server is told that the agent has.
    pub(crate) fn have(&self) -> Option<ConfigCursor> {
        let server = self.server.as_ref().filter(|server| server.version > 0)?;
        let signed = || server.signature.as_ref().map_or(0, |signature| signature.version);
        Some(ConfigCursor {
            version: server.version,
            hash: server.hash.clone(),
            signed: (self.trust.mode != Mode::Off).then(signed),
        })
    }
}

/// The template that a version 1 server named.
fn named_template(update: &ConfigUpdate) -> Option<&str> {
    let named = update.body.get(TEMPLATE).filter(|_| update.version == 0)?;
    named.as_str().filter(|name| is_template(name))
}

/// What of a configuration is below the host's floor and not in force, a line each.
pub(crate) fn held(policy: &Policy) -> Vec<String> {
    policy.held().iter().map(ToString::to_string).collect()
}

impl From<&Configuration> for ConfigInForce {
    fn from(configuration: &Configuration) -> Self {
        let Configuration {
            policy,
            source,
            server,
            status,
            trial,
            weaker,
            weakened,
            trust,
            unsigned,
            ..
        } = configuration;
        let signature = configuration.signature_in_force();
        let refused = status
            .as_ref()
            .filter(|status| matches!(status.state, ConfigState::Failed | ConfigState::RolledBack));
        let state = match (refused.map(|status| status.state), trial) {
            (Some(ConfigState::Failed), _) => "failed",
            (Some(_), _) => "rolled_back",
            (None, Some(_)) => "probation",
            (None, None) => "applied",
        };
        Self {
            template: policy.template().to_owned(),
            source,
            version: server
                .as_ref()
                .map(|server| server.version)
                .filter(|version| *version > 0),
            hash: server.as_ref().map(|server| server.hash.clone()),
            state,
            refused: refused.and_then(|status| status.error.clone()),
            cautions: policy.cautions(),
            held: held(policy),
            weaker: weaker.clone(),
            weakened: *weakened,
            signatures: trust.mode.name(),
            signed: signature.map(|signature| signature.version),
            signed_until_s: signature.map(|signature| signature.expires_s),
            unsigned: unsigned.clone(),
        }
    }
}
