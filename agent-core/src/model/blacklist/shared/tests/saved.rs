//! What is kept on disk, and the forms of version 1.

use super::*;

#[test]
fn saved_and_restored() {
    let mut list = at(7, &["203.0.113.9", "2001:db8::/64"]);
    let mut delta = adding(
        update(
            ListMode::Delta,
            7,
            8,
            &["203.0.113.9", "2001:db8::/64", "1.2.3.4", "5.6.7.8"],
        ),
        &[],
    );
    delta.add = vec![("1.2.3.4".into(), 0), ("5.6.7.8".into(), u64::MAX)];
    let _ = list.apply(&delta, NOW);
    let mut saved = Vec::new();
    list.for_each(NOW, &mut |network, left| saved.push((network, left)));
    let cursor = list.cursor().unwrap();

    let later = Duration::from_secs(5);
    let restored = SharedList::restore(cursor.clone(), saved.clone(), later).unwrap();
    assert_eq!(restored.cursor(), Some(cursor.clone()));
    let until = |text| restored.list().lookup(ip(text), later).map(|hit| hit.until);
    assert_eq!(
        until("203.0.113.9"),
        Some(Some(later + HOUR)),
        "time left goes on, not time"
    );
    assert_eq!((until("1.2.3.4"), until("5.6.7.8")), (None, Some(None)));

    let lost = saved.iter().skip(1).copied();
    assert!(matches!(
        SharedList::restore(cursor.clone(), lost, later),
        Err(ListProblem::Count { announced: 4, found: 3 })
    ));
    let swapped = saved.iter().skip(1).copied().chain([(net("9.9.9.9"), None)]);
    assert!(matches!(
        SharedList::restore(cursor, swapped, later),
        Err(ListProblem::Digest { .. })
    ));
}

#[test]
fn version_1_replaces_and_updates_by_sets() {
    let mut list = at(7, &["192.0.2.1"]);
    list.list().ban(net("198.51.100.7"), Some(NOW + HOUR), NOW);
    list.replace_v1(
        [(net("203.0.113.9"), HOUR), (net("203.0.113.10"), Duration::ZERO)],
        NOW,
        &mut |_| {},
    );
    assert_eq!(list.cursor(), None, "version 1 has no history");
    assert_eq!(members(&list), set(&["203.0.113.9", "203.0.113.10"]));
    let contains = |list: &SharedList, text| list.list().contains(ip(text), NOW);
    assert!(contains(&list, "198.51.100.7") && contains(&list, "203.0.113.9"));
    assert!(!contains(&list, "203.0.113.10") && !contains(&list, "192.0.2.1"));

    let new = [
        "203.0.113.9",
        "203.0.113.10",
        "203.0.113.12",
        "198.51.100.7",
        "192.0.2.9",
    ]
    .map(net);
    list.update_v1(
        &new,
        &["203.0.113.9", "203.0.113.12"].map(net),
        5 * HOUR,
        NOW,
        &mut |_| {},
    );
    let until = |text| list.list().lookup(ip(text), NOW).unwrap().until.unwrap();
    assert_eq!(
        until("203.0.113.9"),
        NOW + HOUR,
        "told again: it ends when it was to end"
    );
    assert_eq!(until("198.51.100.7"), NOW + HOUR, "this agent's own ban, told back");
    assert_eq!(until("203.0.113.10"), NOW + 5 * HOUR, "it had ended: a new ban");
    assert_eq!(
        (until("203.0.113.12"), until("192.0.2.9")),
        (NOW + 5 * HOUR, NOW + 5 * HOUR)
    );

    list.update_v1(&[], &["198.51.100.7", "192.0.2.9"].map(net), HOUR, NOW, &mut |_| {});
    assert!(
        !contains(&list, "198.51.100.7") && !contains(&list, "192.0.2.9"),
        "an unban counts for the agent's own too"
    );
}
