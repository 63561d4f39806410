//! One agent a host: the workers of a server judge by the agent of the first among them, so that
//! they have their bans, windows and list in common, and one conversation with the cloud server.
//!
//! The process that is asked for an agent first binds a name that its siblings know too, and leads:
//! it has the agent, judges its own requests as ever, and those of its siblings as they are sent to
//! it over a Unix socket, in threads that never touch Python. The others follow: they have no
//! rules, no windows and no thread. The name is an abstract one (Linux), which the kernel frees
//! when its process is gone, however that ended; who finds it so leads from then on. A process that
//! finds the leader stopped goes on alone.
//!
//! Siblings are processes of one parent and one user with the same settings. Who connects, and who
//! is connected to, is asked of the kernel: a name may be bound by anybody.

mod follower;
mod leader;

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            net::{SocketAddr, UnixListener, UnixStream},
            process::parent_id,
        },
    },
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use buckler::protocol::Routes;
use serde_json::Value;

pub(crate) use self::{
    follower::{Checked, Follower},
    leader::Leader,
};
use crate::fork;

/// The longest that a leader is waited for while it starts: it compiles its rules, and may be on a
/// busy machine.
const START: Duration = Duration::from_secs(15);

/// Between two attempts to take a seat: a process that ends closes one thing after another.
const LOOK: Duration = Duration::from_millis(10);
/// How often that is attempted.
const LOOKS: usize = 50;

/// The leader is gone, or stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Its process ended: another may lead.
    Ended,
    /// It does not answer.
    Stopped,
}

/// What this process is among its siblings.
#[derive(Debug)]
pub(crate) enum Seat {
    Leader(UnixListener),
    Follower(Arc<Follower>),
    /// There is nothing to share, or no sibling to share it with.
    Alone,
}

/// Tells the agents of a process apart: its siblings make theirs in the same order.
pub(crate) fn next_number() -> u64 {
    static MADE: AtomicU64 = AtomicU64::new(0);
    MADE.fetch_add(1, Relaxed)
}

/// The name of an agent among siblings: the user's and the parent's, and what the agent is to do.
/// Anybody can read it.
pub(crate) fn name_of(number: u64, platform: &str, said: &str, routes: &Routes) -> String {
    let mut said: Value = serde_json::from_str(said).unwrap_or_default();
    without_secrets(&mut said);
    let routes = serde_json::to_string(routes).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (number, platform, said.to_string(), routes, std::env::current_dir().ok()).hash(&mut hasher);
    let user = rustix::process::geteuid().as_raw();
    format!("buckler-{user}-{}-{:016x}", parent_id(), hasher.finish())
}

/// Takes out what a name must not tell, not even as a hash.
fn without_secrets(said: &mut Value) {
    const SECRET: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];
    match said {
        Value::Object(map) => {
            map.retain(|name, _| {
                let name = name.to_ascii_uppercase();
                !SECRET.iter().any(|word| name.contains(word))
            });
            map.values_mut().for_each(without_secrets);
        }
        Value::Array(list) => list.iter_mut().for_each(without_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An abstract address, which goes with its process. Elsewhere there is none, and nothing is
/// shared.
fn address_of(name: &str) -> Option<SocketAddr> {
    #[cfg(target_os = "linux")]
    return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name).ok();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Takes a seat. What fails makes a process that guards alone.
pub(crate) fn take_seat(name: &str) -> Seat {
    let Some(address) = address_of(name) else {
        return Seat::Alone;
    };
    for _ in 0..LOOKS {
        match UnixListener::bind_addr(&address) {
            Ok(listener) => {
                fork::close_in_children(listener.as_raw_fd());
                return Seat::Leader(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => return Seat::Alone,
        }
        let follower = Follower::of(address.clone());
        match follower.greet(START) {
            Ok(()) => return Seat::Follower(Arc::new(follower)),
            // it is gone, and its name is about to be
            Err(Gone::Ended) => thread::park_timeout(LOOK),
            Err(Gone::Stopped) => return Seat::Alone,
        }
    }
    Seat::Alone
}

/// Whether the process at the other end is this user's.
fn is_ours(stream: &UnixStream) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid());
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        false
    }
}
