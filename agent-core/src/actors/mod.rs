//! The tree of actors: wiring and start order, readable from top to bottom.
//!
//! All of them live on the agent's own thread, in an actix System that lasts as long as all of them do: a *generation*. They
//! know each other by [`Recipient`] only and send with `try_send`, so that no mailbox can fill memory and nobody waits. What a
//! full mailbox drops is asked for again: offences stay in custody, lists and configurations are named by the next message.
//!
//! | actor | owns | tells |
//! |---|---|---|
//! | [`RequestGuard`] | custody of detections, the published snapshot | BlacklistSync |
//! | [`BlacklistSync`] | list, cursor, outbox | RequestGuard, CloudLink |
//! | [`ConfigFetcher`] | configuration | everybody |
//! | [`TelemetryReporter`] | load samples | CloudLink |
//! | [`CloudLink`] | conversation, transport | the three that have a part in a message |
//!
//! Beside them runs the task of [`log_shipper`], which dies and comes again with them.

mod blacklist_sync;
mod cloud_link;
mod config_fetcher;
pub(crate) mod configuration;
pub(crate) mod credential;
pub(crate) mod demand;
pub(crate) mod estate;
pub(crate) mod generation;
pub(crate) mod kill_switch;
mod log_budget;
mod log_shipper;
pub(crate) mod messages;
mod request_guard;
pub(crate) mod safety;
mod telemetry_reporter;
pub(crate) mod watch;

use std::rc::Rc;

use actix::{Addr, AsyncContext, Context, Message, Recipient};
use tokio::sync::mpsc::UnboundedSender;

use self::{
    blacklist_sync::BlacklistSync, cloud_link::CloudLink, config_fetcher::ConfigFetcher, estate::Estate,
    messages::Errand, request_guard::RequestGuard, telemetry_reporter::TelemetryReporter,
};

pub(crate) use config_fetcher::checks;

/// Messages that wait for an actor at most. Actors speak of batches, not of requests: a handful wait in practice.
const MAILBOX: usize = 256;

/// A generation of actors: everybody's address, for wiring alone. An actor keeps only the recipients of what it tells.
struct Tree {
    request_guard: Addr<RequestGuard>,
    blacklist_sync: Addr<BlacklistSync>,
    config_fetcher: Addr<ConfigFetcher>,
    telemetry_reporter: Addr<TelemetryReporter>,
    cloud_link: Addr<CloudLink>,
}

impl Tree {
    /// Sends an errand round.
    fn send(&self, errand: Errand) {
        tell(&self.config_fetcher.clone().recipient(), errand);
    }

    /// Panics the actor of this name.
    #[cfg(feature = "testing")]
    fn crash(&self, name: &str) {
        let crash: Recipient<messages::Crash> = match name {
            "RequestGuard" => self.request_guard.clone().recipient(),
            "BlacklistSync" => self.blacklist_sync.clone().recipient(),
            "ConfigFetcher" => self.config_fetcher.clone().recipient(),
            "TelemetryReporter" => self.telemetry_reporter.clone().recipient(),
            "CloudLink" => self.cloud_link.clone().recipient(),
            _ => return,
        };
        tell(&crash, messages::Crash);
    }
}

/// Starts a generation. An actor that dies says so to `deaths`; CloudLink says to `closed` when all is told.
fn plant(estate: &Rc<Estate>, deaths: &UnboundedSender<&'static str>, closed: UnboundedSender<()>) -> Tree {
    // contexts first, since everybody must know the address of somebody who does not run yet
    let (guard, list, config, telemetry, link) = (
        Context::new(),
        Context::new(),
        Context::new(),
        Context::new(),
        Context::new(),
    );
    let to = Tree {
        request_guard: guard.address(),
        blacklist_sync: list.address(),
        config_fetcher: config.address(),
        telemetry_reporter: telemetry.address(),
        cloud_link: link.address(),
    };
    let notice = |name| DeathNotice {
        name,
        deaths: deaths.clone(),
    };
    link.run(CloudLink::new(estate, &to, closed, notice("CloudLink")));
    list.run(BlacklistSync::new(estate, &to, notice("BlacklistSync")));
    guard.run(RequestGuard::new(estate, &to, notice("RequestGuard")));
    telemetry.run(TelemetryReporter::new(estate, &to, notice("TelemetryReporter")));
    actix_rt::spawn(log_shipper::ship(Rc::clone(estate), notice("LogShipper")));
    // last, because it tells all others what is in force
    config.run(ConfigFetcher::new(estate, &to, notice("ConfigFetcher")));
    to
}

/// Sends a message or, where the mailbox is full or its actor gone, says so in the log: what is lost here is sent again.
fn tell<M>(to: &Recipient<M>, message: M)
where
    M: Message<Result = ()> + Send + 'static,
{
    if let Err(error) = to.try_send(message) {
        tracing::debug!(message = std::any::type_name::<M>(), %error, "message not taken");
    }
}

/// Tells the generation, when it is dropped with its actor, that the actor is dead: by a panic, since actors never stop here.
struct DeathNotice {
    name: &'static str,
    deaths: UnboundedSender<&'static str>,
}

impl Drop for DeathNotice {
    fn drop(&mut self) {
        // nobody listens any more where the whole generation ends
        self.deaths.send(self.name).unwrap_or_default();
    }
}

/// Lets a test panic an actor.
macro_rules! crashable {
    ($actor:ty) => {
        #[cfg(feature = "testing")]
        impl actix::Handler<super::messages::Crash> for $actor {
            type Result = ();

            fn handle(&mut self, _: super::messages::Crash, _: &mut Self::Context) {
                panic!("crashed by a test");
            }
        }
    };
}
use crashable;
