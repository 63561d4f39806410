//! The clouds, as far as a function meets them: front ends that end the client's connection and hand requests on, over real sockets.
//!
//! They do what is documented. [`Front::of_google`] writes the client's address behind whatever the client said of itself, and passes
//! bytes through as they come. [`Front::of_azure`] does that too, with the port, and speaks to the handler as the Azure Functions host
//! does: [`AzureHost`].

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says by panicking what is wrong"
)]

mod azure;
mod head;

use std::{
    io::{self, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

pub use self::{azure::AzureHost, head::Head};

/// How long anyone may be silent: generous, because it is only ever waited out by a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A front end, which serves for as long as it is held.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What becomes of a client's connection.
type Serve = dyn Fn(TcpStream) -> io::Result<()> + Send + Sync;

impl Front {
    /// Google's, before a container.
    ///
    /// # Panics
    /// Where nothing can be listened on.
    #[must_use]
    pub fn of_google(container: SocketAddr) -> Self {
        Self::start(Box::new(move |mut client| {
            let (mut head, rest) = Head::read(&mut client)?;
            head.append("X-Forwarded-For", &client.peer_addr()?.ip().to_string());
            head.set("X-Forwarded-Proto", "https");
            pass_through(&client, container, &head, &rest)
        }))
    }

    /// Azure's, before a function app's host.
    ///
    /// # Panics
    /// Where nothing can be listened on.
    #[must_use]
    pub fn of_azure(host: AzureHost) -> Self {
        Self::start(Box::new(move |mut client| {
            let (mut head, rest) = Head::read(&mut client)?;
            head.append("X-Forwarded-For", &client.peer_addr()?.to_string());
            let target = head.target().to_owned();
            head.set("X-Original-URL", &target);
            host.invoke(client, head, rest)
        }))
    }

    fn start(serve: Box<Serve>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, serve) = (Arc::clone(&is_over), Arc::<Serve>::from(serve));
        let thread = std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || {
                    // a broken connection is the affair of who waits for the answer
                    let _broken = serve(client);
                });
            }
        });
        Self {
            address,
            is_over,
            thread: Some(thread),
        }
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // it looks when the next client comes
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// Hands a request on, and both sides' bytes as they come.
fn pass_through(client: &TcpStream, to: SocketAddr, head: &Head, rest: &[u8]) -> io::Result<()> {
    let backend = connect(to)?;
    (&backend).write_all(format!("{head}\r\n").as_bytes())?;
    (&backend).write_all(rest)?;
    let (from_client, to_backend) = (client.try_clone()?, backend.try_clone()?);
    let upwards = std::thread::spawn(move || {
        let _ended = io::copy(&mut &from_client, &mut &to_backend);
        let _closed = to_backend.shutdown(Shutdown::Write);
    });
    let answered = io::copy(&mut &backend, &mut &*client);
    // the client has its answer, whatever else it would have said
    let _closed = client.shutdown(Shutdown::Both);
    let _ended = upwards.join();
    answered.map(drop)
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
