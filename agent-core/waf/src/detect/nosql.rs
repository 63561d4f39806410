//! Injection into document databases (CWE-943; OWASP WSTG-INPV-05.6): operators where a field's
//! name stands, and JavaScript that leaves the string it was put in.

use super::{
    BuildError, Family, Marks, Rule, Value,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, always, short},
};
use crate::places::Role;

pub(super) const RULES: &[Rule] = &[
    short(
        "operator",
        r#"(?:^|\[|[{,]\s*['"]?|\.)\$(?:ne|eq|gte?|lte?|n?in|nor|or|and|not|regex|where|exists|size|all|lookup|unionWith|accumulator|elemMatch|mod|expr|comment|func|function)\b['"]?\s*(?:\]|:|$)"#,
    ),
    short(
        "operator-behind",
        r#"['"\d]\s*[,;]\s*\$(?:ne|gt|or|where|regex|comment|and)\b|['"]\s*\}\s*\]\s*,\s*\$\w+"#,
    ),
    short(
        "script",
        r#"^[^\s'"]*(?:[ \t]+[^\s'"]+){0,3}['"]?\s*(?:;|&&|\|\|)\s*(?:this\.\w|return\b\s*(?:['"(]|true\b|false\b|\d\s*(?:;|$))|sleep\(\d|var\s+\w+\s*=\s*new\b|\d\s*==\s*\d|'\w*'\s*==)"#,
    ),
    always("match", r"\bthis\.\w+\.match\("),
    short(
        "shell",
        r"\bdb\.(?:getCollection\w*|getSiblingDB|adminCommand|runCommand|dropDatabase)\(|\bdb\.\w+\.(?:insert|find|drop|update|remove|aggregate|count|save)\w*\(",
    ),
    short("operator-coded", r#"\{\s*"[$&](?:exists|ne|gt|regex|where)"\s*:"#),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(
        Family::Nosql,
        Marks::DOLLAR
            .and(Marks::QUOTE)
            .and(Marks::SEMICOLON)
            .and(Marks::PIPE)
            .and(Marks::DOT)
            .and(Marks::CURLY),
        ENTERED,
        RULES,
        lexicon,
    )
    .map(|rules| rules.unless(is_excused))
}

/// Whether a rule that matches says nothing here: an operator is one in the place of a name, and a
/// password may begin with a dollar.
fn is_excused(rule: &Rule, value: &Value<'_>) -> bool {
    rule.name == "operator" && value.role == Role::Value && value.is_password() && !value.text.contains(['{', '"', ':'])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "nosql",
            &[
                r##"$ne"##,
                r##"user[$gt]"##,
                r##"{"$gt": ""}"##,
                r##"{ $ne: 1 }"##,
                r##"', $where: '1 == 1'"##,
                r##"' && this.password.match(/.*/)//"##,
                r##"';return(true);var x='"##,
                r##"db.users.find({})"##,
                r##"';sleep(5000);"##,
                r##"|| 1==1"##,
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"$100"##,
            r##"costs $5, or more"##,
            r##"this.is.fine"##,
            r##"$type of thing"##,
            r##"user[name]"##,
            r##"db.example.com"##,
            r##"a && b || c"##,
            r##"; return it by Friday"##,
            r##"{"price": "$in"}"##,
        ]);
    }
}
