//! What is kept of a request while the application has it.

use std::{borrow::Cow, fmt, net::IpAddr, sync::LazyLock};

use buckler::guard::{Guard, Headers, KEPT_HEADERS, Remembered, RequestView, RouteMatch, Verdict};
use http::{
    HeaderValue, Method, StatusCode, Uri,
    header::{HOST, HeaderName},
    request::Parts,
};

use crate::{
    grpc,
    view::{Pattern, pattern, route},
};

/// [`KEPT_HEADERS`], made names once: the standard does not know all of them, and to look one up by
/// its text allocates.
static KEPT: LazyLock<[HeaderName; KEPT_HEADERS.len()]> = LazyLock::new(|| KEPT_HEADERS.map(HeaderName::from_static));

/// What the guard needs of a request when its answer is there. The application consumes the request, so it is kept from the time of
/// the first verdict, and both verdicts are about the same client and path. Nothing here is copied but reference counts.
pub(crate) struct Seen {
    peer: Option<IpAddr>,
    client: Remembered,
    /// What a verdict on the answer depends on: the headers of [`KEPT_HEADERS`].
    kept: [Option<HeaderValue>; KEPT_HEADERS.len()],
    method: Method,
    target: Uri,
    route: RouteMatch,
    host: Option<HeaderValue>,
    grpc: Option<&'static str>,
    pattern: Option<Pattern>,
}

impl Seen {
    /// Of a request that the guard lets pass.
    pub(crate) fn of(parts: &Parts, peer: Option<IpAddr>, client: Remembered) -> Self {
        Self {
            peer,
            client,
            kept: KEPT.each_ref().map(|name| parts.headers.get(name).cloned()),
            method: parts.method.clone(),
            target: parts.uri.clone(),
            route: route(&parts.extensions),
            host: parts.headers.get(HOST).cloned(),
            grpc: grpc::kind(parts),
            pattern: pattern(&parts.extensions),
        }
    }

    /// The guard's verdict on the answer, which counts it.
    pub(crate) fn judge(&self, guard: &Guard, status: StatusCode) -> Verdict {
        let is_route = !matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        if let Some(pattern) = self.pattern.as_ref().filter(|_| is_route) {
            guard.learn_route(self.method.as_str(), pattern.as_str());
        }
        guard.check_response(&self.view(), status.as_u16())
    }

    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    /// Which kind of gRPC it speaks, if it does.
    pub(crate) const fn grpc(&self) -> Option<&'static str> {
        self.grpc
    }

    /// What is kept, as the guard sees it.
    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            peer: self.peer,
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.target.query().unwrap_or_default(),
            host: None,
            route: self.route,
            headers: self,
        }
    }
}

/// Who the client is, and how it wants to be answered; no other header is kept.
impl Headers for Seen {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.for_each(&mut |own, value| {
            if own == name {
                visit(value);
            }
        });
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in KEPT.iter().zip(&self.kept) {
            if let Some(value) = value {
                visit(name.as_str(), value.as_bytes());
            }
        }
    }

    fn remembered(&self) -> Option<Remembered> {
        Some(self.client)
    }

    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        self.pattern.as_ref().map(Pattern::as_str).map(Cow::Borrowed)
    }

    fn host(&self) -> Option<&str> {
        match &self.host {
            Some(host) => host.to_str().ok(),
            None => self.target.authority().map(http::uri::Authority::as_str),
        }
    }
}

/// Nothing of the target: paths and queries hold secrets.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
