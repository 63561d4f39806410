//! The proxy through which an agent reaches its server: `HTTPS_PROXY` and `NO_PROXY` of the
//! environment, or the option `proxy`.
//!
//! A tunnel is asked for with `CONNECT` (RFC 9110, section 9.3.6), and TLS runs through it from end
//! to end: the proxy sees host and port and nothing more. Its credentials are sent to it alone and
//! shown nowhere.

use std::{env, fmt, io, net::IpAddr, sync::Arc};

use actix_rt::net::TcpStream;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use buckler::transport::is_this_machine;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::dial;

/// The most of a proxy's answer that is read: its head. Whatever is longer is no proxy's.
const HEAD: usize = 16 << 10;

/// The variables that name a proxy for TLS, the one that counts first; as curl reads them.
const PROXY: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
/// The variables that name who is reached without one.
const EXEMPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// What is allowed as a proxy, for people.
pub(crate) const ALLOWED: &str = "\"env\" (HTTPS_PROXY and NO_PROXY), \"none\", or http://[user:password@]host:port";

/// Which connections go through a proxy.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    proxy: Option<Arc<Proxy>>,
    exempt: Arc<[Exempt]>,
    /// Whether connections without TLS, and to this machine, go through it too: the operator named
    /// it for this agent alone.
    is_for_all: bool,
}

/// A proxy. No `Debug` of what authorises: it is a secret.
pub(crate) struct Proxy {
    host: String,
    port: u16,
    authorization: Option<String>,
}

/// Whom a connection leads to without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exempt {
    All,
    /// A domain and all below it, at one port or all.
    Domain(String, Option<u16>),
    Network(IpNet),
}

impl Proxies {
    /// No proxy at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment says. A proxy that cannot be used is passed over with a warning: the
    /// variable is set for every program.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::of_variables(|name| env::var(name).ok())
    }

    fn of_variables(read: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 2]| {
            let mut said = names
                .into_iter()
                .filter_map(&read)
                .filter(|text| !text.trim().is_empty());
            said.next()
        };
        let proxy = first(PROXY).and_then(|text| {
            let proxy = Proxy::parse(&text);
            if proxy.is_none() {
                tracing::warn!("HTTPS_PROXY is no http:// proxy with a host: the server is reached without one");
            }
            proxy
        });
        Self {
            proxy: proxy.map(Arc::new),
            exempt: exempt(&first(EXEMPT).unwrap_or_default()),
            is_for_all: false,
        }
    }

    /// The proxy that an operator names for every connection; `NO_PROXY` holds for it too. `None`
    /// where it is none.
    #[must_use]
    pub(crate) fn named(text: &str) -> Option<Self> {
        let of_environment = Self::of_environment();
        Some(Self {
            proxy: Some(Arc::new(Proxy::parse(text)?)),
            exempt: of_environment.exempt,
            is_for_all: true,
        })
    }

    /// The proxy on the way to a host, which may stand in brackets.
    pub(crate) fn on_the_way(&self, host: &str, port: u16, is_tls: bool) -> Option<&Proxy> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let proxy = self.proxy.as_deref()?;
        let is_local = !self.is_for_all && (!is_tls || is_this_machine(bare));
        let is_exempt = self.exempt.iter().any(|exempt| exempt.holds(bare, port));
        (!is_local && !is_exempt).then_some(proxy)
    }
}

/// Reads an address as the network that holds it alone, or a network in CIDR notation; IPv6 as URLs
/// write it too.
fn parse_network(text: &str) -> Option<IpNet> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    let address = text
        .parse::<IpAddr>()
        .map(|address| IpNet::from(address.to_canonical()));
    address.ok().or_else(|| text.parse().ok())
}

fn exempt(text: &str) -> Arc<[Exempt]> {
    let entries = text.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(Exempt::parse).collect()
}

impl Exempt {
    fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::All;
        }
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Some(network) = parse_network(bare) {
            return Self::Network(network);
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (entry, None),
        };
        let name = name
            .trim_start_matches("*.")
            .trim_start_matches('.')
            .trim_end_matches('.');
        Self::Domain(name.to_ascii_lowercase(), port)
    }

    fn holds(&self, host: &str, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(network) => parse_network(host).is_some_and(|address| network.contains(&address)),
            Self::Domain(domain, at) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(domain.as_str());
                let is_below = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                is_below && at.is_none_or(|at| at == port)
            }
        }
    }
}

impl Proxy {
    /// Reads `http://user:password@host:port`; without a scheme it is `http`, without a port 80 as
    /// for any URL.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let url = if text.contains("://") {
            Url::parse(text).ok()?
        } else {
            Url::parse(&format!("http://{text}")).ok()?
        };
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        if url.scheme() != "http" {
            return None;
        }
        let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
        let has_credentials = !user.is_empty() || !password.is_empty();
        let basic = || STANDARD.encode([user.as_slice(), b":", password.as_slice()].concat());
        Some(Self {
            host,
            port: url.port().unwrap_or(80),
            authorization: has_credentials.then(|| format!("Basic {}", basic())),
        })
    }

    /// Opens a tunnel.
    ///
    /// # Errors
    /// Where the proxy cannot be reached, refuses, or is none.
    pub(crate) async fn tunnel(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let unreached = |error: io::Error| io::Error::new(error.kind(), format!("through the proxy {self}: {error}"));
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut tcp = dial::connect(bare, self.port).await.map_err(unreached)?;
        let target = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        tcp.write_all(request.as_bytes()).await.map_err(unreached)?;
        let head = read_head(&mut tcp).await.map_err(unreached)?;
        match status(&head) {
            Some(200..=299) => Ok(tcp),
            Some(407) => Err(self.refused("asks for other credentials (407): name them in HTTPS_PROXY")),
            Some(status) => Err(self.refused(&format!("answered {status} to CONNECT"))),
            None => Err(self.refused("answered CONNECT with what is no HTTP")),
        }
    }

    fn refused(&self, how: &str) -> io::Error {
        io::Error::new(io::ErrorKind::ConnectionRefused, format!("the proxy {self} {how}"))
    }
}

/// Reads to the end of the head and not a byte further: what follows is the tunnel's.
async fn read_head(tcp: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the answer to CONNECT has no end",
            ));
        }
        head.push(tcp.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// A part of a URL without its percent codes.
fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// Host and port, for people.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of_variables(|name| {
            let mut said = variables.iter().filter(|(known, _)| *known == name);
            said.next().map(|(_, text)| (*text).to_owned())
        })
    }

    fn way(variables: &[(&str, &str)], host: &str) -> Option<String> {
        proxies(variables).on_the_way(host, 443, true).map(Proxy::to_string)
    }

    #[test]
    fn the_environment_names_the_proxy_in_either_case() {
        for (name, text) in [
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("https_proxy", "http://proxy.example:3128/"),
            ("HTTPS_PROXY", "proxy.example:3128"),
        ] {
            assert_eq!(
                way(&[(name, text)], "fleet.example").as_deref(),
                Some("proxy.example:3128"),
                "{text}"
            );
        }
        let both = [("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:2")];
        assert_eq!(way(&both, "fleet.example").as_deref(), Some("b:2"), "as curl does");
        for text in ["", " ", "https://proxy.example", "socks5://proxy.example", "http://"] {
            assert_eq!(way(&[("HTTPS_PROXY", text)], "fleet.example"), None, "{text}");
        }
    }

    #[test]
    fn no_proxy_names_who_is_reached_without_one() {
        let direct =
            |exempt: &str, host: &str| way(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", exempt)], host).is_none();
        for (exempt, host) in [
            ("*", "fleet.example"),
            ("fleet.example", "fleet.example"),
            ("fleet.example", "eu.fleet.example"),
            (".fleet.example", "fleet.example"),
            ("*.fleet.example", "eu.fleet.example"),
            ("other, FLEET.example", "Fleet.Example."),
            ("fleet.example:443", "fleet.example"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("2001:db8::/32", "[2001:db8::1]"),
            ("", "127.0.0.1"),
            ("", "localhost"),
        ] {
            assert!(direct(exempt, host), "{exempt} {host}");
        }
        for (exempt, host) in [
            ("fleet.example", "notfleet.example"),
            ("fleet.example:8443", "fleet.example"),
            ("10.0.0.0/8", "11.1.2.3"),
            ("", "10.1.2.3"),
        ] {
            assert!(!direct(exempt, host), "{exempt} {host}");
        }
        let plain = proxies(&[("HTTPS_PROXY", "http://p:1")]);
        assert!(plain.on_the_way("fleet.example", 80, false).is_none(), "it is for TLS");
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("http://us%65r:pa%3Ass%zz@proxy.example:3128").unwrap();
        let expected = format!("Basic {}", STANDARD.encode("user:pa:ss%zz"));
        assert_eq!(proxy.authorization.as_deref(), Some(&*expected));
        let shown = format!(
            "{proxy} {proxy:?} {:?}",
            proxies(&[("HTTPS_PROXY", "http://user:hush@p:1")])
        );
        assert!(
            !shown.contains("hush") && !shown.contains("Basic") && !shown.contains("user"),
            "{shown}"
        );
    }
}
