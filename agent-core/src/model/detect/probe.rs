//! Requests for what only attackers ask for (CWE-538, CWE-552; OWASP WSTG-CONF-04 and -05): hidden files, settings, backups, consoles,
//! endpoints with known exploits (CISA KEV).
//!
//! A probe is no proof where the application has such a route: the guard asks it only for paths that no route matched, as it does
//! with the configuration's decoys.

use super::{
    BuildError, CERTAIN, Detector, Family, Finding, Marks, Rule, RuleSet, Value, lexicon::Lexicon, rules::always,
};
use crate::model::places::{Part, Place, Role};

pub(super) const RULES: &[Rule] = &[
    always("hidden", r"/\.(?:[a-z@_-][\w.@-]*)(?:/|$|~)"),
    always(
        "settings",
        r"/(?:wp-)?config(?:uration|[._-](?:dev|prod|sample|test|local|inc|old|bak|default)\w*|_)?\.(?:aspx?|ini|json|php|pl|py|rb|toml|txt|xml|ya?ml|inc|bak|old|nu|db|cfg|conf|yml)\w*$|/wp-config|/app/etc/env\.php|/sites/default/(?:default\.)?settings",
    ),
    always(
        "backup",
        r"\.(?:bak|old|orig|save|swp|swo|sql|sqlite3?|mdb|dump|inc|pem|key|p12|pfx|ppk|kdbx|cnf|env)(?:\.\w{1,4})?$|/id_(?:rsa|dsa|ecdsa|ed25519)$|~$|/(?:backup|dump|database|db)\.(?:zip|tar|gz|tgz|rar|7z|sql)|/(?:error|errors|debug|access|pm2|php_errors|laravel|yarn-error|npm-debug|blockcypher)\.log$",
    ),
    always(
        "manifest",
        r"^/(?:[\w-]+/)?(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|(?:grunt|gulp)file\.js|webpack\.config\.js|composer\.(?:json|lock)|bower\.json|dockerfile|docker-compose\.ya?ml|compose\.ya?ml|phpcs\.xml|weblogic\.xml|cargo\.(?:toml|lock)|pyproject\.toml|pytest\.ini|go\.(?:mod|sum)|build\.zig\.zon|gemfile(?:\.lock)?|pom\.xml|build\.gradle|makefile|procfile|vagrantfile|jenkinsfile|yarn\.lock|requirements\.txt|tsconfig\.json|gitlab\.rb|auth\.json|credentials(?:\.json)?|thumbs\.db|firebase\.json|sftp-config\.json|serviceaccountkey\.json|(?:aws|user|app)[-_](?:key|secrets?)\.\w+|initial_root_password|secrets?\.\w+|settings\.py|local_settings\.py|web\.config|[\w-]*authentication-report\.csv)$",
    ),
    always(
        "system",
        r"^/(?:proc|sys)(?:/|$)|^/@(?:id|fs)/|/(?:META|WEB)-INF/|^/etc/|^/anaconda\d?/|^/perl/(?:lib|bin)",
    ),
    always(
        "actuator",
        r"/actuator(?:/|$)|^/(?:auditevents|beans|configprops|dump|flyway|heapdump|httptrace|integrationgraph|loggers|liquibase|mappings|threaddump|jolokia|env|trace|metrics)$",
    ),
    always(
        "console",
        r"^/(?:wp-login\.php|wp-admin/|xmlrpc\.php|wp-content/plugins/|pma/|phpmyadmin\d?/|adminer|server-(?:status|info)$|console/|manager/(?:html|status|text)|jmx-console|web-console|script$|hudson|jenkins/script|elmah\.axd|trace\.axd|api/v1/pods$|v2/_catalog|_cat/|_nodes|_cluster|nacos/|downloader/|wg-clients/|solr/admin|druid/|telescope/|horizon/api|_profiler/|app_dev\.php|debug/pprof|shell$)|phpinfo",
    ),
    always(
        "appliance",
        r"^/(?:ecp/|owa/|autodiscover|remote/(?:fgt_lang|login|logincheck)|dana-na/|dana/|\+cscoe\+|\+cscot\+|vpn/\.\./|vpns/|global-protect|sslvpn|wsman|goform/|gponform/|boaform/|hnap1|setup\.cgi|setupwizard\.aspx/|board\.cgi|tmui/|mgmt/tm/util|wls-wsat|_async/|invoker/|ueditor|seeyon|cfide/|lucee/|oa_html/|webtools/control/|webinterface/function|geoserver/|saas/|catalog-portal|rest/id-pools/executecommand|webui_wsma|internal/v2/config|apps/zxtm/|_ignition/|sdwan/nitro|api/v2(?:\.0)?/cmdb/system/admin|cgi-bin/(?:bash|sh|perl|php\d?|test|printenv|luci|nas_sharing|weblogin|mainfunction|kerbynet|popen|slogin|login|welcome))",
    ),
    always(
        "shell",
        r"/(?:info|r57|c99|alfa|shell|cmd|wso|eval-stdin|upl|adminer|b374k|webshell)\.(?:php|jsp|aspx?|cgi)|/vendor/phpunit/",
    ),
    always(
        "uploaded-program",
        r"/(?:uploads?|images?|img|files|tmp|temp|cache)/(?:[^?]*/)?[^/]*\.(?:php\d?|phtml?|phar|pht|hphp|module|shtml|jspx?|aspx?|cgi|pl)$",
    ),
    always(
        "suffix",
        r"\.(?:php|jsp|aspx?|cgi)(?:[;#:\n]|\xEF\xBF\xBD|%|\\|\W).{0,12}\.(?:png|jpe?g|gif|css|js|txt|html?)$|\.(?:php|jsp)::\$data|\.(?:php|jsp|aspx?);",
    ),
    always("matrix", r"/\.\.;/|;/\.\.|/\.%|/;/"),
];

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
            (Part::Path, Role::Value) if !is_well_known(value.text) => self.rules.judge(value),
            _ if is_telling(&value.place) => Some(Finding::new("skipping-header", CERTAIN, 0..value.text.len())),
            _ => None,
        }
    }
}

/// Whether a value is one that programs ask by.
pub(super) fn is_asked_for(value: &Value<'_>) -> bool {
    value.place.part == Part::Path || is_telling(&value.place)
}

/// Whether a place says everything, whatever stands in it.
pub(super) fn is_telling(place: &Place<'_>) -> bool {
    place.part == Part::Header && place.name == SKIPPING_HEADER
}

/// A place for metadata of the site (RFC 8615).
fn is_well_known(path: &str) -> bool {
    path.strip_prefix("/.well-known/")
        .is_some_and(|rest| !rest.contains("/.") && !rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::find_path;

    #[test]
    fn probes_are_found() {
        for path in [
            "/.env",
            "/.git/config",
            "/app/.aws/credentials",
            "/wp-config.php.bak",
            "/config.yml",
            "/backup.sql",
            "/actuator/env",
            "/server-status",
            "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
            "/uploads/2024/x.php",
            "/.well-known/../.env",
            "/index.jsp;.png",
            "/%2egit/HEAD",
            "/cgi-bin/bash",
            "/docker-compose.yml",
            "/id_rsa.pem",
        ] {
            assert!(find_path(path).is_some(), "{path}");
        }
    }

    #[test]
    fn pages_pass() {
        for path in [
            "/",
            "/index.html",
            "/.well-known/security.txt",
            "/static/js/vendor.min.js",
            "/products/shell-necklace",
            "/environment",
            "/blog/how-to-use-git-config",
            "/files/report final.pdf",
            "/api/v2/items.json",
            "/login",
            "/config",
            "/server-status-page",
            "/wiki/Main_Page",
            "/cgi-bin/article.cgi",
            "/auth/login.do;jsessionid=1CE83F32EF497A20A3830FB49E2A6FD4",
        ] {
            assert_eq!(find_path(path), None, "{path}");
        }
    }
}
