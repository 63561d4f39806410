//! Requests for what only attackers ask for (CWE-538, CWE-552; OWASP WSTG-CONF-04 and -05): hidden
//! files, settings, backups, consoles, endpoints with known exploits (CISA KEV).
//!
//! What is told by its name stands in tables ([`names`]), what is told by its shape in rules. Each
//! is a whole name, as far as possible: everyday names end like those of attackers.
//!
//! A probe is no proof where the application has such a route: the guard asks it only for paths
//! that no route matched, as it does with the configuration's decoys. Where routes are not known,
//! or a fallback serves every path, what is told by a word waits for the application's answer.

mod filter;
mod names;

use self::filter::{Hash, Table};
use super::{
    BuildError, CERTAIN, Detector, Family, Finding, Marks, Rule, RuleSet, Value, lexicon::Lexicon, rules::always,
};
use crate::places::{Part, Place, Role};

pub(super) const RULES: &[Rule] = &[
    always("hidden", r"/\.(?:[a-z@_-][\w.@-]*)(?:/|$|~)"),
    always(
        "system",
        r"^/(?:proc|sys)(?:/|$)|^/@(?:id|fs)/|/(?:META|WEB)-INF/|^/etc/|^/anaconda\d?/|^/perl/(?:lib|bin)",
    ),
    always(
        "shell",
        r"/(?:info|r57|c99|alfa|shell|cmd|wso|eval-stdin|upl|adminer|b374k|webshell)\.(?:php|jsp|aspx?|cgi)|/vendor/phpunit/",
    ),
    always(
        "suffix",
        r"\.(?:php|jsp|aspx?|cgi)(?:[;#:\n]|\xEF\xBF\xBD|%|\\|\W)[^/]*\.(?:png|jpe?g|gif|css|js|txt|html?)$|\.(?:php|jsp)::\$data|\.(?:php|jsp|aspx?);",
    ),
    always("matrix", r"/\.\.;/|;/\.\.|/\.%|/;/"),
    always(
        "backup",
        r"\.(?:bak|old|orig|save|swp|swo|sql|sqlite3?|mdb|dump|inc|pem|key|p12|pfx|ppk|kdbx|cnf|env)(?:\.\w{1,4})?$|/id_(?:rsa|dsa|ecdsa|ed25519)$|~$|/(?:backup|dump|database|db)\.(?:zip|tar|gz|tgz|rar|7z|sql)|/(?:error|errors|debug|access|pm2|php_errors|laravel|yarn-error|npm-debug|blockcypher)\.log$",
    ),
    // from here on words, which applications call their own pages too: see `TOLD_BY_THE_ANSWER`
    always(
        "settings",
        r"/(?:wp-)?config(?:uration|[._-](?:dev|prod|sample|test|local|inc|old|bak|default)\w*|_)?\.(?:aspx?|ini|json|php|pl|py|rb|toml|txt|xml|ya?ml|inc|bak|old|nu|db|cfg|conf|yml)\w*$|/wp-config(?:$|[^-]|-(?:$|[^a-z]|[\w-]*\.\w|(?:bak|old|sample|backup|copy|orig|save|tmp|dev|prod|local|test)\w*(?:[^\w-]|$)))|/app/etc/env\.php|/sites/default/(?:default\.)?settings",
    ),
    always(
        "manifest",
        r"^/(?:[\w-]+/)?(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|(?:grunt|gulp)file\.js|webpack\.config\.js|composer\.(?:json|lock)|bower\.json|dockerfile|docker-compose\.ya?ml|compose\.ya?ml|phpcs\.xml|weblogic\.xml|cargo\.(?:toml|lock)|pyproject\.toml|pytest\.ini|go\.(?:mod|sum)|build\.zig\.zon|gemfile(?:\.lock)?|pom\.xml|build\.gradle|makefile|procfile|vagrantfile|jenkinsfile|yarn\.lock|requirements\.txt|tsconfig\.json|gitlab\.rb|auth\.json|credentials(?:\.json)?|thumbs\.db|firebase\.json|sftp-config\.json|serviceaccountkey\.json|(?:aws|user|app)[-_](?:key|secrets?)\.\w+|initial_root_password|secrets?\.\w+|settings\.py|local_settings\.py|web\.config|[\w-]*authentication-report\.csv)$",
    ),
    always(
        "actuator",
        r"/actuator(?:/|$)|^/(?:auditevents|beans|configprops|dump|flyway|heapdump|httptrace|integrationgraph|loggers|liquibase|mappings|threaddump|jolokia|env|trace|metrics|autoconfig|scheduledtasks|httpexchanges|shutdown)$",
    ),
    always(
        "console",
        r"^/(?:wp-login\.php|wp-admin/|xmlrpc\.php|wp-content/plugins/|pma/|phpmyadmin\d?/|adminer(?:[/.-]|$)|server-(?:status|info)$|console/|manager/(?:html|status|text)|jmx-console|web-console|script$|hudson(?:/|$)|jenkins/script|elmah\.axd|trace\.axd|api/v1/pods$|v2/_catalog|_cat/|_nodes|_cluster|nacos/|downloader/|wg-clients/|solr/admin|druid/|telescope/|horizon/api|_profiler/|app_dev\.php|debug/pprof|shell$)|phpinfo",
    ),
    always(
        "appliance",
        r"^/(?:ecp/|owa/|autodiscover|remote/(?:fgt_lang|login|logincheck)|dana-na/|dana/|\+cscoe\+|\+cscot\+|vpn/\.\./|vpns/|global-protect|sslvpn|wsman|goform/|gponform/|boaform/|hnap1|setup\.cgi|setupwizard\.aspx/|board\.cgi|tmui/|mgmt/tm/util|wls-wsat|_async/|invoker/|ueditor(?:/|$)|seeyon(?:/|$)|cfide/|lucee/|oa_html/|webtools/control/|webinterface/function|geoserver/|saas/|catalog-portal(?:/|$)|rest/id-pools/executecommand|webui_wsma|internal/v2/config|apps/zxtm/|_ignition/|sdwan/nitro|api/v2(?:\.0)?/cmdb/system/admin|cgi-bin/(?:bash|sh|perl|php\d?|test|printenv|luci|nas_sharing|weblogin|mainfunction|kerbynet|popen|slogin|login|welcome)\b)",
    ),
    always(
        "uploaded-program",
        r"/(?:uploads?|images?|img|files|tmp|temp|cache)/(?:[^?]*/)?[^/]*\.(?:php\d?|phtml?|phar|pht|hphp|module|shtml|jspx?|aspx?|cgi|pl)$",
    ),
];

/// Rules of words: applications have pages of such names, and a server of files has such files.
/// Where it is not known what an application has a route for, only its answer tells them from a
/// probe.
const TOLD_BY_THE_ANSWER: &[&str] = &[
    "actuator",
    "appliance",
    "archive",
    "console",
    "folder",
    "log-file",
    "manifest",
    "manifest-file",
    "page",
    "product-path",
    "settings",
    "settings-file",
    SOFTWARE,
    "uploaded-program",
];

/// Returns whether a rule finds what honest software asks any host for. Where the application has
/// answered that nothing is there, all is said.
#[must_use]
pub fn is_asked_by_software_too(rule: &str) -> bool {
    rule == SOFTWARE
}

/// Returns whether only the application's answer tells what a rule finds from a page of its own.
#[must_use]
pub fn is_told_by_the_answer(rule: &str) -> bool {
    TOLD_BY_THE_ANSWER.contains(&rule)
}

/// Header that lets a request skip the middleware of Next.js (CVE-2025-29927).
const SKIPPING_HEADER: &str = "x-middleware-subrequest";

/// Finds probes.
pub(super) struct Probe {
    rules: RuleSet,
}

impl Probe {
    pub(super) fn new(lexicon: &mut Lexicon) -> Result<Self, BuildError> {
        Ok(Self {
            rules: RuleSet::with(RULES, lexicon)?,
        })
    }
}

impl Detector for Probe {
    fn family(&self) -> Family {
        Family::Probe
    }

    fn wants(&self, _: Marks) -> bool {
        true
    }

    fn look(&self, value: &Value<'_>) -> Option<Finding> {
        match (value.place.part, value.role) {
            (Part::Path, Role::Value) if !is_well_known(value.text) => {
                let by_rule = self
                    .rules
                    .judge_by(value, |rule| rule.name != "hidden" || names_a_hidden_file(value.text));
                let found = by_rule
                    .or_else(|| named(value.text).map(|rule| Finding::new(rule, CERTAIN, 0..value.text.len())))?;
                let rule = if is_asked_by_software(value.text) {
                    SOFTWARE
                } else {
                    found.rule
                };
                Some(Finding { rule, ..found })
            }
            _ if is_telling(&value.place) => Some(Finding::new("skipping-header", CERTAIN, 0..value.text.len())),
            _ => None,
        }
    }
}

/// The rule of a probe that programs of honest people ask any host for, unbidden, as findings name
/// it. Attackers do so too: it is a probe all the same, and no evidence against its client.
pub const ASKED_BY_SOFTWARE: &str = "probe/software";

/// The same without its family.
const SOFTWARE: &str = "software";

/// Whether a path is one of those.
fn is_asked_by_software(path: &str) -> bool {
    let path = path.trim_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    is_one_of(first, &names::FOLDERS_OF_SOFTWARE) || is_one_of(last, &names::FILES_OF_SOFTWARE)
}

fn is_one_of(name: &str, table: &[&str]) -> bool {
    table.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a value is one that programs ask by.
pub(super) fn is_asked_for(value: &Value<'_>) -> bool {
    value.place.part == Part::Path || is_telling(&value.place)
}

/// Whether a place says everything, whatever stands in it.
pub(super) fn is_telling(place: &Place<'_>) -> bool {
    place.part == Part::Header && place.name == SKIPPING_HEADER
}

/// The tables that are searched for every path.
static FOLDERS: Table = Table::of(names::FOLDERS);
static SECRETS: Table = Table::of(names::SECRETS);
static MANIFESTS: Table = Table::of(names::MANIFESTS);
static PAGES: Table = Table::of(names::PAGES);
static ROOTS: Table = Table::of(names::ROOTS);

/// The longest name in a table, and more.
const LONGEST_NAME: usize = 64;

/// The table that a path is named in.
fn named(path: &str) -> Option<&'static str> {
    let path = path.trim_start_matches('/');
    let slashes = path.trim_end_matches('/').bytes().filter(|byte| *byte == b'/');
    let depth = slashes.count() + 1;
    let mut buffer = [0; LONGEST_NAME];
    for (index, segment) in pieces(path, b'/').enumerate() {
        // parameters of a segment (RFC 3986, section 3.3)
        let segment = pieces(segment, b';').next().unwrap_or_default();
        let Some(name) = lower(segment, &mut buffer) else {
            continue;
        };
        let hash = filter::hash(name.as_bytes());
        // `phpMyAdmin-5.1.1`, `nmaplowercheck1700000000`
        let unversioned = name.trim_end_matches(|sign: char| sign.is_ascii_digit() || matches!(sign, '.' | '-'));
        let is_unversioned =
            || unversioned.len() < name.len() && FOLDERS.has(unversioned, filter::hash(unversioned.as_bytes()));
        let is_folder = FOLDERS.has(name, hash) || is_unversioned();
        // further down only what is no word: `/tags/zabbix/`
        if is_folder && (index == 0 || (index == 1 && name.starts_with(['_', '+'])) || name.starts_with("wp-")) {
            return Some("folder");
        }
        if index + 1 < depth {
            continue;
        }
        let rule = match name.rsplit_once('.') {
            _ if SECRETS.has(name, hash) => "secret-file",
            _ if MANIFESTS.has(name, hash) && depth <= 2 => "manifest-file",
            _ if PAGES.has(name, hash) => "page",
            Some((stem, ending)) if is_shell(stem, ending) => "web-shell",
            Some((_, "log")) => "log-file",
            Some((_, "hprof" | "rdb" | "keytab" | "kdb" | "ovpn")) => "secret-file",
            Some((stem, _)) if is_of_docker(stem) => "manifest-file",
            Some((stem, ending)) if is_archive(stem, ending, depth) => "archive",
            Some((stem, ending)) if is_settings(stem, ending) => "settings-file",
            _ => continue,
        };
        return Some(rule);
    }
    is_below_a_root(path).then_some("product-path")
}

/// What stands between separators, which are ASCII. For short texts, of which a search that is set
/// up takes longer.
fn pieces(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let at = text.bytes().position(|byte| byte == separator);
        rest = at.and_then(|at| text.get(at + 1..));
        text.get(..at.unwrap_or(text.len()))
    })
}

/// A name in lower case; `None` where it is longer than any in the tables.
fn lower<'b>(name: &str, buffer: &'b mut [u8; LONGEST_NAME]) -> Option<&'b str> {
    let place = buffer.get_mut(..name.len())?;
    place.copy_from_slice(name.as_bytes());
    place.make_ascii_lowercase();
    str::from_utf8(place).ok()
}

/// Whether a path is one of [`names::ROOTS`] or below it: each of its beginnings that may be one is
/// looked up.
fn is_below_a_root(path: &str) -> bool {
    let mut buffer = [0; LONGEST_NAME];
    let head = path.get(..path.floor_char_boundary(LONGEST_NAME)).unwrap_or(path);
    let Some(head) = lower(head, &mut buffer) else {
        return false;
    };
    let ends_at = |at: usize| matches!(path.as_bytes().get(at), None | Some(b'/' | b'.' | b'?' | b';'));
    let mut hash = Hash::EMPTY;
    head.bytes().zip(1..).any(|(byte, end)| {
        hash = hash.and(byte);
        ends_at(end) && head.get(..end).is_some_and(|start| ROOTS.has(start, hash.end()))
    })
}

/// Whether a program is one that attackers leave behind: by its name, or by having hardly any.
fn is_shell(stem: &str, ending: &str) -> bool {
    names::PROGRAMS.contains(&ending)
        && (names::SHELLS.binary_search(&stem).is_ok()
            || is_hardly_a_name(stem)
            || (ending == "php" && stem.starts_with("wp-")))
}

/// A recipe of containers, for any of an application's environments.
fn is_of_docker(stem: &str) -> bool {
    ["dockerfile", "docker-compose", "docker-stack"].iter().any(|name| {
        stem.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
    })
}

fn is_hardly_a_name(stem: &str) -> bool {
    stem.len() <= 1 || (stem.len() <= 3 && stem.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a file is an archive of a whole site or database, where such files are left.
fn is_archive(stem: &str, ending: &str, depth: usize) -> bool {
    let stem = ["tar", "sql", "db", "dump"]
        .iter()
        .find_map(|inner| stem.strip_suffix(inner)?.strip_suffix('.'))
        .unwrap_or(stem);
    // what a script that packs a site knows is the site's name
    let domain = stem.rsplit_once('.').filter(|(before, _)| !before.is_empty());
    if depth == 1
        && names::ARCHIVES.contains(&ending)
        && domain.is_some_and(|(_, domain)| names::DOMAINS.contains(&domain))
    {
        return true;
    }
    let stem = stem.trim_end_matches(|sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '_'));
    depth <= 2 && names::ARCHIVES.contains(&ending) && names::BACKUPS.binary_search(&stem).is_ok()
}

/// Whether a file holds settings: what applications call them, for any of their environments, in
/// any format.
fn is_settings(stem: &str, ending: &str) -> bool {
    if !names::FORMATS.contains(&ending) {
        return false;
    }
    let mut rest = stem;
    loop {
        if names::SETTINGS.contains(&rest) {
            let is_page = matches!(
                ending,
                "php" | "asp" | "aspx" | "txt" | "py" | "rb" | "pl" | "lua" | "json" | "xml"
            );
            return !(is_page && rest == stem && names::EVERYDAY.contains(&rest));
        }
        let Some((before, word)) = rest.rsplit_once(['.', '-', '_']) else {
            return false;
        };
        if !word.is_empty() && !names::ENVIRONMENTS.contains(&word) {
            return false;
        }
        rest = before;
    }
}

/// Whether a path holds a hidden name that is no endpoint, no format and no cache of pictures.
fn names_a_hidden_file(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_picture = names::PICTURES.iter().any(|ending| ends_with(last, ending)) && !last.starts_with('.');
    let hidden = path
        .split('/')
        .enumerate()
        .filter(|(_, name)| name.len() > 1 && name.starts_with('.'));
    hidden.filter(|(_, name)| !name.starts_with("..")).any(|(place, name)| {
        let is_end = std::ptr::eq(name, last);
        // a repository of that name holds an organisation's profile
        let is_repository = is_end && place > 1 && name.eq_ignore_ascii_case(".github");
        !(is_one_of(name, names::ENDPOINTS)
            || is_picture
            || is_repository
            || (is_end && is_one_of(name, names::SUFFIXES)))
    })
}

fn ends_with(name: &str, ending: &str) -> bool {
    name.len()
        .checked_sub(ending.len())
        .and_then(|at| name.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// A place for metadata of the site (RFC 8615).
fn is_well_known(path: &str) -> bool {
    path.strip_prefix("/.well-known/")
        .is_some_and(|rest| !rest.contains("/.") && !rest.starts_with('.'))
}

#[cfg(test)]
mod tests;
