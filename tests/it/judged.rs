//! The guard asked directly, for what is too much to ask over HTTP.

use std::net::{IpAddr, Ipv4Addr};

use buckler::guard::{Guard, Headers, RequestView, RouteMatch};

/// Whether this source is let in with a request for this path.
pub(crate) fn lets_in(guard: &Guard, path: &str, source: IpAddr) -> bool {
    let request = RequestView {
        peer: Some(source),
        method: "GET",
        path,
        query: "",
        host: Some("shop.example.com"),
        route: RouteMatch::Unsure,
        headers: &NoHeaders,
    };
    !guard.check(&request).is_block()
}

/// The `n`th of 16 million sources that nothing protects.
pub(crate) fn source(n: u32) -> IpAddr {
    let [_, b, c, d] = n.to_be_bytes();
    Ipv4Addr::new(44, b, c, d).into()
}

struct NoHeaders;

impl Headers for NoHeaders {
    fn for_each_value<'h>(&'h self, _: &str, _: &mut dyn FnMut(&'h [u8])) {}

    fn for_each<'h>(&'h self, _: &mut dyn FnMut(&'h str, &'h [u8])) {}
}
