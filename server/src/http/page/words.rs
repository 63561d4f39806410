//! Numbers and times as people read them.

use buckler::model::policy::Check;
use maud::{Markup, html};

/// How long, in one unit: `40 s`, `3 min`, `2 h`, `5 d`.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Bytes, in MiB.
pub(super) fn bytes(bytes: u64) -> String {
    format!("{} MiB", count(bytes >> 20))
}

/// A number with the word for one or several.
pub(super) fn several(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A time in milliseconds since the Unix epoch, as `2026-11-30 07:36:12` in UTC.
pub(super) fn utc(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The date of a day since the Unix epoch, by the algorithm of Hinnant's `civil_from_days`.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// When, as people say it, with the time itself for those who point at it.
pub(super) fn ago(unix_ms: u64, now_ms: u64) -> Markup {
    let exact = utc(unix_ms);
    let said = if unix_ms > now_ms.saturating_add(1_000) {
        format!("in {}", duration((unix_ms - now_ms) / 1_000))
    } else {
        format!("{} ago", duration(now_ms.saturating_sub(unix_ms) / 1_000))
    };
    html! { time datetime=(exact.replace(' ', "T") + "Z") title={ (exact) " UTC" } { (said) } }
}

/// When exactly, in UTC.
pub(super) fn exactly(unix_ms: u64) -> Markup {
    let exact = utc(unix_ms);
    html! { time datetime=(exact.replace(' ', "T") + "Z") { (exact) " UTC" } }
}

/// The title of a check, by its configuration name.
pub(super) fn check(name: &str) -> String {
    let known = Check::by_name(name).map(Check::title);
    known.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_people() {
        let durations = [0, 119, 120, 7_199, 7_200, 172_800].map(duration);
        assert_eq!(durations, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]);
        assert_eq!(
            [7, 1_234, 1_234_567].map(count),
            ["7", "1\u{202f}234", "1\u{202f}234\u{202f}567"]
        );
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(951_782_399_000), "2000-02-28 23:59:59");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(utc(1_795_338_600_000), "2026-11-22 09:10:00");
        assert!(ago(5_000, 2_000).into_string().contains("in 3 s"));
    }
}
