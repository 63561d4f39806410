//! The application on hyper alone, without axum's router and server: a connection at a time.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll},
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response, StatusCode},
};
use buckler_tower::Buckler;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{host::Started, pages::Application};

/// Serves it behind the layer, which is told of each connection's other end or not.
pub(super) fn serve(buckler: &Buckler, tells_peers: bool, application: &Application, tell: &mpsc::Sender<Started>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        tell.send((address, Box::new(move || drop(stop)))).unwrap();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _dropped = &mut stopped => break,
            };
            let buckler = buckler.clone();
            let buckler = if tells_peers {
                buckler.connected_to(peer.ip())
            } else {
                buckler
            };
            let service = TowerToHyperService::new(buckler.layer(Pages(application.clone())));
            tokio::spawn(async move {
                // what goes wrong on one connection is its client's affair
                let _ended = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
}

#[derive(Clone)]
struct Pages(Application);

impl<B> Service<Request<B>> for Pages
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let application = self.0.clone();
        Box::pin(async move {
            let (status, text) = match request.uri().path() {
                "/" => (StatusCode::OK, "welcome"),
                "/tell" => {
                    let body = Body::new(request.into_body()).into_data_stream();
                    match application.read(body).await {
                        true => (StatusCode::ACCEPTED, "accepted"),
                        false => (StatusCode::BAD_REQUEST, "failed"),
                    }
                }
                _ => (StatusCode::NOT_FOUND, "nothing here"),
            };
            let mut response = Response::new(Body::from(text));
            *response.status_mut() = status;
            Ok(response)
        })
    }
}
