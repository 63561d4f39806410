//! The Azure Functions host, as it speaks to a custom handler.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{Head, pass_through};
use crate::http::{Answer, try_ask};

/// A function app's host: reads `host.json` and each `function.json`, and hands what comes to the handler.
#[derive(Debug, Clone)]
pub struct AzureHost {
    handler: SocketAddr,
    forwards: bool,
    prefix: String,
    functions: Vec<Function>,
}

#[derive(Debug, Clone)]
struct Function {
    name: String,
    bindings: Vec<Value>,
}

impl AzureHost {
    /// Reads an app's directory, for a handler that listens there.
    ///
    /// # Panics
    /// Where a file is not as the host would have it.
    #[must_use]
    pub fn read(app: &Path, handler: SocketAddr) -> Self {
        let parsed = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let host = parsed(&app.join("host.json"));
        let folders = fs::read_dir(app).unwrap().map(|entry| entry.unwrap().path());
        let functions = folders.filter(|folder| folder.join("function.json").is_file());
        let function = |folder: std::path::PathBuf| {
            let file = parsed(&folder.join("function.json"));
            Function {
                name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
                bindings: file["bindings"].as_array().unwrap().clone(),
            }
        };
        Self {
            handler,
            forwards: host["customHandler"]["enableForwardingHttpRequest"] == true,
            prefix: host["extensions"]["http"]["routePrefix"]
                .as_str()
                .unwrap_or("api")
                .to_owned(),
            functions: functions.map(function).collect(),
        }
    }

    /// Asks whether the handler is there, as the host does while it starts; the status of its answer.
    ///
    /// # Errors
    /// Where nobody listens yet.
    pub fn ping(&self) -> io::Result<u16> {
        let mut head = Head::new("GET", "/");
        head.set("Host", &self.handler.to_string());
        Ok(try_ask(self.handler, &head.to_string(), b"")?.status)
    }

    /// Invokes a function for another reason than a request; the handler's answer.
    ///
    /// # Panics
    /// Where the handler does not answer.
    #[must_use]
    pub fn trigger(&self, function: &str, values: &Value) -> Answer {
        self.post(
            function,
            &json!({"Data": values, "Metadata": {"sys": {"MethodName": function}}}),
        )
        .unwrap()
    }

    /// Has a function answer a request that came through the front end.
    pub(super) fn invoke(&self, mut client: TcpStream, head: Head, rest: Vec<u8>) -> io::Result<()> {
        let path = head.target().split('?').next().unwrap_or_default();
        let Some(function) = self.function_at(path) else {
            return client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        };
        if self.forwards && function.is_http_alone() {
            return pass_through(&client, self.handler, &forwarded(head), &rest);
        }
        let body = body(&mut client, &head, rest)?;
        let values = json!({function.name_of("httpTrigger"): asked(&head, &body)});
        let posted = json!({"Data": values, "Metadata": {"sys": {"MethodName": function.name}}});
        let answer = self.post(&function.name, &posted)?;
        client.write_all(&function.told(&answer))
    }

    /// A route with a literal path comes before one that takes any.
    fn function_at(&self, path: &str) -> Option<&Function> {
        let route_of = |function: &&Function| {
            let own = function.binding("httpTrigger")?["route"].as_str();
            let parts = [self.prefix.as_str(), own.unwrap_or(&function.name)];
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            Some(format!("/{}", parts.collect::<Vec<_>>().join("/")))
        };
        let routes = self
            .functions
            .iter()
            .filter_map(|function| Some((route_of(&function)?, function)));
        let mut fitting: Vec<(String, &Function)> = routes.filter(|(route, _)| fits(route, path)).collect();
        fitting.sort_by_key(|(route, _)| route.matches('{').count() + 10 * route.matches("{*").count());
        fitting.first().map(|(_, function)| *function)
    }

    fn post(&self, function: &str, invocation: &Value) -> io::Result<Answer> {
        let body = invocation.to_string();
        let mut head = Head::new("POST", &format!("/{function}"));
        head.set("Host", &self.handler.to_string());
        head.set("Content-Type", "application/json; charset=utf-8");
        head.set("Content-Length", &body.len().to_string());
        of_the_host(&mut head);
        try_ask(self.handler, &head.to_string(), body.as_bytes())
    }
}

impl Function {
    fn binding(&self, kind: &str) -> Option<&Value> {
        self.bindings.iter().find(|binding| binding["type"] == kind)
    }

    fn name_of(&self, kind: &str) -> &str {
        self.binding(kind)
            .and_then(|binding| binding["name"].as_str())
            .unwrap_or_default()
    }

    fn is_http_alone(&self) -> bool {
        self.bindings.len() == 2 && self.binding("httpTrigger").is_some() && self.binding("http").is_some()
    }

    /// What the client is told, by the handler's answer: an invocation that did not succeed is a 500.
    fn told(&self, answer: &Answer) -> Vec<u8> {
        if !(200..300).contains(&answer.status) {
            return b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        let output = self.name_of("http");
        let response = match output {
            "$return" => &said["ReturnValue"],
            name => &said["Outputs"][name],
        };
        let status = response["statusCode"].as_str().unwrap_or("200");
        let body = response["body"].as_str().unwrap_or_default();
        let mut told = format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n", body.len());
        let none = Map::new();
        for (name, value) in response["headers"].as_object().unwrap_or(&none) {
            told.push_str(&format!("{name}: {}\r\n", value.as_str().unwrap()));
        }
        format!("{told}\r\n{body}").into_bytes()
    }
}

/// Whether a path is one of a route: `{name}` takes a segment, `{*name}` all of them.
fn fits(route: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for part in route.split('/') {
        match segments.next() {
            Some(_) if part.starts_with("{*") => return true,
            Some(segment) if part == segment || part.starts_with('{') && !segment.is_empty() => {}
            Some(_) | None => return false,
        }
    }
    segments.next().is_none()
}

/// The client's request for the handler: repeated parameters are joined with commas.
fn forwarded(mut head: Head) -> Head {
    if let Some((path, query)) = head.target().split_once('?') {
        let mut joined: Vec<(&str, Vec<&str>)> = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match joined.iter_mut().find(|(own, _)| *own == name) {
                Some((_, values)) => values.push(value),
                None => joined.push((name, vec![value])),
            }
        }
        let pairs = joined
            .iter()
            .map(|(name, values)| format!("{name}={}", values.join(",")));
        let target = format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"));
        head.ask_for(&target);
    }
    of_the_host(&mut head);
    head
}

/// What the host adds to every invocation.
fn of_the_host(head: &mut Head) {
    head.set("X-Azure-Functions-HostVersion", "4.1037.1.1");
    head.set("X-Azure-Functions-InvocationId", "8f5a6a3e-9a5e-4e0c-a6c3-6b1a7f9a0c11");
    let agent = head
        .header("User-Agent")
        .map(|own| format!("{own} "))
        .unwrap_or_default();
    head.set("User-Agent", &format!("{agent}Azure-Functions-Host/4.1037.1.1"));
}

/// A request as it stands in `Data`.
fn asked(head: &Head, body: &[u8]) -> Value {
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in head.headers() {
        headers.entry(name).or_default().push(value);
    }
    let kind = head.header("Content-Type").unwrap_or_default();
    let is_of_bytes = kind.starts_with("application/octet-stream") || kind.starts_with("multipart/");
    let body = match body {
        [] => Value::Null,
        body if is_of_bytes => STANDARD.encode(body).into(),
        body => String::from_utf8_lossy(body).into(),
    };
    json!({
        "Url": format!("https://{}{}", head.header("Host").unwrap_or_default(), head.target()),
        "Method": head.method(),
        "Query": {},
        "Headers": headers,
        "Params": {},
        "Identities": [],
        "Body": body,
    })
}

/// The client's body, which has a length.
fn body(client: &mut TcpStream, head: &Head, mut came: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = head.header("Content-Length").and_then(|length| length.parse().ok());
    let missing = length.unwrap_or(0_usize).saturating_sub(came.len());
    let mut rest = vec![0; missing];
    client.read_exact(&mut rest)?;
    came.extend(rest);
    Ok(came)
}
