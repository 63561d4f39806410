//! The agent's handle: it starts the agent's thread, hands out the guard, and ends it all.
//!
//! Nothing here waits for a server, a disk or an actor: [`AgentBuilder::start`] returns as soon as the guard can judge by local
//! settings, and what an earlier run left on disk comes into force a moment later.

mod bans;
mod builder;
mod demand;
mod report;

use std::{fmt, sync::mpsc, time::Duration};

use tokio::sync::mpsc::UnboundedSender;

pub use self::{
    bans::{Ban, BanError, Unbanned},
    builder::AgentBuilder,
    demand::Exchanged,
};
use crate::{
    VERSION,
    actors::{estate::Shared, generation::Control},
    guard::{BlockId, Explanation, Guard},
    protocol::v2::Totals,
    settings::Settings,
    status::{Conversation, ShutdownReport, Status, StoreMode, StoreState},
};

/// A running agent. Keep it as long as the application runs; the guards it handed out work on without it.
///
/// Dropping it ends the conversation without waiting for it; [`Agent::shutdown`] waits, and says what was sent and what was not.
pub struct Agent {
    shared: Shared,
    control: UnboundedSender<Control>,
    started: Duration,
}

impl Agent {
    /// Begins to build an agent. Without a [transport](AgentBuilder::transport) it guards with local settings alone.
    #[must_use]
    pub fn builder(settings: Settings) -> AgentBuilder {
        AgentBuilder::new(settings)
    }

    /// The guard: cheap to clone, to be used from any thread.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.shared.guard.clone()
    }

    /// Why a request was refused, by the id that the client was shown (the header [`BlockId::HEADER`], or `{{id}}` in the content).
    /// Known are the newest refusals of this process, some thousands; all others are in the log, and on the server.
    ///
    /// ```
    /// # use buckler::{Agent, Settings, guard::{RequestView, RouteMatch, Verdict}};
    /// # let agent = Agent::builder(Settings::builder().build()?).start();
    /// # let headers: &[(&str, &[u8])] = &[];
    /// # let request = RequestView {
    /// #     peer: Some("203.0.113.9".parse()?),
    /// #     method: "GET",
    /// #     path: "/.git/config",
    /// #     query: "",
    /// #     host: Some("shop.example.com"),
    /// #     route: RouteMatch::Unsure,
    /// #     headers: &headers,
    /// # };
    /// # let Verdict::Block(refusal) = agent.guard().check(&request) else { panic!() };
    /// # let shown = refusal.id.to_string();
    /// let why = agent.why(shown.parse()?).expect("it was refused just now");
    /// assert_eq!((why.check, &*why.place, &*why.excerpt), ("decoy", "path", "/.git/config"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn why(&self, id: BlockId) -> Option<Explanation> {
        self.shared.guard.why(id)
    }

    /// How the agent is, at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let Shared {
            board,
            intake,
            tally,
            clock,
            guard,
            ..
        } = &self.shared;
        let counts = tally.totals();
        let since = clock.elapsed().saturating_sub(self.started);
        Status {
            version: VERSION,
            conversation: Conversation::clone(&board.conversation.load()),
            config: (**board.config.load()).clone(),
            list: (**board.list.load()).clone(),
            events: board.events(intake.generated(), intake.len() as u64, intake.lost()),
            requests: Totals {
                since_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
                success: counts.success,
                errors: counts.errors,
                attacks: counts.attacks,
                blocked: counts.blocked,
            },
            warnings: self.warnings(),
            clients: self.shared.clients(),
            guard_failures: counts.guard_failures,
            unjudged: counts.unjudged,
            guard_slow: counts.slow,
            uninspected: counts.uninspected,
            uninspected_by_reason: counts
                .uninspected_by_reason()
                .map(|(gap, count)| (gap.name(), count))
                .collect(),
            uninspected_at: counts
                .uninspected_at()
                .map(|(gap, part, at)| (gap.name(), format!("{}@{at}", part.name())))
                .collect(),
            failing_detectors: guard.failing_detectors(),
            dry_run: guard.dry_run(),
            withheld: board.withheld.load().as_deref().cloned(),
            enforcement: (**board.enforcement.load()).clone(),
            spared: counts.spared,
            log: board.log(),
            restarts: board.restarts.load(std::sync::atomic::Ordering::Relaxed),
            store: StoreState::clone(&board.store.load()),
        }
    }

    /// The settings' oddities, and the keys of the server's configuration that mean nothing here.
    fn warnings(&self) -> Vec<String> {
        let published = self.shared.published.load();
        let of_the_server = published
            .policy
            .unknown_keys()
            .iter()
            .filter(|key| key.origin == "server");
        let unknown = of_the_server.map(|key| format!("server: {}: found an unknown key, not used", key.key));
        self.shared.board.warnings.iter().cloned().chain(unknown).collect()
    }

    /// Tries the server at once, whatever pause is left after a failure: for an operator who has
    /// just mended a key, a certificate or the server. Settings files are read again where they
    /// have changed, which the agent does by itself every few seconds.
    pub fn retry_now(&self) {
        self.control.send(Control::Retry).unwrap_or_default();
    }

    /// Ends the conversation: what waits is sent, then the agent's thread ends. Blocks for at most `deadline`, so call it where
    /// the application has stopped serving; the guards judge on by what they have.
    ///
    /// A second call finds nothing to do and reports what was left by the first.
    #[expect(
        clippy::must_use_candidate,
        reason = "the report is news, not a result that must be handled"
    )]
    pub fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let (reply, report) = mpsc::channel();
        let told = self.control.send(Control::Shutdown { deadline, reply }).is_ok();
        report.recv_timeout(deadline).unwrap_or_else(|_| {
            let status = self.status();
            ShutdownReport {
                sent: 0,
                unsent: status.events.pending,
                kept: status.events.kept == status.events.pending && status.store.mode == StoreMode::Disk,
                lost: status.events.lost,
                in_time: !told,
            }
        })
    }

    /// Panics the actor of this name, to see what becomes of the others.
    #[cfg(feature = "testing")]
    pub fn crash(&self, actor: &'static str) {
        self.control.send(Control::Crash(actor)).unwrap_or_default();
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
