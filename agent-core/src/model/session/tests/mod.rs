//! The conversation, scene by scene.

mod property;
mod scene;
mod table;

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ok() -> Input {
    Input::Answered(Ok(Answer::default()))
}

/// A session that registered at 0 s and sends beacons.
fn synced() -> Session {
    let mut session = Session::new(secs(0), INTERVAL);
    assert_eq!(
        session.step(Input::Wake, secs(0), 0.5),
        Some(Action::Begin(Exchange::Register))
    );
    session.step(
        Input::Configured {
            interval: INTERVAL,
            beacons: true,
        },
        secs(0),
        0.5,
    );
    assert_eq!(session.step(ok(), secs(0), 0.5), None);
    assert_eq!((session.state(), session.due()), (State::Synced, Some(secs(30))));
    session
}

#[test]
fn it_registers_then_sends_beacons_at_the_interval() {
    let mut session = synced();
    assert_eq!(session.step(Input::Wake, secs(29), 0.5), None);
    assert_eq!(
        session.step(Input::Wake, secs(30), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
    assert_eq!(session.due(), None);
    assert_eq!(session.step(Input::Wake, secs(99), 0.5), None, "one exchange at a time");
    session.step(ok(), secs(31), 0.5);
    assert_eq!(session.due(), Some(secs(61)));
}

#[test]
fn it_registers_again_after_a_day_and_when_asked() {
    let mut session = synced();
    let day = REGISTER_EVERY;
    assert_eq!(
        session.step(Input::Wake, day, 0.5),
        Some(Action::Begin(Exchange::Register))
    );
    let again = Input::Answered(Ok(Answer {
        register_again: true,
        ..Answer::default()
    }));
    session.step(again, day, 0.5);
    assert_eq!(
        session.due(),
        Some(day + INTERVAL),
        "it has just introduced itself: asked for again and again, it would hammer"
    );
    session.step(Input::Wake, day + INTERVAL, 0.5);
    session.step(again, day + INTERVAL, 0.5);
    assert_eq!(session.due(), Some(day + INTERVAL + SPACING));
    assert_eq!(
        session.step(Input::Wake, day + INTERVAL + SPACING, 0.5),
        Some(Action::Begin(Exchange::Register))
    );
}

#[test]
fn news_travel_within_a_second_but_never_faster() {
    let mut session = synced();
    session.step(Input::Speak(Speak::Soon), secs(10), 0.5);
    assert_eq!(session.due(), Some(secs(10)));
    session.step(Input::Wake, secs(10), 0.5);
    session.step(Input::Speak(Speak::Soon), secs(10), 0.5);
    session.step(ok(), secs(10), 0.5);
    assert_eq!(
        session.due(),
        Some(secs(11)),
        "what came meanwhile goes with the next one"
    );
    session.step(Input::Speak(Speak::Now), secs(10), 0.5);
    assert_eq!(
        session.due(),
        Some(secs(10)),
        "a snapshot's next page is fetched at once"
    );
}

#[test]
fn on_demand_what_is_left_to_tell_follows_at_once() {
    let mut session = synced().on_demand();
    session.step(Input::Wake, secs(30), 0.5);
    session.step(Input::Speak(Speak::Soon), secs(30), 0.5);
    session.step(ok(), secs(31), 0.5);
    assert_eq!(session.due(), Some(secs(31)));
    session.step(Input::Wake, secs(31), 0.5);
    let pulls = Answer {
        pull: true,
        ..Answer::default()
    };
    session.step(Input::Answered(Ok(pulls)), secs(31), 0.5);
    assert_eq!(
        session.due(),
        Some(secs(32)),
        "whatever the server asks for, nobody hammers"
    );
}

#[test]
fn another_clock_may_say_that_it_is_time() {
    let mut session = synced();
    session.hasten(secs(40));
    assert_eq!(session.due(), Some(secs(30)));
    session.hasten(secs(10));
    assert_eq!(
        session.step(Input::Wake, secs(10), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
    session.hasten(secs(11));
    assert_eq!(session.due(), None, "one exchange at a time");
}

#[test]
fn an_abandoned_exchange_is_begun_anew_and_is_no_failure() {
    let mut session = synced();
    session.abandon(secs(5));
    assert_eq!(session.due(), Some(secs(30)), "nothing was under way");
    session.step(Input::Wake, secs(30), 0.5);
    session.abandon(secs(3_600));
    assert_eq!((session.state(), session.due()), (State::Synced, Some(secs(3_600))));
    assert_eq!(session.step(ok(), secs(3_600), 0.5), None, "its answer is no news");
    assert_eq!(
        session.step(Input::Wake, secs(3_600), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
}

#[test]
fn a_failing_server_is_not_hurried() {
    let mut session = synced();
    session.step(Input::Wake, secs(30), 0.5);
    session.step(Input::Answered(Err(Advice::Wait(secs(60)))), secs(30), 0.5);
    assert_eq!((session.state(), session.due()), (State::Retrying, Some(secs(90))));
    session.step(Input::Speak(Speak::Soon), secs(31), 0.5);
    session.step(Input::Speak(Speak::Now), secs(31), 0.5);
    assert_eq!(session.due(), Some(secs(90)));
    assert_eq!(
        session.step(Input::Wake, secs(90), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
    session.step(Input::Answered(Err(Advice::Extended)), secs(90), 0.0);
    assert_eq!((session.state(), session.due()), (State::Blocked, Some(secs(90 + 300))));
    assert_eq!(
        session.step(Input::Wake, secs(390), 0.5),
        Some(Action::Begin(Exchange::Register))
    );
}

#[test]
fn without_beacons_it_stays_quiet_and_asks_again_at_the_refresh_interval() {
    let mut session = Session::new(secs(0), INTERVAL);
    session.step(Input::Wake, secs(0), 0.5);
    session.step(ok(), secs(0), 0.5);
    assert_eq!(session.step(Input::Wake, secs(30), 0.5), None);
    assert_eq!((session.state(), session.due()), (State::Quiet, Some(secs(330))));
    let mut refreshed = session.clone();
    assert_eq!(refreshed.step(Input::Wake, secs(329), 0.5), None);
    let again = Some(Action::Begin(Exchange::Register));
    assert_eq!(refreshed.step(Input::Wake, secs(330), 0.5), again);
    refreshed.step(ok(), secs(330), 0.5);
    refreshed.refresh_every(secs(60));
    refreshed.step(Input::Wake, secs(360), 0.0);
    assert_eq!(refreshed.due(), Some(secs(390)), "as configured");
    assert_eq!(refreshed.step(Input::Wake, secs(390), 0.5), again);
    session.step(
        Input::Configured {
            interval: INTERVAL,
            beacons: true,
        },
        secs(40),
        0.5,
    );
    assert_eq!(
        session.step(Input::Wake, secs(40), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
}

#[test]
fn closing_tells_what_waits_while_that_makes_progress() {
    let mut session = synced();
    assert_eq!(
        session.step(Input::Close { waiting: true }, secs(1), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
    let more = Answer {
        waiting: true,
        delivered: true,
        ..Answer::default()
    };
    assert_eq!(
        session.step(Input::Answered(Ok(more)), secs(1), 0.5),
        Some(Action::Begin(Exchange::Beacon))
    );
    let stuck = Answer {
        waiting: true,
        delivered: false,
        ..Answer::default()
    };
    assert_eq!(
        session.step(Input::Answered(Ok(stuck)), secs(1), 0.5),
        Some(Action::Closed)
    );
    assert_eq!(
        synced().step(Input::Close { waiting: false }, secs(1), 0.5),
        Some(Action::Closed)
    );
}

#[test]
fn closing_tells_what_came_while_an_exchange_was_under_way() {
    let mut session = synced();
    session.step(Input::Wake, secs(30), 0.5);
    session.step(Input::Speak(Speak::Soon), secs(30), 0.5);
    assert_eq!(session.step(Input::Close { waiting: true }, secs(30), 0.5), None);
    let last = Some(Action::Begin(Exchange::Beacon));
    assert_eq!(session.step(ok(), secs(31), 0.5), last);
    session.step(Input::Pull(None), secs(31), 0.5);
    assert_eq!(
        session.step(ok(), secs(32), 0.5),
        Some(Action::Closed),
        "a server cannot put the end off"
    );
}

#[test]
fn closing_waits_for_what_is_under_way_and_not_for_a_server_that_fails() {
    let mut session = synced();
    session.step(Input::Wake, secs(30), 0.5);
    assert_eq!(session.step(Input::Close { waiting: true }, secs(30), 0.5), None);
    assert_eq!(
        session.step(Input::Answered(Err(Advice::Retry)), secs(31), 0.5),
        Some(Action::Closed)
    );
    let mut blocked = synced();
    blocked.step(Input::Wake, secs(30), 0.5);
    blocked.step(Input::Answered(Err(Advice::Extended)), secs(30), 0.5);
    assert_eq!(
        blocked.step(Input::Close { waiting: true }, secs(31), 0.5),
        Some(Action::Closed)
    );
}
