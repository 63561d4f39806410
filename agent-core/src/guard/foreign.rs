//! Whether a page, and not its reader, made a request: what a browser says of it.
//!
//! `Sec-Fetch-Site` is the browser's own word (Fetch Metadata), which no page can change. Browsers
//! leave it out over plain HTTP, and older ones always: then `Accept` says whether markup loads a
//! picture or a style sheet, and `Origin`, then `Referer`, are compared with the host that was
//! asked for. A page can suppress `Referer`, but not `Accept`.
//!
//! Any other client may write these headers too, so that they only decide what counts as evidence
//! against a client, never whether a request is refused.

use super::{checks::Case, request::Headers};
use crate::protocol::v2::AddressOrigin;

/// What markup loads by itself (`Sec-Fetch-Dest`): readers of a comment with a picture have not asked for the picture.
const LOADED_BY_MARKUP: [&str; 8] = ["audio", "embed", "frame", "iframe", "image", "object", "track", "video"];

/// How `Accept` begins for what markup loads, where browsers name no destination (Fetch Standard,
/// "fetching", step 12: images, style sheets; Safari asks for videos in the same header).
const ACCEPTED_BY_MARKUP: [&str; 3] = ["image/", "text/css", "video/"];

/// Whether the browser says that the request was made by another site, or loaded by a page's markup.
pub(super) fn is_foreign(case: &Case<'_>) -> bool {
    let headers = case.request.headers;
    let is = |name, values: &[&str]| {
        with_first(headers, name, |value| {
            values.iter().any(|known| value.eq_ignore_ascii_case(known))
        })
    };
    match is("sec-fetch-site", &["cross-site"]) {
        Some(is_cross_site) => is_cross_site || is("sec-fetch-dest", &LOADED_BY_MARKUP) == Some(true),
        None => {
            let is_elsewhere = |value: &str| host_of(value).is_none_or(|host| !is_own(case, host));
            let is_loaded = |accept: &str| ACCEPTED_BY_MARKUP.iter().any(|kind| starts_with(accept, kind));
            with_first(headers, "accept", is_loaded) == Some(true)
                || with_first(headers, "origin", is_elsewhere)
                    .or_else(|| with_first(headers, "referer", is_elsewhere))
                    .unwrap_or(false)
        }
    }
}

/// Whether a person may have followed a link, or written the address: the browser says so, or it is
/// one that says nothing of the kind (over plain HTTP, or an old one).
pub(super) fn may_navigate(case: &Case<'_>) -> bool {
    let headers = case.request.headers;
    let is_silent_browser = || {
        with_first(headers, "accept-language", |language| !language.is_empty()) == Some(true)
            && with_first(headers, "user-agent", |agent| starts_with(agent, "Mozilla/")) == Some(true)
    };
    with_first(headers, "sec-fetch-mode", |mode| mode == "navigate").unwrap_or_else(is_silent_browser)
}

/// Whether the application is known by this host: as the request names it, as its proxy does, or as `HOSTS` lists it.
fn is_own(case: &Case<'_>, host: &str) -> bool {
    let is_same = |own: &str| without_port(own.trim()).eq_ignore_ascii_case(host);
    let is_proxied = case.client.is_some_and(|client| client.origin == AddressOrigin::Header);
    let asked = case.request.host.or_else(|| case.request.headers.host());
    asked.is_some_and(is_same)
        || case.policy.lists_host(host)
        || (is_proxied && with_first(case.request.headers, "x-forwarded-host", is_same) == Some(true))
}

/// Whether a text begins so, in either case of letters.
pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// What a header's first value comes to.
fn with_first<T>(headers: &dyn Headers, name: &str, judge: impl Fn(&str) -> T) -> Option<T> {
    let mut result = None;
    headers.for_each_value(name, &mut |value| {
        if result.is_none() {
            result = Some(judge(str::from_utf8(value).unwrap_or_default().trim()));
        }
    });
    result
}

/// `shop.example.com` of `https://shop.example.com:8443/cart`; none of `null`, the origin of a page in a sandbox.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(without_port(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_out_of_origins_and_addresses() {
        for (url, host) in [
            ("https://shop.example.com", Some("shop.example.com")),
            ("https://shop.example.com:8443/cart?a=://b", Some("shop.example.com")),
            ("http://[::1]:3000", Some("[::1]")),
            ("https://user@evil.example/shop.example.com", Some("evil.example")),
            ("https://evil.example\\.shop.example.com", Some("evil.example")),
            ("null", None),
            ("", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
