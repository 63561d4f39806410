//! Judges HTTP requests: takes them apart, normalises their values and searches those for attacks.
//!
//! ```text
//! request ─▶ places ─▶ Field ─▶ normal ─▶ Value ─▶ detect ─▶ Finding
//! ```
//!
//! The engine of Buckler as a library: no clock, no I/O, no configuration. No request changes how
//! another is judged: each thread remembers 128 KiB of headers, paths and names that held nothing,
//! so that they are not searched again.
//!
//! [`Engine`] judges a request in ten lines; the modules are for those who bring a policy of their
//! own. [`places`] visits the values of a path, query, header or body and says what it could not
//! read ([`Gap`](places::Gap)); [`normal`] takes off their encodings; [`detect`] searches them by
//! the rules of every family, for as many steps as a [`Fuel`](detect::Fuel) allows. Bodies may be
//! compressed ([`body`]). [`pattern`] holds sets of patterns within a budget, for a policy of one's
//! own.

pub mod body;
pub mod characters;
pub mod coding;
pub mod detect;
mod engine;
mod fuel;
pub mod normal;
pub mod pattern;
pub mod places;
pub mod unpacking;

pub use self::engine::{BodyStream, Engine, Head, Judgement, RuleMatch, Unjudged};

/// The README's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
