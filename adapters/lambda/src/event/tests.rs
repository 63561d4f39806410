//! What each kind of event says.

use lambda_http::request::from_str;
use serde_json::{Value, json};

use super::*;

fn request(event: &Value) -> Request {
    from_str(&event.to_string()).unwrap()
}

/// A REST API's event, in the shape of payload 1.0.
fn rest(path: &str) -> Value {
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": "GET",
        "headers": {"Host": "api.example.com"}, "multiValueHeaders": {"Host": ["api.example.com"]},
        "queryStringParameters": {"q": "1"}, "multiValueQueryStringParameters": {"q": ["1"]},
        "requestContext": {
            "accountId": "1", "resourceId": "r", "stage": "prod", "requestId": "i", "httpMethod": "GET", "apiId": "a",
            "resourcePath": "/{proxy+}", "path": format!("/prod{path}"), "identity": {"sourceIp": "203.0.113.9"},
        },
        "isBase64Encoded": false,
    })
}

/// An HTTP API's event, or a function URL's, in the shape of payload 2.0.
fn http(path: &str, stage: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "q=1",
        "headers": {"host": "api.example.com", "x-forwarded-for": "192.0.2.1, 203.0.113.9"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "api.example.com", "requestId": "i", "routeKey": "$default",
            "stage": stage, "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9"},
        },
        "isBase64Encoded": false,
    })
}

/// A load balancer's event.
fn balanced(forwarded: Option<&str>) -> Value {
    let mut event = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}},
        "httpMethod": "GET", "path": "/a/../b", "queryStringParameters": {"q": "1"},
        "headers": {"host": "api.example.com"}, "body": "", "isBase64Encoded": false,
    });
    if let (Some(forwarded), Some(Value::Object(headers))) = (forwarded, event.get_mut("headers")) {
        headers.insert("x-forwarded-for".to_owned(), forwarded.into());
    }
    event
}

#[test]
fn each_service_says_whom_it_had_at_its_other_end() {
    let client = Some(IpAddr::from([203, 0, 113, 9]));
    assert_eq!(peer(&request(&rest("/"))), client);
    assert_eq!(peer(&request(&http("/", "$default"))), client);
    for forwarded in ["203.0.113.9", "10.0.0.1, 203.0.113.9", "x,203.0.113.9:4711 "] {
        assert_eq!(peer(&request(&balanced(Some(forwarded)))), client, "{forwarded}");
    }
    assert_eq!(
        peer(&request(&balanced(Some("[2001:db8::1]:80")))),
        "2001:db8::1".parse().ok()
    );
    for forwarded in [None, Some(""), Some("203.0.113.9, unknown")] {
        assert_eq!(peer(&request(&balanced(forwarded))), None, "{forwarded:?}");
    }
}

#[test]
fn the_path_is_judged_as_it_was_asked_for_below_the_stage() {
    for (event, expected) in [
        (rest("/.env"), "/.env?q=1"),
        (rest("/a/../b"), "/a/../b?q=1"),
        (rest("/ä b\""), "/%C3%A4%20b%22?q=1"),
        (http("/.env", "$default"), "/.env?q=1"),
        (http("/prod/.env", "prod"), "/.env?q=1"),
        (http("/product/.env", "prod"), "/product/.env?q=1"),
        (http("/%2e%2e/x", "prod"), "/%2e%2e/x?q=1"),
        (balanced(None), "/a/../b?q=1"),
    ] {
        let asked = asked_for(&request(&event));
        assert_eq!(asked.path_and_query().map(PathAndQuery::as_str), Some(expected));
        assert_eq!(asked.host(), Some("api.example.com"));
    }
}

#[test]
fn api_gateway_says_by_which_route_it_called() {
    let rest = |route: &str| {
        let mut event = rest("/items/7");
        event["requestContext"]["resourcePath"] = route.into();
        event
    };
    let http = |route: &str| {
        let mut event = http("/items/7", "$default");
        event["requestContext"]["routeKey"] = route.into();
        event
    };
    for (event, expected) in [
        (rest("/items/{id}"), Some("/items/{id}")),
        (rest("/files/{path+}"), Some("/files/{path+}")),
        (rest("/{proxy+}"), None),
        (http("GET /items/{id}"), Some("/items/{id}")),
        (http("ANY /files/{path+}"), Some("/files/{path+}")),
        (http("ANY /{proxy+}"), None),
        (http("$default"), None),
        (balanced(None), None),
    ] {
        let found = pattern(&request(&event));
        assert_eq!(found.as_ref().map(|RoutePattern(pattern)| &**pattern), expected);
    }
}

#[test]
fn what_is_no_request_is_known() {
    assert!(is_request(&request(&rest("/"))));
    assert!(is_request(&request(&http("/", "$default"))));
    assert!(is_request(&request(&balanced(None))));
    assert!(!is_request(&request(
        &json!({"Records": [{"eventSource": "aws:sqs", "body": "x"}]})
    )));
    assert!(!is_request(&request(&json!("by hand"))));
}
