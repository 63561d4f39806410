//! Refusals behind a real nginx: a client must get the refusal, never the proxy's own 502, and no
//! server may be taken for dead.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use buckler_tests::http;
use tempfile::TempDir;

use super::host::{Host, Kind, SOMEBODY};
use crate::site::{self, DECOY, local};

/// Where distributions install it.
const PROGRAMS: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];

/// An nginx with two servers behind it, which runs for as long as it is held.
struct Nginx {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// `None` where it is not installed.
    fn before(hosts: &[Host; 2]) -> Option<Self> {
        let program = PROGRAMS.into_iter().find(|program| Path::new(program).exists())?;
        let directory = tempfile::tempdir().unwrap();
        // it takes no port of its own accord: one that was free a moment ago
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let root = directory.path().display();
        let [one, other] = hosts.each_ref().map(Host::address);
        let configuration = format!(
            "daemon off; pid {root}/pid; error_log {root}/error.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n\
             access_log off; client_max_body_size 64m;\n\
             client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
             uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
             upstream app {{ server {one}; server {other}; keepalive 8; }}\n\
             server {{ listen {address}; location / {{\n\
             proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
             proxy_set_header X-Forwarded-For $http_x_client; }} }} }}\n"
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
            _directory: directory,
        };
        site::wait_until(&hosts[0].agent, "nginx listens", || TcpStream::connect(address).is_ok());
        Some(nginx)
    }

    fn ask(&self, head: &str, body: &[u8]) -> http::Answer {
        let length = body.len();
        http::ask(self.address, &format!("{head}Content-Length: {length}\r\n"), body)
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

#[test]
fn a_refusal_of_an_upload_to_actix_web_is_no_502() {
    refusals_arrive(Kind::ActixWeb);
}

#[test]
fn a_refusal_of_an_upload_to_axum_is_no_502() {
    refusals_arrive(Kind::Axum);
}

#[expect(
    clippy::print_stderr,
    reason = "the reader of the test's output is to know that nothing was tested"
)]
fn skipped() {
    eprintln!("skipped: nginx is not installed");
}

fn refusals_arrive(kind: Kind) {
    let settings = || {
        let checks = serde_json::json!({"flood": 0, "decoy": 1, "sqli": 1, "brute": 0});
        local().security("SECURITY_CHECKS", checks)
    };
    let hosts = [(), ()].map(|()| Host::start(kind, settings()));
    let Some(nginx) = Nginx::before(&hosts) else {
        return skipped();
    };
    // more than proxy and kernel hold of it, harmless but for its first bytes where they are
    // replaced
    let body = vec![b'x'; 4 << 20];
    let attack = [&b"name=1' OR '1'='1&rest="[..], &body].concat();
    for method in ["POST", "PUT"] {
        for round in 0..8 {
            let client = format!("X-Client: {SOMEBODY}\r\n");
            let by_path = nginx.ask(&format!("{method} {DECOY} HTTP/1.1\r\n{client}"), &body);
            assert_eq!(
                (by_path.status, by_path.header("x-block-id").is_some()),
                (403, true),
                "{method} {round}"
            );
            let form = "Content-Type: application/x-www-form-urlencoded\r\n";
            let by_body = nginx.ask(&format!("{method} /tell HTTP/1.1\r\n{client}{form}"), &attack);
            assert_eq!(
                (by_body.status, by_body.header("x-block-id").is_some()),
                (403, true),
                "{method} {round}"
            );
            let clean = nginx.ask(&format!("GET / HTTP/1.1\r\n{client}"), b"");
            assert_eq!(clean.text(), "welcome", "both servers are still asked");
        }
    }
}
