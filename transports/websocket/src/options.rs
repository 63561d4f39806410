//! What an operator may set under `[transport.websocket]`, with defaults and ranges.

use std::time::Duration;

use buckler::settings::{Section, SettingsError};
use buckler_connection::options::{self as connection, SIZE, SIZES, TIMES};

use crate::KIND;

/// The options of this transport, read and checked.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Those of every transport.
    pub(crate) connection: connection::Options,
    /// How often the server is asked for a sign of life.
    pub(crate) ping_every: Duration,
    /// How long it may then be silent.
    pub(crate) ping_timeout: Duration,
    /// How long the answer to an upgrade is waited for, the connection included.
    pub(crate) upgrade_within: Duration,
    /// The most bytes of a message.
    pub(crate) max_message_bytes: usize,
}

impl Options {
    /// Reads the table, and the files that it names.
    ///
    /// # Errors
    /// Names every key that is unknown, of a wrong type, out of range, at odds with another, or of a file that cannot be used.
    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, SettingsError> {
        let connection = connection::Options::read(&mut section, KIND);
        let options = Self {
            upgrade_within: connection.timeout,
            connection,
            // below the 30 s and 60 s after which proxies and address translators forget a silent connection
            ping_every: section.duration("ping_every", Duration::from_secs(20), TIMES),
            ping_timeout: section.duration("ping_timeout", Duration::from_secs(10), TIMES),
            max_message_bytes: section.bytes("max_message_bytes", SIZE, SIZES),
        };
        section.finish().map(|()| options)
    }
}

#[cfg(test)]
mod tests {
    use buckler::settings::Settings;
    use serde_json::{Value, json};

    use super::*;

    fn read(options: &[(&str, Value)]) -> Result<Options, SettingsError> {
        let mut settings = Settings::builder();
        for (key, value) in options {
            settings = settings.transport_option(KIND, key, value.clone());
        }
        Options::read(settings.build()?.section(KIND))
    }

    #[test]
    fn an_absent_table_means_the_defaults() {
        let options = read(&[]).unwrap();
        assert_eq!(
            [options.ping_every, options.ping_timeout].map(|time| time.as_secs()),
            [20, 10]
        );
        assert_eq!(
            (options.max_message_bytes, options.connection.timeout.as_secs()),
            (32 << 20, 10)
        );
    }

    #[test]
    fn every_option_is_read() {
        let options = read(&[
            ("timeout", json!("3s")),
            ("ping_every", json!("500ms")),
            ("ping_timeout", json!("200ms")),
            ("max_message_bytes", json!("1MiB")),
        ]);
        let Options {
            connection,
            ping_every,
            ping_timeout,
            max_message_bytes,
            upgrade_within: _,
        } = options.unwrap();
        assert_eq!(
            [connection.timeout, ping_every, ping_timeout],
            [3000, 500, 200].map(Duration::from_millis)
        );
        assert_eq!(max_message_bytes, 1 << 20);
    }

    #[test]
    fn problems_name_their_key() {
        for (key, value) in [("ping_every", "0s"), ("keep_alive", "1s"), ("max_message_bytes", "1B")] {
            let error = read(&[(key, json!(value))]).unwrap_err().to_string();
            assert!(error.contains(&format!("transport.websocket.{key}: found")), "{error}");
        }
    }
}
