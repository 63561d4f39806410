//! Numbers, streams, room, and the time that a ban has left.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// The wall clock's time at which the drafts were made.
const MADE: Duration = Duration::from_secs(1_000_000);
const OWN: Uuid = Uuid::from_u128(7);
const OLD: Uuid = Uuid::from_u128(1);
const OLDER: Uuid = Uuid::from_u128(2);

fn draft(kind: EventKind) -> Draft {
    Draft {
        kind,
        address: "203.0.113.9".to_owned(),
        at_ms: u64::try_from(MADE.as_millis()).unwrap(),
        ttl_s: 60,
        why: "decoy".into(),
        evidence: Evidence::Certain,
        peer: AddressOrigin::Socket,
        detail: None,
    }
}

fn fill(outbox: &mut Outbox, n: usize) {
    for _ in 0..n {
        outbox.push(draft(EventKind::Ban), Duration::ZERO);
    }
}

fn filled(n: usize) -> Outbox {
    let mut outbox = Outbox::new(OWN);
    fill(&mut outbox, n);
    outbox
}

/// What a process left that had made `n` events of which the first `acknowledged` were delivered.
fn left(stream: Uuid, n: usize, acknowledged: u64) -> Left {
    let mut outbox = Outbox::new(stream);
    fill(&mut outbox, n);
    outbox.acknowledge(stream, acknowledged, &[], Duration::ZERO);
    let events = outbox.batch(Duration::ZERO);
    Left { stream, events }
}

fn restored(left: Vec<Left>) -> Outbox {
    Outbox::restore(OWN, left, Duration::ZERO, MADE)
}

fn seqs(outbox: &Outbox) -> Vec<u64> {
    outbox.batch(Duration::ZERO).iter().map(|event| event.seq).collect()
}

/// What a server says of events that it has no room for.
fn no_room(seqs: &[u64]) -> Vec<Nack> {
    let refused = seqs.iter().map(|seq| Nack {
        seq: *seq,
        code: Nack::QUOTA.to_owned(),
    });
    refused.collect()
}

#[test]
fn numbers_rise_by_one_and_only_what_is_acknowledged_goes() {
    let mut outbox = filled(5);
    assert_eq!((outbox.first(), outbox.stream()), (1, OWN));
    assert_eq!(outbox.acknowledge(OWN, 2, &[], Duration::ZERO), 2);
    assert_eq!(
        outbox.acknowledge(OWN, 2, &[], Duration::ZERO),
        0,
        "a repeated acknowledgement changes nothing"
    );
    assert_eq!(
        outbox.acknowledge(OLD, 9, &[], Duration::ZERO),
        0,
        "of a stream that is not known"
    );
    assert_eq!(seqs(&outbox), [3, 4, 5]);
    assert_eq!(outbox.get(OWN, 4).map(|event| event.seq), Some(4));
    assert!(outbox.get(OWN, 2).is_none() && outbox.get(OLD, 4).is_none());
    assert_eq!(outbox.acknowledge(OWN, 99, &[], Duration::ZERO), 3);
    assert_eq!((outbox.first(), outbox.next_seq()), (6, 6));
    assert_eq!(
        outbox.push(draft(EventKind::Ban), SECOND).map(|event| event.seq),
        Some(6)
    );
}

#[test]
fn a_batch_is_bounded_and_carries_the_time_left() {
    let mut outbox = Outbox::new(OWN);
    for _ in 0..MAX_EVENTS + 10 {
        outbox.push(draft(EventKind::Ban), 100 * SECOND);
    }
    let ttl = |now: Duration| outbox.batch(now)[0].ttl_s;
    assert_eq!(outbox.batch(100 * SECOND).len(), MAX_EVENTS);
    assert_eq!(ttl(100 * SECOND), 60);
    assert_eq!(ttl(115 * SECOND + SECOND / 2), 45, "what has begun of a second counts");
    assert_eq!(ttl(160 * SECOND), 0);
    assert_eq!(ttl(9_999 * SECOND), 0);
    let mut forever = Outbox::new(OWN);
    let draft = Draft {
        ttl_s: u64::MAX,
        ..draft(EventKind::Ban)
    };
    forever.push(draft, SECOND);
    assert!(forever.batch(2 * SECOND)[0].ttl_s > u64::MAX / 2, "for ever stays so");
}

#[test]
fn of_what_was_left_the_wall_clock_says_once_how_much_time_is_left() {
    let day = Duration::from_secs(86_400);
    let ttl = |unix: Duration, now: Duration| {
        let outbox = Outbox::restore(OWN, vec![left(OLD, 1, 0)], SECOND, unix);
        outbox.batch(now)[0].ttl_s
    };
    assert_eq!(ttl(MADE + 20 * SECOND, SECOND), 40);
    assert_eq!(ttl(MADE + 20 * SECOND, 11 * SECOND), 30, "then by the process' clock");
    assert_eq!(ttl(MADE - day, SECOND), 60, "a clock that went back prolongs nothing");
    assert_eq!(ttl(MADE + day, SECOND), 0);
}

#[test]
fn a_full_outbox_keeps_room_for_bans_and_counts_what_it_refuses() {
    let mut outbox = restored(vec![left(OLD, 100, 0)]);
    let mut offered = 0;
    for _ in 0..CAPACITY {
        outbox.push(draft(EventKind::Attack), Duration::ZERO);
        offered += 1;
    }
    assert_eq!(outbox.len(), ATTACKS_AT_MOST, "what was left takes room too");
    assert!(outbox.push(draft(EventKind::Ban), Duration::ZERO).is_some());
    offered += 1;
    outbox.acknowledge(OLD, 100, &[], Duration::ZERO);
    outbox.acknowledge(OWN, 10, &[], Duration::ZERO);
    let Ledger {
        acknowledged,
        pending,
        outbox_full,
        restored,
    } = outbox.ledger();
    assert_eq!((acknowledged, restored), (110, 100));
    assert_eq!(acknowledged + pending + outbox_full, offered + restored);
    assert!(seqs(&outbox).windows(2).all(|pair| pair[0] + 1 == pair[1]));
}

#[test]
fn what_was_left_is_sent_to_its_end_first_and_never_continued() {
    let mut outbox = restored(vec![left(OLDER, 4, 2), left(Uuid::nil(), 0, 0), left(OLD, 3, 0)]);
    fill(&mut outbox, 2);
    assert_eq!(outbox.streams().collect::<Vec<_>>(), [OLDER, OLD, OWN]);
    assert_eq!(outbox.len(), 7);
    let mut sent = Vec::new();
    while !outbox.is_empty() {
        let stream = outbox.stream();
        assert_eq!(outbox.first(), seqs(&outbox)[0]);
        sent.push((stream, seqs(&outbox)));
        outbox.acknowledge(stream, outbox.first(), &[], Duration::ZERO);
    }
    let expected = [
        (OLDER, vec![3, 4]),
        (OLDER, vec![4]),
        (OLD, vec![1, 2, 3]),
        (OLD, vec![2, 3]),
        (OLD, vec![3]),
        (OWN, vec![1, 2]),
        (OWN, vec![2]),
    ];
    assert_eq!(sent, expected);
    assert_eq!((outbox.stream(), outbox.first(), outbox.own_stream()), (OWN, 3, OWN));
}

#[test]
fn a_damaged_stream_is_sent_in_runs_without_gaps() {
    let mut damaged = left(OLD, 6, 0);
    damaged.events.remove(2);
    damaged.events.swap(0, 4);
    let again = damaged.events[1].clone();
    damaged.events.push(again);
    let mut outbox = restored(vec![damaged]);
    assert_eq!(outbox.ledger().restored, 5);
    assert_eq!(seqs(&outbox), [1, 2]);
    outbox.acknowledge(OLD, 2, &[], Duration::ZERO);
    assert_eq!((outbox.first(), seqs(&outbox)), (4, vec![4, 5, 6]));
}

/// Everything is in one place.
fn balanced(outbox: &Outbox, offered: u64) {
    let ledger = outbox.ledger();
    assert_eq!(
        ledger.acknowledged + ledger.pending + ledger.outbox_full,
        offered + ledger.restored,
        "{ledger:?}"
    );
}

#[test]
fn bans_without_room_are_offered_again_the_surest_and_newest_first() {
    let mut outbox = Outbox::new(OWN);
    for (evidence, at_ms) in [(Evidence::Repeated, 5), (Evidence::Certain, 1), (Evidence::Certain, 3)] {
        let draft = Draft {
            evidence,
            at_ms,
            ttl_s: 600,
            ..draft(EventKind::Ban)
        };
        outbox.push(draft, Duration::ZERO);
    }
    outbox.push(draft(EventKind::Attack), Duration::ZERO);
    outbox.push(draft(EventKind::Ban), Duration::ZERO);
    assert_eq!(outbox.acknowledge(OWN, 5, &no_room(&[1, 2, 3, 4]), SECOND), 5);
    assert_eq!(
        (outbox.len(), outbox.ledger().pending, outbox.ledger().acknowledged),
        (0, 3, 2)
    );
    balanced(&outbox, 5);
    assert!(
        outbox.offer_again(60 * SECOND, |_| true).is_empty(),
        "not within a minute"
    );
    let again = outbox.offer_again(61 * SECOND, |_| true);
    let said: Vec<_> = again
        .iter()
        .map(|event| (event.seq, event.evidence, event.at_ms))
        .collect();
    assert_eq!(
        said,
        [
            (6, Evidence::Certain, 3),
            (7, Evidence::Certain, 1),
            (8, Evidence::Repeated, 5)
        ]
    );
    assert_eq!(outbox.batch(61 * SECOND)[0].ttl_s, 600 - 61, "their ends stay");
    assert_eq!(outbox.acknowledge(OWN, 8, &[], 62 * SECOND), 3);
    assert_eq!((outbox.ledger().pending, outbox.ledger().acknowledged), (0, 5));
    balanced(&outbox, 5);
}

#[test]
fn a_server_without_room_is_asked_less_and_less_often() {
    let mut outbox = Outbox::new(OWN);
    let long = Draft {
        ttl_s: 1 << 40,
        ..draft(EventKind::Ban)
    };
    outbox.push(long, Duration::ZERO);
    let (mut now, mut waits) = (Duration::ZERO, Vec::new());
    for _ in 0..7 {
        let seq = outbox.first();
        outbox.acknowledge(OWN, seq, &no_room(&[seq]), now);
        let refused = now;
        while outbox.offer_again(now, |_| true).is_empty() {
            now += SECOND;
        }
        waits.push((now - refused).as_secs() / 60);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 16, 16]);
}

#[test]
fn what_waits_for_room_is_bounded_and_ends_with_its_ban() {
    let mut outbox = Outbox::new(OWN);
    let mut offered = 0;
    for _ in 0..20 {
        fill(&mut outbox, MAX_EVENTS);
        offered += MAX_EVENTS as u64;
        let seqs = seqs(&outbox);
        outbox.acknowledge(OWN, *seqs.last().unwrap(), &no_room(&seqs), Duration::ZERO);
    }
    assert_eq!(outbox.ledger().pending, 2_000);
    balanced(&outbox, offered);
    assert!(
        outbox.offer_again(100 * SECOND, |_| true).is_empty(),
        "their minute is over"
    );
    assert_eq!(outbox.ledger().pending, 0);
    balanced(&outbox, offered);
    fill(&mut outbox, 3);
    let last = outbox.next_seq() - 1;
    outbox.acknowledge(OWN, last, &no_room(&[last]), Duration::ZERO);
    assert_eq!(outbox.withdraw(), 1, "they are not for the server after all");
    assert!(outbox.offer_again(1_000 * SECOND, |_| true).is_empty());
}

#[test]
fn withdrawing_takes_every_stream() {
    let mut outbox = restored(vec![left(OLD, 3, 0)]);
    fill(&mut outbox, 2);
    assert_eq!(outbox.withdraw(), 5);
    assert_eq!((outbox.len(), outbox.first(), outbox.stream()), (0, 3, OWN));
}

#[test]
fn an_event_of_an_older_agent_is_read_and_one_without_a_detail_looks_like_it() {
    let old = r#"{"seq":1,"kind":"ban","address":"203.0.113.9","at_ms":1,"ttl_s":60,"why":"decoy","evidence":"confirmed","peer":"socket"}"#;
    let event: Event = serde_json::from_str(old).unwrap();
    assert_eq!(event.detail, None);
    assert_eq!(event.evidence, Evidence::Certain, "by its older name");
    let written = serde_json::to_string(&event).unwrap();
    assert_eq!(written, old.replace("confirmed", "certain"));
    let newer = old.replace('}', r#","detail":{"rule":"decoy","of":"a later version"}}"#);
    let event: Event = serde_json::from_str(&newer).unwrap();
    assert_eq!(event.detail.unwrap().rule, "decoy");
}
