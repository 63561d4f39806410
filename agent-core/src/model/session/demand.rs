//! What is different on demand: for hosts whose process may stand still between two exchanges, and in the middle of one.

use std::time::Duration;

use super::Session;

impl Session {
    /// The same of an agent that is asked to speak, and may not be asked again for hours: what is left to tell follows at once.
    #[must_use]
    pub const fn on_demand(mut self) -> Self {
        self.on_demand = true;
        self
    }

    /// It is time, by a clock that counts what `now` does not: hours in which the machine stood still.
    pub fn hasten(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// The exchange under way is given up through no fault of the server's: it is begun anew as soon as may be.
    pub fn abandon(&mut self, now: Duration) {
        if self.under_way.take().is_some() {
            self.due = now;
        }
    }
}
