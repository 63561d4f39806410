//! Speaking on demand: of a host whose process may stand still between requests, for hours and in the middle of an exchange.
//!
//! No timer begins an exchange, and each demand is served over a connection of its own, since what stood before the process stood
//! still is dead. A demand that comes while another is served waits with it. An exchange whose time is over is given up: as a
//! failure, which the schedule answers with a longer pause; or, where so much more time has passed that the process must have stood
//! still, through nobody's fault, and it is begun anew with the next demand.

use std::time::Duration;

use actix::{AsyncContext, Context};

use super::{CloudLink, LOOK_EVERY};
use crate::{
    actors::{
        demand::{Deadline, Demand},
        messages::Errand,
        tell,
    },
    agent::Exchanged,
    model::session::{Input, State},
    store::Times,
    transport::TransportError,
};

/// So late no timer fires in a process that runs: it stood still.
const STOOD_STILL: Duration = Duration::from_secs(2);

/// Who waits for the exchange under way. Empty between demands.
#[derive(Default)]
pub(super) struct OnDemand {
    waiting: Vec<Demand>,
}

impl OnDemand {
    const fn is_serving(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// When the last that waits stops waiting.
    fn deadline(&self) -> Option<Deadline> {
        let deadlines = self.waiting.iter().map(|demand| demand.deadline);
        deadlines.max_by_key(|deadline| deadline.at().elapsed)
    }

    /// When the next look at the clock is due.
    fn next(&self, now: Times) -> Option<Duration> {
        self.waiting.iter().map(|demand| demand.deadline.left(now)).min()
    }

    /// Takes out whose time is over.
    fn late(&mut self, now: Times) -> Vec<Demand> {
        let is_late = |demand: &mut Demand| demand.deadline.passed_by(now).is_some();
        self.waiting.extract_if(.., is_late).collect()
    }
}

impl CloudLink {
    /// Begins an exchange if one is due, or has the demand wait for the one under way.
    pub(super) fn demanded(&mut self, demand: Demand, ctx: &mut Context<Self>) {
        self.give_up_if_late(ctx);
        let now = self.estate.times();
        let Some(on_demand) = self.on_demand.as_mut().filter(|_| self.factory.is_some()) else {
            return demand.say(Exchanged::NotDue);
        };
        if let Some(detections) = demand.detections {
            self.estate.shared.board.due.knows(detections);
        }
        if on_demand.is_serving() {
            on_demand.waiting.push(demand);
            return self.act(None, ctx);
        }
        if self.estate.shared.board.due.has_come_by_unix(now.unix) {
            self.talk.hasten(now.elapsed);
        }
        match self.talk.step(Input::Wake, now.elapsed, fastrand::f64()) {
            Some(action) => {
                on_demand.waiting.push(demand);
                self.act(Some(action), ctx);
            }
            None => {
                self.publish();
                demand.say(Exchanged::NotDue);
            }
        }
    }

    /// Sends round what shows when the reply to this exchange has been taken in.
    pub(super) fn settle(&mut self, exchange: u64) {
        if self.talk.state() == State::Closed {
            self.end(Exchanged::Done);
        } else if self.on_demand.as_ref().is_some_and(OnDemand::is_serving) {
            tell(&self.round, Errand::Settle { exchange, again: true });
        }
    }

    /// The reply has been taken in: goes on where something is to follow at once.
    pub(super) fn settled(&mut self, exchange: u64, again: bool, ctx: &mut Context<Self>) {
        if exchange != self.talk.number() || !self.on_demand.as_ref().is_some_and(OnDemand::is_serving) {
            return;
        }
        if again {
            return tell(&self.round, Errand::Settle { exchange, again: false });
        }
        match self.talk.step(Input::Wake, self.estate.now(), fastrand::f64()) {
            Some(action) => self.act(Some(action), ctx),
            None => self.end(Exchanged::Done),
        }
    }

    /// Says to all who wait what came of it, and lets the connection go.
    pub(super) fn end(&mut self, outcome: Exchanged) {
        let Some(on_demand) = &mut self.on_demand else { return };
        let waiting = std::mem::take(&mut on_demand.waiting);
        self.transport = None;
        // first, so that whoever hears of it sees when the next is due
        self.publish();
        waiting.into_iter().for_each(|demand| demand.say(outcome));
    }

    /// Stops serving those whose time is over, and the exchange itself where nobody waits for it any more.
    pub(super) fn give_up_if_late(&mut self, ctx: &mut Context<Self>) {
        let now = self.estate.times();
        let Some(on_demand) = &mut self.on_demand else { return };
        let deadline = on_demand.deadline();
        let late = on_demand.late(now);
        if let Some(deadline) = deadline
            && let Some(passed_by) = deadline.passed_by(now)
        {
            self.give_up(deadline.budget(), passed_by, ctx);
        }
        late.into_iter().for_each(|demand| demand.say(Exchanged::OutOfTime));
    }

    fn give_up(&mut self, budget: Duration, passed_by: Duration, ctx: &mut Context<Self>) {
        if let Some(in_the_air) = self.in_the_air.take() {
            ctx.cancel_future(in_the_air);
        }
        self.gathering = None;
        self.transport = None;
        let number = self.talk.number();
        if passed_by >= STOOD_STILL {
            tracing::debug!(
                number,
                ?passed_by,
                "the process stood still: the exchange is begun anew"
            );
            self.talk.abandon(self.estate.now());
            self.act(None, ctx);
        } else if self.talk.due().is_none() {
            let error = TransportError::Deadline(budget);
            self.failed(number, &error, error.advice(), ctx);
        }
    }

    /// When to look at the clock next; `None` where nothing is to be seen until somebody demands it.
    pub(super) fn until_due(&self) -> Option<Duration> {
        let now = self.estate.times();
        match &self.on_demand {
            Some(on_demand) if on_demand.is_serving() => on_demand.next(now),
            Some(_) => (self.talk.state() == State::Closing).then_some(LOOK_EVERY),
            None => Some(
                self.talk
                    .due()
                    .map_or(LOOK_EVERY, |due| due.saturating_sub(now.elapsed)),
            ),
        }
    }

    /// Says when the next exchange is due. Of one under way it is known that it should be over by its deadline.
    pub(super) fn tell_due(&self) {
        let line = &self.estate.shared.board.due;
        let Some(on_demand) = self.on_demand.as_ref().filter(|_| self.factory.is_some()) else {
            return line.clear();
        };
        let now = self.estate.times();
        let planned = |due: Duration| Deadline::after(due.saturating_sub(now.elapsed), now);
        match on_demand.deadline().or_else(|| self.talk.due().map(planned)) {
            Some(at) => line.is_at(at.at()),
            None => line.clear(),
        }
        let is_well = matches!(self.talk.state(), State::Synced | State::Quiet);
        line.hears(is_well && !on_demand.is_serving());
    }
}
