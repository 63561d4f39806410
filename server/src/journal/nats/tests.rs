//! The journal on a real engine, as one node uses it and as several do.

use std::fs;

use buckler_tests::{
    nats::{Nats, PASSWORD},
    wait::until,
};

use super::{chain::Link, options::secret, *};
use crate::{
    config,
    journal::conformance::{conforms, load, record, tail},
};

/// One server of the engine, in a directory.
struct Setting {
    directory: tempfile::TempDir,
    nats: Nats,
}

impl Setting {
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let nats = Nats::start(1, directory.path())?;
        fs::write(directory.path().join("password"), PASSWORD).unwrap();
        Some(Self { directory, nats })
    }

    fn options(&self, shard: &str) -> NatsOptions {
        let config = config::JournalConfig {
            urls: self.nats.urls(),
            user: Some("buckler".to_owned()),
            password_file: Some(self.directory.path().join("password")),
            shard: shard.to_owned(),
            replicas: std::num::NonZeroUsize::MIN,
            monitor_urls: self.nats.monitors(),
            ..config::JournalConfig::default()
        };
        NatsOptions::new(&config).unwrap()
    }

    fn node(&self, shard: &str, name: &str) -> NatsJournal {
        NatsJournal::open(self.options(shard), &self.directory.path().join(name)).unwrap()
    }
}

/// What other nodes wrote, once there is so much of it.
fn others(journal: &mut NatsJournal, most: usize) -> Vec<(Position, Other)> {
    let mut found = Vec::new();
    until("records of another node", || {
        journal
            .others(Position::MAX, &mut |position, other| {
                found.push((position, other));
                Ok(())
            })
            .unwrap();
        found.len() >= most
    });
    found
}

fn positions(found: &[(Position, Other)]) -> Vec<Position> {
    found.iter().map(|(position, ..)| *position).collect()
}

#[test]
fn the_journal_on_jetstream_conforms() {
    let Some(setting) = Setting::new() else { return };
    let open = || Box::new(setting.node("conformance", "node"));
    conforms(open(), &|journal| {
        drop(journal);
        open()
    });
    assert_eq!(
        open().warnings(),
        Vec::<String>::new(),
        "the example configuration is as it should be"
    );
}

#[test]
fn two_nodes_read_one_order_and_each_record_once() {
    let Some(setting) = Setting::new() else { return };
    let (mut one, mut other) = (setting.node("order", "one"), setting.node("order", "other"));
    assert_eq!(one.append(&record(1)), Ok(1));
    // what stands before its own record is given before it takes effect
    assert_eq!(other.append(&record(2)), Ok(2));
    assert_eq!(positions(&others(&mut other, 1)), [1]);
    assert_eq!(positions(&others(&mut one, 1)), [2]);
    let writers = [one, other].map(|mut node| {
        std::thread::spawn(move || {
            let (mut order, mut own) = (Vec::new(), 0);
            while own < 20 {
                let at = node.append(&record(own)).unwrap();
                node.others(at, &mut |position, _| {
                    order.push(position);
                    Ok(())
                })
                .unwrap();
                order.push(at);
                own += 1;
            }
            let left = 40 - order.len();
            order.extend(positions(&others(&mut node, left)));
            (order, node)
        })
    });
    let orders: Vec<Vec<Position>> = writers.into_iter().map(|writer| writer.join().unwrap().0).collect();
    let all: Vec<Position> = (3..=42).collect();
    assert_eq!(orders, [all.clone(), all]);
    // a record that is said again under its number is there once
    let mut third = setting.node("order", "third");
    let (node, last) = (Uuid::new_v4(), tail(&third, 41));
    let bytes = wire::encode((node, 1, third.stream), (0, Link::default()), None, &last[0].1).unwrap();
    for _ in 0..3 {
        let (id, stream) = (format!("{node}:1"), third.options.stream());
        third.engine.publish(1, &id, &stream, bytes.clone()).unwrap();
    }
    until("the record", || third.engine.bounds().unwrap().last >= 43);
    assert_eq!(third.append(&record(9)), Ok(44), "nothing came twice");
}

#[test]
fn a_node_that_begins_with_nothing_goes_on_from_a_snapshot() {
    let Some(setting) = Setting::new() else { return };
    let mut one = setting.node("snapshots", "one");
    for n in 1..=5 {
        one.append(&record(n)).unwrap();
    }
    let row = crate::store::Row::Now(crate::Moment::default());
    let key = row.key().into_bytes();
    one.checkpoint(3, &[(key.clone(), Some(row.value().unwrap()))]).unwrap();
    let file = setting.directory.path().join("backup");
    let position = crate::backup::write_whole(&*one.frozen().unwrap().unwrap(), &file).unwrap();
    one.share(&file, position);
    let fetched = setting.directory.path().join("fetched");
    let of = (one.stream, 5);
    until("a snapshot", || {
        one.engine.fetch(fetched.clone(), of).unwrap().is_some()
    });
    // those of another stream, and of records that this one has forgotten, are of no use
    for (made, position) in [(one.stream - 1, 4), (one.stream, 99)] {
        let name = snapshots::name(made, position, Link::default());
        one.engine.share(file.clone(), name).recv().unwrap().unwrap();
    }
    let newcomer = setting.node("snapshots", "newcomer");
    assert_eq!(load(&newcomer), (3, vec![(key, row.value().unwrap())]));
    let after: Vec<Position> = tail(&newcomer, 3).iter().map(|(position, _)| *position).collect();
    assert_eq!(after, [4, 5]);
    assert!(!newcomer.is_renewed());
    // and are gone with the next
    one.share(&file, position);
    let forgotten = (one.stream, Position::MAX);
    until("the forgotten is gone", || {
        // it may be removed while it is read
        let name = one.engine.fetch(fetched.clone(), forgotten).ok().flatten();
        name.and_then(|name| snapshots::parsed(&name))
            .is_some_and(|(_, position, _)| position == 3)
    });
}

/// What is done with the engine as no operator should.
fn with_engine<F: Future<Output = ()>>(setting: &Setting, act: impl FnOnce(async_nats::jetstream::Context) -> F) {
    let options = setting.options("");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (user, password) = options.user().unwrap().unwrap();
        let client = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = client.connect(options.urls.clone()).await.unwrap();
        act(async_nats::jetstream::new(client)).await;
    });
}

#[test]
fn a_snapshot_whose_bytes_are_gone_holds_up_no_start_and_the_one_before_is_read() {
    let Some(setting) = Setting::new() else { return };
    let mut node = setting.node("torn", "node");
    for n in 1..=2 {
        node.append(&record(n)).unwrap();
    }
    let file = setting.directory.path().join("snapshot");
    fs::write(&file, "rows").unwrap();
    let [older, newer] = [1, 2].map(|position| snapshots::name(node.stream, position, Link::default()));
    for name in [&older, &newer] {
        node.engine.share(file.clone(), name.clone()).recv().unwrap().unwrap();
    }
    with_engine(&setting, async |context| {
        let bucket = setting.options("torn").bucket();
        let store = context.get_object_store(&bucket).await.unwrap();
        let nuid = store.info(&newer).await.unwrap().nuid;
        let stream = context.get_stream(format!("OBJ_{bucket}")).await.unwrap();
        let chunks = format!("$O.{bucket}.C.{nuid}");
        assert!(stream.purge().filter(chunks).await.unwrap().purged > 0);
    });
    let into = setting.directory.path().join("fetched");
    let fetched = node.engine.fetch(into.clone(), (node.stream, Position::MAX)).unwrap();
    assert_eq!((fetched, &*fs::read_to_string(into).unwrap()), (Some(older), "rows"));
}

/// Deletes the stream.
fn delete(setting: &Setting, shard: &str) {
    let stream = setting.options(shard).stream();
    with_engine(setting, async |context| {
        context.delete_stream(stream).await.unwrap();
    });
}

#[test]
fn a_stream_that_is_another_is_noticed_and_what_a_node_has_kept_begins_an_empty_one() {
    let Some(setting) = Setting::new() else { return };
    let (mut one, mut other) = (setting.node("lost", "one"), setting.node("lost", "other"));
    for n in 1..=4 {
        one.append(&record(n)).unwrap();
    }
    assert_eq!(others(&mut other, 4).len(), 4);
    for node in [&mut one, &mut other] {
        node.checkpoint(4, &[]).unwrap();
    }
    delete(&setting, "lost");
    drop(one);
    // the first begins the stream with what it has, and the others find that
    let mut one = setting.node("lost", "one");
    assert!(one.is_renewed());
    assert_eq!(one.append(&record(5)), Ok(1));
    let since = Instant::now();
    let noticed = loop {
        match other.others(Position::MAX, &mut |_, _| Ok(())) {
            Err(JournalError::Damaged(problem)) => break problem,
            Ok(()) | Err(_) => assert!(since.elapsed() < Duration::from_secs(60)),
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    assert!(
        noticed.contains("another stream") || noticed.contains("ends with record"),
        "{noticed}"
    );
    let refused = other.append(&record(6)).unwrap_err();
    assert!(matches!(refused, JournalError::Damaged(_)), "{refused}");
    drop(other);
    let other = setting.node("lost", "other");
    assert_eq!(load(&other).0, 0, "with the snapshot of the first");
    assert_eq!(tail(&other, 0).len(), 1);
}

#[test]
fn a_record_whose_writer_read_another_log_is_not_applied() {
    let Some(setting) = Setting::new() else { return };
    let (mut one, other) = (setting.node("forked", "one"), setting.node("forked", "other"));
    one.append(&record(1)).unwrap();
    let forked = Link::default().next(b"what no other node has read");
    let bytes = wire::encode((other.node, 1, other.stream), (1, forked), None, &record(2)).unwrap();
    other
        .engine
        .publish(1, "forked", &other.options.stream(), bytes)
        .unwrap();
    let mut said = Ok(());
    until("the record", || {
        said = one.others(Position::MAX, &mut |position, _| panic!("record {position} was given"));
        said.is_err()
    });
    let Err(JournalError::Damaged(problem)) = said else {
        panic!("{said:?}");
    };
    assert!(problem.contains("another log"), "{problem}");
    assert!(one.append(&record(3)).is_err() && one.reopen().is_err());
    // a checkpoint that comes later changes nothing of that
    one.checkpoint(1, &[]).unwrap();
    drop(one);
    let one = setting.node("forked", "one");
    assert!(one.is_renewed(), "agents may know more than the stream does");
    assert!(!setting.node("forked", "newcomer").is_renewed());
}

#[test]
fn what_was_written_for_another_stream_is_passed_over_by_all() {
    let Some(setting) = Setting::new() else { return };
    let mut nodes = ["one", "two"].map(|name| setting.node("others", name));
    let [one, _] = &mut nodes;
    one.append(&record(1)).unwrap();
    let (_, link) = one.chain.borrow().newest();
    let publish = |no: u64, stream: u64, after: Position| {
        let by = (Uuid::new_v4(), no, stream);
        let bytes = wire::encode(by, (after, link), Some((after, 9)), &record(2)).unwrap();
        let name = one.options.stream();
        one.engine.publish(no, &no.to_string(), &name, bytes).unwrap();
        until("the record", || one.engine.bounds().unwrap().last > no);
    };
    // of a stream that was deleted, and of one that has forgotten what its writer had read
    publish(1, one.stream - 1, 1);
    publish(2, one.stream, 7);
    let [one, two] = &mut nodes;
    let passed = others(one, 2);
    let empty = |(_, other): &(Position, Other)| other.record.commands.is_empty() && other.vouched.is_none();
    assert!(passed.iter().all(empty), "{passed:?}");
    assert_eq!(two.append(&record(3)), Ok(4));
    let found = others(two, 3);
    assert_eq!(found.iter().filter(|found| empty(found)).count(), 2, "{found:?}");
    assert_eq!(others(one, 1)[0].1.record, *record(3));
    let newcomer = setting.node("others", "newcomer");
    let lengths: Vec<usize> = tail(&newcomer, 0)
        .iter()
        .map(|(_, record)| record.commands.len())
        .collect();
    assert_eq!(lengths, [1, 0, 0, 1]);
}

#[test]
fn what_has_to_be_read_after_a_long_absence_comes_in_parts() {
    let Some(setting) = Setting::new() else { return };
    let (mut one, mut away) = (setting.node("parts", "one"), setting.node("parts", "away"));
    away.follow().unwrap();
    // some four megabytes each: more than is held at once
    let large = record(1).commands.first().map(|command| {
        let mut command = command.clone();
        if let crate::store::Command::Ban { why, .. } = &mut command {
            *why = "x".repeat(4 << 20);
        }
        Arc::new(Record::new(crate::Moment::default(), vec![command]))
    });
    let large = large.unwrap();
    let written = 2 * MOST_CAME_BYTES / (4 << 20);
    for _ in 0..written {
        one.append(&large).unwrap();
    }
    let woken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&woken);
    away.listen(Box::new(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }));
    until("as much as is held", || {
        away.drain().unwrap();
        away.is_full()
    });
    assert!(away.came.len() < written, "{}", away.came.len());
    let refused = away.append(&record(2)).unwrap_err();
    assert!(matches!(refused, JournalError::Unavailable(_)), "{refused}");
    let before = woken.load(std::sync::atomic::Ordering::SeqCst);
    let found = others(&mut away, written);
    assert!(
        woken.load(std::sync::atomic::Ordering::SeqCst) > before,
        "for the next part"
    );
    assert_eq!(positions(&found), (1..=written as u64).collect::<Vec<_>>());
    assert_eq!(away.append(&record(2)), Ok(written as u64 + 1));
}

#[test]
fn an_engine_that_is_gone_is_no_damage() {
    let Some(mut setting) = Setting::new() else { return };
    let mut one = setting.node("gone", "one");
    one.append(&record(1)).unwrap();
    setting.nats.kill(0);
    let refused = one.append(&record(2)).unwrap_err();
    assert!(matches!(refused, JournalError::Unavailable(_)), "{refused}");
    // what finds no connection for as long as its writer waits never comes
    let bytes = wire::encode((one.node, 99, one.stream), (1, Link::default()), None, &record(99)).unwrap();
    let since = Instant::now();
    one.engine.publish(99, "late", &one.options.stream(), bytes).unwrap();
    until("its time is over", || since.elapsed() > APPEND + Duration::from_secs(1));
    setting.nats.run(0);
    until("it is there again", || one.reopen().is_ok());
    // what was said meanwhile may have come after all
    let next = one.append(&record(3)).unwrap();
    assert!((2..=3).contains(&next), "{next}");
    let kept = tail(&one, 0);
    assert_eq!(kept.len() as u64, next);
    assert!(kept.iter().all(|(_, kept)| *kept != *record(99)), "{kept:?}");
}

#[test]
fn the_engine_and_the_node_know_each_other_by_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let ca = buckler_tests::ca::Ca::new("engine").unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let authority = file("ca.pem", &ca.pem());
    let [engine, node] = ["engine", "node"].map(|name| {
        let identity = ca.issue("127.0.0.1").unwrap();
        let cert = file(&format!("{name}.pem"), &identity.certificate_pem);
        (cert, file(&format!("{name}.key"), &identity.key_pem))
    });
    let more = format!(
        "\ntls {{\n cert_file: {:?}\n key_file: {:?}\n ca_file: {authority:?}\n verify: true\n}}\n",
        engine.0, engine.1
    );
    let Some(nats) = Nats::start_with(1, directory.path(), &more) else {
        return;
    };
    let config = config::JournalConfig {
        urls: nats.urls(),
        user: Some("buckler".to_owned()),
        password_file: Some(file("password", PASSWORD)),
        replicas: std::num::NonZeroUsize::MIN,
        tls: Some(config::JournalTls {
            ca: Some(authority),
            cert: Some(node.0),
            key: Some(node.1),
        }),
        ..config::JournalConfig::default()
    };
    let options = NatsOptions::new(&config).unwrap();
    let mut journal = NatsJournal::open(options, &directory.path().join("node")).unwrap();
    assert_eq!(journal.append(&record(1)), Ok(1));
    let warnings = journal.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("set monitor_urls"), "{warnings:?}");
}

#[test]
fn credentials_and_places_that_cannot_be_used_are_said() {
    let options = NatsOptions::new(&config::JournalConfig {
        urls: vec!["http://10.0.0.1".to_owned()],
        ..config::JournalConfig::default()
    });
    assert!(options.unwrap_err().to_string().contains("allowed is nats://HOST:PORT"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let named = format!("[journal] password_file: found {}, which ", file.display());
    let missing = secret("password_file", &file).unwrap_err();
    assert!(missing.starts_with(&format!("{named}cannot be read")), "{missing}");
    for (text, found) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("hidden word\n", "holds more than one word"),
        ("hidden\nhidden\n", "holds more than one word"),
        (&*"hidden".repeat(1_000), "has more than 4096 bytes"),
    ] {
        fs::write(&file, text).unwrap();
        let refused = secret("password_file", &file).unwrap_err();
        assert!(
            refused.starts_with(&format!("{named}{found}; allowed is ")),
            "{refused}"
        );
        assert!(!refused.contains("hidden"), "{refused}");
    }
    fs::write(&file, " word\r\n").unwrap();
    assert_eq!(secret("password_file", &file).as_deref(), Ok("word"));
}
