//! Operators' tokens: what each role may do, and to which fleets.

use awc::http::Method;
use buckler_server::{Profile, ServerConfig};
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY, TOKEN, config};

/// Every method of the admin API with a path and the role that it takes, as its description names
/// them.
async fn paths(cloud: &Cloud) -> Vec<(Method, String, String)> {
    let described = cloud
        .admin(Method::GET, "/admin/openapi.json", &Value::Null)
        .await
        .json();
    let mut paths = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        let path = path
            .replace("{format}", "plain")
            .replace("{name}", "shop")
            .replace("{id}", "0123456789abcdef");
        for (method, operation) in methods.as_object().unwrap() {
            if let Some(role) = operation["x-role"].as_str() {
                let method = method.to_ascii_uppercase().parse().unwrap();
                paths.push((method, path.clone(), role.to_owned()));
            }
        }
    }
    paths
}

#[actix_web::test]
async fn a_role_does_what_it_may_and_nothing_else() {
    let cloud = Cloud::start(config());
    let roles = ["view", "operate", "admin"];
    let paths = paths(&cloud).await;
    assert!(paths.len() > 20, "{paths:?}");
    for (rank, role) in roles.iter().enumerate() {
        let token = cloud.token(role, role, Value::Null).await;
        for (method, path, takes) in &paths {
            let answer = cloud.by(&token, method.clone(), path, &json!({})).await;
            let needed = roles.iter().position(|known| known == takes).unwrap();
            if rank < needed {
                let message = answer.refused(403);
                assert!(message.contains(takes.as_str()), "{method} {path}: {message}");
            } else {
                assert!(
                    ![401, 403].contains(&answer.status.as_u16()),
                    "{role}: {method} {path}: {answer:?}"
                );
            }
        }
    }
    for (method, path, _) in &paths {
        let bare = cloud.send(method.clone(), path, &[], b"{}").await;
        assert!([401, 429].contains(&bare.status.as_u16()), "{method} {path}: {bare:?}");
    }
}

fn two_fleets() -> ServerConfig {
    let blog = Profile::for_key("key-of-the-blog")
        .fleet("blogs")
        .set("APP_NAME", "blog");
    config().profile("blog", blog)
}

#[actix_web::test]
async fn a_token_of_one_fleet_sees_and_changes_this_alone() {
    let cloud = Cloud::start(two_fleets());
    Agent::new().register(&cloud).await;
    let theirs = Agent::with_key("key-of-the-blog");
    theirs.register(&cloud).await;
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    let token = cloud.token("blogger", "admin", json!(["blogs"])).await;
    let get = async |path: &str| cloud.by(&token, Method::GET, path, &Value::Null).await;

    let agents = get("/admin/agents").await.good();
    assert_eq!(agents["agents"].as_array().unwrap().len(), 1);
    assert_eq!(agents["agents"][0]["profile"], "blog");
    let profiles = get("/admin/profiles").await.good();
    assert_eq!(profiles["profiles"].as_array().unwrap().len(), 1);
    get("/admin/profiles/shop/config").await.refused(404);
    let list = get("/admin/blacklist").await.good();
    assert_eq!(
        (&list["fleet"], &list["count"]),
        (&json!("blogs"), &json!(0)),
        "its own, unasked"
    );
    get("/admin/blacklist?fleet=default").await.refused(404);
    get("/admin/backup").await.refused(403);
    let keys = get("/admin/keys").await.good();
    assert!(
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key["profile"] == "blog"),
        "{keys}"
    );
    let audit = get("/admin/audit").await.good()["entries"].take();
    assert_eq!(
        (audit.as_array().map(Vec::len), &audit[0]["target"]),
        (Some(1), &json!("blog"))
    );

    let post = async |path: &str, body: Value| cloud.by(&token, Method::POST, path, &body).await;
    let ban = |fleet: &str| json!({"address": "198.51.100.7", "ttl_s": 60, "fleet": fleet});
    post("/admin/blacklist", ban("default")).await.refused(404);
    post("/admin/blacklist", ban("blogs")).await.good();
    post("/admin/keys", json!({"profile": "shop"})).await.refused(404);
    post("/admin/keys", json!({"profile": "blog"})).await.good();
    let of_all = json!({"label": "more", "role": "view"});
    post("/admin/tokens", of_all).await.refused(403);
    let of_own = json!({"label": "less", "role": "view", "fleets": ["blogs"]});
    post("/admin/tokens", of_own).await.good();
    let put = cloud
        .by(&token, Method::PUT, "/admin/profiles/shop/config", &json!({}))
        .await;
    put.refused(404);
    let id = buckler_server::Secret::of(KEY).fingerprint().name().to_string();
    let path = format!("/admin/keys/{id}");
    cloud.by(&token, Method::DELETE, &path, &Value::Null).await.refused(404);
    let audit = get("/admin/audit").await.good()["entries"].take();
    let actions: Vec<&Value> = audit.as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(
        actions,
        ["key.create", "ban", "profile.file"],
        "a token is of no one fleet"
    );
}

#[actix_web::test]
async fn tokens_end_are_revoked_and_outlive_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || config().data_dir(directory.path());
    let cloud = Cloud::start(kept());
    let stays = cloud.token("stays", "view", Value::Null).await;
    let goes = cloud.token("goes", "view", Value::Null).await;
    let ends = json!({"label": "ends", "role": "view", "ttl_s": 60});
    let ends = cloud.admin(Method::POST, "/admin/tokens", &ends).await.good();
    let tokens = cloud.admin(Method::GET, "/admin/tokens", &Value::Null).await;
    assert!(
        !tokens.text.contains(&stays) && !tokens.text.contains(TOKEN),
        "{tokens:?}"
    );
    let id = tokens.good()["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["label"] == "goes")
        .map(|token| token["id"].as_str().unwrap().to_owned());
    let path = format!("/admin/tokens/{}", id.unwrap());
    cloud.admin(Method::DELETE, &path, &Value::Null).await.good();
    cloud
        .by(&goes, Method::GET, "/admin/agents", &Value::Null)
        .await
        .refused(401);
    cloud.clock.pass(60);
    let ended = ends["secret"].as_str().unwrap();
    cloud
        .by(ended, Method::GET, "/admin/agents", &Value::Null)
        .await
        .refused(401);
    cloud.server.stop(std::time::Duration::from_secs(5));

    let without = ServerConfig {
        admin_token: None,
        ..kept()
    };
    let again = Cloud::start(without);
    again
        .by(&stays, Method::GET, "/admin/agents", &Value::Null)
        .await
        .good();
    again
        .by(&goes, Method::GET, "/admin/agents", &Value::Null)
        .await
        .refused(401);
    again
        .by(TOKEN, Method::GET, "/admin/agents", &Value::Null)
        .await
        .refused(401);
}

#[actix_web::test]
async fn no_token_bears_the_name_of_the_file() {
    let cloud = Cloud::start(config());
    for label in ["file", " File "] {
        let wanted = json!({"label": label, "role": "view"});
        let refused = cloud.admin(Method::POST, "/admin/tokens", &wanted).await.refused(400);
        assert!(refused.contains("label") && refused.contains("file"), "{refused}");
    }
}
