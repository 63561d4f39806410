//! A request's body as it comes: its types, its codings, and what follows its beginning.

mod codings;
mod types;
mod windows;

pub use self::{
    codings::{BodyView, Codings, Reading, Readings, Unpacked},
    types::ContentTypes,
    windows::{BodyWindows, Following},
};

#[cfg(test)]
mod tests;
