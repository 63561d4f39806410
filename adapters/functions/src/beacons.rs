//! Beacons inside requests: while one is answered, there is processor time.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use buckler::Agent;
use pin_project_lite::pin_project;

/// How long an answer waits for an exchange at most. A server that is slower delays one request per beacon by this much; after a
/// failure the next attempt comes later and later.
pub const BEACON: Duration = Duration::from_secs(2);

/// The agent, asked for one exchange at a time.
#[derive(Debug)]
pub(crate) struct Beacons {
    agent: Arc<Agent>,
    is_under_way: AtomicBool,
}

impl Beacons {
    pub(crate) fn of(agent: Arc<Agent>) -> Arc<Self> {
        Arc::new(Self {
            agent,
            is_under_way: AtomicBool::new(false),
        })
    }

    pub(crate) fn agent(&self) -> &Arc<Agent> {
        &self.agent
    }

    /// The answer, with whatever exchange is due before or after it.
    pub(crate) fn beside<F: Future>(self: &Arc<Self>, answer: F) -> Answering<F> {
        Answering {
            answer,
            answered: None,
            exchange: self.due(),
            beacons: Arc::clone(self),
            has_looked_again: false,
        }
    }

    /// An exchange, where one is due and none is under way.
    fn due(self: &Arc<Self>) -> Option<Exchange> {
        if !self.agent.is_due() || self.is_under_way.swap(true, Ordering::AcqRel) {
            return None;
        }
        let turn = Turn(Arc::clone(self));
        let exchange = self.agent.exchange(BEACON);
        Some(Box::pin(async move {
            let outcome = exchange.await;
            tracing::debug!(?outcome, "an exchange ended beside a request");
            drop(turn);
        }))
    }
}

/// An exchange that ends by itself.
type Exchange = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The right to ask for an exchange. Given back when the exchange ends, or when the request that waited for it is dropped.
struct Turn(Arc<Beacons>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_under_way.store(false, Ordering::Release);
    }
}

pin_project! {
    /// An answer, and the exchange that is made beside it.
    #[must_use = "futures do nothing unless polled"]
    pub struct Answering<F>
    where
        F: Future,
    {
        #[pin]
        answer: F,
        answered: Option<F::Output>,
        exchange: Option<Exchange>,
        beacons: Arc<Beacons>,
        has_looked_again: bool,
    }
}

impl<F: Future> Future for Answering<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.answered.is_none()
            && let Poll::Ready(answered) = this.answer.poll(cx)
        {
            *this.answered = Some(answered);
        }
        loop {
            if let Some(exchange) = this.exchange
                && exchange.as_mut().poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            *this.exchange = None;
            if this.answered.is_none() {
                return Poll::Pending;
            }
            if !std::mem::replace(this.has_looked_again, true) {
                // what this request was caught at waits to be shared
                *this.exchange = this.beacons.due();
                continue;
            }
            // always there: it was just looked for
            return this.answered.take().map_or(Poll::Pending, Poll::Ready);
        }
    }
}

impl<F: Future> fmt::Debug for Answering<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering")
            .field("is_answered", &self.answered.is_some())
            .field("is_exchanging", &self.exchange.is_some())
            .finish_non_exhaustive()
    }
}
