//! How the configuration comes to be another: at the start, by what an earlier run has left, and
//! then by what the server sends.

use std::sync::Arc;

use super::{Configuration, DISK, Rejected};
use crate::{
    model::{
        policy::{PolicyError, config_hash},
        signing::{Believed, Kept, Mode, SigningError},
    },
    notice,
    protocol::v2::{ConfigState, ConfigUpdate},
    store::Times,
};

/// What became of a configuration of the server's.
pub(crate) enum Taken {
    /// It is not believed, and whether that is news.
    Doubted(SigningError, bool),
    /// It does not compile.
    Refused(PolicyError),
    /// It was in force, and has another version from now on; whether another signature too.
    Renamed { is_signed_again: bool },
    /// It is in force on trial.
    OnTrial,
}

impl Configuration {
    /// Begins with what an earlier run has left: what did not work, what was believed, and the
    /// configuration that worked last. Gives what is to be kept where that is news.
    pub(crate) fn begin(
        &mut self,
        rejected: Option<Rejected>,
        believed: Option<&Kept>,
        config: Option<ConfigUpdate>,
    ) -> Option<Kept> {
        self.rejected = rejected;
        if let Some(believed) = believed {
            self.resume(believed);
        }
        if let Some(config) = config {
            self.restore(config);
        }
        self.kept().filter(|kept| believed != Some(kept))
    }

    /// Takes a configuration of the server's, where it is believed and compiles. `keep` writes down
    /// what is believed from now on, before anything is in force: nothing older is believed after a
    /// restart.
    pub(crate) fn take(&mut self, update: ConfigUpdate, now: Times, keep: impl FnOnce(&Kept)) -> Taken {
        let before = self.kept();
        if let Err(error) = self.believe(&update, now.unix.as_secs()) {
            let is_news = self.doubt(&update, &error);
            return Taken::Doubted(error, is_news);
        }
        if let Some(kept) = self.kept().filter(|kept| before.as_ref() != Some(kept)) {
            keep(&kept);
        }
        match self.compile(Some(&update)) {
            Ok(policy) if self.is_in_force(&update.hash) => {
                let known = self.server.as_ref();
                let is_signed_again = known.is_some_and(|known| known.signature != update.signature);
                self.rename(update, Arc::new(policy));
                Taken::Renamed { is_signed_again }
            }
            Ok(policy) => {
                self.try_out(update, Arc::new(policy), now.elapsed);
                Taken::OnTrial
            }
            Err(error) => {
                self.reject(&update, ConfigState::Failed, error.to_string());
                Taken::Refused(error)
            }
        }
    }

    /// Takes over the server's configuration from an earlier run, where it still compiles. It was
    /// good then, and is not on trial.
    fn restore(&mut self, mut config: ConfigUpdate) {
        if self.trust.mode != Mode::Off {
            config.hash = config_hash(&config.body);
        }
        let believed = self.believed.clone();
        // what was believed last did not work here, so that the one before it was in force again
        if self
            .rejected
            .as_ref()
            .is_some_and(|rejected| rejected.hash == believed.hash)
        {
            (self.believed.version, self.believed.hash) = (0, String::new());
        }
        // one that was good stays so when its time is over
        let judged = self.believe(&config, 0);
        let order = |believed: &Believed| (believed.keys.version(), believed.version);
        if order(&believed) >= order(&self.believed) {
            self.believed = believed;
        }
        if let Err(error) = judged {
            notice::warn(&format!(
                "the saved configuration is not believed: waiting for the server's: {error}"
            ));
            return;
        }
        match self.compile(Some(&config)) {
            Ok(policy) => {
                tracing::info!(
                    version = config.version,
                    "Loading configuration from disk: the server's, as it was last"
                );
                self.policy = Arc::new(policy);
                self.source = DISK;
                self.server = Some(config);
            }
            Err(error) => {
                notice::warn(&format!(
                    "the saved configuration does not compile any more: waiting for the server's: {error}"
                ));
            }
        }
    }

    /// Takes over what an earlier run believed, where the host has the same keys pinned: nothing
    /// older is believed, whatever became of the configuration itself.
    fn resume(&mut self, kept: &Kept) {
        if let Some(believed) = self.trust.resume(kept).filter(|_| self.trust.mode != Mode::Off) {
            self.believed = believed;
        }
    }
}
