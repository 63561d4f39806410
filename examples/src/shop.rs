//! A small shop: the application that the examples guard. It knows nothing of Buckler.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    rt::time::sleep,
    web::{self, Bytes, Json, Path, Query, ServiceConfig},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};

/// What the shop sells; an item's number is its place in the list.
pub(crate) const ITEMS: [&str; 4] = ["buckler", "gauntlet", "hauberk", "sallet"];

/// Between two lines of `/stream`.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// Lines of `/stream`.
pub(crate) const TICKS: u32 = 5;

/// The shop's routes.
pub fn shop(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(index))
        .route("/items/{id}", web::get().to(item))
        .route("/search", web::get().to(search))
        .route("/orders", web::post().to(order))
        .route("/stream", web::get().to(prices));
}

async fn index() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(list())
}

/// The page that lists what there is.
pub(crate) fn list() -> String {
    let list: String = ITEMS
        .iter()
        .enumerate()
        .map(|(id, name)| format!("<li><a href=\"/items/{id}\">{name}</a>"))
        .collect();
    format!("<!doctype html><title>shop</title><ul>{list}</ul>")
}

#[derive(Serialize)]
pub(crate) struct Item {
    pub(crate) id: usize,
    pub(crate) name: &'static str,
}

async fn item(id: Path<usize>) -> HttpResponse {
    let id = id.into_inner();
    match ITEMS.get(id) {
        Some(name) => HttpResponse::Ok().json(Item { id, name }),
        None => HttpResponse::NotFound().body("no such item"),
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    q: String,
}

async fn search(wanted: Query<Wanted>) -> Json<Vec<Item>> {
    Json(found(&wanted))
}

/// The items whose names hold what is wanted.
pub(crate) fn found(wanted: &Wanted) -> Vec<Item> {
    let items = ITEMS.into_iter().enumerate();
    let found = items.filter(|(_, name)| name.contains(&wanted.q));
    found.map(|(id, name)| Item { id, name }).collect()
}

#[derive(Deserialize)]
pub(crate) struct Order {
    item: usize,
    count: u32,
}

#[derive(Serialize)]
pub(crate) struct Receipt {
    name: &'static str,
    count: u32,
}

impl Receipt {
    /// `None` where there is no such item.
    pub(crate) fn of(order: &Order) -> Option<Self> {
        let name = ITEMS.get(order.item)?;
        Some(Self {
            name,
            count: order.count,
        })
    }
}

async fn order(order: Json<Order>) -> HttpResponse {
    match Receipt::of(&order) {
        Some(receipt) => HttpResponse::Created().json(receipt),
        None => HttpResponse::UnprocessableEntity().body("no such item"),
    }
}

/// A response that takes its time, as server-sent events.
async fn prices() -> HttpResponse {
    let lines = stream::unfold(0, |tick| async move {
        if tick == TICKS {
            return None;
        }
        sleep(TICK).await;
        Some((Ok::<_, actix_web::Error>(Bytes::from(price(tick))), tick + 1))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(lines)
}

/// The event of a tick.
pub(crate) fn price(tick: u32) -> String {
    format!("data: {}\n\n", 100 + tick)
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};

    use super::*;

    async fn ask(request: test::TestRequest) -> (u16, String) {
        let app = test::init_service(App::new().configure(shop)).await;
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        (
            status,
            String::from_utf8(test::read_body(response).await.to_vec()).unwrap(),
        )
    }

    #[actix_web::test]
    async fn it_sells() {
        let order = test::TestRequest::post()
            .uri("/orders")
            .set_json(serde_json::json!({"item": 0, "count": 2}));
        assert_eq!(ask(order).await, (201, r#"{"name":"buckler","count":2}"#.to_owned()));
        let search = test::TestRequest::get().uri("/search?q=au");
        assert_eq!(
            ask(search).await.1,
            r#"[{"id":1,"name":"gauntlet"},{"id":2,"name":"hauberk"}]"#
        );
        assert_eq!(ask(test::TestRequest::get().uri("/items/9")).await.0, 404);
        assert_eq!(
            ask(test::TestRequest::get().uri("/stream"))
                .await
                .1
                .matches("data: ")
                .count(),
            5
        );
    }
}
