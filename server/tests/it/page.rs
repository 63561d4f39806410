//! The operators' page as a browser gets it: signing in, sessions, forms, roles, and hostile text.

use awc::http::Method;
use buckler::protocol::v2::{Detail, EventKind, Evidence, Health};
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
async fn a_ban_that_may_be_a_slip_is_asked_for_twice() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let ban = [
        ("fleet", "default"),
        ("address", "203.0.0.0/8"),
        ("ttl_s", "600"),
        ("reason", "scans"),
    ];
    let asked = visit.post("/list/ban", &ban);
    assert_eq!(asked.status, 200);
    assert!(
        asked.text().contains("Ban all the same") && asked.text().contains("16777216 addresses"),
        "{}",
        asked.text()
    );
    assert_eq!(cloud.listed().await, Vec::<String>::new());
    let sure: Vec<(&str, &str)> = ban.into_iter().chain([("sure", "yes")]).collect();
    assert_eq!(visit.post("/list/ban", &sure).status, 303);
    assert_eq!(cloud.listed().await, ["203.0.0.0/8"]);
    let found = visit.shown("/list?address=203.0.113.9");
    assert!(
        found.contains("203.0.113.9 is banned as part of 203.0.0.0/8") && found.contains("scans"),
        "{found}"
    );
    assert_eq!(
        visit
            .post("/list/ban", &[("address", "nowhere"), ("reason", "x")])
            .status,
        400
    );
}

#[actix_web::test]
async fn a_configuration_is_checked_and_compared_before_it_is_in_force() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let version = async || {
        let profile = cloud
            .admin(Method::GET, "/admin/profiles/shop/config", &Value::Null)
            .await
            .good();
        profile["version"].as_u64().unwrap().to_string()
    };
    let before = version().await;
    let sent = |what, config| [("do", what), ("of", before.as_str()), ("config", config)];
    let wrong = visit.post(
        "/profiles/shop",
        &sent("check", r#"{"SECURITY_CHECKS": {"sqli": "often"}}"#),
    );
    assert!(
        wrong.text().contains("often") && wrong.text().contains("role=\"alert\""),
        "{}",
        wrong.text()
    );
    let draft = r#"{"APP_NAME": "shop", "BLACKLIST_SHARE": true, "SECURITY_CHECKS": {"sqli": 0}}"#;
    let shown = visit.post("/profiles/shop", &sent("check", draft));
    for said in ["line gone", "line new", "Put in force", "Protects less"] {
        assert!(shown.text().contains(said), "{said} is not in {}", shown.text());
    }
    assert_eq!(version().await, before, "looked at, and nothing else");
    assert_eq!(visit.post("/profiles/shop", &sent("publish", draft)).status, 303);
    assert_ne!(version().await, before);
    let late = visit.post("/profiles/shop", &sent("publish", "{}"));
    assert_eq!(late.status, 409, "it was made of a version that is gone");
}

#[actix_web::test]
async fn an_earlier_configuration_is_compared_before_it_is_in_force_again() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    assert!(visit.shown("/profiles/shop").contains("No version was in force before"));
    let path = "/admin/profiles/shop/config";
    let before = cloud.admin(Method::GET, path, &Value::Null).await.good();
    let put = async |ratio: u64| {
        let config = json!({"APP_NAME": "shop", "FLOOD_RATIO": ratio});
        cloud.admin(Method::PUT, path, &config).await.good()["version"].to_string()
    };
    let (first, second) = (put(100).await, put(200).await);
    let shown = visit.shown("/profiles/shop");
    assert!(
        shown.contains("Compare with the file&#39;s") || shown.contains("Compare with the file's"),
        "{shown}"
    );
    assert!(shown.contains(&first), "{shown}");
    let compared = visit.post("/profiles/shop", &[("do", "compare"), ("version", &first)]);
    for said in ["line gone", "line new", "Put it in force again", "200", "100"] {
        assert!(compared.text().contains(said), "{said} is not in {}", compared.text());
    }
    let in_force = async || cloud.admin(Method::GET, path, &Value::Null).await.good();
    assert_eq!(
        in_force().await["version"].to_string(),
        second,
        "looked at, and nothing else"
    );
    let late = [("do", "back"), ("version", first.as_str()), ("of", first.as_str())];
    assert_eq!(
        visit.post("/profiles/shop", &late).status,
        409,
        "made of a version that is gone"
    );
    let back = [("do", "back"), ("version", first.as_str()), ("of", second.as_str())];
    assert_eq!(visit.post("/profiles/shop", &back).status, 303);
    assert_eq!(in_force().await["config"]["FLOOD_RATIO"], 100);
    let of = in_force().await["version"].to_string();
    let compared = visit.post("/profiles/shop", &[("do", "compare"), ("version", "file")]);
    assert!(
        compared.text().contains("Back to what the file says"),
        "{}",
        compared.text()
    );
    let back = [("do", "back"), ("version", "file"), ("of", of.as_str())];
    assert_eq!(visit.post("/profiles/shop", &back).status, 303);
    let reset = in_force().await;
    assert_eq!(
        (&reset["source"], &reset["config"]),
        (&before["source"], &before["config"])
    );
    assert_eq!(
        visit
            .post("/profiles/shop", &[("do", "compare"), ("version", "file")])
            .status,
        409
    );
    assert_eq!(
        visit.post("/profiles/shop", &[("do", "back"), ("version", "x")]).status,
        400
    );
    assert_eq!(
        visit.post("/profiles/shop", &[("do", "back"), ("version", "7")]).status,
        404
    );
}

#[actix_web::test]
async fn an_operator_is_shown_and_may_do_what_the_token_is_for() {
    let other = Profile::for_key("key-of-another").fleet("elsewhere");
    let cloud = Cloud::start(config().profile("another", other));
    refused(&cloud, "/search").await;
    let token = cloud.token("viewer", "view", Value::Null).await;
    let viewer = cloud.sign_in(&token);
    for view in VIEWS
        .into_iter()
        .chain(["/refusals/0123456789abcdef", "/profiles/shop"])
    {
        let text = viewer.shown(view);
        let forms = text.matches("method=\"post\"").count();
        assert_eq!(forms, 1, "{view}: signing out is all that is offered");
    }
    for (path, fields) in [
        ("/list/ban", [("address", "203.0.113.9"), ("ttl_s", "60")]),
        ("/list/unban", [("address", "203.0.113.7"), ("fleet", "default")]),
        ("/profiles/shop", [("config", "{}"), ("do", "publish")]),
        ("/refusals/0123456789abcdef/allow", [("a", ""), ("b", "")]),
        ("/proposals", [("address", "203.0.113.7"), ("do", "ban")]),
        ("/profiles/shop", [("do", "reset"), ("of", "1")]),
    ] {
        assert_eq!(viewer.post(path, &fields).status, 403, "{path}");
    }
    let stranger = cloud.token("other", "operate", json!(["elsewhere"])).await;
    let stranger = cloud.sign_in(&stranger);
    for view in ["", "/agents", "/proposals", "/findings", "/refusals", "/profiles"] {
        let text = stranger.shown(view);
        assert!(
            !text.contains("203.0.113.7") && !text.contains("shop"),
            "{view}: {text}"
        );
    }
    assert_eq!(stranger.get("/refusals/0123456789abcdef").status, 404);
    assert_eq!(stranger.get("/list?fleet=default").status, 404);
    assert_eq!(
        stranger
            .post("/list/unban", &[("address", "203.0.113.7"), ("fleet", "default")])
            .status,
        404
    );
    let tokens = cloud.admin(Method::GET, "/admin/tokens", &Value::Null).await.good();
    let all = tokens["tokens"].as_array().unwrap();
    let id = all.iter().find(|token| token["label"] == "viewer").unwrap()["id"]
        .as_str()
        .unwrap();
    cloud
        .admin(Method::DELETE, &format!("/admin/tokens/{id}"), &Value::Null)
        .await
        .good();
    assert_eq!(viewer.get("").status, 303, "a session ends with its token");
}

#[actix_web::test]
async fn what_one_application_proposes_is_banned_or_dismissed_by_an_operator() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    for address in ["203.0.113.20", "203.0.113.21", "203.0.113.22"] {
        agent.event(EventKind::Ban, address, BEGIN, 600);
        let event = agent.part.events.last_mut().unwrap();
        (event.evidence, event.why) = (Evidence::Repeated, "sqli".to_owned());
    }
    agent.beacon(&cloud).await;
    let proposed = async || {
        let all = cloud.admin(Method::GET, "/admin/proposals", &Value::Null).await.good();
        let all = all["proposals"].as_array().unwrap().iter();
        all.map(|one| one["address"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(proposed().await, ["203.0.113.20", "203.0.113.21", "203.0.113.22"]);
    assert_eq!(cloud.listed().await, Vec::<String>::new());
    let visit = cloud.sign_in(TOKEN);
    let shown = visit.shown("/proposals");
    for said in ["203.0.113.20", "SQL Injection", "Ban for all", "Dismiss"] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    let fields = |address, what| [("address", address), ("do", what)];
    assert_eq!(visit.post("/proposals", &fields("203.0.113.20", "ban")).status, 303);
    assert_eq!(cloud.listed().await, ["203.0.113.20"]);
    let entry = cloud
        .admin(Method::GET, "/admin/blacklist?address=203.0.113.20", &Value::Null)
        .await
        .good();
    assert_eq!(
        (
            &entry["entries"][0]["why"],
            &entry["entries"][0]["ttl_s"],
            &entry["entries"][0]["operator"]
        ),
        (&json!("sqli"), &json!(600), &json!(true)),
        "as the application had it"
    );
    assert_eq!(
        visit.post("/proposals", &fields("203.0.113.20", "ban")).status,
        404,
        "once"
    );
    assert_eq!(visit.post("/proposals", &fields("203.0.113.21", "dismiss")).status, 303);
    assert_eq!(visit.post("/proposals", &fields("203.0.113.22", "forget")).status, 400);
    assert_eq!(proposed().await, ["203.0.113.22"]);
    assert_eq!(cloud.listed().await, ["203.0.113.20"]);

    // over the API, by who may
    let viewer = cloud.token("viewer", "view", Value::Null).await;
    let named = json!({"address": "203.0.113.22"});
    cloud
        .by(&viewer, Method::POST, "/admin/proposals", &named)
        .await
        .refused(403);
    let dismiss = "/admin/proposals?address=203.0.113.22";
    let dismissed = cloud.admin(Method::DELETE, dismiss, &Value::Null).await.good();
    assert_eq!(dismissed["dismissed"]["profile"], "shop");
    cloud.admin(Method::DELETE, dismiss, &Value::Null).await.refused(404);
    cloud.admin(Method::POST, "/admin/proposals", &named).await.refused(404);
    let audit = cloud
        .admin(Method::GET, "/admin/audit?action=proposal.dismiss", &Value::Null)
        .await
        .good();
    assert_eq!(audit["entries"].as_array().unwrap().len(), 2, "{audit}");
    assert_eq!(audit["entries"][0]["old"]["why"], "sqli");
    assert_eq!(proposed().await, Vec::<String>::new());
}

#[actix_web::test]
async fn what_is_only_logged_is_counted_beside_what_is_refused() {
    let other = Profile::for_key("key-of-another").fleet("elsewhere");
    let cloud = Cloud::start(config().profile("another", other));
    let mut agent = refused(&cloud, "/search").await;
    let logs = |agent: &mut Agent, rule: &str| {
        agent.event(EventKind::Attack, "203.0.113.9", BEGIN, 0);
        let event = agent.part.events.last_mut().unwrap();
        event.why = "xss".to_owned();
        event.detail = Some(Box::new(Detail {
            id: None,
            rule: rule.to_owned(),
            route: Some("/comment".to_owned()),
            level: 3,
            ..detail("/comment")
        }));
    };
    for _ in 0..3 {
        logs(&mut agent, "xss/script");
    }
    logs(&mut agent, "xss/handler");
    agent.beacon(&cloud).await;
    // what was not acknowledged is sent again, and counts once
    agent.beacon(&cloud).await;
    let found = async |query: &str| {
        let path = format!("/admin/findings{query}");
        let found = cloud.admin(Method::GET, &path, &Value::Null).await.good();
        let rows = found["findings"].as_array().unwrap().iter();
        rows.map(|row| {
            (
                row["rule"].as_str().unwrap().to_owned(),
                row["count"].as_u64().unwrap(),
                row["refused"] == true,
            )
        })
        .collect::<Vec<_>>()
    };
    let logged = |rule: &str, count| (rule.to_owned(), count, false);
    assert_eq!(
        found("").await,
        [
            logged("xss/script", 3),
            ("/search".to_owned(), 1, true),
            logged("xss/handler", 1)
        ]
    );
    assert_eq!(found("?rule=xss/h").await, [logged("xss/handler", 1)]);
    assert_eq!(found("?level=3&route=/comment&check=xss&profile=shop").await.len(), 2);
    assert_eq!(found("?level=1").await, []);
    assert_eq!(found("?profile=another").await, []);
    let whole = cloud
        .admin(Method::GET, "/admin/findings?hours=2", &Value::Null)
        .await
        .good();
    assert_eq!((&whole["logged"], &whole["refused"]), (&json!([0, 4]), &json!([0, 1])));
    let visit = cloud.sign_in(TOKEN);
    let shown = visit.shown("/findings?check=xss");
    for said in ["xss/script", "/comment", "logged", "only logged, most at"] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    assert!(!shown.contains("/search</code>"), "{shown}");
    let stranger = cloud.token("other", "operate", json!(["elsewhere"])).await;
    let theirs = cloud
        .by(&stranger, Method::GET, "/admin/findings", &Value::Null)
        .await
        .good();
    assert_eq!(theirs["findings"], json!([]), "another fleet's");
    cloud.clock.pass(3_600);
    assert_eq!(found("?hours=1").await, [], "an hour ago");
    assert_eq!(found("?hours=2").await.len(), 3);
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
