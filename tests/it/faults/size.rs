//! Too much of everything: memory stays bounded. Each is measured in a process of its own.

use std::{env, ops::Range, sync::Arc, time::Duration};

use buckler::{
    clock::{Clock, SystemClock},
    testing::ManualClock,
};
use buckler_server::{
    Moment, Profile, Server, ServerConfig, Store,
    store::{Command, Record, new_epoch},
};
use buckler_tests::fault::{Answer, Script, Upgrade};

use super::survives_with;
use crate::{
    child::{self, peak_memory},
    judged::{lets_in, source},
    rig::{HTTP_POLLING, Rig, WEBSOCKET, over_both_transports},
    site::{KEY, Site, local, settings},
};

over_both_transports! {
    a_bomb_does_not_fill_the_memory,
    too_much_does_not_fill_the_memory,
    a_million_entries_are_followed,
}

/// Which transport a child is to use.
const RIG: &str = "BUCKLER_TEST_RIG";

fn alone(rig: Rig, test: &str) {
    let mut command = child::command(test);
    command.env(RIG, rig.kind);
    child::passes(command);
}

fn rig() -> Rig {
    match env::var(RIG).as_deref() {
        Ok("websocket") => WEBSOCKET,
        _ => HTTP_POLLING,
    }
}

/// Holds what happens to this much more memory than there is now.
#[track_caller]
fn within(mib: u64, happens: impl FnOnce()) {
    let before = peak_memory();
    happens();
    let grown = (peak_memory() - before) >> 20;
    assert!(grown < mib, "grew by {grown} MiB, allowed are {mib}");
}

fn a_bomb_does_not_fill_the_memory(rig: Rig) {
    alone(rig, "faults::size::bomb_alone");
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn bomb_alone() {
    // unpacked it is 256 MiB; the cap is 32 MiB, and a buffer that grows may be twice as large for a moment
    let bomb = Answer::gzip_bomb(256 << 20);
    within(128, || {
        drop(survives_with(rig(), Script::always(bomb).upgrading(Upgrade::new())))
    });
}

fn too_much_does_not_fill_the_memory(rig: Rig) {
    alone(rig, "faults::size::too_much_alone");
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn too_much_alone() {
    let answer = Answer::new(200)
        .header("Content-Type", "application/json")
        .spaces(2_000 << 20);
    within(128, || {
        drop(survives_with(rig(), Script::always(answer).upgrading(Upgrade::new())))
    });
}

/// Entries of a long list.
const MILLION: u32 = 1_000_000;

fn a_million_entries_are_followed(rig: Rig) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let profile = Profile::for_key(KEY)
        .set("BEACON_DELAY", 1)
        .set("BLACKLIST_SHARE", true);
    let server = Server::builder(ServerConfig::new().profile("shop", profile))
        .listen("127.0.0.1:0")
        .clock(clock)
        .store(move |rules| {
            let mut store = Store::new(rules);
            let found = Command::Found {
                fleet: "default".into(),
                epoch: new_epoch(),
            };
            store.apply(&Record::new(Moment::default(), vec![found]));
            for n in 0..MILLION {
                let ban = Command::Ban {
                    fleet: "default".into(),
                    network: source(n).into(),
                    ttl_s: None,
                    why: "long".to_owned(),
                };
                store.apply(&Record::new(Moment::default(), vec![ban]));
            }
            store
        });
    let server = server.start().unwrap();
    let mut command = child::command("faults::size::million_alone");
    command
        .env(RIG, rig.kind)
        .env("BUCKLER_TEST_CLOUD", server.cloud_url().as_str());
    child::passes(command);
    server.stop(Duration::from_secs(5));
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn million_alone() {
    let site = Site::over(
        rig(),
        settings(&env::var("BUCKLER_TEST_CLOUD").unwrap()),
        &ManualClock::new(),
    );
    // the list itself, twice while a page is added to it, and the messages that it comes in
    within(192, || {
        site.wait_until("the list is in force", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            site.agent.status().list.shared == MILLION as usize
        });
    });
    let guard = site.agent.guard();
    site.wait_until("the guard goes by it", || {
        !lets_in(&guard, "/", source(0)) && !lets_in(&guard, "/", source(MILLION - 1))
    });
    assert!(lets_in(&guard, "/", source(MILLION)));
    assert!(
        site.agent.status().list.memory_bytes < 64 << 20,
        "{:?}",
        site.agent.status().list
    );
}

/// Threads that ask the guard.
const THREADS: u32 = 2;

/// Sources after which the guard has all that it ever takes: its table has 2^18 slots.
const WARM: u32 = 500_000;

#[test]
fn two_million_sources_do_not_fill_the_memory() {
    child::passes(child::command("faults::size::two_million_alone"));
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn two_million_alone() {
    let agent = buckler_actix_web::start(
        local()
            .security("SECURITY_CHECKS", serde_json::json!({"flood": 2}))
            .build()
            .unwrap(),
    );
    let agent = agent.unwrap();
    let ask = |sources: Range<u32>| {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (guard, sources) = (agent.guard(), sources.clone());
                scope.spawn(move || {
                    for n in sources.skip(thread as usize).step_by(THREADS as usize) {
                        assert!(lets_in(&guard, "/", source(n)), "{n}");
                    }
                });
            }
        });
    };
    ask(0..WARM);
    // 16 bytes that were kept of each would be 22 MiB
    within(16, || ask(WARM..2_000_000));
    assert!(agent.status().events.balanced());
}
