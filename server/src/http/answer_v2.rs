//! Answers to version 2 agents, whatever carries them. Pages of the list and the configuration come encoded, and are put in as
//! they are.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse};
use buckler::protocol::v2::{AgentPart, ListCursor};
use serde::Serialize;
use uuid::Uuid;

use super::{
    agents::Visit,
    reply::{self, Nothing, Refusal},
    state::State,
};
use crate::{
    exchange::{Exchange, Part, answered},
    hub::Channel,
    metrics,
    moment::{Moment, Tick},
    node::Node,
    owner::Plan,
    profiles::{Admitted, LiveProfile, Served},
    secret::Fingerprint,
    store::{AgentIdent, Command, Enrolment, Events, Report, Transport},
};

/// The answer to a registration or a beacon over HTTP: both say and are told the same.
pub(super) async fn all(
    request: &HttpRequest,
    state: &State,
    profile: &Admitted,
    visit: Visit,
    part: AgentPart,
) -> Result<HttpResponse, Refusal> {
    let caller = Caller {
        peer: state.peer(request),
        beacon_url: &state.beacon_url(request),
        channel: None,
        on_its_way: None,
    };
    let answer = answer(state, profile, caller, visit, part).await?;
    reply::ok(answer.body(Some(answer.interval))?)
}

/// From where an agent speaks.
pub(super) struct Caller<'a> {
    pub(super) peer: IpAddr,
    /// Where it sends its beacons.
    pub(super) beacon_url: &'a str,
    /// What is pushed to it, if it can be pushed to.
    pub(super) channel: Option<&'a Arc<Channel>>,
    /// Where its list is by the time it reads the answer, if that is not where it says.
    pub(super) on_its_way: Option<ListCursor>,
}

/// Keeps what an agent says and finds the answer.
pub(super) async fn answer(
    state: &State,
    profile: &Admitted,
    mut caller: Caller<'_>,
    visit: Visit,
    part: AgentPart,
) -> Result<Answer, Refusal> {
    let wants = Wants::of(profile, &part)?;
    let (agent, status) = (part.agent_id, part.config_status.clone());
    let live = profile.of_agent(agent);
    let (version, interval) = (live.version(), live.policy().beacon_delay());
    let served = live.served(caller.beacon_url)?;
    let is_news = served.is_news(part.have.config.as_ref(), part.config_status.as_ref());
    let (offered, refused) = (part.events.len() as u64, metrics::refused_by(&part.events));
    let has_events = offered > 0;
    let mut have = part.have.clone();
    if let Some(on_its_way) = caller.on_its_way.take() {
        have.list = Some(on_its_way);
    }
    if let Some(list) = have.list.as_ref().filter(|_| state.owner.health().is_shared) {
        catch_up(state, profile, list).await?;
    }
    let mut report = report(visit, &caller, (profile, live), part);
    let channel = caller.channel.map(Arc::clone);
    let profiles = Arc::clone(&state.profiles);
    let plan = move |node: &mut Node, now: Moment| {
        if !wants.may_speak(node, now.tick) {
            return (Plan::default(), None);
        }
        let mut intent = node.intent(&mut report);
        intent.commands.extend(wants.command(node, now.tick));
        (Plan::of(&mut intent), Some((report, intent, wants)))
    };
    let exchange = state.owner.act(plan, move |node, planned, answers, now| {
        let Some((report, intent, wants)) = planned else {
            return Ok(None);
        };
        let mut exchange = answered(node, &report, &intent, answers, &have, now)?;
        if let Some(channel) = channel {
            channel.settle(node, &mut exchange, now)?;
        }
        let enrolled = wants.granted(node);
        profiles.follow_credentials(&node.store);
        Ok(Some((exchange, enrolled)))
    });
    let exchange = exchange.await;
    if has_events {
        state.hub.touch(profile.fleet());
    }
    let Some((exchange, enrolled)) = exchange? else {
        return Err(Refusal::other_credential());
    };
    // from the next exchange on it is sent what is in force
    profile.note(agent, status.as_ref());
    let (known, ack, nack) = exchange.taken();
    state.metrics.events(ack.saturating_sub(known).min(offered), nack);
    let new = refused.into_iter().filter(|(seq, _)| (known + 1..=ack).contains(seq));
    state.metrics.refusals(profile.name(), new.map(|(_, check)| check));
    Ok(Answer {
        exchange,
        config: is_news.then_some(served),
        version,
        interval,
        enrolled: enrolled.map(|enrolled| enrolled.to_string()),
    })
}

/// Waits a little where an agent comes from a node that is further. It is never given an older
/// list: it comes again, here or elsewhere.
async fn catch_up(state: &State, profile: &Admitted, list: &ListCursor) -> Result<(), Refusal> {
    let is_there = async || {
        let (fleet, list) = (Arc::clone(profile.fleet()), list.clone());
        let is_behind = state.owner.ask(move |node, _| Ok(node.is_behind(&fleet, &list)));
        Ok(!is_behind.await?)
    };
    state.until_there(is_there).await
}

/// The credential that an agent wants, and by what right it speaks.
struct Wants {
    profile: Arc<str>,
    /// The name of the key that it enrols with.
    key: Arc<str>,
    agent: Uuid,
    fingerprint: Option<Fingerprint>,
    /// The fingerprint of what it speaks with; none where that is a certificate alone.
    by: Option<Fingerprint>,
    /// Whether that is a credential of its own.
    is_own: bool,
}

impl Wants {
    /// What this agent wants; an error, where the credential that it brought is another's.
    fn of(profile: &Admitted, part: &AgentPart) -> Result<Self, Refusal> {
        if profile.agent.is_some_and(|own| own != part.agent_id) {
            return Err(Refusal::wrong_key());
        }
        Ok(Self {
            profile: Arc::clone(profile.name()),
            key: Arc::clone(&profile.key),
            agent: part.agent_id,
            fingerprint: part.enrol.as_deref().and_then(Fingerprint::parse),
            by: profile.by,
            is_own: profile.agent.is_some(),
        })
    }

    /// Whether the key is good for this agent: one that agents share is not where the agent has a
    /// credential, unless it asks for that very one soon after, because the answer was lost. What
    /// it was admitted by may have gone since, so that the store is asked.
    fn may_speak(&self, node: &Node, now: Tick) -> bool {
        match (node.store.credential(&self.profile, self.agent), &self.by) {
            (Some(known), _) if known.revoked.is_some() => false,
            (Some(known), Some(by)) if self.is_own => known.is_good(by, now),
            (Some(known), Some(_)) => self.fingerprint == Some(known.fingerprint) && known.is_new(now),
            (Some(_), None) => false,
            (None, _) => !self.is_own,
        }
    }

    /// What has the agent enrol, if it may. By a certificate alone none does: the credential would
    /// be good without it.
    fn command(&self, node: &Node, now: Tick) -> Option<Command> {
        let enrolment = Enrolment {
            profile: Arc::clone(&self.profile),
            agent: self.agent,
            key: Arc::clone(&self.key),
            fingerprint: self.fingerprint?,
            by: self.by?,
            is_own: self.is_own,
        };
        let may_enrol = node.store.may_enrol(&enrolment, now);
        may_enrol.then_some(Command::Enrol(enrolment))
    }

    /// The credential, if the store has it.
    fn granted(&self, node: &Node) -> Option<Fingerprint> {
        let known = node.store.credential(&self.profile, self.agent)?;
        let is_it = Some(known.fingerprint) == self.fingerprint && known.revoked.is_none();
        is_it.then_some(known.fingerprint)
    }
}

fn report(visit: Visit, caller: &Caller<'_>, (profile, live): (&Admitted, &LiveProfile), part: AgentPart) -> Report {
    let Visit {
        version,
        introduction,
        telemetry,
        bans: _,
        mark: _,
    } = visit;
    let who = AgentIdent::Installed {
        profile: Arc::clone(profile.name()),
        id: part.agent_id,
    };
    Report {
        who: Arc::new(who),
        fleet: Arc::clone(profile.fleet()),
        peer: caller.peer,
        via: profile.via(),
        transport: caller.channel.map_or(Transport::Http, |_| Transport::WebSocket),
        version,
        introduction,
        telemetry,
        bans: live.bans(),
        events: Events::V2(Box::new(part)),
    }
}

/// An answer to an agent.
pub(super) struct Answer {
    pub(super) exchange: Exchange,
    /// The configuration, if it is news.
    pub(super) config: Option<Arc<Served>>,
    /// The version of the configuration that the agent is to run.
    pub(super) version: u64,
    /// How often that has it come.
    interval: Duration,
    /// The fingerprint of the credential that the agent has from now on.
    enrolled: Option<String>,
}

impl Answer {
    /// `data` of the answer. It says after which interval to come again, if the server is the one to say so.
    pub(super) fn body(&self, interval: Option<Duration>) -> Result<Body<'_>, Refusal> {
        let config = self.config.as_ref().map(|served| &*served.json);
        Ok(Body {
            config: Nothing {},
            blacklist: Nothing {},
            v2: self.exchange.part(config, interval)?.enrolled(self.enrolled.as_deref()),
        })
    }
}

/// `data` of the answer: version 1's fields are empty.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    config: Nothing,
    blacklist: Nothing,
    v2: Part<'a>,
}
