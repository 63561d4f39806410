//! A small forward proxy: tunnels by `CONNECT`, to those who know its credentials.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How long anyone may be silent: it is only waited out by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The proxy, which serves for as long as it is held.
#[derive(Debug)]
pub struct ConnectProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    is_over: AtomicBool,
    tunnels: AtomicUsize,
    refused: AtomicUsize,
    /// What `Proxy-Authorization` must say, if anything.
    authorization: Option<&'static str>,
    /// Where every tunnel leads, whatever name is asked for.
    target: Option<SocketAddr>,
}

impl ConnectProxy {
    /// Starts a proxy that asks for this `Proxy-Authorization`, if any.
    ///
    /// # Panics
    /// Where nothing can be listened on.
    #[must_use]
    pub fn start(authorization: Option<&'static str>) -> Self {
        Self::with(authorization, None)
    }

    /// Starts a proxy that asks for this `Proxy-Authorization`, and knows one server by every name.
    ///
    /// # Panics
    /// Where nothing can be listened on.
    #[must_use]
    pub fn leading_to(target: SocketAddr, authorization: &'static str) -> Self {
        Self::with(Some(authorization), Some(target))
    }

    fn with(authorization: Option<&'static str>, target: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            is_over: AtomicBool::new(false),
            tunnels: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            authorization,
            target,
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if serving.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || {
                    // a broken connection is the affair of who waits for the answer
                    let _broken = serving.serve(client);
                });
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tunnels that were opened.
    #[must_use]
    pub fn tunnels(&self) -> usize {
        self.shared.tunnels.load(Ordering::SeqCst)
    }

    /// Requests that were refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // it looks when the next client comes
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(PATIENCE))?;
        let head = head(&mut client)?;
        let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
        let is_known = self.authorization.is_none_or(|wanted| {
            let line = format!("\r\nProxy-Authorization: {wanted}\r\n");
            head.contains(&line)
        });
        let answer = match target {
            Some(_) if !is_known => "407 Proxy Authentication Required",
            Some(target) => match self
                .target
                .map_or_else(|| TcpStream::connect(target), TcpStream::connect)
            {
                Ok(server) => {
                    self.tunnels.fetch_add(1, Ordering::SeqCst);
                    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
                    return pass(&client, &server);
                }
                Err(_) => "502 Bad Gateway",
            },
            None => "405 Method Not Allowed",
        };
        self.refused.fetch_add(1, Ordering::SeqCst);
        write!(client, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n")
    }
}

fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn pass(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    client.set_read_timeout(None)?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let upwards = std::thread::spawn(move || {
        let _ended = io::copy(&mut &from_client, &mut &to_server);
        let _closed = to_server.shutdown(Shutdown::Write);
    });
    let answered = io::copy(&mut &*server, &mut &*client);
    let _closed = client.shutdown(Shutdown::Both);
    let _ended = upwards.join();
    answered.map(drop)
}
