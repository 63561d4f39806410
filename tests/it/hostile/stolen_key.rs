//! Somebody has the key of one application, and speaks as its agents.

use std::num::{NonZeroU32, NonZeroUsize};

use buckler::protocol::v2::{EventKind, Evidence};
use serde_json::json;

use super::attacker::{HONEST, Puppet, STOLEN, all_speak, codes, listed, started, stop, two_applications};
use crate::flow::admin;

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

#[test]
fn it_lifts_no_ban_but_its_own() {
    let server = started(two_applications());
    let (mut shop, mut thief) = (Puppet::new(HONEST), Puppet::new(STOLEN));
    shop.bans("203.0.113.1");
    assert_eq!(codes(&shop.speaks(&server)), [""; 0]);
    let ban = json!({"address": "203.0.113.2", "ttl_s": 600});
    admin(&server, "POST", "blacklist", Some(ban));
    // banned first, so as to be the one who may lift it when another application has seen it as
    // well
    thief.bans("203.0.113.3");
    thief.speaks(&server);
    shop.bans("203.0.113.3");
    shop.speaks(&server);
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        thief.lifts(address);
    }
    let refused = thief.speaks(&server);
    assert_eq!(codes(&refused), ["not_yours", "operator_entry", "not_yours"]);
    assert_eq!(listed(&server).len(), 3);

    thief.bans("203.0.113.4");
    thief.lifts("203.0.113.4");
    assert_eq!(codes(&thief.speaks(&server)), [""; 0], "its own word it takes back");
    // a lift of what is not listed yet is no word against the ban of another that is on its way
    thief.lifts("203.0.113.5");
    thief.speaks(&server);
    shop.bans("203.0.113.5").at_ms -= 1_000;
    assert_eq!(codes(&shop.speaks(&server)), [""; 0]);
    assert_eq!(listed(&server).len(), 4);
    stop(server);
}

#[test]
fn however_many_ids_it_makes_up_its_entries_are_few_and_end() {
    let mut config = two_applications();
    config.limits.key_shared_live = number(300);
    let server = started(config);
    let mut puppets: Vec<Puppet> = (0..20).map(|_| Puppet::new(STOLEN)).collect();
    for (n, puppet) in puppets.iter_mut().enumerate() {
        for host in 1..=250 {
            puppet.bans(&format!("11.0.{n}.{host}")).ttl_s = u64::MAX;
        }
    }
    let answers = all_speak(&server, &mut puppets);
    let refused: usize = answers.iter().map(|answer| codes(answer).len()).sum();
    assert_eq!(refused, 20 * 250 - 300, "5,000 were asked for by 20 ids");
    let entries = listed(&server);
    assert_eq!(entries.len(), 300);
    let longest = entries.iter().map(|(_, left)| left.unwrap_or(u64::MAX)).max();
    assert!(longest.is_some_and(|longest| longest <= 7 * 86_400), "{longest:?}");
    let mut shop = Puppet::new(HONEST);
    shop.bans("203.0.113.1");
    assert_eq!(codes(&shop.speaks(&server)), [""; 0], "another key has its own");
    stop(server);
}

#[test]
fn a_minute_has_room_for_so_many_changes_of_a_key_of_whatever_kind() {
    let mut config = two_applications();
    config.limits.key_shared_per_minute = number(30);
    let server = started(config);
    let mut puppets: Vec<Puppet> = (0..4).map(|_| Puppet::new(STOLEN)).collect();
    for (n, puppet) in puppets.iter_mut().enumerate() {
        for host in 1..=10 {
            let address = format!("203.0.113.{}", n * 10 + host);
            puppet.bans(&address);
            puppet.lifts(&address);
        }
    }
    let answers = all_speak(&server, &mut puppets);
    let refused: usize = answers.iter().map(|answer| codes(answer).len()).sum();
    assert_eq!(refused, 80 - 30);
    stop(server);
}

#[test]
fn ids_that_it_makes_up_take_no_other_keys_marks() {
    let mut config = two_applications();
    config.limits.agents = NonZeroUsize::new(50).unwrap();
    let server = started(config);
    let mut shop = Puppet::new(HONEST);
    shop.bans("203.0.113.1");
    let before = shop.part.clone();
    shop.speaks(&server);
    let mut made_up: Vec<Puppet> = (0..200).map(|_| Puppet::new(STOLEN)).collect();
    for puppet in &mut made_up {
        puppet.event(EventKind::Attack, "203.0.113.9", Evidence::Certain);
    }
    all_speak(&server, &mut made_up);
    admin(&server, "DELETE", "blacklist?address=203.0.113.1", None);
    shop.part = before;
    let again = shop.speaks(&server);
    assert_eq!((again.ack, codes(&again)), (Some(1), vec![]), "the batch is known");
    assert_eq!(listed(&server), [], "and counts once");
    stop(server);
}

#[test]
fn ids_beyond_what_a_key_may_bring_in_an_hour_share_nothing_and_lose_nothing() {
    let mut config = two_applications();
    config.limits.key_new_agents_per_hour = number(3);
    let server = started(config);
    let mut puppets: Vec<Puppet> = (0..5).map(|_| Puppet::new(STOLEN)).collect();
    for (n, puppet) in puppets.iter_mut().enumerate() {
        puppet.bans(&format!("203.0.113.{}", n + 1));
    }
    all_speak(&server, &mut puppets);
    assert_eq!(listed(&server).len(), 3);
    let waiting: Vec<usize> = puppets.iter().map(|puppet| puppet.part.events.len()).collect();
    assert_eq!(
        waiting,
        [0, 0, 0, 1, 1],
        "an event that is not taken is not acknowledged"
    );
    let mut shop = Puppet::new(HONEST);
    shop.bans("203.0.113.9");
    shop.speaks(&server);
    assert_eq!(listed(&server).len(), 4);
    stop(server);
}

#[test]
fn a_jump_of_the_numbers_has_no_later_event_taken_for_known() {
    let server = started(two_applications());
    let mut shop = Puppet::new(HONEST);
    shop.bans("203.0.113.1");
    shop.speaks(&server);
    // who knows its stream, and has its key
    let mut thief = Puppet::new(HONEST);
    thief.part.stream = shop.part.stream;
    thief.bans("203.0.113.2").seq = 1 << 40;
    thief.part.first = 1 << 40;
    let refused = thief.speaks(&server);
    assert_eq!((refused.ack, codes(&refused)), (Some(1), vec!["bad_seq"]));
    shop.bans("203.0.113.3");
    assert_eq!(shop.speaks(&server).ack, Some(2));
    // as many events as a message holds, each as far from the one before as may be missing
    let mut thief = Puppet::new(HONEST);
    thief.part.stream = shop.part.stream;
    for n in 1..=256 {
        thief.event(EventKind::Attack, "203.0.113.2", Evidence::Certain).seq = 2 + n * 1_000_000;
    }
    thief.part.first = 1_000_002;
    let refused = thief.speaks(&server);
    assert_eq!((refused.ack, codes(&refused)), (Some(1_000_002), vec!["bad_seq"]));
    let addresses: Vec<String> = listed(&server).into_iter().map(|(address, _)| address).collect();
    assert_eq!(addresses, ["203.0.113.1", "203.0.113.3"]);
    stop(server);
}
