//! Who sent a request: the socket's peer, or whom a trusted proxy names.
//!
//! A header is believed only where the peer is a trusted proxy, and only as far as trusted proxies wrote it: elements are read from
//! the right, those of trusted proxies skipped, and the first other one is the client. What stands left of it came from the client
//! itself. Every doubt (an element that is no address, a chain longer than any real one) ends at the peer, which, being a proxy,
//! nobody bans.

use std::net::IpAddr;

use ipnet::IpNet;

use super::request::{Headers, RequestView};
use crate::{
    model::{
        address::{canonical, parse_source},
        ipset::IpSet,
    },
    protocol::v2::AddressOrigin,
};

/// Elements of a chain that are read, and header lines that are joined: real chains have a handful of hops, and a client that sends
/// thousands must not cost more than one that sends none.
const MOST_HOPS: usize = 32;

/// The proxies that are believed, and the addresses that are never banned.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    proxies: IpSet,
    own: IpSet,
    first: ProxyHeader,
}

/// The header that the trusted proxies set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: what nearly all proxies set. One that sets only this passes a `Forwarded` on as the client made it, so
    /// `Forwarded` counts only where this is absent.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239); `X-Forwarded-For` counts only where it is absent.
    Forwarded,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The address, in its one form.
    pub address: IpAddr,
    /// Where it was read.
    pub origin: AddressOrigin,
}

impl Trusted {
    /// Believes these proxies; neither they nor `own`, the addresses of this host and of the cloud server, are ever banned.
    #[must_use]
    pub fn new(proxies: impl IntoIterator<Item = IpNet>, own: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            proxies: proxies.into_iter().collect(),
            own: own.into_iter().map(IpNet::from).collect(),
            first: ProxyHeader::default(),
        }
    }

    /// Which header is read first. The default is `X-Forwarded-For`.
    #[must_use]
    pub fn reading_first(mut self, header: ProxyHeader) -> Self {
        self.first = header;
        self
    }

    /// The trusted proxies.
    #[must_use]
    pub const fn proxies(&self) -> &IpSet {
        &self.proxies
    }

    /// The client of a request; none where the connection has no address (a Unix socket).
    #[must_use]
    pub fn client(&self, request: &RequestView<'_>) -> Option<Client> {
        let peer = canonical(request.peer?);
        let named = if self.proxies.contains(peer) {
            self.named(request.headers)
        } else {
            None
        };
        Some(match named {
            Some(address) => Client {
                address,
                origin: AddressOrigin::Header,
            },
            None => Client {
                address: peer,
                origin: AddressOrigin::Socket,
            },
        })
    }

    /// Whether this address may be banned, and its requests be counted for bans: no loopback, unspecified, multicast, broadcast or
    /// link-local address, no trusted proxy, none of our own.
    #[must_use]
    pub fn bannable(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        is_of_a_host(address) && !self.proxies.contains(address) && !self.own.contains(address)
    }

    /// The client that the proxies name, by the first header of the two that is present; none where that header is in doubt.
    fn named(&self, headers: &dyn Headers) -> Option<IpAddr> {
        let by_list = || self.walk(headers, "x-forwarded-for", parse_source);
        let by_pairs = || self.walk(headers, "forwarded", forwarded_for);
        let chain = match self.first {
            ProxyHeader::XForwardedFor => by_list().or_else(by_pairs),
            ProxyHeader::Forwarded => by_pairs().or_else(by_list),
        };
        chain?.ok()
    }

    /// Reads a header's chain from its right end; none where there is no chain.
    fn walk(
        &self,
        headers: &dyn Headers,
        name: &str,
        read: fn(&str) -> Option<IpAddr>,
    ) -> Option<Result<IpAddr, Doubtful>> {
        let mut lines = Lines::default();
        headers.for_each_value(name, &mut |line| lines.push(line));
        let mut elements = lines.elements_from_right();
        let mut leftmost = None;
        for element in elements.by_ref().take(MOST_HOPS) {
            let Some(address) = str::from_utf8(element).ok().and_then(read) else {
                return Some(Err(Doubtful));
            };
            if !self.proxies.contains(address) {
                return Some(Ok(address));
            }
            leftmost = Some(address);
        }
        // a chain of trusted proxies alone began at the leftmost of them
        let is_whole = elements.next().is_none() && !lines.is_cut();
        leftmost.map(|address| is_whole.then_some(address).ok_or(Doubtful))
    }
}

/// A chain that does not say who the client is.
struct Doubtful;

/// Whether it is the address of one host, somewhere else.
const fn is_of_a_host(address: IpAddr) -> bool {
    let is_special = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || matches!(v4.octets(), [0, ..]),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unspecified(),
    };
    !(is_special || address.is_loopback() || address.is_multicast())
}

/// The address of a `Forwarded` element's one `for` parameter.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = FromRight::new(element.as_bytes(), b';')
        .filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = nodes.next()?;
    if nodes.next().is_some() {
        None
    } else {
        parse_source(node)
    }
}

/// The last lines of a header, in order.
#[derive(Default)]
struct Lines<'h> {
    ring: [&'h [u8]; MOST_HOPS],
    pushed: usize,
}

impl<'h> Lines<'h> {
    fn push(&mut self, line: &'h [u8]) {
        if let Some(place) = self.ring.get_mut(self.pushed % MOST_HOPS) {
            *place = line;
        }
        self.pushed += 1;
    }

    /// Whether there were more lines than are kept.
    const fn is_cut(&self) -> bool {
        self.pushed > MOST_HOPS
    }

    /// The elements of the lines as if they were one, from the right; empty ones do not count (RFC 9110, section 5.6.1).
    fn elements_from_right(&self) -> impl Iterator<Item = &'h [u8]> {
        let oldest = self.pushed.saturating_sub(MOST_HOPS);
        (oldest..self.pushed)
            .rev()
            .filter_map(|n| self.ring.get(n % MOST_HOPS))
            .flat_map(|line| FromRight::new(line, b','))
            .filter(|element| !element.trim_ascii().is_empty())
    }
}

/// The parts of a text between separators, from the right. A separator in a quoted string is part of the string. Quotes are paired
/// from the right too: what a client left open cannot swallow what a proxy wrote after it.
struct FromRight<'t> {
    rest: Option<&'t [u8]>,
    separator: u8,
}

impl<'t> FromRight<'t> {
    const fn new(text: &'t [u8], separator: u8) -> Self {
        Self {
            rest: Some(text),
            separator,
        }
    }
}

impl<'t> Iterator for FromRight<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            let (left, right) = text.split_at_checked(at)?;
            if *byte == b'"' && !ends_escaping(left) {
                quoted = !quoted;
            } else if *byte == self.separator && !quoted {
                self.rest = Some(left);
                return right.get(1..);
            }
        }
        Some(text)
    }
}

/// Whether what follows this text is escaped by it: an odd number of backslashes.
fn ends_escaping(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests;
