//! Time as a parameter: nothing else in the agent asks the system for it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the agent gets the time from. Replace it to drive time in tests (`testing::ManualClock`).
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// Time since the clock was made. It never goes back and no one can set it: intervals, windows and ends of bans are
    /// measured with it, so that a jump of the wall clock bans or frees nobody.
    fn elapsed(&self) -> Duration;

    /// Time since the Unix epoch by the wall clock: only for what people or a version 1 server read, and for what must
    /// outlive the process.
    fn unix(&self) -> Duration;

    /// Time that this thread has worked, not counting what it was kept waiting by a busy machine. Only differences within one thread
    /// mean anything. Where the system does not tell, it is [`elapsed`](Self::elapsed).
    fn thread(&self) -> Duration {
        self.elapsed()
    }
}

/// The operating system's clocks.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose [`elapsed`](Clock::elapsed) starts now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the agent reads the clock"
    )]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the agent reads the clock"
    )]
    fn unix(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    #[cfg(all(unix, feature = "agent"))]
    fn thread(&self) -> Duration {
        let worked = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(worked).unwrap_or_default()
    }
}
