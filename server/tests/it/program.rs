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
    let profiles =
        "[profiles.shop]\nkeys = [\"k\"]\n[profiles.hermit]\nkeys = [\"h\"]\nconfig = { BLACKLIST_SHARE = false }\n";
    std::fs::write(
        &file,
        format!("memory = true\nadmin_token = \"a-token-of-an-operator\"\n{profiles}"),
    )
    .unwrap();
    let mut child = program(&file).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut begun: Vec<String> = Vec::new();
    let line = loop {
        let line = lines.next().expect("it says where it listens");
        if line.contains("listening") {
            break line;
        }
        begun.push(line);
    };
    let unshared: Vec<&String> = begun
        .iter()
        .filter(|line| line.contains("BLACKLIST_SHARE = true"))
        .collect();
    assert!(
        unshared.len() == 1 && unshared[0].contains("hermit") && unshared[0].contains("WARN"),
        "of the profile that shares nothing alone: {begun:?}"
    );
    let address = line.rsplit('=').next().unwrap().trim();
    let address = address.parse().unwrap();
    let wrong = ["an-agents-guess", "an-operators-guess"];
    let config = format!(
        r#"{{"key": "{}", "version": "0.10.2", "platform": "Flask", "routes": {{}}}}"#,
        wrong[0]
    );
    let head = format!(
        "POST /config HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        config.len()
    );
    assert_eq!(buckler_tests::http::ask(address, &head, config.as_bytes()).status, 403);
    let head = format!("GET /admin/agents HTTP/1.1\r\nAuthorization: Bearer {}\r\n", wrong[1]);
    assert_eq!(buckler_tests::http::ask(address, &head, b"").status, 401);
    let told = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success(), "SIGTERM is no failure");
    let said: Vec<String> = lines.collect();
    for part in [
        "a wrong or missing agent key",
        "a wrong or missing admin token",
        "stopped",
    ] {
        assert!(said.iter().any(|line| line.contains(part)), "{part}: {said:?}");
    }
    assert!(
        !said.iter().any(|line| wrong.iter().any(|guess| line.contains(guess))),
        "{said:?}"
    );
}

#[test]
fn it_tells_its_supervisor_and_writes_lines_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let (file, socket) = (dir.path().join("server.toml"), dir.path().join("notify"));
    std::fs::write(&file, "memory = true\ndrain_s = 1\n[profiles.shop]\nkeys = [\"k\"]\n").unwrap();
    let hears = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    let hear = || {
        let mut bytes = [0; 256];
        let length = hears.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let mut child = program(&file)
        .args(["--log", "json"])
        .env_remove("NO_COLOR")
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "400000")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ready = hear();
    assert!(ready.starts_with("READY=1\nSTATUS=listens at 127.0.0.1:"), "{ready}");
    assert_eq!(hear(), "WATCHDOG=1");
    let address = ready.rsplit(' ').next().unwrap();
    let ready = buckler_tests::http::ask(address.parse().unwrap(), "GET /nothing HTTP/1.1\r\n", b"");
    assert_eq!(ready.status, 404);
    let told = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    while hear() != "STOPPING=1" {}
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    assert!(child.wait().unwrap().success());
    let words: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for message in ["listening", "draining", "stopped"] {
        assert!(
            words
                .iter()
                .any(|line| line["message"] == message && line["level"] == "INFO"),
            "{lines:?}"
        );
    }
    assert!(
        lines.iter().all(|line| !line.contains('\u{1b}')),
        "no colours where no terminal is"
    );
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

#[test]
fn a_configuration_is_checked_without_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = program(&file)
            .arg("check-config")
            .current_dir(dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), said)
    };
    let (is_good, said) = check("[profiles.shop]\nkeys = [\"k\"]\n[profiles.shop.config]\nAPP_NAME = \"shop\"\n");
    assert!(is_good && said.contains("the configuration can be used"), "{said}");
    for (text, expected) in [
        ("listen = 7\n", "listen"),
        (
            "[profiles.shop]\nkeys = [\"k\"]\n[profiles.shop.config]\nFLOOD_RATIO = \"many\"\n",
            "FLOOD_RATIO",
        ),
        ("[tls]\ncert = \"absent.pem\"\nkey = \"absent.key\"\n", "absent.pem"),
        (
            "data_dir = \"d\"\n[webhooks.siem]\nurl = \"https://x/\"\nsecret = \"0123456789abcdef\"\nca = \"absent.pem\"\n",
            "webhooks.siem",
        ),
    ] {
        let (is_good, said) = check(text);
        assert!(!is_good && said.contains(expected), "{expected}: {said}");
    }
    let made: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(made.len(), 1, "the file alone: {made:?}");
}

#[test]
fn keys_stand_in_the_file_as_hashes_alone() {
    let hash = |typed: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_buckler-server"));
        let mut child = program
            .arg("hash-key")
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let (done, hashed) = hash("0b7e2d54\n");
    let hashed = hashed.trim_end();
    let of_key = buckler_server::Secret::of("0b7e2d54").fingerprint();
    assert!(done && *hashed == format!("blake3:{of_key}"), "{hashed}");
    assert_eq!(hash("0b7e2d54").1.trim_end(), hashed, "with the line's end or without");
    assert_eq!(hash("a\r\n\nb").1.lines().count(), 2);
    let (done, said) = hash("\n");
    assert!(!done && said.contains("holds no key"), "{said}");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    let checked = |text: String| {
        std::fs::write(&file, text).unwrap();
        let done = program(&file).arg("check-config").output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let written = |[token, shop, edge, blog]: [&str; 4]| {
        format!(
            "admin_token = {token:?}\n[profiles.shop]\nkeys_blake3 = [{shop:?}]\n[bouncers.edge]\nkey = {edge:?}\n\
             [profiles.blog]\nkeys = [{blog:?}]\n"
        )
    };
    let [edge, blog, token] = ["edge", "blog", "token"].map(|key| hash(key).1.trim_end().to_owned());
    let (done, said) = checked(written([&token, hashed, &edge, hashed]));
    assert!(!done && said.contains("have a key in common"), "{said}");
    let (done, said) = checked(written([&token, hashed, &edge, &blog]));
    assert!(done && !said.contains("holds keys as they are"), "{said}");
    let (done, said) = checked(written(["a-token", &blog, "a-key", "another"]));
    assert!(
        done && said.contains("admin_token, profiles.blog.keys, bouncers.edge.key") && said.contains("hash-key"),
        "{said}"
    );
    assert!(!said.contains("a-token") && !said.contains("another"), "{said}");
}
