//! The WebSocket: the same messages as over HTTP, and what the server has to say unasked.
//!
//! The key is judged before anything else and before the upgrade, so that a wrong one is answered as over HTTP. Frames are
//! those of [`buckler::protocol::frame`]. Each connection is one task ([`connection`]), which answers one message after
//! another, and tells its agent what has changed when it has nothing to answer.

mod admission;
mod capped;
mod connection;
mod frames;
mod known;

use std::{pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, dev,
    error::PayloadError,
    http::header,
    web::{Bytes, Data, Payload},
};
use buckler::protocol::frame::SUBPROTOCOL;
use futures_util::Stream;

pub(crate) use self::admission::Admission;
use self::{
    capped::Capped,
    connection::{Connection, Credentials},
};
use super::{
    reply::Refusal,
    state::{Stage, State, bearer},
};
use crate::{secret::Secret, tls::ClientCertificate};

/// What actix-web reads a body from.
type BoxedPayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// `GET` to the WebSocket's path.
pub(super) async fn open(request: HttpRequest, payload: Payload, state: Data<State>) -> Result<HttpResponse, Refusal> {
    let key = bearer(request.headers()).map(Secret::of);
    let profile = state.profile_for(&request, key.as_ref()).await?;
    let key = key.ok_or_else(Refusal::wrong_key)?;
    judge_upgrade(&request)?;
    if matches!(*state.stage().borrow(), Stage::Draining(_)) {
        return Err(Refusal::stopping());
    }
    let account = profile.account();
    let place = state
        .admission
        .enter(&account, profile.agent.is_some(), state.elapsed())?;
    let cap = state.limits.body_bytes.get();
    let capped: BoxedPayloadStream = Box::pin(Capped::new(payload, cap, state.room(&account)));
    let mut capped = dev::Payload::Stream { payload: capped };
    let refused = |error: actix_web::Error| Refusal::bad_request(error.to_string());
    let payload = Payload::from_request(&request, &mut capped).await.map_err(refused)?;
    let (response, session, messages) =
        actix_ws::handle_with_protocols(&request, payload, &[SUBPROTOCOL]).map_err(refused)?;
    let messages = messages
        .max_frame_size(cap)
        .aggregate_continuations()
        .max_continuation_size(cap);
    let (peer, beacon_url) = (state.peer(&request), state.beacon_url(&request));
    let certificate = request.conn_data::<Arc<ClientCertificate>>().cloned();
    let credentials = Credentials { key, certificate };
    let connection = Connection::new(state, session, credentials, profile, peer, beacon_url);
    actix_web::rt::spawn(async move {
        connection.run(messages).await;
        drop(place);
    });
    Ok(response)
}

/// Whether the request is an upgrade to this protocol; whether it is a sound one, the handshake says.
fn judge_upgrade(request: &HttpRequest) -> Result<(), Refusal> {
    let says = |name: header::HeaderName, wanted: &str| {
        let values = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(wanted))
    };
    if !says(header::UPGRADE, "websocket") {
        return Err(Refusal::upgrade_required(
            "here is a WebSocket: ask for an upgrade to it",
        ));
    }
    if !says(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refusal::upgrade_required("Sec-WebSocket-Version: allowed is 13"));
    }
    if !says(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(Refusal::bad_request(format!(
            "Sec-WebSocket-Protocol: allowed is {SUBPROTOCOL}"
        )));
    }
    Ok(())
}
