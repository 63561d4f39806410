//! The server: a thread with its own runtime, which accepts connections and asks the script.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, mpsc as std_mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{mpsc, watch},
    task::{JoinHandle as Task, JoinSet},
    time::timeout,
};

use super::{
    Record, Script,
    connection::{Connection, Event},
};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

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

/// What a test asks of the server. Each is answered when it is done.
enum Command {
    Play(Script, Done),
    Refuse(Done),
    Listen(Done),
    WaitFor(Condition, Duration, std_mpsc::Sender<bool>),
}

type Done = std_mpsc::Sender<io::Result<()>>;
type Condition = Box<dyn FnMut(&Record) -> bool + Send>;

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

/// What the thread owns.
struct Host {
    script: Script,
    tls: Option<Arc<ServerConfig>>,
    address: SocketAddr,
    record: watch::Sender<Record>,
    events: mpsc::UnboundedSender<Event>,
    door: Door,
}

enum Door {
    Open(Task<()>),
    /// Bound but not listening: connections are refused, and nobody else gets the port.
    Closed(#[expect(dead_code, reason = "held for the port it is bound to")] TcpSocket),
    Gone,
}

impl Host {
    async fn main(
        script: Script,
        tls: Option<Arc<ServerConfig>>,
        record: watch::Sender<Record>,
        mut commands: mpsc::UnboundedReceiver<Command>,
        started: &std_mpsc::Sender<io::Result<SocketAddr>>,
    ) {
        let (events, mut happened) = mpsc::unbounded_channel();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut host = Self {
            script,
            tls,
            address,
            record,
            events,
            door: Door::Gone,
        };
        let opened = host.open();
        let failed = opened.is_err();
        let _gone = started.send(opened.map(|()| host.address));
        if failed {
            return;
        }
        loop {
            // events come through the same loop, so that a command finds everything recorded that happened before it
            tokio::select! {
                biased;
                Some(event) = happened.recv() => host.note(event),
                command = commands.recv() => match command {
                    Some(command) => host.obey(command).await,
                    None => return,
                },
            }
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::FailedHandshake => self.record.send_modify(|record| record.failed_handshakes += 1),
            Event::Sent(count) => self.record.send_modify(|record| record.body_bytes_sent += count),
            Event::Request(request, answer) => {
                let step = self.script.next(&request);
                self.record.send_modify(|record| record.requests.push(request));
                let _gone = answer.send(step);
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Play(script, done) => {
                self.script = script;
                let _gone = done.send(Ok(()));
            }
            Command::Refuse(done) => drop(done.send(self.close().await)),
            Command::Listen(done) => {
                self.shut().await;
                drop(done.send(self.open()));
            }
            Command::WaitFor(condition, deadline, done) => {
                let mut record = self.record.subscribe();
                tokio::spawn(async move {
                    let waited = timeout(deadline, record.wait_for(condition)).await;
                    let _gone = done.send(waited.is_ok_and(|waited| waited.is_ok()));
                });
            }
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let listener = self.bind()?.listen(BACKLOG)?;
        self.address = listener.local_addr()?;
        let (tls, record, events) = (self.tls.clone(), self.record.clone(), self.events.clone());
        self.door = Door::Open(tokio::spawn(accept(listener, tls, record, events)));
        Ok(())
    }

    async fn close(&mut self) -> io::Result<()> {
        self.shut().await;
        self.door = Door::Closed(self.bind()?);
        Ok(())
    }

    /// Ends the listener with all its connections.
    async fn shut(&mut self) {
        if let Door::Open(task) = std::mem::replace(&mut self.door, Door::Gone) {
            task.abort();
            let _aborted = task.await;
        }
    }

    fn bind(&self) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        // connections of before may still linger on the port
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        Ok(socket)
    }
}

/// Accepts connections; they end with this task.
async fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    record: watch::Sender<Record>,
    events: mpsc::UnboundedSender<Event>,
) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _peer)) = listener.accept().await {
        record.send_modify(|record| record.connections += 1);
        while connections.try_join_next().is_some() {}
        let number = record.borrow().connections;
        let connection = Connection {
            number,
            events: events.clone(),
        };
        connections.spawn(connection.serve(tcp, tls.clone()));
    }
}
