//! The server goes, comes back with another memory, or wants no more to do with the agent.

use serde_json::json;

use super::{Fleet, attack};
use crate::{
    cloud::Cloud,
    rig::{Rig, over_every_transport},
    site::{DECOY, Site, settings},
};

over_every_transport! {
    a_server_that_lost_its_memory_is_followed,
    a_server_that_is_down_at_the_start_is_found,
    a_server_that_flaps_loses_nothing,
    a_key_that_is_revoked_blocks_the_conversation_and_nothing_else,
    many_agents_converge,
}

/// Requests are answered while something is wrong.
#[track_caller]
fn serves(site: &Site) {
    assert_eq!(site.get("/", "198.51.100.7"), 200);
}

fn a_server_that_lost_its_memory_is_followed(rig: Rig) {
    let mut fleet = Fleet::over(rig, Cloud::start());
    fleet.cloud.bans("198.51.100.66");
    attack(&fleet.shop, "203.0.113.9");
    fleet.converges();
    let epoch = fleet.shop.agent.status().list.cursor.unwrap().0;
    fleet.cloud.stop();
    attack(&fleet.shop, "203.0.113.10");
    fleet.blog.wait_until("it is missed", || {
        serves(&fleet.blog);
        fleet.blog.agent.status().conversation.problem.is_some()
    });
    fleet.cloud.start_again();
    for site in fleet.sites() {
        site.wait_until("the new list is in force", || {
            serves(site);
            site.agent.status().list.cursor.is_some_and(|(new, _)| new != epoch)
        });
    }
    fleet.converges();
    fleet.blog.wait_until("what was caught meanwhile crosses", || {
        fleet.blog.get("/", "203.0.113.10") == 403
    });
    assert_eq!(fleet.shop.get("/", "203.0.113.9"), 403, "who was caught here stays out");
    assert_eq!(fleet.blog.get("/", "198.51.100.66"), 403, "a new history is no amnesty");
    fleet.cloud.admin("POST", "blacklist/complete", Some(&json!({})));
    fleet.blog.wait_until("what an operator says is forgotten", || {
        fleet.blog.get("/", "198.51.100.66") == 200
    });
}

fn a_server_that_is_down_at_the_start_is_found(rig: Rig) {
    let mut cloud = Cloud::start();
    let url = cloud.url();
    cloud.stop();
    let clock = buckler::testing::ManualClock::new();
    let site = Site::over(rig, settings(&url), &clock);
    site.wait_until("nobody is there", || site.agent.status().conversation.problem.is_some());
    serves(&site);
    attack(&site, "203.0.113.9");
    cloud.start_again();
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    site.wait_until("what was caught before is told", || cloud.lists("203.0.113.9"));
}

fn a_server_that_flaps_loses_nothing(rig: Rig) {
    let mut fleet = Fleet::over(rig, Cloud::start());
    for n in 1..=4 {
        fleet.cloud.stop();
        attack(&fleet.shop, &format!("203.0.113.{n}"));
        serves(&fleet.blog);
        fleet.cloud.start_again();
        fleet.shop.wait_until("the server has heard of it", || {
            serves(&fleet.shop);
            fleet.cloud.lists(&format!("203.0.113.{n}"))
        });
    }
    fleet.converges();
    let events = fleet.shop.agent.status().events;
    assert_eq!((events.generated, events.acknowledged), (4, 4), "{events:?}");
}

fn a_key_that_is_revoked_blocks_the_conversation_and_nothing_else(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    fleet.cloud.bans("198.51.100.66");
    fleet.converges();
    fleet.cloud.key_is_good(false);
    for site in fleet.sites() {
        site.wait_until("it is told", || {
            serves(site);
            site.agent.status().conversation.state == "blocked"
        });
        assert_eq!(site.get("/", "198.51.100.66"), 403, "what is listed stays listed");
    }
    assert_eq!(fleet.shop.get(DECOY, "203.0.113.9"), 403);
    fleet.cloud.key_is_good(true);
    for site in fleet.sites() {
        // what needs a person is looked at after five minutes to an hour
        site.wait_long("it is let in again", || {
            serves(site);
            site.agent.status().conversation.state == "synced"
        });
    }
    fleet
        .shop
        .wait_until("what was caught meanwhile is told", || fleet.cloud.lists("203.0.113.9"));
    fleet.converges();
}

fn many_agents_converge(rig: Rig) {
    let Fleet {
        mut cloud,
        clock,
        shop,
        blog,
    } = Fleet::over(rig, Cloud::with("page_entries = 5"));
    let more = [(); 4].map(|()| Site::over(rig, settings(&cloud.url()), &clock));
    let sites: Vec<Site> = [shop, blog].into_iter().chain(more).collect();
    let attackers: Vec<String> = (0..24).map(|n| format!("203.0.113.{n}")).collect();
    for (n, attacker) in attackers.iter().enumerate() {
        attack(&sites[n % sites.len()], attacker);
        if n == 12 {
            cloud.stop();
            cloud.start_again();
        }
    }
    for site in &sites {
        site.wait_until("everything is told", || {
            serves(site);
            let events = site.agent.status().events;
            events.pending == 0 && events.balanced()
        });
    }
    sites[0].wait_until("all have the server's list", || cloud.is_shared_by(sites.len()));
    for attacker in attackers.iter().skip(13) {
        assert!(
            sites.iter().all(|site| site.get("/", attacker) == 403),
            "{attacker} is shut out everywhere"
        );
    }
}
