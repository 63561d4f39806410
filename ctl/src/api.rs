//! The server's admin API: every answer is an envelope `{status, message, data}`.

use std::{
    io::Read,
    time::{Duration, SystemTime},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use ureq::{
    Agent, Body,
    http::{Method, Request, Response, StatusCode, header, request::Builder},
    tls::{RootCerts, TlsConfig},
};
use url::Url;

use crate::{show::at, target::Target};

/// How long a whole answer may take: a list of ten million entries comes in pages.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer: a page of the list, or all agents of a large fleet.
const LARGEST: u64 = 256 << 20;

/// A server that is asked.
#[derive(Debug)]
pub(crate) struct Api {
    target: Target,
    agent: Agent,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{url} cannot be reached: {problem}")]
    Unreachable { url: String, problem: String },
    #[error("{url} does not take the token, or has none of its own, or not for this: {message}")]
    Token { url: String, message: String },
    #[error("{message}")]
    Refused { status: u16, message: String },
    #[error("{url} failed ({status}): {message}")]
    Failed { url: String, status: u16, message: String },
    #[error("{url} does not answer as Buckler's server does: {problem}")]
    NoSense { url: String, problem: String },
}

impl Api {
    pub(crate) fn new(mut target: Target) -> Self {
        let mut config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false);
        if let Some(ca) = target.ca.take() {
            let tls = TlsConfig::builder().root_certs(RootCerts::from(ca));
            config = config.tls_config(tls.build());
        }
        Self {
            target,
            agent: config.max_redirects(0).build().into(),
        }
    }

    /// The server.
    pub(crate) const fn url(&self) -> &Url {
        &self.target.url
    }

    /// Asks for something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ApiError> {
        self.ask(Method::GET, path, query, None)
    }

    /// Has something made.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        self.ask(Method::POST, path, &[], Some(json(body)))
    }

    /// Has something replaced.
    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        self.ask(Method::PUT, path, &[], Some(json(body)))
    }

    /// Has some of something changed.
    pub(crate) fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        self.ask(Method::PATCH, path, &[], Some(json(body)))
    }

    /// Asks for what is no envelope and may be long, to be read piece by piece.
    pub(crate) fn stream(&self, path: &str) -> Result<impl Read + use<>, ApiError> {
        let url = self.place(path, &[]);
        let request = self.request(Method::GET, &url).body(()).map_err(ureq::Error::from);
        let request = request.map(|asked| {
            // as long as it goes on coming
            let patient = self.agent.configure_request(asked).timeout_global(None);
            patient.timeout_recv_response(Some(PATIENCE)).build()
        });
        let sent = request.and_then(|request| self.agent.run(request));
        let answer = sent.map_err(|error| unreachable(&url, &error))?;
        if answer.status() == StatusCode::OK {
            return Ok(answer.into_body().into_reader());
        }
        // a refusal is an envelope
        Err(match self.taken::<Value>(&url, answer) {
            Err(error) => error,
            Ok(_) => ApiError::NoSense {
                url: self.url().to_string(),
                problem: "the answer is none".to_owned(),
            },
        })
    }

    /// Has something removed.
    pub(crate) fn delete<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ApiError> {
        self.ask(Method::DELETE, path, query, None)
    }

    /// The server's clock, as its answers say; `None` where they do not.
    pub(crate) fn clock(&self) -> Result<Option<SystemTime>, ApiError> {
        let url = self.place("admin/health", &[]);
        let answer = self.send(Method::GET, &url, None)?;
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| httpdate::parse_http_date(date).ok()))
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<T, ApiError> {
        let url = self.place(path, query);
        let answer = self.send(method, &url, body)?;
        self.taken(&url, answer)
    }

    /// What an answer's envelope holds, or why it holds nothing.
    fn taken<T: DeserializeOwned>(&self, url: &Url, mut answer: Response<Body>) -> Result<T, ApiError> {
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        let text = text.map_err(|error| unreachable(url, &error))?;
        let envelope: Result<Value, _> = serde_json::from_slice(&text);
        let message = || {
            let said = envelope
                .as_ref()
                .ok()
                .and_then(|envelope| at(envelope, "message").as_str());
            said.unwrap_or_default().to_owned()
        };
        let (server, code) = (self.url().to_string(), status.as_u16());
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(ApiError::Token {
                    url: server,
                    message: message(),
                });
            }
            _ if status.is_client_error() && envelope.is_ok() => {
                return Err(ApiError::Refused {
                    status: code,
                    message: message(),
                });
            }
            _ if status.is_server_error() => {
                return Err(ApiError::Failed {
                    url: server,
                    status: code,
                    message: message(),
                });
            }
            _ => {
                let problem = format!("the answer has status {code}");
                return Err(ApiError::NoSense { url: server, problem });
            }
        }
        let no_sense = |error: serde_json::Error| ApiError::NoSense {
            url: self.url().to_string(),
            problem: error.to_string(),
        };
        let mut envelope = envelope.map_err(no_sense)?;
        serde_json::from_value(envelope.get_mut("data").map(Value::take).unwrap_or_default()).map_err(no_sense)
    }

    fn place(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.url().join(path).unwrap_or_else(|_| self.url().clone());
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn request(&self, method: Method, url: &Url) -> Builder {
        Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.target.token))
    }

    fn send(&self, method: Method, url: &Url, body: Option<Vec<u8>>) -> Result<Response<Body>, ApiError> {
        let request = self.request(method, url);
        let sent = match body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
                request
                    .map_err(ureq::Error::from)
                    .and_then(|request| self.agent.run(request))
            }
            None => request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        sent.map_err(|error| unreachable(url, &error))
    }
}

fn unreachable(url: &Url, error: &ureq::Error) -> ApiError {
    ApiError::Unreachable {
        url: url.origin().ascii_serialization(),
        problem: error.to_string(),
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    // of maps with keys that are texts, and of structures, which can always be written
    serde_json::to_vec(body).unwrap_or_default()
}
