//! What is refused, how it is refused, and what passes.

use actix_web::{
    App, Error, HttpMessage as _, HttpResponse,
    dev::{AppService, HttpServiceFactory, ResourceDef, Service as _, ServiceRequest, fn_service},
    error::{ErrorImATeapot, ErrorUnauthorized},
    test,
    web::{self, ServiceConfig},
};

use buckler_actix_web::{Blocked, Buckler};

use crate::site::{ATTACKER, Site, behind_proxy, eventually, shop};

#[actix_web::test]
async fn a_clean_request_is_answered_by_the_application_alone() {
    let site = Site::start("", shop);
    let answer = site.get_as("198.51.100.1", "/items/7?color=red").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "item 7"));
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date"], "no header is added");
    eventually("the request is counted", || site.agent.status().requests.success == 1).await;
}

#[actix_web::test]
async fn a_decoys_visitor_is_answered_as_configured_and_listed() {
    let site = Site::start(
        "blacklist_status_code = 451\nblacklist_action_content = \"<b>No.</b>\"",
        shop,
    );
    let answer = site.get_as(ATTACKER, "/.env").await;
    assert_eq!((answer.status, answer.body.as_str()), (451, "<b>No.</b>"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = site.until(ATTACKER, "/", 451).await;
    assert_eq!(answer.body, "<b>No.</b>");
    assert_eq!(
        site.get_as("203.0.113.10", "/").await.status,
        200,
        "nobody else is shut out"
    );
    eventually("the ban is in the status", || site.agent.status().list.local == 1).await;
}

#[actix_web::test]
async fn a_decoy_at_level_one_is_answered_as_configured_and_lists_nobody() {
    let settings = "block_status_code = 410\nblock_action_content = \"gone\"\nsecurity_checks = { decoy = 1 }";
    let site = Site::start(settings, shop);
    let answer = site.get_as(ATTACKER, "/.env").await;
    assert_eq!((answer.status, answer.body.as_str()), (410, "gone"));
    eventually("the detection is settled", || {
        site.agent.status().events.settled_here == 1
    })
    .await;
    assert_eq!(site.get_as(ATTACKER, "/").await.status, 200);
    assert_eq!(site.agent.status().list.local, 0);
}

#[actix_web::test]
async fn refusals_can_redirect() {
    const SETTINGS: &str = "blacklist_action = \"redirect\"\nblacklist_status_code = 302\n\
                            blacklist_action_content = \"https://example.com/gone\"";
    let site = Site::start(SETTINGS, shop);
    let answer = site.get_as(ATTACKER, "/.env").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("https://example.com/gone"))
    );
    let answer = site.until(ATTACKER, "/", 302).await;
    assert_eq!(answer.header("location"), Some("https://example.com/gone"));
}

#[actix_web::test]
async fn a_check_that_only_logs_lets_pass() {
    let site = Site::start("security_checks = { decoy = 3, command = 3, path = 0 }", shop);
    let answer = site.get_as(ATTACKER, "/.env").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (404, ""),
        "the application's own 404"
    );
    eventually("the attack is counted", || site.agent.status().requests.attacks == 1).await;
    assert_eq!(site.get_as(ATTACKER, "/").await.status, 200);
}

#[actix_web::test]
async fn a_foreign_host_is_refused() {
    let site = Site::start(
        "hosts = [\"shop.example.com\"]\nsecurity_checks = { spoofing = 1 }",
        shop,
    );
    assert_eq!(site.get_with("/", &[("host", "evil.example")]).await.status, 403);
    assert_eq!(site.get_with("/", &[("host", "shop.example.com")]).await.status, 200);
    assert_eq!(
        site.get_with("/", &[("host", "SHOP.example.com:8443")]).await.status,
        200
    );
}

#[actix_web::test]
async fn a_forbidden_header_is_refused() {
    let site = Site::start(
        "forbidden_headers = [\"X-Debug\"]\nsecurity_checks = { headers = 1 }",
        shop,
    );
    assert_eq!(site.get_with("/", &[("x-debug", "1")]).await.status, 403);
    assert_eq!(site.get_with("/", &[("x-other", "1")]).await.status, 200);
}

#[actix_web::test]
async fn an_unknown_path_is_refused_when_nothing_answers_it() {
    let site = Site::start(
        "block_action_content = \"unknown\"\nsecurity_checks = { path = 1 }",
        shop,
    );
    let answer = site.get_as(ATTACKER, "/no/such/path").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "unknown"));
    assert_eq!(
        site.get_as(ATTACKER, "/missing").await.body,
        "",
        "a known path whose handler finds nothing is no attack"
    );
    let requests = site.agent.status().requests;
    assert_eq!(requests.attacks, 1, "{requests:?}");
}

#[actix_web::test]
async fn a_single_page_application_answers_every_path() {
    fn single_page(config: &mut ServiceConfig) {
        config.configure(shop).default_service(web::to(|| async { "index" }));
    }
    let site = Site::start("security_checks = { path = 2 }", single_page);
    let answer = site.get_as(ATTACKER, "/any/client/side/route").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "index"));
    assert_eq!(site.agent.status().requests.attacks, 0);
}

#[actix_web::test]
async fn a_page_of_the_application_is_no_decoy() {
    fn with_login(config: &mut ServiceConfig) {
        config
            .configure(shop)
            .service(web::scope("/account").route("/login", web::get().to(|| async { "who are you?" })));
    }
    let site = Site::start("decoy_routes = [[\"/login\", \"ends\"]]", with_login);
    assert_eq!(site.get_as("198.51.100.1", "/account/login").await.body, "who are you?");
    assert_eq!(
        site.get_as("198.51.100.1", "/account/%6cogin").await.body,
        "who are you?",
        "routing decodes it"
    );
    assert_eq!(site.get_as(ATTACKER, "/login").await.status, 403);
    assert_eq!(site.agent.status().requests.attacks, 1);
}

/// Takes every path that nothing else takes, as a folder of files mounted at `/` does, and has none of them.
struct EmptyFolder;

impl HttpServiceFactory for EmptyFolder {
    fn register(self, config: &mut AppService) {
        let nothing = fn_service(|request: ServiceRequest| async {
            Ok::<_, Error>(request.into_response(HttpResponse::NotFound()))
        });
        config.register_service(ResourceDef::root_prefix(""), None, nothing, None);
    }
}

#[actix_web::test]
async fn a_file_that_is_not_there_is_an_unknown_path() {
    fn with_folder(config: &mut ServiceConfig) {
        config.configure(shop).service(EmptyFolder);
    }
    let site = Site::start("security_checks = { path = 1 }", with_folder);
    assert!(
        site.get_as("198.51.100.1", "/no-such-file")
            .await
            .body
            .starts_with("Blocked. ")
    );
    assert_eq!(site.get_as("198.51.100.1", "/items/7").await.body, "item 7");
    assert!(site.get_as(ATTACKER, "/.env").await.body.starts_with("Blocked. "));
    assert_eq!(site.agent.status().requests.attacks, 2);
}

/// Three errors in a minute are a flood, which bans at once; requests alone never are.
const FEW_ERRORS: &str =
    "error_flood_ratio = 3\nerror_flood_delay = 60\nflood_ban_after = 0\nsecurity_checks = { flood = 0 }";

#[actix_web::test]
async fn a_flood_of_errors_lists_its_source() {
    let site = Site::start(FEW_ERRORS, shop);
    assert_eq!(
        site.get_as(ATTACKER, "/missing").await.status,
        404,
        "one error is none too many"
    );
    let answer = site.until(ATTACKER, "/missing", 403).await;
    assert!(answer.body.starts_with("Blocked. "));
    site.until(ATTACKER, "/", 403).await;
    assert_eq!(
        site.get_as("203.0.113.10", "/missing").await.status,
        404,
        "nobody else is shut out"
    );
}

#[actix_web::test]
async fn the_server_header_is_changed_only_where_the_settings_say_so() {
    let site = Site::start("change_server = true\nserver_header = \"Apache\"", shop);
    assert_eq!(site.get("/").await.header("server"), Some("Apache"));
    assert_eq!(
        site.get_as(ATTACKER, "/.env").await.header("server"),
        Some("Apache"),
        "a refusal looks the same"
    );
    let site = Site::start("server_header = \"Apache\"", shop);
    assert_eq!(site.get("/").await.header("server"), None);
}

/// An application whose own middleware returns errors instead of responses.
fn failing(security: &str) -> Site {
    Site::with_settings(&behind_proxy(security), || {
        App::new()
            .route("/", web::get().to(HttpResponse::Ok))
            .wrap_fn(|request, service| {
                let answer = service.call(request);
                async move {
                    let answer = answer.await?;
                    match answer.request().path() {
                        "/members" => Err(ErrorUnauthorized("who are you?")),
                        "/tea" => Err(ErrorImATeapot("short and stout")),
                        _ => Ok(answer),
                    }
                }
            })
    })
}

#[actix_web::test]
async fn an_inner_middlewares_error_is_counted_and_given_back_unchanged() {
    let site = failing(FEW_ERRORS);
    let answer = site.get("/tea").await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "short and stout"));
    eventually("the error is counted", || site.agent.status().requests.errors == 1).await;
    assert_eq!(site.agent.status().requests.success, 0);
}

#[actix_web::test]
async fn a_flood_of_an_inner_middlewares_errors_lists_its_source() {
    let site = failing(FEW_ERRORS);
    assert_eq!(
        site.get_as(ATTACKER, "/members").await.status,
        401,
        "one error is none too many"
    );
    let answer = site.until(ATTACKER, "/members", 403).await;
    assert!(answer.body.starts_with("Blocked. "));
    site.until(ATTACKER, "/", 403).await;
    assert_eq!(
        site.get_as("203.0.113.10", "/").await.status,
        200,
        "nobody else is shut out"
    );
}

#[actix_web::test]
async fn an_error_too_many_is_replaced_where_nobody_is_listed_for_it() {
    let settings = "error_flood_ratio = 3\nerror_flood_delay = 60\nsecurity_checks = { flood = 0, brute = 1 }";
    for (site, path) in [
        (failing(settings), "/members"),
        (Site::start(settings, shop), "/missing"),
    ] {
        let answer = site.until(ATTACKER, path, 429).await;
        assert_eq!(
            (answer.body.as_str(), answer.header("cache-control")),
            ("Too many requests", Some("no-store"))
        );
        assert!(answer.header("retry-after").is_some() && answer.header("x-block-id").is_some());
        assert_eq!(
            site.get_as(ATTACKER, "/").await.status,
            429,
            "until there is room for another"
        );
        assert_eq!(site.get_as(ATTACKER, "/logo.png").await.status, 404);
        assert_eq!(site.agent.status().list.local, 0);
    }
}

#[actix_web::test]
async fn a_refusal_tells_outer_middleware_what_it_is() {
    let site = Site::start("", shop);
    let buckler = Buckler::new(&site.agent);
    let app = App::new().configure(shop).wrap(buckler).wrap_fn(|request, service| {
        let answer = service.call(request);
        async {
            let mut response = answer.await?;
            let blocked = response.request().extensions().get::<Blocked>().copied();
            if let Some(Blocked { id, status }) = blocked {
                let told = format!("{id} {status}").parse().unwrap();
                response.headers_mut().insert("x-told".parse().unwrap(), told);
            }
            Ok::<_, Error>(response)
        }
    });
    let service = test::init_service(app).await;
    let ask = |path: &'static str, client: &'static str| {
        let request = test::TestRequest::with_uri(path).insert_header(("x-forwarded-for", client));
        test::call_service(&service, request.peer_addr("127.0.0.1:1".parse().unwrap()).to_request())
    };
    let told = |response: &HttpResponse<_>, name: &str| -> Option<String> {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let refused = ask("/.env", ATTACKER).await;
    let id = told(refused.response(), "x-block-id").unwrap();
    assert_eq!(told(refused.response(), "x-told"), Some(format!("{id} 403")));
    assert_eq!(told(ask("/", "203.0.113.10").await.response(), "x-told"), None);
    let attack = ask("/items/7?q=1%27+OR+%271%27%3D%271", "203.0.113.11").await;
    let id = told(attack.response(), "x-block-id").unwrap();
    let why = site.agent.why(id.parse().unwrap()).unwrap();
    assert_eq!(why.request.route.as_deref(), Some("/items/{id}"));
}
