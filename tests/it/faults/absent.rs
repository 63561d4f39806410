//! Servers that are not there.

use buckler::testing::ManualClock;
use buckler_tests::fault::FaultServer;

use super::{guards_alone, is_in_step_again, well_behaved};
use crate::{
    rig::{Rig, over_both_transports},
    site::{DECOY, PATIENCE, Site, settings},
};

over_both_transports! {
    is_down_at_the_start_and_comes_back,
    flaps,
    what_the_last_run_left_guards_while_the_server_is_down,
}

fn is_down_at_the_start_and_comes_back(rig: Rig) {
    let server = FaultServer::start(well_behaved()).unwrap();
    server.refuse().unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    guards_alone(&site);
    server.listen().unwrap();
    is_in_step_again(&site);
    // what was caught while nobody listened is told
    let told = server.wait_for(
        |record| {
            record
                .to("/beacon")
                .any(|seen| seen.json().to_string().contains("203.0.113.9"))
        },
        PATIENCE,
    );
    assert!(told, "{:?}", site.agent.status());
}

fn flaps(rig: Rig) {
    let server = FaultServer::start(well_behaved()).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    for n in 0..6 {
        is_in_step_again(&site);
        server.refuse().unwrap();
        site.wait_until("it is missed", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            site.agent.status().conversation.problem.is_some()
        });
        assert_eq!(site.get(DECOY, &format!("198.51.100.{n}")), 418);
        server.listen().unwrap();
    }
    is_in_step_again(&site);
    assert!(site.agent.status().events.acknowledged >= 6);
}

fn what_the_last_run_left_guards_while_the_server_is_down(rig: Rig) {
    let directory = tempfile::tempdir().unwrap();
    let server = FaultServer::start(well_behaved()).unwrap();
    let (url, clock) = (server.url("/config"), ManualClock::new());
    let site = Site::over(rig, settings(&url).state_dir(directory.path()), &clock);
    site.wait_until("the server's settings are in force", || {
        site.agent.status().config.source == "server"
    });
    clock.advance(std::time::Duration::from_secs(60));
    site.wait_until("they have proven themselves", || {
        site.agent.status().config.state == "applied"
    });
    site.agent.shutdown(PATIENCE);
    drop(site);
    server.refuse().unwrap();
    let site = Site::over(rig, settings(&url).state_dir(directory.path()), &clock);
    site.wait_until("they are in force again", || {
        site.agent.status().config.source == "disk"
    });
    site.wait_until("and judge", || site.get(DECOY, "203.0.113.12") == 418);
}
