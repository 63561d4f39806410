//! The server over real HTTP: what agents of both versions, operators and strangers get from it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod admin;
mod golden;
mod http;
mod limits;
mod paging;
mod pyrasp;
mod reload;
mod support;
mod v1;
mod v2;
