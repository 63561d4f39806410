//! How much the guard's findings may write to the log: an attack must not become an attack on the log.

use std::time::Duration;

use crate::{
    guard::{Detection, DetectorHealth, Explanation, RequestInfo},
    notice,
    status::Clients,
};

/// Lines a second that detections may write, and as many of bans.
const LOG_LINES: u32 = 20;
/// Lines a second where `VERBOSE` is at least [`TALKATIVE`].
const MORE_LINES: u32 = 200;
/// The number from which on pyrasp prints findings.
const TALKATIVE: u32 = 10;
/// The number from which on it prints all it knows of them.
const COMPLETE: u32 = 100;
/// The most characters of a server's reason that a line holds: `operator_entry` has 14.
const CODE: usize = 40;
/// How often spared requests are told of: they are no news, but nobody should have to look at the status to learn of them.
const SPARED_EVERY: Duration = Duration::from_mins(1);

/// Lines of one kind: so many a second, and how many were held back since.
#[derive(Default)]
pub(super) struct LineBudget {
    /// The second that is being counted.
    second: u64,
    written: u32,
    held_back: u64,
}

impl LineBudget {
    /// Whether a line may be written, and how many were held back in the second that has ended.
    fn admits(&mut self, most: u32, now: Duration) -> (bool, u64) {
        let mut held_back = 0;
        if now.as_secs() != self.second {
            held_back = self.held_back;
            *self = Self {
                second: now.as_secs(),
                ..Self::default()
            };
        }
        let admitted = self.written < most;
        if admitted {
            self.written += 1;
        } else {
            self.held_back += 1;
        }
        (admitted, held_back)
    }

    /// Writes down that a client was banned, unless too many were within this second. `kept` says
    /// whether the ban is on disk.
    pub(super) fn banned(&mut self, address: &str, why: &str, length: Duration, kept: bool, now: Duration) {
        let (admitted, held_back) = self.admits(LOG_LINES, now);
        if held_back > 0 {
            tracing::info!(bans = held_back, "further bans, not logged one by one");
        }
        if admitted {
            tracing::info!(%address, %why, seconds = length.as_secs(), kept, "banned");
        }
    }
}

impl LineBudget {
    /// Writes down how many events of a message the server refused to share, how many of them are
    /// offered again, and why the first was refused.
    pub(super) fn refused(&mut self, events: usize, again: usize, (address, code): (&str, &str), now: Duration) {
        let (admitted, held_back) = self.admits(1, now);
        if admitted {
            // the server's words may be anything
            let code: String = code.escape_debug().take(CODE).collect();
            tracing::warn!(events, again, address, %code, held_back, "the server refused to share events");
        }
    }
}

/// Lets detections write a bounded number of lines a second, and says how many it held back.
#[derive(Default)]
pub(super) struct LogBudget {
    detections: LineBudget,
    /// Spared requests that were told of, and when.
    spared: (u64, Duration),
    /// Detectors as they were told of last.
    detectors: Vec<DetectorHealth>,
    /// Whether undeclared proxies, and requests without an address, were told of.
    clients: (bool, bool),
}

impl LogBudget {
    /// Writes a detection down, unless too many were within this second.
    pub(super) fn detection(&mut self, detection: &Detection, verbose: u32, now: Duration) {
        let most = if verbose >= TALKATIVE { MORE_LINES } else { LOG_LINES };
        let (admitted, held_back) = self.detections.admits(most, now);
        if held_back > 0 {
            tracing::warn!(target: "buckler::guard", detections = held_back, "further detections, not logged one by one");
        }
        if !admitted {
            return;
        }
        let Detection {
            check,
            level,
            source,
            place,
            excerpt,
            bannable,
            rule,
            score,
            id,
            config_version,
            request,
            path,
            span,
            exception,
            count,
            ..
        } = detection;
        let (id, count) = (id.map(tracing::field::display), count.map(tracing::field::display));
        let RequestInfo {
            method,
            route,
            host,
            status,
        } = request;
        let (method, route, host) = (method.as_deref(), route.as_deref(), host.as_deref());
        let exception = exception.as_deref().map(tracing::field::display);
        tracing::warn!(target: "buckler::guard", parent: span, %source, ?level, bannable, %rule, score, id, config_version, count, method, route, host, status, %path, exception, "{}: {place} -> {excerpt:?}", check.title());
        if verbose >= COMPLETE {
            tracing::warn!(target: "buckler::guard", parent: span, id, detection = ?detection, codes = ?check.codes(), "in full");
        }
    }

    /// Says which listed clients were refused for the first time, so that the id that they were
    /// shown is in the log. Few at once.
    pub(super) fn listed(refused: &[Explanation]) {
        for why in refused {
            let source = why.source.map(tracing::field::display);
            tracing::info!(target: "buckler::guard", source, id = %why.id, "a listed client is refused: {why}");
        }
    }

    /// Says which detectors have failed, and which of the host's own rest, whenever that has changed.
    pub(super) fn detectors(&mut self, now: Vec<DetectorHealth>) {
        for health in now.iter().filter(|health| !self.detectors.contains(health)) {
            if health.is_on {
                tracing::warn!(target: "buckler::guard", "{health}: requests are judged by the others");
            } else {
                tracing::error!(target: "buckler::guard", "{health}: it rests, and is tried again every minute");
            }
        }
        self.detectors = now;
    }

    /// Says once that clients cannot be told apart, and what to change.
    pub(super) fn clients(&mut self, now: &Clients) {
        let (undeclared, bare) = &mut self.clients;
        if let (Some(remedy), Some(proxy)) = (&now.undeclared_remedy, now.undeclared_proxies.first())
            && !std::mem::replace(undeclared, true)
        {
            notice::warn(&format!(
                "{proxy} names clients in a way that no setting declares: its requests are judged, and their clients are never \
                 banned, throttled or listed. To [agent], add {remedy}"
            ));
        }
        if let Some(remedy) = now.address_remedy
            && !std::mem::replace(bare, true)
        {
            notice::error(&format!(
                "requests come without an address, so that no client can be banned or throttled: {remedy}"
            ));
        }
    }

    /// Says now and then how many requests of listed sources have passed since start because the list is not in force.
    pub(super) fn spared(&mut self, total: u64, now: Duration) {
        let (told, at) = self.spared;
        if total > told && (told == 0 || now.saturating_sub(at) >= SPARED_EVERY) {
            tracing::warn!(target: "buckler::guard", requests = total - told, "requests of listed sources passed: the list is not in force");
            self.spared = (total, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Debug, sync::mpsc};

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
        subscriber::with_default,
    };

    use super::*;
    use crate::{
        model::policy::{Check, Level},
        protocol::v2::{AddressOrigin, Evidence},
    };

    /// Passes on what is logged, a line each.
    struct Pen(mpsc::Sender<String>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!("{field}={value:?} ");
        }
    }

    impl Subscriber for Pen {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.send(line.0).unwrap();
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn written(work: impl FnOnce(&mut LogBudget)) -> Vec<String> {
        let (pen, lines) = mpsc::channel();
        with_default(Pen(pen), || work(&mut LogBudget::default()));
        lines.try_iter().collect()
    }

    fn detection() -> Detection {
        Detection {
            check: Check::Sqli,
            level: Level::Ban,
            source: [203, 0, 113, 9].into(),
            origin: AddressOrigin::Socket,
            bannable: true,
            evidence: Evidence::Certain,
            count: None,
            ban_for: None,
            clean_requests: 0,
            rule: "sqli/tautology".into(),
            score: 95,
            id: "0123456789abcdef".parse().ok(),
            place: "query:q".into(),
            excerpt: "1' OR '1'='1".into(),
            at_ms: 0,
            config_version: Some(7),
            request: RequestInfo::default(),
            path: "/.env".into(),
            span: tracing::Span::none(),
            exception: None,
        }
    }

    #[test]
    fn a_line_answers_why_somebody_was_refused() {
        let lines = written(|log| log.detection(&detection(), 0, Duration::ZERO));
        assert_eq!(lines.len(), 1);
        for said in [
            "source=203.0.113.9",
            "id=0123456789abcdef",
            "rule=sqli/tautology",
            "score=95",
            "config_version=7",
            "query:q",
            "1' OR '1'='1",
        ] {
            assert!(lines[0].contains(said), "{said}: {}", lines[0]);
        }
    }

    #[test]
    fn clients_that_cannot_be_told_apart_are_told_of_once_with_the_line_to_add() {
        let clients = Clients {
            undeclared_proxies: vec![[172, 18, 0, 2].into()],
            undeclared_remedy: Some("trusted_proxies = [\"172.18.0.2\"]".to_owned()),
            without_address: 3,
            address_remedy: Some("serve with addresses"),
            ..Clients::default()
        };
        let lines = written(|log| {
            log.clients(&Clients::default());
            (0..100).for_each(|_| log.clients(&clients));
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].contains("172.18.0.2 names clients") && lines[0].contains("trusted_proxies = [\"172.18.0.2\"]"),
            "{lines:?}"
        );
        assert!(lines[1].ends_with("serve with addresses "), "{lines:?}");
    }

    #[test]
    fn a_flood_of_findings_is_none_of_lines() {
        let lines = written(|log| {
            (0..1_000).for_each(|_| log.detection(&detection(), 0, Duration::ZERO));
            log.detection(&detection(), 0, Duration::from_secs(1));
        });
        assert_eq!(lines.len(), LOG_LINES as usize + 2);
        assert!(lines[LOG_LINES as usize].contains("detections=980"), "{lines:?}");
    }

    #[test]
    fn a_server_that_refuses_all_day_writes_a_line_a_second_and_nothing_of_its_own() {
        let (pen, lines) = mpsc::channel();
        let mut budget = LineBudget::default();
        let code = format!("quota\nforged line{}", "x".repeat(1_000));
        with_default(Pen(pen), || {
            for milli in 0..2_000 {
                budget.refused(256, 3, ("203.0.113.9", &code), Duration::from_millis(milli));
            }
        });
        let lines: Vec<String> = lines.try_iter().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].contains("events=256") && lines[0].contains("again=3"),
            "{lines:?}"
        );
        assert!(lines[1].contains("held_back=999") && lines[1].len() < 200, "{lines:?}");
        assert!(!lines[1].contains('\n'), "{lines:?}");
    }

    #[test]
    fn a_flood_of_bans_is_none_of_lines() {
        let (pen, lines) = mpsc::channel();
        let mut budget = LineBudget::default();
        let mut ban = |second| {
            budget.banned(
                "203.0.113.9",
                "sqli",
                Duration::from_mins(5),
                true,
                Duration::from_secs(second),
            );
        };
        with_default(Pen(pen), || (0..1_000).map(|_| 0).chain([1]).for_each(&mut ban));
        let lines: Vec<String> = lines.try_iter().collect();
        assert_eq!(lines.len(), LOG_LINES as usize + 2);
        assert!(lines[LOG_LINES as usize].contains("bans=980"), "{lines:?}");
    }
}
