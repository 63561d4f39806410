//! The program itself against a real server: what it prints, and the code that it ends with.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by a panic, in its helpers as in itself"
)]

mod access;
mod agents;
mod docs;
mod stage;
mod tls;

use std::fs;

use buckler_server::ServerConfig;
use serde_json::Value;

use self::stage::{Stage, TOKEN, assert_says, config, two_fleets};

#[test]
fn bans_are_added_listed_and_lifted() {
    let stage = Stage::new();
    assert_says(&stage.run("bans list"), 0, "No network is banned");
    let added = stage.run("bans add 203.0.113.9 --ttl 2h --reason scans");
    assert_says(
        &added,
        0,
        "203.0.113.9 is banned as 203.0.113.9, for another 2h: scans (by operator, 0s ago)",
    );
    assert_says(
        &stage.run("bans add 203.0.113.9 --ttl 1h"),
        0,
        "was banned for as long already",
    );
    assert_says(&stage.run("bans list 203.0.113.9"), 0, "is banned");
    assert_says(&stage.run("bans list 203.0.113.10"), 1, "203.0.113.10 is not banned");
    let list = stage.json("bans list");
    assert_eq!(
        (list[0]["address"].as_str(), list[0]["why"].as_str()),
        (Some("203.0.113.9"), Some("scans"))
    );
    assert_says(
        &stage.run("bans remove 203.0.113.9"),
        0,
        "203.0.113.9 is banned no more",
    );
    assert_says(&stage.run("bans remove 203.0.113.9"), 1, "is not listed");
}

#[test]
fn what_should_be_looked_at_twice_is_refused_with_the_reason() {
    let stage = Stage::new();
    assert_says(&stage.run("bans add 0.0.0.0/0 --ttl 1h"), 1, "0.0.0.0/0");
    let tried = stage.run("bans add 203.0.0.0/8 --ttl 1h --dry-run");
    assert_says(
        &tried,
        0,
        "needs --force: 203.0.0.0/8 is wider than an agent may ask for",
    );
    assert_says(&stage.run("bans list"), 0, "No network is banned");
    assert_says(&stage.run("bans add 203.0.113.9"), 2, "--ttl");
    assert_says(&stage.run("bans add 203.0.113.9 --permanently"), 0, "without end");
    assert_says(&stage.run("bans add here --ttl 1h"), 1, "here");
}

#[test]
fn lists_come_in_and_go_out() {
    let stage = Stage::new();
    let feed = stage.file(
        "feed.netset",
        "# a feed\n203.0.113.0/24\n198.51.100.7\n10.0.0.0/8\nexample.com\n192.0.0.0/20\n",
    );
    let done = stage.run(&format!("bans import {} --ttl 7d --reason feed", feed.display()));
    assert_says(&done, 1, "2 entries are banned, 3 left out");
    for said in ["10.0.0.0/8", "example.com", "192.0.0.0/20", "are taken with --wide"] {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
    assert_eq!(stage.run("bans export").out, "198.51.100.7\n203.0.113.0/24\n");
    assert_eq!(
        stage.run("bans export --format nginx").out,
        "deny 198.51.100.7;\ndeny 203.0.113.0/24;\n"
    );
    let csv = stage.run("bans export --format csv").out;
    assert!(
        csv.contains("203.0.113.0/24,6047") || csv.contains("203.0.113.0/24,604800"),
        "{csv}"
    );
    let nft = stage.run("bans export --format nft").out;
    assert!(
        nft.contains("203.0.113.0/24 timeout 6") && nft.contains("198.51.100.7 timeout 6"),
        "{nft}"
    );
    let back = stage.file("back.csv", &csv);
    let again = stage.run(&format!("bans import {} --dry-run", back.display()));
    assert_says(&again, 0, "2 entries would be banned, 0 left out");
    assert_says(&stage.run("bans import missing.txt"), 2, "missing.txt");
    // the file's own ends and reasons come back, and not those of the flags
    assert_says(&stage.run("bans remove 203.0.113.0/24"), 0, "banned no more");
    let again = stage.run(&format!("bans import {} --ttl 1h --reason other", back.display()));
    assert_says(&again, 0, "2 entries are banned");
    let list = stage.json("bans list");
    assert_eq!(list[1]["why"], "feed", "{list}");
    assert!(list[1]["ttl_s"].as_u64().unwrap() > 86_400, "{list}");
}

#[test]
fn many_are_banned_and_lifted_at_once() {
    let stage = Stage::new();
    let added = stage.run("bans add 203.0.113.1 203.0.113.2 10.0.0.1 --ttl 1h --reason scans");
    assert_says(&added, 1, "2 entries are banned, 1 left out");
    assert!(
        added
            .err
            .contains("left out: 10.0.0.1: 10.0.0.1 touches a protected network"),
        "{}",
        added.err
    );
    assert_says(
        &stage.run("bans add 203.0.113.3 203.0.113.4 --permanently --reason x"),
        0,
        "2 entries are banned",
    );
    assert_says(
        &stage.run("bans add 203.0.113.5 203.0.113.6 --ttl 1h --dry-run"),
        2,
        "--dry-run is for one",
    );
    let removed = stage.run("bans remove 203.0.113.1 203.0.113.4 203.0.113.9 --reason mistake");
    assert_says(&removed, 1, "2 entries are banned no more, 1 left out");
    assert_eq!(stage.run("bans export").out, "203.0.113.2\n203.0.113.3\n");
    assert_says(&stage.run("audit --action unban --limit 1"), 0, "mistake");
}

#[test]
fn what_is_allowed_is_banned_by_nobody() {
    let stage = Stage::new();
    assert_says(&stage.run("allow list"), 0, "Nothing is allowed");
    stage.run("bans add 203.0.113.9 --ttl 2h");
    assert_says(
        &stage.run("allow add 203.0.113.0/28 --ttl 30d --reason office"),
        0,
        "203.0.113.0/28 is allowed for 30d, 1 bans are lifted",
    );
    assert_says(&stage.run("bans list"), 0, "No network is banned");
    assert_says(
        &stage.run("bans add 203.0.113.9 --ttl 1h --force"),
        1,
        "which is allowed (office, by file)",
    );
    let feed = stage.file("feed.netset", "203.0.113.0/24\n198.51.100.7\n203.0.113.3\n");
    let done = stage.run(&format!("bans import {} --wide", feed.display()));
    assert_says(&done, 1, "1 entries are banned, 2 left out");
    assert!(
        done.err.contains("203.0.113.0/24 touches 203.0.113.0/28"),
        "{}",
        done.err
    );
    assert_says(&stage.run("allow list 203.0.113.7"), 0, "office");
    assert_says(&stage.run("allow list 203.0.113.99"), 1, "Nothing is allowed");
    assert_eq!(stage.json("allow list")["allowed"][0]["why"], "office");
    assert_says(
        &stage.run("allow add 203.0.113.77 --permanently --reason x"),
        0,
        "without end",
    );
    assert_says(&stage.run("allow add 203.0.113.78 --reason x"), 2, "--ttl");
    assert_says(&stage.run("allow add 203.0.113.78 --ttl 1h"), 2, "--reason");
    assert_says(
        &stage.run("allow remove 203.0.113.9"),
        1,
        "is not allowed by an entry of its own",
    );
    assert_says(
        &stage.run("allow remove 203.0.113.0/28"),
        0,
        "203.0.113.0/28 is allowed no longer",
    );
}

#[test]
fn wide_networks_are_taken_on_request_and_protected_ones_never() {
    let stage = Stage::new();
    let feed = stage.file("feed.netset", "192.0.0.0/20\n10.0.0.0/8\n2001:db8::/32\n");
    let done = stage.run(&format!("bans import {} --wide", feed.display()));
    assert_says(&done, 1, "2 entries are banned, 1 left out");
    assert!(
        done.err.contains("10.0.0.0/8 touches a protected network"),
        "{}",
        done.err
    );
    assert_eq!(stage.run("bans export").out, "192.0.0.0/20\n2001:db8::/32\n");
}

#[test]
fn a_token_of_one_fleet_needs_no_fleet_to_be_named() {
    let stage = Stage::with(two_fleets());
    let made = stage.run("tokens create bob --role operate --fleet elsewhere");
    let token = made.out.trim();
    let as_bob = |args: &str| stage.run_with(args, &stage.server(), token);
    assert_says(&as_bob("bans add 203.0.113.9 --ttl 1h"), 0, "is banned");
    assert_says(&as_bob("bans list"), 0, "203.0.113.9");
    assert_says(&stage.run("bans list"), 0, "No network is banned");
    assert_says(&stage.run("bans list --fleet elsewhere"), 0, "203.0.113.9");
    assert_says(&as_bob("bans list --fleet default"), 1, "no fleet");
}

#[test]
fn refusals_are_found_by_what_is_known_of_them() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.refuses(1, "203.0.113.7", "sqli/tautology", "/search");
    agent.refuses(2, "203.0.113.8", "xss/script", "/comment");
    for (args, found) in [
        ("", vec![2, 1]),
        (" --rule sqli/", vec![1]),
        (" --rule xss/script --route /comment", vec![2]),
        (" --route /search --client 203.0.113.0/24", vec![1]),
        (" --client 203.0.113.8", vec![2]),
        (" --profile shop --check sqli", vec![2, 1]),
        (" --check xss", vec![]),
        (" --profile other", vec![]),
    ] {
        let shown = stage.json(&format!("refusals{args}"));
        let ids: Vec<u64> = shown
            .as_array()
            .unwrap()
            .iter()
            .map(|one| u64::from_str_radix(one["id"].as_str().unwrap(), 16).unwrap())
            .collect();
        assert_eq!(ids, found, "{args}");
    }
    let why = stage.run("why 0000000000000001");
    assert_says(&why, 0, "sqli/tautology in query:q, score 95");
    assert!(why.out.contains("listed     as 203.0.113.7"), "{}", why.out);
}

#[test]
fn findings_are_counted_whether_they_were_refused_or_only_logged() {
    let stage = Stage::new();
    let agent = stage.agent();
    assert_says(&stage.run("findings"), 0, "Nothing was found");
    agent.refuses(1, "203.0.113.7", "sqli/tautology", "/search");
    for _ in 0..2 {
        agent.tells(serde_json::json!({
            "kind": "attack", "address": "203.0.113.8", "why": "xss", "evidence": "threshold", "peer": "socket",
            "detail": {"rule": "xss/script", "place": "query:q", "level": 3, "route": "/comment"},
        }));
    }
    let found = stage.json("findings");
    let counts: Vec<(u64, &str)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["count"].as_u64().unwrap(), row["rule"].as_str().unwrap()))
        .collect();
    assert_eq!(counts, [(2, "xss/script"), (1, "sqli/tautology")]);
    let logged = stage.run("findings --level 3 --hours 1 --rule xss/ --route /comment --check xss --profile shop");
    assert_says(&logged, 0, "logged");
    assert!(!logged.out.contains("sqli"), "{}", logged.out);
    assert_says(&stage.run("findings --level 1"), 0, "Nothing was found");
    assert_says(&stage.run("findings --hours 0"), 2, "--hours");
}

#[test]
fn profiles_are_read_compared_checked_and_replaced() {
    let stage = Stage::new();
    assert_says(&stage.run("profiles list"), 0, "shop");
    let before = stage.json("profiles get shop")["version"].as_u64().unwrap();
    let change = stage.file("change.toml", "FLOOD_RATIO = 100\n[SECURITY_CHECKS]\nsqli = 3\n");
    let diff = stage.run(&format!("profiles diff shop {}", change.display()));
    assert_says(&diff, 1, "+ FLOOD_RATIO: 100");
    assert!(
        diff.err
            .contains("protects less: SECURITY_CHECKS.sqli: 2 (ban) -> 3 (log)"),
        "{}",
        diff.err
    );
    let done = stage.run(&format!("profiles set shop {} --merge", change.display()));
    assert_says(&done, 0, &format!("shop is at version {}", before + 1));
    let config = &stage.json("profiles get shop")["config"];
    assert_eq!(
        (config["FLOOD_RATIO"].as_u64(), config["APP_NAME"].as_str()),
        (Some(100), Some("shop"))
    );
    assert_eq!(
        stage.run(&format!("profiles diff shop {}", change.display())).code,
        1,
        "APP_NAME is not in it"
    );

    let wrong = stage.file("wrong.json", r#"{"FLOOD_RATIO": "many"}"#);
    assert_says(
        &stage.run(&format!("profiles set shop {}", wrong.display())),
        2,
        "FLOOD_RATIO is \"many\"",
    );
    let odd = stage.file("odd.json", r#"{"APP_NAME": "shop", "FLOOD_RATION": 7}"#);
    assert_says(
        &stage.run(&format!("profiles set shop {}", odd.display())),
        1,
        "did you mean FLOOD_RATIO?",
    );
    assert_says(&stage.run("profiles get blog"), 1, "no profile");
    assert_says(&stage.run("profiles get ../admin"), 2, "is no name of a profile");
}

#[test]
fn a_configuration_is_gone_back_to() {
    let stage = Stage::new();
    let version = |ratio: u64| {
        stage.file("shop.toml", &format!("APP_NAME = \"shop\"\nFLOOD_RATIO = {ratio}\n"));
        assert_says(&stage.run("profiles set shop shop.toml"), 0, "shop is at version");
        stage.json("profiles get shop")["version"].as_u64().unwrap()
    };
    let ratio = || stage.json("profiles get shop")["config"]["FLOOD_RATIO"].clone();
    assert_says(
        &stage.run("profiles rollback shop"),
        2,
        "no version was in force before",
    );
    assert_says(&stage.run("profiles reset shop"), 1, "there is nothing to drop");
    let (first, _) = (version(100), version(200));
    assert_says(&stage.run("profiles rollback shop"), 0, "shop is at version");
    assert_eq!(ratio(), 100);
    let shown = stage.run("profiles versions shop");
    assert_says(&shown, 0, "in force");
    assert_eq!(shown.out.lines().count(), 5, "{}", shown.out);
    version(300);
    assert_says(
        &stage.run(&format!("profiles rollback shop --version {first}")),
        0,
        "shop is at version",
    );
    assert_eq!(ratio(), 100);
    assert_says(&stage.run("profiles rollback shop --version 7"), 1, "is not kept");
    // what is null goes, and all else stays
    let drop = stage.file("drop.json", r#"{"FLOOD_RATIO": null, "HOSTS": ["shop.example.com"]}"#);
    let dropped = stage.run(&format!("profiles set shop {} --merge", drop.display()));
    assert_says(&dropped, 0, "shop is at version");
    let config = stage.json("profiles get shop")["config"].clone();
    assert_eq!(
        (&config["FLOOD_RATIO"], config["APP_NAME"].as_str()),
        (&Value::Null, Some("shop"))
    );
    assert_says(&stage.run("profiles reset shop"), 0, "shop is at version");
    assert_eq!(stage.json("profiles get shop")["source"], "file");
}

#[test]
fn what_is_proposed_is_decided() {
    let stage = Stage::new();
    let agent = stage.agent();
    assert_says(&stage.run("proposals list"), 0, "Nothing is proposed");
    for client in ["192.0.2.40", "192.0.2.41"] {
        agent.tells(serde_json::json!({
            "kind": "ban", "address": client, "ttl_s": 3_600, "why": "xss", "evidence": "repeated", "peer": "socket",
        }));
    }
    assert_says(&stage.run("proposals list"), 0, "192.0.2.41");
    assert_says(&stage.run("bans list"), 0, "No network is banned");
    assert_says(
        &stage.run("proposals ban 192.0.2.40"),
        0,
        "is banned as 192.0.2.40, for another 1h: xss (by operator",
    );
    assert_says(
        &stage.run("proposals dismiss 192.0.2.41"),
        0,
        "192.0.2.41 is proposed no more",
    );
    assert_says(&stage.run("proposals dismiss 192.0.2.41"), 1, "nothing is proposed");
    assert_eq!(stage.run("bans export").out, "192.0.2.40\n");
}

#[test]
fn a_backup_is_a_private_file_that_is_there_once_it_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::with(ServerConfig {
        data_dir: Some(data.path().join("data")),
        ..config()
    });
    stage.run("bans add 203.0.113.9 --ttl 1h");
    assert_says(&stage.run("backup fleet.zst"), 0, "fleet.zst holds a backup of");
    let file = stage.home.path().join("fleet.zst");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_says(&stage.run("backup fleet.zst"), 2, "it is there");
    let restored = buckler_server::backup::restore(&file, &data.path().join("again")).unwrap();
    assert_eq!(restored.fleets, [("default".into(), 1)]);
    let view = stage.run("tokens create alice --role view");
    let refused = stage.run_with("backup other.zst", &stage.server(), view.out.trim());
    assert_says(&refused, 4, "takes the role admin");
    let memory = Stage::new();
    assert_says(&memory.run("backup fleet.zst"), 1, "keeps everything in memory");
    for (stage, name) in [(&stage, "other.zst"), (&memory, "fleet.zst")] {
        let left: Vec<_> = fs::read_dir(stage.home.path())
            .unwrap()
            .map(|one| one.unwrap().file_name())
            .collect();
        let is_left = |left: &std::ffi::OsString| left.to_string_lossy().starts_with(name);
        assert!(!left.iter().any(is_left), "{left:?}");
    }
}

#[test]
fn who_asks_wrongly_learns_what_is_wrong() {
    let stage = Stage::new();
    assert_says(&stage.run_with("status", "", TOKEN), 2, "--server, BUCKLERCTL_SERVER");
    assert_says(&stage.run_with("status", &stage.server(), ""), 2, "BUCKLERCTL_TOKEN");
    assert_says(
        &stage.run_with("status", &stage.server(), "wrong"),
        4,
        "does not take the token",
    );
    assert_says(
        &stage.run_with("status", "http://127.0.0.1:9", TOKEN),
        3,
        "cannot be reached",
    );
    assert_says(&stage.run_with("status", "127.0.0.1", TOKEN), 2, "is no server");
    assert_says(&stage.run("why 12"), 2, "16 hexadecimal digits");
    assert_says(&stage.run("why 0123456789abcdef"), 1, "no refusal");
    assert_says(&stage.run("refusals"), 0, "No refusals");
    assert_says(&stage.run("agents --unwell"), 0, "All agents are well");
    assert_says(&stage.run("tail --every 1 --looks 1"), 0, "");
}

#[test]
fn server_and_token_may_stand_in_a_file() {
    let stage = Stage::new();
    let config = stage.home.path().join(".config");
    fs::create_dir(&config).unwrap();
    fs::write(config.join("token"), TOKEN).unwrap();
    let text = format!("server = \"{}\"\ntoken_file = \"token\"\n", stage.server());
    fs::write(config.join("bucklerctl.toml"), text).unwrap();
    assert_says(
        &stage.run_with("status", "", ""),
        0,
        "agents   0 online, 0 late, 0 gone",
    );
    assert_says(&stage.run_with("status", "", "wrong"), 4, "token");
}

#[test]
fn the_doctor_tells_what_is_wrong() {
    let stage = Stage::new();
    let well = stage.run("doctor");
    assert_says(&well, 0, "answers and takes the token");
    assert!(!well.out.contains("WRONG"), "{}", well.out);
    assert_says(
        &stage.run_with("doctor", "http://127.0.0.1:9", TOKEN),
        1,
        "WRONG  http://127.0.0.1:9 cannot be reached",
    );
    let settings = stage.file(
        "buckler.toml",
        "[agent]\ncloud_url = \"http://127.0.0.1:9/config\"\nkey = \"x\"\nenforce = false\n",
    );
    let ill = stage.run(&format!("doctor --settings {}", settings.display()));
    assert_says(&ill, 1, "WRONG  agent.cloud_url: the server cannot be reached");
    assert!(ill.out.contains("agent.enforce is false"), "{}", ill.out);
    let settings = stage.file("wrong.toml", "[agent]\nkeyy = 7\n");
    assert_says(
        &stage.run(&format!("doctor --settings {}", settings.display())),
        1,
        "did you mean key?",
    );
}

#[test]
fn completions_and_the_manual_are_made() {
    let stage = Stage::new();
    assert_says(&stage.run("completions bash"), 0, "_bucklerctl");
    assert_says(&stage.run("man"), 0, ".TH bucklerctl");
}
