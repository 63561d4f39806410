//! The guard's reaction as an actix-web response.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION},
    },
};
use buckler::guard::{Reaction, Refusal};
use bytes::Bytes;

/// The response that refuses a request. No cache may keep it: it is meant for one client, and a proxy that stored a 404 or a
/// redirect would answer everybody with it.
///
/// Its header [`BlockId::HEADER`](buckler::guard::BlockId::HEADER) names it, for those who ask why.
pub(crate) fn refusal(refusal: &Refusal) -> HttpResponse {
    let mut response = match &refusal.answer() {
        Reaction::Respond { status, content } => HttpResponse::build(status_code(*status))
            .insert_header((CONTENT_TYPE, refusal.content_type))
            .body(Bytes::copy_from_slice(content.as_bytes())),
        Reaction::Redirect { status, location } => redirect(status_code(*status), location),
    };
    for (name, value) in refusal.headers() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// A redirect; a plain 403 where the address cannot be a header value, because to refuse matters more than how.
fn redirect(status: StatusCode, location: &str) -> HttpResponse {
    match HeaderValue::from_str(location) {
        Ok(location) => HttpResponse::build(status).insert_header((LOCATION, location)).finish(),
        Err(_) => HttpResponse::Forbidden().finish(),
    }
}

/// The status of a reaction; 403 where the number is none.
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    const ID: &str = "0123456789abcdef";

    fn refused(reaction: &Reaction) -> HttpResponse {
        refusal(&Refusal::new(ID.parse().unwrap(), reaction))
    }

    #[actix_web::test]
    async fn a_client_that_has_to_wait_is_told_for_how_long() {
        let reaction = Reaction::Respond {
            status: 429,
            content: "".into(),
        };
        let mut throttled = Refusal::new(ID.parse().unwrap(), &reaction);
        throttled.retry_after = std::num::NonZeroU32::new(7);
        assert_eq!(refusal(&throttled).headers().get("retry-after").unwrap(), "7");
        assert!(refused(&reaction).headers().get("retry-after").is_none());
    }

    #[actix_web::test]
    async fn an_answer_has_its_status_type_and_text() {
        let response = refused(&Reaction::Respond {
            status: 451,
            content: "Größe <b>7</b>".into(),
        });
        assert_eq!(response.status(), 451);
        assert_eq!(
            response.headers().get("content-type").unwrap(),
            "text/html; charset=utf-8"
        );
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        assert_eq!(response.headers().get("x-block-id").unwrap(), ID);
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), "Größe <b>7</b>");
    }

    #[actix_web::test]
    async fn a_redirect_names_its_target() {
        let response = refused(&Reaction::Redirect {
            status: 302,
            location: "https://example.com/gone".into(),
        });
        assert_eq!(response.status(), 302);
        assert_eq!(response.headers().get("location").unwrap(), "https://example.com/gone");
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        assert!(to_bytes(response.into_body()).await.unwrap().is_empty());
    }

    #[actix_web::test]
    async fn what_http_cannot_say_is_a_plain_refusal() {
        assert_eq!(
            refused(&Reaction::Redirect {
                status: 302,
                location: "a\nb".into()
            })
            .status(),
            403
        );
        assert_eq!(
            refused(&Reaction::Respond {
                status: 7,
                content: "".into()
            })
            .status(),
            403
        );
    }
}
