//! A stolen key brings thousands of agents that never were, and a ban of an honest one must cross
//! all the same.

use std::num::NonZeroU32;

use buckler::protocol::v2::{EventKind, Evidence};
use serde_json::Value;

use super::attacker::{HONEST, Puppet, STOLEN, all_speak, listed, started, stop, two_applications};
use crate::{
    flow::admin,
    site::{DECOY, Site, settings},
};

fn position(server: &buckler_server::RunningServer) -> u64 {
    let health: Value = admin(server, "GET", "health", None);
    health["data"]["journal"]["position"].as_u64().unwrap()
}

#[test]
fn agents_that_never_were_cost_no_record_and_hold_up_no_ban() {
    let mut config = two_applications();
    config.limits.key_new_agents_per_hour = NonZeroU32::new(100).unwrap();
    let server = started(config);
    let of_shop = || Site::start(settings(server.cloud_url().as_str()).key(HONEST));
    let (one, other) = (of_shop(), of_shop());
    for site in [&one, &other] {
        site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    }
    let mut first: Vec<Puppet> = (0..100).map(|_| Puppet::new(STOLEN)).collect();
    all_speak(&server, &mut first);
    let before = position(&server);
    let mut storm: Vec<Puppet> = (0..2_000).map(|_| Puppet::new(STOLEN)).collect();
    for puppet in &mut storm {
        puppet.event(EventKind::Ban, "203.0.113.77", Evidence::Certain);
    }
    let (attacked, storming) = std::thread::scope(|scope| {
        let storming = scope.spawn(|| all_speak(&server, &mut storm).len());
        let attacked = one.get(DECOY, "203.0.113.9");
        other.wait_until("the ban has crossed", || other.get("/", "203.0.113.9") == 403);
        (attacked, storming.join().unwrap())
    });
    assert_eq!((attacked, storming), (403, 2_000));
    let addresses: Vec<String> = listed(&server).into_iter().map(|(address, _)| address).collect();
    assert_eq!(addresses, ["203.0.113.9"], "none of the storm's");
    let records = position(&server) - before;
    assert!(records < 50, "{records} records for 2,000 agents that never were");
    stop(server);
}
