//! A server that is stopped and started again on the same directory.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use awc::http::Method;
use buckler::{
    clock::Clock,
    protocol::v2::{EventKind, Flag, ListMode},
};
use buckler_server::{Profile, Server, ServerConfig, backup};
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY, TestClock, config};

impl Cloud {
    /// Starts a server that keeps what it knows there.
    fn keeping(data_dir: &Path, clock: &Arc<TestClock>) -> Self {
        Self::start_at(config().data_dir(data_dir), "127.0.0.1:0", Arc::clone(clock))
    }

    fn stop(self) {
        self.server.stop(Duration::from_secs(5));
    }
}

async fn head(cloud: &Cloud) -> Value {
    let mut page = cloud.admin(Method::GET, "/admin/blacklist", &Value::Null).await.good();
    page.as_object_mut().unwrap().remove("entries");
    page
}

async fn profile(cloud: &Cloud) -> Value {
    let path = "/admin/profiles/shop/config";
    cloud.admin(Method::GET, path, &Value::Null).await.good()
}

#[actix_web::test]
async fn a_restarted_server_goes_on_where_it_was() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let data_dir = directory.path().join("data");
    let cloud = Cloud::keeping(&data_dir, &clock);
    let mut agent = Agent::new();
    agent.ban("203.0.113.1", clock.unix());
    agent.ban("203.0.113.2", clock.unix());
    assert_eq!(agent.register(&cloud).await.ack, Some(2));
    agent.trim(2);
    cloud.operator_bans("198.51.100.0/24", None).await;
    let mut behind = Agent::new();
    behind.part.have.list = cursor(&head(&cloud).await);
    cloud.operator_bans("203.0.113.3", Some(600)).await;
    cloud.operator_unbans("203.0.113.2").await.good();
    agent.event(EventKind::Ban, "203.0.113.4", clock.unix(), 0);
    assert_eq!(agent.beacon(&cloud).await.nack.len(), 1, "it is over");
    let put = json!({"APP_NAME": "replaced", "BLACKLIST_SHARE": true});
    cloud
        .admin(Method::PUT, "/admin/profiles/shop/config", &put)
        .await
        .good();
    let (before, known, by_api) = (head(&cloud).await, cloud.agents().await, profile(&cloud).await);
    assert_eq!(
        (&by_api["source"], &by_api["config"]["APP_NAME"]),
        (&json!("api"), &json!("replaced"))
    );
    cloud.stop();

    clock.pass(100);
    let cloud = Cloud::keeping(&data_dir, &clock);
    assert_eq!(head(&cloud).await, before, "the same epoch, revision and digest");
    assert_eq!(profile(&cloud).await, by_api, "with the same version");
    // the last report was answered, and its agent did not hear it
    let again = agent.beacon(&cloud).await;
    assert_eq!((again.ack, again.nack.len()), (Some(3), 0));
    assert_eq!(again.flags, [Flag::RegisterAgain], "who it is is asked for again");
    let now = cloud.agents().await;
    assert_eq!(now[0]["shared"], known[0]["shared"], "nothing counts twice");
    assert_eq!(now[0]["missing"], 0);
    assert_eq!(head(&cloud).await["rev"], before["rev"]);

    let mut in_step = Agent::new();
    in_step.part.have.list = cursor(&before);
    assert_eq!(in_step.register(&cloud).await.list.unwrap().mode, ListMode::None);
    let delta = behind.register(&cloud).await.list.unwrap();
    assert_eq!(delta.mode, ListMode::Delta);
    assert_eq!(
        delta.add,
        [("203.0.113.3".to_owned(), 500)],
        "with the time that passed meanwhile"
    );
    assert_eq!(delta.remove, ["203.0.113.2"]);
    let mut late = Agent::new();
    late.ban("203.0.113.2", clock.unix() - 101);
    assert_eq!(
        late.register(&cloud).await.nack[0].code,
        "unbanned",
        "the unban is remembered"
    );
    cloud.operator_bans("203.0.113.5", Some(60)).await;
    cloud.stop();

    clock.pass(61);
    let cloud = Cloud::keeping(&data_dir, &clock);
    assert!(
        !cloud.listed().await.contains(&"203.0.113.5".to_owned()),
        "it has ended"
    );
    assert_eq!(head(&cloud).await["epoch"], before["epoch"]);
    cloud.stop();
}

fn cursor(head: &Value) -> Option<buckler::protocol::v2::ListCursor> {
    serde_json::from_value(head.clone()).ok()
}

#[actix_web::test]
async fn what_is_kept_is_for_the_servers_user_alone_and_for_one_server() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let data_dir = directory.path().join("var").join("buckler");
    let cloud = Cloud::keeping(&data_dir, &clock);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&data_dir), 0o700);
    for file in fs::read_dir(&data_dir).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    let second = Server::builder(config().data_dir(&data_dir))
        .listen("127.0.0.1:0")
        .start();
    let refused = second.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("another process uses it"), "{refused}");
    cloud.stop();
    Cloud::keeping(&data_dir, &clock).stop();

    let open = directory.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = Server::builder(config().data_dir(&open))
        .start()
        .map(|_| ())
        .unwrap_err();
    assert!(refused.to_string().contains("chmod o-w"), "{refused}");
    let (planted, precious) = (directory.path().join("planted"), directory.path().join("precious"));
    fs::create_dir(&planted).unwrap();
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, planted.join("buckler.redb")).unwrap();
    assert!(Server::builder(config().data_dir(&planted)).start().is_err());
    assert_eq!(
        fs::read_to_string(&precious).unwrap(),
        "precious",
        "no link is followed"
    );

    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let nowhere = Server::builder(config().data_dir(file.join("data"))).listen("127.0.0.1:0");
    let refused = nowhere.start().map(|_| ()).unwrap_err().to_string();
    assert!(
        refused.contains("data_dir") && refused.contains("memory = true"),
        "{refused}"
    );
}

#[actix_web::test]
async fn a_damaged_file_is_set_aside_and_the_server_begins_anew() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let cloud = Cloud::keeping(directory.path(), &clock);
    cloud.operator_bans("203.0.113.1", Some(600)).await;
    let before = head(&cloud).await;
    cloud.stop();
    let file = directory.path().join("buckler.redb");
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    // everywhere but in the head: pages that are used and pages that are not
    for byte in flipped.iter_mut().skip(4_096).step_by(97) {
        *byte ^= 0x55;
    }
    for (n, damaged) in [
        flipped,
        b"no database at all".to_vec(),
        whole[..whole.len() / 2].to_vec(),
    ]
    .iter()
    .enumerate()
    {
        fs::write(&file, damaged).unwrap();
        let cloud = Cloud::keeping(directory.path(), &clock);
        let now = head(&cloud).await;
        assert_eq!((&now["count"], &now["rev"]), (&json!(0), &json!(0)));
        assert_ne!(now["epoch"], before["epoch"], "agents notice");
        cloud.operator_bans("203.0.113.9", Some(600)).await;
        cloud.stop();
        let aside = directory.path().join(format!("buckler.redb.damaged-{}", n + 1));
        assert_eq!(&fs::read(aside).unwrap(), damaged, "nothing is thrown away");
    }
    fs::write(&file, whole).unwrap();
    let cloud = Cloud::keeping(directory.path(), &clock);
    assert_eq!(head(&cloud).await, before);
    cloud.stop();
}

#[actix_web::test]
async fn a_backup_is_fetched_from_a_running_server_and_restored() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    let cloud = Cloud::keeping(&from, &clock);
    let mut agent = Agent::new();
    agent.ban("203.0.113.1", clock.unix());
    agent.register(&cloud).await;
    cloud.operator_bans("203.0.113.2", Some(600)).await;
    cloud
        .admin(
            Method::PUT,
            "/admin/profiles/shop/config",
            &json!({"APP_NAME": "replaced"}),
        )
        .await
        .good();
    let before = head(&cloud).await;
    let fetched = awc::Client::default()
        .get(cloud.url("/admin/backup"))
        .insert_header(("authorization", format!("Bearer {}", crate::support::TOKEN)))
        .send();
    let mut answer = fetched.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("content-type").unwrap(), "application/zstd");
    let body = answer.body().await.unwrap();
    cloud.send(Method::GET, "/admin/backup", &[], b"").await.refused(401);
    cloud.operator_bans("203.0.113.3", Some(600)).await;
    cloud.stop();

    let file = directory.path().join("backup.zst");
    fs::write(&file, &body).unwrap();
    backup::restore(&file, &to).unwrap();
    let cloud = Cloud::keeping(&to, &clock);
    let now = head(&cloud).await;
    assert_ne!(now["epoch"], before["epoch"], "agents that know more fetch the list");
    assert_eq!((&now["count"], &now["digest"]), (&before["count"], &before["digest"]));
    assert_eq!(cloud.listed().await, ["203.0.113.1", "203.0.113.2"]);
    assert_eq!(profile(&cloud).await["source"], "api");
    agent.part.have.list = cursor(&before);
    let again = agent.register(&cloud).await;
    assert_eq!((again.ack, again.list.unwrap().mode), (Some(1), ListMode::Snapshot));
    assert_eq!(cloud.agents().await[0]["shared"]["bans"], 1, "marks are restored too");
    cloud.stop();

    let in_memory = Cloud::start(config());
    let refused = in_memory.admin(Method::GET, "/admin/backup", &Value::Null).await;
    assert!(refused.refused(409).contains("data_dir"));
}

/// A server whose profile `shop` says this.
fn with_profile(data_dir: &Path, clock: &Arc<TestClock>, shop: Profile) -> Cloud {
    let config = ServerConfig::new()
        .profile("shop", shop)
        .admin_token(crate::support::TOKEN)
        .data_dir(data_dir);
    let server = Server::builder(config)
        .listen("127.0.0.1:0")
        .clock(Arc::clone(clock) as Arc<dyn Clock>)
        .start()
        .unwrap();
    Cloud {
        server,
        clock: Arc::clone(clock),
    }
}

#[actix_web::test]
async fn the_file_wins_over_the_api_once_it_changes_that_profile() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let shop = |name: &str| Profile::for_key(KEY).set("APP_NAME", name);
    let shown = |profile: &Value| {
        let version = profile["version"].as_u64().unwrap();
        (
            profile["source"].as_str().unwrap().to_owned(),
            profile["config"]["APP_NAME"].clone(),
            version,
        )
    };
    let cloud = with_profile(directory.path(), &clock, shop("first"));
    let (source, name, first) = shown(&profile(&cloud).await);
    assert_eq!((source.as_str(), name), ("file", json!("first")));
    cloud
        .admin(
            Method::PUT,
            "/admin/profiles/shop/config",
            &json!({"APP_NAME": "by api"}),
        )
        .await
        .good();
    let (_, _, second) = shown(&profile(&cloud).await);
    assert!(second > first);
    cloud.stop();

    // a key or a fleet that the file changes is no change of the configuration
    clock.pass(50);
    let cloud = with_profile(directory.path(), &clock, shop("first").key("another").fleet("other"));
    assert_eq!(
        shown(&profile(&cloud).await),
        ("api".to_owned(), json!("by api"), second)
    );
    assert_eq!(profile(&cloud).await["fleet"], "other");
    cloud.stop();

    let cloud = with_profile(directory.path(), &clock, shop("changed"));
    let (source, name, third) = shown(&profile(&cloud).await);
    assert_eq!((source.as_str(), name), ("file", json!("changed")));
    assert!(third > second, "a version never comes twice");
    cloud.stop();

    // nor does it return with what the file said before
    let cloud = with_profile(directory.path(), &clock, shop("first"));
    let (source, name, fourth) = shown(&profile(&cloud).await);
    assert_eq!((source.as_str(), name), ("file", json!("first")));
    assert!(fourth > third);
    cloud.stop();
}

#[actix_web::test]
async fn a_damaged_file_costs_no_more_than_what_came_after_the_last_backup() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
    let config = ServerConfig {
        backup_every_s: std::num::NonZeroU32::MIN,
        ..config().data_dir(directory.path())
    };
    let cloud = Cloud::start_at(config.clone(), "127.0.0.1:0", Arc::clone(&clock));
    cloud.operator_bans("203.0.113.1", Some(600)).await;
    let backup = directory.path().join("buckler.backup");
    let restored = || {
        let probe = tempfile::tempdir().unwrap();
        let summary = backup::restore(&backup, probe.path());
        summary.is_ok_and(|summary| summary.fleets.iter().any(|(_, entries)| *entries == 1))
    };
    let written = async {
        while !restored() {
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let written = actix_web::rt::time::timeout(Duration::from_secs(20), written);
    written.await.expect("no backup is written");
    let before = head(&cloud).await;
    cloud.stop();
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o7777, 0o600);

    fs::write(directory.path().join("buckler.redb"), "no database at all").unwrap();
    let cloud = Cloud::start_at(config, "127.0.0.1:0", clock);
    let now = head(&cloud).await;
    assert_eq!(cloud.listed().await, ["203.0.113.1"]);
    assert_eq!((&now["count"], &now["digest"]), (&before["count"], &before["digest"]));
    assert_ne!(now["epoch"], before["epoch"]);
    cloud.stop();
}
