//! Snapshots and their pages.

use super::*;

#[test]
fn pages_are_put_aside_until_the_last_has_come() {
    let all = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];
    let page = |n: u32| {
        let member = all[usize::try_from(n - 1).unwrap()];
        paged(adding(update(ListMode::Snapshot, 0, 20, &all), &[member]), n, 3)
    };
    let mut list = at(7, &["198.51.100.7"]);
    let in_force = Arc::clone(list.list());
    assert_eq!(list.apply(&page(1), NOW), Applied::Page { page: 1, pages: 3 });
    assert_eq!(
        list.staging(),
        Some(Staging {
            epoch: "b1".into(),
            to: 20,
            page: 1
        })
    );
    let out_of_turn = ListProblem::PageOrder {
        page: 3,
        pages: 3,
        expected: 2,
    };
    assert_eq!(refused(&mut list, &page(3)), out_of_turn);
    assert_eq!(list.apply(&page(2), NOW), Applied::Page { page: 2, pages: 3 });
    assert_eq!(members(&list), set(&["198.51.100.7"]));
    assert!(
        !list.list().contains(ip("203.0.113.1"), NOW),
        "nothing of it is in force yet"
    );
    assert_eq!(list.apply(&page(3), NOW), Applied::Swapped { entries: 3 });
    assert_eq!((members(&list), list.staging()), (set(&all), None));
    assert!(!Arc::ptr_eq(&in_force, list.list()));
    assert_eq!(
        list.apply(&page(3), NOW),
        Applied::Nothing,
        "a late copy of what is in force"
    );
}

#[test]
fn a_page_of_another_snapshot_is_not_mixed_in() {
    let all = ["203.0.113.1", "203.0.113.2"];
    let page = |to, n: usize| {
        paged(
            adding(update(ListMode::Snapshot, 0, to, &all), &[all[n - 1]]),
            u32::try_from(n).unwrap(),
            2,
        )
    };
    let mut list = at(7, &[]);
    assert_eq!(list.apply(&page(20, 1), NOW), Applied::Page { page: 1, pages: 2 });
    for other in [
        page(21, 2),
        of_epoch(page(20, 2), "b2"),
        paged(page(20, 2), 0, 2),
        paged(page(20, 2), 3, 2),
    ] {
        assert!(
            matches!(refused(&mut list, &other), ListProblem::PageOrder { expected: 2, .. }),
            "{other:?}"
        );
    }
    assert_eq!(
        list.apply(&page(21, 1), NOW),
        Applied::Page { page: 1, pages: 2 },
        "a newer one begins"
    );
    assert_eq!(list.apply(&page(21, 2), NOW), Applied::Swapped { entries: 2 });
}

#[test]
fn another_snapshot_of_the_same_name_is_begun_and_not_asked_for_for_ever() {
    let (before, after) = (["203.0.113.1", "203.0.113.2"], ["203.0.113.1", "203.0.113.3"]);
    let page = |all: [&str; 2], n: usize| {
        let page = adding(update(ListMode::Snapshot, 0, 20, &all), &[all[n - 1]]);
        paged(page, u32::try_from(n).unwrap(), 2)
    };
    let mut list = at(7, &[]);
    assert_eq!(list.apply(&page(before, 1), NOW), Applied::Page { page: 1, pages: 2 });
    // the server went back to an older state and came to the same revision by another way
    assert!(matches!(
        refused(&mut list, &page(after, 2)),
        ListProblem::PageOrder { expected: 1, .. }
    ));
    assert_eq!(list.staging(), None, "the second page is not asked for again");
    assert_eq!(list.apply(&page(after, 1), NOW), Applied::Page { page: 1, pages: 2 });
    assert_eq!(list.apply(&page(after, 2), NOW), Applied::Swapped { entries: 2 });
    assert_eq!(members(&list), set(&after));
}

#[test]
fn a_snapshot_that_is_not_what_was_announced_is_thrown_away() {
    let all = ["203.0.113.1", "203.0.113.2"];
    let whole = |members: &[&str]| adding(update(ListMode::Snapshot, 0, 20, &all), members);
    let mut list = at(7, &["198.51.100.7"]);
    for (bad, is_expected) in [
        (
            whole(&["203.0.113.1"]),
            (|p| matches!(p, ListProblem::Count { announced: 2, found: 1 })) as fn(&ListProblem) -> bool,
        ),
        (paged(whole(&["1.1.1.1", "2.2.2.2", "3.3.3.3"]), 1, 9), |p| {
            matches!(p, ListProblem::Count { announced: 2, found: 3 })
        }),
        (whole(&["203.0.113.1", "203.0.113.3"]), |p| {
            matches!(p, ListProblem::Digest { .. })
        }),
        (whole(&["203.0.113.1", ""]), |p| {
            *p == ListProblem::BadAddress(String::new())
        }),
    ] {
        let problem = refused(&mut list, &bad);
        assert!(is_expected(&problem), "{problem}");
        assert_eq!((list.staging(), list.wants_snapshot()), (None, true));
    }
    assert_eq!(
        list.apply(&whole(&["203.0.113.1", "203.0.113.2", "::ffff:203.0.113.1"]), NOW),
        Applied::Swapped { entries: 2 }
    );
}

#[test]
fn the_agents_own_entries_outlive_a_snapshot() {
    let mut list = at(7, &["203.0.113.9", "203.0.113.10", "203.0.113.11"]);
    let own = |list: &SharedList, text| {
        let mut until = None;
        list.list().for_each(Scope::Local, &mut |network, end| {
            if network == net(text) {
                until = end
            }
        });
        until
    };
    for text in ["198.51.100.7", "203.0.113.9", "203.0.113.10"] {
        assert!(list.list().ban(net(text), Some(NOW + 2 * HOUR), NOW));
    }
    list.list().insert(net("198.51.100.8"), Some(NOW), Scope::Local);
    let pages = ["203.0.113.9", "192.0.2.0/24"];
    let page = |n: usize| {
        paged(
            adding(update(ListMode::Snapshot, 0, 9, &pages), &[pages[n - 1]]),
            u32::try_from(n).unwrap(),
            2,
        )
    };
    let _ = list.apply(&page(1), NOW);
    assert!(
        list.list().ban(net("198.51.100.9"), Some(NOW + HOUR), NOW),
        "caught while pages come in"
    );
    let old = Arc::clone(list.list());
    assert_eq!(list.apply(&page(2), NOW), Applied::Swapped { entries: 2 });
    assert_eq!(own(&list, "198.51.100.7"), Some(NOW + 2 * HOUR));
    assert_eq!(own(&list, "198.51.100.9"), Some(NOW + HOUR));
    assert_eq!(
        own(&list, "203.0.113.9"),
        Some(NOW + 2 * HOUR),
        "in both scopes, and stays so"
    );
    assert_eq!(
        own(&list, "203.0.113.10"),
        None,
        "on the fleet's list before, and not now: it was unbanned"
    );
    assert_eq!(list.list().len(Scope::Local), 3, "what has ended is left behind");
    old.ban(net("198.51.100.10"), Some(NOW + HOUR), NOW);
    list.list().adopt_local(&old, NOW);
    assert_eq!(
        own(&list, "198.51.100.10"),
        Some(NOW + HOUR),
        "caught by one who had the old list still"
    );
    assert_eq!(own(&list, "203.0.113.10"), None, "an unban stays one");
}

#[test]
fn a_server_that_lost_its_memory_unbans_nobody() {
    let mut list = at(7, &["203.0.113.9"]);
    list.list().ban(net("203.0.113.9"), Some(NOW + HOUR), NOW);
    assert_eq!(
        list.apply(&of_epoch(snapshot(0, &[]), "b2"), NOW),
        Applied::Swapped { entries: 0 }
    );
    assert!(list.list().contains(ip("203.0.113.9"), NOW));
    assert_eq!(list.cursor().unwrap().epoch, "b2");
}

#[test]
fn what_is_kept_of_a_history_is_told_so_that_it_is_saved_and_forgotten() {
    let another = |epoch: &str, members: &[&str]| of_epoch(snapshot(1, members), epoch);
    let complete = |epoch: &str| ListUpdate {
        complete: true,
        ..another(epoch, &[])
    };
    let end = Some(NOW + HOUR);
    let own = |list: &SharedList, text: &str| list.list().until(net(text), Scope::Local);

    let mut list = at(3, &["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
    assert_eq!(list.take_carried(), Carried::default());
    list.list().ban(net("203.0.113.3"), Some(NOW + MINUTE), NOW);
    let _ = list.apply(&another("b2", &["203.0.113.2"]), NOW);
    let carried = list.take_carried();
    assert_eq!(
        carried.kept,
        [(net("203.0.113.1"), end)],
        "the agent's own are saved as they are"
    );
    assert!(carried.released.is_empty());
    assert_eq!(list.take_carried(), Carried::default());

    let _ = list.apply(&another("b3", &[]), NOW);
    assert_eq!(list.take_carried().kept, [(net("203.0.113.2"), end)]);
    assert_eq!(list.kept.len(), 2);
    let _ = list.apply(&another("b4", &[]), NOW);
    assert_eq!(list.kept.len(), 2, "nothing is kept twice");

    // what the host bans meanwhile, or the agent catches once more, is no part of it
    list.list().remove(net("203.0.113.1"), Scope::Local);
    assert!(list.list().ban(net("203.0.113.1"), Some(NOW + 2 * HOUR), NOW));
    let _ = list.apply(&complete("b5"), NOW);
    assert_eq!(list.take_carried().released, [net("203.0.113.2")]);
    assert_eq!(own(&list, "203.0.113.1"), Some(Some(NOW + 2 * HOUR)));
    assert_eq!(own(&list, "203.0.113.2"), None);
    assert_eq!(own(&list, "203.0.113.3"), Some(Some(NOW + MINUTE)));
}

#[test]
fn what_was_let_in_or_has_ended_is_kept_no_longer() {
    let mut list = at(3, &["203.0.113.1", "203.0.113.2"]);
    let _ = list.apply(&of_epoch(snapshot(1, &[]), "b2"), NOW);
    assert_eq!(list.kept.len(), 2);
    list.list().remove(net("203.0.113.1"), Scope::Local);
    list.list().sweep(NOW + 2 * HOUR, usize::MAX);
    let _ = list.apply(&of_epoch(snapshot(1, &[]), "b3"), NOW + 2 * HOUR);
    assert!(list.kept.is_empty());
}

#[test]
fn an_own_entry_that_has_ended_holds_nothing_back() {
    let mut list = at(3, &["203.0.113.1"]);
    list.list().insert(net("203.0.113.1"), Some(NOW), Scope::Local);
    let _ = list.apply(&of_epoch(snapshot(1, &[]), "b2"), NOW);
    assert!(list.list().contains(ip("203.0.113.1"), NOW));
}

#[test]
fn an_own_entry_that_a_snapshot_unbans_is_told_as_well() {
    let mut list = at(7, &["203.0.113.9"]);
    list.list().ban(net("203.0.113.9"), Some(NOW + HOUR), NOW);
    let _ = list.apply(&snapshot(9, &[]), NOW);
    assert_eq!(list.take_carried().released, [net("203.0.113.9")]);
}

#[test]
fn a_new_history_is_no_amnesty_unless_it_says_that_it_is_complete() {
    let listed = |list: &SharedList, text: &str, at: Duration| list.list().contains(text.parse().unwrap(), at);
    let begun = || at(3, &["203.0.113.1", "203.0.113.2"]);
    let another = |members: &[&str]| of_epoch(snapshot(1, members), "another");
    let end = NOW + Duration::from_secs(3_600);

    let mut list = begun();
    let _ = list.apply(&another(&["203.0.113.2"]), NOW);
    assert_eq!(list.cursor().unwrap().count, 1, "the fleet's list is the server's");
    assert!(listed(&list, "203.0.113.1", end - Duration::from_secs(1)));
    assert!(
        !listed(&list, "203.0.113.1", end + Duration::from_secs(1)),
        "its own end holds"
    );
    let lifted = of_epoch(
        removing(update(ListMode::Delta, 1, 2, &["203.0.113.2"]), &["203.0.113.1"]),
        "another",
    );
    assert_ne!(list.apply(&lifted, NOW), Applied::Nothing);
    assert!(!listed(&list, "203.0.113.1", NOW), "a removal ends it");

    let mut list = begun();
    let complete = |update: ListUpdate| ListUpdate {
        complete: true,
        ..update
    };
    let _ = list.apply(&complete(another(&["203.0.113.2"])), NOW);
    assert!(!listed(&list, "203.0.113.1", NOW), "the server says that this is all");

    let mut list = begun();
    let _ = list.apply(&another(&[]), NOW);
    let third = of_epoch(snapshot(1, &[]), "third");
    let _ = list.apply(&complete(third), NOW);
    assert!(!listed(&list, "203.0.113.1", NOW), "and what was kept before goes too");

    let mut list = begun();
    list.list().suspend_shared(true);
    let _ = list.apply(&another(&[]), NOW);
    assert!(
        !listed(&list, "203.0.113.1", NOW),
        "what was not acted upon is not kept"
    );
}
