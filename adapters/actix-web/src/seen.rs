//! What is kept of a request while the application has it.

use std::{borrow::Cow, fmt, net::IpAddr, sync::LazyLock};

use actix_web::{
    HttpRequest,
    dev::RequestHead,
    http::{
        Method, StatusCode, Uri,
        header::{HOST, HeaderName, HeaderValue},
    },
};
use buckler::guard::{Guard, Headers, KEPT_HEADERS, Remembered, RequestView, RouteMatch, Verdict};

use crate::{
    route_match::pattern_after_routing,
    view::{HeaderList, view},
};

/// [`KEPT_HEADERS`], made names once: the standard does not know all of them, and to look one up by
/// its text allocates.
static KEPT: LazyLock<[HeaderName; KEPT_HEADERS.len()]> = LazyLock::new(|| KEPT_HEADERS.map(HeaderName::from_static));

/// What the guard needs of a request when its answer is there. The application consumes the request and may rewrite it (an
/// inner middleware that normalises paths or removes headers), and where it fails nothing of it comes back: so it is kept
/// from the time of the first verdict, and both verdicts are about the same client and path.
///
/// Nothing here allocates: the target of a request that came over a socket shares its bytes.
#[derive(Clone)]
pub(crate) struct Seen {
    peer: Option<IpAddr>,
    client: Remembered,
    /// What a verdict on the answer depends on: the headers of [`KEPT_HEADERS`].
    kept: [Option<HeaderValue>; KEPT_HEADERS.len()],
    method: Method,
    target: Uri,
    host: Option<HeaderValue>,
}

impl Seen {
    /// Of a request that the guard lets pass.
    pub(crate) fn of(head: &RequestHead, guard: &Guard) -> Self {
        let headers = HeaderList::kept(&head.headers, None);
        // no route says who the client is
        let client = guard.client(&view(head, &headers, RouteMatch::Unsure));
        Self {
            peer: head.peer_addr.map(|address| address.ip()),
            client: Remembered(client),
            kept: KEPT.each_ref().map(|name| head.headers.get(name).cloned()),
            method: head.method.clone(),
            target: head.uri.clone(),
            host: head.headers.get(&HOST).cloned(),
        }
    }

    /// The guard's verdict on the answer, which counts it.
    pub(crate) fn judge(&self, guard: &Guard, status: StatusCode, route: RouteMatch) -> Verdict {
        let view = RequestView { route, ..self.view() };
        guard.check_response(&view, status.as_u16())
    }

    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    /// What is kept, as the guard sees it.
    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            peer: self.peer,
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.target.query().unwrap_or_default(),
            host: None,
            route: RouteMatch::Matched, // matters to nothing but a 404
            headers: self,
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

/// What is kept of a request, with the request as the application gave it back: it knows its route
/// by now.
pub(crate) struct Answered<'a> {
    seen: &'a Seen,
    request: &'a HttpRequest,
}

impl<'a> Answered<'a> {
    pub(crate) const fn new(seen: &'a Seen, request: &'a HttpRequest) -> Self {
        Self { seen, request }
    }

    /// The guard's verdict on the answer, which counts it.
    pub(crate) fn judge(&self, guard: &Guard, status: StatusCode, route: RouteMatch) -> Verdict {
        guard.check_response(&self.view(route), status.as_u16())
    }

    /// What is kept, as the guard sees it.
    pub(crate) fn view(&self, route: RouteMatch) -> RequestView<'_> {
        RequestView {
            route,
            headers: self,
            ..self.seen.view()
        }
    }
}

impl Headers for Answered<'_> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.seen.for_each_value(name, visit);
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.seen.for_each(visit);
    }

    fn remembered(&self) -> Option<Remembered> {
        self.seen.remembered()
    }

    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        pattern_after_routing(self.request).map(Cow::Owned)
    }

    fn host(&self) -> Option<&str> {
        self.seen.host()
    }
}

/// Who the client is, and how it wants to be answered; no other header is kept but the host.
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

    fn host(&self) -> Option<&str> {
        match &self.host {
            Some(host) => host.to_str().ok(),
            None => self.target.authority().map(|authority| authority.as_str()),
        }
    }
}
