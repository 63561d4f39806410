//! The routes that the server is told of: the host's own list, and those that the guard has learned from requests since.

use std::time::Duration;

use super::CloudLink;
use crate::model::session::{Input, State};

/// How long after one registration new routes may lead to another. Most are learned in the first minutes, and nothing depends on
/// their being known at once.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// What the last registration told.
#[derive(Debug, Default)]
pub(super) struct ToldRoutes {
    version: u64,
    at: Duration,
}

impl CloudLink {
    /// Has the agent register again where it has learned routes since.
    pub(super) fn tell_routes(&mut self) {
        let ToldRoutes { version, at } = self.told_routes;
        let now = self.estate.now();
        let is_news = self.estate.shared.guard.routes_version() != version;
        if is_news && matches!(self.talk.state(), State::Synced | State::Quiet) && now.saturating_sub(at) >= AGAIN_AFTER
        {
            // begins nothing by itself: the next exchange is the registration
            self.talk.step(Input::Introduce, now, fastrand::f64());
            self.told_routes.at = now;
        }
    }

    /// Adds what was learned to what the next registration tells.
    pub(super) fn gather_routes(&mut self) {
        let guard = &self.estate.shared.guard;
        self.told_routes = ToldRoutes {
            version: guard.routes_version(),
            at: self.estate.now(),
        };
        let Some(who) = &mut self.who else { return };
        let own = &self.estate.identity.routes;
        let learned = guard.routes();
        let is_new = |path: &str| !own.values().any(|route| route.path == path);
        let learned = learned.into_iter().filter(|(path, _)| is_new(path));
        who.routes = own.clone().into_iter().chain(learned).collect();
    }
}
