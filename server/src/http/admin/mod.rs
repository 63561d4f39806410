//! The admin API: agents, lists, profiles and refusals. It exists only where a token is configured.

mod backup;
mod blacklist;
mod profiles;
mod refusals;

use std::sync::atomic::Ordering;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Payload, Query, ServiceConfig},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    failures::Wrong,
    reply::{self, Refusal},
    state::{State, bearer},
};
use crate::store::AgentView;

/// Adds the paths.
pub(super) fn routes(app: &mut ServiceConfig) {
    let methods = |allowed: &'static str| {
        web::to(move |request: HttpRequest, state: Data<State>| async move {
            permit(&request, &state).await?;
            Err::<HttpResponse, Refusal>(Refusal::no_method(allowed))
        })
    };
    app.service(
        web::resource("/admin/agents")
            .get(agents)
            .default_service(methods("GET")),
    )
    .service(
        web::resource("/admin/health")
            .get(health)
            .default_service(methods("GET")),
    )
    .service(
        web::resource("/admin/backup")
            .get(backup::whole)
            .default_service(methods("GET")),
    )
    .service(
        web::resource("/admin/blacklist")
            .get(blacklist::entries)
            .post(blacklist::ban)
            .delete(blacklist::unban)
            .default_service(methods("GET, POST, DELETE")),
    )
    .service(
        web::resource("/admin/refusals")
            .get(refusals::newest)
            .default_service(methods("GET")),
    )
    .service(
        web::resource("/admin/refusals/{id}")
            .get(refusals::one)
            .default_service(methods("GET")),
    )
    .service(
        web::resource("/admin/profiles")
            .get(profiles::all)
            .default_service(methods("GET")),
    )
    .service(
        web::resource("/admin/profiles/{name}/config")
            .get(profiles::one)
            .put(profiles::replace)
            .default_service(methods("GET, PUT")),
    );
}

/// Whether the request brought the token. Without one configured there is nothing here.
async fn permit(request: &HttpRequest, state: &State) -> Result<(), Refusal> {
    let Some(token) = &state.admin_token else {
        return Err(Refusal::no_path());
    };
    match bearer(request.headers()) {
        Some(brought) if token.matches(brought) => Ok(()),
        Some(_) | None => Err(state.wrong(request, Wrong::Token).await),
    }
}

async fn agents(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct All {
        agents: Vec<AgentView>,
    }
    permit(&request, &state).await?;
    let agents = state.owner.ask(|node, _| Ok(node.agents())).await?;
    reply::ok(All { agents })
}

async fn health(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Health {
        version: &'static str,
        websockets: WebSockets,
        journal: Journal,
        #[serde(skip_serializing_if = "Option::is_none")]
        tls: Option<Certificates>,
    }
    #[derive(Serialize)]
    struct Certificates {
        /// When the server's certificate ends, in seconds since the Unix epoch.
        #[serde(skip_serializing_if = "Option::is_none")]
        ends_s: Option<u64>,
        /// Why the files as they are now are not in force.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    }
    #[derive(Serialize)]
    struct Journal {
        kind: &'static str,
        /// Records since the journal began: it rises with all that is kept.
        position: u64,
        /// What is wrong with it: reports are answered 503, and the list is served on.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
    }
    #[derive(Serialize)]
    struct WebSockets {
        open: usize,
        most: usize,
        turned_away: u64,
    }
    permit(&request, &state).await?;
    let (admission, journal) = (&state.admission, state.owner.health());
    reply::ok(Health {
        version: env!("CARGO_PKG_VERSION"),
        websockets: WebSockets {
            open: admission.open(),
            most: admission.most(),
            turned_away: admission.turned_away(),
        },
        journal: Journal {
            kind: journal.kind,
            position: journal.position.load(Ordering::Relaxed),
            problem: journal.problem.load().as_ref().map(|problem| problem.to_string()),
        },
        tls: state.tls().map(|tls| Certificates {
            ends_s: tls.ends_s(),
            problem: tls.problem().map(|problem| problem.to_string()),
        }),
    })
}

fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
    let query = Query::from_query(request.query_string());
    query
        .map(Query::into_inner)
        .map_err(|error| Refusal::bad_request(error.to_string()))
}

/// The body, for callers who have shown the token: serde's words name no secret of theirs.
async fn json<T: DeserializeOwned>(state: &State, payload: Payload) -> Result<T, Refusal> {
    let body = state.body(payload).await?;
    serde_json::from_slice(&body).map_err(|error| Refusal::bad_request(error.to_string()))
}
