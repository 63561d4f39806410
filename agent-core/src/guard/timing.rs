//! Which judgements are timed.

use std::cell::Cell;

/// Whether this judgement is to be timed: one in 256 on each thread. To read the clock twice for each would be a tenth of the guard's
/// cost.
pub(super) fn is_timed() -> bool {
    thread_local! {
        static TURN: Cell<u8> = const { Cell::new(0) };
    }
    TURN.with(|turn| {
        turn.set(turn.get().wrapping_add(1));
        turn.get() == 0
    })
}
