//! Where a configuration begins: the defaults, and pyrasp's templates over them.

use serde_json::{Value, json};

use super::reaction::Reaction;
use crate::protocol::ConfigMap;

/// The templates' names.
pub(super) const NAMES: [&str; 6] = ["default", "audit", "monitor", "llm", "mcp", "pyrasp"];

/// Whether there is a template of this name.
#[must_use]
pub fn is_template(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Every key with its default. A key that is not here is unknown.
///
/// The values are pyrasp 0.9.2's but for these: `CHANGE_SERVER` and `RESOLVE_COUNTRY` are off (the
/// answer's headers are the host's affair, and no third party learns who visits), `path` is off (an
/// unknown path is the application's 404), decoys are exact paths, a flood is what no office of 50
/// people sends, `IGNORE_PATHS` holds health endpoints, and the page of a refusal bears its id.
pub(super) fn defaults() -> ConfigMap {
    let mut all = ConfigMap::new();
    for group in [protection(), answers(), detectors(), outside()] {
        all.extend(into_map(group));
    }
    all
}

/// What a template changes, or `None` where there is no such template.
pub(super) fn changes(template: &str) -> Option<ConfigMap> {
    let changes = match template {
        "default" => json!({}),
        "audit" => audit(),
        "monitor" => monitor(),
        "llm" => json!({
            "APP_NAME": "LLM Frontend",
            "SECURITY_CHECKS": {"command": 0, "dlp": 1, "prompt": 2, "upload": 1, "chars": 2},
            "CHARS_INVISIBLE": true,
        }),
        "mcp" => mcp(),
        "pyrasp" => pyrasp(),
        _ => return None,
    };
    Some(into_map(changes))
}

fn into_map(value: Value) -> ConfigMap {
    if let Value::Object(map) = value {
        map
    } else {
        ConfigMap::new()
    }
}

fn protection() -> Value {
    json!({
        "APP_NAME": "Web Server",
        "HOSTS": [],
        "SECURITY_CHECKS": {
            "path": 0, "headers": 0, "flood": 2, "spoofing": 0, "decoy": 2, "format": 2, "sqli": 2, "xss": 2, "hpp": 2,
            "command": 2, "method": 0, "dlp": 0, "brute": 2, "ztaa": 0, "prompt": 0, "upload": 0,
            "chars": 0, "bots": 0
        },
        "WHITELIST": [],
        "IGNORE_PATHS": ignored(),
        "CORS_ORIGINS": [],
        "FORBIDDEN_HEADERS": [],
        "WHITELIST_HEADERS": [],
        "BRUTE_AND_FLOOD_PATHS": ["^/"],
        "FLOOD_DELAY": 60,
        "FLOOD_RATIO": 6000,
        "FLOOD_BURST": 0,
        "FLOOD_BAN_AFTER": 60,
        "FLOOD_STATIC": false,
        "FLOOD_STATUS_CODE": 0,
        "ERROR_FLOOD_DELAY": 10,
        "ERROR_FLOOD_RATIO": 100,
        "DECOY_ROUTES": decoys(),
        "ROUTES": [],
        "DRY_RUN": {},
    })
}

/// What browsers and crawlers ask for unbidden, and where orchestrators, load balancers and monitors ask whether an application is
/// well (Kubernetes, Spring Boot, Quarkus, ASP.NET, Rails, Laravel, Prometheus, App Engine): whole paths, so that none is a prefix of
/// a page.
fn ignored() -> Value {
    json!([
        r"^/favicon\.ico$",
        r"^/robots\.txt$",
        r"^/sitemap\.(txt|xml)$",
        r"^/apple-touch-icon(-[0-9]+x[0-9]+)?(-precomposed)?\.png$",
        r"^/(health|healthz|healthcheck|health-check|_health|livez?|readyz?|startupz|alive|ping|up)/?$",
        r"^/(q/)?health/(live|liveness|ready|readiness|startup|started|well)$",
        r"^/actuator/health(/liveness|/readiness)?$",
        r"^/-/(healthy|ready)$",
        r"^/_ah/(health|warmup)$"
    ])
}

/// Paths that scanners ask every site for and no page links to: files of version control and
/// settings, installers and consoles of products with known exploits (CISA KEV). Each is exact, so
/// that no page of an application is one by its ending; and none is one that programs of honest
/// people ask any host for.
const DECOYS: [&str; 46] = [
    "/.aws/credentials",
    "/.env",
    "/.env.backup",
    "/.env.local",
    "/.env.production",
    "/.git/HEAD",
    "/.git/config",
    "/.hg/hgrc",
    "/.htpasswd",
    "/.ssh/id_rsa",
    "/.svn/entries",
    "/.svn/wc.db",
    "/.vscode/sftp.json",
    "/GponForm/diag_Form",
    "/HNAP1/",
    "/_ignition/execute-solution",
    "/_profiler/phpinfo",
    "/actuator/env",
    "/actuator/heapdump",
    "/adminer.php",
    "/boaform/admin/formLogin",
    "/cgi-bin/luci/;stok=/locale",
    "/dana-na/auth/url_default/welcome.cgi",
    "/ecp/Current/exporttool/microsoft.exchange.ediscovery.exporttool.application",
    "/geoserver/web/",
    "/id_rsa",
    "/info.php",
    "/jenkins/script",
    "/manager/html",
    "/owa/auth/logon.aspx",
    "/owa/auth/x.js",
    "/phpMyAdmin/index.php",
    "/phpinfo.php",
    "/phpmyadmin/index.php",
    "/pma/index.php",
    "/remote/fgt_lang",
    "/remote/login",
    "/solr/admin/info/system",
    "/telescope/requests",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/wls-wsat/CoordinatorPortType",
    "/wp-admin/install.php",
    "/wp-admin/setup-config.php",
    "/wp-config.php",
    "/wp-config.php.bak",
    "/wp-login.php",
];

fn decoys() -> Value {
    DECOYS.iter().map(|path| json!([path, "match"])).collect()
}

fn answers() -> Value {
    json!({
        "BLACKLIST_ACTION": "block",
        "BLACKLIST_STATUS_CODE": 403,
        "BLACKLIST_ACTION_CONTENT": Reaction::PLAIN,
        "BLACKLIST_DELAY": 3600,
        "BLACKLIST_OVERRIDE": false,
        "BLACKLIST_SHARE": true,
        "BAN_EVIDENCE": 3,
        "BAN_WINDOW": 300,
        "BAN_SHARE": 0.1,
        "BAN_GROWTH": true,
        "BLOCK_ACTION": "block",
        "BLOCK_STATUS_CODE": 403,
        "BLOCK_ACTION_CONTENT": Reaction::PLAIN,
        "CHANGE_SERVER": false,
        "SERVER_HEADER": "Apache",
    })
}

fn detectors() -> Value {
    json!({
        "DECODE_B64": true,
        "EXCEPTIONS": [],
        "SENSITIVE_NAMES": [],
        "XSS_PROBA": 0.9,
        "SQLI_PROBA": 0.9,
        "DLP_PHONE_NUMBERS": false,
        "DLP_CC_NUMBERS": false,
        "DLP_PRIVATE_KEYS": false,
        "DLP_HASHES": false,
        "DLP_WINDOWS_CREDS": false,
        "DLP_LINUX_CREDS": false,
        "DLP_API": false,
        "DLP_LOG_LEAKED_DATA": false,
        "CHARS_CYRILLIC": false,
        "CHARS_INVISIBLE": false,
        "CHARS_NONPRINTABLE": false,
        "UPLOAD_FILES": true,
        "UPLOAD_MAX_SIZE": 2,
        "UPLOAD_EXTENSIONS": ["jpg", "png", "gif", "pdf"],
        "ZTAA_KEY_HEADER": "pcb-ztaa",
        "ZTAA_KEY": "",
        "ZTAA_BROWSER_VERSION": false,
    })
}

fn outside() -> Value {
    json!({
        "BEACON": false,
        "BEACON_URL": "",
        "BEACON_DELAY": 30,
        "REFRESH_DELAY": 300,
        "TELEMETRY_DATA": false,
        "VERBOSE": 0,
        "LOG_ENABLED": false,
        "LOG_FORMAT": "Syslog",
        "LOG_SERVER": "127.0.0.1",
        "LOG_PORT": 514,
        "LOG_PROTOCOL": "UDP",
        "LOG_PATH": "",
        "LOG_FILE_SIZE": 50,
        "RESOLVE_COUNTRY": false,
    })
}

/// Every leak is looked for.
fn all_leaks() -> ConfigMap {
    into_map(json!({
        "DLP_PHONE_NUMBERS": true,
        "DLP_CC_NUMBERS": true,
        "DLP_PRIVATE_KEYS": true,
        "DLP_HASHES": true,
        "DLP_WINDOWS_CREDS": true,
        "DLP_LINUX_CREDS": true,
        "DLP_API": true,
        "DLP_LOG_LEAKED_DATA": true,
    }))
}

/// For an application that is being probed: whatever can be an attack is one, and less is a flood. A page with 200 resources passes
/// for ten people at once. Broken links make a few errors a minute, a search for pages many.
fn audit() -> Value {
    let mut changes = all_leaks();
    changes.extend(into_map(json!({
        "SECURITY_CHECKS": {
            "path": 1, "spoofing": 2, "method": 2, "dlp": 2, "upload": 2, "chars": 2, "bots": 3
        },
        "CHARS_INVISIBLE": true,
        "CHARS_NONPRINTABLE": true,
        "UPLOAD_FILES": false,
        "FLOOD_DELAY": 60,
        "FLOOD_RATIO": 600,
        "FLOOD_BURST": 2000,
        "ERROR_FLOOD_DELAY": 60,
        "ERROR_FLOOD_RATIO": 30,
        "VERBOSE": 100,
    })));
    Value::Object(changes)
}

/// For a first look: everything is reported, nothing is refused.
fn monitor() -> Value {
    let mut changes = all_leaks();
    changes.extend(into_map(json!({
        "SECURITY_CHECKS": {
            "flood": 0, "spoofing": 3, "decoy": 3, "format": 3, "sqli": 3, "xss": 3, "hpp": 3, "command": 3,
            "method": 3, "dlp": 3, "brute": 3, "upload": 3, "chars": 3, "bots": 3
        },
        "CHARS_INVISIBLE": true,
        "VERBOSE": 10,
    })));
    Value::Object(changes)
}

/// For a server of the Model Context Protocol.
fn mcp() -> Value {
    let mut changes = all_leaks();
    changes.extend(into_map(json!({
        "APP_NAME": "MCP Server",
        "SECURITY_CHECKS": {"dlp": 2, "upload": 2, "chars": 1},
        "CHARS_INVISIBLE": true,
        "VERBOSE": 100,
    })));
    Value::Object(changes)
}

/// pyrasp 0.9.2's numbers and behaviour: one finding of level 2 bans, for an hour.
fn pyrasp() -> Value {
    json!({
        "SECURITY_CHECKS": {"path": 1, "flood": 2, "brute": 2, "decoy": 2},
        "IGNORE_PATHS": [r"^/favicon\.ico$", r"^/robots\.txt$", r"^/sitemap\.(txt|xml)$"],
        "BRUTE_AND_FLOOD_PATHS": ["^/"],
        "FLOOD_DELAY": 60,
        "FLOOD_RATIO": 50,
        "FLOOD_BAN_AFTER": 0,
        "FLOOD_STATIC": true,
        "ERROR_FLOOD_DELAY": 10,
        "ERROR_FLOOD_RATIO": 100,
        "DECOY_ROUTES": pyrasp_decoys(),
        "BLACKLIST_ACTION_CONTENT": Reaction::PYRASPS,
        "BLOCK_ACTION_CONTENT": Reaction::PYRASPS,
        "BLACKLIST_DELAY": 3600,
        "BLACKLIST_SHARE": false,
        "BAN_EVIDENCE": 1,
        "BAN_SHARE": 0,
        "BAN_GROWTH": false,
    })
}

/// pyrasp's decoys: also on paths that many applications have by another name.
fn pyrasp_decoys() -> Value {
    json!([
        ["/admin", "ends"],
        ["/login", "ends"],
        ["/logs", "ends"],
        ["/version", "ends"],
        ["/cgi-bin/", "starts"],
        ["/remote/", "starts"],
        ["/.env", "starts"],
        ["/owa/", "starts"],
        ["/autodiscover", "starts"],
        ["/Autodiscover", "starts"],
        ["/.git/", "starts"],
        ["/.aws/", "starts"],
        [".php", "ends"]
    ])
}
