//! Answers in JSON: what the handler tells the host, and what the guard tells it in the handler's place.

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, SERVER},
    response::Parts,
};
use serde_json::{Map, Value, json};

use super::bindings::RETURN;

/// The handler's answer as the client will see it: what it says under the name of the function's HTTP output.
pub(super) fn shown(answer: StatusCode, body: &[u8], output: Option<&str>) -> Response<Body> {
    if !answer.is_success() {
        // the invocation has failed
        return of(StatusCode::INTERNAL_SERVER_ERROR, None, Bytes::new());
    }
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(response) = output.and_then(|output| response(&answer, output)) else {
        return of(StatusCode::OK, None, Bytes::new());
    };
    let status = member(response, "statusCode").or_else(|| member(response, "status"));
    let content = match member(response, "body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => Bytes::copy_from_slice(text.as_bytes()),
        Some(other) => other.to_string().into(),
    };
    let headers = member(response, "headers").unwrap_or(&Value::Null);
    let kind = member(headers, CONTENT_TYPE.as_str()).and_then(Value::as_str);
    of(status.and_then(number).unwrap_or(StatusCode::OK), kind, content)
}

/// A status, as a number or a text.
fn number(status: &Value) -> Option<StatusCode> {
    let number = match status {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    StatusCode::from_u16(number?).ok()
}

fn of(status: StatusCode, kind: Option<&str>, content: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = status;
    // what has no type is text for the host
    if let Ok(kind) = HeaderValue::from_str(kind.unwrap_or("text/plain")) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}

/// The guard's refusal, as what the host is to tell the client. Without an HTTP output it can be told nothing but that the invocation failed.
pub(super) fn refusal(refused: Parts, body: &[u8], output: Option<&str>) -> Response<Body> {
    let Some(output) = output else {
        return Response::from_parts(refused, Body::from(body.to_vec()));
    };
    let headers: Map<String, Value> = refused
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.into())))
        .collect();
    let response = json!({
        "statusCode": refused.status.as_str(),
        "headers": headers,
        // the host takes what has no body for a body itself
        "body": String::from_utf8_lossy(body),
    });
    let returned = if output == RETURN {
        response.clone()
    } else {
        Value::Null
    };
    let log = format!("Buckler refused the request with status {}", refused.status.as_str());
    let answer = json!({
        "Outputs": {output: response},
        "Logs": [log],
        "ReturnValue": returned,
    });
    let mut response = Response::new(Body::from(answer.to_string()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The handler's answer with the name of the server that the settings want the client to see. An answer that is no JSON stays as it is.
pub(super) fn named(head: &mut Parts, body: Bytes, output: Option<&str>, name: &HeaderValue) -> Bytes {
    let written = || {
        let mut answer: Value = serde_json::from_slice(&body).ok()?;
        let response = response_mut(&mut answer, output?)?.as_object_mut()?;
        let key = response.keys().find(|key| key.eq_ignore_ascii_case("headers")).cloned();
        let headers = response.entry(key.unwrap_or_else(|| "headers".to_owned()));
        let headers = headers.or_insert_with(|| json!({})).as_object_mut()?;
        headers.retain(|own, _| !own.eq_ignore_ascii_case(SERVER.as_str()));
        headers.insert("Server".to_owned(), name.to_str().ok()?.into());
        Some(Bytes::from(answer.to_string()))
    };
    match written() {
        Some(body) => {
            forget_length(&mut head.headers);
            body
        }
        None => body,
    }
}

/// The body is another: the server counts it anew.
fn forget_length(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
}

/// The response among the outputs.
fn response<'a>(answer: &'a Value, output: &str) -> Option<&'a Value> {
    if output == RETURN
        && let Some(returned) = member(answer, "ReturnValue").filter(|value| value.is_object())
    {
        return Some(returned);
    }
    member(answer, "Outputs")?.get(output)
}

fn response_mut<'a>(answer: &'a mut Value, output: &str) -> Option<&'a mut Value> {
    let is_returned = output == RETURN && member(answer, "ReturnValue").is_some_and(Value::is_object);
    let within = |answer: &'a mut Value, key: &str| {
        let members = answer.as_object_mut()?.iter_mut();
        members
            .into_iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    };
    if is_returned {
        within(answer, "ReturnValue")
    } else {
        within(answer, "Outputs")?.get_mut(output)
    }
}

/// A member by its name, in whatever case: the host does not mind either.
fn member<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    let mut members = object.as_object()?.iter();
    members
        .find(|(own, _)| own.eq_ignore_ascii_case(key))
        .map(|(_, value)| value)
}
