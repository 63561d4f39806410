//! Who may ask, and by which name: hosts, the whitelist, headers.

use buckler_waf::pattern::{MatchType, PatternSet};
use serde_json::Value;

use super::{
    error::Fault,
    reader::Reader,
    value::{Parsed, header_name, list, typed_pattern},
};
use crate::model::ipset::{IpSet, parse_entry};

/// `HOSTS`, `CORS_ORIGINS`, `WHITELIST`, `FORBIDDEN_HEADERS` and `WHITELIST_HEADERS`.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) hosts: Hosts,
    pub(super) cors_origins: Box<[Box<str>]>,
    pub(super) whitelist: IpSet,
    pub(super) forbidden_headers: Box<[Box<str>]>,
    pub(super) whitelist_headers: PatternSet,
}

impl Access {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let ignoring_case =
            |value: &Value| typed_pattern(value, MatchType::Match).map(|pattern| pattern.ignoring_case());
        Self {
            hosts: Hosts(reader.read("HOSTS", |value| list(value, host)).into()),
            cors_origins: reader.read("CORS_ORIGINS", |value| list(value, origin)).into(),
            whitelist: reader
                .read("WHITELIST", |value| list(value, network))
                .into_iter()
                .collect(),
            forbidden_headers: reader
                .read("FORBIDDEN_HEADERS", |value| list(value, header_name))
                .into(),
            whitelist_headers: reader.patterns("WHITELIST_HEADERS", |value| list(value, ignoring_case)),
        }
    }
}

/// The hosts that the application answers to.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Box<[Box<str>]>);

impl Hosts {
    /// Whether this host is listed, with or without its port.
    pub(super) fn list(&self, host: &str) -> bool {
        !self.0.is_empty() && self.allow(host)
    }

    /// Whether a request may name this host: every one where none is listed.
    pub(super) fn allow(&self, full: &str) -> bool {
        let host = without_port(full);
        let (full, host) = (without_root(full), without_root(host));
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|listed| listed.eq_ignore_ascii_case(host) || listed.eq_ignore_ascii_case(full))
    }
}

/// `[::1]` of `[::1]:80`, `shop` of `shop:80`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// A name may end with the dot of the root and still be the same.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// An origin as browsers write it (RFC 6454, section 6.2), of any scheme: web views have their own;
/// or `*`, which is every one.
fn origin(value: &Value) -> Parsed<Box<str>> {
    let is_of_a_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_origin = |text: &&str| {
        let is_whole = |(scheme, host): (&str, &str)| {
            !scheme.is_empty()
                && scheme.bytes().all(is_of_a_scheme)
                && !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"/@?#".contains(&byte))
        };
        *text == EVERY_ORIGIN || text.split_once("://").is_some_and(is_whole)
    };
    let fault = || {
        Fault::new(
            value,
            "an origin such as https://app.example.com, without a path, or *".to_owned(),
        )
    };
    value.as_str().filter(is_origin).map(Into::into).ok_or_else(fault)
}

/// Stands for every origin.
pub(super) const EVERY_ORIGIN: &str = "*";

fn host(value: &Value) -> Parsed<Box<str>> {
    let named = |text: &&str| {
        !text.is_empty()
            && !text
                .bytes()
                .any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/@".contains(&byte))
    };
    let fault = || {
        Fault::new(
            value,
            "a host as clients name it, with or without a port, without `http://` and path",
        )
    };
    let text = value.as_str().map(str::trim).filter(named).ok_or_else(fault)?;
    // an IPv6 address is named in brackets in requests
    let bare_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    Ok(if bare_v6 {
        format!("[{text}]").into()
    } else {
        without_root(text).into()
    })
}

pub(super) fn network(value: &Value) -> Parsed<ipnet::IpNet> {
    let allowed = "an address, a network in CIDR notation, or the beginning of an address at a whole group (10.1.)";
    value
        .as_str()
        .and_then(parse_entry)
        .ok_or_else(|| Fault::new(value, allowed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hosts(listed: &[&str]) -> Hosts {
        Hosts(listed.iter().map(|text| host(&json!(text)).unwrap()).collect())
    }

    #[test]
    fn a_host_without_a_port_is_allowed_at_every_port() {
        let hosts = hosts(&["shop.example.com", "Admin.example.com:8443", "::1", "192.0.2.1"]);
        for named in [
            "shop.example.com",
            "SHOP.example.com:8080",
            "shop.example.com.",
            "shop.example.com.:80",
            "admin.example.com:8443",
            "[::1]",
            "[::1]:80",
            "192.0.2.1:1",
        ] {
            assert!(hosts.allow(named), "{named}");
        }
        for named in [
            "",
            "example.com",
            "shop.example.com.evil.test",
            "admin.example.com",
            "admin.example.com:80",
            "[::2]:80",
            "::1",
        ] {
            assert!(!hosts.allow(named), "{named}");
        }
    }

    #[test]
    fn no_hosts_allow_every_host() {
        assert!(hosts(&[]).allow("anything:1") && hosts(&[]).allow(""));
    }

    #[test]
    fn what_is_no_host_or_network_is_refused() {
        for value in [
            json!(""),
            json!("http://shop"),
            json!("a b"),
            json!("me@shop"),
            json!(1),
            json!(null),
        ] {
            assert!(host(&value).is_err(), "{value}");
        }
        for value in [json!(""), json!("shop"), json!(10), json!("10"), json!("10.0.0.0/33")] {
            assert!(network(&value).is_err(), "{value}");
        }
    }
}
