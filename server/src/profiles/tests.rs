//! The table of credentials follows the store, whatever changes at once.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::{
    moment::Moment,
    store::{Enrolment, Record, Rules},
};

const NOW: u64 = 1_795_338_000;

fn now() -> Moment {
    Moment {
        tick: Tick::at(Duration::from_secs(NOW)),
        unix_ms: NOW * 1_000,
    }
}

fn enrol(agent: u128, by: &str, is_own: bool, credential: &str) -> Command {
    Command::Enrol(Enrolment {
        profile: "shop".into(),
        agent: Uuid::from_u128(agent),
        key: Secret::of("key").fingerprint().name(),
        fingerprint: Secret::of(credential).fingerprint(),
        by: Secret::of(by).fingerprint(),
        is_own,
    })
}

fn revoke(agent: u128) -> Command {
    Command::RevokeCredential {
        profile: "shop".into(),
        agent: Uuid::from_u128(agent),
    }
}

struct Rig {
    store: Store,
    profiles: Profiles,
}

impl Rig {
    fn new() -> Self {
        let config = ServerConfig::new().profile("shop", Profile::for_key("key"));
        let store = Store::new(Rules::none());
        let (profiles, _) = Profiles::new(&config, 0, &store).unwrap();
        Self { store, profiles }
    }

    /// A record of whichever node.
    fn applies(&mut self, commands: Vec<Command>) {
        self.store.apply(&Record::new(now(), commands));
    }

    fn is_good(&self, credential: &str) -> bool {
        let found = self.profiles.find(&Secret::of(credential), now().tick);
        matches!(found, Lookup::Found(admitted) if admitted.agent.is_some())
    }
}

#[test]
fn a_revocation_at_another_node_is_not_swallowed_by_an_agent_that_asks_again() {
    let mut rig = Rig::new();
    rig.applies(vec![enrol(1, "key", false, "one"), enrol(2, "key", false, "two")]);
    rig.profiles.follow_credentials(&rig.store);
    assert!(rig.is_good("one") && rig.is_good("two"));
    // between two looks another node revokes one of them, and the other asks for what it has
    rig.applies(vec![revoke(1), enrol(2, "two", true, "two")]);
    rig.profiles.follow_credentials(&rig.store);
    assert!(!rig.is_good("one") && rig.is_good("two"));
}

#[test]
fn what_was_exchanged_goes_with_the_next_exchange_and_with_the_agent() {
    let mut rig = Rig::new();
    rig.applies(vec![enrol(1, "key", false, "one"), enrol(1, "one", true, "two")]);
    rig.profiles.follow_credentials(&rig.store);
    assert!(rig.is_good("one") && rig.is_good("two"));
    let (profile, agent) = ("shop".into(), Uuid::from_u128(1));
    rig.applies(vec![Command::ResetCredential { profile, agent }]);
    rig.profiles.follow_credentials(&rig.store);
    assert!(!rig.is_good("one") && !rig.is_good("two"));
    rig.applies(vec![enrol(2, "key", false, "two")]);
    rig.profiles.follow_credentials(&rig.store);
    assert!(rig.is_good("two"), "as another agent's");
}

#[test]
fn more_changes_than_are_remembered_are_followed_all_the_same() {
    let mut rig = Rig::new();
    let name = |agent: u128| format!("credential-{agent}");
    rig.applies((0..600).map(|agent| enrol(agent, "key", false, &name(agent))).collect());
    rig.applies(vec![revoke(7)]);
    rig.profiles.follow_credentials(&rig.store);
    let good = (0..600).filter(|agent| rig.is_good(&name(*agent)));
    assert_eq!(good.count(), 599);
    assert!(!rig.is_good(&name(7)));
}
