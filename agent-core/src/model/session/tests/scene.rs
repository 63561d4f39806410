//! What the table is made of: its columns, how they read, and what they mean, computed apart from the implementation.

use std::{fmt::Write as _, time::Duration};

use crate::{
    model::{
        schedule::Advice,
        session::{
            Action, Answer, Exchange, Input, LINK_FACTOR, LINK_SLOWEST, LINK_SPACING, Link, REGISTER_EVERY, SPACING,
            Session, Speak, State,
        },
    },
    protocol::v2::Next as Wish,
};

/// One transition.
pub(super) struct Row {
    pub(super) states: &'static [State],
    pub(super) under_way: UnderWay,
    pub(super) inputs: &'static [Kind],
    pub(super) when: When,
    pub(super) next: Next,
    pub(super) action: Act,
    pub(super) due: Due,
    pub(super) registration: Registration,
}

/// Whether an exchange is under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum UnderWay {
    Yes,
    No,
}

/// An input without what it carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Wake,
    SpeakSoon,
    SpeakNow,
    Pull,
    Introduce,
    Goodbye,
    LinkOpened,
    LinkClosedRetry,
    LinkClosedWait,
    LinkClosedExtended,
    AnsweredOk,
    AnsweredRetry,
    AnsweredWait,
    AnsweredExtended,
    Configured,
    Close,
}

/// A condition.
#[derive(Clone, Copy)]
pub(super) struct When {
    text: &'static str,
    holds: fn(&Scene) -> bool,
}

/// The state that follows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Next {
    Same,
    To(State),
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Act {
    Nothing,
    Speak,
    Close,
}

/// When the session is due then, at the earliest and at the latest.
#[derive(Clone, Copy)]
pub(super) struct Due {
    text: &'static str,
    bounds: Option<fn(&Scene) -> Bounds>,
}

type Bounds = (Duration, Duration);

/// What becomes of the registration.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Registration {
    Kept,
    Forgotten,
    ByTheAnswer,
}

/// A situation and an input.
pub(super) struct Scene {
    pub(super) before: Session,
    pub(super) input: Input,
    pub(super) now: Duration,
}

impl Row {
    pub(super) fn fits(&self, scene: &Scene) -> bool {
        let under_way = if scene.before.under_way.is_some() {
            UnderWay::Yes
        } else {
            UnderWay::No
        };
        self.states.contains(&scene.before.state)
            && self.under_way == under_way
            && self.inputs.contains(&Kind::of(&scene.input))
            && (self.when.holds)(scene)
    }

    /// Holds what the implementation did against this row.
    #[track_caller]
    pub(super) fn check(&self, scene: &Scene, action: Option<Action>, after: &Session) {
        let Scene { before, input, now } = scene;
        let what = || format!("{} at {now:?}, {input:?}: {before:?} -> {after:?}", self.line());
        let next = match self.next {
            Next::Same => before.state,
            Next::To(state) => state,
        };
        assert_eq!(after.state, next, "{}", what());
        assert_eq!(after.registered_at, self.registration.after(scene), "{}", what());
        assert_eq!(action, self.action.of(after, *now), "{}", what());
        assert_eq!(after.link, scene.link_after(), "{}", what());
        match (self.due.bounds, after.due()) {
            (None, due) => assert_eq!(due, None, "{}", what()),
            (Some(bounds), due) => {
                let ((first, last), due) = (bounds(scene), due.unwrap_or_else(|| panic!("{}", what())));
                // chance is a binary fraction, and time is not
                let grain = Duration::from_micros(1);
                assert!(
                    due + grain >= first && due <= last + grain,
                    "{first:?}..={last:?} {}",
                    what()
                );
            }
        }
    }

    /// As the documentation shows it.
    pub(super) fn line(&self) -> String {
        let mut line = String::from("//! |");
        let states: Vec<&str> = self.states.iter().map(|state| state.name()).collect();
        let states = states
            .join(", ")
            .replace("connecting, synced, quiet, retrying, blocked", "open");
        let inputs: Vec<&str> = self.inputs.iter().map(|kind| kind.name()).collect();
        let inputs = match inputs.len() {
            16 => "any".to_owned(),
            _ => inputs.join(", "),
        };
        let next = match self.next {
            Next::Same => "–",
            Next::To(state) => state.name(),
        };
        let action = match self.action {
            Act::Nothing => "–",
            Act::Speak => "`Begin`",
            Act::Close => "`Closed`",
        };
        let registration = match self.registration {
            Registration::Kept => "–",
            Registration::Forgotten => "forgotten",
            Registration::ByTheAnswer => "by the answer",
        };
        let under_way = if self.under_way == UnderWay::Yes { "yes" } else { "no" };
        let or_dash = |text| if str::is_empty(text) { "–" } else { text };
        for cell in [
            &states,
            under_way,
            &inputs,
            or_dash(self.when.text),
            next,
            action,
            or_dash(self.due.text),
            registration,
        ] {
            write!(line, " {cell} |").unwrap();
        }
        line
    }
}

impl Kind {
    pub(super) const ALL: &'static [Self] = &[
        Self::Wake,
        Self::SpeakSoon,
        Self::SpeakNow,
        Self::Pull,
        Self::Introduce,
        Self::Goodbye,
        Self::LinkOpened,
        Self::LinkClosedRetry,
        Self::LinkClosedWait,
        Self::LinkClosedExtended,
        Self::AnsweredOk,
        Self::AnsweredRetry,
        Self::AnsweredWait,
        Self::AnsweredExtended,
        Self::Configured,
        Self::Close,
    ];

    /// As the documentation shows it.
    const fn name(self) -> &'static str {
        match self {
            Self::Wake => "`Wake`",
            Self::SpeakSoon => "`Speak(Soon)`",
            Self::SpeakNow => "`Speak(Now)`",
            Self::Pull => "`Pull`",
            Self::Introduce => "`Introduce`",
            Self::Goodbye => "`Goodbye`",
            Self::LinkOpened => "`LinkOpened`",
            Self::LinkClosedRetry => "`LinkClosed(Retry)`",
            Self::LinkClosedWait => "`LinkClosed(Wait)`",
            Self::LinkClosedExtended => "`LinkClosed(Extended)`",
            Self::AnsweredOk => "`Answered(Ok)`",
            Self::AnsweredRetry => "`Answered(Err(Retry))`",
            Self::AnsweredWait => "`Answered(Err(Wait))`",
            Self::AnsweredExtended => "`Answered(Err(Extended))`",
            Self::Configured => "`Configured`",
            Self::Close => "`Close`",
        }
    }

    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Wake => Self::Wake,
            Input::Speak(Speak::Soon) => Self::SpeakSoon,
            Input::Speak(Speak::Now) => Self::SpeakNow,
            Input::Pull(_) => Self::Pull,
            Input::Introduce => Self::Introduce,
            Input::Goodbye(_) => Self::Goodbye,
            Input::LinkOpened => Self::LinkOpened,
            Input::LinkClosed(Advice::Retry) => Self::LinkClosedRetry,
            Input::LinkClosed(Advice::Wait(_)) => Self::LinkClosedWait,
            Input::LinkClosed(Advice::Extended) => Self::LinkClosedExtended,
            Input::Answered(Ok(_)) => Self::AnsweredOk,
            Input::Answered(Err(Advice::Retry)) => Self::AnsweredRetry,
            Input::Answered(Err(Advice::Wait(_))) => Self::AnsweredWait,
            Input::Answered(Err(Advice::Extended)) => Self::AnsweredExtended,
            Input::Configured { .. } => Self::Configured,
            Input::Close { .. } => Self::Close,
        }
    }
}

impl When {
    pub(super) const fn new(text: &'static str, holds: fn(&Scene) -> bool) -> Self {
        Self { text, holds }
    }
}

impl Due {
    pub(super) const fn new(text: &'static str, bounds: fn(&Scene) -> Bounds) -> Self {
        Self {
            text,
            bounds: Some(bounds),
        }
    }

    /// While an exchange is under way, and when all is told.
    pub(super) const fn none() -> Self {
        Self { text: "", bounds: None }
    }
}

impl Act {
    fn of(self, after: &Session, now: Duration) -> Option<Action> {
        match self {
            Self::Nothing => None,
            Self::Close => Some(Action::Closed),
            Self::Speak => Some(Action::Begin(if is_fresh(after, after.registered_at, now) {
                Exchange::Beacon
            } else {
                Exchange::Register
            })),
        }
    }
}

impl Registration {
    fn after(self, scene: &Scene) -> Option<Duration> {
        match self {
            Self::Kept => scene.before.registered_at,
            Self::Forgotten => None,
            Self::ByTheAnswer => scene.registered_by_answer(),
        }
    }
}

fn is_fresh(session: &Session, registered_at: Option<Duration>, now: Duration) -> bool {
    let counts = if session.beacons {
        REGISTER_EVERY
    } else {
        session.refresh
    };
    registered_at.is_some_and(|at| now < at + counts)
}

/// Conditions.
impl Scene {
    pub(super) fn is_due(&self) -> bool {
        self.now >= self.before.due
    }

    /// Beacons are on, or a registration is due.
    pub(super) fn has_a_say(&self) -> bool {
        self.before.beacons || !is_fresh(&self.before, self.before.registered_at, self.now)
    }

    pub(super) fn has_beacons(&self) -> bool {
        matches!(self.input, Input::Configured { beacons: true, .. })
    }

    pub(super) fn answer(&self) -> Answer {
        let Input::Answered(Ok(answer)) = self.input else {
            panic!("{:?} carries no answer", self.input)
        };
        answer
    }

    fn registered_by_answer(&self) -> Option<Duration> {
        match self.before.under_way {
            Some(Exchange::Register) => Some(self.now),
            _ if self.answer().register_again => None,
            _ => self.before.registered_at,
        }
    }

    /// Events wait, and the exchange made progress; or something came up meanwhile.
    fn has_news(&self) -> bool {
        let progress = self.answer().delivered || self.before.under_way == Some(Exchange::Register);
        self.before.waiting || (self.answer().waiting && progress)
    }

    pub(super) fn is_more(&self) -> bool {
        self.has_news() || self.registered_by_answer().is_none()
    }

    pub(super) fn goes_on(&self) -> bool {
        self.has_news() && (self.before.beacons || !is_fresh(&self.before, self.registered_by_answer(), self.now))
    }

    pub(super) fn takes_leave(&self) -> bool {
        matches!(self.input, Input::Close { waiting: true }) && self.has_a_say()
    }

    fn link_after(&self) -> Link {
        if self.before.state == State::Closed {
            self.before.link
        } else if self.input == Input::LinkOpened {
            Link::Open
        } else if matches!(self.input, Input::LinkClosed(_)) {
            Link::Closed
        } else {
            self.before.link
        }
    }
}

/// When it is due.
impl Scene {
    /// At `bounds`, unless it was to be earlier.
    pub(super) fn earlier(&self, (first, last): Bounds) -> Bounds {
        (first.min(self.before.due), last.min(self.before.due))
    }

    pub(super) fn later(&self, (first, last): Bounds) -> Bounds {
        (first.max(self.before.due), last.max(self.before.due))
    }

    pub(super) fn spacing(&self) -> Duration {
        spacing(self.before.link)
    }

    /// Now, but after the least time since the last exchange began.
    pub(super) fn spaced(&self, link: Link) -> Bounds {
        let spoke = self.before.last_spoke;
        let at = spoke.map_or(self.now, |at| self.now.max(at + spacing(link)));
        (at, at)
    }

    /// When the server asks, but not before `least`.
    pub(super) fn asked(&self, least: Duration) -> Bounds {
        let (first, last) = self.wish(0, 0);
        (least.max(self.now + first), least.max(self.now + last))
    }

    pub(super) fn away(&self) -> Bounds {
        let (first, last) = self.wish(1_000, 4_000);
        let second = Duration::from_secs(1);
        (self.now + first.max(second), self.now + last.max(second))
    }

    fn wish(&self, after_ms: u64, jitter_ms: u64) -> Bounds {
        let next = if let Input::Pull(next) | Input::Goodbye(next) = self.input {
            next
        } else {
            self.answer().next
        };
        let next = next.unwrap_or(Wish { after_ms, jitter_ms });
        let quarter = |ms| Duration::from_millis(ms).min(Duration::from_mins(15));
        (quarter(next.after_ms), quarter(next.after_ms) + quarter(next.jitter_ms))
    }

    pub(super) fn registration_ends(&self) -> Bounds {
        let (at, refresh) = (self.before.registered_at.unwrap(), self.before.refresh);
        (at + refresh, at + refresh.mul_f64(1.2))
    }

    pub(super) fn failed(&self) -> Bounds {
        let (Input::LinkClosed(advice) | Input::Answered(Err(advice))) = self.input else {
            panic!("{:?} is no failure", self.input)
        };
        let (first, last) = match advice {
            Advice::Retry => (Duration::from_millis(100), Duration::from_mins(1)),
            Advice::Wait(asked) => {
                let asked = asked.clamp(Duration::from_secs(5), Duration::from_mins(15));
                (asked, asked)
            }
            Advice::Extended => (Duration::from_mins(5), Duration::from_hours(1)),
        };
        (self.now + first, self.now + last)
    }

    pub(super) fn succeeded(&self) -> Bounds {
        let pace = pace(self.before.interval, self.before.link);
        let (first, last) = match self.answer().next {
            None => (pace.mul_f64(0.9), pace.mul_f64(1.1)),
            Some(_) => {
                let (first, last) = self.wish(0, 0);
                let least = Duration::from_secs(5).min(pace);
                (first.max(least), first.max(least) + (last - first))
            }
        };
        (
            self.now + first.min(REGISTER_EVERY),
            self.now + last.min(REGISTER_EVERY),
        )
    }

    pub(super) fn soon(&self) -> Bounds {
        let last = self.now + self.spacing();
        (self.succeeded().0.min(last), last)
    }

    pub(super) fn within_interval(&self) -> Bounds {
        let Input::Configured { interval, .. } = self.input else {
            panic!("{:?} is no configuration", self.input)
        };
        let last = self.now + pace(interval, self.before.link);
        self.earlier((last, last))
    }
}

fn spacing(link: Link) -> Duration {
    if link == Link::Open { LINK_SPACING } else { SPACING }
}

fn pace(interval: Duration, link: Link) -> Duration {
    let interval = interval.max(SPACING);
    if link == Link::Open {
        interval.max(LINK_SLOWEST.min(interval * LINK_FACTOR))
    } else {
        interval
    }
}
