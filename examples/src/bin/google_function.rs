//! The shop as a function on Google Cloud Functions or a service on Cloud Run, which say by `PORT` where it is to listen. Here:
//!
//!     PORT=8080 PYRASP_CLOUD_URL=http://127.0.0.1:8000/config PYRASP_KEY=… cargo run --release --bin google_function

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]

use std::{error::Error, process::ExitCode};

use buckler_examples::{axum_shop::shop, guarded::print_report, logs};
use buckler_functions::{
    Settings,
    google::{self, Google},
};
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
    let (shop, routes) = shop().post("/events", event).into_parts();
    let agent = google::builder(Settings::load()?)?.routes(routes).start();
    let report = Google::from_env(agent)?.events_at("/events").serve(shop).await?;
    print_report(&report);
    Ok(())
}

/// What Eventarc delivers.
async fn event(event: String) {
    println!("an event of {} bytes", event.len());
}
