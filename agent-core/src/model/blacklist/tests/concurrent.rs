//! The list under readers that never stop.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

/// Runs `write` while two threads call `read` over and over, and at least once after it began and once after it ended.
fn beside_readers(read: impl Fn() + Sync, write: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    read();
                }
                read();
            });
        }
        // a failed assertion in `write` must not leave the readers running
        let _guard = Done(&done);
        write();
    });
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Rounds of coming and going in the concurrent tests.
const ROUNDS: u32 = if cfg!(miri) { 2 } else { 12 };
/// Entries that come and go in a round: enough for ten growths, and for a new bitmap every few rounds.
const CHURN: u32 = if cfg!(miri) { 60 } else { 6_000 };

/// Neighbours of those that stay, in the same /24 and /48: a quarter IPv6 networks, a quarter single IPv6 addresses.
fn churning(n: u32) -> IpNet {
    match n % 4 {
        0 => IpNet::new(
            IpAddr::V6(Ipv6Addr::new(
                0x2001,
                0xdb8,
                0,
                0x100,
                0,
                0,
                u16::try_from(n >> 16).unwrap(),
                u16::try_from(n & 0xffff).unwrap(),
            )),
            128,
        )
        .unwrap(),
        1 => IpNet::new(
            IpAddr::V6(Ipv6Addr::new(
                0x2001,
                0xdb8,
                0,
                0x200 + u16::try_from(n / 4).unwrap(),
                0,
                0,
                0,
                0,
            )),
            64,
        )
        .unwrap(),
        _ => IpNet::from(IpAddr::V4(Ipv4Addr::from(0xcb00_0000 + n))),
    }
}

/// The end of an entry that comes and goes: its own, so that another's would be noticed.
fn end_of_churning(n: u32) -> Duration {
    NOW + HOUR + seconds(n)
}

#[test]
fn readers_never_miss_who_stays_nor_hit_who_never_came() {
    let list = Blacklist::new();
    let staying = [
        "203.1.0.255",
        "203.0.0.0",
        "203.1.1.0/25",
        "2001:db8::/64",
        "2001:db8:0:100::1:0:0",
        "2002::/16",
        "10.0.0.0/7",
    ];
    let strangers = [
        "203.1.0.254",
        "203.1.1.128",
        "2001:db8:0:1::1",
        "2001:db8:0:100::2:0:0",
        "2003::1",
        "12.0.0.1",
    ];
    staying
        .iter()
        .for_each(|text| assert!(list.insert(net(text), None, Scope::Shared)));
    beside_readers(
        || {
            for text in staying {
                let hit = list
                    .lookup(net(text).addr(), NOW)
                    .unwrap_or_else(|| panic!("{text} was missed"));
                assert_eq!((hit.network, hit.until), (net(text), None));
            }
            strangers
                .iter()
                .for_each(|text| assert_eq!(list.lookup(ip(text), NOW), None, "{text}"));
            for n in (1..CHURN)
                .step_by(97)
                .filter(|n| !staying.contains(&churning(*n).addr().to_string().as_str()))
            {
                if let Some(hit) = list.lookup(churning(n).addr(), NOW) {
                    assert_eq!((hit.network, hit.until), (churning(n), Some(end_of_churning(n))));
                }
            }
        },
        || {
            for round in 0..ROUNDS {
                for n in 1..CHURN {
                    list.insert(churning(n), Some(end_of_churning(n)), Scope::Local);
                }
                if round % 2 == 0 {
                    for n in 1..CHURN {
                        list.remove(churning(n), Scope::Local);
                    }
                } else {
                    while list.sweep(NOW + 100 * HOUR, 500) > 0 || list.len(Scope::Local) > 0 {}
                }
            }
        },
    );
    assert_eq!((list.len(Scope::Local), list.len(Scope::Shared)), (0, staying.len()));
}

#[test]
fn an_entry_that_changes_scope_is_never_missed() {
    let list = Blacklist::new();
    list.insert(net("203.0.113.9"), None, Scope::Local);
    beside_readers(
        || assert!(list.contains(ip("203.0.113.9"), NOW)),
        || {
            for _ in 0..ROUNDS * 500 {
                list.insert(net("203.0.113.9"), None, Scope::Shared);
                list.remove(net("203.0.113.9"), Scope::Local);
                list.insert(net("203.0.113.9"), None, Scope::Local);
                list.remove(net("203.0.113.9"), Scope::Shared);
            }
        },
    );
}

#[test]
fn what_was_listed_before_a_look_up_began_is_found_by_it() {
    let list = Blacklist::new();
    let listed = AtomicUsize::new(0);
    let address = |n: usize| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + u32::try_from(n * 77).unwrap()));
    beside_readers(
        || {
            let newest = listed.load(Ordering::Acquire);
            for n in [newest / 2, newest.saturating_sub(1)]
                .into_iter()
                .filter(|n| *n < newest)
            {
                assert!(list.contains(address(n), NOW), "entry {n} of {newest}");
            }
        },
        || {
            for n in 0..usize::try_from(CHURN * 4).unwrap() {
                list.insert(IpNet::from(address(n)), None, Scope::Shared);
                listed.store(n + 1, Ordering::Release);
            }
        },
    );
}
