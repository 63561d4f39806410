//! Server-side request forgery (CWE-918; OWASP Top 10 A10:2021): URLs that lead back inside.
//!
//! A URL of a page is what such parameters are for. One to this very host, to a cloud's metadata (169.254.169.254 and its names), in
//! a form of address that only filters do not read (RFC 3986, section 7.4), or with a scheme that speaks to other services, is not.

use super::{BuildError, Detector, Family, Finding, Marks, Rule, RuleSet, Value, lexicon::Lexicon, rules::always};
use crate::model::places::Part;

pub(super) const RULES: &[Rule] = &[
    always(
        "scheme",
        r#"^['"]?\s*(?:url=)?(?:gopher|dict|tftp|netdoc|expect|phar|ogg|ssh2|rar|zip|glob|ldaps?|sftp|php|data)://|^['"]?\s*jar:(?:https?|file|ftp):"#,
    ),
    always("file", r#"^['"]?\s*(?:url:)?file:[\\/$]"#),
    always(
        "internal-host",
        r"^\W{0,3}(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}(?:[^\\/?#\s]*@)?(?:localhost|ip6-localhost|127\.|0(?:\.0\.0\.0)?(?:[:/]|$)|\[::|\[0+:|\[f[cde][0-9a-f]{2}:|kubernetes\.default\b|[\w.-]+\.svc(?:\.cluster\.local)?(?:[:/]|$)|169\.254\.\d|192\.0\.0\.192|100\.100\.100\.200|metadata(?:\.google|\.packet|/|:|$)|instance-data|(?:[\w-]+\.)*(?:nip\.io|xip\.io|sslip\.io|localtest\.me|lvh\.me|vcap\.me|rbndr\.us|localdomain\.pw)(?:[:/]|$))",
    ),
    always(
        "odd-address",
        r"^\W{0,3}(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}(?:[^\\/?#\s]*@)?(?:0x[0-9a-f]{1,16}(?:[.:/]|$)|0[0-7]{3,}(?:[.:/]|$)|0\d{1,3}\.\d|\d{8,10}(?:[:/]|$)|(?:25[6-9]|2[6-9]\d|[3-9]\d{2})(?:\.\d{1,3}){3}(?:[:/]|$))|^\w+://[^/\s]*@(?:\[|0x|\d+(?:\.|/|$|:))",
    ),
    // services that tell an attacker that somebody called
    always(
        "callback",
        r"\b[\w-]+\.(?:burpcollaborator\.net|oast\.(?:me|fun|live|online|pro|site)|interact\.sh|oastify\.com|dnslog\.cn|requestbin\.net|canarytokens\.com)\b",
    ),
];

/// Finds URLs that lead inside.
pub(super) struct Ssrf {
    rules: RuleSet,
}

impl Ssrf {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            rules: RuleSet::with(RULES, lexicon)?,
        })
    }
}

impl Detector for Ssrf {
    fn family(&self) -> Family {
        Family::Ssrf
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(Marks::COLON.and(Marks::SLASH))
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() || tells_where_it_comes_from(value) {
            return None;
        }
        self.rules.judge(value)
    }
}

/// Headers in which a browser names the page that it shows, on a developer's machine `http://localhost`.
fn tells_where_it_comes_from(value: &Value<'_>) -> bool {
    value.place.part == Part::Header
        && matches!(value.place.name, "referer" | "origin" | "host")
        && value.text.starts_with("http")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, find_in_header};

    #[test]
    fn ways_inside_are_found() {
        assert_finds(
            "ssrf",
            &[
                "http://169.254.169.254/latest/meta-data/",
                "http://metadata.google.internal/computeMetadata/v1/",
                "http://localhost:8080/admin",
                "http://127.1/",
                "http://2130706433/",
                "http://0x7f000001/",
                "http://0177.0.0.1/",
                "http://[::1]/",
                "http://[::ffff:127.0.0.1]/",
                "gopher://127.0.0.1:6379/_SET",
                "dict://localhost:11211/stats",
                "http://example.com@127.0.0.1/",
                "//127.0.0.1/x",
                "http://x.burpcollaborator.net/",
            ],
        );
    }

    #[test]
    fn urls_of_pages_pass() {
        assert_passes(&[
            "https://example.com/",
            "http://example.com:8080/x",
            "https://1.1.1.1/",
            "mailto:a@example.com",
            "ftp is old",
            "see http://localhost:3000 while developing",
            "//cdn.example.com/x.js",
            "https://metadata-standards.example.org/",
        ]);
        assert_eq!(find_in_header("referer", "http://localhost:3000/x"), None);
        assert_eq!(find_in_header("x-url", "http://localhost:3000/x").unwrap().0, "ssrf");
    }
}
