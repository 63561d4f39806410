//! `[agent]`: where the server is, who the agent is there, and what the host decides alone.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use config::Value;
use ipnet::IpNet;
use url::Url;

use super::{
    Problem,
    files::Files,
    section::{Section, text},
    value,
};
use crate::{
    guard::{CompressedBodies, OnFailure},
    model::address::{parse_network, parse_source},
    protocol::AgentKey,
};

/// What the host decides about the agent itself. The server may change none of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AgentSettings {
    /// Where the agent registers; without it, it guards with local settings alone.
    pub cloud_url: Option<Url>,
    /// The agent's key there; without it, it guards with local settings alone.
    pub key: Option<AgentKey>,
    /// The template that the security settings begin from.
    pub template: String,
    /// Where last-known-good settings and what is not yet sent are kept; without it nothing is written to disk.
    pub state_dir: Option<PathBuf>,
    /// The proxies whose headers may name the client.
    pub trusted_proxies: Vec<IpNet>,
    /// The server's own addresses, which are never banned.
    pub own_addresses: Vec<IpAddr>,
    /// What happens to a request that a detector fails on, or the guard as a whole: `on_detector_failure`.
    pub on_failure: OnFailure,
    /// What happens to a request whose body is compressed.
    pub compressed_bodies: CompressedBodies,
    /// Whether anything is refused at all. Off, every request passes, and what is found is only logged, counted and reported.
    pub enforce: bool,
    /// While this file exists, it is as if `enforce` were off: a kill switch for a running process.
    pub kill_switch_file: Option<PathBuf>,
    /// The directory below which findings may be logged to a file (`LOG_PROTOCOL` `file`); without it they are not.
    pub log_dir: Option<PathBuf>,
    /// The share of the site's recent clients, in percent, that the fleet's list may shut out within a minute. A list that would shut
    /// out more is only logged. At 100 every list is enforced, whomever it names.
    pub breaker_share: u8,
    /// The age from which on a list that the server has not confirmed is only logged; without it a list is enforced for ever.
    pub stale_after: Option<Duration>,
}

/// What [`AgentSettings::breaker_share`] is by default: a fleet catches attackers, and no site has one customer in five who is one.
const BREAKER_SHARE: u64 = 20;

/// How old a list may be allowed to grow. A list is confirmed with every exchange, so that anything below some intervals only flaps.
const STALE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 86_400);

/// What `agent.cloud_url` may be.
const CLOUD_URL: &str = "an http:// or https:// URL with a host, without user name and password";

/// What `agent.key` may be.
const KEY: &str = "a text (not shown, it is a secret)";

impl AgentSettings {
    /// Reads the table, and says what is wrong with it.
    pub(super) fn read(value: Option<&Value>, files: &Files) -> (Self, Vec<Problem>) {
        let mut section = Section::new("agent", value, files);
        let settings = Self {
            cloud_url: cloud_url(&mut section),
            key: key(&mut section),
            template: section.string("template").unwrap_or_else(|| "default".to_owned()),
            state_dir: section.path("state_dir"),
            trusted_proxies: section.list(
                "trusted_proxies",
                "a list of addresses and networks (CIDR)",
                parse_network,
            ),
            own_addresses: section.list("own_addresses", "a list of addresses", parse_source),
            on_failure: on_failure(&mut section),
            compressed_bodies: compressed_bodies(&mut section),
            enforce: section.bool("enforce", true),
            kill_switch_file: section.path("kill_switch_file"),
            log_dir: section.path("log_dir"),
            breaker_share: u8::try_from(section.u64("breaker_share", BREAKER_SHARE, 1..=100)).unwrap_or(u8::MAX),
            stale_after: stale_after(&mut section),
        };
        (settings, section.into_problems())
    }

    /// What is allowed but hardly meant.
    pub(super) fn warnings(&self, origin: impl Fn(&str) -> String) -> Vec<Problem> {
        let everybody = self.trusted_proxies.iter().filter(|network| network.prefix_len() == 0);
        let warning = |network: &IpNet| {
            let found = format!("{network}, so that every client can claim to be any other");
            let (origin, key) = (origin("trusted_proxies"), "agent.trusted_proxies");
            Problem::new(origin, key, found, "the networks of proxies alone")
        };
        everybody.map(warning).collect()
    }
}

/// `open` and `closed` are its older words for `allow` and `block`.
fn on_failure(section: &mut Section<'_>) -> OnFailure {
    match section.one_of("on_detector_failure", "allow", &["allow", "block", "open", "closed"]) {
        "block" | "closed" => OnFailure::Closed,
        _ => OnFailure::Open,
    }
}

fn compressed_bodies(section: &mut Section<'_>) -> CompressedBodies {
    match section.one_of("compressed_bodies", "inspect", &["inspect", "pass", "refuse"]) {
        "pass" => CompressedBodies::Pass,
        "refuse" => CompressedBodies::Refuse,
        _ => CompressedBodies::Inspect,
    }
}

/// Absent or empty, a list is enforced for ever.
fn stale_after(section: &mut Section<'_>) -> Option<Duration> {
    let value = section.take("stale_after")?;
    let is_said = text(value) != Some("");
    is_said.then(|| section.duration("stale_after", Duration::MAX, STALE))
}

/// An empty URL is none: so a variable can switch a file's server off.
fn cloud_url(section: &mut Section<'_>) -> Option<Url> {
    let value = section.take("cloud_url")?;
    let Some(text) = text(value) else {
        section.reject_unseen("cloud_url", value, &value::describe(value), CLOUD_URL);
        return None;
    };
    if text.is_empty() {
        return None;
    }
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if url.is_none() {
        // whatever stands before an @ may be a password
        let found = if text.contains('@') {
            "a URL with an @ (not shown)".to_owned()
        } else {
            value::describe(value)
        };
        section.reject_unseen("cloud_url", value, &found, CLOUD_URL);
    }
    url
}

/// An empty key is none. A wrong type is named without its value, since the value may well be the key.
fn key(section: &mut Section<'_>) -> Option<AgentKey> {
    let value = section.take("key")?;
    match text(value) {
        Some(text) => Some(AgentKey::new(text)).filter(|key| !key.is_empty()),
        None => {
            section.reject_unseen("key", value, value::kind_of(value), KEY);
            None
        }
    }
}
