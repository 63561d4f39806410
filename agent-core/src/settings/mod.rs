//! What the host decides: where the server is, which transport carries the conversation, what is guarded and how.
//!
//! Settings are layered, and a later layer wins: defaults, file, environment, the host's code. What is wrong is named with its
//! place, with what was found there and with what is allowed, and several problems are listed together.
//!
//! # The file
//! TOML, JSON or YAML, by its extension. Every key may be left out:
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("buckler.toml");
//! # std::fs::write(&path, r#"
//! [agent]
//! cloud_url = "http://127.0.0.1:9100/config"    # where the agent registers
//! key = "0b7e2d54"                              # its key there; a secret. Or key_file, or "${NAME}" of a variable
//! template = "default"                          # what the security settings begin from
//! state_dir = "/var/lib/shop/buckler"           # without it nothing is written to disk
//! trusted_proxies = ["10.0.0.0/8"]              # whose headers may name the client; "private" is every private network
//! client_ip_header = "X-Forwarded-For"          # the header in which they do
//! clients_are_private = false                   # true in an intranet: clients with private addresses may be banned
//! own_addresses = ["192.0.2.10"]                # the server's own, which are never banned
//! on_detector_failure = "allow"                 # or "block": what a request meets when a detector, or all of the guard, fails
//! compressed_bodies = "inspect"                 # or "pass" or "refuse": what a request meets whose body is compressed
//! uninspected = { too_large = "refuse" }        # or "pass" or "log", for each reason: a body that was not read to its end
//! enforce = true                                # false: every request passes, and what is found is only logged
//! kill_switch_file = "/run/shop/buckler-off"    # as if enforce were false while this file exists
//! log_dir = "/var/log/shop"                     # where findings may be logged to a file; without it they are not
//! breaker_share = 20                            # percent of recent clients that the fleet's list may shut out
//! stale_after = "7d"                            # a list that no server has confirmed for so long is only logged
//!
//! [agent.floor]                                 # what the server's configuration may not go below
//! levels = { sqli = 1, xss = 1 }                # the least that checks do
//! never_ignored = ["/login"]                    # paths that IGNORE_PATHS may not name
//! log_targets = ["logs.example.com"]            # hosts that findings may be sent to, besides the server's own
//!
//! [agent.signing]                               # whose configurations are believed
//! keys = ["ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
//! profile = "shop"                              # the agent's profile at the server
//! mode = "require"                              # or "prefer" or "off"
//!
//! [transport]
//! kind = "http-polling"
//!
//! [transport.http-polling]                      # the transport's own options
//! timeout = "10s"
//!
//! [security]                                    # any of pyrasp's keys, in upper or lower case
//! app_name = "shop"
//! hosts = ["shop.example.com"]
//! security_checks = { flood = 0 }               # only the checks named change
//! # "#)?;
//! # let settings = buckler::settings::Settings::builder().file(path).build()?;
//! # assert!(settings.cloud().is_some() && settings.warnings().is_empty());
//! # assert_eq!(settings.security().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A path is relative to the file that says it. A table of a transport that is not in use is allowed. A pyrasp `rasp.json` (its keys bare
//! or under `config`) can stand in the place of the whole file, or be named in it: `[security] file = "rasp.json"`.
//!
//! # The environment
//! `BUCKLER_CONFIG` names the file for [`Settings::load`]. What else begins with `BUCKLER_` and has no section is not read: Kubernetes
//! writes `BUCKLER_SERVICE_HOST`, `BUCKLER_PORT` and the like for a service called `buckler`. A variable that means nothing is a
//! warning. Every key has a variable, with two underscores between the levels:
//! `BUCKLER_AGENT__CLOUD_URL`, `BUCKLER_TRANSPORT__KIND`, `BUCKLER_TRANSPORT__HTTP_POLLING__TIMEOUT` (the table `http-polling`),
//! `BUCKLER_SECURITY__FLOOD_RATIO`, `BUCKLER_SECURITY__SECURITY_CHECKS__FLOOD`. Lists are written with commas, or as JSON; an empty text
//! switches an optional setting off. pyrasp's `PYRASP_CLOUD_URL`, `PYRASP_KEY` and `PYRASP_CONF` are read too, and lose against
//! `BUCKLER_AGENT__CLOUD_URL`, `BUCKLER_AGENT__KEY` and `BUCKLER_SECURITY__FILE`.
//!
//! # The order of security settings
//! Template; the file that `[security]` names; `[security]` itself; the file that the environment names, which is read in the place of
//! the one named in `[security]`; variables; the server; the host's code. A later one wins key by key, and in `SECURITY_CHECKS` check by
//! check.
//!
//! # Unknown keys
//! One in a file that resembles a known key is an error, since it was likely meant; any other is kept among [`Settings::warnings`], as
//! a later release may know it. One in the environment is always a warning.
//!
//! # Secrets
//! `key_file` names a file that holds the key, as orchestrators mount secrets. `${NAME}` in any text of a settings file stands for the
//! environment variable of this name; `$${NAME}` is the text itself.

mod agent;
mod builder;
mod environment;
mod error;
mod expand;
mod files;
mod floor;
mod identity;
mod layers;
mod section;
mod security;
mod signing;
mod transport;
mod units;
mod value;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use url::Url;

pub use self::{
    agent::AgentSettings,
    builder::SettingsBuilder,
    error::{Problem, SettingsError},
    identity::HostName,
    section::Section,
    transport::TransportSettings,
};
use self::{
    layers::Layers,
    security::{Security, Template},
};
use crate::{
    model::policy::{Layer, Policy},
    protocol::{AgentKey, ConfigMap, v2::Identity},
};

/// Everything the host decides, read and checked.
#[derive(Clone)]
pub struct Settings {
    agent: AgentSettings,
    transport: TransportSettings,
    local: Vec<Layer>,
    code: Option<Layer>,
    policy: Arc<Policy>,
    cloud_url_origin: String,
    warnings: Vec<Problem>,
    /// What they are read from again; absent where no file is.
    source: Option<Arc<SettingsBuilder>>,
    files: Vec<PathBuf>,
}

impl Settings {
    /// Settings from the environment, and from the file that its `BUCKLER_CONFIG` names.
    ///
    /// # Errors
    /// Names every problem with its place, with what was found and what is allowed.
    pub fn load() -> Result<Self, SettingsError> {
        Self::builder().environment().build()
    }

    /// Settings from a file (TOML, JSON or YAML, by its extension), with the environment over it.
    ///
    /// # Errors
    /// Names every problem with its place, with what was found and what is allowed.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, SettingsError> {
        Self::builder().file(path.as_ref()).environment().build()
    }

    /// Settings made in code, from the defaults alone.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// What the host decides about the agent itself.
    #[must_use]
    pub fn agent(&self) -> &AgentSettings {
        &self.agent
    }

    /// Which transport carries the conversation.
    #[must_use]
    pub fn transport(&self) -> &TransportSettings {
        &self.transport
    }

    /// The options of one transport: `[transport.<kind>]`.
    pub fn section(&self, kind: &str) -> Section<'_> {
        self.transport.section(kind)
    }

    /// Security settings of file and environment, the strongest last. The server's configuration goes over them.
    #[must_use]
    pub fn security(&self) -> &[Layer] {
        &self.local
    }

    /// Security settings of the host's code, which go over the server's configuration.
    #[must_use]
    pub fn overrides(&self) -> Option<&Layer> {
        self.code.as_ref()
    }

    /// The local layers as they were compiled when the settings were read: what is in force until the server has spoken.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// What is odd but not wrong: security keys that nobody knows, proxies that are everybody.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The files that these settings depend on: those that were read, the key's, and those that
    /// options of transports name.
    #[must_use]
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let named = self.transport.named_files();
        let key = self.agent.key_file.clone();
        self.files.iter().cloned().chain(key).chain(named).collect()
    }

    /// The same settings as their files are by now.
    pub(crate) fn read_again(&self) -> Result<Self, SettingsError> {
        match &self.source {
            Some(source) => SettingsBuilder::clone(source).build(),
            None => Ok(self.clone()),
        }
    }

    /// Where to register, and with which key. `None` where the agent guards with local settings alone.
    #[must_use]
    pub fn cloud(&self) -> Option<(Url, AgentKey)> {
        self.agent.cloud_url.clone().zip(self.agent.key.clone())
    }

    /// What people know the agent by: without a name of its own, by the `APP_NAME` that file,
    /// environment or code say. The machine's name is in it only where it is said.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let mut identity = self.agent.identity.clone();
        if let HostName::Said(host) = &self.agent.host_name {
            identity.host = Some(host.clone());
        }
        let said = |layer: &Layer| {
            let is_it = |(key, _): &(&String, &serde_json::Value)| key.eq_ignore_ascii_case("APP_NAME");
            layer.keys.iter().find(is_it).is_some_and(|(_, said)| !said.is_null())
        };
        if identity.name.is_none() && self.local.iter().chain(&self.code).any(said) {
            identity.name = Some(self.policy.app_name().to_owned());
        }
        identity
    }

    /// Who said `agent.cloud_url`: a file's path, an environment variable, or `code`.
    #[must_use]
    pub fn cloud_url_origin(&self) -> &str {
        &self.cloud_url_origin
    }

    /// Why there is no conversation with a server, if there is none by these settings.
    #[must_use]
    pub fn local_reason(&self) -> Option<&'static str> {
        match (&self.agent.cloud_url, &self.agent.key) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some("agent.cloud_url is set, but no agent.key"),
            (None, Some(_)) => Some("agent.key is set, but no agent.cloud_url"),
            (None, None) => Some("neither agent.cloud_url nor agent.key is set"),
        }
    }

    /// Merges the layers and reads them by type.
    fn read(mut layers: Layers, overrides: ConfigMap) -> Result<Self, SettingsError> {
        let merged = layers.merge()?;
        let Layers {
            files,
            security,
            mut problems,
            warnings: unread,
            ..
        } = layers;
        let part = |name: &str| value::table(&merged).and_then(|table| table.get(name));
        let (agent, found) = AgentSettings::read(part("agent"), &files);
        problems.extend(found.problems);
        let of_agent = found.warnings;
        let (transport, found) = TransportSettings::read(part("transport"), &files);
        problems.extend(found.problems);
        let of_transport = found.warnings;
        let origin = |key: &str| {
            let said = part("agent").and_then(value::table).and_then(|agent| agent.get(key));
            said.map_or_else(|| "default".to_owned(), value::origin)
        };
        let template = Template {
            name: &agent.template,
            origin: origin("template"),
        };
        let Security {
            local,
            code,
            policy,
            problems: found,
            mut warnings,
        } = security.compile(&template, overrides);
        problems.extend(found);
        warnings.extend(unread.into_iter().chain(of_agent).chain(of_transport));
        warnings.extend(agent.warnings(origin));
        let cloud_url_origin = origin("cloud_url");
        let Some(policy) = policy.filter(|_| problems.is_empty()) else {
            return Err(SettingsError::new(problems));
        };
        Ok(Self {
            policy,
            cloud_url_origin,
            agent,
            transport,
            local,
            code,
            warnings,
            source: None,
            files: files.into_read(),
        })
    }
}

/// Shows everything but the agent's key, and of security settings that are secrets only that they are set.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            agent,
            transport,
            local,
            code,
            policy: _,
            cloud_url_origin: _,
            warnings,
            source: _,
            files: _,
        } = self;
        f.debug_struct("Settings")
            .field("agent", agent)
            .field("transport", transport)
            .field("security", &security::show(local))
            .field("overrides", &security::show(code.as_slice()))
            .field("warnings", warnings)
            .finish()
    }
}

#[cfg(test)]
mod tests;
