//! Data that leaves (CWE-200; pyrasp's `DLP_*`): telephone numbers, payment cards, private keys, hashes, credentials.
//!
//! For answers. Each kind is asked for by itself, as the configuration switches each by itself.

use super::{BuildError, CERTAIN, Finding, Rule, RuleSet, Value, rules::always};

/// A kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leak {
    /// Telephone numbers (`DLP_PHONE_NUMBERS`).
    PhoneNumber,
    /// Numbers of payment cards (`DLP_CC_NUMBERS`).
    CardNumber,
    /// Private keys (`DLP_PRIVATE_KEYS`).
    PrivateKey,
    /// Hashes of passwords (`DLP_HASHES`).
    Hash,
    /// Accounts of Windows (`DLP_WINDOWS_CREDS`).
    WindowsCredentials,
    /// Accounts of Linux (`DLP_LINUX_CREDS`).
    LinuxCredentials,
}

/// In the order of [`Leak`] without cards, which need arithmetic.
const RULES: [(Leak, &[Rule]); 5] = [
    // E.164 with its plus sign, and the North American plan with its separators; bare digits are ids
    (
        Leak::PhoneNumber,
        &[always(
            "phone-number",
            r"(?:^|[^\w+])\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){2,4}(?:$|\D)|(?:^|[^\w.])\(\d{3}\) ?\d{3}-\d{4}(?:$|\D)|(?:^|[^\w.-])\d{3}-\d{3}-\d{4}(?:$|[^\w-])",
        )],
    ),
    (
        Leak::PrivateKey,
        // RFC 7468; OpenPGP (RFC 9580, section 6.2); PuTTY
        &[always(
            "private-key",
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d",
        )],
    ),
    (
        Leak::Hash,
        // crypt(5), phc-string-format, LDAP's RFC 2307
        &[always(
            "hash",
            r"\$2[abxy]\$\d\d\$[./a-z0-9]{53}|\$(?:1|5|6|y|apr1)\$[^\s$:]{1,40}\$[./a-z0-9]{20,}|\$argon2(?:id|i|d)\$v=\d+\$|\$pbkdf2[\w-]*\$|\{(?:SSHA|SHA|SMD5|MD5|CRYPT)\d*\}[a-z0-9+/=]{16,}",
        )],
    ),
    (
        Leak::WindowsCredentials,
        // the form of SAM dumps, and the files it comes from
        &[always(
            "windows-credentials",
            r"\b[\w.$-]{1,32}:\d{3,6}:[a-f0-9]{32}:[a-f0-9]{32}:::|\[boot loader\].{0,200}multi\(0\)disk",
        )],
    ),
    (
        Leak::LinuxCredentials,
        // passwd(5) and shadow(5)
        &[always(
            "linux-credentials",
            r"(?:^|[\n>])[a-z_][\w-]{0,31}:[^:\s]{0,128}:\d{1,10}:\d{1,10}:[^:\n]{0,80}:/[^:\n]{0,80}:/[\w/]{2,60}|(?:^|[\n>])[a-z_][\w-]{0,31}:(?:[*!]{1,2}|\$\d[^:\s]{10,}):\d{4,6}:\d*:\d*:\d*:",
        )],
    ),
];

/// Looks for data that leaves.
#[derive(Debug)]
pub struct Leaks {
    rules: Vec<(Leak, RuleSet)>,
    cards: bool,
}

impl Leaks {
    /// Looks for these kinds.
    ///
    /// # Errors
    /// Where a rule cannot be compiled: never, as tests see to.
    pub fn new(kinds: &[Leak]) -> Result<Self, BuildError> {
        let wanted = RULES.iter().filter(|(kind, _)| kinds.contains(kind));
        Ok(Self {
            rules: wanted
                .map(|(kind, rules)| Ok((*kind, RuleSet::new(rules)?)))
                .collect::<Result<_, BuildError>>()?,
            cards: kinds.contains(&Leak::CardNumber),
        })
    }

    /// The first leak in a text.
    #[must_use]
    pub fn look(&self, value: &Value<'_>) -> Option<(Leak, Finding)> {
        let by_rule = self
            .rules
            .iter()
            .find_map(|(kind, rules)| rules.judge(value).map(|finding| (*kind, finding)));
        by_rule.or_else(|| {
            let found = self.cards.then(|| card(value.bytes())).flatten();
            found.map(|at| (Leak::CardNumber, Finding::new("card-number", CERTAIN, at)))
        })
    }
}

/// Where a card's number stands: 13 to 19 digits with blanks or dashes between groups, the first of a network's, the last a check
/// digit (ISO/IEC 7812-1).
fn card(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    while let Some(start) = text
        .get(at..)?
        .iter()
        .position(u8::is_ascii_digit)
        .map(|next| at + next)
    {
        let (length, digits) = run(text.get(start..)?);
        let is_apart = start
            .checked_sub(1)
            .and_then(|before| text.get(before))
            .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
        if is_apart && is_card(&digits) {
            return Some(start..start + length);
        }
        at = start + length.max(1);
    }
    None
}

/// Digits in groups from the beginning of a text, at most twenty of them, and how many bytes they take.
fn run(text: &[u8]) -> (usize, Vec<u8>) {
    let mut digits = Vec::new();
    let mut length = 0;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                length = at + 1;
                if digits.len() < 20 {
                    digits.push(byte - b'0');
                }
            }
            b' ' | b'-' if length == at => {}
            _ => break,
        }
    }
    (length, digits)
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
    (13..=19).contains(&digits.len()) && is_network && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        normal::{Disguise, Spelling},
        places::{Field, Part, Role},
    };

    fn look(kinds: &[Leak], text: &str) -> Option<Leak> {
        let field = Field::whole(Part::Body, Role::Value, text.as_bytes(), Spelling::Literal);
        let value = Value::new(&field, text, Disguise::default());
        Leaks::new(kinds).unwrap().look(&value).map(|(leak, _)| leak)
    }

    const ALL: [Leak; 6] = [
        Leak::PhoneNumber,
        Leak::CardNumber,
        Leak::PrivateKey,
        Leak::Hash,
        Leak::WindowsCredentials,
        Leak::LinuxCredentials,
    ];

    #[test]
    fn each_kind_is_found() {
        for (kind, text) in [
            (Leak::PhoneNumber, "call +49 30 1234 5678 now"),
            (Leak::PhoneNumber, "(212) 555-0100"),
            (Leak::CardNumber, "card 4111 1111 1111 1111, valid"),
            (Leak::CardNumber, "5500-0000-0000-0004"),
            (Leak::PrivateKey, "-----BEGIN RSA PRIVATE KEY-----\nMII"),
            (
                Leak::Hash,
                "$2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
            ),
            (
                Leak::WindowsCredentials,
                "Administrator:500:aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0:::",
            ),
            (Leak::LinuxCredentials, "root:x:0:0:root:/root:/bin/bash\n"),
            (Leak::LinuxCredentials, "x\nroot:$6$abcdefghijkl:19000:0:99999:7:::"),
        ] {
            assert_eq!(look(&ALL, text), Some(kind), "{text}");
            assert_eq!(look(&[kind], text), Some(kind), "{text}");
        }
    }

    #[test]
    fn what_is_not_looked_for_passes() {
        assert_eq!(look(&[], "4111 1111 1111 1111"), None);
        assert_eq!(look(&[Leak::Hash], "4111 1111 1111 1111"), None);
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
        ] {
            assert_eq!(look(&ALL, text), None, "{text}");
        }
    }
}
