//! Settings that the host's code makes: its calls win over everything else.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

use buckler_waf::places::Gap;
use config::{Value, ValueKind};

use super::{
    Settings, SettingsError,
    environment::Environment,
    layers::Layers,
    value::{self, CODE, Table},
};
use crate::{
    guard::{CompressedBodies, OnFailure, UninspectedAction},
    protocol::ConfigMap,
};

/// Builds [`Settings`] in code.
///
/// It begins from the defaults alone, so that what it builds depends on nothing around the process.
///
/// ```
/// use buckler::settings::Settings;
/// let settings = Settings::builder()
///     .cloud_url("https://cloud.example.com/config")
///     .key("0b7e2d54")
///     .trusted_proxies(["10.0.0.0/8"])
///     .build()?;
/// assert!(settings.cloud().is_some());
/// # Ok::<(), buckler::settings::SettingsError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct SettingsBuilder {
    agent: Table,
    transport: Table,
    /// Apart from the tree, whose texts cannot hold every path.
    state_dir: Option<PathBuf>,
    /// Likewise.
    kill_switch_file: Option<PathBuf>,
    log_dir: Option<PathBuf>,
    security: ConfigMap,
    file: Option<PathBuf>,
    variables: Vec<(OsString, OsString)>,
}

impl SettingsBuilder {
    /// Where the agent registers.
    pub fn cloud_url(self, url: impl AsRef<str>) -> Self {
        self.agent("cloud_url", url.as_ref().into())
    }

    /// The agent's key.
    pub fn key(self, key: impl Into<String>) -> Self {
        self.agent("key", key.into().into())
    }

    /// The file that holds the agent's key, as orchestrators mount secrets.
    pub fn key_file(self, path: impl AsRef<str>) -> Self {
        self.agent("key_file", path.as_ref().into())
    }

    /// The template that the security settings begin from.
    pub fn template(self, name: impl AsRef<str>) -> Self {
        self.agent("template", name.as_ref().into())
    }

    /// Where last-known-good settings and what is not yet sent are kept.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(path.into());
        self.agent("state_dir", serde_json::Value::Null)
    }

    /// The proxies whose headers may name the client: addresses, networks, and the word `private`.
    pub fn trusted_proxies<T: Into<String>>(self, networks: impl IntoIterator<Item = T>) -> Self {
        self.agent("trusted_proxies", texts(networks))
    }

    /// The header in which they name the client, such as `CF-Connecting-IP`.
    pub fn client_ip_header(self, name: impl AsRef<str>) -> Self {
        self.agent("client_ip_header", name.as_ref().into())
    }

    /// Whether clients have private addresses, as in an intranet: they may then be banned.
    pub fn clients_are_private(self, are_private: bool) -> Self {
        self.agent("clients_are_private", are_private.into())
    }

    /// The server's own addresses, which are never banned.
    pub fn own_addresses<T: Into<String>>(self, addresses: impl IntoIterator<Item = T>) -> Self {
        self.agent("own_addresses", texts(addresses))
    }

    /// What happens to a request that a detector fails on.
    pub fn on_detector_failure(self, on_failure: OnFailure) -> Self {
        let word = match on_failure {
            OnFailure::Open => "allow",
            OnFailure::Closed => "block",
        };
        self.agent("on_detector_failure", word.into())
    }

    /// What happens to a request whose body is compressed.
    pub fn compressed_bodies(self, compressed: CompressedBodies) -> Self {
        let word = match compressed {
            CompressedBodies::Inspect => "inspect",
            CompressedBodies::Pass => "pass",
            CompressedBodies::Refuse => "refuse",
        };
        self.agent("compressed_bodies", word.into())
    }

    /// What happens to a request for one reason for which its body was not inspected.
    pub fn uninspected(self, gap: Gap, action: UninspectedAction) -> Self {
        let word = match action {
            UninspectedAction::Pass => "pass",
            UninspectedAction::Log => "log",
            UninspectedAction::Refuse => "refuse",
        };
        self.nested("uninspected", gap.name().to_owned(), word.into())
    }

    /// Whether anything is refused at all; `false` lets every request pass, and logs, counts and reports what is found.
    pub fn enforce(self, enforce: bool) -> Self {
        self.agent("enforce", enforce.into())
    }

    /// A file that switches enforcement off while it exists. It is looked for every second.
    pub fn kill_switch_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.kill_switch_file = Some(path.into());
        self.agent("kill_switch_file", serde_json::Value::Null)
    }

    /// The directory below which findings may be logged to a file.
    pub fn log_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_dir = Some(path.into());
        self.agent("log_dir", serde_json::Value::Null)
    }

    /// The share of the site's recent clients, in percent from 1 to 100, that the fleet's list may shut out within a minute.
    pub fn breaker_share(self, percent: u8) -> Self {
        self.agent("breaker_share", percent.into())
    }

    /// The age from which on a list that the server has not confirmed is only logged.
    pub fn stale_after(self, age: Duration) -> Self {
        self.agent("stale_after", format!("{}ms", age.as_millis()).into())
    }

    /// What people know the agent by, in the place of `APP_NAME`.
    pub fn name(self, name: impl AsRef<str>) -> Self {
        self.agent("name", name.as_ref().into())
    }

    /// The application's release, for people who look at agents.
    pub fn release(self, release: impl AsRef<str>) -> Self {
        self.agent("release", release.as_ref().into())
    }

    /// Where the application runs, for people who look at agents: `production`, `staging`, …
    pub fn environment_name(self, environment: impl AsRef<str>) -> Self {
        self.agent("environment", environment.as_ref().into())
    }

    /// A label, for people who look at agents.
    pub fn label(self, key: impl Into<String>, said: impl Into<String>) -> Self {
        self.nested("labels", key.into(), said.into().into())
    }

    /// A key of `[agent]`, as a file would say it: a text, a number, `true`, a list. For adapters to other languages, whose hosts say
    /// their settings as tables.
    pub fn agent_option(self, key: &str, said: impl Into<serde_json::Value>) -> Self {
        self.agent(key, said.into())
    }

    /// The transport to use.
    pub fn transport(mut self, kind: impl AsRef<str>) -> Self {
        self.transport
            .insert("kind".to_owned(), value::from_json(CODE, kind.as_ref().into()));
        self
    }

    /// An option of a transport, as its table in a file would say it: a text, a number, `true`, a list.
    pub fn transport_option(mut self, kind: &str, key: &str, option: impl Into<serde_json::Value>) -> Self {
        let option = value::from_json(CODE, option.into());
        let table = self
            .transport
            .entry(kind.to_owned())
            .or_insert_with(|| value::from_json(CODE, serde_json::json!({})));
        if let ValueKind::Table(options) = &mut table.kind {
            options.insert(key.to_owned(), option);
        }
        self
    }

    /// A security setting, which the server cannot change: one of pyrasp's keys, in upper or lower case.
    pub fn security(mut self, key: impl Into<String>, said: impl Into<serde_json::Value>) -> Self {
        self.security.insert(key.into(), said.into());
        self
    }

    /// Adds a file beneath what code and environment say.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Adds the process's environment beneath what code says. Its `BUCKLER_CONFIG` names the file where [`file`](Self::file) does not.
    pub fn environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Adds these variables as [`environment`](Self::environment) adds those of the process.
    pub fn variables<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.variables
            .extend(variables.into_iter().map(|(name, said)| (name.into(), said.into())));
        self
    }

    /// Reads everything that was said, and checks it.
    ///
    /// # Errors
    /// Names every problem with its place, with what was found and what is allowed.
    pub fn build(self) -> Result<Settings, SettingsError> {
        let source = self.clone();
        let Self {
            agent,
            transport,
            state_dir,
            kill_switch_file,
            log_dir,
            security,
            file,
            variables,
        } = self;
        let environment = Environment::read(variables);
        let mut layers = Layers::default();
        if let Some(path) = file.or_else(|| environment.config.clone()) {
            layers.file(&path, &environment);
        }
        layers.environment(environment);
        let said = [("agent", agent), ("transport", transport)]
            .into_iter()
            .filter(|(_, table)| !table.is_empty());
        layers.code(said.map(|(name, table)| (name.to_owned(), code(table))).collect());
        let mut settings = Settings::read(layers, security)?;
        settings.agent.state_dir = state_dir.or(settings.agent.state_dir);
        settings.agent.kill_switch_file = kill_switch_file.or(settings.agent.kill_switch_file);
        settings.agent.log_dir = log_dir.or(settings.agent.log_dir);
        // what is watched is kept; of settings that come from no file nothing is
        settings.source = (!settings.files().is_empty()).then(|| Arc::new(source));
        Ok(settings)
    }

    /// A key of a table of `[agent]`.
    fn nested(mut self, table: &str, key: String, said: serde_json::Value) -> Self {
        let value = self
            .agent
            .entry(table.to_owned())
            .or_insert_with(|| value::from_json(CODE, serde_json::json!({})));
        if let ValueKind::Table(table) = &mut value.kind {
            table.insert(key, value::from_json(CODE, said));
        }
        self
    }

    fn agent(mut self, key: &str, said: serde_json::Value) -> Self {
        self.agent.insert(key.to_owned(), value::from_json(CODE, said));
        self
    }
}

/// Shows only where it would read: what was said so far holds the agent's key, and the environment holds everybody's secrets.
impl fmt::Debug for SettingsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsBuilder")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

fn code(table: Table) -> Value {
    Value::new(Some(&CODE.to_owned()), table)
}

fn texts<T: Into<String>>(list: impl IntoIterator<Item = T>) -> serde_json::Value {
    list.into_iter()
        .map(|text| serde_json::Value::String(text.into()))
        .collect()
}
