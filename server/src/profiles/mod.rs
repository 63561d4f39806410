//! Profiles in force: found by key, replaced by the admin API or by a changed file, read by everybody without a lock.

mod live;
mod v1;
mod written;

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use arc_swap::ArcSwap;
use buckler::protocol::ConfigMap;
use tokio::sync::watch;

pub(crate) use self::{
    live::{LiveProfile, Served},
    v1::Abilities,
};
use crate::{
    config::{ConfigError, Profile, ServerConfig},
    secret::Secret,
};

/// What a key stands for.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    /// Nothing: 403.
    WrongKey,
    /// An agent without a profile: 404.
    NoProfile,
    /// An agent with this profile.
    Found(Arc<LiveProfile>),
}

/// The profiles in force.
#[derive(Debug)]
pub(crate) struct Profiles {
    set: ArcSwap<ProfileSet>,
    changes: watch::Sender<()>,
}

impl Profiles {
    /// Compiles a configuration's profiles.
    ///
    /// # Errors
    /// If one of them is not valid, or two claim one key.
    pub(crate) fn new(config: &ServerConfig, unix_s: u64) -> Result<Self, ConfigError> {
        Ok(Self {
            set: ArcSwap::from_pointee(ProfileSet::default().next(config, unix_s)?),
            changes: watch::Sender::new(()),
        })
    }

    /// Word whenever what [`Profiles::find`] says may have changed.
    #[must_use]
    pub(crate) fn follow(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The profile of a key, found by its fingerprint: how long that takes tells of a hash, from
    /// which no key can be made.
    #[must_use]
    pub(crate) fn find(&self, asked: &Secret) -> Lookup {
        let set = self.set.load();
        match set
            .keys
            .get(asked)
            .map(|name| name.as_ref().and_then(|name| set.live.get(name)))
        {
            None => Lookup::WrongKey,
            Some(None) => Lookup::NoProfile,
            Some(Some(live)) => Lookup::Found(Arc::clone(live)),
        }
    }

    /// The profile of this name.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<Arc<LiveProfile>> {
        self.set.load().live.get(name).map(Arc::clone)
    }

    /// Every profile, by name.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<Arc<LiveProfile>> {
        self.set.load().live.values().map(Arc::clone).collect()
    }

    /// Takes over what a configuration file says now. A profile that the file has not changed keeps what the admin API made of
    /// it. Nothing changes if anything in it is not valid.
    ///
    /// # Errors
    /// As [`Profiles::new`].
    pub(crate) fn adopt(&self, config: &ServerConfig, unix_s: u64) -> Result<(), ConfigError> {
        self.change(|set| set.next(config, unix_s))
    }

    /// Replaces a profile's configuration until its file changes or the server restarts. `None` if there is no such profile.
    ///
    /// # Errors
    /// If the configuration is not valid.
    pub(crate) fn replace(
        &self,
        name: &str,
        config: &ConfigMap,
        unix_s: u64,
    ) -> Result<Option<Arc<LiveProfile>>, ConfigError> {
        if self.get(name).is_none() {
            return Ok(None);
        }
        self.change(|set| set.with_config(name, config, unix_s))?;
        Ok(self.get(name))
    }

    /// Publishes what `next` makes of the set in force; again, if another change came between.
    fn change(&self, next: impl Fn(&ProfileSet) -> Result<ProfileSet, ConfigError>) -> Result<(), ConfigError> {
        loop {
            let current = self.set.load_full();
            let changed = Arc::new(next(&current)?);
            let before = self.set.compare_and_swap(&current, changed);
            if Arc::ptr_eq(&before, &current) {
                self.changes.send_replace(());
                return Ok(());
            }
        }
    }
}

/// All profiles at one moment.
#[derive(Debug, Clone, Default)]
struct ProfileSet {
    keys: HashMap<Secret, Option<Arc<str>>>,
    live: BTreeMap<Arc<str>, Arc<LiveProfile>>,
    /// What the file said of each when it was read last.
    written: BTreeMap<String, Profile>,
    /// The newest version of any profile, gone ones too.
    newest: u64,
}

impl ProfileSet {
    fn next(&self, config: &ServerConfig, unix_s: u64) -> Result<Self, ConfigError> {
        let mut live = BTreeMap::new();
        let version = self.next_version(unix_s);
        for (name, profile) in &config.profiles {
            let known = self.live.get(name.as_str());
            let next = match known.filter(|_| self.written.get(name) == Some(profile)) {
                Some(unchanged) => Arc::clone(unchanged),
                None => Arc::new(LiveProfile::compile(name, profile, known.map(Arc::as_ref), version)?),
            };
            live.insert(Arc::clone(next.name()), next);
        }
        Ok(Self {
            keys: keys(config)?,
            live,
            written: config.profiles.clone(),
            newest: version,
        })
    }

    /// A version that no profile had: the time in seconds, so that it also rises over a restart.
    fn next_version(&self, unix_s: u64) -> u64 {
        unix_s.max(self.newest + 1)
    }

    fn with_config(&self, name: &str, config: &ConfigMap, unix_s: u64) -> Result<Self, ConfigError> {
        let mut set = self.clone();
        if let Some(known) = self.live.get(name) {
            set.newest = self.next_version(unix_s);
            let next = known.with_config(config, set.newest)?;
            set.live.insert(Arc::clone(next.name()), Arc::new(next));
        }
        Ok(set)
    }
}

/// Every key with the name of its profile.
fn keys(config: &ServerConfig) -> Result<HashMap<Secret, Option<Arc<str>>>, ConfigError> {
    let assigned = config.profiles.iter().flat_map(|(name, profile)| {
        let name: Arc<str> = name.as_str().into();
        profile.keys.iter().map(move |key| (*key, Some(Arc::clone(&name))))
    });
    let unassigned = config.unassigned_keys.iter().map(|key| (*key, None));
    let mut keys = HashMap::new();
    for (key, name) in assigned.chain(unassigned) {
        match keys.entry(key) {
            Entry::Vacant(free) => {
                free.insert(name);
            }
            Entry::Occupied(taken) if *taken.get() == name => {}
            Entry::Occupied(taken) => {
                let shown = |name: &Option<Arc<str>>| name.as_deref().unwrap_or("unassigned_keys").to_owned();
                return Err(ConfigError::SharedKey {
                    first: shown(taken.get()),
                    second: shown(&name),
                });
            }
        }
    }
    Ok(keys)
}
