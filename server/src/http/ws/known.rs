//! What a connection knows of its agent, from the last exchange and from what was pushed since: all that a push depends on.

use buckler::protocol::v2::{ConfigCursor, ConfigStatus, ListCursor};
use bytestring::ByteString;
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::frames::pull_now;
use crate::{
    hub::{Due, Ring},
    list::Head,
    moment::Moment,
    profiles::Admitted,
};

/// What an agent was told of the list.
#[derive(Debug)]
pub(super) struct Told {
    /// Where that leads it.
    head: Head,
    /// The revision that it was answered last.
    answered: u64,
    /// It was told to ask: it is pushed nothing until it does.
    must_ask: bool,
}

impl Told {
    /// The agent was answered, and that leads to `head`.
    pub(super) fn by_answer(head: &Head) -> Self {
        Self {
            answered: head.rev,
            head: head.clone(),
            must_ask: false,
        }
    }

    /// Where the agent will be when it reads the answer, if pushes crossed with its message: what it says it has is where it
    /// was before them. Had it refused one of them, it would say so in its next message, whose answer counts from there.
    pub(super) fn on_its_way(&self, has: &ListCursor) -> Option<ListCursor> {
        let crossed = *has.epoch == *self.head.epoch && (self.answered..self.head.rev).contains(&has.rev);
        crossed.then(|| self.head.cursor())
    }

    /// What follows, as a push, and since when there is what it carries.
    ///
    /// # Errors
    /// What serde says, which for text and numbers is nothing.
    pub(super) fn due(
        &mut self,
        ring: &mut watch::Receiver<Ring>,
        now: Moment,
    ) -> Result<Option<(ByteString, Option<Instant>)>, serde_json::Error> {
        if self.must_ask {
            return Ok(None);
        }
        // the ring is let go before anything is encoded: the store's thread waits for it
        let due = ring.borrow_and_update().after(&self.head);
        match due {
            Due::Nothing => Ok(None),
            Due::Delta(delta) => {
                self.head = delta.head().clone();
                Ok(Some((delta.frame(now)?, Some(delta.made()))))
            }
            Due::Pull { crowd } => {
                self.must_ask = true;
                Ok(Some((pull_now(crowd)?, None)))
            }
        }
    }
}

/// What is known of an agent's configuration.
#[derive(Debug)]
pub(super) struct Config {
    agent: Uuid,
    have: Option<ConfigCursor>,
    status: Option<ConfigStatus>,
    /// The version that it was sent, or found not to need.
    judged: u64,
}

impl Config {
    /// What an agent said, and the version that its answer was about.
    pub(super) fn new(agent: Uuid, (have, status): (Option<ConfigCursor>, Option<ConfigStatus>), judged: u64) -> Self {
        Self {
            agent,
            have,
            status,
            judged,
        }
    }

    /// The profile's configuration as a push, if it is another since and news to the agent.
    ///
    /// # Errors
    /// What serde says, which for JSON values is nothing.
    pub(super) fn due(
        &mut self,
        profile: &Admitted,
        beacon_url: &str,
    ) -> Result<Option<ByteString>, serde_json::Error> {
        let profile = profile.of_agent(self.agent);
        let version = profile.version();
        if std::mem::replace(&mut self.judged, version) == version {
            return Ok(None);
        }
        let served = profile.served(beacon_url)?;
        let is_news = served.is_news(self.have.as_ref(), self.status.as_ref());
        if !is_news {
            return Ok(None);
        }
        // if it refuses this one, it says so in its next message
        self.have = Some(served.cursor.clone());
        Ok(Some(served.frame.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(epoch: &str, rev: u64) -> Head {
        Head {
            epoch: epoch.into(),
            rev,
            ..Head::default()
        }
    }

    #[test]
    fn a_message_that_crossed_with_pushes_is_answered_from_where_they_lead() {
        let told = Told {
            head: head("e", 9),
            ..Told::by_answer(&head("e", 5))
        };
        let has = |epoch, rev| told.on_its_way(&head(epoch, rev).cursor()).map(|cursor| cursor.rev);
        assert_eq!([5, 8].map(|rev| has("e", rev)), [Some(9), Some(9)]);
        assert_eq!(has("e", 9), None, "it took them");
        assert_eq!(has("e", 4), None, "it did not even take the last answer");
        assert_eq!(has("e", 10), None);
        assert_eq!(has("other", 8), None);
    }
}
