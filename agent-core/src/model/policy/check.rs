//! The checks by name, and what the configuration can make of each: its level.

use std::fmt;

/// A check of the guard. The names, titles and codes are pyrasp's, so that logs and servers of a mixed fleet agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Check {
    /// The source is on the blacklist. It has no entry in `SECURITY_CHECKS`: only `BLACKLIST_OVERRIDE` switches it off.
    Blacklist,
    /// The application has no route for the request.
    Path,
    /// Too many requests from one source.
    Flood,
    /// The request names a host that is not ours.
    Spoofing,
    /// The path is one that only attackers ask for.
    Decoy,
    /// A parameter's form is not what the route declares.
    Format,
    /// SQL injection.
    Sqli,
    /// Cross-site scripting.
    Xss,
    /// The same parameter more than once.
    Hpp,
    /// Command injection.
    Command,
    /// A header that must not be there.
    Headers,
    /// The response leaks data.
    Dlp,
    /// Too many errors answered to one source.
    Brute,
    /// The client brought no valid zero-trust token.
    Ztaa,
    /// Prompt injection.
    Prompt,
    /// An uploaded file that is not allowed.
    Upload,
    /// Characters that hide what a text says, or pass for others.
    Chars,
    /// The headers are those of a program, not of a browser.
    Bots,
    /// The route does not know the method: the application answered 405. pyrasp has a level for it, but no such check.
    Method,
}

/// What pyrasp calls a check: its key in `SECURITY_CHECKS`, its title in logs, its codes in events.
struct Facts(&'static str, &'static str, &'static [&'static str]);

impl Check {
    /// Every check, in the order of its discriminant.
    pub const ALL: [Self; 19] = [
        Self::Blacklist,
        Self::Path,
        Self::Flood,
        Self::Spoofing,
        Self::Decoy,
        Self::Format,
        Self::Sqli,
        Self::Xss,
        Self::Hpp,
        Self::Command,
        Self::Headers,
        Self::Dlp,
        Self::Brute,
        Self::Ztaa,
        Self::Prompt,
        Self::Upload,
        Self::Chars,
        Self::Bots,
        Self::Method,
    ];

    /// The key in `SECURITY_CHECKS`, and the `why` of an event.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The title, for logs.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().1
    }

    /// MITRE ATT&CK and vendor codes.
    #[must_use]
    pub const fn codes(self) -> &'static [&'static str] {
        self.facts().2
    }

    /// The check of this name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|check| check.name().eq_ignore_ascii_case(name))
    }

    const fn facts(self) -> Facts {
        match self {
            Self::Blacklist => Facts("blacklist", "Blacklisted IP", &["PCB000"]),
            Self::Path => Facts("path", "Invalid Path", &["T1592.002", "PCB001"]),
            Self::Flood => Facts("flood", "Flood", &["T1498", "PCB002"]),
            Self::Spoofing => Facts("spoofing", "Host Spoofing", &["T1594", "PCB003"]),
            Self::Decoy => Facts("decoy", "Decoyed", &["T1592.002", "PCB004"]),
            Self::Format => Facts("format", "Format Mismatch", &["PCB005"]),
            Self::Sqli => Facts("sqli", "SQL Injection", &["T1111", "PCB006"]),
            Self::Xss => Facts("xss", "XSS", &["T1059.007", "PCB007"]),
            Self::Hpp => Facts("hpp", "Parameter Pollution", &["T1211", "PCB008"]),
            Self::Command => Facts("command", "Command Injection", &["T1059", "PCB009"]),
            Self::Headers => Facts("headers", "Forbidden Header", &["PCB010"]),
            Self::Dlp => Facts("dlp", "Data Leak Prevention", &["T1052", "PCB011"]),
            Self::Brute => Facts("brute", "Brute Force", &["T1110", "PCB012"]),
            Self::Ztaa => Facts("ztaa", "Zero-Trust", &["PCB013"]),
            Self::Prompt => Facts("prompt", "Prompt Injection", &["AML.T0051.000", "PCB014"]),
            Self::Upload => Facts("upload", "Upload Validation", &["PCB015"]),
            Self::Method => Facts("method", "Invalid Method", &[]),
            Self::Chars => Facts("chars", "Suspicious Characters", &["T1027.018", "PCB016"]),
            Self::Bots => Facts("bots", "Bot Detection", &["PCB017"]),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is done about a finding. On the wire it is the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Level {
    /// 0: the check does not run.
    #[default]
    Off = 0,
    /// 1: the request is refused.
    Block = 1,
    /// 2: the request is refused, and the finding is evidence for a ban of its source.
    Ban = 2,
    /// 3: the finding is reported and the request passes.
    Log = 3,
}

impl Level {
    /// The level with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::Block),
            2 => Some(Self::Ban),
            3 => Some(Self::Log),
            _ => None,
        }
    }

    /// Whether the check runs at all.
    #[must_use]
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }

    /// Whether a finding refuses the request.
    #[must_use]
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Block | Self::Ban)
    }

    /// Whether it does less than another one: nothing, reporting, refusing and banning, in this
    /// order.
    #[must_use]
    pub const fn is_weaker_than(self, other: Self) -> bool {
        self.strength() < other.strength()
    }

    const fn strength(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Log => 1,
            Self::Block => 2,
            Self::Ban => 3,
        }
    }

    /// Whether a finding counts for a ban of the source.
    #[must_use]
    pub const fn bans(self) -> bool {
        matches!(self, Self::Ban)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Block => "block",
            Self::Ban => "ban",
            Self::Log => "log",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn checks_are_listed_in_the_order_of_their_discriminants() {
        for (place, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(place, check as usize, "{check}");
            assert_eq!(Check::by_name(&check.name().to_uppercase()), Some(check));
        }
        assert_eq!(Check::by_name("blacklists"), None);
    }

    #[test]
    fn names_titles_and_codes_are_told_apart() {
        let distinct =
            |field: fn(Check) -> &'static str| Check::ALL.into_iter().map(field).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(Check::name), 19);
        assert_eq!(distinct(Check::title), 19);
        for check in Check::ALL.into_iter().filter(|check| *check != Check::Method) {
            let own = format!("PCB{:03}", check as u8);
            assert_eq!(
                check.codes().last().copied(),
                Some(own.as_str()),
                "the vendor numbers the checks in this order"
            );
        }
    }

    #[test]
    fn levels_are_numbers_from_0_to_3() {
        for number in 0..4 {
            assert_eq!(Level::from_number(number).map(|level| level as u64), Some(number));
        }
        assert_eq!(Level::from_number(4), None);
        assert!(Level::Log.is_on() && !Level::Log.blocks() && !Level::Log.bans());
        assert!(Level::Ban.blocks() && Level::Block.blocks() && !Level::Block.bans() && !Level::Off.is_on());
    }
}
