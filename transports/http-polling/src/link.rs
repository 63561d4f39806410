//! awc, set up so that nothing happens behind the transport's back: one connection, no redirects, no headers of its own, no
//! decompression, TLS beneath it.

use std::{cell::OnceCell, rc::Rc, sync::Arc, time::Duration};

use actix_service::fn_service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::{
    Client, ClientRequest, Connector,
    http::{Method, Uri, header},
};
use buckler::transport::TransportError;
use rustls::ClientConfig;
use url::Url;

use crate::{
    decode,
    options::Options,
    places, tls,
    wire::{Meter, Wire},
};

/// How the agent names itself.
const USER_AGENT: &str = concat!("buckler/", env!("CARGO_PKG_VERSION"));
/// A connection is replaced after this time in any case, so that a server's new addresses are noticed.
const LIFETIME: Duration = Duration::from_secs(600);

/// The client for each scheme. They are made on the agent's thread, since awc's cannot leave it.
pub(crate) struct Link {
    plain: Client,
    /// Made when first needed: reading the system's authorities takes a while.
    tls: OnceCell<Client>,
    meter: Rc<Meter>,
}

impl Link {
    /// Sets up the clients. No connection is opened.
    pub(crate) fn new(options: &Options) -> Self {
        let meter = Rc::default();
        Self {
            plain: client(options, None, &meter),
            tls: OnceCell::new(),
            meter,
        }
    }

    /// What the connections have seen.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Begins a request.
    ///
    /// # Errors
    /// Where there is no authority to check an https server by, or the URL cannot be put on a request line.
    pub(crate) fn request(
        &self,
        method: Method,
        url: &Url,
        options: &Options,
    ) -> Result<ClientRequest, TransportError> {
        let client = if url.scheme() == "https" {
            self.tls(options)?
        } else {
            &self.plain
        };
        Ok(client
            .request(method, line(url)?)
            .no_decompress()
            .insert_header((header::HOST, places::authority(url)))
            .insert_header((header::USER_AGENT, USER_AGENT))
            .insert_header((header::ACCEPT, "application/json"))
            .insert_header((header::ACCEPT_ENCODING, decode::ACCEPTED)))
    }

    fn tls(&self, options: &Options) -> Result<&Client, TransportError> {
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let config = tls::configuration(options).map_err(TransportError::Unusable)?;
        Ok(self.tls.get_or_init(|| client(options, Some(config), &self.meter)))
    }
}

/// The URL as awc is to see it: always `http`, since TLS lies beneath, and always with its port.
fn line(url: &Url) -> Result<Uri, TransportError> {
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

fn client(options: &Options, tls: Option<Arc<ClientConfig>>, meter: &Rc<Meter>) -> Client {
    let meter = Rc::clone(meter);
    let dialler = fn_service(move |target: ConnectInfo<Uri>| dial(target, tls.clone(), Rc::clone(&meter)));
    let connector = Connector::new()
        .connector(dialler)
        .limit(1)
        .timeout(options.connect_timeout)
        .conn_keep_alive(options.keep_alive)
        .conn_lifetime(LIFETIME);
    Client::builder()
        .connector(connector)
        // awc's covers the head of a reply alone; ours lies around everything
        .disable_timeout()
        .disable_redirects()
        .no_default_headers()
        .finish()
}

async fn dial(
    target: ConnectInfo<Uri>,
    tls: Option<Arc<ClientConfig>>,
    meter: Rc<Meter>,
) -> Result<Connection<Uri, Wire>, ConnectError> {
    let wire = Wire::open(target.hostname(), target.port(), tls, meter)
        .await
        .map_err(ConnectError::Io)?;
    Ok(Connection::new(target.request().clone(), wire))
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

    #[test]
    fn a_host_header_has_a_port_only_where_it_is_not_the_schemes() {
        for (url, expected) in [
            ("https://cloud.example.com:443/", "cloud.example.com"),
            ("https://cloud.example.com:80/", "cloud.example.com:80"),
            ("http://[::1]:9100/", "[::1]:9100"),
        ] {
            assert_eq!(places::authority(&url.parse().unwrap()), expected);
        }
    }
}
