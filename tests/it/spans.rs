//! The host's own `tracing`: what the guard finds is logged within the span that its request was
//! judged in.

use std::{io, sync::mpsc, time::Duration};

use actix_web::{App, HttpServer, dev::Service as _, web};
use axum::{Router, middleware, routing::get};
use buckler_actix_web::Agent;
use buckler_tests::http;
use tracing::{Instrument as _, info_span};

use crate::{
    child,
    site::{self, DECOY, local},
};

/// A client that may be banned.
const CLIENT: &str = "203.0.113.9";

#[test]
fn a_finding_is_logged_within_the_span_of_its_request() {
    child::passes(child::command("spans::spans_alone"));
}

/// Passes on what is logged.
struct Log(mpsc::Sender<String>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // once the test is over, no one reads
        self.0
            .send(String::from_utf8_lossy(line).into_owned())
            .unwrap_or_default();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// In a process of its own: the agent logs on its own thread, which only a subscriber of all hears.
#[test]
#[ignore = "run by a_finding_is_logged_within_the_span_of_its_request"]
fn spans_alone() {
    let (log, lines) = mpsc::channel();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || Log(log.clone()))
        .init();
    for (framework, asks) in [
        ("actix-web", by_actix_web as fn(&Agent)),
        ("axum", by_axum as fn(&Agent)),
    ] {
        let agent = buckler_actix_web::start(local().build().unwrap()).unwrap();
        asks(&agent);
        site::wait_until(&agent, framework, || {
            lines
                .try_iter()
                .filter(|line| line.contains("buckler::guard"))
                .any(|line| {
                    let span = format!("served{{by=\"{framework}\"}}");
                    assert!(line.contains(&span) && line.contains(CLIENT), "{framework}: {line}");
                    true
                })
        });
        agent.shutdown(Duration::from_secs(1));
    }
}

/// Asks for a decoy.
fn ask(address: std::net::SocketAddr) {
    let head = format!("GET {DECOY} HTTP/1.1\r\nX-Forwarded-For: {CLIENT}\r\n");
    assert_eq!(http::ask(address, &head, b"").status, 403);
}

fn by_actix_web(agent: &Agent) {
    let buckler = buckler_actix_web::Buckler::new(agent);
    actix_rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .route("/", web::get().to(async || "welcome"))
                .wrap(buckler.clone())
                .wrap_fn(|request, app| {
                    // as those do that are made for it: the request is begun within it, too
                    let span = info_span!("served", by = "actix-web");
                    let answer = span.in_scope(|| app.call(request));
                    answer.instrument(span)
                })
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        let asked = actix_rt::task::spawn_blocking(move || ask(address));
        actix_rt::spawn(running);
        asked.await.unwrap();
        handle.stop(false).await;
    });
}

fn by_axum(agent: &Agent) {
    let within = async |request: axum::extract::Request, next: middleware::Next| {
        next.run(request).instrument(info_span!("served", by = "axum")).await
    };
    let app = Router::new()
        .route("/", get(async || "welcome"))
        .layer(buckler_tower::Buckler::new(agent))
        .layer(middleware::from_fn(within));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    runtime.spawn(async move { axum::serve(listener, service).await });
    ask(address);
    runtime.shutdown_background();
}
