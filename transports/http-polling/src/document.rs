//! A configuration that is served as a document: fetched with `GET`, and asked for again only if it has changed.

use std::time::Duration;

use awc::{
    ClientRequest,
    http::header::{self, HeaderMap, HeaderValue},
};
use buckler::{protocol::Welcome, transport::TransportError};

/// A connection is announced with a `POST` again after this long, as every agent registers again.
const ANNOUNCE_EVERY: Duration = Duration::from_hours(24);

/// The longest validator that is kept and sent back, in bytes: servers use hashes and dates.
const LONGEST_VALIDATOR: usize = 256;

/// What is known of a document that a `GET` brought.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) validators: Validators,
    /// When the connection was announced, by the agent's clock.
    pub(crate) announced: Duration,
}

impl Document {
    /// Whether the server need not be told again that the agent is there.
    pub(crate) fn is_announced(&self, now: Duration) -> bool {
        now.saturating_sub(self.announced) < ANNOUNCE_EVERY
    }
}

/// What a server named the version of a document by (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default)]
pub(crate) struct Validators {
    etag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Validators {
    /// Those of a reply.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let kept = |name| {
            let value: Option<&HeaderValue> = headers.get(name);
            value.filter(|value| value.len() <= LONGEST_VALIDATOR).cloned()
        };
        Self {
            etag: kept(header::ETAG),
            modified: kept(header::LAST_MODIFIED),
        }
    }

    /// Whether there is any: without one a 304 answers nothing that was asked.
    pub(crate) const fn is_known(&self) -> bool {
        self.etag.is_some() || self.modified.is_some()
    }

    /// Makes a request conditional; the date only where there is no tag, which says more.
    pub(crate) fn ask(&self, request: ClientRequest) -> ClientRequest {
        match (&self.etag, &self.modified) {
            (Some(etag), _) => request.insert_header((header::IF_NONE_MATCH, etag.clone())),
            (None, Some(date)) => request.insert_header((header::IF_MODIFIED_SINCE, date.clone())),
            (None, None) => request,
        }
    }
}

/// What a 304 comes to.
pub(crate) fn unchanged() -> Welcome {
    Welcome {
        unchanged: true,
        ..Welcome::default()
    }
}

/// Which of two failures says more where neither `POST` nor `GET` brought a configuration. That of the `GET`, unless it is no
/// reply of the protocol either, or the `POST` was answered that there is nothing there, which most often means the key.
pub(crate) fn telling(posted: TransportError, got: TransportError) -> TransportError {
    match (&posted, &got) {
        (TransportError::Status { status: 404 | 501, .. }, _) | (_, TransportError::Malformed(_)) => posted,
        _ => got,
    }
}
