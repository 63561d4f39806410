//! Server-side request forgery (CWE-918; OWASP Top 10 A10:2021): URLs that lead back inside.
//!
//! A URL of a page is what such parameters are for. One to this very host, to a cloud's metadata
//! (169.254.169.254 and its names), in a form of address that only filters do not read (RFC 3986,
//! section 7.4), or with a scheme that speaks to other services, is not. Nor is a path that makes
//! Windows sign in at another host (UNC).
//!
//! This very host is also where developers' applications, native clients (RFC 8252, section 7.3)
//! and web views live: a place that a browser is sent to, comes from or reports from may name it,
//! as nothing on the server fetches it.

mod honest;

use self::honest::{is_connection, is_plain_loopback, is_setting};
use memchr::memchr3;

use super::{BuildError, Detector, Family, Finding, Marks, Rule, RuleSet, Value, lexicon::Lexicon, rules::always};
use crate::places::{HeaderKind, NameHints, Part, Role};

/// The beginning of a URL as parsers of browsers and servers read it, down to the host: slashes
/// either way (WHATWG URL, section 4.4), as many as there are, or none behind a scheme of the web;
/// what signs in.
macro_rules! start {
    () => {
        r"^\W{0,3}(?:(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}|(?:(?:url|feed|view-source)[=:])?(?:https?|ftp|wss?):[\\/]*)(?:[^\\/?#\s]*@)?"
    };
}

/// Hosts of clouds' metadata and of clusters, and names of others that resolve to any address one
/// likes.
macro_rules! inside {
    () => {
        r"(?:169\.254\.\d|192\.0\.0\.192|100\.100\.100\.200|168\.63\.129\.16|metadata(?:\.(?:google|goog|packet|azure|tencentyun|oraclecloud|platformequinix)|/|:|$)|instance-data|rancher-metadata(?:[:/.]|$)|kubernetes\.docker\.internal\b|\[f[cde][0-9a-f]{2}:|kubernetes\.default\b|[\w.-]+\.svc(?:\.cluster\.local)?(?:[:/]|$)|[\w.-]+\.cluster\.local|[\w.-]+\.service\.consul|(?:[\w-]+\.)*(?:nip\.io|xip\.io|sslip\.io|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|rbndr\.us|localdomain\.pw)(?:[:/]|$))"
    };
}

pub(super) const RULES: &[Rule] = &[
    always(
        "scheme",
        r#"^['"]?\s*(?:url=)?(?:gopher|dict|tftp|netdoc|expect|phar|ogg|ssh2(?:\.\w+)?|rar|zip|glob|ldaps?|sftp|php|data|https?\+unix)://|^['"]?\s*jar:[a-z][a-z0-9+.-]*:"#,
    ),
    // a URL holds no blank, and searches for code begin with `file:` too
    always("file", r#"^['"]?\s*(?:url:)?file:(?:[\\/]{2}|[\\/$][^\s.]\S*\s*$)"#),
    always("internal-host", concat!(start!(), inside!())),
    always(
        "loopback",
        concat!(
            start!(),
            r"(?:localhost|ip6-localhost|(?:[\w-]+\.)+localhost\b|127\.|127(?:[:/\\]|$|\xE3\x80\x82|\xEF\xBD\xA1)|\[::|\[0+:|(?:host|gateway)\.docker\.internal)"
        ),
    ),
    // nothing is this host too
    always(
        "loopback-zero",
        r"^\W{0,3}(?:(?:[a-z][a-z0-9+.-]*:)?[\\/]+[\\/]|(?:url[=:])?(?:https?|ftp|wss?):[\\/]*|(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}[^\\/?#\s]*@)0(?:\.0\.0\.0)?(?:[:/\\?#]|$)",
    ),
    always(
        "odd-address",
        r"^\W{0,3}(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}(?:[^\\/?#\s]*@)?(?:0x[0-9a-f]+(?:[.:/]|$)|0[0-7]{3,}(?:[.:/]|$)|0\d{1,3}\.\d|\d{7,}(?:[:/]|$)|(?:25[6-9]|2[6-9]\d|[3-9]\d{2})(?:\.\d{1,3}){3}(?:[:/]|$))|^\w+://[^/\s]*@(?:\[|0x|\d+(?:\.|/|$|:))",
    ),
    // behind a scheme of the web no slash is needed (WHATWG URL, section 4.4)
    always(
        "odd-address-bare",
        r"^\W{0,3}(?:url[=:])?(?:https?|ftp|wss?):[\\/]?(?:0x[0-9a-f]+(?:[.:/]|$)|0[0-7]{3,}(?:[.:/]|$)|\d{7,}(?:[:/?#]|$))",
    ),
    // a page elsewhere that leads on
    always(
        "nested",
        concat!(
            r#"^\W{0,3}(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,}[^\s<>"']*(?:[^\w.]169\.254\.169\.254|=(?:gopher|dict|file):[\\/]{2}|=(?:https?:)?[\\/]{2}"#,
            inside!(),
            ")"
        ),
    ),
    // interfaces that do what anyone says who reaches them, at private addresses (RFC 1918)
    always(
        "internal-service",
        r"^\W{0,3}(?:(?:https?|ftp|wss?):)?[\\/]{2,}(?:[^\\/?#\s]*@)?(?:10(?:\.\d{1,3}){3}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|192\.168(?:\.\d{1,3}){2}):(?:22|25|873|1433|2181|237[5-9]|3306|4001|4243|5432|5672|5984|5985|6379|6443|7001|8009|8300|8500|9042|9092|9200|9300|10250|10255|11211|15672|27017|50070|61616)(?:\D|$)",
    ),
    // forms of a URL that a check for a prefix reads in one way and a browser in another (CWE-601)
    always(
        "redirect-disguise",
        r"^\s*(?:https?:(?:[\\/]?[\w-]+\.[\w-]|[\\/]*\\)|/*\\[\\/]*[\w-]+\.|///+[\w-]+\.\w|https?:/{2}[\w-]+(?:\.[\w-]+)+(?::\d+)?@)",
    ),
    always(
        "unc",
        r#"^['"]?\\\?\?\\(?:unc|[a-z]:)|^['"]?(?:smb|cifs)://(?:[^/\s]*@)?[\w-]+(?:\.[\w-]+)+[/:]|^['"]?[\\/]{2}[?.][\\/]+(?:unc|globalroot|[a-z]:)|^['"]?\\\\+(?:[?.]\\+\w|[\w-]+(?:\.[\w-]+)+\.?(?:@\w+)*[\\/]+[^\s\\]|\d{7,}[\\/]|\[[0-9a-f:]+\]\\|[\w.-]+@(?:ssl|\d+)[\w@]*\\|[\w.-]+\\+(?:[a-z]|admin|ipc)\$)"#,
    ),
    // a program elsewhere where one of the application's own is named (CWE-98)
    always(
        "inclusion",
        r"^\s*(?:(?:https?|ftp):)?[\\/]{2}[^\s?#&]+\.(?:php\d?|phtml|jspx?|aspx?|inc|txt)\?*\s*$",
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

impl Ssrf {
    fn judge(&self, value: &Value<'_>) -> Option<Finding> {
        // most values match nothing: what the place means is asked of the others only
        self.rules.judge_by(value, |rule| {
            counts_everywhere(rule.name) || counts_here(rule.name, value)
        })
    }
}

/// The longest text of which tabs and line breaks are dropped, in bytes: where a URL leads stands
/// at its beginning.
const LONGEST: usize = 2048;

/// The beginning of a text up to its first blank, and what follows.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let head = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text);
    head.split_at(head.find(' ').unwrap_or(head.len()))
}

/// Whether a value may be a URL with tabs or line breaks in it, which no rule's literals are found
/// in.
pub(super) fn may_be_broken(value: &Value<'_>) -> bool {
    if !(value.marks.any(Marks::COLON) && value.marks.any(Marks::BREAK.and(Marks::BLANK))) {
        return false;
    }
    let (word, _) = first_word(value.text);
    word.contains(':') && memchr3(b'\t', b'\r', b'\n', word.as_bytes()).is_some()
}

/// A URL as parsers read it that drop tabs and line breaks wherever they stand (WHATWG URL, section
/// 4.4), with what follows a blank; `None` where it has none.
fn without_breaks(value: &Value<'_>) -> Option<String> {
    if !(may_be_broken(value) && value.spend(LONGEST.min(value.text.len()) as u64)) {
        return None;
    }
    let (word, rest) = first_word(value.text);
    let mut url = word.replace(['\t', '\r', '\n'], "");
    url.push_str(rest);
    Some(url)
}

impl Detector for Ssrf {
    fn family(&self) -> Family {
        Family::Ssrf
    }

    fn wants(&self, marks: Marks) -> bool {
        marks.any(Marks::COLON.and(Marks::SLASH).and(Marks::BACKSLASH))
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        if !value.is_entered() {
            return None;
        }
        self.judge(value).or_else(|| {
            let url = without_breaks(value)?;
            let found = self.judge(&value.rewritten(&url))?;
            Some(value.widened(found))
        })
    }
}

/// Whether a rule counts wherever its text stands.
fn counts_everywhere(rule: &str) -> bool {
    rule == "callback"
}

/// Whether a rule counts at a place.
fn counts_here(rule: &str, value: &Value<'_>) -> bool {
    let place = &value.place;
    match place.header_kind() {
        // nothing is fetched of a scheme without a host: `ldap:// vs ldaps://`
        _ if rule == "scheme" && place.is_search() && is_scheme_alone(value.text) => return false,
        _ if rule == "scheme" && place.part != Part::Body => return true,
        // web views name their own scheme and host, developers' browsers this one
        Some(HeaderKind::Source) => return rule == "file" && !value.text.starts_with("file://"),
        Some(HeaderKind::Credential | HeaderKind::Other) => {
            return !matches!(rule, "redirect-disguise" | "internal-service");
        }
        None => {}
    }
    let hints = place.hints();
    match rule {
        "scheme" => !is_setting(value),
        // people mistype the address of their site in a form; a link's parameter no person types
        "redirect-disguise" => {
            let is_link = place.part == Part::Query && hints.any(NameHints::URL) && !place.is_named_like(&["site"]);
            value.role == Role::Value && (is_link || hints.any(NameHints::CALLBACK))
        }
        // administrators enter addresses of their networks into forms, and share their folders in
        // prose
        "internal-service" => place.part == Part::Query && !hints.any(NameHints::CALLBACK.and(NameHints::REPORT)),
        "unc" => !is_shared_folder(value, hints),
        "inclusion" => is_included(value),
        _ if value.context.is_report() || is_in_prose(value, hints) => false,
        "loopback" | "loopback-zero" | "odd-address" if is_connection(value) => false,
        "loopback" | "loopback-zero" => {
            let is_shown = hints.any(NameHints::CALLBACK.and(NameHints::REPORT)) || is_told(value);
            !((is_shown || value.context.is_measured()) && is_plain_loopback(value.text))
        }
        _ => true,
    }
}

/// Whether a URL begins a sentence, in a field for prose or for what is searched for: nothing
/// fetches one with words behind it.
fn is_in_prose(value: &Value<'_>, hints: NameHints) -> bool {
    let is_word = |word: &&str| {
        word.chars()
            .all(|sign| sign.is_alphanumeric() || ".,!?'-".contains(sign))
    };
    (value.place.is_search() || hints.any(NameHints::TEXT))
        && value.text.split_whitespace().skip(1).filter(is_word).count() >= 2
}

/// Whether a URL stands where an application names a part of its own that it runs. A page may be
/// somewhere else, unless what is added to the name is cut off.
fn is_included(value: &Value<'_>) -> bool {
    const PARTS: &[&str] = &[
        "include",
        "inc",
        "require",
        "template",
        "tpl",
        "module",
        "mod",
        "plugin",
        "layout",
        "lang",
        "language",
        "locale",
        "theme",
        "view",
        "controller",
        "skin",
    ];
    let name = value.place.name;
    let is_entered = value.role == Role::Value && matches!(value.place.part, Part::Query | Part::Body | Part::Cookie);
    let is_part = PARTS.iter().any(|part| name.eq_ignore_ascii_case(part));
    let is_cut =
        (value.text.trim_end().ends_with('?') || value.disguise.nul) && value.place.hints().any(NameHints::FILE);
    is_entered && (is_part || is_cut)
}

/// Whether a text names schemes of URLs as words, each with a blank or nothing behind it.
fn is_scheme_alone(text: &str) -> bool {
    let mut after = text.split("://").skip(1);
    after.all(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

/// Whether a value of a body is where a program that watches others, or a shop, says which page of
/// its own a person may open: links in alerts (Alertmanager, Grafana), the page that an order came
/// from (Shopify), what a browser may be sent to (Supabase).
fn is_told(value: &Value<'_>) -> bool {
    const NAMES: &[&str] = &[
        "generatorurl",
        "externalurl",
        "dashboardurl",
        "panelurl",
        "silenceurl",
        "referringsite",
        "uriallowlist",
        // WordPress' own address, in its settings
        "home",
    ];
    value.place.part == Part::Body && value.role == Role::Value && value.place.is_named(NAMES)
}

fn contains_ignoring_case(text: &str, wanted: &str) -> bool {
    text.as_bytes()
        .windows(wanted.len())
        .any(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Whether a path may be one to a folder of the reader's own network.
fn is_shared_folder(value: &Value<'_>, hints: NameHints) -> bool {
    /// Endings of names that no public server answers for (RFC 6762, appendix G; RFC 8375; ICANN's
    /// `.internal`).
    const PRIVATE: &[&str] = &[
        ".local",
        ".lan",
        ".corp",
        ".internal",
        ".intranet",
        ".intra",
        ".home",
        ".private",
        ".home.arpa",
    ];
    let path = value.text.trim_start_matches(['\'', '"', '\\']);
    let path = path
        .strip_prefix("smb://")
        .or_else(|| path.strip_prefix("cifs://"))
        .unwrap_or(path);
    let mut names = path.split(['\\', '/']);
    let host = names.next().unwrap_or_default();
    let share = names.next().unwrap_or_default();
    let is_private = PRIVATE.iter().any(|ending| ends_with_ignoring_case(host, ending));
    let is_prose = value.is_document || hints.any(NameHints::TEXT);
    (is_private || is_prose) && !share.ends_with('$') && !host.starts_with(['?', '.'])
}

fn ends_with_ignoring_case(text: &str, ending: &str) -> bool {
    text.len()
        .checked_sub(ending.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_finds, assert_passes, find_as, find_in_header, find_in_query};
    use crate::places::{Part, Role};

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
                "http:\\\\127.0.0.1\\admin",
                "http:/\\127.0.0.1",
                "http:127.0.0.1",
                "https:/localhost/",
                "http:///127.0.0.1/",
                "\\\\127.0.0.1\\c$",
                "http://app.localhost/",
                "http://evil.example/r?u=http://169.254.169.254/latest/meta-data/",
                "https://evil.example/r?next=gopher://127.0.0.1:6379/_x",
                "http://172.17.0.1:2375/containers/json",
                "http://10.0.0.1:8500/v1/kv/",
                "\\\\evil.example\\share\\a",
                "\\\\evil.example/share/a",
                "\\\\evil.example.\\a",
                "\\\\2130706433\\x",
                "\\??\\UNC\\evil.example\\x",
                "smb://evil.example/x",
                "http://rancher-metadata/",
                "\\\\10.1.2.3\\share\\a",
                "\\\\?\\UNC\\evil.example\\share",
                "\\\\.\\pipe\\x",
                "\\\\evil@SSL\\DavWWWRoot\\a",
                "\\\\server\\c$\\windows",
                "//?/UNC/evil.example/x",
                "file:/etc/passwd",
                "file:///etc/passwd",
            ],
        );
    }

    #[test]
    fn forms_that_parsers_of_urls_read_are_found() {
        assert_finds(
            "ssrf",
            &[
                "http:0x7f000001",
                "http:2130706433",
                "http:/2130706433/",
                "http:017700000001",
                "url:http://127.0.0.1/",
                "h\tttp://127.0.0.1/",
                "ht\ntp://169.254.169.254/",
                "http:\t//127.0.0.1",
                "http:/\t/127.0.0.1/",
                "http://loca\tlhost/",
                "http://loca\tlhost/a b",
                "http://169.25\t4.169.254/",
                "http://169.254\r\n.169.254/latest",
                "go\npher://127.0.0.1:6379/",
                "http://meta\tdata.google.internal/",
                &format!("http://loca\tlhost/{}", "a".repeat(5000)),
            ],
        );
    }

    #[test]
    fn browsers_may_be_sent_to_their_own_machine() {
        for (name, url) in [
            ("redirect_uri", "http://127.0.0.1:55570/callback/9f3"),
            ("redirect_uri", "http://127.0.0.1/cb"),
            ("redirect_uri", "http://[::1]:8085/"),
            ("post_logout_redirect_uri", "http://localhost:4200/"),
            ("continue", "http://localhost:5173/konto"),
            ("client.redirectUris", "http://localhost:8080/*"),
            ("app.allowed_origins", "http://localhost:*"),
            ("data.object.success_url", "http://localhost:4242/success?id={ID}"),
            ("oauth_callback", "http://127.0.0.1:3000/cb"),
            ("webOrigins", "capacitor://localhost"),
            ("urlref", "http://localhost:8080/"),
            ("http.url", "http://127.0.0.1:8080/health"),
            ("csp-report.document-uri", "http://localhost:3000/"),
        ] {
            assert_eq!(find_as(Role::Value, name, url), None, "{name}");
            assert_eq!(find_as(Role::Value, "url", url).unwrap().0, "ssrf", "{url}");
        }
        for url in [
            "http://169.254.169.254/",
            "http://127.0.0.1:6379/",
            "http://localhost:22/",
            "http://0x7f000001/",
            "http://127.1/",
            "http://user@127.0.0.1/",
            "http:\\\\127.0.0.1\\",
            "http:127.0.0.1",
            "http://127.0.0.1.nip.io/",
            "gopher://localhost/",
        ] {
            assert_eq!(find_as(Role::Value, "redirect_uri", url).unwrap().0, "ssrf", "{url}");
        }
    }

    #[test]
    fn redirects_in_disguise_are_found_where_a_browser_is_sent() {
        for url in [
            "https:evil.example/",
            "https:/evil.example/",
            "http:\\\\evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "///evil.example/%2f..",
            "https://www.example.com@evil.example/",
        ] {
            assert_eq!(find_in_query("next", url).unwrap().0, "ssrf", "{url}");
            assert_eq!(find_in_query("url", url).unwrap().0, "ssrf", "{url}");
        }
        for url in [
            "/account",
            "//www.example.com/a",
            "https://www.example.com/",
            "account?tab=1",
            "https://user@example.com/",
        ] {
            assert_eq!(find_in_query("next", url), None, "{url}");
        }
        assert_eq!(
            find_in_query("website", "http:\\\\www.example.com"),
            None,
            "people write so"
        );
    }

    #[test]
    fn reports_name_what_they_saw() {
        use super::super::{Context, Detectors, Options};
        use crate::{
            normal::Spelling,
            places::{Field, Place},
        };
        let find = |path, url: &str| {
            let field = Field {
                place: Place {
                    part: Part::Query,
                    name: "url",
                },
                role: Role::Value,
                value: url.as_bytes(),
                spelling: Spelling::Form,
            };
            let options = Options {
                context: Context { path, ..Context::NONE },
                ..Options::STANDARD
            };
            Detectors::standard().unwrap().look_for(&field, &options).is_some()
        };
        for url in [
            "http://localhost:8080/index.html",
            "file:///C:/app/index.html",
            "http://169.254.169.254/x",
        ] {
            assert!(!find("/matomo.php", url), "{url}");
            assert!(find("/fetch", url), "{url}");
            assert!(find("/fetch.php/collect", url), "{url}");
        }
        assert!(find("/matomo.php", "gopher://127.0.0.1:6379/"));
        for path in ["/hit", "/v1/track", "/api/1/store/"] {
            assert!(!find(path, "http://localhost:3000/a"), "{path}");
            for url in ["http://127.0.0.1:6379/", "http://127.1/", "http://169.254.169.254/x"] {
                assert!(find(path, url), "{path} {url}");
            }
        }
        assert!(find("/preview", "http://localhost:3000/a"));
    }

    #[test]
    fn programs_say_at_which_page_of_theirs_to_look() {
        for name in [
            "alerts[0].generatorURL",
            "externalURL",
            "panelURL",
            "referring_site",
            "uri_allow_list",
        ] {
            assert_eq!(
                find_as(Role::Value, name, "http://localhost:9090/graph"),
                None,
                "{name}"
            );
            for url in ["http://169.254.169.254/", "http://127.0.0.1:6379/", "http://0x7f.1/"] {
                assert_eq!(find_as(Role::Value, name, url).unwrap().0, "ssrf", "{name} {url}");
            }
            assert_eq!(find_in_query(name, "http://localhost:9090/graph").unwrap().0, "ssrf");
        }
        for name in ["jwks_uri", "logo_uri", "target", "proxy", "upstream", "endpoint", "url"] {
            assert_eq!(
                find_as(Role::Value, name, "http://localhost:9090/").unwrap().0,
                "ssrf",
                "{name}"
            );
        }
    }

    #[test]
    fn programs_elsewhere_are_not_included() {
        for (name, url) in [
            ("template", "http://evil.example/c99.php"),
            ("lang", "//evil.example/x.php"),
            ("module", "ftp://evil.example/x.txt"),
            ("page", "http://203.0.113.9/x.txt?"),
            ("file", "ssh2.exec://u:p@evil.example/id"),
        ] {
            assert_eq!(find_in_query(name, url).unwrap().0, "ssrf", "{name} {url}");
        }
        for (name, url) in [
            ("page", "https://shop.example.org/index.php"),
            ("url", "https://shop.example.org/index.php"),
            ("theme", "https://cdn.example.org/x.css"),
            ("template", "https://cdn.example.org/"),
            ("ref", "https://shop.example.org/robots.txt"),
        ] {
            assert_eq!(find_in_query(name, url), None, "{name} {url}");
        }
    }

    #[test]
    fn schemes_may_be_searched_for() {
        for text in ["ldap:// vs ldaps://", "gopher:// protocol"] {
            assert_eq!(find_in_query("q", text), None, "{text}");
            assert_eq!(find_in_query("url", text).unwrap().0, "ssrf", "{text}");
        }
        assert_eq!(find_in_query("q", "gopher://127.0.0.1:6379/_x").unwrap().0, "ssrf");
    }

    #[test]
    fn web_views_have_origins_of_their_own() {
        for origin in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "http://tauri.localhost",
            "app://localhost",
            "app://.",
            "file://",
            "null",
            "chrome-extension://abcdefghijklmnop",
            "vscode-webview://1x2y",
            "http://localhost",
            "https://localhost:5173",
        ] {
            assert_eq!(find_in_header("origin", origin), None, "{origin}");
            assert_eq!(
                find_in_header("referer", &format!("{origin}/index.html")),
                None,
                "{origin}"
            );
        }
        assert_eq!(find_in_header("referer", "file:///android_asset/www/index.html"), None);
        assert_eq!(find_in_header("referer", "gopher://127.0.0.1/").unwrap().0, "ssrf");
        assert_eq!(find_in_header("x-forwarded-host", "//127.0.0.1/").unwrap().0, "ssrf");
    }

    #[test]
    fn shared_folders_are_told_from_foreign_hosts() {
        for folder in [
            "\\\\server\\share\\docs",
            "\\\\fs01.corp.local\\team",
            "\\\\nas.home.arpa\\x",
            "smb://nas.local/share",
            "smb://server/share",
        ] {
            assert_eq!(find_in_query("q", folder), None, "{folder}");
        }
        let foreign = "\\\\evil.example\\share\\a";
        assert_eq!(find_in_query("file", foreign).unwrap().0, "ssrf");
        assert_eq!(find_as(Role::Value, "comment", foreign), None);
        assert_eq!(find_in_query("file", "\\\\fs01.corp.local\\c$\\x").unwrap().0, "ssrf");
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
            "file:\\.go$ content:\"fmt.Sprintf(\" lang:go",
            "file:/src/.*\\.ts lang:ts",
            "file: the missing one",
            "http:8080",
            "url:https://example.com/",
            "one:\t1\ntwo:\t2",
            "https://shop.example.org/a\nhttps://shop.example.org/b",
            "host:\tlocal\nhost",
            "http:\tthe protocol\nlocalhost: this machine",
            "https://shop.exa\tmple.org/",
            "http://10.0.0.1/",
            "http://192.168.1.20:8080/",
        ]);
        assert_eq!(find_in_header("referer", "http://localhost:3000/x"), None);
        assert_eq!(find_in_header("x-url", "http://localhost:3000/x").unwrap().0, "ssrf");
    }
}
