//! The programs do what they say, as a newcomer starts them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

/// The shop in each framework.
const SHOPS: [&str; 2] = [env!("CARGO_BIN_EXE_guarded_app"), env!("CARGO_BIN_EXE_guarded_axum")];

/// A program that runs, and what it prints. It is killed when the test ends, if it still runs.
struct Program {
    child: Child,
    prints: BufReader<ChildStdout>,
}

impl Program {
    fn start(path: &str, arguments: &[&str]) -> Self {
        let mut command = command(path, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let prints = BufReader::new(child.stdout.take().unwrap());
        Self { child, prints }
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.prints.read_line(&mut line).unwrap();
        line
    }

    /// Everything that it prints from now to its end, and whether it ended well.
    fn end(mut self) -> (String, bool) {
        let mut printed = String::new();
        self.prints.read_to_string(&mut printed).unwrap();
        (printed, self.child.wait().unwrap().success())
    }

    /// Asks it to end, as a service manager does.
    #[cfg(unix)]
    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // it has ended already where the test went well
        let _ = self.child.kill();
    }
}

/// A program that nothing around the test configures.
fn command(path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null());
    for name in [
        "BUCKLER_CONFIG",
        "PYRASP_CLOUD_URL",
        "PYRASP_KEY",
        "PYRASP_CONF",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

#[test]
fn the_tour_shows_a_ban_crossing_and_says_so_by_its_exit_code() {
    let (printed, succeeded) = Program::start(env!("CARGO_BIN_EXE_tour"), &["--once"]).end();
    assert!(succeeded, "{printed}");
    assert!(printed.contains("the ban crossed in "), "{printed}");
    assert!(printed.contains("the same history at the same revision"), "{printed}");
    assert_eq!(printed.matches('✓').count(), 9, "{printed}");
}

#[test]
fn a_ban_crosses_over_a_transport_that_is_written_in_the_examples() {
    let (printed, succeeded) = Program::start(env!("CARGO_BIN_EXE_custom_transport"), &[]).end();
    assert!(succeeded && printed.contains("the ban came by mail"), "{printed}");
}

#[test]
fn a_fleet_is_in_step_again_after_its_server_was_killed() {
    for transport in ["http-polling", "websocket"] {
        let arguments = [
            "--agents",
            "30",
            "--bans",
            "1",
            "--interval",
            "5",
            "--transport",
            transport,
        ];
        let (printed, succeeded) = Program::start(env!("CARGO_BIN_EXE_fleet"), &arguments).end();
        assert!(
            succeeded && printed.contains("is back: all in step after"),
            "{transport}: {printed}"
        );
    }
}

/// A small day: the whole one takes minutes.
#[test]
fn a_day_of_a_site_refuses_no_honest_client_and_bans_every_attacker() {
    let arguments = ["--people", "40", "--attackers", "10"];
    let (printed, succeeded) = Program::start(env!("CARGO_BIN_EXE_day_one"), &arguments).end();
    assert!(succeeded, "{printed}");
    assert_eq!(
        printed.matches("attackers: 10 of 10 banned").count(),
        2,
        "on both kinds of site: {printed}"
    );
}

#[cfg(unix)]
#[test]
fn the_guarded_shops_guard_and_end_with_a_report() {
    for path in SHOPS {
        let mut shop = Program::start(path, &["--listen", "127.0.0.1:0", "--workers", "1"]);
        let address = address(&shop.line());
        let page = get(&address, "/items/0");
        assert!(
            page.starts_with("HTTP/1.1 200 ") && page.ends_with(r#"{"id":0,"name":"buckler"}"#),
            "{page}"
        );
        assert!(get(&address, "/.git/config").starts_with("HTTP/1.1 403 "));
        shop.terminate();
        let (printed, succeeded) = shop.end();
        assert!(
            succeeded && printed.contains("0 events sent, 0 not sent, 0 lost"),
            "{path}: {printed}"
        );
    }
}

#[test]
fn the_shops_sell_the_same() {
    let arguments = ["--listen", "127.0.0.1:0", "--workers", "1", "--unguarded"];
    let mut shops = SHOPS.map(|path| Program::start(path, &arguments));
    let addresses = shops.each_mut().map(|shop| address(&shop.line()));
    for path in ["/", "/items/3", "/items/4", "/search?q=au", "/stream", "/.git/config"] {
        let [one, other] = addresses.each_ref().map(|address| {
            let answer = get(address, path);
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.lines().next().unwrap().to_owned(), body.to_owned())
        });
        assert_eq!(one, other, "{path}");
    }
}

#[test]
fn settings_that_cannot_be_are_named_and_nothing_starts() {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(b"[security]\nflood_ratio = \"many\"\n").unwrap();
    let path = file.path().to_str().unwrap();
    for shop in SHOPS {
        let ended = command(shop, &["--config", path]).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(
            !ended.status.success() && told.contains("flood_ratio") && told.contains("many"),
            "{told}"
        );
    }
}

#[test]
fn the_unguarded_shop_lets_everything_pass() {
    let arguments = ["--listen", "127.0.0.1:0", "--workers", "1", "--unguarded"];
    let mut shop = Program::start(env!("CARGO_BIN_EXE_guarded_app"), &arguments);
    assert!(get(&address(&shop.line()), "/.git/config").starts_with("HTTP/1.1 404 "));
}

/// The address in a line that holds a URL.
fn address(line: &str) -> String {
    let Some((_, rest)) = line.split_once("http://") else {
        panic!("no URL in {line:?}")
    };
    rest.split_once('/').unwrap().0.to_owned()
}

fn get(address: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}
