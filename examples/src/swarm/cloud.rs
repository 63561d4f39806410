//! The swarm's server, in a process of its own, so that its memory is its own and it can be killed.

#![expect(
    clippy::print_stdout,
    reason = "the server's process tells its URL on its standard output"
)]

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    process::{Child, Command, Stdio},
};

use buckler_server::{
    Moment, Profile, Server, ServerConfig, Store, raise_file_limit,
    store::{Command as StoreCommand, Record, Rules, new_epoch},
};
use ipnet::IpNet;
use serde_json::json;
use url::Url;

/// The key of the swarm's agents.
pub const KEY: &str = "key-of-the-swarm";

/// The admin API's token.
pub const ADMIN_TOKEN: &str = "admin-token-of-the-swarm";

/// What the server's process is started with.
const SERVE: &str = "--serve";

/// A server that runs in another process. It is killed with this value.
#[derive(Debug)]
pub struct Cloud {
    child: Child,
    /// Where agents register.
    pub cloud_url: Url,
}

impl Cloud {
    /// Starts this very program as a server, with a list of so many entries and this many seconds between beacons.
    ///
    /// # Errors
    /// If it does not start, or does not say where it listens.
    pub fn start(listen: &str, entries: u32, interval: u32) -> Result<Self, Box<dyn Error>> {
        let arguments = [SERVE, listen, &entries.to_string(), &interval.to_string()];
        let mut command = Command::new(std::env::current_exe()?);
        // it ends when nobody holds its standard input any more, however this process ends
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let prints = child.stdout.take().ok_or("the server has no standard output")?;
        let mut line = String::new();
        BufReader::new(prints).read_line(&mut line)?;
        match line.trim().parse() {
            Ok(cloud_url) => Ok(Self { child, cloud_url }),
            Err(_) => {
                // it may have ended by itself
                let _ = child.kill();
                Err(format!("the server did not start: {line:?}").into())
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If its URL has no address.
    pub fn address(&self) -> Result<String, Box<dyn Error>> {
        let mut addresses = self.cloud_url.socket_addrs(|| None)?;
        let address: SocketAddr = addresses.pop().ok_or("the server has no address")?;
        Ok(address.to_string())
    }

    /// Its resident memory in bytes; `None` where the system does not say.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kilobytes * 1024)
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the server, where this process was started to be it; whether it was.
///
/// # Errors
/// If the server cannot start.
pub fn serve() -> Result<bool, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [serve, listen, entries, interval] = arguments.as_slice() else {
        return Ok(false);
    };
    if serve != SERVE {
        return Ok(false);
    }
    raise_file_limit()?;
    let (entries, interval): (u32, u32) = (entries.parse()?, interval.parse()?);
    let profile = Profile::for_key(KEY)
        .set("APP_NAME", "swarm")
        .set("BLACKLIST_SHARE", true)
        .set("BEACON_DELAY", interval)
        .set("BLACKLIST_DELAY", 3_600)
        // who measures asks more often than anybody else
        .set("SECURITY_CHECKS", json!({ "flood": 0 }));
    let mut config = ServerConfig::new().profile("swarm", profile).admin_token(ADMIN_TOKEN);
    let limits = &mut config.limits;
    limits.shared_per_minute = NonZeroU32::MAX;
    limits.key_shared_per_minute = NonZeroU32::MAX;
    limits.key_shared_live = NonZeroU32::MAX;
    limits.key_new_agents_per_hour = NonZeroU32::MAX;
    limits.fleet_shared_per_minute = NonZeroU32::MAX;
    let server = Server::builder(config)
        .listen(listen)
        .store(move |rules| filled(rules, entries))
        .start()?;
    println!("{}", server.cloud_url());
    // until whoever started this is gone
    let _ = std::io::stdin().read(&mut [0])?;
    Ok(true)
}

/// A store whose list has so many entries already, from 11.0.0.0 on.
fn filled(rules: Rules, entries: u32) -> Store {
    let mut store = Store::new(rules);
    let found = StoreCommand::Found {
        fleet: "default".into(),
        epoch: new_epoch(),
    };
    store.apply(&Record::new(Moment::default(), vec![found]));
    let first = u32::from(Ipv4Addr::new(11, 0, 0, 0));
    for number in 0..entries {
        let address = IpAddr::from(Ipv4Addr::from(first + number));
        let ban = StoreCommand::Ban {
            fleet: "default".into(),
            network: IpNet::from(address),
            ttl_s: None,
            why: "known".to_owned(),
        };
        store.apply(&Record::new(Moment::default(), vec![ban]));
    }
    store
}
