//! A small blog: the other application of the tour's fleet.

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, Path, ServiceConfig},
};

/// What was written so far; a post's number is its place in the list.
const POSTS: [&str; 2] = ["How to hold a shield", "How to fall behind one"];

/// The blog's routes.
pub fn blog(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(index))
        .route("/posts/{id}", web::get().to(post));
}

async fn index() -> HttpResponse {
    page(
        "blog",
        &POSTS.iter().map(|title| format!("<li>{title}")).collect::<String>(),
    )
}

async fn post(id: Path<usize>) -> HttpResponse {
    match POSTS.get(id.into_inner()) {
        Some(title) => page(title, "<p>To be continued."),
        None => HttpResponse::NotFound().body("no such post"),
    }
}

fn page(title: &str, content: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(format!("<!doctype html><title>{title}</title>{content}"))
}
