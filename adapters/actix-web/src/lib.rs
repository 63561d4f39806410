//! Buckler as actix-web middleware.
//!
//! One agent per process, one `.wrap` per application:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use actix_web::{App, HttpServer, web};
//! use buckler_actix_web::{Buckler, Settings, start};
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let agent = start(Settings::from_file("buckler.toml")?)?; // never waits for the server
//!     let buckler = Buckler::new(&agent);
//!     HttpServer::new(move || App::new().wrap(buckler.clone()).route("/", web::get().to(|| async { "hello" })))
//!         .bind(("127.0.0.1", 8080))?
//!         .run()
//!         .await?;
//!     agent.shutdown(Duration::from_secs(5)); // tells the server what it does not know yet
//!     Ok(())
//! }
//! ```
//!
//! # Where to wrap
//! Around everything else, that is with the last `.wrap` of the `App`: what an outer middleware answers by itself is never
//! judged. A scope or a resource can be wrapped instead where only that part is to be guarded.
//!
//! # What it does to a request
//! - Before the application sees it, the guard judges address, host, path, query and headers. A
//!   refused request gets the configured answer once its body has been read and thrown away, within
//!   bounds (32 MiB, ten seconds): a proxy that is still sending it would find the connection
//!   reset, and answer 502 instead. Beyond the bounds the answer says `Connection: close`.
//! - If it has a body, the guard judges the beginning of that too (64 KiB), and the application gets the body byte for byte, with
//!   whatever error ended it. Nothing is read where no check looks into bodies, nor after a `CONNECT` or a WebSocket handshake.
//!   A request without a body costs no allocation and is with the application at once.
//! - A body that does not come within a second keeps the application no longer. It is then judged while the application reads it,
//!   before it sees the end of the first 64 KiB: instead of that end it reads an error, and whatever it answers is replaced by
//!   the refusal. A handler that acts on the pieces of a slow body as they come has acted on some of them by then.
//! - A compressed body is decoded for the guard alone, as far as `agent.compressed_bodies` says; the application gets it as it came.
//! - A request that passes goes on untouched: body, extensions and routing are the application's.
//! - When the application has answered, its status is counted, the route that it took is learned now and then, and a 404 for which
//!   no route was found is judged: a decoy is one then, and an unknown path is, where the settings look for those. Only a whole response can be replaced at that point, because none of it has been sent, and a `101 Switching Protocols`
//!   is never replaced. What happens inside a stream or a WebSocket is not seen.
//! - Where the `dlp` check is on, the beginning of an answer that is text (64 KiB) is judged before any of it is sent. One whose
//!   length is known is held back for that, a second at most; a stream only for what it has ready at once, and a stream of events not
//!   at all. Sizes, pieces and errors stay as they are. An answer that is compressed already is not looked into: wrap
//!   `Compress` around this middleware, not inside it. Where `dlp` is off, answers are neither read nor delayed.
//! - An error that an inner middleware returns is counted by its status and given back as it is. It carries no request, so
//!   that its 404 is never taken for an unknown path, and the `Server` header of the settings is not added to it.
//! - A request whose connection broke before there was an answer is counted as neither success nor error.
//!
//! # Which path is unknown
//! One for which actix-web found no resource, *and* whose answer is 404. A default service that answers (a single-page
//! application) makes every path a known one; one that does not, and a folder of files mounted at `/`, is no route by itself.
//!
//! A probe for what only attackers know (`/.git/config`) is judged before the application is asked, and only by the patterns of its
//! routes: it is none in an application with a route for it. A decoy of the configuration's is judged by the answer: `/login` is
//! none where anything but a 404 is answered, whether by a route or by a default service.

mod answer;
mod drain;
mod future;
mod middleware;
mod peek;
mod refusal;
mod replay;
mod route_match;
mod routes;
mod seen;
mod verdicts;
mod view;
mod worker;

pub use buckler::{
    Agent, AgentBuilder, Settings,
    guard::{BlockId, Blocked},
    settings::SettingsError,
    status::{ShutdownReport, Status},
};

#[cfg(feature = "introspection")]
pub use crate::routes::introspect;
pub use crate::{
    answer::AnswerBody,
    future::Guarded,
    middleware::{Buckler, BucklerService},
    routes::routes,
};

/// What the agent tells the server it guards.
const PLATFORM: &str = "actix-web";

/// What to do where requests come without an address.
const ADDRESS_REMEDY: &str =
    "bind the server to a TCP address (HttpServer::bind): connections over a Unix socket have none";

/// Starts an agent for an actix-web application, with the transport that the settings name. It returns at once: guarding
/// begins with local settings, or with what the last run left on disk, and the server is asked on the agent's own thread.
///
/// # Errors
/// Where the settings name a transport that does not exist, or give it an option that it does not take.
pub fn start(settings: Settings) -> Result<Agent, SettingsError> {
    Ok(builder(settings)?.start())
}

/// As [`start`], for what the settings cannot say: the application's [routes], for one.
///
/// # Errors
/// As [`start`].
pub fn builder(settings: Settings) -> Result<AgentBuilder, SettingsError> {
    let builder = buckler_transports::builder(settings)?;
    Ok(builder.platform(PLATFORM).address_remedy(ADDRESS_REMEDY))
}
