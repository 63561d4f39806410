//! The middleware: judges a request before the application sees it.

use std::{
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
};
use buckler::{
    Agent,
    guard::{Guard, RouteMatch, Verdict},
};

use crate::{
    answer::AnswerBody,
    future::Guarded,
    peek::has_body,
    route_match::before_routing,
    view::{HeaderList, view},
    worker::Worker,
};

/// Guards what it wraps. Made once, and cloned into every application that actix-web builds, one a worker.
#[derive(Debug, Clone)]
pub struct Buckler {
    guard: Guard,
}

impl Buckler {
    /// A middleware that asks this agent's guard. It may outlive the agent: the guard then goes on with what it knew last.
    #[must_use]
    pub fn new(agent: &Agent) -> Self {
        Self::from(agent.guard())
    }
}

impl From<Guard> for Buckler {
    fn from(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Buckler
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<AnswerBody<B>>>;
    type Error = Error;
    type Transform = BucklerService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(BucklerService {
            service: Rc::new(service),
            guard: Rc::new(Worker::new(self.guard.clone())),
        }))
    }
}

/// [`Buckler`] around a worker's application.
#[derive(Debug)]
pub struct BucklerService<S> {
    /// Shared with the requests whose bodies are still awaited.
    service: Rc<S>,
    /// Shared with the responses that are still awaited. Within a worker, so that counting the users of it does not make the
    /// workers fight for one cache line.
    guard: Rc<Worker>,
}

impl<S, B> Service<ServiceRequest> for BucklerService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<AnswerBody<B>>>;
    type Error = Error;
    type Future = Guarded<S, B>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let headers = HeaderList::of(&request);
        let route = match self.guard.is_decoy(request.path()) {
            true => before_routing(&request),
            false => RouteMatch::Unsure, // the answer will tell
        };
        let view = view(request.head(), &headers, route);
        if let Verdict::Block(refused) = self.guard.check(&view) {
            return Guarded::refused(request, &refused, &self.guard);
        }
        let (_, payload) = request.parts();
        let wanted = has_body(request.head(), payload).then(|| self.guard.wants_body(&view));
        let guard = Rc::clone(&self.guard);
        match wanted.flatten() {
            Some(wanted) => Guarded::peeking(request, wanted, route, Rc::clone(&self.service), guard),
            None => Guarded::forwarded(request, &self.service, guard),
        }
    }
}
