//! What survives a restart of the process: ids, the last configuration that worked, the list with its cursor, own bans, and
//! events that were not acknowledged. On disk under the state directory, or nowhere where none is set.
//!
//! Small things are in a database (redb), the list in [a file of its own](list_file) beside it; [`slot`] says which files there
//! are. Times on disk are Unix seconds.
//!
//! Nothing here ever fails the host. A disk that fails turns the store to memory, with one warning and a line in the status;
//! every minute it is tried again, and when it works, all that is in memory is written anew. A file that makes no sense is set
//! aside, and the generation before it is used. Since no stream of events is ever continued by another process, an older
//! generation can repeat events, which the server notices, and never give two events one number.

mod faults;
#[cfg(feature = "testing")]
mod inspect;
mod list_file;
mod lists;
mod load;
mod network;
mod opening;
mod saving;
mod seal;
mod slot;
mod tables;
mod times;
mod trouble;

use std::{
    cell::{Cell, RefCell},
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use redb::{Database, Durability, WriteTransaction};
use uuid::Uuid;

pub(crate) use self::{faults::Faults, load::SavedList, seal::Seal, times::Times};
#[cfg(feature = "testing")]
pub use self::{
    faults::{DiskFault, DiskFaults},
    inspect::StateFiles,
};
use self::{
    lists::{Job, Lists},
    network::NetworkKey,
    slot::{Opened, Place},
    tables::{
        AGENT_ID, BANNED, BELIEVED, CONFIG, CONFIG_PLAIN, CONFIRMED, CREDENTIAL, EVENTS, SAFETY, forget, put, put_bans,
        put_changes, put_events,
    },
    trouble::Trouble,
};
use crate::{
    actors::credential::Credential,
    clock::Clock,
    model::{
        blacklist::{Scope, SharedList},
        outbox::Left,
        signing::Kept,
    },
    protocol::v2::{ConfigUpdate, Event},
    status::{StoreMode, StoreState},
};

/// Rises when a table changes its meaning. A file of a newer schema is set aside.
const SCHEMA: u32 = 1;
/// An end that never comes, on disk.
const FOR_EVER: u64 = u64::MAX;
/// How long a disk that failed is left alone.
const RETRY: Duration = Duration::from_mins(1);
/// Seconds between two times that the list was confirmed, on disk: it tells a list of yesterday from one of last week.
const CONFIRMED_EVERY_S: u64 = 60;

/// A network and when its entry ends, in Unix seconds; `None` is never.
pub(crate) type SavedEntry = (IpNet, Option<u64>);

/// The store; it belongs to the agent's thread.
pub(crate) struct Store {
    home: Option<Home>,
    /// Which files are this process'; kept while the disk does not work, so that no other process takes them.
    place: RefCell<Option<Place>>,
    /// `None`: the disk does not work.
    database: RefCell<Option<Database>>,
    lists: RefCell<Lists>,
    /// When the disk, or the list on it, is tried again.
    retry_at: Cell<Option<Duration>>,
    /// Whether what was on disk is in memory too, so that it may be written over.
    is_known: Cell<bool>,
    confirmed: Cell<Option<u64>>,
    safety: RefCell<Option<serde_json::Value>>,
}

/// Where state is kept.
pub(crate) struct Home {
    pub(crate) directory: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    /// The store's line of the status.
    pub(crate) line: Arc<ArcSwap<StoreState>>,
    pub(crate) faults: Faults,
    pub(crate) seal: Seal,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) credential: Credential,
    pub(crate) config: Option<ConfigUpdate>,
    /// What was believed last of signed configurations.
    pub(crate) believed: Option<Kept>,
    pub(crate) list: Option<SavedList>,
    pub(crate) banned: Vec<SavedEntry>,
    /// When the server last confirmed the list, in Unix seconds.
    pub(crate) confirmed: Option<u64>,
    /// Events that earlier processes left, by stream, the oldest first.
    pub(crate) left: Vec<Left>,
    /// The breaker's state.
    pub(crate) safety: Option<serde_json::Value>,
}

/// All that is in memory, to be written anew.
pub(crate) struct Everything {
    pub(crate) agent_id: Uuid,
    pub(crate) credential: Credential,
    pub(crate) config: Option<ConfigUpdate>,
    /// What was believed last; `None` where no signature is looked at.
    pub(crate) believed: Option<Kept>,
    pub(crate) banned: Vec<SavedEntry>,
    pub(crate) left: Vec<Left>,
}

/// What the store needs from its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The disk is to be tried again: call [`Store::reopen`].
    Everything,
    /// The list is to be written again: call [`Store::rewrite_list`].
    List,
}

#[cfg(test)]
mod tests;
