//! What the system must allow for a large fleet: file descriptors, and connections that are given up when the other side is
//! stuck.

use std::{any::Any, io, sync::Arc, time::Duration};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{dev::Extensions, rt::net::TcpStream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::tls::ClientCertificate;

/// What is asked for where the system sets no upper limit: Linux' own bound for a process (`fs.nr_open`).
const MOST_FILES: u64 = 1_048_576;

/// How long written bytes may stay unacknowledged, or the other side's window closed, before the connection is given up. The
/// system's own patience is 15 minutes for one that is gone, and without end for one that answers but reads nothing.
const STUCK: Duration = Duration::from_secs(90);

/// How many files, and with them connections, this process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimit {
    /// How many it was allowed so far; `None` is without limit.
    pub before: Option<u64>,
    /// How many it is allowed now.
    pub now: Option<u64>,
}

/// Raises the limit of open files as far as the system allows without asking anybody: the soft limit to the hard one.
///
/// ```
/// let limit = buckler_server::raise_file_limit()?;
/// assert!(limit.now.is_none() || limit.now >= limit.before);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the system refuses. The limit stays what it was.
pub fn raise_file_limit() -> io::Result<FileLimit> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST_FILES);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(FileLimit {
            before: current,
            now: current,
        });
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(FileLimit {
        before: current,
        now: Some(wanted),
    })
}

/// Prepares an accepted connection: its patience, and the certificate that the client has shown.
pub(crate) fn accepted(socket: &dyn Any, extensions: &mut Extensions) {
    if let Some(stream) = socket.downcast_ref::<TcpStream>() {
        give_up_when_stuck(stream);
    } else if let Some(stream) = socket.downcast_ref::<TlsStream<TcpStream>>() {
        let (stream, session) = stream.get_ref();
        give_up_when_stuck(stream);
        if let Some(certificate) = session.peer_certificates().and_then(ClientCertificate::of) {
            extensions.insert(Arc::new(certificate));
        }
    }
}

/// Sees to it that an accepted connection is given up when the other side is stuck, where the
/// system can do that (RFC 5482).
fn give_up_when_stuck(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        let millis = u32::try_from(STUCK.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
            tracing::debug!(%error, "a connection keeps the system's patience");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_raised_to_what_is_allowed() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let raised = raise_file_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, raised.now);
        assert!(raised.now == hard || hard.is_none());
        let again = raise_file_limit().unwrap();
        assert_eq!((again.before, again.now), (raised.now, raised.now));
    }

    #[cfg(target_os = "linux")]
    #[actix_web::test]
    async fn an_accepted_connection_is_given_up_when_stuck() {
        let listener = actix_web::rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        give_up_when_stuck(&accepted);
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&accepted).unwrap(), 90_000);
    }
}
