//! Every answer is an envelope, whatever is asked.

use awc::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Cloud, KEY, OTHER_KEY, TOKEN, config};

#[actix_web::test]
async fn a_wrong_key_is_403_and_a_key_without_a_profile_404() {
    let cloud = Cloud::start(config());
    for path in ["/config", "/beacon"] {
        for body in [
            json!({"key": "wrong", "version": "0.9.2"}),
            json!({"version": "0.9.2"}),
            json!({"key": null}),
            json!({"key": ""}),
        ] {
            assert_eq!(cloud.post(path, &body).await.refused(403), "wrong or missing agent key");
        }
        let unassigned = json!({"key": "unassigned", "version": "0.9.2"});
        assert_eq!(
            cloud.post(path, &unassigned).await.refused(404),
            "no security profile for this key"
        );
    }
    assert!(cloud.agents().await.is_empty(), "none of them is an agent");
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused_without_repeating_it() {
    let cloud = Cloud::start(config());
    let bodies = [
        "".to_owned(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "{\"key\": 5}".to_owned(),
        format!("{{\"key\": \"{KEY}\""),
        format!("{{\"key\": \"{KEY}\", \"version\": \"0.9.2\", \"blacklist\": {{\"{KEY}\": 1}}}}"),
        format!("{{\"key\": \"{KEY}\", \"version\": \"0.9.2\", \"proto\": 2, \"v2\": {{\"agent_id\": \"{KEY}x\"}}}}"),
    ];
    for body in bodies {
        let message = cloud
            .send(Method::POST, "/beacon", &[], body.as_bytes())
            .await
            .refused(400);
        assert!(message.contains("line") && !message.contains(KEY), "{message}");
    }
}

#[actix_web::test]
async fn other_paths_and_methods_are_refused() {
    let cloud = Cloud::start(config());
    for path in ["/", "/config2", "/config/", "/admin/x"] {
        cloud.send(Method::GET, path, &[], b"").await.refused(404);
        cloud.send(Method::POST, path, &[], b"{}").await.refused(404);
    }
    let put = cloud.send(Method::PUT, "/config", &[], b"{}").await;
    put.refused(405);
    assert_eq!(put.allow.as_deref(), Some("GET, POST"));
    cloud.send(Method::GET, "/beacon", &[], b"").await.refused(405);
    cloud.send(Method::DELETE, "/logs", &[], b"").await.refused(405);
}

#[actix_web::test]
async fn a_request_has_one_id_and_only_a_trusted_proxy_names_it() {
    let cloud = Cloud::start(config());
    let given = ("x-request-id", "named-by-the-proxy.1");
    let own = cloud.send(Method::GET, "/livez", &[given], b"").await.request_id;
    assert!(own.len() == 16 && own.bytes().all(|b| b.is_ascii_hexdigit()), "{own}");
    let again = cloud.send(Method::GET, "/livez", &[], b"").await.request_id;
    assert_ne!(own, again);
    let behind = Cloud::start(buckler_server::ServerConfig {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..config()
    });
    let refused = behind.send(Method::GET, "/nothing", &[given], b"").await;
    refused.refused(404);
    assert_eq!(refused.request_id, given.1);
    for wrong in ["", "with space", &"x".repeat(65), "quote\"d"] {
        let answer = behind.send(Method::GET, "/livez", &[(given.0, wrong)], b"").await;
        assert_eq!(answer.request_id.len(), 16, "{wrong:?}");
    }
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused() {
    let mut config = config();
    config.limits.body_bytes = std::num::NonZeroUsize::new(10_000).unwrap();
    let cloud = Cloud::start(config);
    let fits = json!({"key": KEY, "version": "0.9.2", "platform": "x".repeat(9_000)});
    cloud.post("/config", &fits).await.good();
    let large = json!({"key": KEY, "version": "0.9.2", "platform": "x".repeat(11_000)});
    assert_eq!(
        cloud.post("/config", &large).await.refused(413),
        "the body exceeds 10000 bytes"
    );
}

#[actix_web::test]
async fn get_answers_the_bare_form_to_a_key_in_a_header() {
    let cloud = Cloud::start(config());
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    let bearer = format!("Bearer {OTHER_KEY}");
    for header in [("x-buckler-key", KEY), ("authorization", &bearer)] {
        let answer = cloud.send(Method::GET, "/config", &[header], b"").await;
        assert_eq!(answer.status, StatusCode::OK);
        let bare = answer.json();
        assert_eq!(bare["config"]["APP_NAME"], "shop");
        assert!(bare["blacklist"]["203.0.113.9"].is_u64());
        assert_eq!(
            bare.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["blacklist", "config"]
        );
    }
    cloud.send(Method::GET, "/config", &[], b"").await.refused(403);
    cloud
        .send(Method::GET, &format!("/config?key={KEY}"), &[], b"")
        .await
        .refused(403);
    cloud
        .send(Method::GET, "/config", &[("x-buckler-key", "wrong")], b"")
        .await
        .refused(403);
    cloud
        .send(Method::GET, "/config", &[("x-buckler-key", "unassigned")], b"")
        .await
        .refused(404);
}

#[actix_web::test]
async fn a_bare_get_shows_no_secrets_and_a_registration_has_them() {
    let mut config = config();
    let shop = config.profiles.get_mut("shop").unwrap();
    for (key, value) in [
        ("ZTAA_KEY", json!(["zero-trust-secret"])),
        ("SECURITY_CHECKS", json!({"ztaa": 1})),
    ] {
        shop.config.insert(key.to_owned(), value);
    }
    let cloud = Cloud::start(config);
    let bare = cloud.send(Method::GET, "/config", &[("x-buckler-key", KEY)], b"").await;
    assert_eq!(bare.status, StatusCode::OK);
    assert!(!bare.text.contains("zero-trust-secret"), "{}", bare.text);
    assert_eq!(
        bare.json()["config"]["SECURITY_CHECKS"]["ztaa"],
        1,
        "nothing is weakened"
    );
    let registered = cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2", "platform": "Flask"}))
        .await
        .good();
    for name in ["ZTAA_KEY", "ZTAA_KEYS"] {
        assert_eq!(registered["config"][name], json!(["zero-trust-secret"]), "{name}");
    }
    let version_2 = crate::support::Agent::new().register(&cloud).await;
    assert_eq!(version_2.config.unwrap().body["ZTAA_KEY"], json!(["zero-trust-secret"]));
}

#[actix_web::test]
async fn a_bare_get_is_of_the_list_as_it_is() {
    let cloud = Cloud::start(config());
    let listed = async || {
        let bare = cloud.send(Method::GET, "/config", &[("x-buckler-key", KEY)], b"").await;
        let listed = bare.json()["blacklist"].as_object().unwrap().clone();
        listed.into_iter().map(|(address, _)| address).collect::<Vec<_>>()
    };
    assert!(listed().await.is_empty());
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    cloud.operator_bans("203.0.113.8", Some(600)).await;
    for _ in 0..3 {
        assert_eq!(listed().await, ["203.0.113.8", "203.0.113.9"]);
    }
    cloud.clock.pass(60);
    assert_eq!(listed().await, ["203.0.113.8"], "the other has ended");
    cloud.operator_unbans("203.0.113.8").await.good();
    assert!(listed().await.is_empty());
}

#[actix_web::test]
async fn agents_are_sent_back_to_the_host_they_asked_unless_there_is_a_public_url() {
    let beacon_url = async |cloud: &Cloud, host: &str| {
        let body = json!({"key": KEY, "version": "0.9.2"}).to_string();
        let answer = cloud
            .send(Method::POST, "/config", &[("host", host)], body.as_bytes())
            .await
            .good();
        answer["config"]["BEACON_URL"].as_str().unwrap().to_owned()
    };
    let cloud = Cloud::start(config());
    assert_eq!(
        beacon_url(&cloud, "buckler.internal:9100").await,
        "http://buckler.internal:9100/beacon"
    );
    assert_eq!(
        beacon_url(&cloud, "evil@host").await,
        cloud.url("/beacon"),
        "no host: the address that was reached"
    );
    let mut config = config();
    config.public_url = Some("https://cloud.example.com/buckler/".parse().unwrap());
    let cloud = Cloud::start(config);
    assert_eq!(
        beacon_url(&cloud, "whatever").await,
        "https://cloud.example.com/buckler/beacon"
    );
}

#[actix_web::test]
async fn a_profile_can_name_its_own_beacon_url_or_want_no_beacons() {
    let mut config = config();
    let shop = config.profiles.get_mut("shop").unwrap();
    shop.config
        .insert("beacon_url".to_owned(), json!("https://elsewhere.example.com/b"));
    shop.config.insert("beacon".to_owned(), json!(false));
    let cloud = Cloud::start(config);
    let answer = cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    assert_eq!(answer["config"]["BEACON_URL"], "https://elsewhere.example.com/b");
    assert_eq!(answer["config"]["BEACON"], false);
}

#[actix_web::test]
async fn a_server_that_stopped_answers_nobody() {
    let cloud = Cloud::start(config());
    let address = cloud.server.address();
    cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    cloud.server.stop(std::time::Duration::from_secs(5));
    assert!(std::net::TcpStream::connect(address).is_err(), "the port is free again");
}

#[actix_web::test]
async fn the_admin_api_wants_its_token_and_is_not_there_without_one() {
    let cloud = Cloud::start(config());
    for path in [
        "/admin/agents",
        "/admin/blacklist",
        "/admin/profiles",
        "/admin/profiles/shop/config",
    ] {
        cloud.send(Method::GET, path, &[], b"").await.refused(401);
        cloud
            .send(Method::PUT, path, &[("authorization", "Bearer wrong")], b"{}")
            .await
            .refused(401);
        cloud
            .send(Method::GET, path, &[("authorization", TOKEN)], b"")
            .await
            .refused(401);
        cloud.admin(Method::GET, path, &Value::Null).await.good();
        cloud.admin(Method::OPTIONS, path, &Value::Null).await.refused(405);
    }
    let mut config = config();
    config.admin_token = None;
    let cloud = Cloud::start(config);
    cloud
        .admin(Method::GET, "/admin/agents", &Value::Null)
        .await
        .refused(404);
    cloud
        .admin(Method::PATCH, "/admin/agents", &Value::Null)
        .await
        .refused(404);
}
