//! Buckler's conversation over a WebSocket: registrations and beacons as text frames, and pushes that come unasked.
//!
//! An agent uses it where its settings say `[transport] kind = "websocket"`. The frames are those of
//! [`buckler::protocol::frame`]. A connection is opened with the first exchange and stays; one that is lost is replaced with the
//! next exchange. As over HTTP (rule 8 of the protocol) there is one deadline around an exchange, a cap on the bytes of a
//! message, and no redirect is followed.
//!
//! # Options
//! ```toml
//! [transport.websocket]
//! timeout = "10s"              # around one registration or beacon, the connection included
//! connect_timeout = "5s"       # until the connection stands, TLS included
//! ping_every = "20s"           # how often the server is asked for a sign of life; more often where a proxy cuts silent connections
//! ping_timeout = "10s"         # how long it may then be silent, or take to end a message that it began
//! max_message_bytes = "32MiB"  # the most bytes of a reply or push
//! roots = "system"             # or "webpki" (Mozilla's, compiled in), or "file" (those of ca_file alone)
//! ca_file = "ca.pem"           # own authorities; instead of the system's, unless `roots` is set too
//! client_cert = "agent.pem"    # who the agent is, towards a server that asks
//! client_key = "agent.key"
//! proxy = "env"                # HTTPS_PROXY and NO_PROXY; or "none", or http://[user:password@]host:port for this agent alone
//! allow_plain_http = false     # ws:// to a host that is not loopback: the key travels in the clear
//! ```
//! All are optional; the values are the defaults where they are not file names.
//!
//! # Where it connects
//! To the cloud URL with its last segment replaced by `ws`, over TLS where that is `https://`. The key is in the upgrade request's
//! `Authorization: Bearer` header and never in the URL; the server must agree to the subprotocol `buckler.v2`.

mod bounded;
mod connection;
mod heartbeat;
mod message;
mod options;
mod pace;
mod pump;
mod pushes;
mod upgrade;
mod websocket;
mod witness;

use std::{sync::Arc, time::Duration};

use buckler::{
    settings::{Settings, SettingsError},
    transport::TransportFactory,
};
use buckler_connection::places;

use crate::{options::Options, websocket::WebSocket};

/// What `[transport] kind` calls this transport.
pub const KIND: &str = "websocket";

/// Reads this transport's options, and the files they name, once; the factory then makes a transport on the agent's thread.
///
/// # Errors
/// Names every option that is unknown, of a wrong type or out of range, a file that cannot be used, and a cloud URL that is
/// missing or to which the key would travel in the clear.
pub fn factory(settings: &Settings) -> Result<TransportFactory, SettingsError> {
    made(settings, Options::read(settings.section(KIND))?)
}

/// The same for who has another way: an upgrade that is not answered within this time, connection
/// included, has failed. Some proxies swallow it.
///
/// # Errors
/// As [`factory`].
pub fn impatient_factory(settings: &Settings, within: Duration) -> Result<TransportFactory, SettingsError> {
    let options = Options::read(settings.section(KIND))?;
    let upgrade_within = options.upgrade_within.min(within);
    made(
        settings,
        Options {
            upgrade_within,
            ..options
        },
    )
}

fn made(settings: &Settings, options: Options) -> Result<TransportFactory, SettingsError> {
    let cloud = places::cloud(settings, &options.connection)?;
    Ok(Arc::new(move || Ok(Box::new(WebSocket::new(&cloud, options.clone())?))))
}
