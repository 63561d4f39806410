//! CloudLink: the conversation's shell. It wakes [`Conversation`] when it is due, gathers each actor's part of a message, has the
//! transport carry it, and hands each actor its part of what comes back: a reply and a push go through one handler.

mod gathering;
mod handlers;
mod line;
mod on_demand;
mod routes;
mod talk;

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Recipient, SpawnHandle, WrapFuture};
use tokio::sync::mpsc::UnboundedSender;

use self::{
    gathering::Gathering,
    on_demand::OnDemand,
    routes::ToldRoutes,
    talk::{carry, conversation, introduction},
};
use super::{
    DeathNotice, Tree,
    estate::Estate,
    messages::{ConfigReceived, CountsDelivered, Errand, EventsAcknowledged, ListReceived, ReportPart},
    tell,
};
use crate::{
    agent::Exchanged,
    model::{
        conversation::{Conversation, Effects, Introduction, Parts, Reply},
        session::{Action, Exchange, Input, Link},
    },
    notice, status,
    transport::{Advice, Transport, TransportError, TransportFactory},
};

/// The longest sleep between two looks at the clock: the clock may be driven from outside, and may be late after a suspend.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The shortest: a clock that stands still is not looked at without pause.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(10);
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
    who: Option<Introduction>,
    transport: Option<Rc<dyn Transport>>,
    talk: Conversation,
    gathering: Option<Gathering>,
    next_look: Option<SpawnHandle>,
    in_the_air: Option<SpawnHandle>,
    /// `None`: the agent speaks by itself.
    on_demand: Option<OnDemand>,
    told_routes: ToldRoutes,
    round: Recipient<Errand>,
    line: status::Conversation,
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
        let who = introduction(estate);
        let contact = estate.identity.contact.borrow();
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
            factory: contact.transport.clone().filter(|_| who.is_some()),
            who,
            transport: None,
            talk: conversation(estate),
            gathering: None,
            next_look: None,
            in_the_air: None,
            on_demand: estate.identity.on_demand.then(OnDemand::default),
            told_routes: ToldRoutes::default(),
            round: to.config_fetcher.clone().recipient(),
            line: status::Conversation {
                state: "starting",
                link: Link::Closed.name(),
                agent_id: estate.agent_id,
                problem: contact.local_reason.map(str::to_owned),
                ..status::Conversation::default()
            },
            _notice: notice,
        }
    }

    /// Looks at the clock, speaks if it is time, and sleeps until the next look.
    fn look(&mut self, ctx: &mut Context<Self>) {
        self.give_up_if_late(ctx);
        let now = self.estate.now();
        if self
            .gathering
            .as_ref()
            .is_some_and(|gathering| now.saturating_sub(gathering.since) > GATHER_WITHIN)
        {
            self.gathering = None;
            let missing = TransportError::Unusable("an actor did not report its part".to_owned());
            self.failed(self.talk.number(), &missing, Advice::Retry, ctx);
        }
        self.tell_routes();
        self.wake(ctx);
    }

    /// Time has passed, or something came up: an agent that speaks by itself does so if it is due.
    fn wake(&mut self, ctx: &mut Context<Self>) {
        if self.on_demand.is_some() {
            self.act(None, ctx);
        } else {
            self.input(Input::Wake, ctx);
        }
    }

    /// Sets the timer for the next look.
    fn sleep(&mut self, ctx: &mut Context<Self>) {
        if let Some(planned) = self.next_look.take() {
            ctx.cancel_future(planned);
        }
        let Some(until_due) = self.until_due() else { return };
        let pause = until_due.clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY);
        self.next_look = Some(ctx.run_later(pause, Self::look));
    }

    /// Gives the session an input and carries out what it says.
    fn input(&mut self, input: Input, ctx: &mut Context<Self>) {
        let action = self.talk.step(input, self.estate.now(), fastrand::f64());
        self.act(action, ctx);
    }

    fn act(&mut self, action: Option<Action>, ctx: &mut Context<Self>) {
        match action {
            Some(Action::Begin(exchange)) => self.begin(exchange, ctx),
            Some(Action::Closed) => {
                // nobody waits for it any more where the deadline has passed
                self.closed.send(()).unwrap_or_default();
            }
            None => {}
        }
        self.publish();
        if self.factory.is_some() {
            self.sleep(ctx);
        }
    }

    /// Makes the transport if there is none yet, and asks every actor for its part of the message.
    fn begin(&mut self, exchange: Exchange, ctx: &mut Context<Self>) {
        let number = self.talk.number();
        if let Err(error) = self.connect(ctx) {
            return self.failed(number, &error, error.advice(), ctx);
        }
        self.gathering = Some(Gathering::new(exchange, self.estate.now()));
        for actor in &self.parts {
            tell(actor, ReportPart { exchange: number });
        }
    }

    /// A transport that cannot be made (an unreadable certificate, say) is tried again with the next exchange.
    fn connect(&mut self, ctx: &mut Context<Self>) -> Result<(), TransportError> {
        if self.transport.is_none()
            && let Some(factory) = &self.factory
        {
            let transport: Rc<dyn Transport> = Rc::from(factory()?);
            if self.on_demand.is_none() {
                ctx.add_stream(transport.pushes());
            }
            self.transport = Some(transport);
        }
        Ok(())
    }

    /// Sends what was gathered.
    fn send(&mut self, exchange: Exchange, parts: Parts, ctx: &mut Context<Self>) {
        if exchange == Exchange::Register {
            self.gather_routes();
        }
        let (Some(transport), Some(who)) = (self.transport.clone(), &mut self.who) else {
            return;
        };
        // the key stays that of the connection until the next generation; one that was just taken
        // goes on being asked for, by which the server knows who still speaks with the one before
        // it
        if let Some(wanted) = self.estate.credential.borrow().wanted() {
            who.enrol = Some(wanted);
        }
        let policy = Arc::clone(&self.estate.configuration.borrow().policy);
        let message = self.talk.compose(exchange, who, &policy, parts);
        let number = self.talk.number();
        let reply = async move {
            match tokio::time::timeout(LAST_RESORT, carry(message, &*transport)).await {
                Ok(reply) => reply,
                Err(_) => Err(TransportError::Deadline(LAST_RESORT)),
            }
        };
        self.in_the_air = Some(
            ctx.spawn(reply.into_actor(self).map(move |reply, actor, ctx| match reply {
                Ok(reply) => actor.answered(number, reply, ctx),
                Err(error) => actor.failed(number, &error, error.advice(), ctx),
            })),
        );
    }

    fn answered(&mut self, number: u64, reply: Reply, ctx: &mut Context<Self>) {
        self.in_the_air = None;
        self.line.problem = None;
        self.line.last_success = Some(self.estate.now());
        let effects = self.talk.answered(number, reply, self.estate.now(), fastrand::f64());
        self.hand_out(effects, ctx);
        self.settle(number);
    }

    fn failed(&mut self, number: u64, error: &TransportError, advice: Advice, ctx: &mut Context<Self>) {
        self.in_the_air = None;
        self.give_up_if_late(ctx);
        if self.talk.due().is_some() {
            // given up, and that is settled
            return;
        }
        self.trouble(error, advice);
        let action = self.talk.failed(number, advice, self.estate.now(), fastrand::f64());
        self.act(action, ctx);
        self.end(Exchanged::Failed);
    }

    /// Keeps what is wrong for the status, and says it in the log once.
    fn trouble(&mut self, error: &TransportError, advice: Advice) {
        if let (TransportError::Status { status: 401 | 403, .. }, Some(who)) = (error, &self.who) {
            self.estate.credential_refused(&who.key);
        }
        let problem = error.to_string();
        if self.line.problem.as_ref() != Some(&problem) {
            notice::warn(&format!("conversation with the server failed: {error}: {advice}"));
        }
        self.line.problem = Some(problem);
    }

    /// Hands each actor its part of a reply or a push.
    fn hand_out(&mut self, effects: Effects, ctx: &mut Context<Self>) {
        let Effects {
            list,
            config,
            acknowledged,
            counted,
            goodbye,
            enrolled,
            action,
        } = effects;
        if let Some(list) = list {
            tell(&self.list_received, list);
        }
        if let Some(config) = config {
            tell(&self.config_received, config);
        }
        if let Some(acknowledged) = acknowledged {
            tell(&self.events_acknowledged, acknowledged);
        }
        if let Some(totals) = counted {
            tell(&self.counts_delivered, CountsDelivered(totals));
        }
        if let Some(enrolled) = enrolled {
            self.estate.enrolled(&enrolled);
        }
        if goodbye {
            self.line.problem = Some("the server says that it goes away".to_owned());
        }
        self.act(action, ctx);
    }
}

crate::actors::crashable!(CloudLink);
