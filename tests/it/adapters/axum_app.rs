//! The application in axum.

use std::{convert::Infallible, net::SocketAddr, sync::mpsc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{
        StatusCode,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{Route, any, get, post},
};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    host::Started,
    pages::{Application, Page, SIZED, Shape, at_once, length, pages, slowly},
};

/// Serves it with the layer that guards it.
pub(super) fn serve<L>(guard: L, application: &Application, tell: &mpsc::Sender<Started>)
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request, Error = Infallible, Response: IntoResponse, Future: Send> + Clone + Send + Sync,
{
    let application = shop()
        .merge(watched(application))
        .layer(DefaultBodyLimit::disable())
        .layer(guard)
        .into_make_service_with_connect_info::<SocketAddr>();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tell.send((address, Box::new(move || drop(stop)))).unwrap();
        tokio::select! {
            served = axum::serve(listener, application) => served.unwrap(),
            _dropped = stopped => {}
        }
    });
}

fn shop() -> Router {
    Router::new()
        .route("/", get(async || "welcome"))
        .route("/items/{id}", get(async |Path(id): Path<u32>| format!("item {id}")))
        .route("/login", get(async || "a form"))
        .route("/missing", get(async || StatusCode::NOT_FOUND))
        .route("/staff/", get(async || "staff"))
        .nest("/client", Router::new().fallback(async || "a single-page application"))
        .route("/echo", post(async |body: Bytes| body))
}

fn watched(application: &Application) -> Router {
    let router = Router::new()
        .route(
            "/tell",
            any(async |State(application): State<Application>, request: Request| {
                match application.read(request.into_body().into_data_stream()).await {
                    true => (StatusCode::ACCEPTED, "accepted"),
                    false => (StatusCode::BAD_REQUEST, "failed"),
                }
            }),
        )
        .route(
            "/pieces",
            get(async |State(application): State<Application>| {
                let pieces = application.pieces().await;
                ([(CONTENT_TYPE, "text/plain")], Body::from_stream(pieces))
            }),
        )
        .route(
            "/sized",
            get(async |State(application): State<Application>| {
                let pieces = application.pieces().await;
                let length = SIZED.to_string();
                let headers = [(CONTENT_TYPE, "text/plain"), (CONTENT_LENGTH, length.as_str())];
                (headers, Body::from_stream(pieces)).into_response()
            }),
        );
    let router = pages().into_iter().fold(router, |router, page| {
        let path = page.path;
        router.route(path, get(async move || answer(&page)))
    });
    router.with_state(application.clone())
}

fn answer(page: &Page) -> Response {
    let mut response = Response::builder()
        .status(page.status)
        .header(CONTENT_TYPE, page.content_type);
    if let Some(encoding) = page.encoding {
        response = response.header(CONTENT_ENCODING, encoding);
    }
    let body = match page.shape.clone() {
        Shape::Whole(body) => Body::from(body),
        Shape::Stream(pieces) => Body::from_stream(at_once(pieces)),
        Shape::File(pieces) => {
            response = response.header(CONTENT_LENGTH, length(pieces));
            Body::from_stream(slowly(pieces))
        }
    };
    response.body(body).unwrap()
}
