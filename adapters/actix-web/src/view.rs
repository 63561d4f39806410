//! A request as the guard sees it: borrowed from actix-web's own, nothing copied.

use std::borrow::Cow;

use actix_web::{
    dev::{RequestHead, ServiceRequest},
    http::header::{FORWARDED, HOST, HeaderMap, HeaderValue, X_FORWARDED_FOR},
};
use buckler::guard::{Headers, RequestView, RouteMatch};

use crate::route_match::pattern_before_routing;

/// actix-web's headers behind the guard's trait, and where the pattern of the route is looked up.
pub(crate) struct HeaderList<'a> {
    headers: &'a HeaderMap,
    route: Option<&'a ServiceRequest>,
    /// The pattern, where it was looked up already.
    pattern: Option<&'a str>,
}

impl<'a> HeaderList<'a> {
    /// Of a request.
    pub(crate) fn of(request: &'a ServiceRequest) -> Self {
        Self {
            headers: request.headers(),
            route: Some(request),
            pattern: None,
        }
    }

    /// Of a request that the application has already, and whose route has this pattern.
    pub(crate) const fn kept(headers: &'a HeaderMap, pattern: Option<&'a str>) -> Self {
        Self {
            headers,
            route: None,
            pattern,
        }
    }
}

impl Headers for HeaderList<'_> {
    /// What the guard asks of every request is looked up, everything else searched for: a look-up by text builds a `HeaderName`,
    /// which allocates for every name outside the standard's own list.
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        let mut show = |value: &'h HeaderValue| visit(value.as_bytes());
        match name {
            "x-forwarded-for" => self.headers.get_all(&X_FORWARDED_FOR).for_each(show),
            "forwarded" => self.headers.get_all(&FORWARDED).for_each(show),
            "host" => self.headers.get_all(&HOST).for_each(show),
            _ => self
                .headers
                .iter()
                .filter(|(key, _)| key.as_str() == name)
                .for_each(|(_, value)| show(value)),
        }
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.headers
            .iter()
            .for_each(|(key, value)| visit(key.as_str(), value.as_bytes()));
    }

    fn route_pattern(&self) -> Option<Cow<'_, str>> {
        let known = self.pattern.map(Cow::Borrowed);
        known.or_else(|| self.route.and_then(pattern_before_routing).map(Cow::Owned))
    }
}

/// The view of a request.
pub(crate) fn view<'a>(head: &'a RequestHead, headers: &'a HeaderList<'a>, route: RouteMatch) -> RequestView<'a> {
    RequestView {
        peer: head.peer_addr.map(|address| address.ip()),
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        host: host(head),
        route,
        headers,
    }
}

/// The host asked for: the target's own, where it is absolute (RFC 9112, section 3.2.2) or HTTP/2 has filled it from `:authority`,
/// before the `Host` header, which the guard finds among the headers as well: actix-web itself believes that one.
fn host(head: &RequestHead) -> Option<&str> {
    /// Stands for a host that is no text: no list of hosts can hold it, so that it is not mistaken for an absent one.
    const NO_TEXT: &str = "\u{fffd}";
    let of_target = head.uri.authority().map(|authority| authority.as_str());
    of_target.or_else(|| {
        let value = head.headers.get(&HOST)?;
        Some(std::str::from_utf8(value.as_bytes()).unwrap_or(NO_TEXT))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen<R>(request: &ServiceRequest, look: impl FnOnce(RequestView<'_>) -> R) -> R {
        let headers = HeaderList::of(request);
        look(view(request.head(), &headers, RouteMatch::Unsure))
    }

    #[test]
    fn every_part_is_borrowed_as_it_came() {
        let request = TestRequest::post()
            .uri("/a%20b/%2e%2e?x=1&y=%27")
            .peer_addr("198.51.100.7:4711".parse().unwrap())
            .to_srv_request();
        seen(&request, |view| {
            assert_eq!(view.peer, Some("198.51.100.7".parse().unwrap()));
            assert_eq!(
                (view.method, view.path, view.query),
                ("POST", "/a%20b/%2e%2e", "x=1&y=%27")
            );
            assert_eq!(view.host, None);
        });
    }

    #[test]
    fn a_header_is_found_with_all_its_values_in_order() {
        let request = TestRequest::default()
            .append_header(("X-Forwarded-For", "203.0.113.1"))
            .append_header(("Accept", "*/*"))
            .append_header(("x-forwarded-for", "203.0.113.2"))
            .to_srv_request();
        seen(&request, |view| {
            let mut values = Vec::new();
            view.headers
                .for_each_value("x-forwarded-for", &mut |value| values.push(value.to_vec()));
            assert_eq!(values, [b"203.0.113.1", b"203.0.113.2"]);
            assert!(view.headers.contains("accept") && !view.headers.contains("forwarded"));
            let mut names = Vec::new();
            view.headers.for_each(&mut |name, _| names.push(name.to_owned()));
            names.sort();
            assert_eq!(names, ["accept", "x-forwarded-for", "x-forwarded-for"]);
        });
    }

    #[test]
    fn the_host_comes_from_the_target_then_from_the_header() {
        let of = |request: TestRequest| seen(&request.to_srv_request(), |view| view.host.map(str::to_owned));
        assert_eq!(
            of(TestRequest::with_uri("/").insert_header((HOST, "a.example:8080"))),
            Some("a.example:8080".into())
        );
        assert_eq!(of(TestRequest::with_uri("http://b.example/")), Some("b.example".into()));
        assert_eq!(
            of(TestRequest::with_uri("http://b.example/").insert_header((HOST, "a.example"))),
            Some("b.example".into())
        );
        let unreadable = HeaderValue::from_bytes(b"a.ex\xffmple").unwrap();
        assert_eq!(
            of(TestRequest::with_uri("/").insert_header((HOST, unreadable))),
            Some("\u{fffd}".into())
        );
    }
}
