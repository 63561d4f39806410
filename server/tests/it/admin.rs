//! What operators can do.

use awc::http::Method;
use buckler::protocol::v2::{Detail, EventKind};
use buckler_server::Profile;
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY, TOKEN, config};

#[actix_web::test]
async fn entries_are_listed_in_pages_and_looked_up() {
    let cloud = Cloud::start(config());
    for host in 1..=5 {
        cloud.operator_bans(&format!("203.0.113.{host}"), Some(60)).await;
    }
    cloud.operator_bans("198.51.100.0/24", None).await;
    let get = async |query: &str| {
        cloud
            .admin(Method::GET, &format!("/admin/blacklist{query}"), &Value::Null)
            .await
    };
    let page = get("?limit=4").await.good();
    assert_eq!(
        (&page["count"], &page["rev"], &page["fleet"]),
        (&json!(6), &json!(6), &json!("default"))
    );
    assert_eq!(page["entries"].as_array().unwrap().len(), 4);
    let rest = get(&format!("?limit=4&after={}", page["next"].as_str().unwrap()))
        .await
        .good();
    assert_eq!(rest["entries"].as_array().unwrap().len(), 2);
    assert_eq!(rest["next"], Value::Null);
    let one = get("?address=198.51.100.77").await.good();
    assert_eq!(
        one["entries"][0]["address"], "198.51.100.0/24",
        "the network that covers it"
    );
    assert_eq!(one["entries"][0]["ttl_s"], Value::Null, "for ever");
    assert_eq!(one["entries"][0]["why"], "seen in the log");
    assert_eq!(get("?address=192.0.2.1").await.good()["entries"], json!([]));
    assert!(get("?address=somebody").await.refused(400).contains("somebody"));
    get("?limit=many").await.refused(400);
    assert!(get("?fleet=unknown").await.refused(404).contains("default"));
}

#[actix_web::test]
async fn an_operator_bans_what_no_agent_can_but_must_insist() {
    let cloud = Cloud::start(config());
    let post = async |body: Value| cloud.admin(Method::POST, "/admin/blacklist", &body).await;
    let message = post(json!({"address": "10.0.0.0/8"})).await.refused(409);
    assert!(message.contains("force"), "{message}");
    assert_eq!(
        post(json!({"address": "10.0.0.0/8", "force": true})).await.good()["result"],
        "added"
    );
    assert_eq!(
        post(json!({"address": "203.0.0.0/16", "force": true})).await.good()["entry"]["by"],
        "operator"
    );
    let known = post(json!({"address": "203.0.0.0/16", "force": true})).await.good();
    assert_eq!((&known["result"], &known["covers"]), (&json!("known"), &json!(65_536)));
    for bad in [
        json!({}),
        json!({"address": 5}),
        json!({"address": "x"}),
        json!({"address": "203.0.113.1", "ttl": 5}),
        json!([]),
    ] {
        post(bad).await.refused(400);
    }
    assert!(
        post(json!({"address": "203.0.113.1", "ttl_s": 0}))
            .await
            .refused(400)
            .contains("ttl_s")
    );
}

#[actix_web::test]
async fn a_slip_of_the_pen_needs_force_and_is_shown_for_what_it_is() {
    let cloud = Cloud::start(config());
    let post = async |body: Value| cloud.admin(Method::POST, "/admin/blacklist", &body).await;
    for (ban, doubt) in [
        (json!({"address": "203.0.113.77/24", "ttl_s": 60}), "host bits"),
        (json!({"address": "2001:db8::1/64", "ttl_s": 60}), "host bits"),
        (json!({"address": "203.0.112.0/23", "ttl_s": 60}), "512 addresses"),
        (json!({"address": "2001:d00::/32", "ttl_s": 60}), "wider than an agent"),
        (json!({"address": "203.0.113.7"}), "never end"),
        (json!({"address": "203.0.113.7", "ttl_s": null}), "never end"),
    ] {
        let message = post(ban.clone()).await.refused(409);
        assert!(
            message.contains(doubt) && message.contains("\"force\": true"),
            "{message}"
        );
        let mut insisted = ban.clone();
        insisted["force"] = json!(true);
        post(insisted).await.good();
        assert!(!cloud.listed().await.is_empty(), "{ban}");
    }
    let done = post(json!({"address": "198.51.100.7", "ttl_s": 60, "reason": "seen"}))
        .await
        .good();
    assert_eq!(
        (&done["covers"], &done["entry"]["address"]),
        (&json!(1), &json!("198.51.100.7"))
    );
    let forced = post(json!({"address": "198.51.100.77/25", "ttl_s": 60, "force": true}))
        .await
        .good();
    assert_eq!(
        (
            &forced["asked"]["address"],
            &forced["asked"]["network"],
            &forced["covers"]
        ),
        (&json!("198.51.100.77/25"), &json!("198.51.100.0/25"), &json!(128))
    );
    assert_eq!(forced["entry"]["address"], "198.51.100.0/25");
}

#[actix_web::test]
async fn a_dry_run_says_whom_a_ban_would_shut_out_and_lists_nothing() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    let post = async |body: Value| cloud.admin(Method::POST, "/admin/blacklist", &body).await;
    let shown = post(json!({"address": "127.0.0.0/8", "dry_run": true})).await.good();
    assert_eq!(
        (&shown["result"], &shown["covers"]),
        (&json!("dry_run"), &json!(1 << 24))
    );
    assert_eq!(shown["would_block"]["agents"][0]["id"], agent.part.agent_id.to_string());
    assert_eq!(shown["needs_force"].as_array().map(Vec::len), Some(3), "{shown}");
    let dry = json!({"address": "198.51.100.7", "ttl_s": 60, "dry_run": true});
    let elsewhere = post(dry.clone()).await.good();
    assert_eq!(elsewhere["would_block"], json!({"agents": [], "clients": []}));
    // a client that an application has refused is one that is there
    for (client, id) in [
        ("198.51.100.7", "00000000000000aa"),
        ("198.51.100.8", "00000000000000ab"),
    ] {
        agent.event(EventKind::Attack, client, cloud.clock.unix(), 0);
        let refused = agent.part.events.last_mut().unwrap();
        refused.detail = Some(Box::new(Detail {
            id: Some(id.to_owned()),
            ..Detail::default()
        }));
    }
    agent.beacon(&cloud).await;
    let known = post(dry).await.good();
    assert_eq!(known["would_block"], json!({"agents": [], "clients": ["198.51.100.7"]}));
    assert_eq!(cloud.listed().await, Vec::<String>::new());
}

#[actix_web::test]
async fn wrong_tokens_and_keys_are_slowed_and_right_ones_are_not() {
    let cloud = Cloud::start(config());
    let guess = async |n: usize| {
        let bearer = format!("Bearer guess-{n}");
        cloud
            .send(Method::GET, "/admin/agents", &[("authorization", &bearer)], b"")
            .await
    };
    for n in 0..30 {
        guess(n).await.refused(401);
    }
    let slowed = guess(30).await;
    assert_eq!(slowed.retry_after.as_deref(), Some("60"));
    slowed.refused(429);
    let wrong = json!({"key": "guess", "version": "0.9.2"});
    cloud.post("/config", &wrong).await.refused(429);
    cloud.agents().await;
    cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    cloud.clock.pass(60);
    guess(31).await.refused(401);
}

#[actix_web::test]
async fn an_operator_lets_in_what_an_agent_banned() {
    let cloud = Cloud::start(config());
    let mut agent = Agent::new();
    agent.register(&cloud).await;
    agent.ban("203.0.113.7", cloud.clock.unix());
    agent.beacon(&cloud).await;
    let removed = cloud.operator_unbans("203.0.113.7").await.good()["removed"].take();
    assert_eq!(removed["by"], agent.part.agent_id.to_string());
    assert_eq!(
        (&removed["why"], &removed["profile"], &removed["ttl_s"]),
        (&json!("decoy"), &json!("shop"), &json!(3_600))
    );
    assert_eq!(
        cloud.operator_unbans("203.0.113.7").await.refused(404),
        "203.0.113.7 is not listed"
    );
    cloud.operator_bans("203.0.113.0/24", Some(60)).await;
    let message = cloud.operator_unbans("203.0.113.7").await.refused(404);
    assert_eq!(
        message,
        "203.0.113.7 is not listed, but 203.0.113.0/24 is, and covers it"
    );
    cloud
        .admin(Method::DELETE, "/admin/blacklist", &Value::Null)
        .await
        .refused(400);
}

#[actix_web::test]
async fn a_configuration_is_read_replaced_and_checked() {
    let cloud = Cloud::start(config());
    let path = "/admin/profiles/shop/config";
    let before = cloud.admin(Method::GET, path, &Value::Null).await.good();
    assert_eq!(
        (&before["name"], &before["template"]),
        (&json!("shop"), &json!("default"))
    );
    let after = cloud
        .admin(Method::PUT, path, &json!({"config": {"app_name": "store"}}))
        .await
        .good();
    assert_eq!(
        after["config"],
        json!({"APP_NAME": "store"}),
        "keys in upper case, out of their wrapper"
    );
    assert!(after["version"].as_u64() > before["version"].as_u64());
    let again = cloud
        .admin(Method::PUT, path, &json!({"APP_NAME": "store"}))
        .await
        .good();
    assert_eq!(again["version"], after["version"], "nothing changed");
    let message = cloud
        .admin(Method::PUT, path, &json!({"BEACON_DELAY": "soon", "HOSTS": 5}))
        .await
        .refused(422);
    assert!(
        message.contains("BEACON_DELAY") && message.contains("HOSTS"),
        "{message}"
    );
    let message = cloud
        .admin(
            Method::PUT,
            path,
            &json!({"BEACON_DELAI": 30, "SECURITY_CHECKS": {"sqly": 2}}),
        )
        .await
        .refused(422);
    for said in [
        "BEACON_DELAI: found an unknown key, did you mean BEACON_DELAY?",
        "SECURITY_CHECKS.sqly: found an unknown key, did you mean SECURITY_CHECKS.sqli?",
    ] {
        assert!(message.contains(said), "{message}");
    }
    let message = cloud.admin(Method::PUT, path, &json!({"KEY": "x"})).await.refused(422);
    assert!(
        message.contains("KEY"),
        "an agent's key comes from nowhere else: {message}"
    );
    assert_eq!(
        cloud.admin(Method::GET, path, &Value::Null).await.good(),
        again,
        "a refused one changes nothing"
    );
    let odd = cloud
        .admin(Method::PUT, path, &json!({"APP_NAME": "store", "PAINT_IT": "blue"}))
        .await
        .good();
    let said = json!(["PAINT_IT: no agent knows this key"]);
    assert_eq!(odd["warnings"], said, "one that resembles none is taken");
    assert_eq!(
        cloud.admin(Method::GET, path, &Value::Null).await.good()["warnings"],
        said
    );
    cloud
        .admin(Method::PUT, "/admin/profiles/nobody/config", &json!({}))
        .await
        .refused(404);
    let all = cloud.admin(Method::GET, "/admin/profiles", &Value::Null).await;
    assert!(!all.text.contains(KEY) && !all.text.contains(TOKEN) && all.text.contains("store"));
    let answer = cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    assert_eq!(answer["config"]["APP_NAME"], "store");
}

#[actix_web::test]
async fn an_agent_is_late_and_gone_by_the_interval_of_its_profile() {
    let slow = Profile::for_key("key-of-the-slow").set("BEACON_DELAY", 300);
    let cloud = Cloud::start(config().profile("slow", slow));
    Agent::new().register(&cloud).await;
    Agent::with_key("key-of-the-slow").register(&cloud).await;
    for (passes, of_shop, of_slow) in [
        (80, "online", "online"),
        (20, "late", "online"),
        (500, "gone", "online"),
        (400, "gone", "late"),
    ] {
        cloud.clock.pass(passes);
        for agent in cloud.agents().await {
            let expected = if agent["profile"] == "slow" { of_slow } else { of_shop };
            assert_eq!(agent["state"], expected, "{agent}");
        }
    }
    assert_eq!(cloud.agents().await[0]["silent_s"], 1_000);
}

#[actix_web::test]
async fn a_wide_network_is_taken_on_request_and_a_protected_one_is_not() {
    let cloud = Cloud::start(config());
    let ban = |address: &str, allow_wide: bool| json!({"address": address, "ttl_s": 60, "allow_wide": allow_wide});
    let refused = cloud
        .admin(Method::POST, "/admin/blacklist", &ban("192.0.0.0/20", false))
        .await;
    assert!(refused.refused(409).contains("wider than an agent may ask for"));
    cloud
        .admin(Method::POST, "/admin/blacklist", &ban("192.0.0.0/20", true))
        .await
        .good();
    for (address, said) in [
        ("10.0.0.0/8", "protected"),
        ("0.0.0.0/0", "protected"),
        ("192.0.0.9/20", "host bits"),
    ] {
        let refused = cloud.admin(Method::POST, "/admin/blacklist", &ban(address, true)).await;
        assert!(refused.refused(409).contains(said), "{address}");
    }
    assert_eq!(cloud.listed().await, ["192.0.0.0/20"]);
}

#[actix_web::test]
async fn agents_are_paged_and_filtered() {
    let cloud = Cloud::start(config());
    for _ in 0..5 {
        Agent::new().register(&cloud).await;
    }
    let ask = async |query: &str| {
        let path = format!("/admin/agents?{query}");
        cloud.admin(Method::GET, &path, &Value::Null).await
    };
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = ask(&format!("limit=2{after}")).await.good();
        assert_eq!(page["count"], 5);
        let agents = page["agents"].as_array().unwrap();
        assert!(agents.len() <= 2);
        seen.extend(agents.iter().map(|agent| agent["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert!(seen.is_sorted() && seen.len() == 5, "{seen:?}");
    for (query, found) in [
        ("platform=actix-web&profile=shop&fleet=default", 5),
        ("platform=Flask", 0),
        ("profile=blog", 0),
        ("fleet=other", 0),
        ("state=gone", 0),
    ] {
        assert_eq!(ask(query).await.good()["count"], found, "{query}");
    }
    cloud.clock.pass(100_000);
    assert_eq!(ask("state=gone").await.good()["agents"].as_array().unwrap().len(), 5);
    let refused = ask("state=asleep").await.refused(400);
    assert!(refused.contains("online, late, gone"), "{refused}");
    ask("sort=id").await.refused(400);
}

#[actix_web::test]
async fn agents_are_known_by_what_their_hosts_say() {
    let cloud = Cloud::start(config());
    let identity = |said: Value| serde_json::from_value(said).unwrap();
    let mut shop = Agent::new();
    shop.part.identity = Some(identity(json!({
        "name": "shop\u{1b}[2J", "host": "web-1", "release": "2.4.1", "environment": "production",
        "labels": {"tier": "web", "zone": "eu:1", "long": "x".repeat(1_000)}, "later": "unknown",
    })));
    shop.register(&cloud).await;
    // a beacon says nothing of it, and takes nothing back
    shop.part.identity = None;
    shop.beacon(&cloud).await;
    let mut other = Agent::new();
    other.part.identity = Some(identity(json!({"environment": "staging", "labels": {"tier": "job"}})));
    other.register(&cloud).await;
    let ask = async |query: &str| {
        let path = format!("/admin/agents?{query}");
        let page = cloud.admin(Method::GET, &path, &Value::Null).await.good();
        let agents = page["agents"].as_array().unwrap().clone();
        agents
            .into_iter()
            .map(|agent| agent["identity"].clone())
            .collect::<Vec<_>>()
    };
    let found = ask("name=shop[2J&host=web-1&release=2.4.1&environment=production").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["labels"]["long"].as_str().unwrap().len(), 256);
    assert_eq!(found[0]["labels"]["zone"], "eu:1");
    // one without a name is called as its profile's configuration has it
    let found = ask("environment=staging").await;
    assert_eq!((found.len(), &found[0]["name"]), (1, &json!("shop")));
    for (label, many) in [
        ("tier:web", 1),
        ("tier", 2),
        ("zone:eu:1", 1),
        ("tier:we", 0),
        ("zone:eu", 0),
        ("ti", 0),
    ] {
        assert_eq!(ask(&format!("label={label}")).await.len(), many, "{label}");
    }
    // who registers again without it has it no longer
    shop.register(&cloud).await;
    assert!(ask("host=web-1").await.is_empty());
}

#[actix_web::test]
async fn agents_that_are_gone_are_forgotten_when_an_operator_says_so() {
    let cloud = Cloud::start(config());
    let (gone, speaks) = (Agent::new(), Agent::new());
    gone.register(&cloud).await;
    // of version 1, whose names have what a path has
    let v1 = json!({"key": KEY, "version": "0.9.2", "platform": "Flask", "routes": {}});
    cloud.post("/config", &v1).await.good();
    let delete = async |path: &str| cloud.admin(Method::DELETE, path, &Value::Null).await;
    let id = gone.part.agent_id;
    let message = delete(&format!("/admin/agents/{id}")).await.refused(409);
    assert!(message.contains("is online"), "{message}");
    cloud.clock.pass(40 * 60);
    speaks.register(&cloud).await;
    delete("/admin/agents").await.refused(400);
    delete("/admin/agents?state=late").await.refused(400);
    delete("/admin/agents/no-such-agent").await.refused(404);
    delete(&format!("/admin/agents/{id}?profile=blog")).await.refused(404);
    delete(&format!("/admin/agents/{id}")).await.good();
    let names = async || {
        let agents = cloud.agents().await;
        agents
            .iter()
            .map(|agent| agent["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let left = names().await;
    assert_eq!(left.len(), 2);
    let by_address = left.iter().find(|name| name.contains('/')).unwrap();
    let encoded = by_address.replace('/', "%2F");
    delete(&format!("/admin/agents/{encoded}")).await.good();
    assert_eq!(names().await, [speaks.part.agent_id.to_string()]);
    // who speaks again is there again, once it has registered
    assert_eq!(
        gone.beacon(&cloud).await.flags,
        [buckler::protocol::v2::Flag::RegisterAgain]
    );
    gone.register(&cloud).await;
    cloud.clock.pass(40 * 60);
    let done = delete("/admin/agents?state=gone&profile=blog").await.good();
    assert_eq!(done["forgotten"], 0);
    let done = delete("/admin/agents?state=gone").await.good();
    assert_eq!((&done["forgotten"], &done["more"]), (&json!(2), &json!(false)));
    assert!(names().await.is_empty());
    let audit = cloud
        .admin(Method::GET, "/admin/audit?action=agent.forget", &Value::Null)
        .await
        .good();
    let entries = audit["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3, "{audit}");
    assert_eq!(
        (&entries[0]["target"], &entries[0]["old"]["agents"]),
        (&json!("gone"), &json!(2))
    );
    assert_eq!(entries[2]["target"], id.to_string());
}

#[actix_web::test]
async fn agents_that_say_nothing_for_long_are_forgotten_by_themselves() {
    let cloud = Cloud::start(buckler_server::ServerConfig {
        agents: buckler_server::AgentRules {
            forget_after_s: 3_600.try_into().unwrap(),
        },
        ..config()
    });
    Agent::new().register(&cloud).await;
    cloud.clock.pass(3_500);
    let later = Agent::new();
    later.register(&cloud).await;
    assert_eq!(cloud.agents().await.len(), 2);
    cloud.clock.pass(200);
    while cloud.agents().await.len() == 2 {
        actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(cloud.agents().await[0]["id"], later.part.agent_id.to_string());
}
