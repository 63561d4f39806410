//! What the operator decides: addresses, limits, the admin token, and the profiles by agent key.

mod agents;
mod error;
mod events;
mod journal;
mod limits;
mod profile;
mod tls;

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
};

use buckler::{model::address::parse_network, protocol::frame::SEGMENT};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use url::Url;

use self::limits::at_least_one;
pub use self::{
    agents::AgentRules,
    error::ConfigError,
    events::{EventsFile, SharedSecret, Webhook},
    journal::{JournalConfig, JournalKind, JournalTls},
    limits::Limits,
    profile::{Bouncer, ClientSubject, Profile},
    tls::Tls,
};
use crate::secret::Secret;

/// What no configured path may begin with: the server's own paths.
const RESERVED: [&str; 6] = [
    "/admin",
    "/metrics",
    "/livez",
    "/readyz",
    "/v1/decisions",
    "/v1/usage-metrics",
];

/// A server's configuration, from a TOML or JSON file or from code.
///
/// ```toml
/// listen = "127.0.0.1:9100"
/// public_url = "https://buckler.example.com"   # where agents reach it, if not under the host name they ask for
/// admin_token = "…"                            # without it there is no admin API
/// data_dir = "/var/lib/buckler"                # what the server keeps; or `memory = true`, which forgets with the process
/// admin_listen = "127.0.0.1:9101"              # everything under /admin, and /metrics; else on `listen`
/// trusted_proxies = ["10.0.0.0/8"]             # whose X-Forwarded-For is believed, and who can never be banned
///
/// [tls]
/// cert = "/etc/buckler/cert.pem"               # read again when it changes
/// key = "/etc/buckler/key.pem"
///
/// [profiles.shop]
/// keys = ["0b7e2d54-5a1c-4a53-9d0e-2f1f6a8c1d33"]
/// fleet = "default"                            # profiles of one fleet share a list
/// template = "default"
/// share_from = "repeated"                      # bans by weaker evidence (`threshold`) stay with their application
///
/// [profiles.shop.config]                       # pyrasp's keys, in upper or lower case
/// APP_NAME = "shop"
/// BLACKLIST_SHARE = true
/// TELEMETRY_DATA = true
/// SECURITY_CHECKS = { method = 2 }             # only the checks named differ from the template
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: String,
    /// Where to listen for everything under `/admin` and for `/metrics`. The first listener then
    /// has neither. Without it both are on the first.
    pub admin_listen: Option<String>,
    /// Certificates: both listeners then speak TLS, and nothing else.
    pub tls: Option<Tls>,
    /// Over how many seconds agents are sent away before the program stops: in this time a load
    /// balancer sees that the server is not ready, and a large fleet comes back spread out.
    pub drain_s: u32,
    /// Where agents reach the server, put before the paths. Without it agents are sent back to the host they asked for, which
    /// is wrong behind a proxy that ends TLS.
    #[serde(deserialize_with = "optional_url")]
    pub public_url: Option<Url>,
    /// Where agents register: the path of their `cloud_url`.
    pub cloud_path: String,
    /// Where agents send beacons.
    pub beacon_path: String,
    /// Where agents open a WebSocket; `cloud_path` with its last segment replaced by `ws` where nothing is said, which is where
    /// they look for it.
    pub ws_path: Option<String>,
    /// Threads that answer requests.
    pub workers: NonZeroUsize,
    /// Where the server keeps what it must not forget. Without it everything is kept in memory; the
    /// program then takes `$STATE_DIRECTORY`, or `buckler-data` where it was started, unless
    /// `memory` is set.
    pub data_dir: Option<PathBuf>,
    /// Whether everything is kept in memory, and forgotten with the process.
    pub memory: bool,
    /// How often a backup is written into `data_dir`, in seconds, if there is anything new: what
    /// the server goes on from where its journal is damaged. It is read from the disk and
    /// compressed beside all else, a second of work for a million entries.
    pub backup_every_s: NonZeroU32,
    /// Who keeps the order of what changes: this server alone, or an engine that many nodes share.
    pub journal: JournalConfig,
    /// The bearer token of the admin API. Without one there is no admin API.
    pub admin_token: Option<Secret>,
    /// Proxies whose `X-Forwarded-For` is believed. No agent can ban them.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The fleet's own addresses: servers, gateways, monitoring. No agent can ban them.
    #[serde(deserialize_with = "networks")]
    pub own_addresses: Vec<IpNet>,
    /// Whether no agent can ban private addresses. A fleet whose clients all come from an intranet may want to.
    pub protect_private_ranges: bool,
    /// Bounds of what the server takes and keeps.
    pub limits: Limits,
    /// What becomes of agents that say nothing any longer.
    pub agents: AgentRules,
    /// Configurations by name, each with the keys of the agents that have it.
    pub profiles: BTreeMap<String, Profile>,
    /// A file of what happens, a JSON object a line.
    pub events: Option<EventsFile>,
    /// Receivers of what happens, by name. What they are to be sent is kept in `data_dir`.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Programs that read a list as `CrowdSec`'s bouncers do, by name.
    pub bouncers: BTreeMap<String, Bouncer>,
    /// Keys that are right but have no profile yet: they are answered 404 instead of 403.
    pub unassigned_keys: Vec<Secret>,
    /// Where this was read from, to be read again when it changes.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9100".to_owned(),
            admin_listen: None,
            tls: None,
            // a restart by hand is quick; a fleet of thousands wants more
            drain_s: 0,
            public_url: None,
            cloud_path: "/config".to_owned(),
            beacon_path: "/beacon".to_owned(),
            ws_path: None,
            workers: at_least_one(2),
            data_dir: None,
            memory: false,
            // what a damaged disk can cost at most; a disk that is gone takes this file with it
            backup_every_s: NonZeroU32::MIN.saturating_add(3_599),
            journal: JournalConfig::default(),
            admin_token: None,
            trusted_proxies: Vec::new(),
            own_addresses: Vec::new(),
            protect_private_ranges: true,
            limits: Limits::default(),
            agents: AgentRules::default(),
            profiles: BTreeMap::new(),
            events: None,
            webhooks: BTreeMap::new(),
            bouncers: BTreeMap::new(),
            unassigned_keys: Vec::new(),
            file: None,
        }
    }
}

impl ServerConfig {
    /// The defaults: loopback, no profile, no admin API.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a profile, or replaces the one of this name.
    #[must_use]
    pub fn profile(mut self, name: &str, profile: Profile) -> Self {
        self.profiles.insert(name.to_owned(), profile);
        self
    }

    /// Keeps everything in this directory, over restarts.
    #[must_use]
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Turns the admin API on.
    #[must_use]
    pub fn admin_token(mut self, token: &str) -> Self {
        self.admin_token = Some(Secret::of(token));
        self
    }

    /// Reads a file: JSON where its name ends in `.json`, TOML otherwise.
    ///
    /// # Errors
    /// If it cannot be read, is neither, names an unknown key, or holds a value of the wrong type.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            file: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::parse(&text, path)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let parsed: Result<Self, String> = if path.extension().is_some_and(|extension| extension == "json") {
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            toml::from_str(text).map_err(|error| error.to_string())
        };
        let malformed = |reason: String| ConfigError::Malformed {
            file: path.to_owned(),
            reason,
        };
        let config = Self {
            file: Some(path.to_owned()),
            ..parsed.map_err(malformed)?
        };
        config.check()?;
        Ok(config)
    }

    /// Where keys and tokens stand as they are: who reads the file has them.
    pub(crate) fn clear_secrets(&self) -> Vec<String> {
        let any = |secrets: &[Secret]| secrets.iter().any(Secret::is_clear);
        let of_profiles = self.profiles.iter().filter(|(_, profile)| any(&profile.keys));
        let of_bouncers = self.bouncers.iter().filter(|(_, bouncer)| bouncer.key.is_clear());
        let token = self.admin_token.iter().filter(|token| token.is_clear());
        let unassigned = any(&self.unassigned_keys).then(|| "unassigned_keys".to_owned());
        token
            .map(|_| "admin_token".to_owned())
            .chain(of_profiles.map(|(name, _)| format!("profiles.{name}.keys")))
            .chain(of_bouncers.map(|(name, _)| format!("bouncers.{name}.key")))
            .chain(unassigned)
            .collect()
    }

    /// Says once that a file holds keys as they are, and what to write instead.
    pub(crate) fn warn_of_clear_secrets(&self) {
        let (Some(file), clear) = (&self.file, self.clear_secrets()) else {
            return;
        };
        if !clear.is_empty() {
            tracing::warn!(
                file = %file.display(),
                at = clear.join(", "),
                "the file holds keys as they are, and all who read it have them: put \"blake3:HASH\" in the place of each, with the hash \
                 that `buckler-server hash-key` prints of it"
            );
        }
    }

    /// Where agents open a WebSocket.
    pub(crate) fn ws_path(&self) -> String {
        self.ws_path.clone().unwrap_or_else(|| {
            let folder = self.cloud_path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{SEGMENT}")
        })
    }

    /// Whether the paths can be told apart, and it is clear where everything is kept.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match &self.data_dir {
            Some(data_dir) if self.memory => Err(ConfigError::DataDirAndMemory {
                found: data_dir.clone(),
            }),
            Some(data_dir) if data_dir.as_os_str().is_empty() => Err(ConfigError::EmptyDataDir),
            Some(_) | None => self.check_paths().and_then(|()| self.check_clients()),
        }
    }

    /// Whether the journal can be used, once it is clear where everything is kept.
    pub(crate) fn check_journal(&self) -> Result<(), ConfigError> {
        self.journal.check(self.data_dir.is_some())
    }

    /// Whether certificates of agents are asked for where something depends on them.
    fn check_clients(&self) -> Result<(), ConfigError> {
        if let Some(tls) = &self.tls {
            tls.check()?;
        }
        let asks = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let mut profiles = self.profiles.iter();
        match profiles.find(|(_, profile)| !profile.client_subjects.is_empty()) {
            Some((name, _)) if !asks => Err(ConfigError::SubjectsWithoutCa { profile: name.clone() }),
            Some(_) | None => self.check_bouncers(),
        }
    }

    /// Whether webhooks can be kept count of.
    pub(crate) fn check_webhooks(&self) -> Result<(), ConfigError> {
        events::check(&self.webhooks, self.data_dir.is_some())
    }

    /// Whether the lists are there that bouncers are to read.
    fn check_bouncers(&self) -> Result<(), ConfigError> {
        for (name, bouncer) in &self.bouncers {
            if !self.profiles.values().any(|profile| profile.fleet == bouncer.fleet) {
                return Err(ConfigError::UnknownFleet {
                    bouncer: name.clone(),
                    found: bouncer.fleet.clone(),
                });
            }
        }
        Ok(())
    }

    fn check_paths(&self) -> Result<(), ConfigError> {
        let ws_path = self.ws_path();
        let paths = [
            ("cloud_path", &self.cloud_path),
            ("beacon_path", &self.beacon_path),
            ("ws_path", &ws_path),
        ];
        for (key, path) in paths {
            let is_taken = RESERVED.iter().any(|taken| path.starts_with(taken));
            let is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b));
            if !path.starts_with('/') || is_taken || !is_plain {
                return Err(ConfigError::Path {
                    key,
                    found: path.clone(),
                });
            }
        }
        for (index, (first, path)) in paths.iter().enumerate() {
            if let Some((second, _)) = paths.iter().skip(index + 1).find(|(_, other)| other == path) {
                return Err(ConfigError::SamePath {
                    first,
                    second,
                    found: (*path).clone(),
                });
            }
        }
        Ok(())
    }
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| {
        parse_network(text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "found {text:?}, allowed is an address or a network in CIDR notation"
            ))
        })
    };
    texts.iter().map(read).collect()
}

fn optional_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => Ok(Some(url)),
        Ok(_) | Err(_) => Err(serde::de::Error::custom(format!(
            "found {text:?}, allowed is an http or https URL without a query"
        ))),
    }
}
