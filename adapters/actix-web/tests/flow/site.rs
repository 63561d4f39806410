//! A guarded application on loopback, and what the tests ask it with.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use actix_web::{
    App, Error, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    web::{self, ServiceConfig},
};
use awc::http::header::HeaderMap;
use buckler_actix_web::{Agent, Buckler, Settings, start};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long a test waits for what must come: generous, because it is only ever waited out by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An attacker who is somewhere else: loopback itself is never banned.
pub(crate) const ATTACKER: &str = "203.0.113.9";

/// A guarded application. It stops when dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) agent: Agent,
    server: ServerHandle,
    _settings: tempfile::NamedTempFile,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Site {
    /// Starts an application [behind a proxy](behind_proxy) with these security settings.
    pub(crate) fn start(security: &str, configure: fn(&mut ServiceConfig)) -> Self {
        Self::with_settings(&behind_proxy(security), move || App::new().configure(configure))
    }

    /// Starts an application with this settings file.
    pub(crate) fn with_settings<F, T, B>(settings: &str, application: F) -> Self
    where
        F: Fn() -> App<T> + Send + Clone + 'static,
        T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()>
            + 'static,
        B: MessageBody + 'static,
    {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(settings.as_bytes()).unwrap();
        let agent = start(Settings::from_file(file.path()).unwrap()).unwrap();
        let buckler = Buckler::new(&agent);
        let server = HttpServer::new(move || application().wrap(buckler.clone()))
            .workers(2)
            .disable_signals()
            .bind_auto_h2c("127.0.0.1:0")
            .unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        Self {
            address,
            agent,
            server: handle,
            _settings: file,
        }
    }

    /// Asks as the client at this address.
    pub(crate) async fn get_as(&self, client: &str, path: &str) -> Answer {
        self.get_with(path, &[("x-forwarded-for", client)]).await
    }

    /// Asks as the peer itself, which is on loopback.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// Asks with these headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let client = awc::Client::builder().disable_redirects().timeout(DEADLINE).finish();
        // with whichever features awc was built: answers are looked at as they came
        let request = client.get(self.url(path)).no_decompress();
        let request = headers
            .iter()
            .fold(request, |request, header| request.insert_header(*header));
        let mut response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: String::from_utf8(response.body().await.unwrap().to_vec()).unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A connection on which the test writes HTTP by hand.
    pub(crate) async fn connect(&self) -> Connection {
        Connection(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks until the answer has this status: what one request taught the agent's thread is in force a moment later.
    pub(crate) async fn until(&self, client: &str, path: &str, status: u16) -> Answer {
        let asked = async {
            loop {
                let answer = self.get_as(client, path).await;
                if answer.status == status {
                    break answer;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, asked)
            .await
            .expect("the status came within the deadline")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A connection on which the test writes HTTP by hand.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until what came holds this text; gives back all that came in this call.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let mut came = Vec::new();
        let read = async {
            while !contains(&came, text) {
                if self.0.read_buf(&mut came).await.unwrap() == 0 {
                    break;
                }
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, read).await.is_ok();
        let came = String::from_utf8_lossy(&came).into_owned();
        assert!(in_time && came.contains(text), "no {text:?} in {came:?}");
        came
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub(crate) async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Breaks the connection off, as a client does that crashed: without a goodbye.
    pub(crate) fn abort(self) {
        self.0.set_zero_linger().unwrap();
    }

    /// Reads until the other side closes.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut came = Vec::new();
        tokio::time::timeout(DEADLINE, self.0.read_to_end(&mut came))
            .await
            .expect("it closes")
            .unwrap();
        String::from_utf8_lossy(&came).into_owned()
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waited)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within the deadline"));
}

/// Settings with this security part, in TOML, for which loopback is a trusted proxy, so that tests can be any client.
pub(crate) fn behind_proxy(security: &str) -> String {
    format!("[agent]\ntrusted_proxies = [\"127.0.0.1\"]\n[security]\n{security}")
}

/// A small application.
pub(crate) fn shop(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(|| async { "welcome" }))
        .route(
            "/items/{id}",
            web::get().to(|id: web::Path<u32>| async move { format!("item {id}") }),
        )
        .route("/missing", web::get().to(HttpResponse::NotFound))
        .route("/echo", web::post().to(|body: web::Bytes| async move { body }));
}
