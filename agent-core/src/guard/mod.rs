//! The guard: what runs on the host's web workers for every request. Synchronous, without locks, and without a panic that escapes.

mod client;
mod flood;
mod intake;
mod request;
mod tally;
mod verdict;

pub use client::{Client, ProxyHeader, Trusted};
pub use flood::Flood;
pub use intake::Intake;
pub use request::{Headers, RequestView, RouteMatch};
pub use tally::{Counts, Tally};
pub use verdict::{Detection, Reaction, Verdict};

/// What happens to a request that the guard itself fails on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It passes: a fault of the guard must not take the application down.
    #[default]
    Open,
    /// It is refused, as a blocked request is.
    Closed,
}
