//! What agents ask: registration, beacon, and the bare `GET` that the vendor documents.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Payload},
};
use buckler::protocol::{Beacon, Epoch, PROTO, Registration, Telemetry, v2};
use serde::{
    Deserialize, Deserializer as _,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};

use super::{
    answer_v1, answer_v2,
    bodies::{KEY_WITHIN, Room},
    failures::Wrong,
    reply::{self, Nothing, Refusal},
    state::{State, bearer, certificate_of},
};
use crate::{
    lines::Lines,
    metrics::Outcome,
    profiles::{Admitted, LiveProfile},
    secret::Secret,
    store::Mark,
};

/// `POST` to the cloud path.
pub(super) async fn register(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    counted(&state, async {
        let (profile, registration, _room) = read::<Registration>(&request, &state, payload).await?;
        match registration.visit(&profile) {
            (visit, Some(part)) => answer_v2::all(&request, &state, &profile, visit, part).await,
            (visit, None) => answer_v1::welcome(&request, &state, shared(&profile)?, visit).await,
        }
    })
    .await
}

/// `POST` to the beacon path.
pub(super) async fn beacon(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    counted(&state, async {
        let (profile, beacon, _room) = read::<Beacon>(&request, &state, payload).await?;
        match beacon.visit(&profile) {
            (visit, Some(part)) => answer_v2::all(&request, &state, &profile, visit, part).await,
            (visit, None) => answer_v1::changes(&request, &state, shared(&profile)?, visit).await,
        }
    })
    .await
}

/// The right of agents that do not say who they are. A credential is of one agent, which does: a
/// stolen one makes no other agent up.
fn shared(profile: &Admitted) -> Result<&Admitted, Refusal> {
    if profile.agent.is_some() {
        return Err(Refusal::wrong_key());
    }
    Ok(profile)
}

/// Counts how an exchange over HTTP ended.
async fn counted(
    state: &State,
    exchange: impl Future<Output = Result<HttpResponse, Refusal>>,
) -> Result<HttpResponse, Refusal> {
    let answer = exchange.await;
    let status = answer.as_ref().map_or_else(Refusal::status, HttpResponse::status);
    state.metrics.exchange("http", Outcome::of(status.as_u16()));
    answer
}

/// `GET` to the cloud path, with the key in `X-Buckler-Key` or as a bearer token, and nowhere else: a key in a URL would stand
/// in every log on the way.
pub(super) async fn bare(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let key = key_of(&request);
    let profile = state.profile_for(&request, key.as_ref()).await?;
    reply::bare(answer_v1::shown(&request, &state, &profile).await)
}

/// The key in a request's headers.
fn key_of(request: &HttpRequest) -> Option<Secret> {
    let headers = request.headers();
    let key = headers.get("x-buckler-key").and_then(|key| key.to_str().ok());
    key.or_else(|| bearer(headers)).map(Secret::of)
}

/// `POST` to `/logs`, where pyrasp's `LOG_PROTOCOL` `http` sends each security event. Nothing
/// follows from it but a line at level `debug`. It asks for a key, in the headers as `GET` does or
/// in the body: without one, anybody could fill the log. pyrasp brings none, and takes no notice of
/// the answer.
pub(super) async fn log(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let Keyed { key, body, room } = keyed(&request, &state, payload).await?;
    if key.is_none() {
        admitted(&request, &state, key_in(&body).ok().flatten(), room).await?;
        // the body holds the key
        tracing::debug!(peer = %state.peer(&request), event = %without_key(&body), "an agent logs");
        return reply::ok(Nothing {});
    }
    tracing::debug!(peer = %state.peer(&request), event = ?String::from_utf8_lossy(&body), "an agent logs");
    reply::ok(Nothing {})
}

/// A JSON object as text, without the key that it was sent with.
fn without_key(body: &[u8]) -> String {
    let Ok(mut members) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body) else {
        return "no JSON object".to_owned();
    };
    members.remove("key");
    serde_json::Value::Object(members).to_string()
}

/// A body, and the key that came with it in a header.
struct Keyed {
    key: Option<Secret>,
    body: Bytes,
    room: Room,
}

/// Reads a body. A key in a header is judged before anything of it is read, one in the body once
/// that is long: who has none has nothing long read.
async fn keyed(request: &HttpRequest, state: &State, payload: Payload) -> Result<Keyed, Refusal> {
    let key = key_of(request);
    let known = match &key {
        Some(key) => Some(state.profile_for(request, Some(key)).await?),
        None => certificate_of(request).and_then(|shown| state.profile(None, Some(shown)).ok()),
    };
    let mut incoming = match &known {
        Some(profile) => state.proven(payload, &profile.account()),
        None => state.unproven(request, payload, usize::MAX),
    };
    if known.is_none() && incoming.reads_beyond(KEY_WITHIN).await? {
        let Some(early) = early_key_in(incoming.so_far()) else {
            return Err(Refusal::bad_request(format!(
                "the body's first {KEY_WITHIN} bytes hold no key: send it before all else, or as `Authorization: Bearer`"
            )));
        };
        match state.profile(Some(&early), None) {
            Ok(profile) => incoming.room.prove(&profile.account())?,
            Err(refusal) if refusal == Refusal::wrong_key() => {
                drop(incoming);
                return Err(state.wrong(request, Wrong::Key).await);
            }
            Err(refusal) => return Err(refusal),
        }
    }
    let (body, room) = incoming.whole().await?;
    Ok(Keyed { key, body, room })
}

/// The profile of whom this key admits, and the room that its body takes: none, while the answer to
/// a wrong key waits.
async fn admitted(
    request: &HttpRequest,
    state: &State,
    key: Option<Secret>,
    room: Room,
) -> Result<(Admitted, Room), Refusal> {
    match state.profile(key.as_ref(), certificate_of(request)) {
        Err(refusal) if refusal == Refusal::wrong_key() => {
            drop(room);
            Err(state.wrong(request, Wrong::Key).await)
        }
        found => found.map(|profile| (profile, room)),
    }
}

/// The profile of the key that came with a message, the message by its type, and the room that it
/// takes until it is answered. The key is looked at first: who has none learns nothing. A body has
/// no other key than a header.
async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    state: &State,
    payload: Payload,
) -> Result<(Admitted, T, Room), Refusal> {
    let Keyed { key, body, room } = keyed(request, state, payload).await?;
    let in_body = key_in(&body)?;
    if key.is_some() && in_body.is_some() && key != in_body {
        return Err(state.wrong(request, Wrong::Key).await);
    }
    let (profile, room) = admitted(request, state, key.or(in_body), room).await?;
    Ok((profile, message_in(&body)?, room))
}

/// The key in the beginning of a message that goes on: of its first level, and before it breaks
/// off.
fn early_key_in(beginning: &[u8]) -> Option<Secret> {
    struct Early<'a>(&'a mut Option<Secret>);

    impl<'de> Visitor<'de> for Early<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
            while let Some(name) = members.next_key::<Cow<'de, str>>()? {
                if name == "key" {
                    let key: Cow<'de, str> = members.next_value()?;
                    self.0.get_or_insert_with(|| Secret::of(&key));
                } else {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }
    }

    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(beginning);
    // it ends with an error, because the rest is missing
    let _ = reader.deserialize_map(Early(&mut found));
    found
}

/// The key in a message, whatever else is in it.
pub(super) fn key_in(body: &[u8]) -> Result<Option<Secret>, Refusal> {
    #[derive(Deserialize)]
    struct Keyed<'a> {
        #[serde(borrow, default)]
        key: Option<Cow<'a, str>>,
    }
    // serde would take a list for an object
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Refusal::bad_request("the body is no JSON object: line 1"));
    }
    let Keyed { key } = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    Ok(key.as_deref().map(Secret::of))
}

/// The message by its type.
pub(super) fn message_in<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

/// Says where, and not what: what serde found may be the key.
fn malformed(error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    let what = if error.is_data() {
        "not a message of the protocol"
    } else {
        "not JSON"
    };
    Refusal::bad_request(format!("the body is {what}: line {line}, column {column}"))
}

/// Version 2's part, if the agent speaks it.
fn v2_part(proto: Option<u32>, part: Option<v2::AgentPart>) -> Option<v2::AgentPart> {
    part.filter(|_| proto.is_some_and(|proto| proto >= PROTO))
}

/// The most characters of what an agent says of itself that a line of the log holds: platforms and
/// versions have fewer.
const SHOWN: usize = 60;
/// Lines that registrations get: a fleet that comes back at once is none of lines.
static REGISTRATIONS: Lines = Lines::new(60);

/// A registration or a beacon.
pub(super) trait Message: DeserializeOwned {
    /// What both have in common, and version 2's part if the agent speaks it.
    fn visit(self, profile: &LiveProfile) -> (Visit, Option<v2::AgentPart>);
}

impl Message for Registration {
    fn visit(self, profile: &LiveProfile) -> (Visit, Option<v2::AgentPart>) {
        let Self {
            key: _,
            version,
            platform,
            routes,
            proto,
            v2,
        } = self;
        if let Some(unsaid) = REGISTRATIONS.admit() {
            // an agent with a key may call itself anything
            let shown = |text: &str| text.chars().take(SHOWN).collect::<String>();
            tracing::info!(profile = %profile.name(), platform = shown(&platform), version = shown(&version), proto, unsaid, "an agent registers");
        }
        let visit = Visit {
            mark: (!platform.is_empty() || !routes.is_empty()).then(|| Mark::of(&platform, &version, &routes)),
            version,
            introduction: Some((platform, routes.len())),
            telemetry: None,
            bans: Vec::new(),
        };
        (visit, v2_part(proto, v2))
    }
}

impl Message for Beacon {
    fn visit(self, _: &LiveProfile) -> (Visit, Option<v2::AgentPart>) {
        let Self {
            key: _,
            version,
            telemetry,
            blacklist,
            proto,
            v2,
        } = self;
        let visit = Visit {
            mark: None,
            version,
            introduction: None,
            telemetry,
            bans: blacklist.unwrap_or_default(),
        };
        (visit, v2_part(proto, v2))
    }
}

/// What both messages have in common.
pub(super) struct Visit {
    /// What a registration says of its sender, in short.
    pub(super) mark: Option<Mark>,
    pub(super) version: String,
    pub(super) introduction: Option<(String, usize)>,
    pub(super) telemetry: Option<Telemetry>,
    pub(super) bans: Vec<(String, Epoch)>,
}
