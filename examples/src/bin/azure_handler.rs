//! The shop as a custom handler of Azure Functions. The host starts it and says by `FUNCTIONS_CUSTOMHANDLER_PORT` where it is to listen;
//! with the Core Tools, in the directory of a function app whose `host.json` has
//!
//!     "customHandler": {
//!       "description": {"defaultExecutablePath": "azure_handler"},
//!       "enableForwardingHttpRequest": true
//!     }
//!
//! and with a function of the route `{*path}`, that is `func start`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]

use std::{error::Error, process::ExitCode};

use axum::{Router, routing::post};
use buckler_examples::{axum_shop::shop, guarded::print_report, logs};
use buckler_functions::{Settings, azure};
use tracing::Level;

#[tokio::main]
async fn main() -> ExitCode {
    logs::start(Level::INFO);
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let (shop, _) = shop().into_parts();
    // the host's default prefix of every route, and a function that a queue triggers
    let handler = Router::new().nest("/api", shop).route("/work", post(work));
    let agent = azure::start(Settings::load()?)?;
    let report = azure::serve(agent, handler).await?;
    print_report(&report);
    Ok(())
}

/// What a queue holds, as the host hands it over.
async fn work(invocation: String) -> &'static str {
    println!("work of {} bytes", invocation.len());
    r#"{"Outputs": {}, "Logs": ["done"], "ReturnValue": null}"#
}
