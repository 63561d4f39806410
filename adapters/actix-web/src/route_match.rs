//! Whether the application has a route for a request, by what actix-web knows at two moments.
//!
//! A resource, a redirect, a folder of files under a prefix: all of them have a pattern. A default service has none, and what
//! is mounted at the very root (a folder of files at `/`) has an empty one; both are fallbacks that are asked for whatever
//! nothing else answers, so that only their 404 says that there was nothing. `tests/routing.rs` shows each case.

use actix_web::{HttpRequest, dev::ServiceRequest};
use buckler::guard::RouteMatch;

/// Before routing, by the registered patterns alone. That is a guess: actix-web asks a scope's routes only once it is in the scope,
/// so that of two scopes with one prefix the second is not seen. Builds a string: for decoys only, which are few.
pub(crate) fn before_routing(request: &ServiceRequest) -> RouteMatch {
    // not `request.path()`: patterns are compared with the path as routing decodes it
    from_pattern(pattern_before_routing(request))
}

/// The pattern that a request will be routed by, as far as the registered patterns tell. Builds a
/// string: for findings only.
pub(crate) fn pattern_before_routing(request: &ServiceRequest) -> Option<String> {
    let pattern = request.resource_map().match_pattern(request.match_info().as_str());
    pattern.filter(|pattern| !pattern.is_empty())
}

/// The pattern that a request was routed by. Builds a string: for findings only.
pub(crate) fn pattern_after_routing(request: &HttpRequest) -> Option<String> {
    request.match_pattern().filter(|pattern| !pattern.is_empty())
}

/// After routing, by the way that was really taken. Builds a string: for answers 404 only.
pub(crate) fn after_routing(request: &HttpRequest) -> RouteMatch {
    from_pattern(request.match_pattern())
}

fn from_pattern(pattern: Option<String>) -> RouteMatch {
    match pattern {
        Some(pattern) if !pattern.is_empty() => RouteMatch::Matched,
        Some(_) | None => RouteMatch::Unsure,
    }
}
