//! Fuzz targets: each takes any bytes, and panics where a promise does not hold.
//!
//! | target | is given | promises, beside that nothing panics |
//! |---|---|---|
//! | [`reply`] | a server's answer, of either version, with or without envelope | what was read and is written again reads the same; a list in it is applied whole or not at all |
//! | [`frame`] | a text frame of either side | what was read and is written again reads the same |
//! | [`list`] | a history of honest and false updates | count and digest are always those of the members; honest updates bring the server's list; a refused one changes nothing |
//! | [`config`] | a configuration | it compiles or says why in lines of bounded length; the same one compiles to the same; the guard survives it |
//! | [`store`] | a state file, or damage to a good one | it opens; what is written afterwards is there at the next start |
//! | [`address`] | a text | the canonical form of an address or network is its own canonical form, and is read as it is written |
//! | [`request`] | a request | the guard never fails; what it found is canonical and bounded |
//! | [`normal`] | a value | the text that it stands for is bounded, and always the same |
//! | [`places`] | a body behind a line with its type | its values are bounded in number and length; one who has seen enough is shown no more |
//! | [`detect`] | a value behind a byte for its place | findings lie in order, have a score, show no control characters, and are always the same |
//! | [`judge`] | a request behind three lines: query, type, coding | matches have a score and show no control characters; in pieces it is judged as at once |
//!
//! The corpora in `tests/fuzz/corpus` and seeded mutations of them are run by the ordinary tests; `tests/fuzz` runs the same
//! functions under libFuzzer.

mod address;
mod bytes;
mod config;
mod frame;
mod list;
mod mutate;
mod reply;
mod request;
mod store;
mod values;

pub(crate) use self::list::consistent;
pub use self::{
    address::address,
    config::config,
    frame::frame,
    list::list,
    mutate::Mutator,
    reply::reply,
    request::request,
    store::store,
    values::{detect, judge, normal, places},
};

/// A target and what it is called, in `tests/fuzz` too.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Also the name of its corpus.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// How many mutations an ordinary test tries: what takes at most twenty seconds without
    /// optimisation.
    pub mutations: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("reply", reply, 4_000),
    target("frame", frame, 6_000),
    target("list", list, 1_000),
    target("config", config, 400),
    target("store", store, 50),
    target("address", address, 20_000),
    target("request", request, 150),
    target("normal", normal, 20_000),
    target("places", places, 10_000),
    target("detect", detect, 1_000),
    target("judge", judge, 500),
];

const fn target(name: &'static str, run: fn(&[u8]), mutations: usize) -> Target {
    Target { name, run, mutations }
}
