//! What a detector of the host's own is made of: the engine's types that a host names.
//!
//! The engine itself is the crate `buckler-waf`; a host needs no dependency on it.

pub use buckler_waf::{
    detect::{CERTAIN, Context, Detector, Detectors, Family, Finding, Marks, Value},
    normal::Disguise,
    places::{Format, Part, Place, Role},
};
