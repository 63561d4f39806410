//! What the server says is in force: configuration, list, and their changes.

use serde_json::json;

use super::{Fleet, attack};
use crate::{
    cloud::Cloud,
    rig::{Rig, over_every_transport},
    site::{DECOY, KEY},
};

over_every_transport! {
    registers_with_platform_and_routes,
    begins_with_the_servers_list_and_configuration,
    a_ban_crosses_and_is_lifted,
    an_operators_ban_arrives_and_goes,
    what_an_operator_allows_is_let_go,
    a_changed_configuration_is_in_force,
    a_list_comes_in_pages,
    the_status_names_what_carries_the_conversation,
}

fn registers_with_platform_and_routes(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    let agents = fleet.cloud.agents();
    assert_eq!(agents.len(), 2);
    for agent in agents {
        assert_eq!(
            (&agent["platform"], &agent["routes"], &agent["proto"]),
            (&json!("actix-web"), &json!(2), &json!(2))
        );
        assert!(!agent.to_string().contains(KEY));
    }
}

fn begins_with_the_servers_list_and_configuration(rig: Rig) {
    let cloud = Cloud::start();
    cloud.bans("198.51.100.0/24");
    cloud.configures(json!({"BLACKLIST_STATUS_CODE": 418}));
    let fleet = Fleet::over(rig, cloud);
    for site in fleet.sites() {
        site.wait_until("the list is in force", || site.get("/", "198.51.100.7") == 418);
        assert_eq!(site.get("/", "203.0.113.7"), 200);
        assert_eq!(site.agent.status().config.source, "server");
    }
    fleet.converges();
}

fn a_ban_crosses_and_is_lifted(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    attack(&fleet.shop, "203.0.113.9");
    fleet
        .blog
        .wait_until("the ban has crossed", || fleet.blog.get("/", "203.0.113.9") == 403);
    assert_eq!(fleet.blog.get("/", "203.0.113.10"), 200, "nobody else is shut out");
    fleet.converges();
    fleet.cloud.unbans("203.0.113.9");
    for site in fleet.sites() {
        site.wait_until("the client is let in again", || site.get("/", "203.0.113.9") == 200);
    }
    fleet.converges();
}

fn an_operators_ban_arrives_and_goes(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    fleet.cloud.bans("2001:db8:7::/64");
    for site in fleet.sites() {
        site.wait_until("the network is shut out", || site.get("/", "2001:db8:7::1") == 403);
        assert_eq!(site.get("/", "2001:db8:8::1"), 200);
    }
    fleet.cloud.unbans("2001:db8:7::/64");
    for site in fleet.sites() {
        site.wait_until("it is let in again", || site.get("/", "2001:db8:7::1") == 200);
    }
    fleet.converges();
}

fn what_an_operator_allows_is_let_go(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    attack(&fleet.shop, "203.0.113.9");
    fleet
        .blog
        .wait_until("the ban has crossed", || fleet.blog.get("/", "203.0.113.9") == 403);
    fleet.cloud.allows("203.0.113.0/24");
    for site in fleet.sites() {
        site.wait_until("the client is let in again", || site.get("/", "203.0.113.9") == 200);
    }
    // what an agent bans of it from now on it lets go of once the server has heard of it
    for client in ["203.0.113.9", "203.0.113.10"] {
        attack(&fleet.shop, client);
        fleet
            .shop
            .wait_until("its own ban is let go of", || fleet.shop.get("/", client) == 200);
        assert_eq!(fleet.blog.get("/", client), 200);
        assert!(!fleet.cloud.lists(client));
    }
    fleet.converges();
}

fn a_changed_configuration_is_in_force(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    let before = fleet.shop.agent.status().config.version;
    fleet
        .cloud
        .configures(json!({"BLOCK_STATUS_CODE": 451, "BLACKLIST_STATUS_CODE": 418}));
    for (n, site) in (1..).zip(fleet.sites()) {
        site.wait_until("the new one is in force", || {
            site.agent.status().config.version > before
        });
        let answer = site.get(DECOY, &format!("203.0.113.{n}"));
        assert!([418, 451].contains(&answer), "{answer}");
    }
    fleet.converges();
}

fn a_list_comes_in_pages(rig: Rig) {
    let cloud = Cloud::with("page_entries = 10");
    for n in 0..45 {
        cloud.bans(&format!("198.51.100.{n}"));
    }
    let fleet = Fleet::over(rig, cloud);
    for site in fleet.sites() {
        site.wait_until("the last page is in force", || {
            let listed = site.agent.status().list.shared;
            assert!([0, 45].contains(&listed), "a part of the list is in force: {listed}");
            site.get("/", "198.51.100.44") == 403
        });
        assert_eq!(site.get("/", "198.51.100.45"), 200);
    }
    // and what follows is a change to that
    fleet.cloud.unbans("198.51.100.44");
    fleet.converges();
    fleet
        .blog
        .wait_until("it is let in", || fleet.blog.get("/", "198.51.100.44") == 200);
}

fn the_status_names_what_carries_the_conversation(rig: Rig) {
    let fleet = Fleet::over(rig, Cloud::start());
    fleet.shop.wait_until("it is carried as it should be", || {
        fleet.shop.agent.status().conversation.transport == Some(rig.carried_by)
    });
    assert_eq!(fleet.shop.agent.status().conversation.protocol, Some(2));
}
