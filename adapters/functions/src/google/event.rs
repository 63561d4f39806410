//! Events among requests.

use http::{HeaderMap, Method, Request, header::CONTENT_TYPE};

/// The attributes that every CloudEvent has, as headers of the binary mode.
const ATTRIBUTES: [&str; 4] = ["ce-id", "ce-source", "ce-specversion", "ce-type"];

/// The type of a structured event, and of a batch of them; what follows names their format (`+json`).
const STRUCTURED: [&str; 2] = ["application/cloudevents", "application/cloudevents-batch"];

/// Whether a request has the form of a CloudEvent. It says nothing about who sent it.
pub(super) fn is_event<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && (is_binary(request.headers()) || is_structured(request.headers()))
}

fn is_binary(headers: &HeaderMap) -> bool {
    ATTRIBUTES.iter().all(|name| headers.contains_key(*name))
}

fn is_structured(headers: &HeaderMap) -> bool {
    let Some(Ok(kind)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let name = kind.split('+').next().unwrap_or_default();
    STRUCTURED.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_event_with(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_event(&request.body(()).unwrap())
    }

    #[test]
    fn both_modes_are_known_and_halves_are_not() {
        let binary = [
            ("ce-id", "1"),
            ("ce-source", "//storage.googleapis.com/projects/_/buckets/b"),
            ("ce-specversion", "1.0"),
            ("ce-type", "google.cloud.storage.object.v1.finalized"),
            ("content-type", "application/json"),
        ];
        assert!(is_event_with("POST", &binary));
        assert!(!is_event_with("GET", &binary));
        assert!(!is_event_with("POST", &binary[1..]), "without its id");
        for (kind, expected) in [
            ("application/cloudevents+json; charset=utf-8", true),
            ("application/cloudevents-batch+json", true),
            ("Application/CloudEvents+JSON", true),
            ("application/cloudeventsabc", false),
            ("application/json", false),
        ] {
            assert_eq!(is_event_with("POST", &[("content-type", kind)]), expected, "{kind}");
        }
    }
}
