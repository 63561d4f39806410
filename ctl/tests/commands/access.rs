//! Who may do what: keys, tokens, credentials, and signatures of operators.

use buckler::model::signing::PublicKey;
use serde_json::Value;

use super::stage::{Stage, assert_says};

#[test]
fn keys_are_made_rotated_and_revoked() {
    let stage = Stage::new();
    let made = stage.run("keys create --profile shop --label canary --ttl 90d");
    assert_says(&made, 0, "shown this once");
    assert!(made.out.starts_with("bka_"), "the key alone: {}", made.out);
    let keys = stage.json("keys list");
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "{keys:?}");
    let id = keys.iter().find(|key| key["label"] == "canary").unwrap()["id"]
        .as_str()
        .unwrap();
    assert_says(&stage.run("keys list"), 0, "canary");
    let rotated = stage.run(&format!("keys rotate {id} --overlap 1h"));
    assert_says(&rotated, 0, "stays in force for another 1h");
    let revoked = stage.run(&format!("keys revoke {id}"));
    assert_says(&revoked, 0, "is revoked, and its connections are closed");
    assert_says(&stage.run(&format!("keys rotate {id}")), 1, "is revoked");
    assert_says(&stage.run("keys revoke 0123456789ab"), 1, "no key");
    assert_says(&stage.run("keys revoke ../tokens"), 2, "is no id");
    assert_says(&stage.run("audit --action key.revoke"), 0, id);
    assert_says(&stage.run("audit"), 0, "key.create");
}

#[test]
fn tokens_do_what_their_role_allows() {
    let stage = Stage::new();
    assert_says(&stage.run("tokens list"), 0, "No tokens but the file's");
    let made = stage.run("tokens create alice --role view --ttl 8h");
    assert_says(&made, 0, "to be used as BUCKLERCTL_TOKEN");
    let token = made.out.trim();
    let as_alice = |args: &str| stage.run_with(args, &stage.server(), token);
    assert_says(&as_alice("status"), 0, "agents");
    assert_says(&as_alice("bans add 203.0.113.9 --ttl 1h"), 4, "takes the role operate");
    assert_says(&as_alice("keys list"), 4, "takes the role admin");
    let id = stage.json("tokens list")["tokens"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_says(&stage.run("tokens list"), 0, "alice");
    assert_says(&stage.run(&format!("tokens revoke {id}")), 0, "is revoked");
    assert_says(&as_alice("status"), 4, "does not take the token");
}

#[test]
fn a_configuration_is_signed_without_a_server_and_put_in_force() {
    let stage = Stage::new();
    let offline = |args: &str| stage.run_with(args, "", "");
    let made = offline("sign key ops.pem");
    assert_says(&made, 0, "ed25519:");
    assert!(!made.out.contains("PRIVATE"), "{}", made.out);
    assert_says(&offline("sign key ops.pem"), 2, "ops.pem");
    assert_says(&offline("sign key other.pem"), 0, "ed25519:");
    stage.file("shop.json", r#"{"app_name": "shop", "BLACKLIST_SHARE": true}"#);
    stage.file("slip.json", r#"{"SECURITY_CHECKS": {"sqli": "high"}}"#);
    assert_says(&offline("sign config shop slip.json --key ops.pem"), 2, "sqli");
    assert_says(
        &offline("sign config shop shop.json --key shop.json"),
        2,
        "no private key",
    );
    let one = offline("sign config shop shop.json --key ops.pem --version 7");
    assert_says(&one, 0, "as version 7 by 1 of its keys");
    stage.file("one.json", &one.out);
    assert_says(
        &offline("sign config blog one.json --key other.pem"),
        2,
        "signed for \"shop\"",
    );
    let again = offline("sign config shop one.json --key other.pem --version 8");
    assert_says(&again, 2, "without --version");
    let highest = u64::MAX;
    let far = format!("sign config shop shop.json --key ops.pem --version {highest}");
    assert_says(&offline(&far), 2, "--force");
    let forced = offline(&format!("{far} --force"));
    assert_says(&forced, 0, &format!("as version {highest}"));
    // a second signature is of the very same
    let mut altered: Value = serde_json::from_str(&one.out).unwrap();
    altered["config"]["BLACKLIST_SHARE"] = Value::Bool(false);
    stage.file("altered.json", &altered.to_string());
    for bad in [
        "altered.json --key other.pem",
        "altered.json --key ops.pem",
        "one.json --key other.pem --template audit",
    ] {
        let done = offline(&format!("sign config shop {bad}"));
        assert_says(&done, 2, "found signatures that are not of this configuration");
        assert_eq!(done.out, "", "{bad}");
    }
    let both = offline("sign config shop one.json --key other.pem");
    assert_says(&both, 0, "by 2 of its keys");
    stage.file("both.json", &both.out);

    assert_says(&stage.run("profiles set shop both.json --merge"), 2, "as a whole");
    assert_says(&stage.run("profiles set shop both.json"), 0, "shop is at version");
    let signed = stage.json("profiles get shop")["signed"].take();
    assert_eq!(
        (signed["version"].as_u64(), signed["keys"].as_array().map(Vec::len)),
        (Some(7), Some(2))
    );
    assert_says(&stage.run("profiles diff shop both.json"), 0, "");
    stage.file("other.json", &both.out.replace("\"shop\",", "\"blog\","));
    assert_says(&stage.run("profiles set shop other.json"), 1, "signature");
    assert_says(&stage.run("profiles set shop shop.json"), 0, "keep the one before");
}

#[test]
fn keys_that_sign_are_replaced_by_both() {
    let stage = Stage::new();
    let offline = |args: &str| stage.run_with(args, "", "");
    assert_says(&offline("sign key old.pem"), 0, "ed25519:");
    let new = offline("sign key new.pem").out.trim().to_owned();
    assert_says(&offline("sign keys --new nonsense --key old.pem"), 2, "is no key");
    // what no agent could follow
    let many: String = (0..17)
        .map(|n| format!(" --new {}", PublicKey::from_bytes(&[n; 32]).unwrap()))
        .collect();
    for (bad, said) in [
        (format!("--new {new} --threshold 0"), "--threshold: found 0"),
        (
            format!("--new {new} --threshold 2"),
            "--threshold: found 2, allowed are 1 to 1",
        ),
        (
            format!("--new {new} --new {new} --threshold 2"),
            "--new: found 1 different",
        ),
        (many.trim().to_owned(), "--new: found 17 keys, allowed are up to 16"),
    ] {
        let done = offline(&format!("sign keys {bad} --key old.pem"));
        assert_says(&done, 2, said);
        assert_eq!(done.out, "", "{bad}");
    }
    let change = offline(&format!("sign keys --new {new} --key old.pem"));
    stage.file("changes.json", &change.out);
    let change = offline("sign keys --changes changes.json --key new.pem");
    let all: Value = serde_json::from_str(&change.out).unwrap();
    assert_eq!(
        (all[0]["version"].as_u64(), all[0]["signed"].as_array().map(Vec::len)),
        (Some(1), Some(2))
    );
    stage.file("changes.json", &change.out);
    let mut altered = all.clone();
    for (member, value, said) in [
        (
            "version",
            7,
            "--changes: found signatures that are not of the last change",
        ),
        ("threshold", 2, "--changes: threshold: found 2"),
    ] {
        altered[0][member] = value.into();
        stage.file("altered.json", &altered.to_string());
        assert_says(&offline("sign keys --changes altered.json --key new.pem"), 2, said);
    }
    let most = vec![all[0].clone(); 64];
    stage.file("most.json", &Value::Array(most).to_string());
    assert_says(
        &offline(&format!("sign keys --changes most.json --new {new} --key old.pem")),
        2,
        "--changes: found 65 changes",
    );
    stage.file("shop.json", r#"{"APP_NAME": "shop"}"#);
    let signed = offline("sign config shop shop.json --key new.pem --changes changes.json");
    let signed: Value = serde_json::from_str(&signed.out).unwrap();
    assert_eq!(signed["signature"]["keys"], all);
}

#[test]
fn credentials_of_agents_are_listed_and_named_by_profile_and_id() {
    let stage = Stage::new();
    assert_says(&stage.run("credentials list"), 0, "No agent has enrolled");
    let unknown = "credentials revoke shop 6b1f0e8a-6f5c-4d3e-9b8f-0a1d2c3b4e5f";
    assert_says(&stage.run(unknown), 1, "no agent 6b1f0e8a");
    assert_says(&stage.run("credentials reset shop ../keys"), 2, "is no agent");
    assert_says(&stage.run("credentials reset ../keys 6b1f0e8a"), 2, "is no name");
}
