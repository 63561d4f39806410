//! Any inputs at any times: every step is the table's, and the promises hold that no single step shows.

use std::cell::Cell;

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{scene::Scene, table::TABLE};
use crate::model::session::*;

/// What happens next: time passes, or an input comes.
#[derive(Debug, Clone)]
enum Event {
    Pass(Duration),
    /// Time passes until the session is due, and it is woken.
    Due,
    Come(Input),
}

fn any_next() -> impl Strategy<Value = Option<Next>> {
    let ms = prop_oneof![Just(0), 1..60_000_u64, Just(u64::MAX)];
    prop::option::of((ms.clone(), ms).prop_map(|(after_ms, jitter_ms)| Next { after_ms, jitter_ms }))
}

fn any_advice() -> impl Strategy<Value = Advice> {
    let wait = prop_oneof![Just(0), 1..2_000_u64, Just(u64::MAX)];
    prop_oneof![
        Just(Advice::Retry),
        wait.prop_map(|secs| Advice::Wait(Duration::from_secs(secs))),
        Just(Advice::Extended)
    ]
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let rarely = || prop::bool::weighted(0.1);
    (any_next(), rarely(), rarely(), rarely(), any::<bool>(), any::<bool>()).prop_map(
        |(next, register_again, pull, goodbye, waiting, delivered)| Answer {
            next,
            register_again,
            pull,
            goodbye,
            waiting,
            delivered,
        },
    )
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        2 => Just(Input::Wake),
        2 => Just(Input::Speak(Speak::Soon)),
        1 => Just(Input::Speak(Speak::Now)),
        1 => any_next().prop_map(Input::Pull),
        1 => Just(Input::Introduce),
        1 => any_next().prop_map(Input::Goodbye),
        3 => Just(Input::LinkOpened),
        2 => any_advice().prop_map(Input::LinkClosed),
        9 => any_answer().prop_map(|answer| Input::Answered(Ok(answer))),
        3 => any_advice().prop_map(|advice| Input::Answered(Err(advice))),
        3 => (0..100_000_u64, any::<bool>()).prop_map(|(secs, beacons)| Input::Configured {
            interval: Duration::from_secs(secs),
            beacons,
        }),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0..3_000_u64).prop_map(|ms| Event::Pass(Duration::from_millis(ms))),
        1 => (0..100_000_u64).prop_map(|secs| Event::Pass(Duration::from_secs(secs))),
        5 => Just(Event::Due),
        12 => any_input().prop_map(Event::Come),
    ]
}

/// A story with its chances; at its end the agent closes.
fn any_story() -> impl Strategy<Value = (Vec<(Event, f64)>, Vec<(Event, f64)>, bool)> {
    let events = |most| prop::collection::vec((any_event(), 0.0..1.0), 0..most);
    (events(60), events(8), any::<bool>())
}

/// A session that is held against the table at every step, with what only its history tells.
struct Watched<'a> {
    session: Session,
    now: Duration,
    /// How often each row was met.
    met: &'a [Cell<u32>],
    under_way: bool,
    /// Before this nothing may begin: something failed.
    floor: Duration,
    /// When the last exchange began, unless what is to begin next needs no spacing.
    began: Option<Duration>,
    ended: bool,
}

impl<'a> Watched<'a> {
    fn new(met: &'a [Cell<u32>]) -> Self {
        Self {
            session: Session::new(Duration::ZERO, Duration::from_secs(30)),
            now: Duration::ZERO,
            met,
            under_way: false,
            floor: Duration::ZERO,
            began: None,
            ended: false,
        }
    }

    fn happen(&mut self, event: &Event, random: f64) {
        match event {
            Event::Pass(time) => self.now += *time,
            Event::Due => {
                self.now = self.session.due().map_or(self.now, |due| self.now.max(due));
                self.step(Input::Wake, random);
            }
            Event::Come(input) => self.step(*input, random),
        }
    }

    fn step(&mut self, input: Input, random: f64) {
        let before = self.session.clone();
        let scene = Scene {
            before: before.clone(),
            input,
            now: self.now,
        };
        let mut fitting = TABLE.iter().zip(self.met).filter(|(row, _)| row.fits(&scene));
        let Some((row, met)) = fitting.next() else {
            panic!("no row fits {input:?} at {:?}: {before:?}", self.now)
        };
        if let Some((other, _)) = fitting.next() {
            panic!("two rows fit {input:?}:\n{}\n{}\n{before:?}", row.line(), other.line());
        }
        met.set(met.get() + 1);
        let action = self.session.step(input, self.now, random);
        row.check(&scene, action, &self.session);
        self.judge(&before, &input, action);
    }

    /// The promises that no single row shows.
    fn judge(&mut self, before: &Session, input: &Input, action: Option<Action>) {
        let day = Duration::from_hours(24);
        assert!(!self.ended || action.is_none(), "nothing is done after the end");
        if matches!(input, Input::Answered(_)) {
            self.under_way = false;
        }
        self.fail(before, input);
        if matches!(input, Input::Speak(Speak::Now) | Input::Configured { .. }) {
            self.began = None;
        }
        match action {
            Some(Action::Begin(_)) => {
                assert!(!self.under_way, "two exchanges under way");
                let closing = self.session.state() == State::Closing;
                assert!(
                    closing || self.now >= self.floor,
                    "it hammers: {:?} < {:?}",
                    self.now,
                    self.floor
                );
                let spaced = self.began.is_none_or(|began| self.now >= began + LINK_SPACING);
                assert!(closing || spaced, "too close to the last");
                (self.under_way, self.began) = (true, Some(self.now));
            }
            Some(Action::Closed) => self.ended = true,
            None => {}
        }
        match self.session.due() {
            Some(due) => assert!(
                !self.under_way && due <= self.now.max(before.due) + day,
                "it falls silent"
            ),
            None => assert!(self.under_way || self.ended, "it falls silent"),
        }
    }

    /// Notes how long a failure keeps the session from speaking.
    fn fail(&mut self, before: &Session, input: &Input) {
        let broke = before.under_way.is_none()
            && before.link() == Link::Open
            && matches!(before.state(), State::Connecting | State::Synced | State::Quiet);
        let (Input::Answered(Err(advice)) | Input::LinkClosed(advice)) = input else {
            return;
        };
        let failed = if matches!(input, Input::LinkClosed(_)) {
            broke
        } else {
            before.under_way.is_some()
        };
        if !failed {
            return;
        }
        let least = match advice {
            Advice::Retry => Duration::from_millis(100),
            Advice::Wait(asked) => (*asked).clamp(Duration::from_secs(5), Duration::from_mins(15)),
            Advice::Extended => Duration::from_mins(5),
        };
        self.floor = self.now + least;
    }
}

/// Plays a story to its end.
fn play((story, ending, waiting): &(Vec<(Event, f64)>, Vec<(Event, f64)>, bool), met: &[Cell<u32>]) {
    let mut watched = Watched::new(met);
    for (event, random) in story {
        watched.happen(event, *random);
    }
    watched.step(Input::Close { waiting: *waiting }, 0.5);
    for (event, random) in ending {
        watched.happen(event, *random);
    }
    // twice what can be owed: what came before the end, and the beacon after a registration
    for _ in 0..4 {
        watched.step(Input::Answered(Ok(Answer::default())), 0.5);
    }
    assert_eq!(watched.session.state(), State::Closed, "it always ends");
    assert!(watched.ended, "and says so, once");
    watched.step(Input::Close { waiting: true }, 0.5);
    for input in [Input::Wake, Input::LinkOpened, Input::Introduce] {
        watched.step(input, 0.5);
    }
}

proptest! {
    #[test]
    fn every_step_is_the_tables(story in any_story()) {
        let met: Vec<Cell<u32>> = TABLE.iter().map(|_| Cell::new(0)).collect();
        play(&story, &met);
    }
}

#[test]
fn no_row_is_dead() {
    let met: Vec<Cell<u32>> = TABLE.iter().map(|_| Cell::new(0)).collect();
    let mut runner = TestRunner::deterministic();
    let mut stories = 0..2_000;
    while stories.next().is_some() && met.iter().any(|met| met.get() == 0) {
        let story = any_story().new_tree(&mut runner).unwrap().current();
        play(&story, &met);
    }
    let dead: Vec<String> = TABLE
        .iter()
        .zip(&met)
        .filter(|(_, met)| met.get() == 0)
        .map(|(row, _)| row.line())
        .collect();
    assert!(dead.is_empty(), "never met:\n{}", dead.join("\n"));
}

#[test]
fn the_documentation_shows_the_table() {
    let shown: Vec<&str> = include_str!("../mod.rs")
        .lines()
        .filter(|line| line.starts_with("//! |"))
        .collect();
    let meant: Vec<String> = TABLE.iter().map(|row| row.line()).collect();
    let header = 2;
    assert!(
        shown.len() >= header && shown[header..] == meant,
        "in mod.rs, write\n{}",
        meant.join("\n")
    );
}
