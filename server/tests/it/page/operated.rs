//! What operators do on the page: bans, configurations, proposals, and what a role may.

use super::*;

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
async fn a_configuration_is_published_to_a_share_and_goes_on_from_there() {
    let cloud = Cloud::start(config());
    let visit = cloud.sign_in(TOKEN);
    let agent = refused(&cloud, "/search").await;
    let candidate = async || {
        let path = "/admin/profiles/shop/candidate";
        cloud.admin(Method::GET, path, &Value::Null).await
    };
    let path = "/admin/profiles/shop/config";
    let in_force = async || cloud.admin(Method::GET, path, &Value::Null).await.good()["version"].to_string();
    let of = in_force().await;
    let stage = |share: &'static str| {
        let config = r#"{"APP_NAME": "shop", "FLOOD_RATIO": 100}"#;
        [
            ("do", "stage"),
            ("of", of.as_str()),
            ("share", share),
            ("config", config),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    };
    let post = |fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        visit.post("/profiles/shop", &fields)
    };
    assert_eq!(post(&stage("101")).status, 400, "it is no share");
    assert_eq!(post(&stage("10")).status, 303);
    let tried = candidate().await.good();
    assert_eq!((&tried["share"], &tried["agents"]["heard"]), (&json!(10), &json!(1)));
    let version = tried["version"].to_string();
    let shown = visit.shown("/profiles/shop");
    for said in [
        "Candidate ",
        version.as_str(),
        "to 10 % of the agents",
        "line new",
        "Put in force for all",
        "Abandon",
    ] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    let step = |what: &str, more: &[(&'static str, &str)]| {
        let mut fields = vec![("do", what.to_owned()), ("candidate", version.clone())];
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        post(&fields).status
    };
    assert_eq!(step("share", &[("share", "100")]), 303);
    // the agent rolls it back: the page says so, and the next step is to be insisted on
    let mut agent = agent;
    agent.part.config_status = Some(ConfigStatus {
        version: tried["version"].as_u64().unwrap(),
        state: ConfigState::RolledBack,
        error: Some(HOSTILE.to_owned()),
    });
    agent.beacon(&cloud).await;
    let shown = visit.shown("/profiles/shop");
    assert!(
        shown.contains("although agents refused it") && !shown.contains("<script>alert(2)"),
        "{shown}"
    );
    assert_eq!(step("promote", &[]), 409);
    assert_eq!(step("abandon", &[]), 303);
    candidate().await.refused(404);
    assert_eq!(in_force().await, of);
    assert_eq!(step("promote", &[("force", "yes")]), 404, "it is tried no more");
    assert_eq!(post(&stage("50")).status, 303);
    assert_eq!(step("promote", &[("force", "yes")]), 409, "another is");
    let version = candidate().await.good()["version"].to_string();
    let promote = [("do", "promote".to_owned()), ("candidate", version.clone())];
    assert_eq!(post(&promote).status, 303);
    assert_eq!(in_force().await, version);
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
