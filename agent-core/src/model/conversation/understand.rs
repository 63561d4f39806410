//! What comes back, and what comes unasked: sorted into what each owner of a piece of state has to do about it.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::{Conversation, Parts, Peer};
use crate::{
    model::session::{Action, Answer, Input},
    protocol::{
        BeaconReply, BlacklistUpdate, ConfigMap, Epoch, Welcome,
        v2::{ConfigCursor, Flag, ListUpdate, Nack, ServerPart, Signature, Totals},
    },
};

/// What a message carried, to make sense of its reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    stream: Uuid,
    first: u64,
    events: u64,
    pending: u64,
    totals: Totals,
}

impl Sent {
    pub(super) fn of(parts: &Parts) -> Self {
        Self {
            stream: parts.list.stream,
            first: parts.list.first,
            events: parts.list.events.len() as u64,
            pending: parts.list.pending as u64,
            totals: parts.telemetry.totals,
        }
    }
}

/// A good reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To a registration.
    Welcome(Welcome),
    /// To a beacon.
    Beacon(BeaconReply),
}

/// What is to be done about a reply or a push. In the order of the fields; the action last.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct Effects {
    /// For whoever owns the list.
    pub list: Option<ListReceived>,
    /// For whoever owns the configuration.
    pub config: Option<ConfigReceived>,
    /// For whoever owns the outbox.
    pub acknowledged: Option<EventsAcknowledged>,
    /// The server has these counts.
    pub counted: Option<Totals>,
    /// The server says that it goes away.
    pub goodbye: bool,
    /// The server takes the credential of this fingerprint from now on.
    pub enrolled: Option<String>,
    /// What the session wants done then.
    pub action: Option<Action>,
}

/// The list, or its changes.
#[derive(Debug, Clone, PartialEq)]
pub enum ListReceived {
    /// Version 2.
    Update(ListUpdate),
    /// Version 1, at registration: all of it.
    Whole(BTreeMap<String, Epoch>),
    /// Version 1, in a beacon's reply.
    Change(BlacklistUpdate),
}

/// A configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigReceived {
    /// Its keys.
    pub body: ConfigMap,
    /// Version and hash; none from a version 1 server.
    pub name: Option<ConfigCursor>,
    /// Who has signed it.
    pub signature: Option<Signature>,
    /// The template that a version 1 server lays it over; none for the one in force.
    pub template: Option<String>,
    /// Whether it may be a part: what a version 1 server says in a beacon's reply is laid over what it said before.
    pub is_update: bool,
}

/// The server has every event of a stream up to a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsAcknowledged {
    /// The stream.
    pub stream: Uuid,
    /// The last number.
    pub up_to: u64,
    /// Those among them that it refused to share.
    pub nack: Vec<Nack>,
}

impl Conversation {
    /// Makes sense of the reply to the message of this number. One to another message is late, and changes nothing.
    pub fn answered(&mut self, number: u64, reply: Reply, now: Duration, random: f64) -> Effects {
        if number != self.number {
            return Effects::default();
        }
        let Some(sent) = self.sent.take() else {
            return Effects::default();
        };
        let (mut effects, answer) = match reply {
            Reply::Welcome(Welcome { v2: Some(part), .. }) | Reply::Beacon(BeaconReply { v2: Some(part), .. }) => {
                self.version_2(part, &sent, now)
            }
            Reply::Welcome(welcome) => self.welcomed_by_1(welcome, &sent, now),
            Reply::Beacon(reply) => self.answered_by_1(reply, &sent, now),
        };
        effects.counted = Some(sent.totals);
        effects.action = self.step(Input::Answered(Ok(answer)), now, random);
        effects
    }

    /// Makes sense of what the server says unasked.
    pub fn pushed(&mut self, part: ServerPart, now: Duration, random: f64) -> Effects {
        self.is_known_as(Peer::Version2, now);
        let (effects, wishes) = sort(part);
        if wishes.register_again {
            self.session.step(Input::Introduce, now, random);
        }
        if wishes.pull {
            self.session.step(Input::Pull(wishes.next), now, random);
        }
        if wishes.goodbye {
            self.session.step(Input::Goodbye(wishes.next), now, random);
        }
        effects
    }

    fn version_2(&mut self, mut part: ServerPart, sent: &Sent, now: Duration) -> (Effects, Answer) {
        self.is_known_as(Peer::Version2, now);
        let (ack, nack) = (part.ack, std::mem::take(&mut part.nack));
        let (mut effects, wishes) = sort(part);
        let mut answer = wishes;
        if let Some(ack) = ack {
            // a server cannot have what was not sent to it
            let up_to = ack.min((sent.first + sent.events).saturating_sub(1));
            let delivered = (up_to + 1).saturating_sub(sent.first);
            answer.delivered = delivered > 0;
            answer.waiting = sent.pending > delivered;
            effects.acknowledged = Some(EventsAcknowledged {
                stream: sent.stream,
                up_to,
                nack,
            });
        }
        (effects, answer)
    }

    fn welcomed_by_1(&mut self, welcome: Welcome, sent: &Sent, now: Duration) -> (Effects, Answer) {
        self.is_known_as(Peer::Version1, now);
        let Welcome {
            config,
            blacklist,
            template,
            unchanged,
            v2: _,
        } = welcome;
        let effects = if unchanged {
            // an empty change confirms the list
            Effects {
                list: Some(ListReceived::Change(BlacklistUpdate::default())),
                ..Effects::default()
            }
        } else {
            Effects {
                list: Some(ListReceived::Whole(blacklist)),
                config: Some(ConfigReceived {
                    body: config,
                    name: None,
                    signature: None,
                    template,
                    is_update: false,
                }),
                ..Effects::default()
            }
        };
        let answer = Answer {
            waiting: sent.pending > 0,
            ..Answer::default()
        };
        (effects, answer)
    }

    /// A good reply to a version 1 beacon acknowledges all that the beacon carried. To a version 2 beacon it acknowledges
    /// nothing: the server has changed, and the agent introduces itself again.
    fn answered_by_1(&mut self, reply: BeaconReply, sent: &Sent, now: Duration) -> (Effects, Answer) {
        let BeaconReply {
            blacklist: change,
            config,
            template,
            v2: _,
        } = reply;
        let was = self.peer;
        self.is_known_as(Peer::Version1, now);
        let mut effects = Effects {
            list: Some(ListReceived::Change(change)),
            config: (!config.is_empty()).then_some(ConfigReceived {
                body: config,
                name: None,
                signature: None,
                template,
                is_update: true,
            }),
            ..Effects::default()
        };
        if was != Peer::Version1 {
            let answer = Answer {
                register_again: true,
                ..Answer::default()
            };
            return (effects, answer);
        }
        effects.acknowledged = (sent.events > 0).then(|| EventsAcknowledged {
            stream: sent.stream,
            up_to: sent.first + sent.events - 1,
            nack: Vec::new(),
        });
        let answer = Answer {
            waiting: sent.pending > sent.events,
            delivered: sent.events > 0,
            ..Answer::default()
        };
        (effects, answer)
    }
}

/// What a version 2 server's words are to each owner, and its wishes.
fn sort(part: ServerPart) -> (Effects, Answer) {
    let ServerPart {
        server_ms: _,
        ack: _,
        nack: _,
        list,
        config,
        next,
        flags,
        enrolled,
    } = part;
    let has = |flag| flags.contains(&flag);
    let wishes = Answer {
        next,
        // a registration is the one message that says all again
        register_again: has(Flag::RegisterAgain) || has(Flag::ReportFull),
        pull: has(Flag::PullNow),
        goodbye: has(Flag::Goodbye),
        ..Answer::default()
    };
    let effects = Effects {
        list: list.map(ListReceived::Update),
        config: config.map(|update| ConfigReceived {
            name: Some(ConfigCursor {
                version: update.version,
                hash: update.hash,
                signed: None,
            }),
            signature: update.signature,
            body: update.body,
            template: None,
            is_update: false,
        }),
        goodbye: wishes.goodbye,
        enrolled,
        ..Effects::default()
    };
    (effects, wishes)
}
