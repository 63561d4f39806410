//! One agent's connection: a task that answers its messages one after another, and pushes in between.
//!
//! What a push may carry follows from the last exchange: the revision that the agent has, and the configuration. Nothing is
//! pushed before the first. A push waits until the connection has taken the one before it; whatever changes meanwhile is in
//! the ring, or the agent is told to ask.

use std::{net::IpAddr, pin::pin, sync::Arc, time::Duration};

use actix_web::web::Data;
use actix_ws::{AggregatedMessageStream, Session};
use buckler::protocol::{Beacon, Registration, v2::AgentPart};
use bytestring::ByteString;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    frames::{Ending, Frame, GOODBYE, Heard, Reply, heard, tracked},
    known::{Config, Told},
};
use crate::{
    http::{
        agents::{self, Message},
        answer_v2::{self, Answer, Caller},
        bodies::Room,
        reply::{Envelope, Refusal},
        state::{Stage, State},
    },
    hub::{Channel, Ring},
    metrics::Outcome,
    profiles::Admitted,
    secret::Secret,
    tls::ClientCertificate,
};

/// How long the other side may take to read our close frame and end the connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// By what an agent is known, for as long as its connection lasts.
pub(super) struct Credentials {
    pub(super) key: Secret,
    pub(super) certificate: Option<Arc<ClientCertificate>>,
}

/// One agent's connection.
pub(super) struct Connection {
    state: Data<State>,
    session: Session,
    credentials: Credentials,
    peer: IpAddr,
    beacon_url: String,
    profile: Admitted,
    profiles: watch::Receiver<()>,
    stage: watch::Receiver<Stage>,
    /// When it is sent away, once the server drains.
    leaves_at: Option<Instant>,
    channel: Arc<Channel>,
    ring: watch::Receiver<Ring>,
    /// Where the agent's list is, or will be once it took what is on its way; `None` until it says what it has.
    told: Option<Told>,
    /// What it said of its configuration last; `None` before it said anything.
    config: Option<Config>,
    /// Word when what was handed over last is on its way.
    under_way: Option<oneshot::Receiver<()>>,
    /// Since when there is the change that this carries.
    changed_at: Option<Instant>,
    /// For the message that is being answered.
    room: Room,
}

impl Connection {
    pub(super) fn new(
        state: Data<State>,
        session: Session,
        credentials: Credentials,
        profile: Admitted,
        peer: IpAddr,
        beacon_url: String,
    ) -> Self {
        let channel = state.hub.channel(profile.fleet());
        let mut profiles = state.profiles.follow();
        // the key may have been revoked since it was looked at
        profiles.mark_changed();
        Self {
            room: state.room(&profile.account()),
            session,
            credentials,
            peer,
            beacon_url,
            profiles,
            stage: state.stage(),
            leaves_at: None,
            ring: channel.follow(),
            channel,
            profile,
            told: None,
            config: None,
            under_way: None,
            changed_at: None,
            state,
        }
    }

    /// Runs until one of both sides ends it.
    pub(super) async fn run(mut self, mut messages: AggregatedMessageStream) {
        tracing::debug!(peer = %self.peer, profile = %self.profile.name(), key = %self.profile.key, "a websocket is open");
        let ending = match self.talk(&mut messages).await {
            Ok(never) => match never {},
            Err(ending) => ending,
        };
        tracing::debug!(peer = %self.peer, profile = %self.profile.name(), ?ending, "a websocket ends");
        let Self { session, .. } = self;
        let farewell = async {
            if session.close(ending.reason()).await.is_ok() {
                // the stream ends when our close frame was written, or the connection is gone
                while messages.recv().await.is_some_and(|came| came.is_ok()) {}
            }
        };
        // whoever reads nothing is not waited for
        let _ = timeout(FAREWELL, farewell).await;
    }

    async fn talk(&mut self, messages: &mut AggregatedMessageStream) -> Result<std::convert::Infallible, Ending> {
        let patience = Duration::from_secs(self.state.limits.ws_idle_s.get().into());
        let mut idle = pin!(sleep(patience));
        loop {
            self.push_what_is_due().await?;
            let can_push = self.under_way.is_none();
            let leaves_at = self.leaves_at;
            tokio::select! {
                came = messages.recv() => {
                    idle.as_mut().reset(Instant::now() + patience);
                    match heard(came)? {
                        Heard::Text(text) => {
                            let held = self.room.hold(text.len());
                            held.map_err(|refusal| Ending::refused(&refusal))?;
                            // in a box, so that an idle connection needs no room for it
                            Box::pin(self.answer(&text, patience)).await?;
                            // less is never refused
                            let _ = self.room.hold(0);
                        }
                        Heard::Ping(bytes) => self.session.pong(&bytes).await.map_err(|_| Ending::Left)?,
                        Heard::Pong => {}
                    }
                }
                () = taken(&mut self.under_way), if !can_push => self.was_taken(),
                _ = self.ring.changed(), if can_push => {}
                _ = self.profiles.changed() => self.profiles.mark_changed(),
                _ = self.stage.changed() => {}
                () = until(leaves_at), if leaves_at.is_some() => return self.send_away().await,
                () = &mut idle => return Err(Ending::idle()),
            }
        }
    }

    async fn push_what_is_due(&mut self) -> Result<(), Ending> {
        let stage = *self.stage.borrow_and_update();
        match stage {
            Stage::Serving => {}
            Stage::Draining(within) if self.leaves_at.is_none() => {
                let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                self.leaves_at = Some(Instant::now() + Duration::from_millis(fastrand::u64(0..=millis)));
            }
            Stage::Draining(_) => {}
            Stage::Stopping => return self.send_away().await,
        }
        self.renew_profile()?;
        if self.under_way.is_some() {
            return Ok(());
        }
        match self.due().map_err(|refusal| Ending::refused(&refusal))? {
            Some((push, changed_at)) => {
                self.hand_over(push).await?;
                self.changed_at = changed_at;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What was handed over is on its way.
    fn was_taken(&mut self) {
        self.under_way = None;
        if let Some(changed_at) = self.changed_at.take() {
            self.state.metrics.pushed(changed_at.elapsed());
        }
    }

    /// Says goodbye, so that the agent comes back and takes this for no failure.
    async fn send_away<T>(&mut self) -> Result<T, Ending> {
        self.session.text(GOODBYE).await.map_err(|_| Ending::Left)?;
        Err(Ending::stopping())
    }

    fn profile(&self) -> Result<Admitted, Refusal> {
        let Credentials { key, certificate } = &self.credentials;
        self.state.profile(Some(key), certificate.as_deref())
    }

    /// Looks its key up again, if profiles or keys have changed. Ends the connection if there is no profile for it any more.
    fn renew_profile(&mut self) -> Result<(), Ending> {
        if !self.profiles.has_changed().unwrap_or_default() {
            return Ok(());
        }
        self.profiles.mark_unchanged();
        let profile = self.profile().map_err(|refusal| Ending::refused(&refusal))?;
        if profile.fleet() != self.profile.fleet() {
            self.channel = self.state.hub.channel(profile.fleet());
            self.ring = self.channel.follow();
            self.state.hub.touch(profile.fleet());
        }
        self.profile = profile;
        Ok(())
    }

    /// A configuration that is news to the agent, or else what follows the revision that it was told last.
    fn due(&mut self) -> Result<Option<(ByteString, Option<Instant>)>, Refusal> {
        if let Some(config) = &mut self.config
            && let Some(news) = config.due(&self.profile, &self.beacon_url)?
        {
            return Ok(Some((news, None)));
        }
        match &mut self.told {
            Some(told) => Ok(told.due(&mut self.ring, self.state.now())?),
            None => Ok(None),
        }
    }

    /// Answers a frame.
    async fn answer(&mut self, text: &str, patience: Duration) -> Result<(), Ending> {
        let frame = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Ending::nonsense(format!("not a frame of the protocol: line {line}, column {column}"))
        })?;
        let (id, answer) = match frame {
            Frame {
                id,
                register: Some(message),
                beacon: None,
            } => (id, self.exchange::<Registration>(message).await),
            Frame {
                id,
                register: None,
                beacon: Some(message),
            } => (id, self.exchange::<Beacon>(message).await),
            Frame { .. } => {
                return Err(Ending::nonsense(
                    "not a frame of the protocol: allowed is one of register, beacon",
                ));
            }
        };
        let outcome = answer
            .as_ref()
            .map_or_else(|refusal| refusal.status().as_u16(), |_| 200);
        self.state.metrics.exchange("websocket", Outcome::of(outcome));
        let reply = match answer.and_then(|answer| encoded(id, 200, None, Envelope::ok(answer.body(None)?))) {
            Ok(reply) => reply,
            Err(refusal) => {
                let code = refusal.status().as_u16();
                encoded(id, code, refusal.retry_after_s(), refusal.envelope())
                    .map_err(|failed| Ending::refused(&failed))?
            }
        };
        if timeout(patience, taken(&mut self.under_way)).await.is_err() {
            return Err(Ending::idle());
        }
        self.was_taken();
        self.hand_over(reply).await
    }

    /// What a registration or a beacon is answered.
    async fn exchange<M: Message>(&mut self, message: &RawValue) -> Result<Answer, Refusal> {
        let body = message.get().as_bytes();
        if agents::key_in(body)? != Some(self.credentials.key) {
            return Err(Refusal::wrong_key());
        }
        let profile = self.profile()?;
        let (visit, part) = agents::message_in::<M>(body)?.visit(&profile);
        let part = part.ok_or_else(|| Refusal::upgrade_required("this is for agents that speak version 2"))?;
        let (agent, said) = (part.agent_id, (part.have.config.clone(), part.config_status.clone()));
        let answer = self.ask(&profile, visit, part).await?;
        self.told = answer.exchange.leads_to().map(Told::by_answer);
        self.config = Some(Config::new(agent, said, answer.version));
        Ok(answer)
    }

    async fn ask(&self, profile: &Admitted, visit: agents::Visit, part: AgentPart) -> Result<Answer, Refusal> {
        let caller = Caller {
            peer: self.peer,
            beacon_url: &self.beacon_url,
            channel: Some(&self.channel),
            on_its_way: self
                .told
                .as_ref()
                .and_then(|told| told.on_its_way(part.have.list.as_ref()?)),
        };
        answer_v2::answer(&self.state, profile, caller, visit, part).await
    }

    async fn hand_over(&mut self, text: ByteString) -> Result<(), Ending> {
        let (text, taken) = tracked(text);
        self.under_way = Some(taken);
        self.session.text(text).await.map_err(|_| Ending::Left)
    }
}

/// Resolves at this time, or at once where there is none.
async fn until(when: Option<Instant>) {
    if let Some(when) = when {
        tokio::time::sleep_until(when).await;
    }
}

/// Resolves when what was handed over is on its way.
async fn taken(under_way: &mut Option<oneshot::Receiver<()>>) {
    if let Some(taken) = under_way {
        // the sender says nothing: it is dropped
        let _ = taken.await;
    }
    *under_way = None;
}

fn encoded(id: u64, code: u16, retry_after_s: Option<u64>, reply: impl Serialize) -> Result<ByteString, Refusal> {
    let frame = Reply {
        id,
        code,
        retry_after_s,
        reply,
    };
    Ok(serde_json::to_string(&frame)?.into())
}
