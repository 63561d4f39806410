//! One exchange with a version 2 agent: what it says is kept, and what it must be told follows. There is no clock, no network
//! and no thread in here, so HTTP, the WebSocket and a simulation all answer with this code.

use std::{sync::Arc, time::Duration};

use buckler::{
    model::address,
    protocol::v2::{ConfigCursor, ConfigState, ConfigStatus, Flag, Have, ListMode, ListUpdate, Nack, Next},
};
use ipnet::IpNet;
use serde::{Serialize, ser::Error as _};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    list::Head,
    moment::{Moment, Tick},
    node::{Intent, Node},
    store::{Answer, ListStep, Receipt, Report, StoreError},
};

/// The part of the interval by which agents are spread, so that a fleet that started at once does not speak at once.
const JITTER: u32 = 5;

/// Keeps what an agent says, and finds what it must be told, on a node that keeps everything in
/// memory.
///
/// # Errors
/// If the node fails. The agent sends the same again, and nothing counts twice.
pub fn exchange(node: &mut Node, mut report: Report, have: &Have, now: Moment) -> Result<Exchange, StoreError> {
    let mut intent = node.intent(&mut report);
    let commands = std::mem::take(&mut intent.commands);
    let answers = node.apply(commands, now);
    answered(node, &report, &intent, &answers, have, now)
}

/// Finds what an agent must be told whose report was applied.
///
/// # Errors
/// If the list cannot be read.
pub fn answered(
    node: &mut Node,
    report: &Report,
    intent: &Intent,
    answers: &[Answer],
    have: &Have,
    now: Moment,
) -> Result<Exchange, StoreError> {
    let receipt = node.receive(report, intent, answers, now);
    let step = node.list_for(&report.fleet, have, now)?;
    Ok(Exchange { receipt, step, now })
}

/// What the store said to an agent's message.
#[derive(Debug)]
pub struct Exchange {
    receipt: Receipt,
    step: ListStep,
    now: Moment,
}

impl Exchange {
    /// Up to where the agent's events were known before, up to where they are now, and what was
    /// refused of them.
    pub(crate) fn taken(&self) -> (u64, u64, &[Nack]) {
        (self.receipt.known, self.receipt.ack, &self.receipt.nack)
    }

    /// The answer. It carries the configuration if there is one to carry, and asks for the next message after `interval` if the
    /// server is the one to say so; the next page of a snapshot it asks for at once in any case.
    ///
    /// # Errors
    /// What serde says, which for text and numbers is nothing; or if a store named a page that its snapshot does not have.
    pub fn part<'a>(
        &'a self,
        config: Option<&'a RawValue>,
        interval: Option<Duration>,
    ) -> Result<Part<'a>, serde_json::Error> {
        let flags: &[Flag] = if self.receipt.registered {
            &[]
        } else {
            &[Flag::RegisterAgain]
        };
        Ok(Part {
            server_ms: self.now.unix_ms,
            ack: self.receipt.ack,
            nack: &self.receipt.nack,
            list: encoded(&self.step, self.now.tick)?,
            config,
            next: if self.has_more() {
                Some(AT_ONCE)
            } else {
                interval.map(spread)
            },
            flags,
            enrolled: None,
        })
    }

    /// Where the agent's list is once it took the answer; `None` while pages of a snapshot are to come.
    #[must_use]
    pub fn leads_to(&self) -> Option<&Head> {
        match &self.step {
            ListStep::Current(head) | ListStep::Delta { head, .. } => Some(head),
            ListStep::Page(snapshot, page) => (*page == snapshot.pages()).then(|| snapshot.head()),
        }
    }

    /// Makes the answer leave the agent where it is, if that is `head` and changes lead on from there: they come as a push.
    /// Says whether it did.
    pub(crate) fn wait_at(&mut self, head: &Head) -> bool {
        let waits = matches!(&self.step, ListStep::Delta { from, head: newest, .. } if *from == head.rev && *newest.epoch == *head.epoch);
        if waits {
            self.step = ListStep::Current(head.clone());
        }
        waits
    }

    /// Whether there is a page after the one that is answered with.
    fn has_more(&self) -> bool {
        matches!(&self.step, ListStep::Page(snapshot, page) if *page < snapshot.pages())
    }
}

/// The answer to an agent. On the wire it is a [`ServerPart`](buckler::protocol::v2::ServerPart), with its large fields encoded
/// already.
#[derive(Debug, Serialize)]
pub struct Part<'a> {
    server_ms: u64,
    ack: u64,
    #[serde(skip_serializing_if = "<[Nack]>::is_empty")]
    nack: &'a [Nack],
    list: Arc<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
    #[serde(skip_serializing_if = "<[Flag]>::is_empty")]
    flags: &'a [Flag],
    /// The fingerprint of the credential that the agent has from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    enrolled: Option<&'a str>,
}

impl<'a> Part<'a> {
    /// The same, for an agent that has the credential of this fingerprint from now on.
    #[must_use]
    pub fn enrolled(self, enrolled: Option<&'a str>) -> Self {
        Self { enrolled, ..self }
    }
}

/// Whether an agent must be sent the configuration: it has another, and has not found this one unusable.
#[must_use]
pub fn is_news(newest: &ConfigCursor, have: Option<&ConfigCursor>, status: Option<&ConfigStatus>) -> bool {
    // agents that look at no signature say nothing of it
    let has_it = have.is_some_and(|have| {
        let signed = have
            .signed
            .is_none_or(|signed| signed == newest.signed.unwrap_or_default());
        have.hash == newest.hash && signed
    });
    let refused = status.is_some_and(|status| {
        status.version == newest.version && matches!(status.state, ConfigState::Failed | ConfigState::RolledBack)
    });
    !has_it && !refused
}

/// The next page is ready: the agent may come as soon as it likes.
const AT_ONCE: Next = Next {
    after_ms: 0,
    jitter_ms: 0,
};

fn spread(interval: Duration) -> Next {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Next {
        after_ms: millis(interval),
        jitter_ms: millis(interval / JITTER),
    }
}

fn encoded(step: &ListStep, now: Tick) -> Result<Arc<RawValue>, serde_json::Error> {
    let update = match step {
        ListStep::Current(head) => update(ListMode::None, head.rev, head, Vec::new(), Vec::new()),
        ListStep::Delta {
            from,
            head,
            add,
            remove,
        } => delta(*from, head, add, remove, now),
        ListStep::Page(snapshot, page) => {
            return match snapshot.page(*page, now)? {
                Some(json) => Ok(json),
                None => Err(serde_json::Error::custom(format_args!("a snapshot has no page {page}"))),
            };
        }
    };
    Ok(to_raw_value(&update)?.into())
}

/// A delta as it travels at this moment.
pub(crate) fn delta(from: u64, head: &Head, add: &[(IpNet, Tick)], remove: &[IpNet], now: Tick) -> ListUpdate {
    let entry = |(network, end): &(IpNet, Tick)| (address::to_text(*network), end.left(now));
    let add = add.iter().map(entry).collect();
    let remove = remove.iter().map(|network| address::to_text(*network)).collect();
    update(ListMode::Delta, from, head, add, remove)
}

fn update(mode: ListMode, from: u64, head: &Head, add: Vec<(String, u64)>, remove: Vec<String>) -> ListUpdate {
    ListUpdate {
        complete: false,
        mode,
        epoch: head.epoch.to_string(),
        from,
        to: head.rev,
        add,
        remove,
        page: 1,
        pages: 1,
        count: head.count,
        digest: head.digest.to_string(),
    }
}

#[cfg(test)]
mod tests;
