//! CloudLink: the conversation. It drives [`Session`] and the transport, gathers each actor's part of a message, and hands each
//! its part of the reply. Replies and pushes go through one handler.

mod compose;
mod replies;

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, StreamHandler, WrapFuture};
use tokio::sync::mpsc::UnboundedSender;

use self::compose::{Gathering, Peer};
use super::{
    DeathNotice, Tree,
    estate::{Estate, Identity},
    messages::{
        Close, ConfigReceived, CountsDelivered, EventsAcknowledged, ListReceived, PartReported, PolicyChanged,
        ReportPart, Speak,
    },
    tell,
};
use crate::{
    model::session::{Action, Exchange, Input, Session, State},
    status::Conversation,
    transport::{Advice, Push, Transport, TransportError, TransportFactory},
};

/// The longest sleep between two looks at the clock: the clock may be driven from outside, and may be late after a suspend.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The transport has its own deadline; one that forgets it must not silence the agent for ever.
const LAST_RESORT: Duration = Duration::from_mins(2);
/// The other actors answer at once, unless one of them is gone.
const GATHER_WITHIN: Duration = Duration::from_secs(5);

/// The actor.
pub(super) struct CloudLink {
    estate: Rc<Estate>,
    parts: [Recipient<ReportPart>; 3],
    config_received: Recipient<ConfigReceived>,
    list_received: Recipient<ListReceived>,
    events_acknowledged: Recipient<EventsAcknowledged>,
    counts_delivered: Recipient<CountsDelivered>,
    closed: UnboundedSender<()>,
    /// `None`: there is no server, and the agent guards with local settings alone.
    factory: Option<TransportFactory>,
    transport: Option<Rc<dyn Transport>>,
    session: Session,
    peer: Peer,
    gathering: Option<Gathering>,
    exchange: u64,
    line: Conversation,
    _notice: DeathNotice,
}

impl Actor for CloudLink {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(super::MAILBOX);
        if self.factory.is_some() {
            self.look(ctx);
        }
        self.publish();
    }
}

impl CloudLink {
    pub(super) fn new(estate: &Rc<Estate>, to: &Tree, closed: UnboundedSender<()>, notice: DeathNotice) -> Self {
        let Identity {
            cloud,
            transport,
            local_reason,
            ..
        } = &estate.identity;
        let interval = estate.configuration.borrow().policy.beacon_delay();
        Self {
            estate: Rc::clone(estate),
            parts: [
                to.config_fetcher.clone().recipient(),
                to.blacklist_sync.clone().recipient(),
                to.telemetry_reporter.clone().recipient(),
            ],
            config_received: to.config_fetcher.clone().recipient(),
            list_received: to.blacklist_sync.clone().recipient(),
            events_acknowledged: to.blacklist_sync.clone().recipient(),
            counts_delivered: to.telemetry_reporter.clone().recipient(),
            closed,
            factory: transport.clone().filter(|_| cloud.is_some()),
            transport: None,
            session: Session::new(estate.now(), interval),
            peer: Peer::default(),
            gathering: None,
            exchange: 0,
            line: Conversation {
                state: "starting",
                agent_id: estate.agent_id,
                problem: local_reason.map(str::to_owned),
                ..Conversation::default()
            },
            _notice: notice,
        }
    }

    /// Looks at the clock, speaks if it is time, and sleeps until the next look.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let now = self.estate.now();
        if self
            .gathering
            .as_ref()
            .is_some_and(|gathering| now.saturating_sub(gathering.since) > GATHER_WITHIN)
        {
            self.gathering = None;
            let missing = TransportError::Unusable("an actor did not report its part".to_owned());
            self.failed(&missing, Advice::Retry, ctx);
        }
        self.input(Input::Wake, ctx);
        let until_due = self
            .session
            .due()
            .map_or(LOOK_EVERY, |due| due.saturating_sub(self.estate.now()));
        ctx.run_later(until_due.clamp(Duration::from_millis(10), LOOK_EVERY), Self::look);
    }

    /// Gives the session an input and carries out what it says.
    fn input(&mut self, input: Input, ctx: &mut Context<Self>) {
        let action = self.session.step(input, self.estate.now(), fastrand::f64());
        match action {
            Some(Action::Begin(exchange)) => return self.begin(exchange, ctx),
            Some(Action::Closed) => {
                // nobody waits for it any more where the deadline has passed
                self.closed.send(()).unwrap_or_default();
            }
            None => {}
        }
        self.publish();
    }

    /// Makes the transport if there is none yet, and asks every actor for its part of the message.
    fn begin(&mut self, kind: Exchange, ctx: &mut Context<Self>) {
        if let Err(error) = self.connect(ctx) {
            return self.failed(&error, error.advice(), ctx);
        }
        self.publish();
        self.exchange += 1;
        self.gathering = Some(Gathering::new(kind, self.estate.now()));
        for actor in &self.parts {
            tell(
                actor,
                ReportPart {
                    exchange: self.exchange,
                },
            );
        }
    }

    /// A transport that cannot be made (an unreadable certificate, say) is tried again with the next exchange.
    fn connect(&mut self, ctx: &mut Context<Self>) -> Result<(), TransportError> {
        if self.transport.is_none()
            && let Some(factory) = &self.factory
        {
            let transport: Rc<dyn Transport> = Rc::from(factory()?);
            self.line.transport = Some(transport.kind());
            ctx.add_stream(transport.pushes());
            self.transport = Some(transport);
        }
        Ok(())
    }

    /// Sends what was gathered.
    fn speak(&self, gathering: Gathering, ctx: &mut Context<Self>) {
        let Some(transport) = self.transport.clone() else {
            return;
        };
        let Some(message) = gathering.message(&self.estate, self.peer, self.session.state().name()) else {
            return;
        };
        let sent = message.sent();
        let exchange = async move {
            match tokio::time::timeout(LAST_RESORT, message.carry(&*transport)).await {
                Ok(reply) => reply,
                Err(_) => Err(TransportError::Deadline(LAST_RESORT)),
            }
        };
        ctx.spawn(exchange.into_actor(self).map(move |reply, actor, ctx| match reply {
            Ok(reply) => actor.answered(reply, &sent, ctx),
            Err(error) => actor.failed(&error, error.advice(), ctx),
        }));
    }

    fn failed(&mut self, error: &TransportError, advice: Advice, ctx: &mut Context<Self>) {
        let problem = error.to_string();
        if self.line.problem.as_ref() != Some(&problem) {
            tracing::warn!(%error, "conversation with the server failed: {advice}");
        }
        self.line.problem = Some(problem);
        self.input(Input::Answered(Err(advice)), ctx);
    }

    /// Tells the session what the configuration and the peer's version make of beacons.
    fn configure(&mut self, ctx: &mut Context<Self>) {
        let policy = Arc::clone(&self.estate.configuration.borrow().policy);
        // version 2's conversation is not subject to BEACON: pyrasp's default is off, and an agent that nobody told anything
        // must not fall silent
        let beacons = self.peer == Peer::Version2 || policy.beacon();
        self.input(
            Input::Configured {
                interval: policy.beacon_delay(),
                beacons,
            },
            ctx,
        );
    }

    /// Writes this actor's line on the board, and a line in the log where the state changed.
    fn publish(&mut self) {
        let state = match (&self.factory, self.session.state()) {
            (None, State::Closing) | (Some(_), _) => self.session.state().name(),
            (None, _) => "local",
        };
        if self.line.state != state {
            tracing::info!(
                from = self.line.state,
                to = state,
                problem = self.line.problem,
                "conversation with the server"
            );
            self.line.state = state;
            self.line.since = self.estate.now();
        }
        self.line.due = self.session.due().filter(|_| self.factory.is_some());
        self.line.protocol = self.peer.version();
        self.estate.shared.board.conversation.store(Arc::new(self.line.clone()));
    }
}

impl StreamHandler<Push> for CloudLink {
    fn handle(&mut self, push: Push, ctx: &mut Self::Context) {
        let Push::Said(part) = push else { return };
        let answer = self.version_2(*part, None);
        if answer.register_again {
            self.input(Input::SpeakNow, ctx);
        }
    }

    /// A transport without pushes ends the stream: that ends nothing else.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<PartReported> for CloudLink {
    type Result = ();

    fn handle(&mut self, PartReported { exchange, part }: PartReported, ctx: &mut Self::Context) {
        if exchange != self.exchange {
            return;
        }
        if let Some(gathering) = self.gathering.take_if(|gathering| gathering.add(part)) {
            self.speak(gathering, ctx);
        }
    }
}

impl Handler<PolicyChanged> for CloudLink {
    type Result = ();

    fn handle(&mut self, _: PolicyChanged, ctx: &mut Self::Context) {
        self.configure(ctx);
    }
}

impl Handler<Speak> for CloudLink {
    type Result = ();

    fn handle(&mut self, speak: Speak, ctx: &mut Self::Context) {
        self.input(
            if matches!(speak, Speak::Now) {
                Input::SpeakNow
            } else {
                Input::SpeakSoon
            },
            ctx,
        );
        self.input(Input::Wake, ctx);
    }
}

impl Handler<Close> for CloudLink {
    type Result = ();

    fn handle(&mut self, _: Close, ctx: &mut Self::Context) {
        self.input(
            Input::Close {
                waiting: self.factory.is_some(),
            },
            ctx,
        );
    }
}

crate::actors::crashable!(CloudLink);
