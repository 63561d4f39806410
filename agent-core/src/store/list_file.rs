//! The fleet's list in a file of its own: written beside the database by a thread that nobody waits for, and read in one go.
//!
//! ```text
//! magic · format · blocks of rows · an empty block · count · digest · checksum
//! block: family, prefix length, rows; row: the address's leading bytes, the end in Unix seconds
//! ```
//!
//! The digest is computed over the rows *as they are written*, and the checksum (BLAKE3) covers every byte before it. So a file
//! whose checksum is right holds the rows that have this digest, and nothing needs to be hashed again when it is read: of a
//! million entries that would take longer than all the rest.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
    time::Duration,
};

use ipnet::IpNet;

use super::{
    FOR_EVER, Times,
    faults::{Faults, Touch},
    network::{self, family_and_octets},
    trouble::Trouble,
};
use crate::{
    model::blacklist::{Blacklist, Digest, Filling, Scope},
    private,
};

const MAGIC: &[u8; 8] = b"bucklist";
/// Rises when the meaning of a byte changes.
const FORMAT: u32 = 1;
/// Rows of a block at most: 48 KiB of IPv4, so that a block is one write.
const BLOCK: u16 = 4096;
/// Bytes of an end.
const END: usize = size_of::<u64>();
/// Bytes of a block's head.
const BLOCK_HEAD: usize = 4;
/// Bytes of a checksum.
const CHECKSUM: usize = blake3::OUT_LEN;
/// Bytes of a digest's text.
const DIGEST: usize = 64;
/// Bytes behind the rows.
const TAIL: usize = size_of::<u64>() + DIGEST + CHECKSUM;
/// Larger than any list that a server may send: 16 million entries of 24 bytes.
const LARGEST: u64 = 400 << 20;

/// Writes the fleet's part of `list` to `path`, by way of a file beside it, so that there is never half a list under the name.
/// The list may change meanwhile: entries that do are written as they were or as they are. Ends early where `goes_on` says no.
pub(super) fn write(
    path: &Path,
    list: &Blacklist,
    times: Times,
    faults: &Faults,
    goes_on: &dyn Fn() -> bool,
) -> io::Result<()> {
    let unfinished = path.with_extension("list-unfinished");
    faults.check(Touch::Write)?;
    let mut to = Writer::begin(private::create(&unfinished)?, faults)?;
    let mut failed = None;
    list.for_each(Scope::Shared, &mut |network, until| {
        if failed.is_none() {
            failed = to.row(network, times.write_end(until), goes_on).err();
        }
    });
    let written = failed.map_or_else(|| to.finish(), Err);
    let named = written.and_then(|()| {
        faults.check(Touch::Write)?;
        fs::rename(&unfinished, path)
    });
    if named.is_err() {
        // what cannot be removed is written over the next time
        fs::remove_file(&unfinished).unwrap_or_default();
    }
    named
}

/// A file's rows on their way.
struct Writer<'f> {
    to: BufWriter<File>,
    faults: &'f Faults,
    hasher: blake3::Hasher,
    digest: Digest,
    count: u64,
    /// The family and prefix length of the block.
    kind: (u8, u8),
    rows: u16,
    block: Vec<u8>,
}

impl<'f> Writer<'f> {
    fn begin(file: File, faults: &'f Faults) -> io::Result<Self> {
        let mut writer = Self {
            to: BufWriter::new(file),
            faults,
            hasher: blake3::Hasher::new(),
            digest: Digest::default(),
            count: 0,
            kind: (0, 0),
            rows: 0,
            block: Vec::new(),
        };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_le_bytes())?;
        Ok(writer)
    }

    fn row(&mut self, network: IpNet, until: Option<u64>, goes_on: &dyn Fn() -> bool) -> io::Result<()> {
        let (family, octets) = family_and_octets(network);
        let kind = (family, network.prefix_len());
        if kind != self.kind || self.rows == BLOCK {
            if !goes_on() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "not wanted any more"));
            }
            self.end_block()?;
            self.kind = kind;
        }
        let octets: &[u8] = &octets;
        self.block.extend(octets.iter().take(address_bytes(kind.1)));
        self.block.extend(until.unwrap_or(FOR_EVER).to_le_bytes());
        self.rows += 1;
        self.count += 1;
        self.digest += network;
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            let [low, high] = self.rows.to_le_bytes();
            self.put(&[self.kind.0, self.kind.1, low, high])?;
            let block = std::mem::take(&mut self.block);
            self.put(&block)?;
            self.block = block;
        }
        self.rows = 0;
        self.block.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.faults.check(Touch::Write)?;
        self.hasher.update(bytes);
        self.to.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<()> {
        self.end_block()?;
        self.put(&[0; BLOCK_HEAD])?;
        self.put(&self.count.to_le_bytes())?;
        self.put(self.digest.to_string().as_bytes())?;
        let checksum = self.hasher.finalize();
        self.put(checksum.as_bytes())?;
        let file = self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.faults.sync(|| file.sync_data())
    }
}

/// Bytes of an address that a row of this prefix length holds.
fn address_bytes(prefix: u8) -> usize {
    usize::from(prefix.div_ceil(8))
}

/// A list as it was read, its checksum verified.
pub(crate) struct ListFile {
    bytes: Vec<u8>,
    count: u64,
    digest: Digest,
}

impl ListFile {
    /// Reads a file and verifies its checksum.
    pub(super) fn read(path: &Path, faults: &Faults) -> Result<Self, Trouble> {
        faults.check(Touch::Read)?;
        if fs::metadata(path)?.len() > LARGEST {
            return Err(Trouble::Damage("larger than any list".to_owned()));
        }
        let bytes = fs::read(path)?;
        Self::verify(bytes).ok_or_else(|| Trouble::Damage("the list's checksum is wrong".to_owned()))
    }

    fn verify(mut bytes: Vec<u8>) -> Option<Self> {
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
        (blake3::hash(content) == *checksum).then_some(())?;
        let content = content.len();
        let tail = bytes.get(content.checked_sub(TAIL - CHECKSUM)?..content)?;
        let (count, digest) = tail.split_first_chunk()?;
        let (count, digest) = (
            u64::from_le_bytes(*count),
            std::str::from_utf8(digest).ok()?.parse().ok()?,
        );
        let rows = bytes.strip_prefix(MAGIC)?.strip_prefix(&FORMAT.to_le_bytes())?;
        let head = bytes.len() - rows.len();
        bytes.truncate(content + CHECKSUM - TAIL);
        bytes.drain(..head);
        Some(Self { bytes, count, digest })
    }

    /// Entries.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The list and its digest; `None` where the rows are not what was announced.
    pub(super) fn build(&self, times: Times) -> Option<(Blacklist, Digest)> {
        let mut filling = Filling::default();
        let mut sizes = BTreeMap::<(u8, u8), usize>::new();
        for block in self.blocks() {
            let block = block?;
            *sizes.entry((block.family, block.prefix)).or_default() += block.rows.len() / block.row;
        }
        for ((family, prefix), entries) in sizes {
            filling.reserve(network::network(family, prefix, &[])?, entries);
        }
        for block in self.blocks() {
            block?.add_to(&mut filling, times)?;
        }
        let list = filling.finish();
        (list.len(Scope::Shared) as u64 == self.count).then_some((list, self.digest))
    }

    fn blocks(&self) -> impl Iterator<Item = Option<Block<'_>>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first_chunk::<BLOCK_HEAD>()?;
            let [family, prefix, low, high] = *head;
            let rows = usize::from(u16::from_le_bytes([low, high]));
            if rows == 0 {
                return None;
            }
            let row = address_bytes(prefix) + END;
            let block = after.split_at_checked(rows * row).map(|(rows, after)| {
                rest = after;
                Block {
                    family,
                    prefix,
                    row,
                    rows,
                }
            });
            if block.is_none() {
                rest = &[];
            }
            Some(block)
        })
    }
}

/// Rows of one family and prefix length.
struct Block<'b> {
    family: u8,
    prefix: u8,
    /// Bytes of a row.
    row: usize,
    rows: &'b [u8],
}

impl Block<'_> {
    fn add_to(&self, filling: &mut Filling, times: Times) -> Option<()> {
        for row in self.rows.chunks_exact(self.row) {
            let (address, end) = row.split_last_chunk::<END>()?;
            let until = Some(u64::from_le_bytes(*end)).filter(|until| *until != FOR_EVER);
            let until: Option<Duration> = times.read_end(until);
            filling.add(network::network(self.family, self.prefix, address)?, until);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::parse_network;

    const TIMES: Times = Times {
        elapsed: Duration::from_secs(50),
        unix: Duration::from_secs(1_000_000),
    };

    fn list() -> Blacklist {
        let list = Blacklist::new();
        let texts = [
            "203.0.113.9",
            "198.51.100.0/24",
            "0.0.0.0/0",
            "2001:db8::/64",
            "2001:db8::1",
            "2001:db8::/33",
        ];
        for text in texts {
            list.insert(parse_network(text).unwrap(), None, Scope::Shared);
        }
        for n in 0..10_000_u32 {
            let network = IpNet::from(std::net::IpAddr::V4((0x0a00_0000 + n).into()));
            list.insert(network, Some(Duration::from_secs(60 + u64::from(n))), Scope::Shared);
        }
        list.insert(parse_network("192.0.2.1").unwrap(), None, Scope::Local);
        list
    }

    fn rows(list: &Blacklist) -> BTreeMap<IpNet, Option<Duration>> {
        let mut rows = BTreeMap::new();
        list.for_each(Scope::Shared, &mut |network, until| {
            rows.insert(network, until);
        });
        rows
    }

    fn written() -> (tempfile::TempDir, std::path::PathBuf, Blacklist) {
        let (directory, list) = (tempfile::tempdir().unwrap(), list());
        let path = directory.path().join("list");
        write(&path, &list, TIMES, &Faults::default(), &|| true).unwrap();
        (directory, path, list)
    }

    #[test]
    fn what_was_written_is_read_and_its_digest_is_that_of_its_rows() {
        let (_directory, path, list) = written();
        let (read, digest) = ListFile::read(&path, &Faults::default()).unwrap().build(TIMES).unwrap();
        assert_eq!(rows(&read), rows(&list));
        assert_eq!(read.len(Scope::Local), 0, "own bans are kept elsewhere");
        assert_eq!(digest, Digest::of(rows(&list).into_keys()));
    }

    #[test]
    fn no_changed_or_missing_byte_goes_unnoticed() {
        let (_directory, path, _) = written();
        let whole = fs::read(&path).unwrap();
        let places = (0..whole.len()).step_by(97).chain([whole.len() - 1]);
        for at in places {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(ListFile::verify(flipped).is_none(), "byte {at}");
            assert!(ListFile::verify(whole[..at].to_vec()).is_none(), "cut at {at}");
        }
        assert!(ListFile::verify(whole).is_some());
    }

    #[test]
    fn a_file_that_is_not_finished_does_not_take_the_name() {
        let (directory, path, list) = written();
        let before = fs::read(&path).unwrap();
        assert!(write(&path, &list, TIMES, &Faults::default(), &|| false).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }
}
