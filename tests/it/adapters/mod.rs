//! One suite for every adapter: each test runs a guarded application of each framework, over real sockets.
//!
//! Another adapter is a [`Kind`](host::Kind), an application with the [pages] beside `axum_app.rs`, and a line in [`over_every_adapter`].

mod actix_web_app;
mod answers;
mod axum_app;
mod bodies;
mod everyday;
mod fleet;
mod functions;
mod host;
mod hyper_app;
mod nginx;
mod pages;
mod readings;
mod setups;
mod verdicts;

/// Makes the tests of a module run over every adapter.
macro_rules! over_every_adapter {
    ($($test:ident)*) => {
        mod actix_web {
            $(#[test] fn $test() { super::$test(crate::adapters::host::Kind::ActixWeb); })*
        }
        mod axum {
            $(#[test] fn $test() { super::$test(crate::adapters::host::Kind::Axum); })*
        }
        mod google {
            $(#[test] fn $test() { super::$test(crate::adapters::host::Kind::Google); })*
        }
        mod azure {
            $(#[test] fn $test() { super::$test(crate::adapters::host::Kind::Azure); })*
        }
    };
}

use over_every_adapter;
