//! The program: it reads its file, listens, and ends when it is told to.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

/// Starts the program with this file.
fn program(file: &std::path::Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_buckler-server"));
    program
        .arg("--config")
        .arg(file)
        .args(["--listen", "127.0.0.1:0"])
        .env("NO_COLOR", "1")
        .env_remove("RUST_LOG");
    program
}

#[test]
fn it_serves_until_it_is_told_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, "memory = true\n[profiles.shop]\nkeys = [\"k\"]\n").unwrap();
    let mut child = program(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines
        .find(|line| line.contains("listening"))
        .expect("it says where it listens");
    let address = line.rsplit('=').next().unwrap().trim();
    std::net::TcpStream::connect(address).unwrap();
    let told = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success(), "SIGTERM is no failure");
    assert!(lines.any(|line| line.contains("stopped")));
}

#[test]
fn it_says_what_is_wrong_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, "[profiles.shop.config]\nBEACON_DELAY = 0\n").unwrap();
    let ended = program(&file).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(said.contains("BEACON_DELAY") && said.contains("shop"), "{said}");
}
