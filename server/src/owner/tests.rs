//! What goes into one record, what may wait for it, and what becomes of records that are refused or
//! do not come.

use std::sync::mpsc as std_mpsc;

use actix_web::rt::task::JoinHandle;
use buckler::clock::SystemClock;
use futures_util::future::join_all;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use super::*;
use crate::{
    journal::{EachOther, EachRecord, EachRow, MemoryJournal, Other, RowChange},
    moment::Tick,
    store::{Record, Store, tests::rules},
};

/// A journal in memory that waits at a gate, refuses what is large, or has lost a record.
#[derive(Debug)]
struct Strict {
    inner: MemoryJournal,
    /// Where it says how many commands a record has that waits.
    waits: UnboundedSender<usize>,
    gate: std_mpsc::Receiver<()>,
    most_bytes: usize,
    /// Whether others write to it, and which records are lost.
    lost: Option<Lost>,
}

/// Before which record others do not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// This node's first, which is the fourth of all.
    BeforeOwn,
    /// Another node's second, which is the third of all.
    BeforeAnothers,
}

impl Journal for Strict {
    fn kind(&self) -> &'static str {
        "strict"
    }
    fn append(&mut self, record: &Arc<Record>) -> Result<Position, JournalError> {
        let stopped = || JournalError::Unavailable("the test has ended".to_owned());
        self.waits.send(record.commands.len()).map_err(|_| stopped())?;
        self.gate.recv().map_err(|_| stopped())?;
        if record.commands.iter().map(Command::bytes).sum::<usize>() > self.most_bytes {
            return Err(JournalError::TooLarge("larger than this test wants it".to_owned()));
        }
        match self.lost {
            Some(_) => Ok(4),
            None => self.inner.append(record),
        }
    }
    fn tail(&self, after: Position, each: EachRecord<'_>) -> Result<(), JournalError> {
        self.inner.tail(after, each)
    }
    fn load(&self, each: EachRow<'_>) -> Result<Position, JournalError> {
        self.inner.load(each)
    }
    fn checkpoint(&mut self, upto: Position, rows: &[RowChange]) -> Result<(), JournalError> {
        self.inner.checkpoint(upto, rows)
    }
    fn reopen(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
    fn frozen(&self) -> Result<Option<Box<dyn Frozen>>, JournalError> {
        Ok(None)
    }
    fn is_shared(&self) -> bool {
        self.lost.is_some()
    }
    fn others(&mut self, upto: Position, each: EachOther<'_>) -> Result<(), JournalError> {
        if self.lost != Some(Lost::BeforeAnothers) {
            return Ok(());
        }
        for (position, command) in [(1, ban(1)), (3, unban())] {
            let other = Other {
                record: Record::new(Moment::default(), vec![command]),
                is_own: false,
                vouched: None,
            };
            if position <= upto {
                each(position, other).map_err(JournalError::Damaged)?;
            }
        }
        Ok(())
    }
}

/// An owner of such a journal, who waits at its gate, and what opens that.
fn strict(most_bytes: usize, lost: Option<Lost>) -> (Owner, UnboundedReceiver<usize>, std_mpsc::Sender<()>) {
    let (waits, waiting) = unbounded_channel();
    let (open, gate) = std_mpsc::channel();
    let journal = Strict {
        inner: MemoryJournal::default(),
        waits,
        gate,
        most_bytes,
        lost,
    };
    let timeline = Arc::new(Timeline::new(Arc::new(SystemClock::new()), Tick::default()));
    let mut store = Store::new(rules());
    let fleet = Command::Found {
        fleet: "default".into(),
        epoch: "e1".into(),
    };
    store.apply(&Record::new(Moment::default(), vec![fleet]));
    let owner = Owner::start(Box::new(journal), Node::new(store), Begins::default(), timeline).unwrap();
    (owner, waiting, open)
}

/// A ban with a reason of so many bytes.
fn ban(length: usize) -> Command {
    Command::Ban {
        fleet: "default".into(),
        network: "203.0.113.1/32".parse().unwrap(),
        ttl_s: None,
        why: "x".repeat(length),
    }
}

/// What lets in again what [`ban`] has banned.
fn unban() -> Command {
    Command::Unban {
        fleet: "default".into(),
        network: "203.0.113.1/32".parse().unwrap(),
    }
}

/// Submits a first ban, which waits at the gate from now on.
async fn first_waits(owner: &Owner, waiting: &mut UnboundedReceiver<usize>) -> JoinHandle<Result<(), StoreError>> {
    let owner = owner.clone();
    let first = actix_web::rt::spawn(async move { submit(&owner, 1).await });
    assert_eq!(waiting.recv().await, Some(1));
    first
}

/// Waits for what comes by itself, for as long as a request waits for the node.
async fn until(what: &str, mut is_there: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_there() {
        assert!(since.elapsed() < PATIENCE, "{what} did not come");
        tokio::task::yield_now().await;
    }
}

async fn submit(owner: &Owner, length: usize) -> Result<(), StoreError> {
    owner.submit(vec![ban(length)], |_, _, _| Ok(())).await
}

async fn listed(owner: &Owner) -> u64 {
    let ask = owner.ask(|node, _| Ok(node.store.list("default").unwrap().head().count));
    ask.await.unwrap()
}

#[actix_web::test]
async fn a_record_is_bounded_by_its_bytes_and_what_is_large_is_alone_in_one() {
    let (owner, mut waiting, open) = strict(usize::MAX, None);
    let first = first_waits(&owner, &mut waiting).await;
    // what comes meanwhile: 100 kB each, and one that is larger than a record should be
    let lengths = [100, 100, 900, 100, 100, 100].map(|kilobytes| kilobytes << 10);
    let told = async {
        let mut records = Vec::new();
        open.send(()).unwrap();
        while records.iter().sum::<usize>() < lengths.len() {
            records.push(waiting.recv().await.unwrap());
            open.send(()).unwrap();
        }
        records
    };
    let submitted = join_all(lengths.map(|length| submit(&owner, length)));
    let (answers, records) = futures_util::future::join(submitted, told).await;
    assert_eq!(records, [2, 1, 2, 1]);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(first.await.unwrap(), Ok(()));
}

#[actix_web::test]
async fn what_waits_is_bounded_by_its_bytes() {
    let (owner, mut waiting, open) = strict(usize::MAX, None);
    let first = first_waits(&owner, &mut waiting).await;
    // sixteen, and what JSON adds, are more than may wait
    let submitted = join_all((0..16).map(|_| submit(&owner, 4 << 20)));
    let opened = async {
        // with the one on its way, all but one wait, and that is answered although nothing is kept
        // yet
        until("work that waits", || {
            owner.health().waiting.load(Ordering::Relaxed) >= 16
        })
        .await;
        (0..16).for_each(|_| open.send(()).unwrap());
    };
    let (answers, ()) = futures_util::future::join(submitted, opened).await;
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(refused, 1, "{refused} of 16");
    assert!(matches!(answers.last(), Some(Err(StoreError::Unavailable(_)))));
    assert_eq!(first.await.unwrap(), Ok(()));
}

#[actix_web::test]
async fn a_record_that_is_too_large_is_refused_and_the_next_is_kept() {
    let (owner, _waiting, open) = strict(1_000, None);
    (0..2).for_each(|_| open.send(()).unwrap());
    let refused = submit(&owner, 2_000).await.unwrap_err();
    assert!(refused.to_string().contains("too large"), "{refused}");
    assert!(owner.health().problem.load().is_none(), "the journal works");
    assert_eq!(submit(&owner, 1).await, Ok(()), "at once");
    assert_eq!(listed(&owner).await, 1);
}

/// Whatever is asked of a node that misses this record, nothing more takes effect there, and it
/// says so.
async fn misses(record: Position, (owner, waiting): (&Owner, &mut UnboundedReceiver<usize>)) {
    let asked = waiting.len();
    let refused = submit(owner, 1).await.unwrap_err().to_string();
    assert!(refused.contains("those between did not"), "{refused}");
    assert_eq!(waiting.len(), asked, "nothing more is written");
    let warnings = owner.health().warnings();
    assert!(
        warnings[0].contains(&format!("record {record} did not come")),
        "{warnings:?}"
    );
    assert_eq!(owner.health().position.load(Ordering::Acquire), record - 1);
    assert!(owner.health().problem.load().is_some(), "it is not ready");
}

#[actix_web::test]
async fn a_nodes_own_record_does_not_take_effect_before_one_that_did_not_come() {
    let (owner, mut waiting, open) = strict(usize::MAX, Some(Lost::BeforeOwn));
    open.send(()).unwrap();
    // its position is 4, and the three before it never came
    let refused = submit(&owner, 1).await.unwrap_err().to_string();
    assert!(refused.contains("record 4 came after 0"), "{refused}");
    misses(1, (&owner, &mut waiting)).await;
    assert_eq!(listed(&owner).await, 0);
}

#[actix_web::test]
async fn another_nodes_record_does_not_take_effect_before_one_that_did_not_come() {
    let (owner, mut waiting, _open) = strict(usize::MAX, Some(Lost::BeforeAnothers));
    // the first bans what the third lets in again, and the second never comes
    until("word of what is missing", || !owner.health().warnings().is_empty()).await;
    misses(2, (&owner, &mut waiting)).await;
    assert_eq!(listed(&owner).await, 1);
}
