//! The options that every transport has, with defaults and ranges.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use buckler::settings::Section;
use rustls::{RootCertStore, sign::CertifiedKey};

use crate::{
    proxy::{self, Proxies},
    tls,
};

/// What an operator may set about a transport's connections. [`Options::new`] is what an absent table means.
#[derive(Debug, Clone)]
pub struct Options {
    /// The transport's kind, so that a problem names the table where it is solved.
    pub kind: &'static str,
    /// Everything about one registration or beacon happens within this time: name resolution, connection, TLS, the message,
    /// the reply to its last byte, and whatever the transport repeats.
    pub timeout: Duration,
    /// A connection stands within this time, TLS included.
    pub connect_timeout: Duration,
    /// Whom to believe about a server's name.
    pub roots: Roots,
    /// Authorities that the operator named, beside those of `roots`.
    pub authorities: RootCertStore,
    /// Who the agent is towards a server that asks for a certificate.
    pub client: Option<Arc<CertifiedKey>>,
    /// Whether the key may travel in the clear to a host that is not loopback.
    pub allow_plain_http: bool,
    /// The proxy on the way.
    pub proxies: Proxies,
}

/// Which authorities vouch for a server, beside those that the operator named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Those the operating system trusts.
    System,
    /// Mozilla's, compiled in: for containers without any.
    Webpki,
    /// None.
    File,
}

/// What `timeout` and its like may be. Below 100 ms no server far away answers; above 5 min a dead connection would hold the
/// conversation for too long.
pub const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);
/// What a cap on a message may be. Below 64 KiB a configuration may not fit; above 1 GiB it is no cap.
pub const SIZES: RangeInclusive<usize> = 64 << 10..=1 << 30;
/// A cap's default: a snapshot of a million entries in one page has 27 MB.
pub const SIZE: usize = 32 << 20;

impl Options {
    /// What an absent table means.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            roots: Roots::System,
            authorities: RootCertStore::empty(),
            client: None,
            allow_plain_http: false,
            proxies: Proxies::none(),
        }
    }

    /// Reads the options that are every transport's, and the files that they name. Problems are the section's to report.
    pub fn read(section: &mut Section<'_>, kind: &'static str) -> Self {
        let default = Self::new(kind);
        let (roots, authorities) = read_authorities(section);
        Self {
            kind,
            timeout: section.duration("timeout", default.timeout, TIMES),
            connect_timeout: section.duration("connect_timeout", default.connect_timeout, TIMES),
            roots,
            authorities,
            client: read_client(section),
            allow_plain_http: section.bool("allow_plain_http", default.allow_plain_http),
            proxies: read_proxies(section),
        }
    }
}

/// A proxy that cannot be used is not shown: it may hold credentials.
fn read_proxies(section: &mut Section<'_>) -> Proxies {
    match section.string("proxy").as_deref() {
        None | Some("env") => Proxies::of_environment(),
        Some("none") => Proxies::none(),
        Some(text) => Proxies::named(text).unwrap_or_else(|| {
            section.reject("proxy", "a value that is no such proxy (not shown)", proxy::ALLOWED);
            Proxies::none()
        }),
    }
}

/// Who names an authority means that one: without another word it replaces the system's.
fn read_authorities(section: &mut Section<'_>) -> (Roots, RootCertStore) {
    let file = section.path("ca_file");
    let default = if file.is_some() { "file" } else { "system" };
    let roots = match section.one_of("roots", default, &["system", "webpki", "file"]) {
        "webpki" => Roots::Webpki,
        "file" => Roots::File,
        _system => Roots::System,
    };
    let Some(file) = file else {
        if roots == Roots::File {
            section.reject("roots", "\"file\" without ca_file", "\"file\" together with ca_file");
        }
        return (roots, RootCertStore::empty());
    };
    let authorities = tls::read_authorities(&file).unwrap_or_else(|problem| {
        section.reject("ca_file", problem, "a PEM file with the certificates of authorities");
        RootCertStore::empty()
    });
    (roots, authorities)
}

fn read_client(section: &mut Section<'_>) -> Option<Arc<CertifiedKey>> {
    let (certificate, key) = match (section.path("client_cert"), section.path("client_key")) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return None,
        (Some(_), None) => {
            section.reject("client_cert", "a certificate without client_key", "both or neither");
            return None;
        }
        (None, Some(_)) => {
            section.reject("client_key", "a key without client_cert", "both or neither");
            return None;
        }
    };
    match tls::read_identity(&certificate, &key) {
        Ok(identity) => Some(Arc::new(identity)),
        Err(tls::IdentityProblem::Certificate(found)) => {
            section.reject("client_cert", found, "a PEM file with the agent's certificate");
            None
        }
        Err(tls::IdentityProblem::Key(found)) => {
            section.reject(
                "client_key",
                found,
                "a PEM file with the certificate's private key, not encrypted",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
