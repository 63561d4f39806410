//! Judging by the agent of a sibling, and going on where that one is gone.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use pyo3::{exceptions::PyRuntimeError, prelude::*};

use super::Agent;
use crate::{
    head::{Resolve, ask, check_here},
    live::{By, Live},
    refusal::Refusal,
    request::Request,
    shared::Gone,
};

impl Agent {
    /// Judges a request by a sibling's agent. Where that is gone another leads, maybe this process;
    /// where it is stopped, it goes on alone.
    pub(super) fn check_among_siblings(
        &self,
        py: Python<'_>,
        mut live: Arc<Live>,
        request: &Request,
        resolve: Option<Resolve<'_, '_>>,
    ) -> PyResult<Option<Refusal>> {
        /// One may end while another is asked for.
        const ATTEMPTS: usize = 3;
        for _ in 0..ATTEMPTS {
            let sibling = match live.by() {
                By::Own { served, .. } => return check_here(py, served, request, resolve),
                By::Sibling(sibling) => sibling,
            };
            match ask(py, sibling, request, resolve)? {
                Ok(refusal) => {
                    if self.settings.cloud().is_none() {
                        sibling.note_bans();
                    }
                    return Ok(refusal);
                }
                Err(Gone::Stopped) => {
                    if !self.is_alone.swap(true, Relaxed) {
                        tracing::warn!(
                            "the agent of this host does not answer: this process has one of its own from here on"
                        );
                    }
                }
                Err(Gone::Ended) => {}
            }
            let before = self.live.compare_and_swap(&live, None);
            if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &live)) {
                self.start.give_up();
            }
            let noted = sibling.noted_bans();
            live = self.running(py)?;
            if let Some(noted) = noted {
                py.detach(|| live.take_over(&noted));
            }
        }
        Err(PyRuntimeError::new_err(
            "no process of this host keeps the agent for long",
        ))
    }
}
