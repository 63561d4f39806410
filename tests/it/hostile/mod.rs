//! Attacks by those that a fleet trusts, over real sockets: each did harm once, and does none.

mod attacker;
mod credentials;
mod junk_storm;
mod lying_server;
mod planted_link;
mod poisoned_list;
mod signed;
mod stolen_key;
