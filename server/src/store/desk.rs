//! Where an agent's events become changes of its fleet's list, or are refused.

use std::sync::Arc;

use buckler::{
    model::address::parse_network,
    protocol::{
        Epoch,
        v2::{self, EventKind, Evidence, Nack},
    },
};

use ipnet::IpNet;

use super::{
    AgentIdent, BanRules, Bucket, Origin, Proposal, Quota, Rules, agent::Agent, allowed::Allowlist,
    proposals::Proposals, quota::is_same_maker, refusals::Refusals,
};
use crate::{
    lines::Lines,
    list::{Ban, Banned, Entry, FleetList},
    moment::{Moment, Tick},
};

/// Codes of refused events, as they stand in a `nack`.
mod code {
    /// The address is none.
    pub(super) const BAD_ADDRESS: &str = "bad_address";
    /// The agent has shared too much, in all or in the last minute.
    pub(super) const QUOTA: &str = buckler::protocol::v2::Nack::QUOTA;
    /// The ban was made before the network was let in again.
    pub(super) const UNBANNED: &str = "unbanned";
    /// An operator listed the network, and only an operator can let it in again.
    pub(super) const OPERATOR: &str = "operator_entry";
    /// The ban was over when it came. Only counted: it is what the agent would say itself.
    pub(super) const OVER: &str = "over";
    /// The ban's evidence is weaker than what the profile shares. Only counted: the ban is in force where it was made.
    pub(super) const WEAK_EVIDENCE: &str = "weak_evidence";
    /// The network was listed by agents of another application, and only they or an operator can
    /// lift that.
    pub(super) const NOT_YOURS: &str = "not_yours";
    /// An operator allows something of the network.
    pub(super) const ALLOWED: &str = "allowed";
    /// The number is so far ahead that what lies between cannot have been lost.
    pub(super) const BAD_SEQ: &str = "bad_seq";
}

/// How much further a stream can be known after a report than before it. An agent numbers its
/// events without gaps, so that one here means events that it withdrew, a server that was restored
/// from an older backup, or agents that lost their state. Under a thousand events a second a backup
/// may so be a quarter of an hour old; more is taken for an attempt to have a stream's later events
/// taken for known.
const SEQ_WINDOW: u64 = 1_000_000;

/// How far an agent's clock may be ahead of the server's, in milliseconds: five minutes, as
/// Kerberos allows. A ban that is later is taken for one that was made before every unban.
const AHEAD_MS: u64 = 5 * 60 * 1_000;

/// Lines that bans and lifts of agents get: a fleet may make 20,000 of them a minute. The events
/// file has them all.
static LISTED: Lines = Lines::new(60);
static LET_IN: Lines = Lines::new(60);

/// One agent's report at its fleet's list.
pub(super) struct Desk<'a> {
    pub(super) who: &'a Arc<AgentIdent>,
    pub(super) agent: &'a mut Agent,
    pub(super) list: &'a mut FleetList,
    pub(super) fleet: &'a Arc<str>,
    /// What is counted of its key, with the key's quota, and of its fleet.
    pub(super) key: Option<(&'a mut Bucket, Quota)>,
    pub(super) shared: &'a mut Bucket,
    pub(super) proposals: &'a mut Proposals,
    pub(super) allowlist: &'a Allowlist,
    pub(super) rules: &'a Rules,
    pub(super) now: Moment,
    pub(super) bans: BanRules,
    pub(super) refusals: &'a mut Refusals,
    /// Who added the entries that this report removes.
    pub(super) released: Vec<Arc<AgentIdent>>,
}

impl Desk<'_> {
    /// Takes a version 2 agent's events and returns the mark up to which they are known, with what was refused.
    ///
    /// Events up to the mark were taken before and change nothing. A gap above the mark can only be loss, because an agent
    /// drops nothing that was not acknowledged: it is counted and passed over. A stream that is new here has no gap before
    /// `first`: its earlier events may have been taken by a server that forgot them.
    ///
    /// `known` is how far the stream is known.
    pub(super) fn take_events(
        &mut self,
        (known, first): (Option<u64>, u64),
        events: &[v2::Event],
        mut reason: impl FnMut(&str) -> Arc<str>,
    ) -> (u64, Vec<Nack>) {
        let before_first = first.saturating_sub(1);
        let mut mark = known.unwrap_or(before_first);
        let mut nack = Vec::new();
        for event in events.iter().filter(|event| event.seq >= first) {
            if event.seq <= mark {
                continue;
            }
            // from where it was known, and not from the event before: 256 of them are in a message
            if known.is_some_and(|known| event.seq.saturating_sub(known) > SEQ_WINDOW) {
                self.agent.refused(code::BAD_SEQ);
                nack.push(Nack {
                    seq: event.seq,
                    code: code::BAD_SEQ.to_owned(),
                });
                return (mark, nack);
            }
            self.agent.missed(event.seq - mark - 1);
            mark = event.seq;
            if let Err(code) = self.take_event(event, &mut reason) {
                self.agent.refused(code);
                nack.push(Nack {
                    seq: event.seq,
                    code: code.to_owned(),
                });
            }
        }
        if before_first > mark && before_first - mark <= SEQ_WINDOW {
            self.agent.missed(before_first - mark);
            mark = before_first;
        }
        (mark, nack)
    }

    fn take_event(&mut self, event: &v2::Event, reason: &mut impl FnMut(&str) -> Arc<str>) -> Result<(), &'static str> {
        // whatever becomes of a ban here: the client was refused there
        self.refusals.keep(self.who, &self.agent.fleet, event, self.now);
        match event.kind {
            EventKind::Attack => {
                self.agent.shared.attacks += 1;
                Ok(())
            }
            EventKind::Unban => self.take_unban(&event.address),
            EventKind::Ban if event.ttl_s == 0 => Err(code::OVER),
            EventKind::Ban if event.evidence < self.bans.share_from => self.propose(event, reason),
            EventKind::Ban => {
                let end = self.now.tick.plus(self.ban_length(event));
                self.take_ban(&event.address, self.now.tick, end, event.at_ms, reason(&event.why))
            }
        }
    }

    /// Has a ban wait whose evidence is too weak for others, or takes it where another application
    /// has seen the same. What only exceeded a limit says nothing to others.
    fn propose(&mut self, event: &v2::Event, reason: &mut impl FnMut(&str) -> Arc<str>) -> Result<(), &'static str> {
        self.agent.refused(code::WEAK_EVIDENCE);
        self.agent.shared.attacks += 1;
        let network = parse_network(&event.address);
        if event.evidence < Evidence::Repeated {
            return network.map_or(Ok(()), |network| self.refuse_allowed(network));
        }
        let network = network.ok_or(code::BAD_ADDRESS)?;
        self.rules.protected.judge(network)?;
        self.refuse_allowed(network)?;
        let (now, end) = (self.now.tick, self.now.tick.plus(self.ban_length(event)));
        let witness = self.list.get(network).map(|entry| match &entry.by {
            Origin::Operator => false,
            Origin::Agent(who) => !is_same_maker(who, self.who),
        });
        if witness == Some(true) {
            return self.take_ban(&event.address, now, end, event.at_ms, reason(&event.why));
        }
        if let Some(first) = self.proposals.by_another(self.fleet, network, self.who, now) {
            let (end, why) = (end.max(first.end), Arc::clone(&first.why));
            // where there is no room for the ban, the first one's word waits on
            self.take_ban(&event.address, now, end, event.at_ms, why)?;
            self.proposals.withdraw(self.fleet, network);
            self.list.second(network);
            return Ok(());
        }
        if !self.may_change(false) {
            return Err(code::QUOTA);
        }
        let proposal = Proposal {
            by: Arc::clone(self.who),
            end,
            made: now,
            why: reason(&event.why),
        };
        self.proposals.keep(self.fleet, network, proposal);
        Ok(())
    }

    /// Refuses a ban of what an operator allows, and has agents let go of it: the one that reports
    /// it bans it already.
    fn refuse_allowed(&mut self, network: IpNet) -> Result<(), &'static str> {
        let now = self.now.tick;
        if self.allowlist.touching(self.fleet, network, now).is_none() {
            return Ok(());
        }
        if self.may_change(false) {
            self.list.retract(network, now);
        }
        Err(code::ALLOWED)
    }

    /// Whether there is room for one more change, which adds an entry or not: of the agent, its key
    /// and its fleet. It is counted if so.
    fn may_change(&mut self, adds: bool) -> bool {
        let Rules {
            shared_live,
            shared_per_minute,
            quotas,
            ..
        } = self.rules;
        let now = self.now.tick;
        let has_room = self.agent.has_room((*shared_live, *shared_per_minute), adds, now)
            && self
                .key
                .as_ref()
                .is_none_or(|(key, quota)| key.has_room(*quota, adds, now))
            && self.shared.has_room(quotas.fleet, adds, now);
        if has_room {
            self.agent.minute.count(now, 60);
            if let Some((key, _)) = &mut self.key {
                key.count(now);
            }
            self.shared.count(now);
        }
        has_room
    }

    /// How long a ban lasts for the fleet: as long as its agent says, and longer where the client was banned before. Of a client that
    /// is listed others tell the same ban.
    fn ban_length(&self, event: &v2::Event) -> u64 {
        let unlisted = parse_network(&event.address).filter(|network| self.list.get(*network).is_none());
        let earlier = unlisted.map_or(0, |network| self.list.repetitions(network, self.now.tick));
        let wanted = event.ttl_s.max(self.bans.length_after(earlier));
        wanted.min(self.rules.quotas.longest_ban_s)
    }

    /// Takes a version 1 agent's bans. What is refused is silently not shared: it knows no `nack`.
    ///
    /// Their ends are counted from when the agent says it made them. A time in the future is taken for now, and a ban that is
    /// over by the agent's own rule is left out.
    pub(super) fn take_bans(&mut self, bans: &[(String, Epoch)], ban_for: u64, why: &Arc<str>) {
        for (address, Epoch(at)) in bans {
            let age = self.now.unix_s().saturating_sub(*at);
            let taken = if age >= ban_for {
                Err(code::OVER)
            } else {
                let left = (ban_for - age).min(self.rules.quotas.longest_ban_s);
                let (made, end) = (self.now.tick.minus(age), self.now.tick.plus(left));
                self.take_ban(address, made, end, at.saturating_mul(1_000), Arc::clone(why))
            };
            if let Err(code) = taken {
                self.agent.refused(code);
            }
        }
    }

    fn take_ban(
        &mut self,
        address: &str,
        made: Tick,
        end: Tick,
        at_unix_ms: u64,
        why: Arc<str>,
    ) -> Result<(), &'static str> {
        let network = parse_network(address).ok_or(code::BAD_ADDRESS)?;
        self.rules.protected.judge(network)?;
        self.refuse_allowed(network)?;
        let listed = self.list.get(network);
        let by_another = listed.is_some_and(|entry| match &entry.by {
            Origin::Operator => false,
            Origin::Agent(who) => !is_same_maker(who, self.who),
        });
        let changes = listed.is_none_or(|entry| end > entry.end);
        let adds = listed.is_none();
        if changes && !self.may_change(adds) {
            return Err(code::QUOTA);
        }
        let is_believed = at_unix_ms <= self.now.unix_ms.saturating_add(AHEAD_MS);
        let by = Origin::Agent(Arc::clone(self.who));
        let ban = Ban {
            network,
            entry: Entry { end, made, by, why },
            at_unix_ms: if is_believed { at_unix_ms } else { 0 },
        };
        match self.list.ban(ban, self.now) {
            Banned::Late => return Err(code::UNBANNED),
            Banned::Allowed => return Err(code::ALLOWED),
            Banned::Added => {
                self.agent.shared.live += 1;
                self.shared.live += 1;
                if let Some((key, _)) = &mut self.key {
                    key.live += 1;
                }
                if let Some(unsaid) = LISTED.admit_at(self.now.unix_s()) {
                    tracing::info!(%network, agent = %self.who, unsaid, "listed");
                }
            }
            Banned::Prolonged | Banned::Known if by_another => self.list.second(network),
            Banned::Prolonged | Banned::Known => {}
        }
        self.agent.shared.bans += 1;
        Ok(())
    }

    fn take_unban(&mut self, address: &str) -> Result<(), &'static str> {
        let network = parse_network(address).ok_or(code::BAD_ADDRESS)?;
        self.proposals.take_back(self.fleet, network, self.who);
        if self.list.is_standing(network) {
            return Err(code::OPERATOR);
        }
        let is_own = |entry: &Entry| matches!(&entry.by, Origin::Agent(who) if is_same_maker(who, self.who));
        let is_theirs = self.list.get(network).is_some_and(|entry| !is_own(entry));
        if is_theirs || self.list.is_seconded(network) {
            return Err(code::NOT_YOURS);
        }
        if !self.may_change(false) {
            return Err(code::QUOTA);
        }
        self.agent.shared.unbans += 1;
        if let Some(Entry {
            by: Origin::Agent(who), ..
        }) = self.list.lift(network, self.who.profile(), self.now)
        {
            if let Some(unsaid) = LET_IN.admit_at(self.now.unix_s()) {
                tracing::info!(%network, agent = %self.who, unsaid, "let in again");
            }
            self.released.push(who);
        }
        Ok(())
    }
}
