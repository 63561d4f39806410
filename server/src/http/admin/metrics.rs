//! `GET /metrics`: what the server counts, as OpenMetrics text.

use actix_web::{HttpResponse, http::header, web::Data};

use super::routes::Asker;
use crate::{
    http::{reply::Refusal, state::State},
    metrics::Sight,
};

/// What OpenMetrics calls its text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn text(asker: Asker, state: Data<State>) -> Result<HttpResponse, Refusal> {
    asker.must_see_all()?;
    // one at a time: gauges are set, and then written
    let _turn = state.scraping.lock().await;
    let intervals = state.profiles.intervals();
    let seen = state.owner.ask(move |node, now| {
        let (agents, releases) = node.census(&intervals, now);
        let lists = node.store.fleets().filter_map(|fleet| {
            let head = node.store.list(fleet).ok()?.head();
            Some((fleet.to_string(), head.count, head.rev))
        });
        Ok(Sight {
            lists: lists.collect(),
            agents,
            releases,
            ..Sight::default()
        })
    });
    let (admission, journal) = (&state.admission, state.owner.health());
    let sight = Sight {
        websockets: admission.open(),
        websockets_most: admission.most(),
        turned_away: admission.turned_away(),
        is_ready: state.not_ready().is_none(),
        certificate_ends_s: state.tls().and_then(|tls| tls.ends_s()),
        journal_lag: journal.lag(state.elapsed()),
        ..seen.await?
    };
    let text = state
        .metrics
        .text(sight, journal)
        .map_err(|error| Refusal::failed(&error))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type(OPENMETRICS)
        .body(text))
}
