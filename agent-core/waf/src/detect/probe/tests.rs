//! Paths that only attackers ask for, and their neighbours.

use super::{super::tests::find_path, *};

/// Of each class some that no corpus named.
#[rustfmt::skip]
const CLASSES: &[&str] = &[
    // keys, passwords, settings
    "/id_ed25519", "/keys/server.key", "/phpMyAdmin-5.1.1/", "/nmaplowercheck1700000000", "/www.example.com.tar.gz", "/docker-compose.prod.yml", "/Dockerfile.dev",
    "/java_pid1.hprof", "/management/heapdump", "/terraform.tfstate", "/infra/terraform.tfvars", "/kubeconfig", "/passwords.xlsx", "/api/secrets.yaml",
    "/appsettings.Production.json", "/application-prod.yml", "/database.staging.yml", "/config_backup.php", "/db.properties", "/conf.default.ini",
    "/configuration.php-dist", "/LocalSettings.php", "/credentials.live.json", "/env.production", "/settings.local.php", "/wp-config.php.save", "/wp-config_", "/wp-config-backup.php", "/wp-config-old",
    "/config/databases.yml", "/config_parsed.ini", "/Web.Release.config", "/vault.yml", "/names.nsf",
    // source trees
    "/pnpm-lock.yaml", "/backend/composer.lock", "/Gemfile.lock", "/poetry.lock", "/values.yaml", "/serverless.yml", "/CLAUDE.md", "/Makefile",
    // repositories and editors
    "/.hg/requires", "/.bzr/README", "/CVS/Entries", "/_darcs/prefs", "/.idea/workspace.xml", "/.vscode/sftp.json", "/nbproject/project.xml", "/.cursor/mcp.json",
    // dumps and backups
    "/www.zip", "/backup.tar.gz", "/db_backup.sql.gz", "/site-2024.rar", "/htdocs.7z", "/wordpress.bak", "/dump.dmp", "/backup-2024-05-12.zip",
    // logs
    "/storage/logs/laravel.log", "/npm-debug.log", "/logs/production.log",
    // consoles, panels, debugging
    "/phpMyAdmin/index.php", "/pma/", "/adminer.php", "/_profiler/phpinfo", "/telescope/requests", "/actuator/gateway/routes", "/h2-console/", "/jolokia/list",
    "/host-manager/html", "/jmx-console/HtmlAdaptor", "/druid/index.html", "/debug/pprof/heap", "/rails/info/routes", "/wp-includes/", "/blog/wp-login.php",
    "/nagios/cgi-bin/status.cgi", "/zabbix/", "/elmah.axd", "/__debug__/", "/server-info",
    // clouds, clusters, databases
    "/latest/meta-data/iam", "/api/v1/namespaces/default/pods", "/v1.24/containers/json", "/containers/json", "/_cluster/health", "/_all_dbs", "/solr/admin/cores",
    // mail, appliances, cameras, routers
    "/owa/auth/x.js", "/ecp/default.flt", "/autodiscover/autodiscover.json", "/_layouts/15/ToolPane.aspx", "/remote/fgt_lang", "/+CSCOE+/logon.html", "/dana-na/",
    "/vpns/portal/x", "/tmui/login.jsp", "/mgmt/tm/util/bash", "/HNAP1/", "/boaform/admin/formLogin", "/GponForm/diag_Form", "/goform/set", "/cgi-bin/luci/;stok=",
    "/axis-cgi/x", "/onvif/device_service", "/setup.cgi", "/currentsetting.htm", "/geoserver/wfs", "/wls-wsat/CoordinatorPortType", "/nacos/v1/auth/users",
    "/bitrix/admin/", "/cgi-bin/supervisor/CloudSetup.cgi", "/server/php/index.php", "/irj/portal", "/_users/_all_docs", "/ispirit/interface/gateway.php",
    "/kcfinder/upload.php", "/Install/InstallWizard.aspx", "/scheduledtasks", "/ui/vropspluginui/rest", "/VPN/../VPNS/x",
    // web shells
    "/c99.php", "/uploads/wso.php", "/x.php", "/wp-22.php", "/cmd.aspx", "/images/shell.jsp", "/ALFA.php", "/b374k.php5",
];

/// Names of pages and files that everybody asks for.
#[rustfmt::skip]
const EVERYDAY: &[&str] = &[
    "/docs/wp-config-explained", "/blog/wp-config-php-guide",
    "/tags/zabbix/", "/wiki/Nagios", "/products/telescope", "/shop/horizon/", "/api/v1/users/me/.json", "/users/jack/.json",
    "/remote.php/dav/files/kim/.thumbnails/a.jpg", "/repos/org/.github", "/.netlify/functions/x", "/.well-known/acme-challenge/x", "/settings.php", "/connect.php",
    "/application.json", "/local.json", "/global.xml", "/downloads/release.zip", "/files/holiday.zip", "/data/2024/report.csv", "/latest.tar.gz", "/catalog",
    "/blog/changelog", "/index.php", "/about.php", "/contact.php", "/user/login", "/version", "/logs", "/manage", "/admin", "/upload.php", "/cart.aspx",
    "/environment.html", "/printers", "/stats/summary", "/conditions", "/sessions", "/ws.php", "/status", "/webmail/", "/users.csv", "/index.php/blog", "/axis/sets",
    "/rpcs", "/server/phpunit-guide", "/em", "/sdk-docs", "/irj", "/plus/members", "/magma/web", "/logon", "/tower", "/config", "/database", "/backup", "/passwords", "/docs/kubeconfig-guide", "/info", "/info.html", "/test", "/setup", "/install",
    "/terminal", "/console", "/go.php", "/dl.php", "/manifest.json", "/humans.txt", "/ads.txt", "/sitemap.xml.gz", "/feed.xml", "/robots.txt", "/llms.txt",
    "/favicon.ico", "/apple-touch-icon.png", "/v1/catalog/products", "/api/v1/podcasts", "/sys-admin-jobs", "/etcetera", "/procurement", "/systems/1",
    "/cgi-bin/shop.cgi", "/assets/app.js", "/assets/env-badge.svg", "/owatonna", "/ecpay/notify", "/.well-known/openid-configuration", "/images/json-logo.png",
    "/metadata", "/latest/news", "/reports/db-summary.pdf", "/cvs/anna.pdf", "/wp/paper.pdf", "/my-config-guide", "/blog/docker-compose-yml-explained",
];

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
fn whole_classes_are_found() {
    for path in CLASSES {
        assert!(find_path(path).is_some(), "{path}");
    }
}

#[test]
fn tables_are_sorted_and_in_lower_case() {
    for table in [
        names::SECRETS,
        names::MANIFESTS,
        names::PAGES,
        names::SHELLS,
        names::FOLDERS,
        names::ROOTS,
        names::BACKUPS,
    ] {
        assert!(table.is_sorted_by(|one, next| one < next));
        assert!(
            table
                .iter()
                .all(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase()))
        );
        assert!(table.iter().all(|name| name.len() <= LONGEST_NAME));
    }
}

#[test]
fn everyday_names_pass() {
    for path in EVERYDAY {
        assert_eq!(find_path(path), None, "{path}");
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

#[test]
fn what_software_asks_for_is_told_apart() {
    for path in [
        "/autodiscover/autodiscover.xml",
        "/Autodiscover/Autodiscover.json",
        "/Microsoft-Server-ActiveSync",
        "/EWS/Exchange.asmx",
        "/owa/",
        "/_vti_bin/shtml.exe/_vti_rpc",
        "/dns-query",
        "/photos/.DS_Store",
        "/desktop.ini",
        "/metrics",
        "/nginx_status",
    ] {
        assert!(is_asked_by_software(path), "{path}");
    }
    for path in [
        "/.env",
        "/.git/config",
        "/actuator/heapdump",
        "/backup.zip",
        "/debug/pprof/heap",
        "/wp-login.php",
    ] {
        assert!(!is_asked_by_software(path), "{path}");
    }
}
