//! `docs/PROTOCOL.md` against the types: every example is a message, and every digest is the one of
//! the data beside it.

use std::{collections::BTreeSet, fs, path::Path};

use buckler::{
    model::{address::parse_network, blacklist::Digest, policy::config_hash},
    protocol::{
        Beacon, BeaconReply, ConfigMap, Envelope, Registration, Welcome,
        frame::{AgentFrame, PushFrame},
        v2::{Event, ListUpdate, Signature},
    },
};
use serde_json::{Value, json};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    fs::read_to_string(path).unwrap()
}

/// The examples of the page, each with the type that its fence names.
fn examples() -> Vec<(String, Value)> {
    let page = page();
    let fenced = page.split("\n```json ").skip(1);
    fenced
        .map(|block| {
            let (kind, rest) = block.split_once('\n').unwrap();
            let text = rest.split("\n```").next().unwrap();
            let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{kind}: {error}\n{text}"));
            (kind.to_owned(), value)
        })
        .collect()
}

/// An example as the type named by its fence reads it, written again.
fn reread(kind: &str, example: &Value) -> Value {
    macro_rules! through {
        ($type:ty) => {{
            let message: $type =
                serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"));
            serde_json::to_value(message).unwrap()
        }};
    }
    match kind {
        "Registration" => through!(Registration),
        "Beacon" => through!(Beacon),
        "Welcome" => through!(Welcome),
        "Envelope<Welcome>" => through!(Envelope<Welcome>),
        "Envelope<BeaconReply>" => through!(Envelope<BeaconReply>),
        "Signature" => through!(Signature),
        _ => panic!("no message of the protocol is called {kind}"),
    }
}

/// Fails where `found` lacks something of `example`: a field that the types do not know.
fn holds(found: &Value, example: &Value, at: &str) {
    match example {
        Value::Object(members) => {
            for (name, member) in members {
                let empty = member.as_object().is_some_and(serde_json::Map::is_empty);
                match found.get(name) {
                    Some(found) => holds(found, member, &format!("{at}.{name}")),
                    None => assert!(empty, "no type knows {at}.{name}"),
                }
            }
        }
        Value::Array(items) => {
            assert_eq!(found.as_array().map(Vec::len), Some(items.len()), "{at}");
            for (index, item) in items.iter().enumerate() {
                holds(&found[index], item, &format!("{at}[{index}]"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => assert_eq!(found, example, "{at}"),
    }
}

#[test]
fn protocol_examples_are_messages_of_the_types() {
    let examples = examples();
    for (kind, example) in &examples {
        holds(&reread(kind, example), example, kind);
    }
    let kinds: BTreeSet<_> = examples.iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds.len(), 6, "an example of each message: {kinds:?}");
}

#[test]
fn protocol_digests_are_of_the_data_beside_them() {
    let page = page();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let mut digests = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [set, digest] = cells[..] else { continue };
        let digest = digest.trim_matches('`');
        if digest.len() != 64 {
            continue;
        }
        let networks = set
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|text| parse_network(text).unwrap());
        assert_eq!(Digest::of(networks).to_string(), digest, "{row}");
        digests += 1;
    }
    assert_eq!(digests, 3, "the rows of the worked example");

    let update = examples()
        .into_iter()
        .find_map(|(_, example)| example.pointer("/data/v2/list").cloned());
    let update: ListUpdate = serde_json::from_value(update.unwrap()).unwrap();
    let added = update.add.iter().map(|(network, _)| parse_network(network).unwrap());
    assert_eq!(update.digest, Digest::of(added).to_string());

    let config = examples()
        .into_iter()
        .find_map(|(_, example)| example.pointer("/data/v2/config").cloned())
        .unwrap();
    let body: ConfigMap = serde_json::from_value(config["body"].clone()).unwrap();
    assert_eq!(config["hash"], json!(config_hash(&body)));
}

#[test]
fn protocol_frames_and_fields_are_all_on_the_page() {
    let page = page();
    let frames = [
        r#"{"id": 7, "register": {…}}"#,
        r#"{"id": 8, "beacon": {…}}"#,
        r#"{"v2": {…}}"#,
    ];
    for frame in frames {
        assert!(page.contains(frame), "{frame} is missing");
    }
    let beacon = json!({"id": 8, "beacon": {"key": "k", "version": "1"}});
    serde_json::from_value::<AgentFrame>(beacon).unwrap();
    let push = json!({"v2": {"flags": ["pull_now"]}});
    serde_json::from_value::<PushFrame>(push).unwrap();

    let event = json!({
        "seq": 1, "kind": "ban", "address": "203.0.113.9", "at_ms": 0, "ttl_s": 1, "why": "sqli", "evidence": "repeated",
        "peer": "socket", "detail": {},
    });
    let event: Event = serde_json::from_value(event).unwrap();
    let event = serde_json::to_value(event).unwrap();
    let fields = event
        .as_object()
        .unwrap()
        .keys()
        .chain(event["detail"].as_object().unwrap().keys());
    for field in fields {
        assert!(
            page.contains(&format!("`{field}`")),
            "the page does not say what {field} is"
        );
    }
}
