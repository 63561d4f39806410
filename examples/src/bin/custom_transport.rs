//! Two guarded applications that speak with the server through directories of JSON files: a transport that Buckler does not
//! ship, written in under 150 lines (`examples/src/custom_transport.rs`).
//!
//!     cargo run --release --bin custom_transport

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{error::Error, time::Duration};

use actix_web::rt::time::sleep;
use awc::http::StatusCode;
use buckler::{Agent, Settings};
use buckler_examples::{
    blog::blog,
    client::Client,
    custom_transport::{KIND, factory},
    demo::{BLOG_KEY, SHOP_KEY, cloud},
    logs,
    relay::Relay,
    shop::shop,
    site::Site,
};
use buckler_server::{RunningServer, Server};
use tracing::Level;

/// An address for documentation (RFC 5737), because loopback is never banned.
const ATTACKER: &str = "203.0.113.66";

/// Looks at the blog until the ban has crossed: a minute, at one look in 100 ms.
const LOOKS: usize = 600;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    logs::start(Level::WARN);
    let server = Server::builder(cloud()).listen("127.0.0.1:0").start()?;
    let mail = tempfile::tempdir()?;
    println!("mail goes through {}", mail.path().display());
    let _relay = Relay::start(mail.path(), server.cloud_url())?;
    let shop = Site::guarded("shop", agent(&server, SHOP_KEY, mail.path())?, shop)?;
    let blog = Site::guarded("blog", agent(&server, BLOG_KEY, mail.path())?, blog)?;

    let client = Client::new();
    client.show_get(&shop, "/.git/config", ATTACKER).await?;
    println!("   the blog, until it shuts the attacker out as well");
    for _ in 0..LOOKS {
        if client.get(&blog, "/", ATTACKER).await?.status == StatusCode::FORBIDDEN {
            println!("   ← it does: the ban came by mail");
            shop.stop().await;
            blog.stop().await;
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err("the ban never crossed".into())
}

fn agent(server: &RunningServer, key: &str, mail: &std::path::Path) -> Result<Agent, Box<dyn Error>> {
    let settings = Settings::builder()
        .cloud_url(server.cloud_url())
        .key(key)
        .trusted_proxies(["127.0.0.1"])
        .transport(KIND)
        .transport_option(KIND, "path", mail.display().to_string())
        .build()?;
    let transport = factory(&settings)?;
    Ok(Agent::builder(settings)
        .platform("actix-web")
        .transport(transport)
        .start())
}
