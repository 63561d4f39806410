//! A request as the guard sees it: borrowed, nothing copied.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use buckler::guard::{Headers, RequestView, RouteMatch};
use http::{Extensions, HeaderMap, Method, Uri, header::HOST, request::Parts};

/// The headers behind the guard's trait, and the pattern of the route.
pub(crate) struct HeaderList<'a> {
    headers: &'a HeaderMap,
    pattern: Option<&'a str>,
}

impl<'a> HeaderList<'a> {
    pub(crate) fn of(parts: &'a Parts) -> Self {
        Self {
            headers: &parts.headers,
            pattern: pattern_text(&parts.extensions),
        }
    }
}

impl Headers for HeaderList<'_> {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.headers
            .get_all(name)
            .iter()
            .for_each(|value| visit(value.as_bytes()));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.headers
            .iter()
            .for_each(|(key, value)| visit(key.as_str(), value.as_bytes()));
    }

    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        self.pattern.map(Cow::Borrowed)
    }
}

/// The view of a request that came from here.
pub(crate) fn view<'a>(parts: &'a Parts, headers: &'a HeaderList<'a>, peer: Option<IpAddr>) -> RequestView<'a> {
    RequestView {
        peer,
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        host: host(&parts.uri, &parts.headers),
        route: route(&parts.extensions),
        headers,
    }
}

/// A copy of what the guard is shown of a request, for a verdict on what comes later.
pub(crate) struct Head {
    peer: Option<IpAddr>,
    method: Method,
    target: Uri,
    route: RouteMatch,
    pattern: Option<Pattern>,
    headers: HeaderMap,
}

impl Head {
    pub(crate) fn of(parts: &Parts, peer: Option<IpAddr>) -> Self {
        Self {
            peer,
            method: parts.method.clone(),
            target: parts.uri.clone(),
            route: route(&parts.extensions),
            pattern: pattern(&parts.extensions),
            headers: parts.headers.clone(),
        }
    }

    pub(crate) fn look<R>(&self, look: impl FnOnce(&RequestView<'_>) -> R) -> R {
        look(&RequestView {
            peer: self.peer,
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.target.query().unwrap_or_default(),
            host: host(&self.target, &self.headers),
            route: self.route,
            headers: &HeaderList {
                headers: &self.headers,
                pattern: self.pattern.as_ref().map(Pattern::as_str),
            },
        })
    }
}

/// The host asked for: the target's own, where it is absolute (RFC 9112, section 3.2.2) or HTTP/2 has filled it from `:authority`,
/// before the `Host` header, which the guard finds among the headers as well.
fn host<'a>(target: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    /// Stands for a host that is no text: no list of hosts can hold it, so that it is not mistaken for an absent one.
    const NO_TEXT: &str = "\u{fffd}";
    let of_target = target.authority().map(http::uri::Authority::as_str);
    of_target.or_else(|| {
        let value = headers.get(HOST)?;
        Some(std::str::from_utf8(value.as_bytes()).unwrap_or(NO_TEXT))
    })
}

/// Whether axum found a route. A fallback may still answer where it did not; outside of any router nobody has looked for one.
#[cfg(feature = "axum")]
pub(crate) fn route(extensions: &Extensions) -> RouteMatch {
    use axum::extract::{MatchedPath, OriginalUri};
    if extensions.get::<MatchedPath>().is_some() {
        RouteMatch::Matched
    } else if extensions.get::<OriginalUri>().is_some() {
        // left there by the router that did not find one
        RouteMatch::Unsure
    } else {
        RouteMatch::Unknown
    }
}

/// Nobody knows, not even when the application has answered.
#[cfg(not(feature = "axum"))]
pub(crate) fn route(_: &Extensions) -> RouteMatch {
    RouteMatch::Unknown
}

/// The pattern of a route, `/items/{id}`, among the extensions of a request: for hosts that know it
/// and have no router of axum's. Findings are told with it, and exceptions may name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern(pub Arc<str>);

/// The pattern of a route, shared with what found it.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
    Named(RoutePattern),
}

impl Pattern {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            #[cfg(feature = "axum")]
            Self::Matched(path) => path.as_str(),
            Self::Named(RoutePattern(pattern)) => pattern,
        }
    }
}

/// The pattern of the route that axum found, or else that the host named.
pub(crate) fn pattern(extensions: &Extensions) -> Option<Pattern> {
    #[cfg(feature = "axum")]
    if let Some(path) = extensions.get::<axum::extract::MatchedPath>() {
        return Some(Pattern::Matched(path.clone()));
    }
    extensions.get::<RoutePattern>().cloned().map(Pattern::Named)
}

/// The text of [`pattern`].
fn pattern_text(extensions: &Extensions) -> Option<&str> {
    #[cfg(feature = "axum")]
    if let Some(path) = extensions.get::<axum::extract::MatchedPath>() {
        return Some(path.as_str());
    }
    extensions.get::<RoutePattern>().map(|RoutePattern(pattern)| &**pattern)
}
