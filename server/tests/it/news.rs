//! News for other programs: the event file, and webhooks that miss nothing.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use awc::http::Method;
use buckler::protocol::v2::Detail;
use buckler_server::ServerConfig;
use buckler_tests::ca::Ca;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY};

const SECRET: &str = "a-secret-of-the-receiver";

/// How long a delivery is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a receiver was sent: the signature and the body.
struct Delivered {
    signature: String,
    body: String,
}

/// A receiver that answers with these statuses, the last one for good.
fn receiver(listener: TcpListener, statuses: &'static [u16]) -> Receiver<Delivered> {
    receiver_over(listener, statuses, |stream| stream)
}

/// As [`receiver`], over what is made of each connection.
fn receiver_over<S: Read + Write>(
    listener: TcpListener,
    statuses: &'static [u16],
    over: impl Fn(TcpStream) -> S + Send + 'static,
) -> Receiver<Delivered> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.iter();
        let mut status = 200;
        'connections: for stream in listener.incoming() {
            let mut stream = over(stream.unwrap());
            let mut bytes = Vec::new();
            let (head, mut body) = loop {
                let mut piece = [0; 4_096];
                // who does not believe the certificate hangs up
                let Ok(read) = stream.read(&mut piece) else {
                    continue 'connections;
                };
                assert!(read > 0, "the head is cut off");
                bytes.extend(&piece[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    break (head.to_owned(), body.as_bytes().to_vec());
                }
            };
            status = statuses.next().copied().unwrap_or(status);
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_owned()).unwrap()
            };
            let length: usize = header("content-length").parse().unwrap();
            while body.len() < length {
                let mut piece = [0; 4_096];
                let read = stream.read(&mut piece).unwrap();
                body.extend(&piece[..read]);
            }
            let delivered = Delivered {
                signature: header("x-buckler-signature"),
                body: String::from_utf8(body).unwrap(),
            };
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            if tell.send(delivered).is_err() {
                return;
            }
        }
    });
    told
}

/// The events of a delivery, whose signature is right.
fn events(delivered: &Delivered) -> Vec<Value> {
    let (time, tag) = delivered.signature.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let bytes = (0..tag.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&tag[at..at + 2], 16).unwrap());
    let signed = format!("{time}.{}", delivered.body);
    hmac::verify(&key, signed.as_bytes(), &bytes.collect::<Vec<_>>()).unwrap();
    let body: Value = serde_json::from_str(&delivered.body).unwrap();
    body["events"].as_array().unwrap().clone()
}

fn config(dir: &Path, receiver: SocketAddr, kinds: &str) -> ServerConfig {
    let file = dir.join("server.toml");
    let text = format!(
        "admin_token = \"token-for-tests\"\ndata_dir = {:?}\n[events]\nfile = {:?}\n[webhooks.siem]\nurl = \"http://{receiver}/hook\"\n\
         secret = \"{SECRET}\"\nkinds = {kinds}\n[profiles.shop]\nkeys = [\"{KEY}\"]\n[profiles.shop.config]\nBLACKLIST_SHARE = true\n",
        dir.join("data"),
        dir.join("events.jsonl"),
    );
    std::fs::write(&file, text).unwrap();
    ServerConfig::from_file(&file).unwrap()
}

#[actix_web::test]
async fn news_reach_a_webhook_in_order_over_failures_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let kinds = "[\"ban\", \"unban\", \"attack\"]";
    let cloud = Cloud::start(config(dir.path(), address, kinds));
    let told = receiver(listener, &[500, 200, 200, 500]);
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    let first = told.recv_timeout(PATIENCE).unwrap();
    let again = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(events(&first)[0], events(&again)[0], "what failed is sent again");
    let event = &events(&again)[0]["event"];
    assert_eq!(
        (&event["kind"], &event["address"], &event["ttl_s"], &event["by"]),
        (&json!("ban"), &json!("203.0.113.9"), &json!(60), &json!("operator"))
    );

    let mut agent = Agent::new();
    agent.register(&cloud).await;
    agent.ban("198.51.100.7", cloud.clock.unix());
    agent.ban("10.0.0.1", cloud.clock.unix());
    let event = agent.part.events.first_mut().unwrap();
    event.detail = Some(Box::new(Detail {
        id: Some("a".repeat(16)),
        rule: "sqli/tautology".to_owned(),
        place: "query:q".to_owned(),
        ..Detail::default()
    }));
    agent.beacon(&cloud).await;
    agent.beacon(&cloud).await;
    let sent = events(&told.recv_timeout(PATIENCE).unwrap());
    assert_eq!(
        sent.len(),
        1,
        "what was refused is none, and the same again none either: {sent:?}"
    );
    let event = &sent[0]["event"];
    assert_eq!(
        (&event["address"], &event["block_id"], &event["rule"], &event["profile"]),
        (
            &json!("198.51.100.7"),
            &json!("a".repeat(16)),
            &json!("sqli/tautology"),
            &json!("shop")
        )
    );
    let last = sent[0]["seq"].as_u64().unwrap();

    // the receiver fails, and the server is away for a while
    cloud.operator_unbans("203.0.113.9").await.good();
    cloud.server.stop(Duration::from_secs(5));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = receiver(listener, &[200]);
    let cloud = Cloud::start(config(dir.path(), address, kinds));
    cloud.operator_bans("203.0.113.10", None).await;
    let mut numbers = Vec::new();
    let mut addresses = Vec::new();
    while addresses.last() != Some(&"203.0.113.10".to_owned()) {
        for one in events(&told.recv_timeout(PATIENCE).unwrap()) {
            numbers.push(one["seq"].as_u64().unwrap());
            addresses.push(one["event"]["address"].as_str().unwrap().to_owned());
        }
    }
    assert!(numbers.is_sorted() && numbers[0] > last, "{numbers:?} after {last}");
    assert!(
        addresses.contains(&"203.0.113.9".to_owned()),
        "the unban: {addresses:?}"
    );

    let text = std::fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    for kind in ["ban", "unban"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(!text.contains(KEY) && !text.contains(SECRET));
}

#[actix_web::test]
async fn a_receivers_own_authority_is_named_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new("of the receiver").unwrap();
    let tls = Arc::new(ca.server().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = receiver_over(listener, &[200], move |stream| {
        rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(&tls)).unwrap(), stream)
    });
    let mut config = config(dir.path(), address, "[\"ban\"]");
    let hook = config.webhooks.get_mut("siem").unwrap();
    hook.url.set_scheme("https").unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    std::fs::write(dir.path().join("none.pem"), "nothing").unwrap();
    hook.ca = Some(dir.path().join("none.pem"));
    let refused = buckler_server::Server::builder(config.clone())
        .listen("127.0.0.1:0")
        .start();
    let said = refused.map(drop).unwrap_err().to_string();
    assert!(
        said.contains("webhooks.siem") && said.contains("none.pem") && said.contains("no certificate"),
        "{said}"
    );
    config.webhooks.get_mut("siem").unwrap().ca = Some(dir.path().join("ca.pem"));
    let cloud = Cloud::start(config);
    cloud.operator_bans("203.0.113.9", Some(60)).await;
    let sent = events(&told.recv_timeout(PATIENCE).unwrap());
    assert_eq!(sent[0]["event"]["address"], "203.0.113.9");
}

#[actix_web::test]
async fn news_of_another_kind_are_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = receiver(listener, &[200]);
    let cloud = Cloud::start(config(dir.path(), address, "[\"profile\"]"));
    cloud.operator_bans("203.0.113.9", None).await;
    let replaced = json!({"APP_NAME": "other"});
    cloud
        .admin(Method::PUT, "/admin/profiles/shop/config", &replaced)
        .await
        .good();
    let sent = events(&told.recv_timeout(PATIENCE).unwrap());
    assert!(sent.iter().all(|one| one["event"]["kind"] == "profile"), "{sent:?}");
    assert_eq!(sent.last().unwrap()["event"]["why"], "api");
}

#[test]
fn news_that_cannot_be_kept_or_signed_are_refused() {
    let refused = |text: &str, words: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server.toml");
        std::fs::write(&file, text).unwrap();
        let started = ServerConfig::from_file(&file).map_err(|error| error.to_string());
        let started = started.and_then(|config| {
            let server = buckler_server::Server::builder(config).listen("127.0.0.1:0").start();
            server.map_err(|error| error.to_string())
        });
        let said = started.map(drop).unwrap_err();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(!said.contains("tooshort"), "no secret is shown: {said}");
    };
    let hook = |rest: &str| format!("[webhooks.siem]\nurl = \"http://127.0.0.1:1/\"\n{rest}");
    refused(&hook("secret = \"0123456789abcdef\"\n"), &["webhooks.siem", "data_dir"]);
    refused(&hook("secret = \"tooshort\"\n"), &["8 characters", "16 or more"]);
    refused(
        &hook("secret = \"0123456789abcdef\"\nkinds = [\"bans\"]\n"),
        &["\"bans\"", "ban, unban, attack, profile"],
    );
    refused(
        "[webhooks.siem]\nurl = \"ftp://x/\"\nsecret = \"0123456789abcdef\"\n",
        &["http or https URL"],
    );
    refused(
        "[webhooks.\"a b\"]\nurl = \"http://x/\"\nsecret = \"0123456789abcdef\"\n",
        &["webhooks.a b", "letters"],
    );
    refused(
        "[events]\nfile = \"/absent/folder/events.jsonl\"\n",
        &["[events]", "/absent/folder/events.jsonl"],
    );
}
