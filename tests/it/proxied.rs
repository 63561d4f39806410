//! The conversation with the server through a real nginx before it, as operators put one there:
//! with a `Host` of its own, connections that it cuts, and upgrades that it passes on or does not.

use std::net::SocketAddr;

use buckler_tests::wait::until;
use serde_json::json;

use crate::{
    cloud::Cloud,
    nginx::{self, Nginx},
    rig::{AUTO, HTTP_POLLING, PATIENT, Rig, WEBSOCKET},
    site::{Site, settings},
};

/// The lines of nginx's documentation that pass an upgrade on.
const UPGRADES: &str = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";

const ATTACKER: &str = "203.0.113.9";

/// Guards an application whose server is behind an nginx with these lines, and sees a ban of the
/// operator's arrive and end. Then `and` looks at the nginx, while all of them run.
fn is_in_step_behind(rig: Rig, carried_by: &str, says: &str, and: impl FnOnce(&Nginx)) {
    let Some(program) = nginx::program() else { return };
    let cloud = Cloud::start();
    let nginx = before(program, cloud.address(), says);
    let url = format!("http://{}/config", nginx.address());
    let site = Site::over_real_time(rig, settings(&url));
    for _ in 0..2 {
        cloud.bans(ATTACKER);
        site.wait_until("the ban arrives", || site.get("/", ATTACKER) == 403);
        cloud.unbans(ATTACKER);
        site.wait_until("it ends", || site.get("/", ATTACKER) == 200);
    }
    site.wait_until(&format!("{carried_by} carries"), || {
        site.agent.status().conversation.transport == Some(carried_by)
    });
    and(&nginx);
}

/// nginx names the server, not itself, as the host: its own default.
fn before(program: &str, cloud: SocketAddr, says: &str) -> Nginx {
    Nginx::start(program, "", &format!("proxy_pass http://{cloud}; {says}"))
}

#[test]
fn a_proxy_that_changes_the_host_does_not_end_polling() {
    is_in_step_behind(HTTP_POLLING, "http-polling", "", |_| ());
}

#[test]
fn a_proxy_that_passes_upgrades_on_carries_the_websocket() {
    is_in_step_behind(AUTO, "websocket", UPGRADES, |_| ());
}

#[test]
fn a_proxy_that_passes_no_upgrade_is_polled_through() {
    is_in_step_behind(AUTO, "http-polling", "", |_| ());
}

#[test]
fn a_proxy_that_cuts_silent_connections_is_pinged_through() {
    let Some(program) = nginx::program() else { return };
    let cloud = Cloud::start();
    // nothing is said for long, and the proxy takes two seconds of that
    cloud.configures(json!({"BEACON_DELAY": 60}));
    let nginx = before(program, cloud.address(), &format!("{UPGRADES} proxy_read_timeout 2s;"));
    let url = format!("http://{}/config", nginx.address());
    let site = Site::over_real_time(PATIENT, settings(&url));
    let cuts = || nginx.errors().matches("upstream timed out").count();
    until("nginx cuts a silent connection", || cuts() > 0);
    site.wait_until("the next is open for three times as long", || {
        let status = site.agent.status();
        let since = u64::try_from(status.conversation.link_since.as_millis()).unwrap();
        let is_open = status.conversation.link == "open" && status.conversation.transport == Some("websocket");
        is_open && status.requests.since_ms.saturating_sub(since) > 6_000
    });
    assert!(cuts() <= 2, "it is told once: {}", nginx.errors());
}

#[test]
fn a_proxy_that_cuts_silent_connections_is_outlived() {
    // before the first sign of life, which is asked for after half a second
    let says = format!("{UPGRADES} proxy_read_timeout 400ms;");
    is_in_step_behind(WEBSOCKET, "websocket", &says, |nginx| {
        until("nginx cuts one", || nginx.errors().contains("upstream timed out"));
    });
}
