//! The guard's reaction as an actix-web response.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ContentType, HeaderValue, LOCATION},
    },
};
use buckler::guard::Reaction;
use bytes::Bytes;

/// The response that refuses a request. No cache may keep it: it is meant for one client, and a proxy that stored a 404 or a
/// redirect would answer everybody with it.
pub(crate) fn refusal(reaction: &Reaction) -> HttpResponse {
    let mut response = match reaction {
        Reaction::Respond { status, content } => HttpResponse::build(status_code(*status))
            .insert_header(ContentType::html())
            .body(Bytes::copy_from_slice(content.as_bytes())),
        Reaction::Redirect { status, location } => redirect(status_code(*status), location),
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
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

    #[actix_web::test]
    async fn an_answer_has_its_status_type_and_text() {
        let response = refusal(&Reaction::Respond {
            status: 451,
            content: "Größe <b>7</b>".into(),
        });
        assert_eq!(response.status(), 451);
        assert_eq!(
            response.headers().get("content-type").unwrap(),
            "text/html; charset=utf-8"
        );
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), "Größe <b>7</b>");
    }

    #[actix_web::test]
    async fn a_redirect_names_its_target() {
        let response = refusal(&Reaction::Redirect {
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
            refusal(&Reaction::Redirect {
                status: 302,
                location: "a\nb".into()
            })
            .status(),
            403
        );
        assert_eq!(
            refusal(&Reaction::Respond {
                status: 7,
                content: "".into()
            })
            .status(),
            403
        );
    }
}
