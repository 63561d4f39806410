//! What looking into one request may cost, counted in steps and not in time: the same request costs
//! the same on every machine, busy or not, but for values that a thread remembers, which cost
//! nothing; and nothing that one request costs changes how another is judged.

use std::cell::Cell;

/// The steps that are left for a request's head, or for its body.
///
/// A step is about one byte walked by one automaton, some nanosecond. All that is done with what a
/// client sent takes some: to undo its codings, to take it apart, to normalise its values, to search
/// them, and to tell what was found. Each byte that is to be looked at grants some, so that what may
/// be spent is in proportion to what its client sent; and there is an end to it however much that
/// is.
///
/// A head and a body have one ceiling together: [`MOST_OF_HEAD`](Self::MOST_OF_HEAD) of it is the
/// head's, and the rest its body's, so that neither is judged worse for the other, and nothing need
/// be kept between the two.
#[derive(Debug)]
pub struct Fuel {
    left: Cell<u64>,
    /// Bytes that are looked at and have not granted their steps yet: most requests never need them.
    pending: Cell<u64>,
    is_out: Cell<bool>,
    grants: Cell<Grants>,
    /// Whether it was told already that there was not enough.
    is_told: Cell<bool>,
}

/// What was granted, and may be.
#[derive(Debug, Clone, Copy)]
struct Grants {
    /// Steps that were granted so far.
    sum: u64,
    /// Steps that may still be granted for what is looked at at once.
    to_come: u64,
    /// Bytes that a coding may still be undone to for which more is granted.
    to_unpack: u64,
    has_unpacked: bool,
}

/// The fuel of a body, put by until more of it comes.
#[derive(Debug, Clone, Copy)]
pub struct PutBy {
    left: u64,
    grants: Grants,
    is_told: bool,
}

impl Fuel {
    /// Steps that a head or a body has, however short: some tens of rules over a header as long as
    /// browsers send. Heads that browsers send take 20,000.
    const FIRST: u64 = 150_000;

    /// Steps that a byte grants: some 60 µs a KiB. Honest forms, JSON and prose take up to 17, source
    /// code 12 to 50 (the median 23, one in a hundred 64).
    const A_BYTE: u64 = 60;

    /// The most steps of a head, of which some take three nanoseconds.
    pub const MOST_OF_HEAD: u64 = 300_000;

    /// The most steps of a body of up to [`LENGTH`](Self::LENGTH) bytes. Where more is looked into
    /// at once, there are as many more.
    ///
    /// With a head's they are some 4 ms, at the 1.0 to 1.6 ns a step of the dearest requests of
    /// each kind that a search of some minutes finds; source code of 10 to 64 KiB stays below but
    /// for one file in two hundred.
    pub const MOST_OF_BODY: u64 = 2_400_000;

    /// Bytes that the most steps of a body are for.
    const LENGTH: u64 = 64 << 10;

    /// Steps that a byte grants to which a coded body is unpacked, beyond those that a plain body of
    /// 64 KiB has. JSON takes up to 16 with its coding.
    const AN_UNPACKED_BYTE: u64 = 12;

    /// The most bytes that grant as many: what is unpacked of any body.
    const MOST_UNPACKED: u64 = 256 << 10;

    /// How often honest text unpacks to its own size.
    const USUAL: u64 = 16;

    /// Steps of decoding and marking a byte, and of the search for the literals of all rules.
    const TAKING_APART: u64 = 4;

    /// Steps beside those of a byte of a value in which something is coded, layer by layer.
    pub(crate) const A_CODED_BYTE: u64 = 4;

    /// Steps of a look at a value, however short: of normalising it, and of asking which detectors
    /// want it.
    const A_LOOK: u64 = 150;

    /// Steps of a literal that ends in a text: some thirty instructions.
    pub(crate) const AN_END: u64 = 4;

    /// Steps of a byte of a name: rules ask what it hints at.
    const A_BYTE_OF_A_NAME: u64 = 2;

    /// Steps of a value that is not looked at: it is one short word, or familiar.
    pub(crate) const A_VISIT: u64 = 20;

    /// Steps of what is noted about a finding: an excerpt, whether it shows a secret.
    pub(crate) const A_FINDING: u64 = 3_000;

    /// Steps of a byte of the name of where it stood, in which a secret is looked for word by word.
    pub(crate) const A_BYTE_OF_A_NAME_TOLD: u64 = 120;

    /// Steps of a byte in front of what is shown of a finding: it may name a secret.
    pub(crate) const A_BYTE_OF_A_FINDING: u64 = 12;

    /// Steps of a byte that a coding is undone to.
    pub(crate) const UNPACKED: u64 = 3;

    /// Steps of a byte of which the coding is undone.
    pub(crate) const CODED: u64 = 6;

    /// Steps of setting up what undoes a coding.
    pub(crate) const A_DECODER: u64 = 5_000;

    /// Fuel for a head, of which nothing was looked at yet.
    #[must_use]
    pub const fn of_head() -> Self {
        Self::growing(Self::MOST_OF_HEAD)
    }

    /// Fuel for a body, of which nothing came yet.
    #[must_use]
    pub const fn of_body() -> Self {
        Self::growing(Self::MOST_OF_BODY)
    }

    /// Fuel for a part of a head that is looked at once more, as its path is.
    #[must_use]
    pub const fn of_part() -> Self {
        Self::growing(Self::FIRST)
    }

    const fn growing(most: u64) -> Self {
        Self {
            left: Cell::new(Self::FIRST),
            pending: Cell::new(0),
            is_out: Cell::new(false),
            grants: Cell::new(Grants {
                sum: Self::FIRST,
                to_come: most - Self::FIRST,
                to_unpack: Self::MOST_UNPACKED,
                has_unpacked: false,
            }),
            is_told: Cell::new(false),
        }
    }

    /// Puts it by, for what goes on later.
    #[must_use]
    pub fn put_by(&self) -> PutBy {
        self.redeem();
        PutBy {
            left: self.left.get(),
            grants: self.grants.get(),
            is_told: self.is_told.get(),
        }
    }

    /// Grants the steps of so many bytes that are to be looked at at once.
    pub fn grant(&self, bytes: usize) {
        let bytes = bytes as u64;
        if bytes > Self::LENGTH {
            // as many bodies
            let bodies = bytes.div_ceil(Self::LENGTH) - 1;
            let grants = self.grants.get();
            let to_come = grants.to_come.saturating_add(bodies.saturating_mul(Self::MOST_OF_BODY));
            self.grants.set(Grants { to_come, ..grants });
        }
        self.pending.set(self.pending.get().saturating_add(bytes));
    }

    /// As [`grant`](Self::grant), for one of many small parts.
    #[inline]
    pub fn grant_part(&self, bytes: usize) {
        self.pending.set(self.pending.get().saturating_add(bytes as u64));
    }

    /// Grants the steps of all bytes that are looked at.
    fn redeem(&self) {
        if self.is_out() {
            return;
        }
        let grants = self.grants.get();
        let more = self.pending.replace(0).saturating_mul(Self::A_BYTE).min(grants.to_come);
        let to_come = grants.to_come - more;
        self.add(more, Grants { to_come, ..grants });
    }

    /// Grants the steps of so many bytes by which a body goes on. They may be looked at whatever
    /// became of what came before.
    pub(crate) fn renew(&self, bytes: usize) {
        self.is_out.set(false);
        self.redeem();
        let bytes = bytes as u64;
        let room = Self::MOST_OF_BODY.saturating_sub(self.left.get());
        let grants = self.grants.get();
        let to_unpack = bytes.saturating_mul(Self::USUAL).max(grants.to_unpack);
        self.add(
            bytes.saturating_mul(Self::A_BYTE).min(room),
            Grants { to_unpack, ..grants },
        );
    }

    /// Grants the steps of so many bytes that coded ones were unpacked to. Beyond what honest
    /// clients' unpack to, they grant nothing.
    pub(crate) fn grant_unpacked(&self, bytes: usize, coded: usize) {
        self.redeem();
        if self.is_out() {
            return;
        }
        let grants = self.grants.get();
        let usual = (coded as u64).saturating_mul(Self::USUAL);
        let counted = usual.min(grants.to_unpack).min(bytes as u64);
        let as_plain = counted.min(grants.to_come / Self::A_BYTE);
        let more =
            (as_plain * Self::A_BYTE).saturating_add((counted - as_plain).saturating_mul(Self::AN_UNPACKED_BYTE));
        let room = (2 * Self::MOST_OF_BODY).saturating_sub(self.left.get());
        let grants = Grants {
            to_come: grants.to_come - as_plain * Self::A_BYTE,
            to_unpack: grants.to_unpack - counted,
            has_unpacked: true,
            ..grants
        };
        self.add(more.min(room), grants);
    }

    fn add(&self, steps: u64, grants: Grants) {
        let room = u64::MAX - grants.sum;
        let steps = steps.min(room);
        self.left.set(self.left.get() + steps);
        let sum = grants.sum + steps;
        self.grants.set(Grants { sum, ..grants });
    }

    /// Whether a coding was undone.
    #[must_use]
    pub const fn has_unpacked(&self) -> bool {
        self.grants.get().has_unpacked
    }

    /// A value of this many bytes is shown, under a name of so many: takes the steps that it costs
    /// to be normalised and searched. Whether it may be looked into.
    pub(crate) fn begin(&self, bytes: usize, name: usize) -> bool {
        let of_value = (bytes as u64).saturating_mul(Self::TAKING_APART);
        let of_name = (name as u64).saturating_mul(Self::A_BYTE_OF_A_NAME);
        self.spend(of_value.saturating_add(of_name).saturating_add(Self::A_LOOK))
    }

    /// Takes as many steps, or says that there are not as many left: then nothing more is looked
    /// into.
    #[inline]
    pub fn spend(&self, steps: u64) -> bool {
        match self.left.get().checked_sub(steps) {
            Some(rest) => {
                self.left.set(rest);
                true
            }
            None => self.spend_more(steps),
        }
    }

    #[cold]
    fn spend_more(&self, steps: u64) -> bool {
        self.redeem();
        let rest = self.left.get().checked_sub(steps).filter(|_| !self.is_out.get());
        match rest {
            Some(rest) => self.left.set(rest),
            None => self.exhaust(),
        }
        rest.is_some()
    }

    /// What was done cost all that was left, or more.
    pub(crate) fn exhaust(&self) {
        self.left.set(0);
        self.is_out.set(true);
    }

    /// How many pieces of work there are steps for, of so many each.
    pub(crate) fn affords(&self, each: u64) -> usize {
        self.redeem();
        usize::try_from(self.left.get() / each.max(1)).unwrap_or(usize::MAX)
    }

    /// Steps that were taken so far.
    #[must_use]
    pub const fn spent(&self) -> u64 {
        self.grants.get().sum - self.left.get()
    }

    /// Whether something was not looked into for want of steps.
    #[must_use]
    pub const fn is_out(&self) -> bool {
        self.is_out.get()
    }

    /// Whether something was not looked into for want of steps, and it was not told yet: a long
    /// body has many windows, and is one request.
    #[must_use]
    pub fn is_out_for_the_first_time(&self) -> bool {
        self.is_out() && !self.is_told.replace(true)
    }
}

impl From<PutBy> for Fuel {
    fn from(kept: PutBy) -> Self {
        Self {
            left: Cell::new(kept.left),
            pending: Cell::new(0),
            is_out: Cell::new(false),
            grants: Cell::new(kept.grants),
            is_told: Cell::new(kept.is_told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_granted_by_length_up_to_an_end() {
        let fuel = Fuel::of_body();
        fuel.grant(1_000);
        assert!(fuel.spend(Fuel::FIRST + 1_000 * Fuel::A_BYTE));
        assert!(!fuel.spend(1) && fuel.is_out());
        fuel.grant(1_000);
        assert!(!fuel.spend(1), "what is out stays out");
        for (fuel, most) in [
            (Fuel::of_head(), Fuel::MOST_OF_HEAD),
            (Fuel::of_body(), Fuel::MOST_OF_BODY),
        ] {
            (0..100).for_each(|_| fuel.grant(60 << 10));
            assert_eq!(fuel.affords(1) as u64, most);
            assert!(fuel.spend(most) && fuel.spent() == most && !fuel.spend(1));
        }
        let fuel = Fuel::of_body();
        fuel.grant(256 << 10);
        assert_eq!(fuel.affords(1) as u64, 4 * Fuel::MOST_OF_BODY, "as many bodies");
    }

    #[test]
    fn what_follows_grants_more_and_saves_up_no_more_than_a_body_has() {
        let fuel = Fuel::of_body();
        (0..1_000).for_each(|_| fuel.renew(16 << 10));
        assert_eq!(fuel.affords(1) as u64, Fuel::MOST_OF_BODY);
        assert!(!fuel.spend(Fuel::MOST_OF_BODY + 1) && fuel.is_out());
        assert!(fuel.is_out_for_the_first_time() && !fuel.is_out_for_the_first_time());
        let fuel = Fuel::from(fuel.put_by());
        fuel.renew(1);
        assert!(fuel.spend(1), "what follows is looked at");
        assert!(
            !fuel.spend(u64::MAX) && !fuel.is_out_for_the_first_time(),
            "one request"
        );
    }

    #[test]
    fn what_is_unpacked_grants_less_and_a_bomb_nothing() {
        let granted = |bytes: usize, coded: usize| {
            let fuel = Fuel::of_body();
            fuel.grant_unpacked(bytes, coded);
            fuel.affords(1) as u64 - Fuel::FIRST
        };
        assert_eq!(granted(1_600, 100), 1_600 * Fuel::A_BYTE);
        assert_eq!(granted(8 << 20, 100), 1_600 * Fuel::A_BYTE);
        assert!(granted(8 << 20, 1 << 20) < 2 * Fuel::MOST_OF_BODY + Fuel::MOST_OF_BODY / 2);
        assert!(Fuel::of_body().put_by().grants.to_unpack > 0);
    }

    #[test]
    fn a_length_that_no_request_has_overflows_nothing() {
        let fuel = Fuel::of_body();
        fuel.grant(usize::MAX);
        fuel.renew(usize::MAX);
        fuel.grant_unpacked(usize::MAX, usize::MAX);
        assert!(fuel.spend(1));
        let fuel = Fuel::of_body();
        assert!(!fuel.begin(usize::MAX, usize::MAX) && fuel.is_out());
    }
}
