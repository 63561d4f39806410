//! `[agent]`: where the server is, who the agent is there, and what the host decides alone.

use std::{
    fs::File,
    io::Read as _,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use buckler_waf::places::Gap;
use config::Value;
use ipnet::IpNet;
use url::Url;

use super::{
    Problem,
    files::Files,
    floor,
    identity::{self, HostName},
    section::{Found, Section, text},
    signing, value,
};
use crate::{
    guard::{CompressedBodies, OnFailure, Uninspected, UninspectedAction},
    model::{
        address::{PRIVATE, parse_network, parse_source},
        policy::Floor,
        signing::Trust,
    },
    protocol::{AgentKey, v2::Identity},
};

/// What the host decides about the agent itself. The server may change none of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AgentSettings {
    /// Where the agent registers; without it, it guards with local settings alone.
    pub cloud_url: Option<Url>,
    /// The agent's key there; without it, it guards with local settings alone.
    pub key: Option<AgentKey>,
    /// The file that holds the key, where one is named. It is read again when it changes.
    pub key_file: Option<PathBuf>,
    /// The template that the security settings begin from.
    pub template: String,
    /// Where last-known-good settings and what is not yet sent are kept; without it nothing is written to disk.
    pub state_dir: Option<PathBuf>,
    /// The proxies whose headers may name the client.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they name the client; without it `X-Forwarded-For`, and `Forwarded` where that is absent.
    pub client_ip_header: Option<String>,
    /// Whether clients have private addresses. They may then be banned; otherwise a private address is a proxy's, or a probe's.
    pub clients_are_private: bool,
    /// The server's own addresses, which are never banned.
    pub own_addresses: Vec<IpAddr>,
    /// What happens to a request that a detector fails on, or the guard as a whole: `on_detector_failure`.
    pub on_failure: OnFailure,
    /// What happens to a request whose body is compressed.
    pub compressed_bodies: CompressedBodies,
    /// What happens to a request whose body was not inspected, by reason.
    pub uninspected: Uninspected,
    /// Whether the agent asks the server for a credential of its own and speaks with that instead
    /// of the key.
    pub enrol: bool,
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
    /// What the server's configuration may not go below.
    pub floor: Floor,
    /// Whose configurations are believed.
    pub signing: Trust,
    /// What people know the agent by, as far as it is said; the machine's name is apart.
    pub identity: Identity,
    /// Which name of the machine is told to the server.
    pub host_name: HostName,
}

/// What [`AgentSettings::breaker_share`] is by default: a fleet catches attackers, and no site has one customer in five who is one.
const BREAKER_SHARE: u64 = 20;

/// How old a list may be allowed to grow. A list is confirmed with every exchange, so that anything below some intervals only flaps.
const STALE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * 86_400);

/// What `agent.cloud_url` may be.
const CLOUD_URL: &str = "an http:// or https:// URL with a host, without user name and password";

/// What `agent.key_file` may be.
const KEY_FILE: &str = "a file with the key and nothing else";

/// What `agent.key` may be.
const KEY: &str = "a text (not shown, it is a secret)";

impl AgentSettings {
    /// Reads the table, and says what is wrong with it.
    pub(super) fn read(value: Option<&Value>, files: &Files) -> (Self, Found) {
        let mut section = Section::new("agent", value, files);
        let key_file = section.path("key_file");
        let (uninspected, said_of_it) = uninspected(&mut section, files);
        let cloud_url = cloud_url(&mut section);
        let (floor, said_of_floor) = floor::read(section.take("floor"), cloud_url.as_ref(), files);
        let (identity, host_name) = identity::read(&mut section);
        let (signing, said_of_signing) = signing::read(section.take("signing"), files);
        let settings = Self {
            cloud_url,
            key: key(&mut section, key_file.as_deref()),
            key_file,
            template: section.string("template").unwrap_or_else(|| "default".to_owned()),
            state_dir: section.path("state_dir"),
            trusted_proxies: trusted_proxies(&mut section),
            client_ip_header: client_ip_header(&mut section),
            clients_are_private: section.bool("clients_are_private", false),
            own_addresses: section.list("own_addresses", "a list of addresses", parse_source),
            on_failure: on_failure(&mut section),
            compressed_bodies: compressed_bodies(&mut section),
            uninspected,
            enrol: section.bool("enrol", false),
            enforce: section.bool("enforce", true),
            kill_switch_file: section.path("kill_switch_file"),
            log_dir: section.path("log_dir"),
            breaker_share: u8::try_from(section.u64("breaker_share", BREAKER_SHARE, 1..=100)).unwrap_or(u8::MAX),
            stale_after: stale_after(&mut section),
            floor,
            signing,
            identity,
            host_name,
        };
        let mut found = section.into_found();
        for inner in [said_of_it, said_of_floor, said_of_signing] {
            found.problems.extend(inner.problems);
            found.warnings.extend(inner.warnings);
        }
        (settings, found)
    }

    /// What is allowed but hardly meant.
    pub(super) fn warnings(&self, origin: impl Fn(&str) -> String) -> Vec<Problem> {
        let everybody = self.trusted_proxies.iter().filter(|network| network.prefix_len() == 0);
        let warning = |network: &IpNet| {
            let found = format!("{network}, so that every client can claim to be any other");
            let (origin, key) = (origin("trusted_proxies"), "agent.trusted_proxies");
            Problem::new(origin, key, found, "the networks of proxies alone")
        };
        let mut warnings: Vec<Problem> = everybody.map(warning).collect();
        if let Some(header) = self
            .client_ip_header
            .as_ref()
            .filter(|_| self.trusted_proxies.is_empty())
        {
            let found = format!("{header}, and no trusted_proxies whose word it could be");
            let (origin, key) = (origin("client_ip_header"), "agent.client_ip_header");
            let allowed = "a header together with agent.trusted_proxies";
            warnings.push(Problem::new(origin, key, found, allowed));
        }
        warnings
    }
}

/// The word for all private networks among addresses and networks.
pub(crate) const PRIVATE_WORD: &str = "private";

fn trusted_proxies(section: &mut Section<'_>) -> Vec<IpNet> {
    let networks = |text: &str| match text.eq_ignore_ascii_case(PRIVATE_WORD) {
        true => Some(PRIVATE.to_vec()),
        false => parse_network(text).map(|network| vec![network]),
    };
    let allowed = "a list of addresses, networks (CIDR) and the word \"private\"";
    section.list("trusted_proxies", allowed, networks).concat()
}

/// A header's name, as RFC 9110 writes one (section 5.1).
fn client_ip_header(section: &mut Section<'_>) -> Option<String> {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let read = |value: &Value| {
        let name = text(value).filter(|text| text.bytes().all(is_of_a_name))?;
        Some(name.to_owned())
    };
    let allowed = || "a header's name, such as \"CF-Connecting-IP\"".to_owned();
    section
        .read("client_ip_header", allowed, read)
        .filter(|name| !name.is_empty())
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

/// A table of reasons, each with what happens; those that are not named happen as they do by
/// default.
fn uninspected(section: &mut Section<'_>, files: &Files) -> (Uninspected, Found) {
    let mut all = Uninspected::default();
    let mut table = Section::new("agent.uninspected", section.take("uninspected"), files);
    for gap in Gap::ALL {
        let word = |action| match action {
            UninspectedAction::Pass => "pass",
            UninspectedAction::Log => "log",
            UninspectedAction::Refuse => "refuse",
        };
        let said = table.one_of(gap.name(), word(all.action(gap)), &["pass", "log", "refuse"]);
        let actions = [
            UninspectedAction::Pass,
            UninspectedAction::Log,
            UninspectedAction::Refuse,
        ];
        if let Some(action) = actions.into_iter().find(|action| word(*action) == said) {
            all.set(gap, action);
        }
    }
    (all, table.into_found())
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

/// The key itself, or what the file holds that is named in its place. Whoever speaks last of either wins.
fn key(section: &mut Section<'_>, file: Option<&Path>) -> Option<AgentKey> {
    let [inline, named] = ["key", "key_file"].map(|key| section.take(key));
    let is_said = |value: &&Value| text(value) != Some("");
    match (inline.filter(is_said), named.filter(is_said), file) {
        (inline, Some(named), Some(file)) if inline.is_none_or(|inline| rank(named) > rank(inline)) => {
            let key = key_of(file);
            let rejected = key.as_ref().map_err(|found| found.clone()).err();
            if let Some(found) = rejected {
                section.reject_unseen("key_file", named, &found, KEY_FILE);
            }
            key.ok()
        }
        (Some(inline), Some(named), Some(_)) if rank(inline) == rank(named) => {
            section.reject_unseen("key_file", named, "a file beside agent.key", "one of the two");
            None
        }
        _ => inline_key(section),
    }
}

/// Where a value stands in the order of layers: files, environment, code.
fn rank(value: &Value) -> u8 {
    match value.origin() {
        Some(value::CODE) => 2,
        Some(origin) if origin.starts_with(value::VARIABLE) => 1,
        Some(_) | None => 0,
    }
}

/// The most bytes of a file with a key: room for any key with a comment's worth of space, and an end to reading a device by mistake.
const LONGEST_KEY: u64 = 4096;

/// The key in a file, without the line's end. What is wrong is said without a word of the file.
fn key_of(file: &Path) -> Result<AgentKey, String> {
    let mut text = String::new();
    let shown = file.display();
    let read = File::open(file).and_then(|file| file.take(LONGEST_KEY + 1).read_to_string(&mut text));
    match read {
        Err(error) => Err(format!("{shown}, which cannot be read ({error})")),
        Ok(length) if length as u64 > LONGEST_KEY => Err(format!("{shown}, which has more than {LONGEST_KEY} bytes")),
        Ok(_) => match text.trim() {
            "" => Err(format!("{shown}, which is empty")),
            key if key.contains(char::is_whitespace) => Err(format!("{shown}, which holds more than one word")),
            key => Ok(AgentKey::new(key)),
        },
    }
}

/// An empty key is none. A wrong type is named without its value, since the value may well be the key.
fn inline_key(section: &mut Section<'_>) -> Option<AgentKey> {
    let value = section.take("key")?;
    match text(value) {
        Some(text) => Some(AgentKey::new(text)).filter(|key| !key.is_empty()),
        None => {
            section.reject_unseen("key", value, value::kind_of(value), KEY);
            None
        }
    }
}
