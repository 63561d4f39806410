//! The guard's reaction as a response.

use buckler::guard::{Guard, Reaction, Refusal};
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, LOCATION, SERVER},
};
use http_body::Body;

use crate::{grpc, guarded_body::GuardedBody};

/// The response that refuses a request, which may speak some kind of gRPC. No cache may keep it: it
/// is meant for one client, and a proxy that stored a 404 or a redirect would answer everybody with
/// it. Its header [`BlockId::HEADER`](buckler::guard::BlockId::HEADER) names it, and its extensions
/// tell the host's own layers ([`Blocked`](buckler::guard::Blocked)).
pub(crate) fn refusal<B: Body>(refusal: &Refusal, grpc: Option<&'static str>) -> Response<GuardedBody<B>> {
    let mut response = match (&refusal.answer(), grpc) {
        (_, Some(kind)) => grpc::refusal(kind, refusal),
        (Reaction::Respond { status, content }, None) => page(*status, refusal.content_type, content),
        (Reaction::Redirect { status, location }, None) => redirect(*status, location),
    };
    response.extensions_mut().insert(refusal.blocked());
    for (name, value) in refusal.headers() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn page<B: Body>(status: u16, content_type: &'static str, content: &str) -> Response<GuardedBody<B>> {
    let body = Bytes::copy_from_slice(content.as_bytes());
    let mut response = answer(status, GuardedBody::refusal(body));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// A redirect; a plain 403 where the address cannot be a header value, because to refuse matters more than how.
fn redirect<B: Body>(status: u16, location: &str) -> Response<GuardedBody<B>> {
    let empty = || GuardedBody::refusal(Bytes::new());
    let Ok(location) = HeaderValue::from_str(location) else {
        return answer(StatusCode::FORBIDDEN.as_u16(), empty());
    };
    let mut response = answer(status, empty());
    response.headers_mut().insert(LOCATION, location);
    response
}

/// A response with this status; 403 where the number is none.
fn answer<B: Body>(status: u16, body: GuardedBody<B>) -> Response<GuardedBody<B>> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    response
}

/// The response, after which the connection closes: its client is still sending what is no longer
/// read.
pub(crate) fn closing<B>(mut response: Response<B>) -> Response<B> {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The response with the name of the server that the settings want it to show; untouched where they want none.
pub(crate) fn named<B>(guard: &Guard, mut response: Response<B>) -> Response<B> {
    if let Some(name) = guard.server_header()
        && let Ok(name) = HeaderValue::from_str(&name)
    {
        response.headers_mut().insert(SERVER, name);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    type Refused = Response<GuardedBody<http_body_util::Empty<Bytes>>>;

    fn refused(reaction: &Reaction, grpc: Option<&'static str>) -> Refused {
        let id = "0123456789abcdef".parse().unwrap();
        let mut refused = Refusal::new(id, reaction);
        refused.retry_after =
            std::num::NonZeroU32::new(u32::from(matches!(reaction, Reaction::Respond { status: 429, .. })));
        refusal(&refused, grpc)
    }

    #[test]
    fn an_answer_has_its_status_type_and_name() {
        let reaction = Reaction::Respond {
            status: 451,
            content: "no".into(),
        };
        let response = refused(&reaction, None);
        assert_eq!(response.status(), 451);
        assert!(!response.headers().contains_key("retry-after"));
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-block-id"], "0123456789abcdef");
    }

    #[test]
    fn a_client_that_has_to_wait_is_told_for_how_long() {
        let throttled = || Reaction::Respond {
            status: 429,
            content: "".into(),
        };
        assert_eq!(refused(&throttled(), None).headers()["retry-after"], "1");
        let call = refused(&throttled(), Some("application/grpc"));
        assert_eq!(
            (&call.headers()["grpc-status"], &call.headers()["retry-after"]),
            (&HeaderValue::from_static("8"), &HeaderValue::from_static("1"))
        );
    }

    #[test]
    fn a_redirect_names_its_target_and_what_http_cannot_say_is_a_plain_refusal() {
        let to = |location: &str| {
            let location = location.into();
            refused(&Reaction::Redirect { status: 302, location }, None)
        };
        let response = to("https://example.com/gone");
        assert_eq!(
            (response.status(), &response.headers()["location"]),
            (StatusCode::FOUND, &HeaderValue::from_static("https://example.com/gone"))
        );
        assert_eq!(to("a\nb").status(), 403);
    }

    #[test]
    fn a_call_fails_in_its_own_terms_whatever_the_reaction() {
        let reaction = Reaction::Redirect {
            status: 302,
            location: "https://example.com/gone".into(),
        };
        let response = refused(&reaction, Some("application/grpc"));
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("grpc-status", "7"),
            ("grpc-message", "blocked, 0123456789abcdef"),
            ("x-block-id", "0123456789abcdef"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        assert!(response.body().is_end_stream() && !response.headers().contains_key("location"));
    }
}
