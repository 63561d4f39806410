//! Text frames of either side.

use buckler::protocol::frame::{AgentFrame, PushFrame, ReplyFrame};
use serde::{Serialize, de::DeserializeOwned};

/// Reads a frame as each of the three kinds.
///
/// # Panics
/// Where a frame that was read and written again reads differently.
pub fn frame(input: &[u8]) {
    written_twice::<AgentFrame>(input);
    written_twice::<PushFrame>(input);
    if let Some(ReplyFrame { reply, .. }) = written_twice::<ReplyFrame>(input) {
        serde_json::from_str::<serde::de::IgnoredAny>(reply.get()).expect("a reply in a frame is JSON");
        super::reply(reply.get().as_bytes());
    }
}

/// Reads, writes, reads and writes: the second writing must be the first.
pub(super) fn written_twice<T: Serialize + DeserializeOwned>(input: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(input).ok()?;
    let Ok(once) = serde_json::to_string(&read) else {
        panic!("what was read cannot be written");
    };
    let again: T = serde_json::from_str(&once).unwrap_or_else(|error| panic!("{error} in what was written: {once}"));
    let twice = serde_json::to_string(&again).unwrap_or_default();
    // the last digit of a fraction may turn: nothing that counts is one
    assert!(
        once == twice || has_fraction(&once),
        "written first {once}, then {twice}"
    );
    Some(read)
}

fn has_fraction(json: &str) -> bool {
    fn any(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => number.is_f64(),
            serde_json::Value::Array(items) => items.iter().any(any),
            serde_json::Value::Object(entries) => entries.values().any(any),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => false,
        }
    }
    serde_json::from_str(json).is_ok_and(|value| any(&value))
}
