//! HTTP and WebSockets: paths, methods, and the promise that every answer is an envelope.

mod admin;
mod agents;
mod answer_v1;
mod answer_v2;
mod failures;
mod reply;
mod state;
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

/// Adds every path to an application.
pub(crate) fn routes(app: &mut ServiceConfig, paths: &Paths) {
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
    .configure(admin::routes)
    .default_service(web::to(async || refuse(Refusal::no_path())));
}

fn refuse(refusal: Refusal) -> Result<actix_web::HttpResponse, Refusal> {
    Err(refusal)
}

/// Around every request: counts it, refuses it once the server stops, and answers 500 where a handler panicked.
pub(crate) async fn guarded(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(Refusal::failed(&"the application has no state").into());
    };
    let _running = state.enter()?;
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => Err(Refusal::failed(&"a handler panicked").into()),
    }
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
        };
        let store = store::Store::new(rules);
        let (profiles, _) = Profiles::new(&config, 0, &store).unwrap();
        let owner = Owner::in_memory(Node::new(store), Arc::clone(&timeline)).unwrap();
        State::new(&config, owner, Arc::new(profiles), protected, timeline)
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
        assert_eq!(answer.status(), 500);
        let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
        assert_eq!(body, r#"{"status":false,"message":"the server failed","data":{}}"#);
        assert!(state.is_idle(), "it is not counted as running for ever");
    }
}
