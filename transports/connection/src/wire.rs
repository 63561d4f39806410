//! One connection under awc, plain or TLS, and what awc does not tell: whether the other side has ended it, how many bytes
//! came, and how often a connection was begun.
//!
//! TLS is put beneath awc rather than left to it. So awc can never negotiate HTTP/2, a failed handshake is told apart from a
//! failed connection, and the end of the stream is seen behind the encryption, where a body without its last chunk shows.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{dial, proxy::Proxy};

/// What all connections of a transport have seen together. They carry one exchange at a time.
#[derive(Debug, Default)]
pub struct Meter {
    dialled: Cell<u64>,
    received: Cell<u64>,
    ended: Cell<bool>,
}

impl Meter {
    /// How often a connection was begun.
    #[must_use]
    pub fn dialled(&self) -> u64 {
        self.dialled.get()
    }

    /// Bytes received so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Whether the other side has ended the newest connection.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended.get()
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    meter: Rc<Meter>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The handshake failed: an `io::Error` of this kind says that the fault is with certificates, names or versions.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct HandshakeFailed(io::Error);

impl Wire {
    /// Opens a connection, through a proxy where one is on the way: with `tls`, the handshake
    /// included.
    ///
    /// # Errors
    /// What the system or TLS said; [`tls_failure`] tells them apart.
    pub(crate) async fn open(
        host: &str,
        port: u16,
        proxy: Option<&Proxy>,
        tls: Option<Arc<ClientConfig>>,
        meter: Rc<Meter>,
    ) -> io::Result<Self> {
        meter.dialled.set(meter.dialled.get().saturating_add(1));
        // an IPv6 address stands in brackets in a URL and nowhere else
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tcp = match proxy {
            Some(proxy) => proxy.tunnel(host, port).await?,
            None => dial::connect(host, port).await?,
        };
        // requests are written whole, so that waiting for more to send only costs time
        tcp.set_nodelay(true)?;
        let stream = match tls {
            None => Stream::Plain(tcp),
            Some(config) => Stream::Tls(Box::new(shake_hands(host, tcp, config).await?)),
        };
        meter.ended.set(false);
        Ok(Self { stream, meter })
    }
}

async fn shake_hands(host: &str, tcp: TcpStream, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let failed = |error| io::Error::other(HandshakeFailed(error));
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    TlsConnector::from(config).connect(name, tcp).await.map_err(failed)
}

/// What TLS said, where the failure is one of certificates, names or versions. An alert may come after the handshake: in TLS 1.3
/// a server refuses the agent's certificate only then.
pub(crate) fn tls_failure(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?;
    let said = inner.is::<HandshakeFailed>() || inner.is::<rustls::Error>();
    said.then(|| inner.to_string())
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        if let Poll::Ready(Ok(())) = polled {
            let count = buffer.filled().len().saturating_sub(before);
            let received = this.meter.received.get();
            this.meter.received.set(received.saturating_add(count as u64));
            this.meter.ended.set(count == 0);
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buffer),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl ActixStream for Wire {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.tcp(), cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.tcp(), cx)
    }
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}
