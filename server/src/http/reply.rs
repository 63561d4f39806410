//! Answers: always JSON, always the whole envelope, and `"status": false` with every status that is not 200.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use serde::Serialize;

use super::request_id;
use crate::{config::ConfigError, lines::Lines, store::StoreError};

/// When to come again while nothing can be kept, in seconds: the journal is tried again every
/// second, and agents add a spread of their own.
const UNAVAILABLE_S: u64 = 10;

/// Lines that requests get which the server fails to answer: who finds one may send it all day.
static FAILURES: Lines = Lines::new(60);

/// `{status, message, data}`, in this order.
#[derive(Serialize)]
pub(super) struct Envelope<'a, T> {
    status: bool,
    message: &'a str,
    data: T,
    /// Of a refusal: the id under which the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// An object without members: a version 1 agent cannot take `null` for it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Nothing {}

impl<T> Envelope<'_, T> {
    /// Around a good answer.
    pub(super) const fn ok(answer: T) -> Self {
        Self {
            status: true,
            message: "ok",
            data: answer,
            request_id: None,
        }
    }
}

/// A good answer.
pub(super) fn ok(answer: impl Serialize) -> Result<HttpResponse, Refusal> {
    json(StatusCode::OK, &Envelope::ok(answer))
}

/// A good answer without the envelope, as the vendor documents it for `GET`.
pub(super) fn bare(answer: impl Serialize) -> Result<HttpResponse, Refusal> {
    json(StatusCode::OK, &answer)
}

fn json(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse, Refusal> {
    let body = serde_json::to_vec(body).map_err(|error| Refusal::failed(&error))?;
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.content_type("application/json").body(body))
}

/// Any other answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: Cow<'static, str>,
    header: Option<(HeaderName, Cow<'static, str>)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            header: None,
        }
    }

    fn with(mut self, name: HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// What was sent makes no sense.
    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// What version 1 calls a wrong key.
    pub(super) fn wrong_key() -> Self {
        Self::new(StatusCode::FORBIDDEN, "wrong or missing agent key")
    }

    /// The agent has a credential of its own, and this is not it; or it was revoked.
    pub(super) fn other_credential() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "the agent has enrolled with another credential, or was revoked: see `bucklerctl credentials`",
        )
    }

    /// What version 1 calls a missing profile.
    pub(super) fn no_profile() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no security profile for this key")
    }

    /// The admin API wants its token.
    pub(super) fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "wrong or missing admin token").with(header::WWW_AUTHENTICATE, "Bearer")
    }

    /// So many wrong keys or tokens came from there that the next is not worth a closer answer.
    pub(super) fn too_many(after_s: u64) -> Self {
        let message = "too many wrong keys or tokens from this address";
        Self::new(StatusCode::TOO_MANY_REQUESTS, message).with(header::RETRY_AFTER, after_s.to_string())
    }

    /// There is nothing under this path.
    pub(super) fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "nothing here")
    }

    /// There is, for other methods.
    pub(super) fn no_method(allowed: impl Into<Cow<'static, str>>) -> Self {
        let allowed = allowed.into();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("allowed here: {allowed}")).with(header::ALLOW, allowed)
    }

    /// The body is larger than the server takes.
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body exceeds {limit} bytes"))
    }

    /// The body comes too slowly.
    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body comes too slowly")
    }

    /// There is something here, but only for those who change to this protocol (RFC 9110, section 15.5.22).
    pub(super) fn upgrade_required(message: &'static str) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, message).with(header::UPGRADE, "websocket")
    }

    /// There is no room at this moment; come again after so many seconds.
    pub(super) fn crowded(message: impl Into<Cow<'static, str>>, after_s: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).with(header::RETRY_AFTER, after_s.to_string())
    }

    /// The server is about to stop.
    pub(super) fn stopping() -> Self {
        // by then it is gone, or another is there
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping").with(header::RETRY_AFTER, "5")
    }

    /// The server could not; why is in its log.
    pub(super) fn failed(reason: &dyn fmt::Display) -> Self {
        if let Some(unsaid) = FAILURES.admit() {
            tracing::error!(%reason, unsaid, "a request could not be answered");
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed")
    }
}

impl Refusal {
    /// The status.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What `Retry-After` says, in seconds.
    pub(super) fn retry_after_s(&self) -> Option<u64> {
        let (name, value) = self.header.as_ref()?;
        (*name == header::RETRY_AFTER).then(|| value.parse().ok()).flatten()
    }

    /// The header that it bears beside the usual ones.
    pub(super) fn header(&self) -> Option<(&HeaderName, &str)> {
        self.header.as_ref().map(|(name, value)| (name, &**value))
    }

    /// The body.
    pub(super) fn envelope(&self) -> Envelope<'_, Nothing> {
        Envelope {
            status: false,
            message: &self.message,
            data: Nothing {},
            request_id: request_id::current(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Failed(_) => Self::failed(&error),
            // why is in the log, once, and in the health
            StoreError::Unavailable(_) => Self::crowded("nothing can be kept at this moment", UNAVAILABLE_S),
        }
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(&error)
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        // never compressed: actix-http sends what it compresses in answer to an upgrade as chunks without their sizes
        response.insert_header((header::CONTENT_ENCODING, "identity"));
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.as_ref()));
        }
        if let Some(id) = request_id::current() {
            response.insert_header((request_id::HEADER, id));
        }
        response.json(self.envelope())
    }
}
