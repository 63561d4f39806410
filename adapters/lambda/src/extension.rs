//! The internal extension: a second line to Lambda, which keeps the process awake after the answer has gone out.
//!
//! Lambda freezes the process when the runtime *and* every extension have asked for the next event. This one asks for it when the agent
//! has said what it had to say. It speaks the Extensions API itself, over the client that `lambda_runtime` uses: the crate
//! `lambda-extension` does the same for 33 crates more.

use std::time::Duration;

use buckler::clock::{Clock, SystemClock};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use lambda_http::Error;
use lambda_runtime_api_client::{PooledClient, body::Body};
use serde::Deserialize;

/// The name by which Lambda lists it. Of an internal extension it is any.
const NAME: &str = "buckler";
/// Lambda answers a registration from within the machine.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is left of an invocation's time when the agent has to be done: Lambda ends the process at its deadline.
const MARGIN: Duration = Duration::from_millis(200);

/// A registered extension.
pub(crate) struct Extension {
    client: PooledClient,
    id: HeaderValue,
    clock: SystemClock,
}

/// What Lambda tells an extension.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    /// When the invocation must be over, in milliseconds since the Unix epoch.
    #[serde(default)]
    deadline_ms: u64,
}

impl Extension {
    /// Registers; `None` where there is no such API, as in some emulators.
    pub(crate) async fn register() -> Option<Self> {
        let client = PooledClient::builder().build();
        match tokio::time::timeout(PATIENCE, identify(&client)).await {
            Ok(Ok(id)) => Some(Self {
                client,
                id,
                clock: SystemClock::new(),
            }),
            Ok(Err(error)) => {
                tracing::info!(%error, "no internal extension: beacons are sent before the next event is asked for");
                None
            }
            Err(_) => {
                tracing::info!("no internal extension: Lambda does not answer the registration");
                None
            }
        }
    }

    /// Waits for the next invocation, and says how long the agent may take in it. The invocation before is over with this.
    ///
    /// # Errors
    /// Where Lambda does not answer as it is to: the process cannot go on then.
    pub(crate) async fn next(&self) -> Result<Duration, Error> {
        loop {
            let request = Request::builder()
                .method(Method::GET)
                .uri("/2020-01-01/extension/event/next")
                .header("Lambda-Extension-Identifier", self.id.clone())
                .body(Body::empty())?;
            let response = successful(self.client.call(request).await?)?;
            let event: Event = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
            if event.event_type == "INVOKE" {
                let left = Duration::from_millis(event.deadline_ms).saturating_sub(self.clock.unix());
                return Ok(left.saturating_sub(MARGIN));
            }
        }
    }
}

async fn identify(client: &PooledClient) -> Result<HeaderValue, Error> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/2020-01-01/extension/register")
        .header("Lambda-Extension-Name", NAME)
        // an internal extension cannot ask for `SHUTDOWN`: it is told by SIGTERM
        .body(Body::from(r#"{"events":["INVOKE"]}"#))?;
    let response = successful(client.call(request).await?)?;
    let id = response.headers().get("Lambda-Extension-Identifier").cloned();
    id.ok_or_else(|| "the answer to the registration names no extension".into())
}

fn successful<B>(response: Response<B>) -> Result<Response<B>, Error> {
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(format!("Lambda's Extensions API answered {status}").into()),
    }
}
