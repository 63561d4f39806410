//! What a worker keeps beside the guard: how often it looks which routes there are.

use std::{cell::Cell, ops::Deref};

use actix_web::{HttpRequest, http::StatusCode};
use buckler::guard::Guard;

/// The guard as one worker has it. Within a worker, so that counting does not make the workers fight for one cache line.
#[derive(Debug)]
pub(crate) struct Worker {
    guard: Guard,
    /// Requests since a route was learned.
    since_news: Cell<u32>,
}

impl Worker {
    /// Requests that are all looked at after one that had a new route: more of them come in the first minute.
    const KEEN: u32 = 16;

    /// One request in so many is looked at later: to ask actix-web for a pattern builds a string.
    const SELDOM: u32 = 64;

    pub(crate) const fn new(guard: Guard) -> Self {
        Self {
            guard,
            since_news: Cell::new(0),
        }
    }

    /// Takes note of the route that a request took, now and then. What was not found says nothing of routes.
    pub(crate) fn learn_route(&self, request: &HttpRequest, status: StatusCode) {
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
            return;
        }
        let since_news = self.since_news.get().wrapping_add(1);
        self.since_news.set(since_news);
        if since_news > Self::KEEN && !since_news.is_multiple_of(Self::SELDOM) {
            return;
        }
        let pattern = request.match_pattern();
        if pattern.is_some_and(|pattern| self.guard.learn_route(request.method().as_str(), &pattern)) {
            self.since_news.set(0);
        }
    }
}

impl Deref for Worker {
    type Target = Guard;

    fn deref(&self) -> &Guard {
        &self.guard
    }
}
