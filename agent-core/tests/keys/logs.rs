//! The agent's own log, and the log of findings beside the server.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc::{Sender, channel},
    time::Duration,
};

use buckler::{Agent, settings::SettingsBuilder};
use serde_json::{Map, Value, json};

use super::stage::{agent, attack, compile, settings, wait_until};

/// How long a line may take on its way here.
const PATIENCE: Duration = Duration::from_secs(20);

fn logging(more: &Value) -> SettingsBuilder {
    let mut keys: Map<String, Value> = json!({
        "APP_NAME": "shop", "LOG_ENABLED": true, "BLACKLIST_OVERRIDE": true, "SECURITY_CHECKS": {"flood": 0},
    })
    .as_object()
    .cloned()
    .unwrap();
    keys.extend(more.as_object().cloned().unwrap());
    settings(&Value::Object(keys))
}

fn udp() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn datagram(socket: &UdpSocket) -> String {
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// The first finding of an agent with these keys, over UDP.
fn first(more: Value) -> String {
    let (socket, port) = udp();
    let mut more = more;
    more["LOG_PORT"] = json!(port);
    let (agent, _) = agent(logging(&more));
    attack(&agent, "/.git/config");
    datagram(&socket)
}

fn lines(stream: TcpStream) -> impl Iterator<Item = String> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream).lines().map(Result::unwrap)
}

#[test]
fn app_name() {
    assert!(first(json!({"APP_NAME": "my shop"})).contains(r#"] "my shop" - "#));
    assert!(compile("default", &json!({"APP_NAME": "two\nlines"})).is_err());
}

#[test]
fn log_enabled() {
    let (socket, port) = udp();
    let (agent, _) = agent(logging(&json!({"LOG_ENABLED": false, "LOG_PORT": port})));
    attack(&agent, "/.git/config");
    wait_until(&agent, "it was judged", || agent.status().events.settled_here == 1);
    let log = agent.status().log;
    assert_eq!((log.sent, log.waiting, log.state), (0, 0, ""));
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 1]).is_err());
    assert!(!first(json!({})).is_empty());
}

#[test]
fn log_format() {
    // Base64 of `/.git/config`
    let payload = "Ly5naXQvY29uZmln";
    assert_eq!(
        first(json!({})),
        format!(
            r#"<132>[2026/01/01 00:00:00] "shop" - "decoy" - "203.0.113.9" - "" - "T1592.002 - PCB004" - "2" - "path:{payload}""#
        )
    );
    let json: Value = serde_json::from_str(&first(json!({"LOG_FORMAT": "JSON"}))).unwrap();
    assert_eq!(
        (&json["time"], &json["application"]),
        (&json!("2026/01/01 00:00:00"), &json!("shop"))
    );
    let [check, source, country, details] = &json["log_data"].as_array().unwrap()[..] else {
        panic!("{json}")
    };
    assert_eq!(
        (check, source, country),
        (&json!("decoy"), &json!("203.0.113.9"), &json!(""))
    );
    assert_eq!((&details["payload"], &details["action"]), (&json!(payload), &json!(2)));
    assert!(
        details["id"].is_string() && details["codes"] == json!(["T1592.002", "PCB004"]),
        "{details}"
    );
    let pcb: Value = serde_json::from_str(&first(json!({"LOG_FORMAT": "pcb"}))).unwrap();
    assert_eq!(
        (&pcb["log_type"], &pcb["log_data"][3]),
        (&json!("security"), &Value::Null)
    );
    assert_eq!(pcb["log_data"].as_array().map(Vec::len), Some(5));
}

#[test]
fn log_protocol() {
    assert!(first(json!({"LOG_PROTOCOL": "UDP"})).starts_with("<132>["));
    let error = compile("default", &json!({"LOG_ENABLED": true, "LOG_PROTOCOL": "https"}))
        .map(drop)
        .unwrap_err();
    assert!(
        error.contains("LOG_PROTOCOL is https; allowed: udp, tcp, http or file"),
        "{error}"
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (agent, _) = agent(logging(&json!({"LOG_PROTOCOL": "tcp", "LOG_PORT": port})));
    attack(&agent, "/.git/1");
    attack(&agent, "/.git/2");
    let mut received = lines(listener.accept().unwrap().0);
    assert!(received.next().unwrap().contains("path:Ly5naXQvMQ=="));
    assert!(received.next().unwrap().contains("path:Ly5naXQvMg=="));
    // a log server that went away and came back gets what was found meanwhile
    drop(received);
    listener.set_nonblocking(true).unwrap();
    let mut again = None;
    wait_until(&agent, "it connects again", || {
        // what is written before the end of a connection is seen goes with it
        attack(&agent, "/.git/3");
        again = listener.accept().ok();
        again.is_some()
    });
    let (stream, _) = again.unwrap();
    stream.set_nonblocking(false).unwrap();
    assert!(lines(stream).next().unwrap().contains("path:Ly5naXQvMw=="));
}

#[test]
fn log_server() {
    // the other address of this host: nothing listens on the default one at this port
    let socket = UdpSocket::bind("127.0.0.2:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let (agent, _) = agent(logging(&json!({"LOG_SERVER": "127.0.0.2", "LOG_PORT": port})));
    attack(&agent, "/.git/config");
    assert!(datagram(&socket).contains("decoy"));
    wait_until(&agent, "it is counted", || agent.status().log.sent == 1);
    assert_eq!(agent.status().log.target, format!("udp://127.0.0.2:{port}"));
}

#[test]
fn log_port() {
    // nobody listens there yet: findings wait, and what finds no room is counted
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (agent, _) = agent(logging(&json!({"LOG_PROTOCOL": "tcp", "LOG_PORT": port})));
    attack(&agent, "/.git/config");
    wait_until(&agent, "it waits", || agent.status().log.state == "retrying");
    assert!(agent.status().log.problem.is_some() && agent.status().log.sent == 0);
    fill(&agent, 2600);
    wait_until(&agent, "the queue is full", || {
        agent.status().log.lost["queue_full"] > 0
    });
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut received = lines(listener.accept().unwrap().0);
    assert!(
        received.next().unwrap().contains("path:Ly5naXQvY29uZmln"),
        "the first is not lost"
    );
    wait_until(&agent, "all is well again", || agent.status().log.state == "shipping");
    assert!(agent.status().log.problem.is_none());
    assert!(compile("default", &json!({"LOG_PORT": 0})).is_err());
}

/// Attacks so often, and gives the agent the time to take it all.
fn fill(agent: &Agent, count: u64) {
    for n in 0..count {
        attack(agent, &format!("/.git/{n}"));
        if n % 1000 == 0 {
            let all = |status: buckler::Status| status.events.settled_here + status.events.lost["queue_full"];
            wait_until(agent, "it keeps up", || all(agent.status()) >= n);
        }
    }
}

#[test]
fn log_path() {
    let directory = tempfile::tempdir().unwrap();
    let keys = json!({"LOG_PROTOCOL": "file", "LOG_PATH": "attacks.log"});
    let (allowed, _) = agent(logging(&keys).log_dir(directory.path()));
    attack(&allowed, "/.git/config");
    wait_until(&allowed, "it is written", || allowed.status().log.sent == 1);
    let text = fs::read_to_string(directory.path().join("attacks.log")).unwrap();
    assert!(
        text.starts_with("[2026/01/01 00:00:00] \"shop\"") && text.ends_with("\"\n"),
        "{text}"
    );

    for (path, log_dir) in [
        ("../attacks.log", true),
        ("/etc/attacks.log", true),
        ("attacks.log", false),
    ] {
        let settings = logging(&json!({"LOG_PROTOCOL": "file", "LOG_PATH": path}));
        let settings = if log_dir {
            settings.log_dir(directory.path())
        } else {
            settings
        };
        let (refused, _) = agent(settings);
        attack(&refused, "/.git/config");
        wait_until(&refused, "it is refused", || refused.status().log.lost["refused"] == 1);
        let log = refused.status().log;
        assert!(
            log.state == "refused" && log.problem.unwrap().contains("agent.log_dir"),
            "{path}"
        );
    }
    assert_eq!(posted(json!({})).0, "POST /logs HTTP/1.1");
    assert_eq!(
        posted(json!({"LOG_PATH": "in/findings"})).0,
        "POST /in/findings HTTP/1.1"
    );
    assert!(posted(json!({"LOG_FORMAT": "json"})).1.contains("log_data"));
}

/// Request line and body of the first finding over HTTP.
fn posted(more: Value) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut more = more;
    more["LOG_PROTOCOL"] = json!("http");
    more["LOG_PORT"] = json!(listener.local_addr().unwrap().port());
    let (agent, _) = agent(logging(&more));
    attack(&agent, "/.git/config");
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0, "it ended too soon");
        request.extend_from_slice(&bytes[..length]);
        let text = String::from_utf8(request.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let declared = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            if declared.parse() == Ok(body.len()) {
                break (head.to_owned(), body.to_owned());
            }
        }
    };
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    wait_until(&agent, "it was taken", || agent.status().log.sent == 1);
    (head.lines().next().unwrap().to_owned(), body)
}

#[test]
fn log_file_size() {
    let directory = tempfile::tempdir().unwrap();
    // 500 bytes: four findings or so
    let keys = json!({"LOG_PROTOCOL": "file", "LOG_PATH": "attacks.log", "LOG_FILE_SIZE": 0.0005});
    let (agent, _) = agent(logging(&keys).log_dir(directory.path()));
    for n in 1..=10 {
        attack(&agent, "/.git/config");
        wait_until(&agent, "it is written", || agent.status().log.sent == n);
    }
    let size = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
    assert!(size("attacks.log") <= 500 && size("attacks.log.1") <= 500);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn resolve_country() {
    // nobody is asked: the country is as empty as with the switch off
    for on in [true, false] {
        assert!(first(json!({"RESOLVE_COUNTRY": on})).contains(r#""203.0.113.9" - "" - "#));
    }
}

/// Where the agent's own log goes.
struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // the test may have ended
        self.0
            .send(String::from_utf8_lossy(line).into_owned())
            .unwrap_or_default();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn verbose() {
    let (sender, written) = channel();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || Lines(sender.clone()))
        .init();
    for (verbose, most, in_full) in [(0, 20, 0), (10, 30, 0), (100, 30, 30)] {
        let (agent, _) = agent(settings(&json!({"VERBOSE": verbose, "BLACKLIST_OVERRIDE": true})));
        let path = format!("/.git/verbose-{verbose}");
        (0..30).for_each(|_| attack(&agent, &path));
        wait_until(&agent, "all were judged", || agent.status().events.settled_here == 30);
        let own: Vec<String> = written.try_iter().filter(|line| line.contains(&path)).collect();
        let full = own.iter().filter(|line| line.contains("in full")).count();
        assert_eq!((own.len() - full, full), (most, in_full), "{verbose}");
    }
}
