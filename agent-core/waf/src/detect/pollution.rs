//! Parameter pollution (CWE-235; OWASP WSTG-INPV-04): one parameter more than once, of which the
//! application reads another one than the filter in front of it.
//!
//! Repeats as such are honest: lists of boxes that are ticked. What is told apart is a repeat of a
//! name that is written in two ways (`id` and `id[]`), and an attack that is split over repeats,
//! which one framework joins with commas (ASP.NET) and another one does not. Shops and tables write
//! their filters both ways (`cat=7&cat[]=9`): that decides nothing but what is shown. It counts
//! where the name says who or what is acted upon.

use std::collections::BTreeMap;

use super::{CERTAIN, Caught, Compared, Detectors, Family, Finding, Fuel, Options, excerpt_at};
use crate::places::{Field, Place, Role};

/// The most names that are kept, and the most bytes of joined values: more is a flood, not
/// pollution.
const MOST_NAMES: usize = 64;
const MOST_BYTES: usize = 2048;

/// What a repeat counts, in hundredths.
const REPEATED: u8 = 40;

/// What a list counts that is written in two ways, in hundredths.
const MIXED: u8 = 60;

/// Whether any name comes twice: asked of every request, so that only those with repeats are taken
/// apart for them. Takes some names for equal that are not.
#[derive(Debug)]
pub struct Repeats {
    seen: [u64; MOST_NAMES],
    count: usize,
    any: bool,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            seen: [0; MOST_NAMES],
            count: 0,
            any: false,
        }
    }
}

impl Repeats {
    /// Takes note of a value.
    pub fn note(&mut self, field: &Field<'_>) {
        let name = field.place.name;
        if self.any || field.role != Role::Value || name.is_empty() {
            return;
        }
        let name = hash(plain(name).as_bytes());
        let (seen, rest) = self.seen.split_at_mut(self.count);
        self.any = seen.contains(&name);
        if let Some(next) = rest.first_mut() {
            *next = name;
            self.count += 1;
        }
    }

    /// Whether one did.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.any
    }
}

/// FNV-1a (RFC 9923): names are short, and a collision costs nothing but time.
fn hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Returns a parameter's name without what makes it a list's: `ids` of `ids[]`.
#[must_use]
pub fn plain(name: &str) -> &str {
    // asked of every name: a search from the end would be set up anew for each
    let mut plain = name;
    for ending in ["[]", "%5B%5D"] {
        while let Some(shorter) = plain.strip_suffix(ending) {
            plain = shorter;
        }
    }
    plain.trim()
}

/// Names and values of one part of a request, as they come.
#[derive(Debug, Default)]
pub struct Pollution {
    names: BTreeMap<String, Values>,
}

#[derive(Debug, Default)]
struct Values {
    count: usize,
    as_list: bool,
    as_one: bool,
    joined: Vec<u8>,
}

impl Pollution {
    /// Takes what it costs to take note of a value. Whether there was as much.
    #[must_use]
    pub fn is_paid(&self, field: &Field<'_>, fuel: Option<&Fuel>) -> bool {
        /// Steps of a name that is looked up.
        const A_NAME: u64 = 100;
        let bytes = field.place.name.len().saturating_add(field.value.len()) as u64;
        fuel.is_none_or(|fuel| fuel.spend(A_NAME + bytes))
    }

    /// Takes note of a value.
    pub fn note(&mut self, field: &Field<'_>) {
        let name = field.place.name;
        if field.role != Role::Value || name.is_empty() {
            return;
        }
        let plain = plain(name);
        let is_full = self.names.len() >= MOST_NAMES;
        if is_full && !self.names.contains_key(plain) {
            return;
        }
        let repeats = self.names.entry(plain.to_owned()).or_default();
        if repeats.count > 0 && repeats.joined.len() < MOST_BYTES {
            repeats.joined.push(b',');
        }
        repeats.count += 1;
        repeats.as_list |= plain.len() < name.len();
        repeats.as_one |= plain.len() == name.len();
        let room = MOST_BYTES.saturating_sub(repeats.joined.len());
        let kept = field.value.get(..room).unwrap_or(field.value);
        repeats.joined.extend_from_slice(kept);
    }

    /// The parameter that is polluted most, with the finding. Its values, joined, are searched for
    /// all that is searched for by default, with the fuel and the names of the options.
    #[must_use]
    pub fn judge(&self, detectors: &Detectors, like: &Field<'_>, options: &Options<'_>) -> Option<(String, Caught)> {
        let options = &Options {
            ask: options.ask,
            fuel: options.fuel,
            context: options.context,
            names: options.names,
            ..Options::STANDARD
        };
        let repeated = self.names.iter().filter(|(_, repeats)| repeats.count > 1);
        let at = |name| Place {
            part: like.place.part,
            name,
        };
        repeated
            .map(|(name, repeats)| (name.clone(), repeats.judge(detectors, like, &at(name), options)))
            .max_by_key(|(_, caught)| caught.finding.score)
    }
}

impl Values {
    fn judge(&self, detectors: &Detectors, like: &Field<'_>, at: &Place<'_>, options: &Options<'_>) -> Caught {
        let joined = Field {
            value: &self.joined,
            role: Role::Value,
            ..*like
        };
        let text = String::from_utf8_lossy(&self.joined);
        let found = |rule, score| Caught {
            family: Family::Pollution,
            finding: Finding::new(rule, score, 0..0),
            compared: Compared::of(&text),
            excerpt: excerpt_at(options.names, at, Role::Value, &text, 0..0),
        };
        if detectors
            .look_for(&joined, options)
            .is_some_and(|caught| caught.finding.score >= CERTAIN)
        {
            found("split", CERTAIN)
        } else if self.as_list && self.as_one && identifies(at.name) {
            found("mixed", CERTAIN)
        } else if self.as_list && self.as_one {
            found("list-both-ways", MIXED)
        } else {
            found("repeated", REPEATED)
        }
    }
}

/// Whether a parameter says who or what is acted upon: the one that a filter checks must be the one
/// that the application takes.
fn identifies(name: &str) -> bool {
    #[rustfmt::skip]
    const NAMES: &[&str] = &[
        "id", "uid", "uuid", "guid", "pid", "gid", "user", "username", "login", "email", "account", "owner", "role", "roles", "admin", "group", "permission", "scope",
        "amount", "price", "total", "quantity", "currency", "from", "to", "recipient", "sender", "action", "cmd", "op", "token", "url", "redirect", "file", "path",
    ];
    let word = name
        .rsplit(['_', '-', '.', '['])
        .next()
        .unwrap_or_default()
        .trim_end_matches(']');
    let is_named = NAMES.iter().any(|known| word.eq_ignore_ascii_case(known));
    is_named || word.ends_with("Id") || word.ends_with("ID")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        normal::Spelling,
        places::{Part, query},
    };

    fn judge(text: &str) -> Option<(String, &'static str, u8)> {
        let mut pollution = Pollution::default();
        query(text, &mut |field| {
            pollution.note(field);
            true
        });
        let like = Field::whole(Part::Query, Role::Value, b"", Spelling::Form);
        let (name, caught) = pollution.judge(&Detectors::standard().unwrap(), &like, &Options::STANDARD)?;
        Some((name, caught.finding.rule, caught.finding.score))
    }

    #[test]
    fn repeats_are_told_by_what_they_amount_to() {
        assert_eq!(judge("a=1&b=2"), None);
        assert_eq!(
            judge("color=red&color=blue"),
            Some(("color".to_owned(), "repeated", REPEATED))
        );
        assert_eq!(judge("id[]=1&id[]=2"), Some(("id".to_owned(), "repeated", REPEATED)));
        assert_eq!(judge("id=1&id[]=2"), Some(("id".to_owned(), "mixed", CERTAIN)));
        for name in ["user_id", "userId", "role", "to", "user[role]"] {
            let found = judge(&format!("{name}=1&{name}[]=2"));
            assert_eq!(found, Some((name.to_owned(), "mixed", CERTAIN)));
        }
        for name in ["cat", "ids", "sort", "brand", "color", "tags", "paid"] {
            let found = judge(&format!("{name}=1&{name}[]=2"));
            assert_eq!(found, Some((name.to_owned(), "list-both-ways", MIXED)));
        }
        assert_eq!(
            judge("id=1+union/*&id=*/select+1%2C2+from+users--"),
            Some(("id".to_owned(), "split", CERTAIN))
        );
    }

    #[test]
    fn floods_are_bounded() {
        let mut pollution = Pollution::default();
        let text: String = (0..10_000).map(|number| format!("n{number}=1&x=2&")).collect();
        query(&text, &mut |field| {
            pollution.note(field);
            true
        });
        assert!(pollution.names.len() <= MOST_NAMES);
        assert!(
            pollution
                .names
                .values()
                .all(|repeats| repeats.joined.len() <= MOST_BYTES + 1)
        );
    }
}
