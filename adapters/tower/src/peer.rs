//! Where a connection came from, as far as the host says.

use std::net::{IpAddr, SocketAddr};

use http::Extensions;

/// The address at the other end of a connection, for the request's extensions: what a host puts there whose server says it otherwise
/// than axum does.
///
/// It is the connection's, not the client's behind a proxy: that is found by `trusted_proxies` in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How a layer knows the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peers {
    /// From the request's extensions.
    Extensions,
    /// From the host's own function.
    By(fn(&Extensions) -> Option<IpAddr>),
    /// It is made for one connection.
    Known(IpAddr),
}

impl Peers {
    /// The connection's other end.
    pub(crate) fn of(self, extensions: &Extensions) -> Option<IpAddr> {
        match self {
            Self::Extensions => in_extensions(extensions),
            Self::By(find) => find(extensions),
            Self::Known(address) => Some(address),
        }
    }
}

fn in_extensions(extensions: &Extensions) -> Option<IpAddr> {
    let socket = |address: &SocketAddr| address.ip();
    extensions
        .get::<Peer>()
        .map(|peer| peer.0)
        .or_else(|| connect_info(extensions))
        .or_else(|| extensions.get::<SocketAddr>().map(socket))
        .or_else(|| extensions.get::<IpAddr>().copied())
}

#[cfg(feature = "axum")]
fn connect_info(extensions: &Extensions) -> Option<IpAddr> {
    let connection = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()?;
    Some(connection.0.ip())
}

#[cfg(not(feature = "axum"))]
fn connect_info(_: &Extensions) -> Option<IpAddr> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_says_comes_first() {
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut extensions = Extensions::new();
        let peer = |extensions: &Extensions| Peers::Extensions.of(extensions);
        assert_eq!(peer(&extensions), None);
        extensions.insert(address(1));
        assert_eq!(peer(&extensions), Some(address(1)));
        extensions.insert(SocketAddr::from((address(2), 80)));
        assert_eq!(peer(&extensions), Some(address(2)));
        #[cfg(feature = "axum")]
        {
            extensions.insert(axum::extract::ConnectInfo(SocketAddr::from((address(3), 80))));
            assert_eq!(peer(&extensions), Some(address(3)));
        }
        extensions.insert(Peer(address(4)));
        assert_eq!(peer(&extensions), Some(address(4)));
        assert_eq!(Peers::Known(address(5)).of(&extensions), Some(address(5)));
        let own = Peers::By(|extensions| extensions.get::<IpAddr>().copied());
        assert_eq!(own.of(&extensions), Some(address(1)));
    }
}
