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
    let ended = program(&file).current_dir(dir.path()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "nothing is made for it"
    );
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(said.contains("BEACON_DELAY") && said.contains("shop"), "{said}");
}

#[test]
fn it_checks_backs_up_and_restores_what_it_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let (data, other, backup) = (
        dir.path().join("data"),
        dir.path().join("other"),
        dir.path().join("backup.zst"),
    );
    std::fs::write(&file, format!("data_dir = {data:?}\n[profiles.shop]\nkeys = [\"k\"]\n")).unwrap();
    let said = |arguments: &[&std::ffi::OsStr]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_buckler-server"));
        let ended = program
            .args(arguments)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .env_remove("STATE_DIRECTORY")
            .current_dir(dir.path())
            .output()
            .unwrap();
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
    };
    let text = |text: &'static str| std::ffi::OsStr::new(text);
    let (code, words) = said(&[text("check"), text("--config"), file.as_os_str()]);
    assert!(code == Some(1) && words.contains("no journal"), "{words}");

    let mut child = program(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("listening")));
    let (code, words) = said(&[text("check"), text("--data-dir"), data.as_os_str()]);
    assert!(code == Some(1) && words.contains("another process uses it"), "{words}");
    child.kill().unwrap();
    child.wait().unwrap();

    let (code, words) = said(&[text("--config"), file.as_os_str(), text("backup"), backup.as_os_str()]);
    assert!(code == Some(0) && words.contains("backed up"), "{words}");
    let (code, words) = said(&[
        text("restore"),
        backup.as_os_str(),
        text("--data-dir"),
        other.as_os_str(),
    ]);
    assert!(
        code == Some(0) && words.contains("restored") && words.contains("fleet=default"),
        "{words}"
    );
    let (code, words) = said(&[text("check"), text("--data-dir"), other.as_os_str()]);
    assert!(code == Some(0) && words.contains("whole"), "{words}");
    let (code, words) = said(&[text("check")]);
    assert!(
        code == Some(1) && words.contains("buckler-data"),
        "the default: {words}"
    );
    let (code, words) = said(&[]);
    assert!(code == Some(1) && words.contains("--config"), "{words}");
}
