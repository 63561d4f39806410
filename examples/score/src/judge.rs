//! Runs a request through the detectors.

use std::error::Error;

use buckler::{
    clock::{Clock as _, SystemClock},
    model::{
        detect::{CERTAIN, Detectors},
        places::{self, Field},
    },
};
use serde::Serialize;

use crate::corpus::{Request, Row};

/// What became of a request.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict<'r> {
    pub(crate) id: &'r str,
    pub(crate) verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<String>,
    pub(crate) micros: f64,
}

/// The detectors, and a clock.
pub(crate) struct Judge {
    detectors: Detectors,
    clock: SystemClock,
    runs: usize,
}

/// What refused a request.
struct Found {
    rule: String,
    place: String,
}

impl Judge {
    pub(crate) fn new(runs: usize) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            detectors: Detectors::standard()?,
            clock: SystemClock::new(),
            runs: runs.max(1),
        })
    }

    pub(crate) fn verdict<'r>(&self, row: &'r Row) -> Verdict<'r> {
        let mut found = None;
        let mut micros = f64::INFINITY;
        for _ in 0..self.runs {
            let start = self.clock.elapsed();
            found = self.look(&row.request);
            let taken = self.clock.elapsed().saturating_sub(start);
            micros = micros.min(taken.as_secs_f64() * 1e6);
        }
        let (rule, place) = found.map_or((None, None), |found| (Some(found.rule), Some(found.place)));
        Verdict {
            id: &row.id,
            verdict: if rule.is_some() { "block" } else { "pass" },
            rule,
            place,
            micros,
        }
    }

    /// The first finding that refuses the request.
    fn look(&self, request: &Request) -> Option<Found> {
        let mut found = None;
        let mut visit = |field: &Field<'_>| {
            let caught = self
                .detectors
                .look(field)
                .filter(|caught| caught.finding.score >= CERTAIN);
            found = caught.map(|caught| Found {
                rule: format!("{}/{}", caught.family, caught.finding.rule),
                place: field.place.to_string(),
            });
            found.is_none()
        };
        split(request, &mut visit);
        found
    }
}

/// Visits all of a request, until one has seen enough.
fn split(request: &Request, visit: &mut dyn FnMut(&Field<'_>) -> bool) {
    let mut goes_on = true;
    let mut visit = |field: &Field<'_>| {
        goes_on = goes_on && visit(field);
        goes_on
    };
    let (path, query) = request.uri.split_once('?').unwrap_or((&request.uri, ""));
    places::path(path, &mut visit);
    places::query(query, &mut visit);
    for (name, value) in &request.headers {
        places::header(name, value.as_bytes(), &mut visit);
    }
    let content_type = request.headers.iter().find(|(name, _)| name == "content-type");
    let content_type = content_type.map_or("", |(_, value)| value);
    if !request.body.is_empty() {
        places::body(content_type, &request.body, &mut visit);
    }
}
