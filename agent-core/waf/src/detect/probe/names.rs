//! Names of files, folders and pages that attackers ask for: what products call their secrets,
//! consoles and panels, from the products' own documentation and from published exploits. All are
//! in lower case, those that are searched by halves sorted.

/// Files that hold keys, passwords or settings, in any folder.
#[rustfmt::skip]
pub(super) const SECRETS: &[&str] = &[
    "access_log", "accesskeys.csv", "accesstokens.json", "accounts.xml", "acme.json", "alertmanager.yml", "ansible.cfg", "apache2.conf", "api_keys.json",
    "api_keys.txt", "apikeys.json", "app.config", "app.db", "appendonly.aof", "application-dev.yml", "application-prod.yml", "application.properties",
    "applicationcontext.xml", "applicationhost.config", "appsettings.development.json", "appsettings.production.json", "appsettings.staging.json", "auth.json",
    "authorized_keys", "aws-credentials", "aws.json", "aws.yaml", "aws.yml", "aws_credentials", "azureauth.json", "azureprofile.json", "backup-codes.txt",
    "backup.sh", "bash_history", "bootstrap.properties", "bootstrap.yml", "boto.cfg", "build.sh", "ca.key", "cable.yml", "caddyfile", "cert.key", "cert.pem",
    "claude_desktop_config.json", "client.key", "client.ovpn", "client.pem", "client_secret.json", "client_secrets.json", "cline_mcp_settings.json",
    "conexao.php", "confidential.txt", "config.inc.php", "config.local.php", "configuration.php-dist", "configuration.php.bak", "connection.inc.php",
    "connectionstrings.config", "context.xml", "credentials.csv", "credentials.db", "credentials.json", "credentials.txt", "credentials.xml",
    "credentials.yml.enc", "crontab", "crontab.txt", "database.inc.php", "database.rules.json", "datasources.xml", "db.inc.php", "db_connect.php",
    "dbconfig.php", "dbconnect.php", "dbeaver-data-sources.xml", "debug.keystore", "default.settings.php", "deploy.key", "deploy.rb", "deploy.sh", "deploy.yml",
    "deploy_key", "deployment-config.json", "docker-entrypoint.sh", "domain.key", "domain.xml", "dump.rdb", "ecosystem.config.js", "ehcache.xml",
    "elasticsearch.yml", "entrypoint.sh", "env.bak", "env.dev", "env.json", "env.local", "env.php", "env.prod", "env.production", "env.test", "env.txt",
    "error_log", "faces-config.xml", "fastcgi.conf", "filebeat.yml", "filezilla.xml", "firebase-adminsdk.json", "firebase.json", "firestore.rules",
    "ftp-sync.json", "ftp.config", "ftp.txt", "ftpconfig", "ftpsync.settings", "fullchain.pem", "gcloud.json", "gcp-credentials.json", "gcp.json", "gitlab.rb",
    "global.asa", "global.asax", "google-services.json", "googleservice-info.plist", "gradle.properties", "grafana.ini", "group_vars", "gunicorn.conf.py",
    "haproxy.cfg", "hibernate.cfg.xml", "host.key", "host_vars", "hosts.deny", "hosts.ini", "htaccess", "htaccess.bak", "htaccess.txt", "htpasswd",
    "htpasswd.bak", "htpasswd.txt", "httpd.conf", "id_dsa", "id_dsa.pub", "id_ecdsa", "id_ecdsa.pub", "id_ed25519", "id_ed25519.pub", "id_rsa", "id_rsa.pub",
    "id_rsa.txt", "initial_root_password", "interfaces", "inventory.ini", "jboss-web.xml", "jdbc.properties", "jetty.xml", "jwt.key", "jwt_private.pem",
    "key.pem", "keyfile.json", "keystore.jks", "keystore.p12", "kibana.yml", "knexfile.js", "known_hosts", "krb5.conf", "krb5.keytab", "kube.config",
    "kubeconfig", "kubeconfig.yaml", "kubeconfig.yml", "launchsettings.json", "ldap-authentication-report.csv", "ldap.conf", "lighttpd.conf", "listener.ora",
    "local.settings.json", "local.xml", "local_settings.py", "localhost.key", "localsettings.php", "log4j.properties", "log4j2.xml", "logback.xml",
    "logstash.conf", "machine.config", "main.tf", "master.key", "master.key.enc", "masterkey", "mcp.json", "mongod.conf", "mongodb.conf", "mongoid.yml",
    "my.cnf", "my.cnf.bak", "my.ini", "mysqldump.cnf", "named.conf", "new_user_credentials.csv", "newrelic.ini", "newrelic.yml", "nginx.conf", "nohup.out",
    "ntds.dit", "nuget.config", "oauth-private.key", "oauth-public.key", "openvpn.conf", "ormconfig.json", "parameters.ini", "parameters.php", "parameters.yml",
    "pass.txt", "passwd.txt", "password.txt", "passwords.csv", "passwords.txt", "passwords.xlsx", "persistence.xml", "pg_hba.conf", "pgpass.conf", "phinx.php",
    "phinx.yml", "php-fpm.conf", "php.ini", "php5.ini", "playbook.yml", "postgresql.conf", "private.key", "private.pem", "private_key.pem", "privatekey.pem",
    "privkey.pem", "production.key", "proftpd.conf", "proftpdpasswd", "prometheus.yml", "pubring.gpg", "pure-ftpd.conf", "rabbitmq.conf", "rclone.conf",
    "recentservers.xml", "recovery-codes.txt", "redis.conf", "release.keystore", "restart.sh", "rootkey.csv", "routes.rb", "rsyncd.conf", "run.sh", "s3cfg",
    "sam.bak", "sam.hive", "schema.prisma", "schema.rb", "secret.json", "secret.key", "secret.txt", "secret_token.rb", "secrets.json", "secrets.toml",
    "secrets.txt", "secrets.yaml", "secrets.yml", "secring.gpg", "seeds.rb", "sequelize.json", "server.key", "server.pem", "server.xml",
    "service-account-key.json", "service-account.json", "service_account.json", "serviceaccount.json", "serviceaccountkey.json", "settings.inc.php",
    "settings.local.php", "sftp-config.json", "sftp.json", "sidekiq.yml", "sitelist.xml", "sitemanager.xml", "slapd.conf", "smb.conf", "sql.txt", "sqlite.db",
    "sqlnet.ora", "squid.conf", "ssh_config", "sshd_config", "ssl.key", "standalone.xml", "start.sh", "startup.sh", "storage.rules", "storage.yml",
    "struts-config.xml", "struts.xml", "supervisord.conf", "sysprep.inf", "sysprep.xml", "terraform.tfstate", "terraform.tfstate.backup", "terraform.tfvars",
    "tnsnames.ora", "token.json", "token.txt", "tokens.json", "tomcat-users.xml", "traefik.toml", "traefik.yml", "trustdb.gpg", "truststore.jks",
    "unattend.xml", "user.ini", "user_secrets.yml", "users.sql", "users.txt", "uwsgi.ini", "variables.tf", "vault.json", "vault.yml", "vault_pass.txt",
    "ventrilo_srv.ini", "vsftpd.conf", "wallet.dat", "wcx_ftp.ini", "web.config", "web.config.txt", "web.debug.config", "web.release.config", "web.xml",
    "weblogic.xml", "wg0.conf", "wildcard.key", "winscp.ini", "wp-config-sample.php", "wp-config.bak", "wp-config.php", "wp-config.php.bak", "wp-config.txt",
    "wpa_supplicant.conf", "ws_ftp.ini", "ws_ftp.log", "www.key",
];

/// Files of source trees that say what an application is made of, at the root or one folder below.
#[rustfmt::skip]
pub(super) const MANIFESTS: &[&str] = &[
    "agents.md", "androidmanifest.xml", "angular.json", "app.json", "app.py", "app.yaml", "appspec.yml", "appveyor.yml", "artisan", "astro.config.mjs",
    "azure-pipelines.yml", "babel.config.js", "behat.yml", "biome.json", "bitbucket-pipelines.yaml", "bitbucket-pipelines.yml", "bower.json", "brewfile",
    "buf.yaml", "build.bazel", "build.gradle", "build.gradle.kts", "build.sbt", "build.xml", "build.zig", "build.zig.zon", "buildspec.yml", "bun.lockb",
    "bunfig.toml", "capacitor.config.json", "capfile", "cargo.lock", "cargo.toml", "cartfile", "chart.yaml", "circle.yml", "claude.md", "cloudbuild.yaml",
    "cmakelists.txt", "codeception.yml", "codecov.yml", "compose.yaml", "compose.yml", "composer.json", "composer.lock", "composer.phar", "conda.yaml",
    "configure.ac", "copilot-instructions.md", "cypress.config.js", "cypress.json", "default.nix", "deno.json", "deno.lock", "dependabot.yml", "desktop.ini",
    "docker-compose.yaml", "docker-compose.yml", "docker-stack.yml", "dockerfile", "docusaurus.config.js", "earthfile", "environment.yml", "fabfile.py",
    "fastfile", "firebase.json", "flake.nix", "fly.toml", "foundry.toml", "gatsby-config.js", "gemfile", "gemfile.lock", "gemini.md", "glide.lock", "go.mod",
    "go.sum", "go.work", "gopkg.lock", "gopkg.toml", "gradlew", "gruntfile.coffee", "gruntfile.js", "guardfile", "gulpfile.js", "hardhat.config.js",
    "helmfile.yaml", "heroku.yml", "infection.json", "info.plist", "ionic.config.json", "ivy.xml", "jenkinsfile", "jest.config.js", "jsconfig.json", "justfile",
    "karma.conf.js", "kustomization.yaml", "lefthook.yml", "lerna.json", "main.go", "main.py", "makefile", "makefile.am", "manage.py", "meson.build",
    "metro.config.js", "mix.exs", "mix.lock", "mkdocs.yml", "mypy.ini", "nb-configuration.xml", "netlify.toml", "next.config.js", "now.json",
    "npm-shrinkwrap.json", "nuxt.config.js", "nuxt.config.ts", "nx.json", "package-lock.json", "package.json", "package.swift", "package.yaml",
    "packages.config", "paket.lock", "parameters.yml.dist", "pdm.lock", "phpcs.xml", "phpcs.xml.dist", "phpstan.neon", "phpstan.neon.dist", "phpunit.xml",
    "phpunit.xml.dist", "pipfile", "pipfile.lock", "playwright.config.ts", "pnpm-lock.yaml", "pnpm-workspace.yaml", "podfile", "podfile.lock", "poetry.lock",
    "poetry.toml", "pom.xml", "postcss.config.js", "procfile", "project.clj", "project.json", "protractor.conf.js", "psalm.xml", "pubspec.lock", "pubspec.yaml",
    "pylintrc", "pyproject.toml", "pytest.ini", "rakefile", "rebar.config", "remix.config.js", "render.yaml", "renovate.json", "requirements-dev.txt",
    "requirements.txt", "rollup.config.js", "ruff.toml", "rush.json", "samconfig.toml", "serverless.yaml", "serverless.yml", "settings.gradle", "setup.cfg",
    "setup.py", "shell.nix", "skaffold.yaml", "sonar-project.properties", "stack.yaml", "svelte.config.js", "symfony.lock", "tailwind.config.js",
    "taskfile.yml", "thumbs.db", "tiltfile", "tox.ini", "truffle.js", "tsconfig.json", "tslint.json", "turbo.json", "typings.json", "uv.lock", "vagrantfile",
    "values.yaml", "vercel.json", "vite.config.js", "vite.config.ts", "vue.config.js", "webpack.config.js", "webpack.config.ts", "webpack.mix.js",
    "wrangler.toml", "wsgi.py", "yarn.lock",
];

/// Pages for debugging, set-up and administration of well-known software, and files that exploits
/// ask for, in any folder.
#[rustfmt::skip]
pub(super) const PAGES: &[&str] = &[
    "admin.dll", "adminer.php", "administrator.cfm", "antak.aspx", "apc.php", "app_dev.php", "app_test.php", "apply.cgi", "apply_sec.cgi", "aspxspy.aspx",
    "author.dll", "azenv.php", "backend_dev.php", "bigdump.php", "board.cgi", "caidao.php", "catalog.nsf", "cf_scripts", "changelog.php", "clients_live.php",
    "cmd.jsp", "cmdasp.asp", "cmdasp.aspx", "connector.minimal.php", "createpage-entervariables.action", "crossdomain.bak", "currentsetting.htm", "dbadmin.php",
    "debug.php", "dialoghandler.aspx", "dnnwebservice.asmx", "doenterpagevariables.action", "domcfg.nsf", "domlog.nsf", "dumpenv.pl", "elmah.axd", "env.cgi",
    "eval-stdin.php", "events4.nsf", "fpcount.exe", "frontend_dev.php", "glimpse.axd", "hndunblock.cgi", "homepage.nsf", "htmlawedtest.php", "htmlpurifier.php",
    "hystrix.stream", "iisstart.htm", "imce", "index.cfm.bak", "index_dev.php", "info.php", "infophp.php", "infos.php", "install.php", "installer.php",
    "installservice.aspx", "installwizard.aspx", "isqlplus", "jmxproxy", "jspspy.jsp", "license.php", "login_handler.php", "login_sid.lua", "magmi.php",
    "magmi_import_run.php", "memcache.php", "memcached.php", "moadmin.php", "my.policy", "mysql.php", "mysqladmin.php", "mysqlbackup.php", "mysqldumper.php",
    "names.nsf", "old_phpinfo.php", "opcache-gui.php", "opcache.php", "php-info.php", "php.php", "php_info.php", "phpinfo.php", "phpinfos.php",
    "phpminiadmin.php", "phpmoadmin.php", "phptest.php", "phpversion.php", "pi.php", "picsdesc.xml", "pinfo.php", "printenv.tmp", "probe.jsp",
    "proxychecker.php", "readme.php", "routes.axd", "server-info.action", "session_login.cgi", "setup-config.php", "setup.cgi", "setup.nsf", "setup.php",
    "setupadministrator.action", "shell.jsp", "shtml.exe", "sitecore.version.xml", "snoop.jsp", "snoopservlet", "sql.php", "sqlbuddy.php", "startupcheck.aspx",
    "statrep.nsf", "status.xsl", "stm.cgi", "syscmd.asp", "syscmd.htm", "system_api.php", "telerik.web.ui.dialoghandler.aspx", "telerik.web.ui.webresource.axd",
    "test.cgi", "test.jsp", "test.php", "test1.php", "test2.php", "testproxy.php", "timthumb.php", "tmunblock.cgi", "trace.axd", "turbine.stream",
    "upgrade.php", "upload.action", "utils.cfc", "viewcert.cgi", "viewlog.asp", "wanipcn.xml", "webadmin.nsf", "webdb.php", "webvpn.html", "wlwmanifest.xml",
    "wp-activate.php", "wp-blog-header.php", "wp-comments-post.php", "wp-cron.php", "wp-links-opml.php", "wp-load.php", "wp-login.php", "wp-mail.php",
    "wp-register.php", "wp-settings.php", "wp-signup.php", "wp-trackback.php", "xmlrpc.php",
];

/// Names of web shells and of the tools that come with them, without the ending of a program.
#[rustfmt::skip]
pub(super) const SHELLS: &[&str] = &[
    "0byte", "1337", "adminer", "ajaxshell", "alfa", "alfa-rex", "alfa4", "alfanew", "alfashell", "alfav4", "an0n", "anonsec", "anonymousfox", "antichat",
    "antsword", "aspshell", "aspxshell", "aspxspy", "aspydrv", "b0y", "b374k", "backdoor", "behinder", "byp", "bypas", "bypass", "bypass1", "bypass403", "c100",
    "c100shell", "c37", "c99", "c99shell", "caidao", "china", "chopper", "chosen", "cmd", "cmd1", "cmdasp", "cmdjsp", "cmdshell", "config_grabber", "cong",
    "console", "cpg", "cybershell", "devilzshell", "dhanush", "eval", "exec", "exploit", "filemanager", "fm", "fox", "fox1", "fw", "gaza", "gel4y", "hack",
    "hacked", "hacker", "haxor", "indoshell", "indoxploit", "ironshell", "jfolder", "jspshell", "jspspy", "jspx_shell", "knull", "kral", "laudanum", "leaf",
    "leafmailer", "lock360", "locus", "locus7", "madspot", "mailer", "marijuana", "massdeface", "mini", "mini-shell", "minishell", "moon", "nexpl0rer",
    "nstview", "ntdaddy", "p0wny", "p0wny-shell", "php-reverse-shell", "phpreverseshell", "phpspy", "priv8", "pwn", "pwned", "pwnkit", "r00t", "r57",
    "r57shell", "radio", "rebeyond", "remexp", "reverse", "reverse-shell", "reverse_shell", "revshell", "root", "rootkit", "rootshell", "sh", "sh3ll", "sh3llx",
    "shell", "shell1", "shell2", "shell20211028", "shell3", "shell4", "shell5", "shellx", "shl", "simple-backdoor", "simshell", "smevk", "spy", "sym",
    "symlink", "symlink1", "terminal", "tinyfilemanager", "tryag", "tunnel", "up", "up1", "upl", "upl0ad", "upload_shell", "uploader", "uploader1", "uploads1",
    "webadmin_shell", "webshell", "weevely", "weevely3", "wp-2019", "wp-22", "wp-shell", "wpshell", "wso", "wso112233", "wso2", "wso25", "wsoyanz", "xleet",
    "xx", "xxx", "zehir4", "zone-h",
];

/// Folders of panels, consoles and appliances, at the root or one folder below.
#[rustfmt::skip]
pub(super) const FOLDERS: &[&str] = &[
    "+cscoe+", "+cscot+", "+cscou+", "__clockwork", "__debug__", "_async", "_cat", "_cluster", "_darcs", "_debugbar", "_fragment", "_ignition", "_layouts",
    "_nodes", "_plugin", "_profiler", "_snapshot", "_vti_bin", "_vti_cnf", "_vti_pvt", "_wdt", "_wpeprivate", "admin-console", "adminer", "adminer-master",
    "ai1wm-backups", "alfa_data", "alfacgiapi", "app_browsers", "app_code", "app_data", "app_globalresources", "artifactory-admin", "aspnet_client",
    "asynchpeople", "autoconfig", "autodiscover", "awstats", "axis-media", "axis-soap", "axis2", "axis2-admin", "backupbuddy_backups", "balancer-manager",
    "bea_wls9_async_response", "bea_wls_cluster_internal", "bea_wls_deployment_internal", "bea_wls_internal", "bitkeeper", "boaform", "boafrm", "cacti",
    "centreon", "cfide", "cfusionmx", "cgi-bin2", "cgi-mod", "cgialfa", "cisco-admin", "citrix_gateway", "ckfinder", "coldfusion", "consolehelp", "cpanel",
    "cxf-servlets", "dana-admin", "dana-cached", "dana-na", "dana-ws", "dbadmin", "dbgate", "debugbar", "dede", "dedecms", "descriptorbyname", "directadmin",
    "doc-hikvision", "dotnetnuke", "druid-admin", "dup-installer", "dvr-admin", "ecp", "ejbinvokerservlet", "elfinder", "elmah", "evox", "ewebeditor", "ews",
    "fckeditor", "flex2gateway", "flower-admin", "formlogin", "forticlient", "fortigate", "fpm-status", "froxlor", "ganglia", "geonetwork", "gitblit_admin",
    "gitea-admin", "global-protect", "goahead", "goform", "gponform", "group_vars", "h2-console", "hadoop_yarn", "hawtio", "hawtio-web", "hikvision", "hnap1",
    "host-manager", "host_vars", "hudson", "hudson-ci", "icingaweb2", "idm-console", "iisadmin", "iisadmpwd", "invokerservlet", "ip_camera", "ipcam",
    "ispconfig", "ispirit", "jboss-net", "jbossws", "jeecg-boot", "jenkins", "jenkinselj", "jk-status", "jkstatus", "jminix", "jmx-console",
    "jmxinvokerservlet", "jolokia", "jolokia-war", "jquery-file-upload", "kcfinder", "kibana", "kindeditor", "ldapadmin", "level_15_exec", "librenms",
    "logfile", "lucee", "magento_version", "mamp", "mapi", "memadmin", "memcache-admin", "meta-inf", "microsoft-server-activesync", "mifs", "mikrotik_admin",
    "mobileiron", "mongo-express", "msadc", "munin", "myadmin", "mysql-admin", "mysqladmin", "mysqldump", "mysqldumper", "nacos", "nagios", "nagiosxi",
    "nbproject", "nexus-admin", "nf_auth", "nginx_status", "nmaplowercheck", "nmapuppercheck", "oa_cgi", "oa_html", "oa_java", "oab", "observium", "onvif",
    "onvif-http", "opcache-gui", "openam", "openfire-admin", "opensso", "owa", "pgadmin", "pgadmin4", "pgweb", "phabricator-admin", "php-fpm", "php-fpm-status",
    "php-my-admin", "php-status", "phpcms", "phpdbadmin", "phpinfo", "phpldapadmin", "phpliteadmin", "phpmemcachedadmin", "phpmy-admin", "phpmyadmin",
    "phpmyadmin2", "phpmyadmin3", "phpmyadmin4", "phppgadmin", "phpredisadmin", "phpredmin", "phpsecinfo", "phpsysinfo", "phpunit", "plesk", "plupload", "pma",
    "pma2", "psia", "pulse-secure", "rabbitmq-admin", "railo-context", "rainloop", "rdweb", "redis-commander", "redisadmin", "remote_fgt", "remote_help",
    "rockmongo", "roundcubemail", "routeros", "ruoyi", "scgi-bin", "scripttext", "sdwan", "securityrealm", "seeyon", "server-info", "server-status", "sitecore",
    "solr", "sonarqube-admin", "sonicui", "sonicwall", "sqladmin", "sqlbuddy", "sqlite-manager", "sqlitemanager", "sqlweb", "squirrelmail", "ssl-vpn", "sslvpn",
    "sslvpn_websession", "sslvpnclient", "stalker_portal", "struts-examples", "struts2-blank", "struts2-rest-showcase", "struts2-showcase", "stub_status",
    "teamcity-admin", "thinkcmf", "tmui", "tomcat-manager", "tongda", "tsweb", "typo3conf", "ubnt", "uddiexplorer", "ueditor", "ui_vsphere", "umbraco",
    "updraft", "uploadify", "usermin", "vestacp", "vpns", "vropspluginui", "vsphere-client", "wamp", "web-console", "web-inf", "webalizer", "webdav_old",
    "webdb", "webmin", "websql", "websso", "whm", "whmcs_bak", "winbox", "wls-cat", "wls-wsat", "wp-admin", "wp-clone-temp", "wp-content-backup", "wp-includes",
    "wp-snapshots", "xampp", "xfire", "xxl-job-admin", "yarn-cluster", "zabbix", "zimbraadmin", "zpanel",
];

/// Beginnings of paths that only a product has, or an exploit for it, from the root.
#[rustfmt::skip]
pub(super) const ROOTS: &[&str] = &[
    "@fs", "@id", "_all/_search", "_all_dbs", "_async/asyncresponseservice", "_config", "_ignition/execute-solution", "_layouts/15/spinstall0.aspx",
    "_layouts/15/toolpane.aspx", "_search", "_session/admin", "_users/_all_docs", "_utils", "_vti_bin/lists.asmx", "_vti_pvt/administrators.pwd",
    "_vti_pvt/service.pwd", "admin/ckeditor", "admin/fckeditor", "admin/jquery-file-upload/server/php", "administrator/backups", "administrator/components",
    "administrator/index.php", "administrator/logs", "administrator/manifests", "airflow/admin", "airflow/login", "ajax-api/2.0/mlflow", "ajax/networkdiag",
    "anaconda", "anaconda2", "anaconda3", "analytics/ceip", "analytics/telemetry/ph", "apex/apex_util", "api/2.0/mlflow", "api/jmeter", "api/jsonws/invoke",
    "api/kernels", "api/settings/values", "api/swis", "api/v1/license/keys-status", "api/v1/namespaces", "api/v1/namespaces/kube-system", "api/v1/nodes",
    "api/v1/pods", "api/v1/secrets", "api/v1/totp/user-backup-code", "api/v2.0/cmdb", "api/v2/cmdb", "api/v2/cmdb/system", "api/v2/ping/admin",
    "api/v4/projects/import", "apis/apps", "apis/apps/v1", "apis/batch/v1", "apis/rbac.authorization.k8s.io", "app/etc", "app/kibana", "app/rest/debug",
    "apps/zxtm", "assets/elfinder", "assets/global/plugins/jquery-file-upload/server/php", "autodiscover/autodiscover.json", "axis-cgi", "axis-cgi/jpg",
    "bin/get/main/solrsearch", "bin/querybuilder", "bitrix/admin", "bootstrap/cache", "cacti/remote_agent.php", "catalog-portal/ui", "catalog-portal/ui/oauth",
    "centreon/api", "cf_scripts/scripts", "cfide/adminapi", "cfide/componentutils", "cgi-bin/account_mgr.cgi", "cgi-bin/admin.cgi", "cgi-bin/authlogin.cgi",
    "cgi-bin/awstats.pl", "cgi-bin/backup", "cgi-bin/bash", "cgi-bin/config.exp", "cgi-bin/cstecgi.cgi", "cgi-bin/cvename", "cgi-bin/dologin",
    "cgi-bin/downloadcfg", "cgi-bin/downloadflile.cgi", "cgi-bin/export", "cgi-bin/export_debug_msg.exp", "cgi-bin/file_transfer.cgi", "cgi-bin/formmail.pl",
    "cgi-bin/fup.cgi", "cgi-bin/gethostinfo", "cgi-bin/hi3510", "cgi-bin/hotspotlogin.cgi", "cgi-bin/info2.cgi", "cgi-bin/jarrewrite.sh", "cgi-bin/kerbynet",
    "cgi-bin/loadpage.cgi", "cgi-bin/login.cgi", "cgi-bin/luci", "cgi-bin/magicbox.cgi", "cgi-bin/mainfunction.cgi", "cgi-bin/makerequest.cgi",
    "cgi-bin/nas_sharing.cgi", "cgi-bin/network_mgr.cgi", "cgi-bin/nobody", "cgi-bin/param.cgi", "cgi-bin/perl", "cgi-bin/php", "cgi-bin/php-cgi",
    "cgi-bin/php-cgi.exe", "cgi-bin/php4", "cgi-bin/php5", "cgi-bin/ping.cgi", "cgi-bin/popen.cgi", "cgi-bin/printenv", "cgi-bin/printenv.pl", "cgi-bin/rftest",
    "cgi-bin/rpc", "cgi-bin/sgi", "cgi-bin/sh", "cgi-bin/slogin", "cgi-bin/snapshot.cgi", "cgi-bin/status", "cgi-bin/supervisor", "cgi-bin/supportinstaller",
    "cgi-bin/system_mgr.cgi", "cgi-bin/test", "cgi-bin/test-cgi", "cgi-bin/test.cgi", "cgi-bin/tsaupload.cgi", "cgi-bin/tsaws.cgi", "cgi-bin/upload.cgi",
    "cgi-bin/user.cgi", "cgi-bin/user/config.cgi", "cgi-bin/viewcgi", "cgi-bin/viewlog.asp", "cgi-bin/vitogate.cgi", "cgi-bin/webcm", "cgi-bin/weblogin.cgi",
    "cgi-bin/webproc", "cgi-bin/welcome", "cgi-bin/wlogin.cgi", "cgi/getnsconfig", "citrix/storeweb", "citrix/xenapp", "ckeditor/ckfinder", "clockwork/app",
    "cluster/apps", "cluster/cluster.jsp", "computemetadata/v1", "computer/(master)", "config/getuser", "connectwise/services", "console/css", "console/images",
    "console/images/%252e%252e", "console/j_security_check", "console/login", "containers/json", "core/install.php", "crushftp/webinterface", "crx/de",
    "crx/explorer", "ctc/servlet", "ctl/ipconn", "ctrlt/deviceupgrade", "ctrlt/deviceupgrade_1", "cvs/entries", "cvs/repository", "cvs/root", "dana-na/auth",
    "dana-na/nc", "dana/html5acc", "debug/default", "debug/pprof", "debug/pprof/goroutine", "debug/pprof/heap", "debug/requests", "debug/vars", "debug/view",
    "dede/index.php", "defaultroot/officeserverservlet", "descriptorbyname/org.jenkinsci.plugins", "device.rsp", "dfshealth.html", "downloader",
    "druid/index.html", "druid/indexer", "druid/login.html", "dynamic/instance-identity", "e/admin", "ecp/default.flt", "editor/filemanager", "editor/ueditor",
    "elfinder/connectors", "elfinder/php", "em/console", "em/faces", "errors/local.xml", "esp/cms_changedevicecontext", "etc", "etc/designs",
    "ews/exchange.asmx", "examples/jsp", "examples/servlets", "exec/kube-system", "filemanager/dialog.php", "filemanager/upload.php", "flex2gateway/http",
    "flink/jars", "forms/lservlet", "gateway/routes", "general/data_center", "general/index/uploadfile", "general/login_code.php", "geonetwork/srv/api",
    "geoserver/gwc", "geoserver/ows", "geoserver/rest", "geoserver/web", "geoserver/wfs", "gitblit/resources", "gitea/install", "gitlab/users/sign_in",
    "global-protect/portal", "gogs/install", "gsb/datetime.php", "guestaccess.aspx", "hax/..cfide", "hazelcast", "healthz/poststarthook", "horde/imp",
    "horde/util/barcode.php", "horizon/api", "horizon/dashboard", "hudson/script", "iisadmpwd/achg.htr", "images/json", "index.php/module/action/param1",
    "install/index.php", "internal/v2/config", "invoker/ejb", "invoker/jmx", "invoker/jmxinvokerservlet", "invoker/readonly", "irj/portal", "irj/servlet",
    "isapi/security", "isapi/security/users", "isapi/system/deviceinfo", "ispirit/im/upload.php", "ispirit/interface/gateway.php", "jars/upload",
    "jenkins/asynchpeople", "jenkins/computer", "jenkins/descriptorbyname", "jenkins/login", "jenkins/manage", "jenkins/script", "jenkins/securityrealm",
    "jmx-console/htmladaptor", "js/fckeditor", "js/magpleasure", "kafka-ui", "kindeditor/asp.net/upload_json.ashx", "kindeditor/php/upload_json.php",
    "laravel-filemanager/upload", "latest/meta-data", "latest/user-data", "level/15/exec", "lib/magento-sample", "lib/phpunit", "lib/vendor/phpunit",
    "libs/granite", "login.cgi", "logon/logonpoint", "logs/kube-apiserver", "lucee/admin", "mac/gateway.php", "magmi/web", "manage/env", "manage/heapdump",
    "management/configprops", "management/env", "management/heapdump", "manager/html", "manager/jmxproxy", "manager/status", "manager/text",
    "mantisbt/verify.php", "mapi/nspi", "messagebroker/amf", "metadata/instance", "metadata/v1", "metrics/cadvisor", "mgmt/shared", "mgmt/tm", "mgmt/tm/access",
    "mifs/aad", "mifs/c", "mifs/rs", "mifs/services", "mifs/user", "mlflow/ajax-api", "mobileiron/mics", "modules/autoupgrade", "modules/columnadverts",
    "modules/jmsslider", "moveitisapi/moveitisapi.dll", "msadc/msadcs.dll", "nacos/v1/auth", "nacos/v1/console", "nacos/v1/cs", "nagiosxi/admin",
    "nccloud/resources", "nf/auth/doauthentication", "nitro/v1/config", "nmaplowercheck", "nmapuppercheck", "oa_cgi/fndwrr.exe", "oa_html/bispgraph.jsp",
    "oa_html/jsp", "oab/oab.xml", "onvif/device_service", "oozie/v1", "opc/v1", "opc/v2", "opennms/login.jsp", "orion/login.aspx", "owa/auth",
    "pages/createpage", "perl/bin", "perl/lib", "php/login", "php/server/util.php", "php/utils", "phpcms/modules", "picsdesc.xml",
    "plugins/jquery-file-upload/server/php", "plugins/servlet/oauth", "plus/download.php", "plus/recommend.php", "pools/default", "portal/redlion",
    "powershell/", "proc", "psc/ps", "psia/custom", "psp/ps", "pub/media/import", "public/index.php/index/think", "public/index.php/s", "public/storage/logs",
    "railo-context/admin", "rails/db", "rails/info", "rdweb/pages", "remote/error", "remote/fgt_lang", "remote/hostcheck_validate", "remote/login",
    "remote/logincheck", "remoteapp/feed", "reports/rwservlet", "rest/id-pools", "rest/tinymce", "rest/vcenter", "rom-0", "root/.", "roundcube/bin",
    "roundcube/installer", "roundcube/logs", "rpc2", "run/kube-system", "rundeck/user", "runningpods", "s/_", "saas/api", "saas/auth", "sap/bc", "sap/opu",
    "sap/public", "sapi/debug", "screenconnect/setupwizard.aspx", "scripts/..%255c", "scripts/iisadmin", "sdk/vimservice", "sdk/vimservice.wsdl",
    "sdk/weblanguage", "sdk/webservice", "secure/contactadministrators", "secure/querycomponent", "securityrealm/user", "seeyon/ajax.do",
    "seeyon/thirdpartycontroller.do", "server/php", "service/extension/backup", "service/extension/backup/mboximport", "servicedesk/customer", "servlet/~ic",
    "setup/eureka_info", "setupwizard.aspx", "shell/cmd", "sites/all/libraries", "sites/default/default.settings", "sites/default/settings", "skin/adminhtml",
    "sld/dsr", "solarwinds/informationservice", "solr/admin", "solr/admin/collections", "solr/admin/cores", "solr/admin/info", "solr/cores", "solr/select",
    "solr/update", "spark-history", "ssl-vpn/getconfig.esp", "ssl-vpn/hipreport.esp", "storage/framework", "storage/framework/sessions", "storage/logs",
    "streaming/channels", "struts/utils.js", "sys", "sysaux", "system/configurationfile", "system/console", "teamcity/app/rest", "telescope/requests",
    "template/aui", "terminals/websocket", "thinkphp", "thinkphp/library", "tr064dev.xml", "trace.axd", "tree/terminals", "trufusionportal/getprojectlist",
    "typo3/install", "uapws/service", "uddiexplorer/searchpublicregistries.jsp", "ueditor/net/controller.ashx", "ueditor/php/controller.php", "ui/h5-vsan",
    "ui/login.action", "ui/vropspluginui", "upnp/control/wanipconn1", "upnpdev.xml", "usr/local", "v1.24/containers", "v1.24/images", "v1.25/containers",
    "v1.25/images", "v1.26/containers", "v1.26/images", "v1.27/containers", "v1.27/images", "v1.28/containers", "v1.28/images", "v1.29/containers",
    "v1.29/images", "v1.30/containers", "v1.30/images", "v1.31/containers", "v1.31/images", "v1.32/containers", "v1.32/images", "v1.33/containers",
    "v1.33/images", "v1.34/containers", "v1.34/images", "v1.35/containers", "v1.35/images", "v1.36/containers", "v1.36/images", "v1.37/containers",
    "v1.37/images", "v1.38/containers", "v1.38/images", "v1.39/containers", "v1.39/images", "v1.40/containers", "v1.40/images", "v1.41/containers",
    "v1.41/images", "v1.42/containers", "v1.42/images", "v1.43/containers", "v1.43/images", "v1.44/containers", "v1.44/images", "v1.45/containers",
    "v1.45/images", "v1.46/containers", "v1.46/images", "v1.47/containers", "v1.47/images", "v1.48/containers", "v1.48/images", "v1.49/containers",
    "v1.49/images", "v1.50/containers", "v1.50/images", "v1.51/containers", "v1.51/images", "v1/agent/members", "v1/agent/self", "v1/catalog/services", "v1/kv",
    "v1/secret", "v1/sys", "v1/sys/init", "v1/sys/seal-status", "v2/_catalog", "v2/keys", "v3/kv/range", "var/backups", "var/export", "var/log",
    "vcac/services", "vendor/autoload.php", "vendor/bin", "vendor/composer/installed.json", "vendor/htmlawed", "vendor/laravel-filemanager", "vendor/phpmailer",
    "vendor/phpunit", "vendor/phpunit/phpunit", "vpn/../vpns", "vpn/index.html", "vpn/tmindex.html", "wanipcn.xml", "weaver/bsh", "weaver/ecology",
    "weaver/weaver.common.controller.servlet.action", "web-console/serverinfo.jsp", "webdynpro/dispatcher", "webhdfs/v1", "webinterface/function",
    "webmail/installer", "websso/saml2", "webtools/control", "webui/logoutconfirm.html", "webui_wsma", "wg-clients", "wiki/pages/doenterpagevariables.action",
    "wls-wsat/registrationporttyperpc", "wp-admin/admin-ajax.php.bak", "wp-admin/css/colors/blue/index.php", "wp-admin/maint", "wp-content/backup-db",
    "wp-content/backups", "wp-content/cache/db", "wp-content/debug.log", "wp-content/mu-plugins/test-mu-plugin.php", "wp-content/plugins",
    "wp-content/plugins/hellopress", "wp-content/updraft", "wp-content/uploads/backup", "wp-content/uploads/dump.sql", "wp-content/wflogs",
    "wp-json/wp/v2/users", "ws/v1/cluster", "ws_utils/cfide", "xmldata", "xmlpserver/servlet", "xui/common", "xwiki/bin/get/main/solrsearch", "yyoa/common",
    "yyoa/ext", "zabbix/index_sso.php", "zabbix/jsrpc.php", "zeppelin/api", "zimbra/h", "zimbraadmin/public",
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
    "app-config", "app_config", "appconfig", "application", "appsettings", "config", "configs", "configuration", "conf", "config_parsed", "conn", "connect", "connection",
    "connections", "constants", "credentials", "database", "databases", "db", "db-config", "db_config", "dbconfig", "env", "environment", "ftp", "global", "globals", "local",
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

/// Hidden folders of gateways and platforms, which answer there for every site (Netlify, Azure,
/// Ory, Pomerium, Anubis).
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

/// Where programs look for what a host may have, by the first name of the path: mail clients for
/// settings and mailboxes (MS-OXDISCO, MS-ASHTTP, Exchange Web Services, Thunderbird's autoconfig),
/// Office for WebDAV, resolvers (RFC 8484), monitors for the state of a server.
pub(super) const FOLDERS_OF_SOFTWARE: [&str; 17] = [
    "_vti_bin",
    "_vti_inf.html",
    "autoconfig",
    "autodiscover",
    "basic_status",
    "dns-query",
    "ews",
    "mapi",
    "metrics",
    "microsoft-server-activesync",
    "nginx_status",
    "oab",
    "owa",
    "prometheus",
    "rpc",
    "server-status",
    "stub_status",
];

/// What file managers look for in every folder, by the last name of the path.
pub(super) const FILES_OF_SOFTWARE: [&str; 4] = [".ds_store", ".hidden", "desktop.ini", "thumbs.db"];
