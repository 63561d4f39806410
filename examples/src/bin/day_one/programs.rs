//! What honest programs send: monitors, webhooks, crawlers.

use std::{net::Ipv4Addr, time::Duration};

use fastrand::Rng;
use serde_json::json;

use crate::request::{Planned, Sender, Visit};

/// A day.
const DAY: u64 = 24 * 3600;

/// All that programs send on a day.
pub(crate) fn day(random: &mut Rng) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut every =
        |seconds: u64, client: Ipv4Addr, what: &'static str, random: &mut Rng, request: &dyn Fn(u64) -> Planned| {
            for number in 0..DAY / seconds {
                visits.push(Visit {
                    at: Duration::from_secs(number * seconds) + Duration::from_millis(random.u64(..900)),
                    client,
                    sender: Sender::Honest(what),
                    request: request(number),
                });
            }
        };
    every(30, Ipv4Addr::new(192, 0, 2, 10), "monitors", random, &|_| {
        Planned::get("/healthz").program("monitor/1.0")
    });
    // a collector asks any host that it is told of, and this one has no metrics
    every(60, Ipv4Addr::new(192, 0, 2, 11), "collectors", random, &|_| {
        Planned::get("/metrics").program("Prometheus/3.5.0")
    });
    every(120, Ipv4Addr::new(192, 0, 2, 20), "webhooks", random, &|number| {
        Planned::post("/hooks/git", "application/json", push(number)).program("GitHub-Hookshot/a1b2c3")
    });
    every(20, Ipv4Addr::new(192, 0, 2, 30), "crawlers", random, &|number| {
        Planned::get(format!("/search?q=page+{number}"))
            .program("Mozilla/5.0 (compatible; examplebot/2.1; +http://bot.example.com/bot.html)")
    });
    visits
}

/// What a forge sends of a push: names of files that attackers ask for, messages with code in them.
fn push(number: u64) -> String {
    json!({
        "ref": "refs/heads/main",
        "repository": {"full_name": "example/shop", "clone_url": "https://git.example.com/example/shop.git"},
        "commits": [{
            "id": format!("{number:040x}"),
            "message": "Fix `SELECT` in report; don't drop the table\n\nSee #12 & #13: '; --' was not escaped",
            "author": {"name": "Seán O'Connor", "email": "sean@example.com"},
            "added": [".env.example", ".github/workflows/ci.yml", "docker/.htaccess", "src/passwd.rs"],
            "modified": ["../README.md", "config/database.yml", ".git/hooks/pre-commit"],
        }],
    })
    .to_string()
}
