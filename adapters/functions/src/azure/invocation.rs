//! An invocation in JSON: the client's request inside it.

use std::collections::BTreeMap;

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;

/// What the host posts. `Metadata` repeats what `Data` holds, or comes from the host.
#[derive(Deserialize)]
struct Invocation {
    #[serde(rename = "Data")]
    values: BTreeMap<String, Value>,
}

/// A request in `Data`, as the host writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    url: String,
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    #[serde(default)]
    body: Value,
}

/// A header's values.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    Many(Vec<String>),
    One(String),
}

/// The client's request in an invocation, under the trigger's name. None where there is none: then no client made it.
pub(super) fn asked(invocation: &[u8], trigger: &str) -> Option<Request<Body>> {
    let Invocation { mut values } = serde_json::from_slice(invocation).ok()?;
    let asked: Asked = serde_json::from_value(values.remove(trigger)?).ok()?;
    let headers = headers(asked.headers);
    let body = body(asked.body, &headers);
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::from_bytes(asked.method.as_bytes()).ok()?;
    *request.uri_mut() = target(&asked.url)?;
    *request.headers_mut() = headers;
    Some(request)
}

/// The path and query of a URL. The host has unescaped some of it: what cannot stand in a target is escaped again.
fn target(url: &str) -> Option<Uri> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = after_scheme.find(['/', '?']).and_then(|at| after_scheme.get(at..));
    let target = target.unwrap_or("/");
    let target = target.split('#').next().unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    let mut escaped = String::with_capacity(target.len() + 1);
    escaped.push_str(slash);
    for character in target.chars() {
        if character.is_ascii_graphic() && !matches!(character, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}') {
            escaped.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    escaped.parse().ok()
}

/// What HTTP could not say has not come over HTTP, and is left out.
fn headers(listed: BTreeMap<String, Values>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in listed {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        let values = match values {
            Values::Many(values) => values,
            Values::One(value) => vec![value],
        };
        for value in values {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(&name, value);
            }
        }
    }
    headers
}

/// A body is a text, or base64 where its type is one of bytes.
fn body(body: Value, headers: &HeaderMap) -> Bytes {
    match body {
        Value::Null => Bytes::new(),
        Value::String(text) => match STANDARD.decode(&text) {
            Ok(bytes) if is_of_bytes(headers) => bytes.into(),
            Ok(_) | Err(_) => text.into(),
        },
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string().into(),
    }
}

/// Whether the host writes bodies of this type as base64.
fn is_of_bytes(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().trim_start().to_ascii_lowercase();
    kind.starts_with("application/octet-stream") || kind.starts_with("multipart/")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_url_becomes_a_target() {
        for (url, expected) in [
            ("https://shop.example.com/api/hello?a=1&a=2", "/api/hello?a=1&a=2"),
            (
                "http://127.0.0.1:7071/api/caf\u{e9} au lait",
                "/api/caf%C3%A9%20au%20lait",
            ),
            ("http://shop.example.com", "/"),
            ("http://shop.example.com?a=1", "/?a=1"),
            ("http://shop.example.com/a?q=<b>\"'#top", "/a?q=%3Cb%3E%22'"),
            ("/api/hello", "/api/hello"),
        ] {
            assert_eq!(target(url).unwrap(), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn the_request_is_put_together() {
        let invocation = json!({
            "Data": {"req": {
                "Url": "https://shop.example.com/api/orders?id=1&id=2",
                "Method": "POST",
                "Query": {"id": "1,2"},
                "Headers": {"Content-Type": ["multipart/form-data; boundary=x"], "X-Forwarded-For": ["203.0.113.9:50123"], "Host": "shop.example.com"},
                "Params": {},
                "Body": STANDARD.encode(b"--x\r\n"),
            }},
            "Metadata": {"sys": {"MethodName": "orders"}},
        });
        let request = asked(invocation.to_string().as_bytes(), "req").unwrap();
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "/api/orders?id=1&id=2")
        );
        assert_eq!(request.headers()["x-forwarded-for"], "203.0.113.9:50123");
        assert_eq!(request.headers()["host"], "shop.example.com");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "--x\r\n");
        assert!(asked(invocation.to_string().as_bytes(), "other").is_none());
        assert!(asked(b"{\"Data\": {\"req\": \"text\"}}", "req").is_none());
        assert!(asked(b"no json", "req").is_none());
    }

    #[test]
    fn a_text_that_looks_like_base64_is_a_text() {
        let text = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            body(json!("YWJj"), &headers)
        };
        assert_eq!(text("text/plain"), "YWJj");
        assert_eq!(text("application/octet-stream"), "abc");
    }
}
