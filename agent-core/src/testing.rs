//! For tests: time that is driven by hand, a transport that says what it is told to say, and keys
//! of operators.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use crossbeam_queue::SegQueue;
use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tokio::sync::Notify;

use crate::{
    clock::Clock,
    model::signing::PublicKey,
    protocol::{Beacon, BeaconReply, Registration, Welcome, v2::Signed},
    transport::{Push, Transport, TransportError, TransportFactory},
};

pub use crate::store::{DiskFault, DiskFaults, StateFiles};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    elapsed_ms: AtomicU64,
    unix_ms: AtomicU64,
}

impl ManualClock {
    /// A clock at zero; the wall clock shows 2026-01-01.
    #[must_use]
    pub fn new() -> Arc<Self> {
        /// 2026-01-01T00:00:00Z in milliseconds since the Unix epoch.
        const NEW_YEAR_2026: u64 = 1_767_225_600_000;
        Arc::new(Self {
            elapsed_ms: AtomicU64::new(0),
            unix_ms: AtomicU64::new(NEW_YEAR_2026),
        })
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms.fetch_add(by, Ordering::SeqCst);
        self.unix_ms.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an operator or a time server would.
    pub fn set_unix(&self, unix: Duration) {
        self.unix_ms
            .store(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }

    fn unix(&self) -> Duration {
        Duration::from_millis(self.unix_ms.load(Ordering::SeqCst))
    }
}

/// An operator's key that signs configurations: each number is another.
#[derive(Debug, Clone, Copy)]
pub struct Signer(pub u8);

impl Signer {
    #[expect(clippy::expect_used, reason = "32 bytes are a seed")]
    fn pair(self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.0; 32]).expect("a seed")
    }

    /// Its public half.
    ///
    /// # Panics
    /// Never: Ed25519's have the length that is asked for.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test may")]
    pub fn key(self) -> PublicKey {
        PublicKey::from_bytes(self.pair().public_key().as_ref()).expect("a public key")
    }

    /// A message's signatures by the keys of these numbers.
    #[must_use]
    pub fn all(by: &[u8], message: &[u8]) -> Vec<Signed> {
        let signed = by.iter().copied().map(Self).map(|signer| Signed {
            key: signer.key().to_string(),
            signature: STANDARD.encode(signer.pair().sign(message)),
        });
        signed.collect()
    }
}

/// A message that the agent sent.
#[derive(Debug, Clone)]
pub enum Told {
    /// A registration.
    Registration(Box<Registration>),
    /// A beacon, and where the configuration sends it.
    Beacon(Option<url::Url>, Box<Beacon>),
}

/// What a scripted server answers.
type Answer<T> = Box<dyn Fn(u64) -> Result<T, TransportError> + Send + Sync>;

/// A transport without a network: it answers by a script and passes on what it was sent.
pub struct ScriptedTransport {
    welcome: Answer<Welcome>,
    reply: Answer<BeaconReply>,
    exchanges: AtomicU64,
    told: SegQueue<Told>,
    arrived: mpsc::Sender<()>,
    kind: ArcSwap<&'static str>,
    pushes: SegQueue<Push>,
    pushed: Notify,
}

impl std::fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedTransport")
            .field("exchanges", &self.exchanges)
            .finish_non_exhaustive()
    }
}

/// The test's end of a [`ScriptedTransport`].
#[derive(Debug)]
pub struct Script {
    transport: Arc<ScriptedTransport>,
    arrivals: mpsc::Receiver<()>,
    read: VecDeque<Told>,
}

impl ScriptedTransport {
    /// A transport whose answers are functions of the number of exchanges before.
    pub fn script(
        welcome: impl Fn(u64) -> Result<Welcome, TransportError> + Send + Sync + 'static,
        reply: impl Fn(u64) -> Result<BeaconReply, TransportError> + Send + Sync + 'static,
    ) -> Script {
        let (arrived, arrivals) = mpsc::channel();
        let transport = Arc::new(Self {
            welcome: Box::new(welcome),
            reply: Box::new(reply),
            exchanges: AtomicU64::new(0),
            told: SegQueue::new(),
            arrived,
            kind: ArcSwap::from_pointee("scripted"),
            pushes: SegQueue::new(),
            pushed: Notify::new(),
        });
        Script {
            transport,
            arrivals,
            read: VecDeque::new(),
        }
    }

    fn take(&self, told: Told) -> u64 {
        self.told.push(told);
        // the test may have ended
        self.arrived.send(()).unwrap_or_default();
        self.exchanges.fetch_add(1, Ordering::SeqCst)
    }
}

impl Script {
    /// Makes transports for an agent; all of them share the script.
    #[must_use]
    pub fn factory(&self) -> TransportFactory {
        let transport = Arc::clone(&self.transport);
        Arc::new(move || Ok(Box::new(Scripted(Arc::clone(&transport)))))
    }

    /// Has the server say something unasked. What is said before the agent listens waits for it.
    pub fn push(&self, push: Push) {
        self.transport.pushes.push(push);
        self.transport.pushed.notify_one();
    }

    /// Changes the kind that the transport says it is of, as one does that finds another way to the server.
    pub fn set_kind(&self, kind: &'static str) {
        self.transport.kind.store(Arc::new(kind));
    }

    /// The next message of the agent; `None` if none comes within `deadline`.
    pub fn next(&mut self, deadline: Duration) -> Option<Told> {
        self.arrivals.recv_timeout(deadline).ok()?;
        self.read.extend(std::iter::from_fn(|| self.transport.told.pop()));
        self.read.pop_front()
    }
}

struct Scripted(Arc<ScriptedTransport>);

impl Transport for Scripted {
    fn kind(&self) -> &'static str {
        **self.0.kind.load()
    }

    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        let n = self.0.take(Told::Registration(Box::new(registration)));
        Box::pin(async move { (self.0.welcome)(n) })
    }

    fn beacon(&self, url: Option<url::Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        let n = self.0.take(Told::Beacon(url, Box::new(beacon)));
        Box::pin(async move { (self.0.reply)(n) })
    }

    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        let transport = Arc::clone(&self.0);
        Box::pin(futures_util::stream::unfold(transport, |transport| async move {
            loop {
                if let Some(push) = transport.pushes.pop() {
                    return Some((push, transport));
                }
                transport.pushed.notified().await;
            }
        }))
    }
}
