//! A finding as a line of a log, in pyrasp's forms, so that what reads the logs of a mixed fleet reads ours.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    guard::Detection,
    model::policy::{LogFormat, LogProtocol, Policy},
};

/// RFC 3164: facility local0, severity warning. pyrasp leaves it out, and collectors then take every finding for a notice of a user's.
const PRIORITY: &str = "<132>";

/// The line, without its end.
pub(super) fn written(detection: &Detection, policy: &Policy) -> String {
    let log = policy.log();
    match (log.format, log.protocol) {
        (LogFormat::Syslog, LogProtocol::Udp | LogProtocol::Tcp) => format!("{PRIORITY}{}", text(detection, policy)),
        (LogFormat::Syslog, LogProtocol::File | LogProtocol::Http | LogProtocol::Https) => text(detection, policy),
        (LogFormat::Json, _) => json!({
            "time": date(detection.at_ms),
            "application": policy.app_name(),
            "log_data": [detection.check.name(), detection.source, NO_COUNTRY, details(detection)],
        })
        .to_string(),
        (LogFormat::Pcb, _) => json!({
            "application": policy.app_name(),
            "log_type": "security",
            "log_data": [detection.check.name(), detection.source, NO_COUNTRY, Value::Null, details(detection)],
        })
        .to_string(),
    }
}

/// Nobody is asked where a source lives.
const NO_COUNTRY: &str = "";

fn text(detection: &Detection, policy: &Policy) -> String {
    format!(
        r#"[{}] "{}" - "{}" - "{}" - "{NO_COUNTRY}" - "{}" - "{}" - "{}:{}""#,
        date(detection.at_ms),
        quoted(policy.app_name()),
        detection.check.name(),
        detection.source,
        detection.check.codes().join(" - "),
        detection.level as u8,
        quoted(&detection.place),
        STANDARD.encode(&*detection.excerpt),
    )
}

/// pyrasp's details, and ours beside them.
fn details(detection: &Detection) -> Value {
    json!({
        "location": detection.place,
        "payload": STANDARD.encode(&*detection.excerpt),
        "action": detection.level as u8,
        "codes": detection.check.codes(),
        "rule": detection.rule,
        "score": detection.score,
        "id": detection.id.map(|id| id.to_string()),
        "method": detection.request.method,
        "route": detection.request.route,
        "host": detection.request.host,
        "status": detection.request.status,
        // the log may be kept by another host
        "exception": detection.exception.as_ref().and_then(|exception| exception.to_share()),
    })
}

/// Text that cannot end its quotes, nor its line.
fn quoted(text: &str) -> String {
    let harmless = |c: char| if c.is_control() || c == '"' { ' ' } else { c };
    text.chars().map(harmless).collect()
}

/// pyrasp's form of a time, in UTC: `2026/01/31 23:59:59`.
fn date(unix_ms: u64) -> String {
    let seconds = Duration::from_millis(unix_ms).as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a number of days since 1970, by the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    // eras of 400 years repeat: 146,097 days each
    let (mut year, mut left) = (1970 + days / 146_097 * 400, days % 146_097);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        for (unix, expected) in [
            (0, "1970/01/01 00:00:00"),
            (951_782_399, "2000/02/28 23:59:59"),
            (951_782_400, "2000/02/29 00:00:00"),
            (1_767_225_599, "2025/12/31 23:59:59"),
            (4_107_542_400, "2100/03/01 00:00:00"),
        ] {
            assert_eq!(date(unix * 1000), expected);
        }
        // not a day is missing or twice there
        let mut last = civil(0);
        for day in 1..150_000 {
            let this = civil(day);
            assert!(this > last && this.2 <= 31 && this.1 <= 12, "{last:?} {this:?}");
            last = this;
        }
        assert!(!date(u64::MAX).is_empty() && Duration::from_millis(u64::MAX).as_secs() > 0);
    }

    #[test]
    fn nothing_ends_a_line_or_its_quotes() {
        assert_eq!(quoted("a\"\r\n\u{1b}[31mb"), "a    [31mb");
    }
}
