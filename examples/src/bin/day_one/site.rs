//! The sites: pages with many pictures, a single-page application, sign-in, an API, uploads,
//! webhooks, and an area for administrators.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes, ServiceConfig},
};

/// Pictures on the gallery's page.
pub(crate) const PICTURES: usize = 200;

/// What answers for paths that no route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The single-page application is below `/app`; other paths are not there.
    Pages,
    /// The single-page application has every path.
    SinglePage,
}

impl Kind {
    /// All kinds; a day is played on each.
    pub(crate) const ALL: [Self; 2] = [Self::Pages, Self::SinglePage];

    /// The routes of such a site.
    pub(crate) fn routes(self) -> fn(&mut ServiceConfig) {
        match self {
            Self::Pages => |config| {
                shared(config);
                config.default_service(web::to(below_app));
            },
            Self::SinglePage => |config| {
                shared(config);
                config.default_service(web::to(page));
            },
        }
    }

    /// The beginning of the single-page application's paths.
    pub(crate) const fn application(self) -> &'static str {
        match self {
            Self::Pages => "/app",
            Self::SinglePage => "",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pages => "a site of pages",
            Self::SinglePage => "a single-page application",
        }
    }
}

/// The routes that both kinds have.
fn shared(config: &mut ServiceConfig) {
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
        .route("/admin/settings", web::post().to(taken));
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
async fn below_app(request: HttpRequest) -> HttpResponse {
    if request.path().starts_with("/app/") {
        page().await
    } else {
        HttpResponse::NotFound().body("no such page")
    }
}
