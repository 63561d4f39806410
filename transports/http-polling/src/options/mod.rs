//! What an operator may set under `[transport.http-polling]`, with defaults and ranges.

use std::{ops::RangeInclusive, time::Duration};

use buckler::settings::{Section, SettingsError};
use buckler_connection::options::{self as connection, SIZE, SIZES};

use crate::KIND;

/// The options of this transport, read and checked. [`Options::default`] is what an absent table means.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Those of every transport.
    pub(crate) connection: connection::Options,
    /// A connection that nobody used for this long is closed.
    pub(crate) keep_alive: Duration,
    /// The most bytes of a reply after decompression.
    pub(crate) max_reply_bytes: usize,
    /// The most bytes of a reply as it travels.
    pub(crate) max_wire_bytes: usize,
    /// Hosts other than that of the cloud URL to which the server may direct beacons.
    pub(crate) beacon_hosts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connection: connection::Options::new(KIND),
            // longer than the 30 s that usually lie between beacons
            keep_alive: Duration::from_secs(90),
            max_reply_bytes: SIZE,
            max_wire_bytes: SIZE,
            beacon_hosts: Vec::new(),
        }
    }
}

/// Zero opens a connection for every exchange; above an hour no server keeps one.
const IDLE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

impl Options {
    /// Reads the table, and the files that it names.
    ///
    /// # Errors
    /// Names every key that is unknown, of a wrong type, out of range, at odds with another, or of a file that cannot be used.
    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, SettingsError> {
        let default = Self::default();
        let options = Self {
            connection: connection::Options::read(&mut section, KIND),
            keep_alive: section.duration("keep_alive", default.keep_alive, IDLE),
            max_reply_bytes: section.bytes("max_reply_bytes", default.max_reply_bytes, SIZES),
            max_wire_bytes: section.bytes("max_wire_bytes", default.max_wire_bytes, SIZES),
            beacon_hosts: section.strings("beacon_hosts"),
        };
        section.finish().map(|()| options)
    }
}

#[cfg(test)]
mod tests;
