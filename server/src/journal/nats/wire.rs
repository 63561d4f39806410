//! A record on the stream: JSON that any tool reads, pressed where it is long, with who wrote it
//! and what that node had read before.

use std::{borrow::Cow, io};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::chain::Link;
use crate::{
    journal::{JournalError, Position},
    store::{RECORD_VERSION, Record},
};

/// The form of the envelope that this release writes, and the newest that it reads.
const FORM: u8 = 1;

/// From how many bytes on a record is pressed: an engine takes messages of a megabyte unless it is
/// told otherwise, and JSON shrinks to a tenth.
const LONG: usize = 64 << 10;

/// How hard it is pressed: 200 MB a second.
const LEVEL: i32 = 1;

/// The longest record that is written, and read, in bytes: what an owner puts into one is smaller
/// by far. Long texts press to nearly nothing, so that the engine would take one that no node
/// reads.
const LONGEST: usize = 64 << 20;

/// A record and who wrote it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope<R> {
    /// Its form.
    envelope: u8,
    /// The node, by a name that it takes at each start.
    pub(super) node: Uuid,
    /// The how manieth record of that node.
    pub(super) no: u64,
    /// When the stream was made that the node reads: one of the same name may be another.
    pub(super) stream: u64,
    /// The newest record that the node had read.
    pub(super) after: Position,
    /// The digest of the log up to there.
    pub(super) link: Link,
    /// The digest that the node's lists had at a position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lists: Option<(Position, u64)>,
    /// The record.
    pub(super) record: R,
}

/// As it is sent.
pub(super) fn encode(
    (node, no, stream): (Uuid, u64, u64),
    (after, link): (Position, Link),
    lists: Option<(Position, u64)>,
    record: &Record,
) -> Result<Vec<u8>, JournalError> {
    let envelope = Envelope {
        envelope: FORM,
        node,
        no,
        stream,
        after,
        link,
        lists,
        record,
    };
    let json = serde_json::to_vec(&envelope).map_err(io::Error::from)?;
    if json.len() > LONGEST {
        return Err(JournalError::TooLarge(format!(
            "found {} bytes, allowed are {LONGEST}",
            json.len()
        )));
    }
    if json.len() < LONG {
        return Ok(json);
    }
    Ok(zstd::stream::encode_all(&*json, LEVEL)?)
}

/// What was sent, and how long it is as JSON.
pub(super) fn decode(position: Position, bytes: &[u8]) -> Result<(Envelope<Record>, usize), JournalError> {
    /// Enough to know whether the rest can be read.
    #[derive(Deserialize)]
    struct Form {
        envelope: u8,
        record: RecordForm,
    }
    #[derive(Deserialize)]
    struct RecordForm {
        v: u8,
    }
    let json = if bytes.first() == Some(&b'{') {
        Cow::Borrowed(bytes)
    } else {
        let mut json = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(bytes);
        let most = LONGEST as u64;
        let read = decoder.and_then(|decoder| io::Read::read_to_end(&mut io::Read::take(decoder, most), &mut json));
        read.map_err(|error| JournalError::Damaged(format!("record {position}: {error}")))?;
        Cow::Owned(json)
    };
    let damaged = |error: serde_json::Error| JournalError::Damaged(format!("record {position}: {error}"));
    let Form { envelope, record } = serde_json::from_slice(&json).map_err(damaged)?;
    for (found, known) in [(envelope, FORM), (record.v, RECORD_VERSION)] {
        if found > known {
            return Err(JournalError::Newer { found, known });
        }
    }
    let envelope = serde_json::from_slice(&json).map_err(damaged)?;
    Ok((envelope, json.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Traffic;

    #[test]
    fn records_are_read_as_they_were_written_long_ones_too() {
        let node = Uuid::new_v4();
        let mut traffic = Traffic::new(1);
        let short = traffic.founding();
        let mut long = traffic.record();
        while serde_json::to_vec(&long).unwrap().len() < 2 * LONG {
            long.commands.extend(traffic.record().commands);
        }
        for record in [&short, &long] {
            let bytes = encode((node, 7, 5), (3, Link::default().next(b"a")), Some((2, 99)), record).unwrap();
            assert!(bytes.len() < LONG);
            let (read, _) = decode(4, &bytes).unwrap();
            assert_eq!((read.node, read.no, read.after, &read.record), (node, 7, 3, record));
            assert_eq!(read.stream, 5);
            assert_eq!(read.lists, Some((2, 99)));
        }
        assert!(matches!(decode(4, b"nonsense"), Err(JournalError::Damaged(_))));
        assert!(matches!(decode(4, b"{}"), Err(JournalError::Damaged(_))));
    }

    #[test]
    fn what_would_not_be_read_is_not_written() {
        let long = |length: usize| {
            let command = crate::store::Command::Ban {
                fleet: "default".into(),
                network: "203.0.113.1/32".parse().unwrap(),
                ttl_s: None,
                why: "\u{1}".repeat(length),
            };
            Record::new(crate::Moment::default(), vec![command])
        };
        let encoded = |record: &Record| encode((Uuid::new_v4(), 1, 5), (0, Link::default()), None, record);
        // six bytes each, which press to nothing
        let longest = long(LONGEST / 6 - 200);
        let bytes = encoded(&longest).unwrap();
        assert!(bytes.len() < LONG, "{}", bytes.len());
        let (read, size) = decode(1, &bytes).unwrap();
        assert!(
            read.record == longest && (LONGEST - 2_000..=LONGEST).contains(&size),
            "{size}"
        );
        let refused = encoded(&long(LONGEST / 6)).unwrap_err();
        assert!(matches!(refused, JournalError::TooLarge(_)), "{refused}");
    }

    #[test]
    fn what_a_newer_release_wrote_is_no_damage() {
        let mut record = Traffic::new(1).founding();
        record.v = RECORD_VERSION + 1;
        let bytes = encode((Uuid::new_v4(), 1, 5), (0, Link::default()), None, &record).unwrap();
        let newer = JournalError::Newer {
            found: RECORD_VERSION + 1,
            known: RECORD_VERSION,
        };
        assert_eq!(decode(1, &bytes).unwrap_err(), newer);
    }
}
