//! Attacks by those that a fleet trusts, over real sockets: each did harm once, and does none.

mod lying_server;
mod planted_link;
