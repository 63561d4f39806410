//! What is announced is on disk, and what becomes of an agent whose disk fails.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use buckler::{
    Agent,
    clock::Clock as _,
    model::{address::parse_network, blacklist::Digest, policy::config_hash},
    protocol::{
        Welcome,
        v2::{ConfigUpdate, ListMode, ListUpdate, Next, ServerPart},
    },
    status::StoreMode,
    testing::{DiskFault, DiskFaults, ManualClock, Script, ScriptedTransport, StateFiles, Told},
};
use crossbeam_queue::SegQueue;
use uuid::Uuid;

use super::{PATIENCE, attack, config, down, passes, reply_2, settings, wait_until, welcome_2};

/// A version 2 server's welcome, with a configuration that shares.
fn sharing() -> Welcome {
    let body = config(serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 5}));
    welcome_2(ServerPart {
        config: Some(ConfigUpdate {
            version: 1,
            hash: config_hash(&body),
            body,
            signature: None,
        }),
        ..ServerPart::default()
    })
}

fn start_on(directory: &Path, script: &Script, clock: &Arc<ManualClock>, faults: &Arc<DiskFaults>) -> Agent {
    let agent = Agent::builder(settings().state_dir(directory).build().unwrap())
        .transport(script.factory())
        .clock(Arc::clone(clock) as _)
        .disk_faults(Arc::clone(faults))
        .start();
    wait_until(&agent, "the store is open or is not", || {
        agent.status().store.mode != StoreMode::None
    });
    agent
}

/// Reads the state of a running agent from a copy, as a process would find it after a crash at this moment.
fn read_copy(directory: &Path, clock: &Arc<ManualClock>) -> Vec<(Uuid, u64)> {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory).unwrap().flatten() {
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let files = StateFiles::open(copy.path(), Arc::clone(clock) as _);
    assert_eq!(files.state().damaged, 0);
    let left = files.left().iter();
    left.flat_map(|left| left.events.iter().map(|event| (left.stream, event.seq)))
        .collect()
}

#[test]
fn an_event_is_on_disk_before_a_server_hears_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let on_disk = Arc::new(SegQueue::new());
    let mut script = {
        let (path, clock, on_disk) = (directory.path().to_owned(), Arc::clone(&clock), Arc::clone(&on_disk));
        ScriptedTransport::script(
            |_| Ok(sharing()),
            move |_| {
                on_disk.push(read_copy(&path, &clock));
                Ok(reply_2(ServerPart {
                    next: Some(Next {
                        after_ms: 5000,
                        jitter_ms: 0,
                    }),
                    ..ServerPart::default()
                }))
            },
        )
    };
    let agent = start_on(directory.path(), &script, &clock, &DiskFaults::none());
    wait_until(&agent, "the configuration is in force", || {
        agent.status().config.version == Some(1)
    });
    let mut heard = 0;
    for n in 0..5 {
        attack(&agent.guard(), &format!("203.0.113.{n}"));
        wait_until(&agent, "the event is kept", || agent.status().events.kept == n + 1);
        while heard <= n {
            clock.advance(Duration::from_secs(1));
            let Some(Told::Beacon(_, beacon)) = script.next(Duration::from_millis(50)) else {
                continue;
            };
            let part = beacon.v2.unwrap();
            let found = wait_for(&on_disk);
            for event in &part.events {
                assert!(
                    found.contains(&(part.stream, event.seq)),
                    "{event:?} was announced, and is not on disk"
                );
            }
            heard = heard.max(part.events.len() as u64);
        }
    }
}

fn wait_for<T>(queue: &SegQueue<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(item) = queue.pop() {
            return item;
        }
        #[expect(clippy::disallowed_methods, reason = "a test's patience is measured in real time")]
        let now = std::time::Instant::now();
        assert!(now < end, "the server was not asked");
        std::thread::yield_now();
    }
}

#[test]
fn a_disk_that_fails_and_comes_back_costs_nothing_that_is_in_memory() {
    for fault in [DiskFault::Full, DiskFault::ReadOnly, DiskFault::Broken] {
        let (directory, clock, faults) = (tempfile::tempdir().unwrap(), ManualClock::new(), DiskFaults::none());
        let script = ScriptedTransport::script(|_| Ok(sharing()), |_| Err(down()));
        let agent = start_on(directory.path(), &script, &clock, &faults);
        let (guard, status) = (agent.guard(), || agent.status());
        wait_until(&agent, "the configuration is in force", || {
            status().config.version == Some(1)
        });
        attack(&guard, "203.0.113.1");
        wait_until(&agent, "the first event is kept", || status().events.kept == 1);

        faults.fail_now(fault);
        attack(&guard, "203.0.113.2");
        wait_until(&agent, "it goes on from memory", || {
            status().store.mode == StoreMode::Memory
        });
        wait_until(&agent, "both wait", || {
            status().events.pending == 2 && status().events.kept == 0
        });
        assert!(status().store.problem.is_some());
        assert!(
            !passes(&guard, "203.0.113.2") && passes(&guard, "198.51.100.7"),
            "{fault:?}: the guard judges on"
        );

        faults.heal();
        wait_until(&agent, "the disk is tried again", || {
            clock.advance(Duration::from_secs(1));
            status().store.mode == StoreMode::Disk && status().events.kept == 2
        });
        let id = status().conversation.agent_id;
        assert!(agent.shutdown(Duration::from_secs(5)).kept);
        drop(agent);
        let files = StateFiles::open(directory.path(), clock as _);
        assert_eq!(files.agent_id(), Some(id));
        let seqs: Vec<u64> = files
            .left()
            .iter()
            .flat_map(|left| &left.events)
            .map(|event| event.seq)
            .collect();
        assert_eq!((seqs, files.banned().count()), (vec![1, 2], 2), "{fault:?}");
    }
}

#[test]
fn a_disk_that_fails_at_the_start_holds_nothing_up() {
    let (directory, clock, faults) = (tempfile::tempdir().unwrap(), ManualClock::new(), DiskFaults::none());
    faults.fail_now(DiskFault::Broken);
    let script = ScriptedTransport::script(|_| Ok(sharing()), |_| Err(down()));
    let agent = start_on(directory.path(), &script, &clock, &faults);
    assert_eq!(agent.status().store.mode, StoreMode::Memory);
    attack(&agent.guard(), "203.0.113.1");
    wait_until(&agent, "it bans", || !passes(&agent.guard(), "203.0.113.1"));
    faults.heal();
    wait_until(&agent, "the disk is tried again", || {
        clock.advance(Duration::from_secs(1));
        agent.status().store.mode == StoreMode::Disk
    });
}

/// A history's first revision, which lists these addresses.
fn history(epoch: &str, members: &[&str], complete: bool) -> ServerPart {
    ServerPart {
        list: Some(ListUpdate {
            complete,
            mode: ListMode::Snapshot,
            epoch: epoch.to_owned(),
            from: 0,
            to: 1,
            add: members.iter().map(|text| ((*text).to_owned(), 36_000)).collect(),
            remove: vec![],
            page: 1,
            pages: 1,
            count: members.len() as u64,
            digest: Digest::of(members.iter().filter_map(|text| parse_network(text))).to_string(),
        }),
        ..sharing().v2.unwrap()
    }
}

#[test]
fn what_is_kept_of_another_history_is_on_disk_until_the_server_lets_it_in() {
    const LISTED: &str = "198.51.100.1";
    let (directory, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let is_complete = Arc::new(AtomicBool::new(false));
    let says_so = Arc::clone(&is_complete);
    let script = ScriptedTransport::script(
        |_| Ok(welcome_2(history("one", &[LISTED], false))),
        move |_| {
            let part = if says_so.load(Ordering::Relaxed) {
                history("three", &[], true)
            } else {
                history("two", &[], false)
            };
            Ok(reply_2(part))
        },
    );
    let started = clock.elapsed();
    let agent = start_on(directory.path(), &script, &clock, &DiskFaults::none());
    // a clock that runs ahead of its agent makes it silent, and it registers again
    let pass_time = || {
        let due = agent.status().conversation.due;
        if due.is_some_and(|due| started + due > clock.elapsed()) {
            clock.advance(Duration::from_secs(1));
        }
    };
    let (guard, cursor) = (agent.guard(), || agent.status().list.cursor.map(|(epoch, _)| epoch));
    wait_until(&agent, "another history is begun", || {
        pass_time();
        cursor().as_deref() == Some("two")
    });
    assert!(!passes(&guard, LISTED));
    let copied = || {
        let copy = tempfile::tempdir()?;
        for file in fs::read_dir(directory.path())?.flatten() {
            fs::copy(file.path(), copy.path().join(file.file_name()))?;
        }
        io::Result::Ok(copy)
    };
    // a file that is being replaced bears another name for a moment
    let copy = std::iter::repeat_with(copied).find_map(Result::ok).unwrap();
    let left = StateFiles::open(copy.path(), Arc::clone(&clock) as _);
    assert_eq!(left.banned().collect::<Vec<_>>(), [parse_network(LISTED).unwrap()]);

    is_complete.store(true, Ordering::Relaxed);
    wait_until(&agent, "the server says that its list is complete", || {
        pass_time();
        cursor().as_deref() == Some("three")
    });
    assert!(passes(&guard, LISTED));
    assert!(agent.shutdown(Duration::from_secs(5)).kept);
    drop(agent);
    assert_eq!(StateFiles::open(directory.path(), clock as _).banned().count(), 0);
}
