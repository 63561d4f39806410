//! What a cloud's front end says of the client.

use std::net::IpAddr;

use buckler::model::address::parse_source;
use http::HeaderMap;

/// The header in which front ends name the client. Azure adds the client's port (`203.0.113.9:50123`), Google does not.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that the nearest proxy wrote: the last one, of the last line. None where that is no address, because what stands left of
/// it may be the client's own word.
pub(crate) fn written_last(headers: &HeaderMap) -> Option<IpAddr> {
    headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        // empty elements do not count (RFC 9110, section 5.6.1)
        .find(|element| !element.trim_ascii().is_empty())
        .and_then(|element| parse_source(str::from_utf8(element).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        written_last(&headers).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_counts_however_it_is_written() {
        for (lines, expected) in [
            (&["203.0.113.9"][..], Some("203.0.113.9")),
            (&["198.51.100.1, 203.0.113.9"], Some("203.0.113.9")),
            (&["198.51.100.1,203.0.113.9:50123"], Some("203.0.113.9")),
            (&["198.51.100.1", "[2001:db8::9]:443"], Some("2001:db8::9")),
            (&["203.0.113.9, ,", ""], Some("203.0.113.9")),
            (&["203.0.113.9, unknown"], None),
            (&["203.0.113.9", "\u{e9}"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(written(lines).as_deref(), expected, "{lines:?}");
        }
    }
}
