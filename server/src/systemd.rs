//! Word to systemd: that the server is ready, that it stops, and that it is alive
//! (`Type=notify`, `WatchdogSec=`), by the protocol of `sd_notify(3)`.

use std::{env, io, os::unix::net::UnixDatagram, path::Path, time::Duration};

/// Who started this process and waits for word of it.
#[derive(Debug)]
pub struct Supervisor {
    socket: UnixDatagram,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The one that `NOTIFY_SOCKET` names, if any.
    ///
    /// # Errors
    /// If there is one that cannot be spoken to.
    pub fn from_env() -> io::Result<Option<Self>> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let text = |name| env::var(name).ok();
        let watchdog = watchdog(text("WATCHDOG_USEC"), text("WATCHDOG_PID"), std::process::id());
        Self::at(Path::new(&name), watchdog).map(Some)
    }

    /// One that listens at this path, or under this name where it begins with `@`, and wants to
    /// hear that the process is alive within each of these times.
    ///
    /// # Errors
    /// If it cannot be spoken to.
    pub fn at(name: &Path, watchdog: Option<Duration>) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        match name.to_str().and_then(|name| name.strip_prefix('@')) {
            Some(name) => connect_abstract(&socket, name)?,
            None => socket.connect(name)?,
        }
        Ok(Self { socket, watchdog })
    }

    /// The server answers.
    pub fn ready(&self, status: &str) {
        // a line each: a line break would begin another assignment
        self.say(&format!("READY=1\nSTATUS={}", status.replace('\n', " ")));
    }

    /// The server is about to stop.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// The server is alive.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// How often [`alive`](Self::alive) is expected: twice in the time after which the process
    /// would be ended.
    #[must_use]
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    fn say(&self, words: &str) {
        if let Err(error) = self.socket.send(words.as_bytes()) {
            tracing::warn!(%error, "the supervisor cannot be told");
        }
    }
}

#[cfg(target_os = "linux")]
fn connect_abstract(socket: &UnixDatagram, name: &str) -> io::Result<()> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
    socket.connect_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn connect_abstract(_: &UnixDatagram, name: &str) -> io::Result<()> {
    let problem = format!("NOTIFY_SOCKET: found @{name}, allowed is a path: names without one are Linux'");
    Err(io::Error::new(io::ErrorKind::Unsupported, problem))
}

/// After which time without word the process is ended, if that is meant for this one.
fn watchdog(usec: Option<String>, pid: Option<String>, own: u32) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let usec: u64 = usec.filter(|_| is_meant)?.parse().ok()?;
    (usec > 0).then(|| Duration::from_micros(usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_hears_what_the_server_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let hears = UnixDatagram::bind(&path).unwrap();
        let supervisor = Supervisor::at(&path, Some(Duration::from_secs(30))).unwrap();
        supervisor.ready("listens at\n127.0.0.1");
        supervisor.alive();
        supervisor.stopping();
        let heard = || {
            let mut bytes = [0; 256];
            let length = hears.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        };
        assert_eq!(heard(), "READY=1\nSTATUS=listens at 127.0.0.1");
        assert_eq!((heard(), heard()), ("WATCHDOG=1".to_owned(), "STOPPING=1".to_owned()));
        assert_eq!(supervisor.alive_every(), Some(Duration::from_secs(15)));
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(watchdog(text("2000000"), None, 7), Some(Duration::from_secs(2)));
        assert_eq!(watchdog(text("2000000"), text("7"), 7), Some(Duration::from_secs(2)));
        assert_eq!(watchdog(text("2000000"), text("8"), 7), None);
        assert_eq!(watchdog(text("0"), None, 7), None);
        assert_eq!(watchdog(None, text("7"), 7), None);
    }
}
