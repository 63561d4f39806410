//! Judging a request's head: here, or by a sibling's agent. What route there is, is asked of the
//! framework where that matters.

use pyo3::{prelude::*, types::PyString};

#[cfg(unix)]
use crate::shared::{Checked, Follower, Gone};
use crate::{live::Served, refusal::Refusal, request::Request};

/// Tells the application's route for what a request came from.
#[derive(Clone, Copy)]
pub(crate) struct Resolve<'a, 'py> {
    resolve: &'a Bound<'py, PyAny>,
    source: Option<&'a Bound<'py, PyAny>>,
}

/// A [`Resolve`] that waits for the interpreter's lock.
pub(crate) struct Unbound {
    resolve: Py<PyAny>,
    source: Option<Py<PyAny>>,
}

impl Unbound {
    /// Has it asked for, by who holds the lock.
    pub(crate) fn with<T>(&self, py: Python<'_>, ask: impl FnOnce(Resolve<'_, '_>) -> T) -> T {
        ask(Resolve {
            resolve: self.resolve.bind(py),
            source: self.source.as_ref().map(|source| source.bind(py)),
        })
    }
}

/// What the framework says of a request's route.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) is_route: bool,
    pub(crate) pattern: Option<Box<str>>,
}

impl<'a, 'py> Resolve<'a, 'py> {
    /// Of a call's arguments.
    pub(crate) fn of(resolve: Option<&'a Bound<'py, PyAny>>, source: Option<&'a Bound<'py, PyAny>>) -> Option<Self> {
        resolve.map(|resolve| Self { resolve, source })
    }

    /// The same without the interpreter's lock.
    pub(crate) fn unbound(self) -> Unbound {
        Unbound {
            resolve: self.resolve.clone().unbind(),
            source: self.source.map(|source| source.clone().unbind()),
        }
    }

    /// Asks the framework, which answers with the route's pattern, or whether there is one.
    ///
    /// # Errors
    /// Where it fails.
    pub(crate) fn call(&self) -> PyResult<Found> {
        let said = self.resolve.call1((self.source,))?;
        let pattern: Option<Box<str>> = match said.cast::<PyString>() {
            Ok(pattern) => Some(pattern.to_string_lossy().into()),
            Err(_) => None,
        };
        Ok(Found {
            is_route: said.is_truthy()?,
            pattern: pattern.filter(|pattern| !pattern.is_empty()),
        })
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
    Ok(request.viewed(py, resolve, |view| served.check(view)))
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
    resolve: Option<Resolve<'_, '_>>,
) -> PyResult<Result<Option<Refusal>, Gone>> {
    let mut checked = request.sent(py, resolve, |sent| sibling.check(sent, resolve.is_some()));
    if let Ok(Checked::AsksForRoute) = checked
        && let Some(resolve) = resolve
    {
        request.found_route(resolve.call()?);
        checked = request.sent(py, Some(resolve), |sent| sibling.check(sent, false));
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
