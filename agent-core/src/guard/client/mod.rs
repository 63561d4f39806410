//! Who sent a request: the socket's peer, or whom a trusted proxy names.
//!
//! A header is believed only where the peer is a trusted proxy, and only as far as trusted proxies wrote it: elements are read from
//! the right, those of trusted proxies skipped, and the first other one is the client. What stands left of it came from the client
//! itself. Every doubt (an element that is no address, a chain longer than any real one) ends at the peer, which, being a proxy,
//! nobody bans.
//!
//! A trusted proxy that names its clients by a header that is not read is as good as one that is
//! not declared: its address stands for all of them.
//!
//! A peer in a private network, or on this host, that names a client without being a trusted proxy is a proxy that the settings do
//! not declare: its requests are of an unknown client, because the peer's address stands for all of the site's clients.

mod forwarded;
mod undeclared;

use std::net::IpAddr;

use ipnet::IpNet;

use self::forwarded::{FromRight, forwarded_for};
pub use self::undeclared::{NamingHeader, UndeclaredProxies, UndeclaredProxy};
use super::request::{Headers, Remembered, RequestView};
use crate::{
    model::{
        address::{canonical, is_private, parse_source},
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
    /// The one header that names the client, where it is not a chain.
    header: Option<Box<str>>,
    clients_are_private: bool,
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

/// Who sent a request, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// This client.
    Known(Client),
    /// A client that only this proxy knows, which no setting declares.
    Undeclared(UndeclaredProxy),
    /// Nobody can say: the connection has no address.
    NoAddress,
}

impl Trusted {
    /// Believes these proxies; neither they nor `own`, the addresses of this host and of the cloud server, are ever banned.
    #[must_use]
    pub fn new(proxies: impl IntoIterator<Item = IpNet>, own: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            proxies: proxies.into_iter().collect(),
            own: own.into_iter().map(IpNet::from).collect(),
            ..Self::default()
        }
    }

    /// Which header is read first. The default is `X-Forwarded-For`.
    #[must_use]
    pub fn reading_first(mut self, header: ProxyHeader) -> Self {
        self.first = header;
        self
    }

    /// Which header of the trusted proxies names the client, in any case. `X-Forwarded-For` and `Forwarded` are read as chains;
    /// any other holds one address (`CF-Connecting-IP`), and is then the only one that is read: a chain beside it may end at a
    /// proxy of the provider's, which is not to be taken for the client.
    #[must_use]
    pub fn named_by(mut self, header: &str) -> Self {
        let header = header.to_ascii_lowercase();
        match &*header {
            NamingHeader::X_FORWARDED_FOR => self.first = ProxyHeader::XForwardedFor,
            NamingHeader::FORWARDED => self.first = ProxyHeader::Forwarded,
            _ => self.header = Some(header.into()),
        }
        self
    }

    /// Whether clients have private addresses, as those of an intranet do. They may then be banned, and what they say of others is
    /// their own word. The default is that a private peer is a proxy, a balancer or a probe.
    #[must_use]
    pub const fn with_private_clients(mut self, clients_are_private: bool) -> Self {
        self.clients_are_private = clients_are_private;
        self
    }

    /// The trusted proxies.
    #[must_use]
    pub const fn proxies(&self) -> &IpSet {
        &self.proxies
    }

    /// The client of a request; none where it is unknown, see [`Sender`].
    #[must_use]
    pub fn client(&self, request: &RequestView<'_>) -> Option<Client> {
        match request.headers.remembered() {
            Some(Remembered(client)) => client,
            None => match self.sender(request) {
                Sender::Known(client) => Some(client),
                Sender::Undeclared(_) | Sender::NoAddress => None,
            },
        }
    }

    /// Who sent a request.
    #[must_use]
    pub fn sender(&self, request: &RequestView<'_>) -> Sender {
        let Some(peer) = request.peer.map(canonical) else {
            return Sender::NoAddress;
        };
        let known = |address, origin| Sender::Known(Client { address, origin });
        if !self.proxies.contains(peer) {
            let undeclared = self
                .may_be_a_proxy(peer)
                .then(|| NamingHeader::first_of(request.headers));
            return undeclared.flatten().map_or_else(
                || known(peer, AddressOrigin::Socket),
                |header| Sender::Undeclared(UndeclaredProxy { address: peer, header }),
            );
        }
        match self.named(request.headers) {
            Some(Named { address, via: None }) => known(address, AddressOrigin::Header),
            Some(Named {
                address,
                via: Some(header),
            }) => Sender::Undeclared(UndeclaredProxy { address, header }),
            None => self.unread(request.headers).map_or_else(
                || known(peer, AddressOrigin::Socket),
                |header| Sender::Undeclared(UndeclaredProxy { address: peer, header }),
            ),
        }
    }

    /// The header by which a trusted proxy names its clients, where it is another than the one that
    /// is read, and that one is not there at all.
    fn unread(&self, headers: &dyn Headers) -> Option<NamingHeader> {
        let is_read = match &self.header {
            Some(name) => headers.contains(name),
            None => NamingHeader::ALL
                .iter()
                .any(|header| header.is_chain() && headers.contains(header.name())),
        };
        if is_read { None } else { NamingHeader::first_of(headers) }
    }

    /// Whether this address may be banned, and its requests be counted for bans: no loopback, unspecified, multicast, broadcast or
    /// link-local address, no private one unless clients have such, no trusted proxy, none of our own.
    #[must_use]
    pub fn bannable(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        is_of_a_host(address)
            && (self.clients_are_private || !is_private(address))
            && !self.proxies.contains(address)
            && !self.own.contains(address)
    }

    /// Whether a whole network may be banned: neither a proxy nor an address of our own is in it, and all of it are clients'.
    pub(crate) fn can_ban(&self, network: IpNet) -> bool {
        let touches = |set: &IpSet| {
            let mut networks = set.networks().iter();
            networks.any(|own| own.contains(&network) || network.contains(own))
        };
        let ends = [network.network(), network.broadcast()];
        ends.into_iter().all(|end| self.bannable(end)) && !touches(&self.proxies) && !touches(&self.own)
    }

    /// Whether what names a client from here is more likely a proxy than a client that invents a header.
    fn may_be_a_proxy(&self, address: IpAddr) -> bool {
        is_beside_us(address) || (is_private(address) && !self.clients_are_private)
    }

    /// The client that the proxies name, by the first header that is present; none where that header is in doubt.
    fn named(&self, headers: &dyn Headers) -> Option<Named> {
        if let Some(name) = &self.header {
            return only_address(headers, name).map(|address| Named { address, via: None });
        }
        let by_list = || self.walk(headers, NamingHeader::XForwardedFor, parse_source);
        let by_pairs = || self.walk(headers, NamingHeader::Forwarded, forwarded_for);
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
        header: NamingHeader,
        read: fn(&str) -> Option<IpAddr>,
    ) -> Option<Result<Named, Doubtful>> {
        let mut lines = Lines::default();
        headers.for_each_value(header.name(), &mut |line| lines.push(line));
        let mut elements = lines.elements_from_right();
        let mut leftmost = None;
        for _ in 0..MOST_HOPS {
            let Some(element) = elements.next() else {
                break;
            };
            let Some(address) = str::from_utf8(element).ok().and_then(read) else {
                return Some(Err(Doubtful));
            };
            if !self.proxies.contains(address) {
                // one in between that nobody declared: what it passed on stands left of it
                let via = (self.may_be_a_proxy(address) && elements.next().is_some()).then_some(header);
                return Some(Ok(Named { address, via }));
            }
            leftmost = Some(address);
        }
        // a chain of trusted proxies alone began at the leftmost of them
        let is_whole = elements.next().is_none() && !lines.is_cut();
        leftmost.map(|address| is_whole.then_some(Named { address, via: None }).ok_or(Doubtful))
    }
}

/// An address that a chain ends at.
struct Named {
    address: IpAddr,
    /// The chain, where the address is of a proxy in it that nobody declared.
    via: Option<NamingHeader>,
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

/// Whether it is on this host, or on this link.
const fn is_beside_us(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    is_link_local || address.is_loopback()
}

/// The address in a header that holds one. Several lines are in doubt: a proxy that sets the header leaves one.
fn only_address(headers: &dyn Headers, name: &str) -> Option<IpAddr> {
    let (mut lines, mut address) = (0_u32, None);
    headers.for_each_value(name, &mut |line| {
        lines = lines.saturating_add(1);
        address = str::from_utf8(line).ok().and_then(parse_source);
    });
    address.filter(|_| lines == 1)
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

#[cfg(test)]
mod tests;
