//! The kill switch: `agent.enforce`, and a file that switches enforcement off while it exists. It is the host's alone: nothing that a
//! server says can turn it either way.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use super::safety::Limits;
use crate::{notice, settings::AgentSettings, status::Enforcement};

/// What decides whether anything is refused at all.
pub(crate) struct KillSwitch {
    enforce: bool,
    file: Option<PathBuf>,
}

impl KillSwitch {
    /// Whether anything is to be refused, by a look at the file; says so in the log where it has changed.
    pub(crate) fn look(&self, before: &Enforcement, now: Duration) -> Enforcement {
        let reason = self.reason(before);
        if reason.is_some() == before.reason.is_some() {
            return before.clone();
        }
        match &reason {
            Some(reason) => {
                notice::warn(&format!(
                    "enforcement is off: every request passes, and what is found is only logged: {reason}"
                ));
            }
            None => tracing::warn!("enforcement is on again"),
        }
        Enforcement {
            state: if reason.is_some() { "off" } else { "on" },
            since: now,
            reason,
        }
    }

    fn reason(&self, before: &Enforcement) -> Option<String> {
        if !self.enforce {
            return Some("agent.enforce is false".to_owned());
        }
        let file = self.file.as_deref()?;
        exists(file)
            .unwrap_or_else(|| before.reason.is_some())
            .then(|| format!("{} exists", file.display()))
    }
}

/// Whether the file is there; none where the disk does not say, and all stays as it was.
fn exists(file: &Path) -> Option<bool> {
    match file.symlink_metadata() {
        Ok(_) => Some(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Some(false),
        Err(error) => {
            tracing::debug!(file = %file.display(), %error, "the kill switch cannot be looked at");
            None
        }
    }
}

impl From<&AgentSettings> for KillSwitch {
    fn from(settings: &AgentSettings) -> Self {
        Self::from(&Limits::from(settings))
    }
}

impl From<&Limits> for KillSwitch {
    fn from(limits: &Limits) -> Self {
        Self {
            enforce: limits.enforce,
            file: limits.kill_switch_file.clone(),
        }
    }
}
