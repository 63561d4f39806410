//! The grammar of `Forwarded` (RFC 7239), as far as it names a client.

use std::net::IpAddr;

use crate::model::address::parse_source;

/// The address of a `Forwarded` element's one `for` parameter.
pub(super) fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = FromRight::new(element.as_bytes(), b';')
        .filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = nodes.next()?;
    if nodes.next().is_some() {
        None
    } else {
        parse_source(node).or_else(|| behind_hidden_port(node))
    }
}

/// The address of a node whose port the proxy keeps to itself (`"203.0.113.18:_p1"`, RFC 7239, section 6.3).
fn behind_hidden_port(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let node = node
        .strip_prefix('"')
        .and_then(|node| node.strip_suffix('"'))
        .unwrap_or(node);
    let (host, port) = node.rsplit_once(":_")?;
    let is_hidden = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let has_port = !host.starts_with('[') && host.contains(':') || host.contains("]:");
    if port.is_empty() || !port.bytes().all(is_hidden) || has_port {
        return None;
    }
    parse_source(host)
}

/// The parts of a text between separators, from the right. A separator in a quoted string is part of the string. Quotes are paired
/// from the right too: what a client left open cannot swallow what a proxy wrote after it.
pub(super) struct FromRight<'t> {
    rest: Option<&'t [u8]>,
    separator: u8,
}

impl<'t> FromRight<'t> {
    pub(super) const fn new(text: &'t [u8], separator: u8) -> Self {
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
