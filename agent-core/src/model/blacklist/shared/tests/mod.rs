//! Deltas, confirmations, and when a snapshot is asked for.

mod follows;
mod saved;
mod snapshots;

use std::{collections::BTreeSet, net::IpAddr};

use super::*;
use crate::model::address::to_text;

const NOW: Duration = Duration::from_secs(1000);
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn net(text: &str) -> IpNet {
    parse_network(text).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn digest(networks: &[&str]) -> String {
    Digest::of(networks.iter().map(|text| net(text))).to_string()
}

/// An update to revision `to` that leads to `members`.
fn update(mode: ListMode, from: u64, to: u64, members: &[&str]) -> ListUpdate {
    ListUpdate {
        complete: false,
        mode,
        epoch: "b1".into(),
        from,
        to,
        add: Vec::new(),
        remove: Vec::new(),
        page: 1,
        pages: 1,
        count: members.len() as u64,
        digest: digest(members),
    }
}

fn adding(mut update: ListUpdate, networks: &[&str]) -> ListUpdate {
    update.add = networks.iter().map(|text| ((*text).into(), 3600)).collect();
    update
}

fn removing(mut update: ListUpdate, networks: &[&str]) -> ListUpdate {
    update.remove = networks.iter().map(|text| (*text).into()).collect();
    update
}

fn snapshot(to: u64, members: &[&str]) -> ListUpdate {
    adding(update(ListMode::Snapshot, 0, to, members), members)
}

fn paged(mut update: ListUpdate, page: u32, pages: u32) -> ListUpdate {
    (update.page, update.pages) = (page, pages);
    update
}

fn of_epoch(mut update: ListUpdate, epoch: &str) -> ListUpdate {
    update.epoch = epoch.into();
    update
}

/// A list at revision `rev` with `members`, an hour each.
fn at(rev: u64, members: &[&str]) -> SharedList {
    let mut list = SharedList::new(Arc::new(Blacklist::new()));
    assert_eq!(
        list.apply(&snapshot(rev, members), NOW),
        Applied::Swapped { entries: members.len() }
    );
    list
}

fn members(list: &SharedList) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    list.for_each(NOW, &mut |network, _| assert!(members.insert(to_text(network))));
    members
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).into()).collect()
}

/// Applies an update that must be refused and must change nothing.
fn refused(list: &mut SharedList, update: &ListUpdate) -> ListProblem {
    let (before, cursor) = (members(list), list.cursor());
    let Applied::Refused(problem) = list.apply(update, NOW) else {
        panic!("{update:?} was accepted")
    };
    assert_eq!((members(list), list.cursor()), (before, cursor));
    problem
}

#[test]
fn a_delta_is_applied_in_place() {
    let mut list = at(7, &["203.0.113.9", "198.51.100.0/24"]);
    let in_force = Arc::clone(list.list());
    let delta = update(ListMode::Delta, 7, 9, &["198.51.100.0/24", "2001:db8::/64"]);
    let delta = removing(adding(delta, &["2001:db8::/64"]), &["203.0.113.9"]);
    assert_eq!(list.apply(&delta, NOW), Applied::Delta { added: 1, removed: 1 });
    assert!(Arc::ptr_eq(&in_force, list.list()), "readers keep the list they have");
    assert!(in_force.contains(ip("2001:db8::1"), NOW) && !in_force.contains(ip("203.0.113.9"), NOW));
    let cursor = list.cursor().unwrap();
    assert_eq!((cursor.epoch.as_str(), cursor.rev, cursor.count), ("b1", 9, 2));
    assert_eq!(cursor.digest, digest(&["198.51.100.0/24", "2001:db8::/64"]));
    assert_eq!(list.apply(&delta, NOW), Applied::Nothing, "a late copy");
    assert!(!list.wants_snapshot());
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let one = ["203.0.113.9"];
    let two = ["203.0.113.9", "203.0.113.10"];
    let delta = |from, to| adding(update(ListMode::Delta, from, to, &two), &["203.0.113.10"]);
    let mut bad_digest = delta(7, 8);
    bad_digest.digest = digest(&one);
    let mut no_digest = delta(7, 8);
    no_digest.digest = "x".repeat(1000);
    let mut bad_count = delta(7, 8);
    bad_count.count = 3;
    let mut huge = delta(7, 8);
    huge.count = u64::MAX;
    let confirmation = |to, members: &[&str]| update(ListMode::None, to, to, members);
    for (update, expected) in [
        (delta(8, 9), "the update builds on revision 8; the list is at 7"),
        (
            of_epoch(delta(7, 8), "b2"),
            "the update is of the epoch \"b2\", the list of another",
        ),
        (bad_count, "the update leads to 2 entries; announced are 3"),
        (
            huge,
            "the update announces 18446744073709551615 entries; allowed are 16777216",
        ),
        (
            adding(delta(7, 8), &["203.0.113.10", "nonsense"]),
            "\"nonsense\" in the update is neither",
        ),
        (
            removing(delta(7, 8), &["203.0.113.0/33"]),
            "\"203.0.113.0/33\" in the update is neither",
        ),
        (bad_digest, "the update leads to the digest "),
        (no_digest, "the update leads to the digest "),
        (
            confirmation(9, &one),
            "the update builds on revision 9; the list is at 7",
        ),
        (confirmation(7, &two), "the update leads to 1 entries; announced are 2"),
        (confirmation(7, &["203.0.113.10"]), "the update leads to the digest "),
        (of_epoch(confirmation(7, &one), "b2"), "the update is of the epoch"),
    ] {
        let mut list = at(7, &one);
        let problem = refused(&mut list, &update);
        let is_gap = matches!(problem, ListProblem::Gap { .. });
        assert_eq!((list.is_behind(), list.wants_snapshot()), (is_gap, !is_gap));
        let problem = problem.to_string();
        assert!(problem.starts_with(expected), "{problem:?}, not {expected:?}");
        assert!(problem.len() < 300, "{problem}");
        let _ = list.apply(&snapshot(12, &two), NOW);
        assert!(!list.wants_snapshot() && !list.is_behind());
    }
}

#[test]
fn without_history_only_a_snapshot_fits() {
    let mut list = SharedList::new(Arc::new(Blacklist::new()));
    assert_eq!(
        (list.cursor(), list.staging(), list.wants_snapshot()),
        (None, None, false)
    );
    let delta = adding(update(ListMode::Delta, 0, 1, &["203.0.113.9"]), &["203.0.113.9"]);
    assert_eq!(refused(&mut list, &delta), ListProblem::Gap { have: None, from: 0 });
    assert_eq!(
        refused(&mut list, &update(ListMode::None, 0, 0, &[])),
        ListProblem::Gap { have: None, from: 0 }
    );
    assert_eq!(
        list.apply(&snapshot(1, &["203.0.113.9"]), NOW),
        Applied::Swapped { entries: 1 }
    );
}

#[test]
fn a_snapshot_is_asked_for_once_a_minute_and_the_cursor_told_in_between() {
    let mut list = at(7, &["203.0.113.9"]);
    let cursor = list.cursor();
    assert_eq!(list.have(NOW), (cursor.clone(), None));
    refused(&mut list, &update(ListMode::None, 7, 7, &[]));
    assert_eq!(list.have(NOW), (None, None), "asks");
    assert_eq!(list.have(NOW + MINUTE - Duration::from_secs(1)), (cursor, None));
    assert_eq!(list.have(NOW + MINUTE), (None, None), "asks again");
    let delta = removing(update(ListMode::Delta, 7, 10, &[]), &["203.0.113.9"]);
    assert_eq!(
        list.apply(&delta, NOW + MINUTE),
        Applied::Delta { added: 0, removed: 1 }
    );
    assert!(!list.wants_snapshot(), "a delta from the true cursor set it right");
    assert_eq!(list.have(NOW + 3 * MINUTE).0, list.cursor());
}

#[test]
fn a_gap_is_closed_by_a_delta_from_the_true_cursor_and_only_one_that_lasts_by_a_snapshot() {
    let gap = update(ListMode::Delta, 9, 10, &[]);
    let mut list = at(7, &["203.0.113.9"]);
    refused(&mut list, &gap);
    assert_eq!(list.lag(), 3);
    let long_after = NOW + 10 * MINUTE;
    assert_eq!(
        list.have(long_after),
        (list.cursor(), None),
        "nobody has been asked yet"
    );
    let second = Duration::from_secs(1);
    for later in [Duration::ZERO, second, MINUTE - second] {
        assert!(matches!(list.apply(&gap, long_after + later), Applied::Refused(_)));
        assert_eq!(list.have(long_after + later), (list.cursor(), None));
    }
    let mut healed = at(7, &["203.0.113.9"]);
    refused(&mut healed, &gap);
    let _ = healed.have(NOW);
    let delta = removing(update(ListMode::Delta, 7, 10, &[]), &["203.0.113.9"]);
    assert_eq!(healed.apply(&delta, NOW), Applied::Delta { added: 0, removed: 1 });
    assert_eq!((healed.is_behind(), healed.lag()), (false, 0));

    assert!(matches!(list.apply(&gap, long_after + MINUTE), Applied::Refused(_)));
    assert_eq!(
        list.have(long_after + MINUTE),
        (None, None),
        "the server does not close it"
    );
}

#[test]
fn what_does_not_fit_calls_for_one_exchange_and_a_page_for_the_next() {
    let mut list = at(7, &[]);
    let said = |list: &mut SharedList, update: &ListUpdate| {
        let applied = list.apply(update, NOW);
        list.speak_after(&applied)
    };
    let gap = update(ListMode::Delta, 9, 10, &[]);
    assert_eq!(said(&mut list, &gap), Some(Speak::Soon));
    assert_eq!(said(&mut list, &gap), None, "once");
    assert_eq!(said(&mut list, &update(ListMode::Delta, 5, 6, &[])), None);
    assert_eq!(said(&mut list, &gap), None, "a late copy sets nothing right");
    assert_eq!(said(&mut list, &update(ListMode::Delta, 7, 8, &[])), None);
    assert_eq!(said(&mut list, &gap), Some(Speak::Soon), "another gap");
    let page = paged(snapshot(12, &["203.0.113.9"]), 1, 2);
    assert_eq!(said(&mut list, &page), Some(Speak::Now));
    assert_eq!(
        said(&mut list, &paged(page, 5, 2)),
        Some(Speak::Soon),
        "a page out of turn is asked for again"
    );
}

#[test]
fn it_knows_how_far_behind_it_is() {
    let mut list = SharedList::new(Arc::new(Blacklist::new()));
    assert_eq!(list.lag(), 0, "nobody has mentioned anything");
    refused(&mut list, &update(ListMode::Delta, 4, 5, &[]));
    assert_eq!(list.lag(), 5);
    let _ = list.apply(&snapshot(4, &[]), NOW);
    assert_eq!(list.lag(), 1);
    let _ = list.apply(&update(ListMode::None, 3, 3, &[]), NOW);
    assert_eq!(list.lag(), 1, "a late word makes the server no older");
    let _ = list.apply(&update(ListMode::Delta, 4, 5, &[]), NOW);
    assert_eq!(list.lag(), 0);
    refused(&mut list, &of_epoch(update(ListMode::None, 9, 9, &[]), "b2"));
    assert_eq!(list.lag(), 9, "of another history all is missing");
}

#[test]
fn a_confirmation_sets_right_and_an_old_one_is_ignored() {
    let mut list = at(7, &["203.0.113.9"]);
    refused(&mut list, &update(ListMode::None, 7, 7, &[]));
    assert_eq!(list.apply(&update(ListMode::None, 6, 6, &[]), NOW), Applied::Nothing);
    assert!(list.wants_snapshot());
    assert_eq!(
        list.apply(&update(ListMode::None, 7, 7, &["203.0.113.9"]), NOW),
        Applied::Nothing
    );
    assert!(!list.wants_snapshot());
}

#[test]
fn a_removal_lets_in_again_and_housekeeping_does_not() {
    let mut list = at(7, &["203.0.113.9", "203.0.113.10"]);
    for text in ["203.0.113.9", "203.0.113.10", "203.0.113.11"] {
        list.list().insert(net(text), Some(NOW + 3 * HOUR), Scope::Local);
    }
    let unban = removing(
        update(ListMode::Delta, 7, 8, &["203.0.113.10"]),
        &["203.0.113.9", "203.0.113.11"],
    );
    assert_eq!(list.apply(&unban, NOW), Applied::Delta { added: 0, removed: 1 });
    assert!(!list.list().contains(ip("203.0.113.9"), NOW));
    assert!(
        !list.list().contains(ip("203.0.113.11"), NOW),
        "unbanned before this agent had it from the server"
    );
    let tidied = removing(update(ListMode::Delta, 8, 9, &[]), &["203.0.113.10"]);
    assert_eq!(list.apply(&tidied, NOW + HOUR), Applied::Delta { added: 0, removed: 1 });
    assert!(
        list.list().contains(ip("203.0.113.10"), NOW + HOUR),
        "it was caught here anew since"
    );
}

#[test]
fn removals_come_first_and_repetitions_count_once() {
    let mut list = at(7, &["203.0.113.9"]);
    let mut delta = update(ListMode::Delta, 7, 8, &["203.0.113.9", "203.0.113.0/24"]);
    delta.remove = vec!["203.0.113.9".into(), "203.0.113.9".into(), "192.0.2.1".into()];
    delta.add = vec![
        ("203.0.113.9".into(), 60),
        ("::ffff:203.0.113.9".into(), 7200),
        ("203.0.113.77/24".into(), 60),
        ("203.0.113.0/24".into(), 60),
    ];
    assert_eq!(list.apply(&delta, NOW), Applied::Delta { added: 1, removed: 0 });
    let hit = list.list().lookup(ip("203.0.113.9"), NOW).unwrap();
    assert_eq!(
        (hit.network, hit.until),
        (net("203.0.113.9"), Some(NOW + 2 * HOUR)),
        "the last time counts"
    );
}

#[test]
fn time_left_from_none_to_for_ever() {
    let mut list = at(7, &[]);
    let now = NOW + Duration::from_millis(500);
    let mut delta = update(
        ListMode::Delta,
        7,
        8,
        &["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"],
    );
    delta.add = [
        ("203.0.113.1", 0),
        ("203.0.113.2", 60),
        ("203.0.113.3", FOREVER_S),
        ("203.0.113.4", u64::MAX),
    ]
    .map(|(text, ttl_s)| (text.to_owned(), ttl_s))
    .into();
    assert_eq!(list.apply(&delta, now), Applied::Delta { added: 4, removed: 0 });
    let until = |text| list.list().lookup(ip(text), now).map(|hit| hit.until);
    assert_eq!(until("203.0.113.1"), None, "a member that shuts nobody out");
    assert_eq!(until("203.0.113.2"), Some(Some(NOW + Duration::from_secs(61))));
    assert_eq!((until("203.0.113.3"), until("203.0.113.4")), (Some(None), Some(None)));
}
