//! A journal in memory: it lasts as long as its process.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{EachRecord, EachRow, Frozen, Journal, JournalError, Position, RowChange};
use crate::store::Record;

/// Keeps records until the checkpoint has them, and the rows that it is given.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    records: VecDeque<Arc<Record>>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where the checkpoint stands.
    position: Position,
}

impl Journal for MemoryJournal {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError> {
        self.records.push_back(Arc::clone(record));
        Ok(self.position + self.records.len() as u64)
    }

    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        let numbered = (self.position + 1..).zip(&self.records);
        for (position, record) in numbered.filter(|(position, _)| *position > after) {
            each(position, Record::clone(record)).map_err(JournalError::Damaged)?;
        }
        Ok(())
    }

    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        for (key, value) in &self.rows {
            each(key, value).map_err(JournalError::Damaged)?;
        }
        Ok(self.position)
    }

    fn checkpoint(&mut self, upto: Position, rows: &[RowChange]) -> Result<(), JournalError> {
        for (key, value) in rows {
            match value {
                Some(value) => drop(self.rows.insert(key.clone(), value.clone())),
                None => drop(self.rows.remove(key)),
            }
        }
        let forgotten = usize::try_from(upto.saturating_sub(self.position)).unwrap_or(usize::MAX);
        self.records.drain(..forgotten.min(self.records.len()));
        self.position = self.position.max(upto);
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    fn frozen(&self) -> Result<Option<Box<dyn Frozen>>, JournalError> {
        Ok(None)
    }
}
