//! The `Server` header.

use std::{ops::Deref, sync::Arc};

use super::Snapshot;

/// A value for the `Server` header. Dereferences to its text.
#[derive(Debug, Clone)]
pub struct ServerHeader(Arc<Snapshot>);

impl ServerHeader {
    pub(super) const fn of(snapshot: Arc<Snapshot>) -> Self {
        Self(snapshot)
    }
}

impl Deref for ServerHeader {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.policy.server_header().unwrap_or_default()
    }
}
