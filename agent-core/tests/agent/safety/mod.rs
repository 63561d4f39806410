//! What keeps the agent from shutting out the site's customers: probation, the breaker, the kill switch, and the list's age.

mod configurations;
mod lists;
mod switches;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use buckler::{
    Agent,
    guard::Guard,
    model::{address::parse_network, blacklist::Digest, policy::config_hash},
    protocol::{
        Welcome,
        v2::{AgentPart, ConfigState, ConfigUpdate, EventKind, ListMode, ListUpdate, ServerPart},
    },
    testing::{ManualClock, Script, ScriptedTransport, Told},
};

use super::{
    ATTACKER, PATIENCE, attack, config, down, passes, reply_2, request, settings, start, wait_until, welcome_2,
};

/// Clients of the site, beyond any attacker.
const CLIENTS: u8 = 20;

fn client(n: u8) -> String {
    format!("198.51.100.{n}")
}

/// Every client comes once; how many were let in.
fn visit(guard: &Guard) -> usize {
    (0..CLIENTS).filter(|n| passes(guard, &client(*n))).count()
}

fn update(version: u64, body: serde_json::Value) -> ConfigUpdate {
    let body = config(body);
    ConfigUpdate {
        version,
        hash: config_hash(&body),
        body,
        signature: None,
    }
}

/// Beacons every second.
fn harmless(version: u64) -> ConfigUpdate {
    update(version, serde_json::json!({"BEACON_DELAY": 1, "BLACKLIST_SHARE": true}))
}

/// Refuses everybody, and bans them at that.
fn harmful(version: u64) -> ConfigUpdate {
    update(
        version,
        serde_json::json!({"BEACON_DELAY": 1, "HOSTS": ["other.example.com"], "SECURITY_CHECKS": {"spoofing": 2}}),
    )
}

fn with_config(config: ConfigUpdate) -> ServerPart {
    ServerPart {
        config: Some(config),
        ..ServerPart::default()
    }
}

/// A snapshot that lists these, whole.
pub(crate) fn snapshot(rev: u64, networks: &[String]) -> ServerPart {
    let digest = Digest::of(networks.iter().filter_map(|text| parse_network(text)));
    with_list(ListUpdate {
        complete: false,
        mode: ListMode::Snapshot,
        epoch: "e1".to_owned(),
        from: 0,
        to: rev,
        add: networks.iter().map(|text| (text.clone(), 86_400)).collect(),
        remove: vec![],
        page: 1,
        pages: 1,
        count: networks.len() as u64,
        digest: digest.to_string(),
    })
}

/// The changes that lead from one list to the next.
fn delta(rev: u64, before: &[String], after: &[String]) -> ServerPart {
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|text| !others.contains(text)).cloned().collect()
    };
    let whole = snapshot(rev, after).list.unwrap();
    with_list(ListUpdate {
        complete: false,
        mode: ListMode::Delta,
        from: rev - 1,
        add: without(after, before).into_iter().map(|text| (text, 86_400)).collect(),
        remove: without(before, after),
        ..whole
    })
}

fn with_list(list: ListUpdate) -> ServerPart {
    ServerPart {
        list: Some(list),
        ..ServerPart::default()
    }
}

fn listed(clients: std::ops::Range<u8>) -> Vec<String> {
    clients.map(client).chain([ATTACKER.to_owned()]).collect()
}

/// A server whose beacon replies are those of the step that the test has taken; step 0 says nothing new.
fn server(steps: Vec<ServerPart>) -> (Script, Arc<AtomicU64>) {
    let step = Arc::new(AtomicU64::new(0));
    let taken = Arc::clone(&step);
    let script = ScriptedTransport::script(
        |_| Ok(welcome_2(with_config(harmless(1)))),
        move |_| {
            let step = usize::try_from(taken.load(Ordering::SeqCst)).unwrap();
            let part = step.checked_sub(1).and_then(|at| steps.get(at));
            Ok(reply_2(part.cloned().unwrap_or_default()))
        },
    );
    (script, step)
}

/// Waits while time passes, slowly enough for the agent, which looks at the clock once a real second, to keep up.
#[track_caller]
pub(crate) fn pass_time_until(
    agent: &Agent,
    script: &mut Script,
    clock: &ManualClock,
    what: &str,
    mut condition: impl FnMut() -> bool,
) {
    wait_until(agent, what, || {
        if script.next(Duration::from_millis(5)).is_none() {
            clock.advance(Duration::from_millis(20));
        }
        condition()
    });
}

/// The first configuration is in force and has proven itself; customers have just been there.
fn settled(script: &Script, clock: &Arc<ManualClock>, settings: buckler::settings::SettingsBuilder) -> Agent {
    let agent = start(settings, script, clock);
    wait_until(&agent, "the first configuration came", || {
        agent.status().config.version == Some(1)
    });
    clock.advance(Duration::from_secs(60));
    wait_until(&agent, "it has proven itself", || {
        agent.status().config.state == "applied"
    });
    assert_eq!(visit(&agent.guard()), usize::from(CLIENTS));
    agent
}

/// What the agent told in its next beacon that says this.
fn told(agent: &Agent, script: &mut Script, clock: &ManualClock, says: impl Fn(&AgentPart) -> bool) -> AgentPart {
    let mut found = None;
    wait_until(agent, "it is told", || {
        match script.next(Duration::from_millis(5)) {
            Some(Told::Beacon(_, beacon)) => found = beacon.v2.filter(|part| says(part)),
            Some(Told::Registration(_)) => {}
            None => clock.advance(Duration::from_millis(20)),
        }
        found.is_some()
    });
    found.unwrap()
}
