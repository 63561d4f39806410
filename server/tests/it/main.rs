//! The server over real HTTP: what agents of both versions, operators and strangers get from it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod admin;
mod allowlist;
mod audit;
mod bans;
mod bodies;
mod bulk;
mod candidate;
mod configuration;
mod deploy;
mod durable;
mod enrolment;
mod events;
mod failures;
mod golden;
mod http;
mod keys;
mod limits;
mod list;
mod lists;
mod member;
mod metrics;
mod news;
mod nodes;
mod operators;
mod page;
mod paging;
mod program;
mod push;
mod pyrasp;
mod refusals;
mod reload;
mod signed;
mod socket;
mod support;
mod v1;
mod ws;
