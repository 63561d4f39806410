//! The tour's fleet: a cloud server in a process of its own, two guarded applications, and a client
//! who can be anybody.

#![expect(clippy::print_stdout, reason = "the programs that use it show what happens")]

use std::{error::Error, time::Duration};

use actix_web::rt::time::sleep;
use awc::http::{Method, StatusCode};
use buckler::clock::{Clock, SystemClock};
use buckler_actix_web::Settings;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    blog::blog,
    client::Client,
    cloud_process::CloudProcess,
    demo::{BLOG_KEY, SHOP_KEY},
    shop::shop,
    site::Site,
};

/// How long something may take: dozens of the demo's beacons, for a machine that is busy building something else.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at what is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Everything that runs.
#[derive(Debug)]
pub struct Fleet {
    /// The cloud server.
    pub server: CloudProcess,
    /// Where it keeps what it must not forget; gone with the fleet.
    _data_dir: TempDir,
    /// The application that will be attacked.
    pub shop: Site,
    /// The application that will not.
    pub blog: Site,
    /// Whoever asks them.
    pub client: Client,
    clock: SystemClock,
}

impl Fleet {
    /// Starts the server and both applications on free ports of loopback; the agents speak over this kind of transport.
    ///
    /// # Errors
    /// If there are no free ports, or no such transport.
    pub async fn start(transport: &str) -> Result<Self, Box<dyn Error>> {
        let data_dir = tempfile::tempdir()?;
        let server = CloudProcess::start("127.0.0.1:0", data_dir.path())?;
        Ok(Self {
            shop: Site::start("shop", settings(&server, SHOP_KEY, transport)?, shop).await?,
            blog: Site::start("blog", settings(&server, BLOG_KEY, transport)?, blog).await?,
            client: Client::new(),
            clock: SystemClock::new(),
            server,
            _data_dir: data_dir,
        })
    }

    /// Both applications.
    #[must_use]
    pub fn sites(&self) -> [&Site; 2] {
        [&self.shop, &self.blog]
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Asks the server's admin API.
    ///
    /// # Errors
    /// If there is no answer, or one that says that it failed.
    pub async fn admin(&self, method: Method, path: &str) -> Result<Value, Box<dyn Error>> {
        self.client
            .admin(method, &format!("{}{path}", self.server.admin_url()?))
            .await
    }

    /// Asks a site until the answer has this status, and shows it.
    ///
    /// # Errors
    /// If there is no answer, or none with this status in time.
    pub async fn until(
        &self,
        site: &Site,
        path: &str,
        address: &str,
        status: StatusCode,
    ) -> Result<(), Box<dyn Error>> {
        println!(
            "   → GET {path} at the {}, as {address}, until the answer is {}",
            site.name,
            status.as_u16()
        );
        let mut others = 0;
        let ask = async || {
            let answer = self.client.get(site, path, address).await?;
            let is_it = answer.status == status;
            others += u32::from(!is_it);
            Ok(is_it.then_some(answer))
        };
        let answer = self.eventually(ask).await?;
        println!("   ← {answer} (after {others} other answers)");
        Ok(())
    }

    /// Looks until there is something.
    ///
    /// # Errors
    /// If looking fails, or there is nothing in time.
    pub async fn eventually<T>(
        &self,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Box<dyn Error>>,
    ) -> Result<T, Box<dyn Error>> {
        let start = self.now();
        while self.now().saturating_sub(start) < PATIENCE {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            sleep(LOOK_EVERY).await;
        }
        Err(format!("nothing came of it within {} s", PATIENCE.as_secs()).into())
    }

    /// Ends the applications, their agents, and then the server. Says what could not be sent.
    ///
    /// # Errors
    /// If an agent could not tell the server everything.
    pub async fn stop(self) -> Result<(), Box<dyn Error>> {
        let mut unsent = 0;
        for site in self.sites() {
            let report = site.stop().await;
            println!(
                "   {}: {} events were left to send, {} could not be sent",
                site.name, report.sent, report.unsent
            );
            unsent += report.unsent;
        }
        self.server.stop()?;
        if unsent == 0 {
            Ok(())
        } else {
            Err(format!("{unsent} events were not sent").into())
        }
    }
}

/// An agent of the demo fleet. A tour asks more often than a person does, so that its own requests must not count as a flood;
/// everything else is the server's to say.
fn settings(server: &CloudProcess, key: &str, transport: &str) -> Result<Settings, Box<dyn Error>> {
    Ok(Settings::builder()
        .cloud_url(server.cloud_url())
        .key(key)
        .transport(transport)
        .trusted_proxies(["127.0.0.1"])
        .security("SECURITY_CHECKS", json!({ "flood": 0 }))
        .build()?)
}
