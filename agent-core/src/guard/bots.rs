//! The check `bots`: headers that a program sends and no browser.
//!
//! The shapes are those that pyrasp 0.10 looks for in a JA4H fingerprint (`BOTS_JA4H_PATTERNS`).
//! Three things are different. The HTTP version is not looked at: behind a proxy it is the proxy's,
//! and nginx speaks 1.0 by default. What proxies add is not counted, and many headers are no sign
//! behind one. And nothing is refused for it unless the check is on, as in pyrasp.

use super::{
    checks::{Case, Finding},
    request::Headers,
};

/// Fewer headers than this, beside cookies and the referrer, are those of a minimal client.
const THIN: usize = 5;

/// Up to so many are those of a library, where they say nothing of a cookie, a referrer and a
/// language.
const BARE: usize = 8;

/// So many are no browser's: browsers send up to sixteen.
const MANY: usize = 20;

/// The headers that proxies and content delivery networks add, beside those that begin with
/// `x-forwarded-`, `cf-`, `x-amz-`, `x-amzn-` and `x-envoy-`.
const OF_PROXIES: [&str; 8] = [
    "cdn-loop",
    "forwarded",
    "traceparent",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-real-ip",
    "x-request-id",
];

/// What is known of a request's headers.
#[derive(Default)]
struct Shape {
    /// Headers beside cookies, the referrer and what proxies add.
    count: usize,
    has_referrer: bool,
    has_language: bool,
    is_proxied: bool,
    /// Whether there is a cookie header, and whether it names a cookie.
    cookies: Option<bool>,
}

impl Shape {
    fn of(headers: &dyn Headers) -> Self {
        let mut shape = Self::default();
        headers.for_each(&mut |name, value| match name {
            "cookie" => {
                let names_one = value.iter().any(|byte| !matches!(byte, b' ' | b';' | b'=' | b'\t'));
                shape.cookies = Some(names_one || shape.cookies == Some(true));
            }
            "referer" => shape.has_referrer = true,
            name if is_of_proxy(name) => shape.is_proxied = true,
            name => {
                shape.has_language |= name == "accept-language";
                shape.count += 1;
            }
        });
        shape
    }

    /// The first sign of a program.
    fn sign(&self) -> Option<&'static str> {
        let says_nothing = self.cookies.is_none() && !self.has_referrer && !self.has_language;
        if self.cookies == Some(false) {
            Some("empty-cookie")
        } else if self.count < THIN {
            Some("few-headers")
        } else if says_nothing && self.count <= BARE {
            Some("no-language")
        } else if self.count >= MANY && !self.is_proxied {
            Some("many-headers")
        } else {
            None
        }
    }
}

fn is_of_proxy(name: &str) -> bool {
    OF_PROXIES.contains(&name)
        || ["x-forwarded-", "cf-", "x-amz-", "x-amzn-", "x-envoy-"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// A request whose headers are a program's. The sign tells it from others: a client that shows the
/// same one again gives no further evidence.
pub(super) fn bot<'c>(case: &Case<'c>) -> Option<Finding<'c>> {
    let sign = Shape::of(case.request.headers).sign()?;
    Some(Finding {
        rule: Some(("bots", sign)),
        ..Finding::one("header", sign)
    })
}
