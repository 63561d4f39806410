//! What the server does unasked: it removes what has ended, announces what has changed, and reads its file again when that
//! changes.

use std::{path::Path, sync::Arc, time::Duration};

use buckler::clock::Clock;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    config::{ConfigError, ServerConfig},
    hub::{self, Hub},
    moment::Moment,
    owner::Owner,
    profiles::Profiles,
};

/// How often ended entries are removed from lists that nobody asks for.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// What upkeep works with.
pub(crate) struct Upkeep {
    pub(crate) owner: Owner,
    pub(crate) hub: Arc<Hub>,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: ServerConfig,
    pub(crate) reload_every: Duration,
}

/// Runs until it is dropped.
pub(crate) async fn run(upkeep: Upkeep) {
    let Upkeep {
        owner,
        hub,
        profiles,
        clock,
        config,
        reload_every,
    } = upkeep;
    let announce = hub::run(Arc::clone(&hub), owner.clone(), Arc::clone(&clock));
    let reload = reload(&profiles, &*clock, config, reload_every);
    futures_util::future::join3(expire(owner, &hub), announce, reload).await;
}

async fn expire(owner: Owner, hub: &Hub) {
    let mut turns = interval(EXPIRE_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = owner.ask(|store, now| store.expire(now)).await {
            tracing::error!(%error, "what has ended could not be removed");
        }
        hub.touch_all();
    }
}

async fn reload(profiles: &Profiles, clock: &dyn Clock, mut running: ServerConfig, every: Duration) {
    let Some(file) = running.file.clone() else { return };
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
        if !is_settled || std::mem::replace(&mut judged, hash) == hash {
            continue;
        }
        match read(&text, &file, &running, profiles, clock) {
            Ok(Some(next)) => running = next,
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the changed file is refused, what it said before stays in force"),
        }
    }
}

/// Puts the file's profiles in force, if they differ from those that were read last.
fn read(
    text: &str,
    file: &Path,
    running: &ServerConfig,
    profiles: &Profiles,
    clock: &dyn Clock,
) -> Result<Option<ServerConfig>, ConfigError> {
    let mut next = ServerConfig::parse(text, file)?;
    let is_same = next.profiles == running.profiles && next.unassigned_keys == running.unassigned_keys;
    if !is_same {
        profiles.adopt(&next, Moment::read(clock).unix_s())?;
        tracing::info!(file = %file.display(), profiles = next.profiles.len(), "read the changed profiles");
    }
    // `--listen` may have overridden the file
    next.listen.clone_from(&running.listen);
    let bare = |config: &ServerConfig| ServerConfig {
        profiles: std::collections::BTreeMap::new(),
        unassigned_keys: Vec::new(),
        ..config.clone()
    };
    if bare(&next) != bare(running) {
        tracing::warn!("only profiles and keys are read again: what else changed needs a restart");
    }
    Ok((!is_same).then_some(next))
}
