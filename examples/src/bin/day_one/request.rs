//! A request that is to be sent, and who sends it when.

use std::{net::Ipv4Addr, time::Duration};

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// An honest person, and what they do.
    Honest(&'static str),
    /// An attacker, by its number.
    Attacker(usize),
}

/// A request at its time.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// The time of the day.
    pub(crate) at: Duration,
    pub(crate) client: Ipv4Addr,
    pub(crate) sender: Sender,
    pub(crate) request: Planned,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) method: &'static str,
    /// Path and query as they are sent.
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The content type and the body.
    pub(crate) body: Option<(&'static str, String)>,
}

/// What a browser sends with each request.
const BROWSER: [(&str, &str); 5] = [
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("Accept-Language", "en-US,en;q=0.7,de;q=0.3"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
];

impl Planned {
    /// A browser opens a page.
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET",
            target: target.into(),
            headers: BROWSER
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            body: None,
        }
    }

    /// A browser sends a body.
    pub(crate) fn post(target: impl Into<String>, content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            method: "POST",
            body: Some((content_type, body.into())),
            ..Self::get(target)
        }
    }

    /// A form, its values as they were entered.
    pub(crate) fn form(target: &str, fields: &[(&str, &str)]) -> Self {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        Self::post(target, "application/x-www-form-urlencoded", fields.join("&"))
    }

    /// A program that is no browser.
    pub(crate) fn program(mut self, name: &str) -> Self {
        self.headers = vec![("User-Agent", name.to_owned()), ("Accept", "*/*".to_owned())];
        self
    }

    /// With a header more, in the place of one of the same name.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// A value as browsers encode it in forms.
pub(crate) fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
