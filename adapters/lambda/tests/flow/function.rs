//! The function, and its process.

use std::{
    env,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, atomic::AtomicU64},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use buckler_lambda::{Settings, run, start};
use buckler_tests::wait::until;
use lambda_http::{Body, Error, Request, RequestExt, Response, request::RequestContext, service_fn};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    cloud::Cloud,
    emulator::{Done, Lambda},
    events::{Asked, Front},
};

/// The test that is the function, where another starts it.
const SERVES: &str = "function::serves";

/// As `bootstrap` would be.
#[tokio::test(flavor = "current_thread")]
#[ignore = "the others start it, as their function"]
async fn serves() {
    let agent = start(Settings::load().unwrap()).unwrap();
    run(agent, service_fn(handle)).await.unwrap();
}

async fn handle(request: Request) -> Result<Response<Body>, Error> {
    if let Some(RequestContext::PassThrough) = request.request_context_ref() {
        return Ok(Response::new(request.into_body()));
    }
    let path = request.raw_http_path();
    if path.ends_with("/echo") {
        let (parts, body) = request.into_parts();
        let mut answer = Response::new(body);
        if let Some(content_type) = parts.headers.get("content-type") {
            answer.headers_mut().insert("content-type", content_type.clone());
        }
        return Ok(answer);
    }
    match path.trim_start_matches("/prod") {
        "/uri" => Ok(Response::new(request.uri().to_string().into())),
        "/bytes" => Ok(Response::builder()
            .header("content-type", "image/png")
            .body(Body::from(vec![0x66, 0x6f, 0x6f]))?),
        "/fails" => Err("the function's own trouble".into()),
        "/cookies" => Ok(Response::builder()
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(Body::Empty)?),
        _other => Ok(Response::new("welcome".into())),
    }
}

/// The process of a function, which stands still between invocations.
pub(crate) struct Function {
    lambda: Lambda,
    child: Child,
    has_extension: bool,
}

impl Function {
    /// Starts it, and waits until it asks for its first event.
    pub(crate) fn start(cloud: &Cloud) -> Self {
        Self::start_with(&cloud.url(), &cloud.answers, true, &[])
    }

    pub(crate) fn start_with(url: &str, answers: &Arc<AtomicU64>, extensions: bool, more: &[(&str, &str)]) -> Self {
        let lambda = Lambda::start(answers, extensions);
        let child = command(url)
            .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
            .envs(more.iter().copied())
            .spawn()
            .unwrap();
        let mut function = Self {
            lambda,
            child,
            has_extension: false,
        };
        if extensions {
            let Done::Registered(_, events) = function.lambda.next() else {
                panic!("an extension is registered before anything else");
            };
            assert_eq!(
                events,
                serde_json::json!(["INVOKE"]),
                "an internal extension may have no other"
            );
            function.has_extension = true;
        }
        function.settle();
        function
    }

    /// Waits until the process has nothing to do, and stops it, as Lambda does.
    fn settle(&self) {
        let mut waited = vec![Done::RuntimeAsks];
        if self.has_extension {
            waited.push(Done::ExtensionAsks);
        }
        while !waited.is_empty() {
            let done = self.lambda.next();
            let place = waited.iter().position(|awaited| *awaited == done);
            waited.swap_remove(place.unwrap_or_else(|| panic!("not now: {done:?}")));
        }
        self.signal(Signal::STOP);
    }

    /// Invokes it with an event, and stops it after.
    pub(crate) fn invoke(&self, event: Value) -> Done {
        self.signal(Signal::CONT);
        self.lambda.deliver(event, self.has_extension);
        let done = self.lambda.next();
        self.settle();
        done
    }

    /// Asks it through a service, and reads the answer in that service's shape.
    #[track_caller]
    pub(crate) fn ask(&self, asked: &Asked<'_>, front: Front) -> Answer {
        let done = self.invoke(asked.through(front));
        let Done::Answered(answer) = done else {
            panic!("{done:?}")
        };
        Answer(answer)
    }

    /// Thaws it and tells it to end, as Lambda does at last; it has 500 ms there, and longer on a machine that is busy with other tests.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let mut ended = None;
        until("it has ended", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // it may have ended
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// This program again, as a function.
pub(crate) fn command(cloud: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", SERVES, "--ignored", "--nocapture"])
        .env("PYRASP_CLOUD_URL", cloud)
        .env("PYRASP_KEY", "0b7e2d54")
        .env("AWS_LAMBDA_FUNCTION_NAME", "shop")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .stdout(Stdio::null());
    command
}

/// An answer in the shape of its service.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) Value);

impl Answer {
    pub(crate) fn status(&self) -> u64 {
        self.0["statusCode"].as_u64().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let one = || self.0["headers"][name].as_str();
        self.0["multiValueHeaders"][name][0].as_str().or_else(one)
    }

    pub(crate) fn is_base64(&self) -> bool {
        self.0["isBase64Encoded"].as_bool().unwrap()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let body = self.0["body"].as_str().unwrap_or_default();
        if self.is_base64() {
            BASE64_STANDARD.decode(body).unwrap()
        } else {
            body.as_bytes().to_vec()
        }
    }
}
