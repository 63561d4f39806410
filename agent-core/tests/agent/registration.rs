//! What the agent says of itself when it registers, and when it does so again.

use std::time::Duration;

use buckler::{
    protocol::v2::ServerPart,
    testing::{ManualClock, ScriptedTransport, Told},
};

use super::{PATIENCE, reply_2, settings, start, welcome_2};

#[test]
fn routes_that_are_learned_are_told_by_another_registration() {
    let mut script = ScriptedTransport::script(
        |_| Ok(welcome_2(ServerPart::default())),
        |_| Ok(reply_2(ServerPart::default())),
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    let Some(Told::Registration(first)) = script.next(PATIENCE) else {
        panic!("no registration")
    };
    assert!(first.routes.is_empty());
    assert!(agent.guard().learn_route("GET", "/items/{id}"));
    let mut looks = 0;
    let second = loop {
        match script.next(Duration::from_millis(20)) {
            Some(Told::Registration(second)) => break second,
            Some(Told::Beacon(..)) => {}
            None => clock.advance(Duration::from_secs(5)),
        }
        looks += 1;
        assert!(looks < 1000, "never: {:#?}", agent.status());
    };
    assert_eq!(second.routes["/items/{id}"].methods, ["GET"]);
}

#[test]
fn a_registration_says_what_people_know_the_agent_by() {
    let told = |settings: buckler::settings::SettingsBuilder| {
        let mut script = ScriptedTransport::script(
            |_| Ok(welcome_2(ServerPart::default())),
            |_| Ok(reply_2(ServerPart::default())),
        );
        let clock = ManualClock::new();
        let _agent = start(settings, &script, &clock);
        let Some(Told::Registration(registration)) = script.next(PATIENCE) else {
            panic!("no registration")
        };
        let identity = registration.v2.unwrap().identity;
        while let Some(Told::Beacon(_, beacon)) = {
            clock.advance(Duration::from_secs(60));
            script.next(Duration::from_millis(50))
        } {
            assert_eq!(beacon.v2.unwrap().identity, None, "beacons say nothing twice");
        }
        identity
    };
    let known = told(
        settings()
            .name("shop")
            .label("tier", "web")
            .release("2.4.1")
            .environment_name("test"),
    )
    .unwrap();
    assert_eq!(
        (known.name.as_deref(), known.labels["tier"].as_str()),
        (Some("shop"), "web")
    );
    assert_eq!(
        (known.release.as_deref(), known.environment.as_deref()),
        (Some("2.4.1"), Some("test"))
    );
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(known.host.as_deref(), Some(machine.trim()));
    assert_eq!(
        told(settings().agent_option("host_name", false)),
        None,
        "nothing is said"
    );
}
