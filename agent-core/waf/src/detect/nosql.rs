//! Injection into document databases (CWE-943; OWASP WSTG-INPV-05.6): operators where a field's
//! name stands, and JavaScript that leaves the string it was put in.

use super::{
    BuildError, Family, Marks, Rule, Value,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, always, short},
};
use crate::places::{NameHints, Role};

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
    if value.role == Role::Name {
        return rule.name == "operator" && is_of_a_pipeline(value.place.name);
    }
    rule.name == "operator" && value.is_password() && !value.text.contains(['{', '"', ':'])
        || matches!(rule.name, "operator" | "operator-coded")
            && value.place.hints().any(NameHints::QUERY)
            && asks_for_ranges(value.text)
}

/// Stages of pipelines in which fields are compared.
const STAGES: &[&str] = &[
    "$match",
    "$lookup",
    "$facet",
    "$group",
    "$project",
    "$addFields",
    "$set",
    "$geoNear",
    "$graphLookup",
    "$replaceRoot",
    "$replaceWith",
    "$unionWith",
    "$setWindowFields",
];

/// Whether a member is one of a pipeline's stages, which applications write down themselves.
fn is_of_a_pipeline(name: &str) -> bool {
    let mut names = name.split(['.', '[', ']']);
    let is_pipeline = |name: &str| name.eq_ignore_ascii_case("pipeline");
    names.by_ref().any(is_pipeline)
        && names
            .find(|name| name.bytes().any(|byte| !byte.is_ascii_digit()))
            .is_some_and(|name| STAGES.contains(&name))
}

/// Whether each operator of an expression is one of a range, with a number or a date that ends it:
/// `{"score": {"$gte": 1000}}`. What is compared with nothing (`{"$gt": ""}`) is everything.
fn asks_for_ranges(text: &str) -> bool {
    const OPERATORS: &[&str] = &["gte", "gt", "lte", "lt"];
    let is_range = |from: &str| {
        let length = from.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (operator, rest) = from.split_at_checked(length).unwrap_or_default();
        let rest = rest.trim_start_matches(['"', '\'', ' ']);
        let operand = rest.strip_prefix(':').unwrap_or_default();
        let digits = operand.trim_start_matches([' ', '"', '\'', '-']);
        let is_number = digits.starts_with(|first: char| matches!(first, '1'..='9'));
        OPERATORS.contains(&operator) && is_number
    };
    text.starts_with('{') && text.split('$').skip(1).all(is_range)
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
