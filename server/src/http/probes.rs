//! Probes for load balancers and supervisors, without a token: `/livez` says that the process
//! answers, `/readyz` whether it should be sent requests. Neither reads anything that takes time.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Data, ServiceConfig},
};

use super::{
    refuse,
    reply::{self, Nothing, Refusal},
    state::State,
};

/// Adds the paths.
pub(super) fn routes(app: &mut ServiceConfig) {
    app.service(
        web::resource("/livez")
            .get(live)
            .head(live)
            .default_service(web::to(async || refuse(Refusal::no_method("GET, HEAD")))),
    )
    .service(
        web::resource("/readyz")
            .get(ready)
            .head(ready)
            .default_service(web::to(async || refuse(Refusal::no_method("GET, HEAD")))),
    );
}

async fn live() -> Result<HttpResponse, Refusal> {
    reply::ok(Nothing {})
}

/// A server listens only once its store is loaded. What exactly is wrong stands in the log and in
/// `/admin/health`: anybody can ask here.
async fn ready(state: Data<State>) -> Result<HttpResponse, Refusal> {
    match state.not_ready() {
        Some(why) => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)),
        None => reply::ok(Nothing {}),
    }
}
