//! HTTP: paths, methods, and the promise that every answer is an envelope.

mod admin;
mod agents;
mod list;
mod reply;
mod state;

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

/// Where pyrasp's `LOG_PROTOCOL` `http` sends security events, whatever else is configured.
const LOG_PATH: &str = "/logs";

/// Adds every path to an application.
pub(crate) fn routes(app: &mut ServiceConfig, cloud_path: &str, beacon_path: &str) {
    app.service(
        web::resource(cloud_path)
            .get(agents::bare)
            .post(agents::register)
            .default_service(web::to(async || refuse(Refusal::no_method("GET, POST")))),
    )
    .service(
        web::resource(beacon_path)
            .post(agents::beacon)
            .default_service(web::to(async || refuse(Refusal::no_method("POST")))),
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
