//! What actix-web says about routes, as the middleware relies on it: `match_pattern()` is asked once the inner service has
//! answered, when the request carries the path through the routing tree that was really taken. Before routing the same
//! call only guesses from the registered patterns.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that its setting is wrong")]

use std::{cell::RefCell, rc::Rc};

use actix_web::{
    App, Error, HttpResponse,
    dev::{AppService, HttpServiceFactory, ResourceDef, Service, ServiceRequest, fn_service},
    guard, test,
    web::{self, ServiceConfig},
};

/// What was seen of one request: the pattern before routing, the pattern after it, and the status.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    before: Option<String>,
    after: Option<String>,
    status: u16,
}

/// A service that takes everything under a prefix, registered in the way `actix_files::Files` does it.
struct Folder(&'static str);

impl HttpServiceFactory for Folder {
    fn register(self, config: &mut AppService) {
        let found_nothing =
            fn_service(|req: ServiceRequest| async { Ok::<_, Error>(req.into_response(HttpResponse::NotFound())) });
        config.register_service(ResourceDef::root_prefix(self.0), None, found_nothing, None);
    }
}

async fn ask(method: &str, uri: &str, configure: fn(&mut ServiceConfig)) -> Seen {
    let seen = Rc::new(RefCell::new(None));
    let app = test::init_service(App::new().configure(configure).wrap_fn({
        let seen = Rc::clone(&seen);
        move |request, service| {
            let before = request.match_pattern();
            let answered = service.call(request);
            let seen = Rc::clone(&seen);
            async move {
                let response = answered.await?;
                let after = response.request().match_pattern();
                *seen.borrow_mut() = Some(Seen {
                    before,
                    after,
                    status: response.status().as_u16(),
                });
                Ok(response)
            }
        }
    }))
    .await;
    let request = test::TestRequest::with_uri(uri)
        .method(method.parse().unwrap())
        .to_request();
    app.call(request).await.unwrap();
    seen.take().unwrap()
}

fn seen(before: Option<&str>, after: Option<&str>, status: u16) -> Seen {
    Seen {
        before: before.map(Into::into),
        after: after.map(Into::into),
        status,
    }
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

fn shop(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(ok))
        .service(
            web::resource("/items/{id}")
                .route(web::get().to(not_found))
                .route(web::put().to(ok)),
        )
        .service(web::resource(["/old", "/older"]).to(ok))
        .service(web::redirect("/duck", "/"))
        .service(Folder("/static"))
        .service(
            web::scope("/api")
                .service(
                    web::scope("/v1")
                        .route("/users/{id}", web::get().to(ok))
                        .default_service(web::to(not_found)),
                )
                .route("/health", web::get().to(ok)),
        )
        .configure(|nested| {
            nested.route("/configured", web::get().to(ok));
        })
        .external_resource("elsewhere", "https://example.com/{name}");
}

#[actix_web::test]
async fn a_route_that_was_found_has_a_pattern_whatever_its_handler_answers() {
    assert_eq!(ask("GET", "/", shop).await, seen(Some("/"), Some("/"), 200));
    assert_eq!(
        ask("GET", "/items/7", shop).await,
        seen(Some("/items/{id}"), Some("/items/{id}"), 404)
    );
    assert_eq!(
        ask("GET", "/older", shop).await,
        seen(Some("/old"), Some("/old"), 200),
        "the first of several patterns"
    );
    assert_eq!(ask("GET", "/duck", shop).await, seen(Some("/duck"), Some("/duck"), 307));
    assert_eq!(
        ask("GET", "/api/v1/users/7", shop).await,
        seen(Some("/api/v1/users/{id}"), Some("/api/v1/users/{id}"), 200)
    );
    assert_eq!(
        ask("GET", "/configured", shop).await,
        seen(Some("/configured"), Some("/configured"), 200)
    );
}

#[actix_web::test]
async fn a_wrong_method_still_has_the_resources_pattern() {
    assert_eq!(
        ask("DELETE", "/items/7", shop).await,
        seen(Some("/items/{id}"), Some("/items/{id}"), 405)
    );
    assert_eq!(
        ask("POST", "/configured", shop).await,
        seen(Some("/configured"), Some("/configured"), 404)
    );
}

#[actix_web::test]
async fn an_unknown_path_has_none() {
    for uri in [
        "/wp-login.php",
        "/items",
        "/items/7/",
        "/api",
        "/api/",
        "/api/unknown",
        "/api/v1/unknown",
        "/Elsewhere",
    ] {
        assert_eq!(ask("GET", uri, shop).await, seen(None, None, 404), "{uri}");
    }
}

#[actix_web::test]
async fn everything_under_a_prefix_service_has_its_pattern() {
    assert_eq!(
        ask("GET", "/static/no/such/file", shop).await,
        seen(Some("/static"), Some("/static"), 404)
    );
    assert_eq!(
        ask("GET", "/staticfile", shop).await,
        seen(None, None, 404),
        "a prefix ends at a slash"
    );
}

#[actix_web::test]
async fn a_prefix_service_at_the_root_has_an_empty_pattern() {
    fn site(config: &mut ServiceConfig) {
        config.route("/known", web::get().to(ok)).service(Folder(""));
    }
    assert_eq!(ask("GET", "/no/such/file", site).await, seen(Some(""), Some(""), 404));
    assert_eq!(
        ask("GET", "/known", site).await,
        seen(Some("/known"), Some("/known"), 200)
    );
}

#[actix_web::test]
async fn an_external_resource_matches_no_path() {
    assert_eq!(ask("GET", "/elsewhere", shop).await, seen(None, None, 404));
    assert_eq!(ask("GET", "/example.com/x", shop).await, seen(None, None, 404));
}

#[actix_web::test]
async fn a_default_service_answers_without_a_pattern() {
    fn single_page(config: &mut ServiceConfig) {
        config
            .route("/api/items", web::get().to(ok))
            .default_service(web::to(ok));
    }
    assert_eq!(
        ask("GET", "/any/client/side/route", single_page).await,
        seen(None, None, 200)
    );
    assert_eq!(
        ask("GET", "/api/items", single_page).await,
        seen(Some("/api/items"), Some("/api/items"), 200)
    );
}

#[actix_web::test]
async fn a_scopes_default_service_answers_without_a_pattern() {
    fn scoped(config: &mut ServiceConfig) {
        config.service(
            web::scope("/app")
                .route("/known", web::get().to(ok))
                .default_service(web::to(ok)),
        );
    }
    assert_eq!(ask("GET", "/app/unknown", scoped).await, seen(None, None, 200));
}

#[actix_web::test]
async fn an_encoded_path_has_its_pattern_only_after_routing() {
    assert_eq!(
        ask("GET", "/%63onfigured", shop).await,
        seen(None, Some("/configured"), 200)
    );
}

#[actix_web::test]
async fn a_second_scope_of_the_same_prefix_has_its_pattern_only_after_routing() {
    fn by_host(config: &mut ServiceConfig) {
        config
            .service(
                web::scope("/shop")
                    .guard(guard::Host("a.example"))
                    .route("/one", web::get().to(ok)),
            )
            .service(web::scope("/shop").route("/two", web::get().to(not_found)));
    }
    assert_eq!(
        ask("GET", "/shop/two", by_host).await,
        seen(None, Some("/shop/two"), 404)
    );
}

#[actix_web::test]
async fn a_route_whose_guard_refuses_keeps_its_pattern() {
    fn guarded(config: &mut ServiceConfig) {
        config.service(web::resource("/admin").guard(guard::Header("x-admin", "1")).to(ok));
    }
    assert_eq!(
        ask("GET", "/admin", guarded).await,
        seen(Some("/admin"), Some("/admin"), 404)
    );
}
