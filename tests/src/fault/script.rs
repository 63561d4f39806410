//! What the server does with each request.

use std::{collections::VecDeque, fmt};

use super::{Answer, Seen};

/// What becomes of one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// It is answered, well or not.
    Answer(Answer),
    /// It is read, and nothing ever comes back; the connection stays open.
    Hang,
    /// It is read, and the connection ends in good order without a byte.
    Close,
    /// It is read, and the connection is reset.
    Reset,
}

impl From<Answer> for Step {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// Says what becomes of each request.
pub struct Script(Box<dyn FnMut(&Seen) -> Step + Send>);

impl Script {
    /// Decides by what was sent: by path, by body, by how often it was asked.
    pub fn by(decide: impl FnMut(&Seen) -> Step + Send + 'static) -> Self {
        Self(Box::new(decide))
    }

    /// Does the same with every request.
    pub fn always(step: impl Into<Step>) -> Self {
        let step = step.into();
        Self::by(move |_request| step.clone())
    }

    /// Does one thing after the other, whatever the path; the last for ever. Without any, every request hangs.
    pub fn sequence(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        Self::by(move |_request| {
            let next = if steps.len() > 1 {
                steps.pop_front()
            } else {
                steps.front().cloned()
            };
            next.unwrap_or(Step::Hang)
        })
    }

    pub(super) fn next(&mut self, request: &Seen) -> Step {
        (self.0)(request)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script(…)")
    }
}
