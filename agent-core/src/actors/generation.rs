//! Restarts. A panic kills its actor; the others go with it, because half a tree is harder to reason about than none, and a new
//! generation takes over the estate. After [`RESTARTS`] deaths within [`WITHIN`] the guard runs on alone for [`REST`] and says so.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    pin::pin,
    rc::Rc,
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use actix::System;
use futures_util::future::{Either, select};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    Tree,
    demand::Demand,
    estate::Estate,
    messages::{BanAsked, Errand, UnbanAsked},
    plant, tell,
};
use crate::status::{Conversation, ShutdownReport};

/// Deaths that are answered with a restart at once, or nearly.
const RESTARTS: usize = 5;
/// Time in which they are counted.
const WITHIN: Duration = Duration::from_mins(1);
/// The pause before a restart: doubled with each death, so that the fifth still comes back within a second.
const PAUSE: Duration = Duration::from_millis(20);
/// The pause after too many deaths. The agent never gives up while the process lives.
const REST: Duration = Duration::from_mins(5);
/// The longest pause where the thread has no runtime: it hears nothing meanwhile, not even its end.
const WITHOUT_RUNTIME: Duration = Duration::from_secs(1);
/// How long the agent goes on talking after its handle was dropped without a shutdown.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often the settings files are looked at, while nothing else is to be done: some look-ups of
/// files that the system has in memory.
const SETTINGS_EVERY: Duration = Duration::from_secs(3);
/// What the report needs to reach the handle before the handle's own deadline.
const REPORT_MARGIN: Duration = Duration::from_millis(20);

/// What the handle says to the thread.
#[derive(Debug)]
pub(crate) enum Control {
    /// Tell what there is to tell, and end.
    Shutdown {
        deadline: Duration,
        reply: mpsc::Sender<ShutdownReport>,
    },
    /// Speak, if it is time.
    Exchange(Demand),
    /// Ban a client.
    Ban(BanAsked),
    /// Let a client in.
    Unban(UnbanAsked),
    /// Look at the settings files, and begin a new conversation.
    Retry,
    /// Panic an actor. Tests only.
    #[cfg(feature = "testing")]
    Crash(&'static str),
}

/// How a generation ended.
enum End {
    Died(&'static str),
    /// For a new conversation.
    Renewed,
    Closed(Option<Farewell>),
}

/// A report and who waits for it. It is handed over when the estate is gone: whoever has the report may open the store.
pub(crate) struct Farewell {
    reply: mpsc::Sender<ShutdownReport>,
    report: ShutdownReport,
}

impl Farewell {
    /// Hands the report over.
    pub(crate) fn say(self) {
        // nobody waits for it where the handle's deadline has passed
        self.reply.send(self.report).unwrap_or_default();
    }
}

/// Lives until it is told to end or its handle is dropped.
pub(crate) fn live(estate: &Rc<Estate>, mut control: UnboundedReceiver<Control>) -> Option<Farewell> {
    let mut deaths = Deaths::default();
    let mut pause = Duration::ZERO;
    loop {
        let lived = std::panic::catch_unwind(AssertUnwindSafe(|| {
            System::new().block_on(generation(estate, &mut control, pause))
        }));
        let actor = match lived {
            Ok(End::Closed(farewell)) => {
                say(estate, "closed", None);
                return farewell;
            }
            Ok(End::Renewed) => {
                pause = Duration::ZERO;
                continue;
            }
            Ok(End::Died(actor)) => actor,
            Err(_) => {
                // without a runtime, as where file descriptors are used up, there is nothing else to wait on
                std::thread::park_timeout(pause.min(WITHOUT_RUNTIME));
                "the generation itself"
            }
        };
        pause = deaths.pause(estate.now());
        estate.shared.board.restarts.fetch_add(1, Ordering::Relaxed);
        tracing::error!(actor, pause_ms = pause.as_millis(), "actor panicked: starting all anew");
        if pause == REST {
            say(
                estate,
                "resting",
                Some(format!("{actor} panicked again and again: the guard runs on alone")),
            );
        }
    }
}

/// Writes the conversation's line on the board where no CloudLink is there to do it.
fn say(estate: &Estate, state: &'static str, problem: Option<String>) {
    let line = estate.shared.board.conversation.load();
    let line = Conversation {
        state,
        since: estate.now(),
        due: None,
        problem,
        ..Conversation::clone(&line)
    };
    estate.shared.board.conversation.store(Arc::new(line));
    estate.shared.board.due.clear();
}

/// When actors died.
#[derive(Default)]
struct Deaths(VecDeque<Duration>);

impl Deaths {
    /// How long to wait before the next generation.
    fn pause(&mut self, now: Duration) -> Duration {
        self.0.retain(|at| now.saturating_sub(*at) < WITHIN);
        self.0.push_back(now);
        if self.0.len() > RESTARTS {
            self.0.clear();
            return REST;
        }
        PAUSE * 2_u32.saturating_pow(u32::try_from(self.0.len()).unwrap_or(u32::MAX) - 1)
    }
}

/// One generation, from the pause before it to its end.
async fn generation(estate: &Rc<Estate>, control: &mut UnboundedReceiver<Control>, pause: Duration) -> End {
    let mut command = rest(control, pause).await;
    let (deaths, mut died) = unbounded_channel();
    let (closed, mut all_told) = unbounded_channel();
    let tree = plant(estate, &deaths, closed);
    loop {
        let command = match command.take() {
            Some(command) => command,
            None => {
                let (death, command) = (pin!(died.recv()), pin!(control.recv()));
                match select(select(death, command), pin!(tokio::time::sleep(SETTINGS_EVERY))).await {
                    Either::Left((Either::Left((actor, _)), _)) => return End::Died(actor.unwrap_or("every actor")),
                    Either::Left((Either::Right((command, _)), _)) => command,
                    Either::Right(((), _)) if estate.reload() => return End::Renewed,
                    Either::Right(((), _)) => continue,
                }
            }
        };
        if let Some(end) = obey(command, estate, &tree, &mut all_told).await {
            return end;
        }
    }
}

/// Lets the pause pass, or what of it is left when the handle says something.
async fn rest(control: &mut UnboundedReceiver<Control>, pause: Duration) -> Option<Option<Control>> {
    let mut over = pin!(tokio::time::sleep(pause));
    loop {
        match select(over.as_mut(), pin!(control.recv())).await {
            Either::Left(_) => return None,
            // what killed the agent so often is not begun anew for every request: dropped, it has failed
            Either::Right((Some(Control::Exchange(_)), _)) if pause == REST => {}
            Either::Right((command, _)) => return Some(command),
        }
    }
}

/// Carries out what the handle says; `None` in place of a command says that the handle is gone.
async fn obey(
    command: Option<Control>,
    estate: &Estate,
    tree: &Tree,
    all_told: &mut UnboundedReceiver<()>,
) -> Option<End> {
    match command {
        Some(Control::Shutdown { deadline, reply }) => {
            let report = close(estate, tree, all_told, deadline.saturating_sub(REPORT_MARGIN)).await;
            Some(End::Closed(Some(Farewell { reply, report })))
        }
        None => {
            close(estate, tree, all_told, FAREWELL).await;
            Some(End::Closed(None))
        }
        Some(Control::Retry) => {
            estate.reload();
            Some(End::Renewed)
        }
        Some(Control::Exchange(demand)) => {
            tree.send(Errand::Exchange(demand));
            None
        }
        Some(Control::Ban(asked)) => {
            tell(&tree.blacklist_sync.clone().recipient(), asked);
            None
        }
        Some(Control::Unban(asked)) => {
            tell(&tree.blacklist_sync.clone().recipient(), asked);
            None
        }
        #[cfg(feature = "testing")]
        Some(Control::Crash(actor)) => {
            tree.crash(actor);
            None
        }
    }
}

/// Has everything told that can be told until the deadline.
async fn close(
    estate: &Estate,
    tree: &Tree,
    all_told: &mut UnboundedReceiver<()>,
    deadline: Duration,
) -> ShutdownReport {
    let before = events(estate);
    tree.send(Errand::Close);
    let in_time = tokio::time::timeout(deadline, all_told.recv()).await.is_ok();
    let after = events(estate);
    ShutdownReport {
        sent: after.acknowledged - before.acknowledged,
        unsent: after.pending,
        kept: estate.store.is_on_disk(),
        lost: after.lost,
        in_time,
    }
}

fn events(estate: &Estate) -> crate::status::Events {
    let intake = &estate.shared.intake;
    estate
        .shared
        .board
        .events(intake.generated(), intake.len() as u64, intake.lost())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_deaths_in_a_minute_come_back_within_a_second_and_the_sixth_rests() {
        let mut deaths = Deaths::default();
        let second = Duration::from_secs;
        let pauses: Vec<Duration> = (0..5).map(|n| deaths.pause(second(n))).collect();
        assert!(pauses.iter().all(|pause| *pause < second(1)), "{pauses:?}");
        assert!(pauses.is_sorted());
        assert_eq!(deaths.pause(second(6)), REST);
        assert_eq!(deaths.pause(second(400)), PAUSE, "after the rest it counts anew");
    }

    #[test]
    fn deaths_that_are_far_apart_are_single_ones() {
        let mut deaths = Deaths::default();
        for n in 0..100 {
            assert_eq!(deaths.pause(Duration::from_secs(61 * n)), PAUSE);
        }
    }
}
