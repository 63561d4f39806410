//! One id for a request: in every log line about it, in the answer's header `x-request-id`, and in
//! the body of a refusal.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::header::{HeaderName, HeaderValue},
};
use tracing::Instrument as _;

/// The header, in requests of trusted proxies and in every answer.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a proxy: what nginx, HAProxy and Envoy write has 32 to 36.
const LONGEST: usize = 64;

tokio::task_local! {
    /// The id of the request that this task answers.
    static CURRENT: String;
}

/// The id of the request that is being answered, if one is.
pub(super) fn current() -> Option<String> {
    CURRENT.try_with(String::clone).ok()
}

/// The id that a trusted proxy gave the request, or a new one.
pub(super) fn of(request: &ServiceRequest, is_behind_proxy: bool) -> String {
    let given = request.headers().get(&HEADER).filter(|_| is_behind_proxy);
    let given = given.and_then(|given| given.to_str().ok());
    let sound = given.filter(|given| {
        let is_plain = given.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        is_plain && !given.is_empty() && given.len() <= LONGEST
    });
    sound.map_or_else(|| format!("{:016x}", fastrand::u64(..)), str::to_owned)
}

/// Answers a request under its id.
pub(super) async fn named<B: MessageBody>(
    id: &str,
    answer: impl Future<Output = Result<ServiceResponse<B>, Error>>,
) -> Result<ServiceResponse<B>, Error> {
    let span = tracing::info_span!("request", request_id = id);
    let answered = CURRENT.scope(id.to_owned(), answer.instrument(span));
    let mut answer = match answered.await {
        Ok(answer) => answer,
        Err(error) => {
            let response = CURRENT.sync_scope(id.to_owned(), || error.error_response());
            return Err(InternalError::from_response(error, response).into());
        }
    };
    if let Ok(id) = HeaderValue::from_str(id) {
        answer.headers_mut().insert(HEADER, id);
    }
    Ok(answer)
}
