//! What can go wrong with a WebSocket alone.

use buckler::testing::ManualClock;
use buckler_tests::fault::{Answer, FaultServer, Say, Script, Step, Upgrade};
use serde_json::json;

use super::{at_once, good, guards_alone, is_in_step_again, scribe::Scribe, survives_with, well_behaved};
use crate::{
    rig::{Rig, over},
    site::{DECOY, PATIENCE, Site, settings},
};

over! { websocket = WEBSOCKET:
    closes_with_each_code,
    pings_are_not_answered,
    frames_are_spoilt,
    replies_come_twice_late_or_for_others,
    is_refused_the_upgrade,
    is_upgraded_wrongly
}

over! { auto = AUTO:
    a_blocked_websocket_is_polled_around
}

fn in_step(rig: Rig) -> (FaultServer, Site) {
    let server = FaultServer::start(well_behaved()).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    is_in_step_again(&site);
    (server, site)
}

/// Waits until another exchange has gone well, on whatever connection.
#[track_caller]
fn speaks_again(site: &Site, server: &FaultServer) {
    let frames = |server: &FaultServer| server.record().requests.iter().filter(|seen| seen.id.is_some()).count();
    let before = frames(server);
    // the first may have been on its way already
    site.wait_long("it speaks again", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        frames(server) > before + 1
    });
    site.wait_long("and is in step", || site.agent.status().conversation.problem.is_none());
}

fn closes_with_each_code(rig: Rig) {
    let known = (1000..=1015).chain([
        2999, 3000, 4000, 4401, 4403, 4404, 4426, 4429, 4500, 4503, 4999, 0, 65535,
    ]);
    let codes: Vec<Option<u16>> = known.map(Some).chain([None]).collect();
    at_once(&codes, |codes| {
        let (server, site) = in_step(rig);
        for code in codes {
            let before = server.record().upgrades;
            assert!(server.wait_for(|record| record.open == 1, PATIENCE), "before {code:?}");
            server
                .say([Say::Close(*code, "as the test wants it".to_owned())])
                .unwrap();
            site.wait_long(&format!("it is back after {code:?}"), || {
                assert_eq!(site.get("/", "203.0.113.10"), 200);
                server.record().upgrades > before
            });
        }
        is_in_step_again(&site);
    });
}

fn pings_are_not_answered(rig: Rig) {
    let (server, site) = in_step(rig);
    server.say([Say::IgnorePings]).unwrap();
    site.wait_until("it gave up that connection", || {
        assert_eq!(site.get("/", "203.0.113.10"), 200);
        server.record().upgrades > 1
    });
    assert!(server.record().pings > 0);
    is_in_step_again(&site);
}

fn frames_are_spoilt(rig: Rig) {
    let push = json!({"v2": {"flags": ["pull_now"]}}).to_string();
    let text = |text: &str| Say::Text(text.to_owned());
    let spoilt = [
        vec![Say::Binary(push.clone().into())],
        vec![Say::Fragments(push.clone(), 1)],
        vec![Say::Masked(push)],
        vec![text(""), text("{}"), text("[]"), text("null"), text("\u{0}")],
        vec![text(&"[".repeat(100_000))],
        vec![
            text("{\"v2\": {\"list\": 7}}"),
            text("{\"id\": -1}"),
            text("{\"id\": 1, \"code\": 200}"),
        ],
        // a reserved opcode; a continuation of nothing; a compressed frame; a control frame in fragments, and one too long
        vec![Say::Raw(vec![0x83, 0].into())],
        vec![Say::Raw(vec![0x80, 1, b'x'].into())],
        vec![Say::Raw(vec![0xc1, 1, b'x'].into())],
        vec![Say::Raw(vec![0x09, 0].into())],
        vec![Say::Ping(vec![0; 200].into())],
        // no UTF-8; a close frame with half a code; half a head
        vec![Say::Raw(vec![0x81, 2, 0xc3, 0x28].into())],
        vec![Say::Raw(vec![0x88, 1, 3].into())],
        vec![Say::Raw(vec![0x81].into()), Say::End],
        vec![Say::Announcing(u64::MAX, "[".into())],
        vec![Say::Announcing(1 << 40, "[".into())],
        vec![Say::Announcing(5_000, "[".into()), Say::End],
        vec![Say::Pong("unasked".into())],
        vec![Say::End],
        vec![Say::Reset],
    ];
    at_once(&spoilt, |spoilt| {
        let (server, site) = in_step(rig);
        for said in spoilt {
            assert!(server.wait_for(|record| record.open == 1, PATIENCE), "before {said:?}");
            server.say(said.clone()).unwrap();
            speaks_again(&site, &server);
        }
        is_in_step_again(&site);
    });
}

fn replies_come_twice_late_or_for_others(rig: Rig) {
    let (server, site) = in_step(rig);
    let mut n = 0;
    let mut late: Option<u64> = None;
    let script = Script::by(move |seen| {
        n += 1;
        let reply = || {
            if seen.path == "/config" {
                good()
            } else {
                Answer::reply(&json!({}))
            }
        };
        let refusal = || Answer::refusal(500, "for somebody else");
        let id = seen.id.unwrap_or_default();
        let missed = late.take();
        match n % 4 {
            0 => Step::Say(vec![
                Say::ReplyTo(id + 1, refusal()),
                Say::ReplyTo(u64::MAX, refusal()),
                Say::Reply(reply()),
            ]),
            1 => Step::Say(vec![Say::Reply(reply()), Say::Reply(refusal()), Say::Reply(refusal())]),
            2 => {
                late = Some(id);
                Step::Hang
            }
            _ => Step::Say(
                missed
                    .map(|id| Say::ReplyTo(id, refusal()))
                    .into_iter()
                    .chain([Say::Reply(reply())])
                    .collect(),
            ),
        }
    });
    server.play(script.upgrading(Upgrade::new())).unwrap();
    for n in 0..12 {
        assert_eq!(site.get(DECOY, &format!("198.51.100.{n}")), 418);
        speaks_again(&site, &server);
    }
    server.play(well_behaved()).unwrap();
    is_in_step_again(&site);
}

fn is_refused_the_upgrade(rig: Rig) {
    let refusals = [
        Step::from(Answer::refusal(403, "no upgrades here")),
        Answer::new(200).html("<h1>Welcome to the proxy</h1>").into(),
        Answer::redirect("/elsewhere").into(),
        Answer::new(400).into(),
        Answer::new(426).into(),
        Answer::new(502).html("<h1>Bad gateway</h1>").into(),
        Answer::new(101).into(),
        Step::Hang,
        Step::Close,
        Step::Reset,
    ];
    at_once(&refusals, |refusals| {
        for refusal in refusals {
            survives_with(rig, Script::always(refusal.clone()));
        }
    });
}

fn is_upgraded_wrongly(rig: Rig) {
    for upgrade in [
        Upgrade::new().without_subprotocol(),
        Upgrade::new().subprotocol("chat"),
        Upgrade::new().accept("bm90IHRoZSBrZXkgdGhhdCB3YXMgYXNrZWQ="),
        Upgrade::new().saying([Say::Close(Some(1008), String::new())]),
        Upgrade::new().saying([Say::Text("hello".to_owned()), Say::End]),
        Upgrade::new().saying([Say::Vanish]),
    ] {
        let fault = FaultServer::start(Script::always(Step::Hang).upgrading(upgrade)).unwrap();
        let site = Site::over(rig, settings(&fault.url("/config")), &ManualClock::new());
        guards_alone(&site);
        fault.play(well_behaved()).unwrap();
        is_in_step_again(&site);
    }
}

fn a_blocked_websocket_is_polled_around(rig: Rig) {
    let scribe = Scribe::of("e", &["198.51.100.1/32"]);
    let proxy = || Answer::new(200).html("<h1>Welcome to the proxy</h1>");
    let blocked = |how: Step| scribe.script(Vec::new()).refusing(how);
    let server = FaultServer::start(blocked(proxy().into())).unwrap();
    let site = Site::over(rig, settings(&server.url("/config")), &ManualClock::new());
    let carries = |kind: &str| {
        site.wait_until(&format!("{kind} carries"), || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            site.agent.status().conversation.transport == Some(kind)
        });
        scribe.is_followed_by(&site, &server);
    };
    carries("http-polling");
    for (n, how) in [Step::Hang, Answer::refusal(403, "no").into(), Step::Reset]
        .into_iter()
        .enumerate()
    {
        server.play(scribe.script(Vec::new())).unwrap();
        carries("websocket");
        assert_eq!(site.get(DECOY, &format!("192.0.2.{n}")), 403);
        server.play(blocked(how)).unwrap();
        server.say([Say::Vanish]).unwrap();
        carries("http-polling");
    }
    site.wait_until("everything is told", || {
        let events = site.agent.status().events;
        events.balanced() && events.pending == 0
    });
    let events = site.agent.status().events;
    assert_eq!((events.generated, events.acknowledged), (3, 3), "{events:?}");
}
