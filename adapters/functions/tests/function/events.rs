//! Events: what Eventarc and Pub/Sub deliver.

use axum::{
    Router,
    http::HeaderMap,
    routing::{any, post},
};
use buckler_functions::google::{self, Environment, Google, Signature};
use serde_json::json;

use crate::site::{CLIENT, DECOY, Site, local, on_cloud_run};

const BINARY: &str = "ce-id: 1\r\nce-source: //pubsub.googleapis.com/projects/p/topics/t\r\nce-specversion: 1.0\r\n\
     ce-type: google.cloud.pubsub.topic.v1.messagePublished\r\nContent-Type: application/json\r\n";
const STRUCTURED: &str = "Content-Type: application/cloudevents+json; charset=utf-8\r\n";
const CLEAN: &[u8] = br#"{"message": {"data": "SGVsbG8=", "attributes": {"from": "O'Brien"}}}"#;
const ATTACK: &[u8] = br#"{"message": {"attributes": {"name": "x'; DROP TABLE users; --"}}}"#;

fn app() -> Router {
    Router::new()
        .route(
            "/events",
            post(async |headers: HeaderMap, body: String| format!("{}{body}", headers.contains_key("ce-id"))),
        )
        .route("/", any(async || "welcome"))
}

/// A service that takes requests, and events at a path.
fn mixed() -> Site {
    let builder = google::builder(local().build().unwrap()).unwrap();
    Site::of_google(builder, |google| google.events_at("/events"), app())
}

/// A function that was deployed for events.
fn event_function() -> Site {
    let agent = std::sync::Arc::new(google::builder(local().build().unwrap()).unwrap().start());
    let environment = Environment {
        signature: Signature::Event,
        ..on_cloud_run()
    };
    let google = Google::new(std::sync::Arc::clone(&agent), environment);
    Site::serve(agent, app().layer(google))
}

#[test]
fn a_delivery_reaches_the_function_as_it_came_and_is_counted() {
    for site in [mixed(), event_function()] {
        let binary = site.post("/events", BINARY, CLEAN);
        assert_eq!(
            (binary.status, binary.text()),
            (200, format!("true{}", str::from_utf8(CLEAN).unwrap()).as_str())
        );
        let event = json!({"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": {"a": 1}}).to_string();
        let structured = site.post("/events", STRUCTURED, event.as_bytes());
        assert_eq!(
            (structured.status, structured.text()),
            (200, format!("false{event}").as_str())
        );
        assert_eq!(site.counts(), [2, 0, 0, 0]);
    }
}

#[test]
fn a_delivery_is_refused_for_what_it_carries_and_nobody_is_banned_for_it() {
    for site in [mixed(), event_function()] {
        for headers in [BINARY, STRUCTURED] {
            let headers = format!("{headers}X-Forwarded-For: {CLIENT}\r\n");
            assert_eq!(site.post("/events", &headers, ATTACK).status, 403, "{headers}");
        }
        assert_eq!(site.get("/", CLIENT).status, 200);
        assert_eq!((site.agent.status().list.local, site.counts()), (0, [1, 0, 2, 2]));
    }
}

#[test]
fn a_delivery_is_not_looked_up_in_the_list() {
    let site = mixed();
    assert_eq!(site.get(DECOY, CLIENT).status, 403);
    site.until(403, "/", CLIENT);
    let headers = format!("{BINARY}X-Forwarded-For: {CLIENT}\r\n");
    assert_eq!(site.post("/events", &headers, CLEAN).status, 200);
}

#[test]
fn a_client_does_not_escape_by_calling_itself_an_event() {
    let site = mixed();
    assert_eq!(site.get(DECOY, CLIENT).status, 403);
    site.until(403, "/", CLIENT);
    for (path, headers) in [
        ("/", BINARY),
        ("/", STRUCTURED),
        ("/events", "Content-Type: application/json\r\n"),
    ] {
        let headers = format!("{headers}X-Forwarded-For: {CLIENT}\r\n");
        assert_eq!(site.post(path, &headers, CLEAN).status, 403, "{path} {headers}");
    }
}
