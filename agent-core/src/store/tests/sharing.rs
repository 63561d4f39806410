//! Several processes in one directory.

use super::*;

#[test]
fn a_second_process_takes_its_own_place_and_the_next_one_finds_that_of_the_dead() {
    let site = Site::new();
    let (first, _) = site.open();
    first.save_agent_id(Uuid::from_u128(1));
    let (second, _) = site.open();
    assert_eq!(site.state().path, Some(site.path().join("agent-2.redb")));
    second.save_agent_id(Uuid::from_u128(2));
    drop(first);
    assert_eq!(site.open().1.agent_id, Some(Uuid::from_u128(1)));
    drop(second);
}

#[test]
fn a_place_is_kept_while_the_disk_fails() {
    let site = Site::new();
    let (first, _) = site.open();
    site.faults.fail_now(DiskFault::Broken);
    first.save_agent_id(Uuid::from_u128(1));
    assert!(!first.is_on_disk());
    site.faults.heal();
    let (_second, _) = site.open();
    assert_eq!(site.state().path, Some(site.path().join("agent-2.redb")));
}

#[test]
fn events_in_a_place_that_nobody_has_are_taken_over_once() {
    let site = Site::new();
    let (first, second) = (site.open().0, site.open().0);
    let (mine, theirs) = (Uuid::from_u128(5), Uuid::from_u128(4));
    assert!(first.save_offences(&[], &[event(1)], mine));
    assert!(second.save_offences(&[], &[event(1), event(2)], theirs));
    drop((first, second));

    let (first, saved) = site.open();
    assert_eq!(saved.left, [left(theirs, &[1, 2]), left(mine, &[1])]);
    let (second, saved) = site.open();
    assert!(saved.left.is_empty(), "{:?}", saved.left);
    drop((first, second));
    assert_eq!(site.open().1.left.len(), 2, "they are in the first place now");
}

#[test]
fn a_place_in_use_is_left_alone() {
    let site = Site::new();
    let (first, _) = site.open();
    assert!(first.save_offences(&[], &[event(1)], Uuid::from_u128(5)));
    assert!(site.open().1.left.is_empty());
    drop(first);
    assert_eq!(site.open().1.left.len(), 1);
}
