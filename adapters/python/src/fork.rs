//! What the operating system is asked for besides Rust's library: to be told of forks, and to keep signals off a thread.
//!
//! Servers fork their workers, some of them after the application was loaded (`--preload`, uWSGI). Only the thread that forks lives on
//! in the child: the agent's is gone, and what it was at is half done. So a child never uses an agent of its parent's, not even to
//! drop it; it starts its own. Python can tell of forks too, but only of those that it makes itself, and uWSGI forks behind its back.

#![cfg_attr(
    unix,
    expect(unsafe_code, reason = "three functions of the C library have no safe form")
)]

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

/// Forks between the process that loaded this module and this one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Which process this is, among those that came of one another by forks.
pub(crate) fn generation() -> u64 {
    FORKS.load(Relaxed)
}

/// Sockets that children must not keep, by their descriptors: a name would outlive the process that
/// has it. As many as a process has agents, and more; no lock, which a fork might find held.
static CLOSED: [AtomicI32; 32] = [const { AtomicI32::new(NONE) }; 32];

/// No descriptor.
const NONE: i32 = -1;

/// Has a socket closed in every process that is forked from here.
pub(crate) fn close_in_children(descriptor: i32) {
    let is_taken = |place: &AtomicI32| place.compare_exchange(NONE, descriptor, Relaxed, Relaxed).is_ok();
    CLOSED.iter().any(is_taken);
}

/// The socket is about to be closed here: another may have its descriptor then.
pub(crate) fn closes(descriptor: i32) {
    for place in &CLOSED {
        // whether it stood here makes no difference
        place
            .compare_exchange(descriptor, NONE, Relaxed, Relaxed)
            .unwrap_or_default();
    }
}

/// Begins to count forks.
pub(crate) fn watch() {
    #[cfg(unix)]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler is a function of this module, which Python never unloads, and does what a child may do before it
            // has called exec: it writes atomic words and closes descriptors.
            let failed = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
            if failed != 0 {
                tracing::error!(
                    code = failed,
                    "forks cannot be noticed: processes forked from here stay unguarded"
                );
            }
        });
    }
}

#[cfg(unix)]
extern "C" fn forked() {
    FORKS.fetch_add(1, Relaxed);
    for place in &CLOSED {
        let descriptor = place.swap(NONE, Relaxed);
        if descriptor != NONE {
            // SAFETY: the child's copy of a socket that nothing in the child uses: what has it is
            // the parent's, and never touched.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Does work that starts threads, which will leave the process's signals to the host's own threads.
///
/// A server that waits for SIGTERM in its main thread must not have it delivered to one of ours instead.
pub(crate) fn without_signals<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _restored = blocked();
    work()
}

/// Blocks every signal but those that tell of a fault of the very thread, until the value is dropped.
#[cfg(unix)]
fn blocked() -> Option<Restore> {
    /// To block these while they are raised by a fault is undefined.
    const FAULTS: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset` makes a whole set of `set`, which is then only changed by `sigdelset`; `pthread_sigmask` reads it, and
    // makes a whole set of `before` where it succeeds, which is the only case in which that is read.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in FAULTS {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        let failed = libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), before.as_mut_ptr());
        (failed == 0).then(|| Restore(before.assume_init()))
    }
}

/// The signals that were blocked before.
#[cfg(unix)]
struct Restore(libc::sigset_t);

#[cfg(unix)]
impl Drop for Restore {
    fn drop(&mut self) {
        // SAFETY: the set is the one that this thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}
