//! What looking into one request may cost, counted in steps and not in time: the same request costs
//! the same on every machine, busy or not, but for values that a thread remembers, which cost
//! nothing; and nothing that one request costs changes how another is judged.

use std::cell::Cell;

/// The steps that are left for what one request carries.
///
/// A step is about one byte walked by one automaton, one to two nanoseconds. A value that is shown
/// grants steps by its length, so that what may be spent on a request is in proportion to what its
/// client sent; and there is an end to it however much that is.
#[derive(Debug)]
pub struct Fuel {
    left: Cell<u64>,
    /// Steps that may still be granted.
    to_grant: Cell<u64>,
    is_out: Cell<bool>,
}

impl Fuel {
    /// Steps that every request has, however short: some tens of rules over a header as long as
    /// browsers send.
    const FIRST: u64 = 150_000;

    /// Steps that a value grants, however short: some tens of rules over a street's number.
    const A_VALUE: u64 = 5_000;

    /// Steps that a byte grants. What honest clients send takes 5 to 40 (prose the most); 60 are
    /// some 80 µs a KiB.
    const A_BYTE: u64 = 60;

    /// The most steps of one inspection of up to [`LENGTH`](Self::LENGTH) bytes: what 64 KiB of
    /// source code take, which lead to most rules of what honest clients send. Where a request
    /// takes all of them, a step is some 13 instructions.
    pub(super) const MOST: u64 = 2_200_000;

    /// Bytes that the most steps are for. Where more is looked into at once, there are as many
    /// more.
    const LENGTH: usize = 64 << 10;

    /// Steps of decoding and marking a byte, and of the search for the literals of all rules.
    const TAKING_APART: u64 = 6;

    /// Steps of a look at a value, however short: of normalising it, and of asking which detectors
    /// want it.
    const A_LOOK: u64 = 150;

    /// Steps of a literal that ends in a text: some thirty instructions.
    pub(super) const AN_END: u64 = 4;

    /// Steps of what is noted about a finding: an excerpt, whether it shows a secret.
    pub(super) const A_FINDING: u64 = 800;

    /// A full tank, for one inspection.
    #[must_use]
    pub const fn new() -> Self {
        Self::for_bytes(0)
    }

    /// A full tank, for one inspection of so many bytes.
    #[must_use]
    pub const fn for_bytes(bytes: usize) -> Self {
        let lengths = bytes.div_ceil(Self::LENGTH);
        let most = Self::MOST.saturating_mul(if lengths > 1 { lengths as u64 } else { 1 });
        Self {
            left: Cell::new(Self::FIRST),
            to_grant: Cell::new(most - Self::FIRST),
            is_out: Cell::new(false),
        }
    }

    /// A value of this many bytes is shown: grants its steps, and takes those that it costs to be
    /// taken apart. Whether it may be looked into.
    pub(super) fn begin(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let granted = bytes
            .saturating_mul(Self::A_BYTE)
            .saturating_add(Self::A_VALUE)
            .min(self.to_grant.get());
        self.to_grant.set(self.to_grant.get() - granted);
        self.left.set(self.left.get() + granted);
        self.spend(bytes.saturating_mul(Self::TAKING_APART).saturating_add(Self::A_LOOK))
    }

    /// Takes as many steps, or says that there are not as many left: then nothing more is looked
    /// into.
    pub(super) fn spend(&self, steps: u64) -> bool {
        let rest = self.left.get().checked_sub(steps).filter(|_| !self.is_out.get());
        match rest {
            Some(rest) => self.left.set(rest),
            None => self.is_out.set(true),
        }
        rest.is_some()
    }

    /// Steps that were taken so far.
    #[cfg(test)]
    pub(super) const fn spent(&self) -> u64 {
        Self::MOST - self.to_grant.get() - self.left.get()
    }

    /// Whether something was not looked into for want of steps.
    #[must_use]
    pub const fn is_out(&self) -> bool {
        self.is_out.get()
    }
}

impl Default for Fuel {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_granted_by_length_up_to_an_end() {
        let fuel = Fuel::new();
        assert!(fuel.begin(1000) && fuel.spend(Fuel::FIRST));
        assert!(fuel.spend(Fuel::A_VALUE - Fuel::A_LOOK + 1000 * (Fuel::A_BYTE - Fuel::TAKING_APART)));
        assert!(!fuel.spend(1) && fuel.is_out());
        assert!(!fuel.spend(0), "what is out stays out");

        let fuel = Fuel::new();
        let mut spent = 0;
        while fuel.begin(1 << 16) && fuel.spend(1 << 16) {
            spent += (Fuel::TAKING_APART + 1) << 16;
        }
        assert!(fuel.is_out() && spent <= Fuel::MOST);
    }

    #[test]
    fn a_length_that_no_request_has_overflows_nothing() {
        let fuel = Fuel::new();
        assert!(!fuel.begin(usize::MAX));
        assert!(fuel.is_out());
    }
}
