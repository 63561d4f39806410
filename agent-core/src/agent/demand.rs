//! Speaking on demand.

use std::{future::Future, sync::mpsc::RecvTimeoutError, time::Duration};

use super::Agent;
use crate::{
    actors::{
        demand::{Deadline, Demand},
        generation::Control,
    },
    store::Times,
};

/// What the answer of the agent's thread may need beyond the budget.
const ANSWER_MARGIN: Duration = Duration::from_millis(100);

/// What came of an exchange on demand.
///
/// # Hosts whose process stands still
/// A function's process may be frozen between requests: for hours, without notice, in the middle of anything. Timers say nothing there,
/// and connections die unseen. An agent that was built with [`on_demand`](crate::AgentBuilder::on_demand) leaves it to the host when to
/// speak:
/// ```
/// # use std::time::Duration;
/// # use buckler::{Agent, Exchanged, Settings};
/// # let settings = Settings::builder().build()?;
/// let agent = Agent::builder(settings).on_demand().start();
/// // the first exchange registers; without a server, or with one that is down, the agent guards by its settings
/// agent.exchange_blocking(Duration::from_secs(2));
/// // in or after each request
/// if agent.is_due() {
///     agent.exchange_blocking(Duration::from_secs(2));
/// }
/// // where the process ends: what waits is sent
/// agent.shutdown(Duration::from_millis(500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// - No timer begins an exchange. [`Agent::is_due`] goes by the wall clock as well, because the clock that measures intervals may stand
///   still with the process.
/// - Each exchange has a connection of its own, over whichever transport the settings name. Nothing is pushed: where `websocket` or
///   `auto` is configured, a connection is opened for each exchange and closed after it. `http-polling` does the same for less.
/// - An exchange that is in the air when the process is frozen is given up after it, and begun anew by the next demand. Events carry
///   numbers and totals are totals: nothing is lost, and nothing counted twice by a version 2 server.
/// - A failure is answered by the usual pauses, during which nothing is due: a server that is down costs one budget a pause.
/// - Bans end, lists grow old and load is sampled by timers that take a pause for what it is: time that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exchanged {
    /// The server was told everything, and what it said is in force.
    Done,
    /// It did not work out. [`Agent::status`] says why; nothing is due until a pause is over.
    Failed,
    /// The budget is over. An exchange that nobody waits for any more is given up, and counts as failed unless the process stood still.
    OutOfTime,
    /// There was nothing to do: it is not time yet, there is no server, the agent speaks by itself, or it was shut down.
    NotDue,
}

impl Agent {
    /// Whether an exchange is due, of an agent that speaks [on demand](crate::AgentBuilder::on_demand): it is time, or a ban was caught
    /// that waits to be shared. Of others it never is.
    ///
    /// Costs some nanoseconds, and waits for nothing: ask it at every request.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let detections = self.shared.intake.generated();
        self.shared.board.due.has_come(self.times(), detections)
    }

    /// Speaks with the server if it is [due](Agent::is_due): one exchange, and those that are to follow at once. Over when they are, or
    /// the budget is. Whoever asks while another exchange is under way waits for that one.
    ///
    /// The future needs no runtime. The exchange goes on when it is dropped, until its budget is over.
    pub fn exchange(&self, budget: Duration) -> impl Future<Output = Exchanged> + Send + 'static {
        let (demand, answer) = Demand::of_task(Deadline::after(budget, self.times()));
        let told = self.control.send(Control::Exchange(demand)).is_ok();
        async move {
            if told {
                // not answered: the agent ended, or an actor panicked
                answer.await.unwrap_or(Exchanged::Failed)
            } else {
                Exchanged::NotDue
            }
        }
    }

    /// The same for a thread that may be blocked for as long as the budget.
    #[expect(
        clippy::must_use_candidate,
        reason = "what came of it is news, not a result that must be handled"
    )]
    pub fn exchange_blocking(&self, budget: Duration) -> Exchanged {
        let (demand, answer) = Demand::of_thread(Deadline::after(budget, self.times()));
        if self.control.send(Control::Exchange(demand)).is_err() {
            return Exchanged::NotDue;
        }
        match answer.recv_timeout(budget.saturating_add(ANSWER_MARGIN)) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Exchanged::OutOfTime,
            Err(RecvTimeoutError::Disconnected) => Exchanged::Failed,
        }
    }

    fn times(&self) -> Times {
        Times::read(&*self.shared.clock)
    }
}
