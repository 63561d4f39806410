//! Lambda, as a function sees it: the Runtime API and the Extensions API, after AWS's documentation of both. Where the real emulator can be
//! had, [`super::real`] asks it too.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use buckler::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{Mutex, mpsc as queue},
};

/// How long an invocation may take. The test's own patience is longer.
const TIMEOUT_MS: u64 = 30_000;
/// The extension's name at this Lambda.
const EXTENSION: &str = "0d1e2f30-extension";

/// What the function's process does.
#[derive(Debug, PartialEq)]
pub(crate) enum Done {
    /// It has registered an extension of this name for these events.
    Registered(String, Value),
    /// The runtime asks for the next event.
    RuntimeAsks,
    /// The extension asks for the next event.
    ExtensionAsks,
    /// An answer has gone out.
    Answered(Value),
    /// An error in the place of one.
    Failed(Value),
}

/// Lambda.
pub(crate) struct Lambda {
    pub(crate) address: SocketAddr,
    happened: mpsc::Receiver<Done>,
    to_runtime: queue::UnboundedSender<Value>,
    to_extension: queue::UnboundedSender<Value>,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Apis {
    happens: mpsc::Sender<Done>,
    events: Arc<Mutex<queue::UnboundedReceiver<Value>>>,
    invocations: Arc<Mutex<queue::UnboundedReceiver<Value>>>,
    answers: Arc<AtomicU64>,
    numbers: Arc<AtomicU64>,
}

impl Lambda {
    /// Starts to listen. `answers` counts those that have gone out; without `extensions` there is no such API.
    pub(crate) fn start(answers: &Arc<AtomicU64>, extensions: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (happens, happened) = mpsc::channel();
        let (to_runtime, events) = queue::unbounded_channel();
        let (to_extension, invocations) = queue::unbounded_channel();
        let apis = Apis {
            happens,
            events: Arc::new(Mutex::new(events)),
            invocations: Arc::new(Mutex::new(invocations)),
            answers: Arc::clone(answers),
            numbers: Arc::default(),
        };
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(extensions).with_state(apis);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            happened,
            to_runtime,
            to_extension,
            _runtime: runtime,
        }
    }

    /// Delivers an event, to the runtime and to the extension.
    pub(crate) fn deliver(&self, event: Value, extension: bool) {
        self.to_runtime.send(event).unwrap();
        if extension {
            let invoked = json!({"eventType": "INVOKE", "deadlineMs": deadline_ms(), "requestId": "req"});
            self.to_extension.send(invoked).unwrap();
        }
    }

    /// The next thing that the function's process does.
    #[track_caller]
    pub(crate) fn next(&self) -> Done {
        self.happened
            .recv_timeout(crate::PATIENCE)
            .expect("the function goes on")
    }
}

fn router(extensions: bool) -> Router<Apis> {
    let runtime = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next_event))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
        .route("/2018-06-01/runtime/init/error", post(init_failed));
    if !extensions {
        return runtime;
    }
    runtime
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(next_invocation))
}

impl Apis {
    fn say(&self, done: Done) {
        // the test may have ended
        self.happens.send(done).unwrap_or_default();
    }
}

/// When an invocation that begins now must be over.
fn deadline_ms() -> u64 {
    u64::try_from(SystemClock::new().unix().as_millis()).unwrap() + TIMEOUT_MS
}

/// What is posted is JSON, whatever it is called.
fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

async fn next_event(State(apis): State<Apis>) -> impl IntoResponse {
    apis.say(Done::RuntimeAsks);
    let event = apis.events.lock().await.recv().await;
    let number = apis.numbers.fetch_add(1, Ordering::SeqCst);
    let head = [
        ("lambda-runtime-aws-request-id", format!("request-{number}")),
        ("lambda-runtime-deadline-ms", deadline_ms().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:shop".to_owned(),
        ),
    ];
    (head, Json(event))
}

async fn answered(State(apis): State<Apis>, Path(_id): Path<String>, answer: Bytes) -> StatusCode {
    apis.answers.fetch_add(1, Ordering::SeqCst);
    apis.say(Done::Answered(read(&answer)));
    StatusCode::ACCEPTED
}

async fn failed(State(apis): State<Apis>, Path(_id): Path<String>, error: Bytes) -> StatusCode {
    apis.say(Done::Failed(read(&error)));
    StatusCode::ACCEPTED
}

async fn init_failed(State(apis): State<Apis>, error: Bytes) -> StatusCode {
    apis.say(Done::Failed(read(&error)));
    StatusCode::ACCEPTED
}

async fn register(State(apis): State<Apis>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let name = headers["lambda-extension-name"].to_str().unwrap().to_owned();
    apis.say(Done::Registered(name, read(&body)["events"].clone()));
    let shop = json!({"functionName": "shop", "functionVersion": "$LATEST", "handler": "bootstrap"});
    ([("lambda-extension-identifier", EXTENSION)], Json(shop))
}

async fn next_invocation(State(apis): State<Apis>, headers: HeaderMap) -> Result<Json<Option<Value>>, StatusCode> {
    if headers
        .get("lambda-extension-identifier")
        .is_none_or(|id| id != EXTENSION)
    {
        return Err(StatusCode::FORBIDDEN);
    }
    apis.say(Done::ExtensionAsks);
    Ok(Json(apis.invocations.lock().await.recv().await))
}
