//! What the agent says to servers of both versions, and what it makes of their answers.

use std::time::Duration;

use buckler::{
    protocol::{
        BlacklistUpdate, Welcome,
        v2::{EventKind, Flag, ListMode, ListUpdate, ServerPart},
    },
    testing::{ManualClock, ScriptedTransport, Told},
    transport::TransportError,
};

use super::{ATTACKER, KEY, PATIENCE, attack, config, down, passes, reply_2, settings, start, wait_until, welcome_2};

/// A version 1 profile.
fn profile(more: serde_json::Value) -> Welcome {
    let mut config = config(serde_json::json!({
        "BEACON": true, "TELEMETRY_DATA": true, "BLACKLIST_SHARE": true, "BEACON_DELAY": 1,
        "BEACON_URL": "http://127.0.0.1:10/beacon",
    }));
    config.extend(super::config(more));
    Welcome {
        config,
        ..Welcome::default()
    }
}

#[test]
fn a_version_1_server_is_told_bans_and_counts_since_the_last_good_reply() {
    let mut script = ScriptedTransport::script(
        |_| {
            Ok(Welcome {
                blacklist: [("198.51.100.1".to_owned(), buckler::protocol::Epoch(1_767_225_600))].into(),
                ..profile(serde_json::json!({}))
            })
        },
        |n| match n {
            1 => Err(TransportError::Status {
                status: 500,
                message: None,
                retry_after: None,
            }),
            _ => Ok(Default::default()),
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    let Some(Told::Registration(registration)) = script.next(PATIENCE) else {
        panic!("no registration")
    };
    assert_eq!(
        (
            registration.key.expose(),
            registration.platform.as_str(),
            registration.proto
        ),
        (KEY, "test", Some(2))
    );
    wait_until(&agent, "the list is in force", || {
        !passes(&agent.guard(), "198.51.100.1")
    });

    attack(&agent.guard(), ATTACKER);
    let mut beacons = Vec::new();
    while beacons.len() < 4 {
        match script.next(Duration::from_millis(20)) {
            Some(Told::Beacon(url, beacon)) => {
                assert_eq!(url.map(String::from).as_deref(), Some("http://127.0.0.1:10/beacon"));
                assert!(beacon.v2.is_none() && beacon.proto.is_none());
                beacons.push(beacon);
            }
            Some(Told::Registration(_)) => panic!("it registered again"),
            None => clock.advance(Duration::from_secs(1)),
        }
    }
    let bans = |n: usize| beacons[n].blacklist.clone().unwrap();
    let attacks = |n: usize| beacons[n].telemetry.clone().unwrap().requests.unwrap().attacks;
    assert_eq!(bans(0).len(), 1);
    assert_eq!(
        (bans(0)[0].0.as_str(), bans(1)[0].0.as_str()),
        (ATTACKER, ATTACKER),
        "kept until a good reply"
    );
    assert!(attacks(0) >= 1);
    assert_eq!(attacks(0), attacks(1));
    assert_eq!((bans(2).len(), attacks(2)), (0, 0));
    wait_until(&agent, "the ban is acknowledged", || {
        agent.status().events.acknowledged == 1
    });
    assert_eq!(agent.status().conversation.protocol, Some(1));
}

#[test]
fn a_version_1_reply_adds_and_removes() {
    let script = ScriptedTransport::script(
        |_| Ok(profile(serde_json::json!({}))),
        |n| {
            let (new, remove) = if n == 1 {
                (vec!["198.51.100.1"], vec![])
            } else {
                (vec![], vec!["198.51.100.1"])
            };
            let list = |of: Vec<&str>| of.into_iter().map(str::to_owned).collect();
            Ok(buckler::protocol::BeaconReply {
                blacklist: BlacklistUpdate {
                    new: list(new),
                    remove: list(remove),
                },
                ..Default::default()
            })
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "it registered", || {
        agent.status().conversation.protocol == Some(1)
    });
    clock.advance(Duration::from_secs(2));
    wait_until(&agent, "it is banned", || !passes(&agent.guard(), "198.51.100.1"));
    wait_until(&agent, "it is let in again", || {
        clock.advance(Duration::from_millis(100));
        passes(&agent.guard(), "198.51.100.1")
    });
}

#[test]
fn a_version_1_servers_template_is_obeyed_and_a_partial_configuration_laid_over_the_last() {
    let script = ScriptedTransport::script(
        |_| {
            Ok(profile(
                serde_json::json!({"CHANGE_SERVER": true, "SERVER_HEADER": "first"}),
            ))
        },
        |n| {
            let (template, keys) = match n {
                1 => (None, serde_json::json!({"SERVER_HEADER": "second"})),
                2 => (Some("yoga"), serde_json::json!({"SERVER_HEADER": "third"})),
                3 => (Some("monitor"), serde_json::json!({"SERVER_HEADER": "fourth"})),
                _ => return Ok(Default::default()),
            };
            Ok(buckler::protocol::BeaconReply {
                config: config(keys),
                template: template.map(str::to_owned),
                ..Default::default()
            })
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    for (header, template) in [
        (Some("first"), "default"),
        (Some("second"), "default"),
        (Some("third"), "default"),
        (None, "monitor"),
    ] {
        wait_until(&agent, template, || {
            let is_in_force = agent.guard().server_header().as_deref() == header;
            if !is_in_force {
                clock.advance(Duration::from_millis(20));
            }
            is_in_force && agent.status().config.template == template
        });
    }
}

#[test]
fn a_version_2_server_is_told_events_with_numbers_and_trims_what_it_acknowledges() {
    let mut script = ScriptedTransport::script(
        |_| {
            Ok(welcome_2(ServerPart {
                ack: Some(0),
                config: Some(update(
                    1,
                    serde_json::json!({"BLACKLIST_SHARE": true, "TELEMETRY_DATA": true, "BEACON_DELAY": 1}),
                )),
                ..ServerPart::default()
            }))
        },
        |_| {
            Ok(reply_2(ServerPart {
                ack: Some(1),
                ..ServerPart::default()
            }))
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    attack(&agent.guard(), ATTACKER);
    attack(&agent.guard(), "203.0.113.10");
    wait_until(&agent, "both wait", || {
        agent.status().events.pending + agent.status().events.acknowledged == 2
    });
    let mut told = std::collections::BTreeMap::new();
    let beacon = loop {
        match script.next(Duration::from_millis(20)) {
            Some(Told::Beacon(_, beacon)) => {
                // both in one beacon, or the second in the next
                told.extend(
                    beacon
                        .v2
                        .iter()
                        .flat_map(|v2| &v2.events)
                        .map(|event| (event.seq, event.kind)),
                );
                if told.len() == 2 {
                    break beacon;
                }
            }
            Some(Told::Registration(_)) => {}
            None => clock.advance(Duration::from_secs(1)),
        }
    };
    assert_eq!(told, [(1, EventKind::Ban), (2, EventKind::Ban)].into());
    assert!(beacon.blacklist.is_none(), "never both forms of the same facts");
    assert!(beacon.telemetry.unwrap().requests.is_none());
    let v2 = beacon.v2.unwrap();
    assert_eq!(v2.totals.blocked, 2);
    assert_eq!(v2.have.config.unwrap().version, 1);
    wait_until(&agent, "only the first is acknowledged", || {
        agent.status().events.acknowledged == 1
    });
    assert_eq!(agent.status().events.pending, 1);
    wait_until(&agent, "every detection is accounted for", || {
        agent.status().events.balanced()
    });
}

#[test]
fn a_configuration_is_active_as_a_whole_or_not_at_all() {
    let script = ScriptedTransport::script(
        |_| {
            Ok(welcome_2(ServerPart {
                config: Some(update(
                    1,
                    serde_json::json!({"BEACON_DELAY": 1, "BLOCK_STATUS_CODE": 418}),
                )),
                ..ServerPart::default()
            }))
        },
        |_| {
            Ok(reply_2(ServerPart {
                config: Some(update(
                    2,
                    serde_json::json!({"BLOCK_STATUS_CODE": 404, "FLOOD_RATIO": "many"}),
                )),
                ..ServerPart::default()
            }))
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the bad one is refused", || {
        clock.advance(Duration::from_millis(100));
        agent.status().config.refused.is_some()
    });
    let config = agent.status().config;
    assert_eq!(config.version, Some(1), "the running one stays");
    let refused = config.refused.unwrap();
    assert!(refused.contains("FLOOD_RATIO") && refused.contains("many"), "{refused}");
}

#[test]
fn a_snapshot_comes_page_by_page_without_waiting_for_the_interval() {
    use buckler::model::{address::parse_network, blacklist::Digest};
    let networks = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];
    let digest = Digest::of(networks.iter().filter_map(|text| parse_network(text))).to_string();
    let page = move |n: u32| ListUpdate {
        complete: false,
        mode: ListMode::Snapshot,
        epoch: "e1".to_owned(),
        from: 0,
        to: 7,
        add: vec![(networks[n as usize - 1].to_owned(), 600)],
        remove: vec![],
        page: n,
        pages: 3,
        count: 3,
        digest: digest.clone(),
    };
    let second = page.clone();
    let script = ScriptedTransport::script(
        move |_| {
            Ok(welcome_2(ServerPart {
                list: Some(page(1)),
                ..ServerPart::default()
            }))
        },
        move |n| {
            Ok(reply_2(ServerPart {
                list: Some(second(u32::try_from(n).unwrap() + 1)).filter(|_| n < 3),
                ..ServerPart::default()
            }))
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    wait_until(&agent, "the snapshot is in force", || {
        agent.status().list.cursor == Some(("e1".to_owned(), 7))
    });
    for network in networks {
        wait_until(&agent, "it is published", || !passes(&agent.guard(), network));
    }
    assert!(passes(&agent.guard(), "198.51.100.4"));
}

#[test]
fn it_registers_again_when_asked_and_after_a_refusal() {
    let mut script = ScriptedTransport::script(
        |_| Ok(welcome_2(ServerPart::default())),
        |n| match n {
            1 => Ok(reply_2(ServerPart {
                flags: vec![Flag::RegisterAgain],
                ..ServerPart::default()
            })),
            _ => Err(TransportError::Status {
                status: 403,
                message: Some("wrong key".to_owned()),
                retry_after: None,
            }),
        },
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    let mut kinds = Vec::new();
    while kinds.len() < 5 {
        match script.next(Duration::from_millis(20)) {
            Some(Told::Registration(_)) => kinds.push('R'),
            Some(Told::Beacon(..)) => kinds.push('B'),
            None => clock.advance(Duration::from_secs(10)),
        }
    }
    assert_eq!(kinds, ['R', 'B', 'R', 'B', 'R']);
    let status = agent.status();
    assert!(!format!("{status:?} {agent:?}").contains(KEY));
}

#[test]
fn a_server_that_is_down_is_left_in_peace_and_found_again() {
    let mut script = ScriptedTransport::script(
        |n| {
            if n < 5 {
                Err(down())
            } else {
                Ok(welcome_2(ServerPart::default()))
            }
        },
        |_| Ok(reply_2(ServerPart::default())),
    );
    let clock = ManualClock::new();
    let agent = start(settings(), &script, &clock);
    assert!(
        passes(&agent.guard(), ATTACKER),
        "it guards before it has spoken to anybody"
    );
    assert!(script.next(PATIENCE).is_some());
    wait_until(&agent, "it says what is wrong", || {
        agent.status().conversation.problem.is_some()
    });
    assert_eq!(agent.status().conversation.state, "retrying");
    wait_until(&agent, "it found the server again", || {
        clock.advance(Duration::from_secs(1));
        agent.status().conversation.state == "synced"
    });
    assert_eq!(agent.status().conversation.problem, None);
}

pub(super) fn update(version: u64, body: serde_json::Value) -> buckler::protocol::v2::ConfigUpdate {
    let body = config(body);
    buckler::protocol::v2::ConfigUpdate {
        version,
        hash: buckler::model::policy::config_hash(&body),
        body,
        signature: None,
    }
}

#[test]
fn what_the_last_run_left_goes_first_under_its_own_numbers_and_everything_adds_up() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let sharing = || update(1, serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 1}));
    let welcome = move || {
        Ok(welcome_2(ServerPart {
            config: Some(sharing()),
            ..ServerPart::default()
        }))
    };
    let script = ScriptedTransport::script(move |_| welcome(), |_| Err(down()));
    let agent = start(settings().state_dir(directory.path()), &script, &clock);
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    attack(&agent.guard(), ATTACKER);
    wait_until(&agent, "its ban waits", || agent.status().events.pending == 1);
    assert_eq!(agent.shutdown(PATIENCE).unsent, 1);
    drop(agent);

    let mut script = ScriptedTransport::script(
        move |_| welcome(),
        |_| {
            Ok(reply_2(ServerPart {
                ack: Some(u64::MAX),
                ..ServerPart::default()
            }))
        },
    );
    let agent = start(settings().state_dir(directory.path()), &script, &clock);
    attack(&agent.guard(), "203.0.113.10");
    wait_until(&agent, "both are delivered", || {
        clock.advance(Duration::from_millis(100));
        agent.status().events.acknowledged == 2
    });
    let events = agent.status().events;
    assert_eq!((events.generated, events.restored, events.pending), (1, 1, 0));
    assert!(events.balanced(), "{events:?}");
    let mut delivered = Vec::new();
    while let Some(told) = script.next(Duration::from_millis(20)) {
        let v2 = match told {
            Told::Registration(registration) => registration.v2.unwrap(),
            Told::Beacon(_, beacon) => beacon.v2.unwrap(),
        };
        delivered.extend(v2.events.into_iter().map(|event| (event.address, v2.stream, event.seq)));
    }
    delivered.dedup();
    let addresses: Vec<&str> = delivered.iter().map(|(address, ..)| address.as_str()).collect();
    assert_eq!(addresses, [ATTACKER, "203.0.113.10"]);
    assert_ne!(
        delivered[0].1, delivered[1].1,
        "a stream is never continued by another process"
    );
    assert_eq!((delivered[0].2, delivered[1].2), (1, 1));
}
