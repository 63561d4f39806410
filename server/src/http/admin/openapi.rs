//! The description of the HTTP API (OpenAPI 3.1): paths, methods and roles from the table that the
//! router itself is made of, words and parameters from a row for each.

use actix_web::{HttpResponse, http::Method};
use serde_json::{Map, Value, json};

use super::{
    add,
    routes::{Asker, Guarded, Routes},
};
use crate::{http::reply::Refusal, store::Role};

/// What is to be known of a method beside its path and role.
struct Row {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// Parameters of the query: name, type and meaning.
    query: &'static [(&'static str, &'static str, &'static str)],
    /// Members of the body: name, type and whether it is needed. Empty where there is no body; one
    /// without a name is an object of any members.
    body: &'static [(&'static str, &'static str, bool)],
    /// What it answers with, where that is not the envelope.
    media: Option<&'static str>,
}

const fn row(method: &'static str, path: &'static str, summary: &'static str) -> Row {
    Row {
        method,
        path,
        summary,
        query: &[],
        body: &[],
        media: None,
    }
}

const FLEET: (&str, &str, &str) = (
    "fleet",
    "string",
    "The fleet; `default`, or the only one that the token is for",
);
const LIMIT: (&str, &str, &str) = ("limit", "integer", "The most entries of the answer");
const CONFIG: &[(&str, &str, bool)] = &[("", "object", true)];

/// A row for each method of the admin API.
const ADMIN: &[Row] = &[
    Row {
        media: Some("application/openmetrics-text"),
        ..row("GET", "/metrics", "What the server counts")
    },
    row("GET", "/admin/openapi.json", "This description"),
    Row {
        query: &[FLEET],
        media: Some("text/plain"),
        ..row(
            "GET",
            "/admin/export/{format}",
            "A fleet's list for another program: plain, nftables, ipset, nginx or haproxy; with an ETag",
        )
    },
    Row {
        query: &[
            FLEET,
            ("profile", "string", "Agents of this profile"),
            ("platform", "string", "Agents of this platform"),
            ("state", "string", "Agents that are online, late or gone"),
            (
                "after",
                "string",
                "Agents after this one: the `next` of the page before",
            ),
            LIMIT,
        ],
        ..row("GET", "/admin/agents", "Every agent that was heard, or a page of them")
    },
    row("GET", "/admin/health", "WebSockets, journal and certificates"),
    Row {
        media: Some("application/zstd"),
        ..row("GET", "/admin/backup", "A backup of all that is kept")
    },
    Row {
        query: &[
            FLEET,
            ("address", "string", "One entry, or the network that covers it"),
            (
                "after",
                "string",
                "Entries after this network: the `next` of the page before",
            ),
            LIMIT,
        ],
        ..row("GET", "/admin/blacklist", "A fleet's list, in pages")
    },
    Row {
        body: &[
            ("address", "string", true),
            ("ttl_s", "integer", false),
            ("reason", "string", false),
            ("fleet", "string", false),
            ("force", "boolean", false),
            ("allow_wide", "boolean", false),
            ("dry_run", "boolean", false),
        ],
        ..row("POST", "/admin/blacklist", "Bans an address or a network")
    },
    Row {
        query: &[("address", "string", "What to let in again; needed"), FLEET],
        ..row("DELETE", "/admin/blacklist", "Lets an address or a network in again")
    },
    Row {
        body: &[("fleet", "string", false)],
        ..row("POST", "/admin/blacklist/complete", "Says that a new list is complete")
    },
    Row {
        query: &[FLEET],
        ..row("GET", "/admin/proposals", "Bans that agents propose")
    },
    Row {
        body: &[("address", "string", true), ("fleet", "string", false)],
        ..row(
            "POST",
            "/admin/proposals",
            "Bans what an agent proposes, for as long and for the same reason",
        )
    },
    Row {
        query: &[("address", "string", "What is proposed; needed"), FLEET],
        ..row("DELETE", "/admin/proposals", "Dismisses what an agent proposes")
    },
    Row {
        query: &[
            (
                "hours",
                "integer",
                "The hours up to now, up to 168; a day where nothing is said",
            ),
            ("profile", "string", "Those of this profile's applications"),
            ("check", "string", "Those of this check"),
            ("rule", "string", "Those of this rule, or of rules that begin so"),
            ("route", "string", "Those of this route"),
            ("level", "integer", "Those of this level: 1 (block), 2 (ban) or 3 (log)"),
        ],
        ..row(
            "GET",
            "/admin/findings",
            "What was refused and what was only logged, counted",
        )
    },
    Row {
        query: &[
            LIMIT,
            ("profile", "string", "Those of this profile's applications"),
            ("check", "string", "Those of this check"),
            ("rule", "string", "Those of this rule, or of rules that begin so"),
            ("route", "string", "Those of this route"),
            ("client", "string", "Those of this address or network"),
        ],
        ..row("GET", "/admin/refusals", "The newest refusals")
    },
    row(
        "GET",
        "/admin/refusals/{id}",
        "Why a request was refused, by the id that its client was shown",
    ),
    row("GET", "/admin/profiles", "Every profile with its configuration"),
    row(
        "GET",
        "/admin/profiles/{name}/config",
        "One profile with its configuration",
    ),
    Row {
        body: CONFIG,
        ..row(
            "PUT",
            "/admin/profiles/{name}/config",
            "Replaces a configuration until the file changes it",
        )
    },
    Row {
        body: CONFIG,
        ..row(
            "PATCH",
            "/admin/profiles/{name}/config",
            "Changes some keys of a configuration; those that are null are dropped",
        )
    },
    row(
        "DELETE",
        "/admin/profiles/{name}/config",
        "Drops what was put in the place of the file's configuration",
    ),
    row(
        "GET",
        "/admin/profiles/{name}/versions",
        "Configurations of a profile: the one in force, and up to 20 before it",
    ),
    Row {
        body: &[("version", "integer", true)],
        ..row(
            "POST",
            "/admin/profiles/{name}/rollback",
            "Puts a configuration in force again that was before",
        )
    },
    row("GET", "/admin/keys", "Every agent key, without the key itself"),
    Row {
        body: &[
            ("profile", "string", true),
            ("label", "string", false),
            ("ttl_s", "integer", false),
        ],
        ..row(
            "POST",
            "/admin/keys",
            "Makes an agent key, which only this answer shows",
        )
    },
    row("DELETE", "/admin/keys/{id}", "Revokes an agent key"),
    Row {
        body: &[("overlap_s", "integer", false), ("ttl_s", "integer", false)],
        ..row(
            "POST",
            "/admin/keys/{id}/rotate",
            "Makes a key's successor; the old one ends after the overlap",
        )
    },
    row(
        "GET",
        "/admin/credentials",
        "The credentials of enrolled agents, without the credentials themselves",
    ),
    row(
        "DELETE",
        "/admin/credentials/{profile}/{agent}",
        "Revokes an agent's credential: the agent is refused, whatever key it brings",
    ),
    row(
        "POST",
        "/admin/credentials/{profile}/{agent}/reset",
        "Forgets an agent's credential, revoked or not: the agent may enrol again",
    ),
    row(
        "GET",
        "/admin/tokens",
        "Every operator's token, without the token itself",
    ),
    Row {
        body: &[
            ("label", "string", true),
            ("role", "string", true),
            ("fleets", "array", false),
            ("ttl_s", "integer", false),
        ],
        ..row("POST", "/admin/tokens", "Makes a token, which only this answer shows")
    },
    row("DELETE", "/admin/tokens/{id}", "Revokes a token"),
    Row {
        query: &[
            LIMIT,
            (
                "before",
                "integer",
                "Entries with a lower number: the `next` of the page before",
            ),
            ("action", "string", "Entries of this action"),
        ],
        ..row("GET", "/admin/audit", "Who changed what, the newest first")
    },
];

/// A row for each method that asks for no role: agents, bouncers and probes. The paths of agents
/// stand here as they are without configuration.
const OTHERS: &[Row] = &[
    row(
        "GET",
        "/config",
        "The bare configuration and list, with a key as bearer token or X-Buckler-Key",
    ),
    Row {
        body: CONFIG,
        ..row("POST", "/config", "An agent registers")
    },
    Row {
        body: CONFIG,
        ..row("POST", "/beacon", "An agent's beacon")
    },
    row("GET", "/ws", "The WebSocket of agents (subprotocol buckler.v2)"),
    Row {
        body: CONFIG,
        ..row("POST", "/logs", "A security event of pyrasp")
    },
    Row {
        query: &[
            ("ip", "string", "What lists this address"),
            ("range", "string", "What lists this network"),
            ("type", "string", "ban"),
            ("scopes", "string", "ip, range"),
        ],
        media: Some("application/json"),
        ..row("GET", "/v1/decisions", "A list for bouncers of CrowdSec")
    },
    row("HEAD", "/v1/decisions", "As GET, without the body"),
    Row {
        query: &[
            ("startup", "boolean", "Everything, instead of what has changed"),
            ("scopes", "string", "ip, range"),
        ],
        media: Some("application/json"),
        ..row(
            "GET",
            "/v1/decisions/stream",
            "What has changed since the bouncer asked last",
        )
    },
    Row {
        body: CONFIG,
        ..row(
            "POST",
            "/v1/usage-metrics",
            "What a bouncer did; nothing follows from it",
        )
    },
    row("GET", "/livez", "Whether the process answers"),
    row("HEAD", "/livez", "As GET, without the body"),
    row("GET", "/readyz", "Whether requests should be sent here"),
    row("HEAD", "/readyz", "As GET, without the body"),
];

/// What the router is made of.
#[derive(Debug, Default)]
pub(super) struct Listed(pub(super) Vec<(&'static str, Method, Role)>);

impl Routes for Listed {
    fn add(&mut self, path: Guarded) {
        let (path, asked) = path.into_parts();
        self.0
            .extend(asked.into_iter().map(|(method, role)| (path, method, role)));
    }
}

pub(super) async fn document(_: Asker) -> Result<HttpResponse, Refusal> {
    Ok(HttpResponse::Ok().json(described()))
}

fn described() -> Value {
    let mut listed = Listed::default();
    add(&mut listed);
    let mut paths = Map::new();
    let mut put = |row: &Row, role: Option<Role>| {
        let methods = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(row.method.to_ascii_lowercase(), operation(row, role));
        }
    };
    for (path, method, role) in &listed.0 {
        match ADMIN
            .iter()
            .find(|row| row.path == *path && row.method == method.as_str())
        {
            Some(row) => put(row, Some(*role)),
            None => tracing::error!(path, %method, "a path has no row in the description of the API"),
        }
    }
    for row in OTHERS {
        put(row, None);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Buckler's cloud server",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0"},
            "description": "Answers are envelopes, `{status, message, data}`, unless another media type is named. With any status \
                            but 200, `status` is false, and `request_id` names the request in the server's log.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "operator": {"type": "http", "scheme": "bearer", "description": "A token of an operator"},
                "agent": {"type": "http", "scheme": "bearer", "description": "An agent's key"},
                "bouncer": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
            "schemas": {
                "Answer": envelope(true),
                "Refusal": envelope(false),
            },
        },
    })
}

fn envelope(is_good: bool) -> Value {
    let mut properties = json!({
        "status": {"type": "boolean", "const": is_good},
        "message": {"type": "string"},
        "data": {"type": "object"},
    });
    if let (false, Some(properties)) = (is_good, properties.as_object_mut()) {
        properties.insert("request_id".to_owned(), json!({"type": "string"}));
    }
    json!({"type": "object", "required": ["status", "message", "data"], "properties": properties})
}

fn operation(row: &Row, role: Option<Role>) -> Value {
    let schema = |kind: &str| match kind {
        "array" => json!({"type": "array", "items": {"type": "string"}}),
        kind => json!({"type": kind}),
    };
    let in_path = row
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query = row.query.iter().map(|(name, kind, meaning)| {
        json!({"name": name, "in": "query", "required": false, "description": meaning, "schema": schema(kind)})
    });
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let (media, answer) = match row.media {
        Some(media) => (media, json!({})),
        None => ("application/json", json!({"$ref": "#/components/schemas/Answer"})),
    };
    let good = json!({"description": "Done", "content": {media: {"schema": answer}}});
    let refused = json!({
        "description": "Refused: why is the message",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    });
    let mut operation = json!({
        "summary": row.summary,
        "operationId": operation_id(row),
        "parameters": parameters,
        "responses": {"200": good, "default": refused},
    });
    let Some(members) = operation.as_object_mut() else {
        return operation;
    };
    let security = match role {
        Some(_) => json!([{"operator": []}]),
        None if row.path.starts_with("/v1/") => json!([{"bouncer": []}]),
        None if matches!(row.path, "/livez" | "/readyz") => json!([]),
        None => json!([{"agent": []}]),
    };
    members.insert("security".to_owned(), security);
    if let Some(role) = role {
        members.insert("x-role".to_owned(), json!(role.name()));
    }
    if !row.body.is_empty() {
        members.insert("requestBody".to_owned(), body(row, schema));
    }
    operation
}

fn body(row: &Row, schema: impl Fn(&str) -> Value) -> Value {
    let named = || row.body.iter().filter(|(name, ..)| !name.is_empty());
    let properties: Map<String, Value> = named()
        .map(|(name, kind, _)| ((*name).to_owned(), schema(kind)))
        .collect();
    let required: Vec<&str> = named()
        .filter(|(.., is_needed)| *is_needed)
        .map(|(name, ..)| *name)
        .collect();
    let object = json!({"type": "object", "properties": properties, "required": required});
    json!({"required": true, "content": {"application/json": {"schema": object}}})
}

/// `get_admin_refusals_id`.
fn operation_id(row: &Row) -> String {
    let path: String = row
        .path
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let parts = path.split('_').filter(|part| !part.is_empty());
    let parts: Vec<&str> = parts.collect();
    format!("{}_{}", row.method.to_ascii_lowercase(), parts.join("_"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_route_of_the_admin_api_has_a_row_and_every_row_a_route() {
        let mut listed = Listed::default();
        add(&mut listed);
        let routes: BTreeSet<(String, String)> = listed
            .0
            .iter()
            .map(|(path, method, _)| (method.to_string(), (*path).to_owned()))
            .collect();
        let rows = ADMIN
            .iter()
            .map(|row| (row.method.to_owned(), row.path.to_owned()))
            .collect();
        assert_eq!(
            routes, rows,
            "add a row to ADMIN in openapi.rs for every route, and none for another"
        );
        let described = described();
        for (method, path) in routes {
            let operation = &described["paths"][&path][method.to_ascii_lowercase()];
            assert!(operation["x-role"].is_string(), "{method} {path}");
        }
    }

    #[test]
    fn every_other_path_of_the_router_is_described() {
        let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        let read = |name: &str| fs::read_to_string(http.join(name)).unwrap();
        let text = read("mod.rs") + &read("probes.rs");
        let text = text.split_whitespace().collect::<String>();
        let mut found = BTreeSet::new();
        for part in text.split("web::resource(").skip(1) {
            let (path, methods) = part.split_once(')').unwrap();
            let path = match path {
                "cloud" => "/config",
                "beacon" => "/beacon",
                "ws" => "/ws",
                "LOG_PATH" => "/logs",
                quoted => quoted.trim_matches('"'),
            };
            let methods = methods.split(".default_service").next().unwrap();
            for (call, method) in [
                (".get(", "GET"),
                (".post(", "POST"),
                (".head(", "HEAD"),
                (".put(", "PUT"),
            ] {
                if methods.contains(call) {
                    found.insert((method.to_owned(), path.to_owned()));
                }
            }
        }
        let rows: BTreeSet<_> = OTHERS
            .iter()
            .map(|row| (row.method.to_owned(), row.path.to_owned()))
            .collect();
        assert_eq!(
            found, rows,
            "add a row to OTHERS in openapi.rs for every route, and none for another"
        );
    }

    #[test]
    fn a_fleet_whose_list_is_complete_is_named_in_the_body() {
        let operation = &described()["paths"]["/admin/blacklist/complete"]["post"];
        assert_eq!(operation["parameters"], json!([]));
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["properties"], json!({"fleet": {"type": "string"}}));
    }

    #[test]
    fn the_description_is_consistent_in_itself() {
        let described = described();
        let mut ids = BTreeSet::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                assert!(ids.insert(id.clone()), "{id} is there twice");
                let in_path = operation["parameters"].as_array().unwrap().iter();
                let in_path = in_path.filter(|one| one["in"] == "path").count();
                assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
                for scheme in operation["security"].as_array().unwrap() {
                    let name = scheme.as_object().unwrap().keys().next().unwrap();
                    assert!(described["components"]["securitySchemes"][name].is_object(), "{name}");
                }
            }
        }
        let text = described.to_string();
        for reference in text.split("\"$ref\":\"#/").skip(1) {
            let path = reference.split('"').next().unwrap();
            assert!(described.pointer(&format!("/{path}")).is_some(), "{path}");
        }
    }
}
