//! A cloud server in memory, with two demo profiles and fixed demo keys.
//!
//!     cargo run --release --bin mock_server
//!     cargo run --release --bin mock_server -- --listen 127.0.0.1:9200

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{error::Error, time::Duration};

use actix_web::rt::signal::ctrl_c;
use buckler_examples::demo::{ADMIN_TOKEN, BLOG_KEY, SHOP_KEY, cloud};
use buckler_server::{RunningServer, Server};
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// How long requests may take that are being answered when the program is told to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// A cloud server in memory, for trying things out.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9100")]
    listen: String,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { listen } = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let server = Server::builder(cloud()).listen(&listen).start()?;
    introduce(&server);
    ctrl_c().await?;
    server.stop(GOODBYE);
    Ok(())
}

fn introduce(server: &RunningServer) {
    let (cloud, admin) = (server.cloud_url(), server.admin_url());
    println!("cloud server in memory; Ctrl-C ends it, and with it the list");
    println!("  cloud_url    {cloud}");
    println!("  shop's key   {SHOP_KEY}");
    println!("  blog's key   {BLOG_KEY}");
    println!("try:");
    println!("  PYRASP_CLOUD_URL={cloud} PYRASP_KEY={SHOP_KEY} cargo run --release --bin guarded_app");
    println!("  curl -H 'X-Buckler-Key: {SHOP_KEY}' {cloud}");
    println!("  curl -H 'Authorization: Bearer {ADMIN_TOKEN}' {admin}agents");
    println!("  curl -H 'Authorization: Bearer {ADMIN_TOKEN}' {admin}blacklist");
    println!(
        "  curl -H 'Authorization: Bearer {ADMIN_TOKEN}' -d '{{\"address\": \"203.0.113.9\", \"ttl_s\": 600}}' {admin}blacklist"
    );
}
