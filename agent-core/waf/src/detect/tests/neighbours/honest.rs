//! What people and programs send that looks like attacks.

use super::{Part, Texts};

/// What people and programs send.
#[rustfmt::skip]
pub(super) const HONEST: &[Texts] = &[
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
