//! One agent of a swarm.

use std::{net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use actix_web::rt::time::sleep;
use buckler::{
    model::{
        address::{ban_scope, to_text},
        blacklist::{Applied, Blacklist, Scope, SharedList},
        conversation::{
            ConfigPart, ConfigReceived, Conversation, Effects, Introduction, ListPart, ListReceived, Outgoing, Parts,
            Reply, TelemetryPart,
        },
        outbox::{Draft, Outbox},
        policy::Policy,
        session::{Action, Exchange, Input, Speak},
    },
    protocol::v2::{AddressOrigin, ConfigCursor, EventKind, Evidence},
    transport::{Push, Transport, TransportError},
};
use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::Board;

/// How long a ban lasts: longer than any run.
const BAN_FOR: Duration = Duration::from_secs(3_600);

/// What a member is told to do.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// Ban this address, as if it had been caught.
    Ban(IpAddr),
}

/// What happened to a member.
enum Event {
    Due,
    Pushed(Push),
    Answered(u64, Box<Result<Reply, TransportError>>),
    Ordered(Order),
}

/// An agent's conversation, list and outbox.
pub struct Member {
    number: usize,
    who: Introduction,
    policy: Arc<Policy>,
    config: Option<ConfigCursor>,
    conversation: Conversation,
    list: SharedList,
    outbox: Outbox,
    transport: Rc<dyn Transport>,
    board: Rc<Board>,
    exchange: Option<LocalBoxFuture<'static, (u64, Result<Reply, TransportError>)>>,
}

impl Member {
    /// A member that speaks as soon as it lives.
    #[must_use]
    pub fn new(
        number: usize,
        who: Introduction,
        policy: &Arc<Policy>,
        transport: Box<dyn Transport>,
        board: &Rc<Board>,
    ) -> Self {
        Self {
            number,
            conversation: Conversation::new(policy, board.now()),
            who,
            policy: Arc::clone(policy),
            config: None,
            list: SharedList::new(Arc::new(Blacklist::new())),
            outbox: Outbox::new(Uuid::new_v4()),
            transport: transport.into(),
            board: Rc::clone(board),
            exchange: None,
        }
    }

    /// Lives until nobody gives orders any more.
    pub async fn live(mut self, mut orders: UnboundedReceiver<Order>) {
        let mut pushes = self.transport.pushes();
        loop {
            let due = self.conversation.due();
            let due = due.map(|due| due.saturating_sub(self.board.now()));
            let event = tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => Event::Ordered(order),
                    None => return,
                },
                Some(push) = pushes.next() => Event::Pushed(push),
                Some((number, reply)) = under_way(&mut self.exchange) => Event::Answered(number, Box::new(reply)),
                () = sleep(due.unwrap_or_default()), if due.is_some() => Event::Due,
            };
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        let (now, random) = (self.board.now(), fastrand::f64());
        let action = match event {
            Event::Due => self.conversation.step(Input::Wake, now, random),
            Event::Pushed(Push::Open) => self.conversation.step(Input::LinkOpened, now, random),
            Event::Pushed(Push::Closed(error)) => {
                self.conversation.step(Input::LinkClosed(error.advice()), now, random)
            }
            Event::Pushed(Push::Said(part)) => {
                let effects = self.conversation.pushed(*part, now, random);
                self.carry_out(effects, now)
            }
            Event::Answered(number, reply) => {
                self.exchange = None;
                self.answered(number, *reply, now, random)
            }
            Event::Ordered(Order::Ban(address)) => {
                self.ban(address, now);
                None
            }
        };
        if let Some(Action::Begin(exchange)) = action {
            self.begin(exchange, now);
        }
    }

    fn answered(
        &mut self,
        number: u64,
        reply: Result<Reply, TransportError>,
        now: Duration,
        random: f64,
    ) -> Option<Action> {
        match reply {
            Ok(reply) => {
                self.board.exchanged();
                let effects = self.conversation.answered(number, reply, now, random);
                self.carry_out(effects, now)
            }
            Err(error) => {
                self.board.failed(&error);
                self.conversation.failed(number, error.advice(), now, random)
            }
        }
    }

    fn begin(&mut self, exchange: Exchange, now: Duration) {
        let parts = Parts {
            config: ConfigPart {
                have: self.config.clone(),
                status: None,
            },
            list: ListPart::gather(&mut self.list, &self.outbox, true, None, now),
            telemetry: TelemetryPart::default(),
        };
        let outgoing = self.conversation.compose(exchange, &self.who, &self.policy, parts);
        let (number, transport) = (self.conversation.number(), Rc::clone(&self.transport));
        self.exchange = Some(async move { (number, carry(&*transport, outgoing).await) }.boxed_local());
    }

    fn carry_out(&mut self, effects: Effects, now: Duration) -> Option<Action> {
        if let Some(ListReceived::Update(update)) = effects.list {
            match self.list.apply(&update, now) {
                Applied::Page { .. } => self.speak(Speak::Now, now),
                Applied::Refused(_) => self.speak(Speak::Soon, now),
                Applied::Nothing | Applied::Delta { .. } | Applied::Swapped { .. } => {}
            }
            self.report();
        }
        if let Some(ConfigReceived {
            body, name: Some(name), ..
        }) = effects.config
            && let Some(policy) = self.board.policy(&name.hash, body)
        {
            self.conversation.configure(&policy, now);
            self.policy = policy;
            self.config = Some(name);
        }
        if let Some(acknowledged) = effects.acknowledged {
            self.outbox
                .acknowledge(acknowledged.stream, acknowledged.up_to, &[], now);
        }
        effects.action
    }

    fn ban(&mut self, address: IpAddr, now: Duration) {
        let network = ban_scope(address);
        self.list.list().insert(network, Some(now + BAN_FOR), Scope::Local);
        let draft = Draft {
            kind: EventKind::Ban,
            address: to_text(network),
            at_ms: 0,
            ttl_s: BAN_FOR.as_secs(),
            why: "decoy".into(),
            evidence: Evidence::Certain,
            peer: AddressOrigin::Socket,
            detail: None,
        };
        self.outbox.push(draft, now);
        self.speak(Speak::Soon, now);
        self.report();
    }

    /// Begins nothing by itself: it only changes when the conversation is due.
    fn speak(&mut self, speak: Speak, now: Duration) {
        self.conversation.step(Input::Speak(speak), now, fastrand::f64());
    }

    fn report(&self) {
        let list = self.list.list();
        self.board.list_changed(self.number, self.list.cursor(), |address| {
            list.contains(address, self.board.now())
        });
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// The answer to what is under way; never, where nothing is.
async fn under_way<T>(exchange: &mut Option<LocalBoxFuture<'static, T>>) -> Option<T> {
    match exchange {
        Some(exchange) => Some(exchange.await),
        None => None,
    }
}

async fn carry(transport: &dyn Transport, outgoing: Outgoing) -> Result<Reply, TransportError> {
    match outgoing {
        Outgoing::Register(registration) => transport.register(*registration).await.map(Reply::Welcome),
        Outgoing::Beacon(url, beacon) => transport.beacon(url, *beacon).await.map(Reply::Beacon),
    }
}
