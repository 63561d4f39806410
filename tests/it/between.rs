//! A fault server between agents and the real server: what agents say reaches it, and what becomes of its answers is the test's
//! to decide. So a reply can be lost after the server has committed, over every transport.

use std::net::SocketAddr;

use buckler_tests::fault::{Answer, FaultServer, Script, Seen, Step, Upgrade};

use crate::cloud::{Cloud, ask};

/// Starts it. `decide` is given each message with the server's own answer.
pub(crate) fn between(cloud: &Cloud, decide: impl FnMut(&Seen, Answer) -> Step + Send + 'static) -> FaultServer {
    FaultServer::start(passing(cloud.address(), decide)).unwrap()
}

/// The script of such a server.
pub(crate) fn passing(cloud: SocketAddr, mut decide: impl FnMut(&Seen, Answer) -> Step + Send + 'static) -> Script {
    Script::by(move |seen| {
        let answer = forward(cloud, seen);
        decide(seen, answer)
    })
    .upgrading(Upgrade::new())
}

/// What the real server answers; 502 where it is down, as a proxy would say.
fn forward(cloud: SocketAddr, seen: &Seen) -> Answer {
    let path = if seen.path.contains("beacon") {
        "/beacon"
    } else {
        "/config"
    };
    // the server sends agents back to the host that they asked for, and that is this one
    let host = seen.header("host").map(|host| format!("Host: {host}\r\n"));
    let headers = format!("Content-Type: application/json\r\n{}", host.unwrap_or_default());
    match ask(cloud, "POST", path, &headers, &seen.body) {
        Ok((status, body)) => Answer::new(status)
            .header("Content-Type", "application/json")
            .body(body),
        Err(error) => Answer::refusal(502, &error.to_string()),
    }
}
