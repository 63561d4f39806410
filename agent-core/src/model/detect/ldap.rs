//! LDAP injection (CWE-90; RFC 4515): a filter that is closed, and another one opened.

use super::{
    BuildError, Family, Marks, Rule, Value,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, short},
};

pub(super) const RULES: &[Rule] = &[short(
    "filter",
    r"\*\)\s*\(|\)\s*\(\s*[|&!]\s*\(|^[^\s]{0,40}\)\(\s*[|&!]?\s*(?:\w+[=~<>]|\)?$)|\)\(\w+=[^()\n]*(?:\)|\*)|\(\s*[|&!]\s*\(\s*[\w.-]+\s*[~<>]?=|^\*?\(\)\|?&|\*\(\)\|&|^\(?\*\)|\*\(\|\(|^\*\)\(",
)];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(Family::Ldap, Marks::ROUND.and(Marks::STAR), ENTERED, RULES, lexicon)
        .map(|rules| rules.unless(is_excused))
}

/// Brackets and stars in a password are as likely as other signs, unless they compare.
fn is_excused(_: &Rule, value: &Value<'_>) -> bool {
    value.is_password() && !value.marks.any(Marks::EQUALS)
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
