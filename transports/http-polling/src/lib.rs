//! Buckler's conversation over HTTP: a request for every registration and beacon, one at a time.
//!
//! An agent uses it where its settings say `[transport] kind = "http-polling"`, or nothing. It obeys rule 8 of the protocol:
//! a deadline around each exchange, a cap on the bytes of a reply before and after decompression, no redirects, and a reply
//! that is shorter than announced is none. A push never comes this way; how often the server is asked is the conversation's
//! business, not the transport's.
//!
//! # Options
//! ```toml
//! [transport.http-polling]
//! timeout = "10s"              # around one registration or beacon, from name resolution to the last byte
//! connect_timeout = "5s"       # until the connection stands, TLS included
//! keep_alive = "90s"           # how long an idle connection is kept; "0s" opens one for every exchange
//! max_reply_bytes = "32MiB"    # after decompression
//! max_wire_bytes = "32MiB"     # before
//! roots = "system"             # or "webpki" (Mozilla's, compiled in), or "file" (those of ca_file alone)
//! ca_file = "ca.pem"           # own authorities; instead of the system's, unless `roots` is set too
//! client_cert = "agent.pem"    # who the agent is, towards a server that asks
//! client_key = "agent.key"
//! proxy = "env"                # HTTPS_PROXY and NO_PROXY; or "none", or http://[user:password@]host:port for this agent alone
//! allow_plain_http = false     # http:// to a host that is not loopback: the key travels in the clear
//! beacon_hosts = []            # hosts beside that of the cloud URL to which the server may direct beacons
//! ```
//! All are optional; the values are the defaults where they are not file names.
//!
//! # Where requests go
//! Registrations go to the cloud URL. Beacons go to the configuration's `BEACON_URL`, which must be
//! of the same host (or one of `beacon_hosts`), and without one to the cloud URL with its last
//! segment replaced by `beacon`. A registration that is answered 404, 405 or 501, or 2xx without a
//! reply of the protocol (nothing, `{}`, plain text), is a connection made: the configuration is
//! then fetched with `GET`, the key in an `Authorization: Bearer` header. Until the next day only
//! the `GET` is repeated, on the condition that something has changed (`If-None-Match`,
//! `If-Modified-Since`), by each transport that the factory makes.

mod body;
mod decode;
mod document;
mod exchange;
mod incoming;
mod options;
mod places;
mod polling;

use std::sync::Arc;

use buckler::{
    settings::{Settings, SettingsError},
    transport::TransportFactory,
};

use crate::{
    options::Options,
    places::Places,
    polling::{HttpPolling, Kept},
};

/// What `[transport] kind` calls this transport.
pub const KIND: &str = "http-polling";

/// Reads this transport's options, and the files they name, once; the factory then makes a transport on the agent's thread.
///
/// Authorities of the system are read at the first https exchange, so that nothing of it delays the host's start-up; where there
/// are none, every exchange fails with [`Unusable`](buckler::transport::TransportError::Unusable) and says what to set.
///
/// # Errors
/// Names every option that is unknown, of a wrong type or out of range, a file that cannot be used, and a cloud URL that is
/// missing or to which the key would travel in the clear.
pub fn factory(settings: &Settings) -> Result<TransportFactory, SettingsError> {
    let options = Options::read(settings.section(KIND))?;
    let places = Places::new(
        buckler_connection::places::cloud(settings, &options.connection)?,
        &options,
    );
    let kept = Kept::default();
    Ok(Arc::new(move || {
        let transport = HttpPolling::new(places.clone(), options.clone(), kept.clone());
        Ok(Box::new(transport))
    }))
}
