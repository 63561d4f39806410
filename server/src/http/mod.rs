//! HTTP and WebSockets: paths, methods, and the promise that every answer is an envelope.

mod admin;
mod agents;
mod answer_v1;
mod answer_v2;
mod bodies;
mod failures;
mod lapi;
mod page;
mod probes;
mod reply;
mod request_id;
mod state;
mod wholes;
mod ws;

use std::panic::AssertUnwindSafe;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::{self, Data, ServiceConfig},
};
use futures_util::FutureExt;

use self::reply::Refusal;
pub(crate) use self::state::State;
use crate::config::ServerConfig;

/// Where pyrasp's `LOG_PROTOCOL` `http` sends security events, whatever else is configured.
const LOG_PATH: &str = "/logs";

/// Where agents reach the server.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) cloud: String,
    pub(crate) beacon: String,
    pub(crate) ws: String,
}

impl From<&ServerConfig> for Paths {
    fn from(config: &ServerConfig) -> Self {
        Self {
            cloud: config.cloud_path.clone(),
            beacon: config.beacon_path.clone(),
            ws: config.ws_path(),
        }
    }
}

/// What a listener serves.
#[derive(Debug, Clone)]
pub(crate) enum Serves {
    /// Agents, operators, and probes.
    Everything(Paths),
    /// Agents and probes.
    Agents(Paths),
    /// Operators and probes.
    Operators,
}

/// Adds a listener's paths to an application.
pub(crate) fn routes(app: &mut ServiceConfig, serves: &Serves) {
    match serves {
        Serves::Everything(paths) => app.configure(|app| of_agents(app, paths)).configure(of_operators),
        Serves::Agents(paths) => app.configure(|app| of_agents(app, paths)),
        Serves::Operators => app.configure(of_operators),
    };
    app.configure(probes::routes)
        .default_service(web::to(async || refuse(Refusal::no_path())));
}

fn of_operators(app: &mut ServiceConfig) {
    app.configure(admin::routes).configure(page::routes);
}

fn of_agents(app: &mut ServiceConfig, paths: &Paths) {
    let Paths { cloud, beacon, ws } = paths;
    app.service(
        web::resource(cloud)
            .get(agents::bare)
            .post(agents::register)
            .default_service(web::to(async || refuse(Refusal::no_method("GET, POST")))),
    )
    .service(
        web::resource(beacon)
            .post(agents::beacon)
            .default_service(web::to(async || refuse(Refusal::no_method("POST")))),
    )
    .service(
        web::resource(ws)
            .get(ws::open)
            .default_service(web::to(async || refuse(Refusal::no_method("GET")))),
    )
    .service(
        web::resource(LOG_PATH)
            .post(agents::log)
            .default_service(web::to(async || refuse(Refusal::no_method("POST")))),
    )
    .service(
        web::resource("/v1/decisions")
            .get(lapi::decisions)
            .head(lapi::decisions)
            .default_service(web::to(async || refuse(Refusal::no_method("GET, HEAD")))),
    )
    .service(
        web::resource("/v1/decisions/stream")
            .get(lapi::stream)
            .default_service(web::to(async || refuse(Refusal::no_method("GET")))),
    )
    .service(
        web::resource("/v1/usage-metrics")
            .post(lapi::usage)
            .default_service(web::to(async || refuse(Refusal::no_method("POST")))),
    );
}

fn refuse(refusal: Refusal) -> Result<actix_web::HttpResponse, Refusal> {
    Err(refusal)
}

/// Around every request: names it, counts it, refuses it once the server stops, and answers 500
/// where a handler panicked.
pub(crate) async fn guarded(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(Refusal::failed(&"the application has no state").into());
    };
    let id = request_id::of(&request, state.is_behind_proxy(request.request()));
    let named = request_id::named(&id, async move {
        let _running = state.enter()?;
        match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal::failed(&"a handler panicked").into()),
        }
    });
    named.await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{App, HttpResponse, dev::Service, middleware::from_fn, test};
    use buckler::clock::SystemClock;

    use super::*;
    use crate::{
        list::ListBounds,
        moment::{Tick, Timeline},
        node::Node,
        owner::Owner,
        profiles::Profiles,
        protect::Protected,
        store,
        tokens::Tokens,
    };

    fn state() -> State {
        let config = ServerConfig::new();
        let timeline = Arc::new(Timeline::new(Arc::new(SystemClock::new()), Tick::default()));
        let protected = Arc::new(Protected::new(true, []));
        let rules = store::Rules {
            protected: Arc::clone(&protected),
            bounds: ListBounds { page: 10, history: 10 },
            agents: 10,
            shared_live: 10,
            shared_per_minute: 10,
            quotas: store::Quotas::default(),
        };
        let store = store::Store::new(rules);
        let (profiles, _) = Profiles::new(&config, 0, &store).unwrap();
        let owner = Owner::in_memory(Node::new(store), Arc::clone(&timeline)).unwrap();
        let tokens = Arc::new(Tokens::new(None, Vec::new()));
        State::new(
            &config,
            owner,
            Arc::new(profiles),
            protected,
            timeline,
            (None, tokens),
            (Arc::default(), None),
        )
    }

    #[actix_web::test]
    async fn a_handler_that_panics_is_answered_500_in_an_envelope() {
        let state = Data::new(state());
        let app = App::new()
            .app_data(state.clone())
            .route(
                "/",
                web::get().to(async || -> HttpResponse { panic!("as the test wants it") }),
            )
            .wrap(from_fn(guarded));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri("/").to_request();
        let error = app.call(request).await.err().unwrap();
        let answer = error.error_response();
        let id = answer
            .headers()
            .get("x-request-id")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(answer.status(), 500);
        let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
        let expected = format!(r#"{{"status":false,"message":"the server failed","data":{{}},"request_id":"{id}"}}"#);
        assert_eq!(body, expected);
        assert!(state.is_idle(), "it is not counted as running for ever");
    }
}
