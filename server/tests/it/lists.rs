//! Lists for other programs: files with an `ETag`, and what `CrowdSec`'s bouncers ask for.

use std::{path::Path, process::Command};

use awc::http::Method;
use buckler_server::{Bouncer, Profile, ServerConfig};
use serde_json::Value;

use crate::support::{Answer, Cloud, KEY, TOKEN, config};

const BOUNCER: &str = "key-of-the-bouncer";

fn with_bouncers() -> ServerConfig {
    let bouncer = |key: &str, fleet: &str| Bouncer {
        key: key.into(),
        fleet: fleet.to_owned(),
    };
    let bouncers = [
        ("firewall".to_owned(), bouncer(BOUNCER, "default")),
        ("edge".to_owned(), bouncer("key-of-the-other", "other")),
    ];
    ServerConfig {
        bouncers: bouncers.into(),
        ..config()
    }
    .profile("other", Profile::default().fleet("other"))
}

async fn export(cloud: &Cloud, format: &str, known: Option<&str>) -> (u16, String, String) {
    let client = awc::Client::default();
    let mut request = client
        .get(cloud.url(&format!("/admin/export/{format}")))
        .insert_header(("authorization", format!("Bearer {TOKEN}")));
    if let Some(known) = known {
        request = request.insert_header(("if-none-match", known));
    }
    let mut answer = request.send().await.unwrap();
    let tag = answer.headers().get("etag");
    let tag = tag.map(|tag| tag.to_str().unwrap().to_owned()).unwrap_or_default();
    let text = String::from_utf8(answer.body().await.unwrap().to_vec()).unwrap();
    (answer.status().as_u16(), tag, text)
}

#[actix_web::test]
async fn lists_are_sent_again_only_when_they_have_changed() {
    let cloud = Cloud::start(config());
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    cloud.operator_bans("2001:db8:7::/48", None).await;
    for format in ["plain", "nftables", "ipset", "nginx", "haproxy"] {
        let (status, tag, text) = export(&cloud, format, None).await;
        assert_eq!(status, 200, "{format}");
        assert!(
            text.contains("203.0.113.9") && text.contains("2001:db8:7::/48"),
            "{text}"
        );
        let (status, again, text) = export(&cloud, format, Some(&format!("\"other\", {tag}"))).await;
        assert_eq!((status, again == tag, text.as_str()), (304, true, ""), "{format}");
    }
    let (_, tag, _) = export(&cloud, "plain", None).await;
    let (status, ..) = export(&cloud, "nginx", Some(&tag)).await;
    assert_eq!(status, 200, "a tag is of one format");
    cloud.clock.pass(61);
    let (status, next, text) = export(&cloud, "plain", Some(&tag)).await;
    assert_eq!(
        (status, next != tag, text.as_str()),
        (200, true, "2001:db8:7::/48\n"),
        "what ended is gone"
    );

    let unknown = cloud
        .admin(Method::GET, "/admin/export/iptables", &Value::Null)
        .await
        .refused(404);
    assert!(
        unknown.contains("iptables") && unknown.contains("nftables"),
        "{unknown}"
    );
    cloud
        .send(Method::GET, "/admin/export/plain", &[], b"")
        .await
        .refused(401);
    cloud
        .admin(Method::GET, "/admin/export/plain?fleet=none", &Value::Null)
        .await
        .refused(404);
}

#[expect(clippy::print_stderr, reason = "says that it was skipped")]
#[actix_web::test]
async fn lists_for_nginx_are_loaded_by_nginx() {
    let nginx = Path::new("/usr/sbin/nginx");
    if !nginx.exists() {
        eprintln!("skipped: there is no {}", nginx.display());
        return;
    }
    let cloud = Cloud::start(config());
    cloud.operator_bans("203.0.113.9", None).await;
    cloud.operator_bans("198.51.100.0/24", None).await;
    cloud.operator_bans("2001:db8:7::/48", None).await;
    let (_, _, text) = export(&cloud, "nginx", None).await;
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let path = dir.path().display();
    let main = format!(
        "pid {path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n access_log off;\n client_body_temp_path {path};\n \
         proxy_temp_path {path};\n fastcgi_temp_path {path};\n uwsgi_temp_path {path};\n scgi_temp_path {path};\n \
         include {path}/banned.conf;\n server {{ listen 127.0.0.1:1; }}\n}}\n"
    );
    file("nginx.conf", &main);
    let loads = || {
        let mut nginx = Command::new(nginx);
        let nginx = nginx
            .args(["-t", "-e", "stderr", "-c"])
            .arg(dir.path().join("nginx.conf"));
        let done = nginx.output().unwrap();
        (
            done.status.success(),
            String::from_utf8_lossy(&done.stderr).into_owned(),
        )
    };
    file("banned.conf", &text);
    let (loaded, said) = loads();
    assert!(loaded, "{said}\n{text}");
    file("banned.conf", &text.replace(';', ""));
    assert!(!loads().0, "nginx would not notice anything");
}

/// As bouncers ask: the requests of `crowdsec-nginx-bouncer` (Lua), `crowdsec-firewall-bouncer`
/// (Go) and those that poll by hand.
async fn asks(cloud: &Cloud, target: &str, agent: &str) -> Answer {
    let headers = [
        ("x-api-key", BOUNCER),
        ("user-agent", agent),
        ("accept", "application/json"),
    ];
    cloud.send(Method::GET, target, &headers, b"").await
}

fn values(decisions: &Value) -> Vec<&str> {
    let decisions = decisions.as_array().unwrap().iter();
    decisions.map(|one| one["value"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn bouncers_that_ask_for_one_address_are_told_what_lists_it() {
    let cloud = Cloud::start(with_bouncers());
    cloud.operator_bans("198.51.100.0/24", Some(7_325)).await;
    let lua = "crowdsec-nginx-bouncer/v1.0.8";
    let answer = asks(&cloud, "/v1/decisions?ip=198.51.100.7", lua).await;
    assert_eq!(
        (answer.status.as_u16(), answer.content_type.as_str()),
        (200, "application/json")
    );
    let mut decisions = answer.json();
    assert!(decisions[0]["id"].take().as_u64().unwrap() < 1 << 53);
    let expected = serde_json::json!([{
        "duration": "2h2m5s", "id": null, "origin": "buckler", "scenario": "seen in the log", "scope": "Range",
        "type": "ban", "value": "198.51.100.0/24"
    }]);
    assert_eq!(decisions, expected);
    // the Lua bouncer compares the body with this text
    assert_eq!(asks(&cloud, "/v1/decisions?ip=203.0.113.9", lua).await.text, "null");
    assert_eq!(asks(&cloud, "/v1/decisions?type=captcha", lua).await.text, "null");
    assert_eq!(asks(&cloud, "/v1/decisions?scope=Ip", lua).await.text, "null");
    assert_eq!(
        values(&asks(&cloud, "/v1/decisions", lua).await.json()),
        ["198.51.100.0/24"]
    );
    let wrong = asks(&cloud, "/v1/decisions?ip=example.com", lua).await.refused(400);
    assert!(wrong.contains("example.com") && wrong.contains("CIDR"), "{wrong}");
}

#[actix_web::test]
async fn bouncers_that_follow_are_told_what_has_changed() {
    let cloud = Cloud::start(with_bouncers());
    cloud.operator_bans("203.0.113.9", Some(600)).await;
    cloud.operator_bans("198.51.100.0/24", Some(600)).await;
    let go = "crowdsec-firewall-bouncer/v0.0.31-debian-pragmatic";
    let first = "/v1/decisions/stream?additional_pull=false&community_pull=false&scopes=ip%2Crange&startup=true";
    let next = "/v1/decisions/stream?additional_pull=false&community_pull=false&scopes=ip%2Crange&startup=false";
    let told = async |target: &str| {
        let told = asks(&cloud, target, go).await.json();
        let all = |key: &str| values(&told[key]).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (all("new"), all("deleted"))
    };
    let nothing = (Vec::<String>::new(), Vec::<String>::new());
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(told(first).await, (texts(&["198.51.100.0/24", "203.0.113.9"]), vec![]));
    assert_eq!(told(next).await, nothing);
    cloud.operator_bans("203.0.113.10", Some(600)).await;
    cloud.operator_unbans("203.0.113.9").await.good();
    assert_eq!(told(next).await, (texts(&["203.0.113.10"]), texts(&["203.0.113.9"])));
    assert_eq!(told(next).await, nothing);
    cloud.operator_unbans("203.0.113.10").await.good();
    let narrow = "/v1/decisions/stream?startup=false&scopes=range&scenarios_containing=seen";
    assert_eq!(
        told(narrow).await,
        nothing,
        "the address is of no scope that it asks for"
    );
    assert_eq!(
        told(first).await,
        (texts(&["198.51.100.0/24"]), vec![]),
        "it began again"
    );

    // one that the server does not remember is told all, and what went lately
    let other = [("x-api-key", BOUNCER), ("x-forwarded-for", "192.0.2.1")];
    let behind = Cloud::start(ServerConfig {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..with_bouncers()
    });
    behind.operator_bans("203.0.113.9", Some(600)).await;
    behind.operator_bans("203.0.113.10", Some(600)).await;
    behind.operator_unbans("203.0.113.10").await.good();
    let told = behind.send(Method::GET, next, &other, b"").await.json();
    assert_eq!(
        (values(&told["new"]), values(&told["deleted"])),
        (vec!["203.0.113.9"], vec!["203.0.113.10"])
    );
}

#[actix_web::test]
async fn bouncers_read_their_fleet_and_nothing_else() {
    let cloud = Cloud::start(with_bouncers());
    cloud.operator_bans("203.0.113.9", None).await;
    let with = async |key: &str, method: Method, path: &str, body: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [("x-api-key", key), ("authorization", bearer.as_str())];
        cloud.send(method, path, &headers, body.as_bytes()).await
    };
    assert_eq!(
        with("key-of-the-other", Method::GET, "/v1/decisions", "").await.text,
        "null"
    );
    for path in ["/v1/decisions", "/v1/decisions/stream?startup=true"] {
        with("wrong", Method::GET, path, "").await.refused(403);
        with(KEY, Method::GET, path, "").await.refused(403);
        with(TOKEN, Method::GET, path, "").await.refused(403);
        with(BOUNCER, Method::POST, path, "{}").await.refused(405);
    }
    with(BOUNCER, Method::GET, "/admin/blacklist", "").await.refused(401);
    with(BOUNCER, Method::GET, "/config", "").await.refused(403);
    let message = serde_json::json!({"key": BOUNCER, "version": "0.9.2"}).to_string();
    with(BOUNCER, Method::POST, "/config", &message).await.refused(403);
    assert_eq!(
        with(BOUNCER, Method::POST, "/v1/usage-metrics", "{}")
            .await
            .status
            .as_u16(),
        201
    );
    with("wrong", Method::POST, "/v1/usage-metrics", "{}")
        .await
        .refused(403);
}

#[test]
fn bouncers_with_another_key_or_no_list_are_refused() {
    let refused = |bouncers: &str, words: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server.toml");
        std::fs::write(&file, format!("{bouncers}[profiles.shop]\nkeys = [\"k\"]\n")).unwrap();
        let started = ServerConfig::from_file(&file).map_err(|error| error.to_string());
        let started = started.and_then(|config| {
            let server = buckler_server::Server::builder(config).listen("127.0.0.1:0").start();
            server.map_err(|error| error.to_string())
        });
        let said = started.map(drop).unwrap_err();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    refused("[bouncers.edge]\nkey = \"k\"\n", &["\"shop\"", "bouncers.edge"]);
    refused(
        "[bouncers.edge]\nkey = \"x\"\n[bouncers.wall]\nkey = \"x\"\n",
        &["edge", "bouncers.wall"],
    );
    refused(
        "[bouncers.edge]\nkey = \"x\"\nfleet = \"none\"\n",
        &["bouncers.edge.fleet", "\"none\""],
    );
    for path in ["/v1/decisions", "/v1/usage-metrics"] {
        let named = format!("`{path}`");
        refused(&format!("cloud_path = \"{path}\"\n"), &["cloud_path", &named]);
    }
}
