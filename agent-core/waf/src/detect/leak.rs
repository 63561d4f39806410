//! Data that leaves (CWE-200; pyrasp's `DLP_*`): telephone numbers, payment cards, private keys,
//! hashes, credentials.
//!
//! For answers. Each kind is switched by itself.

use std::{borrow::Cow, ops::Range};

use once_cell::race::OnceBox;

use super::{BuildError, CERTAIN, Caught, Compared, Family, Finding, Rule, RuleSet, excerpt, rules::always};
use crate::places::{MASK, SecretNames};

/// What kind of data a rule finds, as the options name it.
type IsWanted = fn(&LeakOptions) -> bool;

const RULES: [(IsWanted, &[Rule]); 6] = [
    // E.164 with its plus sign, and the North American plan with its separators; bare digits are
    // ids
    (
        |wanted| wanted.phone_numbers,
        &[always(
            "phone-number",
            r"(?:^|[^\w+])\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){2,4}(?:$|\D)|(?:^|[^\w.])\(\d{3}\) ?\d{3}-\d{4}(?:$|\D)|(?:^|[^\w.-])\d{3}-\d{3}-\d{4}(?:$|[^\w-])",
        )],
    ),
    (
        |wanted| wanted.private_keys,
        // RFC 7468; OpenPGP (RFC 9580, section 6.2); PuTTY
        &[always(
            "private-key",
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d",
        )],
    ),
    (
        |wanted| wanted.hashes,
        // crypt(5), phc-string-format, LDAP's RFC 2307
        &[always(
            "hash",
            r"\$2[abxy]\$\d\d\$[./a-z0-9]{53}|\$(?:1|5|6|y|apr1)\$[^\s$:]{1,40}\$[./a-z0-9]{20,}|\$argon2(?:id|i|d)\$v=\d+\$|\$pbkdf2[\w-]*\$|\{(?:SSHA|SHA|SMD5|MD5|CRYPT)\d*\}[a-z0-9+/=]{16,}",
        )],
    ),
    (
        |wanted| wanted.windows_credentials,
        // the form of SAM dumps, and the files it comes from
        &[always(
            "windows-credentials",
            r"\b[\w.$-]{1,32}:\d{3,6}:[a-f0-9]{32}:[a-f0-9]{32}:::|\[boot loader\].{0,200}multi\(0\)disk",
        )],
    ),
    (
        |wanted| wanted.linux_credentials,
        // passwd(5) and shadow(5)
        &[always(
            "linux-credentials",
            r"(?:^|[^\w:.-])[a-z_][\w-]{0,31}:[^:\s]{0,128}:\d{1,10}:\d{1,10}:[^:\n]{0,80}:/[^:\n]{0,80}:/[\w/]{2,60}|(?:^|[^\w:.-])[a-z_][\w-]{0,31}:(?:[*!]{1,2}|\$\d[^:\s]{10,}):\d{4,6}:\d*:\d*:\d*:",
        )],
    ),
    (
        |wanted| wanted.api_keys,
        // the forms that the services document, so that scanners of repositories find them. What is
        // counted is counted in sevens, the most that a pattern counts
        &[always(
            "api-key",
            r#"(?-i)\b(?:(?:AKIA|ASIA|ABIA|ACCA)(?:[A-Z0-9]{4}){4}\b|AIza(?:[\w-]{7}){5}|gh[pousr]_(?:[A-Za-z0-9]{6}){6}|github_pat_[A-Za-z0-9]{7}|gl(?:pat|dt|rt|soat|ptt|oas)-(?:[\w-]{5}){4}|npm_(?:[A-Za-z0-9]{6}){6}|pypi-AgEIcHlwaS5vcmc|dckr_pat_(?:[\w-]{3}){9}|hf_(?:[A-Za-z0-9]{6}){5}|sk-ant-(?:api|admin)\d\d-[\w-]{7}|(?:sk|rk)_live_(?:[A-Za-z0-9]{4}){4}|xox[abeoprs]-\d+-[A-Za-z0-9-]{7}|SG\.(?:[\w-]{7}){2}[\w-]+\.[\w-]{7}|sk-[\w-]+T3BlbkFJ[\w-]{7})|AccountKey=[A-Za-z0-9+/]{7}[A-Za-z0-9+/]+=|hooks\.slack\.com/services/T\w+/B\w+/\w{7}|(?i)\baws[_.-]?(?:secret|sec)[_.-]?(?:access)?[_.-]?key["']?\s*[:=]\s*["']?(?:[a-z0-9/+]{5}){7}|\bclient[_-]?secret["']?\s*[:=]\s*["'](?:[a-z0-9~._-]{6}){5}|"type"\s*:\s*"service_account""#,
        )],
    ),
];

/// What counts as a leak in a response. The keys are those of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakOptions {
    /// `DLP_PHONE_NUMBERS`.
    pub phone_numbers: bool,
    /// `DLP_CC_NUMBERS`: numbers of payment cards.
    pub card_numbers: bool,
    /// `DLP_PRIVATE_KEYS`.
    pub private_keys: bool,
    /// `DLP_HASHES`.
    pub hashes: bool,
    /// `DLP_WINDOWS_CREDS`.
    pub windows_credentials: bool,
    /// `DLP_LINUX_CREDS`.
    pub linux_credentials: bool,
    /// `DLP_API`: keys and tokens of services.
    pub api_keys: bool,
    /// `DLP_LOG_LEAKED_DATA`: an excerpt shows what stands before the leak.
    pub report_content: bool,
}

impl LeakOptions {
    /// Everything is looked for.
    pub const ALL: Self = Self {
        phone_numbers: true,
        card_numbers: true,
        private_keys: true,
        hashes: true,
        windows_credentials: true,
        linux_credentials: true,
        api_keys: true,
        report_content: true,
    };

    /// Nothing is looked for.
    pub const NONE: Self = Self {
        phone_numbers: false,
        card_numbers: false,
        private_keys: false,
        hashes: false,
        windows_credentials: false,
        linux_credentials: false,
        api_keys: false,
        report_content: false,
    };
}

/// Looks for data that leaves.
#[derive(Debug, Clone, Copy)]
pub struct Leaks {
    wanted: LeakOptions,
    rules: &'static [(IsWanted, RuleSet)],
}

impl Leaks {
    /// Looks for what the options want to be found. Cheap but for the first time in a process, when
    /// the rules are compiled.
    ///
    /// # Errors
    /// Where a rule cannot be compiled: never, as tests see to.
    pub fn new(wanted: &LeakOptions) -> Result<Self, BuildError> {
        Ok(Self {
            wanted: *wanted,
            rules: compiled()?,
        })
    }

    /// Whether anything is looked for.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        let LeakOptions {
            phone_numbers,
            card_numbers,
            private_keys,
            hashes,
            windows_credentials,
            linux_credentials,
            api_keys,
            report_content: _,
        } = self.wanted;
        phone_numbers || card_numbers || private_keys || hashes || windows_credentials || linux_credentials || api_keys
    }

    /// The first leak in a text, in the order of the kinds. Takes linear time. The excerpt says
    /// what stands before what leaked where [`LeakOptions::report_content`] wants that; what leaked
    /// itself is in none, which would leak it once more.
    ///
    /// ```
    /// use buckler_waf::detect::leak::{LeakOptions, Leaks};
    /// let wanted = LeakOptions { card_numbers: true, ..LeakOptions::NONE };
    /// let caught = Leaks::new(&wanted)?.find("paid with 4111 1111 1111 1111").expect("a number of a card");
    /// assert_eq!((caught.finding.rule, &*caught.excerpt), ("card-number", "***"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Caught> {
        let mut wanted = self.rules.iter().filter(|(is_wanted, _)| is_wanted(&self.wanted));
        let by_rule = wanted.find_map(|(_, rules)| rules.find(text));
        let finding = by_rule.or_else(|| {
            let at = self.wanted.card_numbers.then(|| card(text.as_bytes())).flatten()?;
            Some(Finding::new("card-number", CERTAIN, at))
        })?;
        Some(Caught {
            family: Family::Leak,
            excerpt: if self.wanted.report_content {
                before_leak(text, finding.at.start)
            } else {
                MASK.into()
            },
            compared: Compared::of(text),
            finding,
        })
    }
}

/// What stands in front of the first leak of any kind, of which there is one.
fn before_leak(text: &str, known: usize) -> Box<str> {
    let end = first(text).map_or(known, |first| first.min(known));
    let before = text.get(..end).unwrap_or_default();
    let names = SecretNames::standard();
    let shown = names.shown_text(before).unwrap_or_else(|| format!("{before}{MASK}"));
    let at = shown.len().saturating_sub(MASK.len());
    excerpt(&shown, at..at)
}

/// Whether there is data of any kind in what an excerpt around `at` may show, or so near that some
/// of it would be shown.
pub(super) fn is_near(text: &str, at: usize) -> bool {
    /// A private key follows its first line at some distance.
    const BEFORE: usize = 4096;
    /// An excerpt's length, and that of the longest data that could begin in it.
    const AFTER: usize = 512;
    let start = text.floor_char_boundary(at.min(text.len()).saturating_sub(BEFORE));
    let end = text.floor_char_boundary(at.saturating_add(AFTER).min(text.len()));
    text.get(start..end).is_some_and(|near| first(near).is_some())
}

/// A path as it may be shown, up to the first segment in which there is data of any kind, as it
/// came or decoded, once or twice.
#[must_use]
pub fn shown_path(path: &str) -> Cow<'_, str> {
    /// What is shown of a path is far shorter.
    const LOOKED_AT: usize = 2048;
    let near = path.get(..path.floor_char_boundary(LOOKED_AT)).unwrap_or(path);
    let holds_data = |segment: &str| {
        let once = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
        let twice = percent_encoding::percent_decode_str(&once).decode_utf8_lossy();
        first(&once).is_some() || (twice != once && first(&twice).is_some())
    };
    let mut at = 0;
    for segment in near.split('/') {
        if holds_data(segment) {
            return Cow::Owned(format!("{}{MASK}", path.get(..at).unwrap_or_default()));
        }
        at += segment.len() + 1;
    }
    Cow::Borrowed(path)
}

/// Where the first data of any kind begins.
fn first(text: &str) -> Option<usize> {
    let by_rules = compiled()
        .into_iter()
        .flatten()
        .filter_map(|(_, rules)| rules.find(text));
    let starts = by_rules.map(|finding| finding.at.start);
    starts.chain(card(text.as_bytes()).map(|at| at.start)).min()
}

/// The rules, compiled once in a process.
pub(super) fn compiled() -> Result<&'static [(IsWanted, RuleSet)], BuildError> {
    // never waited for, as `Standard::shared` says
    static COMPILED: OnceBox<Vec<(IsWanted, RuleSet)>> = OnceBox::new();
    let compiled = COMPILED.get_or_try_init(|| {
        let rules = RULES
            .iter()
            .map(|(is_wanted, rules)| Ok((*is_wanted, RuleSet::new(rules)?)));
        rules.collect::<Result<_, BuildError>>().map(Box::new)
    })?;
    Ok(compiled)
}

/// The digits of a payment card's number (ISO/IEC 7812-1).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Where a card's number stands: groups of digits with a blank or a dash between them, the first of
/// a network's, the last a check digit.
fn card(text: &[u8]) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some(next) = text.get(at..)?.iter().position(u8::is_ascii_digit) {
        let start = at + next;
        let rest = text.get(start..)?;
        let before = start.checked_sub(1).and_then(|before| text.get(before));
        if before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.')
            && let Some(length) = card_length(rest)
        {
            return Some(start..start + length);
        }
        at = start + rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    None
}

/// How many bytes the number of a card takes that a text begins with. What follows it, as a check
/// value does, is told from it by the check digit.
fn card_length(text: &[u8]) -> Option<usize> {
    let mut digits = [0_u8; *CARD_DIGITS.end()];
    let mut count = 0;
    let mut group = 0;
    for (at, byte) in text.iter().enumerate() {
        let after = text.get(at + 1);
        match byte {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = byte - b'0';
                count += 1;
                group += 1;
                let ends = after.is_none_or(|next| !next.is_ascii_alphanumeric());
                if ends && CARD_DIGITS.contains(&count) && is_card(digits.get(..count)?) {
                    return Some(at + 1);
                }
            }
            // groups have four digits or more, the last one three
            b' ' | b'-' if group >= 4 && after.is_some_and(u8::is_ascii_digit) => group = 0,
            _ => return None,
        }
    }
    None
}

fn is_card(digits: &[u8]) -> bool {
    let is_network = matches!(
        digits,
        [3, 4..=7, ..] | [4, ..] | [5, 1..=5, ..] | [2, 2..=7, ..] | [6, 0 | 2 | 4 | 5, ..]
    );
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    is_network && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: LeakOptions = LeakOptions::ALL;

    #[test]
    fn paths_are_shown_up_to_what_is_recognised() {
        for (path, shown) in [
            ("/items/7", "/items/7"),
            ("/pay/4111%201111%201111%201111/x", "/pay/***"),
            ("/pay/4111%25201111%25201111%25201111", "/pay/***"),
            ("/4111-1111-1111-1111", "/***"),
            ("/orders/4111-1111-1111-1112", "/orders/4111-1111-1111-1112"),
        ] {
            assert_eq!(shown_path(path), shown);
        }
    }

    fn find(wanted: LeakOptions, text: &str) -> Option<&'static str> {
        Leaks::new(&wanted)
            .unwrap()
            .find(text)
            .map(|caught| caught.finding.rule)
    }

    #[test]
    fn each_kind_is_found_where_it_is_looked_for() {
        let none = LeakOptions::NONE;
        #[rustfmt::skip]
        let cases = [
            ("phone-number", LeakOptions { phone_numbers: true, ..none }, &["call +49 30 1234 5678 now", "(212) 555-0100"][..]),
            ("card-number", LeakOptions { card_numbers: true, ..none }, &[
                "card 4111 1111 1111 1111, valid", "5500-0000-0000-0004", "378282246310005", "3782 822463 10005",
                "4111 1111 1111 1111 123", "{\"n\":\"4111111111111111\"}", "1 2 4111111111111111",
            ]),
            ("private-key", LeakOptions { private_keys: true, ..none }, &[
                "-----BEGIN RSA PRIVATE KEY-----\nMII", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            ]),
            ("hash", LeakOptions { hashes: true, ..none }, &[
                "$2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
                "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr",
            ]),
            ("windows-credentials", LeakOptions { windows_credentials: true, ..none }, &[
                "Administrator:500:aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0:::",
            ]),
            ("linux-credentials", LeakOptions { linux_credentials: true, ..none }, &[
                "root:x:0:0:root:/root:/bin/bash\n", "x\nroot:$6$abcdefghijkl:19000:0:99999:7:::", "<pre>daemon:*:19000:0:99999:7:::",
                r#"{"line":"root:x:0:0:root:/root:/bin/bash"}"#, "?remark=root:x:0:0:root:/root:/bin/bash",
            ]),
            ("api-key", LeakOptions { api_keys: true, ..none }, &[
                "AKIAIOSFODNN7EXAMPLE", "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghijklmnop==",
            ]),
        ];
        for (rule, wanted, texts) in cases {
            for text in texts {
                assert_eq!(find(wanted, text), Some(rule), "{text}");
                assert_eq!(find(ALL, text), Some(rule), "{text}");
            }
        }
    }

    #[test]
    fn what_is_not_looked_for_passes() {
        assert_eq!(find(LeakOptions::NONE, "4111 1111 1111 1111"), None);
        let hashes = LeakOptions {
            hashes: true,
            ..LeakOptions::NONE
        };
        assert_eq!(find(hashes, "4111 1111 1111 1111"), None);
        let is_any = |wanted| Leaks::new(&wanted).unwrap().is_any();
        assert!(is_any(ALL) && is_any(hashes) && !is_any(LeakOptions::NONE));
    }

    #[test]
    fn what_leaked_is_never_shown_and_what_stands_before_it_where_that_is_wanted() {
        let shown = |report_content| {
            let wanted = LeakOptions { report_content, ..ALL };
            Leaks::new(&wanted)
                .unwrap()
                .find("pay 4111 1111 1111 1111")
                .unwrap()
                .excerpt
        };
        assert_eq!((&*shown(true), &*shown(false)), ("pay ***", "***"));
    }

    #[test]
    fn look_alikes_pass() {
        for text in [
            "order 4111111111111112",
            "1234567890123456",
            "id 20240101123456789",
            "2024-11-05 10:33:02",
            "v1.2.3-rc.4",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----",
            "a:b:c:d",
            "price: $2.50",
            "isbn 978-3-16-148410-0",
            "uuid 550e8400-e29b-41d4-a716-446655440000",
            "0.4111111111111111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "a4111111111111111",
            "4111111111111111b",
            "{sha} of the commit",
            "d41d8cd98f00b204e9800998ecf8427e",
            "",
        ] {
            assert_eq!(find(ALL, text), None, "{text}");
        }
    }

    #[test]
    fn digits_without_end_are_read_once() {
        let text = "4111 ".repeat(20_000) + &"4".repeat(100_000);
        assert_eq!(find(ALL, &text), None);
    }
}
