//! Connections that break, or are not to be trusted.

use buckler::testing::ManualClock;
use buckler_tests::{
    ca::Ca,
    fault::{FaultServer, Say, Script, Step, Upgrade},
};

use super::{good, guards_alone, is_in_step_again, well_behaved};
use crate::{
    rig::{Rig, believing, over_both_transports},
    site::{DECOY, Site, settings},
};

over_both_transports! {
    vanishes,
    resets_a_kept_connection,
    a_certificate_has_expired,
    a_certificate_is_of_a_foreign_authority,
    a_certificate_is_for_another_name,
}

/// A site in step with a server that then does this with everything.
fn in_step_then(rig: Rig, fault: Script) -> (FaultServer, Site) {
    let server = FaultServer::start(well_behaved()).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    is_in_step_again(&site);
    server.play(fault).unwrap();
    (server, site)
}

/// The connection stays, and nobody is at its other end.
fn vanishes(rig: Rig) {
    let (server, site) = in_step_then(rig, Script::always(Step::Hang));
    if server.record().open > 0 {
        server.say([Say::Vanish]).unwrap();
    }
    site.wait_until("it is missed", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        site.agent.status().conversation.problem.is_some()
    });
    assert_eq!(site.get(DECOY, "203.0.113.20"), 418, "the server's settings guard");
    server.play(well_behaved()).unwrap();
    is_in_step_again(&site);
    assert!(server.record().connections > 1, "by another connection");
}

fn resets_a_kept_connection(rig: Rig) {
    let (server, site) = in_step_then(rig, well_behaved());
    for n in 1..=3 {
        let before = server.record().connections;
        server
            .play(Script::sequence([Step::Reset, good().into()]).upgrading(Upgrade::new()))
            .unwrap();
        site.wait_until("there is another connection", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            server.record().connections > before
        });
        assert_eq!(site.get(DECOY, &format!("203.0.113.{}", 20 + n)), 418);
        server.play(well_behaved()).unwrap();
        is_in_step_again(&site);
    }
}

/// Nothing is said to whom nobody trusts; once the certificate is right, the agent is in step.
#[track_caller]
fn is_not_trusted(rig: Rig, host: &str, tls: impl Fn(&Ca) -> rustls::ServerConfig) {
    let (directory, ca) = (tempfile::tempdir().unwrap(), Ca::new("own").unwrap());
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    let server = FaultServer::start_tls(well_behaved(), tls(&ca)).unwrap();
    let url = server.url("/config").replace("127.0.0.1", host);
    let settings = believing(rig, settings(&url), file.to_str().unwrap());
    let site = Site::over(rig, settings, &ManualClock::new());
    guards_alone(&site);
    assert_eq!(site.agent.status().conversation.state, "blocked", "it needs a person");
    assert_eq!(server.record().requests.len(), 0);
    server.secure(ca.server_for(host).unwrap()).unwrap();
    is_in_step_again(&site);
}

fn a_certificate_has_expired(rig: Rig) {
    is_not_trusted(rig, "127.0.0.1", |ca| ca.server_expired().unwrap());
}

fn a_certificate_is_of_a_foreign_authority(rig: Rig) {
    is_not_trusted(rig, "127.0.0.1", |_| Ca::new("foreign").unwrap().server().unwrap());
}

fn a_certificate_is_for_another_name(rig: Rig) {
    is_not_trusted(rig, "localhost", |ca| ca.server().unwrap());
}
