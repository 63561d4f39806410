//! A tour of Buckler: a cloud server, two guarded applications, and a client who attacks one of
//! them and is refused by both, even while the server is killed and started again.
//!
//!     cargo run --release --bin tour -- --once
//!     cargo run --release --bin tour -- --once --transport websocket

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{error::Error, process::ExitCode, time::Duration};

use actix_web::rt::signal::ctrl_c;
use awc::http::{Method, StatusCode};
use buckler_examples::{client::Answer, cloud_process, demo::ADMIN_TOKEN, fleet::Fleet, logs};
use clap::Parser;
use serde_json::Value;
use tracing::Level;

/// The attacker: an address for documentation (RFC 5737), because loopback is never banned.
const ATTACKER: &str = "203.0.113.66";

/// Somebody else.
const CUSTOMER: &str = "198.51.100.20";

/// Starts a cloud server and two guarded applications, and shows a ban crossing from one to the other.
#[derive(Parser)]
struct Options {
    /// End after the last step. Either way the exit code is 0 only if every step did what it says.
    #[arg(long)]
    once: bool,
    /// How the agents speak with the server: http-polling, websocket or auto.
    #[arg(long, value_name = "KIND", default_value = "http-polling")]
    transport: String,
}

/// What came of a step: its error says what it did not do.
type Step<T = ()> = Result<T, Box<dyn Error>>;

#[actix_web::main]
async fn main() -> ExitCode {
    match cloud_process::serve() {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        Err(error) => {
            println!("   ✗ the server: {error}");
            return ExitCode::FAILURE;
        }
    }
    let Options { once, transport } = Options::parse();
    logs::start(Level::ERROR);
    match tour(once, &transport).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("   ✗ {error}");
            ExitCode::FAILURE
        }
    }
}

async fn tour(once: bool, transport: &str) -> Step {
    let mut fleet = Fleet::start(transport).await?;
    introduce(&fleet)?;
    walk(&mut fleet).await?;
    if !once {
        invite(&fleet)?;
        ctrl_c().await?;
    }
    step(
        9,
        "Goodbye: each agent tells the server what it does not know yet",
        fleet.stop(),
    )
    .await
}

/// The steps in turn: each needs what the ones before it did.
async fn walk(fleet: &mut Fleet) -> Step {
    step(
        1,
        "Both agents register, and run the configuration that the server has for their key",
        agents_get_in_step(fleet),
    )
    .await?;
    step(2, "A customer looks around", a_customer_looks_around(fleet)).await?;
    let attacked = step(
        3,
        "An attacker looks for a repository in the shop, and is shut out of it",
        an_attacker_meets_the_shop(fleet),
    )
    .await?;
    step(
        4,
        "The blog, which was never attacked, shuts the attacker out as well",
        the_ban_crosses_to_the_blog(fleet, attacked),
    )
    .await?;
    step(5, "Nobody else is shut out", nobody_else_is_shut_out(fleet)).await?;
    step(6, "What the server knows", the_server_knows(fleet)).await?;
    step(
        7,
        "The server is killed and started again, and the ban holds all the time",
        the_server_is_killed(fleet),
    )
    .await?;
    step(8, "An operator lets the address in again", an_operator_forgives(fleet)).await?;
    Ok(())
}

async fn step<T>(number: u32, title: &str, walk: impl Future<Output = Step<T>>) -> Step<T> {
    println!("\n{number}. {title}");
    let came_of_it = walk.await?;
    println!("   ✓");
    Ok(came_of_it)
}

fn introduce(fleet: &Fleet) -> Step {
    println!("Buckler, a tour (RUST_LOG=info shows what the agents say meanwhile)\n");
    println!("   cloud server  {}", fleet.server.url()?);
    println!("   shop          {}", fleet.shop.url("/"));
    println!("   blog          {}", fleet.blog.url("/"));
    Ok(())
}

async fn agents_get_in_step(fleet: &Fleet) -> Step {
    for site in fleet.sites() {
        let in_step = async || {
            let status = site.agent.status();
            Ok((status.conversation.state == "synced" && status.config.source == "server").then_some(status))
        };
        let status = fleet.eventually(in_step).await?;
        println!(
            "   {}: in step over {}, with version {} from the server",
            site.name,
            status.conversation.transport.unwrap_or_default(),
            status.config.version.unwrap_or_default()
        );
    }
    Ok(())
}

async fn a_customer_looks_around(fleet: &Fleet) -> Step {
    for (site, path) in [(&fleet.shop, "/"), (&fleet.shop, "/items/0"), (&fleet.blog, "/")] {
        expect(StatusCode::OK, &fleet.client.show_get(site, path, CUSTOMER).await?)?;
    }
    Ok(())
}

/// Gives back when the attack was answered.
async fn an_attacker_meets_the_shop(fleet: &Fleet) -> Step<Duration> {
    let answer = fleet.client.show_get(&fleet.shop, "/.git/config", ATTACKER).await?;
    let attacked = fleet.now();
    expect(StatusCode::FORBIDDEN, &answer)?;
    fleet.until(&fleet.shop, "/", ATTACKER, StatusCode::FORBIDDEN).await?;
    Ok(attacked)
}

async fn the_ban_crosses_to_the_blog(fleet: &Fleet, attacked: Duration) -> Step {
    fleet.until(&fleet.blog, "/", ATTACKER, StatusCode::FORBIDDEN).await?;
    let crossed = fleet.now().saturating_sub(attacked);
    println!("   the ban crossed in {:.2} s", crossed.as_secs_f64());
    match fleet.blog.agent.status().list.local {
        0 => Ok(()),
        _ => Err("but the blog banned the attacker by itself".into()),
    }
}

async fn nobody_else_is_shut_out(fleet: &Fleet) -> Step {
    for site in fleet.sites() {
        expect(StatusCode::OK, &fleet.client.show_get(site, "/", CUSTOMER).await?)?;
    }
    Ok(())
}

async fn the_server_knows(fleet: &Fleet) -> Step {
    println!("   → GET /admin/agents");
    fleet
        .eventually(async || reported(fleet).await)
        .await?
        .iter()
        .for_each(print_agent);
    println!("   → GET /admin/blacklist?address={ATTACKER}");
    let list = fleet
        .admin(Method::GET, &format!("blacklist?address={ATTACKER}"))
        .await?;
    let entry = list
        .pointer("/entries/0")
        .ok_or("the attacker is not in the server's list")?;
    print_entry(entry, &list);
    match (text(entry, "/profile"), text(entry, "/why")) {
        ("shop", "decoy") => Ok(()),
        (profile, why) => Err(format!("listed by {profile} for {why}, not by the shop for the decoy").into()),
    }
}

/// The server's view of both agents, once it has heard from both: load and counts come with the next beacon.
async fn reported(fleet: &Fleet) -> Step<Option<Vec<Value>>> {
    let seen = fleet.admin(Method::GET, "agents").await?;
    let agents = seen
        .get("agents")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let has_reported = |agent: &Value| number(agent, "/totals/success") > 0 && agent.get("telemetry").is_some();
    Ok((agents.len() == 2 && agents.iter().all(has_reported)).then_some(agents))
}

async fn the_server_is_killed(fleet: &mut Fleet) -> Step {
    let before = history(fleet).await?;
    fleet.server.kill()?;
    println!("   kill -9");
    the_attacker_stays_out(fleet).await?;
    fleet.server.start_again()?;
    println!("   the server listens again at {}", fleet.server.url()?);
    let heard = async || {
        the_attacker_stays_out(fleet).await?;
        let agents = fleet.admin(Method::GET, "agents").await?;
        let known = agents.get("agents").and_then(Value::as_array).map_or(0, Vec::len);
        Ok((known == 2).then_some(()))
    };
    fleet.eventually(heard).await?;
    let after = history(fleet).await?;
    if before != after {
        return Err(format!("the list was {before:?}, and is {after:?} now").into());
    }
    println!("   the same history at the same revision: both agents go on where they were");
    Ok(())
}

/// Epoch and revision of the list.
async fn history(fleet: &Fleet) -> Step<(String, u64)> {
    let list = fleet.admin(Method::GET, "blacklist?limit=1").await?;
    Ok((text(&list, "/epoch").to_owned(), number(&list, "/rev")))
}

async fn the_attacker_stays_out(fleet: &Fleet) -> Step {
    for site in fleet.sites() {
        expect(StatusCode::FORBIDDEN, &fleet.client.get(site, "/", ATTACKER).await?)?;
    }
    Ok(())
}

async fn an_operator_forgives(fleet: &Fleet) -> Step {
    println!("   → DELETE /admin/blacklist?address={ATTACKER}");
    let removed = fleet
        .admin(Method::DELETE, &format!("blacklist?address={ATTACKER}"))
        .await?;
    println!("   ← {} removed", text(&removed, "/removed/address"));
    for site in fleet.sites() {
        fleet.until(site, "/", ATTACKER, StatusCode::OK).await?;
    }
    Ok(())
}

/// Says what can be tried by hand.
fn invite(fleet: &Fleet) -> Step {
    let admin = fleet.server.admin_url()?;
    println!("\nEverything goes on; Ctrl-C ends it. Try:\n");
    println!(
        "   curl -i -H 'X-Forwarded-For: 203.0.113.7' {}",
        fleet.shop.url("/.git/config")
    );
    println!("   curl -i -H 'X-Forwarded-For: 203.0.113.7' {}", fleet.blog.url("/"));
    println!("   curl -H 'Authorization: Bearer {ADMIN_TOKEN}' {admin}agents");
    println!("   curl -H 'Authorization: Bearer {ADMIN_TOKEN}' {admin}blacklist");
    println!("   curl -H 'Authorization: Bearer {ADMIN_TOKEN}' -X DELETE '{admin}blacklist?address=203.0.113.7'");
    Ok(())
}

fn expect(status: StatusCode, answer: &Answer) -> Step {
    if answer.status == status {
        Ok(())
    } else {
        Err(format!("that should have been {status}").into())
    }
}

fn print_agent(agent: &Value) {
    let percent = |pointer| agent.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let count = |pointer| number(agent, pointer);
    println!(
        "   ← {}: {} {}, protocol {}, {} routes, cpu {:.0} %, memory {:.0} %",
        text(agent, "/profile"),
        text(agent, "/platform"),
        text(agent, "/version"),
        count("/proto"),
        count("/routes"),
        percent("/telemetry/cpu"),
        percent("/telemetry/memory"),
    );
    println!(
        "     requests: {} answered well, {} errors, {} attacks, {} blocked",
        count("/totals/success"),
        count("/totals/errors"),
        count("/totals/attacks"),
        count("/totals/blocked"),
    );
}

fn print_entry(entry: &Value, list: &Value) {
    println!(
        "   ← revision {}: {} for {} s more, found by the {}'s check {}",
        number(list, "/rev"),
        text(entry, "/address"),
        number(entry, "/ttl_s"),
        text(entry, "/profile"),
        text(entry, "/why"),
    );
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("?")
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}
