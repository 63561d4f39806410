//! How a refusal is written for who asked: a page for people, JSON for programs, readable for
//! scripts of the host's own pages.

use std::borrow::Cow;

use super::{
    block_id::BlockId,
    request::{Headers, RequestView},
    verdict::{Reaction, Refusal},
};
use crate::model::policy::Policy;

/// The type of a page, as pyrasp's frameworks send it.
const PAGE: &str = "text/html; charset=utf-8";

/// What a page may do: nothing but look as its own styles say. It is shown under the application's
/// own origin, and a server sends it: its scripts would be the application's (CSP level 3).
const PAGE_POLICY: &str = "default-src 'none'; sandbox; style-src 'unsafe-inline'";

/// The type of a refusal for programs (RFC 9457).
const PROBLEM: &str = "application/problem+json";

impl Refusal {
    /// A refusal with this reaction, for people.
    #[must_use]
    pub fn new(id: BlockId, reaction: &Reaction) -> Self {
        Self {
            id,
            reaction: reaction.clone(),
            retry_after: None,
            content_type: PAGE,
            cors_origin: None,
        }
    }

    /// The answer, with the id where `{{id}}` stands. It is made when it is sent, and not before:
    /// the guard's part in refusing a listed client allocates nothing.
    #[must_use]
    pub fn answer(&self) -> Reaction {
        self.reaction.filled(BlockId::PLACEHOLDER, &self.id)
    }

    /// The headers of the answer beside `content-type` and `location`, names in lower case. No
    /// cache may keep it: it is meant for one client, and a proxy that stored it would answer
    /// everybody with it.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let is_page = self.content_type == PAGE && matches!(self.reaction, Reaction::Respond { .. });
        let page = [("content-security-policy", PAGE_POLICY)];
        let own = [
            ("cache-control", Cow::Borrowed("no-store")),
            ("x-content-type-options", Cow::Borrowed("nosniff")),
            (BlockId::HEADER, Cow::Owned(self.id.to_string())),
        ];
        let cors = self.cors_origin.as_deref().map(|origin| {
            [
                ("access-control-allow-origin", Cow::Borrowed(origin)),
                ("access-control-allow-credentials", Cow::Borrowed("true")),
                ("access-control-expose-headers", Cow::Borrowed(BlockId::HEADER)),
                ("vary", Cow::Borrowed("Origin")),
            ]
        });
        let wait = self
            .retry_after
            .map(|seconds| ("retry-after", Cow::Owned(seconds.to_string())));
        let page = page.into_iter().filter(move |_| is_page);
        let page = page.map(|(name, value)| (name, Cow::Borrowed(value)));
        own.into_iter()
            .chain(page)
            .chain(wait)
            .chain(cors.into_iter().flatten())
    }

    /// The same for who sent this request.
    pub(super) fn addressed_to(mut self, request: &RequestView<'_>, policy: &Policy) -> Self {
        if self.reaction.is_plain() && asks_for_json(request.headers) {
            self.speak_json();
        }
        let mut origin = None;
        request
            .headers
            .for_each_value("origin", &mut |value| origin = str::from_utf8(value).ok());
        self.cors_origin = origin.filter(|origin| policy.cors_allows(origin)).map(Into::into);
        self
    }

    fn speak_json(&mut self) {
        let Reaction::Respond { status, .. } = self.reaction else {
            return;
        };
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": title(status),
            "status": status,
            "detail": "The request was refused.",
            "block_id": self.id.to_string(),
        });
        let content = problem.to_string().into();
        self.reaction = Reaction::Respond { status, content };
        self.content_type = PROBLEM;
    }
}

/// What a status is called, for those that a refusal is likely to have (RFC 9110, section 15.5).
const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        _ => "Refused",
    }
}

/// Whether a client would rather have JSON than a page (`Accept`; RFC 9110, section 12.5.1). A
/// client that takes anything asks for nothing.
fn asks_for_json(headers: &dyn Headers) -> bool {
    let (mut json, mut page) = (0.0, 0.0);
    headers.for_each_value("accept", &mut |line| {
        for range in str::from_utf8(line).unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let is = |name: &str| kind.eq_ignore_ascii_case(name);
            let is_json = is("application/json") || ends_with(kind, "+json");
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            let weight = f32::clamp(weight.unwrap_or(1.0), 0.0, 1.0);
            if is_json {
                json = f32::max(json, weight);
            } else if is("text/html") || is("application/xhtml+xml") {
                page = f32::max(page, weight);
            }
        }
    });
    json > page
}

/// Whether a text ends with this one, in any case. Refusals of listed clients come in floods, and
/// allocate nothing.
fn ends_with(text: &str, end: &str) -> bool {
    let rest = text.len().checked_sub(end.len()).and_then(|at| text.get(at..));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(accept: &str) -> bool {
        let headers: [(&str, &[u8]); 1] = [("accept", accept.as_bytes())];
        asks_for_json(&headers)
    }

    #[test]
    fn programs_ask_for_json_and_browsers_do_not() {
        for accept in [
            "application/json",
            "application/json, text/plain, */*",
            "Application/JSON; charset=utf-8",
            "text/html;q=0.5, application/json",
            "application/vnd.api+json",
            "application/problem+json;q=0.3",
        ] {
            assert!(asks(accept), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/html, application/json;q=0.9",
            "text/html, application/json",
            "application/json;q=0",
            "application/jsonp",
        ] {
            assert!(!asks(accept), "{accept}");
        }
    }
}
