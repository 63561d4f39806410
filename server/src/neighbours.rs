//! Other nodes that serve the same fleets: what only each of them knows is asked of all, within a
//! deadline.
//!
//! Agents are heard by one node at a time, and what is known of them beside their events is that
//! node's alone. So a view of all agents is put together of what every node says, and tells which
//! nodes answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use futures_util::future::BoxFuture;

use crate::store::AgentView;

/// What a node answers when it is asked.
pub type Answerer = Box<dyn Fn() -> BoxFuture<'static, Vec<u8>> + Send + Sync>;

/// The other nodes.
pub trait Neighbours: Send + Sync + fmt::Debug {
    /// Asks all of them. It resolves once all answered that did lately, or the deadline is over.
    fn ask(&self) -> BoxFuture<'static, Answers>;

    /// What this node answers from now on.
    fn answer_by(&self, answerer: Answerer);
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Each node with what it said.
    pub said: Vec<(String, Vec<u8>)>,
    /// Nodes that answered lately, and did not this time.
    pub silent: BTreeSet<String>,
}

/// Agents as one node sees them, as they travel.
pub(crate) fn encoded(agents: &[AgentView]) -> Vec<u8> {
    // of numbers and text: it does not fail, and a node that says nothing is silent
    serde_json::to_vec(agents).unwrap_or_default()
}

/// Agents as all nodes see them together: each as the node knows it that heard it last.
pub(crate) fn merged(own: Vec<AgentView>, answers: &Answers) -> (Vec<AgentView>, Reach) {
    let mut reach = Reach {
        answered: BTreeSet::new(),
        silent: answers.silent.clone(),
    };
    let place = |agent: &AgentView| (agent.id.clone(), Arc::clone(&agent.profile));
    let mut all: BTreeMap<_, AgentView> = own.into_iter().map(|agent| (place(&agent), agent)).collect();
    for (node, said) in &answers.said {
        match serde_json::from_slice::<Vec<AgentView>>(said) {
            Ok(theirs) => {
                reach.answered.insert(node.clone());
                for agent in theirs {
                    let known = all.get(&place(&agent));
                    if known.is_none_or(|known| known.last_seen_ms < agent.last_seen_ms) {
                        all.insert(place(&agent), agent);
                    }
                }
            }
            // another release, or an answer that was too long
            Err(_) => drop(reach.silent.insert(node.clone())),
        }
    }
    let mut all: Vec<AgentView> = all.into_values().collect();
    all.sort_by(|one, other| (other.last_seen_ms, &one.id).cmp(&(one.last_seen_ms, &other.id)));
    (all, reach)
}

/// Which other nodes a view is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Reach {
    pub(crate) answered: BTreeSet<String>,
    pub(crate) silent: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(id: &str, last_seen_ms: u64) -> AgentView {
        serde_json::from_value(serde_json::json!({
            "id": id, "profile": "shop", "fleet": "default", "proto": 2, "peer": "192.0.2.1", "transport": "http",
            "platform": "axum", "version": "1", "routes": 1, "registered": true, "first_seen_ms": 1,
            "last_seen_ms": last_seen_ms, "totals": {}, "lost": {}, "missing": 0,
            "shared": {"live": 0, "bans": 0, "unbans": 0, "attacks": 0, "refused": {}},
        }))
        .unwrap()
    }

    #[test]
    fn each_agent_is_shown_as_the_node_knows_it_that_heard_it_last() {
        let theirs = encoded(&[agent("a", 30), agent("b", 10), agent("c", 20)]);
        let answers = Answers {
            said: vec![("one".to_owned(), theirs), ("broken".to_owned(), b"nonsense".to_vec())],
            silent: BTreeSet::from(["gone".to_owned()]),
        };
        let (all, reach) = merged(vec![agent("a", 20), agent("b", 40)], &answers);
        let seen: Vec<(&str, u64)> = all.iter().map(|agent| (&*agent.id, agent.last_seen_ms)).collect();
        assert_eq!(seen, [("b", 40), ("a", 30), ("c", 20)]);
        assert_eq!(reach.answered, BTreeSet::from(["one".to_owned()]));
        assert_eq!(reach.silent, BTreeSet::from(["broken".to_owned(), "gone".to_owned()]));
    }
}
