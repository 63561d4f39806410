//! Signed configurations: kept and delivered as they are.

use std::time::Duration;

use awc::http::Method;
use buckler::{
    model::{
        policy::{config_hash, delivered},
        signing::statement,
    },
    protocol::v2::{ConfigCursor, Signature},
    testing::Signer,
};
use serde_json::{Value, json};

use crate::support::{Agent, BEGIN, Cloud, KEY, config};

const PATH: &str = "/admin/profiles/shop/config";

fn signed(profile: &str, version: u64, config: &Value) -> Value {
    let mut signature = Signature {
        profile: profile.to_owned(),
        version,
        expires_s: BEGIN + 86_400,
        ..Signature::default()
    };
    let body = delivered("default", config.as_object().unwrap()).unwrap();
    let message = statement(&signature, &config_hash(&body));
    signature.signed = Signer::all(&[1], &message);
    json!({"config": config, "signature": signature})
}

fn written() -> Value {
    json!({"app_name": "shop", "BLACKLIST_SHARE": true, "ZTAA_KEY": "a-key-of-the-application", "HOSTS": null})
}

#[actix_web::test]
async fn a_signed_configuration_is_delivered_as_it_is_and_outlives_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(config().data_dir(directory.path()));
    let put = signed("shop", 5, &written());
    let shown = cloud.admin(Method::PUT, PATH, &put).await.good();
    assert_eq!(shown["signed"]["version"], 5);
    let mut agent = Agent::new();
    let update = agent.register(&cloud).await.config.unwrap();
    assert_eq!(
        serde_json::to_value(update.signature.as_ref()).unwrap(),
        put["signature"]
    );
    let body = json!({"APP_NAME": "shop", "BLACKLIST_SHARE": true, "ZTAA_KEY": "a-key-of-the-application"});
    assert_eq!(Value::Object(update.body), body, "nothing is added to what is signed");
    let has = |signed| ConfigCursor {
        version: update.version,
        hash: update.hash.clone(),
        signed,
    };
    for (signed, is_sent) in [(None, false), (Some(5), false), (Some(4), true)] {
        agent.part.have.config = Some(has(signed));
        assert_eq!(agent.beacon(&cloud).await.config.is_some(), is_sent, "{signed:?}");
    }
    let old = json!({"key": KEY, "version": "0.10.2", "platform": "Flask", "routes": {}});
    let answer = cloud.post("/config", &old).await.good();
    assert!(answer["config"]["BEACON_URL"].is_string(), "{answer}");
    cloud.server.stop(Duration::from_secs(5));

    let again = Cloud::start(config().data_dir(directory.path()));
    let update = Agent::new().register(&again).await.config.unwrap();
    assert_eq!(serde_json::to_value(update.signature).unwrap(), put["signature"]);
    let renewed = signed("shop", 6, &written());
    let version = again.admin(Method::PUT, PATH, &renewed).await.good()["version"].clone();
    assert!(
        version.as_u64() > Some(update.version),
        "the same, signed again, is news"
    );
    let bare = again
        .admin(Method::PUT, PATH, &json!({"APP_NAME": "shop"}))
        .await
        .good();
    assert!(bare["warnings"][0].as_str().unwrap().contains("was signed"), "{bare}");
    assert_eq!(Agent::new().register(&again).await.config.unwrap().signature, None);
}

#[actix_web::test]
async fn a_signature_of_something_else_is_refused() {
    let cloud = Cloud::start(config());
    let mut other = signed("shop", 1, &written());
    other["config"]["BLACKLIST_SHARE"] = json!(false);
    let message = cloud.admin(Method::PUT, PATH, &other).await.refused(422);
    assert!(message.contains("not of this configuration"), "{message}");
    let message = cloud
        .admin(Method::PUT, PATH, &signed("blog", 1, &written()))
        .await
        .refused(422);
    assert!(message.contains("signature.profile"), "{message}");
    let nonsense = json!({"config": {}, "signature": 7});
    let message = cloud.admin(Method::PUT, PATH, &nonsense).await.refused(400);
    assert!(message.starts_with("signature:"), "{message}");
    let mut unsigned = signed("shop", 1, &written());
    unsigned["signature"]["signed"] = json!([]);
    cloud.admin(Method::PUT, PATH, &unsigned).await.refused(422);
}
