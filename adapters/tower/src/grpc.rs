//! What is different for gRPC: a client that speaks it understands a refusal only in its own terms.

use buckler::guard::Refusal;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, header::CONTENT_TYPE, request::Parts};
use http_body::Body;

use crate::guarded_body::GuardedBody;

/// `PERMISSION_DENIED`, as gRPC numbers it.
const PERMISSION_DENIED: HeaderValue = HeaderValue::from_static("7");

/// `RESOURCE_EXHAUSTED`, for a client that has to wait.
const RESOURCE_EXHAUSTED: HeaderValue = HeaderValue::from_static("8");

/// The kinds of gRPC, as content types; what follows each names how messages are encoded (`application/grpc+proto`).
const KINDS: [&str; 3] = ["application/grpc-web-text", "application/grpc-web", "application/grpc"];

/// Which kind of gRPC a request speaks; `None` for every other. A call is a `POST`, always.
pub(crate) fn kind(parts: &Parts) -> Option<&'static str> {
    if parts.method != Method::POST {
        return None;
    }
    let content_type = parts.headers.get(CONTENT_TYPE)?.as_bytes();
    KINDS.into_iter().find(|kind| {
        let Some((own, rest)) = content_type.split_at_checked(kind.len()) else {
            return false;
        };
        own.eq_ignore_ascii_case(kind.as_bytes()) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
    })
}

/// The answer that refuses a call: headers alone, which is how a server says that it failed before it began. The status of HTTP is 200 in
/// gRPC whatever became of the call, and the page of the settings is for browsers.
pub(crate) fn refusal<R: Body>(kind: &'static str, refusal: &Refusal) -> Response<GuardedBody<R>> {
    let mut response = Response::new(GuardedBody::refusal(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let status = match refusal.retry_after {
        Some(_) => RESOURCE_EXHAUSTED,
        None => PERMISSION_DENIED,
    };
    headers.insert(HeaderName::from_static("grpc-status"), status);
    if let Ok(message) = HeaderValue::try_from(format!("blocked, {}", refusal.id)) {
        headers.insert(HeaderName::from_static("grpc-message"), message);
    }
    response
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn kind_of(method: Method, content_type: &str) -> Option<&'static str> {
        let request = Request::builder().method(method).header(CONTENT_TYPE, content_type);
        kind(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_call_is_known_by_its_type() {
        for (content_type, expected) in [
            ("application/grpc", Some("application/grpc")),
            ("Application/gRPC+proto", Some("application/grpc")),
            ("application/grpc; charset=utf-8", Some("application/grpc")),
            ("application/grpc-web+proto", Some("application/grpc-web")),
            ("application/grpc-web-text", Some("application/grpc-web-text")),
            ("application/grpcurl", None),
            ("application/json", None),
        ] {
            assert_eq!(kind_of(Method::POST, content_type), expected, "{content_type}");
        }
        assert_eq!(kind_of(Method::GET, "application/grpc"), None);
    }
}
