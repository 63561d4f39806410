//! What the server does unasked: it removes what has ended, announces what has changed, and reads its file again when that
//! changes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_web::web::Data;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use crate::{
    backup,
    config::{ConfigError, ServerConfig},
    http::State,
    hub::{self, Hub},
    journal::backup_in,
    moment::Timeline,
    owner::Owner,
    profiles::Profiles,
    store::StoreError,
    tokens::{Access, Tokens},
};

/// How often ended entries are removed from lists that no agent asks for, and a checkpoint is
/// thought of.
const TICK_EVERY: Duration = Duration::from_secs(1);

/// How often is looked for agents that have said nothing for long: of 100,000 in some milliseconds.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// The most removed keys that are named at once: files have a handful.
const MOST_WARNINGS: usize = 10;

/// What upkeep works with.
pub(crate) struct Upkeep {
    pub(crate) owner: Owner,
    pub(crate) state: Data<State>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) config: ServerConfig,
    pub(crate) reload_every: Duration,
}

/// Runs until it is dropped.
pub(crate) async fn run(upkeep: Upkeep) {
    let Upkeep {
        owner,
        state,
        hub,
        profiles,
        tokens,
        timeline,
        config,
        reload_every,
    } = upkeep;
    let (data_dir, backup_every) = (config.data_dir.clone(), config.backup_every_s.get());
    let backup_every = Duration::from_secs(backup_every.into());
    let forget_after_s = config.agents.forget_after_s.get().into();
    let announce = hub::run(Arc::clone(&hub), owner.clone(), Arc::clone(&timeline));
    let reload = reload((&owner, &profiles, &timeline), config, reload_every);
    let backups = back_up(&owner, data_dir, backup_every);
    let certificates = certificates(&state, &profiles, reload_every);
    let access = watch_access((&owner, &timeline), &profiles, &tokens);
    let turns = tick(&owner, &hub, &state);
    let turns = futures_util::future::join(turns, forget_agents(&owner, &profiles, forget_after_s));
    let kept = futures_util::future::join(certificates, access);
    futures_util::future::join5(turns, announce, reload, backups, kept).await;
}

/// Writes a backup into the data directory now and then.
async fn back_up(owner: &Owner, data_dir: Option<PathBuf>, every: Duration) {
    let Some(data_dir) = data_dir else { return };
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // the first is at once, and what there is to begin with was there before
    turns.tick().await;
    let mut backed_up = None;
    loop {
        turns.tick().await;
        let now = owner.health().position.load(Ordering::Relaxed);
        if backed_up == Some(now) {
            continue;
        }
        let file = backup_in(&data_dir);
        let written = match owner.freeze().await {
            Ok(Some(frozen)) => {
                let file = file.clone();
                spawn_blocking(move || backup::write_whole(&*frozen, &file)).await
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "no backup can be written");
                continue;
            }
        };
        match written {
            Ok(Ok(position)) => {
                // where the rows stand: nodes go on from there, so it must not fall behind what is
                // kept
                backed_up = Some(position);
                owner.share(file, position).await;
            }
            Ok(Err(error)) => tracing::error!(%error, "a backup could not be written"),
            Err(error) => tracing::error!(%error, "a backup was not finished"),
        }
    }
}

async fn tick(owner: &Owner, hub: &Hub, state: &State) {
    let mut turns = interval(TICK_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        owner.tick().await;
        if owner.ask(|_, _| Ok(())).await.is_ok() {
            state.beat();
        }
        hub.touch_all();
    }
}

/// Forgets agents that have said nothing for long.
async fn forget_agents(owner: &Owner, profiles: &Profiles, after_s: u64) {
    let mut turns = interval(FORGET_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let longest = profiles.intervals().into_values().max().unwrap_or_default();
        let forgotten = owner.ask(move |node, now| Ok(node.forget_silent(after_s, longest, now)));
        // a server that is stopping or busy is asked again at the next turn
        let forgotten = forgotten.await.unwrap_or_default();
        if forgotten > 0 {
            tracing::info!(forgotten, after_s, "agents that said nothing any longer are forgotten");
        }
    }
}

/// Reads certificates again when their files change. Those who came with one that is no longer good
/// have to go.
async fn certificates(state: &State, profiles: &Profiles, every: Duration) {
    let Some(tls) = state.tls() else { return };
    let mut turns = interval(every.max(Duration::from_millis(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let looked = Arc::clone(tls);
        let refreshed = spawn_blocking(move || looked.refresh()).await;
        if refreshed.is_ok_and(|is_changed| is_changed) {
            profiles.look_again();
        }
    }
}

/// Ends connections whose keys end, and puts in force what was kept of keys, tokens and profiles by
/// another node, or although who asked for it was told that this is not known.
async fn watch_access((owner, timeline): (&Owner, &Timeline), profiles: &Arc<Profiles>, tokens: &Tokens) {
    let mut turns = interval(TICK_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked = timeline.now().tick;
    let (mut known, mut known_profiles) = (0, 0);
    loop {
        turns.tick().await;
        let now = timeline.now().tick;
        profiles.end(looked, now);
        looked = now;
        let _changing = profiles.changing.lock().await;
        let looking = Arc::clone(profiles);
        let access = owner.ask(move |node, _| {
            looking.follow_credentials(&node.store);
            let is_news = node.store.access_changes() != known;
            Ok(is_news.then(|| Access::of(&node.store)))
        });
        // a server that is stopping or busy is asked again at the next turn
        if let Ok(Some(access)) = access.await {
            known = access.changes;
            access.grant(profiles, tokens);
        }
        let kept = owner.ask(move |node, _| {
            let changes = node.store.profile_changes();
            let is_news = changes != known_profiles;
            Ok(is_news.then(|| {
                let store = &node.store;
                let kept: (Vec<_>, Vec<_>) = (
                    store.profiles().cloned().collect(),
                    store.candidates().cloned().collect(),
                );
                (changes, kept)
            }))
        });
        if let Ok(Some((changes, (kept, candidates)))) = kept.await {
            known_profiles = changes;
            profiles.keep_up(&kept, &candidates);
        }
    }
}

async fn reload(
    (owner, profiles, timeline): (&Owner, &Profiles, &Timeline),
    mut running: ServerConfig,
    every: Duration,
) {
    let Some(file) = running.file.clone() else { return };
    warn_of_removed_keys(owner, profiles, timeline).await;
    let (mut seen, mut judged) = (None, None);
    let mut turns = interval(every.max(Duration::from_millis(1)));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        // a file that is gone is being replaced: it is there again at the next turn, or the running profiles stay
        let Ok(text) = tokio::fs::read_to_string(&file).await else {
            continue;
        };
        let hash = Some(blake3::hash(text.as_bytes()));
        // a file that differs from one turn to the next is still being written
        let is_settled = std::mem::replace(&mut seen, hash) == hash;
        if !is_settled || judged == hash {
            continue;
        }
        match read(&text, &file, &running) {
            Ok((next, true)) => match adopt((owner, profiles, timeline), &next).await {
                Ok(()) => {
                    tracing::info!(file = %file.display(), profiles = next.profiles.len(), "read the changed profiles");
                    running = next;
                }
                // it is tried again at the next turn
                Err(NotAdopted::Store(_)) => continue,
                Err(NotAdopted::Config(error)) => refuse(&error),
            },
            Ok((_, false)) => {}
            Err(error) => refuse(&error),
        }
        judged = hash;
    }
}

fn refuse(error: &ConfigError) {
    tracing::error!(%error, "the changed file is refused, what it said before stays in force");
}

/// Reads a file, and says whether its profiles differ from those that were read last.
fn read(text: &str, file: &Path, running: &ServerConfig) -> Result<(ServerConfig, bool), ConfigError> {
    let mut next = ServerConfig::parse(text, file)?;
    let is_same = next.profiles == running.profiles
        && next.unassigned_keys == running.unassigned_keys
        && next.bouncers == running.bouncers;
    // the program's arguments and defaults may have overridden the file
    next.listen.clone_from(&running.listen);
    next.data_dir.clone_from(&running.data_dir);
    next.memory = running.memory;
    let bare = |config: &ServerConfig| ServerConfig {
        profiles: std::collections::BTreeMap::new(),
        unassigned_keys: Vec::new(),
        bouncers: std::collections::BTreeMap::new(),
        ..config.clone()
    };
    if bare(&next) != bare(running) {
        tracing::warn!("only profiles and keys are read again: what else changed needs a restart");
    }
    Ok((next, !is_same))
}

/// Why changed profiles are not in force.
#[derive(Debug, thiserror::Error)]
enum NotAdopted {
    /// They are not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing can be kept at this moment.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts the file's profiles in force.
async fn adopt(
    (owner, profiles, timeline): (&Owner, &Profiles, &Timeline),
    config: &ServerConfig,
) -> Result<(), NotAdopted> {
    let _changing = profiles.changing.lock().await;
    let mut prepared = profiles.adopt(config, timeline.now().unix_ms)?;
    let commands = std::mem::take(&mut prepared.commands);
    owner.submit(commands, |_, _, _| Ok(())).await?;
    profiles.publish(prepared);
    warn_of_removed_keys(owner, profiles, timeline).await;
    Ok(())
}

/// Says which keys are gone whose agents go on with the credentials that they have brought: a key
/// that was stolen is revoked, not removed alone.
async fn warn_of_removed_keys(owner: &Owner, profiles: &Profiles, timeline: &Timeline) {
    let keys = profiles.keys(timeline.now().tick).into_iter().map(|key| key.id);
    let keys: BTreeSet<Arc<str>> = keys.collect();
    let removed = owner.ask(move |node, _| {
        let in_force = node.store.credentials().filter(|known| known.revoked.is_none());
        let of_removed = in_force.filter(|known| !keys.contains(&known.key));
        Ok(of_removed.map(|known| Arc::clone(&known.key)).collect::<BTreeSet<_>>())
    });
    // a server that is stopping says nothing
    let removed = removed.await.unwrap_or_default();
    for key in removed.iter().take(MOST_WARNINGS) {
        tracing::warn!(
            %key,
            "the file no longer has this key, and agents go on with the credentials that it has brought: to end these as well, \
             bucklerctl keys revoke {key}"
        );
    }
}
