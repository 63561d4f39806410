//! What has changed since the last checkpoint: noted only where checkpoints are kept.

use std::collections::BTreeSet;

/// Keys of rows that differ from those of the last checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Touched<K: Ord>(Option<BTreeSet<K>>);

impl<K: Ord> Default for Touched<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Ord> Touched<K> {
    /// Begins to note.
    pub(crate) fn track(&mut self) {
        self.0.get_or_insert_default();
    }

    /// The row of this key has changed.
    pub(crate) fn note(&mut self, key: K) {
        if let Some(keys) = &mut self.0 {
            keys.insert(key);
        }
    }

    /// Rows that have changed.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, BTreeSet::len)
    }

    /// The keys that were noted, which begin again from none.
    pub(crate) fn take(&mut self) -> BTreeSet<K> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
