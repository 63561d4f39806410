//! What reaches CloudLink: pushes, the actors' parts, their wishes, and the end.

use actix::{Handler, StreamHandler};

use super::CloudLink;
use crate::{
    actors::messages::{Errand, PartReported, PolicyChanged, Speak},
    model::session::{Input, Link},
    transport::Push,
};

impl StreamHandler<Push> for CloudLink {
    fn handle(&mut self, push: Push, ctx: &mut Self::Context) {
        match push {
            Push::Open => self.input(Input::LinkOpened, ctx),
            Push::Said(part) => {
                let effects = self.talk.pushed(*part, self.estate.now(), fastrand::f64());
                self.hand_out(effects, ctx);
            }
            Push::Closed(error) => {
                if self.talk.link() == Link::Open {
                    self.trouble(&error, error.advice());
                }
                self.input(Input::LinkClosed(error.advice()), ctx);
            }
        }
        self.wake(ctx);
    }

    /// A transport without pushes ends the stream: that ends nothing else.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<PartReported> for CloudLink {
    type Result = ();

    fn handle(&mut self, PartReported { exchange, part }: PartReported, ctx: &mut Self::Context) {
        if exchange != self.talk.number() {
            return;
        }
        let Some(gathering) = &mut self.gathering else { return };
        gathering.add(part);
        let exchange = gathering.exchange;
        if let Some(parts) = gathering.whole() {
            self.gathering = None;
            self.send(exchange, parts, ctx);
        }
    }
}

impl Handler<PolicyChanged> for CloudLink {
    type Result = ();

    fn handle(&mut self, PolicyChanged(policy): PolicyChanged, ctx: &mut Self::Context) {
        if let (Some(who), Some(beacon_url)) = (&self.who, policy.beacon_url())
            && !who.may_follow(beacon_url)
        {
            tracing::debug!(%beacon_url, cloud_url = %who.cloud_url, "BEACON_URL leaves the configured server: not followed");
        }
        self.talk.configure(&policy, self.estate.now());
        self.act(None, ctx);
    }
}

impl Handler<Speak> for CloudLink {
    type Result = ();

    fn handle(&mut self, speak: Speak, ctx: &mut Self::Context) {
        self.input(Input::Speak(speak), ctx);
        if self.factory.is_some() {
            self.wake(ctx);
        }
    }
}

impl Handler<Errand> for CloudLink {
    type Result = ();

    fn handle(&mut self, errand: Errand, ctx: &mut Self::Context) {
        match errand {
            Errand::Close => {
                self.give_up_if_late(ctx);
                let waiting = self.factory.is_some();
                self.input(Input::Close { waiting }, ctx);
            }
            Errand::Exchange(demand) => self.demanded(demand, ctx),
            Errand::Settle { exchange, again } => self.settled(exchange, again, ctx),
        }
    }
}
