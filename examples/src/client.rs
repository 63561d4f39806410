//! A client somewhere outside, who shows what it sends and what comes back.

#![expect(clippy::print_stdout, reason = "the programs that use it show a conversation")]

use std::{error::Error, time::Duration};

use awc::http::{Method, StatusCode, header::AUTHORIZATION};
use serde_json::Value;

use crate::{demo::ADMIN_TOKEN, site::Site};

/// How long an answer may take: everything is on loopback.
const PATIENCE: Duration = Duration::from_secs(10);

/// Characters of an answer's text that are shown.
const SHOWN: usize = 60;

/// A client.
#[derive(Default)]
pub struct Client(awc::Client);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body as text.
    pub text: String,
}

impl Client {
    /// A client without any connection.
    #[must_use]
    pub fn new() -> Self {
        Self(awc::Client::builder().disable_redirects().timeout(PATIENCE).finish())
    }

    /// Asks a site for a page as the client at this address: the site believes `X-Forwarded-For` from loopback, as it would
    /// believe a proxy's.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&self, site: &Site, path: &str, address: &str) -> Result<Answer, Box<dyn Error>> {
        let request = self.0.get(site.url(path)).insert_header(("X-Forwarded-For", address));
        let mut response = request.send().await?;
        let text = String::from_utf8_lossy(&response.body().await?).into_owned();
        Ok(Answer {
            status: response.status(),
            text,
        })
    }

    /// As [`get`](Self::get), and shows both sides of it.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn show_get(&self, site: &Site, path: &str, address: &str) -> Result<Answer, Box<dyn Error>> {
        println!("   → GET {path} at the {}, as {address}", site.name);
        let answer = self.get(site, path, address).await?;
        println!("   ← {answer}");
        Ok(answer)
    }

    /// Asks the server's admin API; gives back the answer's `data`.
    ///
    /// # Errors
    /// If there is no answer, or one that says that it failed.
    pub async fn admin(&self, method: Method, url: &str) -> Result<Value, Box<dyn Error>> {
        self.admin_of(ADMIN_TOKEN, method, url).await
    }

    /// As [`admin`](Self::admin), at a server with another token.
    ///
    /// # Errors
    /// If there is no answer, or one that says that it failed.
    pub async fn admin_of(&self, token: &str, method: Method, url: &str) -> Result<Value, Box<dyn Error>> {
        let request = self
            .0
            .request(method, url)
            .insert_header((AUTHORIZATION, format!("Bearer {token}")));
        let mut response = request.send().await?;
        let status = response.status();
        let mut answer: Value = serde_json::from_slice(&response.body().await?)?;
        if status != StatusCode::OK {
            let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
            return Err(format!("{url} answered {status}: {message}").into());
        }
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: String = self.text.chars().take(SHOWN).collect();
        let more = if shown.len() < self.text.len() { "…" } else { "" };
        write!(f, "{}: {shown}{more}", self.status)
    }
}
