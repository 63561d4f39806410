//! A running agent, and the process that it runs in.

use std::{
    fmt, mem,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{AcqRel, Release},
        },
    },
    thread,
    time::Duration,
};

#[cfg(unix)]
use buckler::model::address::parse_network;
use buckler::{
    AgentBuilder,
    clock::{Clock as _, SystemClock},
    guard::{BlockId, BodyRest, BodyView, Guard, RequestView},
    status::ShutdownReport,
};
use ipnet::IpNet;
#[cfg(unix)]
use serde::Deserialize;
use serde::Serialize;

#[cfg(unix)]
use crate::shared::{self, Follower, Leader};
use crate::{fork, refusal::Refusal};

/// What judges the requests of this process, and which process that is.
pub(crate) struct Live {
    by: By,
    generation: u64,
}

/// By what requests are judged.
pub(crate) enum By {
    /// An agent of this process, which may serve its siblings too.
    Own {
        served: Arc<Served>,
        #[cfg(unix)]
        _leader: Option<Leader>,
    },
    /// The agent of a sibling.
    #[cfg(unix)]
    Sibling(Arc<Follower>),
}

impl Live {
    /// Starts an agent in this process, for it alone.
    pub(crate) fn alone(builder: AgentBuilder) -> Self {
        Self::new(By::Own {
            served: Served::start(builder),
            #[cfg(unix)]
            _leader: None,
        })
    }

    /// Finds the agent of this host by its name, or starts it.
    #[cfg(unix)]
    pub(crate) fn among_siblings(name: &str, builder: AgentBuilder) -> Self {
        match shared::take_seat(name) {
            shared::Seat::Alone => Self::alone(builder),
            shared::Seat::Follower(follower) => Self::new(By::Sibling(follower)),
            shared::Seat::Leader(listener) => {
                let served = Served::start(builder);
                let leader = Leader::begin(listener, &served);
                Self::new(By::Own {
                    served,
                    _leader: leader,
                })
            }
        }
    }

    fn new(by: By) -> Self {
        let generation = fork::generation();
        Self { by, generation }
    }

    /// Whether it is of this process.
    pub(crate) fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// By what requests are judged.
    pub(crate) fn by(&self) -> &By {
        &self.by
    }

    /// The agent, where it is this process's own.
    pub(crate) fn own(&self) -> Option<&Served> {
        match &self.by {
            By::Own { served, .. } => Some(served),
            #[cfg(unix)]
            By::Sibling(_) => None,
        }
    }

    pub(crate) fn server_header(&self) -> Option<String> {
        match &self.by {
            By::Own { served, .. } => served.server_header(),
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.server_header(),
        }
    }

    /// Why a request was refused, as JSON.
    pub(crate) fn why(&self, id: BlockId) -> Option<String> {
        match &self.by {
            By::Own { served, .. } => served.why(id),
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.why(&id.to_string()),
        }
    }

    /// Who is banned, as JSON.
    pub(crate) fn bans(&self) -> Option<String> {
        match &self.by {
            By::Own { served, .. } => served.bans(),
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.bans(),
        }
    }

    pub(crate) fn ban(&self, network: IpNet, length: Duration, why: &str) -> Result<(), String> {
        match &self.by {
            By::Own { served, .. } => served.ban(network, length, why),
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.ban(network, length, why),
        }
    }

    /// What became of a ban that was to be ended, as JSON.
    pub(crate) fn unban(&self, network: IpNet) -> Result<String, String> {
        match &self.by {
            By::Own { served, .. } => served.unban(network),
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.unban(network),
        }
    }

    /// Tries the server at once.
    pub(crate) fn retry_now(&self) -> Result<(), String> {
        match &self.by {
            By::Own { served, .. } => {
                served.retry_now();
                Ok(())
            }
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.retry_now(),
        }
    }

    /// How the agent is, as JSON.
    pub(crate) fn status(&self) -> Option<String> {
        match &self.by {
            By::Own { served, .. } => served.status(),
            #[cfg(unix)]
            By::Sibling(sibling) => sibling.status(),
        }
    }

    /// Makes the bans again that an agent had which is gone: without a server no other has them.
    #[cfg(unix)]
    pub(crate) fn take_over(&self, bans: &str) {
        /// The most that is made again: each takes some ten microseconds, while a request waits.
        const MOST: usize = 1000;
        /// The length of a ban that has no end: ten years.
        const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);
        let bans: Vec<Noted> = serde_json::from_str(bans).unwrap_or_default();
        let now = SystemClock::new().unix();
        for ban in bans.iter().take(MOST) {
            let end = ban.until_ms.map_or(now + LONGEST, Duration::from_millis);
            let left = end.saturating_sub(now);
            let why = "taken over";
            if let Some(network) = parse_network(&ban.network) {
                // one that is over, or that must not be made any more, is left
                self.ban(network, left, why).unwrap_or_default();
            }
        }
    }

    /// Parts with an agent. A parent's is left as it is, for ever: its thread is not here, and may have left things half done that
    /// would have to be tidied up.
    pub(crate) fn part(live: Option<Arc<Self>>) {
        match live {
            Some(parents) if !parents.is_ours() => mem::forget(parents),
            Some(_) | None => {}
        }
    }
}

/// A ban, as an agent tells of it.
#[cfg(unix)]
#[derive(Deserialize)]
struct Noted {
    network: String,
    /// In milliseconds since the Unix epoch; absent where it has no end.
    until_ms: Option<u64>,
}

/// An agent, and its guard.
pub(crate) struct Served {
    agent: buckler::Agent,
    pub(crate) guard: Guard,
}

impl Served {
    fn start(builder: AgentBuilder) -> Arc<Self> {
        let agent = fork::without_signals(|| builder.start());
        Arc::new(Self {
            guard: agent.guard(),
            agent,
        })
    }

    pub(crate) fn agent(&self) -> &buckler::Agent {
        &self.agent
    }

    pub(crate) fn check(&self, view: &RequestView<'_>) -> Option<Refusal> {
        Refusal::of(&self.guard.check(view))
    }

    pub(crate) fn check_body(
        &self,
        view: &RequestView<'_>,
        bytes: &[u8],
        is_whole: bool,
    ) -> (Option<Refusal>, Option<BodyRest>) {
        let (verdict, rest) = self.guard.check_body_beginning(view, BodyView { bytes, is_whole });
        (Refusal::of(&verdict), rest)
    }

    pub(crate) fn check_last_body(&self, view: &RequestView<'_>, bytes: &[u8], is_whole: bool) -> Option<Refusal> {
        Refusal::of(&self.guard.check_body(view, BodyView { bytes, is_whole }))
    }

    pub(crate) fn check_body_rest(
        &self,
        view: &RequestView<'_>,
        rest: &mut BodyRest,
        piece: &[u8],
        is_end: bool,
    ) -> Option<Refusal> {
        Refusal::of(&self.guard.check_body_rest(view, rest, piece, is_end))
    }

    pub(crate) fn check_answer(&self, view: &RequestView<'_>, bytes: &[u8], is_whole: bool) -> Option<Refusal> {
        Refusal::of(&self.guard.check_answer(view, BodyView { bytes, is_whole }))
    }

    pub(crate) fn check_response(&self, view: &RequestView<'_>, status: u16) -> Option<Refusal> {
        Refusal::of(&self.guard.check_response(view, status))
    }

    pub(crate) fn client(&self, view: &RequestView<'_>) -> Option<String> {
        self.guard.client(view).map(|client| client.address.to_string())
    }

    pub(crate) fn server_header(&self) -> Option<String> {
        self.guard.server_header().map(|name| (*name).to_owned())
    }

    /// Why a request was refused, as JSON.
    pub(crate) fn why(&self, id: BlockId) -> Option<String> {
        json(&self.agent.why(id)?)
    }

    /// Who is banned here, as JSON.
    pub(crate) fn bans(&self) -> Option<String> {
        json(&self.agent.bans())
    }

    pub(crate) fn ban(&self, network: IpNet, length: Duration, why: &str) -> Result<(), String> {
        self.agent.ban(network, length, why).map_err(|error| error.to_string())
    }

    /// What became of a ban that was to be ended, as JSON.
    pub(crate) fn unban(&self, network: IpNet) -> Result<String, String> {
        let unbanned = self.agent.unban(network).map_err(|error| error.to_string())?;
        Ok(json(&unbanned).unwrap_or_default())
    }

    /// Tries the server at once.
    pub(crate) fn retry_now(&self) {
        self.agent.retry_now();
    }

    /// How the agent is, as JSON.
    pub(crate) fn status(&self) -> Option<String> {
        json(&self.agent.status())
    }

    pub(crate) fn stop(&self, deadline: Duration) -> ShutdownReport {
        self.agent.shutdown(deadline)
    }
}

/// What the agent tells is its own, and can be said as JSON.
fn json(said: &impl Serialize) -> Option<String> {
    serde_json::to_string(said).ok()
}

/// Which of a process's threads starts its agent. No lock, which a fork might find held: a child's claim is its own.
#[derive(Debug, Default)]
pub(crate) struct Claim(AtomicU64);

impl Claim {
    /// How often a thread that waits looks up. A start takes some hundred milliseconds, once in a process's life.
    const LOOK: Duration = Duration::from_millis(2);
    /// Looks after which the other thread is taken to have failed: some ten seconds.
    const LOOKS: usize = 5000;

    /// Another may be started: the one that was is gone.
    pub(crate) fn give_up(&self) {
        self.0.store(0, Release);
    }

    /// Returns at once to the first caller of this process, and to others when there is what they wait for.
    pub(crate) fn claim_or_wait(&self, is_there: impl Fn() -> bool) {
        // zero is nobody
        let mine = fork::generation() + 1;
        if self.0.swap(mine, AcqRel) == mine {
            for _ in 0..Self::LOOKS {
                if is_there() {
                    break;
                }
                thread::park_timeout(Self::LOOK);
            }
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
