//! Every transition of a session, as data: the module's documentation shows it, and the property test holds the implementation
//! against it.

use super::scene::{Act, Due, Kind, Next, Registration, Row, Scene, UnderWay, When};
use crate::model::session::{Link, State};

use Act::{Close as End, Nothing, Speak};
use Kind::*;
use Next::{Same, To};
use Registration::{ByTheAnswer, Forgotten, Kept};
use State::*;
use UnderWay::{No, Yes};

const OPEN: &[State] = &[Connecting, Synced, Quiet, Retrying, Blocked];
const SPEAKING: &[State] = &[Connecting, Synced, Quiet, Retrying, Blocked, Closing];
const HEARD: &[State] = &[Connecting, Synced, Quiet, Retrying];
const UNFAILED: &[State] = &[Connecting, Synced, Quiet];
const WELL: &[State] = &[Synced, Quiet];
const UNWELL: &[State] = &[Connecting, Retrying, Blocked];
const NOT_QUIET: &[State] = &[Connecting, Synced, Retrying, Blocked, Closing];

const WISHES: &[Kind] = &[SpeakSoon, SpeakNow, Pull];
const LINK: &[Kind] = &[LinkOpened, LinkClosedRetry, LinkClosedWait, LinkClosedExtended];
const LINK_CLOSED: &[Kind] = &[LinkClosedRetry, LinkClosedWait, LinkClosedExtended];
const ANSWERED: &[Kind] = &[AnsweredOk, AnsweredRetry, AnsweredWait, AnsweredExtended];
const REFUSED: &[Kind] = &[AnsweredRetry, AnsweredWait, AnsweredExtended];

const ALWAYS: When = When::new("", |_| true);
const NOT_DUE: When = When::new("not due", |s| !s.is_due());
const DUE: When = When::new("due, something may be said", |s| s.is_due() && s.has_a_say());
const DUE_MUTE: When = When::new("due, nothing may be said", |s| s.is_due() && !s.has_a_say());
const SAY: When = When::new("something may be said", |s| s.has_a_say());
const MUTE: When = When::new("nothing may be said", |s| !s.has_a_say());
const LINKED: When = When::new("link open", |s| s.before.link == Link::Open);
const UNLINKED: When = When::new("link closed", |s| s.before.link == Link::Closed);
const GOODBYE: When = When::new("goodbye", |s| s.answer().goodbye);
const MORE: When = When::new("more to tell", |s| !s.answer().goodbye && s.is_more());
const PULLED: When = When::new("pull, no more to tell", |s| {
    !s.answer().goodbye && !s.is_more() && s.answer().pull
});
const NO_MORE: When = When::new("no more to tell", |s| {
    !s.answer().goodbye && !s.is_more() && !s.answer().pull
});
const GOES_ON: When = When::new("more to tell that may be said", Scene::goes_on);
const GOES_NOT_ON: When = When::new("else", |s| !s.goes_on());
const BEACONS: When = When::new("beacons on", Scene::has_beacons);
const NO_BEACONS: When = When::new("beacons off", |s| !s.has_beacons());
const FAREWELL: When = When::new("something waits that may be said", Scene::takes_leave);
const NO_FAREWELL: When = When::new("else", |s| !s.takes_leave());

const NONE: Due = Due::none();
const KEPT: Due = Due::new("as it was", |s| (s.before.due, s.before.due));
const REFRESHED: Due = Due::new("a refresh interval after the registration", Scene::registration_ends);
const SPACED: Due = Due::new("now, but spaced, if it was to be later", |s| {
    s.earlier(s.spaced(s.before.link))
});
const LINK_SPACED: Due = Due::new("now, but spaced, if it was to be later", |s| {
    s.earlier(s.spaced(Link::Open))
});
const AT_ONCE: Due = Due::new("now, if it was to be later", |s| s.earlier((s.now, s.now)));
const NOW: Due = Due::new("now", |s| (s.now, s.now));
const AS_ASKED: Due = Due::new("as asked, but spaced, if it was to be later", |s| {
    s.earlier(s.asked(s.spaced(s.before.link).0))
});
const ANSWER_ASKED: Due = Due::new("as asked, but spaced", |s| s.asked(s.now + s.spacing()));
const AWAY: Due = Due::new("as asked, at least 1 s", Scene::away);
const AWAY_LATER: Due = Due::new("as it was or as asked, the later", |s| s.later(s.away()));
const FAILED: Due = Due::new("by the schedule", Scene::failed);
const FAILED_LATER: Due = Due::new("as it was or by the schedule, the later", |s| s.later(s.failed()));
const SUCCEEDED: Due = Due::new("by the schedule", Scene::succeeded);
const SOON: Due = Due::new("by the schedule, but within the spacing", Scene::soon);
const INTERVAL: Due = Due::new("an interval from now, if it was to be later", Scene::within_interval);

/// Shortens the rows to one line each.
macro_rules! rows {
    ($($states:expr, $under_way:expr, $inputs:expr, $when:expr => $next:expr, $action:expr, $due:expr, $registration:expr;)*) => {
        &[$(Row {
            states: $states,
            under_way: $under_way,
            inputs: $inputs,
            when: $when,
            next: $next,
            action: $action,
            due: $due,
            registration: $registration,
        }),*]
    };
}

/// The table: exactly one row fits each input in each situation.
pub(super) const TABLE: &[Row] = rows! {
    OPEN, No, &[Wake], NOT_DUE => Same, Nothing, KEPT, Kept;
    OPEN, No, &[Wake], DUE => Same, Speak, NONE, Kept;
    OPEN, No, &[Wake], DUE_MUTE => To(Quiet), Nothing, REFRESHED, Kept;
    SPEAKING, Yes, &[Wake], ALWAYS => Same, Nothing, NONE, Kept;
    WELL, No, &[SpeakSoon], SAY => Same, Nothing, SPACED, Kept;
    WELL, No, &[SpeakNow], SAY => Same, Nothing, AT_ONCE, Kept;
    WELL, No, &[Pull], SAY => Same, Nothing, AS_ASKED, Kept;
    WELL, No, WISHES, MUTE => Same, Nothing, KEPT, Kept;
    UNWELL, No, WISHES, ALWAYS => Same, Nothing, KEPT, Kept;
    SPEAKING, Yes, WISHES, ALWAYS => Same, Nothing, NONE, Kept;
    WELL, No, &[Introduce], ALWAYS => Same, Nothing, SPACED, Forgotten;
    UNWELL, No, &[Introduce], ALWAYS => Same, Nothing, KEPT, Forgotten;
    SPEAKING, Yes, &[Introduce], ALWAYS => Same, Nothing, NONE, Forgotten;
    UNFAILED, No, &[Goodbye], ALWAYS => To(Retrying), Nothing, AWAY, Kept;
    &[Retrying], No, &[Goodbye], ALWAYS => Same, Nothing, AWAY_LATER, Kept;
    &[Blocked], No, &[Goodbye], ALWAYS => Same, Nothing, KEPT, Kept;
    SPEAKING, Yes, &[Goodbye], ALWAYS => Same, Nothing, NONE, Kept;
    WELL, No, &[LinkOpened], SAY => Same, Nothing, LINK_SPACED, Kept;
    WELL, No, &[LinkOpened], MUTE => Same, Nothing, KEPT, Kept;
    UNWELL, No, &[LinkOpened], ALWAYS => Same, Nothing, KEPT, Kept;
    OPEN, No, LINK_CLOSED, UNLINKED => Same, Nothing, KEPT, Kept;
    UNFAILED, No, &[LinkClosedRetry, LinkClosedWait], LINKED => To(Retrying), Nothing, FAILED, Kept;
    UNFAILED, No, &[LinkClosedExtended], LINKED => To(Blocked), Nothing, FAILED, Forgotten;
    &[Retrying], No, &[LinkClosedRetry], LINKED => Same, Nothing, KEPT, Kept;
    &[Retrying], No, &[LinkClosedWait], LINKED => Same, Nothing, FAILED_LATER, Kept;
    &[Retrying], No, &[LinkClosedExtended], LINKED => To(Blocked), Nothing, FAILED_LATER, Forgotten;
    &[Blocked], No, LINK_CLOSED, LINKED => Same, Nothing, KEPT, Kept;
    SPEAKING, Yes, LINK, ALWAYS => Same, Nothing, NONE, Kept;
    OPEN, No, ANSWERED, ALWAYS => Same, Nothing, KEPT, Kept;
    OPEN, Yes, &[AnsweredOk], GOODBYE => To(Retrying), Nothing, AWAY, ByTheAnswer;
    OPEN, Yes, &[AnsweredOk], MORE => To(Synced), Nothing, SOON, ByTheAnswer;
    OPEN, Yes, &[AnsweredOk], PULLED => To(Synced), Nothing, ANSWER_ASKED, ByTheAnswer;
    OPEN, Yes, &[AnsweredOk], NO_MORE => To(Synced), Nothing, SUCCEEDED, ByTheAnswer;
    OPEN, Yes, &[AnsweredRetry, AnsweredWait], ALWAYS => To(Retrying), Nothing, FAILED, Kept;
    OPEN, Yes, &[AnsweredExtended], ALWAYS => To(Blocked), Nothing, FAILED, Forgotten;
    &[Closing], Yes, &[AnsweredOk], GOES_ON => Same, Speak, NONE, ByTheAnswer;
    &[Closing], Yes, &[AnsweredOk], GOES_NOT_ON => To(Closed), End, NONE, ByTheAnswer;
    &[Closing], Yes, REFUSED, ALWAYS => To(Closed), End, NONE, Kept;
    &[Quiet], No, &[Configured], BEACONS => To(Synced), Nothing, NOW, Kept;
    &[Quiet], Yes, &[Configured], BEACONS => To(Synced), Nothing, NONE, Kept;
    &[Quiet], No, &[Configured], NO_BEACONS => Same, Nothing, KEPT, Kept;
    &[Quiet], Yes, &[Configured], NO_BEACONS => Same, Nothing, NONE, Kept;
    &[Synced], No, &[Configured], ALWAYS => Same, Nothing, INTERVAL, Kept;
    UNWELL, No, &[Configured], ALWAYS => Same, Nothing, KEPT, Kept;
    NOT_QUIET, Yes, &[Configured], ALWAYS => Same, Nothing, NONE, Kept;
    HEARD, No, &[Close], FAREWELL => To(Closing), Speak, NONE, Kept;
    HEARD, No, &[Close], NO_FAREWELL => To(Closed), End, NONE, Kept;
    &[Blocked], No, &[Close], ALWAYS => To(Closed), End, NONE, Kept;
    SPEAKING, Yes, &[Close], ALWAYS => To(Closing), Nothing, NONE, Kept;
    &[Closed], No, Kind::ALL, ALWAYS => Same, Nothing, NONE, Kept;
};
