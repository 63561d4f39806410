//! Which of a host's addresses answers first.
//!
//! A name often stands for several addresses, and one of them may swallow packets: IPv6 without a route does. Trying them one
//! after the other would then spend the whole time on the first. So the next is begun when the one before has failed or has
//! been silent for a moment, and the first connection wins (RFC 8305, "Happy Eyeballs").

use std::{future::Future, io, net::SocketAddr, time::Duration};

use actix_rt::{net::TcpStream, time::timeout};
use futures_util::{StreamExt, stream::FuturesUnordered};

/// How long an address may be silent before the next is tried as well: RFC 8305's recommendation.
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses that are tried at most: more would be a server's way to have many connections opened.
const MOST: usize = 8;

/// Resolves a host and connects to it. The caller sets the deadline.
///
/// # Errors
/// Where the name has no address, or every address refused: then what the last said.
pub(crate) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.take(MOST).collect();
    first(addresses, TcpStream::connect).await
}

async fn first<T, F>(addresses: Vec<SocketAddr>, attempt: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter();
    let mut begun = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        begun.extend(waiting.next().map(&attempt));
        let ended = if waiting.len() == 0 {
            begun.next().await
        } else {
            timeout(HEAD_START, begun.next())
                .await
                .unwrap_or(Some(Err(io::ErrorKind::TimedOut.into())))
        };
        match ended {
            Some(Ok(connection)) => return Ok(connection),
            Some(Err(error)) => failure = error,
            None => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future};

    use super::*;

    /// Tries addresses by port: 1 is silent, 2 refuses, 3 answers. Tells which were tried.
    fn try_ports(ports: &[u16]) -> (io::Result<u16>, Vec<u16>) {
        let tried = RefCell::new(Vec::new());
        let attempt = |address: SocketAddr| {
            let port = address.port();
            tried.borrow_mut().push(port);
            async move {
                match port {
                    1 => future::pending().await,
                    2 => Err(io::ErrorKind::ConnectionRefused.into()),
                    port => Ok(port),
                }
            }
        };
        let addresses = ports
            .iter()
            .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
            .collect();
        let result = actix_rt::System::new().block_on(first(addresses, attempt));
        (result, tried.take())
    }

    #[test]
    fn the_first_address_that_answers_is_taken() {
        for (ports, tried) in [
            (&[3][..], &[3][..]),
            (&[3, 3], &[3]),
            (&[2, 3, 3], &[2, 3]),
            (&[1, 3], &[1, 3]),
            (&[1, 2, 1, 3, 3], &[1, 2, 1, 3]),
        ] {
            let (result, seen) = try_ports(ports);
            assert_eq!((result.unwrap(), &*seen), (3, tried), "{ports:?}");
        }
    }

    #[test]
    fn where_none_answers_the_failure_is_told() {
        let kind = |ports: &[u16]| try_ports(ports).0.unwrap_err().kind();
        assert_eq!(kind(&[2, 2]), io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(&[]), io::ErrorKind::NotFound);
    }
}
