//! The admin API: agents, lists, profiles, refusals, keys, tokens, and who changed what. It exists
//! only where there is a token.

mod agents;
pub(super) mod allowlist;
mod audit;
mod backup;
pub(super) mod blacklist;
pub(super) mod bulk;
pub(super) mod candidates;
pub(super) mod credentials;
mod export;
pub(super) mod findings;
pub(super) mod forget;
mod keys;
mod metrics;
mod openapi;
mod openapi_rows;
pub(super) mod profiles;
pub(super) mod proposals;
pub(super) mod refusals;
mod routes;
mod tokens;
pub(super) mod versions;

use std::sync::atomic::Ordering;

use actix_web::{
    HttpRequest, HttpResponse,
    http::Method,
    web::{Data, Payload, Query, ServiceConfig},
};
use serde::{Serialize, de::DeserializeOwned};

pub(super) use self::routes::Asker;
use self::routes::{Routes, at};
use super::{
    reply::{self, Refusal},
    state::State,
};
use crate::store::Role;

/// Adds the paths.
pub(super) fn routes(app: &mut ServiceConfig) {
    add(app);
}

/// Every path, with the role that each method asks for.
fn add(app: &mut impl Routes) {
    use Role::{Admin, Operate, View};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    app.add(at("/metrics").on(GET, View, metrics::text));
    app.add(at("/admin/openapi.json").on(GET, View, openapi::document));
    app.add(at("/admin/export/{format}").on(GET, View, export::list));
    app.add(
        at("/admin/agents")
            .on(GET, View, agents::all)
            .on(DELETE, Operate, forget::gone),
    );
    app.add(at("/admin/agents/{id}").on(DELETE, Operate, forget::one));
    app.add(at("/admin/health").on(GET, View, health));
    app.add(at("/admin/backup").on(GET, Admin, backup::whole));
    app.add(
        at("/admin/blacklist")
            .on(GET, View, blacklist::entries)
            .on(POST, Operate, blacklist::ban)
            .on(DELETE, Operate, blacklist::unban),
    );
    app.add(at("/admin/blacklist/bulk").on(POST, Operate, bulk::many));
    app.add(at("/admin/blacklist/complete").on(POST, Operate, blacklist::complete));
    app.add(
        at("/admin/proposals")
            .on(GET, View, proposals::all)
            .on(POST, Operate, proposals::accept)
            .on(DELETE, Operate, proposals::dismiss),
    );
    app.add(
        at("/admin/allowlist")
            .on(GET, View, allowlist::all)
            .on(POST, Operate, allowlist::allow)
            .on(DELETE, Operate, allowlist::disallow),
    );
    app.add(at("/admin/findings").on(GET, View, findings::all));
    app.add(at("/admin/refusals").on(GET, View, refusals::newest));
    app.add(at("/admin/refusals/{id}").on(GET, View, refusals::one));
    app.add(at("/admin/profiles").on(GET, View, profiles::all));
    app.add(
        at("/admin/profiles/{name}/config")
            .on(GET, View, profiles::one)
            .on(PUT, Operate, profiles::replace)
            .on(PATCH, Operate, profiles::merge)
            .on(DELETE, Operate, versions::reset),
    );
    app.add(
        at("/admin/profiles/{name}/candidate")
            .on(GET, View, candidates::one)
            .on(PUT, Operate, candidates::publish)
            .on(PATCH, Operate, candidates::share)
            .on(DELETE, Operate, candidates::abandon),
    );
    app.add(at("/admin/profiles/{name}/candidate/promote").on(POST, Operate, candidates::promote));
    app.add(at("/admin/profiles/{name}/versions").on(GET, View, versions::all));
    app.add(at("/admin/profiles/{name}/rollback").on(POST, Operate, versions::rollback));
    add_access(app);
}

/// Those about who may do what, and who did.
fn add_access(app: &mut impl Routes) {
    use Role::{Admin, View};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const DELETE: Method = Method::DELETE;
    app.add(
        at("/admin/keys")
            .on(GET, Admin, keys::all)
            .on(POST, Admin, keys::create),
    );
    app.add(at("/admin/keys/{id}").on(DELETE, Admin, keys::revoke));
    app.add(at("/admin/keys/{id}/rotate").on(POST, Admin, keys::rotate));
    app.add(
        at("/admin/tokens")
            .on(GET, Admin, tokens::all)
            .on(POST, Admin, tokens::create),
    );
    app.add(at("/admin/credentials").on(GET, Admin, credentials::all));
    app.add(at("/admin/credentials/{profile}/{agent}").on(DELETE, Admin, credentials::revoke));
    app.add(at("/admin/credentials/{profile}/{agent}/reset").on(POST, Admin, credentials::reset));
    app.add(at("/admin/tokens/{id}").on(DELETE, Admin, tokens::revoke));
    app.add(at("/admin/audit").on(GET, View, audit::newest));
}

async fn health(state: Data<State>) -> Result<HttpResponse, Refusal> {
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
        /// What is not as it should be with the engine that several nodes share.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    }
    #[derive(Serialize)]
    struct WebSockets {
        open: usize,
        most: usize,
        turned_away: u64,
    }
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
            warnings: journal.warnings(),
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

/// Why an operator does something, as it is kept.
fn reason(text: &str) -> Result<&str, Refusal> {
    /// The longest, in characters.
    const LONGEST: usize = 200;
    let reason = text.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST {
        return Err(Refusal::bad_request(format!(
            "reason: allowed is a text of up to {LONGEST} characters, for those who look at it later"
        )));
    }
    Ok(reason)
}

/// The body, for callers who have shown the token: serde's words name no secret of theirs.
async fn json<T: DeserializeOwned>(state: &State, payload: Payload) -> Result<T, Refusal> {
    let (body, _room) = state.body(payload).await?;
    serde_json::from_slice(&body).map_err(|error| Refusal::bad_request(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{openapi::Listed, *};

    #[test]
    fn every_path_asks_for_a_role_and_changes_ask_for_more_than_to_look() {
        let mut listed = Listed::default();
        add(&mut listed);
        assert!(listed.0.len() > 15, "{:?}", listed.0);
        for (path, method, role) in listed.0 {
            assert!(path.starts_with("/admin/") || path == "/metrics", "{path}");
            let changes = method != Method::GET;
            assert!(!changes || role >= Role::Operate, "{method} {path} takes {role:?}");
            let is_of_access = path.contains("keys")
                || path.contains("tokens")
                || path.contains("credentials")
                || path.contains("backup");
            assert_eq!(is_of_access, role == Role::Admin, "{method} {path} takes {role:?}");
        }
    }

    /// A path that is added past [`Routes`] would ask for no role.
    #[test]
    fn no_path_of_the_admin_api_is_added_in_another_way() {
        let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        let mut folders = vec![http];
        let mut read = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let name = path.file_name().unwrap().to_owned();
                for call in ["resource(", "route(", "scope("] {
                    for (_, rest) in text.match_indices(call).map(|(at, _)| text.split_at(at + call.len())) {
                        assert!(!rest.trim_start().starts_with("\"/admin"), "{name:?}: {call}");
                    }
                }
                read += 1;
            }
        }
        assert!(read > 15, "{read}");
    }
}
