//! What is kept of a request while the application has it.

use std::net::IpAddr;

use actix_web::{
    dev::RequestHead,
    http::{
        Method, StatusCode, Uri,
        header::{FORWARDED, HeaderMap, HeaderName, HeaderValue, X_FORWARDED_FOR},
    },
};
use buckler::guard::{Guard, Headers, RequestView, RouteMatch, Verdict};

/// What the guard needs of a request when its answer is there. The application consumes the request and may rewrite it (an
/// inner middleware that normalises paths or removes headers), and where it fails nothing of it comes back: so it is kept
/// from the time of the first verdict, and both verdicts are about the same client and path.
///
/// Nothing here allocates: target and headers of a request that came over a socket share its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    peer: Option<IpAddr>,
    method: Method,
    target: Uri,
    forwarded: Option<HeaderValue>,
    forwarded_for: Option<HeaderValue>,
}

impl Seen {
    /// Of a request that the guard lets pass.
    pub(crate) fn of(head: &RequestHead) -> Self {
        Self {
            peer: head.peer_addr.map(|address| address.ip()),
            method: head.method.clone(),
            target: head.uri.clone(),
            forwarded: list(&head.headers, &FORWARDED),
            forwarded_for: list(&head.headers, &X_FORWARDED_FOR),
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

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let both = [("forwarded", &self.forwarded), ("x-forwarded-for", &self.forwarded_for)];
        both.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?.as_bytes())))
    }
}

/// The headers that name the client; of the others nothing is kept.
impl Headers for Seen {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.headers()
            .filter(|(key, _)| *key == name)
            .for_each(|(_, value)| visit(value));
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.headers().for_each(|(name, value)| visit(name, value));
    }
}

/// A header as one list: several lines of it mean the same as one with commas between them (RFC 9110, section 5.3).
fn list(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name);
    let first = lines.next()?;
    if lines.len() == 0 {
        return Some(first.clone());
    }
    let mut list = first.as_bytes().to_vec();
    for line in lines {
        list.push(b',');
        list.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_bytes(&list).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn kept(request: TestRequest) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        Seen::of(request.to_srv_request().head()).for_each(&mut |name, value| {
            kept.push((name.to_owned(), String::from_utf8(value.to_vec()).unwrap()));
        });
        kept
    }

    #[test]
    fn the_headers_that_name_the_client_are_kept_and_no_others() {
        let request = TestRequest::default()
            .insert_header(("X-Forwarded-For", "203.0.113.9"))
            .insert_header(("cookie", "a=b"));
        assert_eq!(
            kept(request),
            [("x-forwarded-for".to_owned(), "203.0.113.9".to_owned())]
        );
        let request = TestRequest::default().insert_header(("Forwarded", "for=203.0.113.9"));
        assert_eq!(kept(request), [("forwarded".to_owned(), "for=203.0.113.9".to_owned())]);
        assert!(kept(TestRequest::default()).is_empty());
    }

    #[test]
    fn several_lines_are_one_list_in_order() {
        let lines = ["203.0.113.9", "198.51.100.1, 198.51.100.2", "198.51.100.3"];
        let request = lines.into_iter().fold(TestRequest::default(), |request, line| {
            request.append_header(("x-forwarded-for", line))
        });
        let seen = Seen::of(request.to_srv_request().head());
        let mut values = Vec::new();
        seen.for_each_value("x-forwarded-for", &mut |value| values.push(value.to_vec()));
        assert_eq!(values, [b"203.0.113.9,198.51.100.1, 198.51.100.2,198.51.100.3"]);
        assert!(!seen.contains("forwarded"));
    }
}
