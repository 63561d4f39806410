//! Proxies that pass requests on and are not declared: seen by the workers, told of by the agent.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{
        AtomicU8, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use crate::{guard::request::Headers, model::address::canonical};

/// Undeclared proxies that are remembered: a site has a handful, and whoever writes the line has to read them.
const MOST: usize = 8;

/// A header by which proxies name the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamingHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`, as nginx is often told to set.
    XRealIp,
    /// `CF-Connecting-IP`, Cloudflare's.
    CfConnectingIp,
    /// `True-Client-IP`, Akamai's and Cloudflare's.
    TrueClientIp,
}

impl NamingHeader {
    pub(super) const X_FORWARDED_FOR: &str = "x-forwarded-for";
    pub(super) const FORWARDED: &str = "forwarded";

    /// Every one, those that trusted proxies are believed by without a setting first.
    pub(super) const ALL: [Self; 5] = [
        Self::XForwardedFor,
        Self::Forwarded,
        Self::XRealIp,
        Self::CfConnectingIp,
        Self::TrueClientIp,
    ];

    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => Self::X_FORWARDED_FOR,
            Self::Forwarded => Self::FORWARDED,
            Self::XRealIp => "x-real-ip",
            Self::CfConnectingIp => "cf-connecting-ip",
            Self::TrueClientIp => "true-client-ip",
        }
    }

    /// Whether it is read from a trusted proxy without `client_ip_header`.
    #[must_use]
    pub const fn is_chain(self) -> bool {
        matches!(self, Self::XForwardedFor | Self::Forwarded)
    }

    /// The first of them that is present.
    pub(super) fn first_of(headers: &dyn Headers) -> Option<Self> {
        Self::ALL.into_iter().find(|header| headers.contains(header.name()))
    }
}

/// A proxy that is not declared, and how it names its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndeclaredProxy {
    /// Its address.
    pub address: IpAddr,
    /// The header that it sends.
    pub header: NamingHeader,
}

/// The undeclared proxies that were seen since start. Fixed memory; a worker that notes one waits for no other.
#[derive(Debug, Default)]
pub struct UndeclaredProxies([Slot; MOST]);

/// A proxy, in words that are written once.
#[derive(Debug, Default)]
struct Slot {
    /// [`EMPTY`], [`BEING_WRITTEN`], or two more than the header's place in [`NamingHeader::ALL`].
    state: AtomicU8,
    high: AtomicU64,
    low: AtomicU64,
}

const EMPTY: u8 = 0;
const BEING_WRITTEN: u8 = 1;

impl UndeclaredProxies {
    /// Remembers a proxy, unless it is known or there are too many.
    pub(crate) fn note(&self, proxy: UndeclaredProxy) {
        for slot in &self.0 {
            match slot.read() {
                Some(known) if known.address == proxy.address => return,
                Some(_) => {}
                // its next request is noted once the other worker is done
                None => return slot.write(proxy),
            }
        }
    }

    /// Those that were seen, in that order.
    #[must_use]
    pub fn seen(&self) -> Vec<UndeclaredProxy> {
        self.0.iter().map_while(Slot::read).collect()
    }
}

impl Slot {
    fn read(&self) -> Option<UndeclaredProxy> {
        let place = self.state.load(Acquire).checked_sub(BEING_WRITTEN + 1)?;
        let header = NamingHeader::ALL.get(usize::from(place)).copied()?;
        let bits = (u128::from(self.high.load(Relaxed)) << 64) | u128::from(self.low.load(Relaxed));
        let address = canonical(IpAddr::V6(Ipv6Addr::from(bits)));
        Some(UndeclaredProxy { address, header })
    }

    fn write(&self, UndeclaredProxy { address, header }: UndeclaredProxy) {
        let taken = self.state.compare_exchange(EMPTY, BEING_WRITTEN, Acquire, Relaxed);
        if taken.is_err() {
            return;
        }
        let bits = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let place = NamingHeader::ALL.iter().position(|other| *other == header);
        let place = place.and_then(|place| u8::try_from(place).ok()).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "the low half is what is meant")]
        self.low.store(bits as u64, Relaxed);
        self.high.store((bits >> 64) as u64, Relaxed);
        self.state.store(BEING_WRITTEN + 1 + place, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(last: u8, header: NamingHeader) -> UndeclaredProxy {
        UndeclaredProxy {
            address: IpAddr::from([172, 18, 0, last]),
            header,
        }
    }

    #[test]
    fn each_proxy_is_remembered_once_and_there_is_an_end() {
        let proxies = UndeclaredProxies::default();
        assert!(proxies.seen().is_empty());
        let v6 = UndeclaredProxy {
            address: "fd00::7".parse().unwrap(),
            header: NamingHeader::TrueClientIp,
        };
        let first = proxy(2, NamingHeader::XRealIp);
        for seen in [first, first, v6, proxy(2, NamingHeader::Forwarded)] {
            proxies.note(seen);
        }
        assert_eq!(proxies.seen(), [first, v6]);
        (3..100).for_each(|last| proxies.note(proxy(last, NamingHeader::XForwardedFor)));
        assert_eq!(proxies.seen().len(), MOST);
    }
}
