//! Tells most names that are not in a table by one bit each, before the table is searched.

/// Bits of a filter. A table has some hundred names, so that one name in twenty that is in none
/// passes.
const BITS: usize = 1 << 13;

/// A bit for each name of a table (Bloom, 1970, with one hash).
struct Filter([u64; BITS / 64]);

impl Filter {
    /// Of the names in a table.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within both tables")]
    const fn of(names: &[&str]) -> Self {
        let mut bits = [0; BITS / 64];
        let mut name = 0;
        while name < names.len() {
            let place = place(hash(names[name].as_bytes()));
            bits[place / 64] |= 1 << (place % 64);
            name += 1;
        }
        Self(bits)
    }

    /// Whether the table may have the name with this hash. May be wrong one way: `true` for one
    /// that it has not.
    fn may_have(&self, hash: u32) -> bool {
        let place = place(hash);
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }
}

/// A table of names in order, with its filter.
pub(super) struct Table {
    names: &'static [&'static str],
    filter: Filter,
}

impl Table {
    /// Of names in order.
    pub(super) const fn of(names: &'static [&'static str]) -> Self {
        Self {
            names,
            filter: Filter::of(names),
        }
    }

    /// Whether it has the name with this hash.
    pub(super) fn has(&self, name: &str, hash: u32) -> bool {
        self.filter.may_have(hash) && self.names.binary_search(&name).is_ok()
    }
}

/// The highest bits: a multiplication mixes them best.
const fn place(hash: u32) -> usize {
    (hash >> (u32::BITS - BITS.trailing_zeros())) as usize
}

/// The hash of a name (FNV-1a).
#[expect(clippy::indexing_slicing, reason = "within the name, as the loop sees to")]
pub(super) const fn hash(name: &[u8]) -> u32 {
    let mut hash = Hash::EMPTY;
    let mut at = 0;
    while at < name.len() {
        hash = hash.and(name[at]);
        at += 1;
    }
    hash.end()
}

/// The hash of a name that is read byte by byte.
#[derive(Clone, Copy)]
pub(super) struct Hash(u32);

impl Hash {
    /// Of no byte.
    pub(super) const EMPTY: Self = Self(0x811c_9dc5);

    /// With one more byte.
    pub(super) const fn and(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u32).wrapping_mul(0x0100_0193))
    }

    /// What names are looked up by.
    pub(super) const fn end(self) -> u32 {
        self.0.wrapping_mul(0x9e37_79b1)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::names, *};

    #[test]
    fn no_name_of_a_table_is_held_back_and_most_others_are() {
        for table in [names::FOLDERS, names::SECRETS, names::MANIFESTS, names::PAGES] {
            let filter = Filter::of(table);
            assert!(table.iter().all(|name| filter.may_have(hash(name.as_bytes()))));
            let others = (0..1000).filter(|number| filter.may_have(hash(format!("item-{number}").as_bytes())));
            assert!(others.count() < 200);
        }
    }
}
