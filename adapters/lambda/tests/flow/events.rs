//! Events in the shapes of their services, as AWS documents them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// What stands in front of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    RestApi,
    HttpApi,
    FunctionUrl,
    LoadBalancer,
}

impl Front {
    pub(crate) const ALL: [Self; 4] = [Self::RestApi, Self::HttpApi, Self::FunctionUrl, Self::LoadBalancer];
}

/// A request before it is an event.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) client: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: Option<(&'a str, &'a [u8])>,
    /// The route of API Gateway's; without one, that for everything.
    pub(crate) route: Option<&'a str>,
}

pub(crate) fn get<'a>(path: &'a str, client: &'a str) -> Asked<'a> {
    Asked {
        path,
        query: "",
        client,
        headers: vec![("host", "shop.example.com"), ("user-agent", "curl/8.5")],
        body: None,
        route: None,
    }
}

impl<'a> Asked<'a> {
    pub(crate) fn query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn route(self, route: &'a str) -> Self {
        let route = Some(route);
        Self { route, ..self }
    }

    pub(crate) fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    pub(crate) fn body(self, content_type: &'a str, body: &'a [u8]) -> Self {
        let asked = self.header("content-type", content_type);
        Self {
            body: Some((content_type, body)),
            ..asked
        }
    }

    fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
    }

    /// As the service in front of the function writes it.
    pub(crate) fn through(&self, front: Front) -> Value {
        let mut event = match front {
            Front::RestApi => self.rest_api(),
            Front::HttpApi => self.http("prod", "abc.execute-api.eu-west-1.amazonaws.com"),
            Front::FunctionUrl => self.http("$default", "abc.lambda-url.eu-west-1.on.aws"),
            Front::LoadBalancer => self.load_balancer(),
        };
        let (body, is_base64) = self.written_body();
        event["body"] = body;
        event["isBase64Encoded"] = is_base64.into();
        event
    }

    /// Text as it is, all else in Base64.
    fn written_body(&self) -> (Value, bool) {
        match self.body {
            None => (Value::Null, false),
            Some((content_type, body)) if content_type.starts_with("text/") || content_type.ends_with("json") => {
                (std::str::from_utf8(body).unwrap().into(), false)
            }
            Some((_, body)) => (BASE64_STANDARD.encode(body).into(), true),
        }
    }

    fn headers(&self, forwarded: Option<String>) -> Value {
        let mut headers: serde_json::Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        if let Some(forwarded) = forwarded {
            headers.insert("x-forwarded-for".to_owned(), forwarded.into());
        }
        headers.into()
    }

    /// What the service appends to whatever the client has written.
    fn forwarded(&self) -> String {
        let written = self.headers.iter().find(|(name, _)| *name == "x-forwarded-for");
        match written {
            Some((_, written)) => format!("{written}, {}", self.client),
            None => self.client.to_owned(),
        }
    }

    fn parameters(&self) -> (Value, Value) {
        let pairs = || self.query.split('&').filter_map(|pair| pair.split_once('='));
        let one = pairs().map(|(name, value)| (name.to_owned(), value.into()));
        let many = pairs().map(|(name, value)| (name.to_owned(), json!([value])));
        (Value::Object(one.collect()), Value::Object(many.collect()))
    }

    fn rest_api(&self) -> Value {
        let (one, many) = self.parameters();
        let headers = self.headers(Some(self.forwarded()));
        let listed: serde_json::Map<String, Value> = headers
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), json!([value])))
            .collect();
        let route = self.route.unwrap_or("/{proxy+}");
        json!({
            "resource": route, "path": self.path, "httpMethod": self.method(),
            "headers": headers, "multiValueHeaders": listed,
            "queryStringParameters": one, "multiValueQueryStringParameters": many,
            "pathParameters": {"proxy": self.path}, "stageVariables": null,
            "requestContext": {
                "accountId": "123456789012", "apiId": "abc", "resourceId": "res", "resourcePath": route,
                "httpMethod": self.method(), "path": format!("/prod{}", self.path), "stage": "prod",
                "protocol": "HTTP/1.1", "requestId": "req", "identity": {"sourceIp": self.client, "userAgent": "curl/8.5"},
            },
        })
    }

    fn http(&self, stage: &str, domain: &str) -> Value {
        let path = if stage == "$default" {
            self.path.to_owned()
        } else {
            format!("/{stage}{}", self.path)
        };
        let named = self.route.map(|route| format!("{} {route}", self.method()));
        let route = named.as_deref().unwrap_or("$default");
        json!({
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": self.query,
            "headers": self.headers(Some(self.forwarded())),
            "requestContext": {
                "accountId": "123456789012", "apiId": "abc", "domainName": domain, "domainPrefix": "abc",
                "http": {
                    "method": self.method(), "path": path, "protocol": "HTTP/1.1", "sourceIp": self.client,
                    "userAgent": "curl/8.5",
                },
                "requestId": "req", "routeKey": route, "stage": stage, "time": "23/Nov/2026:02:00:00 +0000",
                "timeEpoch": 1_795_399_200_000_u64,
            },
        })
    }

    fn load_balancer(&self) -> Value {
        let (one, _) = self.parameters();
        json!({
            "requestContext": {
                "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/0123"},
            },
            "httpMethod": self.method(), "path": self.path, "queryStringParameters": one,
            "headers": self.headers(Some(self.forwarded())),
        })
    }
}
