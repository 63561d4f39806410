//! Notices when an answer has gone out.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use buckler::{Agent, Exchanged};
use futures_util::{FutureExt, future::BoxFuture};
use lambda_http::lambda_runtime::LambdaInvocation;
use pin_project_lite::pin_project;
use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

/// What is to happen when an answer is out.
#[derive(Clone)]
pub(crate) enum Then {
    /// The extension goes on, while the runtime may ask for the next event already.
    Extension(Arc<Notify>),
    /// The agent speaks before the runtime asks for the next event: without an extension the process is frozen when it has asked.
    Agent(Arc<Agent>, Duration),
}

/// Around the runtime's own service: its future is ready when Lambda has taken the answer.
pub(crate) struct Answered(pub(crate) Then);

impl<S> Layer<S> for Answered {
    type Service = Answering<S>;

    fn layer(&self, inner: S) -> Answering<S> {
        Answering {
            inner,
            then: self.0.clone(),
        }
    }
}

pub(crate) struct Answering<S> {
    inner: S,
    then: Then,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for Answering<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Told<S::Future, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        Told {
            answer: self.inner.call(invocation),
            then: self.then.clone(),
            telling: None,
        }
    }
}

pin_project! {
    /// An invocation, to its very end.
    pub(crate) struct Told<F, T> {
        #[pin]
        answer: F,
        then: Then,
        telling: Option<(Option<T>, BoxFuture<'static, Exchanged>)>,
    }
}

impl<F: Future<Output = T>, T> Future for Told<F, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        if this.telling.is_none() {
            let output = ready!(this.answer.poll(cx));
            match this.then {
                Then::Agent(agent, budget) if agent.is_due() => {
                    *this.telling = Some((Some(output), agent.exchange(*budget).boxed()));
                }
                Then::Agent(..) => return Poll::Ready(output),
                Then::Extension(answered) => {
                    answered.notify_one();
                    return Poll::Ready(output);
                }
            }
        }
        if let Some((output, telling)) = this.telling {
            ready!(telling.as_mut().poll(cx));
            if let Some(output) = output.take() {
                return Poll::Ready(output);
            }
        }
        // it was ready before
        Poll::Pending
    }
}
