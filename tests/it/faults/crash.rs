//! Somebody ends in the middle of something.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use buckler::testing::ManualClock;
use buckler_tests::fault::{Answer, FaultServer, Seen, Step};

use crate::{
    between::between,
    cloud::Cloud,
    rig::{Rig, over_both_transports},
    site::{PATIENCE, Site, settings},
};

over_both_transports! {
    an_actor_panics_in_mid_snapshot,
    the_agent_ends_in_mid_snapshot,
    the_server_ends_in_mid_snapshot,
}

/// Entries of the list; five pages.
const ENTRIES: usize = 45;

/// A server whose list comes in pages, of which all but two are held back until it is told otherwise.
struct Paged {
    cloud: Cloud,
    server: FaultServer,
    held_back: Arc<AtomicBool>,
    pages: Arc<AtomicUsize>,
}

impl Paged {
    fn new() -> Self {
        let cloud = Cloud::with("page_entries = 10");
        for n in 0..ENTRIES {
            cloud.bans(&format!("198.51.100.{n}"));
        }
        let (held_back, pages) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (hold, count) = (Arc::clone(&held_back), Arc::clone(&pages));
        let server = between(&cloud, move |_: &Seen, answer: Answer| {
            if count.fetch_add(1, Ordering::SeqCst) >= 2 && hold.load(Ordering::SeqCst) {
                return Step::Hang;
            }
            answer.into()
        });
        Self {
            cloud,
            server,
            held_back,
            pages,
        }
    }

    /// Waits until the third page is asked for in vain.
    #[track_caller]
    fn is_in_mid_snapshot(&self, site: &Site) {
        site.wait_until("two pages have come", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            self.pages.load(Ordering::SeqCst) > 2
        });
        assert_eq!(site.agent.status().list.shared, 0, "half a list is no list");
    }

    #[track_caller]
    fn comes_to_its_end(&self, site: &Site) {
        self.held_back.store(false, Ordering::SeqCst);
        let expected = self.cloud.admin("GET", "blacklist?limit=1", None)["count"]
            .as_u64()
            .unwrap();
        site.wait_until("the whole list is in force", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            let status = site.agent.status();
            status.list.cursor.is_some() && status.list.shared as u64 == expected
        });
        site.wait_until("it has told so", || self.cloud.is_shared_by(1));
        assert!(site.agent.status().events.balanced());
    }
}

fn an_actor_panics_in_mid_snapshot(rig: Rig) {
    let paged = Paged::new();
    let site = Site::over(rig, settings(&paged.server.url("/config")), &ManualClock::new());
    paged.is_in_mid_snapshot(&site);
    site.agent.crash("BlacklistSync");
    site.wait_until("a new tree stands", || site.agent.status().restarts == 1);
    paged.comes_to_its_end(&site);
}

fn the_agent_ends_in_mid_snapshot(rig: Rig) {
    let (paged, directory) = (Paged::new(), tempfile::tempdir().unwrap());
    let settings = || settings(&paged.server.url("/config")).state_dir(directory.path());
    let site = Site::over(rig, settings(), &ManualClock::new());
    paged.is_in_mid_snapshot(&site);
    // whoever is still at it holds the directory, and the next one would be another agent
    assert!(site.agent.shutdown(PATIENCE).in_time);
    drop(site);
    let site = Site::over(rig, settings(), &ManualClock::new());
    paged.comes_to_its_end(&site);
    assert_eq!(site.get("/", "198.51.100.44"), 403);
}

fn the_server_ends_in_mid_snapshot(rig: Rig) {
    let mut paged = Paged::new();
    let site = Site::over(rig, settings(&paged.server.url("/config")), &ManualClock::new());
    paged.is_in_mid_snapshot(&site);
    paged.cloud.stop();
    paged.cloud.start_again();
    for n in 100..130 {
        paged.cloud.bans(&format!("198.51.100.{n}"));
    }
    paged.comes_to_its_end(&site);
    assert_eq!(
        (site.get("/", "198.51.100.129"), site.get("/", "198.51.100.44")),
        (403, 200)
    );
}
