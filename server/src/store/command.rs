//! What changes the store: commands, in records that carry the time. The same records make the same
//! store, on every node and at every start.

use std::{io, sync::Arc};

use buckler::protocol::{
    ConfigMap, Epoch,
    v2::{Detail, Event, MAX_EVENTS, Nack, Signature},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AgentIdent, AuditNote, BanRules, CandidateState, Enrolment, EntryView, KeyState, Quotas, Rules, TokenState, Via,
};
use crate::{list::Banned, moment::Moment};

/// The newest form of a record that this release reads and writes.
///
/// It rises with every command and every field that is added, and with every change of what one
/// does: a release that does not know them then says that a newer one wrote the journal, instead of
/// taking it for damaged or passing over what it does not know. A record has the oldest form that
/// says what it says, so that nodes of the release before go on until something new is used.
pub const RECORD_VERSION: u8 = 5;

/// The longest text of an event that is kept, in characters: names of checks, rules and places are
/// shorter.
const TEXT: usize = 200;

/// The longest exception that is kept, in bytes: eight rules and eight places of 120 bytes, and a
/// route.
const EXCEPTION: usize = 4_096;

/// Commands that take effect together, and when they were written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its form.
    pub v: u8,
    /// When, by the node that wrote it.
    pub at: Moment,
    /// In the order in which they take effect.
    pub commands: Vec<Command>,
}

impl Record {
    /// Commands of this moment, in the oldest form that has them all.
    #[must_use]
    pub fn new(at: Moment, commands: Vec<Command>) -> Self {
        Self {
            v: commands.iter().map(Command::form).max().unwrap_or(1),
            at,
            commands,
        }
    }
}

/// Something that changes the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// What the store holds everybody to from now on.
    Rules(Rules),
    /// A fleet begins with an empty list and a history of this name; nothing, if it is there.
    Found {
        /// The fleet.
        fleet: Arc<str>,
        /// Names the history.
        epoch: Arc<str>,
    },
    /// A fleet's list goes on under another name, because its history is no longer the one that
    /// agents know.
    Renew {
        /// The fleet.
        fleet: Arc<str>,
        /// Names the history.
        epoch: Arc<str>,
        /// Whether agents keep nothing that the one before had listed: an operator says so.
        #[serde(default)]
        complete: bool,
    },
    /// What an agent reports.
    Report(Batch),
    /// An operator's ban.
    Ban {
        /// The fleet.
        fleet: Arc<str>,
        /// The network.
        network: IpNet,
        /// For how many seconds; without end where there is none.
        ttl_s: Option<u64>,
        /// The reason.
        why: String,
    },
    /// An operator's unban.
    Unban {
        /// The fleet.
        fleet: Arc<str>,
        /// The network.
        network: IpNet,
    },
    /// An operator allows a network: bans that touch it are lifted, and none is taken until it
    /// ends.
    Allow {
        /// The fleet.
        fleet: Arc<str>,
        /// The network.
        network: IpNet,
        /// For how many seconds; without end where there is none.
        ttl_s: Option<u64>,
        /// The reason.
        why: String,
        /// The label of the operator's token.
        by: Arc<str>,
    },
    /// A network is allowed no longer.
    Disallow {
        /// The fleet.
        fleet: Arc<str>,
        /// The network.
        network: IpNet,
    },
    /// Entries that have ended are removed, of each list so many at once as takes a few
    /// milliseconds.
    Expire,
    /// A profile's configuration, as the file or the admin API has it from now on.
    Profile(ProfileState),
    /// A profile that the file no longer has.
    ForgetProfile {
        /// Its name.
        name: Arc<str>,
    },
    /// A configuration that a share of a profile's agents run from now on; nothing, if another
    /// version is in force than the one that it was made over.
    Stage(CandidateState),
    /// A profile's candidate is run no more: it is abandoned.
    Unstage {
        /// The name of the profile.
        name: Arc<str>,
    },
    /// An agent key, as the admin API has it from now on.
    Key(KeyState),
    /// An operator's token, as the admin API has it from now on.
    Token(TokenState),
    /// A token that is revoked.
    ForgetToken {
        /// Its name.
        id: Arc<str>,
    },
    /// An agent speaks with a credential of its own from now on.
    Enrol(Enrolment),
    /// The credentials that a key has brought are forgotten: their agents enrol again with another.
    ForgetBrought {
        /// The name of the key.
        key: Arc<str>,
    },
    /// An agent's credential is revoked.
    RevokeCredential {
        /// The profile.
        profile: Arc<str>,
        /// The agent.
        agent: Uuid,
    },
    /// An agent's credential is forgotten, revoked or not: it may enrol again.
    ResetCredential {
        /// The profile.
        profile: Arc<str>,
        /// The agent.
        agent: Uuid,
    },
    /// An agent that is gone is shown no longer, on any node. What is known of its events stays,
    /// and who speaks again is there again.
    ForgetAgent {
        /// The profile.
        profile: Arc<str>,
        /// Its name, as an operator sees it.
        agent: Arc<str>,
    },
    /// Who makes the change that stands before this in the record, and what it is.
    Audit(Box<AuditNote>),
}

impl Command {
    /// The oldest form of a record that has it as it is.
    #[must_use]
    pub fn form(&self) -> u8 {
        let since_2 = |is_said: bool| if is_said { 2 } else { 1 };
        match self {
            Self::Found { .. } | Self::Ban { .. } | Self::Unban { .. } | Self::Expire | Self::ForgetProfile { .. } => 1,
            Self::Rules(rules) => since_2(rules.quotas != Quotas::default()),
            Self::Renew { complete, .. } => since_2(*complete),
            Self::Report(batch) => since_2(!batch.via.is_unknown()),
            Self::Key(_) | Self::Token(_) | Self::ForgetToken { .. } | Self::Audit(_) => 2,
            Self::Profile(profile) if profile.signature.is_none() => 1,
            Self::Profile(_)
            | Self::Enrol(_)
            | Self::ForgetBrought { .. }
            | Self::RevokeCredential { .. }
            | Self::ResetCredential { .. } => 3,
            Self::Stage(_) | Self::Unstage { .. } => 4,
            Self::ForgetAgent { .. } | Self::Allow { .. } | Self::Disallow { .. } => 5,
        }
    }

    /// How much of a record it takes as it is written down, in bytes of JSON.
    pub(crate) fn bytes(&self) -> usize {
        let mut counted = Counted(0);
        // what cannot be written down is refused by the journal
        serde_json::to_writer(&mut counted, self).map_or(0, |()| counted.0)
    }
}

/// Counts what is written, and keeps none of it.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took effect.
    Done,
    /// The events of a report.
    Taken {
        /// Every event up to this one was kept before.
        known: u64,
        /// Every event up to this one is kept.
        ack: u64,
        /// Events among them that were refused.
        nack: Vec<Nack>,
    },
    /// A ban.
    Banned(Banned),
    /// An unban: what was listed.
    Unbanned(Option<Box<EntryView>>),
    /// A network is allowed: how many bans were lifted for it. `None` where the fleet has too many
    /// such entries.
    Allowed(Option<usize>),
}

/// A profile as the store knows it: its version survives the server, and so does what the admin API
/// made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileState {
    /// Its name.
    pub name: Arc<str>,
    /// The version of its configuration.
    pub version: u64,
    /// The hash of what the file said of it then.
    pub file: String,
    /// The configuration that the admin API put in its place, as it was written; `None` where the
    /// file's is active.
    pub replaced: Option<ConfigMap>,
    /// Who has signed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// The events of one report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Who reports.
    pub who: Arc<AgentIdent>,
    /// The fleet of its profile.
    pub fleet: Arc<str>,
    /// By what right it speaks.
    #[serde(default, skip_serializing_if = "Via::is_unknown")]
    pub via: Via,
    /// What its profile makes of bans.
    pub bans: BanRules,
    /// What happened.
    pub events: BatchEvents,
}

/// The events of a report, in either version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchEvents {
    /// Version 1: bans by address and time.
    V1 {
        /// The bans.
        bans: Vec<(String, Epoch)>,
        /// How long the agent's profile bans for, in seconds.
        ban_for: u64,
    },
    /// Version 2.
    V2 {
        /// Names the outbox.
        stream: Uuid,
        /// The lowest number that was not acknowledged.
        first: u64,
        /// From `first` on.
        events: Vec<Event>,
    },
}

/// Events as they are kept: no more than a message may carry, and no text longer than one that
/// means something.
pub(crate) fn bounded(mut events: Vec<Event>) -> Vec<Event> {
    events.truncate(MAX_EVENTS);
    for event in &mut events {
        cut(&mut event.address);
        cut(&mut event.why);
        if let Some(detail) = &mut event.detail {
            let Detail {
                id,
                rule,
                place,
                method,
                route,
                host,
                exception,
                ..
            } = &mut **detail;
            cut(rule);
            cut(place);
            for text in [id, method, route, host].into_iter().flatten() {
                cut(text);
            }
            exception.take_if(|text| text.len() > EXCEPTION);
        }
    }
    events
}

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(TEXT) {
        text.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node of the release before stops at the first record that it cannot read: none is newer
    /// than what it says.
    #[test]
    fn a_record_has_the_oldest_form_that_says_it() {
        let form = |commands: Vec<Command>| Record::new(Moment::default(), commands).v;
        let ban = || Command::Ban {
            fleet: "default".into(),
            network: "203.0.113.1/32".parse().unwrap(),
            ttl_s: None,
            why: String::new(),
        };
        let report = |key: Option<&str>| {
            Command::Report(Batch {
                who: Arc::new(AgentIdent::Installed {
                    profile: "shop".into(),
                    id: Uuid::nil(),
                }),
                fleet: "default".into(),
                via: Via {
                    key: key.map(Arc::from),
                },
                bans: BanRules::default(),
                events: BatchEvents::V1 {
                    bans: Vec::new(),
                    ban_for: 1,
                },
            })
        };
        let revoke = || Command::RevokeCredential {
            profile: "shop".into(),
            agent: Uuid::nil(),
        };
        assert_eq!(form(Vec::new()), 1);
        assert_eq!(form(vec![Command::Expire, ban()]), 1);
        assert_eq!((form(vec![report(None)]), form(vec![report(Some("k"))])), (1, 2));
        assert_eq!(form(vec![ban(), revoke(), report(Some("k"))]), 3);
        let unstage = || Command::Unstage { name: "shop".into() };
        assert_eq!(form(vec![ban(), unstage(), revoke()]), 4);
        let forget = || Command::ForgetAgent {
            profile: "shop".into(),
            agent: "192.0.2.1".into(),
        };
        let disallow = || Command::Disallow {
            fleet: "default".into(),
            network: "203.0.113.1/32".parse().unwrap(),
        };
        assert_eq!(form(vec![ban(), forget(), unstage()]), RECORD_VERSION);
        assert_eq!(form(vec![disallow(), ban()]), RECORD_VERSION);
        // what a form has is read by the form: no field of a newer one is written
        let text = serde_json::to_string(&Record::new(Moment::default(), vec![report(None)])).unwrap();
        assert!(!text.contains("via"), "{text}");
    }
}
