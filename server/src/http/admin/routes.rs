//! Paths of the admin API, each method with the role that it asks for. A path is added in no other
//! way, and its handler runs only for an operator who has that role.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use actix_web::{
    Error, FromRequest, Handler, HttpMessage as _, HttpRequest, Resource, Responder,
    body::MessageBody,
    dev::{self, HttpServiceFactory, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header::HeaderName},
    middleware::{Next, from_fn},
    web::{self, Data},
};
use serde_json::Value;

use crate::{
    http::{
        failures::Wrong,
        reply::Refusal,
        state::{State, bearer},
    },
    store::{AuditNote, Command, Role},
    tokens::Operator,
};

/// Adds paths, or only lists what they ask for.
pub(super) trait Routes {
    /// Adds a path.
    fn add(&mut self, path: Guarded);
}

impl Routes for web::ServiceConfig {
    fn add(&mut self, path: Guarded) {
        self.service(path.into_service());
    }
}

/// What a path asks for.
pub(super) type Asked = (Method, Role);

/// A path, its methods, and what each asks for.
pub(super) struct Guarded {
    path: &'static str,
    asked: Vec<Asked>,
    resource: Resource,
}

/// A path of the admin API.
pub(super) fn at(path: &'static str) -> Guarded {
    Guarded {
        path,
        asked: Vec::new(),
        resource: web::resource(path),
    }
}

impl Guarded {
    /// Adds a method, for operators who have this role.
    pub(super) fn on<H, Args>(mut self, method: Method, role: Role, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.asked.push((method.clone(), role));
        self.resource = self.resource.route(web::method(method).to(handler));
        self
    }

    /// Its path, and what each method asks for.
    pub(super) fn into_parts(self) -> (&'static str, Vec<Asked>) {
        (self.path, self.asked)
    }

    fn into_service(self) -> impl HttpServiceFactory + 'static {
        let (path, asked): (_, Arc<[Asked]>) = (self.path, self.asked.into());
        let allowed: Vec<&str> = asked.iter().map(|(method, _)| method.as_str()).collect();
        let allowed = allowed.join(", ");
        self.resource
            .default_service(web::to(move || {
                ready(Err::<actix_web::HttpResponse, _>(Refusal::no_method(allowed.clone())))
            }))
            .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
                permitted((path, Arc::clone(&asked)), request, next)
            }))
    }
}

/// Lets operators through who have the role that the method asks for.
async fn permitted(
    (path, asked): (&'static str, Arc<[Asked]>),
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(Refusal::failed(&"the application has no state").into());
    };
    let asker = judge(request.request(), &state, (path, &asked)).await?;
    request.extensions_mut().insert(asker);
    if let Some(position) = request.headers().get(AT_LEAST) {
        let position = position.to_str().ok().and_then(|position| position.parse().ok());
        let no_position = || Refusal::bad_request(format!("{AT_LEAST}: allowed is a number, as {POSITION} has it"));
        state.reaches(position.ok_or_else(no_position)?).await?;
    }
    let mut response = next.call(request).await?;
    let position = state.owner.health().position.load(Ordering::Acquire);
    response.headers_mut().insert(POSITION, position.into());
    Ok(response)
}

/// Of an answer: the newest record that it is of.
const POSITION: HeaderName = HeaderName::from_static("x-buckler-position");
/// Of a request: the record that its answer must be of at least, to read on one node what was
/// written on another.
const AT_LEAST: HeaderName = HeaderName::from_static("x-buckler-at-least");

async fn judge(request: &HttpRequest, state: &State, (path, asked): (&str, &[Asked])) -> Result<Asker, Refusal> {
    if !state.tokens.exist() {
        return Err(Refusal::no_path());
    }
    let found = bearer(request.headers()).and_then(|token| state.tokens.find(token, state.now().tick));
    let Some(operator) = found else {
        return Err(state.wrong(request, Wrong::Token).await);
    };
    let role = asked.iter().find(|(method, _)| method == request.method());
    // another method is answered by what the path allows, to every operator
    let role = role.map_or(Role::View, |(_, role)| *role);
    if operator.role < role {
        let (method, role) = (request.method(), role.name());
        let message = format!(
            "the token of {:?} may not: {method} {path} takes the role {role}",
            operator.label
        );
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    Ok(Asker {
        operator,
        from: state.peer(request),
    })
}

/// The operator who asks, and from where.
#[derive(Debug, Clone)]
pub(in crate::http) struct Asker {
    pub(in crate::http) operator: Operator,
    pub(in crate::http) from: IpAddr,
}

impl Asker {
    /// What becomes an entry of the audit together with the change that it stands behind.
    pub(super) fn note(
        &self,
        action: &str,
        (target, fleet): (&str, Option<&str>),
        (old, new): (Value, Value),
    ) -> Command {
        let Self { operator, from } = self;
        tracing::info!(who = %operator.label, %from, action, target, fleet, "an operator changes something");
        let note = AuditNote {
            who: Arc::clone(&operator.label),
            tail: operator.tail.clone(),
            from: Some(*from),
            fleet: fleet.map(Arc::from),
            action: action.to_owned(),
            target: target.to_owned(),
            old,
            new,
        };
        Command::Audit(Box::new(note.bounded()))
    }

    /// Refuses what concerns every fleet, where the token is for some.
    pub(super) fn must_see_all(&self) -> Result<(), Refusal> {
        if self.operator.sees_all() {
            return Ok(());
        }
        let message = "this concerns every fleet, and the token is for some";
        Err(Refusal::new(StatusCode::FORBIDDEN, message))
    }
}

impl FromRequest for Asker {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let asker = request.extensions().get::<Self>().cloned();
        ready(asker.ok_or_else(|| Refusal::failed(&"a path of the admin API is not guarded")))
    }
}
