//! What was looked into lately and held nothing: a value that comes again need not be looked into
//! again.
//!
//! Browsers send the same headers with every request, forms the same names of fields, programs the
//! same paths. A thread remembers some of them, byte for byte with their places, and for which
//! families nothing was found. As the built-in detectors are functions of a field and of nothing
//! else ([`Context`](super::Context) is kept from what is remembered here), the answer holds as
//! long as the process lives, whatever policy asks.
//!
//! Values that are rarely the same twice, and those that are secrets, are not kept. Where a value
//! may stay is for a set of slots that it shares with others: whoever was recognised keeps its slot
//! against newcomers, so that one who sends new values all the time has them looked into each time,
//! and drives nothing out that comes with every request.

use std::cell::RefCell;

use super::{Families, Family, Options};
use crate::{
    normal::Spelling,
    places::{Field, Part, Role},
};

/// Sets of a thread, with [`WAYS`] slots each: 128 KiB. A site is asked by some tens of browsers in
/// an hour, each with ten headers, and for some hundred pages.
const SETS: usize = 128;

/// Slots of a set. With one, two values that come with every request and share it would be looked
/// into each time. That more than four do is rare.
const WAYS: usize = 4;

/// The longest name and value together that are kept, in bytes: more than browsers' names of
/// themselves have, and as much as makes a slot four cache lines.
const ROOM: usize = 232;

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table::EMPTY) };
}

/// What a thread remembers: nothing, until it keeps the first field.
struct Table {
    sets: Vec<Set>,
    /// The fields, [`WAYS`] of each set.
    slots: Vec<[Slot; WAYS]>,
    /// The last path: it is looked into twice for one request, and need not come again for that.
    path: Slot,
}

/// What is looked at first, in one cache line: most fields that are not there are told by it.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Set {
    hashes: [u64; WAYS],
    /// Halves of the last newcomers' hashes, the latest first: several that come with every request
    /// may share a set.
    at_the_door: [u32; WAYS],
    /// Whether each slot was recognised since all of them last were.
    is_wanted: [bool; WAYS],
    /// The slot that the next newcomer tries first.
    next: u8,
}

/// A field that nothing was found in.
#[repr(align(64))]
struct Slot {
    /// The name of the place, then the value.
    text: [u8; ROOM],
    name: u8,
    length: u8,
    kind: (Part, Role, Spelling),
    /// For whom nothing was found.
    families: Families,
    base64: bool,
}

/// A field's place in the table.
struct Key<'f> {
    name: &'f [u8],
    value: &'f [u8],
    kind: (Part, Role, Spelling),
    hash: u64,
}

/// Whether a field was looked into by these options or stricter ones, and held nothing.
pub(super) fn knows(field: &Field<'_>, options: &Options<'_>) -> bool {
    Key::of(field).is_some_and(|key| in_table(|table| key.is_in(table, options)))
}

/// Keeps a field that held nothing by these options.
pub(super) fn keep(field: &Field<'_>, options: &Options<'_>) {
    if let Some(key) = Key::of(field) {
        in_table(|table| key.put(table, options));
    }
}

/// Works with this thread's table, unless the thread is ending.
fn in_table<T: Default>(work: impl FnOnce(&mut Table) -> T) -> T {
    let borrowed = |table: &RefCell<Table>| table.try_borrow_mut().map(|mut table| work(&mut table));
    TABLE.try_with(borrowed).ok().and_then(Result::ok).unwrap_or_default()
}

/// The families that are looked for by what is remembered here: the host's own detectors are asked
/// each time.
const fn standard(options: &Options<'_>) -> Families {
    options.wants.without(Family::Custom(""))
}

impl Table {
    const EMPTY: Self = Self {
        sets: Vec::new(),
        slots: Vec::new(),
        path: Slot::EMPTY,
    };

    fn set(&mut self, hash: u64) -> Option<(&mut Set, &mut [Slot; WAYS])> {
        let index = set_of(hash);
        Some((self.sets.get_mut(index)?, self.slots.get_mut(index)?))
    }
}

impl<'f> Key<'f> {
    /// Nothing where the field is not kept.
    fn of(field: &Field<'f>) -> Option<Self> {
        let (name, value) = (field.place.name.as_bytes(), field.value);
        let comes_again = match field.place.part {
            Part::Header => !matches!(name, b"authorization" | b"proxy-authorization"),
            Part::Path => true,
            Part::Query | Part::Cookie | Part::Body => field.role == Role::Name,
        };
        let fits = name.len() + value.len() <= ROOM;
        (comes_again && fits).then(|| Self {
            name,
            value,
            kind: (field.place.part, field.role, field.spelling),
            hash: hashed(hashed(field.place.part as u64, name), value),
        })
    }

    fn is_in(&self, table: &mut Table, options: &Options<'_>) -> bool {
        if self.kind.0 == Part::Path && self.is(&table.path) && table.path.holds_nothing(options) {
            return true;
        }
        let Some((set, slots)) = table.set(self.hash) else {
            return false;
        };
        let Some((is_wanted, slot)) = self.find(set, slots) else {
            return false;
        };
        let is_known = slot.holds_nothing(options);
        *is_wanted |= is_known;
        is_known
    }

    /// The field's slot, and whether it was recognised lately.
    fn find<'t>(&self, set: &'t mut Set, slots: &'t mut [Slot; WAYS]) -> Option<(&'t mut bool, &'t mut Slot)> {
        let way = set.hashes.iter().position(|hash| *hash == self.hash)?;
        let slot = slots.get_mut(way).filter(|slot| self.is(slot))?;
        Some((set.is_wanted.get_mut(way)?, slot))
    }

    fn is(&self, slot: &Slot) -> bool {
        let name = usize::from(slot.name);
        self.kind == slot.kind
            && slot.text.get(..name) == Some(self.name)
            && slot.text.get(name..usize::from(slot.length)) == Some(self.value)
    }

    fn put(&self, table: &mut Table, options: &Options<'_>) {
        table.sets.resize(SETS, Set::EMPTY);
        table.slots.resize_with(SETS, || [const { Slot::EMPTY }; WAYS]);
        if self.kind.0 == Part::Path {
            self.fill(&mut table.path, options);
        }
        let Some((set, slots)) = table.set(self.hash) else {
            return;
        };
        if let Some((_, slot)) = self.find(set, slots) {
            slot.learn(options);
        } else if let Some(way) = set.room(self.hash)
            && let Some(slot) = slots.get_mut(way)
        {
            self.fill(slot, options);
        }
    }

    fn fill(&self, slot: &mut Slot, options: &Options<'_>) {
        let name = self.name.len();
        let (Ok(short), Ok(length)) = (u8::try_from(name), u8::try_from(name + self.value.len())) else {
            return;
        };
        if let Some(place) = slot.text.get_mut(..name) {
            place.copy_from_slice(self.name);
        }
        if let Some(place) = slot.text.get_mut(name..usize::from(length)) {
            place.copy_from_slice(self.value);
        }
        slot.name = short;
        slot.length = length;
        slot.kind = self.kind;
        slot.families = standard(options);
        slot.base64 = options.base64;
    }
}

impl Set {
    /// Stands for no field.
    const EMPTY: Self = Self {
        hashes: [0; WAYS],
        at_the_door: [0; WAYS],
        is_wanted: [false; WAYS],
        next: 0,
    };

    /// The slot that a newcomer may have: one that was not recognised lately. It must have come
    /// before, as much comes once only, and is not worth a copy. Where all slots were recognised,
    /// they must be again to stay.
    fn room(&mut self, hash: u64) -> Option<usize> {
        let [half @ .., _, _, _, _] = hash.to_be_bytes();
        let half = u32::from_be_bytes(half);
        if !self.at_the_door.contains(&half) {
            let [first, second, third, _] = self.at_the_door;
            self.at_the_door = [half, first, second, third];
            return None;
        }
        for _ in 0..WAYS {
            let way = usize::from(self.next) % WAYS;
            self.next = self.next.wrapping_add(1);
            if self.is_wanted.get(way) == Some(&false) {
                *self.hashes.get_mut(way)? = hash;
                return Some(way);
            }
        }
        self.is_wanted = [false; WAYS];
        None
    }
}

impl Slot {
    /// Stands for no field: nobody asks for no family.
    const EMPTY: Self = Self {
        text: [0; ROOM],
        name: 0,
        length: 0,
        kind: (Part::Path, Role::Document, Spelling::Form),
        families: Families::NONE,
        base64: false,
    };

    fn holds_nothing(&self, options: &Options<'_>) -> bool {
        self.families.contain(standard(options)) && (self.base64 || !options.base64)
    }

    /// By these options nothing was found either.
    fn learn(&mut self, options: &Options<'_>) {
        if self.base64 == options.base64 {
            self.families = self.families.and(standard(options));
        } else {
            self.families = standard(options);
            self.base64 = options.base64;
        }
    }
}

/// The highest bits: a multiplication mixes them best.
fn set_of(hash: u64) -> usize {
    let [.., last] = hash.to_le_bytes();
    usize::from(last) % SETS
}

/// A quick hash. Who finds texts that share a slot wins nothing: they are compared, and one of them
/// is looked into each time.
fn hashed(seed: u64, text: &[u8]) -> u64 {
    /// 2^64 divided by the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_chunks::<8>();
    // of a text with a rest its last eight bytes, some of them once more
    let last = match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    mix(words.fold(seed ^ text.len() as u64, mix), last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::{Ask, Detector, Detectors, Family, Finding, Marks, Value},
        places::Place,
    };

    fn header<'f>(name: &'f str, value: &'f str) -> Field<'f> {
        Field {
            place: Place {
                part: Part::Header,
                name,
            },
            role: Role::Value,
            value: value.as_bytes(),
            spelling: Spelling::Literal,
        }
    }

    /// Keeps a field that comes again.
    fn keep(field: &Field<'_>, options: &Options<'_>) {
        super::keep(field, options);
        super::keep(field, options);
    }

    fn only(families: &[Family]) -> Options<'static> {
        Options {
            wants: Families::that(|family| families.contains(&family)),
            ..Options::STANDARD
        }
    }

    #[test]
    fn a_field_is_known_as_it_was_kept() {
        let (both, one) = (only(&[Family::Sqli, Family::Xss]), only(&[Family::Xss]));
        let field = header("x-kept", "a; b");
        assert!(!knows(&field, &both));
        keep(&field, &both);
        assert!(knows(&field, &both) && knows(&field, &one));
        assert!(!knows(&field, &Options::STANDARD), "nobody asked the other families");
        for other in [
            header("x-kep", "ta; b"),
            header("x-kept", "a; c"),
            header("x-kept", "a;"),
            header("x-kept", ""),
            Field {
                role: Role::Name,
                ..field
            },
            Field {
                spelling: Spelling::Form,
                ..field
            },
        ] {
            assert!(!knows(&other, &one), "{other:?}");
        }
        let without = Options { base64: false, ..one };
        assert!(knows(&field, &without));
        let plain = header("x-plain", "a; b");
        keep(&plain, &without);
        assert!(knows(&plain, &without) && !knows(&plain, &one), "not decoded");
    }

    #[test]
    fn what_was_kept_for_some_families_is_kept_for_more() {
        let field = header("x-more", "a; b");
        keep(&field, &only(&[Family::Sqli]));
        keep(&field, &only(&[Family::Xss]));
        assert!(knows(&field, &only(&[Family::Sqli, Family::Xss])));
    }

    #[test]
    fn neither_secrets_nor_what_is_entered_is_kept() {
        let entered = |part| Field {
            place: Place { part, name: "q" },
            ..header("", "a; b")
        };
        for field in [
            header("authorization", "a; b"),
            entered(Part::Cookie),
            entered(Part::Query),
            entered(Part::Body),
            header("x-long", &"a ".repeat(ROOM)),
        ] {
            keep(&field, &Options::STANDARD);
            assert!(!knows(&field, &Options::STANDARD), "{field:?}");
        }
    }

    #[test]
    fn what_comes_once_is_not_kept() {
        let field = header("x-once", "a; b");
        super::keep(&field, &Options::STANDARD);
        assert!(!knows(&field, &Options::STANDARD));
        super::keep(&field, &Options::STANDARD);
        assert!(knows(&field, &Options::STANDARD));
    }

    #[test]
    fn the_last_path_is_known_at_once() {
        let path = |text: &'static str| Field::whole(Part::Path, Role::Value, text.as_bytes(), Spelling::Literal);
        let probe = Options {
            base64: false,
            ..only(&[Family::Probe])
        };
        super::keep(&path("/first"), &probe);
        assert!(knows(&path("/first"), &probe) && !knows(&path("/first"), &Options::STANDARD));
        super::keep(&path("/first"), &Options::STANDARD);
        assert!(knows(&path("/first"), &Options::STANDARD));
        super::keep(&path("/second"), &probe);
        super::keep(&path("/third"), &probe);
        assert!(!knows(&path("/second"), &probe) && knows(&path("/third"), &probe));
    }

    #[test]
    fn what_is_recognised_stays_against_newcomers() {
        let keys: Vec<String> = (0..10_000).map(|number| format!("v {number}")).collect();
        let set = |value: &str| set_of(Key::of(&header("x", value)).unwrap().hash);
        let same: Vec<&String> = keys.iter().filter(|value| set(value) == set(&keys[0])).collect();
        let is_known = |number: usize| knows(&header("x", same[number]), &Options::STANDARD);
        let put = |number: usize| keep(&header("x", same[number]), &Options::STANDARD);
        (0..WAYS).for_each(put);
        assert!((1..WAYS).all(is_known), "as many as there is room for");
        put(WAYS);
        assert!(is_known(WAYS) && !is_known(0), "the one that nobody recognised went");
        put(WAYS + 1);
        assert!((1..=WAYS).all(is_known), "all were recognised, and stay once more");
        assert!(!is_known(WAYS + 1));
        put(WAYS + 2);
        put(WAYS + 2);
        assert!(
            is_known(WAYS + 2),
            "those that were recognised once do not stay for ever"
        );
    }

    /// Answers nothing for detectors that panic, as a guard does; or asks none.
    struct Absent;

    impl Ask for Absent {
        fn ask(&self, _: usize, _: &mut dyn FnMut() -> Option<Finding>) -> Option<Finding> {
            None
        }
    }

    #[test]
    fn what_nobody_looked_into_is_not_kept() {
        let detectors = Detectors::standard().unwrap();
        let field = header("x-absent", "<script>alert(1)</script>");
        let absent = Options {
            ask: &Absent,
            ..Options::STANDARD
        };
        assert!(detectors.look_for(&field, &absent).is_none());
        assert!(detectors.look(&field).is_some());
    }

    #[test]
    fn what_was_found_is_found_again() {
        let detectors = Detectors::standard().unwrap();
        let field = header("x-again", "1' or '1'='1");
        for _ in 0..3 {
            assert!(detectors.look(&field).is_some());
        }
        for _ in 0..2 {
            assert!(detectors.look(&header("x-again", "1 or 2")).is_none());
        }
        assert!(knows(&header("x-again", "1 or 2"), &Options::STANDARD));
    }

    struct Own;

    impl Detector for Own {
        fn family(&self) -> Family {
            Family::Custom("own")
        }

        fn wants(&self, _: Marks) -> bool {
            true
        }

        fn look(&self, value: &Value<'_>) -> Option<Finding> {
            Some(Finding::new("any", 100, 0..value.text.len()))
        }
    }

    #[test]
    fn detectors_of_the_hosts_own_are_asked_each_time() {
        let field = header("x-own", "a; b");
        assert!(Detectors::standard().unwrap().look(&field).is_none());
        let own = Detectors::standard().unwrap().with(Own);
        assert!(own.look(&field).is_some() && own.look(&field).is_some());
    }
}
