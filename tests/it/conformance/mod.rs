//! What every transport must do, whoever wrote it: one suite, run over each of them, against the real server and against one
//! that loses, repeats and spoils what the real one says.

mod deliver;
mod follow;
mod outlast;

use std::sync::Arc;

use buckler::testing::ManualClock;

use crate::{
    cloud::Cloud,
    rig::Rig,
    site::{DECOY, Site, settings},
};

/// A server and two applications that share its list.
struct Fleet {
    cloud: Cloud,
    clock: Arc<ManualClock>,
    shop: Site,
    blog: Site,
}

impl Fleet {
    /// Two applications in step.
    #[track_caller]
    fn over(rig: Rig, cloud: Cloud) -> Self {
        let url = cloud.url();
        Self::at(rig, cloud, &url)
    }

    /// Two applications that reach the server by this URL.
    #[track_caller]
    fn at(rig: Rig, cloud: Cloud, url: &str) -> Self {
        let clock = ManualClock::new();
        let [shop, blog] = [(); 2].map(|()| Site::over(rig, settings(url), &clock));
        for site in [&shop, &blog] {
            site.wait_until("it is in step", || {
                let status = site.agent.status();
                status.conversation.state == "synced" && status.config.source == "server"
            });
        }
        Self {
            cloud,
            clock,
            shop,
            blog,
        }
    }

    fn sites(&self) -> [&Site; 2] {
        [&self.shop, &self.blog]
    }

    /// Waits until both have the server's list to the last bit, have told everything, and have accounted for it.
    #[track_caller]
    fn converges(&self) {
        self.shop
            .wait_until("both have the server's list", || self.cloud.is_shared_by(2));
        for site in self.sites() {
            site.wait_until("everything is told and accounted for", || {
                let events = site.agent.status().events;
                events.pending == 0 && events.balanced()
            });
        }
    }
}

/// An attack is answered by the one who sees it, whatever becomes of the news.
#[track_caller]
fn attack(site: &Site, source: &str) {
    assert_eq!(site.get(DECOY, source), 403);
}
