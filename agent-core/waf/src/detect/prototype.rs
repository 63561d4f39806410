//! Prototype pollution (CWE-1321): members through which a JavaScript object reaches what all
//! objects share.

use super::{
    BuildError, Family, Marks, Rule,
    lexicon::Lexicon,
    rules::{ENTERED, Simple, always, short},
};

pub(super) const RULES: &[Rule] = &[
    short(
        "member",
        r#"__proto__|constructor['"]?\s*(?:\.|\[|:\s*\{)\s*['"]?prototype"#,
    ),
    always(
        "name",
        r#"^\W*__proto__\W*$|__proto__['"]?\s*[\[:.]|\[\s*['"]?__proto__"#,
    ),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(
        Family::Prototype,
        Marks::UNDERSCORE.and(Marks::DOT).and(Marks::SQUARE).and(Marks::CURLY),
        ENTERED,
        RULES,
        lexicon,
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "prototype",
            &[
                r##"__proto__[test]=test"##,
                r##"a[__proto__][x]"##,
                r##"constructor.prototype.x"##,
                r##"constructor[prototype]"##,
                r##"{"__proto__": {"a": 1}}"##,
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"prototype of a car"##,
            r##"the constructor and its prototype"##,
            r##"proto_buf"##,
            r##"_proto_"##,
        ]);
    }
}
