//! Where findings are logged besides the server.

use super::{
    reader::Reader,
    value::{line, megabytes, number, switch, word},
};

/// The `LOG_…` keys, and `RESOLVE_COUNTRY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `LOG_ENABLED`.
    pub enabled: bool,
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// `LOG_PROTOCOL`.
    pub protocol: LogProtocol,
    /// `LOG_SERVER`: a host's name or address.
    pub server: String,
    /// `LOG_PORT`.
    pub port: u16,
    /// `LOG_PATH`: of the file, or of the URL.
    pub path: String,
    /// `LOG_FILE_SIZE`: a file is begun anew at this size, in bytes.
    pub file_bytes: u64,
    /// `RESOLVE_COUNTRY`: kept, and not in force. No third party is asked where a source lives.
    pub resolve_country: bool,
}

/// In which form a finding is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line of text.
    #[default]
    Syslog,
    /// JSON.
    Json,
    /// JSON as the vendor's log server takes it.
    Pcb,
}

/// How a finding reaches its log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogProtocol {
    /// A datagram each.
    #[default]
    Udp,
    /// A connection.
    Tcp,
    /// A `POST` each.
    Http,
    /// A `POST` each, over TLS: refused where logs are on, since the agent's core has no TLS client.
    Https,
    /// A file.
    File,
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let formats = [
            ("syslog", LogFormat::Syslog),
            ("json", LogFormat::Json),
            ("pcb", LogFormat::Pcb),
        ];
        let protocols = [
            ("udp", LogProtocol::Udp),
            ("tcp", LogProtocol::Tcp),
            ("http", LogProtocol::Http),
            ("https", LogProtocol::Https),
            ("file", LogProtocol::File),
        ];
        let port = reader.read("LOG_PORT", |value| number(value, &(1..=u16::MAX.into()), ""));
        let enabled = reader.read("LOG_ENABLED", switch);
        let protocol = reader.read("LOG_PROTOCOL", |value| word(value, &protocols));
        if enabled && protocol == LogProtocol::Https {
            let allowed = "udp, tcp, http or file: the agent's core has no TLS client".to_owned();
            reader.problem("LOG_PROTOCOL", "https", allowed);
        }
        Self {
            enabled,
            format: reader.read("LOG_FORMAT", |value| word(value, &formats)),
            protocol,
            server: reader.read("LOG_SERVER", line),
            port: u16::try_from(port).unwrap_or(u16::MAX),
            path: reader.read("LOG_PATH", line),
            file_bytes: reader.read("LOG_FILE_SIZE", megabytes),
            resolve_country: reader.read("RESOLVE_COUNTRY", switch),
        }
    }
}
