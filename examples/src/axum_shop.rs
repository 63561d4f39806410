//! The [shop](crate::shop) in axum: the same pages at the same paths.

use std::convert::Infallible;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
};
use buckler_tower::axum::RecordedRouter;
use futures_util::stream;
use tokio::time::sleep;

use crate::shop::{ITEMS, Item, Order, Receipt, TICK, TICKS, Wanted, found, list, price};

/// The shop and its routes.
pub fn shop() -> RecordedRouter {
    RecordedRouter::new()
        .get("/", async || Html(list()))
        .get("/items/{id}", item)
        .get("/search", async |wanted: Query<Wanted>| Json(found(&wanted)))
        .post("/orders", order)
        .get("/stream", prices)
}

async fn item(Path(id): Path<usize>) -> Response {
    match ITEMS.get(id) {
        Some(name) => Json(Item { id, name }).into_response(),
        None => (StatusCode::NOT_FOUND, "no such item").into_response(),
    }
}

async fn order(Json(order): Json<Order>) -> Response {
    match Receipt::of(&order) {
        Some(receipt) => (StatusCode::CREATED, Json(receipt)).into_response(),
        None => (StatusCode::UNPROCESSABLE_ENTITY, "no such item").into_response(),
    }
}

/// A response that takes its time, as server-sent events.
async fn prices() -> impl IntoResponse {
    let lines = stream::unfold(0, |tick| async move {
        if tick == TICKS {
            return None;
        }
        sleep(TICK).await;
        Some((Ok::<_, Infallible>(Bytes::from(price(tick))), tick + 1))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(lines))
}
