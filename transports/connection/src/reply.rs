//! What a reply says: a welcome, a beacon's answer, or which failure it is.

use std::{
    fmt,
    marker::PhantomData,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use awc::http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName, HttpDate},
};
use buckler::{
    clock::Clock,
    protocol::{BeaconReply, Envelope, ReplyForm, Welcome},
    transport::TransportError,
};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::text::Censor;

/// A reply that came whole, whatever it says.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status, or the one it would have over HTTP.
    pub status: StatusCode,
    /// What it says that its body is; `None` where there is no place to say so.
    pub content_type: Option<String>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
    /// Where it would lead.
    pub location: Option<String>,
    /// The body, unpacked.
    pub body: Bytes,
}

impl Reply {
    /// A reply over HTTP whose body is still to come.
    #[must_use]
    pub fn head(status: StatusCode, headers: &HeaderMap, clock: &dyn Clock) -> Self {
        Self {
            status,
            content_type: Some(text(headers, header::CONTENT_TYPE).unwrap_or_default()),
            retry_after: text(headers, header::RETRY_AFTER).and_then(|text| delay(&text, clock)),
            location: text(headers, header::LOCATION),
            body: Bytes::new(),
        }
    }
}

/// A header's value; what is not UTF-8 in it is replaced.
#[must_use]
pub fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Reads `Retry-After`: seconds, or a date by the server's clock, which is taken for ours.
fn delay(text: &str, clock: &dyn Clock) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = text.trim().parse::<HttpDate>().ok()?;
    let until = SystemTime::from(date).duration_since(UNIX_EPOCH).ok()?;
    Some(until.saturating_sub(clock.unix()))
}

/// Reads the answer to a registration, in either form.
///
/// # Errors
/// Where the server refused, or what came is no reply of the protocol.
pub fn welcome(reply: &Reply, censor: &Censor) -> Result<Welcome, TransportError> {
    match parse::<Object<ReplyForm>>(reply, censor)?.0 {
        ReplyForm::Enveloped(envelope) => {
            // once a day, so that a second look costs nothing that counts
            parse::<Object<Envelope<Object<IgnoredAny>>>>(reply, censor)?;
            open(envelope, reply, censor)
        }
        ReplyForm::Bare(welcome) => Ok(welcome),
    }
}

/// Reads the answer to a beacon.
///
/// # Errors
/// As [`welcome`].
pub fn beacon(reply: &Reply, censor: &Censor) -> Result<BeaconReply, TransportError> {
    let Object(envelope) = parse::<Object<Envelope<Object<BeaconReply>>>>(reply, censor)?;
    open(envelope, reply, censor).map(|Object(answer)| answer)
}

/// A JSON object. Without it an array would do for any message: serde takes its items for the fields in their order, and an
/// empty one for a message that says nothing.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

fn parse<T: DeserializeOwned>(reply: &Reply, censor: &Censor) -> Result<T, TransportError> {
    if !reply.status.is_success() {
        return Err(status(reply, censor));
    }
    if reply.body.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed("an empty body", reply, censor));
    }
    serde_json::from_slice(&reply.body).map_err(|error| match refusal(&reply.body) {
        Some(message) => TransportError::Refused(censor.line(&message)),
        None => malformed(&error.to_string(), reply, censor),
    })
}

fn open<T>(envelope: Envelope<T>, reply: &Reply, censor: &Censor) -> Result<T, TransportError> {
    if !envelope.status {
        return Err(TransportError::Refused(censor.line(&envelope.message)));
    }
    envelope
        .data
        .ok_or_else(|| malformed("`data` is null or missing", reply, censor))
}

/// A refusal whose `data` is of no known type: that the server refused matters more than how it wrote it.
fn refusal(body: &[u8]) -> Option<String> {
    match said(body)? {
        Said {
            status: Some(false),
            message,
        } => Some(message.unwrap_or_default()),
        Said { .. } => None,
    }
}

/// The failure that a status is which is no success.
#[must_use]
pub fn status(reply: &Reply, censor: &Censor) -> TransportError {
    TransportError::Status {
        status: reply.status.as_u16(),
        message: redirect(reply)
            .or_else(|| said(&reply.body)?.message)
            .map(|message| censor.line(&message)),
        retry_after: reply.retry_after,
    }
}

fn redirect(reply: &Reply) -> Option<String> {
    let location = reply.location.as_ref().filter(|_| reply.status.is_redirection())?;
    (reply.status != StatusCode::NOT_MODIFIED).then(|| format!("a redirect, which is not followed, to {location}"))
}

/// What can be read of any reply.
#[derive(Deserialize)]
struct Said {
    status: Option<bool>,
    message: Option<String>,
}

fn said(body: &[u8]) -> Option<Said> {
    serde_json::from_slice(body).ok()
}

/// Says what came instead: a proxy's error page is recognised by its type and its first words.
#[must_use]
pub fn malformed(problem: &str, reply: &Reply, censor: &Censor) -> TransportError {
    let problem = censor.line(problem);
    let content_type = reply.content_type.as_deref().map(|name| match name {
        "" => "no content type".to_owned(),
        name => format!("content type {}", censor.line(name)),
    });
    let beginning = censor.excerpt(&reply.body);
    let beginning = (!beginning.is_empty()).then(|| format!("beginning with {beginning:?}"));
    let came: Vec<_> = content_type.into_iter().chain(beginning).collect();
    TransportError::Malformed(match came.join(", ") {
        came if came.is_empty() => problem,
        came => format!("{problem} ({came})"),
    })
}

#[cfg(test)]
mod tests {
    use buckler::protocol::AgentKey;

    use super::*;

    const KEY: &str = "0b7e2d54-secret";

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: Some("application/json".to_owned()),
            retry_after: None,
            location: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn registered(status: u16, body: &str) -> Result<Welcome, TransportError> {
        welcome(&reply(status, body), &Censor::new(&AgentKey::new(KEY)))
    }

    fn answered(status: u16, body: &str) -> Result<BeaconReply, TransportError> {
        beacon(&reply(status, body), &Censor::new(&AgentKey::new(KEY)))
    }

    #[test]
    fn both_forms_of_a_registration_reply_mean_the_same() {
        let enveloped = registered(
            200,
            r#"{"status": true, "message": "ok", "data": {"config": {"BEACON": true}, "blacklist": {"203.0.113.9": 1}}}"#,
        );
        let bare = registered(200, r#"{"config": {"BEACON": true}, "blacklist": {"203.0.113.9": 1}}"#);
        assert_eq!(enveloped.unwrap(), bare.unwrap());
        assert!(registered(200, r#"{"status": true, "data": {}}"#).is_ok());
    }

    #[test]
    fn a_beacon_needs_its_envelope() {
        assert!(answered(200, r#"{"status": true, "message": "ok", "data": {}}"#).is_ok());
        assert!(matches!(
            answered(200, r#"{"blacklist": {"new": []}}"#),
            Err(TransportError::Malformed(_))
        ));
    }

    #[test]
    fn what_is_no_reply_is_malformed() {
        for body in [
            "",
            " \r\n",
            "null",
            "[]",
            "\"ok\"",
            "{}",
            "<html><body>502 Bad Gateway</body></html>",
            r#"{"status": true, "message": "ok"}"#,
            r#"{"status": true, "message": "ok", "data": null}"#,
            r#"{"status": true, "message": "ok", "data": []}"#,
            r#"{"status": true, "message": "ok", "data": [{}, {}]}"#,
            r#"[true, "ok", {}]"#,
            r#"{"status": "yes", "message": "ok", "data": {}}"#,
            r#"{"status": true, "message": "ok", "data": {"blacklist": ["203.0.113.9"]}}"#,
            r#"{"status": true, "message": "ok", "data": {}"#,
            r#"{"status": true, "message": "ok", "data": {}} and more"#,
        ] {
            for error in [registered(200, body).unwrap_err(), answered(200, body).unwrap_err()] {
                assert!(matches!(error, TransportError::Malformed(_)), "{body}: {error}");
            }
        }
    }

    #[test]
    fn what_came_instead_is_named_and_cut() {
        let mut page = reply(200, &format!("<html>\r\n\u{1b}[31m<h1>Bad{}", " Gateway".repeat(1000)));
        page.content_type = Some("text/html".to_owned());
        let error = welcome(&page, &Censor::new(&AgentKey::new(KEY)))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("(content type text/html, beginning with \"<html> [31m<h1>Bad Gateway"),
            "{error}"
        );
        assert!(error.len() < 250, "{error}");
    }

    #[test]
    fn a_refusal_is_told_whatever_its_data() {
        for body in [
            r#"{"status": false, "message": "no\nsuch profile", "data": {}}"#,
            r#"{"status": false, "message": "no such profile", "data": null}"#,
            r#"{"status": false, "message": "no such profile", "data": "none"}"#,
            r#"{"status": false, "message": "no such profile"}"#,
        ] {
            let refused = TransportError::Refused("no such profile".to_owned());
            assert_eq!(
                (registered(200, body).unwrap_err(), answered(200, body).unwrap_err()),
                (refused.clone(), refused)
            );
        }
    }

    #[test]
    fn a_status_tells_its_message_if_it_has_one() {
        for (status, body, expected) in [
            (
                403,
                r#"{"status": false, "message": "wrong key", "data": {}}"#,
                Some("wrong key"),
            ),
            (
                429,
                r#"{"status": true, "message": "slow down", "data": {}}"#,
                Some("slow down"),
            ),
            (401, r#"{"message": 1}"#, None),
            (404, "<html>", None),
            (500, "", None),
        ] {
            let error = TransportError::Status {
                status,
                message: expected.map(str::to_owned),
                retry_after: None,
            };
            assert_eq!(answered(status, body).unwrap_err(), error);
        }
    }

    #[test]
    fn a_server_that_echoes_the_key_does_not_spread_it() {
        let bodies = [
            (200, format!(r#"{{"key": "{KEY}", "version": "1"}}"#)),
            (200, KEY.to_owned()),
            (200, format!(r#"{{"status": "{KEY}"}}"#)),
            (
                200,
                format!(r#"{{"status": false, "message": "no profile for {KEY}"}}"#),
            ),
            (
                403,
                format!(r#"{{"status": false, "message": "no profile for {KEY}"}}"#),
            ),
        ];
        for (status, body) in bodies {
            for error in [
                registered(status, &body).unwrap_err(),
                answered(status, &body).unwrap_err(),
            ] {
                assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
            }
        }
        let mut echo = reply(307, "");
        echo.location = Some(format!("https://elsewhere.example/?key={KEY}"));
        echo.content_type = Some(KEY.to_owned());
        let censor = Censor::new(&AgentKey::new(KEY));
        let redirected = welcome(&echo, &censor).unwrap_err();
        echo.status = StatusCode::OK;
        let typed = welcome(&echo, &censor).unwrap_err();
        assert!(!format!("{redirected:?} {typed:?}").contains(KEY));
    }
}
