//! Real servers of NATS with JetStream, on loopback: one, or a cluster that loses members.
//!
//! The program is what `.ci/nats-server` fetches. Where it is not there, tests say so and end.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says by panicking what is wrong"
)]

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    http,
    wait::{free, until},
};

/// The user's password in the example configuration.
pub const PASSWORD: &str = "password-for-tests";

/// Servers that run, and end with this.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    config: PathBuf,
    directory: PathBuf,
    servers: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    client: SocketAddr,
    cluster: SocketAddr,
    monitor: SocketAddr,
    process: Option<Child>,
}

impl Nats {
    /// Servers with the cluster's example configuration, which keep what they have there; `None`
    /// where the program is not installed, which is said.
    ///
    /// # Panics
    /// If one does not start.
    #[must_use]
    pub fn start(servers: usize, directory: &Path) -> Option<Self> {
        Self::start_with(servers, directory, "")
    }

    /// As [`start`](Self::start), with more in the configuration.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "says that a test was skipped")]
    pub fn start_with(servers: usize, directory: &Path, more: &str) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("skipped: there is no nats-server in the target directory; .ci/nats-server fetches it");
            return None;
        };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nats/nats.conf");
        let mut text = fs::read_to_string(example).unwrap();
        if servers == 1 {
            // one alone is no cluster
            text = alone(&text);
        }
        let config = directory.join("nats.conf");
        fs::write(&config, text + more).unwrap();
        // members of a cluster must know each other's before they start
        let member = |_| Member {
            client: free(),
            cluster: free(),
            monitor: free(),
            process: None,
        };
        let mut nats = Self {
            program,
            config,
            directory: directory.to_owned(),
            servers: (0..servers).map(member).collect(),
        };
        (0..servers).for_each(|index| nats.run(index));
        Some(nats)
    }

    /// Where clients connect.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.servers
            .iter()
            .map(|server| format!("nats://{}", server.client))
            .collect()
    }

    /// Where each is asked how it is.
    #[must_use]
    pub fn monitors(&self) -> Vec<String> {
        self.servers
            .iter()
            .map(|server| format!("http://{}", server.monitor))
            .collect()
    }

    /// Starts one that does not run.
    ///
    /// # Panics
    /// If it does not start.
    pub fn run(&mut self, index: usize) {
        let routes: Vec<String> = self
            .servers
            .iter()
            .map(|server| format!("\"nats://{}\"", server.cluster))
            .collect();
        let server = &mut self.servers[index];
        let quoted = |text: &dyn std::fmt::Display| format!("\"{text}\"");
        let log = fs::File::create(self.directory.join(format!("n{index}.log"))).unwrap();
        let process = Command::new(&self.program)
            .arg("-c")
            .arg(&self.config)
            .env("NATS_NAME", format!("n{index}"))
            .env("NATS_LISTEN", quoted(&server.client))
            .env("NATS_MONITOR", quoted(&server.monitor))
            .env(
                "NATS_STORE",
                quoted(&self.directory.join(format!("n{index}")).display()),
            )
            .env("NATS_CLUSTER", quoted(&server.cluster))
            .env("NATS_ROUTES", format!("[{}]", routes.join(", ")))
            .env("NATS_PASSWORD", quoted(&PASSWORD))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        server.process = Some(process.unwrap());
        let monitor = server.monitor;
        until("nats-server answers", || {
            http::try_ask(monitor, "GET /varz HTTP/1.1\r\n", b"").is_ok()
        });
    }

    /// Has one do nothing for a while, with its connections open, as a machine that hangs: `STOP`,
    /// and `CONT` for its end.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, index: usize, signal: &str) {
        let process = self.servers[index].process.as_ref().unwrap();
        let mut sent = Command::new("kill");
        sent.arg(format!("-{signal}")).arg(process.id().to_string());
        assert!(sent.status().unwrap().success());
    }

    /// Kills one, as `kill -9` does.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(&mut self, index: usize) {
        if let Some(mut process) = self.servers[index].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Which server leads a stream, by what the others say.
    ///
    /// # Panics
    /// If none does for too long.
    #[must_use]
    pub fn leader_of(&self, stream: &str) -> usize {
        let mut found = None;
        until("a stream has a leader", || {
            let running = self.servers.iter().filter(|server| server.process.is_some());
            found = running
                .filter_map(|server| leader(server.monitor, stream))
                .find_map(|name| name.strip_prefix('n')?.parse().ok());
            found.is_some()
        });
        found.unwrap()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        (0..self.servers.len()).for_each(|index| self.kill(index));
    }
}

/// A configuration without the cluster.
fn alone(text: &str) -> String {
    let (before, rest) = text.split_once("cluster {").unwrap();
    let (_, after) = rest.split_once("\n}\n").unwrap();
    format!("{before}{after}")
}

fn leader(monitor: SocketAddr, stream: &str) -> Option<String> {
    let page = http::try_ask(monitor, "GET /jsz?streams=true HTTP/1.1\r\n", b"").ok()?;
    let page: Value = serde_json::from_str(page.text()).ok()?;
    let accounts = page["account_details"].as_array()?;
    let streams = accounts
        .iter()
        .filter_map(|account| account["stream_detail"].as_array());
    let found = streams.flatten().find(|detail| detail["name"] == stream)?;
    found["cluster"]["leader"].as_str().map(str::to_owned)
}

fn program() -> Option<PathBuf> {
    let own = env::current_exe().unwrap();
    let mut directories = own.ancestors().skip(1);
    directories.find_map(|directory| Some(directory.join("nats-server")).filter(|file| file.is_file()))
}
