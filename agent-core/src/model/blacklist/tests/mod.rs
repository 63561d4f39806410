//! What the list promises, one promise a test.

mod concurrent;
mod naive;

use std::net::Ipv4Addr;

use super::*;

const NOW: Duration = Duration::from_secs(1000);
const HOUR: Duration = Duration::from_secs(3600);

fn net(text: &str) -> IpNet {
    crate::model::address::parse_network(text).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(s: u32) -> Duration {
    Duration::from_secs(s.into())
}

#[test]
fn an_empty_list_lists_nobody_and_takes_no_memory() {
    let list = Blacklist::new();
    assert!(!list.contains(ip("203.0.113.9"), NOW) && !list.contains(ip("2001:db8::1"), NOW));
    assert!(list.is_empty());
    assert!(list.memory_bytes() < 1024, "{}", list.memory_bytes());
}

#[test]
fn a_hit_says_network_end_and_scope() {
    let list = Blacklist::new();
    assert!(list.insert(net("203.0.113.0/24"), None, Scope::Shared));
    assert!(list.insert(net("203.0.113.9"), Some(NOW + HOUR), Scope::Local));
    let hit = |address| {
        list.lookup(ip(address), NOW)
            .map(|hit| (hit.network.to_string(), hit.until, hit.scope))
    };
    assert_eq!(
        hit("203.0.113.9"),
        Some(("203.0.113.9/32".into(), Some(NOW + HOUR), Scope::Local))
    );
    assert_eq!(
        hit("203.0.113.10"),
        Some(("203.0.113.0/24".into(), None, Scope::Shared))
    );
    assert_eq!(hit("203.0.114.9"), None);
}

#[test]
fn an_ended_address_does_not_hide_its_network() {
    let list = Blacklist::new();
    list.insert(net("203.0.113.9"), Some(NOW), Scope::Shared);
    list.insert(net("203.0.113.0/24"), Some(NOW + HOUR), Scope::Shared);
    list.insert(net("2001:db8::1"), Some(NOW), Scope::Shared);
    list.insert(net("2001:db8::/64"), Some(NOW), Scope::Shared);
    list.insert(net("2001::/16"), Some(NOW + HOUR), Scope::Shared);
    let network = |address| list.lookup(ip(address), NOW).map(|hit| hit.network);
    assert_eq!(network("203.0.113.9"), Some(net("203.0.113.0/24")));
    assert_eq!(network("2001:db8::1"), Some(net("2001::/16")));
}

#[test]
fn a_caught_ipv6_host_is_shut_out_with_its_whole_network() {
    let list = Blacklist::new();
    list.ban(
        crate::model::address::ban_scope(ip("2001:db8::dead:beef")),
        Some(NOW + HOUR),
        NOW,
    );
    assert!(list.contains(ip("2001:db8::1"), NOW));
    assert!(!list.contains(ip("2001:db8:0:1::1"), NOW));
}

#[test]
fn the_widest_networks_and_the_first_addresses() {
    for (network, inside) in [
        ("0.0.0.0/0", "255.255.255.255"),
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("128.0.0.0/1", "203.0.113.9"),
        ("::/0", "2001:db8::1"),
        ("::1", "::1"),
        ("::", "::"),
        ("::/64", "::5"),
        ("8000::/1", "fe80::1"),
    ] {
        let list = Blacklist::new();
        assert!(list.insert(net(network), None, Scope::Local));
        assert_eq!(list.lookup(ip(inside), NOW).map(|hit| hit.network), Some(net(network)));
        assert!(list.remove(net(network), Scope::Local));
        assert_eq!(list.lookup(ip(inside), NOW), None);
    }
}

#[test]
fn host_bits_and_mapped_networks_are_brought_to_one_form() {
    let list = Blacklist::new();
    assert!(list.insert("203.0.113.77/24".parse().unwrap(), None, Scope::Shared));
    assert!(!list.insert("::ffff:203.0.113.0/120".parse().unwrap(), None, Scope::Shared));
    assert!(list.is_member("203.0.113.1/24".parse().unwrap(), Scope::Shared));
    assert!(list.contains(ip("203.0.113.200"), NOW));
}

#[test]
fn a_ban_keeps_the_end_of_one_that_runs() {
    let list = Blacklist::new();
    assert!(list.ban(net("203.0.113.9"), Some(NOW + HOUR), NOW));
    assert!(
        !list.ban(net("203.0.113.9"), Some(NOW + 2 * HOUR), NOW),
        "caught again on requests that were on their way"
    );
    assert_eq!(list.lookup(ip("203.0.113.9"), NOW).unwrap().until, Some(NOW + HOUR));
    let later = NOW + HOUR;
    assert!(
        list.ban(net("203.0.113.9"), Some(later + HOUR), later),
        "the first has ended, though nobody swept it"
    );
    assert!(list.contains(ip("203.0.113.9"), later));
    assert_eq!(list.len(Scope::Local), 1);
}

#[test]
fn to_let_in_again_takes_both_scopes() {
    let list = Blacklist::new();
    list.insert(net("203.0.113.9"), None, Scope::Local);
    list.insert(net("203.0.113.9"), None, Scope::Shared);
    assert!(list.remove(net("203.0.113.9"), Scope::Shared));
    assert!(list.contains(ip("203.0.113.9"), NOW));
    assert!(list.remove(net("203.0.113.9"), Scope::Local));
    assert!(!list.contains(ip("203.0.113.9"), NOW) && list.is_empty());
    assert!(!list.remove(net("203.0.113.9"), Scope::Local));
}

#[test]
fn sweeping_frees_ended_bans_in_steps_and_no_other() {
    let list = Blacklist::new();
    for host in 0..100 {
        let network = IpNet::from(IpAddr::V4(Ipv4Addr::new(203, 0, 113, host)));
        list.insert(
            network,
            Some(if host % 2 == 0 { NOW } else { NOW + HOUR }),
            Scope::Local,
        );
        list.insert(net("2001:db8::/32"), Some(NOW), Scope::Shared);
    }
    let mut freed = 0;
    for _ in 0..100 {
        let step = list.sweep(NOW, 20);
        assert!(step <= 20);
        freed += step;
    }
    assert_eq!((freed, list.len(Scope::Local), list.len(Scope::Shared)), (50, 50, 1));
    list.sweep(NOW + HOUR, usize::MAX);
    assert_eq!((list.len(Scope::Local), list.len(Scope::Shared)), (0, 1));
}

#[test]
fn memory_comes_back() {
    let list = Blacklist::new();
    let address = |n: u32| IpNet::from(IpAddr::V4(Ipv4Addr::from(0xcb00_0000 + n)));
    (0..50_000).for_each(|n| assert!(list.insert(address(n), None, Scope::Shared)));
    let full = list.memory_bytes();
    (0..50_000).for_each(|n| assert!(list.remove(address(n), Scope::Shared)));
    assert!(
        full > (2 << 20) + 50_000 * 12,
        "a bitmap and 12 bytes an entry at least: {full}"
    );
    assert!(
        list.memory_bytes() < (2 << 20) + 4096,
        "the bitmap stays: {}",
        list.memory_bytes()
    );
}

#[test]
fn a_million_addresses_fit_into_32_mib() {
    const ENTRIES: u32 = if cfg!(miri) { 1000 } else { 1_000_000 };
    let list = Blacklist::new();
    // an odd multiplier makes every address a different one, all over IPv4
    (0..ENTRIES).for_each(|n| {
        list.insert(
            IpNet::from(IpAddr::V4(Ipv4Addr::from(n.wrapping_mul(0x9e37_79b1)))),
            None,
            Scope::Shared,
        );
    });
    assert_eq!(list.len(Scope::Shared), usize::try_from(ENTRIES).unwrap());
    assert!(list.memory_bytes() <= 32 << 20, "{}", list.memory_bytes());
}

#[test]
fn bits_that_tell_of_nothing_are_cleared() {
    let list = Blacklist::new();
    list.insert(net("203.0.113.9"), None, Scope::Shared);
    list.insert(net("10.0.0.0/7"), None, Scope::Shared);
    list.insert(net("2001:db8::/64"), None, Scope::Shared);
    assert!(list.bitmaps.v4.test(Bit::of_v4(0x0a01_0203)));
    list.remove(net("10.0.0.0/7"), Scope::Shared);
    assert!(!list.bitmaps.v4.test(Bit::of_v4(0x0a01_0203)));
    assert!(list.contains(ip("203.0.113.9"), NOW) && list.contains(ip("2001:db8::1"), NOW));
}
