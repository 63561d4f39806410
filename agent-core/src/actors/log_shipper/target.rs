//! Where lines go, and how they get there.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Component, Path, PathBuf},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket, lookup_host},
};

use super::file;
use crate::model::policy::{Log, LogProtocol};

/// A destination that is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Udp { host: String, port: u16 },
    Tcp { host: String, port: u16 },
    Http { host: String, port: u16, path: String },
    File { path: PathBuf, limit: u64 },
}

impl Target {
    /// The destination that the configuration names, unless the host does not allow it: a server that could name any file could
    /// overwrite the application.
    pub(super) fn of(log: &Log, directory: Option<&Path>) -> Result<Self, String> {
        let (host, port) = (log.server.clone(), log.port);
        match log.protocol {
            LogProtocol::Udp => Ok(Self::Udp { host, port }),
            LogProtocol::Tcp => Ok(Self::Tcp { host, port }),
            LogProtocol::Http => Ok(Self::Http {
                host,
                port,
                path: url_path(&log.path),
            }),
            LogProtocol::Https => {
                Err("LOG_PROTOCOL https needs a TLS client, which the agent itself has none of".to_owned())
            }
            LogProtocol::File => Ok(Self::File {
                path: within(&log.path, directory)?,
                limit: log.file_bytes.max(1),
            }),
        }
    }
}

/// Where findings are meant to go, for the status.
pub(super) fn shown(log: &Log) -> String {
    let Log {
        protocol,
        server,
        port,
        path,
        ..
    } = log;
    match protocol {
        LogProtocol::Udp => format!("udp://{server}:{port}"),
        LogProtocol::Tcp => format!("tcp://{server}:{port}"),
        LogProtocol::Http => format!("http://{server}:{port}{}", url_path(path)),
        LogProtocol::Https => format!("https://{server}:{port}{}", url_path(path)),
        LogProtocol::File => format!("file {path}"),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { host, port } => write!(f, "udp://{host}:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Http { host, port, path } => write!(f, "http://{host}:{port}{path}"),
            Self::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// `LOG_PATH` as the path of a URL; pyrasp's own is `/logs` where none is given.
fn url_path(path: &str) -> String {
    let harmless = path.bytes().all(|byte| byte.is_ascii_graphic());
    match path {
        "" => "/logs".to_owned(),
        _ if !harmless => "/logs".to_owned(),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("/{path}"),
    }
}

/// The file that `LOG_PATH` names below the directory that the host's own settings allow.
fn within(path: &str, directory: Option<&Path>) -> Result<PathBuf, String> {
    let directory =
        directory.ok_or("LOG_PROTOCOL file needs agent.log_dir, which only the host's own settings can name")?;
    let inside = Path::new(path);
    let inside = inside.strip_prefix(directory).unwrap_or(inside);
    let is_plain = inside.components().all(|part| matches!(part, Component::Normal(_))) && inside.file_name().is_some();
    if is_plain {
        Ok(directory.join(inside))
    } else {
        Err(format!(
            "LOG_PATH {path:?} is not a file below agent.log_dir ({})",
            directory.display()
        ))
    }
}

/// An open way to a target.
pub(super) enum Sink {
    Udp(UdpSocket),
    Tcp(TcpStream),
    /// A connection a line.
    Http,
    File,
}

impl Sink {
    pub(super) async fn open(target: &Target) -> io::Result<Self> {
        Ok(match target {
            Target::Udp { host, port } => Self::Udp(connected(host, *port).await?),
            Target::Tcp { host, port } => Self::Tcp(TcpStream::connect((host.as_str(), *port)).await?),
            Target::Http { .. } => Self::Http,
            Target::File { .. } => Self::File,
        })
    }

    /// Sends some of these lines from the first on, and says how many.
    pub(super) async fn send(&mut self, target: &Target, lines: &[String]) -> io::Result<usize> {
        let Some(line) = lines.first() else {
            return Ok(0);
        };
        match (self, target) {
            (Self::Udp(socket), _) => socket.send(line.as_bytes()).await.map(|_| 1),
            (Self::Tcp(stream), _) => {
                fail_if_closed(stream)?;
                stream.write_all(format!("{line}\n").as_bytes()).await.map(|()| 1)
            }
            (Self::Http, Target::Http { host, port, path }) => post(host, *port, path, line).await.map(|()| 1),
            (Self::File, Target::File { path, limit }) => file::append(path, *limit, lines).await.map(|()| lines.len()),
            (Self::Http | Self::File, _) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// A socket from which to send datagrams there.
async fn connected(host: &str, port: u16) -> io::Result<UdpSocket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in lookup_host((host, port)).await? {
        let own: SocketAddr = if address.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(own).await?;
        match socket.connect(address).await {
            Ok(()) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A log server never says anything; what can be read is the end of the connection, and a line written after it would be lost.
fn fail_if_closed(stream: &TcpStream) -> io::Result<()> {
    let mut ignored = [0; 512];
    match stream.try_read(&mut ignored) {
        Ok(0) => Err(io::ErrorKind::ConnectionAborted.into()),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Posts one line. The answer's status is all that is read of it.
async fn post(host: &str, port: u16, path: &str, body: &str) -> io::Result<()> {
    /// `HTTP/1.1 200`: what tells whether it was taken.
    const STATUS: usize = 12;
    let mut stream = TcpStream::connect((host, port)).await?;
    let kind = if body.starts_with('{') {
        "application/json"
    } else {
        "text/plain"
    };
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}:{port}\r\nuser-agent: buckler\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; STATUS];
    stream.read_exact(&mut status).await?;
    if status.starts_with(b"HTTP/1.") && status.get(9) == Some(&b'2') {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "answered {:?}",
            String::from_utf8_lossy(&status)
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lies_where_the_host_allows_it_or_nowhere() {
        let directory = Path::new("/var/log/shop");
        let of = |path: &str| within(path, Some(directory)).map(|path| path.display().to_string());
        assert_eq!(of("attacks.log"), Ok("/var/log/shop/attacks.log".to_owned()));
        assert_eq!(of("/var/log/shop/a/b.log"), Ok("/var/log/shop/a/b.log".to_owned()));
        for path in [
            "",
            ".",
            "..",
            "../x",
            "a/../../x",
            "/etc/passwd",
            "/var/log/shop/../x",
            "/var/log/shop",
            "/var/log/shopping",
        ] {
            assert!(of(path).is_err(), "{path}");
        }
        assert!(within("attacks.log", None).unwrap_err().contains("agent.log_dir"));
    }

    #[test]
    fn a_path_cannot_break_out_of_its_request() {
        assert_eq!(url_path(""), "/logs");
        assert_eq!(url_path("in"), "/in");
        assert_eq!(url_path("/in?x=1"), "/in?x=1");
        assert_eq!(url_path("/in HTTP/1.1"), "/logs");
    }
}
