//! Path traversal (CWE-22, CWE-23, CWE-36; OWASP WSTG-ATHZ-01) and files of the system that no
//! parameter should name.
//!
//! One step up is what relative links are made of; two in a row, one from the root, or one towards
//! a known file is an attack. So is an absolute path to a file of the system, where it is the whole
//! value: in prose such paths are mentioned.
//!
//! Steps up are also how source code names its neighbours, error reports name files of the system,
//! and webhooks those of a commit: in such places of a body only steps towards a known file count.

mod honest;

use self::honest::{
    is_a_word_of_slashes, is_folder, is_of_a_build, is_of_a_machine, is_of_zones, is_picture, is_sample, is_set_up,
};
use super::{
    BuildError, Detector, Family, Finding, Marks, Rule, RuleSet, Value, data,
    lexicon::Lexicon,
    rules::{always, hint, short},
};
use crate::places::{Format, HeaderKind, NameHints, Part, Role};

/// The beginning of a value that is a path so far.
macro_rules! path {
    () => {
        r#"^['"]?[^\s<>"{}|()]*"#
    };
}

/// Files below a Unix root that hold accounts, settings and logs.
macro_rules! unix {
    () => {
        r"(?:etc/+(?:\./+)*[\w.-]|proc/+(?:self|version|cmdline|mounts|net|sched_debug|cpuinfo|meminfo|config\.gz|devices|filesystems|interrupts|ioports|kallsyms|kcore|keys|loadavg|modules|partitions|stat|swaps|uptime|\d+/)|var/+(?:log|mail|spool|run|www|adm|lib|lp|lock|cpanel|apache2?|nm2|webmin)\b|root/+\.|usr/+local/+(?:apache\d?|etc|php\d?|nginx|zeus|www|cpanel|psa|pureftpd|lib)\b|usr/+(?:etc|pkg|apache\d?|ports|lib/(?:php|rpm|cron|security))\b|opt/+(?:lampp|xampp|apache\d?|nginx|tomcat\d?)\b|home/+[^/\s]+/+\.|boot/+grub|private/+etc/|sys/+(?:class|devices|kernel|block|bus|module|firmware|fs|power|hypervisor)/|dev/+(?:fd/|shm/|mem$|kmem$|u?random$|zero$|null$|stdin$|sd[a-z]\d?$|vd[a-z]\d?$)|run/+(?:secrets|docker\.sock|systemd)\b|tmp/+sess_|system/+library/|srv/+(?:www|http|ftp)/+\S*\.\w|opt/+[\w.-]+/+(?:conf|config|etc)/)"
    };
}

/// Files that traversal is for, as they stand at its end.
macro_rules! known {
    () => {
        r"etc[\\/]+(?:passwd|shadow|group|hosts|issue|hostname|sudoers|crontab|fstab|ssh|nginx|apache2?|httpd|mysql|php)\b|proc[\\/]+(?:self|version|cmdline|sys|\d)|dev[\\/]+(?:null|zero|u?random|fd|shm)\b|root[\\/]+\.|boot\.ini|win\.ini|system32[\\/]|\.(?:env|htpasswd|htaccess)\b|\.(?:ssh|aws|git|svn|kube|docker)[\\/]|web\.config|wp-config|web-inf[\\/]|var[\\/]+log[\\/]|config[\\/]+(?:master\.key|credentials\.yml|secrets\.yml|database\.yml)"
    };
}

/// The same of Windows.
macro_rules! windows {
    () => {
        r"(?:boot\.ini|win\.ini|windows[\\/]+\w|winnt[\\/]+\w|inetpub[\\/]|sysprep\.|global\.asax|xampp[\\/]|program files[\\/ (]|apache\d?(?:\.\d)?[\\/]+(?:logs?|conf)|pagefile\.sys|ntuser\.dat|system32[\\/]|documents and settings|logs?[\\/]+(?:access|error|httpd)|users[\\/]+(?:administrator|all users))"
    };
}

/// The letter is for codes in place of signs (`0x2e0x2e0x2f`), the colon for URLs without a slash.
const MARKS: Marks = Marks::DOT
    .and(Marks::SLASH)
    .and(Marks::BACKSLASH)
    .and(Marks::COLON)
    .and(Marks::of_byte(b'x'));

pub(super) const RULES: &[Rule] = &[
    always("steps", concat!(path!(), r"(?:\.\.+[\\/]+[^\s\\/]*[\\/]*){2,}")),
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
        r#"^['"]?(?:[a-z]:)?[\\/]+(?:\.\.+[\\/;]+)+|^(?:\.\.+[\\/]){2,}|^\.\.\\|^\.\.[\\/]+\S*(?:\.(?:ini|conf|cfg|php|log|env|htaccess|properties|pem|key|sqlite3?|bak)|(?:database|secrets?|credentials|application|parameters)\.(?:ya?ml|json|toml))$|^\.\.[\\/]+\W*$|^\.\.[\\/]+\.[a-z]|^\.\.[\\/]+\{|^[\\/]*\.\.;"#,
    ),
    // towards a known file, wherever it stands
    always(
        "steps-to-target",
        concat!(r"\.\.[\\/]+(?:[\w.-]+[\\/]+)*(?:", known!(), r")"),
    ),
    // blanks and line breaks behind the dots, which Windows and some normalisers drop
    always(
        "steps-blank",
        concat!(
            r"(?:\.\.[\t\r\n ]{1,2}[\\/]+){2,}[\w.]|\.\.[\t\r\n ]{1,2}[\\/]+(?:[\w.-]+[\\/]+)*(?:",
            known!(),
            ")"
        ),
    ),
    // more than any source tree is deep
    short("steps-many", r"(?:\.\.[\\/]+){7}"),
    // dots and slashes in codes that nothing resolved (dotdotpwn)
    always(
        "steps-coded",
        r"(?:(?:0x2e|\xEF\xBF\xBD\^?|\?){2,}(?:[\\/]|0x2f|0x5c|(?:\xEF\xBF\xBD)?%[a-z0-9]{2}|%5%c|2f|5c)+){2}|(?:[.?]{2,}(?:0x2f|0x5c|\xEF\xBF\xBD+|(?:\xEF\xBF\xBD)?%[a-z0-9]{2}|%5%c|%?[\\/]%|%[\\/]|2f|5c)+){2}|(?:\.{2,}[\\/]%){2}",
    ),
    always(
        "step-coded",
        r"(?:0x2e){2}(?:[\\/]|0x2f|0x5c|\xEF\xBF\xBD|%)|\.\.(?:0x2f|0x5c|%(?:25)*%?(?:2%?f|5%?c)|%c[01]%)|^\.{4,}[\\/]+\S|^[\\/]+(?:\.[\\/]+)+\.\.[\\/]",
    ),
    always(
        "target-coded",
        r"(?:\.\.|0x2e|\xEF\xBF\xBD)\S*?(?:etc[^\w\s]+[a-z0-9]{0,2}(?:passwd|issue|hosts|shadow|group)|boot\.ini|win\.ini|windows[^\w\s]+[a-z0-9]{0,2}system32)",
    ),
    always(
        "target",
        r"^\S*etc(?:[^\w\s-][a-z0-9]{0,2}|0x2f|0x5c){1,6}(?:passwd|issue|hosts|shadow)\S{0,7}$|^\S*[^\w\s]\w?boot\.ini|^\S*(?:windows|winnt)(?:[^\w\s][a-z0-9]{0,2}|0x2f|0x5c){1,6}system32\S*$",
    ),
    always(
        "dots",
        r"^[/\\][/\\][/\\][/\\]{4,}[a-z{]|^[/\\]*\.[/.\\]{6,}[a-z{]|^/?(?:\.[\\/]{1,2}){3,}|^/?(?:\.{1,2}[\\/]+){3,}|^\.?[\\/]+\.\.[\\/]*$",
    ),
    always(
        "system-file",
        concat!(
            r#"^\s*['"]?(?:file:)?(?:[\w.:%$@~-]*/){0,3}/*(?:[\\/]|^)"#,
            unix!(),
            r"[^\s<>]*\s*$"
        ),
    ),
    // settings and logs of servers, under any root
    always(
        "server-file",
        r#"^['"]?(?:[a-z]:)?[\\/](?:[^<>\n]*[\\/])?(?:php\.ini|php-fpm\.conf|httpd\.conf|httpd-vhosts\.conf|apache2?\.conf|nginx\.conf|my\.cnf|my\.ini|sshd_config|vsftpd\.conf|proftpd\.conf|pure-ftpd\.conf|smb\.conf|tomcat-users\.xml|catalina\.out|web\.config|machine\.config|applicationhost\.config|wp-config\.php)$|^['"]?[\\/](?:[\w. -]+[\\/])*(?:logs?|apache\d?|httpd|nginx)[\\/]+(?:[\w.-]+[\\/])*(?:[\w.-]*(?:access|error)[._-]?logs?)$"#,
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
            r#"[^<>\s]*(?: [^<>\s]+){0,2}$|^['"]?\\*(?:boot\.ini|win\.ini|(?:windows|winnt)[\\/]+(?:system|win\.ini|temp|repair|php)|inetpub[\\/]|xampp[\\/]|program files[\\/]|apache\d?(?:\.\d)?[\\/]+(?:logs?|conf)|system32[\\/]|logs?[\\/]+(?:access|error|httpd))[^<>\s]*$"#
        ),
    ),
    always(
        "hidden-file",
        r"^(?:[\w.~-]*[\\/]+)*\.(?:htaccess|htpasswd|dockerenv|env|git/|ssh/|bash_history|zsh_history|netrc|aws/|svn/|kube/|docker/config|mysql_history|psql_history|my\.cnf|npmrc|pypirc|pgpass|rhosts|boto|git-credentials|bashrc|bash_profile|profile|zshrc|viminfo|gitconfig|python_history|node_repl_history|rediscli_history|sqlite_history|xauthority|gnupg/|azure/)[^\s]*$",
    ),
    // what a servlet container keeps to itself (Servlet 6.0, section 10.5)
    always(
        "container-file",
        r"^[^\s<>]*\b(?:WEB|META)-INF[\\/]+[\w./-]+\.(?:xml|class|properties|ya?ml|jar|mf|rsa|sf|jspx?|tld|json)\W*$|^classpath\*?:[\w./*-]+$",
    ),
    // https://www.php.net/manual/en/wrappers.php
    always(
        "wrapper",
        r"\b(?:php|phar|expect|zip|glob|data|ogg|ssh2)://(?:filter|input|stdin|memory|temp|fd|text|[a-z]+/)|\bdata:[\w/;=+.-]*,PD(?:8|9(?:[^4]|4[^b]))|\bcompress\.\w+://[a-z/]|convert\.(?:iconv|base64|quoted)[.-]",
    ),
    // a file that the value holds itself, where a file is opened or a document is parsed
    always("data-file", r"\bdata:[^,]*;\s?base64,"),
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
        let mut finding = self.rules.judge_by(value, |rule| counts_here(rule.name, value))?;
        finding.score = finding.score.saturating_add(cut).min(100);
        Some(finding)
    }
}

/// What a rule looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sought {
    /// Steps up, whatever they lead to.
    Steps,
    /// A file by its path from the root.
    Absolute,
    /// A hidden file by its name.
    Hidden,
    /// What only an attacker writes.
    Disguised,
}

const fn sought(rule: &str) -> Sought {
    match rule.as_bytes() {
        b"steps" | b"steps-inside" | b"steps-many" | b"step" | b"step-odd" | b"dots" => Sought::Steps,
        b"system-file" | b"windows-file" | b"server-file" | b"target" => Sought::Absolute,
        b"hidden-file" => Sought::Hidden,
        _ => Sought::Disguised,
    }
}

/// Whether a rule counts at a place.
fn counts_here(rule: &str, value: &Value<'_>) -> bool {
    let sought = sought(rule);
    match rule {
        "data-file" => return data::is_opened(value),
        "system-file" if is_of_zones(value.text) => return false,
        "step" | "step-odd" | "steps" | "steps-inside" | "steps-to-target" | "target-coded"
            if is_in_a_sentence(value) =>
        {
            return false;
        }
        _ if sought == Sought::Disguised => return true,
        _ => {}
    }
    let place = &value.place;
    if place.header_kind() == Some(HeaderKind::Source) {
        // web views and applications show pages from files
        return sought == Sought::Steps || !value.text.contains("://");
    }
    // what a client asks for by a query, an application may open; a body it may just as well keep
    if place.part != Part::Body {
        return true;
    }
    let hints = place.hints();
    // programs report in JSON; a form that names a file at such a path asks for it (`/logs/view`)
    let is_asked = value.context.format == Some(Format::Form) && hints.any(NameHints::FILE);
    // no program's source or log is called as the files of accounts are
    let is_asked = is_asked || hints.any(NameHints::FILE) && holds_accounts(value.text);
    let is_report = value.context.is_report() && !is_asked || hints.any(NameHints::REPORT);
    match sought {
        Sought::Steps => {
            // rich text has markup around its links, and no generator steps up twice
            let is_chosen = value.is_password() && !matches!(rule, "steps" | "steps-inside" | "steps-many");
            let is_rich =
                hints.any(NameHints::HTML) && value.marks.any(Marks::ANGLE.and(Marks::BLANK).and(Marks::ROUND));
            // a path alone that is deeper than any source tree names no neighbour
            let is_source =
                hints.any(NameHints::CODE) && (rule != "steps-many" || value.marks.any(Marks::BLANK | Marks::BREAK));
            !(is_report || is_chosen || is_rich || is_source || hints.any(NameHints::CHANGE) || is_of_a_build(place))
        }
        // in prose files are named, and nothing opens a sentence
        Sought::Absolute => {
            let is_prose = hints.any(NameHints::TEXT) && value.marks.any(Marks::BLANK);
            let is_chosen = rule == "system-file" && value.is_password() && is_a_word_of_slashes(value.text);
            let is_kept = value.context.is_settings() && (is_folder(value.text) || is_set_up(value));
            !(is_report || is_prose || is_chosen || is_of_a_machine(value) || is_kept)
        }
        Sought::Hidden => {
            // of the files of a commit, which stand in a list of it
            let is_listed = place.name.contains(['.', '[']) || place.is_named(&["filename"]);
            !(is_sample(value.text)
                || value.role == Role::FileName && is_picture(value.text)
                || hints.any(NameHints::CHANGE)
                || value.context.is_webhook() && is_listed)
        }
        Sought::Disguised => true,
    }
}

/// Whether a path that a value has stands between words: of a sentence in a body's field for prose,
/// or, of steps alone, of what is searched for. What opens it is given the words with it, and there
/// is no such file.
fn is_in_a_sentence(value: &Value<'_>) -> bool {
    const FEWEST_BEHIND: usize = 2;
    let is_prose = value.place.part == Part::Body && value.place.hints().any(NameHints::TEXT);
    if value.disguise.nul || !(is_prose || value.place.is_search()) {
        return false;
    }
    let is_path = |word: &str| word.contains("../") || word.contains("..\\");
    let is_word = |word: &str| {
        let word = word.trim_matches([',', '.', ':', ';', '!', '?', '(', ')', '"']);
        !word.is_empty() && word.chars().all(|sign| sign.is_alphabetic() || sign == '\'')
    };
    let is_of_steps = |word: &str| {
        word.trim_matches(['"', '\'', '`'])
            .chars()
            .all(|sign| "./\\".contains(sign))
    };
    let mut words = value.text.split_whitespace();
    let begins_in_words = words.clone().next().is_some_and(is_word);
    let last = words.rfind(|word| is_path(word));
    let Some(last) = last else { return false };
    let at = value.text.rfind(last).map_or(0, |at| at + last.len());
    let behind = value.text.get(at..).unwrap_or_default();
    let are_words = behind
        .split_whitespace()
        .take(FEWEST_BEHIND)
        .filter(|word| is_word(word))
        .count()
        == FEWEST_BEHIND;
    let is_quoted = |word: &str| word.starts_with(['`', '"', '\'', '(', '/', '.']) || is_of_steps(word);
    are_words
        && if is_prose {
            begins_in_words
                && value
                    .text
                    .split_whitespace()
                    .filter(|word| is_path(word))
                    .all(is_quoted)
        } else {
            value
                .text
                .split_whitespace()
                .filter(|word| is_path(word))
                .all(is_of_steps)
        }
}

/// Whether a path is one of a file that holds accounts or keys, which a log names nothing after.
fn holds_accounts(path: &str) -> bool {
    #[rustfmt::skip]
    const FILES: &[&str] = &["/etc/passwd", "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/.ssh/", "/root/.", "/proc/self/environ", "/proc/1/environ", "/id_rsa", "/run/secrets/"];
    FILES.iter().any(|file| path.contains(file))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, family_of, find_in_header, find_in_query};
    use crate::places::{Part, Role};

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
                "0x2e0x2e/{FILE}",
                "..0x2f{FILE}",
                "0x2e0x2e0x5c0x2e0x2e0x5c{FILE}",
                "%25252e%25252e%25252fetc%25252fpasswd",
                "%u002e%u002e%u2215etc/passwd",
                "%%32%65%%32%65/etc/passwd",
                "..%2%f..%2%fetc%2%fpasswd",
                "..%252f..%252fetc%252fpasswd",
                "..../x",
                "/./../x",
                "/%\\..%\\..%\\..",
                "/usr/local/lib/php.ini",
                "/apache/logs/error.log",
                "/var/local/www/conf/php.ini",
                "/proc/config.gz",
                "../.ssh",
                "{\"file\": \"../../../../etc/passwd\"}",
                "load(\"../../.env\")",
                "..\r/..\r/etc/x",
                "data:;base64,PD9waHAgc3lzdGVtKCRfR0VUWzFdKTs/Pg==",
                "..\r\n/..\r\n/..\r\n/etc/passwd",
                "..\t/etc/passwd",
                ".. /.. /x",
                "..%0d/..%0d/etc/passwd",
            ],
        );
    }

    #[test]
    fn settings_of_builds_and_machines_name_their_folders() {
        for (name, text) in [
            ("tsconfig.extends", "../../tsconfig.base.json"),
            ("compilerOptions.paths.@lib/*[0]", "../../libs/*"),
            ("outDir", "../../dist"),
            ("wikitext", "[[../../Parent page|up]]"),
            ("labels.mountpoint", "/var/lib/mysql"),
            ("mounts[0].mount", "/var/lib/docker"),
            ("volumes[0]", "/var/lib/mysql"),
            ("code_file", "C:\\Windows\\System32\\kernel32.dll"),
        ] {
            assert_eq!(family_of(name, text), None, "{name} {text}");
            assert!(find_in_query(name, text).is_some(), "{name} {text}");
        }
        for (name, text) in [
            ("tsconfig.extends", "../../../etc/passwd"),
            ("outDir", "../../.ssh/id_rsa"),
            ("mountpoint", "/etc/passwd"),
            ("mountpoint", "/etc/shadow"),
            ("mountpoint", "x/etc/passwd"),
            ("volumes", "../etc/shadow:/x"),
            ("volumes", "/etc/shadow:/x"),
            ("volumes", "/root/.ssh:/x"),
            ("mount", "/proc/self/environ"),
            ("code_file", "C:\\Windows\\win.ini"),
        ] {
            assert_eq!(family_of(name, text), Some("traversal"), "{name} {text}");
        }
    }

    #[test]
    fn a_body_may_name_files_where_nothing_opens_them() {
        for (name, text) in [
            ("sources", "../../../src/app.ts"),
            ("imports", "../../x"),
            ("code", "const cfg = require('../../../config')"),
            ("html", "<p><img src=\"../../images/logo.png\"/></p>"),
            ("patch", "--- a/src/x.ts\n+import a from '../../../a'"),
            ("exception.file", "/var/www/html/app/Http/Kernel.php"),
            ("stack", "/etc/app/x.js:3"),
            ("stacktrace", "C:\\inetpub\\wwwroot\\a.cs"),
            ("commits.added", ".npmrc"),
            ("commits.modified", "docker/.env"),
            ("changes.new_path", ".env.dist"),
            ("file", ".env.example"),
        ] {
            assert_eq!(family_of(name, text), None, "{name}");
        }
        for (name, text) in [
            ("file", "../../../src/app.ts"),
            ("sources", "../../../etc/passwd"),
            ("code", "open('../../../../etc/passwd')"),
            ("html", "..%252f..%252f..%252fetc%252fpasswd"),
            ("template", "../../../../../x"),
            ("file", "/var/www/html/app/Http/Kernel.php"),
            ("file", ".env"),
            ("path", "/app/.env"),
            ("path", "/etc/passwd"),
        ] {
            assert!(matches!(family_of(name, text), Some("traversal" | "command")), "{name}");
        }
        assert!(find_in_query("sources", "../../../src/app.ts").is_some());
        assert!(find_in_query("added", ".env").is_some());
        assert_eq!(
            find_in_header("referer", "file:///C:/Program%20Files/Shop/app.asar/index.html"),
            None
        );
        assert_eq!(find_in_header("referer", "file:///var/www/app/index.html"), None);
        assert!(find_in_header("referer", "/etc/passwd").is_some());
        assert!(find_in_header("x-file", "file:///etc/passwd").is_some());
    }

    #[test]
    fn reports_and_webhooks_are_told_by_their_path() {
        use super::super::{Context, Detectors, Options};
        use crate::{
            normal::Spelling,
            places::{Field, Format, Place},
        };
        let find_in = |format, path, name, text: &str| {
            let field = Field {
                place: Place { part: Part::Body, name },
                role: Role::Value,
                value: text.as_bytes(),
                spelling: Spelling::Literal,
            };
            let context = Context {
                path,
                format: Some(format),
                ..Context::NONE
            };
            let options = Options {
                context,
                ..Options::STANDARD
            };
            Detectors::standard().unwrap().look_for(&field, &options).is_some()
        };
        let find = |path, name, text| find_in(Format::Json, path, name, text);
        assert!(find_in(Format::Form, "/logs/view", "file", "/etc/passwd"));
        assert!(!find_in(
            Format::Form,
            "/api/errors",
            "stack",
            "/var/www/html/app/Kernel.php"
        ));
        assert!(!find("/api/errors", "file", "/var/www/html/app/Http/Kernel.php"));
        assert!(!find("/api/errors", "paths", "/etc/nginx/nginx.conf"));
        assert!(find("/api/files", "paths", "/etc/nginx/nginx.conf"));
        assert!(!find("/hooks/git", "filename", ".env"));
        assert!(find("/files", "filename", ".env"));
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
            "wait .. / what .. / now",
            "and so on ..\n/etc is a folder",
            "see ..\n\nthe end",
        ]);
    }
}
