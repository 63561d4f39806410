//! Bodies that are long, slow, or never come: what they take, and that nothing of it is taken from
//! others.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use awc::http::Method;
use buckler_server::ServerConfig;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    socket::PATIENCE,
    support::{Agent, Cloud, KEY, OTHER_KEY, config},
};

/// A client that names itself by what a trusted proxy says, and has the server wait for a body.
struct Announced(TcpStream);

impl Announced {
    /// Announces so many bytes. It returns once the server has read that.
    fn open(cloud: &Cloud, source: &str, length: usize, headers: &str) -> Self {
        let mut stream = TcpStream::connect(cloud.server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST /beacon HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {source}\r\ncontent-length: {length}\r\n\
             content-type: application/json\r\nexpect: 100-continue\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        Self(stream)
    }

    /// Reads until the server has said this.
    fn until(mut self, wanted: &str) -> Self {
        let (mut heard, mut said) = (String::new(), [0; 4_096]);
        while !heard.contains(wanted) {
            let length = self.0.read(&mut said).unwrap();
            assert_ne!(length, 0, "{heard}");
            heard += &String::from_utf8_lossy(&said[..length]);
        }
        self
    }
}

fn behind_proxy() -> Cloud {
    Cloud::start(ServerConfig {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..config()
    })
}

/// Eight sources announce half a gigabyte and send nothing of it: that locked every agent out for
/// half a minute.
#[actix_web::test]
async fn what_is_announced_and_never_comes_locks_no_agent_out() {
    let cloud = behind_proxy();
    let mut idle = Vec::new();
    for source in 1..=8 {
        for _ in 0..16 {
            let client = Announced::open(&cloud, &format!("198.51.100.{source}"), 4 << 20, "");
            idle.push(client.until("HTTP/1.1 100"));
        }
    }
    // of each kind: a key in the body, and in a header
    cloud
        .post("/config", &json!({"key": KEY, "version": "0.9.2"}))
        .await
        .good();
    let mut agent = Agent::new();
    agent.ban("203.0.113.1", cloud.clock.unix());
    let bearer = format!("Bearer {KEY}");
    let body = agent.registration().to_string();
    let answer = cloud
        .send(Method::POST, "/config", &[("authorization", &bearer)], body.as_bytes())
        .await;
    assert_eq!(Agent::part_of(&answer.good()).ack, Some(1));
    drop(idle);
}

#[actix_web::test]
async fn a_wrong_key_in_a_header_is_refused_before_the_body_comes() {
    let cloud = behind_proxy();
    for (header, status) in [
        ("authorization: Bearer wrong\r\n", "HTTP/1.1 403"),
        ("x-buckler-key: wrong\r\n", "HTTP/1.1 403"),
        ("x-buckler-key: unassigned\r\n", "HTTP/1.1 404"),
    ] {
        Announced::open(&cloud, "198.51.100.1", 4 << 20, header).until(status);
    }
}

#[actix_web::test]
async fn a_key_in_the_body_is_looked_at_within_its_first_part() {
    let cloud = behind_proxy();
    let long = "x".repeat(200 << 10);
    let first = format!(r#"{{"key": "{KEY}", "version": "0.9.2", "platform": "{long}"}}"#);
    let nested = format!(r#"{{"a": {{"key": "{KEY}"}}, "platform": "{long}", "key": "{KEY}"}}"#);
    let last = format!(r#"{{"version": "0.9.2", "platform": "{long}", "key": "{KEY}"}}"#);
    let wrong = format!(r#"{{"key": "wrong", "version": "0.9.2", "platform": "{long}"}}"#);
    let sent = async |body: &str, headers: &[(&str, &str)]| {
        cloud.send(Method::POST, "/config", headers, body.as_bytes()).await
    };
    sent(&first, &[]).await.good();
    sent(&wrong, &[]).await.refused(403);
    for body in [&last, &nested] {
        let refused = sent(body, &[]).await.refused(400);
        assert!(refused.contains("hold no key"), "{refused}");
    }
    sent(&last, &[("x-buckler-key", KEY)]).await.good();
}

#[actix_web::test]
async fn a_body_has_no_other_key_than_the_header() {
    let cloud = Cloud::start(config());
    let body = json!({"key": OTHER_KEY, "version": "0.9.2"}).to_string();
    let sent = async |key: &str| {
        let header = [("x-buckler-key", key)];
        cloud.send(Method::POST, "/config", &header, body.as_bytes()).await
    };
    sent(OTHER_KEY).await.good();
    assert_eq!(sent(KEY).await.refused(403), "wrong or missing agent key");
    sent("wrong").await.refused(403);
    assert_eq!(cloud.agents().await.len(), 1);
}

/// A byte a second kept a connection for half a minute.
#[actix_web::test]
async fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let cloud = behind_proxy();
    let mut client = Announced::open(&cloud, "198.51.100.1", 4 << 20, "").until("HTTP/1.1 100");
    let begun = Instant::now();
    client.0.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let said = actix_web::rt::task::spawn_blocking(move || {
        loop {
            client.0.write_all(b" ").unwrap();
            let mut said = [0; 4_096];
            match client.0.read(&mut said) {
                Ok(length) => return String::from_utf8_lossy(&said[..length]).into_owned(),
                Err(_) if begun.elapsed() > PATIENCE => return "nothing".to_owned(),
                Err(_) => {}
            }
        }
    });
    let said = said.await.unwrap();
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
}
