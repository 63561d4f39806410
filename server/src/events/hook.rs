//! A webhook: a thread that sends what the spool holds after its cursor, at least once and in
//! order.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ring::hmac;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

use super::spool::{Follower, Line, cursor_in};
use crate::config::Webhook;

/// News of one delivery, and bytes of them.
const MOST: usize = 100;
const MOST_BYTES: usize = 256 << 10;

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause after a first failure, which doubles with each that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: a receiver that is away for a day is tried 300 times.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a receiver is sent.
#[derive(Serialize)]
struct Delivery<'a> {
    webhook: &'a str,
    events: Vec<Item<'a>>,
}

/// One of the news, under a number by which a receiver knows what it had before.
#[derive(Serialize)]
struct Item<'a> {
    seq: u64,
    event: &'a RawValue,
}

/// Starts a webhook's thread. It looks whenever it is sent something, and ends with the sender.
pub(super) fn start(name: &str, named: &Webhook, folder: &Path) -> io::Result<SyncSender<()>> {
    let (wake, woken) = sync_channel(1);
    let cursor_file = folder.join(format!("{name}.cursor"));
    let cursor = cursor_in(&cursor_file)?;
    let mut config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("buckler-server/", env!("CARGO_PKG_VERSION")));
    if let Some(authorities) = named.authorities().map_err(io::Error::other)? {
        let tls = TlsConfig::builder().root_certs(RootCerts::from(authorities));
        config = config.tls_config(tls.build());
    }
    let hook = Hook {
        name: name.to_owned(),
        url: named.url.to_string(),
        key: hmac::Key::new(hmac::HMAC_SHA256, named.secret.as_bytes()),
        kinds: named.kinds.clone(),
        agent: config.build().into(),
        follower: Follower::new(folder, cursor),
        cursor,
        cursor_file,
        failures: 0,
    };
    thread::Builder::new()
        .name("buckler-webhook".to_owned())
        .spawn(move || hook.run(&woken))?;
    Ok(wake)
}

struct Hook {
    name: String,
    url: String,
    key: hmac::Key,
    kinds: Vec<String>,
    agent: Agent,
    follower: Follower,
    /// Everything up to this number was taken.
    cursor: u64,
    cursor_file: PathBuf,
    /// Failures since the last delivery.
    failures: u32,
}

impl Hook {
    fn run(mut self, woken: &Receiver<()>) {
        // what waits from before is sent at once
        let mut pause = Duration::ZERO;
        loop {
            if !self.wait(woken, pause) {
                return;
            }
            pause = match self.deliver() {
                Ok(true) => Duration::ZERO,
                Ok(false) => LONGEST_PAUSE,
                Err(problem) => self.failed(&problem),
            };
        }
    }

    /// Waits until there is something to do, and says whether there will be.
    ///
    /// A receiver that fails is left alone for the whole pause, whatever happens meanwhile.
    fn wait(&self, woken: &Receiver<()>, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            match woken.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(()) if self.failures > 0 => {}
                Ok(()) | Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Sends what comes next, and says whether there may be more.
    fn deliver(&mut self) -> Result<bool, String> {
        let lines = self
            .follower
            .take(MOST, MOST_BYTES)
            .map_err(|error| error.to_string())?;
        let Some(last) = lines.last().map(|line| line.seq) else {
            // the spool can be read, and there is nothing to fail at
            self.failures = 0;
            return Ok(false);
        };
        let wanted: Vec<&Line> = lines.iter().filter(|line| self.wants(line)).collect();
        let sent = if wanted.is_empty() { Ok(()) } else { self.send(&wanted) };
        if let Err(problem) = sent {
            self.follower.back_to(self.cursor);
            return Err(problem);
        }
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!(webhook = %self.name, "a webhook works again");
        }
        self.cursor = last;
        if let Err(error) = self.keep_cursor() {
            // the same is sent again after a restart
            tracing::warn!(webhook = %self.name, %error, "a webhook's cursor cannot be kept");
        }
        Ok(true)
    }

    fn wants(&self, line: &Line) -> bool {
        #[derive(serde::Deserialize)]
        struct Kind<'a> {
            kind: &'a str,
        }
        let kind = serde_json::from_str::<Kind<'_>>(line.event.get());
        self.kinds.is_empty() || kind.is_ok_and(|kind| self.kinds.iter().any(|wanted| wanted == kind.kind))
    }

    fn send(&self, lines: &[&Line]) -> Result<(), String> {
        let items = lines.iter().map(|line| Item {
            seq: line.seq,
            event: &line.event,
        });
        let delivery = Delivery {
            webhook: &self.name,
            events: items.collect(),
        };
        let body = serde_json::to_vec(&delivery).map_err(|error| error.to_string())?;
        #[expect(clippy::disallowed_methods, reason = "a receiver compares it with its own clock")]
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let signed = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-buckler-signature", signature(&self.key, now, &body));
        let answer = signed.send(&body[..]).map_err(|error| error.to_string())?;
        let status = answer.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("it answers {status}"))
        }
    }

    fn keep_cursor(&self) -> io::Result<()> {
        let fresh = self.cursor_file.with_extension("cursor-next");
        let mut file = fs::File::create(&fresh)?;
        file.write_all(self.cursor.to_string().as_bytes())?;
        fs::rename(fresh, &self.cursor_file)
    }

    /// The pause after one more failure, with up to a half on top so that many do not come at once.
    fn failed(&mut self, problem: &str) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(9)).min(LONGEST_PAUSE);
        if self.failures == 0 {
            tracing::warn!(webhook = %self.name, problem, "a webhook fails: it is tried again, and what it lacks is kept");
        }
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(1.0 + fastrand::f64() / 2.0)
    }
}

/// `t=<seconds>,v1=<HMAC-SHA256 of "seconds.body" in hexadecimal digits>`.
fn signature(key: &hmac::Key, now: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{now}.").as_bytes());
    context.update(body);
    let digits: String = context
        .sign()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={now},v1={digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_time_and_body() {
        // printf '%s' '1790000000.{"events":[]}' | openssl dgst -sha256 -hmac
        // 'a-secret-of-the-test'
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"a-secret-of-the-test");
        let signed = signature(&key, 1_790_000_000, b"{\"events\":[]}");
        assert_eq!(
            signed,
            "t=1790000000,v1=1cd7e907f294e7a5f2ac6edb08fcb147e86f3d50fd0ea68f6917e5920ac3a4f4"
        );
    }
}
