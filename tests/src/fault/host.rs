//! The server's thread: it accepts connections, asks the script, keeps the record, and obeys the test.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, mpsc as std_mpsc},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{broadcast, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    Record, Say, Script,
    connection::{Connection, Event},
};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;
/// Orders that a connection may be behind with: a test gives one at a time.
const ORDERS: usize = 1024;

/// What a test asks of the server. Each is answered when it is done.
pub(super) enum Command {
    Play(Script, Done),
    Refuse(Done),
    Listen(Done),
    Say(Vec<Say>, Done),
    Secure(Arc<ServerConfig>, Done),
    WaitFor(Condition, Duration, std_mpsc::Sender<bool>),
}

pub(super) type Done = std_mpsc::Sender<io::Result<()>>;
pub(super) type Condition = Box<dyn FnMut(&Record) -> bool + Send>;

/// What the thread owns.
pub(super) struct Host {
    script: Script,
    tls: Option<Arc<ServerConfig>>,
    address: SocketAddr,
    record: watch::Sender<Record>,
    events: mpsc::UnboundedSender<Event>,
    orders: broadcast::Sender<Arc<Vec<Say>>>,
    door: Door,
}

enum Door {
    Open(JoinHandle<()>),
    /// Bound but not listening: connections are refused, and nobody else gets the port.
    Closed(#[expect(dead_code, reason = "held for the port it is bound to")] TcpSocket),
    Gone,
}

impl Host {
    /// Opens the port, says whether that worked, and serves until nobody can command any more.
    pub(super) async fn main(
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
            orders: broadcast::Sender::new(ORDERS),
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
            Event::Upgraded => self.record.send_modify(|record| {
                record.upgrades += 1;
                record.open += 1;
            }),
            Event::Ended => self.record.send_modify(|record| record.open -= 1),
            Event::Ping => self.record.send_modify(|record| record.pings += 1),
            Event::Pong => self.record.send_modify(|record| record.pongs += 1),
            Event::Closed(code) => self.record.send_modify(|record| record.closes.push(code)),
            Event::Unmasked => self.record.send_modify(|record| record.unmasked += 1),
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
            Command::Say(said, done) => {
                let told = self.orders.send(Arc::new(said));
                let _gone = done.send(told.map(drop).map_err(|_| io::ErrorKind::NotConnected.into()));
            }
            Command::Refuse(done) => drop(done.send(self.close().await)),
            Command::Listen(done) => drop(done.send(self.reopen().await)),
            Command::Secure(tls, done) => {
                self.tls = Some(tls);
                drop(done.send(self.reopen().await));
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
        let orders = self.orders.clone();
        self.door = Door::Open(tokio::spawn(accept(listener, tls, record, events, orders)));
        Ok(())
    }

    /// Ends all connections and accepts new ones. The port is taken anew before it is given back: nobody else gets it meanwhile.
    async fn reopen(&mut self) -> io::Result<()> {
        let held = self.bind()?;
        self.shut().await;
        self.open()?;
        drop(held);
        Ok(())
    }

    async fn close(&mut self) -> io::Result<()> {
        let held = self.bind()?;
        self.shut().await;
        self.door = Door::Closed(held);
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
        // and this very server still holds it while it changes its door
        socket.set_reuseport(true)?;
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
    orders: broadcast::Sender<Arc<Vec<Say>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _peer)) = listener.accept().await {
        record.send_modify(|record| record.connections += 1);
        while connections.try_join_next().is_some() {}
        let number = record.borrow().connections;
        let connection = Connection {
            number,
            events: events.clone(),
            orders: orders.clone(),
        };
        connections.spawn(connection.serve(tcp, tls.clone()));
    }
}
