//! Profiles in force: found by key, replaced by the admin API or by a changed file, read by everybody without a lock.

mod bouncers;
mod candidate;
mod expected;
mod keys;
mod live;
mod v1;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use buckler::protocol::{ConfigMap, v2::Signature};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

pub(crate) use self::{
    bouncers::BouncerIdent,
    candidate::Candidate,
    keys::{Admitted, KeyView},
    live::{LiveProfile, Served},
    v1::Abilities,
    written::{leave_out_secrets, shown},
};
use self::{
    bouncers::Bouncers,
    candidate::Candidates,
    keys::{Decision, Enrolments, FileKeys, Grants},
};
use crate::{
    config::{ConfigError, Profile, ServerConfig},
    moment::Tick,
    secret::{Fingerprint, Secret},
    store::{AuditNote, CandidateState, Command, KeyState, ProfileState, Store, new_epoch},
    tokens::OF_FILE,
};

/// What a key stands for.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    /// Nothing: 403.
    WrongKey,
    /// An agent without a profile: 404.
    NoProfile,
    /// An agent with this profile.
    Found(Admitted),
}

/// The profiles in force.
#[derive(Debug)]
pub(crate) struct Profiles {
    set: ArcSwap<ProfileSet>,
    grants: ArcSwap<Grants>,
    enrolments: Enrolments,
    /// The store's changes of credentials that are in force here.
    credential_changes: AtomicU64,
    changes: watch::Sender<()>,
    /// Held by who changes them, from the look at what is there to the publication.
    pub(crate) changing: Mutex<()>,
}

/// Profiles that are valid, and in force once they are published.
#[derive(Debug)]
pub(crate) struct Prepared {
    set: ProfileSet,
    /// What the store must keep before.
    pub(crate) commands: Vec<Command>,
}

impl Prepared {
    /// The profile of this name, as it will be.
    pub(crate) fn get(&self, name: &str) -> Option<&LiveProfile> {
        self.set.live.get(name).map(|live| &**live)
    }
}

impl Profiles {
    /// Compiles a configuration's profiles. One that the admin API replaced stays replaced, unless
    /// the file has changed it since; one that says the same as before keeps its version.
    ///
    /// # Errors
    /// If one of them is not valid, or two claim one key.
    pub(crate) fn new(config: &ServerConfig, unix_ms: u64, store: &Store) -> Result<(Self, Vec<Command>), ConfigError> {
        let kept: States = store
            .profiles()
            .map(|kept| (Arc::clone(&kept.name), kept.clone()))
            .collect();
        let mut set = ProfileSet::default().next(config, unix_ms, &kept)?;
        let mut commands = set.commands(&kept);
        commands.extend(set.notes(&commands, &kept));
        let candidates: Vec<CandidateState> = store.candidates().cloned().collect();
        set.follow_candidates(&candidates);
        set.announce(&ProfileSet::default());
        let profiles = Self {
            set: ArcSwap::from_pointee(set),
            grants: ArcSwap::from_pointee(Grants::new(store.keys().cloned().collect(), &Grants::default())),
            enrolments: Enrolments::default(),
            credential_changes: store.credential_changes().into(),
            changes: watch::Sender::new(()),
            changing: Mutex::new(()),
        };
        profiles.enrolments.replace(store.credentials());
        Ok((profiles, commands))
    }

    /// Whether a configuration's profiles can be used.
    ///
    /// # Errors
    /// As [`Profiles::new`].
    pub(crate) fn check(config: &ServerConfig) -> Result<(), ConfigError> {
        ProfileSet::default().next(config, 0, &States::new()).map(drop)
    }

    /// Word whenever what [`Profiles::find`] says may have changed.
    #[must_use]
    pub(crate) fn follow(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The profile of a key, found by its fingerprint: how long that takes tells of a hash, from
    /// which no key can be made.
    #[must_use]
    pub(crate) fn find(&self, asked: &Secret, now: Tick) -> Lookup {
        let fingerprint = asked.fingerprint();
        let (set, grants) = (self.set.load(), self.grants.load());
        let (id, profile, used) = match grants.of(&fingerprint, now) {
            Decision::Over => return Lookup::WrongKey,
            Decision::Granted(granted) => (&granted.state.id, Some(&granted.state.profile), &granted.used),
            Decision::None => match set.keys.get(&fingerprint) {
                Some(key) => (&key.id, key.profile.as_ref(), &key.used),
                None => return self.enrolled(&set, &fingerprint, now),
            },
        };
        used.note(now);
        match profile.and_then(|name| set.live.get(name)) {
            Some(live) => Lookup::Found(Admitted::new(live, id, fingerprint).trying(&set.candidates)),
            None => Lookup::NoProfile,
        }
    }

    /// The agent whose own credential has this fingerprint.
    fn enrolled(&self, set: &ProfileSet, fingerprint: &Fingerprint, now: Tick) -> Lookup {
        let Some(enrolled) = self.enrolments.of(fingerprint, now) else {
            return Lookup::WrongKey;
        };
        match set.live.get(&enrolled.profile) {
            Some(live) => {
                let admitted = Admitted::by_credential(live, &enrolled, *fingerprint);
                Lookup::Found(admitted.trying(&set.candidates))
            }
            None => Lookup::NoProfile,
        }
    }

    /// Takes the credentials that the store has, and no others: some enrolled or were revoked, here
    /// or at another node. To be called where the store is changed.
    pub(crate) fn follow_credentials(&self, store: &Store) {
        let now = store.credential_changes();
        let known = self.credential_changes.swap(now, Ordering::Relaxed);
        if known == now {
            return;
        }
        match store.credentials_since(known) {
            Some(changes) => changes.for_each(|(before, state)| self.enrolments.follow(before, state)),
            None => self.enrolments.replace(store.credentials()),
        }
    }

    /// Every agent key.
    #[must_use]
    pub(crate) fn keys(&self, now: Tick) -> Vec<KeyView> {
        self.grants.load().views(&self.set.load().keys, now)
    }

    /// Puts in force what the admin API decided of keys.
    pub(crate) fn grant(&self, states: Vec<KeyState>) {
        let grants = Grants::new(states, &self.grants.load());
        self.grants.store(Arc::new(grants));
        self.changes.send_replace(());
    }

    /// Tells connections to look their keys up again, if one ended after `since`.
    pub(crate) fn end(&self, since: Tick, now: Tick) {
        if self.grants.load().has_ended(since, now) || self.enrolments.has_ended(since, now) {
            self.changes.send_replace(());
        }
    }

    /// What a certificate with these names admits to: the profile that names it. Where several do,
    /// none has it.
    #[must_use]
    pub(crate) fn of_certificate(&self, names: &[(String, String)]) -> Option<Admitted> {
        let set = self.set.load();
        let naming = set.written.iter().filter(|(_, profile)| {
            let mut subjects = profile.client_subjects.iter();
            subjects.any(|subject| subject.is_of(names))
        });
        let mut named = naming.filter_map(|(name, _)| set.live.get(name.as_str()));
        match (named.next(), named.next()) {
            (Some(one), None) => Some(Admitted::by_certificate(one).trying(&set.candidates)),
            (Some(one), Some(other)) => {
                tracing::debug!(first = %one.name(), second = %other.name(), "two profiles name one certificate");
                None
            }
            (None, _) => None,
        }
    }

    /// The bouncer of this key.
    #[must_use]
    pub(crate) fn bouncer(&self, key: &Secret) -> Option<BouncerIdent> {
        self.set.load().bouncers.get(&key.fingerprint()).cloned()
    }

    /// Has everybody whose credentials may no longer be good looked at again.
    pub(crate) fn look_again(&self) {
        self.changes.send_replace(());
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

    /// What a configuration file says now. A profile whose configuration the file has not changed
    /// keeps what the admin API made of it.
    ///
    /// # Errors
    /// As [`Profiles::new`].
    pub(crate) fn adopt(&self, config: &ServerConfig, unix_ms: u64) -> Result<Prepared, ConfigError> {
        let set = self.set.load();
        let kept = set.states();
        set.next(config, unix_ms, &kept).map(|next| {
            let mut commands = next.commands(&kept);
            commands.extend(next.notes(&commands, &kept));
            Prepared { commands, set: next }
        })
    }

    /// The profiles with another configuration for one of them, which stays until the file changes
    /// it. `None` if there is no such profile.
    ///
    /// # Errors
    /// If the configuration is not valid.
    pub(crate) fn replace(
        &self,
        name: &str,
        (config, signature): (&ConfigMap, Option<Signature>),
        unix_ms: u64,
    ) -> Result<Option<Prepared>, ConfigError> {
        let set = self.set.load();
        let Some(known) = set.live.get(name) else {
            return Ok(None);
        };
        let mut next = ProfileSet::clone(&set);
        next.newest = set.next_version(unix_ms);
        let replaced = known.with_config(config, signature, (next.newest, unix_ms))?;
        next.live.insert(Arc::clone(replaced.name()), Arc::new(replaced));
        Ok(Some(Prepared {
            commands: next.commands(&set.states()),
            set: next,
        }))
    }

    /// The profiles with the file's configuration for one of them, in the place of what the admin
    /// API put there. `None` if the file has no such profile.
    ///
    /// # Errors
    /// If the file's is not valid.
    pub(crate) fn reset(&self, name: &str, unix_ms: u64) -> Result<Option<Prepared>, ConfigError> {
        let set = self.set.load();
        let Some(written) = set.written.get(name) else {
            return Ok(None);
        };
        let mut next = ProfileSet::clone(&set);
        next.newest = set.next_version(unix_ms);
        let of_file = LiveProfile::compile(name, written, None, (next.newest, unix_ms))?;
        next.live.insert(Arc::clone(of_file.name()), Arc::new(of_file));
        Ok(Some(Prepared {
            commands: next.commands(&set.states()),
            set: next,
        }))
    }

    /// Puts in force what was kept of profiles, where this node's file says the same of them as
    /// that of the node that changed them, and has agents try the candidates that were kept.
    pub(crate) fn keep_up(&self, kept: &[ProfileState], candidates: &[CandidateState]) {
        let set = self.set.load();
        let mut next = ProfileSet::clone(&set);
        let mut has_changed = false;
        for kept in kept {
            let Some((live, written)) = set.live.get(&kept.name).zip(set.written.get(&*kept.name)) else {
                continue;
            };
            if live.state() == *kept || written.fingerprint() != kept.file {
                continue;
            }
            match compiled(&kept.name, written, Some(kept), (kept.version, kept.at_ms)) {
                Ok(changed) => {
                    next.newest = next.newest.max(kept.version);
                    next.live.insert(Arc::clone(&kept.name), Arc::new(changed));
                    has_changed = true;
                }
                Err(error) => tracing::error!(%error, "what another node put in force is not valid here"),
            }
        }
        next.follow_candidates(candidates);
        let in_trial = |set: &ProfileSet| set.candidates.values().map(|one| one.state()).collect::<Vec<_>>();
        if has_changed || in_trial(&next) != in_trial(&set) {
            self.publish(Prepared {
                set: next,
                commands: Vec::new(),
            });
        }
    }

    /// Puts what was prepared in force.
    pub(crate) fn publish(&self, mut prepared: Prepared) {
        prepared.set.settle_candidates();
        prepared.set.announce(&self.set.load());
        self.set.store(Arc::new(prepared.set));
        self.changes.send_replace(());
    }
}

/// Profiles as the store keeps them.
type States = BTreeMap<Arc<str>, ProfileState>;

/// All profiles at one moment.
#[derive(Debug, Clone, Default)]
struct ProfileSet {
    keys: FileKeys,
    bouncers: Bouncers,
    live: BTreeMap<Arc<str>, Arc<LiveProfile>>,
    candidates: Candidates,
    /// What the file said of each when it was read last.
    written: BTreeMap<String, Profile>,
    /// The newest version of any profile, gone ones too.
    newest: u64,
}

impl ProfileSet {
    fn next(&self, config: &ServerConfig, unix_ms: u64, kept: &States) -> Result<Self, ConfigError> {
        let mut live = BTreeMap::new();
        let newest = kept.values().map(|kept| kept.version).max();
        let version = self.next_version(unix_ms).max(newest.map_or(0, |newest| newest + 1));
        for (name, profile) in &config.profiles {
            let known = self.live.get(name.as_str());
            let next = match known.filter(|_| self.written.get(name) == Some(profile)) {
                Some(unchanged) => Arc::clone(unchanged),
                None => Arc::new(compiled(name, profile, kept.get(name.as_str()), (version, unix_ms))?),
            };
            live.insert(Arc::clone(next.name()), next);
        }
        let keys = keys::of_file(config, &self.keys)?;
        Ok(Self {
            bouncers: bouncers::of_file(config, &keys)?,
            keys,
            live,
            candidates: self.candidates.clone(),
            written: config.profiles.clone(),
            newest: version,
        })
    }

    /// A version that no profile had: the time in seconds, so that people can read it.
    fn next_version(&self, unix_ms: u64) -> u64 {
        (unix_ms / 1_000).max(self.newest + 1)
    }

    /// Says in the log what is odd in the profiles that `before` did not have.
    fn announce(&self, before: &Self) {
        let is_new = |live: &&Arc<LiveProfile>| {
            let known = before.live.get(live.name());
            known.is_none_or(|known| !Arc::ptr_eq(known, live))
        };
        self.live.values().filter(is_new).for_each(|live| live.announce());
    }

    fn states(&self) -> States {
        let states = self.live.values().map(|live| live.state());
        states.map(|state| (Arc::clone(&state.name), state)).collect()
    }

    /// What makes a store that keeps these profiles keep this set, and the lists of its fleets.
    fn commands(&self, kept: &States) -> Vec<Command> {
        let fleets: BTreeSet<&Arc<str>> = self.live.values().map(|live| live.fleet()).collect();
        let found = fleets.into_iter().map(|fleet| Command::Found {
            fleet: Arc::clone(fleet),
            epoch: new_epoch(),
        });
        let states = self.states();
        let gone = kept.keys().filter(|name| !states.contains_key(*name));
        let gone = gone.map(|name| Command::ForgetProfile { name: Arc::clone(name) });
        let changed = states.values().filter(|state| kept.get(&state.name) != Some(state));
        let changed = changed.cloned().map(Command::Profile);
        found.chain(gone).chain(changed).collect()
    }

    /// What the audit says of changes that come from the file.
    fn notes(&self, commands: &[Command], kept: &States) -> Vec<Command> {
        let version = |name: &str| {
            kept.get(name)
                .map(|kept| json!({"version": kept.version}))
                .unwrap_or_default()
        };
        let note = |name: &Arc<str>, fleet: Option<&Arc<str>>, new: Value| AuditNote {
            who: OF_FILE.into(),
            tail: String::new(),
            from: None,
            fleet: fleet.cloned(),
            action: "profile.file".to_owned(),
            target: name.to_string(),
            old: version(name),
            new,
        };
        let notes = commands.iter().filter_map(|command| {
            if let Command::Profile(state) = command {
                let fleet = self.live.get(&state.name).map(|live| live.fleet());
                return Some(note(&state.name, fleet, json!({"version": state.version})));
            }
            if let Command::ForgetProfile { name } = command {
                return Some(note(name, None, Value::Null));
            }
            None
        });
        notes.map(Box::new).map(Command::Audit).collect()
    }
}

/// A profile of the file, or what the admin API put in its place before and the file has not
/// changed since.
fn compiled(
    name: &str,
    profile: &Profile,
    kept: Option<&ProfileState>,
    next: (u64, u64),
) -> Result<LiveProfile, ConfigError> {
    let unchanged = kept.filter(|kept| kept.file == profile.fingerprint());
    if let Some(kept) = unchanged
        && let Some(replaced) = &kept.replaced
    {
        let with_theirs = Profile {
            config: replaced.clone(),
            ..profile.clone()
        };
        match LiveProfile::compile(name, &with_theirs, Some(kept), next) {
            Ok(live) => return Ok(live.replaced(kept)),
            Err(error) => tracing::error!(
                profile = name,
                %error,
                "what the admin API put in this profile's place is no longer valid: the file's is active"
            ),
        }
    } else if kept.is_some_and(|kept| kept.replaced.is_some()) {
        tracing::warn!(
            profile = name,
            "the file has changed this profile since the admin API replaced its configuration: the file's is active"
        );
    }
    LiveProfile::compile(name, profile, unchanged, next)
}

#[cfg(test)]
mod tests;
