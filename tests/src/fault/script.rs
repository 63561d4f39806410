//! What the server does with each request.

use std::{collections::VecDeque, fmt};

use super::{Answer, Say, Seen, Upgrade, ws};

/// What becomes of one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// It is answered, well or not.
    Answer(Answer),
    /// It asked for a WebSocket and gets one.
    Upgrade(Upgrade),
    /// It came over a WebSocket, and this is said.
    Say(Vec<Say>),
    /// It is read, and nothing ever comes back; the connection stays open, and a WebSocket goes on.
    Hang,
    /// It is read, and the connection ends in good order without a byte.
    Close,
    /// It is read, and the connection is reset.
    Reset,
}

impl From<Upgrade> for Step {
    fn from(upgrade: Upgrade) -> Self {
        Self::Upgrade(upgrade)
    }
}

impl From<Answer> for Step {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// Says what becomes of each request.
pub struct Script {
    decide: Box<dyn FnMut(&Seen) -> Step + Send>,
    upgrade: Option<Step>,
}

impl Script {
    /// Decides by what was sent: by path, by body, by how often it was asked.
    pub fn by(decide: impl FnMut(&Seen) -> Step + Send + 'static) -> Self {
        Self {
            decide: Box::new(decide),
            upgrade: None,
        }
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

    /// Whoever asks for a WebSocket gets it this way; the rest of the script is for frames and for other requests.
    #[must_use]
    pub fn upgrading(mut self, upgrade: Upgrade) -> Self {
        self.upgrade = Some(upgrade.into());
        self
    }

    /// Whoever asks for a WebSocket gets this instead, as behind a proxy that knows none; the rest of the script is for others.
    #[must_use]
    pub fn refusing(mut self, step: impl Into<Step>) -> Self {
        self.upgrade = Some(step.into());
        self
    }

    pub(super) fn next(&mut self, request: &Seen) -> Step {
        match &self.upgrade {
            Some(step) if ws::is_upgrade(request) => step.clone(),
            _ => (self.decide)(request),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script(…)")
    }
}
