//! When an entry ends in each of the two scopes, in one word: what a reader learns, it learns at once.

use std::time::Duration;

use super::Scope;

/// Added to an end in seconds when it is kept, so that the two smallest values are free for [`VACANT`](Ends::VACANT) and [`ABSENT`].
const SHIFT: u32 = 2;
/// In one half: not listed in this scope.
const ABSENT: u32 = 1;
/// In one half: listed for ever.
const FOREVER: u32 = u32::MAX;

/// The end in one scope: whole seconds, rounded up so that nobody is let in early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End(u32);

impl End {
    /// `None` is for ever. Beyond 136 years an end is kept as 136 years.
    pub(super) fn new(until: Option<Duration>) -> Self {
        Self(until.map_or(FOREVER, |until| {
            let whole = until.as_secs().saturating_add(u64::from(until.subsec_nanos() > 0));
            u32::try_from(whole)
                .unwrap_or(FOREVER)
                .saturating_add(SHIFT)
                .min(FOREVER - 1)
        }))
    }

    /// When it ends; `None` is never.
    pub(super) fn until(self) -> Option<Duration> {
        (self.0 != FOREVER).then(|| Duration::from_secs(u64::from(self.0.saturating_sub(SHIFT))))
    }

    /// Whether it has not ended.
    pub(super) const fn is_live(self, now: Now) -> bool {
        self.0 > now.0
    }
}

/// The present in the form that ends are compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now(u32);

impl From<Duration> for Now {
    fn from(now: Duration) -> Self {
        Self(
            u32::try_from(now.as_secs())
                .unwrap_or(FOREVER)
                .saturating_add(SHIFT)
                .min(FOREVER - 1),
        )
    }
}

/// The ends in both scopes: the local one in the upper half, the shared one in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends(u64);

impl Ends {
    /// A slot that was never used. Every word in use differs from it in both halves.
    pub(super) const VACANT: Self = Self(0);
    /// Listed in no scope: what is left of an entry that was removed.
    pub(super) const NOWHERE: Self = Self(((ABSENT as u64) << u32::BITS) | ABSENT as u64);

    pub(super) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// The end in `scope`; `None` where it is not listed.
    pub(super) fn get(self, scope: Scope) -> Option<End> {
        let half = self.half(scope);
        (half > ABSENT).then_some(End(half))
    }

    /// The same with another end in `scope`.
    #[must_use]
    pub(super) fn with(self, scope: Scope, end: Option<End>) -> Self {
        let half = |of: Scope| {
            if of == scope {
                end.map_or(ABSENT, |e| e.0)
            } else {
                self.half(of).max(ABSENT)
            }
        };
        Self((u64::from(half(Scope::Local)) << u32::BITS) | u64::from(half(Scope::Shared)))
    }

    /// The later end and its scope, if it has not come yet. Of equal ends the local one is named: it was seen here.
    pub(super) fn live(self, now: Now) -> Option<(End, Scope)> {
        let (local, shared) = (End(self.half(Scope::Local)), End(self.half(Scope::Shared)));
        let later = if local >= shared {
            (local, Scope::Local)
        } else {
            (shared, Scope::Shared)
        };
        later.0.is_live(now).then_some(later)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a half of the word is meant")]
    const fn half(self, scope: Scope) -> u32 {
        match scope {
            Scope::Local => (self.0 >> u32::BITS) as u32,
            Scope::Shared => self.0 as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(seconds: f64) -> End {
        End::new(Some(Duration::from_secs_f64(seconds)))
    }

    fn at(seconds: f64) -> Now {
        Duration::from_secs_f64(seconds).into()
    }

    #[test]
    fn an_end_is_rounded_up_and_never_lets_in_early() {
        assert_eq!(end(10.5).until(), Some(Duration::from_secs(11)));
        assert!(end(10.5).is_live(at(10.9)));
        assert!(!end(10.5).is_live(at(11.0)));
        assert!(!end(0.0).is_live(at(0.0)), "what has ended is never live");
    }

    #[test]
    fn for_ever_is_longer_than_any_time() {
        let century = Some(Duration::from_secs(u64::MAX));
        assert!(End::new(None).is_live(Duration::from_secs(u64::MAX).into()));
        assert_eq!(End::new(None).until(), None);
        assert!(End::new(century).until().is_some());
        assert!(End::new(century) < End::new(None));
    }

    #[test]
    fn scopes_do_not_touch_each_other() {
        let both = Ends::NOWHERE
            .with(Scope::Local, Some(end(5.0)))
            .with(Scope::Shared, Some(end(9.0)));
        assert_eq!(
            (both.get(Scope::Local), both.get(Scope::Shared)),
            (Some(end(5.0)), Some(end(9.0)))
        );
        assert_eq!(both.live(at(1.0)), Some((end(9.0), Scope::Shared)));
        let local = both.with(Scope::Shared, None);
        assert_eq!(local.live(at(1.0)), Some((end(5.0), Scope::Local)));
        assert_eq!(local.live(at(5.0)), None);
        assert_eq!(local.with(Scope::Local, None), Ends::NOWHERE);
        assert_eq!(Ends::NOWHERE.live(at(0.0)), None);
    }

    #[test]
    fn no_word_in_use_looks_vacant() {
        for half in [None, Some(end(0.0)), Some(End::new(None))] {
            assert_ne!(Ends::VACANT.with(Scope::Local, half), Ends::VACANT);
            assert_ne!(Ends::VACANT.with(Scope::Shared, half), Ends::VACANT);
        }
    }
}
