//! A guarded application on a free port of loopback.

use std::{error::Error, net::SocketAddr, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, rt, web::ServiceConfig};
use buckler_actix_web::{Agent, Buckler, Settings, ShutdownReport, builder, introspect};

/// How long the agent may take to tell the server what it does not know yet.
const GOODBYE: Duration = Duration::from_secs(5);

/// A guarded application that runs, with its own agent.
#[derive(Debug)]
pub struct Site {
    /// What it is called.
    pub name: &'static str,
    /// Where it is reached.
    pub address: SocketAddr,
    /// What guards it.
    pub agent: Agent,
    server: ServerHandle,
}

impl Site {
    /// Starts the application that these routes make.
    ///
    /// # Errors
    /// If the settings name no known transport, or there is no free port.
    pub async fn start(
        name: &'static str,
        settings: Settings,
        routes: fn(&mut ServiceConfig),
    ) -> Result<Self, Box<dyn Error>> {
        let agent = builder(settings)?.routes(introspect(routes).await).start();
        Self::guarded(name, agent, routes)
    }

    /// As [`start`](Self::start), with an agent that runs already.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn guarded(name: &'static str, agent: Agent, routes: fn(&mut ServiceConfig)) -> Result<Self, Box<dyn Error>> {
        let buckler = Buckler::new(&agent);
        let server = HttpServer::new(move || App::new().configure(routes).wrap(buckler.clone()))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")?;
        let address = server.addrs().first().copied().ok_or("the server has no address")?;
        let running = server.run();
        let server = running.handle();
        rt::spawn(running);
        Ok(Self {
            name,
            address,
            agent,
            server,
        })
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends the application, then its agent, which first tells the server what it does not know yet.
    pub async fn stop(&self) -> ShutdownReport {
        self.server.stop(true).await;
        self.agent.shutdown(GOODBYE)
    }
}
