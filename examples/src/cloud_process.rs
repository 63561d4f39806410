//! The tour's server in a process of its own, so that it can be killed, and started again on what
//! it kept.

use std::{
    error::Error,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use buckler_server::Server;
use url::Url;

use crate::demo::cloud;

/// What the server's process is started with.
const SERVE: &str = "--serve";

/// How long requests may take that the server is answering when it is told to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// A server that runs in another process. It is killed with this value.
#[derive(Debug)]
pub struct CloudProcess {
    child: Child,
    data_dir: PathBuf,
    cloud_url: Url,
}

impl CloudProcess {
    /// Starts this very program as a server that keeps what it must not forget in `data_dir`.
    ///
    /// # Errors
    /// If it does not start, or does not say where it listens.
    pub fn start(listen: &str, data_dir: &Path) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(listen).arg(data_dir);
        // it ends when its standard input is closed, however this process ends
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let prints = child.stdout.take().ok_or("the server has no standard output")?;
        let mut line = String::new();
        BufReader::new(prints).read_line(&mut line)?;
        match line.trim().parse() {
            Ok(cloud_url) => Ok(Self {
                child,
                data_dir: data_dir.to_owned(),
                cloud_url,
            }),
            Err(_) => {
                // it may have ended by itself
                let _ = child.kill();
                Err(format!("the server did not start: {line:?}").into())
            }
        }
    }

    /// Where agents register.
    #[must_use]
    pub const fn cloud_url(&self) -> &Url {
        &self.cloud_url
    }

    /// Its root.
    ///
    /// # Errors
    /// If its URL has none.
    pub fn url(&self) -> Result<Url, url::ParseError> {
        self.cloud_url.join("/")
    }

    /// What the admin API's paths begin with.
    ///
    /// # Errors
    /// If its URL has no root.
    pub fn admin_url(&self) -> Result<Url, url::ParseError> {
        self.cloud_url.join("/admin/")
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again where it listened, on what it kept.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_again(&mut self) -> Result<(), Box<dyn Error>> {
        let address = self.cloud_url.socket_addrs(|| None)?.pop();
        let address = address.ok_or("the server has no address")?;
        *self = Self::start(&address.to_string(), &self.data_dir)?;
        Ok(())
    }

    /// Has it end as an operator would, and waits for that.
    ///
    /// # Errors
    /// If it did not end well.
    pub fn stop(mut self) -> Result<(), Box<dyn Error>> {
        drop(self.child.stdin.take());
        if self.child.wait()?.success() {
            Ok(())
        } else {
            Err("the server did not end well".into())
        }
    }
}

impl Drop for CloudProcess {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the server, where this process was started to be it; whether it was.
///
/// # Errors
/// If the server cannot start.
pub fn serve() -> Result<bool, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [serve, listen, data_dir] = arguments.as_slice() else {
        return Ok(false);
    };
    if serve != SERVE {
        return Ok(false);
    }
    let server = Server::builder(cloud().data_dir(data_dir)).listen(listen).start()?;
    writeln!(std::io::stdout(), "{}", server.cloud_url())?;
    // until who started this closes it, or is gone
    let _ = std::io::stdin().read(&mut [0])?;
    server.stop(GOODBYE);
    Ok(true)
}
