//! What the transports share, so that each rule about connections is kept in one place: whom the agent believes and where it may
//! send its key, how it connects, what a reply means, and that no word of a server carries the key into a log.
//!
//! | module | |
//! |---|---|
//! | [`options`] | the options that every transport has, with the files they name |
//! | [`places`] | where the key may go, and how places are named to people |
//! | [`proxy`] | the proxy on the way |
//! | [`link`] | awc, set up so that nothing happens behind a transport's back |
//! | [`failure`] | awc's errors in the words of the port |
//! | [`reply`] | what a reply says: a welcome, a beacon's answer, or which failure it is |
//! | [`deadline`] | the one around an exchange |
//! | [`text`] | words of a server made fit for an error |

pub mod deadline;
mod dial;
pub mod failure;
pub mod link;
pub mod options;
pub mod places;
pub mod proxy;
pub mod reply;
pub mod text;
mod tls;
mod wire;
