//! The thread that owns the store: everybody else sends it work, so that nothing in the store is ever shared or locked.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use buckler::clock::Clock;
use tokio::sync::{mpsc, oneshot};

use crate::{
    moment::Moment,
    store::{Store, StoreError},
};

/// Work that may wait at the store's door. More than that is a flood, and waits at the sockets.
const QUEUE: usize = 1_024;

/// How long a request waits for the store. A call takes microseconds, and copying a list of a million entries a fifth of a
/// second, so this means that something is very wrong.
const PATIENCE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce(&mut dyn Store, Moment) + Send>;

/// A handle to the store's thread. The thread ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Owner(mpsc::Sender<Work>);

impl Owner {
    /// Starts the thread.
    pub(crate) fn start(store: Box<dyn Store>, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let (work, queue) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("buckler-store".to_owned())
            .spawn(move || serve(store, &*clock, queue))?;
        Ok(Self(work))
    }

    /// Does something with the store, in its turn.
    pub(crate) async fn ask<T, F>(&self, ask: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store, Moment) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |store, now| {
            // who asked may have gone meanwhile
            let _ = reply.send(ask(store, now));
        });
        let exchange = async {
            self.0.send(work).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(StoreError("it broke off".to_owned())),
            Err(_) => Err(StoreError(format!("it did not answer within {PATIENCE:?}"))),
        }
    }
}

fn serve(mut store: Box<dyn Store>, clock: &dyn Clock, mut queue: mpsc::Receiver<Work>) {
    while let Some(work) = queue.blocking_recv() {
        let now = Moment::read(clock);
        // a panic costs the one request its answer. What it may have left half done in a list shows in the digest, and agents
        // fetch a snapshot
        if catch_unwind(AssertUnwindSafe(|| work(&mut *store, now))).is_err() {
            tracing::error!("the store panicked and goes on");
        }
    }
}
