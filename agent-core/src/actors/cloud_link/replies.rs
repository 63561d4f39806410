//! What comes back: each actor is handed its part of a reply or a push, in the terms of either version of the protocol.

use super::{
    CloudLink,
    compose::{Peer, Sent},
};
use crate::{
    actors::{
        messages::{ConfigReceived, CountsDelivered, EventsAcknowledged, ListReceived},
        tell,
    },
    model::session::{Answer, Input},
    protocol::{
        BeaconReply, Welcome,
        v2::{ConfigCursor, Flag, ServerPart},
    },
};
use actix::Context;

/// What came back.
pub(super) enum Reply {
    Welcome(Welcome),
    Beacon(BeaconReply),
}

impl CloudLink {
    pub(super) fn answered(&mut self, reply: Reply, sent: &Sent, ctx: &mut Context<Self>) {
        self.line.problem = None;
        self.line.last_success = Some(self.estate.now());
        let answer = match reply {
            Reply::Welcome(Welcome { config, blacklist, v2 }) => match v2 {
                Some(part) => self.version_2(part, Some(sent)),
                None => {
                    self.peer = Peer::Version1;
                    tell(
                        &self.config_received,
                        ConfigReceived {
                            body: config,
                            name: None,
                        },
                    );
                    tell(&self.list_received, ListReceived::Whole(blacklist));
                    Answer {
                        waiting: sent.pending > 0,
                        ..Answer::default()
                    }
                }
            },
            Reply::Beacon(BeaconReply { blacklist, config, v2 }) => match v2 {
                Some(part) => self.version_2(part, Some(sent)),
                None => {
                    if !config.is_empty() {
                        tell(
                            &self.config_received,
                            ConfigReceived {
                                body: config,
                                name: None,
                            },
                        );
                    }
                    tell(&self.list_received, ListReceived::Change(blacklist));
                    self.version_1_acknowledged(sent)
                }
            },
        };
        tell(&self.counts_delivered, CountsDelivered(sent.totals));
        self.input(Input::Answered(Ok(answer)), ctx);
        self.configure(ctx);
    }

    /// A good reply to a version 1 beacon acknowledges all that the beacon carried. To a version 2 beacon it acknowledges
    /// nothing: the server has changed, and the agent introduces itself again.
    fn version_1_acknowledged(&mut self, sent: &Sent) -> Answer {
        if self.peer != Peer::Version1 {
            self.peer = Peer::Version1;
            return Answer {
                register_again: true,
                ..Answer::default()
            };
        }
        let events = u64::try_from(sent.events).unwrap_or(u64::MAX);
        if events > 0 {
            tell(
                &self.events_acknowledged,
                EventsAcknowledged {
                    stream: sent.stream,
                    up_to: sent.first + events - 1,
                    nack: Vec::new(),
                },
            );
        }
        Answer {
            waiting: sent.pending > sent.events,
            delivered: events > 0,
            ..Answer::default()
        }
    }

    /// Hands each actor its part of a reply or, without `sent`, of a push.
    pub(super) fn version_2(&mut self, part: ServerPart, sent: Option<&Sent>) -> Answer {
        let ServerPart {
            server_ms: _,
            ack,
            nack,
            list,
            config,
            next,
            flags,
        } = part;
        self.peer = Peer::Version2;
        if let Some(update) = list {
            tell(&self.list_received, ListReceived::Update(update));
        }
        if let Some(update) = config {
            let name = Some(ConfigCursor {
                version: update.version,
                hash: update.hash,
            });
            tell(
                &self.config_received,
                ConfigReceived {
                    body: update.body,
                    name,
                },
            );
        }
        let mut answer = Answer {
            next,
            register_again: flags.contains(&Flag::RegisterAgain),
            ..Answer::default()
        };
        if let (Some(ack), Some(sent)) = (ack, sent) {
            // a server cannot have what was not sent to it
            let up_to = ack.min(sent.first + sent.events as u64 - u64::from(sent.first > 0));
            let delivered = (up_to + 1).saturating_sub(sent.first);
            answer.delivered = delivered > 0;
            answer.waiting = sent.pending as u64 > delivered;
            let stream = sent.stream;
            tell(&self.events_acknowledged, EventsAcknowledged { stream, up_to, nack });
        }
        answer
    }
}
