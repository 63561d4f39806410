//! Version 1: what pyrasp 0.7.2 to 0.10.2 speak. The optional fields `proto` and `v2` carry version 2 on the same messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AgentKey, v2};

/// A configuration as it travels: pyrasp's keys in upper case, each with its JSON value.
pub type ConfigMap = serde_json::Map<String, serde_json::Value>;

/// The application's routes by name. Django sends paths without a leading slash and no methods.
pub type Routes = BTreeMap<String, Route>;

/// One route of the application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// HTTP methods, in any order; empty where the framework does not say.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The path or pattern, in the framework's own notation.
    #[serde(default)]
    pub path: String,
}

/// What an agent says first, and again every 24 hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The agent's key.
    pub key: AgentKey,
    /// The agent's own version.
    pub version: String,
    /// The framework it guards: `Flask`, `actix-web`, …
    #[serde(default)]
    pub platform: String,
    /// The application's routes; empty where they are not known.
    #[serde(default)]
    pub routes: Routes,
    /// The newest protocol version the agent speaks; absent means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proto: Option<u32>,
    /// Version 2's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v2: Option<v2::AgentPart>,
}

/// What an agent says at every interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beacon {
    /// The agent's key.
    pub key: AgentKey,
    /// The agent's own version.
    pub version: String,
    /// Only where `TELEMETRY_DATA` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// New bans as (address, when it was banned), oldest first; only where `BLACKLIST_SHARE` is on, then always, if empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blacklist: Option<Vec<(String, Epoch)>>,
    /// The newest protocol version the agent speaks; absent means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proto: Option<u32>,
    /// Version 2's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v2: Option<v2::AgentPart>,
}

/// Seconds since the Unix epoch: written as an integer, read from an integer or a float (releases of pyrasp differ).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=LAST_EPOCH).contains(&seconds) {
            return Err(serde::de::Error::custom(format!(
                "{seconds} is no Unix epoch in seconds"
            )));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "range checked in the line above"
        )]
        Ok(Self(seconds as u64))
    }
}

/// The last second of the year 9999: anything later is milliseconds or garbage.
const LAST_EPOCH: f64 = 253_402_300_799.0;

/// Load and request counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// The host's processor load, in percent of all cores.
    #[serde(default)]
    pub cpu: f64,
    /// The host's memory in use, in percent.
    #[serde(default)]
    pub memory: f64,
    /// Requests since the last acknowledged beacon; absent towards a version 2 server, which reads `v2.totals`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestCounts>,
}

/// Requests by outcome since the last beacon that was answered well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Answered well.
    #[serde(default)]
    pub success: u64,
    /// Answered with an error. The vendor's documentation says `error`, its code sends `errors`: both are read.
    #[serde(default, alias = "error")]
    pub errors: u64,
    /// Found to be attacks.
    #[serde(default)]
    pub attacks: u64,
}

/// The server's answer to a registration (`data`, or the bare reply).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The profile's configuration; empty for a version 2 agent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: ConfigMap,
    /// Address → when it was banned; empty for a version 2 agent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub blacklist: BTreeMap<String, Epoch>,
    /// The template that the configuration is laid over, from pyrasp 0.10 on; absent means the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The server confirms what it said last (304 to a conditional `GET`): the other fields are empty. Never on the wire.
    #[serde(skip)]
    pub unchanged: bool,
    /// Version 2's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v2: Option<v2::ServerPart>,
}

/// The server's answer to a beacon (`data`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BeaconReply {
    /// Changes to the list; empty for a version 2 agent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub blacklist: BlacklistUpdate,
    /// A new configuration, whole or in part. pyrasp applies it from 0.9.4 on, in part from 0.10.2 on.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "ConfigMap::is_empty"
    )]
    pub config: ConfigMap,
    /// The template that the configuration is laid over; absent means the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Version 2's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v2: Option<v2::ServerPart>,
}

/// Version 1's change to the list: two sets of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlacklistUpdate {
    /// Addresses to ban from now on, for the agent's own `BLACKLIST_DELAY`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub new: Vec<String>,
    /// Addresses to let in again.
    #[serde(default, deserialize_with = "null_as_default")]
    pub remove: Vec<String>,
}

/// Reads `null` as the type's default: servers written for pyrasp send it for "nothing".
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
