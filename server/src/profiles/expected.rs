//! What is known of a profile's agents before they speak.

use std::{collections::HashMap, sync::Arc};

use super::{LiveProfile, Profiles};

impl Profiles {
    /// The seconds between two beacons of each profile's agents.
    #[must_use]
    pub(crate) fn intervals(&self) -> HashMap<Arc<str>, u64> {
        let set = self.set.load();
        let intervals = set.live.values();
        // an agent that tries a longer one is not late
        let seconds = |live: &LiveProfile| {
            let tried = set.candidates.get(live.name()).map(|candidate| candidate.live());
            let both = std::iter::once(live).chain(tried);
            both.map(|live| live.policy().beacon_delay().as_secs())
                .max()
                .unwrap_or_default()
        };
        intervals.map(|live| (Arc::clone(live.name()), seconds(live))).collect()
    }

    /// The application's name by each profile's configuration, where that gives one.
    #[must_use]
    pub(crate) fn app_names(&self) -> HashMap<Arc<str>, String> {
        let set = self.set.load();
        let named = set.live.values().filter_map(|live| {
            let is_said = live.config().keys().any(|key| key.eq_ignore_ascii_case("APP_NAME"));
            is_said.then(|| (Arc::clone(live.name()), live.policy().app_name().to_owned()))
        });
        named.collect()
    }
}
