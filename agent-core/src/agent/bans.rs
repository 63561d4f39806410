//! Bans by the host: who is banned here, and how a client is banned or let in, with or without a server.

use std::{sync::mpsc, time::Duration};

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::Agent;
pub use crate::actors::messages::Unbanned;
use crate::{
    actors::{
        generation::Control,
        messages::{BanAsked, UnbanAsked},
    },
    guard::BlockId,
    model::{
        address::{canonical_network, to_text},
        blacklist::Scope,
    },
};

/// How long the agent's thread may take: it does in microseconds what is asked, and is away for milliseconds.
const WITHIN: Duration = Duration::from_secs(1);

/// The shortest prefixes of networks that a host may ban: a provider's, in either version. What is wider is a slip of the pen.
const WIDEST: (u8, u8) = (16, 32);

/// The longest reason, in characters: it stands in lists beside the names of checks.
const REASON: usize = 60;

/// A client that is banned here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ban {
    /// The client: an address, or a network.
    #[serde(serialize_with = "as_text")]
    pub network: IpNet,
    /// When the ban ends, in milliseconds since the Unix epoch; absent where it never does.
    pub until_ms: Option<u64>,
    /// What its client is shown when it is refused, and what [`Agent::why`] and the log know it by.
    #[serde(serialize_with = "as_name")]
    pub id: BlockId,
}

/// Why a host's ban was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BanError {
    /// It holds an address that is never banned.
    #[error(
        "ban: {0} holds a trusted proxy, an address of this host or of the server, or one that is no client's; allowed are networks \
         without them: ban the clients behind them one by one"
    )]
    Protected(IpNet),
    /// It is wider than any client.
    #[error("ban: found {0}; allowed are networks of at most /16 (IPv4) and /32 (IPv6): ban its parts")]
    TooWide(IpNet),
    /// It would end before it began.
    #[error("ban: found a length of {0:?}; allowed is one second or more")]
    TooShort(Duration),
    /// It would block too many of the site's clients.
    #[error("ban: {0}; to ban it all the same, raise `agent.breaker_share`")]
    Withheld(String),
    /// The agent's thread is not there.
    #[error("ban: the agent does not answer at the moment: see its status, and try again")]
    NoAnswer,
}

/// # Bans by the host
impl Agent {
    /// Who is banned here: clients that were caught by this agent, or banned by [`ban`](Self::ban),
    /// and those that the server listed before it began another history, and that it has not let
    /// in. The fleet's list in force is not among them.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        let snapshot = self.shared.published.current();
        let (now, unix) = (self.shared.clock.elapsed(), self.shared.clock.unix());
        let mut bans = Vec::new();
        snapshot.blacklist.for_each(Scope::Local, &mut |network, until| {
            if until.is_none_or(|until| until > now) {
                let end = until.map(|until| unix + until.saturating_sub(now));
                bans.push(Ban {
                    network,
                    until_ms: end.map(|end| u64::try_from(end.as_millis()).unwrap_or(u64::MAX)),
                    id: self.shared.guard.id_of_ban(network),
                });
            }
        });
        bans.sort_by_key(|ban| ban.network);
        bans
    }

    /// Bans a client for a time: an address, or a network. It is in force when this returns, is kept where there is a state directory,
    /// and is shared as other bans are. `why` is a word for logs and lists.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let agent = buckler::Agent::builder(buckler::Settings::builder().build()?).start();
    /// agent.ban("203.0.113.9".parse::<std::net::IpAddr>()?.into(), Duration::from_secs(3600), "seen in the log")?;
    /// assert_eq!(agent.bans().len(), 1);
    /// agent.unban("203.0.113.0/24".parse()?)?;
    /// assert!(agent.bans().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where the network holds what is never banned, or is wider than any client's; where the ban would block more of the site's
    /// clients than `breaker_share` allows; and where the agent's thread does not answer within a second.
    pub fn ban(&self, network: IpNet, length: Duration, why: &str) -> Result<(), BanError> {
        let network = canonical_network(network);
        let widest = match network {
            IpNet::V4(_) => WIDEST.0,
            IpNet::V6(_) => WIDEST.1,
        };
        if network.prefix_len() < widest {
            return Err(BanError::TooWide(network));
        }
        if !self.shared.published.load().trusted.can_ban(network) {
            return Err(BanError::Protected(network));
        }
        if length < Duration::from_secs(1) {
            return Err(BanError::TooShort(length));
        }
        let (reply, answer) = mpsc::channel();
        let why = why.chars().filter(|char| !char.is_control()).take(REASON).collect();
        self.command(Control::Ban(BanAsked {
            network,
            length,
            why,
            reply,
        }))?;
        let withheld = answer.recv_timeout(WITHIN).map_err(|_| BanError::NoAnswer)?;
        withheld.map_or(Ok(()), |reason| Err(BanError::Withheld(reason)))
    }

    /// Lets a client in again: ends every ban made here that holds the network or lies in it, and forgets what spoke against it. Where
    /// bans are shared, the server is asked to take it off the fleet's list.
    ///
    /// # Errors
    /// Where the agent's thread does not answer within a second.
    pub fn unban(&self, network: IpNet) -> Result<Unbanned, BanError> {
        let (reply, answer) = mpsc::channel();
        let network = canonical_network(network);
        self.command(Control::Unban(UnbanAsked { network, reply }))?;
        answer.recv_timeout(WITHIN).map_err(|_| BanError::NoAnswer)
    }

    fn command(&self, command: Control) -> Result<(), BanError> {
        self.control.send(command).map_err(|_| BanError::NoAnswer)
    }
}

fn as_name<S: Serializer>(id: &BlockId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn as_text<S: Serializer>(network: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(*network))
}
