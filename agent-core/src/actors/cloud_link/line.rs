//! CloudLink's line on the board, and a line in the log whenever what it says has changed.

use std::sync::Arc;

use super::CloudLink;
use crate::model::session::State;

impl CloudLink {
    /// Writes this actor's line on the board.
    pub(super) fn publish(&mut self) {
        self.tell_transport();
        self.tell_link();
        self.tell_state();
        self.line.due = self.talk.due().filter(|_| self.factory.is_some());
        self.line.protocol = self.talk.peer().version();
        self.estate.shared.board.conversation.store(Arc::new(self.line.clone()));
        self.tell_due();
    }

    /// A transport may change its kind while it runs.
    fn tell_transport(&mut self) {
        let kind = self.transport.as_ref().map(|transport| transport.kind());
        // on demand there is none between exchanges
        let is_news = kind.is_some() || self.on_demand.is_none();
        if is_news && self.line.transport != kind {
            tracing::info!(from = self.line.transport, to = kind, "transport");
            self.line.transport = kind;
        }
    }

    fn tell_link(&mut self) {
        let link = self.talk.link().name();
        if self.line.link != link {
            tracing::info!(
                from = self.line.link,
                to = link,
                reason = self.line.problem,
                "link for pushes"
            );
            self.line.link = link;
            self.line.link_since = self.estate.now();
        }
    }

    fn tell_state(&mut self) {
        let state = match (&self.factory, self.talk.state()) {
            (None, State::Closing | State::Closed) | (Some(_), _) => self.talk.state().name(),
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
    }
}
