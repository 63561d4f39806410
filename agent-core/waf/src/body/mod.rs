//! A request's body as it comes: its types, its codings, and what follows its beginning.

mod codings;
mod types;
mod windows;

use self::windows::WINDOW;
pub use self::{
    codings::{Codings, Reading, Readings, Shown, Unpacked},
    types::ContentTypes,
    windows::{BodyWindows, Following},
};

#[cfg(test)]
mod tests;
