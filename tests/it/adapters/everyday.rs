//! What every site sees every day, by local settings alone: pages full of pictures, icons that are not there, health checks, links
//! without their slash, and single-page applications. None of it is an attack.

use buckler::Settings;
use serde_json::{Value, json};

use super::{
    host::{CLIENT, Host, Kind},
    over_every_adapter,
};
use crate::site::local;

over_every_adapter! {
    sixty_pictures_on_one_page_pass
    an_office_on_a_large_page_passes
    a_source_that_sends_too_much_is_told_when_to_come_back
    static_files_are_no_flood
    a_link_without_its_slash_bans_no_reader
    a_single_page_application_has_no_decoys
    what_browsers_and_monitors_ask_for_is_never_refused
    an_attack_on_an_ignored_path_is_refused
    routes_are_learned_as_requests_pass
}

/// The defaults, with floods as they are by default.
fn defaults() -> buckler::settings::SettingsBuilder {
    with(json!({"flood": 2}))
}

fn with(checks: Value) -> buckler::settings::SettingsBuilder {
    local().security("SECURITY_CHECKS", checks)
}

/// Whether a client is neither banned nor about to be.
#[track_caller]
fn assert_welcome(host: &Host) {
    assert_eq!(host.get("/", CLIENT).text(), "welcome");
    let status = host.agent.status();
    assert_eq!((status.requests.attacks, status.list.local), (0, 0), "{status:#?}");
}

fn sixty_pictures_on_one_page_pass(kind: Kind) {
    let host = Host::start(kind, defaults());
    for picture in 0..60 {
        assert_eq!(host.get(&format!("/items/{picture}"), CLIENT).status, 200);
        assert_eq!(host.get(&format!("/pictures/{picture}.jpg"), CLIENT).status, 404);
    }
    assert_welcome(&host);
}

fn an_office_on_a_large_page_passes(kind: Kind) {
    let host = Host::start(kind, defaults());
    for request in 0..400 {
        assert_eq!(host.get(&format!("/items/{request}"), CLIENT).status, 200);
    }
    assert_welcome(&host);
}

#[test]
fn fifty_people_behind_one_address_on_pages_of_two_hundred_resources_pass_actix_web() {
    an_office_of_fifty_passes(Kind::ActixWeb);
}

#[test]
fn fifty_people_behind_one_address_on_pages_of_two_hundred_resources_pass_axum() {
    an_office_of_fifty_passes(Kind::Axum);
}

/// By the settings that a host gets who says nothing but who its proxy is.
fn an_office_of_fifty_passes(kind: Kind) {
    const PEOPLE: u64 = 50;
    /// Of a page: what it loads, and what its script asks for.
    const LOADED: u64 = 180;
    const ASKED_FOR: u64 = 19;
    let host = Host::start(kind, Settings::builder().trusted_proxies(["127.0.0.0/8"]));
    let mut connection = host.connect();
    let line = |path: String, more: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: shop.example.com\r\nX-Forwarded-For: {CLIENT}\r\n{more}\r\n")
    };
    for _ in 0..PEOPLE {
        let mut page = line(
            "/".to_owned(),
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        );
        for resource in 0..LOADED {
            let kind = ["image", "style", "script"][usize::try_from(resource % 3).unwrap()];
            page += &line(format!("/items/{resource}"), &format!("Sec-Fetch-Dest: {kind}\r\n"));
        }
        for call in 0..ASKED_FOR {
            page += &line(format!("/items/{call}?page=2"), "Sec-Fetch-Dest: empty\r\n");
        }
        // as browsers over HTTP/2 do, all at once
        connection.send(page);
        for _ in 0..=LOADED + ASKED_FOR {
            let answer = connection.answer();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    let status = host.agent.status();
    assert_eq!(status.requests.success, PEOPLE * (1 + LOADED + ASKED_FOR));
    assert_welcome(&host);
}

fn a_source_that_sends_too_much_is_told_when_to_come_back(kind: Kind) {
    let settings = defaults().security("FLOOD_RATIO", 5).security("FLOOD_DELAY", 3600);
    let host = Host::start(kind, settings);
    for _ in 0..5 {
        assert_eq!(host.get("/", CLIENT).status, 200);
    }
    for _ in 0..20 {
        let throttled = host.get("/", CLIENT);
        assert_eq!(throttled.status, 429);
        let wait: u32 = throttled.header("retry-after").unwrap().parse().unwrap();
        // as long as the requests themselves take on a busy machine has passed of it
        assert!((600..=720).contains(&wait), "a twelfth of an hour each: {wait}");
        let id = throttled.header("x-block-id").unwrap().parse().unwrap();
        assert_eq!(host.agent.why(id).unwrap().check, "flood");
    }
    assert_eq!(host.get("/", "203.0.113.10").status, 200);
    assert_eq!(host.agent.status().list.local, 0, "to be throttled is no offence");
    host.wait_until("the status says that the limit is low", || {
        let cautions = host.agent.status().config.cautions;
        cautions.iter().any(|said| said.contains("FLOOD_RATIO"))
    });
}

fn static_files_are_no_flood(kind: Kind) {
    let host = Host::start(kind, defaults().security("FLOOD_RATIO", 5));
    for n in 0..30 {
        assert_eq!(host.get(&format!("/static/{n}.css"), CLIENT).status, 404);
        let picture = format!("GET /items/{n} HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\nSec-Fetch-Dest: image\r\n");
        assert_eq!(host.ask(&picture, b"").status, 200);
    }
    assert_welcome(&host);
}

fn a_link_without_its_slash_bans_no_reader(kind: Kind) {
    let host = Host::start(kind, defaults());
    for path in ["/admin", "/staff", "/user/login", "/version", "/logs", "/contact.php"] {
        assert_eq!(host.get(path, CLIENT).status, 404, "{path}");
    }
    assert_welcome(&host);
    // pyrasp's own list, in a configuration: what leads to a page is known once the page was asked for
    let decoys = json!([["/staff", "ends"], ["/logs", "ends"]]);
    let host = Host::start(kind, defaults().security("DECOY_ROUTES", decoys));
    assert_eq!(host.get("/staff/", CLIENT).text(), "staff");
    assert_eq!(host.get("/staff", CLIENT).status, 404);
    assert_welcome(&host);
    assert_eq!(host.get("/logs", CLIENT).status, 403);
}

fn a_single_page_application_has_no_decoys(kind: Kind) {
    let decoys = json!([["/login", "ends"], ["/admin", "ends"], [".php", "ends"]]);
    let host = Host::start(kind, defaults().security("DECOY_ROUTES", decoys));
    for path in ["/client/login", "/client/admin", "/client/old.php"] {
        assert_eq!(host.get(path, CLIENT).text(), "a single-page application", "{path}");
    }
    assert_welcome(&host);
    let decoy = host.get("/old.php", CLIENT);
    assert_eq!(
        (decoy.status, decoy.header("x-block-id").map(str::len)),
        (403, Some(16))
    );
    host.wait_until("the ban is in force", || host.get("/", CLIENT).status == 403);
}

fn what_browsers_and_monitors_ask_for_is_never_refused(kind: Kind) {
    let settings = local()
        .template("audit")
        .security("SECURITY_CHECKS", json!({"flood": 2, "bots": 0}));
    let host = Host::start(kind, settings);
    for path in [
        "/favicon.ico",
        "/robots.txt",
        "/apple-touch-icon.png",
        "/healthz",
        "/readyz",
        "/actuator/health",
    ] {
        for _ in 0..40 {
            assert_eq!(host.get(path, CLIENT).status, 404, "{path}");
        }
    }
    assert_welcome(&host);
    assert_eq!(
        host.get("/nowhere", CLIENT).status,
        403,
        "the template looks for unknown paths"
    );
}

fn an_attack_on_an_ignored_path_is_refused(kind: Kind) {
    let host = Host::start(kind, defaults());
    assert_eq!(
        host.get("/robots.txt?q=%3Cscript%3Ealert(1)%3C/script%3E", CLIENT)
            .status,
        403
    );
}

fn routes_are_learned_as_requests_pass(kind: Kind) {
    let host = Host::start(kind, defaults());
    let guard = host.agent.guard();
    assert!(guard.routes().contains_key("/items/{id}"), "by the host's own list");
    assert!(!guard.routes().contains_key("/staff/"));
    for path in ["/staff/", "/nowhere", "/client/anything"] {
        host.get(path, CLIENT);
    }
    let routes = guard.routes();
    assert_eq!(routes["/staff/"].methods, ["GET"]);
    assert!(
        !routes.contains_key("/nowhere") && !routes.contains_key("/client/anything"),
        "{routes:?}"
    );
}
