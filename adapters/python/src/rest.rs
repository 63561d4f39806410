//! The rest of a request's body whose beginning passed, as Python holds it.

#[cfg(unix)]
use std::sync::Arc;

use buckler::guard;
use pyo3::{prelude::*, types::PyBytes};

#[cfg(unix)]
use crate::{
    arguments::gone,
    shared::{Follower, Gone},
};
use crate::{
    head::Resolve,
    live::{By, Live},
    refusal::Refusal,
    request::Request,
};

/// The rest of a request's body whose beginning passed, as far as the guard has seen it.
#[pyclass(module = "buckler._buckler")]
#[derive(Debug)]
pub(crate) struct BodyRest(Kept);

/// Where what was seen is kept.
#[derive(Debug)]
enum Kept {
    Here(guard::BodyRest),
    /// At a sibling's, by number.
    #[cfg(unix)]
    There {
        number: u64,
        is_over: bool,
        sibling: Arc<Follower>,
    },
}

#[pymethods]
impl BodyRest {
    /// Whether nothing more of the body is looked at.
    #[getter]
    fn is_over(&self) -> bool {
        match &self.0 {
            Kept::Here(rest) => rest.is_over(),
            #[cfg(unix)]
            Kept::There { is_over, .. } => *is_over,
        }
    }
}

impl BodyRest {
    pub(crate) const fn own(rest: guard::BodyRest) -> Self {
        Self(Kept::Here(rest))
    }

    /// What a sibling keeps by this number; 0 is nothing.
    #[cfg(unix)]
    pub(crate) fn of_sibling(sibling: &Arc<Follower>, number: u64) -> Option<Self> {
        (number != 0).then(|| {
            Self(Kept::There {
                number,
                is_over: false,
                sibling: Arc::clone(sibling),
            })
        })
    }

    /// Judges a piece.
    ///
    /// # Errors
    /// Where the agent that has seen what was before it is gone.
    pub(crate) fn check(
        &mut self,
        live: &Live,
        request: &Request,
        resolve: Option<Resolve<'_, '_>>,
        piece: &Bound<'_, PyBytes>,
        is_end: bool,
    ) -> PyResult<Option<Refusal>> {
        let (py, piece) = (piece.py(), piece.as_bytes());
        Ok(match (&mut self.0, live.by()) {
            (Kept::Here(rest), By::Own { served, .. }) => request.viewed_with(py, resolve, piece.len(), |view| {
                served.check_body_rest(view, rest, piece, is_end)
            }),
            #[cfg(unix)]
            (
                Kept::There {
                    number,
                    is_over,
                    sibling,
                },
                _,
            ) => {
                let judged = request.sent(py, resolve, |sent| {
                    sibling.check_body_rest(sent, *number, piece, is_end)
                });
                // until it is known to go on
                *is_over = true;
                let (refusal, ended) = judged.map_err(gone)?;
                *is_over = ended;
                refusal
            }
            #[cfg(unix)]
            (Kept::Here(_), By::Sibling(_)) => return Err(gone(Gone::Ended)),
        })
    }
}

impl Drop for BodyRest {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Kept::There {
            number,
            is_over: false,
            sibling,
        } = &self.0
        {
            sibling.end_rest(*number);
        }
    }
}
