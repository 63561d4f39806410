//! What attackers send: each draws its attacks from classes of public knowledge, with a route and a
//! place of its own for each, from an address of its own.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use fastrand::Rng;
use serde_json::json;

use crate::request::{Planned, Sender, Visit, encoded};

/// The engine's own table of attacks by class: each is certain by itself.
#[path = "../../../../agent-core/waf/src/detect/tests/classes/attacks.rs"]
mod classes;

/// Attacks that each attacker sends.
pub(crate) const ATTACKS: usize = 6;

/// Of how many attacks one asks for a path that only scanners ask for, and one sends a document.
const KINDS: usize = 8;

/// Programs that attackers use.
const PROGRAMS: &[&str] = &[
    "Mozilla/5.0 zgrab/0.x",
    "curl/8.11.0",
    "python-requests/2.32.3",
    "Go-http-client/1.1",
];

/// All that so many attackers send.
pub(crate) fn day(attackers: usize, random: &mut Rng) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut seen = BTreeSet::new();
    for attacker in 0..attackers {
        let client = Ipv4Addr::new(192, 88, 98, u8::try_from(attacker % 250 + 1).unwrap_or(1));
        let mut at = Duration::from_secs(random.u64(3600..23 * 3600));
        let mut requests = attacks(random);
        // no two send the same
        while !seen.insert(format!("{requests:?}")) {
            requests = attacks(random);
        }
        for request in requests {
            at += Duration::from_millis(random.u64(500..15_000));
            visits.push(Visit {
                at,
                client,
                sender: Sender::Attacker(attacker),
                request,
            });
        }
    }
    visits
}

/// One attacker's attacks, in its order. Half of them look like a browser's requests.
fn attacks(random: &mut Rng) -> Vec<Planned> {
    let program = random.choice(PROGRAMS).copied().filter(|_| random.bool());
    let attacks = (0..ATTACKS).map(|_| {
        let attack = attack(random);
        match program {
            Some(program) => attack.with("User-Agent", program),
            None => attack,
        }
    });
    attacks.collect()
}

fn attack(random: &mut Rng) -> Planned {
    match random.usize(..KINDS) {
        0 => Planned::get(random.choice(classes::PROBES).copied().unwrap_or("/.env")),
        1 => {
            let document = random.choice(classes::DOCUMENTS).copied().unwrap_or_default();
            Planned::post("/api/import", "application/xml", document)
        }
        _ => {
            // a class is as likely as another, however many are known of it
            let (name, values) = random
                .choice(classes::ATTACKS)
                .map_or(("q", &[][..]), |(_, name, values)| (*name, *values));
            value(name, random.choice(values).copied().unwrap_or_default(), random)
        }
    }
}

/// A value at a route and in a place of this attacker's choice.
fn value(name: &'static str, value: &str, random: &mut Rng) -> Planned {
    // some come in the encoding of a URL, which documents and headers do not have
    let is_encoded = value.contains('%') && !value.contains(' ');
    let in_url = || if is_encoded { value.to_owned() } else { encoded(value) };
    let in_path = || in_url().replace('+', "%20");
    let of_pages = ["/search", "/gallery", "/", "/oauth/authorize", "/nowhere"];
    let of_forms = [
        "/comments",
        "/login",
        "/account/password",
        "/admin/settings",
        "/api/profile",
    ];
    let of_json = ["/api/cart", "/api/profile", "/api/templates", "/api/errors"];
    let mut of = |routes: &[&'static str]| random.choice(routes).copied().unwrap_or("/");
    let (page, form, document) = (of(&of_pages), of(&of_forms), of(&of_json));
    let places = if is_encoded { 3 } else { 5 };
    match random.usize(..places) {
        0 => Planned::get(format!("{page}?page=2&{name}={}", in_url())),
        1 => Planned::post(
            form,
            "application/x-www-form-urlencoded",
            format!("title=hi&{name}={}", in_url()),
        ),
        2 => Planned::get(format!("/static/{}", in_path())),
        3 => Planned::post(
            document,
            "application/json",
            json!({"items": [{name: value}]}).to_string(),
        ),
        // a header has one line, of visible ASCII
        _ if value.bytes().all(|byte| (b' '..0x7f).contains(&byte)) => Planned::get(page).with("X-Search", value),
        _ => Planned::post(document, "application/json", json!({name: value}).to_string()),
    }
}
