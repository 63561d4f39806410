//! LDAP injection (CWE-90; RFC 4515): a filter that is closed, and another one opened.

use super::{
    BuildError, Family, Marks, Rule, Value,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, short},
};
use crate::places::Part;

pub(super) const RULES: &[Rule] = &[short(
    "filter",
    r"\*\)\s*\(|\)\s*\(\s*[|&!]\s*\(|^[^\s]*\)\(\s*[|&!]?\s*(?:\w+[=~<>]|\)?$)|\)\(\w+=[^()\n]*(?:\)|\*)|\(\s*[|&!]\s*\(\s*[\w.-]+\s*[~<>]?=|^\*?\(\)\|?&|\*\(\)\|&|^\(?\*\)|\*\(\|\(|^\*\)\(",
)];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(Family::Ldap, Marks::ROUND.and(Marks::STAR), ENTERED, RULES, lexicon)
        .map(|rules| rules.unless(is_excused))
}

/// Brackets and stars in a password are as likely as other signs, unless they compare with what
/// filters log-ins by. In a setting, a whole filter is what is asked for.
fn is_excused(_: &Rule, value: &Value<'_>) -> bool {
    let name = value.place.name.to_ascii_lowercase();
    let is_setting = value.place.part == Part::Body && (name.contains("ldap") || name.ends_with("filter"));
    value.is_password() && !compares_passwords(value.text) || is_setting && is_whole(value.text)
}

/// Whether a text compares as an attack on a filter's value for a password does: it closes more
/// than it opened, and then opens a filter, as in `*)(uid=*`, `x)(|(a=b`, `x)(&)`.
fn compares_passwords(text: &str) -> bool {
    let mut depth = 0_i32;
    let mut is_closed = false;
    text.char_indices().any(|(at, sign)| {
        depth += match sign {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        is_closed |= depth < 0;
        let behind = text.get(at + sign.len_utf8()..).unwrap_or_default();
        let is_filter = || {
            let word = behind.trim_start_matches(|sign: char| sign.is_ascii_alphanumeric() || "-.;:".contains(sign));
            let is_compared =
                behind.len() - word.len() > 1 && word.trim_start_matches(['~', '<', '>']).starts_with('=');
            is_compared
                || ["&)", "&(", "|(", "!(", "|)"]
                    .iter()
                    .any(|joined| behind.starts_with(joined))
                || behind == "&"
        };
        is_closed && sign == '(' && is_filter()
    })
}

/// Whether a text is one filter (RFC 4515): its first bracket is closed by its last.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    let mut depth = 0_i32;
    let mut rest = text.char_indices().filter(|(_, sign)| matches!(sign, '(' | ')'));
    let closes_early = rest.any(|(at, sign)| {
        depth += if sign == '(' { 1 } else { -1 };
        depth <= 0 && at + 1 < text.len()
    });
    text.starts_with('(') && !closes_early && depth == 0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "ldap",
            &[
                r##"*)(uid=*))(|(uid=*"##,
                r##"admin)(&)"##,
                r##"*(|(objectclass=*))"##,
                r##"(&(uid=admin)(!(&(1=0)(userPassword=q))))"##,
                r##")(cn=))\x00"##,
                r##"*()|&'"##,
                r##"(*)*)"##,
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"f(x)(y)"##,
            r##"call (me) (now)"##,
            r##"5 * (3 + 2)"##,
            r##"(a) & (b)"##,
            r##"a*b"##,
            r##"parse(x)(&bytes)"##,
            r##"*important*"##,
            r##"**bold** (really)"##,
        ]);
    }
}
