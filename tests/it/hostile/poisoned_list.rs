//! One application's word, or that of a thief of its key, about clients of all the others.

use buckler::{
    protocol::v2::{EventKind, Evidence},
    testing::Signer,
};
use buckler_server::{Profile, Server};
use serde_json::json;

use super::attacker::{HONEST, Puppet, STOLEN, codes, listed, started, stop, two_applications, unix_ms};
use crate::{
    flow::admin,
    site::{Site, settings},
};

#[test]
fn what_one_application_only_suspects_waits_for_another() {
    let server = started(two_applications());
    let mut puppets = [Puppet::new(STOLEN), Puppet::new(STOLEN)];
    for puppet in &mut puppets {
        puppet.event(EventKind::Ban, "203.0.113.1", Evidence::Repeated);
        assert_eq!(codes(&puppet.speaks(&server)), [""; 0]);
    }
    assert_eq!(listed(&server), [], "two ids of one key are one witness");
    let waiting = admin(&server, "GET", "proposals", None);
    assert_eq!(waiting["data"]["proposals"][0]["address"], "203.0.113.1", "{waiting}");
    assert_eq!(waiting["data"]["proposals"][0]["profile"], "blog");
    let mut shop = Puppet::new(HONEST);
    shop.event(EventKind::Ban, "203.0.113.1", Evidence::Threshold);
    shop.speaks(&server);
    assert_eq!(listed(&server), [], "a count that was exceeded is no witness");
    shop.event(EventKind::Ban, "203.0.113.1", Evidence::Repeated);
    shop.speaks(&server);
    assert_eq!(listed(&server).len(), 1);
    puppets[0].lifts("203.0.113.1");
    assert_eq!(codes(&puppets[0].speaks(&server)), ["not_yours"], "it takes two");
    stop(server);
}

#[test]
fn an_operator_says_whose_suspicion_is_enough() {
    let trusted = Profile::for_key("the-key-of-the-trusted").share_from(Evidence::Repeated);
    let server = started(two_applications().profile("trusted", trusted));
    let mut puppet = Puppet::new("the-key-of-the-trusted");
    puppet.event(EventKind::Ban, "203.0.113.1", Evidence::Repeated);
    puppet.speaks(&server);
    assert_eq!(listed(&server).len(), 1);
    stop(server);
}

#[test]
fn a_ban_from_the_future_does_not_undo_what_an_operator_lifted() {
    let server = started(two_applications());
    let mut thief = Puppet::new(STOLEN);
    thief.bans("203.0.113.1");
    thief.speaks(&server);
    admin(&server, "DELETE", "blacklist?address=203.0.113.1", None);
    thief.bans("203.0.113.1").at_ms = unix_ms() + 3_600_000;
    assert_eq!(codes(&thief.speaks(&server)), ["unbanned"]);
    assert_eq!(listed(&server), []);
    stop(server);
}

#[test]
fn a_server_that_lost_its_list_lets_nobody_in() {
    let server = started(two_applications());
    let site = Site::start(settings(server.cloud_url().as_str()).key(HONEST));
    let ban = json!({"address": "203.0.113.9", "ttl_s": 3_600});
    admin(&server, "POST", "blacklist", Some(ban));
    site.wait_until("it is banned", || site.get("/", "203.0.113.9") == 403);
    let address = server.address().to_string();
    stop(server);
    let empty = Server::builder(two_applications()).listen(&address).start().unwrap();
    site.wait_until("the agent has the other list", || {
        let status = site.agent.status();
        status.list.shared == 0 && status.conversation.state == "synced"
    });
    assert_eq!(listed(&empty), []);
    assert_eq!(site.get("/", "203.0.113.9"), 403, "the ban lasts until its own end");
    admin(&empty, "POST", "blacklist/complete", Some(json!({})));
    site.wait_until("an operator says that the list is complete", || {
        site.get("/", "203.0.113.9") == 200
    });
    stop(empty);
}

/// Nothing signs a list: where the host believes signatures alone, no server says that what it
/// leaves out is let in.
#[test]
fn a_list_that_is_said_to_be_all_there_is_lets_nobody_in_where_keys_are_pinned() {
    let server = started(two_applications());
    let signing = json!({"keys": [Signer(1).key().to_string()], "profile": "shop", "mode": "prefer"});
    let settings = settings(server.cloud_url().as_str()).key(HONEST);
    let site = Site::start(settings.agent_option("signing", signing));
    let ban = |address: &str| json!({"address": address, "ttl_s": 3_600});
    admin(&server, "POST", "blacklist", Some(ban("203.0.113.9")));
    site.wait_until("it is banned", || site.get("/", "203.0.113.9") == 403);
    let address = server.address().to_string();
    stop(server);
    let empty = Server::builder(two_applications()).listen(&address).start().unwrap();
    admin(&empty, "POST", "blacklist/complete", Some(json!({})));
    admin(&empty, "POST", "blacklist", Some(ban("203.0.113.10")));
    site.wait_until("the agent has the other list", || site.get("/", "203.0.113.10") == 403);
    assert_eq!(site.get("/", "203.0.113.9"), 403, "the ban lasts until its own end");
    stop(empty);
}
