//! The server, or a client with its admin token, asks applications to give up their protection.

use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};

use crate::{
    flow::{admin, server},
    site::{Site, settings},
};

/// An attack that every default configuration refuses.
const ATTACK: &str = "/?q=1%27%20union%20select%20password%20from%20users--%20";

/// Sends a configuration, and waits until all of it that may be is in force.
fn command(site: &Site, server: &buckler_server::RunningServer, config: &Value) {
    let before = site.agent.status().config.version;
    admin(server, "PUT", "profiles/shop/config", Some(config.clone()));
    site.wait_until("the new one is in force", || {
        site.agent.status().config.version > before
    });
}

#[test]
fn it_cannot_whitelist_everybody_nor_have_findings_sent_elsewhere() {
    let server = server();
    let floor = json!({"redirect_hosts": []});
    let site = Site::start(settings(server.cloud_url().as_str()).agent_option("floor", floor));
    site.wait_until("it is in step", || site.agent.status().config.source == "server");
    let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    command(
        &site,
        &server,
        &json!({
            "WHITELIST": ["0.0.0.0/0", "::/0"], "IGNORE_PATHS": ["^/"], "BEACON_DELAY": 1,
            "LOG_ENABLED": true, "LOG_PROTOCOL": "tcp", "LOG_SERVER": "inner.example.com", "LOG_PORT": port,
            "BLOCK_ACTION": "redirect", "BLOCK_ACTION_CONTENT": "https://evil.test/",
        }),
    );
    assert_eq!(site.get(ATTACK, "203.0.113.9"), 403);
    let status = site.agent.status();
    let held = status.config.held.join("\n");
    for key in ["WHITELIST", "IGNORE_PATHS", "LOG_SERVER", "BLOCK_ACTION_CONTENT"] {
        assert!(held.contains(key), "{key}: {held}");
    }
    site.wait_until("the server is told", || {
        let agents = admin(&server, "GET", "agents", None).to_string();
        agents.contains("below the host's floor")
    });
    assert!(elsewhere.accept().is_err(), "no finding goes to another machine");
    server.stop(Duration::from_secs(5));
}

#[test]
fn it_cannot_switch_off_what_the_host_keeps_on() {
    let server = server();
    let floor = json!({"levels": {"sqli": 1}, "markup": false});
    let site = Site::start(settings(server.cloud_url().as_str()).agent_option("floor", floor));
    site.wait_until("it is in step", || site.agent.status().config.source == "server");
    command(
        &site,
        &server,
        &json!({
            "SECURITY_CHECKS": {"sqli": 0, "xss": 0, "decoy": 3}, "EXCEPTIONS": [{"rule": "sqli"}],
            "BLOCK_ACTION_CONTENT": "<script>steal()</script>", "BEACON_DELAY": 1,
        }),
    );
    let refused = site.app.ask(ATTACK, "203.0.113.9").unwrap();
    assert_eq!(refused.status, 403);
    assert!(!refused.text().contains("steal"), "{}", refused.text());
    let xss = "/?q=%3Cscript%3Ealert(1)%3C/script%3E";
    assert_eq!(site.get(xss, "203.0.113.9"), 200, "the host keeps no other check");
    let weaker = site.agent.status().config.weaker.join("\n");
    assert!(weaker.contains("SECURITY_CHECKS.xss: 2 (ban) -> 0 (off)"), "{weaker}");
    server.stop(Duration::from_secs(5));
}

#[test]
fn a_page_of_its_making_runs_no_script_under_the_applications_origin() {
    let server = server();
    let site = Site::start(settings(server.cloud_url().as_str()));
    site.wait_until("it is in step", || site.agent.status().config.source == "server");
    let page = "<script>steal(document.cookie)</script>";
    command(
        &site,
        &server,
        &json!({"BLOCK_ACTION_CONTENT": page, "BEACON_DELAY": 1}),
    );
    let refused = site.app.ask(ATTACK, "203.0.113.9").unwrap();
    assert_eq!((refused.status, refused.text()), (403, page));
    let policy = refused.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'; sandbox"), "{policy}");
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    server.stop(Duration::from_secs(5));
}
