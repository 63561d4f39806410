//! Answers to version 2 agents. Pages of the list and the configuration come encoded, and are put in as they are.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse};
use buckler::{
    model::address,
    protocol::v2::{AgentPart, ConfigCursor, ConfigState, ConfigStatus, Flag, ListMode, ListUpdate, Nack, Next},
};
use ipnet::IpNet;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    agents::Visit,
    reply::{self, Nothing, Refusal},
    state::State,
};
use crate::{
    list::Head,
    moment::{Moment, Tick},
    profiles::LiveProfile,
    store::{AgentIdent, Events, ListStep, Receipt, Report},
};

/// The part of the interval by which agents are spread, so that a fleet that started at once does not speak at once.
const JITTER: u32 = 5;

/// What the store said to an agent's message.
struct Exchange {
    receipt: Receipt,
    step: ListStep,
    now: Moment,
}

/// `data` of the answer: version 1's fields are empty.
#[derive(Serialize)]
struct Answer<'a> {
    config: Nothing,
    blacklist: Nothing,
    v2: Part<'a>,
}

/// As `protocol::v2::ServerPart`, with its large fields encoded already.
#[derive(Serialize)]
struct Part<'a> {
    server_ms: u64,
    ack: u64,
    #[serde(skip_serializing_if = "<[Nack]>::is_empty")]
    nack: &'a [Nack],
    list: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a RawValue>,
    next: Next,
    #[serde(skip_serializing_if = "<[Flag]>::is_empty")]
    flags: &'a [Flag],
}

/// The answer to a registration or a beacon: both say and are told the same.
pub(super) async fn all(
    request: &HttpRequest,
    state: &State,
    profile: &LiveProfile,
    visit: Visit,
    part: AgentPart,
) -> Result<HttpResponse, Refusal> {
    let served = profile.served(&state.beacon_url(request))?;
    let news = is_news(&served.cursor, part.have.config.as_ref(), part.config_status.as_ref());
    let have = part.have.clone();
    let report = report(visit, state.peer(request), profile, part);
    let fleet = Arc::clone(profile.fleet());
    let exchange = state.owner.ask(move |store, now| {
        let receipt = store.report(&report, now)?;
        let step = store.list_for(&fleet, &have, now)?;
        Ok(Exchange { receipt, step, now })
    });
    let exchange = exchange.await?;
    answer(
        &exchange,
        news.then_some(&*served.json),
        profile.policy().beacon_delay(),
    )
}

fn report(visit: Visit, peer: IpAddr, profile: &LiveProfile, part: AgentPart) -> Report {
    let Visit {
        version,
        introduction,
        telemetry,
        bans: _,
    } = visit;
    let who = AgentIdent::Installed {
        profile: Arc::clone(profile.name()),
        id: part.agent_id,
    };
    Report {
        who: Arc::new(who),
        fleet: Arc::clone(profile.fleet()),
        peer,
        version,
        introduction,
        telemetry,
        events: Events::V2(Box::new(part)),
    }
}

fn answer(exchange: &Exchange, config: Option<&RawValue>, interval: Duration) -> Result<HttpResponse, Refusal> {
    let Exchange { receipt, step, now } = exchange;
    let (list, next) = match step {
        ListStep::Current(head) => {
            let update = update(ListMode::None, head.rev, head, Vec::new(), Vec::new());
            (to_raw_value(&update)?.into(), next(interval))
        }
        ListStep::Delta {
            from,
            head,
            add,
            remove,
        } => {
            let add = add
                .iter()
                .map(|(network, end)| entry(*network, *end, now.tick))
                .collect();
            let remove = remove.iter().map(|network| address::to_text(*network)).collect();
            (
                to_raw_value(&update(ListMode::Delta, *from, head, add, remove))?.into(),
                next(interval),
            )
        }
        ListStep::Page(snapshot, page) => {
            let Some(json) = snapshot.page(*page, now.tick)? else {
                return Err(Refusal::failed(&format_args!("a snapshot has no page {page}")));
            };
            let last = *page == snapshot.pages();
            // the next page is ready: the agent may come as soon as it likes
            (
                json,
                if last {
                    next(interval)
                } else {
                    Next {
                        after_ms: 0,
                        jitter_ms: 0,
                    }
                },
            )
        }
    };
    let flags: &[Flag] = if receipt.registered {
        &[]
    } else {
        &[Flag::RegisterAgain]
    };
    let v2 = Part {
        server_ms: now.unix_ms,
        ack: receipt.ack,
        nack: &receipt.nack,
        list: &list,
        config,
        next,
        flags,
    };
    reply::ok(Answer {
        config: Nothing {},
        blacklist: Nothing {},
        v2,
    })
}

fn update(mode: ListMode, from: u64, head: &Head, add: Vec<(String, u64)>, remove: Vec<String>) -> ListUpdate {
    ListUpdate {
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

fn entry(network: IpNet, end: Tick, now: Tick) -> (String, u64) {
    (address::to_text(network), end.left(now))
}

fn next(interval: Duration) -> Next {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Next {
        after_ms: millis(interval),
        jitter_ms: millis(interval / JITTER),
    }
}

/// Whether an agent must be sent the configuration: it has another, and has not found this one unusable.
fn is_news(newest: &ConfigCursor, have: Option<&ConfigCursor>, status: Option<&ConfigStatus>) -> bool {
    let has_it = have.is_some_and(|have| have.hash == newest.hash);
    let refused = status.is_some_and(|status| {
        status.version == newest.version && matches!(status.state, ConfigState::Failed | ConfigState::RolledBack)
    });
    !has_it && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(version: u64, hash: &str) -> ConfigCursor {
        ConfigCursor {
            version,
            hash: hash.to_owned(),
        }
    }

    #[test]
    fn a_configuration_is_sent_until_the_agent_has_it_or_cannot_use_it() {
        let newest = cursor(8, "new");
        let status = |version, state| {
            Some(ConfigStatus {
                version,
                state,
                error: None,
            })
        };
        assert!(is_news(&newest, None, None));
        assert!(is_news(&newest, Some(&cursor(7, "old")), None));
        assert!(is_news(
            &newest,
            Some(&cursor(7, "old")),
            status(7, ConfigState::Failed).as_ref()
        ));
        assert!(!is_news(&newest, Some(&cursor(7, "new")), None), "the hash decides");
        assert!(!is_news(
            &newest,
            Some(&cursor(7, "old")),
            status(8, ConfigState::Failed).as_ref()
        ));
        assert!(!is_news(&newest, None, status(8, ConfigState::RolledBack).as_ref()));
    }
}
