//! The server as a test holds it: a thread of its own, told what to do and asked what came.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc as std_mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    Record, Say, Script,
    host::{Command, Done, Host},
};

/// A server that misbehaves by script. It stops when it is dropped.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    scheme: &'static str,
    record: watch::Receiver<Record>,
    /// Dropped first, which ends the thread.
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultServer {
    /// Starts on a free port of 127.0.0.1, without TLS.
    ///
    /// # Errors
    /// Where the system gives no port or no thread.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::run(script, None)
    }

    /// Starts on a free port of 127.0.0.1, with TLS.
    ///
    /// # Errors
    /// Where the system gives no port or no thread.
    pub fn start_tls(script: Script, tls: ServerConfig) -> io::Result<Self> {
        Self::run(script, Some(Arc::new(tls)))
    }

    fn run(script: Script, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (commands, asked) = mpsc::unbounded_channel();
        let (started, start) = std_mpsc::channel();
        let (tell, record) = watch::channel(Record::default());
        let thread = thread::Builder::new().name("fault-server".to_owned()).spawn(move || {
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(Host::main(script, tls, tell, asked, &started)),
                Err(error) => drop(started.send(Err(error))),
            }
        })?;
        let address = start.recv().map_err(io::Error::other)??;
        Ok(Self {
            address,
            scheme,
            record,
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// What came so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// Goes by another script from the next request on.
    ///
    /// # Errors
    /// Where the server's thread is gone.
    pub fn play(&self, script: Script) -> io::Result<()> {
        self.command(|done| Command::Play(script, done))
    }

    /// Ends all connections and refuses new ones, as a server that is down. Its port stays its own.
    ///
    /// # Errors
    /// Where the port cannot be taken.
    pub fn refuse(&self) -> io::Result<()> {
        self.command(Command::Refuse)
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Errors
    /// Where the port cannot be taken.
    pub fn listen(&self) -> io::Result<()> {
        self.command(Command::Listen)
    }

    /// Ends all connections and goes on with this certificate, on the same port.
    ///
    /// # Errors
    /// Where the port cannot be taken.
    pub fn secure(&self, tls: ServerConfig) -> io::Result<()> {
        self.command(|done| Command::Secure(Arc::new(tls), done))
    }

    /// Says this on every WebSocket that is open.
    ///
    /// # Errors
    /// Where none is open.
    pub fn say(&self, said: impl IntoIterator<Item = Say>) -> io::Result<()> {
        let said = said.into_iter().collect();
        self.command(|done| Command::Say(said, done))
    }

    /// Pushes `{"v2": part}` on every WebSocket that is open.
    ///
    /// # Errors
    /// Where none is open.
    pub fn push(&self, part: serde_json::Value) -> io::Result<()> {
        self.say([Say::Push(part)])
    }

    /// Blocks until what came satisfies a condition, and says whether it did before the deadline.
    #[must_use]
    pub fn wait_for(&self, condition: impl FnMut(&Record) -> bool + Send + 'static, deadline: Duration) -> bool {
        let (tell, told) = std_mpsc::channel();
        let command = Command::WaitFor(Box::new(condition), deadline, tell);
        let sent = self
            .commands
            .as_ref()
            .is_some_and(|commands| commands.send(command).is_ok());
        sent && told.recv().unwrap_or(false)
    }

    /// As [`wait_for`](Self::wait_for), for a test that is itself asynchronous on a tokio runtime.
    pub async fn waited_for(&self, condition: impl FnMut(&Record) -> bool, deadline: Duration) -> bool {
        let mut record = self.record.clone();
        timeout(deadline, record.wait_for(condition))
            .await
            .is_ok_and(|waited| waited.is_ok())
    }

    fn command(&self, command: impl FnOnce(Done) -> Command) -> io::Result<()> {
        let (done, told) = std_mpsc::channel();
        let gone = || io::Error::other("the fault server's thread is gone");
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.send(command(done)).map_err(|_| gone())?;
        told.recv().map_err(|_| gone())?
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // a panic of the thread has already failed the test that caused it
            let _panicked = thread.join();
        }
    }
}
