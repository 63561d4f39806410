//! What is kept of a request while the application has it.

use std::{io::Write as _, net::IpAddr};

use actix_web::{
    dev::RequestHead,
    http::{Method, StatusCode, Uri},
};
use buckler::{
    guard::{Client, Guard, Headers, RequestView, RouteMatch, Verdict},
    protocol::v2::AddressOrigin,
};

/// What the guard needs of a request when its answer is there. The application consumes the request and may rewrite it (an
/// inner middleware that normalises paths or removes headers), and where it fails nothing of it comes back: so it is kept
/// from the time of the first verdict, and both verdicts are about the same client and path. Nothing here allocates: actix-web
/// has cloned the target before, which made its bytes shared.
#[derive(Debug)]
pub(crate) struct Seen {
    peer: Option<IpAddr>,
    client: Option<Client>,
    method: Method,
    target: Uri,
}

impl Seen {
    /// Of a request that the guard lets pass.
    pub(crate) fn of(guard: &Guard, view: &RequestView<'_>, head: &RequestHead) -> Self {
        Self {
            peer: view.peer,
            client: guard.client(view),
            method: head.method.clone(),
            target: head.uri.clone(),
        }
    }

    /// The guard's verdict on the answer, which counts it.
    pub(crate) fn judge(&self, guard: &Guard, status: StatusCode, route: RouteMatch) -> Verdict {
        let headers = ForwardedFor::naming(self.client);
        let view = RequestView {
            peer: self.peer,
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.target.query().unwrap_or_default(),
            host: None,
            route,
            headers: &headers,
        };
        guard.check_response(&view, status.as_u16())
    }
}

/// The one header that names the client again to the guard, as the trusted proxy's headers did when the request came.
#[derive(Debug)]
struct ForwardedFor {
    text: [u8; Self::LONGEST],
    length: usize,
}

impl ForwardedFor {
    const NAME: &'static str = "x-forwarded-for";
    /// Bytes of the longest address: an IPv6 address that ends in an IPv4 one.
    const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

    /// Empty for a client that is the socket's peer: it needs no header.
    fn naming(client: Option<Client>) -> Self {
        let mut header = Self {
            text: [0; Self::LONGEST],
            length: 0,
        };
        if let Some(Client {
            address,
            origin: AddressOrigin::Header,
        }) = client
        {
            let mut rest = header.text.as_mut_slice();
            let written = write!(rest, "{address}");
            let left = rest.len();
            header.length = if written.is_ok() { Self::LONGEST - left } else { 0 };
        }
        header
    }

    fn value(&self) -> Option<&[u8]> {
        self.text.get(..self.length).filter(|text| !text.is_empty())
    }
}

impl Headers for ForwardedFor {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == Self::NAME {
            self.value().into_iter().for_each(visit);
        }
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.value().into_iter().for_each(|value| visit(Self::NAME, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(address: &str, origin: AddressOrigin) -> Vec<String> {
        let header = ForwardedFor::naming(Some(Client {
            address: address.parse().unwrap(),
            origin,
        }));
        let mut values = Vec::new();
        header.for_each_value("x-forwarded-for", &mut |value| {
            values.push(String::from_utf8(value.to_vec()).unwrap())
        });
        values
    }

    #[test]
    fn a_client_that_a_header_named_is_named_again() {
        for address in ["203.0.113.9", "2001:db8::1", "1111:2222:3333:4444:5555:6666:7777:8888"] {
            assert_eq!(named(address, AddressOrigin::Header), [address]);
        }
    }

    #[test]
    fn a_client_at_the_socket_needs_no_header() {
        assert!(named("203.0.113.9", AddressOrigin::Socket).is_empty());
        let mut seen = 0;
        ForwardedFor::naming(None).for_each(&mut |_, _| seen += 1);
        assert_eq!(seen, 0);
    }
}
