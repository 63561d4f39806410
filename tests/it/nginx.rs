//! A real nginx, as a proxy before applications or before the server.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use buckler_tests::{
    http,
    wait::{free, until},
};
use tempfile::TempDir;

/// Where distributions install it.
const PROGRAMS: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];

/// An nginx, which runs for as long as it is held.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

/// A program that may be missing where the tests run.
pub(crate) fn program() -> Option<&'static str> {
    let found = PROGRAMS.into_iter().find(|program| Path::new(program).exists());
    if found.is_none() {
        skipped();
    }
    found
}

#[expect(
    clippy::print_stderr,
    reason = "the reader of the test's output is to know that nothing was tested"
)]
fn skipped() {
    eprintln!("skipped: nginx is not installed");
}

impl Nginx {
    /// Starts this program with `upstream`, a block of the context `http`, and `location`, what its
    /// only location says. Waits until it listens.
    pub(crate) fn start(program: &str, upstream: &str, location: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // it takes no port of its own accord
        let address = free();
        let root = directory.path().display();
        let configuration = format!(
            "daemon off; pid {root}/pid; error_log {root}/error.log info;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             access_log off; client_max_body_size 64m;\n\
             client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
             uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
             {upstream}\n\
             server {{ listen {address}; location / {{ proxy_http_version 1.1;\n{location}\n}} }} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let child = Command::new(program)
            .args(["-p", &root.to_string(), "-e", &format!("{root}/error.log"), "-c"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            child,
            address,
            directory,
        };
        until("nginx listens", || TcpStream::connect(address).is_ok());
        nginx
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a head and a body with its length, and reads the answer to its end.
    pub(crate) fn ask(&self, head: &str, body: &[u8]) -> http::Answer {
        let length = body.len();
        http::ask(self.address, &format!("{head}Content-Length: {length}\r\n"), body)
    }

    /// What it complained of.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // its worker ends with it
        let _gone = Command::new("kill")
            .args(["-QUIT", &self.child.id().to_string()])
            .status();
        let _ended = self.child.wait();
    }
}
