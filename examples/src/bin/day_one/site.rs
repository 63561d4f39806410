//! The site: pages with many pictures, a single-page application, sign-in, an API, uploads,
//! webhooks, and an area for administrators.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes, ServiceConfig},
};

/// Pictures on the gallery's page.
pub(crate) const PICTURES: usize = 200;

/// The site's routes.
pub(crate) fn site(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(page))
        .route("/gallery", web::get().to(page))
        .route("/static/{file:.*}", web::get().to(file))
        .route("/search", web::get().to(page))
        .route("/login", web::get().to(page))
        .route("/login", web::post().to(taken))
        .route("/account/password", web::post().to(taken))
        .route("/comments", web::post().to(taken))
        .route("/oauth/authorize", web::get().to(page))
        .route("/api/cart", web::post().to(taken))
        .route("/api/profile", web::put().to(taken))
        .route("/api/profile", web::post().to(taken))
        .route("/api/import", web::post().to(taken))
        .route("/api/templates", web::post().to(taken))
        .route("/api/errors", web::post().to(taken))
        .route("/csp-report", web::post().to(taken))
        .route("/hooks/git", web::post().to(taken))
        .route("/healthz", web::get().to(page))
        .route("/admin/", web::get().to(page))
        .route("/admin/settings", web::post().to(taken))
        .default_service(web::to(fallback));
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body("<!doctype html><title>page</title>")
}

async fn file() -> HttpResponse {
    HttpResponse::Ok().content_type("image/webp").body("RIFF....WEBP")
}

/// Takes a body to its end, as handlers do.
async fn taken(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().json(body.len())
}

/// The single-page application has every path below `/app`; what is nowhere else is not there.
async fn fallback(request: HttpRequest) -> HttpResponse {
    if request.path().starts_with("/app/") {
        page().await
    } else {
        HttpResponse::NotFound().body("no such page")
    }
}
