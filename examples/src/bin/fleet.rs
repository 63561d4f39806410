//! How a fleet of thousands behaves: N agents' conversations in this process, their server in another.
//!
//!     cargo run --release --bin fleet -- --agents 1000
//!     cargo run --release --bin fleet -- --agents 10000 --transport websocket
//!
//! It prints how long the fleet takes to connect, until a ban that one agent makes is in force at all others, and until all are in
//! step after the server was killed and started anew, all at once.

#![expect(clippy::print_stdout, reason = "a program's output")]

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::rt::{self, time::sleep};
use awc::http::Method;
use buckler::{
    model::{conversation::Introduction, policy::Policy},
    protocol::{AgentKey, Routes, v2::Identity},
    settings::Settings,
    transport::TransportFactory,
};
use buckler_examples::{
    client::Client,
    logs,
    swarm::{ADMIN_TOKEN, Board, Cloud, KEY, Latencies, Member, Order, serve},
};
use clap::Parser;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing::Level;
use uuid::Uuid;

/// Between two looks at how far the fleet is.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long the fleet may take for one thing.
const PATIENCE: Duration = Duration::from_secs(180);

/// The pause between two bans: so long that each is measured by itself.
const BETWEEN_BANS: Duration = Duration::from_millis(1_500);

/// N agents against one server.
#[derive(Parser)]
struct Options {
    /// How many agents.
    #[arg(long, default_value_t = 1_000)]
    agents: usize,
    /// How they speak: http-polling, websocket or auto.
    #[arg(long, value_name = "KIND", default_value = "websocket")]
    transport: String,
    /// Bans that are made, one after the other, by an agent each.
    #[arg(long, default_value_t = 20)]
    bans: u8,
    /// Entries that the list has from the beginning. Every agent checks and keeps them all, so that thousands of agents in one
    /// process are busier with a long list than the server is.
    #[arg(long, default_value_t = 100)]
    entries: u32,
    /// Seconds between two beacons, by configuration: over a WebSocket ten times as many.
    #[arg(long, default_value_t = 30)]
    interval: u32,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if serve()? {
        return Ok(());
    }
    logs::start(Level::ERROR);
    let options = Options::parse();
    match buckler_server::raise_file_limit() {
        Ok(limit) => println!("files that may be open: {}", limit.now.unwrap_or(u64::MAX)),
        Err(error) => println!("the limit of open files stays as it is: {error}"),
    }
    let cloud = Cloud::start("127.0.0.1:0", options.entries, options.interval)?;
    let fleet = Fleet::new(&options, &cloud)?;
    let cloud = fleet.run(&options, cloud).await?;
    for (failure, count) in fleet.board.failures() {
        println!("   {count:>7} × {failure}");
    }
    // the members end when nobody gives them orders any more
    drop(fleet);
    cloud.kill()
}

struct Fleet {
    board: Rc<Board>,
    orders: Vec<UnboundedSender<Order>>,
}

impl Fleet {
    /// Members that begin to speak as soon as anybody waits.
    fn new(options: &Options, cloud: &Cloud) -> Result<Self, Box<dyn Error>> {
        let settings = Settings::builder()
            .cloud_url(&cloud.cloud_url)
            .key(KEY)
            .transport(&options.transport)
            .build()?;
        let transport = buckler_transports::pick(&settings)?.ok_or("there is no transport")?;
        let board = Rc::new(Board::new(options.agents));
        let members = Members {
            settings: &settings,
            cloud,
            transport: &transport,
            board: &board,
        };
        let orders = (0..options.agents)
            .map(|number| members.start(number))
            .collect::<Result<_, _>>()?;
        Ok(Self { board, orders })
    }

    /// Everything in turn; gives back the server that runs at the end.
    async fn run(&self, options: &Options, cloud: Cloud) -> Result<Cloud, Box<dyn Error>> {
        let before = cloud.memory();
        println!(
            "{} agents over {}, a list of {} entries",
            options.agents, options.transport, options.entries
        );
        let took = self.all_in_step(&cloud).await?;
        println!("connected, registered and in step: {:.2} s", took.as_secs_f64());
        if let (Some(before), Some(after)) = (before, cloud.memory()) {
            let each = after.saturating_sub(before) / options.agents.max(1) as u64;
            println!("server memory: {:.1} KiB an agent", as_f64(each) / 1024.0);
        }
        self.bans(options.bans).await?;
        self.storm(options, cloud).await
    }

    /// Bans one address after the other, each at another member.
    async fn bans(&self, bans: u8) -> Result<(), Box<dyn Error>> {
        let mut all = Latencies::default();
        for number in 0..bans {
            let address = IpAddr::from(Ipv4Addr::new(12, 0, number, 9));
            self.board.watch(address);
            let teller = usize::from(number) * 37 % self.orders.len();
            self.orders
                .get(teller)
                .ok_or("no such member")?
                .send(Order::Ban(address))?;
            self.until(async || Ok(self.board.missing() == 0)).await?;
            all = all.and(&self.board.latencies());
            sleep(BETWEEN_BANS).await;
        }
        let ms = |of_thousand| all.within(of_thousand).as_secs_f64() * 1e3;
        println!(
            "a ban in force at every agent, {bans} times: p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
            ms(500),
            ms(990),
            ms(1000)
        );
        Ok(())
    }

    /// Kills the server, so that every connection breaks and its memory is gone, and starts it at the same address.
    async fn storm(&self, options: &Options, cloud: Cloud) -> Result<Cloud, Box<dyn Error>> {
        let address = cloud.address()?;
        cloud.kill()?;
        let cloud = Cloud::start(&address, options.entries, options.interval)?;
        let exchanges = self.board.exchanges();
        let took = self.all_in_step(&cloud).await?;
        let exchanges = self.board.exchanges() - exchanges;
        println!(
            "the server was killed and is back: all in step after {:.2} s",
            took.as_secs_f64()
        );
        println!(
            "exchanges meanwhile: {exchanges}, {:.0} a second",
            as_f64(exchanges) / took.as_secs_f64()
        );
        Ok(cloud)
    }

    /// How long it takes until every list is the server's.
    async fn all_in_step(&self, cloud: &Cloud) -> Result<Duration, Box<dyn Error>> {
        let start = self.board.now();
        let (rev, digest) = Self::head(cloud).await?;
        self.until(async || Ok(self.board.in_step(rev, &digest) == self.orders.len()))
            .await?;
        Ok(self.board.now().saturating_sub(start))
    }

    /// The revision and digest of the server's list.
    async fn head(cloud: &Cloud) -> Result<(u64, String), Box<dyn Error>> {
        let url = cloud.cloud_url.join("/admin/blacklist?limit=1")?;
        // a client of its own: one that was kept may hold a connection to a server that was killed
        let list = Client::new().admin_of(ADMIN_TOKEN, Method::GET, url.as_str()).await?;
        let rev = list.get("rev").and_then(Value::as_u64).ok_or("no revision")?;
        let digest = list.get("digest").and_then(Value::as_str).ok_or("no digest")?;
        Ok((rev, digest.to_owned()))
    }

    async fn until(&self, is_so: impl AsyncFn() -> Result<bool, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
        let start = self.board.now();
        while !is_so().await? {
            if self.board.now().saturating_sub(start) > PATIENCE {
                let failures = self.board.failures();
                return Err(format!("nothing came of it within {PATIENCE:?}; failures: {failures:#?}").into());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// What every member is made of.
struct Members<'a> {
    settings: &'a Settings,
    cloud: &'a Cloud,
    transport: &'a TransportFactory,
    board: &'a Rc<Board>,
}

impl Members<'_> {
    /// Starts a member on this thread.
    fn start(&self, number: usize) -> Result<UnboundedSender<Order>, Box<dyn Error>> {
        let who = Introduction {
            enrol: None,
            identity: Identity::default(),
            cloud_url: self.cloud.cloud_url.clone(),
            key: AgentKey::new(KEY),
            platform: "fleet".to_owned(),
            routes: Routes::new(),
            agent_id: Uuid::new_v4(),
            instance_id: Uuid::now_v7(),
        };
        let policy: &Arc<Policy> = self.settings.policy();
        let member = Member::new(number, who, policy, (self.transport)()?, self.board);
        let (orders, to_obey) = unbounded_channel();
        rt::spawn(member.live(to_obey));
        Ok(orders)
    }
}

fn as_f64(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
