//! What goes out: the application's answer, or the guard's in its place.

use actix_web::{
    Error, HttpMessage as _,
    body::EitherBody,
    dev::ServiceResponse,
    error::InternalError,
    http::{
        StatusCode,
        header::{HeaderValue, SERVER},
    },
};
use buckler::guard::{Guard, Refusal, RouteMatch, Verdict};

use crate::{
    refusal::refusal,
    route_match::after_routing,
    seen::{Answered, Seen},
    worker::Worker,
};

pub(crate) type Answer<B> = Result<ServiceResponse<B>, Error>;

/// The guard's refusal of what the application was still reading when it began with its answer; counted already.
pub(crate) fn replaced<B>(guard: &Guard, refused: &Refusal, answer: Answer<B>) -> Answer<EitherBody<B>> {
    match answer {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Ok(named(guard, response.map_into_left_body()))
        }
        Ok(response) => Ok(named(guard, refusing(response, refused).map_into_right_body())),
        Err(error) => Err(InternalError::from_response(error, refusal(refused)).into()),
    }
}

/// The refusal in a response's place; the request's extensions tell of it.
fn refusing<B>(response: ServiceResponse<B>, refused: &Refusal) -> ServiceResponse {
    response.request().extensions_mut().insert(refused.blocked());
    response.into_response(refusal(refused))
}

pub(crate) fn judged<B>(guard: &Worker, seen: &Seen, answer: Answer<B>) -> Answer<EitherBody<B>> {
    match answer {
        Ok(response) => Ok(judged_response(guard, seen, response)),
        Err(error) => Err(judged_error(guard, seen, error)),
    }
}

/// The application's response, or the guard's in its place.
fn judged_response<B>(guard: &Worker, seen: &Seen, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let status = response.status();
    let route = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => after_routing(response.request()),
        _ => RouteMatch::Matched, // matters to nothing but a 404
    };
    guard.learn_route(response.request(), status);
    match Answered::new(seen, response.request()).judge(guard, status, route) {
        Verdict::Block(refused) if status != StatusCode::SWITCHING_PROTOCOLS => {
            named(guard, refusing(response, &refused).map_into_right_body())
        }
        Verdict::Pass | Verdict::Block(_) => named(guard, response.map_into_left_body()),
    }
}

/// An error that an inner middleware returned, or the guard's answer in its place. The error carries no request, so that nobody
/// can say whether there was a route: it counts as one.
fn judged_error(guard: &Guard, seen: &Seen, error: Error) -> Error {
    match seen.judge(guard, error.as_response_error().status_code(), RouteMatch::Matched) {
        Verdict::Block(refused) => InternalError::from_response(error, refusal(&refused)).into(),
        Verdict::Pass => error,
    }
}

/// The response with the name of the server that the settings want it to show; untouched where they want none.
pub(crate) fn named<B>(guard: &Guard, mut response: ServiceResponse<B>) -> ServiceResponse<B> {
    if let Some(name) = guard.server_header()
        && let Ok(name) = HeaderValue::from_str(&name)
    {
        response.headers_mut().insert(SERVER, name);
    }
    response
}
