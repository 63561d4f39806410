//! Plays a day: a guarded server, a clock that follows the day, and a client that can be anybody.

use std::{
    error::Error,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::rt;
use awc::http::{Method, StatusCode};
use buckler::clock::Clock;
use buckler_actix_web::{Settings, builder};
use buckler_examples::site::Site;

use crate::{report::Report, request::Visit, site::Kind};

/// The day's beginning, in seconds since the Unix epoch: some day.
const MIDNIGHT: u64 = 1_790_000_000;

/// How often is looked whether the agent has drawn its conclusions from an attack.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How often it is looked at most.
const LOOKS: u32 = 100;

/// The time of the day, in milliseconds.
#[derive(Debug, Default)]
struct DayClock(AtomicU64);

impl DayClock {
    fn set(&self, at: Duration) {
        self.0
            .store(u64::try_from(at.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Clock for DayClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(MIDNIGHT) + self.elapsed()
    }
}

/// A guarded site, and the day on it.
pub(crate) struct Day {
    site: Site,
    clock: Arc<DayClock>,
    client: awc::Client,
}

impl Day {
    /// Starts the site with the README's three lines and default settings: but for the clock, and
    /// for the proxy on loopback whose `X-Forwarded-For` names the client. Its server cannot be
    /// reached, so that no configuration but the default one judges.
    pub(crate) fn start(kind: Kind) -> Result<Self, Box<dyn Error>> {
        let clock = Arc::new(DayClock::default());
        let settings = Settings::builder()
            .cloud_url("http://127.0.0.1:9/config")
            .key("day-one")
            .trusted_proxies(["127.0.0.1"])
            .build()?;
        let agent = builder(settings)?.clock(Arc::clone(&clock) as _).start();
        Ok(Self {
            site: Site::guarded("day", agent, kind.routes())?,
            clock,
            client: awc::Client::builder().disable_redirects().disable_timeout().finish(),
        })
    }

    /// Sends everything in its order.
    pub(crate) async fn play(self, visits: Vec<Visit>) -> Result<Report, Box<dyn Error>> {
        let mut report = Report::default();
        for visit in &visits {
            self.clock.set(visit.at);
            let refusal = self.send(visit).await?;
            if refusal.is_some() {
                self.settle().await;
            }
            let is_banned = refusal.is_some() && self.is_banned(visit.client.into());
            report.add(visit, refusal.as_ref(), is_banned);
        }
        self.site.stop().await;
        Ok(report)
    }

    fn is_banned(&self, client: IpAddr) -> bool {
        self.site.agent.bans().iter().any(|ban| ban.network.contains(&client))
    }

    /// Sends one request; the refusal's status and rule where it was refused by the guard.
    async fn send(&self, visit: &Visit) -> Result<Option<(StatusCode, String)>, Box<dyn Error>> {
        let planned = &visit.request;
        let url = self.site.url(&planned.target);
        let mut request = self.client.request(planned.method.parse::<Method>()?, url);
        for (name, value) in &planned.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        request = request
            .insert_header(("Host", "shop.example.com"))
            .insert_header(("X-Forwarded-For", visit.client.to_string()));
        let sent = match &planned.body {
            Some((content_type, body)) => request.content_type(*content_type).send_body(body.clone()),
            None => request.send(),
        };
        let mut response = sent.await?;
        let id = response
            .headers()
            .get("x-block-id")
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        let status = response.status();
        response.body().await?;
        let why = |id: String| {
            id.parse()
                .ok()
                .and_then(|id| self.site.agent.why(id))
                .map_or(id, |why| format!("{} in {}", why.rule, why.place))
        };
        Ok(id.map(|id| (status, why(id))))
    }

    /// Waits until the agent has drawn its conclusions from what was found.
    async fn settle(&self) {
        let mut before = None;
        for _ in 0..LOOKS {
            rt::time::sleep(LOOK_EVERY).await;
            let events = self.site.agent.status().events;
            let settled = Some((events.generated, events.pending, events.settled_here));
            if settled == before {
                return;
            }
            before = settled;
        }
    }
}
