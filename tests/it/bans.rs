//! What it takes to be banned, by a real application with the default settings.

use std::time::Duration;

use buckler::{clock::Clock as _, testing::ManualClock};
use buckler_tests::http;
use serde_json::json;

use crate::{
    rig::HTTP_POLLING,
    site::{DECOY, Site, local},
};

const ATTACKS: [&str; 4] = [
    "/?q=1'+OR+'1'%3D'1",
    "/?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/item/7?host=127.0.0.1;cat+/etc/passwd",
    "/item/7?q=1+UNION+SELECT+name,+password+FROM+users--",
];

/// The default evidence, whatever the other tests need.
fn site() -> Site {
    Site::start(local().security("BAN_GROWTH", true))
}

fn status(site: &Site, path: &str, client: &str, header: &str) -> u16 {
    let head = format!("GET {path} HTTP/1.1\r\nX-Forwarded-For: {client}\r\n{header}");
    http::try_ask(site.app.address(), &head, b"").unwrap().status
}

#[test]
fn one_injection_is_refused_and_bans_no_client_and_three_different_ones_do() {
    let (site, client) = (site(), "203.0.113.9");
    assert_eq!(site.get(ATTACKS[0], client), 403);
    assert_eq!(site.get("/", client), 200, "one mistake bans no client");
    assert_eq!(site.get(ATTACKS[1], client), 403);
    let last = site.app.refusal(ATTACKS[2], client);
    site.wait_until("it is banned", || site.get("/", client) == 403);
    assert_eq!(site.get("/", "203.0.113.10"), 200, "and no other client");
    let why = site.agent.why(last.parse().unwrap()).unwrap();
    assert!(why.to_string().contains("evidence 3 of 3 in 3 of 4 requests"), "{why}");
}

#[test]
fn a_browser_that_repeats_its_request_is_not_banned() {
    let (site, client) = (site(), "203.0.113.9");
    (0..40).for_each(|_| assert_eq!(site.get(ATTACKS[0], client), 403));
    site.wait_until("all is judged", || site.agent.status().events.settled_here == 40);
    assert_eq!(site.get("/", client), 200);
    assert_eq!(site.agent.status().list.local, 0);
}

#[test]
fn one_attacker_behind_the_address_of_many_shuts_none_of_them_out() {
    let (site, office) = (site(), "203.0.113.9");
    (0..100).for_each(|n| assert_eq!(site.get(&format!("/item/{n}"), office), 200));
    ATTACKS.iter().for_each(|path| assert_eq!(site.get(path, office), 403));
    site.wait_until("all is judged", || site.agent.status().events.settled_here == 4);
    assert_eq!(site.get("/", office), 200);
}

#[test]
fn pictures_on_a_foreign_page_do_not_ban_its_reader() {
    let (site, reader) = (site(), "203.0.113.9");
    for n in 0..60 {
        let picture = format!("/item/{n}?q={n}'+OR+'{n}'%3D'{n}");
        let header = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: image\r\n";
        assert_eq!(status(&site, &picture, reader, header), 403);
    }
    assert_eq!(status(&site, DECOY, reader, "Sec-Fetch-Site: cross-site\r\n"), 403);
    site.wait_until("all is judged", || site.agent.status().events.settled_here == 61);
    assert_eq!(site.get("/", reader), 200);
}

#[test]
fn a_client_that_goes_on_is_banned_for_minutes_an_hour_and_a_day() {
    let (clock, client) = (ManualClock::new(), "203.0.113.9");
    let site = Site::over(HTTP_POLLING, local().security("BAN_GROWTH", true), &clock);
    for length in [
        Duration::from_mins(5),
        Duration::from_hours(1),
        Duration::from_hours(24),
        Duration::from_hours(24),
    ] {
        assert_eq!(site.get("/", client), 200, "before {length:?}");
        assert_eq!(site.get(DECOY, client), 403);
        site.wait_until("it is banned", || site.get("/", client) == 403);
        let [ban] = &site.agent.bans()[..] else {
            panic!("{:?}", site.agent.bans())
        };
        let left = Duration::from_millis(ban.until_ms.unwrap()).saturating_sub(clock.unix());
        // some of it has passed, and an end is told in whole seconds
        assert!(left.abs_diff(length) < Duration::from_mins(4), "{left:?} of {length:?}");
        clock.advance(left);
        site.wait_until("it is let in again", || site.get("/", client) == 200);
    }
}

#[test]
fn the_template_of_pyrasp_bans_at_the_first() {
    let site = Site::start(local().template("pyrasp"));
    assert_eq!(site.get(ATTACKS[0], "203.0.113.9"), 403);
    site.wait_until("it is banned", || site.get("/", "203.0.113.9") == 403);
    let levels = Site::start(local().security("SECURITY_CHECKS", json!({"sqli": 1})));
    assert_eq!(levels.get(ATTACKS[0], "203.0.113.9"), 403);
    assert_eq!(levels.get("/", "203.0.113.9"), 200, "level 1 counts nothing");
}

#[test]
fn the_address_of_most_of_a_site_is_not_banned_for_what_one_behind_it_does() {
    let (clock, office) = (ManualClock::new(), "203.0.113.80");
    let site = Site::over(HTTP_POLLING, local(), &clock);
    for request in 0..400 {
        // three of four requests of the last minute are the office's
        let client = if request % 4 == 0 { "198.51.100.7" } else { office };
        assert_eq!(site.get(&format!("/item/{request}"), client), 200);
    }
    assert_eq!(site.get(DECOY, office), 403);
    site.wait_until("the status says so", || site.agent.status().withheld.is_some());
    let withheld = site.agent.status().withheld.unwrap();
    assert_eq!((withheld.network.as_str(), withheld.bans), (office, 1));
    assert_eq!(site.get("/", office), 200);
    assert!(site.agent.bans().is_empty());
}

#[test]
fn scanners_of_a_quiet_site_are_banned_one_and_all() {
    let clock = ManualClock::new();
    let site = Site::over(HTTP_POLLING, local(), &clock);
    for n in 0..20 {
        let scanner = format!("203.0.113.{n}");
        assert_eq!(site.get("/", &scanner), 200);
        // most of what it asks for is not there
        for path in 0..30 {
            assert_eq!(site.get(&format!("/nowhere-{path}"), &scanner), 404);
        }
        assert_eq!(site.get(DECOY, &scanner), 403);
        site.wait_until("it is banned", || site.get("/", &scanner) == 403);
    }
    assert_eq!(site.agent.status().withheld, None);
}

#[test]
fn a_flood_that_goes_on_is_banned_and_one_that_ends_is_only_throttled() {
    let clock = ManualClock::new();
    let limits = local()
        .security("SECURITY_CHECKS", json!({"flood": 2}))
        .security("FLOOD_RATIO", 60)
        .security("FLOOD_DELAY", 60);
    let site = Site::over(HTTP_POLLING, limits, &clock);
    let (hasty, flood) = ("203.0.113.9", "203.0.113.10");
    let throttled = |client: &str, requests: u32| (0..requests).filter(|_| site.get("/", client) == 429).count();
    for _ in 0..3 {
        assert!(throttled(hasty, 200) > 0, "more than a burst");
        clock.advance(Duration::from_mins(3));
        assert_eq!(site.get("/", hasty), 200, "it has waited");
    }
    assert!(site.agent.bans().is_empty(), "{:?}", site.agent.bans());
    for _ in 0..150 {
        throttled(flood, 10);
        clock.advance(Duration::from_secs(1));
    }
    site.wait_until("it is banned", || !site.agent.bans().is_empty());
    let bans = site.agent.bans();
    assert_eq!((bans.len(), bans[0].network.to_string()), (1, format!("{flood}/32")));
    assert_eq!((site.get("/", flood), site.get("/", hasty)), (403, 200));
}

#[test]
fn a_host_bans_and_lets_in_by_itself() {
    let (site, client) = (site(), "203.0.113.9");
    let network = client.parse::<std::net::IpAddr>().unwrap().into();
    site.agent
        .ban(network, Duration::from_hours(1), "seen in the log")
        .unwrap();
    assert_eq!((site.get("/", client), site.get("/", "203.0.113.10")), (403, 200));
    let [ban] = &site.agent.bans()[..] else {
        panic!("{:?}", site.agent.bans())
    };
    assert_eq!(
        (ban.network, ban.id.to_string()),
        (network, site.app.refusal("/", client))
    );
    site.agent.unban(network).unwrap();
    assert_eq!((site.get("/", client), site.agent.bans()), (200, Vec::new()));
}
