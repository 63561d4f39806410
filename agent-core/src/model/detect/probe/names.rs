//! Names of files, folders and pages that attackers ask for: what products call their secrets, consoles and panels, from the products'
//! own documentation and from published exploits. All are in lower case, those that are searched by halves sorted.

/// Files that hold keys, passwords or settings, in any folder.
#[rustfmt::skip]
pub(super) const SECRETS: &[&str] = &[
    "access_log", "accesskeys.csv", "accesstokens.json", "accounts.xml", "acme.json", "alertmanager.yml", "ansible.cfg", "api_keys.json", "api_keys.txt",
    "apikeys.json", "app.config", "app.db", "applicationcontext.xml", "applicationhost.config", "auth.json", "authorized_keys", "aws-credentials", "aws.json",
    "aws.yaml", "aws.yml", "aws_credentials", "azureauth.json", "azureprofile.json", "backup-codes.txt", "backup.sh", "bootstrap.yml", "boto.cfg", "build.sh",
    "cable.yml", "caddyfile", "cert.key", "claude_desktop_config.json", "client.ovpn", "client_secret.json", "client_secrets.json", "cline_mcp_settings.json",
    "confidential.txt", "config.inc.php", "configuration.php-dist", "connectionstrings.config", "credentials.csv", "credentials.db", "credentials.json",
    "credentials.txt", "credentials.xml", "credentials.yml.enc", "crontab", "crontab.txt", "database.rules.json", "datasources.xml", "dbeaver-data-sources.xml",
    "default.settings.php", "deploy.rb", "deploy.sh", "deploy.yml", "deployment-config.json", "docker-entrypoint.sh", "ecosystem.config.js", "elasticsearch.yml",
    "entrypoint.sh", "env.bak", "env.dev", "env.json", "env.local", "env.php", "env.prod", "env.production", "env.test", "env.txt", "error_log", "faces-config.xml",
    "fastcgi.conf", "filezilla.xml", "firebase-adminsdk.json", "firebase.json", "firestore.rules", "ftp-sync.json", "ftp.txt", "ftpsync.settings", "gcloud.json",
    "gcp-credentials.json", "gitlab.rb", "global.asa", "global.asax", "google-services.json", "googleservice-info.plist", "gradle.properties", "grafana.ini",
    "group_vars", "haproxy.cfg", "hibernate.cfg.xml", "host.key", "host_vars", "hosts.deny", "hosts.ini", "htaccess", "htaccess.bak", "htaccess.txt", "htpasswd",
    "htpasswd.bak", "htpasswd.txt", "httpd.conf", "id_dsa", "id_ecdsa", "id_ed25519", "id_rsa", "id_rsa.pub", "id_rsa.txt", "initial_root_password", "interfaces",
    "inventory.ini", "jboss-web.xml", "jdbc.properties", "jwt.key", "key.pem", "keystore.jks", "kibana.yml", "knexfile.js", "known_hosts", "krb5.conf",
    "krb5.keytab", "kube.config", "kubeconfig", "kubeconfig.yaml", "kubeconfig.yml", "launchsettings.json", "ldap-authentication-report.csv", "lighttpd.conf",
    "listener.ora", "local.settings.json", "local.xml", "local_settings.py", "localhost.key", "localsettings.php", "log4j.properties", "log4j2.xml", "logback.xml",
    "machine.config", "main.tf", "master.key", "master.key.enc", "masterkey", "mcp.json", "mongoid.yml", "my.cnf", "my.cnf.bak", "my.ini", "mysqldump.cnf",
    "named.conf", "new_user_credentials.csv", "newrelic.ini", "newrelic.yml", "nginx.conf", "nohup.out", "nuget.config", "oauth-private.key", "openvpn.conf",
    "ormconfig.json", "parameters.ini", "parameters.php", "parameters.yml", "pass.txt", "passwd.txt", "password.txt", "passwords.csv", "passwords.txt",
    "passwords.xlsx", "persistence.xml", "pg_hba.conf", "pgpass.conf", "phinx.php", "phinx.yml", "php.ini", "playbook.yml", "postgresql.conf", "private.key",
    "private.pem", "privatekey.pem", "proftpdpasswd", "prometheus.yml", "pubring.gpg", "rclone.conf", "recentservers.xml", "recovery-codes.txt", "redis.conf",
    "restart.sh", "rootkey.csv", "routes.rb", "rsyncd.conf", "run.sh", "s3cfg", "schema.prisma", "schema.rb", "secret.json", "secret.key", "secret.txt",
    "secrets.json", "secrets.toml", "secrets.txt", "secrets.yaml", "secrets.yml", "secring.gpg", "seeds.rb", "sequelize.json", "server.key",
    "service-account-key.json", "service-account.json", "service_account.json", "serviceaccount.json", "serviceaccountkey.json", "settings.inc.php",
    "settings.local.php", "sftp-config.json", "sftp.json", "sidekiq.yml", "sitelist.xml", "sitemanager.xml", "smb.conf", "sql.txt", "sqlite.db", "sqlnet.ora",
    "squid.conf", "sshd_config", "ssl.key", "start.sh", "startup.sh", "storage.rules", "storage.yml", "struts-config.xml", "supervisord.conf", "sysprep.inf",
    "sysprep.xml", "terraform.tfstate", "terraform.tfstate.backup", "terraform.tfvars", "tnsnames.ora", "token.json", "token.txt", "tokens.json",
    "tomcat-users.xml", "traefik.toml", "traefik.yml", "trustdb.gpg", "truststore.jks", "unattend.xml", "user.ini", "user_secrets.yml", "users.sql", "users.txt",
    "uwsgi.ini", "variables.tf", "vault.json", "vault.yml", "ventrilo_srv.ini", "vsftpd.conf", "wallet.dat", "wcx_ftp.ini", "web.config", "web.config.txt",
    "weblogic.xml", "wg0.conf", "winscp.ini", "wp-config-sample.php", "wp-config.php", "wpa_supplicant.conf", "ws_ftp.ini", "ws_ftp.log", "www.key",
];

/// Files of source trees that say what an application is made of, at the root or one folder below.
#[rustfmt::skip]
pub(super) const MANIFESTS: &[&str] = &[
    "agents.md", "androidmanifest.xml", "angular.json", "app.json", "app.py", "app.yaml", "appspec.yml", "appveyor.yml", "artisan", "astro.config.mjs",
    "azure-pipelines.yml", "babel.config.js", "behat.yml", "bitbucket-pipelines.yaml", "bitbucket-pipelines.yml", "bower.json", "brewfile", "buf.yaml",
    "build.gradle", "build.gradle.kts", "build.sbt", "build.xml", "build.zig", "build.zig.zon", "buildspec.yml", "bun.lockb", "bunfig.toml",
    "capacitor.config.json", "capfile", "cargo.lock", "cargo.toml", "cartfile", "chart.yaml", "circle.yml", "claude.md", "cloudbuild.yaml", "cmakelists.txt",
    "codeception.yml", "codecov.yml", "compose.yaml", "compose.yml", "composer.json", "composer.lock", "composer.phar", "configure.ac", "copilot-instructions.md",
    "cypress.config.js", "cypress.json", "default.nix", "deno.json", "deno.lock", "dependabot.yml", "desktop.ini", "docker-compose.yaml", "docker-compose.yml",
    "docker-stack.yml", "dockerfile", "docusaurus.config.js", "environment.yml", "fabfile.py", "firebase.json", "flake.nix", "fly.toml", "foundry.toml",
    "gatsby-config.js", "gemfile", "gemfile.lock", "gemini.md", "glide.lock", "go.mod", "go.sum", "go.work", "gopkg.lock", "gopkg.toml", "gradlew",
    "gruntfile.coffee", "gruntfile.js", "guardfile", "gulpfile.js", "hardhat.config.js", "helmfile.yaml", "heroku.yml", "info.plist", "ionic.config.json",
    "ivy.xml", "jenkinsfile", "jest.config.js", "jsconfig.json", "justfile", "karma.conf.js", "kustomization.yaml", "lefthook.yml", "lerna.json", "main.go",
    "main.py", "makefile", "makefile.am", "manage.py", "meson.build", "metro.config.js", "mix.exs", "mix.lock", "mkdocs.yml", "netlify.toml", "next.config.js",
    "now.json", "npm-shrinkwrap.json", "nuxt.config.js", "nuxt.config.ts", "nx.json", "package-lock.json", "package.json", "package.yaml", "packages.config",
    "paket.lock", "phpcs.xml", "phpcs.xml.dist", "phpstan.neon", "phpstan.neon.dist", "phpunit.xml", "phpunit.xml.dist", "pipfile", "pipfile.lock",
    "playwright.config.ts", "pnpm-lock.yaml", "pnpm-workspace.yaml", "podfile", "podfile.lock", "poetry.lock", "poetry.toml", "pom.xml", "postcss.config.js",
    "procfile", "project.clj", "project.json", "protractor.conf.js", "psalm.xml", "pubspec.lock", "pubspec.yaml", "pyproject.toml", "pytest.ini", "rakefile",
    "rebar.config", "remix.config.js", "render.yaml", "renovate.json", "requirements-dev.txt", "requirements.txt", "rollup.config.js", "rush.json",
    "samconfig.toml", "serverless.yaml", "serverless.yml", "settings.gradle", "setup.cfg", "setup.py", "shell.nix", "skaffold.yaml", "sonar-project.properties",
    "stack.yaml", "svelte.config.js", "symfony.lock", "tailwind.config.js", "thumbs.db", "tox.ini", "truffle.js", "tsconfig.json", "tslint.json", "turbo.json",
    "typings.json", "uv.lock", "vagrantfile", "values.yaml", "vercel.json", "vite.config.js", "vite.config.ts", "vue.config.js", "webpack.config.js",
    "webpack.config.ts", "webpack.mix.js", "wrangler.toml", "wsgi.py", "yarn.lock",
];

/// Pages for debugging, set-up and administration of well-known software, and files that exploits ask for, in any folder.
#[rustfmt::skip]
pub(super) const PAGES: &[&str] = &[
    "adminer.php", "antak.aspx", "apc.php", "app_dev.php", "app_test.php", "apply.cgi", "apply_sec.cgi", "aspxspy.aspx", "azenv.php", "backend_dev.php",
    "board.cgi", "caidao.php", "changelog.php", "clients_live.php", "cmd.jsp", "cmdasp.asp", "cmdasp.aspx", "createpage-entervariables.action", "crossdomain.bak",
    "currentsetting.htm", "dbadmin.php", "debug.php", "dialoghandler.aspx", "doenterpagevariables.action", "elmah.axd", "eval-stdin.php", "frontend_dev.php",
    "glimpse.axd", "hndunblock.cgi", "hystrix.stream", "imce", "index_dev.php", "info.php", "infophp.php", "install.php", "installer.php", "isqlplus", "jspspy.jsp",
    "license.php", "login_sid.lua", "memcached.php", "my.policy", "mysqldumper.php", "old_phpinfo.php", "opcache-gui.php", "opcache.php", "php-info.php", "php.php",
    "php_info.php", "phpinfo.php", "phpminiadmin.php", "phptest.php", "phpversion.php", "picsdesc.xml", "pinfo.php", "proxychecker.php", "readme.php", "routes.axd",
    "server-info.action", "session_login.cgi", "setup-config.php", "setup.cgi", "setup.php", "setupadministrator.action", "shell.jsp", "snoop.jsp", "status.xsl",
    "system_api.php", "telerik.web.ui.dialoghandler.aspx", "telerik.web.ui.webresource.axd", "test.jsp", "test.php", "test1.php", "test2.php", "testproxy.php",
    "tmunblock.cgi", "trace.axd", "turbine.stream", "upgrade.php", "upload.action", "wanipcn.xml", "wlwmanifest.xml", "wp-activate.php", "wp-blog-header.php",
    "wp-comments-post.php", "wp-cron.php", "wp-links-opml.php", "wp-load.php", "wp-login.php", "wp-mail.php", "wp-register.php", "wp-settings.php", "wp-signup.php",
    "wp-trackback.php", "xmlrpc.php",
];

/// Names of web shells and of the tools that come with them, without the ending of a program.
#[rustfmt::skip]
pub(super) const SHELLS: &[&str] = &[
    "0byte", "1337", "adminer", "alfa", "alfa-rex", "alfashell", "anonymousfox", "antichat", "aspxspy", "b374k", "backdoor", "bypas", "bypass", "c100", "c99",
    "china", "chosen", "cmd", "cmd1", "cong", "console", "eval", "exec", "exploit", "filemanager", "fox", "gel4y", "hack", "hacked", "hacker", "haxor",
    "indoxploit", "jspspy", "leaf", "leafmailer", "lock360", "locus7", "mailer", "marijuana", "mini", "moon", "php-reverse-shell", "phpspy", "priv8", "pwn",
    "pwned", "r00t", "r57", "radio", "reverse", "reverse-shell", "revshell", "root", "rootkit", "sh", "shell", "shell1", "shell2", "simple-backdoor", "spy",
    "symlink", "terminal", "tinyfilemanager", "tunnel", "up", "upl", "upl0ad", "uploader", "webshell", "weevely", "wp-2019", "wp-22", "wp-shell", "wpshell", "wso",
    "wso2", "xleet",
];

/// Folders of panels, consoles and appliances, at the root or one folder below.
#[rustfmt::skip]
pub(super) const FOLDERS: &[&str] = &[
    "+cscoe+", "+cscot+", "+cscou+", "__clockwork", "__debug__", "_async", "_cat", "_cluster", "_darcs", "_debugbar", "_fragment", "_ignition", "_layouts",
    "_nodes", "_plugin", "_profiler", "_snapshot", "_vti_bin", "_vti_cnf", "_vti_pvt", "_wdt", "admin-console", "adminer", "app_browsers", "app_code", "app_data",
    "app_globalresources", "aspnet_client", "asynchpeople", "autoconfig", "autodiscover", "awstats", "axis2", "axis2-admin", "balancer-manager",
    "bea_wls_deployment_internal", "bea_wls_internal", "bitkeeper", "boaform", "cacti", "cfide", "cfusionmx", "ckfinder", "coldfusion", "consolehelp", "cpanel",
    "dana-admin", "dana-na", "dana-ws", "dbadmin", "debugbar", "directadmin", "ecp", "ejbinvokerservlet", "elfinder", "elmah", "evox", "ewebeditor", "ews",
    "fckeditor", "flex2gateway", "fortigate", "fpm-status", "froxlor", "ganglia", "global-protect", "goform", "gponform", "group_vars", "h2-console", "hadoop_yarn",
    "hawtio", "hnap1", "host-manager", "host_vars", "hudson", "icingaweb2", "iisadmin", "iisadmpwd", "invokerservlet", "ispconfig", "jbossws", "jenkins",
    "jk-status", "jkstatus", "jmx-console", "jmxinvokerservlet", "jolokia", "kibana", "kindeditor", "librenms", "logfile", "lucee", "magento_version", "mamp",
    "mapi", "meta-inf", "microsoft-server-activesync", "mifs", "mobileiron", "mongo-express", "msadc", "munin", "myadmin", "mysql-admin", "mysqladmin", "nacos",
    "nagios", "nagiosxi", "nbproject", "nginx_status", "nmaplowercheck", "nmapuppercheck", "oa_cgi", "oa_html", "oa_java", "oab", "observium", "onvif",
    "opcache-gui", "owa", "pgadmin", "pgadmin4", "php-fpm", "php-my-admin", "php-status", "phpinfo", "phpliteadmin", "phpmemcachedadmin", "phpmy-admin",
    "phpmyadmin", "phpmyadmin2", "phpmyadmin3", "phpmyadmin4", "phppgadmin", "phpredisadmin", "phpredmin", "phpunit", "plesk", "pma", "pma2", "psia",
    "railo-context", "rainloop", "rdweb", "redis-commander", "remote_fgt", "rockmongo", "roundcubemail", "scripttext", "sdwan", "seeyon", "server-info",
    "server-status", "sitecore", "solr", "sqladmin", "sqlbuddy", "sqlitemanager", "sqlweb", "squirrelmail", "ssl-vpn", "sslvpn", "sslvpn_websession",
    "stalker_portal", "struts2-rest-showcase", "struts2-showcase", "stub_status", "tmui", "tsweb", "typo3conf", "uddiexplorer", "ueditor", "ui_vsphere", "umbraco",
    "usermin", "vestacp", "vpns", "vropspluginui", "vsphere-client", "wamp", "web-console", "web-inf", "webalizer", "webdb", "webmin", "websql", "whm", "wls-wsat",
    "wp-admin", "wp-content-backup", "wp-includes", "xampp", "xxl-job-admin", "yarn-cluster", "zabbix", "zimbraadmin",
];

/// Beginnings of paths that only a product has, or an exploit for it, from the root.
#[rustfmt::skip]
pub(super) const ROOTS: &[&str] = &[
    "@fs", "@id", "_all/_search", "_all_dbs", "_config", "_search", "_session/admin", "_utils", "admin/ckeditor", "admin/fckeditor", "administrator/components",
    "administrator/index.php", "administrator/manifests", "airflow/login", "anaconda", "anaconda2", "anaconda3", "analytics/telemetry/ph", "api/2.0/mlflow",
    "api/jmeter", "api/jsonws/invoke", "api/kernels", "api/settings/values", "api/v1/namespaces", "api/v1/nodes", "api/v1/pods", "api/v1/secrets", "api/v2.0/cmdb",
    "api/v2/cmdb", "api/v4/projects/import", "apis/apps", "app/etc", "apps/zxtm", "assets/elfinder", "axis-cgi", "bin/querybuilder", "bootstrap/cache",
    "catalog-portal/ui", "cgi-bin/account_mgr.cgi", "cgi-bin/admin.cgi", "cgi-bin/authlogin.cgi", "cgi-bin/awstats.pl", "cgi-bin/bash", "cgi-bin/cstecgi.cgi",
    "cgi-bin/cvename", "cgi-bin/downloadflile.cgi", "cgi-bin/formmail.pl", "cgi-bin/gethostinfo", "cgi-bin/hi3510", "cgi-bin/jarrewrite.sh", "cgi-bin/kerbynet",
    "cgi-bin/login.cgi", "cgi-bin/luci", "cgi-bin/magicbox.cgi", "cgi-bin/mainfunction.cgi", "cgi-bin/nas_sharing.cgi", "cgi-bin/perl", "cgi-bin/php",
    "cgi-bin/php-cgi", "cgi-bin/php4", "cgi-bin/php5", "cgi-bin/popen.cgi", "cgi-bin/printenv", "cgi-bin/printenv.pl", "cgi-bin/rpc", "cgi-bin/sgi", "cgi-bin/sh",
    "cgi-bin/slogin", "cgi-bin/status", "cgi-bin/supportinstaller", "cgi-bin/system_mgr.cgi", "cgi-bin/test", "cgi-bin/test-cgi", "cgi-bin/test.cgi",
    "cgi-bin/user/config.cgi", "cgi-bin/viewcgi", "cgi-bin/vitogate.cgi", "cgi-bin/weblogin.cgi", "cgi-bin/welcome", "cgi/getnsconfig", "clockwork/app",
    "cluster/apps", "computemetadata/v1", "config/getuser", "console/css", "console/images", "console/login", "containers/json", "core/install.php", "crx/de",
    "crx/explorer", "ctrlt/deviceupgrade_1", "cvs/entries", "cvs/repository", "cvs/root", "debug/default", "debug/pprof", "debug/requests", "debug/vars",
    "debug/view", "device.rsp", "dfshealth.html", "downloader", "druid/index.html", "druid/indexer", "druid/login.html", "dynamic/instance-identity",
    "editor/filemanager", "em/console", "errors/local.xml", "esp/cms_changedevicecontext", "etc", "etc/designs", "examples/jsp", "examples/servlets",
    "filemanager/dialog.php", "flink/jars", "gateway/routes", "general/index/uploadfile", "geoserver/ows", "geoserver/web", "geoserver/wfs", "hazelcast",
    "healthz/poststarthook", "horde/imp", "horizon/api", "horizon/dashboard", "images/json", "install/index.php", "internal/v2/config", "invoker/ejb",
    "invoker/jmx", "invoker/readonly", "isapi/security", "jars/upload", "jenkins/asynchpeople", "jenkins/login", "jenkins/script", "js/fckeditor", "kafka-ui",
    "latest/meta-data", "latest/user-data", "lib/phpunit", "lib/vendor/phpunit", "libs/granite", "login.cgi", "logon/logonpoint", "manage/env", "manage/heapdump",
    "management/configprops", "management/env", "management/heapdump", "manager/html", "manager/jmxproxy", "manager/status", "manager/text", "metadata/instance",
    "metadata/v1", "metrics/cadvisor", "mgmt/shared", "mgmt/tm", "mifs/user", "mlflow/ajax-api", "nf/auth/doauthentication", "nmaplowercheck", "nmapuppercheck",
    "onvif/device_service", "oozie/v1", "opc/v1", "opc/v2", "pages/createpage", "perl/bin", "perl/lib", "php/login", "plugins/servlet/oauth", "pools/default",
    "portal/redlion", "powershell/", "proc", "psia/custom", "public/index.php/s", "rails/db", "rails/info", "remote/error", "remote/fgt_lang",
    "remote/hostcheck_validate", "remote/login", "remote/logincheck", "rest/id-pools", "rest/tinymce", "root/.", "rundeck/user", "runningpods", "s/_", "saas/api",
    "saas/auth", "sapi/debug", "scripts/iisadmin", "sdk/vimservice", "sdk/weblanguage", "sdk/webservice", "secure/contactadministrators", "secure/querycomponent",
    "service/extension/backup", "servicedesk/customer", "shell/cmd", "sites/all/libraries", "sites/default/default.settings", "sites/default/settings",
    "solr/admin", "solr/cores", "solr/select", "solr/update", "spark-history", "storage/framework", "storage/logs", "struts/utils.js", "sys", "sysaux",
    "system/console", "telescope/requests", "template/aui", "terminals/websocket", "thinkphp", "tree/terminals", "typo3/install", "ui/login.action", "upnpdev.xml",
    "usr/local", "v1.24/containers", "v1.24/images", "v1.25/containers", "v1.25/images", "v1.26/containers", "v1.26/images", "v1.27/containers", "v1.27/images",
    "v1.28/containers", "v1.28/images", "v1.29/containers", "v1.29/images", "v1.30/containers", "v1.30/images", "v1.31/containers", "v1.31/images",
    "v1.32/containers", "v1.32/images", "v1.33/containers", "v1.33/images", "v1.34/containers", "v1.34/images", "v1.35/containers", "v1.35/images",
    "v1.36/containers", "v1.36/images", "v1.37/containers", "v1.37/images", "v1.38/containers", "v1.38/images", "v1.39/containers", "v1.39/images",
    "v1.40/containers", "v1.40/images", "v1.41/containers", "v1.41/images", "v1.42/containers", "v1.42/images", "v1.43/containers", "v1.43/images",
    "v1.44/containers", "v1.44/images", "v1.45/containers", "v1.45/images", "v1.46/containers", "v1.46/images", "v1.47/containers", "v1.47/images",
    "v1.48/containers", "v1.48/images", "v1.49/containers", "v1.49/images", "v1.50/containers", "v1.50/images", "v1.51/containers", "v1.51/images", "v1/agent/self",
    "v1/kv", "v1/secret", "v1/sys", "v2/_catalog", "v2/keys", "var/export", "var/log", "vendor/autoload.php", "vendor/composer/installed.json",
    "vendor/laravel-filemanager", "vendor/phpunit", "vpn/../vpns", "vpn/index.html", "weaver/bsh", "webhdfs/v1", "webinterface/function", "webtools/control",
    "webui/logoutconfirm.html", "webui_wsma", "wg-clients", "wiki/pages/doenterpagevariables.action", "wp-content/backup-db", "wp-content/debug.log",
    "wp-content/plugins", "wp-content/uploads/backup", "wp-json/wp/v2/users", "ws/v1/cluster", "xmldata", "xui/common", "zeppelin/api", "zimbra/h",
];

/// What backups of whole sites and databases are called, before the ending of an archive.
#[rustfmt::skip]
pub(super) const BACKUPS: &[&str] = &[
    "admin", "application", "archive", "back", "backup", "backup-db", "backup_db", "backups", "bak", "bck", "bkp", "bkup", "code", "conf", "config", "customers",
    "data", "database", "databases", "db", "db-backup", "db_backup", "dbbackup", "dev", "development", "drupal", "dump", "dumps", "full", "fullbackup", "home",
    "htdocs", "html", "joomla", "localhost", "magento", "mongo", "mysql", "mysqldump", "old", "pgsql", "postgres", "private", "prod", "production", "public",
    "public_html", "root", "secret", "server", "site", "site-backup", "sitebackup", "sites", "source", "sourcecode", "sources", "sql", "sqlite", "src", "staging",
    "test", "users", "web", "website", "wordpress", "wp", "www", "wwwbackup", "wwwroot",
];

/// Endings of programs that servers run.
#[rustfmt::skip]
pub(super) const PROGRAMS: &[&str] = &[
    "php", "php5", "php7", "phtml", "phar", "asp", "aspx", "ashx", "jsp", "jspx", "cgi", "pl",
];

/// Endings of archives and of databases as a whole.
#[rustfmt::skip]
pub(super) const ARCHIVES: &[&str] = &[
    "zip", "rar", "7z", "tar", "tgz", "gz", "bz2", "tbz2", "xz", "txz", "lz", "lzma", "zst", "z", "war", "cab", "bak", "sql", "db", "mdb", "accdb", "sqlite",
    "sqlite3", "dump", "dmp",
];

/// The most frequent top-level domains.
#[rustfmt::skip]
pub(super) const DOMAINS: &[&str] = &[
    "at", "be", "biz", "br", "ch", "cn", "co", "com", "de", "dk", "es", "eu", "fr", "in", "info", "io", "it", "jp", "net", "nl", "org", "pl", "ru", "se", "uk",
    "us",
];

/// What applications call their settings, before the ending.
#[rustfmt::skip]
pub(super) const SETTINGS: &[&str] = &[
    "app-config", "app_config", "appconfig", "application", "appsettings", "config", "configs", "configuration", "conf", "conn", "connect", "connection",
    "connections", "constants", "credentials", "database", "db", "db-config", "db_config", "dbconfig", "env", "environment", "ftp", "global", "globals", "local",
    "mail-config", "mail_config", "parameters", "php", "redis", "secret", "secrets", "server-config", "settings", "setting", "sftp", "site-config", "smtp", "sql",
    "wp-config",
];

/// Endings of settings.
#[rustfmt::skip]
pub(super) const FORMATS: &[&str] = &[
    "asp", "aspx", "bak", "cfg", "cnf", "conf", "config", "db", "env", "inc", "ini", "json", "json5", "lua", "nu", "old", "php", "pl", "properties", "props", "py",
    "rb", "toml", "txt", "xml", "yaml", "yml",
];

/// Stems of settings that pages and programs have too, with a page's or a program's ending.
#[rustfmt::skip]
pub(super) const EVERYDAY: &[&str] = &[
    "global", "globals", "local", "environment", "php", "sql", "settings", "setting", "connect", "connection", "connections", "application", "constants",
];

/// What tells the settings of one environment from those of another.
#[rustfmt::skip]
pub(super) const ENVIRONMENTS: &[&str] = &[
    "dev", "develop", "development", "prod", "production", "test", "testing", "stage", "staging", "qa", "uat", "local", "sample", "example", "default", "dist",
    "old", "new", "backup", "bak", "orig", "original", "copy", "tmp", "temp", "save", "inc", "global", "docker", "live", "base", "main", "master", "private",
    "public", "secret", "release", "ci", "demo", "override", "user", "server", "php", "1", "2",
];

/// Hidden folders of gateways and platforms, which answer there for every site (Netlify, Azure, Ory, Pomerium, Anubis).
#[rustfmt::skip]
pub(super) const ENDPOINTS: &[&str] = &[
    ".well-known", ".netlify", ".auth", ".ory", ".pomerium", ".within.website",
];

/// Hidden names that are a format asked for by its ending (Firebase's REST interface, Rails).
#[rustfmt::skip]
pub(super) const SUFFIXES: &[&str] = &[
    ".json", ".jsonld", ".xml", ".html", ".htm", ".csv", ".rss", ".ics",
];

/// Endings of pictures and films.
#[rustfmt::skip]
pub(super) const PICTURES: &[&str] = &[
    ".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".svg", ".mp4",
];
