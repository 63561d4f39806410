//! The ring of log lines across forks, seen as its processes see it: by their generations.

#[path = "../src/ring.rs"]
mod ring;

use std::sync::Arc;

use ring::Rings;

fn line(text: &str) -> (u8, String) {
    (20, text.to_owned())
}

#[test]
fn lines_come_out_in_order() {
    let rings = Rings::new();
    let ring = rings.of(0);
    assert!(ring.push(line("first")) && ring.push(line("second")));
    assert_eq!(rings.of(0).pop(), Some(line("first")));
    assert_eq!(rings.of(0).pop(), Some(line("second")));
    assert!(rings.of(0).is_empty());
}

#[test]
fn full_ring_says_so() {
    let ring = Rings::new().of(0);
    let kept = (0..10_000)
        .filter(|number| ring.push(line(&number.to_string())))
        .count();
    assert!((100..10_000).contains(&kept), "{kept} lines found room");
}

/// What a child does with its parent's ring decides whether it may hang: nothing, neither read nor
/// drop.
#[test]
fn childs_ring_leaves_the_parents_alone() {
    let rings = Rings::new();
    let parents = rings.of(0);
    assert!(parents.push(line("the parent's")));
    let holders = Arc::strong_count(&parents);

    let childs = rings.of(1);
    assert!(!Arc::ptr_eq(&parents, &childs));
    assert!(childs.is_empty(), "the child begins without lines");
    assert_eq!(
        Arc::strong_count(&parents),
        holders,
        "the parent's ring is never dropped"
    );
    assert_eq!(parents.pop(), Some(line("the parent's")), "nor read");

    assert!(childs.push(line("the child's")));
    assert!(Arc::ptr_eq(&childs, &rings.of(1)), "one ring a process");
}

#[test]
fn threads_of_a_child_agree_on_one_ring() {
    let rings = Rings::new();
    rings.of(0);
    let found = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| rings.of(1))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(found.iter().all(|ring| Arc::ptr_eq(ring, &rings.of(1))));
}
