//! Path traversal (CWE-22, CWE-23, CWE-36; OWASP WSTG-ATHZ-01) and files of the system that no parameter should name.
//!
//! One step up is what relative links are made of; two in a row, one from the root, or one towards a known file is an attack. So is
//! an absolute path to a file of the system, where it is the whole value: in prose such paths are mentioned.

use super::{
    BuildError, Detector, Family, Finding, Marks, Rule, RuleSet, Value,
    lexicon::Lexicon,
    rules::{always, hint, short},
};

/// The beginning of a value that is a path so far.
macro_rules! path {
    () => {
        r#"^['"]?[^\s<>"{}|]*"#
    };
}

/// Files below a Unix root that hold accounts, settings and logs.
macro_rules! unix {
    () => {
        r"(?:etc/+(?:\./+)*[\w.-]|proc/+(?:self|version|cmdline|mounts|net|sched_debug|cpuinfo|meminfo|\d+/)|var/+(?:log|mail|spool|run|www|adm|lib|lp|lock|cpanel|apache2?|nm2|webmin)\b|root/+\.|usr/+local/+(?:apache\d?|etc|php\d?|nginx|zeus|www|cpanel|psa|pureftpd|lib)\b|usr/+(?:etc|pkg|apache\d?|ports|lib/(?:php|rpm|cron|security))\b|opt/+(?:lampp|xampp|apache\d?|nginx|tomcat\d?)\b|home/+[^/\s]+/+\.|boot/+grub|private/+etc/)"
    };
}

/// The same of Windows.
macro_rules! windows {
    () => {
        r"(?:boot\.ini|win\.ini|windows[\\/]+\w|winnt[\\/]+\w|inetpub[\\/]|sysprep\.|global\.asax|xampp[\\/]|program files[\\/ (]|apache\d?(?:\.\d)?[\\/]+(?:logs?|conf)|pagefile\.sys|ntuser\.dat|system32[\\/]|documents and settings|logs?[\\/]+(?:access|error|httpd)|users[\\/]+(?:administrator|all users))"
    };
}

const MARKS: Marks = Marks::DOT.and(Marks::SLASH).and(Marks::BACKSLASH);

pub(super) const RULES: &[Rule] = &[
    always("steps", concat!(path!(), r"(?:\.\.+[\\/]+[^\s\\/]{0,12}[\\/]*){2,}")),
    always(
        "steps-inside",
        concat!(
            path!(),
            r"[\\/](?:\.\.+[\\/;]+){2,}|",
            path!(),
            r"[\\/]\w+[\\/]\.\.[\\/;]+\w+[\\/]"
        ),
    ),
    hint("step", 60, r#"^['"]?(?:[a-z]:)?[\\/]*(?:\.\.+[\\/;]+)+"#),
    hint(
        "step-odd",
        30,
        r#"^['"]?(?:[a-z]:)?[\\/]+(?:\.\.+[\\/;]+)+|^(?:\.\.+[\\/]){2,}|^\.\.\\|^\.\.[\\/]+\S*\.(?:ini|conf|cfg|php|log|env|htaccess)$|^\.\.[\\/]+\W*$|^\.\.[\\/]+\{|^[\\/]*\.\.;"#,
    ),
    // dots and slashes in codes that nothing resolved (dotdotpwn)
    always(
        "steps-coded",
        r"(?:(?:\.|0x2e|\xEF\xBF\xBD\^?|\?){2,12}(?:[\\/]|0x2f|0x5c|(?:\xEF\xBF\xBD)?%[a-z0-9]{2}|%5%c|2f|5c)+){2,}",
    ),
    always(
        "target-coded",
        r"(?:\.\.|0x2e|\xEF\xBF\xBD)[^\n]{0,200}?(?:etc[^\w\s]{1,12}[a-z0-9]{0,2}(?:passwd|issue|hosts|shadow|group)|boot\.ini|win\.ini|windows[^\w\s]{1,8}[a-z0-9]{0,2}system32)",
    ),
    always(
        "target",
        r"^\S{0,200}etc[^\w\s-]{1,8}[a-z0-9]{0,2}(?:passwd|issue|hosts|shadow)\S{0,8}$|^\S*[^\w\s]\w?boot\.ini|^\S*(?:windows|winnt)[^\w\s]{1,8}[a-z0-9]{0,2}system32\S*$",
    ),
    always(
        "dots",
        r"^[/.\\]{8,}[a-z{]|^/?(?:\.[\\/]{1,2}){3,}|^/?(?:\.{1,2}[\\/]+){3,}|^\.?[\\/]+\.\.[\\/]*$",
    ),
    always(
        "system-file",
        concat!(
            r#"^['"]?(?:file:)?(?:[\w.:%$@~-]*/){0,3}/*(?:[\\/]|^)"#,
            unix!(),
            r"[^\s<>]*$"
        ),
    ),
    short(
        "system-file-quoted",
        r#"['"](?:file://)?/etc/(?:passwd|shadow|hosts)['"]"#,
    ),
    always(
        "windows-file",
        concat!(
            r#"^['"]?(?:file:/*)?[a-z]:[\\/]+(?:[^\n\\/]+[\\/]+)*"#,
            windows!(),
            r#"[^<>\n]{0,80}$|^['"]?\\*(?:boot\.ini|win\.ini|(?:windows|winnt)[\\/]+(?:system|win\.ini|temp|repair|php)|inetpub[\\/]|xampp[\\/]|program files[\\/]|apache\d?(?:\.\d)?[\\/]+(?:logs?|conf)|system32[\\/]|logs?[\\/]+(?:access|error|httpd))[^<>\s]{0,80}$"#
        ),
    ),
    always(
        "hidden-file",
        r"^(?:[\w.~-]{0,40}[\\/]+){0,8}\.(?:htaccess|htpasswd|dockerenv|env|git/|ssh/|bash_history|netrc|aws/|svn/|mysql_history|my\.cnf|npmrc|pgpass|rhosts|boto)[^\s]*$",
    ),
    // what a servlet container keeps to itself (Servlet 6.0, section 10.5)
    always(
        "container-file",
        r"^[^\s<>]{0,80}\b(?:WEB|META)-INF[\\/]+[\w./-]+\.(?:xml|class|properties|ya?ml|jar)\W*$",
    ),
    // https://www.php.net/manual/en/wrappers.php
    always(
        "wrapper",
        r"\b(?:php|phar|expect|zip|compress\.\w+|glob|data|ogg|ssh2)://(?:filter|input|stdin|memory|temp|fd|text|[a-z]+/)|convert\.(?:iconv|base64|quoted)[.-]",
    ),
];

/// Finds traversal.
pub(super) struct Path {
    rules: RuleSet,
}

impl Path {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            rules: RuleSet::with(RULES, lexicon)?,
        })
    }
}

impl Detector for Path {
    fn family(&self) -> Family {
        Family::Path
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(MARKS)
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() {
            return None;
        }
        // a name that ends in a NUL is another file than it says
        let cut = if value.disguise.nul { 30 } else { 0 };
        let mut finding = self.rules.judge(value)?;
        finding.score = finding.score.saturating_add(cut).min(100);
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes};

    #[test]
    fn traversal_is_found() {
        assert_finds(
            "traversal",
            &[
                "../../../../etc/passwd",
                "..\\..\\windows\\win.ini",
                "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
                "..%c0%af..%c0%afetc/passwd",
                "....//....//etc/passwd",
                "/static/img/../../etc/passwd",
                "/etc/passwd",
                "file:///etc/shadow",
                "/proc/self/environ",
                "C:\\Windows\\System32\\drivers\\etc\\hosts",
                "../../../x.png%00",
                "0x2e0x2e/0x2e0x2e/boot.ini",
                "php://filter/convert.base64-encode/resource=index.php",
                "/..;/manager",
                ".htpasswd",
                "/../secret/",
                "..∕..∕..∕boot.ini",
            ],
        );
    }

    #[test]
    fn look_alikes_pass() {
        assert_passes(&[
            "../images/logo.png",
            "a/../b",
            "./readme.md",
            "wait... what?/",
            "https://example.com/etc/about.html",
            "see /etc/hosts for details",
            "/t/what-is-etc-passwd/123",
            "images/2024/11/pic.jpg",
            "/variety/library",
            "1.2.3/4",
            "C:\\Users\\anna\\Documents\\letter.docx",
            "and/or",
            "Windows/Linux",
            "Program Files (x86)",
            "import x from '../lib/y'",
        ]);
    }
}
