//! A function's life: it registers, serves, speaks after its answers, and says what is left at its end.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use buckler::{Agent, Exchanged};
use buckler_tower::Buckler;
use futures_util::future::{Either, join, select};
use lambda_http::{
    Error, IntoResponse, Request,
    lambda_runtime::{Diagnostic, layers::TracingLayer},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};
use tower_service::Service;

use crate::{
    answered::{Answered, Then},
    extension::Extension,
    function::Guarded,
};

/// How long the first exchange may keep the function from its first request: Lambda gives ten seconds for everything before it.
pub const REGISTER_WITHIN: Duration = Duration::from_secs(2);
/// How long an exchange may keep the process awake after an answer, at most: it is paid for.
pub const BEACON_WITHIN: Duration = Duration::from_secs(2);
/// How long the last exchange may take: a function that has only an internal extension is ended 500 ms after the SIGTERM.
pub const FLUSH_WITHIN: Duration = Duration::from_millis(400);

/// Runs a guarded function until Lambda ends it, as `lambda_http::run` runs one that is not guarded.
///
/// The agent registers first, within [`REGISTER_WITHIN`], and the function serves whether it could or not.
///
/// # Errors
/// As `lambda_http::run`: where Lambda cannot be spoken to.
///
/// # Panics
/// As `lambda_http::run`: outside of Lambda, where its environment variables are missing.
pub async fn run<S, R, E>(agent: Agent, function: S) -> Result<(), Error>
where
    S: Service<Request, Response = R, Error = E> + Clone + Send + 'static,
    S::Future: Send + 'static,
    R: IntoResponse + Send + Sync + 'static,
    E: fmt::Debug + Into<Diagnostic> + Send + 'static,
{
    let agent = Arc::new(agent);
    let terminated = signal(SignalKind::terminate())?;
    let (extension, registered) = join(Extension::register(), agent.exchange(REGISTER_WITHIN)).await;
    if registered != Exchanged::Done {
        let problem = agent.status().conversation.problem;
        tracing::warn!(?registered, problem, "serving without a word from the server");
    }
    let served = serve(&agent, extension, function);
    let result = match select(pin!(served), pin!(until(terminated))).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => Ok(()),
    };
    let ended = tokio::task::spawn_blocking(move || agent.shutdown(FLUSH_WITHIN)).await?;
    tracing::info!(sent = ended.sent, unsent = ended.unsent, "function ended");
    result
}

/// Serves, with the extension at its side if there is one.
async fn serve<S, R, E>(agent: &Arc<Agent>, extension: Option<Extension>, function: S) -> Result<(), Error>
where
    S: Service<Request, Response = R, Error = E> + Clone + Send + 'static,
    S::Future: Send + 'static,
    R: IntoResponse + Send + Sync + 'static,
    E: fmt::Debug + Into<Diagnostic> + Send + 'static,
{
    let function = Guarded::new(function, &Buckler::new(agent));
    let runtime = lambda_http::runtime(function).layer(TracingLayer::new());
    let Some(extension) = extension else {
        let then = Then::Agent(Arc::clone(agent), BEACON_WITHIN);
        return runtime.layer(Answered(then)).run().await;
    };
    let answered = Arc::new(Notify::new());
    let runtime = runtime.layer(Answered(Then::Extension(Arc::clone(&answered)))).run();
    match select(pin!(runtime), pin!(accompany(agent, &extension, &answered))).await {
        Either::Left((result, _)) | Either::Right((result, _)) => result,
    }
}

/// Has the agent speak after each answer, if it is due.
async fn accompany(agent: &Agent, extension: &Extension, answered: &Notify) -> Result<(), Error> {
    loop {
        // the invocation before is over: from here on the process may be frozen
        let left = extension.next().await?;
        answered.notified().await;
        if agent.is_due() {
            let outcome = agent.exchange(BEACON_WITHIN.min(left)).await;
            tracing::debug!(?outcome, "spoke after an answer");
        }
    }
}

/// Waits for the end.
async fn until(mut terminated: Signal) {
    if terminated.recv().await.is_none() {
        std::future::pending().await
    }
}
