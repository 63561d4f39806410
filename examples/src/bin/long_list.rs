//! What a long list costs a guarded application: how long it takes to arrive over the wire and to load from disk, what it takes in
//! memory, and whether a request ever waits for it.
//!
//!     cargo run --release --bin long_list -- --entries 1000000 --transport websocket

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::rt::time::sleep;
use buckler::{
    Agent, Settings,
    clock::{Clock as _, SystemClock},
    guard::{Guard, RequestView, RouteMatch},
};
use buckler_examples::{
    logs,
    swarm::{Cloud, KEY, Latencies, serve},
};
use clap::Parser;
use tracing::Level;

/// Between two looks at how far the agent is.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the guard is watched with nothing else going on.
const REST: Duration = Duration::from_secs(3);

/// The pause between two requests: 10,000 a second, which leaves the processor to the agent and the server.
const APART: Duration = Duration::from_micros(50);

/// How long the agent may take to end.
const GOODBYE: Duration = Duration::from_secs(30);

/// A list that is too long to be sent in one message.
#[derive(Parser)]
struct Options {
    /// Entries of the list.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u32,
    /// How the agent speaks: http-polling, websocket or auto.
    #[arg(long, value_name = "KIND", default_value = "websocket")]
    transport: String,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if serve()? {
        return Ok(());
    }
    logs::start(Level::ERROR);
    let options = Options::parse();
    let clock = SystemClock::new();
    let state = tempfile::tempdir()?;
    println!("a list of {} entries", options.entries);
    let cloud = Cloud::start("127.0.0.1:0", options.entries, 30)?;

    let agent = start(&options, &cloud, None)?;
    let client = Requests::of(agent.guard());
    sleep(REST).await;
    println!("requests beside nothing:            {}", client.stop()?);
    drop(agent);

    let agent = start(&options, &cloud, Some(state.path()))?;
    let client = Requests::of(agent.guard());
    let took = until_listed(&agent, options.entries, &clock).await?;
    println!("requests while the list arrives:    {}", client.stop()?);
    println!("over {}: in force after {:.2} s", options.transport, took.as_secs_f64());
    let bytes = u32::try_from(agent.status().list.memory_bytes)?;
    println!("in memory: {:.1} MiB", f64::from(bytes) / f64::from(1 << 20));
    let in_force = clock.elapsed();
    until(&clock, || Ok(has_list(state.path()))).await?;
    println!("on disk {:.2} s later", (clock.elapsed() - in_force).as_secs_f64());
    agent.shutdown(GOODBYE);

    let url = cloud.cloud_url.clone();
    cloud.kill()?;
    let agent = buckler_transports::start(settings(&options, &url, Some(state.path()))?)?;
    let client = Requests::of(agent.guard());
    let took = until_listed(&agent, options.entries, &clock).await?;
    println!("requests while it loads from disk:  {}", client.stop()?);
    println!(
        "from disk, without a server: in force after {:.0} ms",
        took.as_secs_f64() * 1e3
    );
    Ok(())
}

fn start(options: &Options, cloud: &Cloud, state: Option<&Path>) -> Result<Agent, Box<dyn Error>> {
    Ok(buckler_transports::start(settings(options, &cloud.cloud_url, state)?)?)
}

fn settings(options: &Options, cloud: &url::Url, state: Option<&Path>) -> Result<Settings, Box<dyn Error>> {
    let settings = Settings::builder()
        .cloud_url(cloud)
        .key(KEY)
        .transport(&options.transport);
    Ok(match state {
        Some(directory) => settings.state_dir(directory),
        None => settings,
    }
    .build()?)
}

async fn until_listed(agent: &Agent, entries: u32, clock: &SystemClock) -> Result<Duration, Box<dyn Error>> {
    let start = clock.elapsed();
    let is_listed = || Ok(agent.status().list.shared == usize::try_from(entries)?);
    match until(clock, is_listed).await {
        Ok(()) => Ok(clock.elapsed() - start),
        Err(error) => Err(format!("{error}: {:#?}", agent.status()).into()),
    }
}

async fn until(clock: &SystemClock, is_so: impl Fn() -> Result<bool, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let start = clock.elapsed();
    while !is_so()? {
        if clock.elapsed() - start > PATIENCE {
            return Err(format!("nothing came of it within {PATIENCE:?}").into());
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Whether the list's file is whole: before, it is called unfinished.
fn has_list(state: &Path) -> bool {
    let files = std::fs::read_dir(state).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    names
        .filter_map(|name| name.split_once(".list-").map(|(_, number)| number.to_owned()))
        .any(|number| number != "unfinished")
}

/// A thread that asks the guard again and again, and measures how long each verdict takes.
struct Requests {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Latencies>,
}

impl Requests {
    fn of(guard: Guard) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (clock, mut times, mut asked) = (SystemClock::new(), Vec::new(), 0_u32);
            while !stopped.load(Ordering::Relaxed) {
                asked = asked.wrapping_add(1);
                let client = IpAddr::from(Ipv4Addr::from(0xC000_0000 | (asked & 0xFFFF)));
                let view = RequestView {
                    peer: Some(client),
                    method: "GET",
                    path: "/",
                    query: "",
                    host: Some("shop.example"),
                    route: RouteMatch::Matched,
                    headers: &[("accept", b"*/*".as_slice())],
                };
                let before = clock.elapsed();
                let _passes = guard.check(&view);
                times.push(clock.elapsed() - before);
                thread::park_timeout(APART);
            }
            Latencies::of(times)
        });
        Self { stop, thread }
    }

    fn stop(self) -> Result<String, Box<dyn Error>> {
        self.stop.store(true, Ordering::Relaxed);
        let times = self.thread.join().map_err(|_| "the requests' thread panicked")?;
        let us = |of_thousand| times.within(of_thousand).as_secs_f64() * 1e6;
        Ok(format!(
            "median {:.2} µs, p99.9 {:.2} µs, longest {:.0} µs",
            us(500),
            us(999),
            us(1000)
        ))
    }
}
