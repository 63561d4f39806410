//! What the log of the host holds, by `tracing` and by `log`: in processes of their own, which hear
//! these agents and no others.

use std::{net::IpAddr, sync::mpsc, time::Duration};

use serde_json::{Value, json};

use crate::{
    captured::Captured,
    child,
    cloud::Cloud,
    site::{DECOY, Site, local, settings},
};

const CLIENT: &str = "203.0.113.9";

const ATTACK: &str = "q=1'+OR+'1'%3D'1";

const NONE: [&str; 0] = [];

#[test]
fn an_unknown_client_on_an_unknown_route_is_told_the_exception_for_its_path() {
    child::passes(child::command("logged::unknown_alone"));
}

#[test]
#[ignore = "run by an_unknown_client_on_an_unknown_route_is_told_the_exception_for_its_path"]
fn unknown_alone() {
    let log = Captured::of_tracing();
    let cloud = Cloud::start();
    let (server, wire) = Captured::before(&cloud);
    let site = Site::start(settings(&server.url("/config")).trusted_proxies(NONE));
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");
    let mut refused = 0;
    for (path, expected) in [
        ("/nowhere/7", "/nowhere/7"),
        ("/nowhere/%61bout%20us", "/nowhere/about us"),
        ("/nowhere/a/../b", "/nowhere/*"),
        ("/nowhere/token/hunter2hunter2", "/nowhere/token/***"),
        ("/nowhere/wide%0aline", "/nowhere/wide*"),
    ] {
        let id = site.app.refusal(&format!("{path}?{ATTACK}"), CLIENT);
        refused += 1;
        let why = site.agent.why(id.parse().unwrap()).unwrap();
        let exception = serde_json::to_value(&why).unwrap()["exception"].take();
        assert_eq!(
            (&exception["place"], &exception["route"], exception.get("network")),
            (&json!("query:q"), &json!(expected), None),
            "{path}: {why}"
        );
        let line = log.line(&site, &id);
        let shown = why.exception.as_ref().unwrap().to_string();
        assert!(line.contains(&shown) && why.to_string().contains(&shown), "{line}");

        let pasted = Site::start(local().trusted_proxies(NONE).security("EXCEPTIONS", json!([exception])));
        assert_eq!(pasted.get(&format!("{path}?{ATTACK}"), CLIENT), 404, "{exception}");
        for other in [
            format!("/elsewhere?{ATTACK}"),
            format!("/item/7?{ATTACK}"),
            format!("{path}?other={ATTACK}"),
            format!("{path}?q=%3Cscript%3Ealert(1)%3C/script%3E"),
        ] {
            assert_eq!(pasted.get(&other, CLIENT), 403, "{other}: {exception}");
        }
        let told = told_of(&site, &cloud, refused, &id);
        assert_eq!(told.get("exception"), None, "the path stays here: {told}");
    }
    let wire = wire.read();
    assert!(wire.contains("\"rule\":\"sqli/") && !wire.contains("nowhere"), "{wire}");
}

/// What the server says of a refusal, once it has heard of so many.
fn told_of(site: &Site, cloud: &Cloud, refused: u64, id: &str) -> Value {
    site.wait_until("the server has heard of it", || {
        site.agent.status().events.acknowledged >= refused
    });
    cloud.admin("GET", &format!("refusals/{id}"), None)["refusal"].take()
}

#[test]
fn a_listed_client_bears_one_id_everywhere() {
    child::passes(child::command("logged::listed_alone"));
}

#[test]
#[ignore = "run by a_listed_client_bears_one_id_everywhere"]
fn listed_alone() {
    let log = Captured::of_tracing();
    let cloud = Cloud::start();
    let site = Site::start(settings(&cloud.url()));
    site.wait_until("it is in step", || site.agent.status().conversation.state == "synced");

    // one that the server lists
    cloud.bans(CLIENT);
    site.wait_until("it is listed", || site.get("/", CLIENT) == 403);
    let answer = site.app.ask("/", CLIENT).unwrap();
    let id = answer.header("x-block-id").unwrap().to_owned();
    assert!(answer.text().contains(&id), "the page shows it: {}", answer.text());
    assert_listed(&site, &log, CLIENT, &id);
    let told = cloud.admin("GET", &format!("refusals/{id}"), None);
    assert_eq!(told["entry"]["address"], CLIENT, "{told}");

    // one that this agent bans, for a decoy and by its host
    let (scanner, banned) = ("203.0.113.10", "203.0.113.11");
    let caught = site.app.refusal(DECOY, scanner);
    site.agent
        .ban(
            banned.parse::<IpAddr>().unwrap().into(),
            Duration::from_hours(1),
            "seen",
        )
        .unwrap();
    for client in [scanner, banned] {
        site.wait_until("it is banned", || site.get("/", client) == 403);
        let id = site.app.refusal("/", client);
        assert_listed(&site, &log, client, &id);
        let bans = site.agent.bans();
        let own = bans
            .iter()
            .find(|ban| ban.network.to_string() == format!("{client}/32"));
        // once the server lists it, it is no longer this agent's own
        assert!(own.is_none_or(|ban| ban.id.to_string() == id), "{bans:?}");
        site.wait_until("the server lists it", || cloud.lists(client));
        let told = cloud.admin("GET", &format!("refusals/{id}"), None);
        assert_eq!(told["entry"]["address"], client, "{told}");
    }
    assert_eq!(
        site.app.refusal("/", scanner),
        caught,
        "by the refusal that it began with"
    );

    // without a server, the bans are the agent's own
    let alone = Site::start(local());
    let caught = alone.app.refusal(DECOY, scanner);
    alone.wait_until("it is banned", || alone.get("/", scanner) == 403);
    assert_eq!(alone.app.refusal("/", scanner), caught);
    assert_eq!(alone.agent.bans()[0].id.to_string(), caught);
    assert_listed(&alone, &log, scanner, &caught);
}

/// The log line of a listed client names its ban as the page and the agent do.
#[track_caller]
fn assert_listed(site: &Site, log: &Captured, client: &str, id: &str) {
    let why = site.agent.why(id.parse().unwrap()).unwrap();
    assert_eq!(why.id.to_string(), id);
    assert_eq!(why.entry.unwrap().network.to_string(), format!("{client}/32"), "{why}");
    let said = format!("id={id}");
    site.wait_until("the log says so", || {
        let log = log.read();
        let mut lines = log.lines();
        lines.any(|line| line.contains("a listed client is refused") && line.contains(&said) && line.contains(client))
    });
}

#[test]
fn problems_are_seen_by_the_users_of_log() {
    child::passes(child::command("logged::log_alone"));
}

/// A logger as the crates that hosts use install one, without `tracing`.
struct Logger(mpsc::Sender<String>);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}", record.level(), record.target(), record.args());
        // once the test is over, no one reads
        self.0.send(line).unwrap_or_default();
    }

    fn flush(&self) {}
}

#[test]
#[ignore = "run by problems_are_seen_by_the_users_of_log"]
fn log_alone() {
    let (logger, lines) = mpsc::channel();
    log::set_logger(Box::leak(Box::new(Logger(logger)))).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let mut heard = Vec::new();
    let mut hears = |level: &str, what: &str| {
        heard.extend(lines.try_iter());
        heard
            .iter()
            .any(|line: &String| line.starts_with(level) && line.contains(what))
    };

    let cloud = Cloud::start();
    cloud.key_is_good(false);
    let slip = [("BUCKLER_AGENT__CLOUD_ULR", "x")];
    let site = Site::start(
        settings(&cloud.url())
            .variables(slip)
            .trusted_proxies(NONE)
            .enforce(false),
    );
    assert_eq!(site.get(DECOY, CLIENT), 404, "nothing is enforced");
    for (level, what) in [
        ("WARN", "BUCKLER_AGENT__CLOUD_ULR"),
        ("WARN", "conversation with the server failed"),
        ("WARN", "enforcement is off: every request passes"),
        ("WARN", "trusted_proxies = [\"127.0.0.1\"]"),
        ("WARN buckler::guard", "/.git/config"),
    ] {
        site.wait_until(what, || hears(level, what));
    }
}
