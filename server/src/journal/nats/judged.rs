//! Which records take effect: all nodes say the same of each.

use super::{chain::Chain, wire::Envelope};
use crate::{
    journal::{JournalError, Position},
    store::Record,
};

/// Whether a record takes effect. It does on no node where its writer read another stream, or more
/// than there is before it: that writer notices, and ends. All nodes say so by the record alone, so
/// that their lists stay the same.
pub(super) fn counts(stream: u64, position: Position, envelope: &Envelope<Record>) -> bool {
    let counts = envelope.stream == stream && envelope.after < position;
    if !counts {
        tracing::error!(
            position,
            node = %envelope.node,
            after = envelope.after,
            "a record is passed over: its writer read another stream, or one that has forgotten something since"
        );
    }
    counts
}

/// Goes on with a record, if its writer had read the same log. Whether it takes effect.
pub(super) fn check(
    (chain, stream): (&mut Chain, u64),
    position: Position,
    bytes: &[u8],
    envelope: &Envelope<Record>,
) -> Result<bool, JournalError> {
    let (newest, _) = chain.newest();
    let counts = counts(stream, position, envelope);
    if position <= newest {
        return Ok(counts);
    }
    if position != newest + 1 {
        return Err(JournalError::Damaged(format!("found record {position} after {newest}")));
    }
    let Envelope { node, after, link, .. } = envelope;
    if counts && chain.at(*after).is_some_and(|known| known != *link) {
        return Err(JournalError::Damaged(format!(
            "record {position} of node {node} goes on from another log: at record {after} that has the digest {link}"
        )));
    }
    chain.push(bytes);
    Ok(counts)
}

/// A record, or where it does not count one in its place that changes nothing.
pub(super) fn effect(record: Record, counts: bool) -> Record {
    if counts {
        record
    } else {
        Record {
            commands: Vec::new(),
            ..record
        }
    }
}
