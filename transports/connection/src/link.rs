//! awc, set up so that nothing happens behind a transport's back: no redirects, no headers of its own, no decompression, no
//! deadline but the transport's, TLS beneath it.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::{
    Client, ClientBuilder, Connector,
    http::{Uri, header::HeaderValue},
};
use buckler::transport::TransportError;
use futures_core::future::LocalBoxFuture;
use futures_util::FutureExt;
use rustls::ClientConfig;
use url::Url;

pub use crate::wire::{Meter, Wire};
use crate::{options::Options, places, proxy::Proxies, tls};

/// How the agent names itself.
pub const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("buckler/", env!("CARGO_PKG_VERSION")));

/// The client for each scheme. They are made on the agent's thread, since awc's cannot leave it.
pub struct Link {
    plain: Client,
    /// Made when first needed: reading the system's authorities takes a while.
    tls: OnceCell<Client>,
    meter: Rc<Meter>,
    options: Options,
    finish: Box<dyn Fn(Connector<Dialler>) -> Client>,
}

impl Link {
    /// Sets up the clients; `finish` makes one of a connector, with [`client`]. No connection is opened.
    pub fn new(options: &Options, finish: impl Fn(Connector<Dialler>) -> Client + 'static) -> Self {
        let meter = Rc::default();
        Self {
            plain: finish(connector(options, None, &meter)),
            tls: OnceCell::new(),
            meter,
            options: options.clone(),
            finish: Box::new(finish),
        }
    }

    /// What the connections have seen.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The client for a URL.
    ///
    /// # Errors
    /// Where there is no authority to check an https server by.
    pub fn client(&self, url: &Url) -> Result<&Client, TransportError> {
        if url.scheme() != "https" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let config = tls::configuration(&self.options).map_err(TransportError::Unusable)?;
        let connector = connector(&self.options, Some(config), &self.meter);
        Ok(self.tls.get_or_init(|| (self.finish)(connector)))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}

/// A client that leaves headers, redirects and deadlines to the transport.
#[must_use]
pub fn client(connector: Connector<Dialler>) -> ClientBuilder<Dialler> {
    Client::builder()
        .connector(connector)
        // awc's covers the head of a reply alone; the transport's lies around everything
        .disable_timeout()
        .disable_redirects()
        .no_default_headers()
}

/// A URL as awc is to see it: always `http`, since TLS lies beneath, and always with its port.
///
/// # Errors
/// Where it cannot be put on a request line.
pub fn line(url: &Url) -> Result<Uri, TransportError> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.push('?');
        target.push_str(query);
    }
    Uri::builder()
        .scheme("http")
        .authority(format!("{host}:{port}"))
        .path_and_query(target)
        .build()
        .map_err(|error| TransportError::Unusable(format!("a URL of {}: {error}", places::origin(url))))
}

fn connector(options: &Options, tls: Option<Arc<ClientConfig>>, meter: &Rc<Meter>) -> Connector<Dialler> {
    let meter = Rc::clone(meter);
    let proxies = options.proxies.clone();
    Connector::new()
        .connector(Dialler { tls, meter, proxies })
        .timeout(options.connect_timeout)
}

/// Opens connections for awc.
#[derive(Debug, Clone)]
pub struct Dialler {
    tls: Option<Arc<ClientConfig>>,
    meter: Rc<Meter>,
    proxies: Proxies,
}

impl Service<ConnectInfo<Uri>> for Dialler {
    type Response = Connection<Uri, Wire>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, ConnectError>>;

    actix_service::always_ready!();

    fn call(&self, target: ConnectInfo<Uri>) -> Self::Future {
        let Self { tls, meter, proxies } = self.clone();
        async move {
            let (host, port) = (target.hostname(), target.port());
            let proxy = proxies.on_the_way(host, port, tls.is_some());
            let wire = Wire::open(host, port, proxy, tls, meter).await;
            let wire = wire.map_err(ConnectError::Io)?;
            Ok(Connection::new(target.request().clone(), wire))
        }
        .boxed_local()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awc_sees_plain_http_with_a_port_whatever_the_url() {
        for (url, expected) in [
            ("https://cloud.example.com", "http://cloud.example.com:443/"),
            (
                "https://cloud.example.com:8443/config?a=%20&b",
                "http://cloud.example.com:8443/config?a=%20&b",
            ),
            ("http://user:secret@[::1]:9100/a b#c", "http://[::1]:9100/a%20b"),
            ("http://b\u{fc}ckler.example/", "http://xn--bckler-3ya.example:80/"),
        ] {
            assert_eq!(line(&url.parse().unwrap()).unwrap().to_string(), expected);
        }
    }
}
