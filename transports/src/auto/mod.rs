//! The WebSocket where it can be had, and polling where it cannot: behind a proxy that refuses the upgrade, say, or one that
//! swallows what comes after it.
//!
//! An exchange that fails over the WebSocket is carried by polling within the same call, so that a blocked WebSocket costs one
//! attempt. Cursor, outbox and ids are the session's: whichever carries, it carries the same message, and the server counts it
//! once. Polling then goes on for `return_after` before the WebSocket is tried again.

mod preference;
mod relay;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use buckler::{
    clock::{Clock, SystemClock},
    protocol::{Beacon, BeaconReply, Registration, Welcome},
    settings::{Settings, SettingsError},
    transport::{Push, Transport, TransportError, TransportFactory},
};
use buckler_connection::deadline::within;
use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};
use futures_util::FutureExt;

use self::{
    preference::{LONGEST, Preference},
    relay::Relay,
};

/// What `[transport] kind` calls this transport.
pub(crate) const KIND: &str = "auto";

/// The most that an exchange over the WebSocket may take before polling carries it: both together are well within the minute in
/// which a fall-back is due.
const ATTEMPT: Duration = Duration::from_secs(10);

/// How long an upgrade may stay unanswered: some proxies swallow it. A second round trip over a
/// slow link takes less than half of it.
const UPGRADE: Duration = Duration::from_secs(3);

/// Reads the options of this transport and of its parts once; the factory then makes a transport on the agent's thread.
///
/// # Errors
/// As those of the parts, and for `[transport.auto]`.
pub(crate) fn factory(settings: &Settings) -> Result<TransportFactory, SettingsError> {
    let mut options = settings.section(KIND);
    let return_after = options.duration(
        "return_after",
        Duration::from_secs(60),
        Duration::from_secs(1)..=LONGEST,
    );
    options.finish()?;
    let websocket = buckler_websocket::impatient_factory(settings, UPGRADE)?;
    let polling = buckler_http_polling::factory(settings)?;
    Ok(Arc::new(move || {
        let clock = Arc::new(SystemClock::new());
        Ok(Box::new(Auto::new(
            Arc::clone(&websocket),
            polling()?,
            return_after,
            clock,
        )))
    }))
}

/// Carries the conversation over either.
struct Auto {
    make_websocket: TransportFactory,
    /// Made for the first attempt, and anew for each that follows a failure: dropped, it closes its connection.
    websocket: RefCell<Option<Rc<dyn Transport>>>,
    polling: Box<dyn Transport>,
    preference: RefCell<Preference>,
    pushes: Relay,
    /// The kind of the part that carries.
    carrier: Cell<&'static str>,
    clock: Arc<dyn Clock>,
}

impl Auto {
    fn new(
        make_websocket: TransportFactory,
        polling: Box<dyn Transport>,
        return_after: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            make_websocket,
            websocket: RefCell::default(),
            polling,
            preference: RefCell::new(Preference::new(return_after)),
            pushes: Relay::default(),
            carrier: Cell::new(buckler_websocket::KIND),
            clock,
        }
    }

    /// Carries a message over the WebSocket, and where that fails by polling.
    async fn carry<T>(
        &self,
        message: impl AsyncFn(&dyn Transport) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        if !self.preference.borrow().allows_websocket(self.clock.elapsed()) {
            return message(&*self.polling).await;
        }
        let failure = match self.attempt(&message).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        self.websocket.take();
        self.pushes.cut(&failure);
        // where polling fails too, the server is down rather than its WebSocket blocked: both are then tried again
        let answer = message(&*self.polling).await?;
        self.fall_back(&failure);
        Ok(answer)
    }

    async fn attempt<T>(
        &self,
        message: impl AsyncFn(&dyn Transport) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        let websocket = self.websocket()?;
        let answer = within(ATTEMPT, message(&*websocket)).await?;
        self.preference.borrow_mut().succeeded(self.clock.elapsed());
        self.carrier.set(websocket.kind());
        Ok(answer)
    }

    fn websocket(&self) -> Result<Rc<dyn Transport>, TransportError> {
        let mut slot = self.websocket.borrow_mut();
        if let Some(websocket) = &*slot {
            return Ok(Rc::clone(websocket));
        }
        let websocket: Rc<dyn Transport> = Rc::from((self.make_websocket)()?);
        self.pushes.attach(websocket.pushes());
        *slot = Some(Rc::clone(&websocket));
        Ok(websocket)
    }

    fn fall_back(&self, failure: &TransportError) {
        let pause = self.preference.borrow_mut().failed(self.clock.elapsed());
        self.carrier.set(self.polling.kind());
        tracing::warn!(error = %failure, ?pause, "the WebSocket does not carry, polling");
    }
}

impl Transport for Auto {
    fn kind(&self) -> &'static str {
        self.carrier.get()
    }

    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        let message = async move |transport: &dyn Transport| transport.register(registration.clone()).await;
        self.carry(message).boxed_local()
    }

    fn beacon(&self, url: Option<url::Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        let message = async move |transport: &dyn Transport| transport.beacon(url.clone(), beacon.clone()).await;
        self.carry(message).boxed_local()
    }

    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        self.pushes.stream()
    }
}

#[cfg(test)]
mod tests;
