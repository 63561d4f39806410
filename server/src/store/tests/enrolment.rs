//! Who gets a credential: decided where the record is applied, by what the agent asked with.

use super::*;

fn print(text: &str) -> Fingerprint {
    Secret::of(text).fingerprint()
}

fn key(text: &str, revoked: Option<Tick>) -> Command {
    Command::Key(KeyState {
        id: print(text).name(),
        fingerprint: print(text),
        profile: "shop".into(),
        label: String::new(),
        tail: String::new(),
        from_file: true,
        made: Tick::default(),
        ends: None,
        revoked,
    })
}

/// An agent asks with the key that agents share.
fn with_key(agent: u128, key: &str, credential: &str) -> Enrolment {
    Enrolment {
        profile: "shop".into(),
        agent: Uuid::from_u128(agent),
        key: print(key).name(),
        fingerprint: print(credential),
        by: print(key),
        is_own: false,
    }
}

/// An agent asks with a credential of its own.
fn with_own(agent: u128, own: &str, credential: &str) -> Enrolment {
    Enrolment {
        by: print(own),
        is_own: true,
        ..with_key(agent, "key", credential)
    }
}

impl Told {
    /// Whether the agent of this request has the credential that it asks for afterwards.
    fn enrols(&mut self, enrolment: Enrolment) -> bool {
        let (agent, asked) = (enrolment.agent, enrolment.fingerprint);
        self.take(vec![Command::Enrol(enrolment)]);
        let known = self.store.credential(&"shop".into(), agent);
        known.is_some_and(|known| known.fingerprint == asked && known.revoked.is_none())
    }
}

#[test]
fn an_enrolment_on_its_way_while_its_key_is_revoked_is_refused() {
    let mut told = Told::new(Rules::none());
    assert!(told.enrols(with_key(1, "key", "one")));
    let thief = with_key(2, "key", "thief");
    assert!(told.store.may_enrol(&thief, told.tick()), "as it was planned");
    let revoked = key("key", Some(told.tick()));
    told.take(vec![revoked, Command::Enrol(thief.clone())]);
    assert_eq!(told.store.credentials().count(), 0);
    assert!(!told.enrols(thief), "in a record of its own as well");
    // nor does a credential that went with the key
    assert!(!told.enrols(with_own(1, "one", "two")));
    assert!(told.enrols(with_key(1, "other", "three")));
}

#[test]
fn an_exchange_on_its_way_while_the_credential_is_reset_or_revoked_is_refused() {
    let mut told = Told::new(Rules::none());
    let place = || ("shop".into(), Uuid::from_u128(1));
    assert!(told.enrols(with_key(1, "key", "one")));
    let (profile, agent) = place();
    told.take(vec![
        Command::ResetCredential { profile, agent },
        Command::Enrol(with_own(1, "one", "two")),
    ]);
    assert_eq!(told.store.credentials().count(), 0);
    assert!(told.enrols(with_key(1, "key", "three")));
    let (profile, agent) = place();
    told.take(vec![Command::RevokeCredential { profile, agent }]);
    assert!(!told.enrols(with_own(1, "three", "four")));
    assert!(!told.enrols(with_key(1, "key", "five")));
}

#[test]
fn a_credential_is_exchanged_by_itself_alone_and_once_an_hour() {
    let mut told = Told::new(Rules::none());
    assert!(told.enrols(with_key(1, "key", "one")));
    assert!(
        !told.enrols(with_key(1, "key", "thief")),
        "by the key that agents share"
    );
    assert!(!told.enrols(with_own(1, "another", "thief")), "by what it never had");
    assert!(told.enrols(with_own(1, "one", "two")));
    let changes = told.store.credential_changes();
    for n in 0..100 {
        assert!(!told.enrols(with_own(1, "two", &format!("more-{n}"))));
    }
    assert_eq!(told.store.credential_changes(), changes);
    told.now += 3_600;
    assert!(!told.enrols(with_own(1, "one", "three")), "the one before is over");
    assert!(told.enrols(with_own(1, "two", "three")));
}

#[test]
fn what_another_agent_or_a_key_is_known_by_is_no_credential() {
    let mut told = Told::new(Rules::none());
    told.take(vec![key("shared", None)]);
    assert!(told.enrols(with_key(1, "key", "one")) && told.enrols(with_own(1, "one", "two")));
    for taken in ["one", "two", "shared"] {
        assert!(!told.enrols(with_key(2, "key", taken)), "{taken}");
    }
    let (profile, agent) = ("shop".into(), Uuid::from_u128(1));
    told.take(vec![Command::ResetCredential { profile, agent }]);
    assert!(told.enrols(with_key(2, "key", "two")), "it is no agent's any more");
}

#[test]
fn credentials_of_a_key_that_is_known_no_more_are_forgotten_and_what_was_revoked_stays_so() {
    let mut told = Told::new(Rules::none());
    for (agent, name) in [(1, "one"), (2, "two"), (3, "three")] {
        let by = if agent == 3 { "other" } else { "removed" };
        assert!(told.enrols(with_key(agent, by, name)));
    }
    let (profile, agent) = ("shop".into(), Uuid::from_u128(2));
    told.take(vec![Command::RevokeCredential { profile, agent }]);
    let key = print("removed").name();
    told.take(vec![Command::ForgetBrought { key }]);
    let left: Vec<(u128, bool)> = told
        .store
        .credentials()
        .map(|known| (known.agent.as_u128(), known.revoked.is_some()))
        .collect();
    assert_eq!(left, [(2, true), (3, false)]);
}
