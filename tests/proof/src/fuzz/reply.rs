//! A server's answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use buckler::{
    model::blacklist::{Applied, Blacklist, SharedList},
    protocol::{BeaconReply, Envelope, ReplyForm, Welcome, v2::ServerPart},
};
use serde_json::Value;

use super::{frame::written_twice, list::members};

/// Reads an answer in every form it may have, and applies a list that is in it.
///
/// # Panics
/// Where an answer that was read and written again reads differently, a form is taken for the other, or a list is changed in part.
pub fn reply(input: &[u8]) {
    let welcome = written_twice::<Welcome>(input).and_then(|welcome| welcome.v2);
    let beacon = written_twice::<BeaconReply>(input).and_then(|reply| reply.v2);
    let enveloped = written_twice::<Envelope<Welcome>>(input);
    written_twice::<Envelope<BeaconReply>>(input);
    let push = written_twice::<ServerPart>(input);
    if let Ok(form) = serde_json::from_slice::<ReplyForm>(input) {
        tell_forms_apart(&form, input);
    }
    let inside = enveloped.and_then(|envelope| envelope.data?.v2);
    [welcome, beacon, push, inside].into_iter().flatten().for_each(apply);
}

/// The bare form is what has no `status`.
fn tell_forms_apart(form: &ReplyForm, input: &[u8]) {
    // an object with a key twice is read by the one or the other
    let Ok(fields) = serde_json::from_slice::<BTreeMap<String, Value>>(input) else {
        return;
    };
    let has_status = fields.get("status").is_some_and(|status| !status.is_null());
    assert_eq!(matches!(form, ReplyForm::Enveloped(_)), has_status, "{form:?}");
}

/// Applies the list of an answer to an agent that has none, twice.
fn apply(part: ServerPart) {
    let Some(update) = part.list else { return };
    let mut list = SharedList::new(Arc::new(Blacklist::new()));
    for _ in 0..2 {
        let before = (members(&list), list.cursor());
        let applied = list.apply(&update, Duration::from_secs(1));
        let after = (members(&list), list.cursor());
        if matches!(applied, Applied::Refused(_) | Applied::Nothing | Applied::Page { .. }) {
            assert_eq!(before, after, "{applied:?} changed the list");
        }
        super::list::consistent(&list);
    }
}
