//! Client resolution, table by table.

use super::*;
use crate::guard::request::RouteMatch;

const XFF: &str = "x-forwarded-for";
const FORWARDED: &str = "forwarded";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Trusts 10.0.0.0/8 and 2001:db8:10::/48.
fn trusted() -> Trusted {
    Trusted::new(
        ["10.0.0.0/8", "2001:db8:10::/48"].map(|net| net.parse().unwrap()),
        ["198.51.100.80", "2001:db8::80"].map(ip),
    )
}

fn client_of(trusted: &Trusted, peer: &str, headers: &[(&str, &str)]) -> Client {
    let Sender::Known(client) = sender_of(trusted, peer, headers) else {
        panic!("{peer} {headers:?}");
    };
    client
}

fn sender_of(trusted: &Trusted, peer: &str, headers: &[(&str, &str)]) -> Sender {
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = RequestView {
        peer: Some(ip(peer)),
        method: "GET",
        path: "/",
        query: "",
        host: None,
        route: RouteMatch::Matched,
        headers: &headers.as_slice(),
    };
    trusted.sender(&request)
}

fn socket(address: &str) -> Client {
    Client {
        address: ip(address),
        origin: AddressOrigin::Socket,
    }
}

fn header(address: &str) -> Client {
    Client {
        address: ip(address),
        origin: AddressOrigin::Header,
    }
}

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_says() {
    for (name, value) in [
        (XFF, "203.0.113.9"),
        (XFF, "10.0.0.1"),
        (FORWARDED, "for=203.0.113.9"),
        (XFF, "nonsense"),
    ] {
        assert_eq!(
            client_of(&trusted(), "192.0.2.1", &[(name, value)]),
            socket("192.0.2.1")
        );
    }
    assert_eq!(client_of(&trusted(), "::ffff:192.0.2.1", &[]), socket("192.0.2.1"));
}

#[test]
fn x_forwarded_for_is_walked_from_the_right() {
    for (value, expected) in [
        ("203.0.113.9", header("203.0.113.9")),
        ("203.0.113.9, 10.0.0.2", header("203.0.113.9")),
        ("1.1.1.1, 203.0.113.9, 10.0.0.2,10.0.0.3", header("203.0.113.9")),
        ("garbage, 203.0.113.9", header("203.0.113.9")),
        ("\"open, 203.0.113.9", header("203.0.113.9")),
        ("203.0.113.9:4711", header("203.0.113.9")),
        ("[2001:db8::9]:4711", header("2001:db8::9")),
        ("2001:db8::9, 2001:db8:10::1", header("2001:db8::9")),
        ("::ffff:203.0.113.9", header("203.0.113.9")),
        ("203.0.113.9, , ,", header("203.0.113.9")),
        ("10.0.0.7, 10.0.0.2", header("10.0.0.7")),
        ("203.0.113.9, garbage", socket("10.0.0.1")),
        ("203.0.113.9, unknown, 10.0.0.2", socket("10.0.0.1")),
        ("203.0.113.9 10.0.0.2", socket("10.0.0.1")),
        ("203.0.113.9\u{e9}", socket("10.0.0.1")),
        ("", socket("10.0.0.1")),
        (" , ", socket("10.0.0.1")),
    ] {
        assert_eq!(
            client_of(&trusted(), "10.0.0.1", &[(XFF, value)]),
            expected,
            "{value:?}"
        );
    }
}

#[test]
fn forwarded_is_read_by_its_grammar() {
    for (value, expected) in [
        ("for=203.0.113.9", header("203.0.113.9")),
        ("for=1.1.1.1, For=203.0.113.9;proto=https", header("203.0.113.9")),
        (
            "proto=http; for=\"203.0.113.9:4711\" ;by=10.0.0.1",
            header("203.0.113.9"),
        ),
        ("for=\"[2001:db8::9]:80\"", header("2001:db8::9")),
        ("for=203.0.113.9, for=10.0.0.2", header("203.0.113.9")),
        ("for=203.0.113.9;ext=\"a, for=1.1.1.1; b\"", header("203.0.113.9")),
        ("for=203.0.113.9;ext=\"5\\\" disk, for=1.1.1.1\"", header("203.0.113.9")),
        ("for=\"1.1.1.1, for=203.0.113.9", header("203.0.113.9")),
        ("for=\"203.0.113.18:_p1\"", header("203.0.113.18")),
        ("for=203.0.113.18:_a.B-c_9", header("203.0.113.18")),
        ("for=\"[2001:db8::9]:_gw\"", header("2001:db8::9")),
        ("for=\"203.0.113.18:_\"", socket("10.0.0.1")),
        ("for=\"203.0.113.18:_p 1\"", socket("10.0.0.1")),
        ("for=\"203.0.113.18:80:_p1\"", socket("10.0.0.1")),
        ("for=\"[2001:db8::9]:80:_p1\"", socket("10.0.0.1")),
        ("for=\"2001:db8::9:_p1\"", socket("10.0.0.1")),
        ("for=\"_gateway:_p1\"", socket("10.0.0.1")),
        ("for=unknown", socket("10.0.0.1")),
        ("for=203.0.113.9, for=_hidden", socket("10.0.0.1")),
        ("for=203.0.113.9, proto=https", socket("10.0.0.1")),
        ("for=203.0.113.9;for=203.0.113.10", socket("10.0.0.1")),
        ("for=\"203.0.113.9", socket("10.0.0.1")),
        ("203.0.113.9", socket("10.0.0.1")),
    ] {
        assert_eq!(
            client_of(&trusted(), "10.0.0.1", &[(FORWARDED, value)]),
            expected,
            "{value:?}"
        );
    }
}

#[test]
fn lines_are_joined_in_order() {
    let lines = [
        (XFF, "1.1.1.1"),
        ("accept", "*/*"),
        (XFF, "203.0.113.9, 10.0.0.2"),
        (XFF, "10.0.0.3"),
    ];
    assert_eq!(client_of(&trusted(), "10.0.0.1", &lines), header("203.0.113.9"));
}

#[test]
fn a_chain_longer_than_any_real_one_ends_at_the_peer() {
    let chain = |proxies: usize| {
        ["203.0.113.9"]
            .into_iter()
            .chain(vec!["10.0.0.2"; proxies])
            .collect::<Vec<_>>()
    };
    for (proxies, expected) in [
        (MOST_HOPS - 1, header("203.0.113.9")),
        (MOST_HOPS, socket("10.0.0.1")),
        (10_000, socket("10.0.0.1")),
    ] {
        let joined = chain(proxies).join(", ");
        assert_eq!(
            client_of(&trusted(), "10.0.0.1", &[(XFF, &joined)]),
            expected,
            "{proxies} in a line"
        );
        let lines: Vec<_> = chain(proxies).into_iter().map(|hop| (XFF, hop)).collect();
        assert_eq!(client_of(&trusted(), "10.0.0.1", &lines), expected, "{proxies} lines");
    }
    let many = vec![(XFF, "1.1.1.1"); 10_000];
    assert_eq!(
        client_of(&trusted(), "10.0.0.1", &many),
        header("1.1.1.1"),
        "the right end is what counts"
    );
}

#[test]
fn one_header_comes_first_and_the_other_stands_in() {
    let both = [(FORWARDED, "for=1.1.1.1"), (XFF, "203.0.113.9")];
    let pairs_first = trusted().reading_first(ProxyHeader::Forwarded);
    assert_eq!(client_of(&trusted(), "10.0.0.1", &both), header("203.0.113.9"));
    assert_eq!(client_of(&pairs_first, "10.0.0.1", &both), header("1.1.1.1"));
    assert_eq!(client_of(&pairs_first, "10.0.0.1", &[both[1]]), header("203.0.113.9"));
    let doubtful = [(FORWARDED, "for=1.1.1.1"), (XFF, "nobody")];
    assert_eq!(
        client_of(&trusted(), "10.0.0.1", &doubtful),
        socket("10.0.0.1"),
        "a doubtful first header is not replaced by one the client may have made"
    );
}

#[test]
fn a_connection_without_address_has_no_client() {
    let headers: [(&str, &[u8]); 1] = [(XFF, b"203.0.113.9")];
    let request = RequestView {
        peer: None,
        method: "GET",
        path: "/",
        query: "",
        host: None,
        route: RouteMatch::Matched,
        headers: &headers,
    };
    assert_eq!(trusted().client(&request), None);
}

#[test]
fn a_peer_beside_us_that_names_a_client_is_a_proxy_that_is_not_declared() {
    for peer in [
        "172.18.0.2",
        "192.168.1.1",
        "100.64.0.7",
        "127.0.0.1",
        "169.254.1.1",
        "fd00::7",
        "::1",
        "fe80::1",
    ] {
        for header in [
            "x-forwarded-for",
            "forwarded",
            "x-real-ip",
            "cf-connecting-ip",
            "true-client-ip",
        ] {
            let Sender::Undeclared(proxy) = sender_of(&trusted(), peer, &[(header, "203.0.113.9")]) else {
                panic!("{peer} {header}");
            };
            assert_eq!((proxy.address, proxy.header.name()), (ip(peer), header));
        }
        assert_eq!(client_of(&trusted(), peer, &[("accept", "*/*")]), socket(peer));
    }
    assert_eq!(
        client_of(&trusted(), "198.51.100.7", &[("x-real-ip", "203.0.113.9")]),
        socket("198.51.100.7"),
        "on the Internet it is a client that says so"
    );
    let of_an_intranet = trusted().with_private_clients(true);
    assert_eq!(
        client_of(&of_an_intranet, "192.168.1.7", &[(XFF, "203.0.113.9")]),
        socket("192.168.1.7"),
        "a header is no way around a ban"
    );
}

#[test]
fn a_trusted_proxy_that_names_clients_unread_is_told_of() {
    let named_by = |trusted: &Trusted, headers: &[(&str, &str)]| match sender_of(trusted, "10.0.0.1", headers) {
        Sender::Undeclared(proxy) => Some(proxy.header.name()),
        Sender::Known(_) | Sender::NoAddress => None,
    };
    let by_chain = trusted();
    assert_eq!(named_by(&by_chain, &[("x-real-ip", "203.0.113.9")]), Some("x-real-ip"));
    assert_eq!(
        named_by(&by_chain, &[("x-real-ip", "203.0.113.9"), (XFF, "203.0.113.9")]),
        None
    );
    assert_eq!(
        named_by(&by_chain, &[(XFF, "nonsense"), ("x-real-ip", "203.0.113.9")]),
        None,
        "it is read"
    );
    let by_one = trusted().named_by("CF-Connecting-IP");
    assert_eq!(named_by(&by_one, &[(XFF, "203.0.113.9")]), Some(XFF));
    assert_eq!(
        named_by(&by_one, &[("cf-connecting-ip", "203.0.113.9"), (XFF, "192.0.2.1")]),
        None
    );
    for trusted in [&by_chain, &by_one] {
        assert_eq!(
            client_of(trusted, "10.0.0.1", &[("accept", "*/*")]),
            socket("10.0.0.1"),
            "its own check of health"
        );
    }
}

#[test]
fn so_is_one_in_the_middle_of_a_chain() {
    let of = |value| sender_of(&trusted(), "10.0.0.1", &[(XFF, value)]);
    let Sender::Undeclared(proxy) = of("203.0.113.9, 172.18.0.2, 10.0.0.2") else {
        panic!();
    };
    assert_eq!((proxy.address, proxy.header.is_chain()), (ip("172.18.0.2"), true));
    let alone = client_of(&trusted(), "10.0.0.1", &[(XFF, "172.18.0.2, 10.0.0.2")]);
    assert_eq!(alone, header("172.18.0.2"), "a client of the private network's own");
}

#[test]
fn one_header_that_names_the_client_is_read_alone_and_from_trusted_proxies_alone() {
    let trusted = trusted().named_by("CF-Connecting-IP");
    let cf = |value| ("cf-connecting-ip", value);
    let chain = (XFF, "198.51.100.7");
    for (headers, expected) in [
        (vec![cf("203.0.113.9"), chain], header("203.0.113.9")),
        (vec![cf("2001:db8::9")], header("2001:db8::9")),
        (vec![cf("203.0.113.9"), cf("203.0.113.10")], socket("10.0.0.1")),
        (vec![cf("203.0.113.9, 203.0.113.10")], socket("10.0.0.1")),
        (vec![cf("")], socket("10.0.0.1")),
    ] {
        assert_eq!(client_of(&trusted, "10.0.0.1", &headers), expected, "{headers:?}");
    }
    assert_eq!(
        client_of(&trusted, "192.0.2.1", &[cf("203.0.113.9")]),
        socket("192.0.2.1")
    );
    let both = [(FORWARDED, "for=1.1.1.1"), (XFF, "203.0.113.9")];
    let pairs_first = self::trusted().named_by("Forwarded");
    assert_eq!(client_of(&pairs_first, "10.0.0.1", &both), header("1.1.1.1"));
}

#[test]
fn only_other_hosts_are_bannable() {
    for address in [
        "203.0.113.9",
        "::ffff:203.0.113.9",
        "2001:db8::1",
        "100.128.0.1",
        "172.32.0.1",
    ] {
        assert!(trusted().bannable(ip(address)), "{address}");
    }
    let of_an_intranet = trusted().with_private_clients(true);
    for address in [
        "192.168.1.7",
        "172.16.0.1",
        "::ffff:192.168.1.7",
        "100.64.0.1",
        "fd00::1",
        "fc00::1",
    ] {
        assert!(!trusted().bannable(ip(address)), "{address}");
        assert!(of_an_intranet.bannable(ip(address)), "{address}");
    }
    for address in ["10.1.2.3", "127.0.0.1", "169.254.1.1", "fe80::1"] {
        assert!(!of_an_intranet.bannable(ip(address)), "{address}");
    }
    for address in [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "169.254.1.1",
        "fe80::1",
        "10.1.2.3",
        "2001:db8:10::7",
        "198.51.100.80",
        "2001:db8::80",
    ] {
        assert!(!trusted().bannable(ip(address)), "{address}");
    }
}
