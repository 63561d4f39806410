//! Judging a request's head: here, or by a sibling's agent. Whether there is a route is asked of
//! the framework where that matters.

use pyo3::prelude::*;

#[cfg(unix)]
use crate::shared::{Checked, Follower, Gone};
use crate::{live::Served, refusal::Refusal, request::Request};

/// Tells whether the application has a route for what a request came from.
#[derive(Clone, Copy)]
pub(crate) struct Resolve<'a, 'py> {
    pub(crate) resolve: &'a Bound<'py, PyAny>,
    pub(crate) source: Option<&'a Bound<'py, PyAny>>,
}

impl Resolve<'_, '_> {
    /// Asks the framework.
    ///
    /// # Errors
    /// Where it fails.
    pub(crate) fn call(&self) -> PyResult<bool> {
        self.resolve.call1((self.source,))?.is_truthy()
    }
}

/// Judges a request by an agent of this process.
///
/// # Errors
/// Where the framework fails to say whether there is a route.
pub(crate) fn check_here(
    py: Python<'_>,
    served: &Served,
    request: &Request,
    resolve: Option<Resolve<'_, '_>>,
) -> PyResult<Option<Refusal>> {
    if let Some(resolve) = resolve
        && served.guard.is_decoy(request.path_text())
    {
        request.found_route(resolve.call()?);
    }
    Ok(request.viewed(py, |view| served.check(view)))
}

/// Judges a request by a sibling's agent, and notes what that will need of it.
///
/// # Errors
/// Where the framework fails to say whether there is a route.
#[cfg(unix)]
pub(crate) fn ask(
    py: Python<'_>,
    sibling: &Follower,
    request: &Request,
    resolve: &mut Option<Resolve<'_, '_>>,
) -> PyResult<Result<Option<Refusal>, Gone>> {
    let mut checked = request.viewed(py, |view| sibling.check(view, resolve.is_some()));
    if let Ok(Checked::AsksForRoute) = checked
        && let Some(resolve) = resolve.take()
    {
        request.found_route(resolve.call()?);
        checked = request.viewed(py, |view| sibling.check(view, false));
    }
    Ok(match checked {
        Ok(Checked::Judged { refusal, body, answers }) => {
            request.found_wanted(body, answers);
            Ok(refusal)
        }
        // it was told: what asks again is no leader
        Ok(Checked::AsksForRoute) => Err(Gone::Stopped),
        Err(gone) => Err(gone),
    })
}
