//! What parsers give to handlers is what the engine saw, or the request has a reason: for the
//! parsers of the frameworks that we guard, and bodies that are nearly what they should be.
#![expect(clippy::unwrap_used, reason = "a test may fail by a panic, in its helpers too")]

mod forms;
mod json;
mod multipart;
mod seen;
mod texts;

use proptest::prelude::ProptestConfig;

/// As many cases as take a second.
fn bounded() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    // more by hand: PROPTEST_CASES
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 2000;
    }
    config.failure_persistence = None;
    config
}
