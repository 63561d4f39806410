//! The operators' page as a browser gets it: signing in, sessions, forms, roles, and hostile text.

mod listed;
mod named;
mod operated;

use awc::http::Method;
use buckler::protocol::v2::{ConfigState, ConfigStatus, Detail, EventKind, Evidence, Health};
use buckler_server::Profile;
use buckler_tests::http::{self, Answer, Connection};
use serde_json::{Value, json};

use crate::support::{Agent, BEGIN, Cloud, TOKEN, config};

const ID: &str = "0123456789abcdef";

/// Every view but those of one thing.
const VIEWS: [&str; 8] = [
    "",
    "/agents",
    "/list",
    "/proposals",
    "/findings",
    "/refusals",
    "/profiles",
    "/audit",
];

/// What would run in a browser if a template did not escape it.
const HOSTILE: &str = r#"'"><img src=x onerror=alert(1)><script>alert(2)</script>"#;

/// A browser without a face.
struct Visit<'a> {
    cloud: &'a Cloud,
    cookie: String,
}

impl Cloud {
    fn ask_page(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let url = self.server.url();
        let address = url.socket_addrs(|| None).unwrap()[0];
        let head = format!(
            "{method} {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{headers}",
            body.len()
        );
        http::ask(address, &head, body.as_bytes())
    }

    fn sign_in(&self, token: &str) -> Visit<'_> {
        let answer = self.ask_page("POST", "/admin/ui/sign-in", "", &format!("token={token}"));
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Visit { cloud: self, cookie }
    }
}

impl Visit<'_> {
    fn get(&self, path: &str) -> Answer {
        let cookie = format!("Cookie: {}\r\n", self.cookie);
        self.cloud.ask_page("GET", &format!("/admin/ui{path}"), &cookie, "")
    }

    #[track_caller]
    fn shown(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text().to_owned()
    }

    /// The token of the session's forms.
    fn form(&self) -> String {
        let text = self.shown("/profiles");
        let (_, rest) = text.split_once(r#"name="form" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = self.form();
        let fields = fields.iter().copied().chain([("form", form.as_str())]);
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let cookie = format!("Cookie: {}\r\n", self.cookie);
        self.cloud.ask_page("POST", &format!("/admin/ui{path}"), &cookie, &body)
    }
}

fn detail(text: &str) -> Detail {
    Detail {
        id: Some(ID.to_owned()),
        rule: text.to_owned(),
        place: text.to_owned(),
        score: 95,
        level: 2,
        config_version: Some(3),
        method: Some(text.to_owned()),
        route: Some(text.to_owned()),
        host: Some(text.to_owned()),
        status: Some(403),
        exception: Some(json!({"rule": "sqli/tautology", "place": "query:q", "route": text}).to_string()),
        requests: 4,
        values: 3,
        withheld: false,
    }
}

/// An agent that refused a request, of which it says this.
async fn refused(cloud: &Cloud, text: &str) -> Agent {
    let mut agent = Agent::new();
    agent.part.health = Health {
        state: "synced".to_owned(),
        ..Health::default()
    };
    agent.register(cloud).await;
    agent.event(EventKind::Ban, "203.0.113.7", BEGIN, 600);
    let event = agent.part.events.last_mut().unwrap();
    event.why = "sqli".to_owned();
    event.detail = Some(Box::new(detail(text)));
    agent.beacon(cloud).await;
    agent
}

#[actix_web::test]
async fn who_has_not_signed_in_is_sent_to_where_that_is_done() {
    let cloud = Cloud::start(config());
    for view in VIEWS {
        let answer = cloud.ask_page("GET", &format!("/admin/ui{view}"), "", "");
        assert_eq!(answer.status, 303, "{view}");
        assert!(
            answer.header("location").unwrap().starts_with("/admin/ui/sign-in"),
            "{view}"
        );
    }
    assert_eq!(
        cloud.ask_page("GET", "/admin", "", "").header("location"),
        Some("/admin/ui")
    );
    let asked = cloud.ask_page("GET", "/admin/ui/refusals?profile=shop", "", "");
    let to = asked.header("location").unwrap();
    assert_eq!(to, "/admin/ui/sign-in?next=%2Fadmin%2Fui%2Frefusals%3Fprofile%3Dshop");
    let form = cloud.ask_page("GET", to, "", "");
    assert!(
        form.text().contains(r#"value="/admin/ui/refusals?profile=shop""#),
        "{}",
        form.text()
    );
    let body = format!("token={TOKEN}&next=/admin/ui/refusals?profile=shop");
    let signed_in = cloud.ask_page("POST", "/admin/ui/sign-in", "", &body);
    assert_eq!(signed_in.header("location"), Some("/admin/ui/refusals?profile=shop"));
    let elsewhere = cloud.ask_page(
        "POST",
        "/admin/ui/sign-in",
        "",
        &format!("token={TOKEN}&next=//evil.example"),
    );
    assert_eq!(elsewhere.header("location"), Some("/admin/ui"));
}

#[actix_web::test]
async fn a_session_has_a_strict_cookie_and_ends() {
    let cloud = Cloud::start(config());
    let answer = cloud.ask_page("POST", "/admin/ui/sign-in", "", &format!("token={TOKEN}"));
    let cookie = answer.header("set-cookie").unwrap();
    for said in ["HttpOnly", "SameSite=Strict", "Path=/admin/ui", "Max-Age=43200"] {
        assert!(cookie.contains(said), "{cookie}");
    }
    assert!(!cookie.contains(TOKEN), "it stands for the token and does not hold it");
    let visit = cloud.sign_in(TOKEN);
    assert_eq!(visit.get("").status, 200);
    assert_eq!(
        visit.post("/sign-out", &[]).header("location"),
        Some("/admin/ui/sign-in")
    );
    assert_eq!(visit.get("").status, 303, "signed out");
    let other = cloud.sign_in(TOKEN);
    cloud.clock.pass(2 * 3_600);
    assert_eq!(other.get("").status, 303, "it was not used for two hours");
}

#[actix_web::test]
async fn behind_a_proxy_that_speaks_tls_the_cookie_is_for_tls_alone() {
    let cloud = Cloud::start(buckler_server::ServerConfig {
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..config()
    });
    let answer = cloud.ask_page(
        "POST",
        "/admin/ui/sign-in",
        "X-Forwarded-Proto: https\r\n",
        &format!("token={TOKEN}"),
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Secure-buckler=") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
}

#[actix_web::test]
async fn guesses_are_throttled_as_those_of_the_admin_api_are() {
    let cloud = Cloud::start(config());
    for _ in 0..30 {
        assert_eq!(
            cloud.ask_page("POST", "/admin/ui/sign-in", "", "token=guess").status,
            401
        );
    }
    assert_eq!(
        cloud.ask_page("POST", "/admin/ui/sign-in", "", "token=guess").status,
        429
    );
    assert_eq!(
        cloud.sign_in(TOKEN).get("").status,
        200,
        "who has the token is let in all the same"
    );
}

#[actix_web::test]
async fn a_form_is_taken_from_the_sessions_own_page_alone() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let ban = |form: &str, headers: &str| {
        let cookie = format!("Cookie: {}\r\n{headers}", visit.cookie);
        let body = format!("form={form}&address=203.0.113.50&ttl_s=600&reason=x");
        cloud.ask_page("POST", "/admin/ui/list/ban", &cookie, &body).status
    };
    let another = cloud.sign_in(TOKEN).form();
    for form in ["", "00", another.as_str()] {
        assert_eq!(ban(form, ""), 403, "{form}");
    }
    let own = visit.form();
    assert_eq!(ban(&own, "Sec-Fetch-Site: cross-site\r\n"), 403);
    assert_eq!(
        ban(&own, "Sec-Fetch-Site: same-site\r\n"),
        403,
        "a neighbour is no friend"
    );
    assert_eq!(cloud.listed().await, Vec::<String>::new());
    assert_eq!(ban(&own, "Sec-Fetch-Site: same-origin\r\n"), 303);
    assert_eq!(cloud.listed().await, ["203.0.113.50"]);
    let login = cloud.ask_page(
        "POST",
        "/admin/ui/sign-in",
        "Sec-Fetch-Site: cross-site\r\n",
        &format!("token={TOKEN}"),
    );
    assert_eq!(login.status, 403, "nor may another site sign a browser in");
}

#[actix_web::test]
async fn every_view_is_under_the_policy_and_hostile_text_stays_text() {
    let cloud = Cloud::start(config());
    let mut agent = refused(&cloud, HOSTILE).await;
    agent.part.health.alarm = Some(HOSTILE.to_owned());
    agent.beacon(&cloud).await;
    let ban = json!({"address": "198.51.100.1", "ttl_s": 60, "reason": HOSTILE});
    cloud.admin(Method::POST, "/admin/blacklist", &ban).await.good();
    let visit = cloud.sign_in(TOKEN);
    let agent = format!("/agent?profile=shop&id={}", agent.part.agent_id);
    let refusal = format!("/refusals/{ID}");
    let found = "/list?address=203.0.113.7";
    for view in VIEWS.into_iter().chain([
        agent.as_str(),
        &refusal,
        found,
        "/profiles/shop",
        "/list?address=198.51.100.1",
    ]) {
        let answer = visit.get(view);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'"),
            "{policy}"
        );
        assert!(
            policy.contains("form-action 'self'; frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let text = answer.text();
        assert!(
            !text.contains("<img src=x") && !text.contains("<script>"),
            "{view}: {text}"
        );
        assert!(!text.contains("style=\"") && !text.contains(" onclick"), "{view}");
        assert_eq!(text.matches("<script").count(), 1, "{view}");
    }
    for view in ["", agent.as_str(), &refusal, found, "/list", "/audit"] {
        let text = visit.shown(view);
        assert!(
            text.contains("&lt;script&gt;alert(2)&lt;/script&gt;"),
            "{view}: it is shown as what it is"
        );
    }
}

#[actix_web::test]
async fn a_refusal_explains_itself_and_offers_what_helps() {
    let cloud = Cloud::start(config());
    refused(&cloud, "/search").await;
    let visit = cloud.sign_in(TOKEN);
    let by_id = visit.get(&format!("/refusals?id={ID}"));
    assert_eq!(
        by_id.header("location"),
        Some(format!("/admin/ui/refusals/{ID}").as_str())
    );
    let text = visit.shown(&format!("/refusals/{ID}"));
    for said in [
        "SQL Injection",
        "query:q",
        "203.0.113.7",
        "version 3",
        "is banned",
        "Add it to shop",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    let unban = [
        ("fleet", "default"),
        ("address", "203.0.113.7"),
        ("back", "/admin/ui/refusals/0123456789abcdef"),
    ];
    assert_eq!(visit.post("/list/unban", &unban).status, 303);
    assert_eq!(cloud.listed().await, Vec::<String>::new());
    assert!(
        visit
            .shown(&format!("/refusals/{ID}"))
            .contains("No entry of the fleet's list bans it")
    );
    assert_eq!(visit.post(&format!("/refusals/{ID}/allow"), &[]).status, 303);
    let profile = cloud
        .admin(Method::GET, "/admin/profiles/shop/config", &Value::Null)
        .await
        .good();
    let exception = json!([{"rule": "sqli/tautology", "place": "query:q", "route": "/search"}]);
    assert_eq!(profile["config"]["EXCEPTIONS"], exception, "{profile}");
    assert_eq!(profile["config"]["APP_NAME"], "shop", "all else stays");
    assert_eq!(visit.post(&format!("/refusals/{ID}/allow"), &[]).status, 409, "once");
    let audit = cloud.admin(Method::GET, "/admin/audit", &Value::Null).await.good();
    let actions: Vec<&str> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert!(actions.starts_with(&["profile", "unban"]), "{actions:?}");
    assert_eq!(visit.get("/refusals/ffffffffffffffff").status, 404);
}

#[actix_web::test]
async fn refusals_are_found_by_rule_route_and_client() {
    let cloud = Cloud::start(config());
    refused(&cloud, "/search").await;
    let visit = cloud.sign_in(TOKEN);
    for (query, is_found) in [
        ("rule=%2Fsea", true),
        ("rule=sqli", false),
        ("route=%2Fsearch", true),
        ("route=%2Fsea", false),
        ("route=%2Fsearch&check=sqli&profile=shop&client=203.0.113.0%2F24", true),
        ("client=203.0.114.0%2F24", false),
    ] {
        let text = visit.shown(&format!("/refusals?{query}"));
        assert_eq!(text.contains(ID), is_found, "{query}");
        let listed = cloud
            .admin(Method::GET, &format!("/admin/refusals?{query}"), &Value::Null)
            .await;
        let listed = listed.good()["refusals"].as_array().unwrap().len();
        assert_eq!(listed, usize::from(is_found), "{query}");
    }
    assert_eq!(visit.get("/refusals?client=nowhere").status, 400);
}

#[actix_web::test]
async fn open_pages_are_told_that_something_has_changed() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let address = cloud.server.url().socket_addrs(|| None).unwrap()[0];
    let mut stream = Connection::open(address);
    stream.send(format!(
        "GET /admin/ui/events HTTP/1.1\r\nHost: shop.example.com\r\nCookie: {}\r\n\r\n",
        visit.cookie
    ));
    let head = stream.read_until("event: hello");
    assert!(
        head.to_lowercase().contains("content-type: text/event-stream"),
        "{head}"
    );
    refused(&cloud, "/search").await;
    stream.read_until("event: change");
    visit.post("/sign-out", &[]);
    // the last chunk: the stream ends with the session
    stream.read_until("\r\n0\r\n\r\n");
}
