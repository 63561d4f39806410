//! The settings files, looked at now and then: a key or an authority that was mended is in use
//! within seconds, without a restart.
//!
//! Only how the server is reached changes so. Whom to believe, what to guard and where to keep
//! state are the running process's.

use std::{fs, path::PathBuf, time::SystemTime};

use super::estate::Contact;
use crate::{
    notice,
    settings::{Settings, SettingsError},
    transport::TransportFactory,
};

/// Makes the transport that settings name.
pub(crate) type MakeTransport = fn(&Settings) -> Result<Option<TransportFactory>, SettingsError>;

/// The files that settings came from.
pub(crate) struct SettingsWatch {
    settings: Settings,
    make: MakeTransport,
    seen: Vec<(PathBuf, Stamp)>,
}

/// What tells a changed file; `None` for one that is not there.
type Stamp = Option<(SystemTime, u64)>;

impl SettingsWatch {
    /// Watches what these settings were read from; `None` where that was no file.
    pub(crate) fn new(settings: &Settings, make: MakeTransport) -> Option<Self> {
        let seen = stamps(settings);
        (!seen.is_empty()).then(|| Self {
            settings: settings.clone(),
            make,
            seen,
        })
    }

    /// How the server is reached by files that have changed since the last look. Files that cannot
    /// be used change nothing.
    pub(crate) fn look(&mut self) -> Option<Contact> {
        if self.seen.iter().all(|(file, stamp)| stamp_of(file) == *stamp) {
            return None;
        }
        let again = self.settings.read_again();
        let made = again.and_then(|settings| Ok(((self.make)(&settings)?, settings)));
        match made {
            Ok((transport, settings)) => {
                tracing::info!(
                    "settings files changed: the server's URL, the key and the transport are in use as they say now; anything else in \
                     them takes effect when the application starts again"
                );
                let contact = Contact::new(&settings, transport);
                self.settings = settings;
                self.seen = stamps(&self.settings);
                Some(contact)
            }
            Err(error) => {
                notice::error(&format!(
                    "settings files changed and cannot be used, those before stay in force: {error}"
                ));
                self.seen = stamps(&self.settings);
                None
            }
        }
    }
}

fn stamps(settings: &Settings) -> Vec<(PathBuf, Stamp)> {
    let files = settings.files();
    files.into_iter().map(|file| (file.clone(), stamp_of(&file))).collect()
}

fn stamp_of(file: &PathBuf) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
