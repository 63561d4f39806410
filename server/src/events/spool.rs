//! The spool: news that webhooks have still to be sent, numbered, in segments of which the oldest
//! go first.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{News, at, opened};

/// Bytes of a segment after which the next begins.
const SEGMENT: u64 = 8 << 20;
/// Segments that are kept: 64 MiB, some 200,000 news. A webhook that is away for longer loses the
/// oldest.
const SEGMENTS: usize = 8;
/// The longest line that is read: events are bounded to a fraction of it.
const LONGEST: u64 = 64 << 10;

/// A numbered line.
#[derive(Serialize)]
struct Numbered<'a> {
    seq: u64,
    event: &'a News,
}

/// A numbered line, as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) event: Box<RawValue>,
}

/// Where lines are added.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    file: File,
    bytes: u64,
    next: u64,
}

impl Spool {
    /// Opens the spool in a folder, and goes on after the last whole line.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| at(&folder, &error))?;
        let newest = segments(&folder)?.pop();
        let (first, path) = newest.unwrap_or_else(|| (1, segment(&folder, 1)));
        let mut next = first;
        let mut whole = 0;
        if path.exists() {
            let mut reader = Reader::at(&path, 0)?;
            while let Some(line) = reader.next()? {
                next = line.seq + 1;
                whole = reader.offset;
            }
        }
        let file = opened(&path)?;
        // what follows is a line that was cut off
        file.set_len(whole)?;
        // neither file is synced: a power failure may leave a cursor beyond the spool, and a number
        // that is used a second time would be taken for one that was sent
        next = next.max(last_sent(&folder)? + 1);
        Ok(Self {
            folder,
            file,
            bytes: whole,
            next,
        })
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds lines.
    pub(super) fn write(&mut self, news: &[News]) -> io::Result<()> {
        if self.bytes >= SEGMENT {
            self.file = opened(&segment(&self.folder, self.next))?;
            self.bytes = 0;
            let all = segments(&self.folder)?;
            let surplus = all.len().saturating_sub(SEGMENTS);
            for (_, oldest) in all.iter().take(surplus) {
                fs::remove_file(oldest)?;
            }
        }
        let mut lines = Vec::new();
        for event in news {
            serde_json::to_writer(&mut lines, &Numbered { seq: self.next, event })?;
            lines.push(b'\n');
            self.next += 1;
        }
        if let Err(error) = self.file.write_all(&lines) {
            // half a line would hide what follows
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += lines.len() as u64;
        Ok(())
    }
}

/// The highest number that a webhook's cursor holds.
fn last_sent(folder: &Path) -> io::Result<u64> {
    let mut last = 0;
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "cursor") {
            last = last.max(cursor_in(&path)?);
        }
    }
    Ok(last)
}

/// Up to where a webhook has taken what there was; 0 where its file is not there or says nothing.
pub(super) fn cursor_in(path: &Path) -> io::Result<u64> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().parse().unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(at(path, &error)),
    }
}

fn segment(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.jsonl"))
}

/// Segments with the numbers of their first lines, the oldest first.
fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let Some(first) = number
            && path.extension().is_some_and(|extension| extension == "jsonl")
        {
            found.push((first, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads lines that come after a number, also while others are added.
#[derive(Debug)]
pub(super) struct Follower {
    folder: PathBuf,
    after: u64,
    reader: Option<(u64, Reader)>,
}

impl Follower {
    pub(super) fn new(folder: &Path, after: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            after,
            reader: None,
        }
    }

    /// Up to so many lines, of so many bytes together or one more than that.
    pub(super) fn take(&mut self, lines: usize, bytes: usize) -> io::Result<Vec<Line>> {
        let (mut taken, mut size) = (Vec::new(), 0);
        while taken.len() < lines && size < bytes {
            let Some(line) = self.next()? else { break };
            size += line.event.get().len();
            taken.push(line);
        }
        Ok(taken)
    }

    /// Goes back to after this number: what came later was not sent.
    pub(super) fn back_to(&mut self, after: u64) {
        self.after = after;
        self.reader = None;
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some((first, reader)) = &mut self.reader else {
                if !self.open_segment()? {
                    return Ok(None);
                }
                continue;
            };
            match reader.next()? {
                Some(line) if line.seq <= self.after => {}
                Some(line) => {
                    self.after = line.seq;
                    return Ok(Some(line));
                }
                None => {
                    let first = *first;
                    let following = segments(&self.folder)?.into_iter().find(|(next, _)| *next > first);
                    let Some((next, path)) = following else { return Ok(None) };
                    // the writer may have added to this one before it began the next
                    if let Some((_, reader)) = &mut self.reader
                        && let Some(line) = reader.next()?
                    {
                        self.after = self.after.max(line.seq);
                        return Ok(Some(line));
                    }
                    self.reader = Some((next, Reader::at(&path, 0)?));
                }
            }
        }
    }

    /// Opens the segment that holds the next line, or the oldest after it.
    fn open_segment(&mut self) -> io::Result<bool> {
        let all = segments(&self.folder)?;
        let holding = all.iter().rev().find(|(first, _)| *first <= self.after + 1);
        let Some((first, path)) = holding.or_else(|| all.first()) else {
            return Ok(false);
        };
        if *first > self.after + 1 {
            tracing::error!(
                lost = first - self.after - 1,
                "events were dropped before a webhook took them"
            );
        }
        self.reader = Some((*first, Reader::at(path, 0)?));
        Ok(true)
    }
}

/// Reads whole lines of one file.
#[derive(Debug)]
struct Reader {
    file: BufReader<File>,
    offset: u64,
}

impl Reader {
    fn at(path: &PathBuf, offset: u64) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path).map_err(|error| at(path, &error))?);
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, offset })
    }

    /// The next whole line that makes sense.
    fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.file).take(LONGEST).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') && (read as u64) < LONGEST {
                // not whole yet: read again from its beginning
                self.file.seek(SeekFrom::Start(self.offset))?;
                return Ok(None);
            }
            self.offset += read as u64;
            if let Ok(line) = serde_json::from_slice(&line) {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(n: u64) -> News {
        News::new("ban", n, "x".repeat(1_000))
    }

    fn numbers(follower: &mut Follower, most: usize) -> Vec<u64> {
        let lines = follower.take(most, usize::MAX).unwrap();
        lines.iter().map(|line| line.seq).collect()
    }

    #[test]
    fn lines_are_read_in_order_over_segments_and_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("events");
        let mut spool = Spool::open(folder.clone()).unwrap();
        let mut follower = Follower::new(&folder, 0);
        assert!(numbers(&mut follower, 5).is_empty());
        for n in 0..20_000 {
            spool.write(&[news(n)]).unwrap();
        }
        assert!(segments(&folder).unwrap().len() >= 3);
        assert_eq!(numbers(&mut follower, 3), [1, 2, 3]);
        follower.back_to(1);
        assert_eq!(numbers(&mut follower, 2), [2, 3]);
        assert_eq!(numbers(&mut follower, usize::MAX), (4..=20_000).collect::<Vec<_>>());

        // a line that was cut off by a crash
        let (_, newest) = segments(&folder).unwrap().pop().unwrap();
        let mut cut = opened(&newest).unwrap();
        cut.write_all(b"{\"seq\":20001,\"ev").unwrap();
        assert!(numbers(&mut follower, 5).is_empty());
        let mut spool = Spool::open(folder).unwrap();
        spool.write(&[news(0)]).unwrap();
        assert_eq!(numbers(&mut follower, 5), [20_001]);
    }

    #[test]
    fn a_spool_that_lost_its_end_uses_no_number_twice() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("siem.cursor"), "7\n").unwrap();
        let mut spool = Spool::open(dir.path().to_owned()).unwrap();
        spool.write(&[news(0)]).unwrap();
        assert_eq!(numbers(&mut Follower::new(dir.path(), 7), 5), [8]);
    }

    #[test]
    fn the_spool_is_bounded_and_the_oldest_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(dir.path().to_owned()).unwrap();
        let many: Vec<News> = (0..9_000).map(news).collect();
        for _ in 0..12 {
            spool.write(&many).unwrap();
        }
        assert_eq!(segments(dir.path()).unwrap().len(), SEGMENTS);
        let mut follower = Follower::new(dir.path(), 0);
        assert_eq!(numbers(&mut follower, 1), [4 * 9_000 + 1]);
    }
}
