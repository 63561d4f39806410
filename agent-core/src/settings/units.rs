//! Durations and byte sizes as people write them: `10s`, `500ms`, `64 KiB`.

use std::time::Duration;

/// Units of time in milliseconds, the largest first.
const TIMES: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Units of size in bytes, the largest first of each kind; what they print as comes first.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads `500ms`, `10s`, `5m`, `2h`, `1d`. A bare number is no duration here: see [`seconds`].
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, millis) = TIMES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*millis).map(Duration::from_millis)
}

/// Whole seconds as an integer setting.
pub(super) fn seconds(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_secs)
}

/// Reads `32MiB`, `64 KiB`, `1 MB`.
pub(super) fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let (_, bytes) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*bytes)
}

/// The largest unit that says it exactly.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    show(millis, &TIMES, "ms")
}

/// The largest unit that says it exactly.
pub(super) fn show_bytes(bytes: u64) -> String {
    show(bytes, &SIZES, "B")
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

fn show(number: u64, units: &[(&str, u64)], smallest: &str) -> String {
    let unit = units
        .iter()
        .find(|(_, size)| number >= *size && number.is_multiple_of(*size));
    match unit {
        Some((name, size)) => format!("{}{name}", number / size),
        None => format!("{number}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, millis) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("5m", 300_000),
            ("2 h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(parse_duration(&show_duration(duration)), Some(duration), "{text}");
        }
        for bad in ["", "10", "s", "-1s", "1.5s", "10 S", "10s ago", "18446744073709551615d"] {
            assert_eq!(parse_duration(bad), None, "{bad:?}");
        }
        assert_eq!(show_duration(Duration::from_millis(90_500)), "90500ms");
        assert_eq!(show_duration(Duration::ZERO), "0ms");
        assert_eq!(seconds(-1), None);
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [
            ("32MiB", 32 << 20),
            ("64 KiB", 64 << 10),
            ("1GiB", 1 << 30),
            ("2 MB", 2_000_000),
            ("7b", 7),
        ] {
            let read = parse_bytes(text).unwrap();
            assert_eq!(read, bytes, "{text}");
            assert_eq!(parse_bytes(&show_bytes(read)), Some(read), "{text}");
        }
        for bad in ["", "64", "KiB", "1.5MiB", "64 KiBi", "99999999999999999GiB"] {
            assert_eq!(parse_bytes(bad), None, "{bad:?}");
        }
    }
}
