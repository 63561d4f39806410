//! Bodies as they come. A key in a header is judged before the first byte, one in the body within
//! its first 64 KiB; memory is charged as bytes come, so that who announces much and sends nothing
//! takes nothing, and who sends slowly is not waited for.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::web::{Bytes, BytesMut, Payload};
use buckler::model::address::ban_scope;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::reply::Refusal;

/// Bytes of all bodies and messages that are on their way at once: 128 of the largest.
const ALL: usize = 512 << 20;
/// The part of it for those whose senders have shown no key: the rest is for those that have.
const UNPROVEN: usize = ALL / 2;
/// Bytes of one source without a key, or of one key: 1,000 messages full of events.
const ACCOUNT: usize = 64 << 20;
/// Bytes of each that cost nothing, so that a beacon without events always finds room: a connection
/// has buffers of this size anyway.
const FREE: usize = 4 << 10;
/// Within how many bytes of a body its key has to come, where no header has it. Agents of both
/// versions send it first.
pub(super) const KEY_WITHIN: usize = 64 << 10;
/// Counters of sources and keys, by hash: 8 KiB. Two share one once in a thousand pairs.
const ACCOUNTS: usize = 1_024;
/// When a client may come again for which there was no room, in seconds: bodies are gone by then.
const COME_AGAIN_S: u64 = 10;

/// How long a body may take before its rate is looked at.
const GRACE: Duration = Duration::from_secs(10);
/// The slowest that one may come after that, in bytes a second: 4 MiB take 30 s.
const SLOWEST: u64 = (4 << 20) / 20;

/// Until when more of a body has to come.
pub(super) fn deadline(begun: Instant, came: usize) -> Instant {
    begun + GRACE + Duration::from_millis((came as u64).saturating_mul(1_000) / SLOWEST)
}

/// On whose account bytes are on their way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Account<'a> {
    /// This source's, which has shown no key.
    Source(IpAddr),
    /// This key's.
    Key(&'a str),
}

/// Bytes that are on their way.
#[derive(Debug)]
pub(super) struct Bodies {
    all: AtomicUsize,
    unproven: AtomicUsize,
    accounts: Box<[AtomicUsize]>,
    hasher: RandomState,
    /// The most of all, of those without a key, and of one account.
    most: [usize; 3],
}

impl Bodies {
    /// Room for bodies up to so many bytes.
    pub(super) fn new(largest: usize) -> Self {
        Self {
            all: AtomicUsize::new(0),
            unproven: AtomicUsize::new(0),
            accounts: (0..ACCOUNTS).map(|_| AtomicUsize::new(0)).collect(),
            hasher: RandomState::new(),
            most: [ALL.max(largest), UNPROVEN, ACCOUNT.max(largest)],
        }
    }

    /// Room for a body of which nothing has come.
    pub(super) fn enter(self: &Arc<Self>, account: Account<'_>) -> Room {
        Room {
            bodies: Arc::clone(self),
            place: self.place(account),
            is_proven: matches!(account, Account::Key(_)),
            bytes: 0,
        }
    }

    fn place(&self, account: Account<'_>) -> usize {
        let hash = match account {
            Account::Source(peer) => self.hasher.hash_one(ban_scope(peer)),
            Account::Key(key) => self.hasher.hash_one(key),
        };
        usize::try_from(hash % ACCOUNTS as u64).unwrap_or_default()
    }

    /// Counts so many bytes more. Whether that is within all bounds.
    fn add(&self, place: usize, is_proven: bool, bytes: usize) -> bool {
        let [all, unproven, account] = self.most;
        let within = |counter: &AtomicUsize, most: usize| {
            counter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= most
        };
        // each is counted, whatever the others say: all are given back together
        let of_account = self.accounts.get(place).is_none_or(|counter| within(counter, account));
        let of_unproven = is_proven || within(&self.unproven, unproven);
        within(&self.all, all) && of_account && of_unproven
    }

    fn give_back(&self, place: usize, is_proven: bool, bytes: usize) {
        // of nearly every body: no line of memory that all workers share is written for nothing
        if bytes == 0 {
            return;
        }
        let of_account = self.accounts.get(place).into_iter();
        let unproven = (!is_proven).then_some(&self.unproven);
        for counter in of_account.chain(unproven).chain([&self.all]) {
            counter.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// Room for one body, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    bodies: Arc<Bodies>,
    place: usize,
    is_proven: bool,
    bytes: usize,
}

impl Room {
    /// So many bytes have come.
    ///
    /// # Errors
    /// If there is no room for them.
    pub(super) fn hold(&mut self, came: usize) -> Result<(), Refusal> {
        let bytes = came.saturating_sub(FREE);
        if bytes <= self.bytes {
            self.bodies.give_back(self.place, self.is_proven, self.bytes - bytes);
            self.bytes = bytes;
            return Ok(());
        }
        let more = bytes - self.bytes;
        if self.bodies.add(self.place, self.is_proven, more) {
            self.bytes = bytes;
            return Ok(());
        }
        self.bodies.give_back(self.place, self.is_proven, more);
        Err(Refusal::crowded("too many bodies are on their way", COME_AGAIN_S))
    }

    /// The sender has shown this key.
    ///
    /// # Errors
    /// If the key's account has no room for what came.
    pub(super) fn prove(&mut self, key: &str) -> Result<(), Refusal> {
        let came = self.bytes + FREE;
        let proven = self.bodies.enter(Account::Key(key));
        *self = proven;
        self.hold(came)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.bodies.give_back(self.place, self.is_proven, self.bytes);
    }
}

/// A body as it is read.
pub(super) struct Incoming {
    payload: Payload,
    begun: Instant,
    limit: usize,
    came: BytesMut,
    pub(super) room: Room,
}

impl Incoming {
    /// One of up to `limit` bytes, of which none was read.
    pub(super) fn new(payload: Payload, limit: usize, room: Room) -> Self {
        Self {
            payload,
            begun: Instant::now(),
            limit,
            came: BytesMut::new(),
            room,
        }
    }

    /// Reads on until more than `mark` bytes have come. Whether they have: else the body is whole.
    ///
    /// # Errors
    /// If there is no room for it, or it is too large, comes too slowly, or breaks off.
    pub(super) async fn reads_beyond(&mut self, mark: usize) -> Result<bool, Refusal> {
        while self.came.len() <= mark {
            let deadline = deadline(self.begun, self.came.len());
            let Ok(chunk) = timeout_at(deadline, self.payload.next()).await else {
                return Err(Refusal::too_slow());
            };
            match chunk {
                None => return Ok(false),
                Some(Err(error)) => return Err(Refusal::bad_request(format!("the body cannot be read: {error}"))),
                Some(Ok(chunk)) => {
                    let came = self.came.len().saturating_add(chunk.len());
                    if came > self.limit {
                        return Err(Refusal::too_large(self.limit));
                    }
                    self.room.hold(came)?;
                    self.came.extend_from_slice(&chunk);
                }
            }
        }
        Ok(true)
    }

    /// What came so far.
    pub(super) fn so_far(&self) -> &[u8] {
        &self.came
    }

    /// The whole body, and the room that it takes.
    ///
    /// # Errors
    /// As [`reads_beyond`](Self::reads_beyond).
    pub(super) async fn whole(mut self) -> Result<(Bytes, Room), Refusal> {
        let limit = self.limit;
        while self.reads_beyond(limit).await? {}
        Ok((self.came.freeze(), self.room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 4 << 20;

    fn source(n: u8) -> Account<'static> {
        Account::Source(IpAddr::from([198, 51, 100, n]))
    }

    /// Rooms of this account in which so many bytes have come, and how many of them found room.
    fn held(
        bodies: &Arc<Bodies>,
        account: impl Fn(usize) -> Account<'static>,
        rooms: usize,
        bytes: usize,
    ) -> (Vec<Room>, usize) {
        let mut good = 0;
        let rooms = (0..rooms)
            .map(|n| {
                let mut room = bodies.enter(account(n));
                good += usize::from(room.hold(bytes).is_ok());
                room
            })
            .collect();
        (rooms, good)
    }

    #[test]
    fn what_is_announced_costs_nothing_and_a_beacon_always_finds_room() {
        let bodies = Arc::new(Bodies::new(LARGEST));
        let (_idle, _) = held(&bodies, |_| source(1), 100_000, 0);
        let (_flood, good) = held(&bodies, |_| source(1), 2_000, KEY_WITHIN);
        assert_eq!(good, ACCOUNT / (KEY_WITHIN - FREE), "one source is bounded");
        let (_beacons, good) = held(&bodies, |_| source(1), 1_000, FREE);
        assert_eq!(good, 1_000);
    }

    #[test]
    fn those_without_a_key_leave_room_for_those_with_one() {
        let bodies = Arc::new(Bodies::new(LARGEST));
        let (flood, good) = held(&bodies, |n| source(u8::try_from(n % 256).unwrap()), 40_000, KEY_WITHIN);
        assert!((UNPROVEN / KEY_WITHIN..40_000).contains(&good), "{good}");
        let mut proven = bodies.enter(Account::Key("shop"));
        assert!(proven.hold(LARGEST).is_ok());
        drop((flood, proven));
        let counters = bodies.accounts.iter().chain([&bodies.all, &bodies.unproven]);
        assert!(
            counters.clone().all(|counter| counter.load(Ordering::Relaxed) == 0),
            "what was refused is given back too"
        );
    }

    #[test]
    fn a_key_has_an_account_of_its_own_and_what_was_shown_late_is_counted_there() {
        let bodies = Arc::new(Bodies::new(LARGEST));
        let (_stolen, good) = held(&bodies, |_| Account::Key("stolen"), 40, LARGEST);
        assert_eq!(good, ACCOUNT / (LARGEST - FREE));
        assert!(bodies.enter(Account::Key("good")).hold(LARGEST).is_ok());
        let mut late = bodies.enter(source(9));
        late.hold(KEY_WITHIN).unwrap();
        late.prove("late").unwrap();
        assert_eq!(bodies.unproven.load(Ordering::Relaxed), 0);
        assert!(late.hold(LARGEST).is_ok());
        assert!(late.hold(0).is_ok(), "and given back as it goes");
    }

    #[test]
    fn who_sends_slowly_has_less_time_than_who_sends_much() {
        let begun = Instant::now();
        let allowed = |came| (deadline(begun, came) - begun).as_secs();
        assert_eq!([0, 1_000, 64 << 10, LARGEST].map(allowed), [10, 10, 10, 30]);
    }
}
