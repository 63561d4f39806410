//! What an operator may set under `[transport.http-polling]`, with defaults and ranges.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use buckler::settings::{Section, SettingsError};
use rustls::{RootCertStore, sign::CertifiedKey};

use crate::tls;

/// The options of this transport, read and checked. [`Options::default`] is what an absent table means.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Everything about one registration or beacon happens within this time: name resolution, connection, TLS, the request,
    /// the reply to its last byte, a repetition on a fresh connection, the `GET` that follows a refused `POST`.
    pub(crate) timeout: Duration,
    /// A connection stands within this time, TLS included.
    pub(crate) connect_timeout: Duration,
    /// A connection that nobody used for this long is closed.
    pub(crate) keep_alive: Duration,
    /// The most bytes of a reply after decompression.
    pub(crate) max_reply_bytes: usize,
    /// The most bytes of a reply as it travels.
    pub(crate) max_wire_bytes: usize,
    /// Whom to believe about a server's name.
    pub(crate) roots: Roots,
    /// Authorities that the operator named, beside those of `roots`.
    pub(crate) authorities: RootCertStore,
    /// Who the agent is towards a server that asks for a certificate.
    pub(crate) client: Option<Arc<CertifiedKey>>,
    /// Whether the key may travel in the clear to a host that is not loopback.
    pub(crate) allow_plain_http: bool,
    /// Hosts other than that of the cloud URL to which the server may direct beacons.
    pub(crate) beacon_hosts: Vec<String>,
}

/// Which authorities vouch for a server, beside those that the operator named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those the operating system trusts.
    System,
    /// Mozilla's, compiled in: for containers without any.
    Webpki,
    /// None.
    File,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            // longer than the 30 s that usually lie between beacons
            keep_alive: Duration::from_secs(90),
            // a snapshot of a million entries in one page has 27 MB
            max_reply_bytes: 32 << 20,
            max_wire_bytes: 32 << 20,
            roots: Roots::System,
            authorities: RootCertStore::empty(),
            client: None,
            allow_plain_http: false,
            beacon_hosts: Vec::new(),
        }
    }
}

/// Below 100 ms no server far away answers; above 5 min a dead connection would hold the conversation for too long.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);
/// Zero opens a connection for every exchange; above an hour no server keeps one.
const IDLE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// Below 64 KiB a configuration may not fit; above 1 GiB it is no cap.
const SIZES: RangeInclusive<usize> = 64 << 10..=1 << 30;

impl Options {
    /// Reads the table, and the files that it names.
    ///
    /// # Errors
    /// Names every key that is unknown, of a wrong type, out of range, at odds with another, or of a file that cannot be used.
    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, SettingsError> {
        let default = Self::default();
        let (roots, authorities) = read_authorities(&mut section);
        let options = Self {
            timeout: section.duration("timeout", default.timeout, TIMES),
            connect_timeout: section.duration("connect_timeout", default.connect_timeout, TIMES),
            keep_alive: section.duration("keep_alive", default.keep_alive, IDLE),
            max_reply_bytes: section.bytes("max_reply_bytes", default.max_reply_bytes, SIZES),
            max_wire_bytes: section.bytes("max_wire_bytes", default.max_wire_bytes, SIZES),
            roots,
            authorities,
            client: read_client(&mut section),
            allow_plain_http: section.bool("allow_plain_http", default.allow_plain_http),
            beacon_hosts: section.strings("beacon_hosts"),
        };
        section.finish().map(|()| options)
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
