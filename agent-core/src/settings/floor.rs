//! `[agent.floor]`: what the server's configuration may not go below.

use config::Value;
use url::{Host, Url};

use super::{
    files::Files,
    section::{Found, Section},
};
use crate::model::policy::{Check, Floor, Level};

/// The longest prefixes of networks, in bits.
const BITS_V4: u64 = 32;
const BITS_V6: u64 = 128;

/// Reads the table. Findings may be sent to the host of `agent.cloud_url` too.
pub(super) fn read(value: Option<&Value>, cloud_url: Option<&Url>, files: &Files) -> (Floor, Found) {
    let mut table = Section::new("agent.floor", value, files);
    let bits = |table: &mut Section<'_>, key, default: u8, most| {
        u8::try_from(table.u64(key, default.into(), 0..=most)).unwrap_or(default)
    };
    let v4 = bits(&mut table, "whitelist_prefix_v4", Floor::WHITELIST_V4, BITS_V4);
    let v6 = bits(&mut table, "whitelist_prefix_v6", Floor::WHITELIST_V6, BITS_V6);
    let a_path = |text: &str| text.starts_with('/').then(|| text.to_owned());
    let never_ignored = table.list("never_ignored", "a list of paths that begin with `/`", a_path);
    let markup = table.bool("markup", true);
    let log_targets = table.list("log_targets", "a list of hosts, without ports", a_host);
    let are_redirects_said = table.take("redirect_hosts").is_some();
    let redirect_hosts = table.list("redirect_hosts", "a list of hosts, without ports", a_host);
    let is_said = table.take("server_keys").is_some();
    let server_keys = table.list("server_keys", "a list of keys of the configuration", a_key);
    let (levels, said_of_levels) = levels(table.take("levels"), files);
    let cloud_host = cloud_url.and_then(Url::host_str).map(str::to_owned);
    let floor = Floor::default()
        .with_whitelist(v4, v6)
        .with_never_ignored(never_ignored)
        .with_markup(markup)
        .with_log_hosts(log_targets.into_iter().chain(cloud_host))
        .with_redirect_hosts(are_redirects_said.then_some(redirect_hosts))
        .with_server_keys(is_said.then_some(server_keys));
    let floor = levels
        .into_iter()
        .fold(floor, |floor, (check, level)| floor.with_level(check, level));
    let mut found = table.into_found();
    found.problems.extend(said_of_levels.problems);
    found.warnings.extend(said_of_levels.warnings);
    (floor, found)
}

/// A table of checks, each with the least that it does.
fn levels(value: Option<&Value>, files: &Files) -> (Vec<(Check, Level)>, Found) {
    let mut table = Section::new("agent.floor.levels", value, files);
    let mut levels = Vec::new();
    for check in Check::ALL {
        let number = table.u64(check.name(), 0, 0..=3);
        if let Some(level) = Level::from_number(number).filter(|level| level.is_on()) {
            levels.push((check, level));
        }
    }
    (levels, table.into_found())
}

/// A host as URLs name it, in the form that URLs have it in.
fn a_host(text: &str) -> Option<String> {
    let is_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    let named = if is_v6 { format!("[{text}]") } else { text.to_owned() };
    Host::parse(&named).ok().map(|host| host.to_string())
}

/// A key of the configuration, in upper case.
fn a_key(text: &str) -> Option<String> {
    let key = text.to_ascii_uppercase();
    crate::model::policy::is_key(&key).then_some(key)
}
