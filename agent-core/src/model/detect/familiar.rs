//! What was looked into lately and held nothing: a value that comes again need not be looked into again.
//!
//! Browsers send the same headers with every request, forms the same names of fields, programs the same paths. A thread remembers some
//! of them, byte for byte with their places, and for which families nothing was found. As the built-in detectors are functions of a
//! field and of nothing else, the answer holds as long as the process lives, whatever policy asks.
//!
//! Values that are rarely the same twice, and those that are secrets, are not kept. Who sends new values all the time has them looked
//! into each time, and drives others out only slowly: what was recognised since the last newcomer came stays once more.

use std::cell::RefCell;

use super::{Families, Options};
use crate::model::{
    normal::Spelling,
    places::{Field, Part, Role},
};

/// Slots of a thread, as many as a byte can tell apart: 64 KiB. A site is asked by some tens of browsers in an hour, each with ten headers.
const SLOTS: usize = 256;

/// The longest name and value together that are kept, in bytes: more than browsers' names of themselves have, and as much as makes
/// a slot four cache lines.
const ROOM: usize = 232;

thread_local! {
    static TABLE: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
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
    /// Whether it was recognised since the last newcomer wanted its slot.
    is_wanted: bool,
}

/// A field's place in the table.
struct Key<'f> {
    name: &'f [u8],
    value: &'f [u8],
    kind: (Part, Role, Spelling),
    slot: usize,
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
fn in_table<T: Default>(work: impl FnOnce(&mut Vec<Slot>) -> T) -> T {
    let borrowed = |table: &RefCell<Vec<Slot>>| table.try_borrow_mut().map(|mut table| work(&mut table));
    TABLE.try_with(borrowed).ok().and_then(Result::ok).unwrap_or_default()
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
            slot: slot(hashed(hashed(field.place.part as u64, name), value)),
        })
    }

    fn is_in(&self, table: &mut [Slot], options: &Options<'_>) -> bool {
        let Some(slot) = table.get_mut(self.slot) else {
            return false;
        };
        let is_known = self.is(slot) && slot.families.contain(options.wants) && (slot.base64 || !options.base64);
        slot.is_wanted |= is_known;
        is_known
    }

    fn is(&self, slot: &Slot) -> bool {
        let name = usize::from(slot.name);
        self.kind == slot.kind
            && slot.text.get(..name) == Some(self.name)
            && slot.text.get(name..usize::from(slot.length)) == Some(self.value)
    }

    fn put(&self, table: &mut Vec<Slot>, options: &Options<'_>) {
        table.resize_with(SLOTS, Slot::empty);
        let Some(slot) = table.get_mut(self.slot) else { return };
        if slot.is_wanted && !self.is(slot) {
            slot.is_wanted = false;
            return;
        }
        if self.is(slot) && slot.base64 == options.base64 {
            slot.families = slot.families.and(options.wants);
            return;
        }
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
        slot.families = options.wants;
        slot.base64 = options.base64;
    }
}

impl Slot {
    /// Stands for no field: nobody asks for no family.
    const fn empty() -> Self {
        Self {
            text: [0; ROOM],
            name: 0,
            length: 0,
            kind: (Part::Path, Role::Document, Spelling::Form),
            families: Families::NONE,
            base64: false,
            is_wanted: false,
        }
    }
}

/// The last byte: a multiplication mixes the highest bits best.
fn slot(hash: u64) -> usize {
    let [.., last] = hash.to_le_bytes();
    usize::from(last)
}

/// A quick hash. Who finds texts that share a slot wins nothing: they are compared, and one of them is looked into each time.
fn hashed(seed: u64, text: &[u8]) -> u64 {
    /// 2^64 divided by the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    words.fold(seed, |hash, word| (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
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
    fn a_newcomer_takes_the_place_of_what_nobody_recognised() {
        let keys: Vec<String> = (0..10_000).map(|number| format!("v {number}")).collect();
        let slot = |value: &str| Key::of(&header("x", value)).unwrap().slot;
        let same: Vec<&String> = keys.iter().filter(|value| slot(value) == slot(&keys[0])).collect();
        let is_known = |number: usize| knows(&header("x", same[number]), &Options::STANDARD);
        let put = |number: usize| keep(&header("x", same[number]), &Options::STANDARD);
        put(0);
        put(1);
        assert!(!is_known(0) && is_known(1));
        put(2);
        assert!(is_known(1), "was recognised, and stays once");
        assert!(!is_known(2));
        put(2);
        put(2);
        assert!(!is_known(1) && is_known(2));
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
        assert!(detectors.look(&header("x-again", "1 or 2")).is_none());
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
