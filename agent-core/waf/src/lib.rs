//! Judges HTTP requests: takes them apart, normalises their values and searches those for attacks.
//!
//! ```text
//! request ─▶ places ─▶ Field ─▶ normal ─▶ Value ─▶ detect ─▶ Finding
//! ```
//!
//! The engine of Buckler as a library: no clock, no I/O, no configuration, no state between requests.
//! [`places`] visits the values of a path, query, header or body and says what it could not read
//! ([`Gap`](places::Gap)); [`normal`] takes off their encodings; [`detect`] searches them by the rules
//! of every family, for as many steps as a [`Fuel`](detect::Fuel) allows. Bodies may be compressed
//! ([`coding`], [`unpacking`]). [`pattern`] holds sets of patterns within a budget, for a policy of
//! one's own.

pub mod characters;
pub mod coding;
pub mod detect;
pub mod normal;
pub mod pattern;
pub mod places;
pub mod unpacking;
