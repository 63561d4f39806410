//! What the guard is shown of a request: borrowed, and free of any framework.

use std::{borrow::Cow, net::IpAddr};

pub use buckler_waf::body::BodyView;

use super::client::Client;

/// A request as an adapter shows it to the guard. Nothing is copied.
#[derive(Clone, Copy)]
pub struct RequestView<'a> {
    /// Where the connection came from. The guard itself decides whether a proxy's header names the client.
    pub peer: Option<IpAddr>,
    /// The method in upper case.
    pub method: &'a str,
    /// The path as it came, percent-encoded, without the query.
    pub path: &'a str,
    /// The query without `?`; empty where there is none.
    pub query: &'a str,
    /// The host the client asked for, from `Host` or `:authority`, with its port if it had one.
    pub host: Option<&'a str>,
    /// Whether the application has a route for it.
    pub route: RouteMatch,
    /// The headers.
    pub headers: &'a dyn Headers,
}

/// Who sent a request, as [`Guard::client`](super::Guard::client) said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered(pub Option<Client>);

/// Whether the application has a route for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMatch {
    /// A route matched. A decoy is then no decoy.
    Matched,
    /// None matched, and the framework is sure of it.
    Missing,
    /// No registered pattern matched, but a fallback handler may still answer: judged by the response, where a 404 confirms it.
    Unsure,
    /// The host does not know its application's routes. A decoy is one where the answer is 404; of other paths a 404 says nothing:
    /// `no such article` is no probing.
    Unknown,
}

/// The headers, in lower case, that an adapter keeps for the verdict on the answer: how the client
/// wants to be answered, and which page made the request.
pub const KEPT_HEADERS: [&str; 6] = [
    "accept",
    "origin",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
];

/// Header access without a framework.
pub trait Headers {
    /// The values of a header, in order. The name is in lower case.
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8]));

    /// Every header in order, names in lower case.
    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8]));

    /// Who sent the request, where an adapter asked ([`Guard::client`](super::Guard::client)) while it had the headers, and has them
    /// no more.
    fn remembered(&self) -> Option<Remembered> {
        None
    }

    /// The pattern of the application's route, `/items/{id}`, where the framework knows it. Asked
    /// only where something was found, so that it may cost an allocation.
    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// The host that was asked for, where a view of the answer does not show it
    /// ([`RequestView::host`]) and it is still known. Asked only where something was found.
    fn host(&self) -> Option<&str> {
        None
    }

    /// Whether a header is present. The name is in lower case.
    fn contains(&self, name: &str) -> bool {
        let mut found = false;
        self.for_each_value(name, &mut |_| found = true);
        found
    }
}

/// No headers, or a list of them, names in lower case: for tests, and for hosts that have nothing better.
impl<const N: usize> Headers for [(&str, &[u8]); N] {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let named = self.iter().filter(|(own, _)| *own == name);
        named.for_each(|(_, value)| visit(value));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.iter().for_each(|(name, value)| visit(name, value));
    }
}

/// As the array's, for lists of any length.
impl Headers for &[(&str, &[u8])] {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let named = self.iter().filter(|(own, _)| *own == name);
        named.for_each(|(_, value)| visit(value));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.iter().for_each(|(name, value)| visit(name, value));
    }
}

/// Without path and query, which may hold secrets.
impl std::fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestView")
            .field("peer", &self.peer)
            .field("method", &self.method)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}
