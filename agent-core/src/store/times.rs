//! Both clocks at one moment, to turn ends in process time into ends on disk and back.

use std::time::Duration;

use crate::clock::Clock;

/// Process time and wall clock at one moment. Times on disk are whole Unix seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) elapsed: Duration,
    pub(crate) unix: Duration,
}

impl Times {
    pub(crate) fn read(clock: &dyn Clock) -> Self {
        Self {
            elapsed: clock.elapsed(),
            unix: clock.unix(),
        }
    }

    /// An end on disk, from an end in process time.
    pub(crate) fn write_end(self, until: Option<Duration>) -> Option<u64> {
        until.map(|until| (self.unix + until.saturating_sub(self.elapsed)).as_secs())
    }

    /// An end in process time, from an end on disk. What has ended stays ended: an end of just now would be rounded up.
    pub(crate) fn read_end(self, until: Option<u64>) -> Option<Duration> {
        until.map(|until| {
            let left = Duration::from_secs(until).saturating_sub(self.unix);
            if left.is_zero() {
                left
            } else {
                self.elapsed.saturating_add(left)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_survive_the_way_to_disk_and_back() {
        let secs = Duration::from_secs;
        let before = Times {
            elapsed: secs(500),
            unix: secs(10_000),
        };
        let after = Times {
            elapsed: secs(2),
            unix: secs(10_030),
        };
        assert_eq!(after.read_end(before.write_end(Some(secs(600)))), Some(secs(72)));
        assert_eq!(
            after.read_end(before.write_end(Some(secs(510)))),
            Some(secs(0)),
            "ended meanwhile"
        );
        assert_eq!(after.read_end(before.write_end(None)), None);
    }
}
