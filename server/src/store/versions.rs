//! Configurations that were in force before, by which an operator goes back.

use std::{collections::BTreeMap, sync::Arc};

use super::ProfileState;
use crate::list::Touched;

/// The versions of each profile that are kept beside the one in force, some kB each: a day of
/// trying.
pub(crate) const MOST: usize = 20;

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions {
    all: BTreeMap<Arc<str>, BTreeMap<u64, ProfileState>>,
    pub(super) touched: Touched<(Arc<str>, u64)>,
}

impl Versions {
    /// Keeps what was in force until now.
    pub(super) fn keep(&mut self, state: ProfileState) {
        let (name, version) = (Arc::clone(&state.name), state.version);
        let own = self.all.entry(Arc::clone(&name)).or_default();
        own.insert(version, state);
        let over = (own.len() > MOST).then(|| own.pop_first()).flatten();
        if let Some((oldest, _)) = over {
            self.touched.note((Arc::clone(&name), oldest));
        }
        self.touched.note((name, version));
    }

    /// Forgets those of a profile that is gone.
    pub(super) fn forget(&mut self, name: &Arc<str>) {
        for version in self.all.remove(name).into_iter().flat_map(BTreeMap::into_keys) {
            self.touched.note((Arc::clone(name), version));
        }
    }

    /// One of a profile.
    pub(super) fn get(&self, name: &str, version: u64) -> Option<&ProfileState> {
        self.all.get(name)?.get(&version)
    }

    /// Those of a profile, the newest first.
    pub(super) fn of(&self, name: &str) -> impl Iterator<Item = &ProfileState> {
        self.all.get(name).into_iter().flat_map(|own| own.values().rev())
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ProfileState> {
        self.all.values().flat_map(BTreeMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str, version: u64) -> ProfileState {
        ProfileState {
            name: name.into(),
            version,
            file: "f".to_owned(),
            replaced: None,
            signature: None,
            at_ms: version * 1_000,
        }
    }

    #[test]
    fn the_newest_of_each_profile_are_kept() {
        let mut versions = Versions::default();
        versions.touched.track();
        versions.keep(state("blog", 1));
        for version in 1..=MOST as u64 + 3 {
            versions.keep(state("shop", version));
        }
        let kept: Vec<u64> = versions.of("shop").map(|state| state.version).collect();
        assert_eq!(kept.len(), MOST);
        assert_eq!((kept.first(), kept.last()), (Some(&23), Some(&4)), "the newest first");
        assert_eq!(versions.get("shop", 3), None);
        assert_eq!(versions.of("blog").count(), 1, "another's push none of them out");
        assert_eq!(versions.touched.take().len(), MOST + 4, "those that went as well");
        versions.forget(&"shop".into());
        assert_eq!((versions.of("shop").count(), versions.iter().count()), (0, 1));
        assert_eq!(versions.touched.take().len(), MOST);
    }
}
