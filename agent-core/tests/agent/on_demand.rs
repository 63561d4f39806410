//! A host whose process stands still between requests: the agent speaks only when it is asked to.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use buckler::{
    Agent, Exchanged,
    clock::Clock,
    model::{address::parse_network, blacklist::Digest},
    protocol::{
        Beacon, BeaconReply, Registration, Welcome,
        v2::{ListMode, ListUpdate, ServerPart},
    },
    testing::{ManualClock, Script, ScriptedTransport, Told},
    transport::{Push, Transport, TransportError, TransportFactory},
};
use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};

use super::{ATTACKER, PATIENCE, attack, conversation::update, down, passes, reply_2, settings, wait_until, welcome_2};

/// More than any exchange here needs.
const BUDGET: Duration = Duration::from_secs(8);
/// Longer than an interval, and than a pause after a failure that is likely to pass.
const HOUR: Duration = Duration::from_hours(1);
/// How long it is waited for what must not come.
const QUIET: Duration = Duration::from_millis(50);

fn start(factory: TransportFactory, clock: &Arc<ManualClock>) -> Agent {
    Agent::builder(settings().build().unwrap())
        .transport(factory)
        .clock(Arc::clone(clock) as _)
        .on_demand()
        .start()
}

/// A server that shares and takes every event.
fn script() -> Script {
    ScriptedTransport::script(|_| Ok(welcome()), |_| Ok(taken()))
}

fn welcome() -> Welcome {
    let body = serde_json::json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 30});
    welcome_2(ServerPart {
        config: Some(update(1, body)),
        ..ServerPart::default()
    })
}

fn taken() -> BeaconReply {
    reply_2(ServerPart {
        ack: Some(u64::MAX),
        ..ServerPart::default()
    })
}

#[test]
fn nothing_is_said_unasked_and_the_first_exchange_registers() {
    let mut script = script();
    let clock = ManualClock::new();
    let agent = start(script.factory(), &clock);
    assert!(agent.is_due());
    clock.advance(HOUR);
    assert!(script.next(QUIET).is_none(), "it spoke unasked");
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    assert!(matches!(script.next(PATIENCE), Some(Told::Registration(_))));
    assert!(!agent.is_due());
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::NotDue);

    clock.advance(HOUR);
    assert!(agent.is_due());
    assert!(script.next(QUIET).is_none(), "it spoke unasked");
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    assert!(matches!(script.next(PATIENCE), Some(Told::Beacon(..))));
}

#[test]
fn what_an_exchange_brought_is_in_force_when_it_is_done_all_pages_of_it() {
    let part = |n: u64| ServerPart {
        config: Some(update(7, serde_json::json!({"BEACON_DELAY": 30}))).filter(|_| n == 0),
        list: Some(page(n + 1)).filter(|_| n < 3),
        ..ServerPart::default()
    };
    for _ in 0..50 {
        let script = ScriptedTransport::script(move |n| Ok(welcome_2(part(n))), move |n| Ok(reply_2(part(n))));
        let agent = start(script.factory(), &ManualClock::new());
        assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
        assert_eq!(agent.status().config.version, Some(7));
        for listed in LISTED {
            assert!(!passes(&agent.guard(), listed));
        }
        assert!(!agent.is_due());
    }
}

const LISTED: [&str; 3] = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];

/// A page of a snapshot of three.
fn page(n: u64) -> ListUpdate {
    let page = u32::try_from(n).unwrap();
    ListUpdate {
        complete: false,
        mode: ListMode::Snapshot,
        epoch: "e1".to_owned(),
        from: 0,
        to: 7,
        add: vec![(LISTED.get(page as usize - 1).unwrap().to_string(), 600)],
        remove: vec![],
        page,
        pages: 3,
        count: 3,
        digest: Digest::of(LISTED.iter().filter_map(|text| parse_network(text))).to_string(),
    }
}

#[test]
fn a_ban_is_due_at_once_and_told_once() {
    let mut script = script();
    let clock = ManualClock::new();
    let agent = start(script.factory(), &clock);
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    for attacker in [ATTACKER, "203.0.113.10"] {
        attack(&agent.guard(), attacker);
        // not a millisecond has passed since the exchange before
        assert!(agent.is_due());
        assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
        assert!(!agent.is_due());
    }
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::NotDue);
    assert_eq!(events(&mut script), [ATTACKER, "203.0.113.10"]);
    assert_eq!(agent.status().events.acknowledged, 2);
}

#[test]
fn what_was_caught_before_the_first_exchange_is_shared_by_it() {
    let mut script = script();
    let agent = start(script.factory(), &ManualClock::new());
    attack(&agent.guard(), ATTACKER);
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    assert_eq!(events(&mut script), [ATTACKER]);
}

#[test]
fn a_server_that_is_down_costs_one_try_a_pause() {
    let mut script = ScriptedTransport::script(|_| Err(down()), |_| Err(down()));
    let clock = ManualClock::new();
    let agent = start(script.factory(), &clock);
    let mut tries = 0;
    for _ in 0..3_600 {
        attack(&agent.guard(), ATTACKER);
        if agent.is_due() {
            assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Failed);
            assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::NotDue);
            tries += 1;
        }
        clock.advance(Duration::from_secs(1));
    }
    // an hour of pauses between 0 and 60 s
    assert!((60..240).contains(&tries), "{tries}");
    assert_eq!(std::iter::from_fn(|| script.next(Duration::ZERO)).count(), tries);
    assert_eq!(agent.status().conversation.problem, Some(down().to_string()));
}

#[test]
fn hours_that_only_the_wall_clock_has_seen_make_it_due() {
    let mut script = script();
    let clock = ManualClock::new();
    let agent = start(script.factory(), &clock);
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    assert!(!agent.is_due());
    clock.set_unix(clock.unix() + HOUR);
    assert!(agent.is_due());
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    assert!(!agent.is_due());
    script.next(PATIENCE);
    assert!(matches!(script.next(PATIENCE), Some(Told::Beacon(..))));
}

#[test]
fn an_exchange_in_the_air_when_the_process_stood_still_is_begun_anew_and_nothing_is_lost_or_counted_twice() {
    let mut script = script();
    let line = Line::that_hangs(script.factory(), 1);
    let clock = ManualClock::new();
    let agent = start(Line::factory(&line), &clock);
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    attack(&agent.guard(), ATTACKER);
    // nobody waits for it to be over
    drop(agent.exchange(BUDGET));
    wait_until(&agent, "it is in the air", || line.hung.load(Ordering::SeqCst) == 1);
    assert!(!agent.is_due());

    clock.advance(HOUR);
    assert!(agent.is_due());
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    assert_eq!(line.made.load(Ordering::SeqCst), 3, "each on a connection of its own");
    assert_eq!(events(&mut script), [ATTACKER]);
    assert_eq!(agent.status().events.acknowledged, 1);
    assert!(!agent.is_due());
}

#[test]
fn a_budget_that_is_over_is_a_failure() {
    let line = Line::that_hangs(script().factory(), usize::MAX);
    let clock = ManualClock::new();
    let agent = start(Line::factory(&line), &clock);
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    clock.advance(HOUR);
    let (first, second) = (agent.exchange(BUDGET), agent.exchange(BUDGET * 2));
    wait_until(&agent, "it is in the air", || line.hung.load(Ordering::SeqCst) == 1);
    clock.advance(BUDGET);
    assert_eq!(run(first), Exchanged::OutOfTime);
    clock.advance(BUDGET);
    assert_eq!(run(second), Exchanged::OutOfTime);
    assert_eq!(line.hung.load(Ordering::SeqCst), 1, "the second waited for the first's");
    let status = agent.status().conversation;
    assert_eq!(status.state, "retrying");
    assert!(status.problem.unwrap().contains("no whole reply"));
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::NotDue);
}

#[test]
fn the_end_tells_what_waits_even_where_an_exchange_hangs_since_before_a_freeze() {
    for hangs in [0, 1] {
        let mut script = script();
        let line = Line::that_hangs(script.factory(), hangs);
        let clock = ManualClock::new();
        let agent = start(Line::factory(&line), &clock);
        assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
        attack(&agent.guard(), ATTACKER);
        if hangs > 0 {
            drop(agent.exchange(BUDGET));
            wait_until(&agent, "it is in the air", || line.hung.load(Ordering::SeqCst) == 1);
            clock.advance(HOUR);
        }
        let report = agent.shutdown(BUDGET);
        assert!(report.in_time, "{report:?}");
        assert_eq!((report.sent, report.unsent), (1, 0), "{report:?}");
        assert_eq!(events(&mut script), [ATTACKER]);
        assert!(!agent.is_due());
        assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::NotDue);
    }
}

#[test]
fn an_agent_that_speaks_by_itself_or_to_nobody_is_never_due() {
    let script = script();
    let clock = ManualClock::new();
    let by_itself = super::start(settings(), &script, &clock);
    let alone = Agent::builder(settings().build().unwrap()).on_demand().start();
    for agent in [by_itself, alone] {
        assert!(!agent.is_due());
        assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::NotDue);
        assert_eq!(run(agent.exchange(BUDGET)), Exchanged::NotDue);
    }
}

#[test]
fn a_panic_under_way_is_a_failure_and_the_next_generation_goes_on() {
    let line = Line::that_hangs(script().factory(), 1);
    let clock = ManualClock::new();
    let agent = start(Line::factory(&line), &clock);
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
    clock.advance(HOUR);
    let under_way = agent.exchange(BUDGET);
    wait_until(&agent, "it is in the air", || line.hung.load(Ordering::SeqCst) == 1);
    agent.crash("CloudLink");
    assert_eq!(run(under_way), Exchanged::Failed);
    wait_until(&agent, "it is due again", || agent.is_due());
    assert_eq!(agent.exchange_blocking(BUDGET), Exchanged::Done);
}

/// Awaits without any runtime.
fn run<T>(future: impl Future<Output = T>) -> T {
    struct Bell(std::thread::Thread);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let bell = std::task::Waker::from(Arc::new(Bell(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&bell)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// Whom the agent has reported, in order.
fn events(script: &mut Script) -> Vec<String> {
    std::iter::from_fn(|| script.next(Duration::ZERO))
        .filter_map(|told| match told {
            Told::Registration(registration) => registration.v2,
            Told::Beacon(_, beacon) => beacon.v2,
        })
        .flat_map(|part| part.events)
        .map(|event| event.address)
        .collect()
}

/// A line to a server that swallows beacons.
struct Line {
    to: TransportFactory,
    hangs: usize,
    hung: AtomicUsize,
    made: AtomicUsize,
}

impl Line {
    /// The first so many beacons are never answered.
    fn that_hangs(to: TransportFactory, hangs: usize) -> Arc<Self> {
        Arc::new(Self {
            to,
            hangs,
            hung: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
        })
    }

    fn factory(line: &Arc<Self>) -> TransportFactory {
        let line = Arc::clone(line);
        Arc::new(move || {
            line.made.fetch_add(1, Ordering::SeqCst);
            let to = (line.to)()?;
            Ok(Box::new(Hanging {
                line: Arc::clone(&line),
                to,
            }))
        })
    }
}

struct Hanging {
    line: Arc<Line>,
    to: Box<dyn Transport>,
}

impl Transport for Hanging {
    fn kind(&self) -> &'static str {
        self.to.kind()
    }

    fn register(&self, registration: Registration) -> LocalBoxFuture<'_, Result<Welcome, TransportError>> {
        self.to.register(registration)
    }

    fn beacon(&self, url: Option<url::Url>, beacon: Beacon) -> LocalBoxFuture<'_, Result<BeaconReply, TransportError>> {
        if self.line.hung.load(Ordering::SeqCst) < self.line.hangs {
            self.line.hung.fetch_add(1, Ordering::SeqCst);
            return Box::pin(pending());
        }
        self.to.beacon(url, beacon)
    }

    fn pushes(&self) -> LocalBoxStream<'static, Push> {
        unreachable!("nobody listens to pushes on demand")
    }
}
