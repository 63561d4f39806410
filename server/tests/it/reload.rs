//! The configuration's file, and what happens when it changes.

use std::time::Duration;

use awc::http::Method;
use buckler_server::{ConfigError, Server, ServerConfig, ServerError};
use serde_json::{Value, json};

use crate::support::Cloud;

const FILE: &str = r#"
admin_token = "token-for-tests"
trusted_proxies = ["192.0.2.1", "2001:db8::/32"]
unassigned_keys = ["unassigned"]

[limits]
page_entries = 500

[profiles.shop]
keys = ["key-of-the-shop"]

[profiles.shop.config]
app_name = "shop"
security_checks = { flood = 0 }
"#;

async fn name_of(cloud: &Cloud, key: &str) -> Value {
    cloud
        .post("/config", &json!({"key": key, "version": "0.9.2"}))
        .await
        .json()["data"]["config"]["APP_NAME"]
        .take()
}

/// Asks until the answer is the expected one; the test fails if that takes ten seconds.
async fn until(cloud: &Cloud, key: &str, name: &str) {
    let expected = async {
        while name_of(cloud, key).await != name {
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    };
    actix_web::rt::time::timeout(Duration::from_secs(10), expected)
        .await
        .expect("the change never came");
}

#[actix_web::test]
async fn a_changed_file_is_put_in_force_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, FILE).unwrap();
    let cloud = Cloud::watching(&file);
    assert_eq!(name_of(&cloud, "key-of-the-shop").await, "shop");
    cloud.post("/config", &json!({"key": "unassigned"})).await.refused(404);

    std::fs::write(
        &file,
        FILE.replace("\"shop\"", "\"store\"").replace("\"unassigned\"", ""),
    )
    .unwrap();
    until(&cloud, "key-of-the-shop", "store").await;
    cloud.post("/config", &json!({"key": "unassigned"})).await.refused(403);

    let added = "[profiles.second]\nkeys = [\"key-of-the-second\"]\nconfig = { APP_NAME = \"second\" }\n";
    std::fs::write(
        &file,
        format!("{FILE}{added}").replace("flood = 0", "flood = \"maybe\""),
    )
    .unwrap();
    // nothing to wait for: a refused file changes nothing. The next one does, and it is read after this one
    std::fs::write(&file, format!("{FILE}{added}").replace("\"shop\"", "\"store\"")).unwrap();
    until(&cloud, "key-of-the-second", "second").await;
    assert_eq!(name_of(&cloud, "key-of-the-shop").await, "store");
}

#[actix_web::test]
async fn what_an_operator_replaced_stays_until_the_file_changes_that_profile() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, FILE).unwrap();
    let cloud = Cloud::watching(&file);
    let put = json!({"APP_NAME": "replaced"});
    let version = cloud
        .admin(Method::PUT, "/admin/profiles/shop/config", &put)
        .await
        .good()["version"]
        .as_u64();
    let added = "[profiles.second]\nkeys = [\"key-of-the-second\"]\nconfig = { APP_NAME = \"second\" }\n";
    std::fs::write(&file, format!("{FILE}{added}")).unwrap();
    until(&cloud, "key-of-the-second", "second").await;
    assert_eq!(name_of(&cloud, "key-of-the-shop").await, "replaced");
    std::fs::write(&file, FILE.replace("\"shop\"", "\"store\"")).unwrap();
    until(&cloud, "key-of-the-shop", "store").await;
    let newest = cloud
        .admin(Method::GET, "/admin/profiles/shop/config", &Value::Null)
        .await
        .good()["version"]
        .as_u64();
    assert!(newest > version, "a version never comes twice");
    cloud
        .post("/config", &json!({"key": "key-of-the-second"}))
        .await
        .refused(403);
}

#[actix_web::test]
async fn json_says_the_same_as_toml() {
    let dir = tempfile::tempdir().unwrap();
    let (toml, json) = (dir.path().join("server.toml"), dir.path().join("server.json"));
    std::fs::write(&toml, FILE).unwrap();
    let same = json!({
        "admin_token": "token-for-tests", "trusted_proxies": ["192.0.2.1", "2001:db8::/32"], "unassigned_keys": ["unassigned"],
        "limits": {"page_entries": 500},
        "profiles": {"shop": {"keys": ["key-of-the-shop"], "config": {"app_name": "shop", "security_checks": {"flood": 0}}}},
    });
    std::fs::write(&json, same.to_string()).unwrap();
    let (toml, json) = (
        ServerConfig::from_file(&toml).unwrap(),
        ServerConfig::from_file(&json).unwrap(),
    );
    assert_eq!(toml.profiles, json.profiles);
    assert_eq!((toml.limits, toml.trusted_proxies), (json.limits, json.trusted_proxies));
    assert_eq!(
        (toml.admin_token, toml.unassigned_keys),
        (json.admin_token, json.unassigned_keys)
    );
}

#[actix_web::test]
async fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let refusal = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let started = ServerConfig::from_file(&file).map_err(ServerError::from);
        let started = started.and_then(|config| Server::builder(config).listen("127.0.0.1:0").start());
        started.map(|_| ()).unwrap_err().to_string()
    };
    for (text, words) in [
        ("listn = \"x\"", &["listn", "line 1"][..]),
        ("trusted_proxies = [\"10.0.0\"]", &["trusted_proxies", "10.0.0"]),
        ("public_url = \"ftp://x\"", &["public_url", "ftp://x"]),
        ("cloud_path = \"config\"", &["cloud_path", "config"]),
        ("cloud_path = \"/beacon\"", &["/beacon", "both"]),
        ("admin_token = \"\"", &["admin_token", "empty"]),
        ("memory = true\ndata_dir = \"here\"", &["data_dir", "memory", "here"]),
        ("data_dir = \"\"", &["data_dir", "empty"]),
        ("[limits]\nagents = 0", &["agents", "nonzero"]),
        (
            "[profiles.a]\nkeys = [\"k\"]\n[profiles.b]\nkeys = [\"k\"]",
            &["\"a\"", "\"b\"", "key"],
        ),
        (
            "unassigned_keys = [\"k\"]\n[profiles.b]\nkeys = [\"k\"]",
            &["unassigned_keys", "\"b\""],
        ),
        ("[profiles.a]\ntemplate = \"none\"", &["\"a\"", "none"]),
        (
            "[profiles.a.config]\nBEACON_DELAY = \"soon\"",
            &["\"a\"", "BEACON_DELAY", "soon"],
        ),
    ] {
        let message = refusal(text);
        for word in words {
            assert!(message.contains(word), "{word:?} in {message:?} for {text:?}");
        }
    }
    let missing = ServerConfig::from_file(dir.path().join("missing.toml"));
    assert!(matches!(missing, Err(ConfigError::Unreadable { .. })));
}

#[actix_web::test]
async fn an_address_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let started = Server::builder(ServerConfig::new()).listen(&address).start();
    assert!(matches!(started, Err(ServerError::Bind(_))), "{started:?}");
}
