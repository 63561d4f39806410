//! What the agent says to the server, and how often.

use std::{sync::Arc, time::Duration};

use buckler::{
    Agent,
    clock::Clock as _,
    protocol::{Beacon, BeaconReply, Welcome},
    testing::{ManualClock, Script, ScriptedTransport, Told},
};
use serde_json::{Value, json};

use super::stage::{CLIENT, attack, settings, wait_until};

/// An agent whose server speaks version 1 and sends this configuration.
struct Cloud {
    agent: Agent,
    clock: Arc<ManualClock>,
    script: Script,
}

fn cloud(keys: Value) -> Cloud {
    let welcome = move |_| {
        Ok(Welcome {
            config: serde_json::from_value(keys.clone()).unwrap(),
            ..Welcome::default()
        })
    };
    let script = ScriptedTransport::script(welcome, |_| Ok(BeaconReply::default()));
    let clock = ManualClock::new();
    let settings = settings(&json!({"SECURITY_CHECKS": {"flood": 0}}))
        .cloud_url("http://127.0.0.1:9/config")
        .key("key");
    let agent = Agent::builder(settings.build().unwrap())
        .transport(script.factory())
        .clock(Arc::clone(&clock) as _)
        .start();
    wait_until(&agent, "it registered", || {
        agent.status().conversation.protocol == Some(1)
    });
    Cloud { agent, clock, script }
}

impl Cloud {
    /// Where the next beacon goes, and what it says.
    fn beacon(&mut self) -> (Option<String>, Box<Beacon>) {
        for _ in 0..2000 {
            match self.script.next(Duration::from_millis(10)) {
                Some(Told::Beacon(url, beacon)) => return (url.map(String::from), beacon),
                Some(Told::Registration(_)) => {}
                None => self.clock.advance(Duration::from_secs(1)),
            }
        }
        panic!("no beacon: {:#?}", self.agent.status());
    }

    /// Waits until the next exchange is planned for within, or not within, this time.
    fn plans(&self, within: bool, time: Duration) {
        let conversation = || self.agent.status().conversation;
        wait_until(&self.agent, "the next exchange is planned so", || {
            let due = conversation().due;
            due.is_some_and(|due| (due.saturating_sub(self.clock.elapsed()) <= time) == within)
        });
    }
}

#[test]
fn blacklist_share() {
    for share in [true, false] {
        let mut cloud = cloud(json!({"BEACON": true, "BEACON_DELAY": 1, "BLACKLIST_SHARE": share}));
        attack(&cloud.agent, "/.git/config");
        let agent = &cloud.agent;
        wait_until(agent, "it is on its way, or settled", || {
            let events = agent.status().events;
            events.pending + events.settled_here == 1 && events.balanced() && agent.status().list.local == 1
        });
        let told: Vec<String> = (0..3)
            .flat_map(|_| cloud.beacon().1.blacklist.clone().unwrap_or_default())
            .map(|ban| ban.0)
            .collect();
        assert_eq!(told.contains(&CLIENT.to_owned()), share, "{told:?}");
    }
}

#[test]
fn beacon() {
    let Cloud { agent, clock, .. } = cloud(json!({"BEACON": false}));
    clock.advance(Duration::from_secs(60));
    wait_until(&agent, "it keeps quiet", || {
        agent.status().conversation.state == "quiet"
    });
    cloud(json!({"BEACON": true, "BEACON_DELAY": 1})).beacon();
}

#[test]
fn beacon_url() {
    let of = |url: &str| {
        cloud(json!({"BEACON": true, "BEACON_DELAY": 1, "BEACON_URL": url}))
            .beacon()
            .0
    };
    assert_eq!(
        of("http://127.0.0.1:10/beacon").as_deref(),
        Some("http://127.0.0.1:10/beacon")
    );
    assert_eq!(of(""), None);
}

#[test]
fn beacon_delay() {
    let mut seldom = cloud(json!({"BEACON": true, "BEACON_DELAY": 1000}));
    seldom.beacon();
    seldom.plans(false, Duration::from_secs(500));
    cloud(json!({"BEACON": true, "BEACON_DELAY": 10})).plans(true, Duration::from_secs(15));
}

#[test]
fn refresh_delay() {
    let refreshed = |keys: Value| {
        let cloud = cloud(keys);
        cloud.clock.advance(Duration::from_secs(40));
        wait_until(&cloud.agent, "it keeps quiet", || {
            cloud.agent.status().conversation.state == "quiet"
        });
        cloud
    };
    let usual = refreshed(json!({"BEACON": false}));
    usual.plans(true, Duration::from_secs(320));
    usual.plans(false, Duration::from_secs(250));
    let mut often = refreshed(json!({"BEACON": false, "REFRESH_DELAY": 100}));
    often.plans(true, Duration::from_secs(80));
    often.clock.advance(Duration::from_secs(81));
    for _ in 0..2 {
        let told = often.script.next(Duration::from_secs(20));
        assert!(matches!(told, Some(Told::Registration(_))), "{told:?}");
    }
}

#[test]
fn telemetry_data() {
    for sent in [true, false] {
        let mut cloud = cloud(json!({"BEACON": true, "BEACON_DELAY": 1, "TELEMETRY_DATA": sent}));
        assert_eq!(cloud.beacon().1.telemetry.is_some(), sent);
    }
}
