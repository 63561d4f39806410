//! A profile in force: its configuration checked, completed and encoded for agents of both versions.

use std::{collections::BTreeSet, sync::Arc};

use arc_swap::ArcSwapOption;
use buckler::{
    model::{
        policy::{Layer, Policy, config_hash, delivered, normal},
        signing::{MOST_CHANGES, all_have_signed},
    },
    protocol::{
        ConfigMap,
        v2::{self, Evidence, Signature},
    },
};
use bytestring::ByteString;
use serde_json::{Value, json, value::RawValue};

use super::{
    v1::{self, for_pyrasp},
    written,
};
use crate::{
    config::{ConfigError, Profile},
    exchange::is_news,
    store::{BanRules, ProfileState},
};

/// The object that a configuration may come in, as [`normal`] writes keys.
const WRAPPER: &str = "CONFIG";

/// A profile in force.
#[derive(Debug)]
pub(crate) struct LiveProfile {
    name: Arc<str>,
    fleet: Arc<str>,
    template: String,
    share_from: Evidence,
    version: u64,
    /// The fingerprint of what the file says of it.
    file: String,
    /// Whether the admin API put its configuration in the place of the file's.
    is_replaced: bool,
    /// Since when it is in force, in milliseconds since the Unix epoch.
    since_ms: u64,
    /// What the operator wrote, with keys in upper case.
    config: ConfigMap,
    /// What that is on top of the default template.
    changes: ConfigMap,
    /// Who has signed that, which is then delivered as it is.
    signature: Option<Signature>,
    policy: Policy,
    /// The configuration as it was served last, with the beacon URL it was made for: in practice the only one.
    served: ArcSwapOption<(String, Arc<Served>)>,
}

/// A configuration as a version 2 agent gets it.
#[derive(Debug)]
pub(crate) struct Served {
    /// Its version and hash.
    pub(crate) cursor: v2::ConfigCursor,
    /// `config` of the reply.
    pub(crate) json: Arc<RawValue>,
    /// The push that carries it.
    pub(crate) frame: ByteString,
}

impl Served {
    /// Whether an agent that has `have`, and said `status` of it, must be sent this.
    #[must_use]
    pub(crate) fn is_news(&self, have: Option<&v2::ConfigCursor>, status: Option<&v2::ConfigStatus>) -> bool {
        is_news(&self.cursor, have, status)
    }
}

impl LiveProfile {
    /// Checks a profile. It gets the next version and the time, unless `kept` is one that says the
    /// same.
    ///
    /// # Errors
    /// If its configuration is not valid.
    pub(super) fn compile(
        name: &str,
        profile: &Profile,
        kept: Option<&ProfileState>,
        (next, unix_ms): (u64, u64),
    ) -> Result<Self, ConfigError> {
        let Profile {
            keys: _,
            client_subjects: _,
            keys_blake3: _,
            fleet,
            template,
            share_from,
            config,
        } = profile;
        let invalid = |reason: String| ConfigError::Profile {
            profile: name.to_owned(),
            reason,
        };
        let bare = normal(config);
        if let Some(key) = written::placeholder(&bare) {
            return Err(invalid(format!(
                "{key}: found the sign for the secret in force, and there is none of this name: write the secret itself"
            )));
        }
        if bare.contains_key("KEY") {
            return Err(invalid(
                "found KEY in the configuration, allowed is only the profile's own `keys`".to_owned(),
            ));
        }
        if bare.contains_key(WRAPPER) {
            return Err(invalid(
                "config: found beside other keys, allowed is {\"config\": {…}} alone, or its keys without it"
                    .to_owned(),
            ));
        }
        let policy = Policy::compile(template, &[Layer::new(format!("profile {name:?}"), config.clone())])
            .map_err(|error| invalid(error.to_string()))?;
        let config = bare;
        let mut slips = Vec::new();
        let unknown = policy.unknown_keys().iter();
        for unknown in unknown.filter(|unknown| !v1::pyrasp_knows(&unknown.key)) {
            if let Some(meant) = policy.meant_by(unknown) {
                slips.push(format!("{}: found an unknown key, did you mean {meant}?", unknown.key));
            }
        }
        if !slips.is_empty() {
            return Err(invalid(slips.join("\n")));
        }
        Ok(Self {
            name: name.into(),
            fleet: fleet.as_str().into(),
            template: template.clone(),
            share_from: *share_from,
            version: kept.map_or(next, |kept| kept.version),
            file: profile.fingerprint(),
            is_replaced: false,
            since_ms: kept.map_or(unix_ms, |kept| kept.at_ms),
            changes: delivered(template, &config).map_err(|error| invalid(error.to_string()))?,
            signature: None,
            config,
            policy,
            served: ArcSwapOption::empty(),
        })
    }

    /// Says in the log what is odd in a profile that is in force from now on.
    pub(super) fn announce(&self) {
        let unknown = self.policy.unknown_keys().iter();
        for unknown in unknown.filter(|unknown| !v1::pyrasp_knows(&unknown.key)) {
            tracing::warn!(profile = %self.name, key = unknown.key, "no agent knows this key");
        }
        if !self.policy.shares() {
            tracing::warn!(
                profile = %self.name,
                "its agents share no bans: a client that one of them catches is not refused by the others; to share, set \
                 BLACKLIST_SHARE = true"
            );
        }
    }

    /// The same profile, with the configuration that the admin API gave it.
    pub(super) fn replaced(self, kept: &ProfileState) -> Self {
        // the template may be another in this release, and with it what agents are sent
        if let Some(Err(error)) = kept.signature.as_ref().map(|signature| self.check(signature)) {
            tracing::error!(profile = %self.name, %error, "the configuration has to be signed again: agents that require a signature refuse it");
        }
        Self {
            file: kept.file.clone(),
            is_replaced: true,
            signature: kept.signature.clone(),
            ..self
        }
    }

    /// The same profile with another configuration in the place of the file's. It keeps its version
    /// if it says the same and was signed by the same.
    ///
    /// # Errors
    /// If it is not valid, or was not signed by whom the signature names.
    pub(super) fn with_config(
        &self,
        config: &ConfigMap,
        signature: Option<Signature>,
        (next, unix_ms): (u64, u64),
    ) -> Result<Self, ConfigError> {
        let profile = Profile {
            keys: Vec::new(),
            client_subjects: Vec::new(),
            keys_blake3: Vec::new(),
            fleet: self.fleet.to_string(),
            template: self.template.clone(),
            share_from: self.share_from,
            config: written::unhidden(config.clone(), &self.config),
        };
        let mut live = Self::compile(&self.name, &profile, None, (next, unix_ms))?;
        if let Some(signature) = &signature {
            live.check(signature)?;
        }
        live.signature = signature;
        if live.config == self.config && live.signature == self.signature {
            live.version = self.version;
        }
        live.file.clone_from(&self.file);
        live.is_replaced = true;
        Ok(live)
    }

    /// Whether all have signed this that a signature names: only agents know whom to believe, and
    /// whatever was signed of another configuration all of them would refuse.
    fn check(&self, signature: &Signature) -> Result<(), ConfigError> {
        let invalid = |reason: String| ConfigError::Profile {
            profile: self.name.to_string(),
            reason,
        };
        if *signature.profile != *self.name {
            let found = &signature.profile;
            return Err(invalid(format!(
                "signature.profile: found {found:?}, allowed is {:?}",
                self.name
            )));
        }
        if signature.keys.len() > MOST_CHANGES {
            let found = signature.keys.len();
            return Err(invalid(format!(
                "signature.keys: found {found}, allowed are up to {MOST_CHANGES}"
            )));
        }
        if all_have_signed(signature, &config_hash(&self.changes)) {
            return Ok(());
        }
        let template = &self.template;
        Err(invalid(format!(
            "signature: found one that is not of this configuration over the template {template:?}, allowed is what `bucklerctl sign config` \
             makes of the very same"
        )))
    }

    /// Who has signed its configuration.
    #[must_use]
    pub(crate) const fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// What is to be said where the configuration before was signed, and this one is not.
    pub(crate) fn warning_after(&self, before: &Self) -> Option<&'static str> {
        let is_lost = before.signature.is_some() && self.signature.is_none();
        is_lost.then_some(
            "the configuration before was signed, and this one is not: agents that require a signature refuse it, and keep the one before",
        )
    }

    /// As the store keeps it.
    pub(super) fn state(&self) -> ProfileState {
        ProfileState {
            name: Arc::clone(&self.name),
            version: self.version,
            file: self.file.clone(),
            replaced: self.is_replaced.then(|| self.config.clone()),
            signature: self.signature.clone(),
            at_ms: self.since_ms,
        }
    }

    /// What the operator wrote, with keys in upper case and secrets as they are.
    pub(super) const fn config(&self) -> &ConfigMap {
        &self.config
    }

    /// Whether the admin API put its configuration in the place of the file's.
    pub(crate) const fn is_replaced(&self) -> bool {
        self.is_replaced
    }

    /// The fingerprint of what the file says of it.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Since when its configuration is in force, in milliseconds since the Unix epoch.
    pub(crate) const fn since_ms(&self) -> u64 {
        self.since_ms
    }

    /// What is odd in its configuration: keys that no agent knows.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let unknown = self.policy.unknown_keys().iter();
        unknown
            .map(|unknown| format!("{}: no agent knows this key", unknown.key))
            .collect()
    }

    /// Its name.
    #[must_use]
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The fleet whose list its agents share.
    #[must_use]
    pub(crate) const fn fleet(&self) -> &Arc<str> {
        &self.fleet
    }

    /// The template it builds on.
    #[must_use]
    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    /// Rises with every change, over restarts too: it is the time of the change, or one more than any before.
    #[must_use]
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// What the operator wrote, with keys in upper case and secrets hidden.
    #[must_use]
    pub(crate) fn shown(&self) -> ConfigMap {
        written::shown(&self.config)
    }

    /// The keys in which its configuration differs from another's, as they were and as they are,
    /// secrets hidden, with both versions.
    #[must_use]
    pub(crate) fn changes_from(&self, before: &Self) -> (Value, Value) {
        let keys = before.config.keys().chain(self.config.keys());
        let changed: BTreeSet<&String> = keys
            .filter(|key| before.config.get(*key) != self.config.get(*key))
            .collect();
        let state = |live: &Self| {
            let mut shown = live.shown();
            shown.retain(|key, _| changed.contains(key));
            json!({"version": live.version, "config": shown})
        };
        (state(before), state(self))
    }

    /// What it comes to on top of its template.
    #[must_use]
    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What it makes of its agents' bans.
    #[must_use]
    pub(crate) fn bans(&self) -> BanRules {
        BanRules {
            lengths: [0, 1, 2].map(|earlier| self.policy.ban_length(earlier).as_secs()),
            share_from: self.share_from,
        }
    }

    /// The configuration for a version 2 agent.
    ///
    /// # Errors
    /// What serde says, which for JSON values is nothing.
    pub(crate) fn served(&self, beacon_url: &str) -> Result<Arc<Served>, serde_json::Error> {
        if let Some(last) = &*self.served.load()
            && last.0 == beacon_url
        {
            return Ok(Arc::clone(&last.1));
        }
        let signature = self.signature.clone();
        let body = match &signature {
            // what is signed is delivered as it is: agents find their server without its URL
            Some(_) => self.changes.clone(),
            None => self.completed(beacon_url),
        };
        let hash = config_hash(&body);
        let cursor = v2::ConfigCursor {
            version: self.version,
            hash: hash.clone(),
            signed: signature.as_ref().map(|signature| signature.version),
        };
        let update = v2::ConfigUpdate {
            version: self.version,
            hash,
            body,
            signature,
        };
        let json: Arc<RawValue> = serde_json::value::to_raw_value(&update)?.into();
        let frame = format!(r#"{{"v2":{{"config":{json}}}}}"#).into();
        let served = Arc::new(Served { cursor, json, frame });
        self.served
            .store(Some(Arc::new((beacon_url.to_owned(), Arc::clone(&served)))));
        Ok(served)
    }

    /// The configuration for a version 1 agent.
    #[must_use]
    pub(crate) fn served_v1(&self, beacon_url: &str) -> ConfigMap {
        for_pyrasp(self.completed(beacon_url), &self.policy)
    }

    /// The whole configuration, for a version 1 agent that takes one in a beacon's reply.
    #[must_use]
    pub(crate) fn served_v1_whole(&self, beacon_url: &str) -> ConfigMap {
        for_pyrasp(v1::whole(&self.completed(beacon_url), &self.policy), &self.policy)
    }

    /// The template for a version 1 agent; none where it may keep its own, and where pyrasp has
    /// none of this name.
    #[must_use]
    pub(crate) fn template_v1(&self) -> Option<&str> {
        /// pyrasp's templates but its default, over which a profile's changes say all.
        const THEIRS: [&str; 4] = ["audit", "monitor", "llm", "mcp"];
        THEIRS
            .contains(&self.template.as_str())
            .then_some(self.template.as_str())
    }

    /// Whether the operator says where beacons go.
    #[must_use]
    pub(crate) fn names_beacon_url(&self) -> bool {
        self.changes.get("BEACON_URL").is_some_and(|url| *url != "")
    }

    /// What the profile changes, and without which no beacon would ever come: pyrasp's default is off, and no URL.
    fn completed(&self, beacon_url: &str) -> ConfigMap {
        let mut body = self.changes.clone();
        if body.get("BEACON_URL").is_none_or(|url| *url == "") {
            body.insert("BEACON_URL".to_owned(), beacon_url.into());
        }
        body.entry("BEACON").or_insert(Value::Bool(true));
        body
    }
}
