//! The description of the HTTP API (OpenAPI 3.1): paths, methods and roles from the table that the
//! router itself is made of, words and parameters from a row for each.

use actix_web::{HttpResponse, http::Method};
use serde_json::{Map, Value, json};

use super::{
    add,
    openapi_rows::{ADMIN, OTHERS, Row},
    routes::{Asker, Guarded, Routes},
};
use crate::{http::reply::Refusal, store::Role};

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
            "add a row to ADMIN in openapi_rows.rs for every route, and none for another"
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
            "add a row to OTHERS in openapi_rows.rs for every route, and none for another"
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
