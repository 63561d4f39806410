//! What an event says of a request beyond HTTP: who asks, and for which path.

use std::net::{IpAddr, SocketAddr};

use buckler_tower::RoutePattern;
use http::{HeaderMap, Uri, uri::PathAndQuery};
use lambda_http::{Request, RequestExt, request::RequestContext};

/// Whether this is a request at all. Other events (a queue's, a schedule's) and the messages within a WebSocket are none.
pub(crate) fn is_request(request: &Request) -> bool {
    match request.request_context_ref() {
        Some(RequestContext::PassThrough) | None => false,
        Some(RequestContext::WebSocket(context)) => context.event_type.as_deref() == Some("CONNECT"),
        Some(_) => true,
    }
}

/// The address that the service in front of the function had at the other end of its connection.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => parse(context.identity.source_ip.as_deref()?),
        // function URLs too
        RequestContext::ApiGatewayV2(context) => parse(context.http.source_ip.as_deref()?),
        RequestContext::WebSocket(context) => parse(context.identity.source_ip.as_deref()?),
        RequestContext::Alb(_) | RequestContext::VpcLattice(_) => last_hop(request.headers()),
        _other @ RequestContext::PassThrough | _other => None,
    }
}

/// The pattern of the route by which API Gateway called, `/items/{id}`. One for every path says
/// nothing.
pub(crate) fn pattern(request: &Request) -> Option<RoutePattern> {
    let said = match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => context.resource_path.as_deref()?,
        // with its method in front, where it is not `$default`
        RequestContext::ApiGatewayV2(context) => context.route_key.as_deref()?.rsplit(' ').next()?,
        _other @ (RequestContext::WebSocket(_)
        | RequestContext::Alb(_)
        | RequestContext::VpcLattice(_)
        | RequestContext::PassThrough)
        | _other => return None,
    };
    let rest = said.strip_prefix("/{").and_then(|name| name.strip_suffix("+}"));
    let is_for_all = rest.is_some_and(|name| !name.contains(['/', '{']));
    (said.starts_with('/') && !is_for_all).then(|| RoutePattern(said.into()))
}

/// A load balancer appends its client's address to `X-Forwarded-For`: what is before it, anybody may have written.
fn last_hop(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    parse(last.to_str().ok()?.rsplit(',').next()?)
}

/// An address; a load balancer may be told to add the port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    text.parse().ok().or_else(with_port)
}

/// What the guard judges in place of the request's URI: the path as it was asked for. The URI's has lost its `..`, and begins with the
/// stage of the API, which no rule about paths expects.
pub(crate) fn asked_for(request: &Request) -> Uri {
    let raw = request.raw_http_path();
    let path = without_stage(raw, request);
    let mut target = encoded(path);
    if let Some(query) = request.uri().query() {
        target.push('?');
        target.push_str(query);
    }
    let mut parts = request.uri().clone().into_parts();
    match PathAndQuery::try_from(target) {
        Ok(target) => parts.path_and_query = Some(target),
        Err(_) => return request.uri().clone(),
    }
    Uri::from_parts(parts).unwrap_or_else(|_| request.uri().clone())
}

/// The path below the stage, where an HTTP API has put it before the path.
fn without_stage<'p>(path: &'p str, request: &Request) -> &'p str {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
        return path;
    };
    let stage = context.stage.as_deref().filter(|stage| *stage != "$default");
    let below = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    below.filter(|below| below.starts_with('/')).unwrap_or(path)
}

/// A path that can be in a URI. API Gateway's REST APIs decode it.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    if !path.starts_with('/') {
        encoded.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
