//! Between the shell and the model: what a conversation begins with, and how its messages are carried.

use crate::{
    actors::estate::{Estate, Identity},
    model::conversation::{Conversation, Introduction, Outgoing, Reply},
    transport::{Transport, TransportError},
};

/// The conversation that a generation begins.
pub(super) fn conversation(estate: &Estate) -> Conversation {
    let talk = Conversation::new(&estate.configuration.borrow().policy, estate.now());
    if estate.identity.on_demand {
        talk.on_demand()
    } else {
        talk
    }
}

/// Who the agent is, where there is a server to tell.
pub(super) fn introduction(estate: &Estate) -> Option<Introduction> {
    let Identity {
        contact,
        instance_id,
        platform,
        routes,
        known_as,
        ..
    } = &estate.identity;
    let (cloud_url, key) = contact.borrow().cloud.clone()?;
    let credential = estate.credential.borrow();
    Some(Introduction {
        cloud_url,
        key: credential.or(&key).clone(),
        enrol: credential.wanted(),
        platform: platform.clone(),
        routes: routes.clone(),
        agent_id: estate.agent_id,
        instance_id: *instance_id,
        identity: known_as.clone(),
    })
}

/// Has the transport carry a message.
pub(super) async fn carry(message: Outgoing, transport: &dyn Transport) -> Result<Reply, TransportError> {
    match message {
        Outgoing::Register(registration) => transport.register(*registration).await.map(Reply::Welcome),
        Outgoing::Beacon(url, beacon) => transport.beacon(url, *beacon).await.map(Reply::Beacon),
    }
}
